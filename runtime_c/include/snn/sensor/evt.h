/* Prophesee's event streams as events of a network: EVT 2.0, 2.1 and 3.0 (GENX320, IMX636), byte by
 * byte as they come from a bus or a file, in pieces of any length.
 *
 *     static snn_evt_decoder decoder;            zeroed; the sensor's size below
 *     snn_evt_start(&decoder, SNN_EVT_3, 320, 320);
 *     decoded = snn_evt_decode(&decoder, bytes, count, events, room, &taken);
 *
 * Words that are no events of a pixel (triggers, vendors' own) are passed over. What cannot be, after
 * a byte was lost, is never an event: addresses outside the sensor are counted in `outside`, events
 * before the first whole time in `untimed`, and both are left out. Times are microseconds modulo 2^32.
 *
 * Formats as https://docs.prophesee.ai/stable/data/encoding_formats says. */
#ifndef SNN_SENSOR_EVT_H
#define SNN_SENSOR_EVT_H

#include "snn/types.h"

enum snn_evt_format {
    SNN_EVT_2,         /* words of 32 bits: an event each */
    SNN_EVT_21,        /* words of 64 bits: up to 32 events of a row; as GENX320 sends them */
    SNN_EVT_21_IMX636, /* the same, the upper 32 bits first */
    SNN_EVT_3          /* words of 16 bits: parts of events, up to 12 events of a row */
};

/* A stream at one point; all fields belong to the functions below, but `outside` and `untimed`. */
typedef struct {
    enum snn_evt_format format;
    uint16_t width, height;
    uint32_t high;         /* the upper part of the time, where it belongs in t_us */
    uint32_t turns;        /* EVT 3: what the times before have counted beyond 24 bits */
    uint16_t low, y, base; /* EVT 3: lower part of the time, row, column of the next vector */
    uint8_t polarity, base_polarity; /* of the events being given out; of the next vector */
    uint8_t timed;                   /* 1: high is known, 2 (EVT 3): low too */
    uint8_t held;                    /* bytes of a word that is not whole yet */
    unsigned char bytes[8];
    /* A row of events that is being given out: bit i is one at column x + i. */
    uint32_t mask;
    uint16_t mask_x;
    uint32_t outside; /* events with an address that the sensor does not have */
    uint32_t untimed; /* events before the stream has said what time it is */
} snn_evt_decoder;

/* Begin a stream of a sensor of width by height pixels. */
SNN_KERNEL void snn_evt_start(snn_evt_decoder *d, enum snn_evt_format format, int width,
                              int height) {
    const snn_evt_decoder zero = {SNN_EVT_2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}, 0, 0, 0, 0};
    *d = zero;
    d->format = format;
    d->width = (uint16_t)width;
    d->height = (uint16_t)height;
}

/* The next events of a row: where their columns begin, and which there are. */
SNN_KERNEL void snn_evt_row(snn_evt_decoder *d, uint32_t x, uint32_t mask, int timed) {
    if (!timed) {
        d->untimed += (uint32_t)snn_bit_count(mask);
        return;
    }
    d->mask = mask;
    d->mask_x = (uint16_t)x;
}

SNN_KERNEL void snn_evt21_word(snn_evt_decoder *d, uint32_t upper, uint32_t mask) {
    const uint32_t type = upper >> 28;
    if (type == 0x8u) {
        d->high = upper << 6;
        d->timed = 1;
    } else if (type <= 1u) {
        d->low = (uint16_t)((upper >> 22) & 0x3Fu);
        d->polarity = (uint8_t)type;
        d->y = (uint16_t)(upper & 0x7FFu);
        snn_evt_row(d, (upper >> 11) & 0x7FFu, mask, d->timed);
    }
}

/* A word of EVT 2.0: the same, of one pixel. */
SNN_KERNEL void snn_evt2_word(snn_evt_decoder *d, uint32_t word) {
    snn_evt21_word(d, word, 1u);
}

/* Bits 23 to 12 of the time; they go round every 16.8 seconds. */
SNN_KERNEL void snn_evt3_high(snn_evt_decoder *d, uint32_t bits) {
    const uint32_t high = bits << 12;
    if (d->timed && high < d->high) {
        d->turns += (uint32_t)1 << 24;
    }
    d->high = high;
    d->timed |= 1u;
}

