/* Mean and maximum over space, channels, time, or a masked part, float32.
 *
 * Orders of summation, contracts that every vector variant keeps:
 *
 *   over pixels    each channel on its own, pixels ascending from 0
 *   over channels  sixteen partial sums, channel c into sum c % 16, c ascending from 0; then
 *                  folded by snn_f32x16_sum
 *   over time      the sum of each step as above, added to the running total, steps ascending
 *
 * Maxima do not depend on the order. Values must be finite (a NaN is passed over by a maximum).
 *
 * Counting: an add and a cmp for each value, a mul (the division or scaling) for each mean.
 */
#ifndef SNN_ATTENTION_STATISTICS_H
#define SNN_ATTENTION_STATISTICS_H

#include "snn/types.h"
#include "snn/vec.h"

#include <float.h>

/* Channels whose sums and maxima are taken in one sweep over the pixels. */
#define SNN_SWEEP_VECTORS 4
#define SNN_SWEEP_CHANNELS (SNN_SWEEP_VECTORS * SNN_LANES)

typedef struct {
    snn_f32x16 sum[SNN_SWEEP_VECTORS];
    snn_f32x16 most[SNN_SWEEP_VECTORS];
} snn_sweep;

SNN_KERNEL void snn_sweep_begin(snn_sweep *sweep) {
    SNN_UNROLL
    for (int v = 0; v < SNN_SWEEP_VECTORS; v++) {
        sweep->sum[v] = snn_f32x16_set1(0.0f);
        sweep->most[v] = snn_f32x16_set1(-FLT_MAX);
    }
}

/* Takes up the sums and maxima so far of the first `channels` channels. */
SNN_KERNEL void snn_sweep_load(snn_sweep *sweep, int channels, const float *sum,
                               const float *most) {
    SNN_UNROLL
    for (int v = 0; v < SNN_VECTORS(channels); v++) {
        const int left = channels - v * SNN_LANES;
        sweep->sum[v] = snn_f32x16_load_upto(sum + v * SNN_LANES, left);
        sweep->most[v] = snn_f32x16_load_upto(most + v * SNN_LANES, left);
    }
}

SNN_KERNEL void snn_sweep_store(const snn_sweep *sweep, int channels, float *sum, float *most) {
    SNN_UNROLL
    for (int v = 0; v < SNN_VECTORS(channels); v++) {
        const int left = channels - v * SNN_LANES;
        snn_f32x16_store_upto(sum + v * SNN_LANES, sweep->sum[v], left);
        snn_f32x16_store_upto(most + v * SNN_LANES, sweep->most[v], left);
    }
}

/* Adds the first `channels` channels at x, `stride` floats a pixel. */
SNN_KERNEL void snn_sweep_pixels(int pixels, int stride, int channels, const float *x,
                                 snn_sweep *sweep, snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        SNN_UNROLL
        for (int v = 0; v < SNN_VECTORS(channels); v++) {
            const int left = channels - v * SNN_LANES;
            const snn_f32x16 value = snn_f32x16_load_upto(x + v * SNN_LANES, left);
            sweep->sum[v] = snn_f32x16_add(sweep->sum[v], value);
            sweep->most[v] = snn_f32x16_max(value, sweep->most[v]);
        }
        SNN_COUNT(counts, add, channels);
        SNN_COUNT(counts, cmp, channels);
        x += stride;
    }
}

/* Running sums and maxima of channels, out [2][channels]; finished, means and maxima. */
SNN_KERNEL void snn_statistics_of_channels_begin_f32(int channels, float *out) {
    for (int c = 0; c < channels; c++) {
        out[c] = 0.0f;
        out[channels + c] = -FLT_MAX;
    }
}

/* Divides the sums by `count`, the number of values a channel. */
SNN_KERNEL void snn_statistics_of_channels_finish_f32(int channels, int32_t count, float *out,
                                                      snn_counts *counts) {
    for (int c = 0; c < channels; c++) {
        out[c] = out[c] / (float)count;
    }
    SNN_COUNT(counts, mul, channels);
}

/* Adds `channels` channels of some pixels, one value after the other. */
SNN_KERNEL void snn_statistics_space_sweep(int pixels, int stride, int channels, const float *x,
                                           float *sum, float *most, snn_counts *counts) {
    snn_sweep sweep;
    snn_sweep_load(&sweep, channels, sum, most);
    snn_sweep_pixels(pixels, stride, channels, x, &sweep, counts);
    snn_sweep_store(&sweep, channels, sum, most);
}

