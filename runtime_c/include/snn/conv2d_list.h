/* Event-driven convolution over an event list: the fast one, for hosts with
 * caches.
 *
 * The active inputs are listed once a step; then each output pixel, for a tile
 * of output channels held in registers, walks the runs of events that its
 * kernel rows cover. The passes over the image are split by tile and by kernel
 * row, so that the rows of weights in use stay in the L1 cache. Equation,
 * layouts, order of summation and counting are those of conv2d.h.
 */
#ifndef SNN_CONV2D_LIST_H
#define SNN_CONV2D_LIST_H

#include "snn/conv2d_shape.h"

/* Adds the rows of events begin .. end - 1; the row of an entry e is e +
 * first_row. */
SNN_KERNEL void snn_conv2d_list_run(const snn_event_list *list, enum snn_input_kind kind,
                                    uint32_t begin, uint32_t end, uintptr_t rows,
                                    uintptr_t row_bytes, snn_tile *tile, int channels,
                                    snn_counts *counts) {
    const uint16_t *event = list->events + begin;
    const uint16_t *const last = list->events + end;
    const float *value = kind == SNN_INPUT_COUNT ? list->values + begin : NULL;
    for (; event < last; event++) {
        const float *const row = (const float *)(rows + *event * row_bytes);
        if (kind == SNN_INPUT_COUNT) {
            snn_tile_multiply_add(tile, channels, row, *value++);
            SNN_COUNT(counts, mac, channels);
        } else {
            snn_tile_add(tile, channels, row);
            SNN_COUNT(counts, ac, channels);
        }
    }
}

/* Adds what one kernel row, laid over an input row from column x0 on, covers.
 * `starts` belongs to the input row; `rows` is the address of row 0 of the
 * kernel row's [kx][ci], as a number, since the run is addressed from a place
 * that may lie before it. */
SNN_KERNEL void snn_conv2d_list_row(const snn_conv2d *p, const snn_event_list *list,
                                    enum snn_input_kind kind, const uint32_t *starts, int x0,
                                    uintptr_t rows, snn_tile *tile, int channels,
                                    snn_counts *counts) {
    const uintptr_t row_bytes = (uintptr_t)snn_conv2d_co_block(p) * sizeof(float);
    const uintptr_t pixel_bytes = (uintptr_t)snn_conv2d_in_c(p) * row_bytes;
    if (p->dilation_w == 1) {
        const int begin = snn_min_int(snn_max_int(x0, 0), p->in_w);
        const int end = snn_max_int(snn_min_int(x0 + p->kernel_w, p->in_w), begin);
        snn_conv2d_list_run(list, kind, starts[begin], starts[end],
                            rows - (uintptr_t)(ptrdiff_t)x0 * pixel_bytes, row_bytes, tile,
                            channels, counts);
        return;
    }
    for (int kx = 0; kx < p->kernel_w; kx++) {
        const int ix = x0 + kx * p->dilation_w;
        if (ix >= 0 && ix < p->in_w) {
            snn_conv2d_list_run(list, kind, starts[ix], starts[ix + 1],
                                rows + (uintptr_t)(ptrdiff_t)(kx - ix) * pixel_bytes, row_bytes,
                                tile, channels, counts);
        }
    }
}

/* One kernel row for one output row, on top of `from`: `step` floats a pixel,
 * the bias (step 0) or the sums so far. */
SNN_KERNEL void snn_conv2d_list_pass(const snn_conv2d *p, const snn_event_list *list,
                                     enum snn_input_kind kind, const uint32_t *starts,
                                     uintptr_t rows, const float *from, int step, int channels,
                                     float *out, snn_counts *counts) {
    const float *const end = out + (ptrdiff_t)p->out_w * p->out_c;
    for (int x0 = -p->pad_w; out < end; x0 += p->stride_w) {
        snn_tile tile;
        snn_tile_begin(&tile, channels, from);
        if (starts) {
            snn_conv2d_list_row(p, list, kind, starts, x0, rows, &tile, channels, counts);
        }
        snn_tile_end(&tile, channels, out);
        out += p->out_c;
        from += step;
    }
}

/* The output pixels of a tile; `bias` and `out` begin at its first channel. */
SNN_KERNEL void snn_conv2d_list_tile(const snn_conv2d *p, snn_conv2d_source source,
                                     const float *weight, const float *bias, int channels,
                                     float *out, snn_counts *counts) {
    static const float zeros[SNN_TILE_CHANNELS] = {0.0f};
    for (int ky = 0; ky < p->kernel_h; ky++) {
        const uintptr_t rows = (uintptr_t)(weight + ky * snn_conv2d_kernel_row(p));
        for (int n = 0; n < source.rows; n++) {
            const int y = source.first_row + n;
            const int iy = y * p->stride_h - p->pad_h + ky * p->dilation_h;
            const int inside = iy >= 0 && iy < p->in_h;
            const uint32_t *const starts =
                inside ? source.list->starts + (ptrdiff_t)iy * p->in_w : NULL;
            float *const row = out + (ptrdiff_t)n * p->out_w * p->out_c;
            if (ky == 0) {
                snn_conv2d_list_pass(p, source.list, source.kind, starts, rows, bias ? bias : zeros,
                                     0, channels, row, counts);
            } else if (inside) {
                snn_conv2d_list_pass(p, source.list, source.kind, starts, rows, row, p->out_c,
                                     channels, row, counts);
            }
        }
    }
}

#endif
