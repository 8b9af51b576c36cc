/* Two-dimensional convolution of spikes, counts and reals, float32.
 *
 *   out[y][x][co] = bias[co] + sum over ky, kx, ci of w[ky][kx][ci][co] * in[iy][ix][ci]
 *   iy            = y * stride_h - pad_h + ky * dilation_h
 *   ix            = x * stride_w - pad_w + kx * dilation_w
 *
 * Taps outside the input are left out. Group g reads the in_c/groups input channels from
 * g * in_c/groups on, and writes the out_c/groups output channels from g * out_c/groups on.
 *
 * Order of summation, a contract that every kernel and vector variant keeps: from bias[co] (or 0),
 * then ky, kx, ci ascending, one rounding an operation.
 *
 *   weight  float [group][block][kernel_h][kernel_w][in_c/groups][co_block]
 *   bias    float [out_c], or NULL
 *   out     float [out_h*out_w][out_c]
 *
 * A block is co_block consecutive output channels of the group, and the last one is padded with
 * zeros. co_block 0 stands for one block of out_c/groups. Multiples of 16 are fast.
 */
#ifndef SNN_SYNAPSES_CONV2D_H
#define SNN_SYNAPSES_CONV2D_H

#include "snn/synapses/conv2d_dense.h"
#include "snn/synapses/conv2d_direct.h"
#include "snn/synapses/conv2d_list.h"
#include "snn/synapses/conv2d_scatter.h"

enum snn_conv2d_method { SNN_CONV2D_DIRECT, SNN_CONV2D_LIST, SNN_CONV2D_DENSE };

SNN_KERNEL void snn_conv2d_tile(const snn_conv2d *p, enum snn_conv2d_method method,
                                snn_conv2d_source source, const float *weight, const float *bias,
                                int channels, float *out, snn_counts *counts) {
    const int few = source.kind == SNN_INPUT_COUNT && snn_conv2d_in_c(p) <= SNN_SCATTER_CHANNELS;
    if (method == SNN_CONV2D_LIST && few) {
        snn_conv2d_scatter_tile_f32(p, source, weight, bias, channels, out, counts);
    } else if (method == SNN_CONV2D_LIST) {
        snn_conv2d_list_tile(p, source, weight, bias, channels, out, counts);
    } else if (method == SNN_CONV2D_DENSE) {
        snn_conv2d_dense_tile(p, source, weight, bias, channels, out, counts);
    } else {
        snn_conv2d_direct_tile(p, source, weight, bias, channels, out, counts);
    }
}

/* A block of `channels` output channels, cut into tiles; the last may be
 * narrower. */
SNN_KERNEL void snn_conv2d_block(const snn_conv2d *p, enum snn_conv2d_method method,
                                 snn_conv2d_source source, const float *weight, const float *bias,
                                 int channels, float *out, snn_counts *counts) {
    const int tile = method == SNN_CONV2D_DENSE ? SNN_DENSE_CHANNELS : SNN_TILE_CHANNELS;
    const int full = channels / tile * tile;
    for (int co = 0; co < full; co += tile) {
        snn_conv2d_tile(p, method, source, weight + co, bias ? bias + co : NULL, tile, out + co,
                        counts);
    }
    if (full < channels) {
        snn_conv2d_tile(p, method, source, weight + full, bias ? bias + full : NULL,
                        channels - full, out + full, counts);
    }
}

/* A group, cut into blocks; the last may be narrower. */
SNN_KERNEL void snn_conv2d_group(const snn_conv2d *p, enum snn_conv2d_method method,
                                 snn_conv2d_source source, const float *weight, const float *bias,
                                 float *out, snn_counts *counts) {
    const int co_block = snn_conv2d_co_block(p);
    const int out_c = p->out_c / p->groups;
    const int full = out_c / co_block * co_block;
    const ptrdiff_t block_size = p->kernel_h * snn_conv2d_kernel_row(p);
    for (int co = 0; co < full; co += co_block) {
        snn_conv2d_block(p, method, source, weight, bias ? bias + co : NULL, co_block, out + co,
                         counts);
        weight += block_size;
    }
    if (full < out_c) {
        snn_conv2d_block(p, method, source, weight, bias ? bias + full : NULL, out_c - full,
                         out + full, counts);
    }
}

