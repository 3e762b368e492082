/* The built-in search on the digits through the C API: search, retrain, test.
 *
 *     cc digits_search.c $(pkg-config --cflags --libs fpnas) -o digits_search
 *     ./digits_search data/digits run 10 10      (folder of images, output, epochs, epochs)
 */
#include <fpnas.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void check(fpnas_status status) {
    if (status == FPNAS_OK) return;
    fprintf(stderr, "%s: %s\n", fpnas_status_name(status), fpnas_last_error());
    exit(1);
}

int main(int argc, char **argv) {
    const char *data = argc > 1 ? argv[1] : "data/digits";
    const char *out = argc > 2 ? argv[2] : "run";

    fpnas_run_options options;
    check(fpnas_run_options_init(&options, sizeof options));
    options.seed = 1;
    if (argc > 3) options.epochs = atoi(argv[3]);

    fpnas_run *run;
    check(fpnas_run_create(data, NULL, &options, &run));
    fpnas_run_progress progress;
    progress.struct_size = sizeof progress;
    int64_t epoch = 0;
    do { /* short steps: a host stays in charge between them */
        check(fpnas_run_step(run));
        check(fpnas_run_progress_get(run, &progress));
        if (progress.epoch > epoch) {
            epoch = progress.epoch;
            printf("epoch %" PRId64 "/%" PRId64 "  K %" PRId64 "  entropy %.2f nats  "
                   "expected %.0f MACs  validation %.4f\n",
                   epoch, progress.epochs, progress.sample_count, progress.entropy,
                   progress.expected_macs, progress.validation_log_likelihood);
        }
    } while (!progress.is_done);
    check(fpnas_run_report(run, out));

    fpnas_space *space;
    size_t variables;
    double log_probability;
    int64_t costs[3];
    check(fpnas_run_space(run, &space));
    check(fpnas_space_variable_count(space, &variables));
    int32_t *network = malloc(variables * sizeof *network);
    if (!network) return 1;
    check(fpnas_run_result(run, network, variables, &log_probability));
    check(fpnas_space_costs(space, network, FPNAS_COUNT_TORCH, costs, 3, NULL));
    fpnas_run_free(run);
    printf("found %" PRId64 " MACs, %" PRId64 " parameters\n", costs[FPNAS_COST_MACS], costs[FPNAS_COST_PARAMETERS]);

    fpnas_retrain_options training;
    check(fpnas_retrain_options_init(&training, sizeof training));
    if (argc > 4) training.epochs = atoi(argv[4]);
    fpnas_retrain *retrain;
    check(fpnas_retrain_create(data, space, network, &training, &retrain));
    fpnas_retrain_progress trained;
    trained.struct_size = sizeof trained;
    do {
        check(fpnas_retrain_step(retrain, 20));
        check(fpnas_retrain_progress_get(retrain, &trained));
    } while (!trained.is_done);
    double accuracy, log_likelihood;
    check(fpnas_retrain_test(retrain, &accuracy, &log_likelihood));
    printf("test accuracy %.2f %%\n", 100 * accuracy);

    free(network);
    fpnas_retrain_free(retrain);
    fpnas_space_free(space);
    return 0;
}
