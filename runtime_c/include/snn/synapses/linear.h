/* Fully connected layer over spikes, counts and reals, float32.
 *
 *   out[co] = bias[co] + sum over pixel, ci of w[pixel][ci][co] * in[pixel][ci]
 *
 * Order of summation, a contract: from bias[co] (or 0), then pixel, ci ascending, one rounding an
 * operation.
 *
 *   weight  float [pixels][in_c][out_c]
 *   bias    float [out_c], or NULL
 *   out     float [out_c]
 */
#ifndef SNN_SYNAPSES_LINEAR_H
#define SNN_SYNAPSES_LINEAR_H

#include "snn/synapses/gather.h"

typedef struct {
    int pixels; /* H*W of the input tensor; 1 for a vector */
    int in_c;   /* channels a pixel */
    int out_c;
} snn_linear;

/* Output channels first .. first + channels - 1. */
SNN_KERNEL void snn_linear_tile(const snn_linear *p, enum snn_input_kind kind, const void *in,
                                const float *weight, const float *bias, int first, int channels,
                                float *out, snn_counts *counts) {
    snn_tile tile;
    snn_tile_begin(&tile, channels, bias ? bias + first : NULL);
    for (int pixel = 0; pixel < p->pixels; pixel++) {
        const float *rows = weight + (ptrdiff_t)pixel * p->in_c * p->out_c + first;
        snn_tile_pixel(&tile, channels, kind, snn_input_pixel(kind, in, pixel, p->in_c), 0, p->in_c,
                       rows, p->out_c, counts);
    }
    snn_tile_end(&tile, channels, out + first);
}

SNN_KERNEL void snn_linear_any(const snn_linear *p, enum snn_input_kind kind, const void *in,
                               const float *weight, const float *bias, float *out,
                               snn_counts *counts) {
    const int full = p->out_c / SNN_TILE_CHANNELS * SNN_TILE_CHANNELS;
    for (int co = 0; co < full; co += SNN_TILE_CHANNELS) {
        snn_linear_tile(p, kind, in, weight, bias, co, SNN_TILE_CHANNELS, out, counts);
    }
    if (full < p->out_c) {
        snn_linear_tile(p, kind, in, weight, bias, full, p->out_c - full, out, counts);
    }
}

/* Spikes are worked on in lots: the rows of a lot are listed, and fetched meanwhile, since they lie
 * scattered over weights that only a far cache holds. */
#define SNN_LINEAR_LOT 64
#define SNN_LINEAR_LOT_BYTES 131072

typedef struct {
    const float *row[SNN_LINEAR_LOT + SNN_WORD_BITS];
    int n;
    const float *from; /* the sums so far: the bias, or the output */
} snn_linear_lot;

/* Lists the row of each spike of a word; `rows` begins with that of its first channel. */
SNN_KERNEL void snn_linear_list(const snn_linear *p, snn_linear_lot *lot, snn_word bits,
                                const float *rows) {
    for (; bits; bits &= bits - 1u) {
        const float *const row = rows + (ptrdiff_t)snn_lowest_bit(bits) * p->out_c;
        for (int c = 0; c < p->out_c; c += SNN_LINE_FLOATS) {
            SNN_FETCH(row + c);
        }
        lot->row[lot->n++] = row;
    }
}

/* Adds the rows of a lot to output channels first .. first + channels - 1. */
SNN_KERNEL void snn_linear_lot_tile(const snn_linear_lot *lot, int first, int channels, float *out,
                                    snn_counts *counts) {
    snn_tile tile;
    snn_tile_begin(&tile, channels, lot->from ? lot->from + first : NULL);
    for (int i = 0; i < lot->n; i++) {
        snn_tile_add(&tile, channels, lot->row[i] + first);
        SNN_COUNT(counts, ac, channels);
    }
    snn_tile_end(&tile, channels, out + first);
}

SNN_KERNEL void snn_linear_lot_add(const snn_linear *p, snn_linear_lot *lot, float *out,
                                   snn_counts *counts) {
    const int full = p->out_c / SNN_TILE_CHANNELS * SNN_TILE_CHANNELS;
    for (int co = 0; co < full; co += SNN_TILE_CHANNELS) {
        snn_linear_lot_tile(lot, co, SNN_TILE_CHANNELS, out, counts);
    }
    if (full < p->out_c) {
        snn_linear_lot_tile(lot, full, p->out_c - full, out, counts);
    }
    lot->from = out;
    lot->n = 0;
}

/* Event-driven. `in` SPIKE [pixels][SNN_WORDS(in_c)]. Counts out_c ACs a spike.
 */
SNN_KERNEL void snn_linear_spike_f32(const snn_linear *p, const snn_word *in, const float *weight,
                                     const float *bias, float *out, snn_counts *counts) {
    const int32_t fitting = SNN_LINEAR_LOT_BYTES / (int32_t)sizeof(float) / p->out_c;
    const int most = fitting >= SNN_LINEAR_LOT ? SNN_LINEAR_LOT : snn_max_int((int)fitting, 1);
    snn_linear_lot lot;
    lot.n = 0;
    lot.from = bias;
    for (int pixel = 0; pixel < p->pixels; pixel++) {
        for (int c = 0; c < p->in_c; c += SNN_WORD_BITS) {
            snn_linear_list(p, &lot, *in++, weight + (ptrdiff_t)c * p->out_c);
            if (lot.n >= most) {
                snn_linear_lot_add(p, &lot, out, counts);
            }
        }
        weight += (ptrdiff_t)p->in_c * p->out_c;
    }
    snn_linear_lot_add(p, &lot, out, counts);
}

/* Dense, w * 0 or w * 1: the same values save the sign of a zero. Counts a MAC
 * a product. */
SNN_KERNEL void snn_linear_spike_dense_f32(const snn_linear *p, const snn_word *in,
                                           const float *weight, const float *bias, float *out,
                                           snn_counts *counts) {
    snn_linear_any(p, SNN_INPUT_SPIKE_DENSE, in, weight, bias, out, counts);
}

/* Event-driven. `in` COUNT [pixels][in_c]. Counts out_c MACs a value other than
 * 0. */
SNN_KERNEL void snn_linear_count_f32(const snn_linear *p, const uint16_t *in, const float *weight,
                                     const float *bias, float *out, snn_counts *counts) {
    snn_linear_any(p, SNN_INPUT_COUNT, in, weight, bias, out, counts);
}

/* Dense. `in` REAL [pixels][in_c]. Counts a MAC a product. */
SNN_KERNEL void snn_linear_real_f32(const snn_linear *p, const float *in, const float *weight,
                                    const float *bias, float *out, snn_counts *counts) {
    snn_linear_any(p, SNN_INPUT_REAL, in, weight, bias, out, counts);
}

#endif
