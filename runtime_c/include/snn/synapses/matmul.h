/* Matrix products: rows through one matrix of weights, and products of two activations.
 *
 *   out[b][row][col] = bias[col] + sum over k of in[b][row][k] * matrix[b][k][col]
 *
 * Each row is a fully connected layer (snn/synapses/linear.h), with its order of summation and its counts.
 *
 *   matrix  float [in_c][out_c]; the next batch's lies `apart` floats further (0: the same)
 *   out     float [batches][rows][out_c]
 */
#ifndef SNN_SYNAPSES_MATMUL_H
#define SNN_SYNAPSES_MATMUL_H

#include "snn/synapses/linear.h"

/* `in` SPIKE [batches][rows][SNN_WORDS(in_c)]. */
SNN_KERNEL void snn_rows_spike_f32(const snn_linear *p, int batches, int rows, int apart,
                                   const snn_word *in, const float *matrix, const float *bias,
                                   float *out, snn_counts *counts) {
    for (int batch = 0; batch < batches; batch++) {
        for (int row = 0; row < rows; row++) {
            snn_linear_spike_f32(p, in, matrix, bias, out, counts);
            in += SNN_WORDS(p->in_c);
            out += p->out_c;
        }
        matrix += apart;
    }
}

/* `in` COUNT [batches][rows][in_c]. */
SNN_KERNEL void snn_rows_count_f32(const snn_linear *p, int batches, int rows, int apart,
                                   const uint16_t *in, const float *matrix, const float *bias,
                                   float *out, snn_counts *counts) {
    for (int batch = 0; batch < batches; batch++) {
        for (int row = 0; row < rows; row++) {
            snn_linear_count_f32(p, in, matrix, bias, out, counts);
            in += p->in_c;
            out += p->out_c;
        }
        matrix += apart;
    }
}

/* `in` REAL [batches][rows][in_c]. */
SNN_KERNEL void snn_rows_real_f32(const snn_linear *p, int batches, int rows, int apart,
                                  const float *in, const float *matrix, const float *bias,
                                  float *out, snn_counts *counts) {
    for (int batch = 0; batch < batches; batch++) {
        for (int row = 0; row < rows; row++) {
            snn_linear_real_f32(p, in, matrix, bias, out, counts);
            in += p->in_c;
            out += p->out_c;
        }
        matrix += apart;
    }
}

/* Products of spikes: out[b][i][j] = how many k spike in both a[b][i][k] and b[b][j][k].
 *
 * `a` SPIKE [batches][rows][SNN_WORDS(k)], `b` SPIKE [batches][columns][SNN_WORDS(k)], `out` COUNT
 * [batches][rows][columns]. Counts a cmp a pair of words, and an ac a pair of spikes. */
SNN_KERNEL void snn_matmul_spikes(int batches, int rows, int columns, int k, const snn_word *a,
                                  const snn_word *b, uint16_t *out, snn_counts *counts) {
    const int words = SNN_WORDS(k);
    for (int batch = 0; batch < batches; batch++) {
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                const snn_word *const other = b + (ptrdiff_t)column * words;
                int both = 0;
                for (int w = 0; w < words; w++) {
                    both += snn_bit_count(a[w] & other[w]);
                }
                *out++ = (uint16_t)both;
                SNN_COUNT(counts, cmp, words);
                SNN_COUNT(counts, ac, both);
            }
            a += words;
        }
        b += (ptrdiff_t)columns * words;
    }
}

#endif
