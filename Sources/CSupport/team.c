#define _GNU_SOURCE
#include "csupport.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// Workers spin briefly for the next round (rounds inside a training step follow each other within
// microseconds), then sleep on the condition so that a busy machine is not kept busier.
enum { SPINS = 4000, MAX_THREADS = 256, CACHE_LINE = 64 };

// A thread claims its own chunks, and counts what it has run, in a cache line of its own: in a round, few
// lines cross from one core to another.
typedef struct {
    // The round in the upper bits, the next chunk in the lower. Whoever claims the first chunk of a
    // round opens the seat for it.
    alignas(CACHE_LINE) atomic_ullong state;
    // Chunks of any seat that this thread ran since the team began, modulo 2^64.
    atomic_ullong finished;
    pthread_t thread;
} seat;

struct fpnas_priv_team {
    // The round in the upper bits, its number of chunks in the lower. This line is written by the
    // caller between rounds, and read by all.
    alignas(CACHE_LINE) atomic_ullong round;
    _Atomic(fpnas_priv_task) task;
    _Atomic(void *) context;
    atomic_int stopping;
    size_t size;
    alignas(CACHE_LINE) pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_size_t sleeping;
    size_t workers;
    // Chunks of all rounds, modulo 2^64.
    unsigned long long begun;
    // Workers that have a number.
    atomic_size_t started;
    seat seats[];
};

// Rounds count in the upper 40 bits: no team lasts for 2^39 of them, in which a seat without chunks would
// seem to be ahead.
static const unsigned long long LOWER = 0xFFFFFF;

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

// The first of the chunks that belong to a seat; they are as even as can be.
static size_t first_chunk(size_t seat, size_t chunks, size_t size) {
    return seat * (chunks / size) + seat * (chunks % size) / size;
}

// Runs chunks of one seat until none is left to claim.
//
// Who comes late for its round finds every chunk of it claimed, so that a claim that succeeds is of a
// round that lasts; and what was read before it, of the same round.
static void take_from(
    fpnas_priv_team *team, unsigned long long round, size_t owner, size_t worker) {
    size_t first = first_chunk(owner, round & LOWER, team->size);
    size_t end = first_chunk(owner + 1, round & LOWER, team->size);
    atomic_ullong *place = &team->seats[owner].state, *finished = &team->seats[worker].finished;
    unsigned long long state = atomic_load(place), count = 0;
    for (;;) {
        long long ahead = (long long)((state & ~LOWER) - (round & ~LOWER));
        size_t chunk = ahead == 0 ? state & LOWER : first;
        if (ahead > 0 || chunk >= end) break;
        fpnas_priv_task task = atomic_load(&team->task);
        void *context = atomic_load(&team->context);
        unsigned long long claimed = (round & ~LOWER) | (chunk + 1);
        if (!atomic_compare_exchange_weak(place, &state, claimed)) continue;
        task(context, chunk, worker);
        count++;
        state = atomic_load(place);
    }
    // Only this thread writes it.
    if (count > 0)
        atomic_store_explicit(
            finished, atomic_load_explicit(finished, memory_order_relaxed) + count,
            memory_order_release);
}

// A thread's own chunks come first: round after round they are the same images, which its core has
// in cache. Then those of threads that are late. A worker that comes too late finds none, and
// nobody waits for it: on a busy machine a round takes no longer than on the caller alone.
static void take_chunks(fpnas_priv_team *team, unsigned long long round, size_t worker) {
    for (size_t i = 0, owner = worker; i < team->size; i++) {
        take_from(team, round, owner, worker);
        owner = owner + 1 < team->size ? owner + 1 : 0;
    }
}

static void *work(void *argument) {
    fpnas_priv_team *team = argument;
    size_t worker = atomic_fetch_add(&team->started, 1) + 1;
    unsigned long long seen = 0;
    for (;;) {
        for (int spin = 0; spin < SPINS && atomic_load(&team->round) == seen; spin++) relax();
        if (atomic_load(&team->round) == seen) {
            pthread_mutex_lock(&team->lock);
            atomic_fetch_add(&team->sleeping, 1);
            while (atomic_load(&team->round) == seen)
                pthread_cond_wait(&team->wake, &team->lock);
            atomic_fetch_sub(&team->sleeping, 1);
            pthread_mutex_unlock(&team->lock);
        }
        seen = atomic_load(&team->round);
        if (atomic_load(&team->stopping)) return NULL;
        take_chunks(team, seen, worker);
    }
}

