/* Adding rows of int8 weights to a pixel's sums: the inner loop of the integer kernels, in four
 * implementations that give the same numbers.
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

#include "snn/fixed_point.h"

/* How a row of weights lies in memory. */
enum snn_order {
    SNN_ORDER_PLAIN, /* channels ascending, unpadded */
    SNN_ORDER_FOURS  /* channels 0, 2, 1, 3 of every four, padded with zeros to a multiple of four;
                        the array is aligned to 4 bytes */
};

/* Bytes of a row. */
SNN_KERNEL int snn_row_bytes(enum snn_order order, int channels) {
    return order == SNN_ORDER_FOURS ? (channels + 3) / 4 * 4 : channels;
}

/* Where channel c lies in a row. */
SNN_KERNEL int snn_row_place(enum snn_order order, int c) {
    const int swapped = order == SNN_ORDER_FOURS && ((c ^ (c >> 1)) & 1);
    return swapped ? c ^ 3 : c;
}

/* One function for all layers: its loops gain nothing from constant shapes. */
#ifdef __GNUC__
#define SNN_OUTLINED static __attribute__((noinline, unused))
#else
#define SNN_OUTLINED static
#endif

#if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 8) /* older ones do not know it */
#define SNN_UNROLL_BLOCK _Pragma("GCC unroll 16")
#define SNN_UNROLL_BY_FOUR _Pragma("GCC unroll 4")
#else
#define SNN_UNROLL_BLOCK
#define SNN_UNROLL_BY_FOUR
#endif

/* Keeps a compiler from looking behind an address: else it adds up each of several addresses near
 * it on its own, from parts that it holds in registers. */
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__) || defined(__riscv_32e)
#define SNN_FEW_REGISTERS 1 /* that instructions can name */
#endif
#if defined(__GNUC__) && !defined(SNN_FEW_REGISTERS)
#define SNN_ONE_ADDRESS(p) __asm__("" : "+r"(p))
#else
#define SNN_ONE_ADDRESS(p) ((void)(p))
#endif

/* What a value of a list means. */
enum snn_value_kind {
    SNN_VALUE_ONE,  /* there are none: add the row; an AC a channel */
    SNN_VALUE_BIT,  /* 0 or 1, multiplied whichever it is; a MAC a channel */
    SNN_VALUE_SMALL /* 1 to SNN_SMALL_VALUE; a MAC a channel */
};

#define SNN_SMALL_VALUE 16

/* n rows, and n values unless `kind` is SNN_VALUE_ONE. */
typedef struct {
    int n;
    enum snn_value_kind kind;
    const int8_t *const *row;
    const uint8_t *value;
} snn_rows;

/* Counts `channels` operations of a row. */
SNN_KERNEL void snn_rows_count(enum snn_value_kind kind, int channels, snn_counts *counts) {
    SNN_COUNT(counts, ac, kind == SNN_VALUE_ONE ? channels : 0);
    SNN_COUNT(counts, mac, kind == SNN_VALUE_ONE ? 0 : channels);
}

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

#endif
