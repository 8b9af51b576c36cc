/* Adding rows of int4 weights (SNN_ORDER_EIGHTS) to a pixel's sums, for every core; see rows.h.
 *
 * A word holds eight weights as nibbles 0 to 15, which stand for -8 to 7. Nibbles of up to 17 rows fit
 * the bytes of a word, so that four sums share one: `all` adds the words as they are, modulo 2^32,
 * `high` the upper nibble of each byte; what is left of `all` without `high` is the sum of the lower
 * ones. That is an addition, an AND of a shifted word and another addition for eight weights.
 *
 * Lane k of a word (below) is what its nibbles k and k + 4 belong to: channels 0 and 1, 4 and 5, 2 and
 * 3, 6 and 7 of eight. So both sums of a lane are neighbours in memory. */
#ifndef SNN_VEC_ROWS_EIGHTS_H
#define SNN_VEC_ROWS_EIGHTS_H

#include "snn/vec/rows/plain.h"

#include <string.h>

#define SNN_EIGHTS_ROWS 17 /* 17 * 15 is 255 */
#define SNN_EIGHTS_ZERO 8  /* the nibble of weight 0 */
#define SNN_EIGHTS_LANES 4 /* pairs of channels in a word */
#define SNN_EIGHTS_FOUR 0x0F0F0F0Fu
#define SNN_EIGHTS_PAIR 0x000F000Fu

/* Words whose sums stay in registers together. */
#if defined(SNN_FEW_REGISTERS)
#define SNN_EIGHTS_BLOCK 1
#else
#define SNN_EIGHTS_BLOCK 4
#endif

/* The first channel of lane k. */
SNN_KERNEL int snn_eights_channel(int k) {
    return (k & 1) * 4 + (k & 2);
}

/* The word at `row`, which is aligned to 4 bytes. */
SNN_KERNEL uint32_t snn_eights_word(const int8_t *row) {
    uint32_t word;
#if defined(__GNUC__) && UINTPTR_MAX > 0xFFFFu
    __builtin_memcpy(&word, __builtin_assume_aligned(row, 4), sizeof word);
#else
    (void)memcpy(&word, row, sizeof word);
#endif
    return word;
}

/* Weight c of a row. */
SNN_KERNEL int32_t snn_eights_weight(const int8_t *row, int c) {
    const int k = (c >> 2 & 1) + (c & 2), upper = (c & 1) * 16;
    return (int32_t)(snn_eights_word(row + c / 8 * 4) >> (4 * k + upper) & 15u) - SNN_EIGHTS_ZERO;
}

/* sum[c + i] = from[c + i] + channel i of the lanes - zero, for the first `channels` of a word. */
SNN_KERNEL void snn_eights_put(void *sum, int wide, const void *from, int c, int channels,
                               const uint32_t *lane, int32_t zero) {
    SNN_UNROLL_BLOCK
    for (int k = 0; k < SNN_EIGHTS_LANES; k++) {
        const int i = snn_eights_channel(k), at = c + i;
        if (i < channels) {
            const int32_t low = (int32_t)(lane[k] & 0xFFFFu) - zero;
            snn_put(sum, wide, at, snn_sum_from(from, wide, at) + low);
        }
        if (i + 1 < channels) {
            const int32_t upper = (int32_t)(lane[k] >> 16) - zero;
            snn_put(sum, wide, at + 1, snn_sum_from(from, wide, at + 1) + upper);
        }
    }
}

/* `words` words from channel c on, the last of which has `channels` of its eight: n rows, at most
 * SNN_EIGHTS_ROWS, each added once. */
SNN_KERNEL void snn_eights_ones(void *sum, int wide, const void *from, int c, int words,
                                int channels, const int8_t *const *rows, int n,
                                snn_counts *counts) {
    uint32_t all[SNN_EIGHTS_BLOCK] = {0}, high[SNN_EIGHTS_BLOCK] = {0};
    const int8_t *const *const end = rows + n;
    for (; rows < end; rows++) {
        const int8_t *row = *rows + c / 2;
        SNN_ONE_ADDRESS(row);
        SNN_UNROLL_BLOCK
        for (int i = 0; i < words; i++) {
            const uint32_t word = snn_eights_word(row + 4 * i);
            all[i] += word;
            high[i] += word >> 4 & SNN_EIGHTS_FOUR;
        }
        snn_rows_count(SNN_VALUE_ONE, 8 * (words - 1) + channels, counts);
    }
    SNN_UNROLL_BLOCK
    for (int i = 0; i < words; i++) {
        const uint32_t low = all[i] - (high[i] << 4);
        const uint32_t lane[SNN_EIGHTS_LANES] = {low & 0x00FF00FFu, high[i] & 0x00FF00FFu,
                                                 low >> 8 & 0x00FF00FFu,
                                                 high[i] >> 8 & 0x00FF00FFu};
        snn_eights_put(sum, wide, from, c + 8 * i, i + 1 < words ? 8 : channels, lane,
                       SNN_EIGHTS_ZERO * n);
    }
}

