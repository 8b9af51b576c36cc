/* snn_i16s on AVX2; see snn/vec/i16.h for what each function means. */
#ifndef SNN_VEC_I16_AVX2_H
#define SNN_VEC_I16_AVX2_H

#include "snn/types.h"
#include "snn/vec/fold_x86.h"

#include <immintrin.h>

#define SNN_I16_NAME "avx2"
#define SNN_I16_SIMD 1
#define SNN_I16_LANES 16
typedef __m256i snn_i16s;

SNN_KERNEL snn_i16s snn_i16s_zero(void) {
    return _mm256_setzero_si256();
}

SNN_KERNEL snn_i16s snn_i16s_all(int value) {
    return _mm256_set1_epi16((short)value);
}

SNN_KERNEL snn_i16s snn_i16s_load(const int16_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

SNN_KERNEL void snn_i16s_store(int16_t *p, snn_i16s a) {
    _mm256_storeu_si256((__m256i *)(void *)p, a);
}

SNN_KERNEL snn_i16s snn_i16s_widen(const int8_t *p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}

SNN_KERNEL snn_i16s snn_i16s_add(snn_i16s a, snn_i16s b) {
    return _mm256_add_epi16(a, b);
}

SNN_KERNEL snn_i16s snn_i16s_times(snn_i16s a, snn_i16s b) {
    return _mm256_mullo_epi16(a, b);
}

SNN_KERNEL __m256i snn_i16s_low_half(snn_i16s a) {
    return _mm256_cvtepi16_epi32(_mm256_castsi256_si128(a));
}

SNN_KERNEL __m256i snn_i16s_high_half(snn_i16s a) {
    return _mm256_cvtepi16_epi32(_mm256_extracti128_si256(a, 1));
}

SNN_KERNEL __m256i snn_i32s_load(const int32_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

SNN_KERNEL void snn_i16s_put_wide(int32_t *sum, const int32_t *from, snn_i16s a) {
    __m256i low = snn_i16s_low_half(a);
    __m256i high = snn_i16s_high_half(a);
    if (from) {
        low = _mm256_add_epi32(low, snn_i32s_load(from));
        high = _mm256_add_epi32(high, snn_i32s_load(from + 8));
    }
    _mm256_storeu_si256((__m256i *)(void *)sum, low);
    _mm256_storeu_si256((__m256i *)(void *)(sum + 8), high);
}

SNN_KERNEL snn_i16s snn_i16s_select(uint32_t bits, snn_i16s a, snn_i16s b) {
    const __m256i place = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096,
                                            8192, 16384, -32768);
    const __m256i own = _mm256_and_si256(_mm256_set1_epi16((short)bits), place);
    return _mm256_blendv_epi8(b, a, _mm256_cmpeq_epi16(own, place));
}

SNN_KERNEL uint32_t snn_i16s_ge(snn_i16s a, snn_i16s b) {
    const __m256i less = _mm256_cmpgt_epi16(b, a);
    const __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(less), _mm256_extracti128_si256(less, 1));
    return ~(uint32_t)_mm_movemask_epi8(bytes) & 0xFFFFu;
}

SNN_KERNEL snn_i16s snn_i16s_scaled(snn_i16s a, snn_i16s b) {
    return _mm256_mulhrs_epi16(a, b);
}

SNN_KERNEL snn_i16s snn_i16s_shifted(snn_i16s a, int n) {
    return _mm256_sll_epi16(a, _mm_cvtsi32_si128(n));
}

SNN_KERNEL snn_i16s snn_i16s_add_saturated(snn_i16s a, snn_i16s b) {
    return _mm256_adds_epi16(a, b);
}

SNN_KERNEL snn_i16s snn_i16s_add_wide(snn_i16s a, const int32_t *x, int n) {
    const __m128i count = _mm_cvtsi32_si128(n);
    const __m256i low =
        _mm256_add_epi32(snn_i16s_low_half(a), _mm256_sll_epi32(snn_i32s_load(x), count));
    const __m256i high =
        _mm256_add_epi32(snn_i16s_high_half(a), _mm256_sll_epi32(snn_i32s_load(x + 8), count));
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high),
                                    0xD8); /* undo its interleaving */
}

SNN_KERNEL snn_i16s snn_i16s_greater(snn_i16s a, snn_i16s b) {
    return _mm256_max_epi16(a, b);
}

SNN_KERNEL int32_t snn_i16s_sum(snn_i16s a) {
    const __m256i pairs = _mm256_madd_epi16(a, _mm256_set1_epi16(1));
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1)));
}

SNN_KERNEL int32_t snn_i16s_greatest(snn_i16s a) {
    return snn_i16x16_greatest(a);
}

#endif
