/* Mixtures for outside trainers through the header. */
#include <fpnas.h>

#include <unistd.h>

#include "fpnas_test.h"

enum { LAYERS = 4, CHOICES = 3, SIZE = LAYERS * CHOICES };

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

static fpnas_mixture *new_mixture(int32_t algorithm) {
    fpnas_mixture_options options = FPNAS_MIXTURE_OPTIONS_INIT;
    fpnas_mixture *mixture = NULL;
    fpnas_space *space = toy();
    options.algorithm = algorithm;
    options.seed = 5;
    options.learning_rate = 0.1;
    OK(fpnas_mixture_create(space, &options, &mixture));
    fpnas_space_free(space); /* the mixture keeps what it needs */
    return mixture;
}

/* The loss is the share of every choice but 2 in layer 0, 1 in the others. */
static void step(fpnas_mixture *mixture) {
    uint64_t number;
    double temperature, m[SIZE], gradients[SIZE];
    OK(fpnas_mixture_coefficients(mixture, &number, &temperature, m, SIZE, NULL));
    for (int i = 0; i < SIZE; i++) gradients[i] = i % CHOICES != (i < CHOICES ? 2 : 1);
    OK(fpnas_mixture_tell(mixture, number, gradients, NULL, SIZE));
}

static void mixtures_learn_and_resume(void) {
    for (int32_t algorithm = 0; algorithm < 2; algorithm++) {
        fpnas_mixture *a = new_mixture(algorithm), *b;
        uint8_t bytes[8192];
        size_t size;
        uint64_t number;
        double temperature, x[SIZE], y[SIZE];
        int32_t row[LAYERS];
        for (int i = 0; i < 150; i++) step(a);
        OK(fpnas_mixture_to_bytes(a, bytes, sizeof bytes, &size));
        OK(fpnas_mixture_from_bytes(bytes, size, &b));
        for (int i = 0; i < 50; i++) {
            step(a);
            step(b);
        }
        OK(fpnas_mixture_coefficients(a, &number, &temperature, x, SIZE, NULL));
        CHECK_INT(number, 200);
        CHECK(algorithm == FPNAS_MIXTURE_DARTS ? temperature == 1
                                               : fabs(temperature - 5 * 0.956 * 0.956) < 1e-12);
        OK(fpnas_mixture_coefficients(b, &number, &temperature, y, SIZE, NULL));
        CHECK(memcmp(x, y, sizeof x) == 0);
        for (int v = 0; v < LAYERS; v++) CHECK_NEAR(x[3 * v] + x[3 * v + 1] + x[3 * v + 2], 1, 1e-15);
        OK(fpnas_mixture_result(a, row, LAYERS));
        for (int v = 0; v < LAYERS; v++) CHECK_INT(row[v], v == 0 ? 2 : 1);
        bytes[size / 2] ^= 1;
        fpnas_mixture_free(b);
        FAILS(fpnas_mixture_from_bytes(bytes, size, &b), FPNAS_E_FORMAT, "damaged");
        fpnas_mixture_free(a);
    }
}