/* Over the pixels of a step, any number of them at a time: x [pixels][channels]. */
SNN_KERNEL void snn_statistics_space_accumulate_f32(int pixels, int channels, const float *x,
                                                    float *out, snn_counts *counts) {
    const int full = channels / SNN_SWEEP_CHANNELS * SNN_SWEEP_CHANNELS;
    for (int c = 0; c < full; c += SNN_SWEEP_CHANNELS) {
        snn_statistics_space_sweep(pixels, channels, SNN_SWEEP_CHANNELS, x + c, out + c,
                                   out + channels + c, counts);
    }
    if (full < channels) {
        snn_statistics_space_sweep(pixels, channels, channels - full, x + full, out + full,
                                   out + channels + full, counts);
    }
}

/* Adds a row of channels to sixteen partial sums and maxima. */
SNN_KERNEL void snn_statistics_row(int channels, const float *x, snn_f32x16 *sum, snn_f32x16 *most,
                                   snn_counts *counts) {
    int c = 0;
    for (; c + SNN_LANES <= channels; c += SNN_LANES) {
        const snn_f32x16 value = snn_f32x16_load(x + c);
        *sum = snn_f32x16_add(*sum, value);
        *most = snn_f32x16_max(value, *most);
    }
    if (c < channels) {
        const int lanes = channels - c;
        *sum = snn_f32x16_add(*sum, snn_f32x16_load_upto(x + c, lanes));
        *most = snn_f32x16_max(snn_f32x16_load_or(x + c, lanes, -FLT_MAX), *most);
    }
    SNN_COUNT(counts, add, channels);
    SNN_COUNT(counts, cmp, channels);
}

/* out [pixels][2]: mean and maximum over channels of x [pixels][channels]. */
SNN_KERNEL void snn_statistics_channels_f32(int pixels, int channels, const float *x, float *out,
                                            snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        snn_f32x16 sum = snn_f32x16_set1(0.0f);
        snn_f32x16 most = snn_f32x16_set1(-FLT_MAX);
        snn_statistics_row(channels, x, &sum, &most, counts);
        out[0] = snn_f32x16_sum(sum) / (float)channels;
        out[1] = snn_f32x16_greatest(most);
        SNN_COUNT(counts, mul, 1);
        x += channels;
        out += 2;
    }
}

/* out [2]: mean and maximum over everything; the sixteen partial sums run on
 * over the pixels. */
SNN_KERNEL void snn_statistics_all_f32(int pixels, int channels, const float *x, float *out,
                                       snn_counts *counts) {
    snn_f32x16 sum = snn_f32x16_set1(0.0f);
    snn_f32x16 most = snn_f32x16_set1(-FLT_MAX);
    for (int pixel = 0; pixel < pixels; pixel++) {
        snn_statistics_row(channels, x, &sum, &most, counts);
        x += channels;
    }
    out[0] = snn_f32x16_sum(sum) / ((float)pixels * (float)channels);
    out[1] = snn_f32x16_greatest(most);
    SNN_COUNT(counts, mul, 1);
}

/* Adds `channels` channels of one step to their running sums and maxima. */
SNN_KERNEL void snn_statistics_time_sweep(int pixels, int stride, int channels, const float *x,
                                          float *total, float *most, snn_counts *counts) {
    snn_sweep sweep;
    snn_sweep_begin(&sweep);
    snn_sweep_pixels(pixels, stride, channels, x, &sweep, counts);
    SNN_UNROLL
    for (int v = 0; v < SNN_VECTORS(channels); v++) {
        const int lanes = snn_lanes(v * SNN_LANES, channels);
        float *const sums = total + v * SNN_LANES;
        float *const maxima = most + v * SNN_LANES;
        const snn_f32x16 sum = snn_f32x16_add(snn_f32x16_load_upto(sums, lanes), sweep.sum[v]);
        const snn_f32x16 max = snn_f32x16_max(sweep.most[v], snn_f32x16_load_upto(maxima, lanes));
        snn_f32x16_store_upto(sums, sum, lanes);
        snn_f32x16_store_upto(maxima, max, lanes);
    }
}

