/* snn_f32x16 as two AVX2 registers; see snn/vec.h for what each function means.
 */
#ifndef SNN_VEC_F32_AVX2_H
#define SNN_VEC_F32_AVX2_H

#include "snn/types.h"
#include "snn/vec/fold_x86.h"

#include <immintrin.h>

#define SNN_VEC_NAME "avx2"
#define SNN_VEC_REGISTERS 8

typedef struct {
    __m256 lo, hi;
} snn_f32x16;

SNN_KERNEL snn_f32x16 snn_f32x16_of(__m256 lo, __m256 hi) {
    snn_f32x16 r;
    r.lo = lo;
    r.hi = hi;
    return r;
}

/* All bits set in lane i (of the eight from `first`) where i + first < n. */
SNN_KERNEL __m256i snn_first_lanes(int n, int first) {
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n - first), index);
}

/* All bits set in lane i where bit i of `mask` is set. */
SNN_KERNEL __m256 snn_lane_mask(uint32_t mask) {
    const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i word = _mm256_set1_epi32((int)mask);
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(word, bit), bit));
}

SNN_KERNEL snn_f32x16 snn_f32x16_set1(float x) {
    return snn_f32x16_of(_mm256_set1_ps(x), _mm256_set1_ps(x));
}

SNN_KERNEL snn_f32x16 snn_f32x16_load(const float *p) {
    return snn_f32x16_of(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8));
}

SNN_KERNEL snn_f32x16 snn_f32x16_load_n(const float *p, int n) {
    if (n <= 8) {
        return snn_f32x16_of(_mm256_maskload_ps(p, snn_first_lanes(n, 0)), _mm256_setzero_ps());
    }
    return snn_f32x16_of(_mm256_loadu_ps(p), _mm256_maskload_ps(p + 8, snn_first_lanes(n, 8)));
}

SNN_KERNEL void snn_f32x16_store(float *p, snn_f32x16 a) {
    _mm256_storeu_ps(p, a.lo);
    _mm256_storeu_ps(p + 8, a.hi);
}

SNN_KERNEL void snn_f32x16_store_n(float *p, snn_f32x16 a, int n) {
    if (n <= 8) {
        _mm256_maskstore_ps(p, snn_first_lanes(n, 0), a.lo);
    } else {
        _mm256_storeu_ps(p, a.lo);
        _mm256_maskstore_ps(p + 8, snn_first_lanes(n, 8), a.hi);
    }
}

SNN_KERNEL snn_f32x16 snn_f32x16_add(snn_f32x16 a, snn_f32x16 b) {
    return snn_f32x16_of(_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi));
}

SNN_KERNEL snn_f32x16 snn_f32x16_sub(snn_f32x16 a, snn_f32x16 b) {
    return snn_f32x16_of(_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi));
}

SNN_KERNEL snn_f32x16 snn_f32x16_mul(snn_f32x16 a, snn_f32x16 b) {
    return snn_f32x16_of(_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi));
}

SNN_KERNEL snn_f32x16 snn_f32x16_div(snn_f32x16 a, snn_f32x16 b) {
    return snn_f32x16_of(_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi));
}

SNN_KERNEL snn_f32x16 snn_f32x16_max(snn_f32x16 a, snn_f32x16 b) {
    return snn_f32x16_of(_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi));
}

SNN_KERNEL uint32_t snn_f32x16_ge(snn_f32x16 a, snn_f32x16 b) {
    const int lo = _mm256_movemask_ps(_mm256_cmp_ps(a.lo, b.lo, _CMP_GE_OQ));
    const int hi = _mm256_movemask_ps(_mm256_cmp_ps(a.hi, b.hi, _CMP_GE_OQ));
    return (uint32_t)lo | (uint32_t)hi << 8;
}

SNN_KERNEL uint32_t snn_f32x16_gt(snn_f32x16 a, snn_f32x16 b) {
    const int lo = _mm256_movemask_ps(_mm256_cmp_ps(a.lo, b.lo, _CMP_GT_OQ));
    const int hi = _mm256_movemask_ps(_mm256_cmp_ps(a.hi, b.hi, _CMP_GT_OQ));
    return (uint32_t)lo | (uint32_t)hi << 8;
}

SNN_KERNEL snn_f32x16 snn_f32x16_select(uint32_t mask, snn_f32x16 a, snn_f32x16 b) {
    return snn_f32x16_of(_mm256_blendv_ps(b.lo, a.lo, snn_lane_mask(mask)),
                         _mm256_blendv_ps(b.hi, a.hi, snn_lane_mask(mask >> 8)));
}

SNN_KERNEL snn_f32x16 snn_f32x16_from_u16(const uint16_t *p) {
    const __m128i lo = _mm_loadu_si128((const __m128i *)(const void *)p);
    const __m128i hi = _mm_loadu_si128((const __m128i *)(const void *)(p + 8));
    return snn_f32x16_of(_mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(lo)),
                         _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(hi)));
}

SNN_KERNEL snn_f32x16 snn_f32x16_from_u16_n(const uint16_t *p, int n) {
    uint16_t lane[16] = {0};
    for (int i = 0; i < n; i++) {
        lane[i] = p[i];
    }
    return snn_f32x16_from_u16(lane);
}

SNN_KERNEL float snn_f32x16_sum(snn_f32x16 a) {
    return snn_f32x8_sum(_mm256_add_ps(a.lo, a.hi));
}

SNN_KERNEL float snn_f32x16_greatest(snn_f32x16 a) {
    return snn_f32x8_greatest(_mm256_max_ps(a.lo, a.hi));
}

#endif
