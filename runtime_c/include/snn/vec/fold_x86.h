/* Folding the eight lanes of an AVX register in halves: 8 -> 4 -> 2 -> 1. */
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

#endif
