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

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__OPTIMIZE__) && \
    !defined(__ARM_FEATURE_MVE) && !defined(SNN_ROWS_PLAIN)
#define SNN_EIGHTS_DSP 1
#endif

#if defined(__ARM_FEATURE_MVE) && !defined(SNN_ROWS_PLAIN)
#include <arm_mve.h>
#define SNN_EIGHTS_HELIUM 1
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
    const void *const bytes = row;
    (void)memcpy(&word, bytes, sizeof word);
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

/* Rows that are added once each: those of a list, or, where `row` is NULL, those at addresses
 * base + offset. */
typedef struct {
    const int8_t *const *row;
    uintptr_t base;
    const uint16_t *offset;
} snn_eights_rows;

#ifdef SNN_EIGHTS_DSP
/* all += the four words at `row`, high += the upper nibbles of their bytes. The last load takes the
 * register of the address: a core has 14, and this needs 10. */
SNN_KERNEL void snn_eights_add_dsp(uint32_t *all, uint32_t *high, const int8_t *row) {
    uint32_t w;
    __asm__("ldr %[w], [%[row]]\n\t"
            "add %[a0], %[a0], %[w]\n\t"
            "and %[w], %[w], #0xF0F0F0F0\n\t"
            "add %[h0], %[h0], %[w], lsr #4\n\t"
            "ldr %[w], [%[row], #4]\n\t"
            "add %[a1], %[a1], %[w]\n\t"
            "and %[w], %[w], #0xF0F0F0F0\n\t"
            "add %[h1], %[h1], %[w], lsr #4\n\t"
            "ldrd %[w], %[row], [%[row], #8]\n\t"
            "add %[a2], %[a2], %[w]\n\t"
            "and %[w], %[w], #0xF0F0F0F0\n\t"
            "add %[h2], %[h2], %[w], lsr #4\n\t"
            "add %[a3], %[a3], %[row]\n\t"
            "and %[row], %[row], #0xF0F0F0F0\n\t"
            "add %[h3], %[h3], %[row], lsr #4"
            : [a0] "+r"(all[0]), [a1] "+r"(all[1]), [a2] "+r"(all[2]), [a3] "+r"(all[3]),
              [h0] "+r"(high[0]), [h1] "+r"(high[1]), [h2] "+r"(high[2]), [h3] "+r"(high[3]),
              [row] "+r"(row), [w] "=&r"(w)
            : "m"(*(const int8_t (*)[4 * SNN_EIGHTS_BLOCK]) row));
}

/* As snn_eights_put for a whole word and int16 sums, two at a time: `low` are the sums of the lower
 * nibbles, `high` those of the upper ones, four bytes each; `zero` holds what to subtract twice. */
SNN_KERNEL void snn_eights_put_dsp(int16_t *sum, const int16_t *from, uint32_t low, uint32_t high,
                                   uint32_t zero) {
    uint32_t a[SNN_EIGHTS_LANES];
    SNN_UNROLL_BLOCK
    for (int k = 0; k < SNN_EIGHTS_LANES; k++) {
        __builtin_memcpy(&a[k], from + 2 * k, sizeof a[k]);
    }
    __asm__("ssub16 %[a0], %[a0], %[zero]\n\t"
            "ssub16 %[a1], %[a1], %[zero]\n\t"
            "ssub16 %[a2], %[a2], %[zero]\n\t"
            "ssub16 %[a3], %[a3], %[zero]\n\t"
            "uxtab16 %[a0], %[a0], %[low]\n\t"
            "uxtab16 %[a1], %[a1], %[low], ror #8\n\t"
            "uxtab16 %[a2], %[a2], %[high]\n\t"
            "uxtab16 %[a3], %[a3], %[high], ror #8"
            : [a0] "+r"(a[0]), [a1] "+r"(a[1]), [a2] "+r"(a[2]), [a3] "+r"(a[3])
            : [zero] "r"(zero), [low] "r"(low), [high] "r"(high));
    SNN_UNROLL_BLOCK
    for (int k = 0; k < SNN_EIGHTS_LANES; k++) {
        __builtin_memcpy(sum + 2 * k, &a[k], sizeof a[k]);
    }
}
#endif

