/* Fully connected layer over the spikes of several steps at once, with int8 weights: the values of
 * linear_i8.h, a block of rows after the other as in linear_steps.h.
 *
 * `in` SPIKE [steps][pixels][SNN_WORDS(in_c)]; `out` [steps][out_c], int32_t where `wide`, else
 * int16_t; the rest as in linear_i8.h. */
#ifndef SNN_INT8_LINEAR_STEPS_I8_H
#define SNN_INT8_LINEAR_STEPS_I8_H

#include "snn/int8/linear_i8.h"
#include "snn/synapses/linear_steps.h"

/* Adds what the spikes of one step select in a block; `rows` begins with that of its first channel.
 */
SNN_KERNEL void snn_block_gather(const snn_linear *p, snn_linear_block block, snn_gather *gather,
                                 const snn_word *in, const int8_t *rows) {
    const ptrdiff_t pixel_bytes = (ptrdiff_t)p->in_c * snn_row_bytes(gather->order, p->out_c);
    for (int pixel = 0; pixel < block.pixels; pixel++) {
        const snn_word *const words = in + (ptrdiff_t)(block.pixel + pixel) * SNN_WORDS(p->in_c);
        snn_gather_spikes(gather, words, block.channel, block.channels, rows + pixel * pixel_bytes);
    }
    if (gather->end > gather->row || gather->from != gather->sum) {
        snn_gather_flush(gather, SNN_INPUT_SPIKE);
    }
}

/* Event-driven. Counts out_c ACs a spike. */
SNN_KERNEL void snn_linear_steps_spike_i8(const snn_linear *p, int steps, int wide,
                                          enum snn_order order, const snn_word *in,
                                          const int8_t *weight, const void *bias, void *out,
                                          snn_counts *counts) {
    const int8_t *row[SNN_LIST_FULL + SNN_LIST_AHEAD];
    uint8_t value[SNN_LIST_FULL + SNN_LIST_AHEAD];
    const int bytes = snn_row_bytes(order, p->out_c);
    const ptrdiff_t sums = (ptrdiff_t)p->out_c * (wide ? 4 : 2);
    snn_linear_block next = snn_block_first(p, snn_block_rows(p, bytes, steps, in));
    int begun = 0;
    do {
        const snn_linear_block block = snn_block_inside(p, next);
        const ptrdiff_t first = (ptrdiff_t)block.pixel * p->in_c + block.channel;
        for (int t = 0; t < steps; t++) {
            void *const sum = (char *)out + t * sums;
            snn_gather gather = {sum, wide, p->out_c, order, begun ? sum : bias,
                                 0,   row,  row,      value, counts};
            const ptrdiff_t words = (ptrdiff_t)t * p->pixels * SNN_WORDS(p->in_c);
            snn_block_gather(p, block, &gather, in + words, weight + first * bytes);
        }
        begun = 1;
    } while (snn_block_next(p, &next));
}

#endif
