/* Random calls of a model's functions, on two networks in turn, beside an account of what each call
 * must answer: bad sizes, misaligned arenas, NULLs, events out of range, out of order and too many,
 * steps after the end, resets in mid-window. At the end of a window the scores must be those of a
 * third network that got the same frames in the right order. Built with sanitizers by
 * tests/compiler/verify/test_hostile_calls.py; CARRY, TEAM and SCORE are the model's. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef TEAM
#include "team_posix.h"
#endif

#define STEPS MODEL_TIME_STEPS
#define CELLS MODEL_FRAME_ELEMENTS
#if defined(MODEL_MAX_FRAMES) && MODEL_MAX_FRAMES < STEPS
#define RING 1
#define HELD MODEL_MAX_FRAMES
#else
#define RING 0
#define HELD STEPS
#endif
#ifdef MODEL_MAX_EVENTS
#define PACKED 1
#define ROOM MODEL_MAX_EVENTS
#else
#define PACKED 0
#define ROOM 0
#endif

#define REQUIRE(condition)                                                        \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #condition); \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

/* What is known of a network: the account. */
typedef struct {
    model_net net;
    unsigned char *arena;
    int usable, step;
    uint32_t started, first_us, dropped, carried;
    uint32_t pushed;
    int newest;
    uint32_t frames[STEPS][CELLS];
} account;

static uint32_t state;
static unsigned answers[10]; /* how often each status was due */

static uint32_t draw(uint32_t below) {
    state = state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)state * below >> 32);
}

static void expect(const account *a, int status, int due) {
    if (status != due) {
        fprintf(stderr, "answered %d where %d is due\n", status, due);
        exit(1);
    }
    answers[-due]++;
    if (a->usable) {
        REQUIRE(a->net.step == a->step && a->net.started == a->started);
        REQUIRE(a->net.dropped == a->dropped && a->net.carried == a->carried);
    }
}

static void forget(account *a) {
    a->step = a->newest = 0;
    a->started = a->first_us = a->dropped = a->carried = a->pushed = 0;
    memset(a->frames, 0, sizeof a->frames);
}

static void call_init(account *a) {
    const uint32_t choice = draw(8);
    const size_t bytes = choice == 1 ? draw(MODEL_ARENA_BYTES) : MODEL_ARENA_BYTES;
    unsigned char *const arena = choice == 2   ? NULL
                                 : choice == 3 ? a->arena + 1 + draw(MODEL_ARENA_ALIGNMENT - 1)
                                               : a->arena;
    const int due = choice == 1   ? SNN_ERR_ARENA_SIZE
                    : choice == 2 ? SNN_ERR_NULL
                    : choice == 3 ? SNN_ERR_ARENA_ALIGN
                                  : SNN_OK;
    if (choice == 4) {
        expect(a, model_init(NULL, a->arena, bytes), SNN_ERR_NULL);
        return;
    }
    memset(a->arena, (int)draw(256), MODEL_ARENA_BYTES); /* rubbish that nobody may read */
    const int status = model_init(&a->net, arena, bytes);
    a->usable = due == SNN_OK;
    forget(a);
    expect(a, status, due);
}

static void call_reset(account *a) {
    const int status = model_reset(&a->net);
    if (a->usable) {
        forget(a);
    }
    expect(a, status, a->usable ? SNN_OK : SNN_ERR_NOT_INITIALISED);
    expect(a, model_reset(NULL), SNN_ERR_NULL);
}

static void call_start(account *a) {
    const uint32_t t_us = draw(0xFFFFFFFFu);
    const int status = model_start(&a->net, t_us);
    if (!a->usable) {
        expect(a, status, SNN_ERR_NOT_INITIALISED);
    } else if (a->started || a->step > 0) {
        expect(a, status, SNN_ERR_WINDOW);
    } else {
        a->started = 1;
        a->first_us = t_us;
        expect(a, status, SNN_OK);
    }
}

