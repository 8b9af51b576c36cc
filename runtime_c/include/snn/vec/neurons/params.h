/* What all forms of the neurons of neuron_i16.h take. */
#ifndef SNN_VEC_NEURONS_PARAMS_H
#define SNN_VEC_NEURONS_PARAMS_H

#include "snn/int8/neuron_i8.h"

typedef struct {
    int32_t beta; /* units of 2^-15 */
    int input_shift, wide_input;
    int halvings; /* where the input is int16; at most input_shift */
} snn_neuron_i16_params;

/* Sets the potentials of fired neurons to 0; u begins with that of bit 0. */
SNN_KERNEL void snn_neuron_clear_fired(int16_t *u, snn_word fired) {
    for (; fired; fired &= fired - 1u) {
        u[snn_lowest_bit(fired)] = 0;
    }
}

#endif
