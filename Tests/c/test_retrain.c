#define _GNU_SOURCE /* CPU sets */
/* Retraining on the project's digits: short, exact, and taught by others. */
#include <fpnas.h>

#include <sched.h>

#include "fpnas_test.h"

#define DATA "data/digits"

/* Logits of one network teach another; every option of training is taken. */
static void learns_from_a_teacher(fpnas_retrain *teacher, const fpnas_space *space,
                                  const int32_t *row) {
    fpnas_retrain_options options;
    fpnas_retrain_progress progress;
    fpnas_retrain *pupil = NULL;
    size_t needed = 0;
    float *logits;
    double before;
    FAILS(fpnas_retrain_logits(teacher, NULL, 0, &needed), FPNAS_E_BUFFER, "are needed");
    CHECK(needed > 0 && needed % 10 == 0);
    logits = malloc(needed * sizeof *logits);
    OK(fpnas_retrain_logits(teacher, logits, needed, NULL));
    OK(fpnas_retrain_options_init(&options, sizeof options));
    CHECK(options.rate_warm_up == 0.1 && options.optimiser == FPNAS_OPTIMISER_SGD);
    options.epochs = 2;
    options.optimiser = FPNAS_OPTIMISER_ADAM;
    options.weight_rate = 0.003;
    options.label_smoothing = 0.1;
    options.dropout = 0.1;
    options.stochastic_depth = 0.1;
    options.zero_last_gamma = 1;
    options.weight_averaging = 0.9;
    OK(fpnas_retrain_create(DATA, space, row, &options, &pupil));
    FAILS(fpnas_retrain_distil(pupil, logits, needed - 1, 0.5, 1), FPNAS_E_INVALID, "are needed");
    FAILS(fpnas_retrain_distil(pupil, NULL, needed, 0.5, 1), FPNAS_E_INVALID, "logits is NULL");
    FAILS(fpnas_retrain_distil(pupil, logits, needed, 2, 1), FPNAS_E_INVALID, "weight");
    FAILS(fpnas_retrain_distil(pupil, logits, needed, 0.5, 0), FPNAS_E_INVALID, "temperature");
    OK(fpnas_retrain_distil(pupil, logits, needed, 0.5, 2));
    progress.struct_size = sizeof progress;
    OK(fpnas_retrain_step(pupil, 1));
    OK(fpnas_retrain_progress_get(pupil, &progress));
    before = progress.train_log_likelihood;
    while (!progress.is_done) {
        OK(fpnas_retrain_step(pupil, 1));
        OK(fpnas_retrain_progress_get(pupil, &progress));
    }
    CHECK(progress.train_log_likelihood > before);
    fpnas_retrain_free(pupil);
    free(logits);
    options.optimiser = 3;
    FAILS(fpnas_retrain_create(DATA, space, row, &options, &pupil), FPNAS_E_INVALID, "optimiser");
    options.optimiser = 0;
    options.dropout = 1;
    FAILS(fpnas_retrain_create(DATA, space, row, &options, &pupil), FPNAS_E_INVALID, "dropout");
}

static void retraining_learns(void) {
    fpnas_retrain_options options;
    fpnas_retrain_progress progress;
    fpnas_retrain *retrain = NULL;
    fpnas_space *space;
    int32_t row[64];
    double accuracy, log_likelihood;
    int64_t current, peak;
    OK(fpnas_debug_memory(1, &current, &peak));
    OK(fpnas_space_preset("mbconv-small", 16, 16, 1, 10, &space));
    OK(fpnas_space_random_near(space, 300000, 1, row, 64));
    OK(fpnas_retrain_options_init(&options, sizeof options));
    options.epochs = 3;
    OK(fpnas_retrain_create(DATA, space, row, &options, &retrain));
    progress.struct_size = sizeof progress;
    do {
        OK(fpnas_retrain_step(retrain, 1));
        OK(fpnas_retrain_progress_get(retrain, &progress));
    } while (!progress.is_done);
    OK(fpnas_retrain_test(retrain, &accuracy, &log_likelihood));
    CHECK(accuracy > 0.5 && accuracy <= 1 && log_likelihood < 0);
    CHECK_INT(fpnas_retrain_step(retrain, 1), FPNAS_E_STATE);
    OK(fpnas_debug_memory(0, &current, &peak));
    CHECK(current > 0 && peak >= current);
    learns_from_a_teacher(retrain, space, row);
    fpnas_retrain_free(retrain);
    options.momentum = 1;
    FAILS(fpnas_retrain_create(DATA, space, row, &options, &retrain), FPNAS_E_INVALID, "momentum");
    row[0] = 9;
    FAILS(fpnas_retrain_create(DATA, space, row, NULL, &retrain), FPNAS_E_INVALID, "got 9");
    FAILS(fpnas_debug_memory(2, &current, &peak), FPNAS_E_INVALID, "got 2");
    fpnas_space_free(space);
    CHECK_INT(fpnas_debug_live_handles(), 0);
}

