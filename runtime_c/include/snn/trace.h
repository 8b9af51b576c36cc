/* Watching and steering a run, for verification builds (SNN_TRACE): the value
 * of a node is copied out before its readers see it, and may be replaced by the
 * value of another run. Ordinary builds hold no trace of it. */
#ifndef SNN_TRACE_H
#define SNN_TRACE_H

#include "snn/types.h"

#include <string.h>

/* Where the values of one node go and come from, all steps one after the other;
 * NULL for nowhere. */
typedef struct {
    unsigned char *own;
    const unsigned char *forced;
} snn_tap;

/* `offset` is where the step begins, in bytes. */
static inline void snn_trace(const snn_tap *tap, size_t offset, void *value, size_t bytes) {
    if (tap->own) {
        memcpy(tap->own + offset, value, bytes);
    }
    if (tap->forced) {
        memcpy(value, tap->forced + offset, bytes);
    }
}

/* Builds with SNN_OBSERVE show every value to this function, which the program must then supply.
 * `entry` is the number in the trace table: nodes in order, then membrane potentials. */
#ifdef __cplusplus
extern "C" {
#endif
void snn_observe(int entry, size_t offset, const void *value, size_t bytes);
#ifdef __cplusplus
}
#endif

#endif
