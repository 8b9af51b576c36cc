/* Class scores from the last layer: sums and means over time, votes of groups
 * of neurons. */
#ifndef SNN_READOUT_READOUT_H
#define SNN_READOUT_READOUT_H

#include "snn/types.h"

/* sum[pixel*channels + c] += spike. `in` SPIKE [pixels][SNN_WORDS(channels)];
 * the caller clears `sum` before the first step. Counts an add a spike. */
SNN_KERNEL void snn_time_sum_spike(int pixels, int channels, const snn_word *in, uint32_t *sum,
                                   snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int w = 0; w < SNN_WORDS(channels); w++) {
            for (snn_word bits = *in++; bits; bits &= bits - 1u) {
                sum[w * SNN_WORD_BITS + snn_lowest_bit(bits)] += 1u;
                SNN_COUNT(counts, add, 1);
            }
        }
        sum += channels;
    }
}

/* y = sum / time_steps, one rounding while the sums stay below 2^24. Counts a
 * mul a value. */
SNN_KERNEL void snn_time_mean_finish_f32(ptrdiff_t n, int32_t time_steps, const uint32_t *sum,
                                         float *y, snn_counts *counts) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = (float)sum[i] / (float)time_steps;
    }
    SNN_COUNT(counts, mul, n);
}

/* sum += x, steps ascending; the caller clears `sum` before the first. Counts
 * an add a value. */
SNN_KERNEL void snn_time_sum_f32(ptrdiff_t n, const float *x, float *sum, snn_counts *counts) {
    for (ptrdiff_t i = 0; i < n; i++) {
        sum[i] = sum[i] + x[i];
    }
    SNN_COUNT(counts, add, n);
}

/* y = sum / time_steps of real sums; y may equal sum. Counts a mul a value. */
SNN_KERNEL void snn_time_mean_f32(ptrdiff_t n, int32_t time_steps, const float *sum, float *y,
                                  snn_counts *counts) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = sum[i] / (float)time_steps;
    }
    SNN_COUNT(counts, mul, n);
}

/* y = x of a step, or of the last. */
SNN_KERNEL void snn_time_last_f32(ptrdiff_t n, const float *x, float *y, snn_counts *counts) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = x[i];
    }
    (void)counts;
}

/* largest = max(largest, x), and x itself at step 0. Counts a cmp a value, but
 * at step 0. */
SNN_KERNEL void snn_time_max_f32(ptrdiff_t n, int32_t step, const float *x, float *largest,
                                 snn_counts *counts) {
    for (ptrdiff_t i = 0; i < n; i++) {
        largest[i] = step == 0 || x[i] > largest[i] ? x[i] : largest[i];
    }
    SNN_COUNT(counts, cmp, step == 0 ? 0 : n);
}

/* every[o][step][i] = x[o][i] of outer * inner values. */
SNN_KERNEL void snn_time_stack_f32(int outer, int inner, int32_t time_steps, int32_t step,
                                   const float *x, float *every, snn_counts *counts) {
    for (int o = 0; o < outer; o++) {
        float *y = every + ((ptrdiff_t)o * time_steps + step) * inner;
        for (int i = 0; i < inner; i++) {
            y[i] = *x++;
        }
    }
    (void)counts;
}

/* y[g] = mean of x[g*size] .. x[g*size + size - 1], summed in ascending order
 * from 0. x [groups*size], y [groups]. Counts an add a value and a mul a group.
 */
SNN_KERNEL void snn_group_mean_f32(int groups, int size, const float *x, float *y,
                                   snn_counts *counts) {
    for (int g = 0; g < groups; g++) {
        float sum = 0.0f;
        for (int i = 0; i < size; i++) {
            sum = sum + *x++;
            SNN_COUNT(counts, add, 1);
        }
        y[g] = sum / (float)size;
        SNN_COUNT(counts, mul, 1);
    }
}

#endif
