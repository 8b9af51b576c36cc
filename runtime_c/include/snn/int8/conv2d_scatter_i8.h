/* Convolution of counts with few input channels: each value other than 0 adds its rows of weights
 * to the output pixels that see it, in memory.
 *
 * Events are rare there and a pixel sees few, so that looking at every input of every output pixel
 * would cost more than the additions. Equation, layouts and counting are those of conv2d_i8.h. */
#ifndef SNN_INT8_CONV2D_SCATTER_I8_H
#define SNN_INT8_CONV2D_SCATTER_I8_H

#include "snn/synapses/conv2d_shape.h"
#include "snn/vec/i16.h"
#include "snn/vec/rows.h"

/* What an output row is made of. */
typedef struct {
    int wide;
    enum snn_order order;
    enum snn_input_kind kind;
    const void *in;
    const int8_t *weight;
    void *out;
    snn_counts *counts;
} snn_scatter;

#ifdef SNN_I16_SIMD
#define SNN_LANES_VALUE 255 /* times an int8 it fits int16 */

/* The first channels of snn_scatter_row, whole vectors of them; gives how many. */
SNN_KERNEL int snn_scatter_lanes(const snn_scatter *s, ptrdiff_t at, int channels,
                                 const int8_t *row, int32_t value) {
    const snn_i16s factor = snn_i16s_all(value);
    int c = 0;
    for (; c + SNN_I16_LANES <= channels; c += SNN_I16_LANES) {
        const snn_i16s products = snn_i16s_times(snn_i16s_widen(row + c), factor);
        if (s->wide) {
            int32_t *const sum = (int32_t *)s->out + at + c;
            snn_i16s_put_wide(sum, sum, products);
        } else {
            int16_t *const sum = (int16_t *)s->out + at + c;
            snn_i16s_store(sum, snn_i16s_add(snn_i16s_load(sum), products));
        }
    }
    return c;
}
#endif

/* sum[at + c] += value * row[c] */
SNN_KERNEL void snn_scatter_row(const snn_scatter *s, ptrdiff_t at, int channels, const int8_t *row,
                                int32_t value) {
    if (s->order == SNN_ORDER_EIGHTS) {
        snn_eights_scatter(s->out, s->wide, at, channels, row, value);
        SNN_COUNT(s->counts, mac, channels);
        return;
    }
#if defined(SNN_ROWS_HELIUM)
    if (s->wide && s->order == SNN_ORDER_PLAIN) {
        snn_helium_scatter((int32_t *)s->out + at, channels, row, value);
        SNN_COUNT(s->counts, mac, channels);
        return;
    }
#endif
    int c = 0;
#ifdef SNN_I16_SIMD
    if (s->order == SNN_ORDER_PLAIN && value <= SNN_LANES_VALUE) {
        c = snn_scatter_lanes(s, at, channels, row, value);
    }
#endif
    for (; c + 4 <= channels; c += 4) {
        SNN_UNROLL_BLOCK
        for (int i = 0; i < 4; i++) {
            const int32_t sum = snn_get(s->out, s->wide, at + c + i);
            const int32_t weight = row[c + snn_row_place(s->order, i)];
            snn_put(s->out, s->wide, at + c + i, sum + value * weight);
        }
    }
    for (; c < channels; c++) {
        const int32_t sum = snn_get(s->out, s->wide, at + c);
        snn_put(s->out, s->wide, at + c, sum + value * row[snn_row_place(s->order, c)]);
    }
    SNN_COUNT(s->counts, mac, channels);
}

/* Adds input (ix, ci) of the input row that kernel row ky reads to the output row. */
SNN_KERNEL void snn_scatter_value(const snn_conv2d *p, const snn_scatter *s, int ky, int ix,
                                  int channel, int32_t value) {
    const int in_c = snn_conv2d_in_c(p), out_c = p->out_c / p->groups;
    const int group = channel / in_c;
    const int bytes = snn_row_bytes(s->order, out_c);
    const ptrdiff_t first = (ptrdiff_t)(group * p->kernel_h + ky) * p->kernel_w;
    for (int kx = 0; kx < p->kernel_w; kx++) {
        const int reach = ix + p->pad_w - kx * p->dilation_w;
        if (reach >= 0 && reach % p->stride_w == 0 && reach / p->stride_w < p->out_w) {
            const ptrdiff_t at = (ptrdiff_t)(reach / p->stride_w) * p->out_c + group * out_c;
            const ptrdiff_t row = (first + kx) * in_c + channel % in_c;
            snn_scatter_row(s, at, out_c, s->weight + row * bytes, value);
        }
    }
}

SNN_KERNEL int32_t snn_count_at(enum snn_input_kind kind, const void *in, ptrdiff_t i) {
    return kind == SNN_INPUT_COUNT ? ((const uint16_t *)in)[i] : ((const uint8_t *)in)[i];
}

/* Output row y, whose sums begin at s->out. */
SNN_KERNEL void snn_conv2d_scatter_row(const snn_conv2d *p, const snn_scatter *s, const void *bias,
                                       int y) {
    for (int x = 0; x < p->out_w; x++) {
        const ptrdiff_t at = (ptrdiff_t)x * p->out_c;
        SNN_UNROLL_BY_FOUR
        for (int c = 0; c < p->out_c; c++) {
            snn_put(s->out, s->wide, at + c, snn_sum_from(bias, s->wide, c));
        }
    }
    for (int ky = 0; ky < p->kernel_h; ky++) {
        const int iy = y * p->stride_h - p->pad_h + ky * p->dilation_h;
        if (iy < 0 || iy >= p->in_h) {
            continue;
        }
        const int n = p->in_w * p->in_c;
        const void *const row = snn_input_pixel(s->kind, s->in, (ptrdiff_t)iy * p->in_w, p->in_c);
        for (int i = 0; i < n; i++) {
            const int32_t value = snn_count_at(s->kind, row, i);
            if (value) {
                snn_scatter_value(p, s, ky, i / p->in_c, i % p->in_c, value);
            }
        }
    }
}

SNN_KERNEL void snn_conv2d_scatter(const snn_conv2d *p, snn_scatter s, int first_row, int rows,
                                   const void *bias) {
    const ptrdiff_t size = s.wide ? (ptrdiff_t)sizeof(int32_t) : (ptrdiff_t)sizeof(int16_t);
    for (int y = first_row; y < first_row + rows; y++) {
        snn_conv2d_scatter_row(p, &s, bias, y);
        s.out = (char *)s.out + (ptrdiff_t)p->out_w * p->out_c * size;
    }
}

#endif