static void files_resume_and_are_replaced_as_a_whole(void) {
    char folder[] = "/tmp/fpnas-check-XXXXXX", path[64], cut[64];
    fpnas_mixture *a = new_mixture(FPNAS_MIXTURE_FBNETV2), *b = NULL;
    fpnas_search *search, *other;
    fpnas_space *space = toy();
    uint8_t bytes[8192], file[8192];
    uint64_t number;
    double temperature, x[SIZE], y[SIZE];
    size_t size, length;
    FILE *stream;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/mixture", folder);
    snprintf(cut, sizeof cut, "%s/cut", folder);
    for (int i = 0; i < 20; i++) {
        step(a);
        OK(fpnas_mixture_save(a, path)); /* over the one before */
    }
    OK(fpnas_mixture_to_bytes(a, bytes, sizeof bytes, &size));
    stream = fopen(path, "rb");
    length = stream ? fread(file, 1, sizeof file, stream) : 0;
    if (stream) fclose(stream);
    CHECK(length == size && memcmp(bytes, file, size) == 0);
    OK(fpnas_mixture_load(path, &b));
    for (int i = 0; i < 10; i++) {
        step(a);
        step(b);
    }
    OK(fpnas_mixture_coefficients(a, &number, &temperature, x, SIZE, NULL));
    OK(fpnas_mixture_coefficients(b, &number, &temperature, y, SIZE, NULL));
    CHECK(number == 30 && memcmp(x, y, sizeof x) == 0);
    fpnas_mixture_free(b);
    /* A file cut short, one of another kind, and none; the folder has no other files left. */
    stream = fopen(cut, "wb");
    CHECK(stream && fwrite(bytes, 1, size - 9, stream) == size - 9);
    if (stream) fclose(stream);
    FAILS(fpnas_mixture_load(cut, &b), FPNAS_E_FORMAT, "/cut'");
    CHECK(b == NULL);
    OK(fpnas_search_create(space, NULL, &search));
    OK(fpnas_search_save(search, cut));
    FAILS(fpnas_mixture_load(cut, &b), FPNAS_E_FORMAT, "holds a search alone, not a mixture");
    FAILS(fpnas_search_load(path, &other), FPNAS_E_FORMAT, "holds a mixture, not a search alone");
    FAILS(fpnas_mixture_load("/no/such/file", &b), FPNAS_E_IO, "/no/such/file");
    FAILS(fpnas_mixture_save(a, "/no/such/folder/x"), FPNAS_E_IO, "/no/such/folder/x");
    unlink(path);
    unlink(cut);
    CHECK(rmdir(folder) == 0); /* nothing temporary is left */
    fpnas_search_free(search);
    fpnas_mixture_free(a);
    fpnas_space_free(space);
}

static void costs_have_gradients(void) {
    fpnas_mixture *mixture = new_mixture(FPNAS_MIXTURE_DARTS);
    fpnas_space *space = toy();
    fpnas_cost *cost;
    fpnas_distribution *distribution;
    int64_t values[SIZE];
    double logits[SIZE], gradient[SIZE], expected, mean, variance;
    for (int i = 0; i < SIZE; i++) {
        values[i] = i * i % 17;
        logits[i] = (i % 5) / 3.0;
    }
    OK(fpnas_cost_create_choices(space, values, SIZE, &cost));
    OK(fpnas_mixture_set_logits(mixture, logits, SIZE));
    OK(fpnas_mixture_cost(mixture, cost, FPNAS_SHAPES_EXPECTED, &expected, gradient, SIZE, NULL));
    OK(fpnas_mixture_distribution(mixture, &distribution));
    OK(fpnas_cost_moments(cost, distribution, &mean, &variance));
    CHECK_NEAR(expected, mean, 1e-12);
    for (int i = 0; i < SIZE; i++) {
        double above, below, other[SIZE];
        double middle = logits[i];
        logits[i] = middle + 1e-5;
        OK(fpnas_mixture_set_logits(mixture, logits, SIZE));
        OK(fpnas_mixture_cost(mixture, cost, FPNAS_SHAPES_EXPECTED, &above, other, SIZE, NULL));
        logits[i] = middle - 1e-5;
        OK(fpnas_mixture_set_logits(mixture, logits, SIZE));
        OK(fpnas_mixture_cost(mixture, cost, FPNAS_SHAPES_EXPECTED, &below, other, SIZE, NULL));
        logits[i] = middle;
        CHECK_NEAR(gradient[i], (above - below) / 2e-5, 1e-7);
    }
    /* Without shapes a mean cost is the expectation. */
    OK(fpnas_mixture_set_logits(mixture, logits, SIZE));
    OK(fpnas_mixture_cost(mixture, cost, FPNAS_SHAPES_EFFECTIVE, &mean, gradient, SIZE, NULL));
    CHECK_NEAR(expected, mean, 1e-12);
    FAILS(fpnas_mixture_cost(mixture, cost, 2, &mean, gradient, SIZE, NULL), FPNAS_E_INVALID,
          "shapes must be one of FPNAS_SHAPES_..., got 2");
    fpnas_distribution_free(distribution);
    fpnas_cost_free(cost);
    fpnas_mixture_free(mixture);
    fpnas_space_free(space);
}

