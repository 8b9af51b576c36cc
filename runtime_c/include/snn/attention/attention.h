/* Primitives of the attention modules: small products, the complementary mask,
 * gates. */
#ifndef SNN_ATTENTION_ATTENTION_H
#define SNN_ATTENTION_ATTENTION_H

#include "snn/types.h"
#include "snn/vec.h"

/* y[i] = sum over r of weights[r] * x[r*n + i], r ascending from 0. x
 * [rows][n], y [n]. Counts rows * n MACs. */
SNN_KERNEL void snn_weighted_rows_f32(int rows, int n, const float *weights, const float *x,
                                      float *y, snn_counts *counts) {
    for (int i = 0; i < n; i += SNN_LANES) {
        const int lanes = snn_lanes(i, n);
        snn_f32x16 sum = snn_f32x16_set1(0.0f);
        for (int r = 0; r < rows; r++) {
            const snn_f32x16 row = snn_f32x16_load_upto(x + (ptrdiff_t)r * n + i, lanes);
            sum = snn_f32x16_add(sum, snn_f32x16_mul(snn_f32x16_set1(weights[r]), row));
            SNN_COUNT(counts, mac, lanes);
        }
        snn_f32x16_store_upto(y + i, sum, lanes);
    }
}

/* In place: 0 where negative. Counts a cmp a value. */
SNN_KERNEL void snn_hidden_relu_f32(int n, float *x, snn_counts *counts) {
    for (int i = 0; i < n; i++) {
        x[i] = x[i] < 0.0f ? 0.0f : x[i];
    }
    SNN_COUNT(counts, cmp, n);
}

/* y = w2 relu(w1 x) along time, each of the n columns on its own.
 * w1 [hidden][time_steps], w2 [time_steps][hidden], x and y [time_steps][n],
 * scratch [hidden][n]. Sums ascend from 0. Counts 2 * time_steps * hidden * n
 * MACs and hidden * n cmps. */
SNN_KERNEL void snn_mlp_time_f32(int time_steps, int hidden, int n, const float *w1,
                                 const float *w2, const float *x, float *scratch, float *y,
                                 snn_counts *counts) {
    for (int h = 0; h < hidden; h++) {
        float *const row = scratch + (ptrdiff_t)h * n;
        snn_weighted_rows_f32(time_steps, n, w1 + (ptrdiff_t)h * time_steps, x, row, counts);
        snn_hidden_relu_f32(n, row, counts);
    }
    for (int t = 0; t < time_steps; t++) {
        snn_weighted_rows_f32(hidden, n, w2 + (ptrdiff_t)t * hidden, scratch, y + (ptrdiff_t)t * n,
                              counts);
    }
}

/* Sum of a[i] * b[i]: sixteen partial sums, i into sum i % 16, folded by
 * snn_f32x16_sum. */
SNN_KERNEL float snn_dot_f32(int n, const float *a, const float *b, snn_counts *counts) {
    snn_f32x16 sum = snn_f32x16_set1(0.0f);
    for (int i = 0; i < n; i += SNN_LANES) {
        const int lanes = snn_lanes(i, n);
        const snn_f32x16 product =
            snn_f32x16_mul(snn_f32x16_load_upto(a + i, lanes), snn_f32x16_load_upto(b + i, lanes));
        sum = snn_f32x16_add(sum, product);
        SNN_COUNT(counts, mac, lanes);
    }
    return snn_f32x16_sum(sum);
}

/* y = w2 relu(w1 x) along channels, each row on its own.
 * w1 [hidden][channels], w2 [channels][hidden], x and y [rows][channels],
 * scratch [hidden]. Sums in the order of snn_dot_f32. Counts 2 * rows *
 * channels * hidden MACs, rows * hidden cmps.
 */
