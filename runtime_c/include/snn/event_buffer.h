/* A window of events, packed: the cells of their frames one after the other, oldest first, and
 * where each step begins. A frame is made when its step is computed. */
#ifndef SNN_EVENT_BUFFER_H
#define SNN_EVENT_BUFFER_H

#include "snn/input.h"

typedef struct {
    int wide;            /* a cell is a uint32_t, else a uint16_t */
    uint32_t elements;   /* cells of a frame */
    uint32_t max_events; /* room of `cells` */
} snn_event_buffer;

/* How much is in a buffer: `pushed` events, the newest of them in step `newest`. */
typedef struct {
    uint32_t pushed;
    int32_t newest;
} snn_event_fill;

SNN_KERNEL uint32_t snn_buffered_cell(const snn_event_buffer *p, const void *cells, uint32_t i) {
    return p->wide ? ((const uint32_t *)cells)[i] : ((const uint16_t *)cells)[i];
}

/* Appends an event of step `step`, not below fill->newest, in cell `cell` of its frame. `starts`
 * [steps] holds the index of the first event of every step up to the newest; starts[0] is 0.
 * SNN_ERR_TIME_ORDER for a step before the newest, SNN_ERR_EVENT_SPACE where the buffer is full;
 * then nothing is written. */
SNN_KERNEL int snn_event_append(const snn_event_buffer *p, int32_t step, uint32_t cell, void *cells,
                                uint32_t *starts, snn_event_fill *fill) {
    if (step < fill->newest) {
        return SNN_ERR_TIME_ORDER;
    }
    if (fill->pushed >= p->max_events) {
        return SNN_ERR_EVENT_SPACE;
    }
    while (fill->newest < step) {
        fill->newest++;
        starts[fill->newest] = fill->pushed;
    }
    if (p->wide) {
        ((uint32_t *)cells)[fill->pushed] = cell;
    } else {
        ((uint16_t *)cells)[fill->pushed] = (uint16_t)cell;
    }
    fill->pushed++;
    return SNN_OK;
}

/* Index of the first event of a step or, for steps after the newest, of the end. */
SNN_KERNEL uint32_t snn_event_start(int32_t step, const uint32_t *starts,
                                    const snn_event_fill *fill) {
    return step <= fill->newest ? starts[step] : fill->pushed;
}

/* Makes the frame COUNT of a step. SNN_ERR_COUNT_OVERFLOW where a cell would exceed `most`. */
SNN_KERNEL int snn_event_frame(const snn_event_buffer *p, int32_t step, const void *cells,
                               const uint32_t *starts, const snn_event_fill *fill, uint16_t *frame,
                               uint16_t most) {
    const uint32_t end = snn_event_start(step + 1, starts, fill);
    (void)memset(frame, 0, (size_t)p->elements * sizeof *frame);
    for (uint32_t i = snn_event_start(step, starts, fill); i < end; i++) {
        if (snn_count_add(frame + snn_buffered_cell(p, cells, i), most) != SNN_OK) {
            return SNN_ERR_COUNT_OVERFLOW;
        }
    }
    return SNN_OK;
}

/* The same for a frame of uint8_t. */
SNN_KERNEL int snn_event_frame8(const snn_event_buffer *p, int32_t step, const void *cells,
                                const uint32_t *starts, const snn_event_fill *fill, uint8_t *frame,
                                uint8_t most) {
    const uint32_t end = snn_event_start(step + 1, starts, fill);
    (void)memset(frame, 0, (size_t)p->elements * sizeof *frame);
    for (uint32_t i = snn_event_start(step, starts, fill); i < end; i++) {
        if (snn_count_add8(frame + snn_buffered_cell(p, cells, i), most) != SNN_OK) {
            return SNN_ERR_COUNT_OVERFLOW;
        }
    }
    return SNN_OK;
}

/* Appends as many events as a frame of step `step` counts, cell by cell; statuses as above. */
SNN_KERNEL int snn_event_append_frame(const snn_event_buffer *p, int32_t step,
                                      const uint16_t *frame, void *cells, uint32_t *starts,
                                      snn_event_fill *fill) {
    for (uint32_t cell = 0; cell < p->elements; cell++) {
        for (uint32_t n = 0; n < frame[cell]; n++) {
            const int status = snn_event_append(p, step, cell, cells, starts, fill);
            if (status != SNN_OK) {
                return status;
            }
        }
    }
    return SNN_OK;
}

#endif