/* All groups, some rows. A list that is to be made is made for each group in turn; one that exists
 * (`in` NULL) holds the only group. */
SNN_KERNEL void snn_conv2d_rows(const snn_conv2d *p, enum snn_conv2d_method method,
                                enum snn_input_kind kind, const void *in,
                                const snn_event_list *list, int first_row, int rows,
                                const float *weight, const float *bias, float *out,
                                snn_counts *counts) {
    const int in_c = snn_conv2d_in_c(p);
    const int out_c = p->out_c / p->groups;
    const int co_block = snn_conv2d_co_block(p);
    const int blocks = (out_c + co_block - 1) / co_block;
    const ptrdiff_t group_size = blocks * p->kernel_h * snn_conv2d_kernel_row(p);
    for (int g = 0; g < p->groups; g++) {
        const snn_conv2d_source source = {kind, in, g * in_c, list, first_row, rows};
        if (method == SNN_CONV2D_LIST && in) {
            snn_list_build(kind, in, p->in_h, p->in_w, p->in_c, source.first, in_c, list);
        }
        snn_conv2d_group(p, method, source, weight + g * group_size,
                         bias ? bias + (ptrdiff_t)g * out_c : NULL, out + (ptrdiff_t)g * out_c,
                         counts);
    }
}

SNN_KERNEL void snn_conv2d_any(const snn_conv2d *p, enum snn_conv2d_method method,
                               enum snn_input_kind kind, const void *in, const snn_event_list *list,
                               const float *weight, const float *bias, float *out,
                               snn_counts *counts) {
    snn_conv2d_rows(p, method, kind, in, list, 0, p->out_h, weight, bias, out, counts);
}

/* Event-driven. `in` SPIKE [in_h*in_w][SNN_WORDS(in_c)]. Counts an AC for each
 * output channel of each spike at each tap that meets it. */
SNN_KERNEL void snn_conv2d_spike_f32(const snn_conv2d *p, const snn_word *in, const float *weight,
                                     const float *bias, float *out, snn_counts *counts) {
    snn_conv2d_any(p, SNN_CONV2D_DIRECT, SNN_INPUT_SPIKE, in, NULL, weight, bias, out, counts);
}

/* The same bits and counts, faster, by way of an event list. Working memory,
 * contents lost: starts [in_h*in_w + 1], events [in_h*in_w*in_c/groups +
 * SNN_LIST_SLACK]. in_w*in_c/groups must not pass SNN_LIST_MAX_ROW. */
SNN_KERNEL void snn_conv2d_spike_list_f32(const snn_conv2d *p, const snn_word *in,
                                          const float *weight, const float *bias, uint32_t *starts,
                                          uint16_t *events, float *out, snn_counts *counts) {
    const snn_event_list list = {starts, events, NULL};
    snn_conv2d_any(p, SNN_CONV2D_LIST, SNN_INPUT_SPIKE, in, &list, weight, bias, out, counts);
}

/* Dense: every in-bounds tap and channel, w * 0 or w * 1; the same values as
 * the event-driven kernel save the sign of a zero. `in` as there. Counts a MAC
 * a product. */
SNN_KERNEL void snn_conv2d_spike_dense_f32(const snn_conv2d *p, const snn_word *in,
                                           const float *weight, const float *bias, float *out,
                                           snn_counts *counts) {
    snn_conv2d_any(p, SNN_CONV2D_DENSE, SNN_INPUT_SPIKE_DENSE, in, NULL, weight, bias, out, counts);
}

/* Event-driven. `in` COUNT [in_h*in_w][in_c]. Counts a MAC for each output
 * channel of each value other than 0 at each tap that meets it. */
SNN_KERNEL void snn_conv2d_count_f32(const snn_conv2d *p, const uint16_t *in, const float *weight,
                                     const float *bias, float *out, snn_counts *counts) {
    snn_conv2d_any(p, SNN_CONV2D_DIRECT, SNN_INPUT_COUNT, in, NULL, weight, bias, out, counts);
}

