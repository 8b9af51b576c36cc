/* snn_rows_add with the DSP extension (Cortex-M4, M7, M33); see rows.h.
 *
 * SXTAB16 adds bytes 0 and 2 of a word of weights to a pair of int16 sums, and bytes 1 and 3 with
 * the word rotated. With the channels of every four in the order 0, 2, 1, 3 the pairs are those of
 * neighbouring channels: sums need no reordering. An assembly block holds 16 sums in 8 registers.
 */
#ifndef SNN_VEC_ROWS_DSP_H
#define SNN_VEC_ROWS_DSP_H

#include "snn/vec/rows/plain.h"

#define SNN_ROWS_DSP 1
#define SNN_DSP_BLOCK 16

/* a += the 16 weights at `row`, which is aligned to 4 bytes. */
SNN_KERNEL void snn_dsp_add(uint32_t *a, const int8_t *row) {
    uint32_t w, v;
    __asm__("ldrd %[w], %[v], %[rows]\n\t"
            "sxtab16 %[a0], %[a0], %[w]\n\t"
            "sxtab16 %[a1], %[a1], %[w], ror #8\n\t"
            "sxtab16 %[a2], %[a2], %[v]\n\t"
            "sxtab16 %[a3], %[a3], %[v], ror #8\n\t"
            "ldrd %[w], %[v], [%m[rows], #8]\n\t"
            "sxtab16 %[a4], %[a4], %[w]\n\t"
            "sxtab16 %[a5], %[a5], %[w], ror #8\n\t"
            "sxtab16 %[a6], %[a6], %[v]\n\t"
            "sxtab16 %[a7], %[a7], %[v], ror #8"
            : [a0] "+r"(a[0]), [a1] "+r"(a[1]), [a2] "+r"(a[2]), [a3] "+r"(a[3]), [a4] "+r"(a[4]),
              [a5] "+r"(a[5]), [a6] "+r"(a[6]), [a7] "+r"(a[7]), [w] "=&r"(w), [v] "=&r"(v)
            : [rows] "Q"(*(const int8_t (*)[SNN_DSP_BLOCK])row)); /* Q: one register holds row */
}

/* a += the 4 weights of a word. */
SNN_KERNEL void snn_dsp_add_word(uint32_t *a, uint32_t word) {
    __asm__("sxtab16 %[a0], %[a0], %[w]\n\t"
            "sxtab16 %[a1], %[a1], %[w], ror #8"
            : [a0] "+r"(a[0]), [a1] "+r"(a[1])
            : [w] "r"(word));
}

SNN_KERNEL uint32_t snn_dsp_word(const void *p) {
    uint32_t word;
    __builtin_memcpy(&word, p, sizeof word);
    return word;
}

/* The larger of both halves of two words: SSUB16 notes which of a's are at least b's. */
SNN_KERNEL uint32_t snn_dsp_larger(uint32_t a, uint32_t b) {
    uint32_t larger;
    __asm__("ssub16 %[l], %[a], %[b]\n\t"
            "sel %[l], %[a], %[b]"
            : [l] "=&r"(larger)
            : [a] "r"(a), [b] "r"(b));
    return larger;
}

/* Adds a row to the 16 sums, as often or as far as its value says. */
SNN_KERNEL void snn_dsp_row(uint32_t *a, enum snn_value_kind kind, const int8_t *row, int value) {
    if (kind == SNN_VALUE_ONE) {
        snn_dsp_add(a, row);
    } else if (kind == SNN_VALUE_SMALL) {
        for (; value; value--) {
            snn_dsp_add(a, row);
        }
    } else {
        SNN_UNROLL_BLOCK
        for (int i = 0; i < SNN_DSP_BLOCK / 4; i++) {
            snn_dsp_add_word(a + 2 * i, snn_dsp_word(row + 4 * i) & (0u - (uint32_t)value));
        }
    }
}

/* sum[c + i] = from[c + i] + lane i, i < 2 * pairs. */
SNN_KERNEL void snn_dsp_put(void *sum, int wide, const void *from, int c, int pairs,
                            const uint32_t *a) {
    SNN_UNROLL_BLOCK
    for (int i = 0; i < pairs; i++) {
        const int32_t low = (int16_t)a[i], high = (int16_t)(a[i] >> 16);
        const int at = c + 2 * i;
        snn_put(sum, wide, at, snn_sum_from(from, wide, at) + low);
        snn_put(sum, wide, at + 1, snn_sum_from(from, wide, at + 1) + high);
    }
}

