/* snn_f32x16 as four NEON registers (AArch64); see snn/vec.h for what each
 * function means. */
#ifndef SNN_VEC_F32_NEON_H
#define SNN_VEC_F32_NEON_H

#include "snn/types.h"

#include <arm_neon.h>

#define SNN_VEC_NAME "neon"
#define SNN_VEC_REGISTERS 8

typedef struct {
    float32x4_t part[4];
} snn_f32x16;

#define SNN_VEC_EACH(result, expression)     \
    do {                                     \
        for (int i = 0; i < 4; i++) {        \
            (result).part[i] = (expression); \
        }                                    \
    } while (0)

SNN_KERNEL snn_f32x16 snn_f32x16_set1(float x) {
    snn_f32x16 r;
    SNN_VEC_EACH(r, vdupq_n_f32(x));
    return r;
}

SNN_KERNEL snn_f32x16 snn_f32x16_load(const float *p) {
    snn_f32x16 r;
    SNN_VEC_EACH(r, vld1q_f32(p + 4 * i));
    return r;
}

SNN_KERNEL snn_f32x16 snn_f32x16_load_n(const float *p, int n) {
    float lane[16] = {0.0f};
    for (int i = 0; i < n; i++) {
        lane[i] = p[i];
    }
    return snn_f32x16_load(lane);
}

SNN_KERNEL void snn_f32x16_store(float *p, snn_f32x16 a) {
    for (int i = 0; i < 4; i++) {
        vst1q_f32(p + 4 * i, a.part[i]);
    }
}

SNN_KERNEL void snn_f32x16_store_n(float *p, snn_f32x16 a, int n) {
    float lane[16];
    snn_f32x16_store(lane, a);
    for (int i = 0; i < n; i++) {
        p[i] = lane[i];
    }
}

SNN_KERNEL snn_f32x16 snn_f32x16_add(snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_EACH(a, vaddq_f32(a.part[i], b.part[i]));
    return a;
}

SNN_KERNEL snn_f32x16 snn_f32x16_sub(snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_EACH(a, vsubq_f32(a.part[i], b.part[i]));
    return a;
}

SNN_KERNEL snn_f32x16 snn_f32x16_mul(snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_EACH(a, vmulq_f32(a.part[i], b.part[i]));
    return a;
}

SNN_KERNEL snn_f32x16 snn_f32x16_div(snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_EACH(a, vdivq_f32(a.part[i], b.part[i]));
    return a;
}

/* Not vmaxq_f32: that one propagates NaN and orders the zeros. */
SNN_KERNEL snn_f32x16 snn_f32x16_max(snn_f32x16 a, snn_f32x16 b) {
    SNN_VEC_EACH(a, vbslq_f32(vcgtq_f32(a.part[i], b.part[i]), a.part[i], b.part[i]));
    return a;
}

/* Bits 0..3: the top bits of the four lanes. */
SNN_KERNEL uint32_t snn_lane_bits(uint32x4_t lanes) {
    static const int32_t shift[4] = {0, 1, 2, 3};
    return vaddvq_u32(vshlq_u32(vshrq_n_u32(lanes, 31), vld1q_s32(shift)));
}

SNN_KERNEL uint32_t snn_f32x16_ge(snn_f32x16 a, snn_f32x16 b) {
    uint32_t mask = 0;
    for (int i = 0; i < 4; i++) {
        mask |= snn_lane_bits(vcgeq_f32(a.part[i], b.part[i])) << (4 * i);
    }
    return mask;
}

SNN_KERNEL uint32_t snn_f32x16_gt(snn_f32x16 a, snn_f32x16 b) {
    uint32_t mask = 0;
    for (int i = 0; i < 4; i++) {
        mask |= snn_lane_bits(vcgtq_f32(a.part[i], b.part[i])) << (4 * i);
    }
    return mask;
}

SNN_KERNEL snn_f32x16 snn_f32x16_select(uint32_t mask, snn_f32x16 a, snn_f32x16 b) {
    static const uint32_t bit[4] = {1, 2, 4, 8};
    for (int i = 0; i < 4; i++) {
        const uint32x4_t chosen = vtstq_u32(vdupq_n_u32(mask >> (4 * i)), vld1q_u32(bit));
        a.part[i] = vbslq_f32(chosen, a.part[i], b.part[i]);
    }
    return a;
}

SNN_KERNEL snn_f32x16 snn_f32x16_from_u16(const uint16_t *p) {
    snn_f32x16 r;
    SNN_VEC_EACH(r, vcvtq_f32_u32(vmovl_u16(vld1_u16(p + 4 * i))));
    return r;
}

SNN_KERNEL snn_f32x16 snn_f32x16_from_u16_n(const uint16_t *p, int n) {
    uint16_t lane[16] = {0};
    for (int i = 0; i < n; i++) {
        lane[i] = p[i];
    }
    return snn_f32x16_from_u16(lane);
}

SNN_KERNEL float snn_f32x16_sum(snn_f32x16 a) {
    const float32x4_t four =
        vaddq_f32(vaddq_f32(a.part[0], a.part[2]), vaddq_f32(a.part[1], a.part[3]));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

SNN_KERNEL float32x4_t snn_greater_of(float32x4_t a, float32x4_t b) {
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}

SNN_KERNEL float snn_f32x16_greatest(snn_f32x16 a) {
    float lane[4];
    vst1q_f32(lane, snn_greater_of(snn_greater_of(a.part[0], a.part[2]),
                                   snn_greater_of(a.part[1], a.part[3])));
    const float even = lane[0] > lane[2] ? lane[0] : lane[2];
    const float odd = lane[1] > lane[3] ? lane[1] : lane[3];
    return even > odd ? even : odd;
}

#undef SNN_VEC_EACH

#endif
