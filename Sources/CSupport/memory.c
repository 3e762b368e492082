#define _POSIX_C_SOURCE 200809L
#include "csupport.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// One alignment unit in front of each block remembers its size for the counters.
enum { ALIGNMENT = 64 };

static atomic_size_t current_bytes;
static atomic_size_t peak_bytes;

void *fpnas_priv_alloc(size_t bytes) {
    if (bytes > SIZE_MAX - 2 * ALIGNMENT) return NULL;
    void *block = NULL;
    if (posix_memalign(&block, ALIGNMENT, bytes + ALIGNMENT) != 0) return NULL;
    memset(block, 0, bytes + ALIGNMENT);
    *(size_t *)block = bytes;
    size_t now = atomic_fetch_add(&current_bytes, bytes) + bytes;
    size_t peak = atomic_load(&peak_bytes);
    while (now > peak && !atomic_compare_exchange_weak(&peak_bytes, &peak, now)) {}
    return (char *)block + ALIGNMENT;
}

void fpnas_priv_free(void *pointer) {
    if (!pointer) return;
    char *block = (char *)pointer - ALIGNMENT;
    atomic_fetch_sub(&current_bytes, *(size_t *)block);
    free(block);
}

size_t fpnas_priv_alloc_current(void) { return atomic_load(&current_bytes); }
size_t fpnas_priv_alloc_peak(void) { return atomic_load(&peak_bytes); }
void fpnas_priv_alloc_reset_peak(void) { atomic_store(&peak_bytes, atomic_load(&current_bytes)); }
