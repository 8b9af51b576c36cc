/* Maximum pooling of integer sums and currents. All values of a channel have one unit, so that the
 * largest integer is the largest value, exactly. The windows are those of pool.h. */
#ifndef SNN_INT8_POOL_I8_H
#define SNN_INT8_POOL_I8_H

#include "snn/pooling/pool.h"
#include "snn/vec/rows.h"

#include <string.h>

SNN_KERNEL void snn_keep_larger_i32(int n, const int32_t *x, int32_t *y) {
    for (int i = 0; i < n; i++) {
        y[i] = x[i] > y[i] ? x[i] : y[i];
    }
}

/* y[i] = the larger of y[i] and x[i]. */
SNN_KERNEL void snn_keep_larger_i16(int n, const int16_t *x, int16_t *y) {
    int i = 0;
#if defined(SNN_ROWS_HELIUM)
    for (; i + 8 <= n; i += 8) {
        vstrhq_s16(y + i, vmaxq_s16(vldrhq_s16(x + i), vldrhq_s16(y + i)));
    }
#elif defined(SNN_ROWS_DSP)
    for (; i + 2 <= n; i += 2) {
        const uint32_t larger = snn_dsp_larger(snn_dsp_word(x + i), snn_dsp_word(y + i));
        memcpy(y + i, &larger, sizeof larger);
    }
#endif
    for (; i < n; i++) {
        y[i] = x[i] > y[i] ? x[i] : y[i];
    }
}

/* The window rows x columns of all channels, into the pixel `out`. */
SNN_KERNEL void snn_max_pool2d_window_i8(const snn_pool2d *p, int wide, snn_pool_span rows,
                                         snn_pool_span columns, const void *in, void *out,
                                         snn_counts *counts) {
    const ptrdiff_t bytes = wide ? (ptrdiff_t)sizeof(int32_t) : (ptrdiff_t)sizeof(int16_t);
    int first = 1;
    for (int y = rows.first; y < rows.end; y += rows.step) {
        for (int x = columns.first; x < columns.end; x += columns.step) {
            const ptrdiff_t at = ((ptrdiff_t)y * p->in_w + x) * p->channels * bytes;
            const void *const pixel = (const unsigned char *)in + at;
            if (first) {
                (void)memcpy(out, pixel, (size_t)(p->channels * bytes));
                first = 0;
                continue;
            }
            if (wide) {
                snn_keep_larger_i32(p->channels, (const int32_t *)pixel, (int32_t *)out);
            } else {
                snn_keep_larger_i16(p->channels, (const int16_t *)pixel, (int16_t *)out);
            }
            SNN_COUNT(counts, cmp, p->channels);
        }
    }
}

/* `in` [in_h*in_w][channels], `out` [out_h*out_w][channels], both int16_t or, where `wide`,
 * int32_t. Counts a cmp for each value in a window but the first. */
SNN_KERNEL void snn_max_pool2d_i8(const snn_pool2d *p, int wide, const void *in, void *out,
                                  snn_counts *counts) {
    const ptrdiff_t bytes = wide ? (ptrdiff_t)sizeof(int32_t) : (ptrdiff_t)sizeof(int16_t);
    unsigned char *pixel = (unsigned char *)out;
    for (int y = 0; y < p->out_h; y++) {
        const snn_pool_span rows =
            snn_pool_axis(y, p->in_h, p->kernel_h, p->stride_h, p->pad_h, p->dilation_h);
        for (int x = 0; x < p->out_w; x++) {
            const snn_pool_span columns =
                snn_pool_axis(x, p->in_w, p->kernel_w, p->stride_w, p->pad_w, p->dilation_w);
            snn_max_pool2d_window_i8(p, wide, rows, columns, in, pixel, counts);
            pixel += p->channels * bytes;
        }
    }
}

#endif
