/* Where the time of a compiled model goes: a build with SNN_PROFILE adds the time since the last
 * mark to each node's own sum. Given to the C compiler with -include, before everything else. */
#ifndef SNN_PROFILE_H
#define SNN_PROFILE_H

#define _POSIX_C_SOURCE 199309L
#include <time.h>

#define SNN_PROFILE_ENTRIES 1024

double snn_profile_ns[SNN_PROFILE_ENTRIES];
static double snn_profile_last;
void snn_profile_start(void);

static double snn_profile_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

void snn_profile_start(void) {
    for (int i = 0; i < SNN_PROFILE_ENTRIES; i++) {
        snn_profile_ns[i] = 0.0;
    }
    snn_profile_last = snn_profile_now();
}

static void snn_profile(int entry) {
    const double now = snn_profile_now();
    snn_profile_ns[entry] += now - snn_profile_last;
    snn_profile_last = now;
}

#endif
