/* Folding the lanes of an AVX register in halves: 8 -> 4 -> 2 -> 1. */
#ifndef SNN_VEC_FOLD_X86_H
#define SNN_VEC_FOLD_X86_H

#include "snn/types.h"

#include <immintrin.h>

SNN_KERNEL float snn_f32x8_sum(__m256 a) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

SNN_KERNEL float snn_f32x8_greatest(__m256 a) {
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

#ifdef __AVX2__
/* The instruction finds the least of eight unsigned ones: the order is turned around. */
SNN_KERNEL int32_t snn_i16x16_greatest(__m256i a) {
    const __m128i eight = _mm_max_epi16(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    const __m128i turned = _mm_xor_si128(eight, _mm_set1_epi16(0x7FFF));
    return (int16_t)(0x7FFF ^ _mm_extract_epi16(_mm_minpos_epu16(turned), 0));
}
#endif

#endif
