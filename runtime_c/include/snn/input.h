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

/* Counts one event into frames COUNT [time_steps][sensor_h/downsample *
 * sensor_w/downsample][2], channel = polarity, step = (t - t0) / dt. The caller
 * clears `frames` before the first event. On an error nothing is written:
 *   SNN_ERR_EVENT_RANGE     x, y or polarity outside the sensor
 *   SNN_ERR_TIME_ORDER      t < t0
 *   SNN_ERR_WINDOW          step >= time_steps
 *   SNN_ERR_COUNT_OVERFLOW  the cell holds 65535 events already */
SNN_KERNEL int snn_frame_add(const snn_framing *p, uint32_t t0_us, const snn_event *event,
                             uint16_t *frames) {
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
    uint16_t *const cell = frames + (row * width + event->x / p->downsample) * 2 + event->polarity;
    if (*cell == UINT16_MAX) {
        return SNN_ERR_COUNT_OVERFLOW;
    }
    *cell = (uint16_t)(*cell + 1);
    return SNN_OK;
}

#endif
