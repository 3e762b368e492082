/* Steps of a search allocate nothing once their memory is there: counted, by standing in for the
   allocator of the whole process. */
#include <fpnas.h>

#include "fpnas_test.h"

#include <errno.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static long allocations = 0;

void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    allocations++;
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    allocations++;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    allocations++;
    *block = __libc_memalign(alignment, size);
    return *block == NULL ? ENOMEM : 0;
}

enum { STEPS = 400, WARM_UP = 30, OPEN = 3, ROOM = 128 };

static int32_t rows[ROOM * 64];
static int64_t counts[ROOM];
static double values[ROOM];

/* Reads an ask and tells it, in two parts where there are two networks. */
static void tell(fpnas_search *search, const fpnas_ask *ask, size_t width) {
    size_t needed, half = (size_t)ask->network_count / 2;
    int64_t order[ROOM];
    OK(fpnas_search_ask_architectures(search, ask->number, rows, ROOM * 64, &needed));
    OK(fpnas_search_ask_multiplicities(search, ask->number, counts, ROOM, NULL));
    for (size_t i = 0; i < ask->network_count; i++) {
        values[i] = 0;
        for (size_t v = 0; v < width; v++) values[i] -= rows[i * width + v] / 50.0;
        order[i] = (int64_t)i;
    }
    if (half > 0) OK(fpnas_search_tell_some(search, ask->number, order, values, NULL, half));
    OK(fpnas_search_tell_some(search, ask->number, order + half, values + half, NULL,
                              (size_t)ask->network_count - half));
}

/* Some asks open at once, told last first. */
static void steps_within_allocate_nothing(fpnas_space *space, const fpnas_search_options *options,
                                          const fpnas_cost *cost, int64_t most) {
    fpnas_search *search;
    fpnas_progress progress;
    size_t width;
    long before = 0;
    progress.struct_size = sizeof progress;
    OK(fpnas_space_variable_count(space, &width));
    CHECK(width <= 64);
    OK(fpnas_search_create(space, options, &search));
    if (cost) {
        fpnas_search_budget budget = FPNAS_SEARCH_BUDGET_INIT;
        budget.most = most;
        OK(fpnas_search_add_budget(search, cost, &budget));
    }
    for (int i = 0; i < STEPS; i++) {
        fpnas_ask asks[OPEN];
        double best;
        if (i == WARM_UP) before = allocations;
        for (int k = 0; k < OPEN; k++) OK(fpnas_search_ask(search, &asks[k]));
        for (int k = OPEN - 1; k >= 0; k--) tell(search, &asks[k], width);
        OK(fpnas_search_progress(search, &progress));
        OK(fpnas_search_best(search, rows, ROOM * 64, &best));
    }
    CHECK(before > 0); /* the stand-ins are in use */
    CHECK_INT(allocations - before, 0);
    CHECK_INT(progress.steps, OPEN * STEPS);
    CHECK(options->algorithm == FPNAS_ALGORITHM_EVOLUTION ||
          progress.entropy < progress.initial_entropy);
    fpnas_search_free(search);
}

static void steps_allocate_nothing(fpnas_space *space, const fpnas_search_options *options) {
    steps_within_allocate_nothing(space, options, NULL, 0);
}

static void abstract_space_both_forms(void) {
    const int64_t choices[] = {0, 1, 2, 3, 4, 5};
    fpnas_search_options options = FPNAS_SEARCH_OPTIONS_INIT;
    fpnas_space_builder *builder;
    fpnas_space *space;
    OK(fpnas_space_builder_create("chain", &builder));
    for (int l = 0; l < 8; l++) {
        char name[8];
        snprintf(name, sizeof name, "l%d", l);
        OK(fpnas_space_builder_add_layer(builder, name));
        OK(fpnas_space_builder_add_integers(builder, "a", choices, 3));
        OK(fpnas_space_builder_add_integers(builder, "b", choices, 6));
        OK(fpnas_space_builder_set_condition(builder, "a", (const int32_t[]){1, 2}, 2));
        OK(fpnas_space_builder_add_integers(builder, "c", choices, 5));
    }
    OK(fpnas_space_builder_finish(builder, &space));
    for (options.joint_step = -1; options.joint_step <= 0; options.joint_step++) {
        steps_allocate_nothing(space, &options);
    }
    options.effective_sample_share = 0.5;
    options.algorithm = FPNAS_ALGORITHM_PARSEC;
    steps_allocate_nothing(space, &options);
    options = (fpnas_search_options)FPNAS_SEARCH_OPTIONS_INIT;
    options.algorithm = FPNAS_ALGORITHM_EVOLUTION;
    steps_allocate_nothing(space, &options);
    options.algorithm = FPNAS_ALGORITHM_REINFORCE;
    options.clip_range = 0.2;
    options.entropy_weight = 0.01;
    steps_allocate_nothing(space, &options);
    fpnas_space_builder_free(builder);
    fpnas_space_free(space);
}

/* With exact costs and the switch of forms, which may allocate, during the warm-up. */
static void network_space_with_costs(void) {
    fpnas_search_options options = FPNAS_SEARCH_OPTIONS_INIT;
    fpnas_space *space;
    OK(fpnas_space_preset("mbconv-small", 16, 16, 1, 10, &space));
    options.joint_step = 10;
    options.cost_weight = 1;
    options.cost_target = 400000;
    steps_allocate_nothing(space, &options);
    fpnas_space_free(space);
}

/* Without and with the gradient of log Z. */
static void within_a_hard_budget(void) {
    fpnas_search_options options = FPNAS_SEARCH_OPTIONS_INIT;
    fpnas_space *space;
    fpnas_cost *macs;
    OK(fpnas_space_preset("mbconv-small", 16, 16, 1, 10, &space));
    OK(fpnas_cost_create_metric(space, FPNAS_COST_MACS, &macs));
    options.joint_step = 10;
    steps_within_allocate_nothing(space, &options, macs, 400000);
    options.budget_objective = FPNAS_OBJECTIVE_WITHIN;
    steps_within_allocate_nothing(space, &options, macs, 400000);
    fpnas_cost_free(macs);
    fpnas_space_free(space);
}

int main(void) {
    RUN(abstract_space_both_forms);
    RUN(network_space_with_costs);
    RUN(within_a_hard_budget);
    return test_report("test_allocations");
}
