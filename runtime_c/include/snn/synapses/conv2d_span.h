/* Which listed events a kernel row, or some taps of it, covers. */
#ifndef SNN_SYNAPSES_CONV2D_SPAN_H
#define SNN_SYNAPSES_CONV2D_SPAN_H

#include "snn/synapses/conv2d_shape.h"

/* Events begin .. end - 1 of the list; the row of weights of an entry e is at rows + e * row_bytes.
 * `rows` is a number and no pointer, since it may lie before the weights. */
typedef struct {
    uint32_t begin, end;
    uintptr_t rows;
} snn_span;

/* Taps whose events follow one another: a whole kernel row, or one where it is dilated. */
SNN_KERNEL int snn_conv2d_span_taps(const snn_conv2d *p) {
    return p->dilation_w == 1 ? p->kernel_w : 1;
}

/* Taps kx .. kx + taps - 1 (more than one only without dilation) of a kernel row laid over an input
 * row from column x0 on. `starts` belongs to the input row; `rows` is the address of the kernel
 * row's [kx][ci], and a row has `row_bytes`. */
SNN_KERNEL snn_span snn_conv2d_span(const snn_conv2d *p, const uint32_t *starts, int x0, int kx,
                                    int taps, uintptr_t rows, uintptr_t row_bytes) {
    const int first = x0 + kx * p->dilation_w;
    const int begin = snn_min_int(snn_max_int(first, 0), p->in_w);
    const int end = snn_max_int(snn_min_int(first + taps, p->in_w), begin);
    const uintptr_t pixel_bytes = (uintptr_t)snn_conv2d_in_c(p) * row_bytes;
    const snn_span span = {starts[begin], starts[end],
                           rows + (uintptr_t)(ptrdiff_t)(kx - first) * pixel_bytes};
    return span;
}

#endif
