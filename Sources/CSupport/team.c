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
    _Atomic(fpnas_priv_task) task;
    _Atomic(void *) context;
    atomic_size_t chunks;
    // The round in the upper half, the next chunk in the lower. Between rounds the lower half is
    // CLOSED, so that nobody who saw the old round can claim a chunk of the next.
    atomic_ullong state;
    atomic_size_t finished;
    atomic_int stopping;
    atomic_size_t sleeping;
    // Workers that have a number.
    atomic_size_t started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

static const unsigned long long CLOSED = 0xFFFFFFFF;

static unsigned long long round_of(unsigned long long state) { return state >> 32; }

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

// Runs chunks of the round until none is left to claim. A worker that comes late finds none, and
// nobody waits for it: on a busy machine a round takes no longer than on the caller alone.
static void take_chunks(fpnas_priv_team *team, unsigned long long round, size_t worker) {
    unsigned long long state = atomic_load(&team->state);
    while (round_of(state) == round) {
        // Read before the claim: the claim succeeds only while these belong to its round.
        fpnas_priv_task task = atomic_load(&team->task);
        void *context = atomic_load(&team->context);
        size_t chunks = atomic_load(&team->chunks);
        size_t chunk = state & CLOSED;
        if (chunk >= chunks) return;
        if (!atomic_compare_exchange_weak(&team->state, &state, state + 1)) continue;
        task(context, chunk, worker);
        atomic_fetch_add(&team->finished, 1);
        state = atomic_load(&team->state);
    }
}

static void *work(void *argument) {
    fpnas_priv_team *team = argument;
    size_t worker = atomic_fetch_add(&team->started, 1) + 1;
    unsigned long long seen = 0;
    for (;;) {
        for (int spin = 0; spin < SPINS && round_of(atomic_load(&team->state)) == seen; spin++)
            relax();
        if (round_of(atomic_load(&team->state)) == seen) {
            pthread_mutex_lock(&team->lock);
            atomic_fetch_add(&team->sleeping, 1);
            while (round_of(atomic_load(&team->state)) == seen)
                pthread_cond_wait(&team->wake, &team->lock);
            atomic_fetch_sub(&team->sleeping, 1);
            pthread_mutex_unlock(&team->lock);
        }
        seen = round_of(atomic_load(&team->state));
        if (atomic_load(&team->stopping)) return NULL;
        take_chunks(team, seen, worker);
    }
}

static void begin_round(fpnas_priv_team *team, unsigned long long round) {
    atomic_store(&team->state, round << 32);
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
    if (team->size == 1 || chunks <= 1 || chunks >= CLOSED) {
        for (size_t chunk = 0; chunk < chunks; chunk++) task(context, chunk, 0);
        return;
    }
    // Rounds count in 32 bits; a worker that sleeps through 2^32 of them is not to be feared.
    unsigned long long round = (round_of(atomic_load(&team->state)) + 1) & 0xFFFFFFFF;
    atomic_fetch_or(&team->state, CLOSED);
    atomic_store(&team->task, task);
    atomic_store(&team->context, context);
    atomic_store(&team->chunks, chunks);
    atomic_store(&team->finished, 0);
    begin_round(team, round);
    take_chunks(team, round, 0);
    for (unsigned spin = 0; atomic_load(&team->finished) < chunks; spin++) {
        if (spin < SPINS) relax(); else sched_yield();
    }
}

void fpnas_priv_team_stop(fpnas_priv_team *team) {
    if (!team) return;
    atomic_store(&team->stopping, 1);
    atomic_store(&team->chunks, 0);
    begin_round(team, (round_of(atomic_load(&team->state)) + 1) & 0xFFFFFFFF);
    for (size_t i = 0; i + 1 < team->size; i++) pthread_join(team->workers[i], NULL);
    pthread_cond_destroy(&team->wake);
    pthread_mutex_destroy(&team->lock);
    free(team);
}
