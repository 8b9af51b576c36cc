/* Event-driven convolution of spikes with int4 weights (SNN_ORDER_EIGHTS), an input row at a time:
 * the sums of conv2d_i8.h, in less work for each spike.
 *
 * The spikes of an input row are listed once for an output row, as offsets into the weights of a
 * kernel row. Those that an output pixel sees through that kernel row are then neighbours in the
 * list, and what they add lies at their offsets from one address. Groups and dilation_w must be 1,
 * and in_w * in_c * the bytes of a row of weights at most 32767, so that they fit an int.
 *
 * `starts` [in_w + 1] and `offset` [in_w * in_c] are working memory. */
#ifndef SNN_INT8_BY_ROWS_CONV2D_ROWS_I4_H
#define SNN_INT8_BY_ROWS_CONV2D_ROWS_I4_H

#include "snn/synapses/conv2d_shape.h"
#include "snn/vec/rows/eights.h"

/* Lists the spikes of an input row; those of pixel x begin at starts[x]. */
SNN_KERNEL void snn_conv2d_row_spikes(const snn_conv2d *p, int bytes, const snn_word *in,
                                      uint16_t *starts, uint16_t *offset) {
    const uint16_t *const begin = offset;
    int first = 0;
    for (int x = 0; x < p->in_w; x++, in += SNN_WORDS(p->in_c)) {
        starts[x] = (uint16_t)(offset - begin);
        for (int base = 0; base < p->in_c; base += SNN_WORD_BITS) {
            snn_word bits = snn_spikes_from(in, base, snn_min_int(p->in_c - base, SNN_WORD_BITS));
            while (bits) {
                *offset++ = (uint16_t)(first + (base + snn_lowest_bit(bits)) * bytes);
                bits &= bits - 1u;
            }
        }
        first += p->in_c * bytes;
    }
    starts[p->in_w] = (uint16_t)(offset - begin);
}

/* The spikes of an input row as an output row sees them through a kernel row. */
typedef struct {
    int wide, bytes;
    const int8_t *weight; /* of the kernel row */
    const uint16_t *starts, *offset;
    snn_counts *counts;
} snn_row_spikes;

/* Adds them to the sums `out` of the output row, which are taken as `bias` where not `begun`. */
SNN_KERNEL void snn_conv2d_row_add(const snn_conv2d *p, const snn_row_spikes *s, int begun,
                                   const void *bias, void *out) {
    const ptrdiff_t size = s->wide ? (ptrdiff_t)sizeof(int32_t) : (ptrdiff_t)sizeof(int16_t);
    for (int x = 0; x < p->out_w; x++) {
        void *const sum = (char *)out + x * p->out_c * size;
        const int left = x * p->stride_w - p->pad_w;
        const int first = left > 0 ? snn_min_int(left, p->in_w) : 0;
        const int end = snn_min_int(left + p->kernel_w, p->in_w);
        const int n = end > first ? s->starts[end] - s->starts[first] : 0;
        if (n == 0 && begun) {
            continue;
        }
        const uintptr_t before = (uintptr_t)(left * p->in_c * s->bytes); /* of pixels left of it */
        const snn_eights_rows rows = {NULL, (uintptr_t)s->weight - before,
                                      s->offset + s->starts[first]};
        const void *const from = begun ? sum : bias;
        if (s->wide) {
            snn_offsets_ones_wide_eights((int32_t *)sum, (const int32_t *)from, p->out_c, &rows, n,
                                         s->counts);
        } else {
            snn_offsets_ones_eights((int16_t *)sum, (const int16_t *)from, p->out_c, &rows, n,
                                    s->counts);
        }
    }
}

/* `in` SPIKE [in_h*in_w][SNN_WORDS(in_c)]; the rest as in conv2d_i8.h. Counts an AC for each output
 * channel of each spike at each tap that meets it. */
SNN_KERNEL void snn_conv2d_spike_rows_i4(const snn_conv2d *p, int wide, int first_row, int rows,
                                         const snn_word *in, const int8_t *weight, const void *bias,
                                         uint16_t *starts, uint16_t *offset, void *out,
                                         snn_counts *counts) {
    const int bytes = snn_row_bytes(SNN_ORDER_EIGHTS, p->out_c);
    const ptrdiff_t size = wide ? (ptrdiff_t)sizeof(int32_t) : (ptrdiff_t)sizeof(int16_t);
    const ptrdiff_t in_row = (ptrdiff_t)p->in_w * SNN_WORDS(p->in_c);
    const ptrdiff_t kernel_row = (ptrdiff_t)p->kernel_w * p->in_c * bytes;
    char *acc = (char *)out;
    for (int y = first_row; y < first_row + rows; y++, acc += p->out_w * p->out_c * size) {
        int begun = 0;
        for (int ky = 0; ky < p->kernel_h; ky++) {
            const int iy = y * p->stride_h - p->pad_h + ky * p->dilation_h;
            const int outside = iy < 0 || iy >= p->in_h;
            if (outside && (begun || ky + 1 < p->kernel_h)) {
                continue;
            }
            snn_row_spikes spikes = {wide, bytes, weight + ky * kernel_row, starts, offset, counts};
            if (outside) { /* no kernel row meets the input: what is left is the bias */
                memset(starts, 0, ((size_t)p->in_w + 1) * sizeof *starts);
            } else {
                snn_conv2d_row_spikes(p, bytes, in + iy * in_row, starts, offset);
            }
            snn_conv2d_row_add(p, &spikes, begun, bias, acc);
            begun = 1;
        }
    }
}

#endif
