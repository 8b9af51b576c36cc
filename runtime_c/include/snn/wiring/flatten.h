/* From channels-last memory to PyTorch's flattened order (C, H, W), as one
 * vector.
 *
 * out element c * pixels + p is element (p, c) of the input. Nothing is
 * counted: only moves.
 */
#ifndef SNN_WIRING_FLATTEN_H
#define SNN_WIRING_FLATTEN_H

#include "snn/types.h"

SNN_KERNEL void snn_flatten_real(int pixels, int channels, const float *in, float *out,
                                 snn_counts *counts) {
    (void)counts;
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c++) {
            out[(ptrdiff_t)c * pixels + pixel] = *in++;
        }
    }
}

SNN_KERNEL void snn_flatten_count(int pixels, int channels, const uint16_t *in, uint16_t *out,
                                  snn_counts *counts) {
    (void)counts;
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c++) {
            out[(ptrdiff_t)c * pixels + pixel] = *in++;
        }
    }
}

/* in [pixels][SNN_WORDS(channels)], out [SNN_WORDS(channels * pixels)]. */
SNN_KERNEL void snn_flatten_spike(int pixels, int channels, const snn_word *in, snn_word *out,
                                  snn_counts *counts) {
    (void)counts;
    for (int w = 0; w < SNN_WORDS(channels * pixels); w++) {
        out[w] = 0;
    }
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int w = 0; w < SNN_WORDS(channels); w++) {
            for (snn_word bits = *in++; bits; bits &= bits - 1u) {
                const int channel = w * SNN_WORD_BITS + snn_lowest_bit(bits);
                const int at = channel * pixels + pixel;
                out[at / SNN_WORD_BITS] |= (snn_word)1 << (at % SNN_WORD_BITS);
            }
        }
    }
}

#endif
