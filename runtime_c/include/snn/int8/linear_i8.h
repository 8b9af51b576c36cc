/* Fully connected layer over spikes and counts with int8 weights: the sums of linear.h, in
 * integers, exact.
 *
 * Weights int8 [pixels][in_c][row], a row being the out_c outputs in `order` (vec/rows.h); `bias`
 * [out_c] in units of the sums, or NULL; `out` [out_c]. Both are int32_t where `wide`, else
 * int16_t. */
#ifndef SNN_INT8_LINEAR_I8_H
#define SNN_INT8_LINEAR_I8_H

#include "snn/int8/gather_i8.h"
#include "snn/synapses/linear.h"

SNN_KERNEL void snn_linear_i8_any(const snn_linear *p, int wide, enum snn_order order,
                                  enum snn_input_kind kind, const void *in, const int8_t *weight,
                                  const void *bias, void *out, snn_counts *counts) {
    const int8_t *row[SNN_LIST_FULL + SNN_LIST_AHEAD];
    uint8_t value[SNN_LIST_FULL + SNN_LIST_AHEAD];
    const ptrdiff_t pixel_bytes = (ptrdiff_t)p->in_c * snn_row_bytes(order, p->out_c);
    snn_gather gather = {out, wide, p->out_c, order, bias, 0, row, row, value, counts};
    for (int pixel = 0; pixel < p->pixels; pixel++) {
        snn_gather_pixel(&gather, kind, snn_input_pixel(kind, in, pixel, p->in_c), 0, p->in_c,
                         weight + pixel * pixel_bytes);
    }
    snn_gather_flush(&gather, kind);
}

/* Event-driven. `in` SPIKE [pixels][SNN_WORDS(in_c)]. Counts out_c ACs a spike. */
SNN_KERNEL void snn_linear_spike_i8(const snn_linear *p, int wide, enum snn_order order,
                                    const snn_word *in, const int8_t *weight, const void *bias,
                                    void *out, snn_counts *counts) {
    snn_linear_i8_any(p, wide, order, SNN_INPUT_SPIKE, in, weight, bias, out, counts);
}

/* Dense: the same values. Counts a MAC a product. */
SNN_KERNEL void snn_linear_spike_dense_i8(const snn_linear *p, int wide, enum snn_order order,
                                          const snn_word *in, const int8_t *weight,
                                          const void *bias, void *out, snn_counts *counts) {
    snn_linear_i8_any(p, wide, order, SNN_INPUT_SPIKE_DENSE, in, weight, bias, out, counts);
}

/* Event-driven. `in` COUNT [pixels][in_c]. Counts out_c MACs a value other than 0. */
SNN_KERNEL void snn_linear_count_i8(const snn_linear *p, int wide, enum snn_order order,
                                    const uint16_t *in, const int8_t *weight, const void *bias,
                                    void *out, snn_counts *counts) {
    snn_linear_i8_any(p, wide, order, SNN_INPUT_COUNT, in, weight, bias, out, counts);
}

/* The same for `in` of uint8_t. */
SNN_KERNEL void snn_linear_count8_i8(const snn_linear *p, int wide, enum snn_order order,
                                     const uint8_t *in, const int8_t *weight, const void *bias,
                                     void *out, snn_counts *counts) {
    snn_linear_i8_any(p, wide, order, SNN_INPUT_COUNT8, in, weight, bias, out, counts);
}

#endif