#ifdef SNN_EIGHTS_HELIUM
/* n rows, from channel c on, to the sums of a block of words. */
SNN_KERNEL void snn_eights_sum_helium(uint32_t *all, uint32_t *high, int c, int listed,
                                      const snn_eights_rows *rows, int n) {
    const uintptr_t base = rows->base + (uintptr_t)(c / 2);
    const uint32x4_t four = vdupq_n_u32(SNN_EIGHTS_FOUR);
    uint32x4_t a = vdupq_n_u32(0), h = vdupq_n_u32(0);
    for (int r = 0; r < n; r++) {
        const int8_t *const row =
            listed ? rows->row[r] + c / 2 : (const int8_t *)(base + rows->offset[r]);
        const uint32x4_t words = vldrwq_u32((const uint32_t *)(const void *)row);
        a = vaddq_u32(a, words);
        h = vaddq_u32(h, vandq_u32(vshrq_n_u32(words, 4), four));
    }
    vstrwq_u32(all, a);
    vstrwq_u32(high, h);
}

/* As snn_eights_put for a block of words and int16 sums: lane k of each word, four words at a time. */
SNN_KERNEL void snn_eights_put_helium(int16_t *sum, const int16_t *from, const uint32_t *all,
                                      const uint32_t *upper, int zero) {
    const uint32x4_t byte = vdupq_n_u32(0x00FF00FFu), high = vldrwq_u32(upper);
    const uint32x4_t low = vsubq_u32(vldrwq_u32(all), vshlq_n_u32(high, 4));
    const uint32x4_t lane[SNN_EIGHTS_LANES] = {
        vandq_u32(low, byte), vandq_u32(vshrq_n_u32(low, 8), byte), vandq_u32(high, byte),
        vandq_u32(vshrq_n_u32(high, 8), byte)};
    uint32x4x4_t sums = vld4q_u32((const uint32_t *)(const void *)from);
    SNN_UNROLL_BLOCK
    for (int k = 0; k < SNN_EIGHTS_LANES; k++) {
        const int16x8_t more = vsubq_n_s16(vreinterpretq_s16_u32(lane[k]), (int16_t)zero);
        sums.val[k] = vreinterpretq_u32_s16(vaddq_s16(vreinterpretq_s16_u32(sums.val[k]), more));
    }
    vst4q_u32((uint32_t *)(void *)sum, sums);
}
#endif

/* Adds the `words` words at `row`. */
SNN_KERNEL void snn_eights_add(uint32_t *all, uint32_t *high, int words, const int8_t *row) {
#ifdef SNN_EIGHTS_DSP
    if (words == SNN_EIGHTS_BLOCK) {
        snn_eights_add_dsp(all, high, row);
        return;
    }
#endif
    SNN_ONE_ADDRESS(row);
    SNN_UNROLL_BLOCK
    for (int i = 0; i < words; i++) {
        const uint32_t word = snn_eights_word(row + 4 * i);
        all[i] += word;
        high[i] += word >> 4 & SNN_EIGHTS_FOUR;
    }
}

/* Adds n rows, from channel c on, to the sums of `words` words; `listed`: those of the list. */
SNN_KERNEL void snn_eights_sum(uint32_t *all, uint32_t *high, int c, int words, int listed,
                               const snn_eights_rows *rows, int n) {
#ifdef SNN_EIGHTS_HELIUM
    if (words == SNN_EIGHTS_BLOCK) {
        snn_eights_sum_helium(all, high, c, listed, rows, n);
        return;
    }
#endif
    if (listed) {
        const int8_t *const *row = rows->row;
        for (const int8_t *const *const end = row + n; row < end; row++) {
            snn_eights_add(all, high, words, *row + c / 2);
        }
        return;
    }
    const uintptr_t base = rows->base + (uintptr_t)(c / 2);
    const uint16_t *offset = rows->offset;
    for (const uint16_t *const end = offset + n; offset < end; offset++) {
        snn_eights_add(all, high, words, (const int8_t *)(base + *offset));
    }
}

/* `words` words from channel c on, the last of which has `channels` of its eight: n rows, at most
 * SNN_EIGHTS_ROWS. */
