/* Adding rows of weights to a pixel's sums: the inner loop of the integer kernels. Rows of int4
 * (eights.h) have one implementation for all cores, those of int8 four that give the same numbers.
 *
 *   plain    C99: sums of a block of output channels in registers (32-bit cores), or row by row for
 *            a vectorising compiler (64-bit hosts)
 *   DSP      Cortex-M4, M7, M33: two int16 sums a register, SXTAB16 on rows in SNN_ORDER_FOURS
 *   Helium   Cortex-M55: eight int16 sums a register
 *   x86      AVX-512BW, AVX2 or SSE2: 32, 16 or 8 int16 sums a register
 *
 * A list never holds more than 255 rows, each counted as often as its value says: 255 * 128 fits
 * int16, so a list may be summed in int16 lanes before it is added to int32 sums.
 *
 * SNN_ROWS_PLAIN, defined by the user, asks for plain C everywhere, SNN_ROWS_IN_BLOCKS for that of
 * the 32-bit cores. */
#ifndef SNN_VEC_ROWS_H
#define SNN_VEC_ROWS_H

#include "snn/vec/rows/eights.h"
#include "snn/vec/rows/plain.h"

#if defined(SNN_ROWS_PLAIN)
#define SNN_ROWS_NAME "plain"
#elif defined(__ARM_FEATURE_MVE)
#include "snn/vec/rows/helium.h"
#define SNN_ROWS_NAME "helium"
#elif defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__OPTIMIZE__)
/* else there are too few registers for its assembly */
#include "snn/vec/rows/dsp.h"
#define SNN_ROWS_NAME "dsp"
#elif defined(__SSE2__) && defined(__x86_64__) && !defined(SNN_VEC_PORTABLE) && \
    !defined(SNN_ROWS_IN_BLOCKS)
#include "snn/vec/rows/x86.h"
#define SNN_ROWS_NAME "x86"
#else
#define SNN_ROWS_NAME "plain"
#endif

/* The order that suits the core that this is compiled for. Weights that are not written for one core
 * are macros of up to four channels, which put them in this order; a row's last one has fewer. */
#if defined(SNN_ROWS_DSP)
#define SNN_ORDER_OWN SNN_ORDER_FOURS
#define SNN_OWN_BYTES(rows, channels) ((rows) * (((channels) + 3) / 4 * 4))
#define SNN_OWN_4(a, b, c, d) a, c, b, d
#define SNN_OWN_3(a, b, c) a, c, b, 0
#define SNN_OWN_2(a, b) a, 0, b, 0
#define SNN_OWN_1(a) a, 0, 0, 0
#else
#define SNN_ORDER_OWN SNN_ORDER_PLAIN
#define SNN_OWN_BYTES(rows, channels) ((rows) * (channels))
#define SNN_OWN_4(a, b, c, d) a, b, c, d
#define SNN_OWN_3(a, b, c) a, b, c
#define SNN_OWN_2(a, b) a, b
#define SNN_OWN_1(a) a
#endif
#ifdef __GNUC__
#define SNN_OWN_ALIGNED __attribute__((aligned(4)))
#else
#define SNN_OWN_ALIGNED
#endif

/* sum[c] = from[c] + sum over the rows of value * row[c], c < channels. `sum` and `from` (which may
 * be the same, or NULL for zeros) hold int16_t, or int32_t where `wide`. */
SNN_KERNEL void snn_rows_add(void *sum, int wide, const void *from, int channels,
                             enum snn_order order, const snn_rows *rows, snn_counts *counts) {
    if (order == SNN_ORDER_EIGHTS) {
        snn_rows_add_eights(sum, wide, from, channels, rows, counts);
        return;
    }
#if defined(SNN_ROWS_HELIUM)
    if (order == SNN_ORDER_PLAIN) {
        snn_rows_add_helium(sum, wide, from, channels, rows, counts);
        return;
    }
#elif defined(SNN_ROWS_X86)
    if (order == SNN_ORDER_PLAIN) {
        snn_rows_add_x86(sum, wide, from, channels, rows, counts);
        return;
    }
#elif defined(SNN_ROWS_DSP)
    if (order == SNN_ORDER_FOURS) {
        snn_rows_add_dsp(sum, wide, from, channels, rows, counts);
        return;
    }
#endif
    snn_rows_add_plain(sum, wide, from, channels, order, rows, counts);
}

/* Weight c of a row. */
SNN_KERNEL int32_t snn_row_weight(enum snn_order order, const int8_t *row, int c) {
    return order == SNN_ORDER_EIGHTS ? snn_eights_weight(row, c) : row[snn_row_place(order, c)];
}

#endif
