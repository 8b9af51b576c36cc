/* Address-event words of DVS chips, as boards pass them on over SPI, UART or a parallel port: an
 * address without a time, which the receiver's clock gives. Where the bits lie is the board's to say. */
#ifndef SNN_SENSOR_AER_H
#define SNN_SENSOR_AER_H

#include "snn/types.h"

/* Where an address lies in a word, and what the sensor's size is. */
typedef struct {
    uint16_t width, height;
    uint8_t x_shift, x_bits, y_shift, y_bits;
    uint8_t polarity_shift;
    uint8_t polarity_on; /* the bit that means ON: 1, or 0 where a chip has it inverted */
} snn_aer_layout;

/* The event of a word at a time; 0 where its address is outside the sensor, and then none. */
SNN_KERNEL int snn_aer_event(const snn_aer_layout *layout, uint32_t word, uint32_t t_us,
                             snn_event *event) {
    const uint32_t x = (word >> layout->x_shift) & snn_low_bits(layout->x_bits);
    const uint32_t y = (word >> layout->y_shift) & snn_low_bits(layout->y_bits);
    if (x >= layout->width || y >= layout->height) {
        return 0;
    }
    event->t_us = t_us;
    event->x = (uint16_t)x;
    event->y = (uint16_t)y;
    event->polarity = (uint8_t)(((word >> layout->polarity_shift) & 1u) == layout->polarity_on);
    return 1;
}

#endif