SNN_KERNEL void snn_eights_ones(void *sum, int wide, const void *from, int c, int words,
                                int channels, int listed, const snn_eights_rows *rows, int n) {
    uint32_t all[SNN_EIGHTS_BLOCK] = {0}, high[SNN_EIGHTS_BLOCK] = {0};
    snn_eights_sum(all, high, c, words, listed, rows, n);
#ifdef SNN_EIGHTS_HELIUM
    if (!wide && words == SNN_EIGHTS_BLOCK) {
        snn_eights_put_helium((int16_t *)sum + c, (const int16_t *)from + c, all, high,
                              SNN_EIGHTS_ZERO * n);
        return;
    }
#endif
    SNN_UNROLL_BLOCK
    for (int i = 0; i < words; i++) {
        const uint32_t low = all[i] - (high[i] << 4);
        const int at = c + 8 * i;
#ifdef SNN_EIGHTS_DSP
        if (!wide && words == SNN_EIGHTS_BLOCK) {
            snn_eights_put_dsp((int16_t *)sum + at, (const int16_t *)from + at, low, high[i],
                               SNN_EIGHTS_ZERO * 0x10001u * (uint32_t)n);
            continue;
        }
#endif
        const uint32_t lane[SNN_EIGHTS_LANES] = {low & 0x00FF00FFu, high[i] & 0x00FF00FFu,
                                                 low >> 8 & 0x00FF00FFu,
                                                 high[i] >> 8 & 0x00FF00FFu};
        snn_eights_put(sum, wide, from, at, i + 1 < words ? 8 : channels, lane,
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

/* sum[c] = from[c] + n rows, all channels; `listed`: rows of the list. */
SNN_KERNEL void snn_eights_add_ones(void *sum, int wide, const void *from, int channels, int listed,
                                    snn_eights_rows rows, int n, snn_counts *counts) {
    SNN_COUNT(counts, ac, n * channels);
    for (int c = 0; c < channels && !from; c++) {
        snn_put(sum, wide, c, 0);
    }
    from = from ? from : sum;
    do { /* once without rows too: the sums are then what they were */
        const int some = snn_min_int(SNN_EIGHTS_ROWS, n);
        int c = 0;
        for (; c + 8 * SNN_EIGHTS_BLOCK <= channels; c += 8 * SNN_EIGHTS_BLOCK) {
            snn_eights_ones(sum, wide, from, c, SNN_EIGHTS_BLOCK, 8, listed, &rows, some);
        }
        for (; c < channels; c += 8) {
            const int left = snn_min_int(8, channels - c);
            snn_eights_ones(sum, wide, from, c, 1, left, listed, &rows, some);
        }
        from = sum;
        n -= some;
        if (listed) {
            rows.row += some;
        } else {
            rows.offset += some;
        }
    } while (n > 0);
}

SNN_OUTLINED void snn_rows_ones_eights(int16_t *sum, const int16_t *from, int channels,
                                       const snn_rows *rows, snn_counts *counts) {
    const snn_eights_rows list = {rows->row, 0, NULL};
    snn_eights_add_ones(sum, 0, from, channels, 1, list, rows->n, counts);
}

SNN_OUTLINED void snn_rows_ones_wide_eights(int32_t *sum, const int32_t *from, int channels,
                                            const snn_rows *rows, snn_counts *counts) {
    const snn_eights_rows list = {rows->row, 0, NULL};
    snn_eights_add_ones(sum, 1, from, channels, 1, list, rows->n, counts);
}

/* The same for n rows at offsets. */
SNN_OUTLINED void snn_offsets_ones_eights(int16_t *sum, const int16_t *from, int channels,
                                          const snn_eights_rows *rows, int n, snn_counts *counts) {
    snn_eights_add_ones(sum, 0, from, channels, 0, *rows, n, counts);
}

SNN_OUTLINED void snn_offsets_ones_wide_eights(int32_t *sum, const int32_t *from, int channels,
                                               const snn_eights_rows *rows, int n,
                                               snn_counts *counts) {
    snn_eights_add_ones(sum, 1, from, channels, 0, *rows, n, counts);
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
