/* snn_i16s on AVX-512BW; see snn/vec/i16.h for what each function means. */
#ifndef SNN_VEC_I16_AVX512_H
#define SNN_VEC_I16_AVX512_H

#include "snn/types.h"
#include "snn/vec/fold_x86.h"

#include <immintrin.h>

#define SNN_I16_NAME "avx512"
#define SNN_I16_SIMD 1
#define SNN_I16_LANES 32
typedef __m512i snn_i16s;

SNN_KERNEL snn_i16s snn_i16s_zero(void) {
    return _mm512_setzero_si512();
}

SNN_KERNEL snn_i16s snn_i16s_all(int value) {
    return _mm512_set1_epi16((short)value);
}

SNN_KERNEL snn_i16s snn_i16s_load(const int16_t *p) {
    return _mm512_loadu_si512((const void *)p);
}

SNN_KERNEL void snn_i16s_store(int16_t *p, snn_i16s a) {
    _mm512_storeu_si512((void *)p, a);
}

SNN_KERNEL snn_i16s snn_i16s_widen(const int8_t *p) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

SNN_KERNEL snn_i16s snn_i16s_add(snn_i16s a, snn_i16s b) {
    return _mm512_add_epi16(a, b);
}

SNN_KERNEL snn_i16s snn_i16s_times(snn_i16s a, snn_i16s b) {
    return _mm512_mullo_epi16(a, b);
}

SNN_KERNEL __m512i snn_i16s_low_half(snn_i16s a) {
    return _mm512_cvtepi16_epi32(_mm512_castsi512_si256(a));
}

SNN_KERNEL __m512i snn_i16s_high_half(snn_i16s a) {
    return _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64(a, 1));
}

SNN_KERNEL void snn_i16s_put_wide(int32_t *sum, const int32_t *from, snn_i16s a) {
    __m512i low = snn_i16s_low_half(a);
    __m512i high = snn_i16s_high_half(a);
    if (from) {
        low = _mm512_add_epi32(low, _mm512_loadu_si512((const void *)from));
        high = _mm512_add_epi32(high, _mm512_loadu_si512((const void *)(from + 16)));
    }
    _mm512_storeu_si512((void *)sum, low);
    _mm512_storeu_si512((void *)(sum + 16), high);
}

SNN_KERNEL snn_i16s snn_i16s_select(uint32_t bits, snn_i16s a, snn_i16s b) {
    return _mm512_mask_blend_epi16((__mmask32)bits, b, a);
}

SNN_KERNEL uint32_t snn_i16s_ge(snn_i16s a, snn_i16s b) {
    return _mm512_cmpge_epi16_mask(a, b);
}

SNN_KERNEL snn_i16s snn_i16s_scaled(snn_i16s a, snn_i16s b) {
    return _mm512_mulhrs_epi16(a, b);
}

SNN_KERNEL snn_i16s snn_i16s_shifted(snn_i16s a, int n) {
    return _mm512_sll_epi16(a, _mm_cvtsi32_si128(n));
}

SNN_KERNEL snn_i16s snn_i16s_add_saturated(snn_i16s a, snn_i16s b) {
    return _mm512_adds_epi16(a, b);
}

SNN_KERNEL __m256i snn_i16s_half_add_wide(__m512i half, const int32_t *x, int n) {
    const __m512i input =
        _mm512_sll_epi32(_mm512_loadu_si512((const void *)x), _mm_cvtsi32_si128(n));
    return _mm512_cvtsepi32_epi16(_mm512_add_epi32(half, input));
}

SNN_KERNEL snn_i16s snn_i16s_add_wide(snn_i16s a, const int32_t *x, int n) {
    const __m256i low = snn_i16s_half_add_wide(snn_i16s_low_half(a), x, n);
    const __m256i high = snn_i16s_half_add_wide(snn_i16s_high_half(a), x + 16, n);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

SNN_KERNEL snn_i16s snn_i16s_greater(snn_i16s a, snn_i16s b) {
    return _mm512_max_epi16(a, b);
}

SNN_KERNEL int32_t snn_i16s_sum(snn_i16s a) {
    return _mm512_reduce_add_epi32(_mm512_madd_epi16(a, _mm512_set1_epi16(1)));
}

SNN_KERNEL int32_t snn_i16s_greatest(snn_i16s a) {
    return snn_i16x16_greatest(
        _mm256_max_epi16(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1)));
}

#endif
