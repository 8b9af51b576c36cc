/* Where the time of a compiled model goes: a build with SNN_PROFILE adds the processor time since
 * the last mark to each node's own sum, less what reading the clock takes. Processor time, since on
 * a shared machine the waiting says nothing about the code. Given to the C compiler with -include,
 * before everything else. */
#ifndef SNN_PROFILE_H
#define SNN_PROFILE_H

#define _POSIX_C_SOURCE 199309L
#include <time.h>

#define SNN_PROFILE_ENTRIES 1024

double snn_profile_ns[SNN_PROFILE_ENTRIES];
static double snn_profile_last, snn_profile_reading;
void snn_profile_start(void);

static double snn_profile_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

void snn_profile_start(void) {
    for (int i = 0; i < SNN_PROFILE_ENTRIES; i++) {
        snn_profile_ns[i] = 0.0;
    }
    snn_profile_reading = 1e9;
    for (int i = 0; i < 1000; i++) {
        const double before = snn_profile_now(), took = snn_profile_now() - before;
        snn_profile_reading = took < snn_profile_reading ? took : snn_profile_reading;
    }
    snn_profile_last = snn_profile_now();
}

static void snn_profile(int entry) {
    const double now = snn_profile_now(), took = now - snn_profile_last - snn_profile_reading;
    snn_profile_ns[entry] += took > 0.0 ? took : 0.0;
    snn_profile_last = now;
}

#endif
