/* snn_f32x16 on AVX-512F; see snn/vec.h for what each function means. */
#ifndef SNN_VEC_F32_AVX512_H
#define SNN_VEC_F32_AVX512_H

#include "snn/types.h"
#include "snn/vec/fold_x86.h"

#include <immintrin.h>

#define SNN_VEC_NAME "avx512"
#define SNN_VEC_REGISTERS 32

typedef __m512 snn_f32x16;

SNN_KERNEL __mmask16 snn_first_lanes(int n) {
    return (__mmask16)((1u << n) - 1u);
}

SNN_KERNEL snn_f32x16 snn_f32x16_set1(float x) {
    return _mm512_set1_ps(x);
}

SNN_KERNEL snn_f32x16 snn_f32x16_load(const float *p) {
    return _mm512_loadu_ps(p);
}

SNN_KERNEL snn_f32x16 snn_f32x16_load_n(const float *p, int n) {
    return _mm512_maskz_loadu_ps(snn_first_lanes(n), p);
}

SNN_KERNEL void snn_f32x16_store(float *p, snn_f32x16 a) {
    _mm512_storeu_ps(p, a);
}

SNN_KERNEL void snn_f32x16_store_n(float *p, snn_f32x16 a, int n) {
    _mm512_mask_storeu_ps(p, snn_first_lanes(n), a);
}

SNN_KERNEL snn_f32x16 snn_f32x16_add(snn_f32x16 a, snn_f32x16 b) {
    return _mm512_add_ps(a, b);
}

SNN_KERNEL snn_f32x16 snn_f32x16_sub(snn_f32x16 a, snn_f32x16 b) {
    return _mm512_sub_ps(a, b);
}

SNN_KERNEL snn_f32x16 snn_f32x16_mul(snn_f32x16 a, snn_f32x16 b) {
    return _mm512_mul_ps(a, b);
}

SNN_KERNEL snn_f32x16 snn_f32x16_div(snn_f32x16 a, snn_f32x16 b) {
    return _mm512_div_ps(a, b);
}

SNN_KERNEL snn_f32x16 snn_f32x16_max(snn_f32x16 a, snn_f32x16 b) {
    return _mm512_max_ps(a, b);
}

SNN_KERNEL uint32_t snn_f32x16_ge(snn_f32x16 a, snn_f32x16 b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ);
}

SNN_KERNEL uint32_t snn_f32x16_gt(snn_f32x16 a, snn_f32x16 b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}

SNN_KERNEL snn_f32x16 snn_f32x16_select(uint32_t mask, snn_f32x16 a, snn_f32x16 b) {
    return _mm512_mask_blend_ps((__mmask16)mask, b, a);
}

SNN_KERNEL snn_f32x16 snn_f32x16_from_u16(const uint16_t *p) {
    const __m256i narrow = _mm256_loadu_si256((const __m256i *)(const void *)p);
    return _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(narrow));
}

SNN_KERNEL snn_f32x16 snn_f32x16_from_u16_n(const uint16_t *p, int n) {
    uint16_t lane[16] = {0};
    for (int i = 0; i < n; i++) {
        lane[i] = p[i];
    }
    return snn_f32x16_from_u16(lane);
}

SNN_KERNEL __m256 snn_upper_half(snn_f32x16 a) {
    return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a), 1));
}

SNN_KERNEL float snn_f32x16_sum(snn_f32x16 a) {
    return snn_f32x8_sum(_mm256_add_ps(_mm512_castps512_ps256(a), snn_upper_half(a)));
}

SNN_KERNEL float snn_f32x16_greatest(snn_f32x16 a) {
    return snn_f32x8_greatest(_mm256_max_ps(_mm512_castps512_ps256(a), snn_upper_half(a)));
}

#endif