SNN_KERNEL void snn_mlp_channels_f32(int rows, int channels, int hidden, const float *w1,
                                     const float *w2, const float *x, float *scratch, float *y,
                                     snn_counts *counts) {
    for (int r = 0; r < rows; r++) {
        for (int h = 0; h < hidden; h++) {
            scratch[h] = snn_dot_f32(channels, w1 + (ptrdiff_t)h * channels, x, counts);
        }
        snn_hidden_relu_f32(hidden, scratch, counts);
        for (int c = 0; c < channels; c++) {
            y[c] = snn_dot_f32(hidden, w2 + (ptrdiff_t)c * hidden, scratch, counts);
        }
        x += channels;
        y += channels;
    }
}

/* Sixteen floats stored in words. */
SNN_KERNEL snn_f32x16 snn_keys_load(const snn_word *keys, int lanes) {
    float lane[SNN_LANES] = {0.0f};
    for (int i = 0; i < lanes; i++) {
        lane[i] = snn_float_of(keys[i]);
    }
    return snn_f32x16_load(lane);
}

/* The float to rank by, as a word: the value itself, minus infinity for a NaN. */
SNN_KERNEL snn_word snn_key_of(float value) {
    return value == value ? snn_bits_of(value) : 0xFF800000u;
}

/* rank + 1 in the lanes of `before`. */
SNN_KERNEL snn_f32x16 snn_rank_add(snn_f32x16 rank, uint32_t before) {
    const snn_f32x16 one = snn_f32x16_set1(1.0f);
    return snn_f32x16_select(before, snn_f32x16_add(rank, one), rank);
}

/* Which of up to 16 channels from c on are among the channels / 2 greatest of their step: those
 * with fewer than that many before them, greater, or equal and of lower index. */
SNN_KERNEL uint32_t snn_top_of_step(const snn_word *step, int channels, int c, int lanes,
                                    snn_counts *counts) {
    const snn_f32x16 own = snn_keys_load(step + c, lanes);
    snn_f32x16 rank = snn_f32x16_set1(0.0f);
    for (int j = 0; j < channels; j++) {
        const snn_f32x16 other = snn_f32x16_set1(snn_float_of(step[j]));
        const uint32_t later = ~snn_low_bits(snn_min_int(snn_max_int(j + 1 - c, 0), SNN_LANES));
        rank = snn_rank_add(rank, snn_f32x16_gt(other, own) | (snn_f32x16_ge(other, own) & later));
        SNN_COUNT(counts, cmp, lanes);
    }
    return snn_f32x16_gt(snn_f32x16_set1((float)(channels / 2)), rank);
}

/* Which of up to 16 channels, the first of which `keys` begins with, have step t among their
 * time_steps / 2 greatest. Steps are `stride` keys apart. */
SNN_KERNEL uint32_t snn_top_of_channel(const snn_word *keys, int time_steps, int stride, int t,
                                       int lanes, snn_counts *counts) {
    const snn_f32x16 own = snn_keys_load(keys + (ptrdiff_t)t * stride, lanes);
    snn_f32x16 rank = snn_f32x16_set1(0.0f);
    for (int j = 0; j < time_steps; j++) {
        const snn_f32x16 other = snn_keys_load(keys + (ptrdiff_t)j * stride, lanes);
        rank = snn_rank_add(rank, j < t ? snn_f32x16_ge(other, own) : snn_f32x16_gt(other, own));
        SNN_COUNT(counts, cmp, lanes);
    }
    return snn_f32x16_gt(snn_f32x16_set1((float)(time_steps / 2)), rank);
}

/* Bits of up to 16 channels of step t, from channel c on. */
SNN_KERNEL snn_word snn_complementary_bits(int time_steps, int channels, const snn_word *keys,
                                           int t, int c, int lanes, snn_counts *counts) {
    const snn_word *const step = keys + (ptrdiff_t)t * channels;
    const uint32_t of_step = snn_top_of_step(step, channels, c, lanes, counts);
    const uint32_t of_channel =
        snn_top_of_channel(keys + c, time_steps, channels, t, lanes, counts);
    return (of_step ^ of_channel) & snn_low_bits(lanes);
}

