/* Values moved between shapes: reshapes, permutations, slices, repetition, joining, and sums and
 * maxima over axes, as one walk with two strides.
 *
 * A walk is a table of `dims` rows {length, step in, step out}, innermost first; element `from` of
 * the input goes to element `to` of the output, and so on along every row. Elements of packed
 * spikes are bits, counted from the first bit of the first word. Inputs and outputs do not alias.
 */
#ifndef SNN_WIRING_MOVES_H
#define SNN_WIRING_MOVES_H

#include "snn/types.h"

#include <string.h>

/* Most rows of a table. */
#define SNN_WALK_DIMS 16

typedef struct {
    int dims;
    const int32_t *table;
    ptrdiff_t from, to; /* where the innermost row begins */
    int32_t at[SNN_WALK_DIMS];
} snn_walk;

SNN_KERNEL snn_walk snn_walk_begin(int dims, const int32_t *table, int32_t from, int32_t to) {
    snn_walk walk;
    walk.dims = dims;
    walk.table = table;
    walk.from = from;
    walk.to = to;
    memset(walk.at, 0, sizeof walk.at);
    return walk;
}

/* The next innermost row; 0 after the last. */
SNN_KERNEL int snn_walk_next(snn_walk *walk) {
    for (int d = 1; d < walk->dims; d++) {
        const int32_t *row = walk->table + (ptrdiff_t)3 * d;
        walk->at[d]++;
        walk->from += row[1];
        walk->to += row[2];
        if (walk->at[d] < row[0]) {
            return 1;
        }
        walk->from -= (ptrdiff_t)row[0] * row[1];
        walk->to -= (ptrdiff_t)row[0] * row[2];
        walk->at[d] = 0;
    }
    return 0;
}

/* Counts nothing: only moves. */
SNN_KERNEL void snn_move_real(int dims, const int32_t *table, int32_t from, int32_t to,
                              const float *in, float *out) {
    snn_walk walk = snn_walk_begin(dims, table, from, to);
    do {
        const float *const source = in + walk.from;
        float *const target = out + walk.to;
        for (ptrdiff_t i = 0; i < table[0]; i++) {
            target[i * table[2]] = source[i * table[1]];
        }
    } while (snn_walk_next(&walk));
}

/* Counts nothing: only moves. */
SNN_KERNEL void snn_move_count(int dims, const int32_t *table, int32_t from, int32_t to,
                               const uint16_t *in, uint16_t *out) {
    snn_walk walk = snn_walk_begin(dims, table, from, to);
    do {
        const uint16_t *const source = in + walk.from;
        uint16_t *const target = out + walk.to;
        for (ptrdiff_t i = 0; i < table[0]; i++) {
            target[i * table[2]] = source[i * table[1]];
        }
    } while (snn_walk_next(&walk));
}

/* Adds spikes to spikes (OR), so the output is cleared before. Counts nothing. */
SNN_KERNEL void snn_move_spike(int dims, const int32_t *table, int32_t from, int32_t to,
                               const snn_word *in, snn_word *out) {
    snn_walk walk = snn_walk_begin(dims, table, from, to);
    do {
        for (ptrdiff_t i = 0; i < table[0]; i++) {
            const ptrdiff_t source = walk.from + i * table[1];
            const ptrdiff_t target = walk.to + i * table[2];
            const snn_word bit = (in[source / SNN_WORD_BITS] >> (source % SNN_WORD_BITS)) & 1u;
            out[target / SNN_WORD_BITS] |= bit << (target % SNN_WORD_BITS);
        }
    } while (snn_walk_next(&walk));
}

/* The same where innermost rows are neighbouring bits and begin with a word on both sides. */
SNN_KERNEL void snn_move_spike_words(int dims, const int32_t *table, int32_t from, int32_t to,
                                     const snn_word *in, snn_word *out) {
    const int full = table[0] / SNN_WORD_BITS;
    const snn_word rest = snn_low_bits(table[0] % SNN_WORD_BITS);
    snn_walk walk = snn_walk_begin(dims, table, from, to);
    do {
        const snn_word *const source = in + walk.from / SNN_WORD_BITS;
        snn_word *const target = out + walk.to / SNN_WORD_BITS;
        for (int w = 0; w < full; w++) {
            target[w] |= source[w];
        }
        if (rest) {
            target[full] |= source[full] & rest;
        }
    } while (snn_walk_next(&walk));
}

SNN_KERNEL void snn_clear(size_t bytes, void *out) {
    memset(out, 0, bytes);
}

SNN_KERNEL void snn_fill_real(ptrdiff_t n, float value, float *out) {
    for (ptrdiff_t i = 0; i < n; i++) {
        out[i] = value;
    }
}

/* out += in along a walk. Counts an add an element of the walk. */
SNN_KERNEL void snn_reduce_sum_real(int dims, const int32_t *table, const float *in, float *out,
                                    snn_counts *counts) {
    snn_walk walk = snn_walk_begin(dims, table, 0, 0);
    do {
        const float *const source = in + walk.from;
        float *const target = out + walk.to;
        for (ptrdiff_t i = 0; i < table[0]; i++) {
            target[i * table[2]] = target[i * table[2]] + source[i * table[1]];
        }
        SNN_COUNT(counts, add, table[0]);
    } while (snn_walk_next(&walk));
}

/* out += 1 for each spike along a walk. Counts an add a spike. */
SNN_KERNEL void snn_reduce_sum_spike(int dims, const int32_t *table, const snn_word *in,
                                     uint16_t *out, snn_counts *counts) {
    snn_walk walk = snn_walk_begin(dims, table, 0, 0);
    do {
        for (ptrdiff_t i = 0; i < table[0]; i++) {
            const ptrdiff_t source = walk.from + i * table[1];
            if ((in[source / SNN_WORD_BITS] >> (source % SNN_WORD_BITS)) & 1u) {
                out[walk.to + i * table[2]]++;
                SNN_COUNT(counts, add, 1);
            }
        }
    } while (snn_walk_next(&walk));
}

/* out = max(out, in) along a walk; NaN stays. Counts a cmp an element of the walk. */
SNN_KERNEL void snn_reduce_max_real(int dims, const int32_t *table, const float *in, float *out,
                                    snn_counts *counts) {
    snn_walk walk = snn_walk_begin(dims, table, 0, 0);
    do {
        for (ptrdiff_t i = 0; i < table[0]; i++) {
            const float value = in[walk.from + i * table[1]];
            float *const most = out + walk.to + i * table[2];
            if (!(value <= *most)) {
                *most = value;
            }
        }
        SNN_COUNT(counts, cmp, table[0]);
    } while (snn_walk_next(&walk));
}

#endif
