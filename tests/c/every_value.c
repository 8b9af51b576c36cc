/* Runs windows of made-up input and prints the scores and a digest of every value of every node
 * (the model is built with SNN_OBSERVE): the same program on every processor, which must print the
 * same. The operands that OPERANDS lists are made up too. On AVR the first serial port is the
 * terminal; the chip stops by sleeping for ever. */
#include "model.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef __AVR__
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#endif

#ifndef WINDOWS
#define WINDOWS 2
#endif
#ifndef OPERANDS
#define OPERANDS {-1, 0, 0}
#endif
#define EVENTS_A_STEP 40

enum kind { WORD, COUNT, INT16, INT32, FLOAT };

typedef struct {
    int entry, kind, channels;
} operand;

static const operand operands[] = {OPERANDS};
static uint32_t digests[VALUES];
static uint32_t random_state = 1;
static unsigned char memory[MODEL_ARENA_BYTES + MODEL_ARENA_ALIGNMENT];
static model_net net;

#ifdef __AVR__
static int put(char c, FILE *file) {
    (void)file;
    while (!(UCSR0A & (1 << UDRE0))) {
    }
    UDR0 = (uint8_t)c;
    return 0;
}
static FILE terminal = FDEV_SETUP_STREAM(put, NULL, _FDEV_SETUP_WRITE);
#endif

static uint32_t next_random(void) {
    random_state = random_state * UINT32_C(1664525) + UINT32_C(1013904223);
    return random_state >> 8;
}

static int32_t between(int32_t low, int32_t high) {
    return low + (int32_t)(next_random() % (uint32_t)(high - low + 1));
}

/* Sets element i of an operand. */
static void make_up(const operand *given, void *value, size_t i) {
    const int words = SNN_WORDS(given->channels);
    const int last = (int)(i % (size_t)words) == words - 1;
    if (given->kind == WORD) {
        const snn_word word =
            (next_random() << 16 | (next_random() & 0xFFFFu)) & ~(snn_word)(next_random() << 8);
        ((snn_word *)value)[i] =
            word & (last ? snn_low_bits(given->channels - 32 * (words - 1)) : ~(snn_word)0);
    } else if (given->kind == COUNT) {
        ((uint16_t *)value)[i] = (uint16_t)(next_random() % 3u);
    } else if (given->kind == INT16) {
        ((int16_t *)value)[i] = (int16_t)between(-20000, 20000);
    } else if (given->kind == INT32) {
        ((int32_t *)value)[i] = between(-200000, 200000);
    } else {
        ((float *)value)[i] = (float)between(-1500, 1500) / 512.0f;
    }
}

void snn_observe(int entry, size_t offset, const void *value, size_t bytes) {
    static const size_t sizes[] = {4, 2, 2, 4, 4};
    (void)offset;
    for (size_t k = 0; k < sizeof operands / sizeof *operands; k++) {
        const size_t size = sizes[operands[k].kind];
        for (size_t i = 0; operands[k].entry == entry && i < bytes / size; i++) {
            make_up(&operands[k], (void *)(uintptr_t)value, i); /* the arena: nobody wrote it */
        }
    }
    const unsigned char *const at = (const unsigned char *)value;
    for (size_t i = 0; i < bytes; i++) {
        digests[entry] = (digests[entry] ^ at[i]) * UINT32_C(16777619);
    }
}

#ifdef MODEL_STEP_US
/* Events of one step; its status. */
static int push(uint32_t step) {
    int status = SNN_OK;
    for (uint32_t i = 0; i < EVENTS_A_STEP && status == SNN_OK; i++) {
        snn_event event;
        event.t_us = step * MODEL_STEP_US + i * (MODEL_STEP_US / EVENTS_A_STEP);
        event.x = (uint16_t)(next_random() % MODEL_SENSOR_WIDTH);
        event.y = (uint16_t)(next_random() % MODEL_SENSOR_HEIGHT);
        event.polarity = (uint8_t)(next_random() % 2u);
        status = model_push_events(&net, &event, 1);
    }
    return status;
}
#else
/* A model without a sensor: its frames stay empty, its operands are made up. */
static int push(uint32_t step) {
    (void)step;
    return SNN_OK;
}
#endif

static int run(void) {
    int status = model_reset(&net);
    for (uint32_t step = 0; step < MODEL_TIME_STEPS && status == SNN_OK; step++) {
        status = push(step);
#if MODEL_STREAMS
        status = status == SNN_OK ? model_step(&net) : status;
#endif
    }
#if !MODEL_STREAMS
    status = status == SNN_OK ? model_run(&net) : status;
#endif
    return status;
}

static void print_scores(void) {
    SCORE scores[MODEL_NUM_CLASSES];
    const int status = model_scores(&net, scores);
    printf("status %d", status);
    for (int i = 0; i < MODEL_NUM_CLASSES; i++) {
        uint32_t bits = 0;
        memcpy(&bits, &scores[i], sizeof bits);
        printf(" %08lx", (unsigned long)bits);
    }
    printf("\n");
}

int main(void) {
#ifdef __AVR__
    UCSR0B = 1 << TXEN0;
    stdout = &terminal;
#endif
    unsigned char *arena = memory;
    while ((uintptr_t)arena % MODEL_ARENA_ALIGNMENT) {
        arena++;
    }
    int status = model_init(&net, arena, MODEL_ARENA_BYTES);
    for (int window = 0; window < WINDOWS && status == SNN_OK; window++) {
        status = run();
        print_scores();
    }
    for (int i = 0; i < VALUES; i++) {
        printf("value %d %08lx\n", i, (unsigned long)digests[i]);
    }
    printf("end %d\n", status);
#ifdef __AVR__
    cli();
    sleep_mode();
#endif
    return status == SNN_OK ? 0 : 1;
}
