/* Leaky integrate-and-fire neurons, float32: membrane update, threshold, packed spikes.
 * Eqs. 1-4 of the paper, with three ways to reset:
 *
 *   hard  U = (S_prev ? reset : beta*U + drift) + gain*X
 *   soft  U = (beta*U + drift - (S_prev ? reset : 0)) + gain*X
 *   none  U = (beta*U + drift) + gain*X
 *
 *   S = U >= threshold, or U > threshold where `strict`; 0 where U is NaN
 *
 * Each parenthesis and operator rounds once, left to right.
 *
 *   x         float [pixels][channels]
 *   u         the same, read and overwritten; stored before the reset, which the next step applies
 *   previous  SPIKE [pixels][SNN_WORDS(channels)], the spikes of the step before
 *   spikes    SPIKE, may be the same array as `previous`; every word is written, unused bits 0
 *
 * beta == 1, drift == 0 and gain == 1 leave their operation out, which changes no value: pass
 * constant parameters, so that the choice is made at compile time.
 *
 * Counting, a neuron and step (the reset is a blend: both sides are executed):
 *
 *   mul  1 for beta != 1, 1 for gain != 1
 *   add  1 for X, 1 for drift != 0, 1 for a soft reset
 *   cmp  1
 */
#ifndef SNN_NEURONS_NEURON_H
#define SNN_NEURONS_NEURON_H

#include "snn/types.h"
#include "snn/vec.h"

typedef struct {
    float beta;      /* leak, factor of U a step */
    float drift;     /* constant input a step */
    float gain;      /* factor of X */
    float reset;     /* hard: U after a spike; soft: what a spike takes off U */
    float threshold; /* U that fires */
} snn_neuron_f32_params;

enum snn_reset { SNN_RESET_HARD, SNN_RESET_SOFT, SNN_RESET_NONE };

/* New U of `lanes` neurons whose last spikes are the low bits of `fired`. */
SNN_KERNEL snn_f32x16 snn_neuron_membrane(const snn_neuron_f32_params *p, enum snn_reset reset,
                                          snn_f32x16 u, snn_f32x16 x, uint32_t fired, int lanes,
                                          snn_counts *counts) {
    if (p->beta != 1.0f) {
        u = snn_f32x16_mul(snn_f32x16_set1(p->beta), u);
        SNN_COUNT(counts, mul, lanes);
    }
    if (p->drift != 0.0f) {
        u = snn_f32x16_add(u, snn_f32x16_set1(p->drift));
        SNN_COUNT(counts, add, lanes);
    }
    if (reset == SNN_RESET_HARD) {
        u = snn_f32x16_select(fired, snn_f32x16_set1(p->reset), u);
    } else if (reset == SNN_RESET_SOFT) {
        u = snn_f32x16_sub(
            u, snn_f32x16_select(fired, snn_f32x16_set1(p->reset), snn_f32x16_set1(0.0f)));
        SNN_COUNT(counts, add, lanes);
    }
    if (p->gain != 1.0f) {
        x = snn_f32x16_mul(snn_f32x16_set1(p->gain), x);
        SNN_COUNT(counts, mul, lanes);
    }
    SNN_COUNT(counts, add, lanes);
    return snn_f32x16_add(u, x);
}

/* One step of up to 16 neurons; their new spikes in the low bits. */
SNN_KERNEL uint32_t snn_neuron_lanes(const snn_neuron_f32_params *p, enum snn_reset reset,
                                     int strict, int lanes, const float *x, float *u,
                                     uint32_t fired, snn_counts *counts) {
    const snn_f32x16 before = snn_f32x16_load_upto(u, lanes);
    const snn_f32x16 input = snn_f32x16_load_upto(x, lanes);
    const snn_f32x16 after = snn_neuron_membrane(p, reset, before, input, fired, lanes, counts);
    const snn_f32x16 threshold = snn_f32x16_set1(p->threshold);
    const uint32_t spikes =
        strict ? snn_f32x16_gt(after, threshold) : snn_f32x16_ge(after, threshold);
    SNN_COUNT(counts, cmp, lanes);
    snn_f32x16_store_upto(u, after, lanes);
    return spikes & snn_low_bits(lanes);
}

SNN_KERNEL void snn_neuron_any(const snn_neuron_f32_params *p, enum snn_reset reset, int strict,
                               int pixels, int channels, const float *x, float *u,
                               const snn_word *previous, snn_word *spikes, snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        /* potentials of large maps come from a far cache */
        const ptrdiff_t ahead = pixel + 4 < pixels ? (ptrdiff_t)4 * channels : 0;
        for (int c = 0; c < channels; c += SNN_WORD_BITS) {
            const snn_word fired = *previous++;
            SNN_FETCH(u + ahead + c);
            snn_word word = snn_neuron_lanes(p, reset, strict, snn_lanes(c, channels), x + c, u + c,
                                             fired & 0xFFFFu, counts);
            if (c + SNN_LANES < channels) {
                SNN_FETCH(u + ahead + c + SNN_LANES);
                word |= snn_neuron_lanes(p, reset, strict, snn_lanes(c + SNN_LANES, channels),
                                         x + c + SNN_LANES, u + c + SNN_LANES, fired >> SNN_LANES,
                                         counts)
                        << SNN_LANES;
            }
            *spikes++ = word;
        }
        x += channels;
        u += channels;
    }
}

SNN_KERNEL void snn_neuron_hard_f32(const snn_neuron_f32_params *p, int strict, int pixels,
                                    int channels, const float *x, float *u,
                                    const snn_word *previous, snn_word *spikes,
                                    snn_counts *counts) {
    snn_neuron_any(p, SNN_RESET_HARD, strict, pixels, channels, x, u, previous, spikes, counts);
}

SNN_KERNEL void snn_neuron_soft_f32(const snn_neuron_f32_params *p, int strict, int pixels,
                                    int channels, const float *x, float *u,
                                    const snn_word *previous, snn_word *spikes,
                                    snn_counts *counts) {
    snn_neuron_any(p, SNN_RESET_SOFT, strict, pixels, channels, x, u, previous, spikes, counts);
}

/* `previous` is not used, but must hold a readable word for each written one.
 */
SNN_KERNEL void snn_neuron_none_f32(const snn_neuron_f32_params *p, int strict, int pixels,
                                    int channels, const float *x, float *u,
                                    const snn_word *previous, snn_word *spikes,
                                    snn_counts *counts) {
    snn_neuron_any(p, SNN_RESET_NONE, strict, pixels, channels, x, u, previous, spikes, counts);
}

#endif
