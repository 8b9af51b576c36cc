/* A team of POSIX threads for networks compiled with --threads; see snn/team.h. Hosts only: it
 * allocates. */
#ifndef SNN_TEAM_POSIX_H
#define SNN_TEAM_POSIX_H

#include "snn/team.h"

/* The caller and `workers` - 1 threads. NULL where workers < 1, or memory or threads are short. */
snn_team *snn_team_start(int workers);

/* Ends the threads and frees the team, which must not be running anything. NULL is allowed. */
void snn_team_stop(snn_team *team);

#endif
