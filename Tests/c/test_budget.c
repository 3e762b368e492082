/* Costs and budgets: exact numbers of a space small enough to list by hand, and refusals. */
#include <fpnas.h>

#include "fpnas_test.h"

/* Two layers of two choices that cost 1 or 2, and 10 or 20. */
static fpnas_space *pair(void) {
    fpnas_space_builder *builder;
    fpnas_space *space = NULL;
    const int64_t choices[2] = {0, 1};
    OK(fpnas_space_builder_create("pair", &builder));
    OK(fpnas_space_builder_add_layer(builder, "a"));
    OK(fpnas_space_builder_add_integers(builder, "op", choices, 2));
    OK(fpnas_space_builder_add_layer(builder, "b"));
    OK(fpnas_space_builder_add_integers(builder, "op", choices, 2));
    OK(fpnas_space_builder_finish(builder, &space));
    fpnas_space_builder_free(builder);
    return space;
}

static const int64_t values[4] = {1, 2, 10, 20};

static void costs_of_a_pair(void) {
    fpnas_space *space = pair(), *again;
    fpnas_distribution *p;
    fpnas_cost *cost;
    const int32_t rows[8] = {0, 0, 0, 1, 1, 0, 1, 1};
    const double levels[3] = {0.25, 0.5, 1.0};
    int64_t out[4], low, high, lower[3], upper[3], unit;
    double mean, variance, gradient[4];
    size_t needed;
    OK(fpnas_cost_create_choices(space, values, 4, &cost));
    OK(fpnas_distribution_create(space, FPNAS_FORM_FACTORISED, &p));
    OK(fpnas_cost_space(cost, &again));
    fpnas_space_free(space);
    OK(fpnas_cost_of(cost, rows, 4, out));
    CHECK_INT(out[0], 11);
    CHECK_INT(out[1], 21);
    CHECK_INT(out[2], 12);
    CHECK_INT(out[3], 22);
    OK(fpnas_cost_range(cost, &low, &high));
    CHECK_INT(low, 11);
    CHECK_INT(high, 22);
    OK(fpnas_cost_moments(cost, p, &mean, &variance));
    CHECK_NEAR(mean, 16.5, 1e-13);
    CHECK_NEAR(variance, 25.25, 1e-12);
    OK(fpnas_cost_expectation_gradient(cost, p, gradient, 4, &needed));
    CHECK_INT(needed, 4);
    CHECK_NEAR(gradient[0], -0.25, 1e-13); /* p (1 - p) (1 - 2) */
    CHECK_NEAR(gradient[3], 2.5, 1e-13);
    CHECK_INT(fpnas_cost_expectation_gradient(cost, p, NULL, 0, &needed), FPNAS_E_BUFFER);
    OK(fpnas_cost_quantiles(cost, p, levels, 3, lower, upper, &unit));
    CHECK_INT(unit, 1);
    CHECK_INT(lower[0], 11);
    CHECK_INT(lower[1], 12);
    CHECK_INT(upper[2], 22);
    OK(fpnas_cost_quantiles(cost, p, levels, 0, lower, upper, NULL));
    fpnas_space_free(again);
    fpnas_cost_free(cost);
    fpnas_cost_free(cost); /* stale handles are ignored */
    fpnas_cost_free(NULL);
    fpnas_distribution_free(p);
    CHECK_INT(fpnas_debug_live_handles(), 0);
}

