/* Primitives of the attention modules: small products, the complementary mask,
 * gates. */
#ifndef SNN_ATTENTION_H
#define SNN_ATTENTION_H

#include "snn/types.h"
#include "snn/vec.h"

#include <string.h>

/* y[i] = sum over r of weights[r] * x[r*n + i], r ascending from 0. x
 * [rows][n], y [n]. Counts rows * n MACs. */
SNN_KERNEL void snn_weighted_rows_f32(int rows, int n, const float *weights, const float *x,
                                      float *y, snn_counts *counts) {
    for (int i = 0; i < n; i += SNN_LANES) {
        const int lanes = snn_lanes(i, n);
        snn_f32x16 sum = snn_f32x16_set1(0.0f);
        for (int r = 0; r < rows; r++) {
            const snn_f32x16 row = snn_f32x16_load_n(x + (ptrdiff_t)r * n + i, lanes);
            sum = snn_f32x16_add(sum, snn_f32x16_mul(snn_f32x16_set1(weights[r]), row));
            SNN_COUNT(counts, mac, lanes);
        }
        snn_f32x16_store_n(y + i, sum, lanes);
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
            snn_f32x16_mul(snn_f32x16_load_n(a + i, lanes), snn_f32x16_load_n(b + i, lanes));
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

/* An unsigned key that orders as the float does: both zeros alike, NaN lowest.
 */
SNN_KERNEL uint32_t snn_order_key(float value) {
    uint32_t bits;
    if (!(value == value)) {
        return 0;
    }
    value = value + 0.0f; /* -0 becomes +0 */
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/* How many of the n keys (`stride` apart) rank before key `index`: greater, or
 * equal and earlier.
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

/* The mask of keys [time_steps][channels], greater is larger; see snn_complementary_mask. */
SNN_KERNEL void snn_complementary_mask_of_keys(int time_steps, int channels, const uint32_t *keys,
                                               snn_word *mask, snn_counts *counts) {
    for (int t = 0; t < time_steps; t++) {
        const uint32_t *const step = keys + (ptrdiff_t)t * channels;
        for (int w = 0; w < SNN_WORDS(channels); w++) {
            mask[w] = 0;
        }
        for (int c = 0; c < channels; c++) {
            const int in_step = snn_order_rank(step, channels, 1, c, counts) < channels / 2;
            const int in_channel =
                snn_order_rank(keys + c, time_steps, channels, t, counts) < time_steps / 2;
            mask[c / SNN_WORD_BITS] |= (snn_word)(in_step != in_channel) << (c % SNN_WORD_BITS);
        }
        mask += SNN_WORDS(channels);
    }
}

/* Eq. 7: bit (t, c) is 1 where exactly one holds: m[t][c] is among the channels / 2 greatest of
 * step t; it is among the time_steps / 2 greatest of channel c. Ties go to the lowest index, NaN
 * ranks lowest. m [time_steps][channels]; scratch [time_steps * channels] words;
 * mask [time_steps][SNN_WORDS(channels)]. Counts channels + time_steps cmps a value. */
SNN_KERNEL void snn_complementary_mask(int time_steps, int channels, const float *m,
                                       snn_word *scratch, snn_word *mask, snn_counts *counts) {
    for (ptrdiff_t i = 0; i < (ptrdiff_t)time_steps * channels; i++) {
        scratch[i] = snn_order_key(m[i]);
    }
    snn_complementary_mask_of_keys(time_steps, channels, scratch, mask, counts);
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
            const snn_f32x16 value = snn_f32x16_load_n(x + c, lanes);
            snn_f32x16_store_n(y + c, snn_f32x16_mul(value, score), lanes);
            SNN_COUNT(counts, mul, lanes);
        }
        x += channels;
        y += channels;
        scores += 2;
    }
}

#endif