/* Over time and pixels: a step, x [pixels][channels]. */
SNN_KERNEL void snn_statistics_time_accumulate_f32(int pixels, int channels, const float *x,
                                                   float *out, snn_counts *counts) {
    const int full = channels / SNN_SWEEP_CHANNELS * SNN_SWEEP_CHANNELS;
    for (int c = 0; c < full; c += SNN_SWEEP_CHANNELS) {
        snn_statistics_time_sweep(pixels, channels, SNN_SWEEP_CHANNELS, x + c, out + c,
                                  out + channels + c, counts);
    }
    if (full < channels) {
        snn_statistics_time_sweep(pixels, channels, channels - full, x + full, out + full,
                                  out + channels + full, counts);
    }
}

/* Mean and maximum over time and channels of the two groups of a mask (Eqs.
 * 8-9), out [pixels][4]: mean and maximum of group 1 (mask set), mean and
 * maximum of group 2 (clear). A group's value is x inside it and 0 outside; the
 * zeros take part in mean and maximum. */
SNN_KERNEL void snn_masked_statistics_begin_f32(int pixels, float *out) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        out[0] = out[2] = 0.0f;
        out[1] = out[3] = -FLT_MAX;
        out += 4;
    }
}

typedef struct {
    snn_f32x16 sum[2]; /* of group 1 and of group 2 */
    snn_f32x16 most[2];
} snn_masked_lanes;

/* Adds `lanes` channels of a pixel, of which those in `group` belong to group 1. */
SNN_KERNEL void snn_masked_add(snn_masked_lanes *into, const float *x, int lanes, uint32_t group) {
    const snn_f32x16 zero = snn_f32x16_set1(0.0f);
    const int full = lanes == SNN_LANES;
    const snn_f32x16 value = snn_f32x16_load_upto(x, lanes);
    const snn_f32x16 part[2] = {snn_f32x16_select(group, value, zero),
                                snn_f32x16_select(group, zero, value)};
    for (int k = 0; k < 2; k++) {
        const snn_f32x16 most = snn_f32x16_max(part[k], into->most[k]);
        into->sum[k] = snn_f32x16_add(into->sum[k], part[k]);
        into->most[k] = full ? most : snn_f32x16_select(snn_low_bits(lanes), most, into->most[k]);
    }
}

/* x [pixels][channels] and mask [SNN_WORDS(channels)] of one step. Counts two adds and two cmps a
 * value, one a group. */
SNN_KERNEL void snn_masked_statistics_accumulate_f32(int pixels, int channels, const float *x,
                                                     const snn_word *mask, float *out,
                                                     snn_counts *counts) {
    const int full = channels / SNN_LANES * SNN_LANES;
    for (int pixel = 0; pixel < pixels; pixel++) {
        const snn_f32x16 zero = snn_f32x16_set1(0.0f), lowest = snn_f32x16_set1(-FLT_MAX);
        snn_masked_lanes lanes = {{zero, zero}, {lowest, lowest}};
        for (int c = 0; c < full; c += SNN_LANES) {
            const uint32_t group = mask[c / SNN_WORD_BITS] >> (c % SNN_WORD_BITS) & 0xFFFFu;
            snn_masked_add(&lanes, x + c, SNN_LANES, group);
        }
        if (full < channels) {
            const uint32_t group = mask[full / SNN_WORD_BITS] >> (full % SNN_WORD_BITS) & 0xFFFFu;
            snn_masked_add(&lanes, x + full, channels - full, group);
        }
        for (int k = 0; k < 2; k++) {
            const float most = snn_f32x16_greatest(lanes.most[k]);
            out[2 * k] = out[2 * k] + snn_f32x16_sum(lanes.sum[k]);
            out[2 * k + 1] = most > out[2 * k + 1] ? most : out[2 * k + 1];
        }
        SNN_COUNT(counts, add, 2 * channels);
        SNN_COUNT(counts, cmp, 2 * channels);
        x += channels;
        out += 4;
    }
}

/* Multiplies the sums by `scale`, for instance 2 / (T * channels). */
SNN_KERNEL void snn_masked_statistics_finish_f32(int pixels, float scale, float *out,
                                                 snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        out[0] = out[0] * scale;
        out[2] = out[2] * scale;
        SNN_COUNT(counts, mul, 2);
        out += 4;
    }
}

#endif
