/* Fully connected layer over the spikes of several steps at once, float32: the values of linear.h.
 *
 * A step alone adds rows of weights from wherever they lie, mostly in a far cache. Here a block of
 * rows is added to every step before the next block is looked at, so that it is loaded once for all
 * of them. Order of summation, a contract: as in linear.h for each output of each step, whatever
 * the blocks.
 *
 *   in      SPIKE [steps][pixels][SNN_WORDS(in_c)]
 *   weight  float [pixels][in_c][out_c]
 *   bias    float [out_c], or NULL
 *   out     float [steps][out_c]
 */
#ifndef SNN_SYNAPSES_LINEAR_STEPS_H
#define SNN_SYNAPSES_LINEAR_STEPS_H

#include "snn/synapses/event_list.h"
#include "snn/synapses/linear.h"

/* A block has at least as many rows as fill half of a first-level cache, and at most eight times as
 * many: those that bring so many spikes a step that a loop over them pays for its end. */
#define SNN_BLOCK_BYTES 32768
#define SNN_BLOCK_SPIKES 12
#define SNN_BLOCK_ROWS 1024
#define SNN_BLOCK_UNIT (2 * SNN_WORD_BITS) /* of channels, where a pixel is cut */

/* Some channels of some pixels; where there are several pixels, all channels. */
typedef struct {
    int pixel, pixels;
    int channel, channels;
} snn_linear_block;

/* How many rows a block should have, for rows of so many bytes. */
SNN_KERNEL int snn_block_rows(const snn_linear *p, int row_bytes, int steps, const snn_word *in) {
    const ptrdiff_t words = (ptrdiff_t)steps * p->pixels * SNN_WORDS(p->in_c);
    const int least = snn_max_int(SNN_BLOCK_BYTES / row_bytes, SNN_BLOCK_UNIT);
    ptrdiff_t spikes = 1;
    for (ptrdiff_t i = 0; i < words; i++) {
        spikes += snn_bit_count(in[i]);
    }
    const ptrdiff_t wanted = SNN_BLOCK_SPIKES * words * SNN_WORD_BITS / spikes;
    const int most = snn_min_int(8 * least, SNN_BLOCK_ROWS);
    return snn_min_int(wanted < most ? snn_max_int((int)wanted, least) : most, SNN_BLOCK_ROWS);
}

/* The first block, where one should have so many rows: several whole pixels, or a part of one. */
SNN_KERNEL snn_linear_block snn_block_first(const snn_linear *p, int rows) {
    snn_linear_block block = {0, 1, 0, rows / SNN_BLOCK_UNIT * SNN_BLOCK_UNIT};
    if (block.channels >= p->in_c) {
        block.pixels = snn_min_int(rows / p->in_c, p->pixels);
        block.channels = p->in_c;
    }
    return block;
}

/* What follows a block; 0 behind the last one. */
SNN_KERNEL int snn_block_next(const snn_linear *p, snn_linear_block *block) {
    block->channel += block->channels;
    if (block->channel >= p->in_c) {
        block->channel = 0;
        block->pixel += block->pixels;
    }
    return block->pixel < p->pixels;
}

/* The part of a block that there is: the last ones are cut short. */
SNN_KERNEL snn_linear_block snn_block_inside(const snn_linear *p, snn_linear_block block) {
    block.pixels = snn_min_int(block.pixels, p->pixels - block.pixel);
    block.channels = snn_min_int(block.channels, p->in_c - block.channel);
    return block;
}

/* Lists the spikes of one step in a block, by their rows from its first on; gives how many. */
SNN_KERNEL int snn_block_list(const snn_linear *p, snn_linear_block block, const snn_word *in,
                              uint16_t *rows) {
    int n = 0;
    for (int pixel = 0; pixel < block.pixels; pixel++) {
        const snn_word *const words = in + (ptrdiff_t)(block.pixel + pixel) * SNN_WORDS(p->in_c);
        for (int c = 0; c < block.channels; c += 2 * SNN_WORD_BITS) {
            const uint64_t bits = snn_two_words(words, block.channel + c, block.channels - c);
            n += snn_bit_indices(bits, pixel * p->in_c + c, rows + n);
        }
    }
    return n;
}

/* Adds n listed rows of `weight` to output channels first .. first + channels - 1. */
SNN_KERNEL void snn_block_tile(const float *weight, int out_c, const uint16_t *rows, int n,
                               const float *from, int first, int channels, float *out,
                               snn_counts *counts) {
    snn_tile tile;
    snn_tile_begin(&tile, channels, from ? from + first : NULL);
    for (int i = 0; i < n; i++) {
        snn_tile_add(&tile, channels, weight + (ptrdiff_t)rows[i] * out_c + first);
        SNN_COUNT(counts, ac, channels);
    }
    snn_tile_end(&tile, channels, out + first);
}

/* Adds n listed rows to all sums of one step, which are `from` so far. */
SNN_KERNEL void snn_block_add(const float *weight, int out_c, const uint16_t *rows, int n,
                              const float *from, float *out, snn_counts *counts) {
    const int full = out_c / SNN_TILE_CHANNELS * SNN_TILE_CHANNELS;
    for (int co = 0; co < full; co += SNN_TILE_CHANNELS) {
        snn_block_tile(weight, out_c, rows, n, from, co, SNN_TILE_CHANNELS, out, counts);
    }
    if (full < out_c) {
        snn_block_tile(weight, out_c, rows, n, from, full, out_c - full, out, counts);
    }
}

/* Event-driven. Counts out_c ACs a spike. */
SNN_KERNEL void snn_linear_steps_spike_f32(const snn_linear *p, int steps, const snn_word *in,
                                           const float *weight, const float *bias, float *out,
                                           snn_counts *counts) {
    uint16_t list[SNN_BLOCK_ROWS + SNN_BIT_INDICES_SLACK];
    const int row_bytes = p->out_c * (int)sizeof(float);
    snn_linear_block next = snn_block_first(p, snn_block_rows(p, row_bytes, steps, in));
    int begun = 0;
    do {
        const snn_linear_block block = snn_block_inside(p, next);
        const ptrdiff_t row = (ptrdiff_t)block.pixel * p->in_c + block.channel;
        const float *const rows = weight + row * p->out_c;
        for (int t = 0; t < steps; t++) {
            const ptrdiff_t words = (ptrdiff_t)t * p->pixels * SNN_WORDS(p->in_c);
            const int n = snn_block_list(p, block, in + words, list);
            float *const sums = out + (ptrdiff_t)t * p->out_c;
            snn_block_add(rows, p->out_c, list, n, begun ? sums : bias, sums, counts);
        }
        begun = 1;
    } while (snn_block_next(p, &next));
}

#endif
