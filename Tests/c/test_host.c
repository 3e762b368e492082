/* Loading the library leaves the host process as it was. */
#include "fpnas_test.h"

#include <dlfcn.h>
#include <float.h>
#include <locale.h>

static void *load(void) {
    const char *path = getenv("FPNAS_LIBRARY");
    void *library;
    if (path == NULL) {
        fprintf(stderr, "FPNAS_LIBRARY must name the library's file\n");
        exit(1);
    }
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return library;
}

static void signal_handlers_stay(void) {
    struct sigaction before[32], after;
    int s;
    memset(before, 0, sizeof before);
    for (s = 1; s < 32; s++) CHECK_INT(sigaction(s, NULL, &before[s]), 0);
    load();
    for (s = 1; s < 32; s++) {
        CHECK_INT(sigaction(s, NULL, &after), 0);
        CHECK(after.sa_handler == before[s].sa_handler);
    }
}

static void signal_mask_stays(void) {
    sigset_t before, after;
    int s;
    sigprocmask(SIG_SETMASK, NULL, &before);
    load();
    sigprocmask(SIG_SETMASK, NULL, &after);
    for (s = 1; s < 32; s++) CHECK_INT(sigismember(&after, s), sigismember(&before, s));
}

static void subnormals_stay(void) {
    volatile double least = DBL_MIN;
    volatile float least_float = FLT_MIN;
    load();
    CHECK(least / 4 > 0);
    CHECK(least_float / 4 > 0);
}

static void locale_stays(void) {
    char before[256];
    snprintf(before, sizeof before, "%s", setlocale(LC_ALL, NULL));
    load();
    CHECK_STRING(setlocale(LC_ALL, NULL), before);
}

static void output_stays_silent(void) {
    int ends[2];
    char byte;
    CHECK_INT(pipe(ends), 0);
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    load();
    fflush(NULL);
    close(1);
    close(2);
    close(ends[1]);
    /* Nobody can report any more: the exit status must tell. */
    if (read(ends[0], &byte, 1) != 0) _exit(3);
    _exit(0);
}

static void unloading_is_harmless(void) {
    int i;
    for (i = 0; i < 3; i++) CHECK_INT(dlclose(load()), 0);
}

int main(void) {
    RUN(signal_handlers_stay);
    RUN(signal_mask_stays);
    RUN(subnormals_stay);
    RUN(locale_stays);
    RUN(output_stays_silent);
    RUN(unloading_is_harmless);
    return test_report("test_host");
}
