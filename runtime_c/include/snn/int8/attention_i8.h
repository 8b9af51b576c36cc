/* Attention in fixed point: rescaling, statistics, small products, sigmoid by table, gates. What
 * ASA does with its mask: masked_i8.h.
 *
 * Currents X are int16 in one unit for all channels (after snn_requantize_i16); statistics, mixes
 * and logits are int32; scores are int16 in units of 2^-15. round_shift and its rule:
 * fixed_point.h. */
#ifndef SNN_INT8_ATTENTION_I8_H
#define SNN_INT8_ATTENTION_I8_H

#include "snn/int8/masked_i8.h"
#include "snn/synapses/conv2d.h"

/* y = saturate16(round_shift(x * factor[c], shift)): sums in units of their channel's scale become
 * currents in one unit. x [pixels][channels], int32_t where `wide`, else int16_t. The product is
 * int64 where `wide_product`, else int32, where it must fit. Counts a mul a value. */
SNN_KERNEL void snn_requantize_i16(int pixels, int channels, int wide, int wide_product,
                                   const int32_t *factor, int shift, const void *x, int16_t *y,
                                   snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c++) {
            const ptrdiff_t i = (ptrdiff_t)pixel * channels + c;
            const int32_t value = snn_get(x, wide, i);
            if (wide_product) {
                const int64_t scaled = snn_round_shift64((int64_t)value * factor[c], shift);
                y[i] = (int16_t)snn_clamp64(scaled, INT16_MIN, INT16_MAX);
            } else {
                y[i] = snn_saturate16(snn_round_shift32(value * factor[c], shift));
            }
        }
        SNN_COUNT(counts, mul, channels);
    }
}

/* Running sums and maxima of `groups` groups: the pixels of each channel (over_time_pixels), the
 * channels of each pixel (over_time_channels), or everything (groups 1). */
SNN_KERNEL void snn_statistics_begin_i16(int groups, int64_t *sum, int32_t *most) {
    for (int i = 0; i < groups; i++) {
        sum[i] = 0;
        most[i] = INT16_MIN;
    }
}

/* x [pixels][channels]; value (pixel, c) goes to group pixel*of_pixel + c*of_channel. Counts an add
 * and a cmp a value. */
SNN_KERNEL void snn_statistics_accumulate_i16(int pixels, int channels, int of_pixel,
                                              int of_channel, const int16_t *x, int64_t *sum,
                                              int32_t *most, snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c++) {
            const int group = pixel * of_pixel + c * of_channel;
            const int32_t value = *x++;
            sum[group] += value;
            most[group] = value > most[group] ? value : most[group];
        }
    }
    SNN_COUNT(counts, add, (ptrdiff_t)pixels * channels);
    SNN_COUNT(counts, cmp, (ptrdiff_t)pixels * channels);
}

/* out[group*of_group] the mean and out[group*of_group + of_row] the maximum. Counts a mul a group.
 */
SNN_KERNEL void snn_statistics_finish_i16(const snn_mean_i8 *p, int groups, int of_group,
                                          int of_row, const int64_t *sum, const int32_t *most,
                                          int32_t *out, snn_counts *counts) {
    for (int i = 0; i < groups; i++) {
        out[i * of_group] = snn_mean(p, sum[i]);
        out[i * of_group + of_row] = most[i] * ((int32_t)1 << p->bits);
    }
    SNN_COUNT(counts, mul, groups);
}

#ifdef SNN_I16_SIMD
/* Sums of SNN_COLUMNS columns, n of which make a row of x. */
SNN_KERNEL void snn_weighted_columns_i32(int rows, int n, const int32_t *weights, const int32_t *x,
                                         int64_t *sums) {
    snn_i64s sum = {0};
    for (int r = 0; r < rows; r++) {
        snn_i32s row;
        SNN_COLUMNS_LOAD(row, x + (ptrdiff_t)r * n);
        sum += __builtin_convertvector(row, snn_i64s) * (int64_t)weights[r];
    }
    __builtin_memcpy(sums, &sum, sizeof sum);
}
#endif

