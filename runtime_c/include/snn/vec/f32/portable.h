/* snn_f32x16 in portable C99; see snn/vec.h for what each function means. */
#ifndef SNN_VEC_F32_PORTABLE_H
#define SNN_VEC_F32_PORTABLE_H

#include "snn/types.h"

#define SNN_VEC_NAME "portable"
#define SNN_VEC_REGISTERS 4 /* SSE2; a target without vectors spills either way */

typedef struct {
    float lane[16];
} snn_f32x16;

#define SNN_VEC_EACH(result, expression)     \
    do {                                     \
        for (int i = 0; i < 16; i++) {       \
            (result).lane[i] = (expression); \
        }                                    \
    } while (0)

SNN_KERNEL snn_f32x16 snn_f32x16_set1(float x) {
    snn_f32x16 r;
    SNN_VEC_EACH(r, x);
    return r;
}

SNN_KERNEL snn_f32x16 snn_f32x16_load(const float *p) {
    snn_f32x16 r;
    SNN_VEC_EACH(r, p[i]);
    return r;
}

SNN_KERNEL snn_f32x16 snn_f32x16_load_n(const float *p, int n) {
    snn_f32x16 r;
    SNN_VEC_EACH(r, i < n ? p[i] : 0.0f);
    return r;
}

SNN_KERNEL void snn_f32x16_store(float *p, snn_f32x16 a) {
    for (int i = 0; i < 16; i++) {
        p[i] = a.lane[i];
    }
}

SNN_KERNEL void snn_f32x16_store_n(float *p, snn_f32x16 a, int n) {
    for (int i = 0; i < n; i++) {
        p[i] = a.lane[i];
    }
}

SNN_KERNEL snn_f32x16 snn_f32x16_add(snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_EACH(a, a.lane[i] + b.lane[i]);
    return a;
}

SNN_KERNEL snn_f32x16 snn_f32x16_sub(snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_EACH(a, a.lane[i] - b.lane[i]);
    return a;
}

SNN_KERNEL snn_f32x16 snn_f32x16_mul(snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_EACH(a, a.lane[i] * b.lane[i]);
    return a;
}

SNN_KERNEL snn_f32x16 snn_f32x16_div(snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_EACH(a, a.lane[i] / b.lane[i]);
    return a;
}

SNN_KERNEL snn_f32x16 snn_f32x16_max(snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_EACH(a, a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]);
    return a;
}

SNN_KERNEL uint32_t snn_f32x16_ge(snn_f32x16 a, snn_f32x16 b) {
    uint32_t mask = 0;
    for (int i = 0; i < 16; i++) {
        mask |= (uint32_t)(a.lane[i] >= b.lane[i]) << i;
    }
    return mask;
}

SNN_KERNEL uint32_t snn_f32x16_gt(snn_f32x16 a, snn_f32x16 b) {
    uint32_t mask = 0;
    for (int i = 0; i < 16; i++) {
        mask |= (uint32_t)(a.lane[i] > b.lane[i]) << i;
    }
    return mask;
}

SNN_KERNEL snn_f32x16 snn_f32x16_select(uint32_t mask, snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_EACH(a, (mask >> i) & 1u ? a.lane[i] : b.lane[i]);
    return a;
}

SNN_KERNEL snn_f32x16 snn_f32x16_from_u16_n(const uint16_t *p, int n) {
    snn_f32x16 r;
    SNN_VEC_EACH(r, i < n ? (float)p[i] : 0.0f);
    return r;
}

SNN_KERNEL snn_f32x16 snn_f32x16_from_u16(const uint16_t *p) {
    snn_f32x16 r;
    SNN_VEC_EACH(r, (float)p[i]);
    return r;
}

SNN_KERNEL float snn_f32x16_sum(snn_f32x16 a) {
    for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) {
            a.lane[i] = a.lane[i] + a.lane[i + half];
        }
    }
    return a.lane[0];
}

SNN_KERNEL float snn_f32x16_greatest(snn_f32x16 a) {
    for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) {
            a.lane[i] = a.lane[i] > a.lane[i + half] ? a.lane[i] : a.lane[i + half];
        }
    }
    return a.lane[0];
}

#undef SNN_VEC_EACH

#endif
