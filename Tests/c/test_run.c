/* The built-in run on the project's digits: short, exact, and refusing bad input. */
#include <fpnas.h>

#include "fpnas_test.h"

#define DATA "data/digits"

static fpnas_run_options short_run(void) {
    fpnas_run_options options;
    OK(fpnas_run_options_init(&options, sizeof options));
    options.epochs = 1;
    options.batch_size = 150;
    options.warm_up_epochs = 0;
    options.threads = 2;
    options.seed = 7;
    return options;
}

static fpnas_run_progress progress_of(fpnas_run *run) {
    fpnas_run_progress progress;
    progress.struct_size = sizeof progress;
    OK(fpnas_run_progress_get(run, &progress));
    return progress;
}

static void runs_step_save_and_resume(void) {
    fpnas_run_options options = short_run(), back;
    fpnas_run *run = NULL, *resumed = NULL;
    fpnas_distribution *distribution;
    fpnas_run_progress a, b;
    fpnas_space *space;
    char path[] = "/tmp/fpnas-run-XXXXXX";
    int32_t row[64], other[64];
    double value;
    int64_t costs[3];
    close(mkstemp(path));
    OK(fpnas_run_create(DATA, NULL, &options, &run));
    back.struct_size = sizeof back;
    OK(fpnas_run_options_get(run, &back));
    CHECK_INT(back.seed, 7);
    OK(fpnas_run_step(run));
    OK(fpnas_run_save(run, path));
    OK(fpnas_run_load(path, DATA, 1, &resumed));
    do {
        OK(fpnas_run_step(run));
        OK(fpnas_run_step(resumed));
        a = progress_of(run);
        b = progress_of(resumed);
        CHECK_INT(a.step, b.step);
        CHECK(a.entropy == b.entropy);
    } while (!a.is_done);
    CHECK(a.validation_log_likelihood == b.validation_log_likelihood);
    CHECK(a.samples_drawn > 0 && a.cost_target > 0 && a.expected_macs > 0);
    FAILS(fpnas_run_step(run), FPNAS_E_STATE, "done");
    OK(fpnas_run_result(run, row, 64, &value));
    OK(fpnas_run_result(resumed, other, 64, &value));
    CHECK(memcmp(row, other, 45 * sizeof *row) == 0);
    OK(fpnas_run_space(run, &space));
    OK(fpnas_space_costs(space, row, FPNAS_COUNT_TORCH, costs, 3, NULL));
    CHECK(costs[FPNAS_COST_MACS] <= 1.02 * a.cost_target);
    OK(fpnas_run_distribution(run, &distribution));
    fpnas_distribution_free(distribution);
    FAILS(fpnas_run_report(run, "/proc/no/such"), FPNAS_E_IO, "/proc/no");
    FAILS(fpnas_run_load(path, "/no/such", 1, &run), FPNAS_E_IO, "/no/such");
    fpnas_run_free(resumed);
    fpnas_space_free(space);
    unlink(path);
}