static void budgets_of_a_pair(void) {
    fpnas_space *space = pair(), *again;
    fpnas_distribution *p;
    fpnas_cost *cost;
    fpnas_budget *budget;
    const int64_t least = 12, most = 21;
    const double logits[4] = {0, 1, 0, 2};
    const double a = exp(1) / (1 + exp(1)), b = exp(2) / (1 + exp(2));
    const double first = a * (1 - b), second = (1 - a) * b, total = first + second;
    const int32_t inside[4] = {1, 0, 0, 1}, outside[2] = {1, 1};
    const fpnas_cost *costs[1];
    double value, lower, upper, entropy, marginals[4], gradient[4], logs[2];
    int32_t rows[200], mode[2], exact;
    int64_t unit;
    size_t needed;
    OK(fpnas_cost_create_choices(space, values, 4, &cost));
    OK(fpnas_distribution_create(space, FPNAS_FORM_JOINT, &p));
    OK(fpnas_distribution_set_logits(p, logits, 4));
    costs[0] = cost;
    OK(fpnas_budget_create(p, costs, &least, &most, NULL, 1, &budget));
    fpnas_cost_free(cost);
    fpnas_distribution_free(p);
    fpnas_space_free(space);
    OK(fpnas_budget_log_probability(budget, &value));
    CHECK_NEAR(value, log(total), 1e-13);
    OK(fpnas_budget_bounds(budget, &lower, &upper));
    CHECK_NEAR(lower, total, 1e-13);
    CHECK_NEAR(upper, total, 1e-13);
    OK(fpnas_budget_resolutions(budget, &unit, 1, &needed));
    CHECK_INT(unit, 1);
    CHECK_INT(needed, 1);
    OK(fpnas_budget_entropy(budget, &entropy));
    CHECK_NEAR(entropy, log(total) - (first * log(first) + second * log(second)) / total, 1e-13);
    OK(fpnas_budget_marginals(budget, marginals, 4, NULL));
    CHECK_NEAR(marginals[1], first / total, 1e-13);
    CHECK_NEAR(marginals[3], second / total, 1e-13);
    OK(fpnas_budget_gradient(budget, gradient, 4, NULL));
    CHECK_NEAR(gradient[1], first / total - a, 1e-13);
    OK(fpnas_budget_log_probabilities(budget, inside, 2, 0, logs));
    CHECK_NEAR(logs[0], log(first / total), 1e-13);
    CHECK_NEAR(logs[1], log(second / total), 1e-13);
    OK(fpnas_budget_log_probabilities(budget, outside, 1, 1, logs));
    CHECK(isinf(logs[0]) && logs[0] < 0);
    OK(fpnas_budget_sample(budget, 1, 0, 100, rows, 200, &needed));
    CHECK_INT(needed, 200);
    for (int k = 0; k < 100; k++) CHECK_INT(rows[2 * k] + rows[2 * k + 1], 1);
    CHECK_INT(fpnas_budget_sample(budget, 1, 0, 100, rows, 199, NULL), FPNAS_E_BUFFER);
    FAILS(fpnas_budget_sample(budget, 1, 0, 0, rows, 200, NULL), FPNAS_E_INVALID, "got 0");
    OK(fpnas_budget_mode(budget, mode, 2, &value, &exact));
    CHECK_INT(mode[0], 0);
    CHECK_INT(mode[1], 1);
    CHECK_NEAR(value, log(second), 1e-13);
    CHECK_INT(exact, 1);
    OK(fpnas_budget_space(budget, &again));
    fpnas_space_free(again);
    fpnas_budget_free(budget);
    fpnas_budget_free(NULL);
    CHECK_INT(fpnas_debug_live_handles(), 0);
}

static void bad_input_is_refused(void) {
    fpnas_space *space = pair(), *other;
    fpnas_distribution *p, *q;
    fpnas_cost *cost = NULL, *none = (fpnas_cost *)1;
    fpnas_budget *budget = (fpnas_budget *)1;
    const fpnas_cost *costs[2];
    int64_t bad[4] = {1, 2, 3, -1}, most = 10;
    double reals[4] = {1, 2, 3, NAN};
    const int64_t choices[2] = {0, 1};
    fpnas_space_builder *builder;
    FAILS(fpnas_cost_create_choices(space, bad, 4, &none), FPNAS_E_INVALID, "got -1");
    CHECK(none == NULL);
    bad[3] = INT64_MAX;
    FAILS(fpnas_cost_create_choices(space, bad, 4, &none), FPNAS_E_INVALID,
          "got 9223372036854775807");
    FAILS(fpnas_cost_create_choices(space, bad, 3, &none), FPNAS_E_INVALID, "got 3");
    FAILS(fpnas_cost_create_choices(space, NULL, 4, &none), FPNAS_E_INVALID, "NULL");
    FAILS(fpnas_cost_create_reals(space, reals, 4, 1.0, &none), FPNAS_E_INVALID, "nan");
    FAILS(fpnas_cost_create_reals(space, reals, 4, 0.0, &none), FPNAS_E_INVALID, "got 0");
    FAILS(fpnas_cost_create_metric(space, FPNAS_COST_MACS, &none), FPNAS_E_INVALID, "abstract");
    FAILS(fpnas_cost_create_metric(space, 77, &none), FPNAS_E_INVALID, "77");
    OK(fpnas_cost_create_choices(space, values, 4, &cost));
    OK(fpnas_distribution_create(space, FPNAS_FORM_JOINT, &p));
    costs[0] = cost;
    costs[1] = (fpnas_cost *)p; /* of another type */
    FAILS(fpnas_budget_create(p, costs, NULL, &most, NULL, 1, &budget), FPNAS_E_INFEASIBLE,
          "the least costs 11");
    CHECK(budget == NULL);
    FAILS(fpnas_budget_create(p, costs, NULL, &most, NULL, 2, &budget), FPNAS_E_INFEASIBLE, "11");
    most = 15;
    FAILS(fpnas_budget_create(p, costs + 1, NULL, &most, NULL, 1, &budget), FPNAS_E_HANDLE,
          "not a live cost");
    FAILS(fpnas_budget_create(p, costs, NULL, NULL, NULL, 1, &budget), FPNAS_E_INVALID, "NULL");
    FAILS(fpnas_budget_create(p, NULL, NULL, &most, NULL, 1, &budget), FPNAS_E_INVALID, "NULL");
    FAILS(fpnas_budget_create(p, costs, NULL, &most, NULL, SIZE_MAX, &budget), FPNAS_E_INVALID,
          "count");
    FAILS(fpnas_budget_create(NULL, costs, NULL, &most, NULL, 1, &budget), FPNAS_E_HANDLE, "NULL");
    OK(fpnas_space_builder_create("other", &builder));
    OK(fpnas_space_builder_add_layer(builder, "a"));
    OK(fpnas_space_builder_add_integers(builder, "op", choices, 2));
    OK(fpnas_space_builder_finish(builder, &other));
    OK(fpnas_distribution_create(other, FPNAS_FORM_JOINT, &q));
    FAILS(fpnas_budget_create(q, costs, NULL, &most, NULL, 1, &budget), FPNAS_E_INVALID,
          "another space");
    fpnas_space_builder_free(builder);
    fpnas_space_free(other);
    fpnas_distribution_free(q);
    fpnas_distribution_free(p);
    fpnas_cost_free(cost);
    fpnas_space_free(space);
    CHECK_INT(fpnas_debug_live_handles(), 0);
}

