/* Distributions and searches: queries, ask and tell, refusals that change nothing, checkpoints. */
#include <fpnas.h>

#include "fpnas_test.h"

enum { LAYERS = 6, CHOICES = 3, ROOM = 4096 };

static fpnas_space *toy(void) {
    fpnas_space_builder *builder;
    fpnas_space *space = NULL;
    const int64_t choices[CHOICES] = {0, 1, 2};
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

static fpnas_search *new_search(uint64_t seed) {
    fpnas_space *space = toy();
    fpnas_search *search = NULL;
    fpnas_search_options options = FPNAS_SEARCH_OPTIONS_INIT;
    options.seed = seed;
    options.minimum_samples = 5;
    options.likelihood_scale = 10;
    options.learning_rate = 0.1;
    OK(fpnas_search_create(space, &options, &search));
    fpnas_space_free(space); /* the search keeps what it needs */
    return search;
}

static void step(fpnas_search *search) {
    fpnas_ask ask;
    int32_t rows[ROOM];
    double values[64];
    OK(fpnas_search_ask(search, &ask));
    OK(fpnas_search_ask_architectures(search, ask.number, rows, ROOM, NULL));
    for (size_t i = 0; i < ask.network_count; i++) {
        values[i] = 0;
        for (int v = 0; v < LAYERS; v++) values[i] += rows[i * LAYERS + v] / 10.0;
    }
    OK(fpnas_search_tell(search, ask.number, values, ask.network_count));
}

/* The exact state, to be freed. */
static uint8_t *state(const fpnas_search *search, size_t *size) {
    uint8_t *bytes;
    CHECK_INT(fpnas_search_to_bytes(search, NULL, 0, size), FPNAS_E_BUFFER);
    bytes = malloc(*size);
    OK(fpnas_search_to_bytes(search, bytes, *size, size));
    return bytes;
}

static int same(const fpnas_search *a, const fpnas_search *b) {
    size_t m, n;
    uint8_t *x = state(a, &m), *y = state(b, &n);
    int equal = m == n && memcmp(x, y, m) == 0;
    free(x);
    free(y);
    return equal;
}

static void searches_find_and_repeat(void) {
    fpnas_search *a = new_search(1), *b = new_search(1), *c = new_search(2);
    fpnas_distribution *distribution;
    fpnas_progress progress;
    int32_t mode[LAYERS], best[LAYERS];
    double value;
    size_t found;
    progress.struct_size = sizeof progress;
    for (int i = 0; i < 150; i++) {
        step(a);
        step(b);
        step(c);
    }
    CHECK(same(a, b));
    CHECK(!same(a, c));
    OK(fpnas_search_progress(a, &progress));
    CHECK_INT(progress.steps, 150);
    CHECK_INT(progress.open_asks, 0);
    CHECK(progress.samples_drawn >= 750 && progress.evaluations <= progress.samples_drawn);
    CHECK(progress.entropy < 0.5 * progress.initial_entropy);
    OK(fpnas_search_distribution(a, &distribution));
    OK(fpnas_distribution_top(distribution, 1, mode, &value, &found));
    CHECK_INT(found, 1);
    for (int v = 0; v < LAYERS; v++) CHECK_INT(mode[v], CHOICES - 1);
    OK(fpnas_search_best(a, best, LAYERS, &value));
    CHECK_NEAR(value, 0.2 * LAYERS, 1e-12);
    fpnas_distribution_free(distribution);
    fpnas_search_free(a);
    fpnas_search_free(b);
    fpnas_search_free(c);
    CHECK_INT(fpnas_debug_live_handles(), 0);
}

static void distributions_answer(void) {
    fpnas_space *space = toy(), *same_space = NULL;
    fpnas_distribution *d = NULL, *joint = NULL, *copy = NULL;
    const int32_t rows[2 * LAYERS] = {0, 1, 2, 0, 1, 2, 2, 2, 2, 2, 2, 2};
    double logits[LAYERS * CHOICES], back[LAYERS * CHOICES], p[2], q[2], value,
        marginals[LAYERS * CHOICES];
    int32_t drawn[10 * LAYERS], form = -1;
    size_t needed, found;
    OK(fpnas_distribution_create(space, FPNAS_FORM_FACTORISED, &d));
    for (int i = 0; i < LAYERS * CHOICES; i++) logits[i] = 0.3 * (i % 5);
    OK(fpnas_distribution_set_logits(d, logits, LAYERS * CHOICES));
    OK(fpnas_distribution_get_logits(d, back, LAYERS * CHOICES, &needed));
    CHECK(memcmp(logits, back, sizeof logits) == 0);
    OK(fpnas_distribution_to_joint(d, &joint));
    OK(fpnas_distribution_copy(d, &copy));
    OK(fpnas_distribution_form(joint, &form));
    CHECK_INT(form, FPNAS_FORM_JOINT);
    OK(fpnas_distribution_log_probability(d, rows, 2, 0, p));
    OK(fpnas_distribution_log_probability(joint, rows, 2, 1, q));
    CHECK_NEAR(p[0], q[0], 1e-12);
    CHECK_NEAR(p[1], q[1], 1e-12);
    OK(fpnas_distribution_divergence(d, joint, &value));
    CHECK_NEAR(value, 0, 1e-12);
    OK(fpnas_distribution_divergence(d, d, &value));
    CHECK_NEAR(value, 0, 0);
    OK(fpnas_distribution_entropy(d, 0, &value));
    OK(fpnas_distribution_entropy(joint, 1, q));
    CHECK_NEAR(value, q[0], 1e-12);
    OK(fpnas_distribution_marginals(d, 1, marginals, LAYERS * CHOICES, NULL));
    CHECK_NEAR(marginals[0] + marginals[1] + marginals[2], 1, 1e-12);
    OK(fpnas_distribution_sample(d, 1, 2, 10, drawn, 10 * LAYERS, NULL));
    for (int i = 0; i < 10 * LAYERS; i++) CHECK(drawn[i] >= 0 && drawn[i] < CHOICES);
    OK(fpnas_distribution_space(d, &same_space));

    FAILS(fpnas_distribution_create(space, 2, &copy), FPNAS_E_INVALID, "got 2");
    logits[4] = NAN;
    FAILS(fpnas_distribution_set_logits(d, logits, LAYERS * CHOICES), FPNAS_E_INVALID, "logit 4");
    FAILS(fpnas_distribution_set_logits(d, logits, 3), FPNAS_E_INVALID, "got 3");
    FAILS(fpnas_distribution_set_logits(d, NULL, 3), FPNAS_E_INVALID, "NULL");
    FAILS(fpnas_distribution_log_probability(d, rows, SIZE_MAX, 0, p), FPNAS_E_INVALID,
          "too large");
    FAILS(fpnas_distribution_log_probability(d, rows, 1, 2, p), FPNAS_E_INVALID,
          "canonical must be 0 or 1, got 2");
    FAILS(fpnas_distribution_sample(d, 1, 2, 0, drawn, 60, NULL), FPNAS_E_INVALID, "got 0");
    FAILS(fpnas_distribution_sample(d, 1, 2, 11, drawn, 60, &needed), FPNAS_E_BUFFER, "66");
    FAILS(fpnas_distribution_top(d, 0, drawn, p, &found), FPNAS_E_INVALID, "got 0");
    FAILS(fpnas_distribution_expected_cost(d, 0, &value), FPNAS_E_INVALID, "abstract");
    OK(fpnas_distribution_get_logits(d, back, LAYERS * CHOICES, &needed));
    CHECK_NEAR(back[4], 0.3 * 4, 0);

    fpnas_distribution_free(d);
    fpnas_distribution_free(joint);
    fpnas_space_free(space);
    fpnas_space_free(same_space);
    fpnas_distribution_free(copy);
}

static void budgets_are_kept(void) {
    fpnas_space *space;
    fpnas_distribution *d;
    int32_t row[64];
    int64_t costs[3];
    double value, expected;
    OK(fpnas_space_preset("mbconv-small", 16, 16, 1, 10, &space));
    OK(fpnas_distribution_create(space, FPNAS_FORM_JOINT, &d));
    OK(fpnas_distribution_expected_cost(d, FPNAS_COST_MACS, &expected));
    OK(fpnas_distribution_best_within(d, FPNAS_COST_MACS, (int64_t)(expected / 2), row, 64,
                                      &value));
    OK(fpnas_space_costs(space, row, FPNAS_COUNT_TORCH, costs, 3, NULL));
    CHECK(costs[FPNAS_COST_MACS] <= expected / 2);
    FAILS(fpnas_distribution_best_within(d, FPNAS_COST_MACS, 5, row, 64, &value),
          FPNAS_E_INFEASIBLE, "the least costs");
    FAILS(fpnas_distribution_best_within(d, FPNAS_COST_MACS, -1, row, 64, &value),
          FPNAS_E_INFEASIBLE, "-1");
    fpnas_distribution_free(d);
    fpnas_space_free(space);
}

/* A network to train, say, is a space of one architecture. */
static void spaces_without_choices_answer(void) {
    const char json[] =
        "{\"format\": \"fpnas-space\", \"version\": 1, \"name\": \"fixed\", \"classes\": 4,"
        " \"input\": {\"height\": 8, \"width\": 8, \"channels\": 1}, \"layers\": ["
        " {\"name\": \"stem\", \"operation\": \"conv\", \"kernel\": 3, \"channels\": 4},"
        " {\"name\": \"classifier\", \"operation\": \"classifier\"}]}";
    fpnas_space *space = NULL;
    fpnas_search *search = NULL;
    fpnas_ask ask;
    int32_t row[1];
    double value;
    const double told = -1;
    OK(fpnas_space_from_json(json, sizeof json - 1, &space));
    for (int32_t form = 0; form < 2; form++) {
        fpnas_distribution *d = NULL;
        size_t found = 0;
        OK(fpnas_distribution_create(space, form, &d));
        OK(fpnas_distribution_top(d, 3, row, &value, &found));
        CHECK_INT(found, 1);
        CHECK_NEAR(value, 0, 0);
        OK(fpnas_distribution_entropy(d, 1, &value));
        CHECK_NEAR(value, 0, 0);
        fpnas_distribution_free(d);
    }
    OK(fpnas_search_create(space, NULL, &search));
    OK(fpnas_search_ask(search, &ask));
    CHECK_INT(ask.network_count, 1);
    OK(fpnas_search_tell(search, ask.number, &told, 1));
    fpnas_search_free(search);
    fpnas_space_free(space);
}

static void asks_are_told_in_parts(void) {
    fpnas_search *search = new_search(3);
    fpnas_ask first, second;
    fpnas_progress progress;
    int64_t multiplicities[64], sum = 0;
    uint64_t open[8];
    size_t needed;
    double values[64] = {0};
    int64_t last[1];
    progress.struct_size = sizeof progress;
    OK(fpnas_search_ask(search, &first));
    OK(fpnas_search_ask(search, &second));
    OK(fpnas_search_open_asks(search, open, 8, &needed));
    CHECK_INT(needed, 2);
    OK(fpnas_search_ask_multiplicities(search, second.number, multiplicities, 64, NULL));
    for (size_t i = 0; i < second.network_count; i++) sum += multiplicities[i];
    CHECK_INT(sum, second.sample_count);
    last[0] = (int64_t)second.network_count - 1;
    OK(fpnas_search_tell_some(search, second.number, last, values, NULL, 1));
    OK(fpnas_search_progress(search, &progress));
    CHECK_INT(progress.steps, 0);
    OK(fpnas_search_close(search, second.number));
    OK(fpnas_search_tell(search, first.number, values, first.network_count));
    OK(fpnas_search_progress(search, &progress));
    CHECK_INT(progress.steps, 2);
    CHECK_INT(progress.open_asks, 0);
    fpnas_search_free(search);
}

static void bad_tells_change_nothing(void) {
    fpnas_search *search = new_search(4), *before;
    fpnas_ask ask;
    size_t size;
    uint8_t *bytes;
    double values[64] = {0};
    const int64_t out_of_range[] = {99}, twice[] = {0, 0}, index[] = {0};
    const double negative[] = {-1};
    step(search);
    OK(fpnas_search_ask(search, &ask));
    bytes = state(search, &size);
    OK(fpnas_search_from_bytes(bytes, size, &before));
    FAILS(fpnas_search_tell(search, ask.number, values, 1), FPNAS_E_INVALID, "got 1");
    FAILS(fpnas_search_tell(search, 0, values, 1), FPNAS_E_INVALID, "closed already");
    FAILS(fpnas_search_tell(search, 77, values, 1), FPNAS_E_INVALID, "77");
    FAILS(fpnas_search_tell(search, ask.number, NULL, 1), FPNAS_E_INVALID, "NULL");
    FAILS(fpnas_search_tell_some(search, ask.number, out_of_range, values, NULL, 1),
          FPNAS_E_INVALID, "got 99");
    FAILS(fpnas_search_tell_some(search, ask.number, twice, values, NULL, 2), FPNAS_E_INVALID,
          "twice");
    FAILS(fpnas_search_tell_some(search, ask.number, index, values, negative, 1), FPNAS_E_INVALID,
          "got -1");
    values[1] = NAN;
    FAILS(fpnas_search_tell(search, ask.number, values, ask.network_count), FPNAS_E_INVALID, "nan");
    values[1] = INFINITY;
    FAILS(fpnas_search_tell(search, ask.number, values, ask.network_count), FPNAS_E_INVALID, "inf");
    FAILS(fpnas_search_close(search, 0), FPNAS_E_INVALID, "closed already");
    CHECK(same(search, before));
    values[1] = -INFINITY;
    OK(fpnas_search_tell(search, ask.number, values, ask.network_count));
    free(bytes);
    fpnas_search_free(search);
    fpnas_search_free(before);
}

static void options_are_checked(void) {
    fpnas_space *space = toy();
    fpnas_search *search = NULL;
    const fpnas_search_options defaults = FPNAS_SEARCH_OPTIONS_INIT;
    fpnas_search_options options = defaults, back = defaults;
    struct {
        fpnas_search_options options;
        int64_t unknown;
    } newer = {FPNAS_SEARCH_OPTIONS_INIT, 0};
    OK(fpnas_search_create(space, NULL, &search));
    OK(fpnas_search_options_get(search, &back));
    CHECK(memcmp(&back, &defaults, sizeof back) == 0); /* the header tells the defaults truly */
    fpnas_search_free(search);
    newer.options.struct_size = sizeof newer;
    OK(fpnas_search_create(space, &newer.options, &search));
    fpnas_search_free(search);
    newer.unknown = 1;
    FAILS(fpnas_search_create(space, &newer.options, &search), FPNAS_E_INVALID, "does not know");
    options.struct_size = 8;
    FAILS(fpnas_search_create(space, &options, &search), FPNAS_E_INVALID, "got 8");
#define BAD(field, value, part) \
    options = defaults; \
    options.field = value; \
    FAILS(fpnas_search_create(space, &options, &search), FPNAS_E_INVALID, part); \
    CHECK(search == NULL)
    BAD(algorithm, 9, "got 9");
    BAD(baseline, -1, "got -1");
    BAD(samples_per_nat, NAN, "samples_per_nat must be in");
    BAD(sample_count, 1, "sample_count must be in [2, 65536], got 1");
    BAD(minimum_samples, 0, "minimum_samples");
    BAD(maximum_samples, INT64_MAX, "maximum_samples");
    BAD(likelihood_scale, -1, "likelihood_scale");
    BAD(effective_sample_share, 1.5, "effective_sample_share");
    BAD(learning_rate, -0.1, "learning_rate must be in [0.0, 1000.0], got -0.1");
    BAD(adam_beta1, 1, "adam_beta1");
    BAD(adam_beta2, INFINITY, "adam_beta2");
    BAD(adam_epsilon, 0, "adam_epsilon");
    BAD(cost_weight, 1, "cost_target");
    BAD(joint_step, -2, "joint_step");
    BAD(warm_up_steps, -1, "warm_up_steps");
    BAD(maximum_steps, -1, "maximum_steps");
    BAD(stop_entropy, NAN, "stop_entropy");
    BAD(stops_on_collapse, 2, "stops_on_collapse");
    BAD(budget_objective, 2, "budget_objective must be one of FPNAS_OBJECTIVE_..., got 2");
    BAD(reserved, 1, "reserved");
    /* A program of an older header ends before the budgets. */
    options = defaults;
    options.struct_size = offsetof(fpnas_search_options, budget_objective);
    options.budget_objective = 77;
    OK(fpnas_search_create(space, &options, &search));
    fpnas_search_free(search);
    fpnas_space_free(space);
}

static void checkpoints_resume(void) {
    char path[] = "/tmp/fpnas-check-XXXXXX";
    fpnas_search *a = new_search(5), *b = NULL;
    double logits[LAYERS * CHOICES] = {1};
    fpnas_space *space;
    int descriptor = mkstemp(path);
    close(descriptor);
    OK(fpnas_search_set_logits(a, logits, LAYERS * CHOICES));
    for (int i = 0; i < 10; i++) step(a);
    OK(fpnas_search_save(a, path));
    OK(fpnas_search_load(path, &b));
    for (int i = 0; i < 10; i++) {
        step(a);
        step(b);
    }
    CHECK(same(a, b));
    OK(fpnas_search_space(b, &space));
    fpnas_space_free(space);
    FAILS(fpnas_search_save(a, "/no/such/folder/x"), FPNAS_E_IO, "/no/such/folder/x");
    FAILS(fpnas_search_load("/no/such/file", &b), FPNAS_E_IO, "/no/such/file");
    CHECK(b == NULL);
    unlink(path);
    fpnas_search_free(a);
}

static void damaged_checkpoints_are_refused(void) {
    fpnas_search *search = new_search(6), *other = NULL;
    fpnas_ask ask;
    size_t size;
    uint8_t *bytes;
    uint32_t random = 1;
    step(search);
    OK(fpnas_search_ask(search, &ask));
    bytes = state(search, &size);
    for (size_t n = 0; n < size; n++) {
        CHECK_INT(fpnas_search_from_bytes(bytes, n, &other), FPNAS_E_FORMAT);
        CHECK(other == NULL);
    }
    for (int i = 0; i < 2000; i++) {
        size_t place;
        random = random * 1664525u + 1013904223u;
        place = (random >> 3) % size;
        bytes[place] ^= (uint8_t)(1u << (random & 7));
        CHECK_INT(fpnas_search_from_bytes(bytes, size, &other), FPNAS_E_FORMAT);
        bytes[place] ^= (uint8_t)(1u << (random & 7));
    }
    FAILS(fpnas_search_from_bytes(NULL, 5, &other), FPNAS_E_INVALID, "NULL");
    free(bytes);
    fpnas_search_free(search);
}

static void training_weights_stream_and_merge(void) {
    const double values[4] = {-1, 800, -INFINITY, 799.5}, gradients[4] = {1, 2, 3, 4};
    const int64_t counts[4] = {1, 2, 1, 1};
    double weights[4], expected = 0, g = 0, h = 0, keep, add;
    fpnas_weighted_sum a = FPNAS_WEIGHTED_SUM_INIT, b = FPNAS_WEIGHTED_SUM_INIT;
    OK(fpnas_training_weights(values, counts, 4, 1, weights));
    for (int i = 0; i < 4; i++) expected += weights[i] * gradients[i];
    for (int i = 0; i < 4; i++) {
        OK(fpnas_weighted_sum_push(i < 2 ? &a : &b, values[i], counts[i], &keep, &add));
        if (i < 2) g = g * keep + gradients[i] * add;
        else h = h * keep + gradients[i] * add;
    }
    OK(fpnas_weighted_sum_merge(&a, &b, &keep, &add));
    g = g * keep + h * add;
    CHECK_NEAR(g / a.total, expected, 1e-12);
    FAILS(fpnas_weighted_sum_push(&a, NAN, 1, &keep, &add), FPNAS_E_INVALID, "nan");
    FAILS(fpnas_weighted_sum_push(&a, 0, 0, &keep, &add), FPNAS_E_INVALID, "got 0");
    b.total = -1;
    FAILS(fpnas_weighted_sum_merge(&a, &b, &keep, &add), FPNAS_E_INVALID, "damaged");
    FAILS(fpnas_training_weights(values, NULL, 4, NAN, weights), FPNAS_E_INVALID, "scale");
    OK(fpnas_training_weights(values, NULL, 4, 0, weights));
    CHECK_NEAR(weights[0], 1.0 / 3, 1e-15);
}

int main(void) {
    RUN(searches_find_and_repeat);
    RUN(distributions_answer);
    RUN(budgets_are_kept);
    RUN(spaces_without_choices_answer);
    RUN(asks_are_told_in_parts);
    RUN(bad_tells_change_nothing);
    RUN(options_are_checked);
    RUN(checkpoints_resume);
    RUN(damaged_checkpoints_are_refused);
    RUN(training_weights_stream_and_merge);
    return test_report("test_search");
}
