/* Leaky integrate-and-fire neurons in integers: the recurrence of neuron.h with every quantity in
 * units of its channel's own scale.
 *
 *   L      = round_shift(beta * U, 15)
 *   hard   U = (S_prev ? reset[c] : L + drift[c]) + (X << input_shift)
 *   soft   U = (L + drift[c] - (S_prev ? reset[c] : 0)) + (X << input_shift)
 *   none   U = (L + drift[c]) + (X << input_shift)
 *   S = U >= threshold[c]
 *
 * with beta in units of 2^-15 (32768 is 1) and round_shift of fixed_point.h. X [pixels][channels]
 * is int16_t, or int32_t where `wide_input`; U likewise with `wide`. Where `saturate`, a U outside
 * its type becomes the nearest end of it; else the compiler has proved that none is. `drift` or
 * `reset` NULL means zeros. Sums are exact in int32 (int64 where `wide`).
 *
 * `previous`, `spikes`, laziness of the reset: as in neuron.h. Counting, a neuron and step: mul 1
 * for beta other than 1; add 1 for X, 1 for a drift, 1 for a soft reset; cmp 1. */
#ifndef SNN_INT8_NEURON_I8_H
#define SNN_INT8_NEURON_I8_H

#include "snn/fixed_point.h"
#include "snn/neurons/neuron.h"

#define SNN_BETA_BITS 15

typedef struct {
    int32_t beta;
    int input_shift;
    int wide_input, wide, saturate;
} snn_neuron_i8_params;

/* U before its first step: initial[c] everywhere. */
SNN_KERNEL void snn_neuron_begin_i8(int pixels, int channels, int wide, const int32_t *initial,
                                    void *u) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c++) {
            snn_put(u, wide, (ptrdiff_t)pixel * channels + c, initial[c]);
        }
    }
}

/* New U, before saturation, of a neuron with int16 potential. */
SNN_KERNEL int32_t snn_neuron_next32(const snn_neuron_i8_params *p, enum snn_reset reset, int32_t u,
                                     int32_t x, int fired, int32_t drift, int32_t to) {
    int32_t kept = snn_round_shift32(p->beta * u, SNN_BETA_BITS) + drift;
    if (reset == SNN_RESET_HARD) {
        kept = fired ? to : kept;
    } else if (reset == SNN_RESET_SOFT) {
        kept -= fired ? to : 0;
    }
    return kept + x * ((int32_t)1 << p->input_shift);
}

/* The same for an int32 potential. */
SNN_KERNEL int64_t snn_neuron_next64(const snn_neuron_i8_params *p, enum snn_reset reset, int32_t u,
                                     int32_t x, int fired, int32_t drift, int32_t to) {
    int64_t kept = snn_round_shift64((int64_t)p->beta * u, SNN_BETA_BITS) + drift;
    if (reset == SNN_RESET_HARD) {
        kept = fired ? to : kept;
    } else if (reset == SNN_RESET_SOFT) {
        kept -= fired ? to : 0;
    }
    return kept + (int64_t)x * ((int64_t)1 << p->input_shift);
}

SNN_KERNEL int32_t snn_neuron_next(const snn_neuron_i8_params *p, enum snn_reset reset, int32_t u,
                                   int32_t x, int fired, int32_t drift, int32_t to) {
    if (p->wide) {
        const int64_t next = snn_neuron_next64(p, reset, u, x, fired, drift, to);
        return (int32_t)(p->saturate ? snn_clamp64(next, INT32_MIN, INT32_MAX) : next);
    }
    const int32_t next = snn_neuron_next32(p, reset, u, x, fired, drift, to);
    return p->saturate ? snn_saturate16(next) : next;
}

/* Up to 32 channels of a pixel from element `first` on; their spikes. */
SNN_KERNEL snn_word snn_neuron_word_i8(const snn_neuron_i8_params *p, enum snn_reset reset,
                                       int channels, const void *x, void *u, ptrdiff_t first,
                                       snn_word fired, const int32_t *drift, const int32_t *to,
                                       const int32_t *threshold) {
    snn_word spikes = 0;
    for (int c = 0; c < channels; c++) {
        const int32_t next = snn_neuron_next(
            p, reset, snn_get(u, p->wide, first + c), snn_get(x, p->wide_input, first + c),
            (int)(fired >> c & 1u), drift ? drift[c] : 0, to ? to[c] : 0);
        snn_put(u, p->wide, first + c, next);
        spikes |= (snn_word)(next >= threshold[c]) << c;
    }
    return spikes;
}

SNN_KERNEL void snn_neuron_any_i8(const snn_neuron_i8_params *p, enum snn_reset reset, int pixels,
                                  int channels, const void *x, void *u, const snn_word *previous,
                                  snn_word *spikes, const int32_t *drift, const int32_t *to,
                                  const int32_t *threshold, snn_counts *counts) {
    ptrdiff_t first = 0;
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c += SNN_WORD_BITS) {
            const int n = snn_min_int(SNN_WORD_BITS, channels - c);
            *spikes++ =
                snn_neuron_word_i8(p, reset, n, x, u, first, *previous++, drift ? drift + c : NULL,
                                   to ? to + c : NULL, threshold + c);
            first += n;
        }
        SNN_COUNT(counts, mul, p->beta != (int32_t)1 << SNN_BETA_BITS ? channels : 0);
        SNN_COUNT(counts, add, channels);
        SNN_COUNT(counts, add, drift ? channels : 0);
        SNN_COUNT(counts, add, reset == SNN_RESET_SOFT ? channels : 0);
        SNN_COUNT(counts, cmp, channels);
    }
}

SNN_KERNEL void snn_neuron_hard_i8(const snn_neuron_i8_params *p, int pixels, int channels,
                                   const void *x, void *u, const snn_word *previous,
                                   snn_word *spikes, const int32_t *drift, const int32_t *reset,
                                   const int32_t *threshold, snn_counts *counts) {
    snn_neuron_any_i8(p, SNN_RESET_HARD, pixels, channels, x, u, previous, spikes, drift, reset,
                      threshold, counts);
}

SNN_KERNEL void snn_neuron_soft_i8(const snn_neuron_i8_params *p, int pixels, int channels,
                                   const void *x, void *u, const snn_word *previous,
                                   snn_word *spikes, const int32_t *drift, const int32_t *reset,
                                   const int32_t *threshold, snn_counts *counts) {
    snn_neuron_any_i8(p, SNN_RESET_SOFT, pixels, channels, x, u, previous, spikes, drift, reset,
                      threshold, counts);
}

SNN_KERNEL void snn_neuron_none_i8(const snn_neuron_i8_params *p, int pixels, int channels,
                                   const void *x, void *u, const snn_word *previous,
                                   snn_word *spikes, const int32_t *drift, const int32_t *reset,
                                   const int32_t *threshold, snn_counts *counts) {
    snn_neuron_any_i8(p, SNN_RESET_NONE, pixels, channels, x, u, previous, spikes, drift, reset,
                      threshold, counts);
}

#endif