static unsigned long long next_round(const fpnas_priv_team *team, size_t chunks) {
    return (atomic_load(&team->round) & ~LOWER) + (LOWER + 1) + chunks;
}

static int is_finished(const fpnas_priv_team *team) {
    unsigned long long finished = 0;
    for (size_t i = 0; i < team->size; i++)
        finished += atomic_load_explicit(&team->seats[i].finished, memory_order_acquire);
    return finished == team->begun;
}

static void begin_round(fpnas_priv_team *team, unsigned long long round) {
    atomic_store(&team->round, round);
    if (atomic_load(&team->sleeping) > 0) {
        pthread_mutex_lock(&team->lock);
        pthread_cond_broadcast(&team->wake);
        pthread_mutex_unlock(&team->lock);
    }
}

// A new thread may be put on its creator's CPU and stay there for milliseconds, on some machines
// for good, while others are idle; and on a busy machine one that waits for its next round would
// take time from the caller. So workers run on any CPU but that. Says whether there is another.
static int choose_place(pthread_attr_t *attributes) {
    cpu_set_t others;
    int here = sched_getcpu();
    if (here < 0 || here >= CPU_SETSIZE) return 0;
    if (sched_getaffinity(0, sizeof others, &others) != 0) return 0;
    CPU_CLR(here, &others);
    return CPU_COUNT(&others) > 0
           && pthread_attr_setaffinity_np(attributes, sizeof others, &others) == 0;
}

static int start_worker(fpnas_priv_team *team, const pthread_attr_t *attributes) {
    return pthread_create(&team->seats[team->workers].thread, attributes, work, team) == 0;
}

static void start_workers(fpnas_priv_team *team) {
    // Signals belong to the host's threads, so the workers block them all.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_t attributes;
    int has_attributes = pthread_attr_init(&attributes) == 0;
    int is_placed = has_attributes && choose_place(&attributes);
    while (team->workers + 1 < team->size
           && ((is_placed && start_worker(team, &attributes)) || start_worker(team, NULL)))
        team->workers++;
    if (has_attributes) pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

fpnas_priv_team *fpnas_priv_team_start(size_t threads) {
    if (threads < 1) threads = 1;
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    size_t bytes = sizeof(fpnas_priv_team) + threads * sizeof(seat);
    fpnas_priv_team *team = NULL;
    if (posix_memalign((void **)&team, CACHE_LINE, bytes) != 0) return NULL;
    memset(team, 0, bytes);
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->wake, NULL);
    team->size = threads;
    if (threads > 1) start_workers(team);
    return team;
}

size_t fpnas_priv_team_size(const fpnas_priv_team *team) { return team->size; }

void fpnas_priv_team_run(fpnas_priv_team *team, size_t chunks, fpnas_priv_task task, void *context) {
    if (team->workers == 0 || chunks <= 1 || chunks >= LOWER) {
        for (size_t chunk = 0; chunk < chunks; chunk++) task(context, chunk, 0);
        return;
    }
    atomic_store_explicit(&team->task, task, memory_order_relaxed);
    atomic_store_explicit(&team->context, context, memory_order_relaxed);
    unsigned long long round = next_round(team, chunks);
    begin_round(team, round);
    take_chunks(team, round, 0);
    team->begun += chunks;
    for (unsigned spin = 0; !is_finished(team); spin++) {
        if (spin < SPINS) relax(); else sched_yield();
    }
}

// A thread ends within microseconds, sleeping until it has takes a hundred.
static void join(pthread_t thread) {
    for (int spin = 0; spin < SPINS; spin++) {
        if (pthread_tryjoin_np(thread, NULL) != EBUSY) return;
        relax();
    }
    pthread_join(thread, NULL);
}

void fpnas_priv_team_stop(fpnas_priv_team *team) {
    if (!team) return;
    atomic_store(&team->stopping, 1);
    begin_round(team, next_round(team, 0));
    for (size_t i = 0; i < team->workers; i++) join(team->seats[i].thread);
    pthread_cond_destroy(&team->wake);
    pthread_mutex_destroy(&team->lock);
    free(team);
}
