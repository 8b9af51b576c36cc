/* Sixteen float lanes, the one vector type of the kernels, in five implementations.
 *
 * Every implementation gives the same bits: one rounding an operation, no fused multiply-add
 * (compile with -ffp-contract=off), the same choice among equal or unordered values, the same order
 * of a sum over lanes. The implementation is chosen at compile time: portable C99 or AVX2 where the
 * user defines SNN_VEC_PORTABLE or SNN_VEC_AVX2; otherwise by the target AVX-512F, AVX2, NEON
 * (AArch64), SSE2 (x86-64), else portable C99. SNN_VEC_NAME records which.
 *
 *   load, store        no alignment needed
 *   load_n, store_n    the first n of the lanes, 1 <= n <= 16; absent lanes load as +0
 *   max(a, b)          a > b ? a : b     (so b where a lane is NaN)
 *   ge, gt             bit i of the result: a[i] >= b[i], a[i] > b[i]; 0 where NaN
 *   select(m, a, b)    bit i of m ? a[i] : b[i]
 *   from_u16, _n       exact conversion
 *   SNN_VEC_REGISTERS  how many vectors the register file holds
 */
#ifndef SNN_VEC_H
#define SNN_VEC_H

#include "snn/types.h"

#define SNN_LANES 16

#if defined(SNN_VEC_PORTABLE)
#include "snn/vec/f32/portable.h"
#elif defined(SNN_VEC_AVX2)
#include "snn/vec/f32/avx2.h"
#elif defined(__AVX512F__)
#include "snn/vec/f32/avx512.h"
#elif defined(__AVX2__)
#include "snn/vec/f32/avx2.h"
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include "snn/vec/f32/neon.h"
#elif defined(__SSE2__) && defined(__x86_64__)
#include "snn/vec/f32/sse2.h"
#else
#include "snn/vec/f32/portable.h"
#endif

/* Full unrolling of the loop that follows, so that an array of vectors lives in registers. clang
 * needs no telling, and warns where a bound is no constant. */
#if defined(__GNUC__) && __GNUC__ >= 8 && !defined(__clang__) && defined(__OPTIMIZE__) && \
    SNN_VEC_REGISTERS >= 8
#define SNN_UNROLL _Pragma("GCC unroll 32")
#else
#define SNN_UNROLL
#endif

#define SNN_VECTORS(n) (((n) + SNN_LANES - 1) / SNN_LANES)

/* Lanes of the vector that starts at `first` in a row of `n`. */
SNN_KERNEL int snn_lanes(int first, int n) {
    return snn_min_int(SNN_LANES, n - first);
}

/* A vector at p, where `left` channels follow; absent lanes load as +0. */
SNN_KERNEL snn_f32x16 snn_f32x16_load_upto(const float *p, int left) {
    return left >= SNN_LANES ? snn_f32x16_load(p) : snn_f32x16_load_n(p, left);
}

/* The lanes that exist, where `left` channels follow p. */
SNN_KERNEL void snn_f32x16_store_upto(float *p, snn_f32x16 a, int left) {
    if (left >= SNN_LANES) {
        snn_f32x16_store(p, a);
    } else {
        snn_f32x16_store_n(p, a, left);
    }
}

/* As load_n, with `fill` in the absent lanes. */
SNN_KERNEL snn_f32x16 snn_f32x16_load_or(const float *p, int n, float fill) {
    const uint32_t present = snn_low_bits(snn_min_int(n, SNN_LANES));
    return snn_f32x16_select(present, snn_f32x16_load_n(p, n), snn_f32x16_set1(fill));
}

#endif
