/* Calls every function of a generated model, wrongly and rightly, and prints the class scores.
 *
 * Built by tests/compiler/codegen/test_c_quality.py with sanitizers. The arena has exactly the bytes that the header
 * asks for. Exit status 1 and a line on stderr for the first answer that is not the expected one.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(status, call)                                                      \
    do {                                                                          \
        const int got = (call);                                                   \
        if (got != (status)) {                                                    \
            fprintf(stderr, "line %d: %s gave %d\n", __LINE__, #call, got);       \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

#ifndef SCORE
#define SCORE float
#endif

#define FRAME_VALUES ((size_t)MODEL_TIME_STEPS * MODEL_FRAME_ELEMENTS)

static uint16_t frames[FRAME_VALUES];

static uint32_t random_number(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void *new_arena(void) {
    void *const arena = aligned_alloc(MODEL_ARENA_ALIGNMENT, MODEL_ARENA_BYTES);
    if (!arena) {
        exit(2);
    }
    memset(arena, 0xFF, MODEL_ARENA_BYTES);
    return arena;
}

static void misuse(unsigned char *arena) {
    model_net net;
    SCORE scores[MODEL_NUM_CLASSES];
    EXPECT(SNN_ERR_NULL, model_init(NULL, arena, MODEL_ARENA_BYTES));
    memset(&net, 0xFF, sizeof net);
    EXPECT(SNN_ERR_NULL, model_init(&net, NULL, MODEL_ARENA_BYTES));
    EXPECT(SNN_ERR_NOT_INITIALISED, model_reset(&net));
    EXPECT(SNN_ERR_ARENA_SIZE, model_init(&net, arena, 0));
    EXPECT(SNN_ERR_ARENA_SIZE, model_init(&net, arena, MODEL_ARENA_BYTES - 1));
    for (size_t shift = 1; shift < MODEL_ARENA_ALIGNMENT; shift++) {
        EXPECT(SNN_ERR_ARENA_ALIGN, model_init(&net, arena + shift, MODEL_ARENA_BYTES));
    }
    /* what init has refused stays unusable */
    EXPECT(SNN_ERR_NOT_INITIALISED, model_reset(&net));
    EXPECT(SNN_ERR_NOT_INITIALISED, model_push_frames(&net, frames));
    EXPECT(SNN_ERR_NOT_INITIALISED, model_run(&net));
    EXPECT(SNN_ERR_NOT_INITIALISED, model_scores(&net, scores));
    EXPECT(SNN_ERR_NULL, model_reset(NULL));
    EXPECT(SNN_ERR_NULL, model_push_frames(NULL, frames));
    EXPECT(SNN_ERR_NULL, model_run(NULL));
    EXPECT(SNN_ERR_NULL, model_scores(NULL, scores));
#if MODEL_STREAMS
    EXPECT(SNN_ERR_NOT_INITIALISED, model_step(&net));
    EXPECT(SNN_ERR_NULL, model_step(NULL));
#endif
    EXPECT(SNN_OK, model_init(&net, arena, MODEL_ARENA_BYTES));
    EXPECT(SNN_ERR_NULL, model_push_frames(&net, NULL));
    EXPECT(SNN_ERR_NULL, model_scores(&net, NULL));
    EXPECT(SNN_ERR_WINDOW, model_scores(&net, scores));
}

#ifdef MODEL_SENSOR_HEIGHT
static void events(unsigned char *arena) {
    model_net net;
    uint32_t state = 7, late = 0;
    snn_event first = {1000, 0, 0, 0};
    EXPECT(SNN_OK, model_init(&net, arena, MODEL_ARENA_BYTES));
    EXPECT(SNN_ERR_NULL, model_push_events(NULL, &first, 1));
    EXPECT(SNN_ERR_NULL, model_push_events(&net, NULL, 1));
    EXPECT(SNN_OK, model_push_events(&net, NULL, 0));
    EXPECT(SNN_OK, model_push_events(&net, &first, 1));
    for (int i = 0; i < 20000; i++) {
        const snn_event e = {
            .t_us = random_number(&state) % (1000u + 2u * MODEL_TIME_STEPS * MODEL_STEP_US),
            .x = (uint16_t)(random_number(&state) % (MODEL_SENSOR_WIDTH + 2u)),
            .y = (uint16_t)(random_number(&state) % (MODEL_SENSOR_HEIGHT + 2u)),
            .polarity = (uint8_t)(random_number(&state) % 3u),
        };
        const int outside =
            e.x >= MODEL_SENSOR_WIDTH || e.y >= MODEL_SENSOR_HEIGHT || e.polarity > 1;
        const int expected = outside           ? SNN_ERR_EVENT_RANGE
                             : e.t_us < 1000u ? SNN_ERR_TIME_ORDER
                                               : SNN_OK;
        EXPECT(expected, model_push_events(&net, &e, 1));
        late += expected == SNN_OK && (e.t_us - 1000u) / MODEL_STEP_US >= MODEL_TIME_STEPS;
    }
    EXPECT(1, late > 0 && net.dropped == late);
    EXPECT(SNN_OK, model_run(&net));
}
#endif

static void window(model_net *net, SCORE *scores) {
    EXPECT(SNN_OK, model_push_frames(net, frames));
    EXPECT(SNN_OK, model_run(net));
    EXPECT(SNN_ERR_WINDOW, model_run(net));
    EXPECT(SNN_OK, model_scores(net, scores));
}

int main(void) {
    uint32_t state = 1;
    model_net one, two;
    SCORE first[MODEL_NUM_CLASSES], again[MODEL_NUM_CLASSES], other[MODEL_NUM_CLASSES];
    unsigned char *const arena_one = new_arena(), *const arena_two = new_arena();
    for (size_t i = 0; i < FRAME_VALUES; i++) {
        frames[i] = (uint16_t)(random_number(&state) % 3u);
    }
    misuse(arena_one);
#ifdef MODEL_SENSOR_HEIGHT
    events(arena_one);
#endif
    EXPECT(SNN_OK, model_init(&one, arena_one, MODEL_ARENA_BYTES));
    EXPECT(SNN_OK, model_init(&two, arena_two, MODEL_ARENA_BYTES));
    window(&one, first);
    /* a second network in between, half way through where the model streams */
    EXPECT(SNN_OK, model_reset(&one));
    EXPECT(SNN_OK, model_push_frames(&one, frames));
#if MODEL_STREAMS
    EXPECT(SNN_OK, model_step(&one));
#endif
    window(&two, other);
    EXPECT(SNN_OK, model_run(&one));
    EXPECT(SNN_OK, model_scores(&one, again));
    EXPECT(0, memcmp(first, again, sizeof first));
    EXPECT(0, memcmp(first, other, sizeof first));
    for (int i = 0; i < MODEL_NUM_CLASSES; i++) {
        printf("%a\n", (double)first[i]);
    }
    free(arena_one);
    free(arena_two);
    return 0;
}
