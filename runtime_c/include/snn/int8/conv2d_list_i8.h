/* Event-driven convolution of spikes with int8 weights over an event list: the fast one, for hosts
 * with caches. Sums, layouts and counting are those of conv2d_i8.h; groups must be 1.
 *
 * Each output pixel adds the rows of weights of all events under its kernel to a tile of channels
 * held in registers as int16 lanes. Where the sums are int32, the lanes are added to them before
 * they could overflow. Weights are read up to SNN_LIST_WEIGHT_SLACK bytes past their end. */
#ifndef SNN_INT8_CONV2D_LIST_I8_H
#define SNN_INT8_CONV2D_LIST_I8_H

#include "snn/fixed_point.h"
#include "snn/synapses/conv2d_span.h"
#include "snn/vec/i16.h"

#define SNN_LIST_TILE 128        /* output channels that stay in registers together */
#define SNN_LIST_WEIGHT_SLACK 32 /* of the widest lanes */
#define SNN_LIST_MOST_ROWS 255   /* rows of int8 that int16 lanes can hold: 255 * 128 */

#define SNN_LIST_TILE_VECTORS (SNN_LIST_TILE / SNN_I16_LANES)

/* `channels` output channels of one pixel. Sums so far are `from` (NULL: zeros) and the lanes,
 * which have room for `room` rows more; `sum` is where they go. */
typedef struct {
    snn_i16s lane[SNN_LIST_TILE_VECTORS];
    int room;
    const void *from;
    void *sum;
} snn_list_i8_tile;

/* Begins with the bias, int16 in the lanes. */
SNN_KERNEL void snn_list_i8_begin(snn_list_i8_tile *tile, int wide, int channels, const void *bias,
                                  void *sum) {
    const int16_t *const narrow = wide ? NULL : (const int16_t *)bias;
    SNN_UNROLL
    for (int v = 0; v < SNN_I16_VECTORS(channels); v++) {
        const int left = channels - v * SNN_I16_LANES;
        tile->lane[v] = !narrow                 ? snn_i16s_zero()
                        : left >= SNN_I16_LANES ? snn_i16s_load(narrow + v * SNN_I16_LANES)
                                                : snn_i16s_load_n(narrow + v * SNN_I16_LANES, left);
    }
    tile->room = SNN_LIST_MOST_ROWS;
    tile->from = bias;
    tile->sum = sum;
}

/* Writes the sums. */
SNN_KERNEL void snn_list_i8_end(const snn_list_i8_tile *tile, int wide, int channels) {
    SNN_UNROLL
    for (int v = 0; v < SNN_I16_VECTORS(channels); v++) {
        const int at = v * SNN_I16_LANES, left = channels - at;
        if (wide) {
            const int32_t *const from = tile->from ? (const int32_t *)tile->from + at : NULL;
            int32_t *const sum = (int32_t *)tile->sum + at;
            if (left >= SNN_I16_LANES) {
                snn_i16s_put_wide(sum, from, tile->lane[v]);
            } else {
                snn_i16s_put_wide_n(sum, from, tile->lane[v], left);
            }
        } else if (left >= SNN_I16_LANES) {
            snn_i16s_store((int16_t *)tile->sum + at, tile->lane[v]);
        } else {
            snn_i16s_store_n((int16_t *)tile->sum + at, tile->lane[v], left);
        }
    }
}

/* Adds the rows of events begin .. end - 1. */
SNN_KERNEL void snn_list_i8_add(snn_list_i8_tile *tile, int channels, const uint16_t *event,
                                const uint16_t *end, uintptr_t rows, uintptr_t row_bytes,
                                snn_counts *counts) {
    for (; event < end; event++) {
        const int8_t *const row = (const int8_t *)(rows + *event * row_bytes);
        SNN_UNROLL
        for (int v = 0; v < SNN_I16_VECTORS(channels); v++) {
            tile->lane[v] = snn_i16s_add(tile->lane[v], snn_i16s_widen(row + v * SNN_I16_LANES));
        }
        SNN_COUNT(counts, ac, channels);
    }
}

