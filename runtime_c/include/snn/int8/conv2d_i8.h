/* Two-dimensional convolution of spikes and counts with int8 weights: the sums of conv2d.h, in
 * integers, exact.
 *
 * Weights int8 [group][kernel_h][kernel_w][in_c/groups][row], a row being the out_c/groups output
 * channels in `order` (vec/rows.h); `bias` [out_c] in units of the sums, or NULL; `out`
 * [rows*out_w][out_c], output rows first_row onwards. Bias and sums are int32_t where `wide`, else
 * int16_t. */
#ifndef SNN_INT8_CONV2D_I8_H
#define SNN_INT8_CONV2D_I8_H

#include "snn/int8/conv2d_scatter_i8.h"
#include "snn/int8/gather_i8.h"
#include "snn/synapses/conv2d.h"

/* Lists what output pixel (y, x) of one group of channels reads. */
SNN_KERNEL void snn_conv2d_i8_pixel(const snn_conv2d *p, snn_gather *gather,
                                    enum snn_input_kind kind, const void *in, int y, int x,
                                    int first_in, const int8_t *weight) {
    const int in_c = p->in_c / p->groups;
    const ptrdiff_t tap_bytes = (ptrdiff_t)in_c * snn_row_bytes(gather->order, gather->channels);
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
            snn_gather_pixel(gather, kind, pixel, first_in, in_c,
                             weight + (ky * p->kernel_w + kx) * tap_bytes);
        }
    }
    snn_gather_flush(gather, kind);
}

SNN_KERNEL void snn_conv2d_i8_any(const snn_conv2d *p, int wide, enum snn_order order,
                                  int first_row, int rows, enum snn_input_kind kind, const void *in,
                                  const int8_t *weight, const void *bias, void *out,
                                  snn_counts *counts) {
    const int counts_only = kind == SNN_INPUT_COUNT || kind == SNN_INPUT_COUNT8;
    if (counts_only && snn_conv2d_in_c(p) <= SNN_SCATTER_CHANNELS) {
        const snn_scatter scatter = {wide, order, kind, in, weight, out, counts};
        snn_conv2d_scatter(p, scatter, first_row, rows, bias);
        return;
    }
    const int8_t *row[SNN_LIST_FULL + SNN_LIST_AHEAD];
    uint8_t value[SNN_LIST_FULL + SNN_LIST_AHEAD];
    const int out_c = p->out_c / p->groups;
    const ptrdiff_t group_bytes =
        (ptrdiff_t)p->kernel_h * p->kernel_w * (p->in_c / p->groups) * snn_row_bytes(order, out_c);
    const ptrdiff_t size = wide ? (ptrdiff_t)sizeof(int32_t) : (ptrdiff_t)sizeof(int16_t);
    char *acc = (char *)out;
    for (int y = first_row; y < first_row + rows; y++) {
        for (int x = 0; x < p->out_w; x++) {
            for (int g = 0; g < p->groups; g++) {
                const void *const from = bias ? (const char *)bias + g * out_c * size : NULL;
                snn_gather gather = {acc, wide, out_c, order, from, 0, row, row, value, counts};
                snn_conv2d_i8_pixel(p, &gather, kind, in, y, x, g * (p->in_c / p->groups),
                                    weight + g * group_bytes);
                acc += out_c * size;
            }
        }
    }
}

/* Event-driven. `in` SPIKE [in_h*in_w][SNN_WORDS(in_c)]. Counts an AC for each output channel of
 * each spike at each tap that meets it. */
SNN_KERNEL void snn_conv2d_spike_i8(const snn_conv2d *p, int wide, enum snn_order order,
                                    int first_row, int rows, const snn_word *in,
                                    const int8_t *weight, const void *bias, void *out,
                                    snn_counts *counts) {
    snn_conv2d_i8_any(p, wide, order, first_row, rows, SNN_INPUT_SPIKE, in, weight, bias, out,
                      counts);
}

/* Dense, every in-bounds tap and channel: the same values. Counts a MAC a product. */
SNN_KERNEL void snn_conv2d_spike_dense_i8(const snn_conv2d *p, int wide, enum snn_order order,
                                          int first_row, int rows, const snn_word *in,
                                          const int8_t *weight, const void *bias, void *out,
                                          snn_counts *counts) {
    snn_conv2d_i8_any(p, wide, order, first_row, rows, SNN_INPUT_SPIKE_DENSE, in, weight, bias, out,
                      counts);
}

/* Event-driven. `in` COUNT [in_h*in_w][in_c]. Counts a MAC for each output channel of each value
 * other than 0 at each tap that meets it. */
SNN_KERNEL void snn_conv2d_count_i8(const snn_conv2d *p, int wide, enum snn_order order,
                                    int first_row, int rows, const uint16_t *in,
                                    const int8_t *weight, const void *bias, void *out,
                                    snn_counts *counts) {
    snn_conv2d_i8_any(p, wide, order, first_row, rows, SNN_INPUT_COUNT, in, weight, bias, out,
                      counts);
}

/* The same for `in` of uint8_t. */
SNN_KERNEL void snn_conv2d_count8_i8(const snn_conv2d *p, int wide, enum snn_order order,
                                     int first_row, int rows, const uint8_t *in,
                                     const int8_t *weight, const void *bias, void *out,
                                     snn_counts *counts) {
    snn_conv2d_i8_any(p, wide, order, first_row, rows, SNN_INPUT_COUNT8, in, weight, bias, out,
                      counts);
}

#endif
