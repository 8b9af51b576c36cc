/* Sums of integers: of two layers' sums, and, as class scores, over time and of groups of neurons.
 * Means would only divide all classes by the same number. */
#ifndef SNN_INT8_READOUT_I8_H
#define SNN_INT8_READOUT_I8_H

#include "snn/fixed_point.h"

SNN_KERNEL void snn_clear_i32(ptrdiff_t n, int32_t *values) {
    for (ptrdiff_t i = 0; i < n; i++) {
        values[i] = 0;
    }
}

/* sum[pixel*channels + c] += spike. `in` SPIKE [pixels][SNN_WORDS(channels)]. Counts an add a
 * spike.
 */
SNN_KERNEL void snn_time_sum_spike_i32(int pixels, int channels, const snn_word *in, int32_t *sum,
                                       snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int w = 0; w < SNN_WORDS(channels); w++) {
            for (snn_word bits = *in++; bits; bits &= bits - 1u) {
                sum[w * SNN_WORD_BITS + snn_lowest_bit(bits)] += 1;
                SNN_COUNT(counts, add, 1);
            }
        }
        sum += channels;
    }
}

/* sum += x, x int16_t or, where `wide`, int32_t. Counts an add a value. */
SNN_KERNEL void snn_time_sum_i32(ptrdiff_t n, int wide, const void *x, int32_t *sum,
                                 snn_counts *counts) {
    for (ptrdiff_t i = 0; i < n; i++) {
        sum[i] += snn_get(x, wide, i);
    }
    SNN_COUNT(counts, add, n);
}

/* y = a + b, each int16_t or, where `wide_*`, int32_t; y may be either. Counts an add a value. */
SNN_KERNEL void snn_add_i32(ptrdiff_t n, int wide_a, int wide_b, int wide_y, const void *a,
                            const void *b, void *y, snn_counts *counts) {
    for (ptrdiff_t i = 0; i < n; i++) {
        snn_put(y, wide_y, i, snn_get(a, wide_a, i) + snn_get(b, wide_b, i));
    }
    SNN_COUNT(counts, add, n);
}

/* y[g] = sum of x[g*size] .. x[g*size + size - 1]. Counts an add a value. */
SNN_KERNEL void snn_group_sum_i32(int groups, int size, const int32_t *x, int32_t *y,
                                  snn_counts *counts) {
    for (int g = 0; g < groups; g++) {
        int32_t sum = 0;
        for (int i = 0; i < size; i++) {
            sum += *x++;
        }
        y[g] = sum;
        SNN_COUNT(counts, add, size);
    }
}

#endif
