#define _GNU_SOURCE
#include "csupport.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static atomic_uint fork_depth;

static pthread_mutex_t handles = PTHREAD_MUTEX_INITIALIZER;

void fpnas_priv_lock(void) { pthread_mutex_lock(&handles); }
void fpnas_priv_unlock(void) { pthread_mutex_unlock(&handles); }

static void enter_child(void) {
    atomic_fetch_add(&fork_depth, 1);
    fpnas_priv_unlock();
}

__attribute__((constructor)) static void watch_forks(void) {
    pthread_atfork(fpnas_priv_lock, fpnas_priv_unlock, enter_child);
}

uint32_t fpnas_priv_fork_depth(void) { return atomic_load(&fork_depth); }

double fpnas_priv_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

uint64_t fpnas_priv_peak_memory(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
    return (uint64_t)usage.ru_maxrss * 1024;
}

static int write_all(int file, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(file, bytes, count);
        if (written < 0) {
            if (errno == EINTR) continue;
            return errno;
        }
        bytes += written;
        count -= (size_t)written;
    }
    return 0;
}

static int sync_directory_of(const char *path) {
    const char *slash = strrchr(path, '/');
    char *directory = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!directory) return ENOMEM;
    int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(directory);
    if (file < 0) return errno;
    int error = fsync(file) == 0 || errno == EINVAL ? 0 : errno;
    close(file);
    return error;
}

int fpnas_priv_replace_file(const char *path, const void *bytes, size_t count) {
    size_t room = strlen(path) + 16;
    char *temporary = malloc(room);
    if (!temporary) return ENOMEM;
    snprintf(temporary, room, "%s.tmp-XXXXXX", path);
    int file = mkostemp(temporary, O_CLOEXEC);
    if (file < 0) {
        int error = errno;
        free(temporary);
        return error;
    }
    int error = write_all(file, bytes, count);
    if (!error && fchmod(file, 0644) != 0) error = errno;
    if (!error && fsync(file) != 0) error = errno;
    if (close(file) != 0 && !error) error = errno;
    if (!error && rename(temporary, path) != 0) error = errno;
    if (error) unlink(temporary);
    free(temporary);
    return error ? error : sync_directory_of(path);
}
