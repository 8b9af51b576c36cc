/* Mean and maximum maps over time and channels, float32: the pooled inputs of
 * spatial attention.
 *
 * out [pixels][2]. Order of summation: the channels of a step as in
 * statistics.h (sixteen partial sums, folded), added to the running total,
 * steps ascending. Counts an add and a cmp a value and a mul a mean.
 */
#ifndef SNN_ATTENTION_STATISTICS_MAPS_H
#define SNN_ATTENTION_STATISTICS_MAPS_H

#include "snn/attention/statistics.h"

/* Clears the sums and maxima. */
SNN_KERNEL void snn_statistics_time_channels_begin_f32(int pixels, float *out) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        out[0] = 0.0f;
        out[1] = -FLT_MAX;
        out += 2;
    }
}

/* x [pixels][channels] of one step. */
SNN_KERNEL void snn_statistics_time_channels_accumulate_f32(int pixels, int channels,
                                                            const float *x, float *out,
                                                            snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        snn_f32x16 sum = snn_f32x16_set1(0.0f);
        snn_f32x16 most = snn_f32x16_set1(-FLT_MAX);
        snn_statistics_row(channels, x, &sum, &most, counts);
        const float greatest = snn_f32x16_greatest(most);
        out[0] = out[0] + snn_f32x16_sum(sum);
        out[1] = greatest > out[1] ? greatest : out[1];
        x += channels;
        out += 2;
    }
}

/* Multiplies the sums by `scale`, for instance 1 / (T * channels). */
SNN_KERNEL void snn_statistics_time_channels_finish_f32(int pixels, float scale, float *out,
                                                        snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        out[0] = out[0] * scale;
        SNN_COUNT(counts, mul, 1);
        out += 2;
    }
}

#endif
