/* snn_i16s on SSE2, which every x86-64 has; see snn/vec/i16.h for what each function means. */
#ifndef SNN_VEC_I16_SSE2_H
#define SNN_VEC_I16_SSE2_H

#include "snn/types.h"

#include <emmintrin.h>

#define SNN_I16_NAME "sse2"
#define SNN_I16_SIMD 1
#define SNN_I16_LANES 8
typedef __m128i snn_i16s;

SNN_KERNEL snn_i16s snn_i16s_zero(void) {
    return _mm_setzero_si128();
}

SNN_KERNEL snn_i16s snn_i16s_all(int value) {
    return _mm_set1_epi16((short)value);
}

SNN_KERNEL snn_i16s snn_i16s_load(const int16_t *p) {
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

SNN_KERNEL void snn_i16s_store(int16_t *p, snn_i16s a) {
    _mm_storeu_si128((__m128i *)(void *)p, a);
}

SNN_KERNEL snn_i16s snn_i16s_widen(const int8_t *p) {
    const __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)p);
    return _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
}

SNN_KERNEL snn_i16s snn_i16s_add(snn_i16s a, snn_i16s b) {
    return _mm_add_epi16(a, b);
}

SNN_KERNEL snn_i16s snn_i16s_times(snn_i16s a, snn_i16s b) {
    return _mm_mullo_epi16(a, b);
}

SNN_KERNEL __m128i snn_i16s_low_half(snn_i16s a) {
    return _mm_srai_epi32(_mm_unpacklo_epi16(a, a), 16);
}

SNN_KERNEL __m128i snn_i16s_high_half(snn_i16s a) {
    return _mm_srai_epi32(_mm_unpackhi_epi16(a, a), 16);
}

SNN_KERNEL __m128i snn_i32s_load(const int32_t *p) {
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

SNN_KERNEL void snn_i16s_put_wide(int32_t *sum, const int32_t *from, snn_i16s a) {
    __m128i low = snn_i16s_low_half(a);
    __m128i high = snn_i16s_high_half(a);
    if (from) {
        low = _mm_add_epi32(low, snn_i32s_load(from));
        high = _mm_add_epi32(high, snn_i32s_load(from + 4));
    }
    _mm_storeu_si128((__m128i *)(void *)sum, low);
    _mm_storeu_si128((__m128i *)(void *)(sum + 4), high);
}

SNN_KERNEL snn_i16s snn_i16s_select(uint32_t bits, snn_i16s a, snn_i16s b) {
    const __m128i place = _mm_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128);
    const __m128i own = _mm_and_si128(_mm_set1_epi16((short)bits), place);
    const __m128i chosen = _mm_cmpeq_epi16(own, place);
    return _mm_or_si128(_mm_and_si128(chosen, a), _mm_andnot_si128(chosen, b));
}

SNN_KERNEL uint32_t snn_i16s_ge(snn_i16s a, snn_i16s b) {
    const __m128i less = _mm_cmpgt_epi16(b, a);
    return ~(uint32_t)_mm_movemask_epi8(_mm_packs_epi16(less, less)) & 0xFFu;
}

/* The rounding shift of 32-bit products. */
SNN_KERNEL __m128i snn_i32s_scaled(__m128i product) {
    return _mm_srai_epi32(_mm_add_epi32(product, _mm_set1_epi32(1 << 14)), 15);
}

SNN_KERNEL snn_i16s snn_i16s_scaled(snn_i16s a, snn_i16s b) {
    const __m128i low = _mm_mullo_epi16(a, b);
    const __m128i high = _mm_mulhi_epi16(a, b);
    return _mm_packs_epi32(snn_i32s_scaled(_mm_unpacklo_epi16(low, high)),
                           snn_i32s_scaled(_mm_unpackhi_epi16(low, high)));
}

SNN_KERNEL snn_i16s snn_i16s_shifted(snn_i16s a, int n) {
    return _mm_sll_epi16(a, _mm_cvtsi32_si128(n));
}

SNN_KERNEL snn_i16s snn_i16s_add_saturated(snn_i16s a, snn_i16s b) {
    return _mm_adds_epi16(a, b);
}

SNN_KERNEL snn_i16s snn_i16s_add_wide(snn_i16s a, const int32_t *x, int n) {
    const __m128i count = _mm_cvtsi32_si128(n);
    const __m128i low = _mm_sll_epi32(snn_i32s_load(x), count);
    const __m128i high = _mm_sll_epi32(snn_i32s_load(x + 4), count);
    return _mm_packs_epi32(_mm_add_epi32(snn_i16s_low_half(a), low),
                           _mm_add_epi32(snn_i16s_high_half(a), high));
}

SNN_KERNEL snn_i16s snn_i16s_greater(snn_i16s a, snn_i16s b) {
    return _mm_max_epi16(a, b);
}

SNN_KERNEL int32_t snn_i16s_sum(snn_i16s a) {
    __m128i sum = _mm_madd_epi16(a, _mm_set1_epi16(1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1)));
}

SNN_KERNEL int32_t snn_i16s_greatest(snn_i16s a) {
    __m128i most = _mm_max_epi16(a, _mm_shuffle_epi32(a, 0x4E));
    most = _mm_max_epi16(most, _mm_shuffle_epi32(most, 0xB1));
    most = _mm_max_epi16(most, _mm_srli_epi32(most, 16));
    return (int16_t)_mm_extract_epi16(most, 0);
}

#endif
