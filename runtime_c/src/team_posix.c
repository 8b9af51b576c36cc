/* A team of POSIX threads. A task begins when `round` changes; the helpers spin for a moment before
 * they sleep, since the layers of a network follow one another within microseconds. */
#define _POSIX_C_SOURCE 200809L

#include "team_posix.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

/* Looks before a helper sleeps, a few hundred microseconds: waking it costs tens of them, and the
 * layers between two tasks that run in one part take as long. */
#define SPINS 20000
#define LOOKS_BEFORE_YIELD 4000

#if defined(__x86_64__) || defined(__i386__)
#define PAUSE() __builtin_ia32_pause()
#else
#define PAUSE() ((void)0)
#endif

typedef struct {
    snn_team team;
    int workers;
    int helpers; /* threads that run */
    pthread_mutex_t lock;
    pthread_cond_t begun;
    unsigned round; /* tasks begun so far */
    int left;       /* helpers still at work on the task */
    int sleeping;   /* helpers that must be woken */
    int stopping;
    snn_part body;
    void *task;
    int parts;
} posix_team;

typedef struct {
    posix_team *team;
    int number;
    pthread_t thread;
} helper;

/* Every workers-th part, from `first` on. */
static void run_share(const posix_team *team, int first) {
    for (int part = first; part < team->parts; part += team->workers) {
        team->body(team->task, part);
    }
}

/* Waits for a round other than `last`; gives it. */
static unsigned next_round(posix_team *team, unsigned last) {
    for (int spin = 0; spin < SPINS; spin++) {
        const unsigned round = __atomic_load_n(&team->round, __ATOMIC_ACQUIRE);
        if (round != last) {
            return round;
        }
        PAUSE();
    }
    pthread_mutex_lock(&team->lock);
    __atomic_add_fetch(&team->sleeping, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&team->round, __ATOMIC_SEQ_CST) == last) {
        pthread_cond_wait(&team->begun, &team->lock);
    }
    __atomic_sub_fetch(&team->sleeping, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&team->lock);
    return __atomic_load_n(&team->round, __ATOMIC_ACQUIRE);
}

static void *help(void *argument) {
    const helper *const self = argument;
    posix_team *const team = self->team;
    unsigned round = 0;
    for (;;) {
        round = next_round(team, round);
        if (team->stopping) {
            return NULL;
        }
        run_share(team, self->number);
        __atomic_sub_fetch(&team->left, 1, __ATOMIC_RELEASE);
    }
}

/* A helper counts itself as sleeping before it looks at the round for the last time, and the round
 * changes here before its sleepers are looked for: one of the two sees the other. */
static void begin_round(posix_team *team) {
    __atomic_store_n(&team->left, team->helpers, __ATOMIC_RELAXED);
    __atomic_add_fetch(&team->round, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&team->sleeping, __ATOMIC_SEQ_CST)) {
        pthread_mutex_lock(&team->lock);
        pthread_cond_broadcast(&team->begun);
        pthread_mutex_unlock(&team->lock);
    }
}

static void run(void *context, snn_part body, void *task, int parts) {
    posix_team *const team = context;
    team->body = body;
    team->task = task;
    team->parts = parts;
    begin_round(team);
    run_share(team, 0);
    for (int spin = 0; __atomic_load_n(&team->left, __ATOMIC_ACQUIRE); spin++) {
        if (spin >= LOOKS_BEFORE_YIELD) {
            sched_yield();
        }
        PAUSE();
    }
}

/* The helpers lie behind the team in one allocation. */
static helper *helpers_of(posix_team *team) {
    return (helper *)(void *)(team + 1);
}

snn_team *snn_team_start(int workers) {
    if (workers < 1) {
        return NULL;
    }
    posix_team *const team = calloc(1, sizeof(posix_team) + (size_t)(workers - 1) * sizeof(helper));
    if (!team) {
        return NULL;
    }
    team->team.run = run;
    team->team.context = team;
    team->workers = workers;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->begun, NULL);
    helper *const helpers = helpers_of(team);
    for (int number = 1; number < workers; number++) {
        helper *const one = &helpers[number - 1];
        one->team = team;
        one->number = number;
        if (pthread_create(&one->thread, NULL, help, one)) {
            snn_team_stop(&team->team);
            return NULL;
        }
        team->helpers++;
    }
    return &team->team;
}

void snn_team_stop(snn_team *team) {
    if (!team) {
        return;
    }
    posix_team *const own = team->context;
    own->stopping = 1;
    begin_round(own);
    for (int number = 0; number < own->helpers; number++) {
        pthread_join(helpers_of(own)[number].thread, NULL);
    }
    pthread_cond_destroy(&own->begun);
    pthread_mutex_destroy(&own->lock);
    free(own);
}
