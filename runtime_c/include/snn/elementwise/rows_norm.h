/* Rows brought to mean 0 and variance 1, and softmax of rows: what attention and normalisation of
 * the values themselves need. REAL [rows][n] on both sides, which do not alias. */
#ifndef SNN_ELEMENTWISE_ROWS_NORM_H
#define SNN_ELEMENTWISE_ROWS_NORM_H

#include "snn/elementwise/cell_math.h"
#include "snn/types.h"

/* Operations of one exponential and of one square root (snn/elementwise/cell_math.h). */
#define SNN_EXP_MUL 12
#define SNN_EXP_ADD 11
#define SNN_EXP_CMP 2
#define SNN_SQRT_MUL 13
#define SNN_SQRT_ADD 4
#define SNN_SQRT_CMP 4

/* y = (x - mean) / sqrt(variance + eps), the variance that of n values, in two passes. Counts a row:
 * mul 2 n + 3, add 3 n + 1, and a root. */
SNN_KERNEL void snn_standardize_f32(int rows, int n, float eps, const float *in, float *out,
                                    snn_counts *counts) {
    for (int row = 0; row < rows; row++) {
        float sum = 0.0f;
        float squares = 0.0f;
        for (int i = 0; i < n; i++) {
            sum = sum + in[i];
        }
        const float mean = sum / (float)n;
        for (int i = 0; i < n; i++) {
            const float apart = in[i] - mean;
            squares = squares + apart * apart;
            out[i] = apart;
        }
        const float scale = 1.0f / snn_sqrt_f32(squares / (float)n + eps);
        for (int i = 0; i < n; i++) {
            out[i] = out[i] * scale;
        }
        SNN_COUNT(counts, mul, 2 * (ptrdiff_t)n + 3 + SNN_SQRT_MUL);
        SNN_COUNT(counts, add, 3 * (ptrdiff_t)n + 1 + SNN_SQRT_ADD);
        SNN_COUNT(counts, cmp, SNN_SQRT_CMP);
        in += n;
        out += n;
    }
}

/* y = exp(x - max) / sum of these. Counts a value: cmp 1, add 2, mul 1 and an exponential. */
SNN_KERNEL void snn_softmax_f32(int rows, int n, const float *in, float *out, snn_counts *counts) {
    for (int row = 0; row < rows; row++) {
        float most = in[0];
        float sum = 0.0f;
        for (int i = 0; i < n; i++) {
            most = in[i] > most ? in[i] : most;
        }
        for (int i = 0; i < n; i++) {
            out[i] = snn_exp_f32(in[i] - most);
            sum = sum + out[i];
        }
        for (int i = 0; i < n; i++) {
            out[i] = out[i] / sum;
        }
        SNN_COUNT(counts, mul, (ptrdiff_t)n * (1 + SNN_EXP_MUL));
        SNN_COUNT(counts, add, (ptrdiff_t)n * (2 + SNN_EXP_ADD));
        SNN_COUNT(counts, cmp, (ptrdiff_t)n * (1 + SNN_EXP_CMP));
        in += n;
        out += n;
    }
}

#endif
