/* Evolution and policy gradients through the header: what they ask, learn, keep and refuse. */
#include <fpnas.h>

#include "fpnas_test.h"

enum { LAYERS = 8, CHOICES = 4, ROOM = 1024 };

static fpnas_space *toy(void) {
    fpnas_space_builder *builder;
    fpnas_space *space = NULL;
    const int64_t choices[CHOICES] = {0, 1, 2, 3};
    char name[8];
    OK(fpnas_space_builder_create("toy", &builder));
    for (int i = 0; i < LAYERS; i++) {
        snprintf(name, sizeof name, "l%d", i);
        OK(fpnas_space_builder_add_layer(builder, name));
        OK(fpnas_space_builder_add_integers(builder, "op", choices, CHOICES));
    }
    OK(fpnas_space_builder_finish(builder, &space));
    fpnas_space_builder_free(builder);
    return space;
}

static fpnas_search *new_search(const fpnas_search_options *options) {
    fpnas_space *space = toy();
    fpnas_search *search = NULL;
    OK(fpnas_search_create(space, options, &search));
    fpnas_space_free(space);
    return search;
}

static int total(const int32_t *row) {
    int sum = 0;
    for (int v = 0; v < LAYERS; v++) sum += row[v];
    return sum;
}

/* One ask and its tell; a cost is 1 + the sum of the choices. */
static void step(fpnas_search *search) {
    fpnas_ask ask;
    int32_t rows[ROOM];
    double values[64], costs[64];
    OK(fpnas_search_ask(search, &ask));
    OK(fpnas_search_ask_architectures(search, ask.number, rows, ROOM, NULL));
    for (size_t i = 0; i < ask.network_count; i++) {
        values[i] = (total(rows + i * LAYERS) - LAYERS * (CHOICES - 1)) / 10.0;
        costs[i] = 1 + total(rows + i * LAYERS);
    }
    OK(fpnas_search_tell_some(search, ask.number, NULL, values, costs, ask.network_count));
}

static fpnas_search_options evolution(void) {
    fpnas_search_options options = FPNAS_SEARCH_OPTIONS_INIT;
    options.algorithm = FPNAS_ALGORITHM_EVOLUTION;
    options.seed = 3;
    options.sample_count = 1;
    options.population_size = 20;
    options.tournament_size = 8;
    return options;
}

static void evolution_finds_the_best_and_leaves_the_distribution(void) {
    fpnas_search_options options = evolution();
    fpnas_search *search = new_search(&options);
    fpnas_distribution *distribution;
    int32_t best[LAYERS];
    double value, logits[LAYERS * CHOICES];
    for (int i = 0; i < 300; i++) step(search);
    OK(fpnas_search_best(search, best, LAYERS, &value));
    CHECK_INT(total(best), LAYERS * (CHOICES - 1)); /* one of 65,536 */
    OK(fpnas_search_distribution(search, &distribution));
    OK(fpnas_distribution_get_logits(distribution, logits, LAYERS * CHOICES, NULL));
    for (int i = 0; i < LAYERS * CHOICES; i++) CHECK(logits[i] == 0);
    fpnas_distribution_free(distribution);
    fpnas_search_free(search);
}

static void reinforce_moves_the_distribution(void) {
    fpnas_search_options options = FPNAS_SEARCH_OPTIONS_INIT;
    fpnas_search *search;
    fpnas_progress progress = {sizeof progress, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                               0, 0, 0, 0, 0, 0, 0, 0, 0};
    int32_t mode[LAYERS];
    double value;
    options.algorithm = FPNAS_ALGORITHM_REINFORCE;
    options.sample_count = 8;
    options.learning_rate = 0.1;
    options.clip_range = 0.2;
    options.entropy_weight = 0.001;
    search = new_search(&options);
    for (int i = 0; i < 60; i++) step(search);
    OK(fpnas_search_result(search, mode, LAYERS, &value, NULL));
    CHECK_INT(total(mode), LAYERS * (CHOICES - 1));
    OK(fpnas_search_progress(search, &progress));
    CHECK(progress.entropy < progress.initial_entropy / 2);
    fpnas_search_free(search);
}

