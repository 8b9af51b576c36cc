/* Average and maximum pooling with every option of PyTorch's AvgPool2d and MaxPool2d.
 *
 * The window of output (y, x) is the rows y*stride_h - pad_h + ky*dilation_h with ky < kernel_h,
 * and columns alike.
 *
 *   maximum  over the taps inside the input
 *   average  sum over the taps inside the input, ky then kx ascending, divided by
 *              divisor                                  where it is not 0, else by
 *              the window clipped to the padded input   where count_include_pad, else by
 *              the window clipped to the input
 *            dilation is not used (PyTorch has none here)
 *
 * out_h and out_w are given, so floor and ceil modes are the same code. Every window must meet the
 * input. Padding below and right equals that above and left.
 */
#ifndef SNN_POOLING_POOL_H
#define SNN_POOLING_POOL_H

#include "snn/types.h"
#include "snn/vec.h"

#include <float.h>

typedef struct {
    int in_h, in_w, channels;
    int out_h, out_w;
    int kernel_h, kernel_w;
    int stride_h, stride_w;
    int pad_h, pad_w;
    int dilation_h, dilation_w;
    int count_include_pad;
    int divisor; /* 0: by the window */
} snn_pool2d;

/* Taps first .. end - 1, `step` apart, of one axis of a window, inside the
 * input. */
typedef struct {
    int first, end, step;
    int padded; /* taps inside the padded input */
} snn_pool_span;

SNN_KERNEL snn_pool_span snn_pool_axis(int out, int size, int kernel, int stride, int pad,
                                       int dilation) {
    snn_pool_span span;
    const int start = out * stride - pad;
    span.step = dilation;
    span.padded = snn_min_int(start + kernel, size + pad) - start;
    span.end = snn_min_int(start + (kernel - 1) * dilation + 1, size);
    span.first = start < 0 ? start + (-start + dilation - 1) / dilation * dilation : start;
    return span;
}

/* Divisor of an average over the window rows x columns, both of step 1. */
SNN_KERNEL float snn_pool_divisor(const snn_pool2d *p, snn_pool_span rows, snn_pool_span columns) {
    if (p->divisor) {
        return (float)p->divisor;
    }
    if (p->count_include_pad) {
        return (float)((int32_t)rows.padded * columns.padded);
    }
    return (float)((int32_t)(rows.end - rows.first) * (columns.end - columns.first));
}

/* Storage of the input of an average. */
enum snn_pool_input { SNN_POOL_SPIKE, SNN_POOL_COUNT, SNN_POOL_REAL };

/* sum + the `lanes` values from channel c on of input pixel `pixel`. */
SNN_KERNEL snn_f32x16 snn_pool_add(const snn_pool2d *p, enum snn_pool_input kind, const void *in,
                                   ptrdiff_t pixel, int c, int lanes, snn_f32x16 sum,
                                   snn_counts *counts) {
    if (kind == SNN_POOL_SPIKE) {
        const snn_word *words = (const snn_word *)in + pixel * SNN_WORDS(p->channels);
        const snn_word bits = words[c / SNN_WORD_BITS] >> (c % SNN_WORD_BITS) & 0xFFFFu;
        if (!bits) {
            return sum;
        }
        SNN_COUNT(counts, add, snn_bit_count(bits));
        return snn_f32x16_select(bits, snn_f32x16_add(sum, snn_f32x16_set1(1.0f)), sum);
    }
    SNN_COUNT(counts, add, lanes);
    if (kind == SNN_POOL_COUNT) {
        const uint16_t *values = (const uint16_t *)in + pixel * p->channels + c;
        return snn_f32x16_add(sum, lanes == SNN_LANES ? snn_f32x16_from_u16(values)
                                                      : snn_f32x16_from_u16_n(values, lanes));
    }
    const float *values = (const float *)in + pixel * p->channels + c;
    return snn_f32x16_add(sum, snn_f32x16_load_upto(values, lanes));
}

SNN_KERNEL void snn_avg_pool2d_window(const snn_pool2d *p, enum snn_pool_input kind, const void *in,
                                      snn_pool_span rows, snn_pool_span columns, float *out,
                                      snn_counts *counts) {
    const snn_f32x16 divisor = snn_f32x16_set1(snn_pool_divisor(p, rows, columns));
    for (int c = 0; c < p->channels; c += SNN_LANES) {
        const int lanes = snn_lanes(c, p->channels);
        snn_f32x16 sum = snn_f32x16_set1(0.0f);
        for (int y = rows.first; y < rows.end; y++) {
            for (int x = columns.first; x < columns.end; x++) {
                sum = snn_pool_add(p, kind, in, (ptrdiff_t)y * p->in_w + x, c, lanes, sum, counts);
            }
        }
        SNN_COUNT(counts, mul, lanes);
        snn_f32x16_store_upto(out + c, snn_f32x16_div(sum, divisor), lanes);
    }
}

SNN_KERNEL void snn_avg_pool2d_any(const snn_pool2d *p, enum snn_pool_input kind, const void *in,
                                   float *out, snn_counts *counts) {
    for (int y = 0; y < p->out_h; y++) {
        const snn_pool_span rows = snn_pool_axis(y, p->in_h, p->kernel_h, p->stride_h, p->pad_h, 1);
        for (int x = 0; x < p->out_w; x++) {
            const snn_pool_span columns =
                snn_pool_axis(x, p->in_w, p->kernel_w, p->stride_w, p->pad_w, 1);
            snn_avg_pool2d_window(p, kind, in, rows, columns, out, counts);
            out += p->channels;
        }
    }
}

