/* The ask/tell loop on a toy objective.
 *
 *     cc ask_tell.c $(pkg-config --cflags --libs fpnas) -o ask_tell && ./ask_tell
 *
 *     step  50  K 2  entropy  4.70 nats
 *     step 100  K 2  entropy  1.87 nats
 *     step 150  K 2  entropy  1.17 nats
 *     step 200  K 2  entropy  0.83 nats
 *     step 250  K 2  entropy  0.54 nats
 *     619 samples; most probable: 7 7 7 7 7 7 5 5 5 5 5 5  (value 0.00)
 */
#include <fpnas.h>
#include <stdio.h>

enum { LAYERS = 12, ROOM = 64 };

/* Your training code: the mean log-likelihood of a network. Here, big kernels help early layers. */
static double evaluate(const int32_t *network) {
    double sum = 0;
    for (int i = 0; i < LAYERS; i++) sum -= (network[i] != (i < 6 ? 2 : 1));
    return sum / LAYERS;
}

int main(void) {
    const int64_t kernels[] = {3, 5, 7};
    fpnas_space_builder *builder;
    fpnas_space *space;
    fpnas_search *search;
    fpnas_search_options options = FPNAS_SEARCH_OPTIONS_INIT;
    fpnas_progress progress = {0};
    fpnas_ask ask;
    int32_t networks[ROOM * LAYERS];
    double values[ROOM];

    fpnas_space_builder_create("toy", &builder);
    for (int i = 0; i < LAYERS; i++) {
        char name[8];
        snprintf(name, sizeof name, "l%d", i);
        fpnas_space_builder_add_layer(builder, name);
        fpnas_space_builder_add_integers(builder, "kernel", kernels, 3);
    }
    if (fpnas_space_builder_finish(builder, &space) != FPNAS_OK) return puts(fpnas_last_error()), 1;

    options.samples_per_nat = 0.5;
    options.likelihood_scale = 20;
    options.learning_rate = 0.1;
    options.stop_entropy = 0.5;
    if (fpnas_search_create(space, &options, &search) != FPNAS_OK) return puts(fpnas_last_error()), 1;

    progress.struct_size = sizeof progress;
    while (progress.stop_reason == FPNAS_STOP_NONE) {
        if (fpnas_search_ask(search, &ask) != FPNAS_OK ||
            fpnas_search_ask_architectures(search, ask.number, networks, ROOM * LAYERS, NULL) != FPNAS_OK)
            return puts(fpnas_last_error()), 1;
        for (uint64_t i = 0; i < ask.network_count; i++) values[i] = evaluate(networks + i * LAYERS);
        if (fpnas_search_tell(search, ask.number, values, ask.network_count) != FPNAS_OK)
            return puts(fpnas_last_error()), 1;
        fpnas_search_progress(search, &progress);
        if (progress.steps % 50 == 0)
            printf("step %3d  K %d  entropy %5.2f nats\n", (int)progress.steps,
                   (int)progress.sample_count, progress.entropy);
    }

    fpnas_distribution *distribution;
    double log_probability;
    size_t found;
    fpnas_search_distribution(search, &distribution);
    fpnas_distribution_top(distribution, 1, networks, &log_probability, &found);
    printf("%d samples; most probable:", (int)progress.samples_drawn);
    for (int i = 0; i < LAYERS; i++) printf(" %d", (int)kernels[networks[i]]);
    printf("  (value %.2f)\n", evaluate(networks));
    return 0;
}