/* The sum of one column. */
SNN_KERNEL int64_t snn_weighted_column_i32(int rows, int n, const int32_t *weights,
                                           const int32_t *x) {
    int64_t sum = 0;
    for (int r = 0; r < rows; r++) {
        sum += (int64_t)weights[r] * x[(ptrdiff_t)r * n];
    }
    return sum;
}

SNN_KERNEL int32_t snn_weighted_end_i32(int64_t sum, int shift, int rectify) {
    const int32_t value = (int32_t)snn_round_shift64(sum, shift);
    return rectify && value < 0 ? 0 : value;
}

/* y[i] = round_shift(sum over r of weights[r] * x[r*n + i], shift), negative values to 0 where
 * `rectify` (then a cmp a value is counted). Counts rows * n MACs. */
SNN_KERNEL void snn_weighted_rows_i32(int rows, int n, int shift, int rectify,
                                      const int32_t *weights, const int32_t *x, int32_t *y,
                                      snn_counts *counts) {
    int i = 0;
#ifdef SNN_I16_SIMD
    for (; i + SNN_COLUMNS <= n; i += SNN_COLUMNS) {
        int64_t sums[SNN_COLUMNS];
        snn_weighted_columns_i32(rows, n, weights, x + i, sums);
        for (int k = 0; k < SNN_COLUMNS; k++) {
            y[i + k] = snn_weighted_end_i32(sums[k], shift, rectify);
        }
    }
#endif
    for (; i < n; i++) {
        y[i] =
            snn_weighted_end_i32(snn_weighted_column_i32(rows, n, weights, x + i), shift, rectify);
    }
    SNN_COUNT(counts, mac, (ptrdiff_t)rows * n);
    SNN_COUNT(counts, cmp, rectify ? n : 0);
}

/* y = round_shift(w2 h, shift2), h = relu(round_shift(w1 x, shift1)) along time, each of the n
 * columns on its own; shapes and counts of snn_mlp_time_f32. */
SNN_KERNEL void snn_mlp_time_i32(int time_steps, int hidden, int n, int shift1, int shift2,
                                 const int32_t *w1, const int32_t *w2, const int32_t *x,
                                 int32_t *scratch, int32_t *y, snn_counts *counts) {
    for (int h = 0; h < hidden; h++) {
        snn_weighted_rows_i32(time_steps, n, shift1, 1, w1 + (ptrdiff_t)h * time_steps, x,
                              scratch + (ptrdiff_t)h * n, counts);
    }
    for (int t = 0; t < time_steps; t++) {
        snn_weighted_rows_i32(hidden, n, shift2, 0, w2 + (ptrdiff_t)t * hidden, scratch,
                              y + (ptrdiff_t)t * n, counts);
    }
}

/* The same along channels, each row on its own; shapes and counts of snn_mlp_channels_f32. */
SNN_KERNEL void snn_mlp_channels_i32(int rows, int channels, int hidden, int shift1, int shift2,
                                     const int32_t *w1, const int32_t *w2, const int32_t *x,
                                     int32_t *scratch, int32_t *y, snn_counts *counts) {
    for (int r = 0; r < rows; r++) {
        for (int h = 0; h < hidden; h++) {
            snn_weighted_rows_i32(channels, 1, shift1, 1, w1 + (ptrdiff_t)h * channels, x,
                                  scratch + h, counts);
        }
        for (int c = 0; c < channels; c++) {
            snn_weighted_rows_i32(hidden, 1, shift2, 0, w2 + (ptrdiff_t)c * hidden, scratch, y + c,
                                  counts);
        }
        x += channels;
        y += channels;
    }
}

/* Convolution of int32 maps [in_h*in_w][in_c] with int32 weights [group][ky][kx][in][out], for the
 * few channels of a score: out int32 = round_shift(sum, shift). Counts a MAC a product, in-bounds
 * taps only. */