/* A small network, and options to train it so many epochs. */
static fpnas_retrain_options small_training(fpnas_space **space, int32_t row[64], int epochs) {
    fpnas_retrain_options options;
    OK(fpnas_space_preset("mbconv-small", 16, 16, 1, 10, space));
    OK(fpnas_space_random_near(*space, 300000, 1, row, 64));
    OK(fpnas_retrain_options_init(&options, sizeof options));
    options.epochs = epochs;
    return options;
}

static double value_of(fpnas_retrain *retrain) {
    fpnas_retrain_progress progress;
    progress.struct_size = sizeof progress;
    do {
        OK(fpnas_retrain_step(retrain, 1));
        OK(fpnas_retrain_progress_get(retrain, &progress));
    } while (!progress.is_done);
    return progress.train_log_likelihood;
}

/* Batches that several calls or one train on end alike. */
static void calls_divide_alike(void) {
    fpnas_retrain_progress progress;
    fpnas_space *space;
    fpnas_retrain *one, *several;
    int32_t row[64];
    fpnas_retrain_options options = small_training(&space, row, 2);
    OK(fpnas_retrain_create(DATA, space, row, &options, &one));
    OK(fpnas_retrain_create(DATA, space, row, &options, &several));
    double value = value_of(one);
    FAILS(fpnas_retrain_step(several, 0), FPNAS_E_INVALID, "count must be >= 1, got 0");
    FAILS(fpnas_retrain_step(several, INT64_MIN), FPNAS_E_INVALID, "count");
    OK(fpnas_retrain_step(several, 5));
    progress.struct_size = sizeof progress;
    OK(fpnas_retrain_progress_get(several, &progress));
    CHECK_INT(progress.step, 5);
    OK(fpnas_retrain_step(several, INT64_MAX));
    OK(fpnas_retrain_progress_get(several, &progress));
    CHECK(progress.is_done && progress.step == progress.steps);
    CHECK(progress.train_log_likelihood == value);
    fpnas_retrain_free(one);
    fpnas_retrain_free(several);
    fpnas_space_free(space);
}

/* Threads keep off the caller's CPU, and the caller may go where it might before. */
static void affinity_stays(void) {
    fpnas_retrain_options options;
    fpnas_retrain_progress progress;
    fpnas_retrain *retrain = NULL;
    fpnas_space *space;
    cpu_set_t before, one, after;
    double found[2];
    int32_t row[64], round, cpu = 0;
    OK(fpnas_space_preset("mbconv-small", 16, 16, 1, 10, &space));
    OK(fpnas_space_random_near(space, 300000, 1, row, 64));
    OK(fpnas_retrain_options_init(&options, sizeof options));
    options.epochs = 1;
    CHECK_INT(sched_getaffinity(0, sizeof before, &before), 0);
    while (!CPU_ISSET(cpu, &before)) cpu++;
    memset(&one, 0, sizeof one);
    CPU_SET(cpu, &one);
    for (round = 0; round < 2; round++) {
        const cpu_set_t *mine = round == 0 ? &before : &one; /* with and without another CPU */
        CHECK_INT(sched_setaffinity(0, sizeof *mine, mine), 0);
        options.threads = 2 + 3 * round;
        OK(fpnas_retrain_create(DATA, space, row, &options, &retrain));
        OK(fpnas_retrain_step(retrain, 1));
        progress.struct_size = sizeof progress;
        OK(fpnas_retrain_progress_get(retrain, &progress));
        found[round] = progress.train_log_likelihood;
        CHECK_INT(sched_getaffinity(0, sizeof after, &after), 0);
        CHECK(CPU_EQUAL(mine, &after));
        fpnas_retrain_free(retrain);
    }
    CHECK(found[0] == found[1]);
    fpnas_space_free(space);
}

