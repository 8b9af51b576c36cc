/* Fully connected layer over spikes and counts with int8 weights: the sums of linear.h, in
 * integers, exact.
 *
 * Weights int8 [pixels][in_c][out_c]; `bias` int32 [out_c] in units of the sums, or NULL; `out`
 * [out_c], int32_t where `wide`, else int16_t. */
#ifndef SNN_LINEAR_I8_H
#define SNN_LINEAR_I8_H

#include "snn/gather_i8.h"
#include "snn/linear.h"

SNN_KERNEL void snn_linear_i8_any(const snn_linear *p, int wide, enum snn_input_kind kind,
                                  const void *in, const int8_t *weight, const int32_t *bias,
                                  void *out, snn_counts *counts) {
    snn_sums_begin(out, wide, p->out_c, bias);
    for (int pixel = 0; pixel < p->pixels; pixel++) {
        const int8_t *const rows = weight + (ptrdiff_t)pixel * p->in_c * p->out_c;
        snn_sums_pixel(out, wide, p->out_c, kind, snn_input_pixel(kind, in, pixel, p->in_c), 0,
                       p->in_c, rows, counts);
    }
}

/* Event-driven. `in` SPIKE [pixels][SNN_WORDS(in_c)]. Counts out_c ACs a spike. */
SNN_KERNEL void snn_linear_spike_i8(const snn_linear *p, int wide, const snn_word *in,
                                    const int8_t *weight, const int32_t *bias, void *out,
                                    snn_counts *counts) {
    snn_linear_i8_any(p, wide, SNN_INPUT_SPIKE, in, weight, bias, out, counts);
}

/* Dense: the same values. Counts a MAC a product. */
SNN_KERNEL void snn_linear_spike_dense_i8(const snn_linear *p, int wide, const snn_word *in,
                                          const int8_t *weight, const int32_t *bias, void *out,
                                          snn_counts *counts) {
    snn_linear_i8_any(p, wide, SNN_INPUT_SPIKE_DENSE, in, weight, bias, out, counts);
}

/* Event-driven. `in` COUNT [pixels][in_c]. Counts out_c MACs a value other than 0. */
SNN_KERNEL void snn_linear_count_i8(const snn_linear *p, int wide, const uint16_t *in,
                                    const int8_t *weight, const int32_t *bias, void *out,
                                    snn_counts *counts) {
    snn_linear_i8_any(p, wide, SNN_INPUT_COUNT, in, weight, bias, out, counts);
}

/* The same for `in` of uint8_t. */
SNN_KERNEL void snn_linear_count8_i8(const snn_linear *p, int wide, const uint8_t *in,
                                     const int8_t *weight, const int32_t *bias, void *out,
                                     snn_counts *counts) {
    snn_linear_i8_any(p, wide, SNN_INPUT_COUNT8, in, weight, bias, out, counts);
}

#endif