SNN_KERNEL void snn_conv2d_maps_i32(const snn_conv2d *p, int shift, const int32_t *in,
                                    const int32_t *weight, int32_t *out, snn_counts *counts) {
    const int in_c = p->in_c / p->groups;
    const int out_c = p->out_c / p->groups;
    for (int i = 0; i < p->out_h * p->out_w * p->out_c; i++) {
        const int y = i / p->out_c / p->out_w;
        const int x = i / p->out_c % p->out_w;
        const int g = i % p->out_c / out_c;
        const int co = i % p->out_c % out_c;
        int64_t sum = 0;
        for (int tap = 0; tap < p->kernel_h * p->kernel_w; tap++) {
            const int iy = y * p->stride_h - p->pad_h + tap / p->kernel_w * p->dilation_h;
            const int ix = x * p->stride_w - p->pad_w + tap % p->kernel_w * p->dilation_w;
            if (iy < 0 || iy >= p->in_h || ix < 0 || ix >= p->in_w) {
                continue;
            }
            const int32_t *const pixel = in + ((ptrdiff_t)iy * p->in_w + ix) * p->in_c + g * in_c;
            const ptrdiff_t row = (ptrdiff_t)(g * p->kernel_h * p->kernel_w + tap) * in_c;
            for (int ci = 0; ci < in_c; ci++) {
                sum += (int64_t)pixel[ci] * weight[(row + ci) * out_c + co];
            }
            SNN_COUNT(counts, mac, in_c);
        }
        out[i] = (int32_t)snn_round_shift64(sum, shift);
    }
}

#define SNN_LOGIT_BITS 16 /* fraction bits of a logit */
#define SNN_LOGIT_RANGE 8 /* the table covers -8 .. 8; beyond it the ends hold */
#define SNN_TABLE_BITS 12 /* a table entry every 2^12 units: 256 intervals */

/* y = sigmoid(x * factor / 2^shift), in units of 2^-15: the logit z = round_shift(x * factor,
 * shift) in units of 2^-16 is clamped to [-8, 8 - 2^-16]; between the 257 entries of `table` the
 * value is interpolated, rounded by round_shift(., 12). Counts 2 muls, 3 adds and 2 cmps a value.
 */
SNN_KERNEL void snn_sigmoid_i16(ptrdiff_t n, int32_t factor, int shift, const int32_t *table,
                                const int32_t *x, int16_t *y, snn_counts *counts) {
    const int32_t limit = (int32_t)SNN_LOGIT_RANGE << SNN_LOGIT_BITS;
    for (ptrdiff_t i = 0; i < n; i++) {
        const int64_t scaled = snn_round_shift64((int64_t)x[i] * factor, shift);
        const int32_t place = (int32_t)snn_clamp64(scaled, -limit, limit - 1) + limit;
        const int32_t *const entry = table + (place >> SNN_TABLE_BITS);
        const int32_t part = place & (((int32_t)1 << SNN_TABLE_BITS) - 1);
        y[i] =
            (int16_t)(entry[0] + snn_round_shift32((entry[1] - entry[0]) * part, SNN_TABLE_BITS));
    }
    SNN_COUNT(counts, mul, 2 * n);
    SNN_COUNT(counts, add, 3 * n);
    SNN_COUNT(counts, cmp, 2 * n);
}

/* y = x * g[pixel*of_pixel + c*of_channel], g scores; y may equal x. Counts a mul a value. */
SNN_KERNEL void snn_scale_i16(int pixels, int channels, int of_pixel, int of_channel,
                              const int16_t *x, const int16_t *g, int16_t *y, snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c++) {
            y[c] = snn_gated(x[c], g[pixel * of_pixel + c * of_channel]);
        }
        x += channels;
        y += channels;
    }
    SNN_COUNT(counts, mul, (ptrdiff_t)pixels * channels);
}

/* y = max(x, 0); y may equal x. Counts a cmp a value. */
SNN_KERNEL void snn_relu_i16(ptrdiff_t n, const int16_t *x, int16_t *y, snn_counts *counts) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = (int16_t)(x[i] < 0 ? 0 : x[i]);
    }
    SNN_COUNT(counts, cmp, n);
}

#endif