/* Options that came after the first version keep their defaults for programs that know less. */
static void options_grow_at_their_end(void) {
    fpnas_run_options options, back;
    fpnas_retrain_options retrain;
    fpnas_run *run = NULL;
    const size_t first = offsetof(fpnas_run_options, training_images);
    double weights[10], sum = 0;
    size_t needed = 0;
    memset(&options, 0x55, sizeof options);
    OK(fpnas_run_options_init(&options, first));
    CHECK_INT(options.struct_size, first);
    CHECK_INT(options.training_images, 0x5555555555555555);
    options.epochs = 1;
    OK(fpnas_run_create(DATA, NULL, &options, &run));
    back.struct_size = sizeof back;
    OK(fpnas_run_options_get(run, &back));
    CHECK_INT(back.training_images, 0);
    CHECK_NEAR(back.test_share, 1.0 / 3, 0);
    fpnas_run_free(run);
    FAILS(fpnas_run_options_init(&options, first - 1), FPNAS_E_INVALID, "struct_size");
    OK(fpnas_retrain_options_init(&retrain, offsetof(fpnas_retrain_options, training_images)));

    /* Neither the warm-up as a share nor a scale of the weights' own was in the first version. */
    OK(fpnas_run_options_init(&options, sizeof options));
    CHECK(options.warm_up_share == -1 && options.weight_likelihood_scale == -1);
    options.warm_up_share = 1.5;
    FAILS(fpnas_run_create(DATA, NULL, &options, &run), FPNAS_E_INVALID, "warm_up_share");
    options.warm_up_share = 0.25;
    options.weight_likelihood_scale = -2;
    FAILS(
        fpnas_run_create(DATA, NULL, &options, &run), FPNAS_E_INVALID, "weight_likelihood_scale");

    options = short_run();
    CHECK(options.population_size == 100 && options.tournament_size == 25);
    CHECK(options.reward_exponent == -0.07 && options.baseline_decay == 0.9);
    CHECK(options.entropy_weight == 0 && options.clip_range == 0 && options.clip_epochs == 4);
    options.population_size = 1;
    FAILS(fpnas_run_create(DATA, NULL, &options, &run), FPNAS_E_INVALID, "population_size");
    options = short_run();
    CHECK(options.evaluate_each_draw == 0);
    options.evaluate_each_draw = 2;
    FAILS(
        fpnas_run_create(DATA, NULL, &options, &run), FPNAS_E_INVALID, "evaluate_each_draw");
    options.evaluate_each_draw = 1;
    options.clip_epochs = 0;
    FAILS(fpnas_run_create(DATA, NULL, &options, &run), FPNAS_E_INVALID, "clip_epochs");
    options = short_run();
    options.training_images = 205;
    options.class_balance = 1;
    options.batch_size = 20;
    options.flip = 1;
    options.cutout = 4;
    OK(fpnas_run_create(DATA, NULL, &options, &run));
    OK(fpnas_run_options_get(run, &back));
    CHECK_INT(back.training_images, 205);
    CHECK(back.flip == 1 && back.cutout == 4 && back.class_balance == 1);
    FAILS(fpnas_run_class_weights(run, weights, 3, &needed), FPNAS_E_BUFFER, "10");
    CHECK_INT(needed, 10);
    OK(fpnas_run_class_weights(run, weights, 10, NULL));
    /* 20 or 21 images a class. */
    for (int i = 0; i < 10; i++) {
        CHECK_NEAR(20.5 / weights[i], 20.5, 0.51);
        sum += 20.5 / weights[i];
    }
    CHECK_NEAR(sum, 205, 1e-9);
    CHECK_INT(progress_of(run).steps, 5); /* halves of some 102, by 20 */
    fpnas_run_free(run);

    options.training_images = 19;
    FAILS(fpnas_run_create(DATA, NULL, &options, &run), FPNAS_E_INVALID,
          "training_images must be at least 2 for each of the 10 classes, got 19");
    options = short_run();
    options.image_memory = 1000;
    FAILS(fpnas_run_create(DATA, NULL, &options, &run), FPNAS_E_NOMEM, "image_memory leaves 1000");
    options = short_run();
    options.flip = 2;
    FAILS(fpnas_run_create(DATA, NULL, &options, &run), FPNAS_E_INVALID, "flip must be 0 or 1");
    options = short_run();
    options.test_share = 1;
    FAILS(fpnas_run_create(DATA, NULL, &options, &run), FPNAS_E_INVALID, "test_share");
    CHECK_INT(fpnas_debug_live_handles(), 0);
}

/* Small: a mixture runs all of its choices. */
static fpnas_space *mixed_space(void) {
    const char json[] =
        "{\"format\": \"fpnas-space\", \"version\": 1, \"name\": \"mix\", "
        "\"input\": {\"height\": 16, \"width\": 16, \"channels\": 1}, \"classes\": 10, "
        "\"layers\": ["
        "{\"name\": \"stem\", \"operation\": \"conv\", \"stride\": 2, \"channels\": 4}, "
        "{\"name\": \"a\", \"operation\": \"mbconv\", \"stride\": 2, \"kernel\": [0, 3], "
        "\"expansion\": [1, 2], \"channels\": [4, 8]}, "
        "{\"name\": \"classifier\", \"operation\": \"classifier\"}]}";
    fpnas_space *space = NULL;
    OK(fpnas_space_from_json(json, sizeof json - 1, &space));
    return space;
}

