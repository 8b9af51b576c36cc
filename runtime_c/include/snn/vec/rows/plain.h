/* snn_rows_add in plain C; see rows.h. */
#ifndef SNN_VEC_ROWS_PLAIN_H
#define SNN_VEC_ROWS_PLAIN_H

#include "snn/vec/rows/weight_rows.h"

/* Sums that stay in registers together: what the core's register file has room for. */
#if defined(SNN_FEW_REGISTERS)
#define SNN_ROWS_BLOCK 4
#elif defined(__riscv)
#define SNN_ROWS_BLOCK 16
#else
#define SNN_ROWS_BLOCK 8
#endif

SNN_KERNEL int32_t snn_sum_from(const void *from, int wide, int c) {
    return from ? snn_get(from, wide, c) : 0;
}

/* SNN_ROWS_BLOCK channels from c on, of rows in SNN_ORDER_PLAIN. */
SNN_KERNEL void snn_rows_block_plain(void *sum, int wide, const void *from, int c,
                                     const snn_rows *rows, snn_counts *counts) {
    int32_t block[SNN_ROWS_BLOCK];
    SNN_UNROLL_BLOCK
    for (int i = 0; i < SNN_ROWS_BLOCK; i++) {
        block[i] = snn_sum_from(from, wide, c + i);
    }
    if (rows->kind == SNN_VALUE_ONE) {
        for (int r = 0; r < rows->n; r++) {
            const int8_t *row = rows->row[r] + c;
            SNN_ONE_ADDRESS(row);
            SNN_UNROLL_BLOCK
            for (int i = 0; i < SNN_ROWS_BLOCK; i++) {
                block[i] += row[i];
            }
            snn_rows_count(SNN_VALUE_ONE, SNN_ROWS_BLOCK, counts);
        }
    } else {
        for (int r = 0; r < rows->n; r++) {
            const int8_t *row = rows->row[r] + c;
            SNN_ONE_ADDRESS(row);
            const int32_t value = rows->value[r];
            SNN_UNROLL_BLOCK
            for (int i = 0; i < SNN_ROWS_BLOCK; i++) {
                block[i] += value * row[i];
            }
            snn_rows_count(rows->kind, SNN_ROWS_BLOCK, counts);
        }
    }
    SNN_UNROLL_BLOCK
    for (int i = 0; i < SNN_ROWS_BLOCK; i++) {
        snn_put(sum, wide, c + i, block[i]);
    }
}

#if defined(__GNUC__) && defined(__BYTE_ORDER__) && UINTPTR_MAX > 0xFFFFu
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SNN_ROWS_WORDS (SNN_ROWS_BLOCK / 4)
#endif
#endif

#ifdef SNN_ROWS_WORDS
#define SNN_ROWS_SIGNS 0x80808080u
#define SNN_ROWS_ODD 0x00FF00FFu

/* Whether every row, and all of a list from a multiple of four on, is aligned to words. */
SNN_KERNEL int snn_rows_in_words(int channels, const snn_rows *rows) {
    return rows->kind == SNN_VALUE_ONE && rows->n > 0 && channels % 4 == 0 &&
           (uintptr_t)rows->row[0] % 4 == 0;
}

/* As snn_rows_block_plain for rows in words, each added once: four channels at a time. With their
 * signs turned weights are 0 to 255, and those of at most 255 rows fit 16 bits, so that two sums fit
 * a word. `all` is the sum of the words as they are, modulo 2^32, `odd` that of channels 1 and 3;
 * what is left without them is that of 0 and 2. */
