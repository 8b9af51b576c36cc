/* The complementary mask of ASA in fixed point: which channels and steps it holds, the statistics
 * of its two groups, and their gate. Currents, scores and their units: attention_i8.h. On hosts the
 * same numbers in lanes. */
#ifndef SNN_INT8_MASKED_I8_H
#define SNN_INT8_MASKED_I8_H

#include "snn/fixed_point.h"
#include "snn/vec/masked_lanes.h"

#define SNN_SCORE_BITS 15

/* How many of the n keys (`stride` apart) rank before key `index`: greater, or equal and earlier.
 */
SNN_KERNEL int snn_order_rank(const uint32_t *keys, int n, int stride, int index,
                              snn_counts *counts) {
    const uint32_t own = keys[(ptrdiff_t)index * stride];
    int rank = 0;
    for (int j = 0; j < index; j++) {
        rank += keys[(ptrdiff_t)j * stride] >= own;
    }
    for (int j = index; j < n; j++) {
        rank += keys[(ptrdiff_t)j * stride] > own;
    }
    SNN_COUNT(counts, cmp, n);
    return rank;
}

/* Bit of channel c of step t: whether it is among the channels / 2 greatest of its step, or among
 * the time_steps / 2 greatest of its channel, but not both. */
SNN_KERNEL snn_word snn_complementary_bit(int time_steps, int channels, const uint32_t *keys, int t,
                                          int c, snn_counts *counts) {
    const uint32_t *const step = keys + (ptrdiff_t)t * channels;
    const int in_step = snn_order_rank(step, channels, 1, c, counts) < channels / 2;
    const int in_channel =
        snn_order_rank(keys + c, time_steps, channels, t, counts) < time_steps / 2;
    return in_step != in_channel;
}

/* The mask of keys [time_steps][channels], greater is larger; see snn_complementary_mask. */
SNN_KERNEL void snn_complementary_mask_of_keys(int time_steps, int channels, const uint32_t *keys,
                                               snn_word *mask, snn_counts *counts) {
    for (int t = 0; t < time_steps; t++) {
        for (int w = 0; w < SNN_WORDS(channels); w++) {
            mask[w] = 0;
        }
        int c = 0;
#ifdef SNN_I16_SIMD
        for (; c + SNN_COLUMNS <= channels; c += SNN_COLUMNS) {
            const snn_word bits =
                snn_complementary_columns(time_steps, channels, keys, t, c, counts);
            mask[c / SNN_WORD_BITS] |= bits << (c % SNN_WORD_BITS);
        }
#endif
        for (; c < channels; c++) {
            const snn_word bit = snn_complementary_bit(time_steps, channels, keys, t, c, counts);
            mask[c / SNN_WORD_BITS] |= bit << (c % SNN_WORD_BITS);
        }
        mask += SNN_WORDS(channels);
    }
}

/* snn_complementary_mask of int32 values: ties to the lowest index. */
SNN_KERNEL void snn_complementary_mask_i32(int time_steps, int channels, const int32_t *m,
                                           snn_word *scratch, snn_word *mask, snn_counts *counts) {
    for (ptrdiff_t i = 0; i < (ptrdiff_t)time_steps * channels; i++) {
        scratch[i] = (snn_word)m[i] ^ 0x80000000u;
    }
    snn_complementary_mask_of_keys(time_steps, channels, scratch, mask, counts);
}

/* How sums and maxima become values with `bits` fraction bits: round_shift(sum * factor, shift),
 * maximum * 2^bits. */
typedef struct {
    int32_t factor;
    int shift, bits;
} snn_mean_i8;

SNN_KERNEL int32_t snn_mean(const snn_mean_i8 *p, int64_t sum) {
    return (int32_t)snn_round_shift64(sum * p->factor, p->shift);
}

/* x times a score: no product of an int16 and a score below 1 leaves int16. */
SNN_KERNEL int16_t snn_gated(int16_t x, int16_t score) {
    return (int16_t)snn_round_shift32((int32_t)x * score, SNN_SCORE_BITS);
}

/* Sums int32 and maxima over time and channels of the two groups of a mask, `out` [pixels][4]: sum
 * and maximum of group 1 (mask set), sum and maximum of group 2. A group is 0 outside itself, and
 * its zeros take part in the maximum. The sums must fit. */
SNN_KERNEL void snn_masked_statistics_begin_i16(int pixels, int32_t *out) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        out[0] = out[2] = 0;
        out[1] = out[3] = INT16_MIN;
        out += 4;
    }
}

/* Channels from .. channels - 1 of a pixel. */
SNN_KERNEL void snn_masked_statistics_rest(int from, int channels, const int16_t *x,
                                           const snn_word *mask, int32_t *out) {
    int32_t sum1 = out[0], most1 = out[1], sum2 = out[2], most2 = out[3];
    for (int c = from; c < channels; c++) {
        const int32_t value = x[c];
        const int32_t value1 = snn_spike_at(mask, c) ? value : 0;
        const int32_t value2 = value - value1;
        sum1 += value1;
        sum2 += value2;
        most1 = value1 > most1 ? value1 : most1;
        most2 = value2 > most2 ? value2 : most2;
    }
    out[0] = sum1;
    out[1] = most1;
    out[2] = sum2;
    out[3] = most2;
}

/* x [pixels][channels] and mask [SNN_WORDS(channels)] of one step. Counts two adds and two cmps a
 * value, one a group. */
SNN_KERNEL void snn_masked_statistics_accumulate_i16(int pixels, int channels, const int16_t *x,
                                                     const snn_word *mask, int32_t *out,
                                                     snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        int done = 0;
#ifdef SNN_I16_SIMD
        done = snn_masked_statistics_lanes(channels, x, mask, out);
#endif
        snn_masked_statistics_rest(done, channels, x, mask, out);
        x += channels;
        out += 4;
    }
    SNN_COUNT(counts, add, 2 * (ptrdiff_t)pixels * channels);
    SNN_COUNT(counts, cmp, 2 * (ptrdiff_t)pixels * channels);
}

/* In place, sums to means. Counts two muls a pixel. */
SNN_KERNEL void snn_masked_statistics_finish_i16(const snn_mean_i8 *p, int pixels, int32_t *out,
                                                 snn_counts *counts) {
    for (int i = 0; i < 2 * pixels; i++) {
        out[0] = snn_mean(p, out[0]);
        out[1] = out[1] * ((int32_t)1 << p->bits);
        out += 2;
    }
    SNN_COUNT(counts, mul, 2 * (ptrdiff_t)pixels);
}

/* y = x * (mask bit c ? scores[pixel][0] : scores[pixel][1]); y may equal x. mask of this step,
 * scores [pixels][2]. Counts a mul a value. */
SNN_KERNEL void snn_masked_gate_i16(int pixels, int channels, const int16_t *x,
                                    const snn_word *mask, const int16_t *scores, int16_t *y,
                                    snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        int c = 0;
#ifdef SNN_I16_SIMD
        c = snn_masked_gate_lanes(channels, x, mask, scores, y);
#endif
        for (; c < channels; c++) {
            y[c] = snn_gated(x[c], snn_spike_at(mask, c) ? scores[0] : scores[1]);
        }
        x += channels;
        y += channels;
        scores += 2;
    }
    SNN_COUNT(counts, mul, (ptrdiff_t)pixels * channels);
}

#endif