/* A gradient with respect to the logits alone moves them as one to the coefficients does. */
static void logit_gradients_are_added(void) {
    fpnas_mixture *mixture = new_mixture(FPNAS_MIXTURE_DARTS);
    double none[SIZE] = {0}, own[SIZE] = {0};
    int32_t row[LAYERS];
    own[1] = -1;
    for (uint64_t i = 0; i < 5; i++) OK(fpnas_mixture_tell(mixture, i, none, own, SIZE));
    OK(fpnas_mixture_result(mixture, row, LAYERS));
    CHECK_INT(row[0], 1);
    fpnas_mixture_free(mixture);
}

static void what_cannot_be_is_refused(void) {
    const fpnas_mixture_options defaults = FPNAS_MIXTURE_OPTIONS_INIT;
    fpnas_mixture_options options = defaults, back = defaults;
    fpnas_mixture *mixture = new_mixture(FPNAS_MIXTURE_FBNETV2);
    fpnas_space *space = toy();
    double gradients[SIZE] = {0};
    int32_t row[24];
    double weights[224] = {0};
    OK(fpnas_mixture_options_get(mixture, &back));
    CHECK(back.learning_rate == 0.1 && back.adam_beta1 == 0.9 && back.weight_decay == 5e-4);
    CHECK(back.initial_temperature == 5 && back.steps_per_epoch == 100);
    FAILS(fpnas_mixture_tell(mixture, 1, gradients, NULL, SIZE), FPNAS_E_STATE,
          "gradients of step 1 are told, the mixture is at step 0");
    FAILS(fpnas_mixture_tell(mixture, 0, gradients, NULL, SIZE - 1), FPNAS_E_INVALID, "got 11");
    gradients[3] = NAN;
    FAILS(fpnas_mixture_tell(mixture, 0, gradients, NULL, SIZE), FPNAS_E_INVALID, "gradients 3");
    fpnas_mixture_free(mixture);
#define BAD(field, value, part) \
    options = defaults; \
    options.field = value; \
    FAILS(fpnas_mixture_create(space, &options, &mixture), FPNAS_E_INVALID, part); \
    CHECK(mixture == NULL)
    BAD(algorithm, 2, "algorithm must be one of FPNAS_MIXTURE_..., got 2");
    BAD(learning_rate, -1, "learning_rate");
    BAD(adam_beta1, 1, "adam_beta1");
    BAD(adam_beta1, -2, "adam_beta1");
    BAD(weight_decay, NAN, "weight_decay");
    BAD(weight_decay, -0.5, "weight_decay must be in [0.0, 1000.0], got -0.5");
    BAD(initial_temperature, -5, "initial_temperature");
    BAD(temperature_decay, 2, "temperature_decay");
    BAD(minimum_temperature, INFINITY, "minimum_temperature");
    BAD(steps_per_epoch, -1, "steps_per_epoch");
    for (int i = 0; i < 28; i++) weights[8 * i] = 9; /* none never stays */
    weights[8 * 1 + 4] = 1;
    OK(fpnas_darts_discretise(weights, 224, row, 24, NULL));
    CHECK_INT(row[0], 0); /* the only pair of node 0 */
    CHECK_INT(row[2], 3); /* sep_conv_3x3 on its second input */
    FAILS(fpnas_darts_discretise(weights, 223, row, 24, NULL), FPNAS_E_INVALID, "got 223");
    fpnas_space_free(space);
}

int main(void) {
    RUN(mixtures_learn_and_resume);
    RUN(files_resume_and_are_replaced_as_a_whole);
    RUN(costs_have_gradients);
    RUN(logit_gradients_are_added);
    RUN(what_cannot_be_is_refused);
    return test_report("test_mixture");
}