SNN_KERNEL void snn_rows_block_words(void *sum, int wide, const void *from, int c,
                                     const snn_rows *rows, snn_counts *counts) {
    uint32_t all[SNN_ROWS_WORDS] = {0}, odd[SNN_ROWS_WORDS] = {0};
    for (int r = 0; r < rows->n; r++) {
        const int8_t *row = rows->row[r] + c;
        SNN_ONE_ADDRESS(row);
        SNN_UNROLL_BLOCK
        for (int i = 0; i < SNN_ROWS_WORDS; i++) {
            uint32_t word;
            __builtin_memcpy(&word, __builtin_assume_aligned(row + 4 * i, 4), sizeof word);
            word ^= SNN_ROWS_SIGNS;
            all[i] += word;
            odd[i] += word >> 8 & SNN_ROWS_ODD;
        }
        snn_rows_count(SNN_VALUE_ONE, SNN_ROWS_BLOCK, counts);
    }
    const int32_t turned = 128 * rows->n;
    SNN_UNROLL_BLOCK
    for (int i = 0; i < SNN_ROWS_WORDS; i++) {
        const uint32_t even = all[i] - (odd[i] << 8);
        const uint32_t four[4] = {even & 0xFFFFu, odd[i] & 0xFFFFu, even >> 16, odd[i] >> 16};
        SNN_UNROLL_BLOCK
        for (int k = 0; k < 4; k++) {
            const int at = c + 4 * i + k;
            snn_put(sum, wide, at, snn_sum_from(from, wide, at) + (int32_t)four[k] - turned);
        }
    }
}
#endif

/* The rest: one channel after the other. */
SNN_KERNEL void snn_rows_channel_plain(void *sum, int wide, const void *from, int c,
                                       enum snn_order order, const snn_rows *rows,
                                       snn_counts *counts) {
    const int place = snn_row_place(order, c);
    int32_t total = snn_sum_from(from, wide, c);
    for (int r = 0; r < rows->n; r++) {
        total += (int32_t)(rows->kind == SNN_VALUE_ONE ? 1 : rows->value[r]) * rows->row[r][place];
        snn_rows_count(rows->kind, 1, counts);
    }
    snn_put(sum, wide, c, total);
}

#if UINTPTR_MAX <= 0xFFFFFFFFu || defined(SNN_ROWS_IN_BLOCKS)
SNN_OUTLINED void snn_rows_add_plain(void *sum, int wide, const void *from, int channels,
                                     enum snn_order order, const snn_rows *rows,
                                     snn_counts *counts) {
    const int whole = order == SNN_ORDER_PLAIN ? channels / SNN_ROWS_BLOCK * SNN_ROWS_BLOCK : 0;
    int c = 0;
#ifdef SNN_ROWS_WORDS
    if (snn_rows_in_words(channels, rows)) {
        for (; c < whole; c += SNN_ROWS_BLOCK) {
            snn_rows_block_words(sum, wide, from, c, rows, counts);
        }
    }
#endif
    for (; c < whole; c += SNN_ROWS_BLOCK) {
        snn_rows_block_plain(sum, wide, from, c, rows, counts);
    }
    for (; c < channels; c++) {
        snn_rows_channel_plain(sum, wide, from, c, order, rows, counts);
    }
}
#else
/* acc += value * row, on sums in memory: compilers make vector code of it. */
SNN_KERNEL void snn_rows_one_plain(void *acc, int wide, int channels, const int8_t *row,
                                   int32_t value) {
    if (wide) {
        int32_t *SNN_RESTRICT const sum = (int32_t *)acc;
        for (int c = 0; c < channels; c++) {
            sum[c] += value * row[c];
        }
    } else {
        int16_t *SNN_RESTRICT const sum = (int16_t *)acc;
        for (int c = 0; c < channels; c++) {
            sum[c] = (int16_t)(sum[c] + value * row[c]);
        }
    }
}

SNN_OUTLINED void snn_rows_add_plain(void *sum, int wide, const void *from, int channels,
                                     enum snn_order order, const snn_rows *rows,
                                     snn_counts *counts) {
    if (order == SNN_ORDER_FOURS) {
        for (int c = 0; c < channels; c++) {
            snn_rows_channel_plain(sum, wide, from, c, order, rows, counts);
        }
        return;
    }
    for (int c = 0; c < channels && from != sum; c++) {
        snn_put(sum, wide, c, snn_sum_from(from, wide, c));
    }
    for (int r = 0; r < rows->n; r++) {
        const int32_t value = rows->kind == SNN_VALUE_ONE ? 1 : rows->value[r];
        snn_rows_one_plain(sum, wide, channels, rows->row[r], value);
        snn_rows_count(rows->kind, channels, counts);
    }
}
#endif

#endif
