/* Elementwise signals of imported networks: constant scale and shift, sums of windows, delays, and
 * logic on spikes. Layouts as in types.h; inputs and outputs do not alias. */
#ifndef SNN_POOLING_SIGNALS_H
#define SNN_POOLING_SIGNALS_H

#include "snn/pooling/pool.h"
#include "snn/types.h"

#include <string.h>

/* out = scale*in + shift, REAL [pixels][channels]; the constants of (pixel, channel) are element
 * pixel * stride + channel. Counts a value: mul 1, add 1. */
SNN_KERNEL void snn_affine_varied_f32(int pixels, int channels, int stride, const float *scale,
                                      const float *shift, const float *in, float *out,
                                      snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        const ptrdiff_t constants = (ptrdiff_t)pixel * stride;
        for (int c = 0; c < channels; c++) {
            const float scaled = scale[constants + c] * in[c];
            out[c] = scaled + shift[constants + c];
        }
        SNN_COUNT(counts, mul, channels);
        SNN_COUNT(counts, add, channels);
        in += channels;
        out += channels;
    }
}

/* Sum over each window of `p` (dilation 1), taps outside the input being 0. `in` COUNT, `out`
 * COUNT; a sum must not exceed 65535. Counts an add for each value in a window. */
SNN_KERNEL void snn_sum_pool2d_count(const snn_pool2d *p, const uint16_t *in, uint16_t *out,
                                     snn_counts *counts) {
    for (int y = 0; y < p->out_h; y++) {
        const snn_pool_span rows = snn_pool_axis(y, p->in_h, p->kernel_h, p->stride_h, p->pad_h, 1);
        for (int x = 0; x < p->out_w; x++) {
            const snn_pool_span columns =
                snn_pool_axis(x, p->in_w, p->kernel_w, p->stride_w, p->pad_w, 1);
            memset(out, 0, (size_t)p->channels * sizeof(*out));
            for (int iy = rows.first; iy < rows.end; iy++) {
                for (int ix = columns.first; ix < columns.end; ix++) {
                    const uint16_t *pixel = in + ((ptrdiff_t)iy * p->in_w + ix) * p->channels;
                    for (int c = 0; c < p->channels; c++) {
                        out[c] = (uint16_t)(out[c] + pixel[c]);
                    }
                    SNN_COUNT(counts, add, p->channels);
                }
            }
            out += p->channels;
        }
    }
}

/* The same for spikes: `in` SPIKE, `out` COUNT. Counts an add for each spike in a window. */
SNN_KERNEL void snn_sum_pool2d_spike(const snn_pool2d *p, const snn_word *in, uint16_t *out,
                                     snn_counts *counts) {
    const int words = SNN_WORDS(p->channels);
    for (int y = 0; y < p->out_h; y++) {
        const snn_pool_span rows = snn_pool_axis(y, p->in_h, p->kernel_h, p->stride_h, p->pad_h, 1);
        for (int x = 0; x < p->out_w; x++) {
            const snn_pool_span columns =
                snn_pool_axis(x, p->in_w, p->kernel_w, p->stride_w, p->pad_w, 1);
            memset(out, 0, (size_t)p->channels * sizeof(*out));
            for (int iy = rows.first; iy < rows.end; iy++) {
                for (int ix = columns.first; ix < columns.end; ix++) {
                    const snn_word *pixel = in + ((ptrdiff_t)iy * p->in_w + ix) * words;
                    for (int w = 0; w < words; w++) {
                        for (snn_word bits = pixel[w]; bits; bits &= bits - 1) {
                            out[w * SNN_WORD_BITS + snn_lowest_bit(bits)]++;
                            SNN_COUNT(counts, add, 1);
                        }
                    }
                }
            }
            out += p->channels;
        }
    }
}

/* The same for real values: `in`, `out` REAL. Counts an add for each value in a window. */
SNN_KERNEL void snn_sum_pool2d_real_f32(const snn_pool2d *p, const float *in, float *out,
                                        snn_counts *counts) {
    for (int y = 0; y < p->out_h; y++) {
        const snn_pool_span rows = snn_pool_axis(y, p->in_h, p->kernel_h, p->stride_h, p->pad_h, 1);
        for (int x = 0; x < p->out_w; x++) {
            const snn_pool_span columns =
                snn_pool_axis(x, p->in_w, p->kernel_w, p->stride_w, p->pad_w, 1);
            for (int c = 0; c < p->channels; c++) {
                out[c] = 0.0f;
            }
            for (int iy = rows.first; iy < rows.end; iy++) {
                for (int ix = columns.first; ix < columns.end; ix++) {
                    const float *pixel = in + ((ptrdiff_t)iy * p->in_w + ix) * p->channels;
                    for (int c = 0; c < p->channels; c++) {
                        out[c] = out[c] + pixel[c];
                    }
                    SNN_COUNT(counts, add, p->channels);
                }
            }
            out += p->channels;
        }
    }
}

/* out = what `in` was `steps` calls ago, zeros before. `bytes` of one step; `ring` holds `steps` of
 * them, zero at first; `step` numbers the calls from 0. Nothing is counted: it only moves. */
SNN_KERNEL void snn_delay(int bytes, int steps, int32_t step, const void *in, void *ring, void *out,
                          snn_counts *counts) {
    unsigned char *slot = (unsigned char *)ring + (ptrdiff_t)(step % steps) * bytes;
    (void)counts;
    memcpy(out, slot, (size_t)bytes);
    memcpy(slot, in, (size_t)bytes);
}

/* out = in, both ends of a recurrent connection: `bytes` of one step. Counts nothing. */
SNN_KERNEL void snn_copy(int bytes, const void *in, void *out) {
    (void)memcpy(out, in, (size_t)bytes);
}

/* Spikes in both `a` and `b`, SPIKE [pixels][SNN_WORDS(channels)]. Counts a cmp a word. */
SNN_KERNEL void snn_spike_and(int pixels, int channels, const snn_word *a, const snn_word *b,
                              snn_word *out, snn_counts *counts) {
    const int words = pixels * SNN_WORDS(channels);
    for (int i = 0; i < words; i++) {
        out[i] = a[i] & b[i];
    }
    SNN_COUNT(counts, cmp, words);
}

/* Spikes where `a` has none; unused bits stay 0. Counts a cmp a word. */
SNN_KERNEL void snn_spike_not(int pixels, int channels, const snn_word *a, snn_word *out,
                              snn_counts *counts) {
    const int words = SNN_WORDS(channels), rest = channels % SNN_WORD_BITS;
    const snn_word last = snn_low_bits(rest ? rest : SNN_WORD_BITS);
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int w = 0; w < words; w++) {
            *out++ = ~*a++ & (w == words - 1 ? last : ~(snn_word)0);
        }
    }
    SNN_COUNT(counts, cmp, pixels * words);
}

#endif
