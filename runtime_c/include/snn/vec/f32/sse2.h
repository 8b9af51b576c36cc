/* snn_f32x16 as four SSE registers, which every x86-64 has; see snn/vec.h for what each function
 * means. */
#ifndef SNN_VEC_F32_SSE2_H
#define SNN_VEC_F32_SSE2_H

#include "snn/types.h"

#include <emmintrin.h>

#define SNN_VEC_NAME "sse2"
#define SNN_VEC_REGISTERS 4

typedef struct {
    __m128 part[4];
} snn_f32x16;

/* An operation of each part of `a` and, where it names them, of `b`. */
#define SNN_VEC_PARTS(result, operation) \
    do {                                 \
        (result).part[0] = operation(0); \
        (result).part[1] = operation(1); \
        (result).part[2] = operation(2); \
        (result).part[3] = operation(3); \
    } while (0)

SNN_KERNEL snn_f32x16 snn_f32x16_of(__m128 a, __m128 b, __m128 c, __m128 d) {
    snn_f32x16 r;
    r.part[0] = a;
    r.part[1] = b;
    r.part[2] = c;
    r.part[3] = d;
    return r;
}

SNN_KERNEL snn_f32x16 snn_f32x16_set1(float x) {
    const __m128 all = _mm_set1_ps(x);
    return snn_f32x16_of(all, all, all, all);
}

SNN_KERNEL snn_f32x16 snn_f32x16_load(const float *p) {
    return snn_f32x16_of(_mm_loadu_ps(p), _mm_loadu_ps(p + 4), _mm_loadu_ps(p + 8),
                         _mm_loadu_ps(p + 12));
}

SNN_KERNEL void snn_f32x16_store(float *p, snn_f32x16 a) {
    _mm_storeu_ps(p, a.part[0]);
    _mm_storeu_ps(p + 4, a.part[1]);
    _mm_storeu_ps(p + 8, a.part[2]);
    _mm_storeu_ps(p + 12, a.part[3]);
}

SNN_KERNEL snn_f32x16 snn_f32x16_load_n(const float *p, int n) {
    float lane[16] = {0.0f};
    for (int i = 0; i < n; i++) {
        lane[i] = p[i];
    }
    return snn_f32x16_load(lane);
}

SNN_KERNEL void snn_f32x16_store_n(float *p, snn_f32x16 a, int n) {
    float lane[16];
    snn_f32x16_store(lane, a);
    for (int i = 0; i < n; i++) {
        p[i] = lane[i];
    }
}

#define SNN_VEC_ADD(i) _mm_add_ps(a.part[i], b.part[i])
#define SNN_VEC_SUB(i) _mm_sub_ps(a.part[i], b.part[i])
#define SNN_VEC_MUL(i) _mm_mul_ps(a.part[i], b.part[i])
#define SNN_VEC_DIV(i) _mm_div_ps(a.part[i], b.part[i])
#define SNN_VEC_MAX(i) _mm_max_ps(a.part[i], b.part[i])

SNN_KERNEL snn_f32x16 snn_f32x16_add(snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_PARTS(a, SNN_VEC_ADD);
    return a;
}

SNN_KERNEL snn_f32x16 snn_f32x16_sub(snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_PARTS(a, SNN_VEC_SUB);
    return a;
}

SNN_KERNEL snn_f32x16 snn_f32x16_mul(snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_PARTS(a, SNN_VEC_MUL);
    return a;
}

SNN_KERNEL snn_f32x16 snn_f32x16_div(snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_PARTS(a, SNN_VEC_DIV);
    return a;
}

SNN_KERNEL snn_f32x16 snn_f32x16_max(snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_PARTS(a, SNN_VEC_MAX);
    return a;
}

SNN_KERNEL uint32_t snn_f32x16_ge(snn_f32x16 a, snn_f32x16 b) {
    uint32_t mask = 0;
    for (int i = 0; i < 4; i++) {
        mask |= (uint32_t)_mm_movemask_ps(_mm_cmpge_ps(a.part[i], b.part[i])) << (4 * i);
    }
    return mask;
}

SNN_KERNEL uint32_t snn_f32x16_gt(snn_f32x16 a, snn_f32x16 b) {
    uint32_t mask = 0;
    for (int i = 0; i < 4; i++) {
        mask |= (uint32_t)_mm_movemask_ps(_mm_cmpgt_ps(a.part[i], b.part[i])) << (4 * i);
    }
    return mask;
}

SNN_KERNEL snn_f32x16 snn_f32x16_select(uint32_t mask, snn_f32x16 a, snn_f32x16 b) {
    const __m128i bit = _mm_setr_epi32(1, 2, 4, 8);
    for (int i = 0; i < 4; i++) {
        const __m128i own = _mm_and_si128(_mm_set1_epi32((int)(mask >> (4 * i))), bit);
        const __m128 chosen = _mm_castsi128_ps(_mm_cmpeq_epi32(own, bit));
        a.part[i] = _mm_or_ps(_mm_and_ps(chosen, a.part[i]), _mm_andnot_ps(chosen, b.part[i]));
    }
    return a;
}

SNN_KERNEL snn_f32x16 snn_f32x16_from_u16(const uint16_t *p) {
    const __m128i zero = _mm_setzero_si128();
    const __m128i low = _mm_loadu_si128((const __m128i *)(const void *)p);
    const __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(p + 8));
    return snn_f32x16_of(_mm_cvtepi32_ps(_mm_unpacklo_epi16(low, zero)),
                         _mm_cvtepi32_ps(_mm_unpackhi_epi16(low, zero)),
                         _mm_cvtepi32_ps(_mm_unpacklo_epi16(high, zero)),
                         _mm_cvtepi32_ps(_mm_unpackhi_epi16(high, zero)));
}

SNN_KERNEL snn_f32x16 snn_f32x16_from_u16_n(const uint16_t *p, int n) {
    uint16_t lane[16] = {0};
    for (int i = 0; i < n; i++) {
        lane[i] = p[i];
    }
    return snn_f32x16_from_u16(lane);
}

/* The second lane. */
SNN_KERNEL __m128 snn_second_lane(__m128 a) {
    return _mm_shuffle_ps(a, a, 0x55);
}

SNN_KERNEL float snn_f32x16_sum(snn_f32x16 a) {
    const __m128 four =
        _mm_add_ps(_mm_add_ps(a.part[0], a.part[2]), _mm_add_ps(a.part[1], a.part[3]));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, snn_second_lane(two)));
}

SNN_KERNEL float snn_f32x16_greatest(snn_f32x16 a) {
    const __m128 four =
        _mm_max_ps(_mm_max_ps(a.part[0], a.part[2]), _mm_max_ps(a.part[1], a.part[3]));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, snn_second_lane(two)));
}

#undef SNN_VEC_PARTS
#undef SNN_VEC_ADD
#undef SNN_VEC_SUB
#undef SNN_VEC_MUL
#undef SNN_VEC_DIV
#undef SNN_VEC_MAX

#endif
