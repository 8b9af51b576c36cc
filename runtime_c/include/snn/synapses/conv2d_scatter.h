/* Event-driven convolution of inputs with few channels, such as event counts of two polarities:
 * each listed event is added to the output pixels that it reaches.
 *
 * Few events lie under a kernel then, and most output pixels would look for them in vain. An output
 * pixel meets its events in raster order, hence with ky, kx and ci ascending: the order of
 * summation of conv2d.h, and the same bits. Layouts and counting are those there.
 */
#ifndef SNN_SYNAPSES_CONV2D_SCATTER_H
#define SNN_SYNAPSES_CONV2D_SCATTER_H

#include "snn/synapses/conv2d_shape.h"

#define SNN_SCATTER_CHANNELS 4 /* most channels of an input of counts that is scattered */

/* Adds an event, an entry of a list, to the output row at `out`; `weight` begins at the kernel row
 * [kx][ci] that lies over the event. */
SNN_KERNEL void snn_conv2d_scatter_event_f32(const snn_conv2d *p, int entry, float value,
                                             const float *weight, int channels, float *out,
                                             snn_counts *counts) {
    const int in_c = snn_conv2d_in_c(p);
    for (int kx = 0; kx < p->kernel_w; kx++) {
        const int reach = entry / in_c + p->pad_w - kx * p->dilation_w;
        if (reach < 0 || reach % p->stride_w || reach / p->stride_w >= p->out_w) {
            continue;
        }
        float *const sums = out + (ptrdiff_t)(reach / p->stride_w) * p->out_c;
        const ptrdiff_t row = (ptrdiff_t)kx * in_c + entry % in_c;
        snn_tile tile;
        snn_tile_begin(&tile, channels, sums);
        snn_tile_multiply_add(&tile, channels, weight + row * snn_conv2d_co_block(p), value);
        snn_tile_end(&tile, channels, sums);
        SNN_COUNT(counts, mac, channels);
    }
}

/* One output row of a tile, from the list of the source. */
SNN_KERNEL void snn_conv2d_scatter_row_f32(const snn_conv2d *p, const snn_event_list *list,
                                           const float *weight, const float *bias, int channels,
                                           int y, float *out, snn_counts *counts) {
    snn_tile tile;
    snn_tile_begin(&tile, channels, bias);
    for (int x = 0; x < p->out_w; x++) {
        snn_tile_end(&tile, channels, out + (ptrdiff_t)x * p->out_c);
    }
    for (int ky = 0; ky < p->kernel_h; ky++) {
        const int iy = y * p->stride_h - p->pad_h + ky * p->dilation_h;
        if (iy < 0 || iy >= p->in_h) {
            continue;
        }
        const uint32_t *const starts = list->starts + (ptrdiff_t)iy * p->in_w;
        for (uint32_t i = starts[0]; i < starts[p->in_w]; i++) {
            snn_conv2d_scatter_event_f32(p, (int)list->events[i], list->values[i],
                                         weight + ky * snn_conv2d_kernel_row(p), channels, out,
                                         counts);
        }
    }
}

/* The output pixels of a tile; `bias` and `out` begin at its first channel. */
SNN_KERNEL void snn_conv2d_scatter_tile_f32(const snn_conv2d *p, snn_conv2d_source source,
                                            const float *weight, const float *bias, int channels,
                                            float *out, snn_counts *counts) {
    for (int n = 0; n < source.rows; n++) {
        snn_conv2d_scatter_row_f32(p, source.list, weight, bias, channels, source.first_row + n,
                                   out + (ptrdiff_t)n * p->out_w * p->out_c, counts);
    }
}

#endif