static void retraining_resumes(void) {
    fpnas_retrain_options options;
    fpnas_retrain *whole = NULL, *part = NULL, *resumed = NULL;
    fpnas_run *run = NULL;
    fpnas_space *space;
    char path[] = "/tmp/fpnas-retraining-XXXXXX";
    int32_t row[64];
    close(mkstemp(path));
    OK(fpnas_space_preset("mbconv-small", 16, 16, 1, 10, &space));
    OK(fpnas_space_random_near(space, 200000, 2, row, 64));
    OK(fpnas_retrain_options_init(&options, sizeof options));
    options.epochs = 1;
    options.threads = 2;
    OK(fpnas_retrain_create(DATA, space, row, &options, &whole));
    OK(fpnas_retrain_create(DATA, space, row, &options, &part));
    fpnas_space_free(space);
    OK(fpnas_retrain_step(part, 1));
    OK(fpnas_retrain_step(part, 1));
    OK(fpnas_retrain_save(part, path));
    fpnas_retrain_free(part);
    OK(fpnas_retrain_load(path, DATA, 0, &resumed));
    CHECK(value_of(resumed) == value_of(whole));
    FAILS(fpnas_retrain_save(resumed, "/no-such-folder/x"), FPNAS_E_IO, "no-such-folder");
    FAILS(fpnas_retrain_save(resumed, NULL), FPNAS_E_INVALID, "path");
    fpnas_retrain_free(resumed);
    fpnas_retrain_free(whole);
    FAILS(fpnas_retrain_load(path, "/no-such-folder", 0, &resumed), FPNAS_E_IO, "no-such-folder");
    FAILS(fpnas_retrain_load(path, DATA, -1, &resumed), FPNAS_E_INVALID, "threads");
    FAILS(fpnas_run_load(path, DATA, 0, &run), FPNAS_E_FORMAT, "holds a retraining");
    CHECK(resumed == NULL && run == NULL);
    unlink(path);
    CHECK_INT(fpnas_debug_live_handles(), 0);
}

/* A loss that is no number ends a call; what was trained before can be saved, and ends there again. */
static void failures_leave_the_last_good_batch(void) {
    fpnas_retrain_progress before, after;
    fpnas_space *space;
    fpnas_retrain *retrain, *loaded;
    int32_t row[64];
    char path[] = "/tmp/fpnas-retrain-XXXXXX";
    close(mkstemp(path));
    fpnas_retrain_options options = small_training(&space, row, 100);
    options.weight_rate = 100;
    options.momentum = 0.99;
    options.rate_warm_up = 0;
    OK(fpnas_retrain_create(DATA, space, row, &options, &retrain));
    before.struct_size = after.struct_size = sizeof before;
    FAILS(fpnas_retrain_step(retrain, 1000), FPNAS_E_STATE, "is");
    OK(fpnas_retrain_progress_get(retrain, &before));
    CHECK(before.step > 0 && before.step < 1000 && before.train_log_likelihood < 0);
    OK(fpnas_retrain_save(retrain, path));
    OK(fpnas_retrain_load(path, DATA, 0, &loaded));
    FAILS(fpnas_retrain_step(loaded, 1), FPNAS_E_STATE, "is");
    OK(fpnas_retrain_progress_get(loaded, &after));
    CHECK_INT(after.step, before.step);
    OK(fpnas_retrain_save(loaded, path));
    unlink(path);
    fpnas_retrain_free(retrain);
    fpnas_retrain_free(loaded);
    fpnas_space_free(space);
}

static void environment_names_the_kernels(void) {
    fpnas_space *space;
    fpnas_retrain *retrain;
    int32_t row[64];
    fpnas_retrain_options options = small_training(&space, row, 1);
    OK(fpnas_retrain_create(DATA, space, row, &options, &retrain));
    double value = value_of(retrain);
    fpnas_retrain_free(retrain);
    setenv("FPNAS_KERNELS", "baseline", 1);
    OK(fpnas_retrain_create(DATA, space, row, &options, &retrain));
    CHECK(fabs(value_of(retrain) - value) < 0.2);
    fpnas_retrain_free(retrain);
    CHECK_CONTAINS(fpnas_build_info(), "baseline kernels");
    setenv("FPNAS_KERNELS", "none", 1);
    FAILS(fpnas_retrain_create(DATA, space, row, &options, &retrain), FPNAS_E_INVALID, "FPNAS_KERNELS");
    fpnas_space_free(space);
}

int main(void) {
    RUN(retraining_learns);
    RUN(retraining_resumes);
    RUN(affinity_stays);
    RUN(calls_divide_alike);
    RUN(failures_leave_the_last_good_batch);
    RUN(environment_names_the_kernels);
    return test_report("test_retrain");
}
