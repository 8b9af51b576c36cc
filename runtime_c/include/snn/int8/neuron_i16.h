/* The neurons of neuron_i8.h in the case that is most frequent, vectorised: int16 potential, hard
 * reset to 0 or none, no drift, 0 <= beta <= 32768. The numbers are the same.
 *
 *   U = saturate16((S_prev ? 0 : round_shift(beta * U, 15)) + (X << input_shift))
 *   S = U >= threshold[c]
 *
 * A fired neuron's U is set to 0 first, which the leak keeps: the loop over all neurons then needs
 * no look at their spikes. X [pixels][channels] is int16_t, or int32_t where `wide_input`, and
 * |X| << input_shift is below 2^30. X << (input_shift - halvings) fits int16. Counting as in
 * neuron_i8.h. `previous`, `spikes`: as in neuron.h. */
#ifndef SNN_INT8_NEURON_I16_H
#define SNN_INT8_NEURON_I16_H

#include "snn/vec/i16.h"
#include "snn/vec/neurons/plain.h"
#include "snn/vec/rows.h"

#if defined(SNN_ROWS_HELIUM)
#include "snn/vec/neurons/helium.h"
#elif defined(SNN_ROWS_DSP)
#include "snn/vec/neurons/dsp.h"
#elif defined(SNN_I16_SIMD)
#include "snn/vec/neurons/lanes.h"
#endif

/* n <= 32 neurons from `first` on, of which those of `fired` begin at 0; their spikes. */
SNN_KERNEL snn_word snn_neuron_word_i16(const snn_neuron_i16_params *p, int n, const void *x,
                                        int16_t *u, ptrdiff_t first, snn_word fired,
                                        const int16_t *threshold) {
#if defined(SNN_I16_SIMD)
    return snn_neuron_word_lanes(p, n, x, u, first, fired, threshold);
#else
    snn_neuron_clear_fired(u + first, fired);
#if defined(SNN_ROWS_HELIUM)
    return snn_neuron_word_helium(p, n, x, u, first, threshold);
#elif defined(SNN_ROWS_DSP)
    return snn_neuron_word_dsp(p, n, x, u, first, threshold);
#else
    return snn_neuron_word_plain(p, 0, n, x, u, first, threshold);
#endif
#endif
}

SNN_KERNEL void snn_neuron_any_i16(const snn_neuron_i16_params *p, enum snn_reset reset, int pixels,
                                   int channels, const void *x, int16_t *u,
                                   const snn_word *previous, snn_word *spikes,
                                   const int16_t *threshold, snn_counts *counts) {
    ptrdiff_t first = 0;
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c += SNN_WORD_BITS) {
            const int n = snn_min_int(SNN_WORD_BITS, channels - c);
            const snn_word fired = reset == SNN_RESET_HARD ? *previous : 0;
            *spikes++ = snn_neuron_word_i16(p, n, x, u, first, fired, threshold + c);
            previous++;
            first += n;
            SNN_COUNT(counts, mul, p->beta != (int32_t)1 << SNN_BETA_BITS ? n : 0);
            SNN_COUNT(counts, add, n);
            SNN_COUNT(counts, cmp, n);
        }
    }
}

SNN_KERNEL void snn_neuron_hard_i16(const snn_neuron_i16_params *p, int pixels, int channels,
                                    const void *x, int16_t *u, const snn_word *previous,
                                    snn_word *spikes, const int16_t *threshold,
                                    snn_counts *counts) {
    snn_neuron_any_i16(p, SNN_RESET_HARD, pixels, channels, x, u, previous, spikes, threshold,
                       counts);
}

SNN_KERNEL void snn_neuron_none_i16(const snn_neuron_i16_params *p, int pixels, int channels,
                                    const void *x, int16_t *u, const snn_word *previous,
                                    snn_word *spikes, const int16_t *threshold,
                                    snn_counts *counts) {
    snn_neuron_any_i16(p, SNN_RESET_NONE, pixels, channels, x, u, previous, spikes, threshold,
                       counts);
}

#endif
