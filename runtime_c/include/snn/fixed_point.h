/* Fixed-point arithmetic of the integer kernels, and the one rounding rule of all of them:
 *
 *   round_shift(a, s) = floor(a / 2^s + 1/2)      halves go up, also for negative a
 *
 * Nothing else rounds. Sums and products are exact in the type that holds them: the compiler has
 * bounded every one. Where a result may leave int16 it saturates, and the kernel says so. */
#ifndef SNN_FIXED_POINT_H
#define SNN_FIXED_POINT_H

#include "snn/types.h"

/* Shifts of negative numbers are the implementation's choice in C99; the kernels need the
 * arithmetic one, which every compiler for these targets has. */
typedef char snn_needs_arithmetic_shift[(-3 >> 1) == -2 ? 1 : -1];

/* 0 <= shift <= 30; a + 2^(shift-1) must fit int32. */
SNN_KERNEL int32_t snn_round_shift32(int32_t a, int shift) {
    return shift ? (a + ((int32_t)1 << (shift - 1))) >> shift : a;
}

/* 0 <= shift <= 62; a + 2^(shift-1) must fit int64. */
SNN_KERNEL int64_t snn_round_shift64(int64_t a, int shift) {
    return shift ? (a + ((int64_t)1 << (shift - 1))) >> shift : a;
}

SNN_KERNEL int32_t snn_clamp(int32_t a, int32_t low, int32_t high) {
    return a < low ? low : a > high ? high : a;
}

SNN_KERNEL int64_t snn_clamp64(int64_t a, int64_t low, int64_t high) {
    return a < low ? low : a > high ? high : a;
}

SNN_KERNEL int16_t snn_saturate16(int32_t a) {
#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__)
    int32_t saturated;
    __asm__("ssat %0, #16, %1" : "=r"(saturated) : "r"(a));
    return (int16_t)saturated;
#else
    return (int16_t)snn_clamp(a, INT16_MIN, INT16_MAX);
#endif
}

/* Element i of an int16_t or, where `wide`, an int32_t array. */
SNN_KERNEL int32_t snn_get(const void *values, int wide, ptrdiff_t i) {
    return wide ? ((const int32_t *)values)[i] : ((const int16_t *)values)[i];
}

SNN_KERNEL void snn_put(void *values, int wide, ptrdiff_t i, int32_t value) {
    if (wide) {
        ((int32_t *)values)[i] = value;
    } else {
        ((int16_t *)values)[i] = (int16_t)value;
    }
}

#endif