/* `in` REAL [in_h*in_w][channels], `out` REAL [out_h*out_w][channels]. Counts
 * an add for each value in a window and a mul (the division) for each output.
 */
SNN_KERNEL void snn_avg_pool2d_real_f32(const snn_pool2d *p, const float *in, float *out,
                                        snn_counts *counts) {
    snn_avg_pool2d_any(p, SNN_POOL_REAL, in, out, counts);
}

/* `in` SPIKE, `out` REAL: exact where the divisor is a power of 2. Counts an
 * add for each spike in a window and a mul for each output. */
SNN_KERNEL void snn_avg_pool2d_spike_f32(const snn_pool2d *p, const snn_word *in, float *out,
                                         snn_counts *counts) {
    snn_avg_pool2d_any(p, SNN_POOL_SPIKE, in, out, counts);
}

/* `in` COUNT, `out` REAL. Counts as the real kernel. */
SNN_KERNEL void snn_avg_pool2d_count_f32(const snn_pool2d *p, const uint16_t *in, float *out,
                                         snn_counts *counts) {
    snn_avg_pool2d_any(p, SNN_POOL_COUNT, in, out, counts);
}

/* Maximum of spikes, an OR of words. `in`, `out` SPIKE. Counts a cmp for each
 * word and tap. */
SNN_KERNEL void snn_max_pool2d_spike(const snn_pool2d *p, const snn_word *in, snn_word *out,
                                     snn_counts *counts) {
    const int words = SNN_WORDS(p->channels);
    for (int y = 0; y < p->out_h; y++) {
        const snn_pool_span rows =
            snn_pool_axis(y, p->in_h, p->kernel_h, p->stride_h, p->pad_h, p->dilation_h);
        for (int x = 0; x < p->out_w; x++) {
            const snn_pool_span columns =
                snn_pool_axis(x, p->in_w, p->kernel_w, p->stride_w, p->pad_w, p->dilation_w);
            for (int w = 0; w < words; w++) {
                snn_word any = 0;
                for (int iy = rows.first; iy < rows.end; iy += rows.step) {
                    for (int ix = columns.first; ix < columns.end; ix += columns.step) {
                        any |= in[((ptrdiff_t)iy * p->in_w + ix) * words + w];
                        SNN_COUNT(counts, cmp, 1);
                    }
                }
                *out++ = any;
            }
        }
    }
}

/* `in`, `out` REAL, finite (a NaN is passed over). Counts a cmp for each value
 * in a window. */
SNN_KERNEL void snn_max_pool2d_real_f32(const snn_pool2d *p, const float *in, float *out,
                                        snn_counts *counts) {
    for (int y = 0; y < p->out_h; y++) {
        const snn_pool_span rows =
            snn_pool_axis(y, p->in_h, p->kernel_h, p->stride_h, p->pad_h, p->dilation_h);
        for (int x = 0; x < p->out_w; x++) {
            const snn_pool_span columns =
                snn_pool_axis(x, p->in_w, p->kernel_w, p->stride_w, p->pad_w, p->dilation_w);
            for (int c = 0; c < p->channels; c += SNN_LANES) {
                const int lanes = snn_lanes(c, p->channels);
                snn_f32x16 most = snn_f32x16_set1(-FLT_MAX);
                for (int iy = rows.first; iy < rows.end; iy += rows.step) {
                    for (int ix = columns.first; ix < columns.end; ix += columns.step) {
                        const ptrdiff_t at = ((ptrdiff_t)iy * p->in_w + ix) * p->channels + c;
                        most = snn_f32x16_max(snn_f32x16_load_upto(in + at, lanes), most);
                        SNN_COUNT(counts, cmp, lanes);
                    }
                }
                snn_f32x16_store_upto(out + c, most, lanes);
            }
            out += p->channels;
        }
    }
}

/* `in`, `out` COUNT. Counts a cmp for each value in a window. */
SNN_KERNEL void snn_max_pool2d_count(const snn_pool2d *p, const uint16_t *in, uint16_t *out,
                                     snn_counts *counts) {
    for (int y = 0; y < p->out_h; y++) {
        const snn_pool_span rows =
            snn_pool_axis(y, p->in_h, p->kernel_h, p->stride_h, p->pad_h, p->dilation_h);
        for (int x = 0; x < p->out_w; x++) {
            const snn_pool_span columns =
                snn_pool_axis(x, p->in_w, p->kernel_w, p->stride_w, p->pad_w, p->dilation_w);
            for (int c = 0; c < p->channels; c++) {
                out[c] = 0;
            }
            for (int iy = rows.first; iy < rows.end; iy += rows.step) {
                for (int ix = columns.first; ix < columns.end; ix += columns.step) {
                    const uint16_t *pixel = in + ((ptrdiff_t)iy * p->in_w + ix) * p->channels;
                    for (int c = 0; c < p->channels; c++) {
                        out[c] = pixel[c] > out[c] ? pixel[c] : out[c];
                    }
                    SNN_COUNT(counts, cmp, p->channels);
                }
            }
            out += p->channels;
        }
    }
}

#endif
