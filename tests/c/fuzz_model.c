/* libFuzzer: hostile calls of a generated model's functions, built by tests/fuzzing.py with
 * sanitizers.
 *
 * The input is a list of calls with their arguments: arenas that are small, misaligned or full of
 * rubbish, events out of range and running backwards, any order of calls. Each list runs twice, on
 * arenas with different rubbish; what the calls answer must be the same, or memory was read that
 * nobody wrote. The sanitizers watch for anything outside of the arena. */
#include "model.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef SCORE
#define SCORE float
#endif

#define REQUIRE(condition)                                                        \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #condition); \
            abort();                                                              \
        }                                                                         \
    } while (0)

enum { MOST_EVENTS = 64, MOST_CALLS = 64 };

typedef struct {
    const uint8_t *next, *end;
} source;

/* The next bytes of the input as a number, zeros after its end. */
static uint32_t take(source *from, int bytes) {
    uint32_t value = 0;
    for (int i = 0; i < bytes && from->next < from->end; i++) {
        value |= (uint32_t)*from->next++ << 8 * i;
    }
    return value;
}

typedef struct {
    model_net net;
    unsigned char *arena;
    int usable;      /* init has accepted the arena */
    uint32_t pushed; /* events offered since the last reset */
    uint64_t said;   /* digest of all answers */
} session;

static void note(session *s, const void *bytes, size_t count) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++) {
        s->said = (s->said ^ at[i]) * 1099511628211u;
    }
}

static void check(session *s, int status) {
    REQUIRE(status <= SNN_OK && status >= SNN_ERR_EVENT_SPACE);
    REQUIRE(s->usable || status == SNN_ERR_NULL || status == SNN_ERR_ARENA_SIZE ||
            status == SNN_ERR_ARENA_ALIGN || status == SNN_ERR_NOT_INITIALISED);
    note(s, &status, sizeof status);
    note(s, &s->net.step, sizeof s->net.step);
    note(s, &s->net.dropped, sizeof s->net.dropped);
    note(s, &s->net.carried, sizeof s->net.carried);
    REQUIRE(s->net.step >= 0 && s->net.step <= MODEL_TIME_STEPS);
    REQUIRE(s->net.dropped + s->net.carried <= s->pushed);
}

static void call_init(session *s, source *from) {
    const uint32_t choice = take(from, 1);
    unsigned char *arena = s->arena;
    size_t bytes = MODEL_ARENA_BYTES;
    if (choice & 1u) {
        arena = NULL;
    }
    if (choice & 2u) {
        bytes = take(from, 2) % MODEL_ARENA_BYTES; /* less than is needed: nothing may be touched */
        arena = arena ? arena + (MODEL_ARENA_BYTES - bytes) : NULL;
    } else if (choice & 4u) {
        arena = arena ? arena + 1 + take(from, 1) % (MODEL_ARENA_ALIGNMENT - 1) : NULL;
    }
    const int status = model_init(choice & 8u ? NULL : &s->net, arena, bytes);
    if (!(choice & 8u)) {
        s->usable = status == SNN_OK;
        s->pushed = 0;
        REQUIRE(s->usable == !(choice & 7u));
    }
    check(s, status);
}

static void call_push(session *s, source *from) {
    snn_event *events = malloc(MOST_EVENTS * sizeof *events);
    REQUIRE(events);
    const uint32_t choice = take(from, 1);
    const uint32_t count = choice % (MOST_EVENTS + 1);
    const uint32_t repeats = choice >= 250 ? 20 : 1; /* storms */
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t shape = take(from, 1);
        events[i].t_us = shape & 1u ? take(from, 4) : take(from, 1) * (MODEL_STEP_US / 16u);
        events[i].x = (uint16_t)(shape & 2u ? take(from, 2) : take(from, 1) % MODEL_SENSOR_WIDTH);
        events[i].y = (uint16_t)(shape & 4u ? take(from, 2) : take(from, 1) % MODEL_SENSOR_HEIGHT);
        events[i].polarity = (uint8_t)(shape & 8u ? take(from, 1) : shape >> 7);
    }
    for (uint32_t i = 0; i < repeats; i++) {
        s->pushed += count;
        check(s, model_push_events(&s->net, count ? events : NULL, count));
    }
    free(events);
}

static void call_frames(session *s, source *from) {
#if defined(MODEL_MAX_FRAMES) && MODEL_MAX_FRAMES < MODEL_TIME_STEPS
    const size_t elements = MODEL_FRAME_ELEMENTS;
#else
    const size_t elements = (size_t)MODEL_TIME_STEPS * MODEL_FRAME_ELEMENTS;
#endif
    uint16_t *frames = calloc(elements, sizeof *frames);
    REQUIRE(frames);
    const uint32_t values = take(from, 1);
    for (uint32_t i = 0; i < values; i++) {
        frames[take(from, 2) % elements] = (uint16_t)take(from, 1 + (int)(i % 2));
    }
#if defined(MODEL_MAX_FRAMES) && MODEL_MAX_FRAMES < MODEL_TIME_STEPS
    check(s, model_push_frame(&s->net, frames));
#else
    check(s, model_push_frames(&s->net, frames));
#endif
    free(frames);
}

static void call_scores(session *s) {
    SCORE scores[MODEL_NUM_CLASSES];
    const int status = model_scores(&s->net, scores);
    check(s, status);
    if (status == SNN_OK) {
        note(s, scores, sizeof scores);
    }
}

static uint64_t play(const uint8_t *data, size_t size, int rubbish) {
    source from = {data, data + size};
    session s;
    memset(&s, 0, sizeof s);
    s.arena = aligned_alloc(MODEL_ARENA_ALIGNMENT, MODEL_ARENA_BYTES);
    REQUIRE(s.arena);
    memset(s.arena, rubbish, MODEL_ARENA_BYTES);
    for (int call = 0; call < MOST_CALLS && from.next < from.end; call++) {
        switch (take(&from, 1) % 10u) {
        case 0:
            call_init(&s, &from);
            break;
        case 1: {
            const int status = model_reset(&s.net);
            s.pushed = status == SNN_OK ? 0 : s.pushed;
            check(&s, status);
            break;
        }
        case 2:
        case 3:
        case 4:
            call_push(&s, &from);
            break;
        case 5:
#if MODEL_STREAMS
            check(&s, model_step(&s.net));
#endif
            break;
        case 6:
            check(&s, model_run(&s.net));
            break;
        case 7:
            call_scores(&s);
            break;
        case 8:
            check(&s, model_start(&s.net, take(&from, 4)));
            break;
        default:
            call_frames(&s, &from);
        }
    }
    free(s.arena);
    return s.said;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    REQUIRE(play(data, size, 0x00) == play(data, size, 0xFF));
    return 0;
}
