/* Operations on one value at a time, and conversions between spikes, counts and
 * reals. */
#ifndef SNN_ELEMENTWISE_ELEMENTWISE_H
#define SNN_ELEMENTWISE_ELEMENTWISE_H

#include "snn/elementwise/mask.h"
#include "snn/types.h"
#include "snn/vec.h"

/* y = x * scale[c] + shift[c], two roundings. x, y REAL [pixels][channels]; y
 * may equal x. Counts a mul and an add a value. */
SNN_KERNEL void snn_affine_f32(int pixels, int channels, const float *scale, const float *shift,
                               const float *x, float *y, snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c++) {
            y[c] = x[c] * scale[c] + shift[c];
        }
        SNN_COUNT(counts, mul, channels);
        SNN_COUNT(counts, add, channels);
        x += channels;
        y += channels;
    }
}

/* y = 0 where x < 0, else x (NaN and -0 pass). y may equal x. Counts a cmp a
 * value. */
SNN_KERNEL void snn_relu_f32(ptrdiff_t n, const float *x, float *y, snn_counts *counts) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = x[i] < 0.0f ? 0.0f : x[i];
    }
    SNN_COUNT(counts, cmp, n);
}

/* y = a + b. y may equal a or b. Counts an add a value. */
SNN_KERNEL void snn_add_f32(ptrdiff_t n, const float *a, const float *b, float *y,
                            snn_counts *counts) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = a[i] + b[i];
    }
    SNN_COUNT(counts, add, n);
}

/* y = a + b; the sums must stay below 65536. y may equal a or b. Counts an add
 * a value. */
SNN_KERNEL void snn_add_count(ptrdiff_t n, const uint16_t *a, const uint16_t *b, uint16_t *y,
                              snn_counts *counts) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = (uint16_t)(a[i] + b[i]);
    }
    SNN_COUNT(counts, add, n);
}

/* SPIKE [pixels][SNN_WORDS(channels)] -> REAL 0 or 1. Counts nothing. */
SNN_KERNEL void snn_spike_to_f32(int pixels, int channels, const snn_word *in, float *out) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c++) {
            out[c] = (float)snn_spike_at(in, c);
        }
        in += SNN_WORDS(channels);
        out += channels;
    }
}

/* SPIKE -> COUNT 0 or 1. Counts nothing. */
SNN_KERNEL void snn_spike_to_count(int pixels, int channels, const snn_word *in, uint16_t *out) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c++) {
            out[c] = (uint16_t)snn_spike_at(in, c);
        }
        in += SNN_WORDS(channels);
        out += channels;
    }
}

/* COUNT -> REAL, exact. Counts nothing. */
SNN_KERNEL void snn_count_to_f32(ptrdiff_t n, const uint16_t *in, float *out) {
    for (ptrdiff_t i = 0; i < n; i++) {
        out[i] = (float)in[i];
    }
}

/* exp(x) for -104 <= x <= 89, which is every result but 0 and infinity.
 *
 * Cody and Waite's reduction: x = k ln 2 + r with |r| <= ln 2 / 2, where ln 2
 * is split into a part whose products with k are exact and the rest; exp(r) by
 * a Taylor polynomial of degree 7, whose truncation error is below 2^-27; 2^k
 * as a product of two powers, so that subnormals come out. Arithmetic: 12 mul,
 * 11 add. */
SNN_KERNEL float snn_exp_inside_f32(float x) {
    const float round = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    const float shifted = x * 1.44269504f + round;
    const float k = shifted - round;
    const float r = (x - k * 0.693359375f) - k * -2.12194440e-4f;
    float e = 1.98412698e-4f;
    e = e * r + 1.38888889e-3f;
    e = e * r + 8.33333333e-3f;
    e = e * r + 4.16666667e-2f;
    e = e * r + 1.66666667e-1f;
    e = e * r + 0.5f;
    e = (e * r) * r + r;
    e = e + 1.0f;
    const int32_t power = (int32_t)snn_bits_of(shifted) - 0x4B400000; /* k as an integer */
    const int32_t half = power / 2;
    const float scale1 = snn_float_of((uint32_t)(half + 127) << 23);
    const float scale2 = snn_float_of((uint32_t)(power - half + 127) << 23);
    return (e * scale1) * scale2;
}

/* exp(-a) for 0 <= a, flushing to 0 above 104 (the least subnormal is exp(-103.28)). Arithmetic: 12
 * mul, 11 add, 1 cmp. */
SNN_KERNEL float snn_exp_minus_f32(float a) {
    return snn_exp_inside_f32(-snn_where_f32(snn_mask(a > 104.0f), 104.0f, a));
}

/* Operations of one sigmoid, exp, sum, quotient and the choice of sign
 * included. */
#define SNN_SIGMOID_MUL 13
#define SNN_SIGMOID_ADD 12
#define SNN_SIGMOID_CMP 2

/* 1 / (1 + exp(-x)) as 1 / (1 + e) or e / (1 + e) with e = exp(-|x|), so that
 * both tails keep their relative precision. NaN passes. Largest error: see
 * SNN_SIGMOID_MAX_ULP. */
SNN_KERNEL float snn_sigmoid_scalar_f32(float x) {
    const float e = snn_exp_minus_f32(snn_abs_f32(x));
    return snn_where_f32(snn_mask(x < 0.0f), e, 1.0f) / (1.0f + e);
}

/* Largest error in units in the last place of the result (of the least
 * subnormal below 2^-126), measured against float64 by
 * tests/runtime_c/test_kernels_elementwise.py. */
#define SNN_SIGMOID_MAX_ULP 3

/* y = sigmoid(x). y may equal x. Counts SNN_SIGMOID_MUL, _ADD, _CMP a value. */
SNN_KERNEL void snn_sigmoid_f32(ptrdiff_t n, const float *x, float *y, snn_counts *counts) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = snn_sigmoid_scalar_f32(x[i]);
        SNN_COUNT(counts, mul, SNN_SIGMOID_MUL);
        SNN_COUNT(counts, add, SNN_SIGMOID_ADD);
        SNN_COUNT(counts, cmp, SNN_SIGMOID_CMP);
    }
}

#endif