/* One word, rows with values: `load` is the sum of these, at most 255, so that 16 bits hold a sum. */
SNN_KERNEL void snn_eights_values(void *sum, int wide, const void *from, int c, int channels,
                                  const snn_rows *rows, int32_t load, snn_counts *counts) {
    uint32_t lane[SNN_EIGHTS_LANES] = {0};
    for (int r = 0; r < rows->n; r++) {
        const uint32_t word = snn_eights_word(rows->row[r] + c / 2), value = rows->value[r];
        SNN_UNROLL_BLOCK
        for (int k = 0; k < SNN_EIGHTS_LANES; k++) {
            lane[k] += (word >> 4 * k & SNN_EIGHTS_PAIR) * value;
        }
        snn_rows_count(rows->kind, channels, counts);
    }
    snn_eights_put(sum, wide, from, c, channels, lane, SNN_EIGHTS_ZERO * load);
}

/* sum[c] = from[c] + rows that are added once each, all channels. */
SNN_KERNEL void snn_eights_add_ones(void *sum, int wide, const void *from, int channels,
                                    const snn_rows *rows, snn_counts *counts) {
    int done = 0;
    do { /* once without rows too: the sums are then what they were */
        const int n = snn_min_int(SNN_EIGHTS_ROWS, rows->n - done);
        const int8_t *const *const row = rows->row + done;
        int c = 0;
        for (; c + 8 * SNN_EIGHTS_BLOCK <= channels; c += 8 * SNN_EIGHTS_BLOCK) {
            snn_eights_ones(sum, wide, from, c, SNN_EIGHTS_BLOCK, 8, row, n, counts);
        }
        for (; c < channels; c += 8) {
            const int left = snn_min_int(8, channels - c);
            snn_eights_ones(sum, wide, from, c, 1, left, row, n, counts);
        }
        from = sum;
        done += n;
    } while (done < rows->n);
}

SNN_OUTLINED void snn_rows_ones_eights(int16_t *sum, const int16_t *from, int channels,
                                       const snn_rows *rows, snn_counts *counts) {
    snn_eights_add_ones(sum, 0, from, channels, rows, counts);
}

SNN_OUTLINED void snn_rows_ones_wide_eights(int32_t *sum, const int32_t *from, int channels,
                                            const snn_rows *rows, snn_counts *counts) {
    snn_eights_add_ones(sum, 1, from, channels, rows, counts);
}

/* Values of either kind multiply. */
SNN_OUTLINED void snn_rows_values_eights(void *sum, int wide, const void *from, int channels,
                                         const snn_rows *rows, snn_counts *counts) {
    int32_t load = 0;
    for (int r = 0; r < rows->n; r++) {
        load += rows->value[r];
    }
    for (int c = 0; c < channels; c += 8) {
        snn_eights_values(sum, wide, from, c, snn_min_int(8, channels - c), rows, load, counts);
    }
}

SNN_KERNEL void snn_rows_add_eights(void *sum, int wide, const void *from, int channels,
                                    const snn_rows *rows, snn_counts *counts) {
    if (rows->kind != SNN_VALUE_ONE) {
        snn_rows_values_eights(sum, wide, from, channels, rows, counts);
    } else if (wide) {
        snn_rows_ones_wide_eights((int32_t *)sum, (const int32_t *)from, channels, rows, counts);
    } else {
        snn_rows_ones_eights((int16_t *)sum, (const int16_t *)from, channels, rows, counts);
    }
}

/* sum[at + c] += value * weight c of the row, of any value. */
SNN_KERNEL void snn_eights_scatter(void *sum, int wide, ptrdiff_t at, int channels,
                                   const int8_t *row, int32_t value) {
    for (int c = 0; c < channels; c++) {
        const int32_t product = value * snn_eights_weight(row, c);
        snn_put(sum, wide, at + c, snn_get(sum, wide, at + c) + product);
    }
}

#endif
