/* Splitting the work of a layer into parts that may run at the same time.
 *
 * A network compiled for N threads computes each convolution, with the neurons behind it, in N
 * parts of consecutive rows of its output. No part reads what another writes, and the parts are the
 * same whoever runs them, so the result does not depend on the team. Without a team the caller runs
 * them one after the other. runtime_c/src/team_posix.c is a team of POSIX threads; on another
 * system, or on two cores of a microcontroller, write a `run` of your own.
 */
#ifndef SNN_TEAM_H
#define SNN_TEAM_H

#include "snn/types.h"

/* One part of a task. */
typedef void (*snn_part)(void *task, int part);

/* Who runs parts: `run` calls body(task, part) once for every part 0 .. parts - 1, in any order, at
 * the same time if it can, and returns when all have returned. */
typedef struct {
    void (*run)(void *context, snn_part body, void *task, int parts);
    void *context;
} snn_team;

/* Runs all parts of a task. Counting and profiling builds run them in turn, since the parts of a
 * layer share its counters. */
SNN_KERNEL void snn_split(const snn_team *team, snn_part body, void *task, int parts) {
#if !defined(SNN_INSTRUMENT) && !defined(SNN_PROFILE) && !defined(SNN_OBSERVE)
    if (team) {
        team->run(team->context, body, task, parts);
        return;
    }
#endif
    (void)team;
    for (int part = 0; part < parts; part++) {
        body(task, part);
    }
}

#endif