/* The step whose frame must take an event of step `own`; -1 for none. */
static int taken_by(const account *a, uint32_t own) {
    const int last = a->step + HELD - 1 < STEPS - 1 ? a->step + HELD - 1 : STEPS - 1;
    if (own >= STEPS || a->step >= STEPS) {
        return -1;
    }
    if ((int)own >= a->step && (int)own <= last) {
        return (int)own;
    }
    return !CARRY ? -1 : (int)own < a->step ? a->step : last;
}

/* Accounts for one event; what it must answer. */
static int account_event(account *a, const snn_event *e) {
    if (e->x >= MODEL_SENSOR_WIDTH || e->y >= MODEL_SENSOR_HEIGHT || e->polarity > 1) {
        return SNN_ERR_EVENT_RANGE;
    }
    if (!a->started) {
        a->started = 1;
        a->first_us = e->t_us - (uint32_t)a->step * MODEL_STEP_US;
    }
    const uint32_t since = e->t_us - a->first_us;
    if (since > 0x7FFFFFFFu) {
        return SNN_ERR_TIME_ORDER;
    }
    const uint32_t own = since / MODEL_STEP_US;
    const int to = taken_by(a, own);
    if (to < 0) {
        a->dropped++;
        return SNN_OK;
    }
    if (PACKED && to < a->newest) {
        return SNN_ERR_TIME_ORDER;
    }
    if (PACKED && a->pushed >= ROOM) {
        return SNN_ERR_EVENT_SPACE;
    }
    const int columns = MODEL_SENSOR_WIDTH / MODEL_DOWNSAMPLE;
    const int pixel = e->y / MODEL_DOWNSAMPLE * columns + e->x / MODEL_DOWNSAMPLE;
    uint32_t *const cell = &a->frames[to][2 * pixel + e->polarity];
    if (!PACKED && *cell >= MODEL_MAX_COUNT) {
        return SNN_ERR_COUNT_OVERFLOW;
    }
    ++*cell;
    a->pushed++;
    a->newest = PACKED ? to : a->newest;
    a->carried += (uint32_t)to != own ? 1u : 0u;
    return SNN_OK;
}

static void call_push(account *a) {
    snn_event events[40];
    const int storm = draw(8) == 0;
    const size_t count = storm ? 40 : draw(40);
    const int wild = draw(3) == 0;
    const uint32_t base = a->started ? a->first_us : draw(0xFFFFFFFFu);
    const uint32_t from = (uint32_t)a->step * MODEL_STEP_US;
    for (size_t i = 0; i < count; i++) {
        events[i].t_us = base + from + (storm ? 0u : (uint32_t)i * (MODEL_STEP_US / 16u));
        events[i].t_us +=
            wild && draw(9) == 0 ? draw(0xFFFFFFFFu) : draw(storm ? 1 : MODEL_STEP_US);
        events[i].x = (uint16_t)(storm ? 1 : draw(MODEL_SENSOR_WIDTH + (wild ? 1 : 0)));
        events[i].y = (uint16_t)(storm ? 2 : draw(MODEL_SENSOR_HEIGHT));
        events[i].polarity = (uint8_t)(storm ? 1 : draw(wild && draw(20) == 0 ? 3 : 2));
    }
    for (int again = storm ? 12 : 1; again > 0; again--) {
        const int status = model_push_events(&a->net, events, count);
        int due = a->usable ? SNN_OK : SNN_ERR_NOT_INITIALISED;
        for (size_t i = 0; i < count && due == SNN_OK; i++) {
            due = account_event(a, events + i);
        }
        expect(a, status, due);
    }
    expect(a, model_push_events(&a->net, NULL, 1), SNN_ERR_NULL);
    expect(a, model_push_events(NULL, events, 0), SNN_ERR_NULL);
}

static int too_many(const account *a, int step) {
    for (int i = 0; i < CELLS; i++) {
        if (a->frames[step][i] > MODEL_MAX_COUNT) {
            return 1;
        }
    }
    return 0;
}

#if MODEL_STREAMS
static void call_step(account *a) {
    const int status = model_step(&a->net);
    int due = !a->usable ? SNN_ERR_NOT_INITIALISED : a->step >= STEPS ? SNN_ERR_WINDOW : SNN_OK;
    if (due == SNN_OK && too_many(a, a->step)) {
        due = SNN_ERR_COUNT_OVERFLOW;
    }
    a->step += due == SNN_OK;
    expect(a, status, due);
    expect(a, model_step(NULL), SNN_ERR_NULL);
}
#endif

