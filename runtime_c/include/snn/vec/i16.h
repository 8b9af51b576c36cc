/* int16 lanes, the vector type of the integer kernels on hosts, in five implementations that give
 * the same numbers: AVX-512BW (32 lanes), AVX2 (16), NEON (8), SSE2 (8) and portable C99 (16). They are
 * chosen as those of vec.h are, or plain by the macros of rows.h.
 *
 *   widen(p)               lanes from int8
 *   add, times             modulo 2^16
 *   put_wide(s, f, a)      s[i] = f[i] + a[i] in int32; f NULL is zeros
 *
 * and, not in portable C99, where SNN_I16_SIMD is not defined and plain loops serve as well:
 *
 *   select(bits, a, b)     bit i of bits ? a[i] : b[i]
 *   ge(a, b)               bit i of the result: a[i] >= b[i]
 *   scaled(a, b)           round_shift(a * b, 15) of fixed_point.h; not both may be -2^15
 *   shifted(a, n)          a * 2^n modulo 2^16
 *   add_saturated(a, b)    the nearest int16
 *   add_wide(a, x, n)      saturate16(a[i] + x[i] * 2^n), x int32; |x[i] * 2^n| < 2^30
 *   greater(a, b)          of each lane
 *   sum(a), greatest(a)    over all lanes */
#ifndef SNN_VEC_I16_H
#define SNN_VEC_I16_H

#include "snn/types.h"

#if defined(SNN_VEC_PORTABLE) || defined(SNN_ROWS_PLAIN) || defined(SNN_ROWS_IN_BLOCKS)
#include "snn/vec/i16/portable.h"
#elif defined(__AVX512BW__) && !defined(SNN_VEC_AVX2)
#include "snn/vec/i16/avx512.h"
#elif defined(__AVX2__)
#include "snn/vec/i16/avx2.h"
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include "snn/vec/i16/neon.h"
#elif defined(__SSE2__) && defined(__x86_64__)
#include "snn/vec/i16/sse2.h"
#else
#include "snn/vec/i16/portable.h"
#endif

#define SNN_I16_VECTORS(n) (((n) + SNN_I16_LANES - 1) / SNN_I16_LANES)

/* The first n lanes of a vector, 1 <= n <= SNN_I16_LANES; absent ones load as 0. */
SNN_KERNEL snn_i16s snn_i16s_load_n(const int16_t *p, int n) {
    int16_t lane[SNN_I16_LANES] = {0};
    for (int i = 0; i < n; i++) {
        lane[i] = p[i];
    }
    return snn_i16s_load(lane);
}

SNN_KERNEL void snn_i16s_store_n(int16_t *p, snn_i16s a, int n) {
    int16_t lane[SNN_I16_LANES];
    snn_i16s_store(lane, a);
    for (int i = 0; i < n; i++) {
        p[i] = lane[i];
    }
}

SNN_KERNEL void snn_i16s_put_wide_n(int32_t *sum, const int32_t *from, snn_i16s a, int n) {
    int16_t lane[SNN_I16_LANES];
    snn_i16s_store(lane, a);
    for (int i = 0; i < n; i++) {
        sum[i] = (from ? from[i] : 0) + lane[i];
    }
}

#endif
