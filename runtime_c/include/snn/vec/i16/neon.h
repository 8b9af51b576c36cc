/* snn_i16s on AArch64's NEON; see snn/vec/i16.h for what each function means. */
#ifndef SNN_VEC_I16_NEON_H
#define SNN_VEC_I16_NEON_H

#include "snn/types.h"

#include <arm_neon.h>

#define SNN_I16_NAME "neon"
#define SNN_I16_SIMD 1
#define SNN_I16_LANES 8
typedef int16x8_t snn_i16s;

SNN_KERNEL snn_i16s snn_i16s_zero(void) {
    return vdupq_n_s16(0);
}

SNN_KERNEL snn_i16s snn_i16s_all(int value) {
    return vdupq_n_s16((int16_t)value);
}

SNN_KERNEL snn_i16s snn_i16s_load(const int16_t *p) {
    return vld1q_s16(p);
}

SNN_KERNEL void snn_i16s_store(int16_t *p, snn_i16s a) {
    vst1q_s16(p, a);
}

SNN_KERNEL snn_i16s snn_i16s_widen(const int8_t *p) {
    return vmovl_s8(vld1_s8(p));
}

SNN_KERNEL snn_i16s snn_i16s_add(snn_i16s a, snn_i16s b) {
    return vaddq_s16(a, b);
}

SNN_KERNEL snn_i16s snn_i16s_times(snn_i16s a, snn_i16s b) {
    return vmulq_s16(a, b);
}

SNN_KERNEL void snn_i16s_put_wide(int32_t *sum, const int32_t *from, snn_i16s a) {
    int32x4_t low = vmovl_s16(vget_low_s16(a));
    int32x4_t high = vmovl_s16(vget_high_s16(a));
    if (from) {
        low = vaddq_s32(low, vld1q_s32(from));
        high = vaddq_s32(high, vld1q_s32(from + 4));
    }
    vst1q_s32(sum, low);
    vst1q_s32(sum + 4, high);
}

SNN_KERNEL uint16x8_t snn_i16s_places(void) {
    static const uint16_t place[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    return vld1q_u16(place);
}

SNN_KERNEL snn_i16s snn_i16s_select(uint32_t bits, snn_i16s a, snn_i16s b) {
    return vbslq_s16(vtstq_u16(vdupq_n_u16((uint16_t)bits), snn_i16s_places()), a, b);
}

SNN_KERNEL uint32_t snn_i16s_ge(snn_i16s a, snn_i16s b) {
    return vaddvq_u16(vandq_u16(vcgeq_s16(a, b), snn_i16s_places()));
}

SNN_KERNEL snn_i16s snn_i16s_scaled(snn_i16s a, snn_i16s b) {
    return vqrdmulhq_s16(a, b);
}

SNN_KERNEL snn_i16s snn_i16s_shifted(snn_i16s a, int n) {
    return vshlq_s16(a, vdupq_n_s16((int16_t)n));
}

SNN_KERNEL snn_i16s snn_i16s_add_saturated(snn_i16s a, snn_i16s b) {
    return vqaddq_s16(a, b);
}

SNN_KERNEL snn_i16s snn_i16s_add_wide(snn_i16s a, const int32_t *x, int n) {
    const int32x4_t count = vdupq_n_s32(n);
    const int32x4_t low = vaddq_s32(vmovl_s16(vget_low_s16(a)), vshlq_s32(vld1q_s32(x), count));
    const int32x4_t high =
        vaddq_s32(vmovl_s16(vget_high_s16(a)), vshlq_s32(vld1q_s32(x + 4), count));
    return vcombine_s16(vqmovn_s32(low), vqmovn_s32(high));
}

SNN_KERNEL snn_i16s snn_i16s_greater(snn_i16s a, snn_i16s b) {
    return vmaxq_s16(a, b);
}

SNN_KERNEL int32_t snn_i16s_sum(snn_i16s a) {
    return vaddlvq_s16(a);
}

SNN_KERNEL int32_t snn_i16s_greatest(snn_i16s a) {
    return vmaxvq_s16(a);
}

#endif