/* e^l cost^w: with w = -10 the cheapest networks are the best, though told the worst. */
static void the_product_weighs_costs(void) {
    fpnas_search_options options = FPNAS_SEARCH_OPTIONS_INIT;
    fpnas_search *search;
    int32_t mode[LAYERS];
    double value;
    options.algorithm = FPNAS_ALGORITHM_REINFORCE;
    options.sample_count = 8;
    options.learning_rate = 0.1;
    options.reward = FPNAS_REWARD_PRODUCT;
    options.reward_exponent = -10;
    options.cost_target = 12;
    search = new_search(&options);
    for (int i = 0; i < 150; i++) step(search);
    OK(fpnas_search_result(search, mode, LAYERS, &value, NULL));
    CHECK(total(mode) <= 2);
    fpnas_search_free(search);
}

static void checkpoints_resume(void) {
    fpnas_search_options options = evolution();
    for (int i = 0; i < 2; i++) {
        fpnas_search *a, *b;
        uint8_t *x, *y;
        size_t m, n;
        if (i == 1) {
            options.algorithm = FPNAS_ALGORITHM_REINFORCE;
            options.sample_count = 4;
            options.clip_range = 0.1;
        }
        a = new_search(&options);
        for (int k = 0; k < 35; k++) step(a);
        CHECK_INT(fpnas_search_to_bytes(a, NULL, 0, &n), FPNAS_E_BUFFER);
        x = malloc(n);
        OK(fpnas_search_to_bytes(a, x, n, NULL));
        OK(fpnas_search_from_bytes(x, n, &b));
        free(x);
        for (int k = 0; k < 35; k++) {
            step(a);
            step(b);
        }
        CHECK_INT(fpnas_search_to_bytes(a, NULL, 0, &n), FPNAS_E_BUFFER);
        CHECK_INT(fpnas_search_to_bytes(b, NULL, 0, &m), FPNAS_E_BUFFER);
        CHECK_INT(m, n);
        x = malloc(n);
        y = malloc(m);
        OK(fpnas_search_to_bytes(a, x, n, NULL));
        OK(fpnas_search_to_bytes(b, y, m, NULL));
        CHECK(m == n && memcmp(x, y, n) == 0);
        free(x);
        free(y);
        fpnas_search_free(a);
        fpnas_search_free(b);
    }
}

static void options_are_checked(void) {
    const fpnas_search_options defaults = evolution();
    fpnas_search_options options;
    fpnas_space *space = toy();
    fpnas_search *search;
#define BAD(field, value, part) \
    options = defaults; \
    options.field = value; \
    FAILS(fpnas_search_create(space, &options, &search), FPNAS_E_INVALID, part); \
    CHECK(search == NULL)
    BAD(sample_count, 0, "sample_count must be in [1, 65536], got 0");
    BAD(population_size, 1, "population_size must be in [2, 65536], got 1");
    BAD(tournament_size, 0, "tournament_size");
    BAD(reward, 2, "reward must be one of FPNAS_REWARD_..., got 2");
    BAD(reward_exponent, NAN, "reward_exponent");
    BAD(baseline_decay, 1.5, "baseline_decay must be in [0.0, 1.0], got 1.5");
    BAD(entropy_weight, -1, "entropy_weight");
    BAD(clip_range, 2, "clip_range");
    BAD(clip_epochs, 0, "clip_epochs");
    BAD(reserved2, 1, "reserved");
    options = defaults;
    options.algorithm = FPNAS_ALGORITHM_REINFORCE;
    options.reward = FPNAS_REWARD_PRODUCT;
    FAILS(fpnas_search_create(space, &options, &search), FPNAS_E_INVALID, "cost_target");
    /* The product needs costs, which an abstract space has not got. */
    options.cost_target = 10;
    OK(fpnas_search_create(space, &options, &search));
    {
        fpnas_ask ask;
        double values[64] = {0};
        OK(fpnas_search_ask(search, &ask));
        FAILS(fpnas_search_tell(search, ask.number, values, ask.network_count), FPNAS_E_INVALID,
              "costs must be told");
    }
    fpnas_search_free(search);
    fpnas_space_free(space);
}

int main(void) {
    RUN(evolution_finds_the_best_and_leaves_the_distribution);
    RUN(reinforce_moves_the_distribution);
    RUN(the_product_weighs_costs);
    RUN(checkpoints_resume);
    RUN(options_are_checked);
    return test_report("test_strategies");
}