/* Eq. 7: bit (t, c) is 1 where exactly one holds: m[t][c] is among the channels / 2 greatest of
 * step t; it is among the time_steps / 2 greatest of channel c. Ties go to the lowest index, NaN
 * ranks with minus infinity. m [time_steps][channels]; scratch [time_steps * channels]; mask
 * [time_steps][SNN_WORDS(channels)]. Counts channels + time_steps cmps a value. */
SNN_KERNEL void snn_complementary_mask(int time_steps, int channels, const float *m,
                                       snn_word *scratch, snn_word *mask, snn_counts *counts) {
    const int full = channels / SNN_LANES * SNN_LANES;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)time_steps * channels; i++) {
        scratch[i] = snn_key_of(m[i]);
    }
    for (int t = 0; t < time_steps; t++) {
        for (int w = 0; w < SNN_WORDS(channels); w++) {
            mask[w] = 0;
        }
        for (int c = 0; c < full; c += SNN_LANES) {
            const snn_word bits =
                snn_complementary_bits(time_steps, channels, scratch, t, c, SNN_LANES, counts);
            mask[c / SNN_WORD_BITS] |= bits << (c % SNN_WORD_BITS);
        }
        if (full < channels) {
            const snn_word bits = snn_complementary_bits(time_steps, channels, scratch, t, full,
                                                         channels - full, counts);
            mask[full / SNN_WORD_BITS] |= bits << (full % SNN_WORD_BITS);
        }
        mask += SNN_WORDS(channels);
    }
}

/* y = x * g[0]. x, y REAL [pixels][channels]; y may equal x, in all the gates.
 * Count a mul a value.
 */
SNN_KERNEL void snn_scale_scalar_f32(int pixels, int channels, const float *x, const float *g,
                                     float *y, snn_counts *counts) {
    const float factor = g[0];
    for (ptrdiff_t i = 0; i < (ptrdiff_t)pixels * channels; i++) {
        y[i] = x[i] * factor;
    }
    SNN_COUNT(counts, mul, (ptrdiff_t)pixels * channels);
}

/* y = x * g[c], g [channels]. */
SNN_KERNEL void snn_scale_channels_f32(int pixels, int channels, const float *x, const float *g,
                                       float *y, snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c++) {
            y[c] = x[c] * g[c];
        }
        SNN_COUNT(counts, mul, channels);
        x += channels;
        y += channels;
    }
}

/* y = x * g[pixel], g [pixels]. */
SNN_KERNEL void snn_scale_pixels_f32(int pixels, int channels, const float *x, const float *g,
                                     float *y, snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c++) {
            y[c] = x[c] * g[pixel];
        }
        SNN_COUNT(counts, mul, channels);
        x += channels;
        y += channels;
    }
}

/* Eq. 10: y = x * (mask bit c ? scores[pixel][0] : scores[pixel][1]). mask
 * [SNN_WORDS(channels)] of this step, scores [pixels][2]. */
SNN_KERNEL void snn_masked_gate_f32(int pixels, int channels, const float *x, const snn_word *mask,
                                    const float *scores, float *y, snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        const snn_f32x16 score1 = snn_f32x16_set1(scores[0]);
        const snn_f32x16 score2 = snn_f32x16_set1(scores[1]);
        for (int c = 0; c < channels; c += SNN_LANES) {
            const int lanes = snn_lanes(c, channels);
            const uint32_t group = mask[c / SNN_WORD_BITS] >> (c % SNN_WORD_BITS) & 0xFFFFu;
            const snn_f32x16 score = snn_f32x16_select(group, score1, score2);
            const snn_f32x16 value = snn_f32x16_load_upto(x + c, lanes);
            snn_f32x16_store_upto(y + c, snn_f32x16_mul(value, score), lanes);
            SNN_COUNT(counts, mul, lanes);
        }
        x += channels;
        y += channels;
        scores += 2;
    }
}

#endif
