/* From events to frames of event counts, in integer arithmetic; and frames of real numbers. Times
 * are microseconds modulo 2^32, so that a clock may wrap: an event is later than another if less
 * than 2^31 us lie between.
 */
#ifndef SNN_INPUT_H
#define SNN_INPUT_H

#include "snn/types.h"

#include <string.h>

typedef struct {
    int sensor_h, sensor_w; /* pixels of the sensor; multiples of `downsample` */
    int downsample;         /* side, in sensor pixels, of a frame's cell */
    int time_steps;         /* frames of a window */
    uint32_t dt_us;         /* length of a frame in microseconds */
} snn_framing;

/* Whether x, y and polarity lie in the sensor. */
SNN_KERNEL int snn_event_inside(const snn_framing *p, const snn_event *event) {
    return (int32_t)event->x < p->sensor_w && (int32_t)event->y < p->sensor_h &&
           event->polarity <= 1;
}

/* step = (t - t0) / dt, which may lie beyond the window. SNN_ERR_TIME_ORDER before t0; then `step`
 * is not set. */
SNN_KERNEL int snn_event_step(const snn_framing *p, uint32_t t0_us, const snn_event *event,
                              uint32_t *step) {
    const uint32_t since = event->t_us - t0_us;
    if (since > (uint32_t)INT32_MAX) {
        return SNN_ERR_TIME_ORDER;
    }
    *step = since / p->dt_us;
    return SNN_OK;
}

/* The cell of an event inside the sensor in a frame [sensor_h/downsample * sensor_w/downsample][2],
 * channel = polarity. */
SNN_KERNEL uint32_t snn_event_cell(const snn_framing *p, const snn_event *event) {
    const int32_t width = p->sensor_w / p->downsample;
    const int32_t row = (int32_t)event->y / p->downsample,
                  column = (int32_t)event->x / p->downsample;
    return (uint32_t)(row * width + column) * 2u + event->polarity;
}

/* The step whose frame takes an event of step `step`, or -1 where no frame does and the event is to
 * be dropped. `frames` frames exist, for the steps from `next`, which is to be computed next, on.
 * An event too late or too early for them goes, where `carry`, into the first or the last of them.
 */
SNN_KERNEL int32_t snn_frame_of(const snn_framing *p, uint32_t step, int32_t next, int32_t frames,
                                int carry) {
    const int32_t steps = p->time_steps;
    if (step >= (uint32_t)steps || next >= steps) {
        return -1;
    }
    const int32_t last = frames < steps - next ? next + frames - 1 : steps - 1;
    const int32_t own = (int32_t)step;
    if (own >= next && own <= last) {
        return own;
    }
    if (!carry) {
        return -1;
    }
    return own < next ? next : last;
}

/* Counts an event in its cell of a frame COUNT. SNN_ERR_COUNT_OVERFLOW, and the cell stays as it
 * is, where it holds `most` events already. */
SNN_KERNEL int snn_count_add(uint16_t *cell, uint16_t most) {
    if (*cell >= most) {
        return SNN_ERR_COUNT_OVERFLOW;
    }
    *cell = (uint16_t)(*cell + 1);
    return SNN_OK;
}

/* The same for frames of uint8_t, which hold 255 events a cell. */
SNN_KERNEL int snn_count_add8(uint8_t *cell, uint8_t most) {
    if (*cell >= most) {
        return SNN_ERR_COUNT_OVERFLOW;
    }
    *cell = (uint8_t)(*cell + 1);
    return SNN_OK;
}

/* Copies n counts; SNN_ERR_COUNT_OVERFLOW, and nothing more is written, at one above `most`. */
SNN_KERNEL int snn_counts_copy(ptrdiff_t n, const uint16_t *counts, uint16_t *frames,
                               uint16_t most) {
    for (ptrdiff_t i = 0; i < n; i++) {
        if (counts[i] > most) {
            return SNN_ERR_COUNT_OVERFLOW;
        }
        frames[i] = counts[i];
    }
    return SNN_OK;
}

/* The same into frames of uint8_t. */
SNN_KERNEL int snn_counts_copy8(ptrdiff_t n, const uint16_t *counts, uint8_t *frames,
                                uint8_t most) {
    for (ptrdiff_t i = 0; i < n; i++) {
        if (counts[i] > most) {
            return SNN_ERR_COUNT_OVERFLOW;
        }
        frames[i] = (uint8_t)counts[i];
    }
    return SNN_OK;
}

/* Copies n real numbers; SNN_ERR_NOT_FINITE, and nothing more is written, at one that is infinite
 * or NaN, which would stay in the membrane potentials until the next window. */
SNN_KERNEL int snn_reals_copy(ptrdiff_t n, const float *values, float *frames) {
    const uint32_t exponent = 0x7F800000u;
    for (ptrdiff_t i = 0; i < n; i++) {
        uint32_t bits;
        (void)memcpy(&bits, values + i, sizeof bits);
        if ((bits & exponent) == exponent) {
            return SNN_ERR_NOT_FINITE;
        }
        frames[i] = values[i];
    }
    return SNN_OK;
}

#endif
