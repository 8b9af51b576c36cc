/* Convolution that reads its input as it stands: no working memory, for small
 * targets and odd shapes. */
#ifndef SNN_SYNAPSES_CONV2D_DIRECT_H
#define SNN_SYNAPSES_CONV2D_DIRECT_H

#include "snn/synapses/conv2d_shape.h"

/* Sums of output pixel (y, x) for a tile of channels. `weight`: the tile's part
 * of [ky][kx][ci]. */
SNN_KERNEL void snn_conv2d_direct_pixel(const snn_conv2d *p, snn_conv2d_source source, int y, int x,
                                        const float *weight, snn_tile *tile, int channels,
                                        snn_counts *counts) {
    const int in_c = snn_conv2d_in_c(p);
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
            const void *pixel =
                snn_input_pixel(source.kind, source.in, (ptrdiff_t)iy * p->in_w + ix, p->in_c);
            const ptrdiff_t row = (ptrdiff_t)(ky * p->kernel_w + kx) * in_c * stride;
            snn_tile_pixel(tile, channels, source.kind, pixel, source.first, in_c, weight + row,
                           stride, counts);
        }
    }
}

/* The output pixels of a tile; `bias` and `out` begin at its first channel. */
SNN_KERNEL void snn_conv2d_direct_tile(const snn_conv2d *p, snn_conv2d_source source,
                                       const float *weight, const float *bias, int channels,
                                       float *out, snn_counts *counts) {
    for (int y = source.first_row; y < source.first_row + source.rows; y++) {
        for (int x = 0; x < p->out_w; x++) {
            snn_tile tile;
            snn_tile_begin(&tile, channels, bias);
            snn_conv2d_direct_pixel(p, source, y, x, weight, &tile, channels, counts);
            snn_tile_end(&tile, channels, out);
            out += p->out_c;
        }
    }
}

#endif
