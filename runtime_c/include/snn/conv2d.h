/* Two-dimensional convolution of spikes, counts and reals, float32.
 *
 *   out[y][x][co] = bias[co] + sum over ky, kx, ci of  w[ky][kx][ci][co] *
 * in[iy][ix][ci], iy = y*stride_h - pad_h + ky*dilation_h,  ix = x*stride_w -
 * pad_w + kx*dilation_w, taps outside the input left out. Group g reads input
 * channels g*in_c/groups onwards and writes output channels g*out_c/groups
 * onwards.
 *
 * Order of summation, a contract that every kernel and vector variant keeps:
 * from bias[co] (or 0), then ky, kx, ci ascending, one rounding an operation.
 *
 * Weights: [group][block][kernel_h][kernel_w][in_c/groups][co_block], where a
 * block is co_block consecutive output channels of the group and the last block
 * is padded with zeros; co_block 0 means out_c/groups, which gives
 * [group][kernel_h][kernel_w][in_c/groups][out_c/groups]. Multiples of 16 are
 * fast. `bias` [out_c], or NULL. `out` float [out_h*out_w][out_c].
 */
#ifndef SNN_CONV2D_H
#define SNN_CONV2D_H

#include "snn/gather.h"

typedef struct {
    int in_h, in_w, in_c;
    int out_h, out_w, out_c;
    int kernel_h, kernel_w;
    int stride_h, stride_w;
    int pad_h, pad_w; /* above and left; below and right follow from out_h and out_w */
    int dilation_h, dilation_w;
    int groups;
    int co_block; /* output channels a block of weights; 0: out_c / groups */
} snn_conv2d;

SNN_KERNEL int snn_conv2d_co_block(const snn_conv2d *p) {
    return p->co_block ? p->co_block : p->out_c / p->groups;
}

/* Sums of output pixel (y, x) for a tile of channels. `weight`: the tile's part
 * of [ky][kx][ci]. */
SNN_KERNEL void snn_conv2d_pixel(const snn_conv2d *p, enum snn_input_kind kind, const void *in,
                                 int y, int x, int first_in, const float *weight, snn_tile *tile,
                                 int channels, snn_counts *counts) {
    const int in_c = p->in_c / p->groups;
    const int stride = snn_conv2d_co_block(p);
    for (int ky = 0; ky < p->kernel_h; ky++) {
        const int iy = y * p->stride_h - p->pad_h + ky * p->dilation_h;
        if (iy < 0 || iy >= p->in_h) {
            continue;
        }
        for (int kx = 0; kx < p->kernel_w; kx++) {
            const int ix = x * p->stride_w - p->pad_w + kx * p->dilation_w;
            if (ix < 0 || ix >= p->in_w) {
                continue;
            }
            const void *pixel = snn_input_pixel(kind, in, (ptrdiff_t)iy * p->in_w + ix, p->in_c);
            const ptrdiff_t row = (ptrdiff_t)(ky * p->kernel_w + kx) * in_c * stride;
            snn_tile_pixel(tile, channels, kind, pixel, first_in, in_c, weight + row, stride,
                           counts);
        }
    }
}

/* All pixels for output channels `first` .. first + channels - 1. */
SNN_KERNEL void snn_conv2d_tile(const snn_conv2d *p, enum snn_input_kind kind, const void *in,
                                int first_in, const float *weight, const float *bias, int first,
                                int channels, float *out, snn_counts *counts) {
    for (int y = 0; y < p->out_h; y++) {
        for (int x = 0; x < p->out_w; x++) {
            snn_tile tile;
            snn_tile_begin(&tile, channels, bias ? bias + first : NULL);
            snn_conv2d_pixel(p, kind, in, y, x, first_in, weight, &tile, channels, counts);
            snn_tile_end(&tile, channels, out + ((ptrdiff_t)y * p->out_w + x) * p->out_c + first);
        }
    }
}

SNN_KERNEL void snn_conv2d_any(const snn_conv2d *p, enum snn_input_kind kind, const void *in,
                               const float *weight, const float *bias, float *out,
                               snn_counts *counts) {
    const int in_c = p->in_c / p->groups;
    const int out_c = p->out_c / p->groups;
    const int co_block = snn_conv2d_co_block(p);
    const ptrdiff_t block_size = (ptrdiff_t)p->kernel_h * p->kernel_w * in_c * co_block;
    for (int g = 0; g < p->groups; g++) {
        for (int block = 0; block < out_c; block += co_block) {
            const int block_end = snn_min_int(block + co_block, out_c);
            for (int co = block; co < block_end; co += SNN_TILE_CHANNELS) {
                snn_conv2d_tile(p, kind, in, g * in_c, weight + (co - block), bias, g * out_c + co,
                                snn_min_int(SNN_TILE_CHANNELS, block_end - co), out, counts);
            }
            weight += block_size;
        }
    }
}

/* Event-driven. `in` SPIKE [in_h*in_w][SNN_WORDS(in_c)]. Counts an AC for each
 * output channel of each spike at each tap that meets it. */
SNN_KERNEL void snn_conv2d_spike_f32(const snn_conv2d *p, const snn_word *in, const float *weight,
                                     const float *bias, float *out, snn_counts *counts) {
    snn_conv2d_any(p, SNN_INPUT_SPIKE, in, weight, bias, out, counts);
}

/* Dense: every in-bounds tap and channel, w * 0 or w * 1; the same values as
 * the event-driven kernel save the sign of a zero. `in` as there. Counts a MAC
 * a product. */
SNN_KERNEL void snn_conv2d_spike_dense_f32(const snn_conv2d *p, const snn_word *in,
                                           const float *weight, const float *bias, float *out,
                                           snn_counts *counts) {
    snn_conv2d_any(p, SNN_INPUT_SPIKE_DENSE, in, weight, bias, out, counts);
}

/* Event-driven. `in` COUNT [in_h*in_w][in_c]. Counts a MAC for each output
 * channel of each value other than 0 at each tap that meets it. */
SNN_KERNEL void snn_conv2d_count_f32(const snn_conv2d *p, const uint16_t *in, const float *weight,
                                     const float *bias, float *out, snn_counts *counts) {
    snn_conv2d_any(p, SNN_INPUT_COUNT, in, weight, bias, out, counts);
}

/* Dense. `in` REAL [in_h*in_w][in_c]. Counts a MAC a product, in-bounds taps
 * only. */
SNN_KERNEL void snn_conv2d_real_f32(const snn_conv2d *p, const float *in, const float *weight,
                                    const float *bias, float *out, snn_counts *counts) {
    snn_conv2d_any(p, SNN_INPUT_REAL, in, weight, bias, out, counts);
}

#endif
