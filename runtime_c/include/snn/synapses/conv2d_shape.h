/* Shape of a convolution; see snn/synapses/conv2d.h for the equation and the layouts. */
#ifndef SNN_SYNAPSES_CONV2D_SHAPE_H
#define SNN_SYNAPSES_CONV2D_SHAPE_H

#include "snn/synapses/event_list.h"
#include "snn/synapses/gather.h"

typedef struct {
    int in_h, in_w, in_c;
    int out_h, out_w, out_c;
    int kernel_h, kernel_w;
    int stride_h, stride_w;
    int pad_h, pad_w; /* above and left; below and right follow from out_h and out_w */
    int dilation_h, dilation_w;
    int groups;
    int co_block; /* output channels a block of weights; 0: out_c / groups */
} snn_conv2d;

SNN_KERNEL int snn_conv2d_co_block(const snn_conv2d *p) {
    return p->co_block ? p->co_block : p->out_c / p->groups;
}

/* Input channels of a group. */
SNN_KERNEL int snn_conv2d_in_c(const snn_conv2d *p) {
    return p->in_c / p->groups;
}

/* Floats of weights that one kernel row of a block holds. */
SNN_KERNEL ptrdiff_t snn_conv2d_kernel_row(const snn_conv2d *p) {
    return (ptrdiff_t)p->kernel_w * snn_conv2d_in_c(p) * snn_conv2d_co_block(p);
}

/* What one group reads: an input, where its channels begin, and its events
 * where they are listed; and which rows of the output are computed from it. */
typedef struct {
    enum snn_input_kind kind;
    const void *in;
    int first; /* first channel of the group */
    const snn_event_list *list;
    int first_row, rows; /* of the output; `out` begins at first_row */
} snn_conv2d_source;

#endif
