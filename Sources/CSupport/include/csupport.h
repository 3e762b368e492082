// C shims for what Swift cannot say: thread-local storage, failing allocation, a team of threads
// that lives for one call, fork detection and crash-safe file replacement. Never exported.
#ifndef FPNAS_CSUPPORT_H
#define FPNAS_CSUPPORT_H

#include <stddef.h>
#include <stdint.h>

// MARK: Last error (one line per thread, cut at a UTF-8 boundary)
void fpnas_priv_error_set(const char *message);
const char *fpnas_priv_error_get(void);

// MARK: Allocation that may fail (64-byte aligned, zeroed; NULL when there is no memory)
void *fpnas_priv_alloc(size_t bytes);
void fpnas_priv_free(void *pointer);
// Bytes now and at most held through fpnas_priv_alloc since the last reset of the peak.
size_t fpnas_priv_alloc_current(void);
size_t fpnas_priv_alloc_peak(void);
void fpnas_priv_alloc_reset_peak(void);

// MARK: Thread team
typedef struct fpnas_priv_team fpnas_priv_team;
// worker is below the team's size, 0 for the caller: it names memory nobody else is using.
typedef void (*fpnas_priv_task)(void *context, size_t chunk, size_t worker);
// Starts threads - 1 workers (the caller is the last one), on other CPUs than the caller's where it
// may; its own affinity is not touched. Fewer may start; NULL means no memory.
fpnas_priv_team *fpnas_priv_team_start(size_t threads);
size_t fpnas_priv_team_size(const fpnas_priv_team *team);
// Calls task(context, c, worker) once for every c < chunks and returns when all are done.
void fpnas_priv_team_run(fpnas_priv_team *team, size_t chunks, fpnas_priv_task task, void *context);
// Ends and joins the workers.
void fpnas_priv_team_stop(fpnas_priv_team *team);

// MARK: Process
// Grows by one in a child after each fork; 0 in the process that loaded the library.
uint32_t fpnas_priv_fork_depth(void);
// One lock for what the process has once, the table of handles and BLAS's number of threads; held across
// fork, so that it is free in the child.
void fpnas_priv_lock(void);
void fpnas_priv_unlock(void);
double fpnas_priv_seconds(void);          // monotonic
uint64_t fpnas_priv_peak_memory(void);    // bytes of resident memory at most so far

// MARK: Files
// Writes bytes to a temporary file beside path, syncs it, renames it over path and syncs the
// directory. Returns 0 or an errno value; on failure path is as it was.
int fpnas_priv_replace_file(const char *path, const void *bytes, size_t count);

#endif
