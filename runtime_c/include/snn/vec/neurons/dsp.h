/* Neurons of neuron_i16.h with the DSP extension: two at a time, compared and packed together. */
#ifndef SNN_VEC_NEURONS_DSP_H
#define SNN_VEC_NEURONS_DSP_H

#include "snn/vec/neurons/plain.h"

/* Bit 0 where the low half of u is at least that of the threshold, bit 17 for the high half. */
SNN_KERNEL uint32_t snn_dsp_fires(uint32_t u, uint32_t threshold, uint32_t bits) {
    uint32_t fires;
    __asm__("ssub16 %[f], %[u], %[t]\n\t"
            "sel %[f], %[bits], %[zero]"
            : [f] "=&r"(fires)
            : [u] "r"(u), [t] "r"(threshold), [bits] "r"(bits), [zero] "r"(0));
    return fires;
}

/* What is left of both halves of u, not packed. */
SNN_KERNEL void snn_dsp_leak(const snn_neuron_i16_params *p, uint32_t u, int32_t *low,
                             int32_t *high) {
    const int32_t half = (int32_t)1 << (SNN_BETA_BITS - 1);
    if (p->beta == (int32_t)1 << SNN_BETA_BITS) {
        *low = (int16_t)u;
        *high = (int32_t)u >> 16;
        return;
    }
    __asm__("smlabb %0, %1, %2, %3" : "=r"(*low) : "r"(u), "r"(p->beta), "r"(half));
    __asm__("smlatb %0, %1, %2, %3" : "=r"(*high) : "r"(u), "r"(p->beta), "r"(half));
    *low >>= SNN_BETA_BITS;
    *high >>= SNN_BETA_BITS;
}

/* Both sums in the halves of a word, saturated. */
SNN_KERNEL uint32_t snn_dsp_pack(int32_t low, int32_t high) {
    uint32_t both;
    __asm__("ssat %[both], #16, %[low]\n\t"
            "ssat %[high], #16, %[high]\n\t"
            "pkhbt %[both], %[both], %[high], lsl #16"
            : [both] "=&r"(both), [high] "+r"(high)
            : [low] "r"(low));
    return both;
}

/* Neurons at elements i and i + 1. */
SNN_KERNEL uint32_t snn_neuron_pair_dsp(const snn_neuron_i16_params *p, const void *x, uint32_t u,
                                        ptrdiff_t i) {
    const int32_t factor = (int32_t)1 << p->input_shift;
    int32_t low, high;
    snn_dsp_leak(p, u, &low, &high);
    if (p->wide_input) {
        low += ((const int32_t *)x)[i] * factor;
        high += ((const int32_t *)x)[i + 1] * factor;
    } else {
        const uint32_t both = snn_dsp_word((const int16_t *)x + i);
        __asm__("smlabb %0, %1, %2, %0" : "+r"(low) : "r"(both), "r"(factor));
        __asm__("smlatb %0, %1, %2, %0" : "+r"(high) : "r"(both), "r"(factor));
    }
    return snn_dsp_pack(low, high);
}

SNN_KERNEL snn_word snn_neuron_word_dsp(const snn_neuron_i16_params *p, int n, const void *x,
                                        int16_t *u, ptrdiff_t first, const int16_t *threshold) {
    const int whole = n & ~15;
    snn_word spikes = 0;
    for (int c = 0; c < whole; c += 16) {
        uint32_t fires = 0;
        SNN_UNROLL_BLOCK
        for (int i = 0; i < 8; i++) {
            int16_t *const place = u + first + c + 2 * i;
            const uint32_t next = snn_neuron_pair_dsp(p, x, snn_dsp_word(place), first + c + 2 * i);
            __builtin_memcpy(place, &next, sizeof next);
            fires |= snn_dsp_fires(next, snn_dsp_word(threshold + c + 2 * i), 0x00020001u)
                     << (2 * i);
        }
        spikes |= ((fires & 0xFFFFu) | fires >> 16) << c;
    }
    return spikes | snn_neuron_word_plain(p, whole, n, x, u, first, threshold);
}

#endif
