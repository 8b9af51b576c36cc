/* Event-driven convolution over an event list: the fast one, for hosts with
 * caches.
 *
 * The active inputs are listed once a step; then each output pixel, for a tile
 * of output channels held in registers, walks the runs of events that its
 * kernel covers. The passes over the image are split by tile and by part of the
 * kernel, so that the rows of weights in use stay in the L1 cache. Equation,
 * layouts, order of summation and counting are those of conv2d.h.
 */
#ifndef SNN_SYNAPSES_CONV2D_LIST_H
#define SNN_SYNAPSES_CONV2D_LIST_H

#include "snn/synapses/conv2d_span.h"

#define SNN_LIST_L1_BYTES 32768 /* of weights that a pass should use, if it can */
#define SNN_LIST_LONG_RUN 32    /* events under a kernel row above which half rows pay */

/* The part of a kernel that a pass over an output row adds: taps tap .. tap + taps - 1 of one
 * kernel row, whose [kx][ci] begin at the address `rows`; `starts` belongs to the input row that it
 * lies over, and is NULL where that is outside the input. */
typedef struct {
    int tap, taps;
    uintptr_t rows;
    const uint32_t *starts;
} snn_kernel_part;

/* Adds the events of a span. */
SNN_KERNEL void snn_conv2d_list_run(const snn_event_list *list, enum snn_input_kind kind,
                                    snn_span span, uintptr_t row_bytes, snn_tile *tile,
                                    int channels, snn_counts *counts) {
    const uint16_t *event = list->events + span.begin;
    const uint16_t *const last = list->events + span.end;
    const float *value = kind == SNN_INPUT_COUNT ? list->values + span.begin : NULL;
    for (; event < last; event++) {
        const float *const row = (const float *)(span.rows + *event * row_bytes);
        if (kind == SNN_INPUT_COUNT) {
            snn_tile_multiply_add(tile, channels, row, *value++);
            SNN_COUNT(counts, mac, channels);
        } else {
            snn_tile_add(tile, channels, row);
            SNN_COUNT(counts, ac, channels);
        }
    }
}

/* Adds what a part of the kernel, laid over the input from column x0 on, covers. */
SNN_KERNEL void snn_conv2d_list_pixel(const snn_conv2d *p, const snn_conv2d_source *source,
                                      const snn_kernel_part *part, int x0, snn_tile *tile,
                                      int channels, snn_counts *counts) {
    const uintptr_t row_bytes = (uintptr_t)snn_conv2d_co_block(p) * sizeof(float);
    const int step = p->dilation_w == 1 ? part->taps : 1;
    for (int kx = part->tap; kx < part->tap + part->taps; kx += step) {
        const snn_span span = snn_conv2d_span(p, part->starts, x0, kx, step, part->rows, row_bytes);
        snn_conv2d_list_run(source->list, source->kind, span, row_bytes, tile, channels, counts);
    }
}

/* A part of the kernel for one output row, on top of `bias` or, where that is NULL, of the sums so
 * far. */
SNN_KERNEL void snn_conv2d_list_pass(const snn_conv2d *p, const snn_conv2d_source *source,
                                     const snn_kernel_part *part, const float *bias, int channels,
                                     float *out, snn_counts *counts) {
    const float *const end = out + (ptrdiff_t)p->out_w * p->out_c;
    for (int x0 = -p->pad_w; out < end; x0 += p->stride_w) {
        snn_tile tile;
        snn_tile_begin(&tile, channels, bias ? bias : out);
        if (part->starts) {
            snn_conv2d_list_pixel(p, source, part, x0, &tile, channels, counts);
        }
        snn_tile_end(&tile, channels, out);
        out += p->out_c;
    }
}

/* Whether half a kernel row at a time is faster: its weights are many, and so are its events. */
SNN_KERNEL int snn_conv2d_list_halves(const snn_conv2d *p, const snn_event_list *list) {
    const int64_t row_bytes = snn_conv2d_kernel_row(p) * (int64_t)sizeof(float);
    const int64_t pixels = (int64_t)p->in_h * p->in_w;
    return p->dilation_w == 1 && p->kernel_w > 1 && row_bytes > SNN_LIST_L1_BYTES &&
           (int64_t)list->starts[pixels] * p->kernel_w > SNN_LIST_LONG_RUN * pixels;
}

/* A part of the kernel for all output rows of a source; the first part begins with the bias. */
SNN_KERNEL void snn_conv2d_list_part(const snn_conv2d *p, const snn_conv2d_source *source,
                                     const float *weight, const float *bias, int ky, int tap,
                                     int taps, int channels, float *out, snn_counts *counts) {
    static const float zeros[SNN_TILE_CHANNELS] = {0.0f};
    const int begins = ky == 0 && tap == 0;
    snn_kernel_part part = {tap, taps, (uintptr_t)(weight + ky * snn_conv2d_kernel_row(p)), NULL};
    for (int y = source->first_row; y < source->first_row + source->rows; y++) {
        const int iy = y * p->stride_h - p->pad_h + ky * p->dilation_h;
        const int inside = iy >= 0 && iy < p->in_h;
        part.starts = inside ? source->list->starts + (ptrdiff_t)iy * p->in_w : NULL;
        if (begins) {
            snn_conv2d_list_pass(p, source, &part, bias ? bias : zeros, channels, out, counts);
        } else if (inside) {
            snn_conv2d_list_pass(p, source, &part, NULL, channels, out, counts);
        }
        out += (ptrdiff_t)p->out_w * p->out_c;
    }
}

/* The output pixels of a tile; `bias` and `out` begin at its first channel. */
SNN_KERNEL void snn_conv2d_list_tile(const snn_conv2d *p, snn_conv2d_source source,
                                     const float *weight, const float *bias, int channels,
                                     float *out, snn_counts *counts) {
    const int halves = snn_conv2d_list_halves(p, source.list);
    const int most = halves ? (p->kernel_w + 1) / 2 : p->kernel_w;
    for (int ky = 0; ky < p->kernel_h; ky++) {
        for (int tap = 0; tap < p->kernel_w; tap += most) {
            snn_conv2d_list_part(p, &source, weight, bias, ky, tap,
                                 snn_min_int(most, p->kernel_w - tap), channels, out, counts);
        }
    }
}

#endif
