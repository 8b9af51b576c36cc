/* Neurons and leaky integrators whose constants differ from channel to channel or from neuron to
 * neuron, float32.
 *
 * The recurrence is that of neuron.h, in the same order of operations. The constants of the neuron
 * at (pixel, channel) are element pixel * stride + channel of each array: stride 0 for one value
 * per channel, `channels` for one per neuron.
 */
#ifndef SNN_NEURONS_NEURON_VARIED_H
#define SNN_NEURONS_NEURON_VARIED_H

#include "snn/neurons/neuron.h"
#include "snn/types.h"

/* A fourth reset, beside enum snn_reset: U = S_prev ? reset : (beta*U + drift) + gain*X. */
#define SNN_RESET_CLEAR 3

/* X float [pixels][channels]; U the same, read and overwritten; `previous` and `spikes` as in
 * neuron.h. Counts a neuron: mul 2, add 2 (3 with a soft reset), cmp 1. */
SNN_KERNEL void snn_neuron_varied_f32(int reset_mode, int strict, int pixels, int channels,
                                      int stride, const float *beta, const float *drift,
                                      const float *gain, const float *reset, const float *threshold,
                                      const float *x, float *u, const snn_word *previous,
                                      snn_word *spikes, snn_counts *counts) {
    snn_word fired = 0, word = 0;
    for (int pixel = 0; pixel < pixels; pixel++) {
        const ptrdiff_t constants = (ptrdiff_t)pixel * stride;
        for (int c = 0; c < channels; c++) {
            const int bit = c % SNN_WORD_BITS;
            const ptrdiff_t k = constants + c;
            if (bit == 0) {
                fired = *previous++; /* before `spikes` is written: it may be the same array */
                word = 0;
            }
            float after = beta[k] * u[c];
            after = after + drift[k];
            if (reset_mode == SNN_RESET_HARD) {
                after = (fired >> bit & 1u) ? reset[k] : after;
            } else if (reset_mode == SNN_RESET_SOFT) {
                after = after - ((fired >> bit & 1u) ? reset[k] : 0.0f);
                SNN_COUNT(counts, add, 1);
            }
            after = after + gain[k] * x[c];
            if (reset_mode == SNN_RESET_CLEAR && (fired >> bit & 1u)) {
                after = reset[k];
            }
            u[c] = after;
            word |= (snn_word)(strict ? after > threshold[k] : after >= threshold[k]) << bit;
            if (bit == SNN_WORD_BITS - 1 || c == channels - 1) {
                *spikes++ = word;
            }
            SNN_COUNT(counts, mul, 2);
            SNN_COUNT(counts, add, 2);
            SNN_COUNT(counts, cmp, 1);
        }
        x += channels;
        u += channels;
    }
}

/* One step of leaky integrators, which do not fire: U = (beta*U + drift) + gain*X. `out` float
 * [pixels][channels] receives U. Counts a value: mul 2, add 2. */
SNN_KERNEL void snn_integrator_f32(int pixels, int channels, int stride, const float *beta,
                                   const float *drift, const float *gain, const float *x, float *u,
                                   float *out, snn_counts *counts) {
    for (int pixel = 0; pixel < pixels; pixel++) {
        const ptrdiff_t constants = (ptrdiff_t)pixel * stride;
        for (int c = 0; c < channels; c++) {
            const ptrdiff_t k = constants + c;
            const float kept = beta[k] * u[c];
            u[c] = (kept + drift[k]) + gain[k] * x[c];
            out[c] = u[c];
        }
        SNN_COUNT(counts, mul, 2 * channels);
        SNN_COUNT(counts, add, 2 * channels);
        x += channels;
        u += channels;
        out += channels;
    }
}

/* y[t] = bias[t] + sum over s of weight[t][s] x[s], s ascending: the charge of
 * parallel neurons. x, y [time_steps][n], weight [time_steps][time_steps].
 * Counts a mac a product. */
SNN_KERNEL void snn_time_mix_f32(ptrdiff_t n, int32_t time_steps, const float *weight,
                                 const float *bias, const float *x, float *y, snn_counts *counts) {
    for (int32_t t = 0; t < time_steps; t++) {
        for (ptrdiff_t i = 0; i < n; i++) {
            float sum = bias[t];
            for (int32_t s = 0; s < time_steps; s++) {
                sum = sum + weight[t * time_steps + s] * x[s * n + i];
            }
            y[t * n + i] = sum;
        }
    }
    SNN_COUNT(counts, mac, (uint64_t)n * (uint64_t)time_steps * (uint64_t)time_steps);
}

#endif
