/* Accumulating rows of int8 weights into int16 or int32 sums, in memory.
 *
 * acc[co] += value[ci] * w[ci][co]. Integer sums are exact in any order, as long as they fit: the
 * compiler chooses int16 (`wide` 0) only where the sums of positive and of negative weights, times
 * the largest input, cannot leave it, so that no partial sum can either. */
#ifndef SNN_GATHER_I8_H
#define SNN_GATHER_I8_H

#include "snn/fixed_point.h"
#include "snn/gather.h"

/* Sums start from `bias` (`channels` values), or from 0 where it is NULL. */
SNN_KERNEL void snn_sums_begin(void *acc, int wide, int channels, const int32_t *bias) {
    for (int c = 0; c < channels; c++) {
        snn_put(acc, wide, c, bias ? bias[c] : 0);
    }
}

#if defined(__ARM_FEATURE_DSP) && !defined(SNN_VEC_PORTABLE)
#include <arm_acle.h>
#define SNN_DSP 1
#endif

#ifdef SNN_DSP
/* Four int8 weights onto four int16 sums: sign-extend even and odd bytes in pairs, put the pairs in
 * order, add pairs. The cores that have these instructions load words at any address. */
SNN_KERNEL void snn_sums_add_four(int16_t *sum, const int8_t *row) {
    uint32_t bytes, low, high;
    __builtin_memcpy(&bytes, row, sizeof bytes);
    __builtin_memcpy(&low, sum, sizeof low);
    __builtin_memcpy(&high, sum + 2, sizeof high);
    const uint32_t even = (uint32_t)__sxtb16((int8x4_t)bytes);
    const uint32_t odd = (uint32_t)__sxtb16((int8x4_t)(bytes >> 8 | bytes << 24));
    low = (uint32_t)__sadd16((int16x2_t)low, (int16x2_t)((even & 0xFFFFu) | odd << 16));
    high = (uint32_t)__sadd16((int16x2_t)high, (int16x2_t)(even >> 16 | (odd & 0xFFFF0000u)));
    __builtin_memcpy(sum, &low, sizeof low);
    __builtin_memcpy(sum + 2, &high, sizeof high);
}
#endif

/* acc += row */
SNN_KERNEL void snn_sums_add(void *acc, int wide, int channels, const int8_t *row) {
    if (wide) {
        int32_t *restrict const sum = (int32_t *)acc;
        for (int c = 0; c < channels; c++) {
            sum[c] += row[c];
        }
    } else {
        int16_t *restrict const sum = (int16_t *)acc;
        int c = 0;
#ifdef SNN_DSP
        for (; c + 4 <= channels; c += 4) {
            snn_sums_add_four(sum + c, row + c);
        }
#endif
        for (; c < channels; c++) {
            sum[c] = (int16_t)(sum[c] + row[c]);
        }
    }
}

/* acc += value * row */
SNN_KERNEL void snn_sums_multiply_add(void *acc, int wide, int channels, const int8_t *row,
                                      int32_t value) {
    if (wide) {
        int32_t *restrict const sum = (int32_t *)acc;
        for (int c = 0; c < channels; c++) {
            sum[c] += value * row[c];
        }
    } else {
        int16_t *restrict const sum = (int16_t *)acc;
        for (int c = 0; c < channels; c++) {
            sum[c] = (int16_t)(sum[c] + value * row[c]);
        }
    }
}

/* Adds the rows of channels first .. first + n - 1 of a pixel; row ci - first starts at
 * weight + (ci - first) * channels. SPIKE: set bits only, an AC each and output channel.
 * SPIKE_DENSE: every channel, a MAC. COUNT and COUNT8: values other than 0, a MAC. */
SNN_KERNEL void snn_sums_pixel(void *acc, int wide, int channels, enum snn_input_kind kind,
                               const void *pixel, int first, int n, const int8_t *weight,
                               snn_counts *counts) {
    if (kind == SNN_INPUT_SPIKE) {
        const snn_word *const words = (const snn_word *)pixel;
        for (int base = 0; base < n; base += SNN_WORD_BITS) {
            snn_word bits =
                snn_spikes_from(words, first + base, snn_min_int(n - base, SNN_WORD_BITS));
            while (bits) {
                const int ci = base + snn_lowest_bit(bits);
                bits &= bits - 1u;
                snn_sums_add(acc, wide, channels, weight + (ptrdiff_t)ci * channels);
                SNN_COUNT(counts, ac, channels);
            }
        }
        return;
    }
    for (int ci = 0; ci < n; ci++) {
        int32_t value;
        if (kind == SNN_INPUT_COUNT) {
            value = ((const uint16_t *)pixel)[first + ci];
        } else if (kind == SNN_INPUT_COUNT8) {
            value = ((const uint8_t *)pixel)[first + ci];
        } else {
            value = snn_spike_at((const snn_word *)pixel, first + ci);
        }
        if (kind != SNN_INPUT_SPIKE_DENSE && value == 0) {
            continue;
        }
        snn_sums_multiply_add(acc, wide, channels, weight + (ptrdiff_t)ci * channels, value);
        SNN_COUNT(counts, mac, channels);
    }
}

#endif
