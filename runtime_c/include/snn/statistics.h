/* Mean and maximum over space, channels, time, or a masked part, float32.
 *
 * Orders of summation, contracts that every vector variant keeps:
 *   over pixels    each channel on its own, pixels ascending from 0
 *   over channels  sixteen partial sums, channel c into sum c % 16, c ascending
 * from 0; then folded by snn_f32x16_sum over time      the sum of each step as
 * above, added to the running total, steps ascending Maxima do not depend on
 * the order. Values must be finite (a NaN is passed over by a maximum).
 * Counting: an add and a cmp for each value, a mul (the division or scaling)
 * for each mean.
 */
#ifndef SNN_STATISTICS_H
#define SNN_STATISTICS_H

#include "snn/types.h"
#include "snn/vec.h"

#include <float.h>

/* Sum and maximum over pixels of the `lanes` channels at x, `stride` floats a
 * pixel. */
SNN_KERNEL void snn_statistics_lanes(int pixels, int stride, int lanes, const float *x,
                                     snn_f32x16 *sum, snn_f32x16 *most, snn_counts *counts) {
    snn_f32x16 total = snn_f32x16_set1(0.0f);
    snn_f32x16 greatest = snn_f32x16_set1(-FLT_MAX);
    for (int pixel = 0; pixel < pixels; pixel++) {
        const snn_f32x16 value =
            lanes == SNN_LANES ? snn_f32x16_load(x) : snn_f32x16_load_n(x, lanes);
        total = snn_f32x16_add(total, value);
        greatest = snn_f32x16_max(value, greatest);
        SNN_COUNT(counts, add, lanes);
        SNN_COUNT(counts, cmp, lanes);
        x += stride;
    }
    *sum = total;
    *most = greatest;
}

/* out [2][channels]: mean and maximum over pixels of x [pixels][channels]. */
SNN_KERNEL void snn_statistics_space_f32(int pixels, int channels, const float *x, float *out,
                                         snn_counts *counts) {
    const snn_f32x16 count = snn_f32x16_set1((float)pixels);
    for (int c = 0; c < channels; c += SNN_LANES) {
        const int lanes = snn_lanes(c, channels);
        snn_f32x16 sum, most;
        snn_statistics_lanes(pixels, channels, lanes, x + c, &sum, &most, counts);
        snn_f32x16_store_n(out + c, snn_f32x16_div(sum, count), lanes);
        snn_f32x16_store_n(out + channels + c, most, lanes);
        SNN_COUNT(counts, mul, lanes);
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
        *sum = snn_f32x16_add(*sum, snn_f32x16_load_n(x + c, lanes));
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

/* Mean and maximum over time and pixels, out [2][channels]: begin, accumulate
 * each step, finish. */
SNN_KERNEL void snn_statistics_time_begin_f32(int channels, float *out) {
    for (int c = 0; c < channels; c++) {
        out[c] = 0.0f;
        out[channels + c] = -FLT_MAX;
    }
}

/* x [pixels][channels] of one step. */
SNN_KERNEL void snn_statistics_time_accumulate_f32(int pixels, int channels, const float *x,
                                                   float *out, snn_counts *counts) {
    for (int c = 0; c < channels; c += SNN_LANES) {
        const int lanes = snn_lanes(c, channels);
        float *const total = out + c;
        float *const greatest = out + channels + c;
        snn_f32x16 sum, most;
        snn_statistics_lanes(pixels, channels, lanes, x + c, &sum, &most, counts);
        sum = snn_f32x16_add(snn_f32x16_load_n(total, lanes), sum);
        most = snn_f32x16_max(most, snn_f32x16_load_n(greatest, lanes));
        snn_f32x16_store_n(total, sum, lanes);
        snn_f32x16_store_n(greatest, most, lanes);
    }
}

/* Divides the sums by `count`, the number of values a channel (T * pixels). */
SNN_KERNEL void snn_statistics_time_finish_f32(int channels, int count, float *out,
                                               snn_counts *counts) {
    for (int c = 0; c < channels; c++) {
        out[c] = out[c] / (float)count;
    }
    SNN_COUNT(counts, mul, channels);
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

/* x [pixels][channels] and mask [SNN_WORDS(channels)] of one step. Counts two
 * adds and two cmps a value, one a group. */
SNN_KERNEL void snn_masked_statistics_accumulate_f32(int pixels, int channels, const float *x,
                                                     const snn_word *mask, float *out,
                                                     snn_counts *counts) {
    const snn_f32x16 zero = snn_f32x16_set1(0.0f);
    for (int pixel = 0; pixel < pixels; pixel++) {
        snn_f32x16 sum1 = zero, sum2 = zero;
        snn_f32x16 most1 = snn_f32x16_set1(-FLT_MAX), most2 = most1;
        for (int c = 0; c < channels; c += SNN_LANES) {
            const int lanes = snn_lanes(c, channels);
            const uint32_t present = (1u << lanes) - 1u;
            const uint32_t group = mask[c / SNN_WORD_BITS] >> (c % SNN_WORD_BITS) & 0xFFFFu;
            const snn_f32x16 value = snn_f32x16_load_n(x + c, lanes);
            const snn_f32x16 in1 = snn_f32x16_select(group, value, zero);
            const snn_f32x16 in2 = snn_f32x16_select(group, zero, value);
            sum1 = snn_f32x16_add(sum1, in1);
            sum2 = snn_f32x16_add(sum2, in2);
            most1 = snn_f32x16_select(present, snn_f32x16_max(in1, most1), most1);
            most2 = snn_f32x16_select(present, snn_f32x16_max(in2, most2), most2);
            SNN_COUNT(counts, add, 2 * lanes);
            SNN_COUNT(counts, cmp, 2 * lanes);
        }
        out[0] = out[0] + snn_f32x16_sum(sum1);
        out[2] = out[2] + snn_f32x16_sum(sum2);
        const float greatest1 = snn_f32x16_greatest(most1);
        const float greatest2 = snn_f32x16_greatest(most2);
        out[1] = greatest1 > out[1] ? greatest1 : out[1];
        out[3] = greatest2 > out[3] ? greatest2 : out[3];
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
