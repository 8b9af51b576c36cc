/* Neurons of neuron_i16.h with Helium. Eight at a time where the input, up to the halvings of its
 * shift, fits 16 bits; else four at a time. */
#ifndef SNN_VEC_NEURONS_HELIUM_H
#define SNN_VEC_NEURONS_HELIUM_H

#include "snn/vec/neurons/plain.h"

#define SNN_MOST_HALVINGS 2 /* above, four at a time are faster */

/* Eight potentials. VQRDMULH is round_shift(beta * u, 15). What is added 2^halvings times has one
 * sign: once a partial sum saturates, so does the whole. */
SNN_KERNEL int16x8_t snn_neuron_next_eight(const snn_neuron_i16_params *p, int16x8_t u,
                                           int16x8_t x) {
    if (p->input_shift > p->halvings) {
        x = vshlq_r_s16(x, p->input_shift - p->halvings);
    }
    if (p->beta != (int32_t)1 << SNN_BETA_BITS) {
        u = vqrdmulhq_n_s16(u, (int16_t)p->beta);
    }
    SNN_UNROLL_BLOCK
    for (int i = 0; i < 1 << p->halvings; i++) {
        u = vqaddq_s16(u, x);
    }
    return u;
}

/* total + the bits of the lanes with u >= threshold. gcc moves the predicate of the intrinsics to a
 * core register and back; clang does not, and has no name for the predicate that asm could give. */
SNN_KERNEL uint32_t snn_helium_fires(uint32_t total, uint16x8_t bits, int16x8_t u,
                                     int16x8_t threshold) {
#ifdef __clang__
    return vaddvaq_p_u16(total, bits, vcmpgeq_s16(u, threshold));
#else
    __asm__("vpt.s16 ge, %q[u], %q[t]\n\t"
            "vaddvat.u16 %[total], %q[bits]"
            : [total] "+Te"(total)
            : [bits] "w"(bits), [u] "w"(u), [t] "w"(threshold)
            : "p0");
    return total;
#endif
}

SNN_KERNEL snn_word snn_neuron_eights_helium(const snn_neuron_i16_params *p, int n,
                                             const int16_t *x, int16_t *u,
                                             const int16_t *threshold) {
    const uint16x8_t low = vshlq_u16(vdupq_n_u16(1), vreinterpretq_s16_u16(vidupq_n_u16(0, 1)));
    const uint16x8_t bits[2] = {low, vshlq_n_u16(low, 8)};
    const int whole = n & ~7;
    uint32_t total[2] = {0, 0};
    SNN_UNROLL_BLOCK
    for (int i = 0; i < 4; i++) {
        if (8 * i < whole) {
            const int16x8_t next =
                snn_neuron_next_eight(p, vldrhq_s16(u + 8 * i), vldrhq_s16(x + 8 * i));
            vstrhq_s16(u + 8 * i, next);
            total[i / 2] =
                snn_helium_fires(total[i / 2], bits[i % 2], next, vldrhq_s16(threshold + 8 * i));
        }
    }
    const snn_word spikes = total[0] | total[1] << 16;
    return spikes | snn_neuron_word_plain(p, whole, n, x, u, 0, threshold);
}

SNN_KERNEL int32x4_t snn_neuron_next_four(const snn_neuron_i16_params *p, int32x4_t u,
                                          int32x4_t x) {
    const int whole = p->beta == (int32_t)1 << SNN_BETA_BITS;
    u = whole ? u : vrshrq_n_s32(vmulq_n_s32(u, p->beta), SNN_BETA_BITS);
    u = vaddq_s32(u, vshlq_r_s32(x, p->input_shift));
    u = vminq_s32(u, vdupq_n_s32(INT16_MAX));
    return vmaxq_s32(u, vdupq_n_s32(INT16_MIN));
}

SNN_KERNEL snn_word snn_neuron_fours_helium(const snn_neuron_i16_params *p, int n, const void *x,
                                            int16_t *u, ptrdiff_t first, const int16_t *threshold) {
    const uint32x4_t bits = vshlq_u32(vdupq_n_u32(1), vreinterpretq_s32_u32(vidupq_n_u32(0, 1)));
    snn_word spikes = 0;
    const int whole = n & ~3;
    for (int c = 0; c < whole; c += 4) {
        const ptrdiff_t at = first + c;
        const int32x4_t input = p->wide_input ? vldrwq_s32((const int32_t *)x + at)
                                              : vldrhq_s32((const int16_t *)x + at);
        const int32x4_t next = snn_neuron_next_four(p, vldrhq_s32(u + at), input);
        vstrhq_s32(u + at, next);
        spikes |= vaddvq_p_u32(bits, vcmpgeq_s32(next, vldrhq_s32(threshold + c))) << c;
    }
    return spikes | snn_neuron_word_plain(p, whole, n, x, u, first, threshold);
}

SNN_KERNEL snn_word snn_neuron_word_helium(const snn_neuron_i16_params *p, int n, const void *x,
                                           int16_t *u, ptrdiff_t first, const int16_t *threshold) {
    if (p->wide_input || p->halvings > SNN_MOST_HALVINGS) {
        return snn_neuron_fours_helium(p, n, x, u, first, threshold);
    }
    return snn_neuron_eights_helium(p, n, (const int16_t *)x + first, u + first, threshold);
}

#endif
