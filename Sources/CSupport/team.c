#define _GNU_SOURCE
#include "csupport.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

// Workers spin briefly for the next round (rounds inside a training step follow each other within
// microseconds), then sleep on the condition so that a busy machine is not kept busier.
enum { SPINS = 4000, MAX_THREADS = 256 };

struct fpnas_priv_team {
    size_t size;
    pthread_t workers[MAX_THREADS];
    fpnas_priv_task task;
    void *context;
    size_t chunks;
    atomic_size_t next;
    atomic_size_t working;
    atomic_ulong round;
    atomic_int stopping;
    atomic_size_t sleeping;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void take_chunks(fpnas_priv_team *team) {
    for (;;) {
        size_t chunk = atomic_fetch_add(&team->next, 1);
        if (chunk >= team->chunks) return;
        team->task(team->context, chunk);
    }
}

static void *work(void *argument) {
    fpnas_priv_team *team = argument;
    unsigned long seen = 0;
    for (;;) {
        for (int spin = 0; spin < SPINS && atomic_load(&team->round) == seen; spin++) relax();
        if (atomic_load(&team->round) == seen) {
            pthread_mutex_lock(&team->lock);
            atomic_fetch_add(&team->sleeping, 1);
            while (atomic_load(&team->round) == seen) pthread_cond_wait(&team->wake, &team->lock);
            atomic_fetch_sub(&team->sleeping, 1);
            pthread_mutex_unlock(&team->lock);
        }
        seen = atomic_load(&team->round);
        if (atomic_load(&team->stopping)) return NULL;
        take_chunks(team);
        atomic_fetch_sub(&team->working, 1);
    }
}

static void begin_round(fpnas_priv_team *team) {
    atomic_fetch_add(&team->round, 1);
    if (atomic_load(&team->sleeping) > 0) {
        pthread_mutex_lock(&team->lock);
        pthread_cond_broadcast(&team->wake);
        pthread_mutex_unlock(&team->lock);
    }
}

fpnas_priv_team *fpnas_priv_team_start(size_t threads) {
    fpnas_priv_team *team = calloc(1, sizeof *team);
    if (!team) return NULL;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->wake, NULL);
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    // Signals belong to the host's threads, so the workers block them all.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    team->size = 1;
    while (team->size < threads
           && pthread_create(&team->workers[team->size - 1], NULL, work, team) == 0)
        team->size++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return team;
}

size_t fpnas_priv_team_size(const fpnas_priv_team *team) { return team->size; }

void fpnas_priv_team_run(fpnas_priv_team *team, size_t chunks, fpnas_priv_task task, void *context) {
    if (team->size == 1 || chunks <= 1) {
        for (size_t chunk = 0; chunk < chunks; chunk++) task(context, chunk);
        return;
    }
    team->task = task;
    team->context = context;
    team->chunks = chunks;
    atomic_store(&team->next, 0);
    atomic_store(&team->working, team->size - 1);
    begin_round(team);
    take_chunks(team);
    for (unsigned spin = 0; atomic_load(&team->working) > 0; spin++) {
        if (spin < SPINS) relax(); else sched_yield();
    }
}

void fpnas_priv_team_stop(fpnas_priv_team *team) {
    if (!team) return;
    atomic_store(&team->stopping, 1);
    begin_round(team);
    for (size_t i = 0; i + 1 < team->size; i++) pthread_join(team->workers[i], NULL);
    pthread_cond_destroy(&team->wake);
    pthread_mutex_destroy(&team->lock);
    free(team);
}