SNN_KERNEL void snn_dsp_block(void *sum, int wide, const void *from, int c,
                              enum snn_value_kind kind, const snn_rows *rows, snn_counts *counts) {
    uint32_t a[SNN_DSP_BLOCK / 2];
    const int narrow_from = !wide && from;
    SNN_UNROLL_BLOCK
    for (int i = 0; i < SNN_DSP_BLOCK / 2; i++) {
        a[i] = narrow_from ? snn_dsp_word((const int16_t *)from + c + 2 * i) : 0;
    }
    const int8_t *const *row = rows->row;
    const int8_t *const *const end = row + rows->n;
    const uint8_t *value = rows->value;
    while (kind == SNN_VALUE_ONE && end - row >= 2) { /* the loop costs a quarter of the work */
        snn_dsp_add(a, *row++ + c);
        snn_dsp_add(a, *row++ + c);
        snn_rows_count(kind, 2 * SNN_DSP_BLOCK, counts);
    }
    while (row < end) {
        snn_dsp_row(a, kind, *row++ + c, kind == SNN_VALUE_ONE ? 1 : *value++);
        snn_rows_count(kind, SNN_DSP_BLOCK, counts);
    }
    if (wide) {
        snn_dsp_put(sum, wide, from, c, SNN_DSP_BLOCK / 2, a);
        return;
    }
    SNN_UNROLL_BLOCK
    for (int i = 0; i < SNN_DSP_BLOCK / 2; i++) {
        __builtin_memcpy((int16_t *)sum + c + 2 * i, &a[i], sizeof a[i]);
    }
}

/* Up to four channels at the end. */
SNN_KERNEL void snn_dsp_rest(void *sum, int wide, const void *from, int c, int lanes,
                             enum snn_value_kind kind, const snn_rows *rows, snn_counts *counts) {
    uint32_t a[2] = {0, 0};
    for (int r = 0; r < rows->n; r++) {
        const uint32_t word = snn_dsp_word(rows->row[r] + c);
        for (int left = kind == SNN_VALUE_ONE ? 1 : rows->value[r]; left; left--) {
            snn_dsp_add_word(a, word);
        }
        snn_rows_count(kind, lanes, counts);
    }
    for (int i = 0; i < lanes; i++) {
        const int32_t lane = (int16_t)((i < 2 ? a[0] : a[1]) >> (i % 2 * 16));
        snn_put(sum, wide, c + i, snn_sum_from(from, wide, c + i) + lane);
    }
}

SNN_KERNEL void snn_rows_add_dsp_any(void *sum, int wide, const void *from, int channels,
                                     enum snn_value_kind kind, const snn_rows *rows,
                                     snn_counts *counts) {
    int c = 0;
    for (; c + SNN_DSP_BLOCK <= channels; c += SNN_DSP_BLOCK) {
        snn_dsp_block(sum, wide, from, c, kind, rows, counts);
    }
    for (; c < channels; c += 4) {
        snn_dsp_rest(sum, wide, from, c, snn_min_int(4, channels - c), kind, rows, counts);
    }
}

SNN_OUTLINED void snn_rows_ones_dsp(int16_t *sum, const int16_t *from, int channels,
                                    const snn_rows *rows, snn_counts *counts) {
    snn_rows_add_dsp_any(sum, 0, from, channels, SNN_VALUE_ONE, rows, counts);
}

SNN_OUTLINED void snn_rows_ones_wide_dsp(int32_t *sum, const int32_t *from, int channels,
                                         const snn_rows *rows, snn_counts *counts) {
    snn_rows_add_dsp_any(sum, 1, from, channels, SNN_VALUE_ONE, rows, counts);
}

SNN_OUTLINED void snn_rows_bits_dsp(void *sum, int wide, const void *from, int channels,
                                    const snn_rows *rows, snn_counts *counts) {
    snn_rows_add_dsp_any(sum, wide, from, channels, SNN_VALUE_BIT, rows, counts);
}

SNN_OUTLINED void snn_rows_small_dsp(void *sum, int wide, const void *from, int channels,
                                     const snn_rows *rows, snn_counts *counts) {
    snn_rows_add_dsp_any(sum, wide, from, channels, SNN_VALUE_SMALL, rows, counts);
}

SNN_KERNEL void snn_rows_add_dsp(void *sum, int wide, const void *from, int channels,
                                 const snn_rows *rows, snn_counts *counts) {
    if (rows->kind == SNN_VALUE_BIT) {
        snn_rows_bits_dsp(sum, wide, from, channels, rows, counts);
    } else if (rows->kind == SNN_VALUE_SMALL) {
        snn_rows_small_dsp(sum, wide, from, channels, rows, counts);
    } else if (wide) {
        snn_rows_ones_wide_dsp((int32_t *)sum, (const int32_t *)from, channels, rows, counts);
    } else {
        snn_rows_ones_dsp((int16_t *)sum, (const int16_t *)from, channels, rows, counts);
    }
}

#endif