SNN_KERNEL void snn_evt3_word(snn_evt_decoder *d, uint32_t word) {
    const uint32_t bits = word & 0xFFFu, address = word & 0x7FFu;
    const int timed = d->timed == 3u;
    switch (word >> 12) {
    case 0x0u:
        d->y = (uint16_t)address;
        break;
    case 0x2u:
        d->polarity = (uint8_t)(bits >> 11);
        snn_evt_row(d, address, 1u, timed);
        break;
    case 0x3u:
        d->base_polarity = (uint8_t)(bits >> 11);
        d->base = (uint16_t)address;
        break;
    case 0x4u:
        d->polarity = d->base_polarity;
        snn_evt_row(d, d->base, bits, timed);
        d->base = (uint16_t)(d->base + 12u);
        break;
    case 0x5u:
        d->polarity = d->base_polarity;
        snn_evt_row(d, d->base, bits & 0xFFu, timed);
        d->base = (uint16_t)(d->base + 8u);
        break;
    case 0x6u:
        d->low = (uint16_t)bits;
        d->timed |= 2u;
        break;
    case 0x8u:
        snn_evt3_high(d, bits);
        break;
    default: /* triggers, continued words, vendors' own */
        break;
    }
}

SNN_KERNEL uint32_t snn_evt_little_endian(const unsigned char *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* Takes one byte; a word that it makes whole is read. */
SNN_KERNEL void snn_evt_byte(snn_evt_decoder *d, unsigned char byte) {
    d->bytes[d->held] = byte;
    d->held++;
    if (d->format == SNN_EVT_3 && d->held == 2u) {
        snn_evt3_word(d, (uint32_t)d->bytes[0] | (uint32_t)d->bytes[1] << 8);
        d->held = 0;
    } else if (d->format == SNN_EVT_2 && d->held == 4u) {
        snn_evt2_word(d, snn_evt_little_endian(d->bytes));
        d->held = 0;
    } else if (d->held == 8u) {
        const int upper = d->format == SNN_EVT_21 ? 4 : 0;
        snn_evt21_word(d, snn_evt_little_endian(d->bytes + upper),
                       snn_evt_little_endian(d->bytes + 4 - upper));
        d->held = 0;
    }
}

/* Decode up to `room` events of `count` bytes; gives how many there are in `events`, and in `taken` how
 * many bytes were read. Call it again with the rest where `taken` is less than `count`: events of the
 * last word may still be due. */
SNN_KERNEL size_t snn_evt_decode(snn_evt_decoder *d, const unsigned char *bytes, size_t count,
                                 snn_event *events, size_t room, size_t *taken) {
    size_t found = 0, at = 0;
    for (;;) {
        while (d->mask && found < room) {
            const int i = snn_lowest_bit(d->mask);
            const uint32_t x = (uint32_t)d->mask_x + (uint32_t)i;
            d->mask &= d->mask - 1u;
            if (x >= d->width || d->y >= d->height) {
                d->outside++;
                continue;
            }
            events[found].t_us = d->turns + d->high + d->low;
            events[found].x = (uint16_t)x;
            events[found].y = d->y;
            events[found].polarity = d->polarity;
            found++;
        }
        if (d->mask || at == count) {
            break;
        }
        snn_evt_byte(d, bytes[at]);
        at++;
    }
    *taken = at;
    return found;
}

/* Defines MODEL_push_evt(net, decoder, bytes, count): decodes bytes of a stream and pushes the events
 * into the network, with its statuses; what was not decoded before an error is lost. */
#define SNN_DEFINE_PUSH_EVT(model)                                                       \
    static int model##_push_evt(model##_net *net, snn_evt_decoder *decoder,              \
                                const unsigned char *bytes, size_t count) {              \
        snn_event events[16];                                                            \
        size_t at = 0;                                                                   \
        int status = SNN_OK;                                                             \
        while (status == SNN_OK) {                                                       \
            size_t taken;                                                                \
            const size_t found = snn_evt_decode(decoder, bytes + at, count - at, events, \
                                                sizeof events / sizeof *events, &taken); \
            at += taken;                                                                 \
            if (!found && at == count) {                                                 \
                break;                                                                   \
            }                                                                            \
            status = model##_push_events(net, events, found);                            \
        }                                                                                \
        return status;                                                                   \
    }

#endif
