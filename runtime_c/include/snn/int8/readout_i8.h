/* Sums of integers: of two layers' sums, and, as class scores, over time and of groups of neurons
 * (means would only divide all classes by the same number); and what is read of the last step, of
 * the largest, or of every one. */
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

/* y = x of a step, or of the last; x int16_t or, where `wide`, int32_t. */
SNN_KERNEL void snn_time_last_i32(ptrdiff_t n, int wide, const void *x, int32_t *y,
                                  snn_counts *counts) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = snn_get(x, wide, i);
    }
    (void)counts;
}

/* largest = max(largest, x), and x itself at step 0. Counts a cmp a value, but at step 0. */
SNN_KERNEL void snn_time_max_i32(ptrdiff_t n, int wide, int32_t step, const void *x,
                                 int32_t *largest, snn_counts *counts) {
    for (ptrdiff_t i = 0; i < n; i++) {
        const int32_t value = snn_get(x, wide, i);
        largest[i] = step == 0 || value > largest[i] ? value : largest[i];
    }
    SNN_COUNT(counts, cmp, step == 0 ? 0 : n);
}

/* every[o][step][i] = x[o][i] of outer * inner values. */
SNN_KERNEL void snn_time_stack_i32(int outer, int inner, int32_t time_steps, int32_t step, int wide,
                                   const void *x, int32_t *every, snn_counts *counts) {
    for (int o = 0; o < outer; o++) {
        int32_t *y = every + ((ptrdiff_t)o * time_steps + step) * inner;
        for (int i = 0; i < inner; i++) {
            y[i] = snn_get(x, wide, (ptrdiff_t)o * inner + i);
        }
    }
    (void)counts;
}

/* y[pixel*channels + c] = 1 for a spike, else 0. `in` SPIKE [pixels][SNN_WORDS(channels)]. */
SNN_KERNEL void snn_spike_to_i32(int pixels, int channels, const snn_word *in, int32_t *y) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c++) {
            *y++ = (int32_t)(in[c / SNN_WORD_BITS] >> (c % SNN_WORD_BITS) & 1u);
        }
        in += SNN_WORDS(channels);
    }
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
