/* Accumulating rows of weights into a tile of output channels held in
 * registers.
 *
 * A convolution or a linear layer is a sum of weight rows: acc[co] += value[ci]
 * * w[ci][co], ci ascending. The functions here add the rows of one input
 * pixel. They are shared by conv2d.h and linear.h.
 */
#ifndef SNN_SYNAPSES_GATHER_H
#define SNN_SYNAPSES_GATHER_H

#include "snn/types.h"
#include "snn/vec.h"

/* How input values are stored and which of them are worked on. */
enum snn_input_kind {
    SNN_INPUT_SPIKE,       /* words; set bits only */
    SNN_INPUT_SPIKE_DENSE, /* words; every channel, no branch on activity */
    SNN_INPUT_COUNT,       /* uint16_t; values other than 0 only */
    SNN_INPUT_REAL,        /* float; every channel */
    SNN_INPUT_COUNT8       /* uint8_t; values other than 0 only (integer kernels) */
};

/* Vectors of output channels that stay in registers together. */
#define SNN_TILE_VECTORS 4
#define SNN_TILE_CHANNELS (SNN_TILE_VECTORS * SNN_LANES)

typedef struct {
    snn_f32x16 sum[SNN_TILE_VECTORS];
} snn_tile;

/* Sums start from `bias` (`channels` values), or from 0 where it is NULL. */
SNN_KERNEL void snn_tile_begin(snn_tile *tile, int channels, const float *bias) {
    SNN_UNROLL
    for (int v = 0; v < SNN_TILE_VECTORS; v++) {
        const int left = channels - v * SNN_LANES;
        tile->sum[v] = bias && left > 0 ? snn_f32x16_load_upto(bias + v * SNN_LANES, left)
                                        : snn_f32x16_set1(0.0f);
    }
}

SNN_KERNEL void snn_tile_end(const snn_tile *tile, int channels, float *out) {
    SNN_UNROLL
    for (int v = 0; v < SNN_VECTORS(channels); v++) {
        snn_f32x16_store_upto(out + v * SNN_LANES, tile->sum[v], channels - v * SNN_LANES);
    }
}

/* sum += row */
SNN_KERNEL void snn_tile_add(snn_tile *tile, int channels, const float *row) {
    SNN_UNROLL
    for (int v = 0; v < SNN_VECTORS(channels); v++) {
        const snn_f32x16 w = snn_f32x16_load_upto(row + v * SNN_LANES, channels - v * SNN_LANES);
        tile->sum[v] = snn_f32x16_add(tile->sum[v], w);
    }
}

/* sum += value * row, two roundings */
SNN_KERNEL void snn_tile_multiply_add(snn_tile *tile, int channels, const float *row, float value) {
    const snn_f32x16 factor = snn_f32x16_set1(value);
    SNN_UNROLL
    for (int v = 0; v < SNN_VECTORS(channels); v++) {
        const snn_f32x16 w = snn_f32x16_load_upto(row + v * SNN_LANES, channels - v * SNN_LANES);
        tile->sum[v] = snn_f32x16_add(tile->sum[v], snn_f32x16_mul(factor, w));
    }
}

/* Up to 32 spikes from channel `first` on (first + n <= channels of the pixel),
 * as one word. */
SNN_KERNEL snn_word snn_spikes_from(const snn_word *pixel, int first, int n) {
    const int shift = first % SNN_WORD_BITS;
    snn_word bits = pixel[first / SNN_WORD_BITS] >> shift;
    if (shift && shift + n > SNN_WORD_BITS) {
        bits |= pixel[first / SNN_WORD_BITS + 1] << (SNN_WORD_BITS - shift);
    }
    return bits & snn_low_bits(n);
}

/* Adds the rows of the spikes among channels first .. first + n - 1 of a pixel.
 * Row ci - first starts at weight + (ci - first) * stride. Counts an AC a real
 * output channel and spike. */
SNN_KERNEL void snn_tile_spikes(snn_tile *tile, int channels, const snn_word *pixel, int first,
                                int n, const float *weight, int stride, snn_counts *counts) {
    for (int base = 0; base < n; base += SNN_WORD_BITS) {
        snn_word bits = snn_spikes_from(pixel, first + base, snn_min_int(n - base, SNN_WORD_BITS));
        while (bits) {
            const int ci = base + snn_lowest_bit(bits);
            bits &= bits - 1u;
            snn_tile_add(tile, channels, weight + (ptrdiff_t)ci * stride);
            SNN_COUNT(counts, ac, channels);
        }
    }
}

/* Adds the rows of channels first .. first + n - 1 of a pixel, whatever `kind`
 * stores. */
SNN_KERNEL void snn_tile_pixel(snn_tile *tile, int channels, enum snn_input_kind kind,
                               const void *pixel, int first, int n, const float *weight, int stride,
                               snn_counts *counts) {
    if (kind == SNN_INPUT_SPIKE) {
        snn_tile_spikes(tile, channels, (const snn_word *)pixel, first, n, weight, stride, counts);
        return;
    }
    for (int ci = 0; ci < n; ci++) {
        float value;
        if (kind == SNN_INPUT_SPIKE_DENSE) {
            value = (float)snn_spike_at((const snn_word *)pixel, first + ci);
        } else if (kind == SNN_INPUT_COUNT) {
            value = (float)((const uint16_t *)pixel)[first + ci];
        } else {
            value = ((const float *)pixel)[first + ci];
        }
        if (kind == SNN_INPUT_COUNT && value == 0.0f) {
            continue;
        }
        snn_tile_multiply_add(tile, channels, weight + (ptrdiff_t)ci * stride, value);
        SNN_COUNT(counts, mac, channels);
    }
}

/* Address of pixel `index` of an input with `channels` channels. */
SNN_KERNEL const void *snn_input_pixel(enum snn_input_kind kind, const void *in, ptrdiff_t index,
                                       int channels) {
    if (kind == SNN_INPUT_COUNT) {
        return (const uint16_t *)in + index * channels;
    }
    if (kind == SNN_INPUT_COUNT8) {
        return (const uint8_t *)in + index * channels;
    }
    if (kind == SNN_INPUT_REAL) {
        return (const float *)in + index * channels;
    }
    return (const snn_word *)in + index * SNN_WORDS(channels);
}

#endif