/* The same bits and counts by way of an event list: starts and events as for
 * spikes, and values, as long as events. */
SNN_KERNEL void snn_conv2d_count_list_f32(const snn_conv2d *p, const uint16_t *in,
                                          const float *weight, const float *bias, uint32_t *starts,
                                          uint16_t *events, float *values, float *out,
                                          snn_counts *counts) {
    const snn_event_list list = {starts, events, values};
    snn_conv2d_any(p, SNN_CONV2D_LIST, SNN_INPUT_COUNT, in, &list, weight, bias, out, counts);
}

/* Dense. `in` REAL [in_h*in_w][in_c]. Counts a MAC a product, in-bounds taps
 * only. */
SNN_KERNEL void snn_conv2d_real_f32(const snn_conv2d *p, const float *in, const float *weight,
                                    const float *bias, float *out, snn_counts *counts) {
    snn_conv2d_any(p, SNN_CONV2D_DENSE, SNN_INPUT_REAL, in, NULL, weight, bias, out, counts);
}

/* In bands of rows, so that what follows finds the sums in the cache: rows first_row .. first_row +
 * rows - 1 of the output, at `out`. Same bits; all bands together count the same. The list kernels
 * are cut in two: first list the inputs of the step, working memory as above, then compute any rows
 * from the list; groups must be 1. */
SNN_KERNEL void snn_conv2d_spike_events(const snn_conv2d *p, const snn_word *in, uint32_t *starts,
                                        uint16_t *events) {
    const snn_event_list list = {starts, events, NULL};
    snn_list_build(SNN_INPUT_SPIKE, in, p->in_h, p->in_w, p->in_c, 0, p->in_c, &list);
}

SNN_KERNEL void snn_conv2d_spike_list_rows_f32(const snn_conv2d *p, int first_row, int rows,
                                               const float *weight, const float *bias,
                                               uint32_t *starts, uint16_t *events, float *out,
                                               snn_counts *counts) {
    const snn_event_list list = {starts, events, NULL};
    snn_conv2d_rows(p, SNN_CONV2D_LIST, SNN_INPUT_SPIKE, NULL, &list, first_row, rows, weight, bias,
                    out, counts);
}

SNN_KERNEL void snn_conv2d_count_events(const snn_conv2d *p, const uint16_t *in, uint32_t *starts,
                                        uint16_t *events, float *values) {
    const snn_event_list list = {starts, events, values};
    snn_list_build(SNN_INPUT_COUNT, in, p->in_h, p->in_w, p->in_c, 0, p->in_c, &list);
}

SNN_KERNEL void snn_conv2d_count_list_rows_f32(const snn_conv2d *p, int first_row, int rows,
                                               const float *weight, const float *bias,
                                               uint32_t *starts, uint16_t *events, float *values,
                                               float *out, snn_counts *counts) {
    const snn_event_list list = {starts, events, values};
    snn_conv2d_rows(p, SNN_CONV2D_LIST, SNN_INPUT_COUNT, NULL, &list, first_row, rows, weight, bias,
                    out, counts);
}

SNN_KERNEL void snn_conv2d_spike_dense_rows_f32(const snn_conv2d *p, int first_row, int rows,
                                                const snn_word *in, const float *weight,
                                                const float *bias, float *out, snn_counts *counts) {
    snn_conv2d_rows(p, SNN_CONV2D_DENSE, SNN_INPUT_SPIKE_DENSE, in, NULL, first_row, rows, weight,
                    bias, out, counts);
}

SNN_KERNEL void snn_conv2d_real_rows_f32(const snn_conv2d *p, int first_row, int rows,
                                         const float *in, const float *weight, const float *bias,
                                         float *out, snn_counts *counts) {
    snn_conv2d_rows(p, SNN_CONV2D_DENSE, SNN_INPUT_REAL, in, NULL, first_row, rows, weight, bias,
                    out, counts);
}

#endif
