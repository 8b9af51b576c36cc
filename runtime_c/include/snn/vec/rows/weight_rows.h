/* Rows of int8 weights: how they lie in memory, and lists of them; see rows.h. */
#ifndef SNN_VEC_ROWS_WEIGHT_ROWS_H
#define SNN_VEC_ROWS_WEIGHT_ROWS_H

#include "snn/fixed_point.h"

/* How a row of weights lies in memory. */
enum snn_order {
    SNN_ORDER_PLAIN, /* channels ascending, unpadded */
    SNN_ORDER_FOURS, /* channels 0, 2, 1, 3 of every four, padded with zeros to a multiple of four;
                        the array is aligned to 4 bytes */
    SNN_ORDER_EIGHTS /* int4: words of eight weights as nibbles, channels 0, 4, 2, 6, 1, 5, 3, 7 from
                        the lowest bits up, padded with zeros to a multiple of eight (eights.h) */
};

/* Bytes of a row. */
SNN_KERNEL int snn_row_bytes(enum snn_order order, int channels) {
    return order == SNN_ORDER_FOURS    ? (channels + 3) / 4 * 4
           : order == SNN_ORDER_EIGHTS ? (channels + 7) / 8 * 4
                                       : channels;
}

/* Where channel c lies in a row of int8 weights. */
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

#endif
