/* The work of masked_i8.h on many channels at once, on hosts with SIMD. */
#ifndef SNN_VEC_MASKED_LANES_H
#define SNN_VEC_MASKED_LANES_H

#include "snn/vec/columns.h"

#ifdef SNN_I16_SIMD

/* The bits of SNN_COLUMNS channels from c on. */
SNN_KERNEL snn_word snn_complementary_columns(int time_steps, int channels, const uint32_t *keys,
                                              int t, int c, snn_counts *counts) {
    const uint32_t *const step = keys + (ptrdiff_t)t * channels;
    snn_i32s place;
    for (int k = 0; k < SNN_COLUMNS; k++) {
        place[k] = c + k;
    }
    snn_i32s in_step = {0}, in_channel = {0}; /* minus the ranks */
    snn_u32s own, other;
    SNN_COLUMNS_LOAD(own, step + c);
    for (int j = 0; j < channels; j++) {
        in_step += (own < step[j]) | ((own == step[j]) & (place > j));
    }
    for (int j = 0; j < t; j++) {
        SNN_COLUMNS_LOAD(other, keys + (ptrdiff_t)j * channels + c);
        in_channel += other >= own;
    }
    for (int j = t; j < time_steps; j++) {
        SNN_COLUMNS_LOAD(other, keys + (ptrdiff_t)j * channels + c);
        in_channel += other > own;
    }
    const snn_i32s chosen = (-in_step < channels / 2) ^ (-in_channel < time_steps / 2);
    snn_word bits = 0;
    for (int k = 0; k < SNN_COLUMNS; k++) {
        bits |= (snn_word)(chosen[k] & 1) << k;
    }
    SNN_COUNT(counts, cmp, (ptrdiff_t)SNN_COLUMNS * (channels + time_steps));
    return bits;
}

/* Statistics of the first channels of a pixel, whole vectors of them; gives how many. */
SNN_KERNEL int snn_masked_statistics_lanes(int channels, const int16_t *x, const snn_word *mask,
                                           int32_t *out) {
    const snn_i16s zero = snn_i16s_zero();
    snn_i16s most1 = snn_i16s_all(INT16_MIN), most2 = most1;
    int c = 0;
    for (; c + SNN_I16_LANES <= channels; c += SNN_I16_LANES) {
        const snn_i16s value = snn_i16s_load(x + c);
        const snn_word bits = mask[c / SNN_WORD_BITS] >> (c % SNN_WORD_BITS);
        const snn_i16s value1 = snn_i16s_select(bits, value, zero);
        const snn_i16s value2 = snn_i16s_select(bits, zero, value);
        out[0] += snn_i16s_sum(value1);
        out[2] += snn_i16s_sum(value2);
        most1 = snn_i16s_greater(most1, value1);
        most2 = snn_i16s_greater(most2, value2);
    }
    out[1] = snn_max_int(out[1], snn_i16s_greatest(most1));
    out[3] = snn_max_int(out[3], snn_i16s_greatest(most2));
    return c;
}

/* Gates the first channels of a pixel, whole vectors of them; gives how many. */
SNN_KERNEL int snn_masked_gate_lanes(int channels, const int16_t *x, const snn_word *mask,
                                     const int16_t *scores, int16_t *y) {
    const snn_i16s score1 = snn_i16s_all(scores[0]), score2 = snn_i16s_all(scores[1]);
    int c = 0;
    for (; c + SNN_I16_LANES <= channels; c += SNN_I16_LANES) {
        const snn_word bits = mask[c / SNN_WORD_BITS] >> (c % SNN_WORD_BITS);
        const snn_i16s score = snn_i16s_select(bits, score1, score2);
        snn_i16s_store(y + c, snn_i16s_scaled(snn_i16s_load(x + c), score));
    }
    return c;
}

#endif

#endif