static void mixtures_step_save_and_resume(void) {
    const int32_t algorithms[] = {FPNAS_ALGORITHM_DARTS, FPNAS_ALGORITHM_FBNETV2};
    fpnas_space *space = mixed_space();
    for (int i = 0; i < 3; i++) {
        fpnas_run_options options = short_run(), back;
        fpnas_run *run = NULL, *resumed = NULL;
        fpnas_run_progress a, b;
        char path[] = "/tmp/fpnas-run-XXXXXX";
        int32_t row[16], other[16];
        double value, same;
        close(mkstemp(path));
        options.algorithm = algorithms[i % 2];
        options.second_order = i == 2;
        options.batch_size = 60;
        options.cost_weight = 0;
        OK(fpnas_run_create(DATA, space, &options, &run));
        back.struct_size = sizeof back;
        OK(fpnas_run_options_get(run, &back));
        CHECK(back.algorithm == options.algorithm && back.second_order == (i == 2));
        CHECK(back.learning_rate == -1 && back.weights_share == 0);
        OK(fpnas_run_step(run));
        OK(fpnas_run_save(run, path));
        OK(fpnas_run_load(path, DATA, 1, &resumed));
        do {
            OK(fpnas_run_step(run));
            OK(fpnas_run_step(resumed));
            a = progress_of(run);
            b = progress_of(resumed);
            CHECK(a.step == b.step && a.entropy == b.entropy);
        } while (!a.is_done);
        CHECK(a.validation_log_likelihood == b.validation_log_likelihood);
        CHECK(a.entropy < a.initial_entropy && a.samples_drawn == 0 && a.block_evaluations > 0);
        CHECK(a.expected_macs == b.expected_macs);
        OK(fpnas_run_result(run, row, 16, &value));
        OK(fpnas_run_result(resumed, other, 16, &same));
        CHECK(memcmp(row, other, 3 * sizeof *row) == 0 && value == same && value <= 0);
        unlink(path);
        fpnas_run_free(run);
        fpnas_run_free(resumed);
    }
    {
        fpnas_run_options options = short_run();
        fpnas_run *run = NULL;
        options.algorithm = FPNAS_ALGORITHM_DARTS;
        options.stochastic_depth = 0.5;
        FAILS(fpnas_run_create(DATA, space, &options, &run), FPNAS_E_INVALID, "is not for darts");
        options = short_run();
        options.second_order = 2;
        FAILS(fpnas_run_create(DATA, space, &options, &run), FPNAS_E_INVALID, "second_order");
        options = short_run();
        options.weights_share = 1;
        FAILS(fpnas_run_create(DATA, space, &options, &run), FPNAS_E_INVALID, "weights_share");
        options = short_run();
        options.algorithm = FPNAS_ALGORITHM_FBNETV2;
        options.temperature_decay = 2;
        FAILS(fpnas_run_create(DATA, space, &options, &run), FPNAS_E_INVALID, "temperature_decay");
    }
    fpnas_space_free(space);
    CHECK_INT(fpnas_debug_live_handles(), 0);
}

static void runs_refuse(void) {
    fpnas_run_options options = short_run();
    fpnas_run *run = NULL;
    fpnas_space *abstract_space = NULL;
    const char json[] =
        "{\"format\": \"fpnas-space\", \"version\": 1, \"name\": \"s\", \"layers\": "
        "[{\"name\": \"a\", \"variables\": [{\"name\": \"v\", \"choices\": [1, 2]}]}]}";
    FAILS(fpnas_run_options_init(NULL, sizeof options), FPNAS_E_INVALID, "NULL");
    FAILS(fpnas_run_options_init(&options, 4), FPNAS_E_INVALID, "got 4");
    FAILS(fpnas_run_create("/no/such", NULL, NULL, &run), FPNAS_E_IO, "/no/such");
    FAILS(fpnas_run_create(NULL, NULL, NULL, &run), FPNAS_E_INVALID, "data_folder");
    FAILS(fpnas_run_create("Tests/c", NULL, NULL, &run), FPNAS_E_FORMAT, "train-images-idx3-ubyte");
    OK(fpnas_space_from_json(json, sizeof json - 1, &abstract_space));
    CHECK_INT(fpnas_run_create(DATA, abstract_space, NULL, &run), FPNAS_E_INVALID);
    options.epochs = 0;
    FAILS(fpnas_run_create(DATA, NULL, &options, &run), FPNAS_E_INVALID,
          "epochs must be in [1, 1000000], got 0");
    options = short_run();
    options.algorithm = 99;
    FAILS(fpnas_run_create(DATA, NULL, &options, &run), FPNAS_E_INVALID, "got 99");
    options = short_run();
    options.cost_target = 10;
    FAILS(fpnas_run_create(DATA, NULL, &options, &run), FPNAS_E_INFEASIBLE,
          "the least network has");
    CHECK(run == NULL);
    fpnas_space_free(abstract_space);
}

