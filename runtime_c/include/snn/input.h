/* From events to frames of event counts, integer arithmetic only. */
#ifndef SNN_INPUT_H
#define SNN_INPUT_H

#include "snn/types.h"

typedef struct {
    int sensor_h, sensor_w; /* pixels of the sensor; multiples of `downsample` */
    int downsample;         /* side, in sensor pixels, of a frame's cell */
    int time_steps;         /* frames */
    uint32_t dt_us;         /* length of a frame in microseconds */
} snn_framing;

/* Where an event is counted: its cell in frames [time_steps][sensor_h/downsample *
 * sensor_w/downsample][2], channel = polarity, step = (t - t0) / dt. On an error `cell` is not set:
 *   SNN_ERR_EVENT_RANGE     x, y or polarity outside the sensor
 *   SNN_ERR_TIME_ORDER      t < t0
 *   SNN_ERR_WINDOW          step >= time_steps */
SNN_KERNEL int snn_frame_cell(const snn_framing *p, uint32_t t0_us, const snn_event *event,
                              ptrdiff_t *cell) {
    if (event->x >= p->sensor_w || event->y >= p->sensor_h || event->polarity > 1) {
        return SNN_ERR_EVENT_RANGE;
    }
    if (event->t_us < t0_us) {
        return SNN_ERR_TIME_ORDER;
    }
    const uint32_t step = (event->t_us - t0_us) / p->dt_us;
    if (step >= (uint32_t)p->time_steps) {
        return SNN_ERR_WINDOW;
    }
    const int height = p->sensor_h / p->downsample;
    const int width = p->sensor_w / p->downsample;
    const ptrdiff_t row = (ptrdiff_t)step * height + event->y / p->downsample;
    *cell = (row * width + event->x / p->downsample) * 2 + event->polarity;
    return SNN_OK;
}

/* Counts one event into frames COUNT, which the caller has cleared before the first. On an error
 * nothing is written: those of snn_frame_cell, and
 *   SNN_ERR_COUNT_OVERFLOW  the cell holds 65535 events already */
SNN_KERNEL int snn_frame_add(const snn_framing *p, uint32_t t0_us, const snn_event *event,
                             uint16_t *frames) {
    ptrdiff_t cell = 0;
    const int status = snn_frame_cell(p, t0_us, event, &cell);
    if (status != SNN_OK) {
        return status;
    }
    if (frames[cell] == UINT16_MAX) {
        return SNN_ERR_COUNT_OVERFLOW;
    }
    frames[cell] = (uint16_t)(frames[cell] + 1);
    return SNN_OK;
}

/* The same for frames of uint8_t, which hold 255 events a cell. */
SNN_KERNEL int snn_frame_add8(const snn_framing *p, uint32_t t0_us, const snn_event *event,
                              uint8_t *frames) {
    ptrdiff_t cell = 0;
    const int status = snn_frame_cell(p, t0_us, event, &cell);
    if (status != SNN_OK) {
        return status;
    }
    if (frames[cell] == UINT8_MAX) {
        return SNN_ERR_COUNT_OVERFLOW;
    }
    frames[cell] = (uint8_t)(frames[cell] + 1);
    return SNN_OK;
}

/* Narrows n counts; SNN_ERR_COUNT_OVERFLOW, and nothing more is written, at one above 255. */
SNN_KERNEL int snn_frames_narrow(ptrdiff_t n, const uint16_t *counts, uint8_t *frames) {
    for (ptrdiff_t i = 0; i < n; i++) {
        if (counts[i] > UINT8_MAX) {
            return SNN_ERR_COUNT_OVERFLOW;
        }
        frames[i] = (uint8_t)counts[i];
    }
    return SNN_OK;
}

#endif