static void call_run(account *a) {
    const int status = model_run(&a->net);
    int due = !a->usable ? SNN_ERR_NOT_INITIALISED : a->step >= STEPS ? SNN_ERR_WINDOW : SNN_OK;
    const int from = a->step;
    while (due == SNN_OK && a->step < STEPS) {
        due = too_many(a, a->step) ? SNN_ERR_COUNT_OVERFLOW : SNN_OK;
        a->step += due == SNN_OK;
    }
    if (due == SNN_ERR_COUNT_OVERFLOW && !MODEL_STREAMS) {
        a->step = from;
    }
    expect(a, status, due);
    expect(a, model_run(NULL), SNN_ERR_NULL);
}

/* Scores of the account's frames by a network that is called as it should be. */
static void right_scores(const account *a, SCORE *scores) {
    static uint16_t frames[STEPS][CELLS];
    model_net net;
    unsigned char *const arena = aligned_alloc(MODEL_ARENA_ALIGNMENT, MODEL_ARENA_BYTES);
    REQUIRE(arena && model_init(&net, arena, MODEL_ARENA_BYTES) == SNN_OK);
    for (int t = 0; t < STEPS; t++) {
        for (int i = 0; i < CELLS; i++) {
            frames[t][i] = (uint16_t)a->frames[t][i];
        }
    }
#if RING
    for (int t = 0; t < a->step; t++) {
        REQUIRE(model_push_frame(&net, frames[t]) == SNN_OK && model_step(&net) == SNN_OK);
    }
#else
    REQUIRE(model_push_frames(&net, frames[0]) == SNN_OK);
#if MODEL_STREAMS
    for (int t = 0; t < a->step; t++) {
        REQUIRE(model_step(&net) == SNN_OK);
    }
#else
    REQUIRE(model_run(&net) == SNN_OK);
#endif
#endif
    REQUIRE(model_scores(&net, scores) == SNN_OK);
    free(arena);
}

static void call_scores(account *a) {
    SCORE scores[MODEL_NUM_CLASSES], right[MODEL_NUM_CLASSES];
    const int status = model_scores(&a->net, scores);
    expect(a, status,
           !a->usable     ? SNN_ERR_NOT_INITIALISED
           : a->step == 0 ? SNN_ERR_WINDOW
                          : SNN_OK);
    expect(a, model_scores(&a->net, NULL), SNN_ERR_NULL);
    if (status == SNN_OK) {
        right_scores(a, right);
        REQUIRE(memcmp(scores, right, sizeof right) == 0);
    }
}

int main(int argc, char **argv) {
    const uint32_t rounds = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000;
    static account accounts[2];
    state = argc > 2 ? (uint32_t)atoi(argv[2]) : 1;
    for (int i = 0; i < 2; i++) {
        accounts[i].arena = aligned_alloc(MODEL_ARENA_ALIGNMENT, MODEL_ARENA_BYTES);
        REQUIRE(accounts[i].arena);
    }
#ifdef TEAM
    snn_team *const team = snn_team_start(TEAM);
    REQUIRE(team);
#endif
    for (uint32_t round = 0; round < rounds; round++) {
        account *const a = accounts + draw(2);
        switch (draw(20)) {
        case 0:
            call_init(a);
            break;
        case 1:
            call_reset(a);
            break;
        case 2:
            call_start(a);
            break;
        case 3:
        case 4:
            call_run(a);
            break;
        case 5:
        case 6:
            call_scores(a);
            break;
        case 7:
        case 8:
        case 9:
        case 10:
#if MODEL_STREAMS
            call_step(a);
            break;
#endif
        default:
            call_push(a);
        }
#ifdef TEAM
        a->net.team = a->usable ? team : NULL;
#endif
    }
#ifdef TEAM
    snn_team_stop(team);
#endif
    for (int i = 0; i < 2; i++) {
        free(accounts[i].arena);
    }
    for (int i = 0; i < 10; i++) {
        printf("%d %u\n", -i, answers[i]);
    }
    return 0;
}