/* One supernet, networks for several budgets; mbconv-small is too hard for so short a run to show
 * more than the way of it. */
static void bignas_selects(void) {
    fpnas_run_options options = short_run();
    fpnas_run *run = NULL;
    fpnas_run_progress progress;
    fpnas_child child, small;
    const int64_t budgets[] = {500000, 200000}, impossible[] = {300000, 5};
    int32_t row[64], own[64];
    double accuracy, log_likelihood, log_probability;
    CHECK(options.random_children == 2 && options.statistics_batches == 16);
    CHECK(options.coarse_children == 48 && options.mutations == 96);
    CHECK_INT(options.selection_images, 4096);
    options.algorithm = FPNAS_ALGORITHM_BIGNAS;
    options.coarse_children = 3;
    options.mutations = 2;
    options.statistics_batches = 1;
    options.selection_images = 150;
    OK(fpnas_run_create(DATA, NULL, &options, &run));
    child.struct_size = small.struct_size = sizeof child;
    FAILS(fpnas_run_select(run, budgets, 2), FPNAS_E_STATE, "can be given when it is done");
    FAILS(fpnas_run_selected(run, 500000, row, 64, &child), FPNAS_E_STATE, "measured yet");
    progress = progress_of(run);
    CHECK_INT(progress.steps, 3 + 5); /* 599 images by 150; 3 skeletons and 2 mutations */
    for (int i = 0; i < 8; i++) OK(fpnas_run_step(run));
    progress = progress_of(run);
    CHECK(progress.is_done && progress.epoch == 1 && progress.stop_reason == FPNAS_STOP_STEPS);
    OK(fpnas_run_result(run, own, 64, &log_probability));
    OK(fpnas_run_selected(run, (int64_t)(1.02 * progress.cost_target), row, 64, &child));
    CHECK(memcmp(row, own, 45 * sizeof *row) == 0);
    CHECK(child.measured >= 1 && child.measured <= 5);

    FAILS(fpnas_run_select(run, impossible, 2), FPNAS_E_INFEASIBLE, "the least costs");
    FAILS(fpnas_run_select(run, budgets, 0), FPNAS_E_INVALID, "count");
    FAILS(fpnas_run_select(run, NULL, 2), FPNAS_E_INVALID, "most_macs is NULL");
    CHECK(progress_of(run).is_done);
    OK(fpnas_run_select(run, budgets, 2));
    while (!progress_of(run).is_done) OK(fpnas_run_step(run));
    OK(fpnas_run_selected(run, 200000, row, 64, &small));
    OK(fpnas_run_selected(run, 500000, row, 64, &child));
    CHECK(small.macs <= 200000 && child.macs <= 500000);
    CHECK(child.log_likelihood >= small.log_likelihood && child.measured > small.measured);
    CHECK(child.accuracy >= 0 && child.accuracy <= 1);
    FAILS(fpnas_run_selected(run, 500000, row, 3, &child), FPNAS_E_BUFFER, "45");
    FAILS(fpnas_run_selected(run, 10, row, 64, &child), FPNAS_E_STATE, "at most 10 MACs");
    OK(fpnas_run_test(run, row, &accuracy, &log_likelihood));
    CHECK(accuracy >= 0 && accuracy <= 1 && log_likelihood < 0);
    row[0] = 9;
    FAILS(fpnas_run_test(run, row, &accuracy, &log_likelihood), FPNAS_E_INVALID, "got 9");
    child.struct_size = 4;
    FAILS(fpnas_run_selected(run, 500000, row, 64, &child), FPNAS_E_INVALID, "struct_size");
    OK(fpnas_run_result(run, row, 64, &log_probability));
    CHECK(memcmp(row, own, 45 * sizeof *row) == 0);
    fpnas_run_free(run);

    options.coarse_children = 0;
    FAILS(fpnas_run_create(DATA, NULL, &options, &run), FPNAS_E_INVALID, "coarse_children");
    options = short_run();
    OK(fpnas_run_create(DATA, NULL, &options, &run));
    FAILS(fpnas_run_select(run, budgets, 2), FPNAS_E_STATE, "this is fp-nas");
    fpnas_run_free(run);
    CHECK_INT(fpnas_debug_live_handles(), 0);
}

int main(void) {
    RUN(runs_step_save_and_resume);
    RUN(mixtures_step_save_and_resume);
    RUN(options_grow_at_their_end);
    RUN(runs_refuse);
    RUN(bignas_selects);
    return test_report("test_run");
}
