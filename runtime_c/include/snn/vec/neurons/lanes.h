/* Neurons of neuron_i16.h on a host's int16 lanes. */
#ifndef SNN_VEC_NEURONS_LANES_H
#define SNN_VEC_NEURONS_LANES_H

#include "snn/vec/i16.h"
#include "snn/vec/neurons/plain.h"

#define SNN_MOST_HALVINGS 3 /* above, plain loops */

/* New potentials of a vector. What is added 2^halvings times has one sign: once a partial sum
 * saturates, so does the whole. */
SNN_KERNEL snn_i16s snn_neuron_next_lanes(const snn_neuron_i16_params *p, const void *x,
                                          ptrdiff_t at, snn_i16s u) {
    if (p->beta != (int32_t)1 << SNN_BETA_BITS) {
        u = snn_i16s_scaled(u, snn_i16s_all(p->beta));
    }
    if (p->wide_input) {
        return snn_i16s_add_wide(u, (const int32_t *)x + at, p->input_shift);
    }
    const snn_i16s input = snn_i16s_load((const int16_t *)x + at);
    const snn_i16s part = snn_i16s_shifted(input, p->input_shift - p->halvings);
    for (int i = 0; i < 1 << p->halvings; i++) {
        u = snn_i16s_add_saturated(u, part);
    }
    return u;
}

/* n neurons of a word whose first one is element `first`; those of `fired` begin at 0. */
SNN_KERNEL snn_word snn_neuron_word_lanes(const snn_neuron_i16_params *p, int n, const void *x,
                                          int16_t *u, ptrdiff_t first, snn_word fired,
                                          const int16_t *threshold) {
    const int whole = p->halvings > SNN_MOST_HALVINGS && !p->wide_input ? 0 : n;
    snn_word spikes = 0;
    int c = 0;
    for (; c + SNN_I16_LANES <= whole; c += SNN_I16_LANES) {
        const snn_i16s before =
            snn_i16s_select(fired >> c, snn_i16s_zero(), snn_i16s_load(u + first + c));
        const snn_i16s after = snn_neuron_next_lanes(p, x, first + c, before);
        snn_i16s_store(u + first + c, after);
        spikes |= (snn_word)snn_i16s_ge(after, snn_i16s_load(threshold + c)) << c;
    }
    snn_neuron_clear_fired(u + first + c, c < SNN_WORD_BITS ? fired >> c : 0);
    return spikes | snn_neuron_word_plain(p, c, n, x, u, first, threshold);
}

#endif
