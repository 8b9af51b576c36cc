/* Gathering the rows of int8 weights that belong to the active inputs of an output pixel, and
 * adding them to int16 or int32 sums.
 *
 * acc[co] += value[ci] * w[ci][co]. Integer sums are exact in any order, as long as they fit: the
 * compiler chooses int16 (`wide` 0) only where the sums of positive and of negative weights, times
 * the largest input, cannot leave it, so that no partial sum can either. */
#ifndef SNN_INT8_GATHER_I8_H
#define SNN_INT8_GATHER_I8_H

#include "snn/synapses/gather.h"
#include "snn/vec/rows.h"

#define SNN_LIST_FULL 64  /* rows after which a list is added */
#define SNN_LIST_AHEAD 32 /* rows that are listed without a look at how many there are */

/* The rows of one output pixel, not added yet, and where they go: `order` of each row, `row` to
 * `end` those listed, `load` the sum of their values, `from` what the sums so far are. The arrays
 * are the caller's, so that the rest can live in registers. */
typedef struct {
    void *sum;
    int wide, channels;
    enum snn_order order;
    const void *from;
    int load;
    const int8_t **row, **end;
    uint8_t *value;
    snn_counts *counts;
} snn_gather;

SNN_KERNEL void snn_gather_flush(snn_gather *g, enum snn_input_kind kind) {
    snn_rows rows;
    rows.n = (int)(g->end - g->row);
    rows.kind = kind == SNN_INPUT_SPIKE         ? SNN_VALUE_ONE
                : kind == SNN_INPUT_SPIKE_DENSE ? SNN_VALUE_BIT
                                                : SNN_VALUE_SMALL;
    rows.row = g->row;
    rows.value = g->value;
    snn_rows_add(g->sum, g->wide, g->from, g->channels, g->order, &rows, g->counts);
    g->from = g->sum;
    g->end = g->row;
    g->load = 0;
}

/* acc += value * row for a value of any size. */
SNN_KERNEL void snn_gather_large(snn_gather *g, const int8_t *row, int32_t value) {
    snn_gather_flush(g, SNN_INPUT_COUNT);
    for (int c = 0; c < g->channels; c++) {
        const int32_t product = value * snn_row_weight(g->order, row, c);
        snn_put(g->sum, g->wide, c, snn_get(g->sum, g->wide, c) + product);
    }
    SNN_COUNT(g->counts, mac, g->channels);
}

/* Lists the rows of the set bits, at least one, and gives the end of the list. The order is free:
 * cores that count leading zeros take the highest bit first, in fewer instructions. */
SNN_KERNEL const int8_t **snn_list_rows(const int8_t **end, snn_word bits, const int8_t *rows,
                                        int bytes) {
#if defined(__ARM_FEATURE_CLZ) && !defined(__ARM_FEATURE_MVE) && defined(__GNUC__)
    do {
        const int zeros = __builtin_clz(bits);
        *end++ = rows + (ptrdiff_t)(SNN_WORD_BITS - 1 - zeros) * bytes;
        bits &= ~(0x80000000u >> zeros);
    } while (bits);
#else
    do {
        *end++ = rows + (ptrdiff_t)snn_lowest_bit(bits) * bytes;
        bits &= bits - 1u;
    } while (bits);
#endif
    return end;
}

/* Lists the set ones among `n` spikes from channel `first` on; the row of the first is `weight`. */
SNN_KERNEL void snn_gather_spikes(snn_gather *g, const snn_word *pixel, int first, int n,
                                  const int8_t *weight) {
    const int bytes = snn_row_bytes(g->order, g->channels);
    for (int base = 0; base < n; base += SNN_WORD_BITS) {
        snn_word bits = snn_spikes_from(pixel, first + base, snn_min_int(n - base, SNN_WORD_BITS));
        if (!bits) {
            continue;
        }
        g->end = snn_list_rows(g->end, bits, weight + (ptrdiff_t)base * bytes, bytes);
        if (g->end - g->row > SNN_LIST_FULL) {
            snn_gather_flush(g, SNN_INPUT_SPIKE);
        }
    }
}

/* Lists channels first .. first + n - 1 of a pixel with their values: all of them where they are
 * SPIKE_DENSE, those other than 0 where they are counts. */
SNN_KERNEL void snn_gather_values(snn_gather *g, enum snn_input_kind kind, const void *pixel,
                                  int first, int n, const int8_t *weight) {
    const int bytes = snn_row_bytes(g->order, g->channels);
    for (int ci = 0; ci < n; ci++, weight += bytes) {
        int32_t value;
        if (kind == SNN_INPUT_COUNT) {
            value = ((const uint16_t *)pixel)[first + ci];
        } else if (kind == SNN_INPUT_COUNT8) {
            value = ((const uint8_t *)pixel)[first + ci];
        } else {
            value = snn_spike_at((const snn_word *)pixel, first + ci);
        }
        if (kind != SNN_INPUT_SPIKE_DENSE && value == 0) {
            continue;
        }
        if (value > SNN_SMALL_VALUE) {
            snn_gather_large(g, weight, value);
            continue;
        }
        g->value[g->end - g->row] = (uint8_t)value;
        *g->end++ = weight;
        g->load += (int)value;
        if (g->end - g->row > SNN_LIST_FULL || g->load > 255 - SNN_SMALL_VALUE) {
            snn_gather_flush(g, kind);
        }
    }
}

/* Lists what channels first .. first + n - 1 of a pixel add: SPIKE set bits only, an AC each and
 * output channel; SPIKE_DENSE every channel, a MAC; COUNT and COUNT8 values other than 0, a MAC. */
SNN_KERNEL void snn_gather_pixel(snn_gather *g, enum snn_input_kind kind, const void *pixel,
                                 int first, int n, const int8_t *weight) {
    if (kind == SNN_INPUT_SPIKE) {
        snn_gather_spikes(g, (const snn_word *)pixel, first, n, weight);
    } else {
        snn_gather_values(g, kind, pixel, first, n, weight);
    }
}

#endif
