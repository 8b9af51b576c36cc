/* Dense convolution: a block of pixels and channels in registers, every weight
 * loaded once for all the pixels of the block. Pixels whose taps all lie inside
 * the row form blocks; the others, at the left and right edge, are computed one
 * by one. */
#ifndef SNN_SYNAPSES_CONV2D_DENSE_H
#define SNN_SYNAPSES_CONV2D_DENSE_H

#include "snn/synapses/conv2d_shape.h"

#if SNN_VEC_REGISTERS >= 32
#define SNN_DENSE_VECTORS 4
#define SNN_DENSE_PIXELS 6
#elif SNN_VEC_REGISTERS >= 8
#define SNN_DENSE_VECTORS 1
#define SNN_DENSE_PIXELS 6
#else
#define SNN_DENSE_VECTORS 1
#define SNN_DENSE_PIXELS 4
#endif
#define SNN_DENSE_CHANNELS (SNN_DENSE_VECTORS * SNN_LANES)

typedef struct {
    snn_f32x16 sum[SNN_DENSE_PIXELS][SNN_DENSE_VECTORS];
} snn_dense_block;

SNN_KERNEL void snn_dense_begin(snn_dense_block *block, int pixels, int channels,
                                const float *bias) {
    SNN_UNROLL
    for (int v = 0; v < SNN_DENSE_VECTORS; v++) {
        const int left = channels - v * SNN_LANES;
        const snn_f32x16 first = bias && left > 0 ? snn_f32x16_load_upto(bias + v * SNN_LANES, left)
                                                  : snn_f32x16_set1(0.0f);
        SNN_UNROLL
        for (int pixel = 0; pixel < pixels; pixel++) {
            block->sum[pixel][v] = first;
        }
    }
}

SNN_KERNEL void snn_dense_end(const snn_dense_block *block, int pixels, int channels, float *out,
                              int stride) {
    SNN_UNROLL
    for (int pixel = 0; pixel < pixels; pixel++) {
        SNN_UNROLL
        for (int v = 0; v < SNN_VECTORS(channels); v++) {
            snn_f32x16_store_upto(out + (ptrdiff_t)pixel * stride + v * SNN_LANES,
                                  block->sum[pixel][v], channels - v * SNN_LANES);
        }
    }
}

/* sum[pixel] += x[pixel * x_stride + ci] * row ci, for n channels ci ascending.
 */
SNN_KERNEL void snn_dense_rows(snn_dense_block *block, int pixels, int channels, const float *x,
                               ptrdiff_t x_stride, int n, const float *weight, int stride,
                               snn_counts *counts) {
    for (int ci = 0; ci < n; ci++) {
        const float *const row = weight + (ptrdiff_t)ci * stride;
        snn_f32x16 w[SNN_DENSE_VECTORS];
        SNN_UNROLL
        for (int v = 0; v < SNN_DENSE_VECTORS; v++) {
            const int left = channels - v * SNN_LANES;
            w[v] =
                left > 0 ? snn_f32x16_load_upto(row + v * SNN_LANES, left) : snn_f32x16_set1(0.0f);
        }
        SNN_UNROLL
        for (int pixel = 0; pixel < pixels; pixel++) {
            const snn_f32x16 value = snn_f32x16_set1(x[pixel * x_stride + ci]);
            SNN_UNROLL
            for (int v = 0; v < SNN_VECTORS(channels); v++) {
                block->sum[pixel][v] =
                    snn_f32x16_add(block->sum[pixel][v], snn_f32x16_mul(value, w[v]));
            }
        }
        SNN_COUNT(counts, mac, pixels * channels);
    }
}

