/* Neurons of neuron_i16.h in plain C. */
#ifndef SNN_VEC_NEURONS_PLAIN_H
#define SNN_VEC_NEURONS_PLAIN_H

#include "snn/vec/neurons/params.h"

/* What is left of u. */
SNN_KERNEL int32_t snn_neuron_leak(const snn_neuron_i16_params *p, int32_t u) {
    const int whole = p->beta == (int32_t)1 << SNN_BETA_BITS;
    return whole ? u : snn_round_shift32(p->beta * u, SNN_BETA_BITS);
}

/* Neurons from .. n - 1 of a word whose first one is element `first`; their spikes. */
SNN_KERNEL snn_word snn_neuron_word_plain(const snn_neuron_i16_params *p, int from, int n,
                                          const void *x, int16_t *u, ptrdiff_t first,
                                          const int16_t *threshold) {
    snn_word spikes = 0;
    for (int c = from; c < n; c++) {
        const int32_t input = snn_get(x, p->wide_input, first + c);
        const int32_t next =
            snn_neuron_leak(p, u[first + c]) + input * ((int32_t)1 << p->input_shift);
        const int16_t kept = snn_saturate16(next);
        u[first + c] = kept;
        spikes |= (snn_word)(kept >= threshold[c]) << c;
    }
    return spikes;
}

#endif