/* The same for a span; int32 sums take up the lanes whenever those are full. */
SNN_KERNEL void snn_list_i8_span(snn_list_i8_tile *tile, int wide, int channels,
                                 const uint16_t *events, snn_span span, uintptr_t row_bytes,
                                 snn_counts *counts) {
    const uint16_t *event = events + span.begin, *const end = events + span.end;
    while (wide && end - event > tile->room) {
        snn_list_i8_add(tile, channels, event, event + tile->room, span.rows, row_bytes, counts);
        event += tile->room;
        snn_list_i8_end(tile, wide, channels);
        const void *const so_far = tile->sum;
        snn_list_i8_begin(tile, wide, channels, so_far, tile->sum);
    }
    tile->room -= (int)(end - event);
    snn_list_i8_add(tile, channels, event, end, span.rows, row_bytes, counts);
}

/* `channels` output channels of pixel (y, x); `weight`, `bias` and `sum` begin at the first. */
SNN_KERNEL void snn_conv2d_list_i8_pixel(const snn_conv2d *p, const snn_event_list *list, int wide,
                                         int channels, int y, int x, const int8_t *weight,
                                         const void *bias, void *sum, snn_counts *counts) {
    const uintptr_t row_bytes = (uintptr_t)p->out_c;
    const int taps = snn_conv2d_span_taps(p);
    snn_list_i8_tile tile;
    snn_list_i8_begin(&tile, wide, channels, bias, sum);
    for (int ky = 0; ky < p->kernel_h; ky++) {
        const int iy = y * p->stride_h - p->pad_h + ky * p->dilation_h;
        if (iy < 0 || iy >= p->in_h) {
            continue;
        }
        const uint32_t *const starts = list->starts + (ptrdiff_t)iy * p->in_w;
        const uintptr_t rows =
            (uintptr_t)(weight + (ptrdiff_t)ky * p->kernel_w * p->in_c * p->out_c);
        for (int kx = 0; kx < p->kernel_w; kx += taps) {
            const snn_span span =
                snn_conv2d_span(p, starts, x * p->stride_w - p->pad_w, kx, taps, rows, row_bytes);
            snn_list_i8_span(&tile, wide, channels, list->events, span, row_bytes, counts);
        }
    }
    snn_list_i8_end(&tile, wide, channels);
}

/* Output channels first .. first + channels - 1 of some rows of the output. */
SNN_KERNEL void snn_conv2d_list_i8_tile(const snn_conv2d *p, const snn_event_list *list, int wide,
                                        int first_row, int rows, int first, int channels,
                                        const int8_t *weight, const void *bias, void *out,
                                        snn_counts *counts) {
    const ptrdiff_t size = wide ? (ptrdiff_t)sizeof(int32_t) : (ptrdiff_t)sizeof(int16_t);
    char *sum = (char *)out + first * size;
    bias = bias ? (const char *)bias + first * size : NULL;
    for (int y = first_row; y < first_row + rows; y++) {
        for (int x = 0; x < p->out_w; x++) {
            snn_conv2d_list_i8_pixel(p, list, wide, channels, y, x, weight + first, bias, sum,
                                     counts);
            sum += p->out_c * size;
        }
    }
}

/* Rows first_row .. first_row + rows - 1 of the output, from the list that snn_conv2d_spike_events
 * has made of the step's input. Counts as snn_conv2d_spike_i8. */
SNN_KERNEL void snn_conv2d_spike_list_i8(const snn_conv2d *p, int wide, int first_row, int rows,
                                         const int8_t *weight, const void *bias, uint32_t *starts,
                                         uint16_t *events, void *out, snn_counts *counts) {
    const snn_event_list list = {starts, events, NULL};
    const int full = p->out_c / SNN_LIST_TILE * SNN_LIST_TILE;
    for (int first = 0; first < full; first += SNN_LIST_TILE) {
        snn_conv2d_list_i8_tile(p, &list, wide, first_row, rows, first, SNN_LIST_TILE, weight, bias,
                                out, counts);
    }
    if (full < p->out_c) {
        snn_conv2d_list_i8_tile(p, &list, wide, first_row, rows, full, p->out_c - full, weight,
                                bias, out, counts);
    }
}

#endif