/* One tap of a block: input pixels ix, ix + stride_w, ... of row iy. */
SNN_KERNEL void snn_dense_tap(const snn_conv2d *p, snn_conv2d_source source, int iy, int ix,
                              const float *weight, snn_dense_block *block, int pixels, int channels,
                              snn_counts *counts) {
    const int in_c = snn_conv2d_in_c(p);
    const int stride = snn_conv2d_co_block(p);
    const ptrdiff_t at = (ptrdiff_t)iy * p->in_w + ix;
    if (source.kind == SNN_INPUT_REAL) {
        const float *const x = (const float *)source.in + at * p->in_c + source.first;
        snn_dense_rows(block, pixels, channels, x, (ptrdiff_t)p->stride_w * p->in_c, in_c, weight,
                       stride, counts);
        return;
    }
    for (int c = 0; c < in_c; c += SNN_WORD_BITS) {
        const int n = snn_min_int(in_c - c, SNN_WORD_BITS);
        float x[SNN_DENSE_PIXELS][SNN_WORD_BITS];
        for (int pixel = 0; pixel < pixels; pixel++) {
            const snn_word *const words =
                (const snn_word *)source.in + (at + pixel * p->stride_w) * SNN_WORDS(p->in_c);
            const snn_word bits = snn_spikes_from(words, source.first + c, n);
            const snn_f32x16 one = snn_f32x16_set1(1.0f), zero = snn_f32x16_set1(0.0f);
            snn_f32x16_store(x[pixel], snn_f32x16_select(bits & 0xFFFFu, one, zero));
            snn_f32x16_store(x[pixel] + SNN_LANES, snn_f32x16_select(bits >> SNN_LANES, one, zero));
        }
        snn_dense_rows(block, pixels, channels, x[0], SNN_WORD_BITS, n,
                       weight + (ptrdiff_t)c * stride, stride, counts);
    }
}

/* Output pixels (y, x) .. (y, x + pixels - 1). Where pixels > 1, all their taps
 * lie inside. */
SNN_KERNEL void snn_dense_pixels(const snn_conv2d *p, snn_conv2d_source source, int y, int x,
                                 const float *weight, const float *bias, int pixels, int channels,
                                 float *out, snn_counts *counts) {
    const int x0 = x * p->stride_w - p->pad_w;
    snn_dense_block block;
    snn_dense_begin(&block, pixels, channels, bias);
    for (int ky = 0; ky < p->kernel_h; ky++) {
        const int iy = y * p->stride_h - p->pad_h + ky * p->dilation_h;
        if (iy < 0 || iy >= p->in_h) {
            continue;
        }
        for (int kx = 0; kx < p->kernel_w; kx++) {
            const int ix = x0 + kx * p->dilation_w;
            if (pixels > 1 || (ix >= 0 && ix < p->in_w)) {
                const ptrdiff_t tap = (ptrdiff_t)kx * snn_conv2d_in_c(p) * snn_conv2d_co_block(p);
                snn_dense_tap(p, source, iy, ix, weight + ky * snn_conv2d_kernel_row(p) + tap,
                              &block, pixels, channels, counts);
            }
        }
    }
    snn_dense_end(&block, pixels, channels, out, p->out_c);
}

/* The output pixels of a tile; `bias` and `out` begin at its first channel. */
SNN_KERNEL void snn_conv2d_dense_tile(const snn_conv2d *p, snn_conv2d_source source,
                                      const float *weight, const float *bias, int channels,
                                      float *out, snn_counts *counts) {
    const int reach = (p->kernel_w - 1) * p->dilation_w;
    const int inside = (p->pad_w + p->stride_w - 1) / p->stride_w; /* first with all taps inside */
    for (int y = source.first_row; y < source.first_row + source.rows; y++) {
        for (int x = 0; x < p->out_w;) {
            const int last = (x + SNN_DENSE_PIXELS - 1) * p->stride_w - p->pad_w + reach;
            if (x >= inside && last < p->in_w && x + SNN_DENSE_PIXELS <= p->out_w) {
                snn_dense_pixels(p, source, y, x, weight, bias, SNN_DENSE_PIXELS, channels, out,
                                 counts);
                x += SNN_DENSE_PIXELS;
                out += (ptrdiff_t)SNN_DENSE_PIXELS * p->out_c;
            } else {
                snn_dense_pixels(p, source, y, x, weight, bias, 1, channels, out, counts);
                x++;
                out += p->out_c;
            }
        }
    }
}

#endif
