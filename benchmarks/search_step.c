/* One step of a search from C: medians, growth with the space, memory over many steps. Compiled and
   run by search_step.py, which says what its lines mean. */
#include <fpnas.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OK(call) \
    do { \
        if ((call) != FPNAS_OK) { \
            fprintf(stderr, "%s: %s\n", #call, fpnas_last_error()); \
            exit(1); \
        } \
    } while (0)

enum { K = 15 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static long resident_kib(void) {
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    if (file) fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static fpnas_search *start(fpnas_space *space, int joint) {
    fpnas_search_options options = FPNAS_SEARCH_OPTIONS_INIT;
    fpnas_search *search;
    options.joint_step = joint ? 0 : -1;
    options.minimum_samples = options.maximum_samples = K;
    OK(fpnas_search_create(space, &options, &search));
    return search;
}

/* Ask, read, tell, entropy and next K. What is told has nothing to be learnt in it, so that the
   entropy stays high and draws stay hard to predict. */
static double step(fpnas_search *search, int32_t *rows, size_t width) {
    fpnas_ask ask;
    fpnas_progress progress;
    double values[K];
    progress.struct_size = sizeof progress;
    OK(fpnas_search_ask(search, &ask));
    OK(fpnas_search_ask_architectures(search, ask.number, rows, K * width, NULL));
    for (size_t i = 0; i < ask.network_count; i++) {
        uint32_t hash = (uint32_t)ask.number;
        for (size_t v = 0; v < width; v++) hash = hash * 31 + (uint32_t)rows[i * width + v];
        values[i] = -(hash % 97) / 97.0;
    }
    OK(fpnas_search_tell(search, ask.number, values, ask.network_count));
    OK(fpnas_search_progress(search, &progress));
    return progress.entropy + (double)progress.next_sample_count;
}

static void measure(const char *name, fpnas_space *space, int joint, int steps) {
    fpnas_search *search = start(space, joint);
    size_t width;
    OK(fpnas_space_variable_count(space, &width));
    int32_t *rows = malloc(K * width * sizeof *rows);
    double *times = malloc((size_t)steps * sizeof *times);
    if (!rows || !times) exit(1);
    for (int i = 0; i < steps; i++) {
        double begin = now();
        step(search, rows, width);
        times[i] = now() - begin;
    }
    qsort(times, (size_t)steps, sizeof *times, ascending);
    printf("%s %.3f %.3f\n", name, times[steps / 2], times[steps / 10]);
    free(rows);
    free(times);
    fpnas_search_free(search);
}

static fpnas_space *chain(int layers) {
    int64_t choices[50];
    fpnas_space_builder *builder;
    fpnas_space *space;
    for (int c = 0; c < 50; c++) choices[c] = c;
    OK(fpnas_space_builder_create("chain", &builder));
    for (int l = 0; l < layers; l++) {
        char name[16];
        snprintf(name, sizeof name, "l%d", l);
        OK(fpnas_space_builder_add_layer(builder, name));
        OK(fpnas_space_builder_add_integers(builder, "op", choices, 50));
    }
    OK(fpnas_space_builder_finish(builder, &space));
    fpnas_space_builder_free(builder);
    return space;
}

int main(int argc, char **argv) {
    int quick = argc > 1 && strcmp(argv[1], "quick") == 0;
    fpnas_space *space;
    OK(fpnas_space_preset("fbnetv2-f++", 128, 128, 3, 1000, &space));
    measure("joint", space, 1, quick ? 1000 : 5000);
    measure("factorised", space, 0, quick ? 1000 : 5000);
    if (argc > 1 && strcmp(argv[1], "steps") == 0) return 0;
    for (int layers = 10; layers <= 10000; layers *= 10) {
        char name[32];
        fpnas_space *long_space = chain(layers);
        snprintf(name, sizeof name, "layers-%d", layers);
        measure(name, long_space, 0, layers < 10000 ? 500 : 100);
        fpnas_space_free(long_space);
    }
    fpnas_search *search = start(space, 1);
    size_t width, total = quick ? 100000 : 1000000;
    OK(fpnas_space_variable_count(space, &width));
    int32_t *rows = malloc(K * width * sizeof *rows);
    if (!rows) return 1;
    for (size_t i = 0; i <= total; i++) {
        if (i == 1000 || (i > 0 && i % (total / 4) == 0)) {
            printf("resident-%zu %ld\n", i, resident_kib());
        }
        step(search, rows, width);
    }
    free(rows);
    fpnas_search_free(search);
    fpnas_space_free(space);
    return 0;
}