static void searches_keep_their_budgets(void) {
    fpnas_space *space = pair();
    fpnas_search *search, *copy;
    fpnas_cost *cost;
    fpnas_ask ask, again;
    fpnas_progress progress = {0};
    fpnas_search_options options = FPNAS_SEARCH_OPTIONS_INIT;
    fpnas_search_budget budget = FPNAS_SEARCH_BUDGET_INIT;
    const double told[4] = {0, 0, 0, 0};
    int32_t rows[8], result[2], exact;
    uint8_t *bytes;
    size_t size;
    double log_p;
    options.minimum_samples = 20;
    options.joint_step = 3;
    OK(fpnas_cost_create_choices(space, values, 4, &cost));
    OK(fpnas_search_create(space, &options, &search));
    FAILS(fpnas_search_add_budget(search, cost, &budget), FPNAS_E_INFEASIBLE, "the least costs 11");
    FAILS(fpnas_search_add_budget(search, cost, NULL), FPNAS_E_INVALID, "NULL");
    budget.most = 20;
    budget.mode = 7;
    FAILS(fpnas_search_add_budget(search, cost, &budget), FPNAS_E_INVALID, "got 7");
    budget.mode = FPNAS_BUDGET_SOFT;
    budget.weight = NAN;
    FAILS(fpnas_search_add_budget(search, cost, &budget), FPNAS_E_INVALID, "weight");
    budget.weight = 0.5;
    OK(fpnas_search_add_budget(search, cost, &budget));
    budget.mode = FPNAS_BUDGET_HARD;
    budget.struct_size = 4;
    FAILS(fpnas_search_add_budget(search, cost, &budget), FPNAS_E_INVALID, "struct_size");
    budget.struct_size = sizeof budget;
    OK(fpnas_search_add_budget(search, cost, &budget));
    fpnas_cost_free(cost); /* the search keeps what it needs */
    progress.struct_size = sizeof progress;
    OK(fpnas_search_progress(search, &progress));
    CHECK_NEAR(progress.budget_log_probability, log(0.5), 1e-13);
    CHECK_NEAR(progress.entropy, log(2), 1e-13);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(fpnas_search_to_bytes(search, NULL, 0, &size), FPNAS_E_BUFFER);
        bytes = malloc(size);
        OK(fpnas_search_to_bytes(search, bytes, size, &size));
        OK(fpnas_search_from_bytes(bytes, size, &copy));
        free(bytes);
        OK(fpnas_search_ask(search, &ask));
        OK(fpnas_search_ask(copy, &again));
        CHECK_INT(again.network_count, ask.network_count);
        fpnas_search_free(copy);
        OK(fpnas_search_ask_architectures(search, ask.number, rows, 8, NULL));
        for (size_t k = 0; k < ask.network_count; k++) CHECK_INT(rows[2 * k + 1], 0);
        OK(fpnas_search_tell(search, ask.number, told, ask.network_count));
    }
    OK(fpnas_search_result(search, result, 2, &log_p, &exact));
    CHECK_INT(result[1], 0);
    CHECK_INT(exact, 1);
    CHECK(log_p < 0);
    FAILS(fpnas_search_add_budget(search, NULL, &budget), FPNAS_E_HANDLE, "NULL");
    OK(fpnas_cost_create_choices(space, values, 4, &cost));
    FAILS(fpnas_search_add_budget(search, cost, &budget), FPNAS_E_STATE, "before the first ask");
    fpnas_cost_free(cost);
    fpnas_search_free(search);
    fpnas_space_free(space);
    CHECK_INT(fpnas_debug_live_handles(), 0);
}

int main(void) {
    RUN(searches_keep_their_budgets);
    RUN(costs_of_a_pair);
    RUN(budgets_of_a_pair);
    RUN(bad_input_is_refused);
    return test_report("test_budget");
}
