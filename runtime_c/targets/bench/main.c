/* Runs recordings for the counting plugin: what it marks beside the model's own nodes is in
 * marks.h, which snnc writes. The scores must be those of the integer reference. */
#include "board.h"
#include "mark.h"
#include "marks.h"
#include "vectors.h"

static unsigned char arena[NET_CONSTANT(ARENA_BYTES)]
    __attribute__((aligned(NET_CONSTANT(ARENA_ALIGNMENT))));
static NET(net) net;

/* Pushes the events of a recording and computes its steps; as they come, where the model does not
 * hold a whole window. */
#if STEPWISE
static int compute(const test_vector *v) {
    size_t at = 0;
    for (uint32_t t = 0; t < NET_CONSTANT(TIME_STEPS); t++) {
        size_t count = 0;
        while (at + count < v->count &&
               (v->events[at + count].t_us - v->events[0].t_us) / NET_CONSTANT(STEP_US) <= t) {
            count++;
        }
        if (NET(push_events)(&net, v->events + at, count) != SNN_OK) {
            return 0;
        }
        at += count;
        snn_profile(MARK_EVENTS);
        if (NET(step)(&net) != SNN_OK) {
            return 0;
        }
        snn_profile(MARK_REST);
    }
    return 1;
}
#else
static int compute(const test_vector *v) {
    if (NET(push_events)(&net, v->events, v->count) != SNN_OK) {
        return 0;
    }
    snn_profile(MARK_EVENTS);
    return NET(run)(&net) == SNN_OK;
}
#endif

/* Not inlined: the code of a run must not depend on how many there are. */
__attribute__((noinline)) static int run(int recording) {
    const test_vector *const v = test_vectors + recording;
    int32_t scores[NET_CONSTANT(NUM_CLASSES)];
    snn_profile(MARK_OUTSIDE);
    if (NET(reset)(&net) != SNN_OK || !compute(v) || NET(scores)(&net, scores) != SNN_OK) {
        return 0;
    }
    snn_profile(MARK_REST);
    for (int i = 0; i < NET_CONSTANT(NUM_CLASSES); i++) {
        if (scores[i] != test_scores[recording][i]) {
            return 0;
        }
    }
    return 1;
}

int main(void) {
    int right = NET(init)(&net, arena, sizeof arena) == SNN_OK;
    for (int recording = 0; right && recording < TEST_VECTORS; recording++) {
        right = run(recording);
    }
    board_write(right ? "PASS\n" : "FAIL: scores are not those of the reference\n");
    snn_profile(MARK_END);
    return !right;
}
