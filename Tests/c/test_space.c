/* Spaces, builders, costs: good and bad input. */
#include <fpnas.h>

#include "fpnas_test.h"

static fpnas_space *preset(void) {
    fpnas_space *space = NULL;
    OK(fpnas_space_preset("mbconv-small", 16, 16, 1, 10, &space));
    return space;
}

static void builder_makes_abstract_spaces(void) {
    fpnas_space_builder *builder;
    fpnas_space *space;
    const int64_t kernels[] = {3, 5, 7};
    const double ratios[] = {0.5, 1.5};
    const char *const names[] = {"skip", "conv"};
    const int32_t when[] = {1};
    char text[64];
    size_t count, layer, needed;
    int32_t rows[] = {0, 2, 1, 1, 2, 0};
    OK(fpnas_space_builder_create("mine", &builder));
    OK(fpnas_space_builder_add_layer(builder, "a"));
    OK(fpnas_space_builder_add_texts(builder, "op", names, 2));
    OK(fpnas_space_builder_add_integers(builder, "kernel", kernels, 3));
    OK(fpnas_space_builder_set_condition(builder, "op", when, 1));
    OK(fpnas_space_builder_add_layer(builder, "b"));
    OK(fpnas_space_builder_add_reals(builder, "ratio", ratios, 2));
    OK(fpnas_space_builder_finish(builder, &space));
    fpnas_space_builder_free(builder);
    OK(fpnas_space_name(space, text, sizeof text, &needed));
    CHECK_STRING(text, "mine");
    CHECK_INT(needed, 5);
    OK(fpnas_space_layer_count(space, &count));
    CHECK_INT(count, 2);
    OK(fpnas_space_layer_name(space, 1, text, sizeof text, NULL));
    CHECK_STRING(text, "b");
    OK(fpnas_space_variable_count(space, &count));
    CHECK_INT(count, 3);
    OK(fpnas_space_variable_name(space, 1, text, sizeof text, NULL));
    CHECK_STRING(text, "kernel");
    OK(fpnas_space_variable_layer(space, 2, &layer));
    CHECK_INT(layer, 1);
    OK(fpnas_space_choice_count(space, 1, &count));
    CHECK_INT(count, 3);
    OK(fpnas_space_choice_label(space, 2, 1, text, sizeof text, NULL));
    CHECK_STRING(text, "1.5");
    OK(fpnas_space_count(space, 0, text, sizeof text, NULL));
    CHECK_STRING(text, "12");
    OK(fpnas_space_count(space, 1, text, sizeof text, NULL));
    CHECK_STRING(text, "8");
    OK(fpnas_space_canonicalise(space, rows, 2));
    CHECK_INT(rows[1], 0); /* no kernel without a convolution */
    CHECK_INT(rows[4], 2);
    rows[5] = 2;
    FAILS(fpnas_space_canonicalise(space, rows, 2), FPNAS_E_INVALID,
          "'b.ratio' must be in 0..<2, got 2");
    FAILS(fpnas_space_layer_name(space, 2, text, sizeof text, NULL), FPNAS_E_INVALID, "got 2");
    FAILS(fpnas_space_choice_label(space, 0, (size_t)-1, text, sizeof text, NULL), FPNAS_E_INVALID,
          "choice");
    FAILS(fpnas_space_costs(space, rows, FPNAS_COUNT_TORCH, (int64_t[3]){0}, 3, NULL), FPNAS_E_INVALID,
          "abstract");
    fpnas_space_free(space);
}

static void builder_makes_network_spaces(void) {
    fpnas_space_builder *builder;
    fpnas_space *space = NULL;
    const int64_t kernels[] = {0, 3}, widths[] = {8, 16};
    int64_t costs[3];
    const int32_t architecture[] = {1, 1};
    OK(fpnas_space_builder_create("net", &builder));
    OK(fpnas_space_builder_set_input(builder, 8, 8, 1, 10));
    OK(fpnas_space_builder_add_layer(builder, "stem"));
    OK(fpnas_space_builder_set_operation(builder, "conv", 1, 1));
    OK(fpnas_space_builder_fix_integer(builder, "channels", 8));
    OK(fpnas_space_builder_add_layer(builder, "block"));
    OK(fpnas_space_builder_set_operation(builder, "mbconv", 2, 1));
    OK(fpnas_space_builder_add_integers(builder, "kernel", kernels, 2));
    OK(fpnas_space_builder_add_integers(builder, "channels", widths, 2));
    OK(fpnas_space_builder_fix_real(builder, "expansion", 1.5));
    OK(fpnas_space_builder_fix_text(builder, "activation", "swish"));
    FAILS(fpnas_space_builder_finish(builder, &space), FPNAS_E_INVALID, "classifier");
    CHECK(space == NULL);
    OK(fpnas_space_builder_add_layer(builder, "end"));
    OK(fpnas_space_builder_set_operation(builder, "classifier", 1, 1));
    OK(fpnas_space_builder_finish(builder, &space));
    OK(fpnas_space_costs(space, architecture, FPNAS_COUNT_TORCH, costs, 3, NULL));
    /* stem 9*8*64, expansion 8*12*64, depthwise 9*12*16, projection 12*16*16, classifier 16*10 */
    CHECK_INT(costs[FPNAS_COST_MACS], 4608 + 6144 + 1728 + 3072 + 160);
    CHECK_INT(costs[FPNAS_COST_PARAMETERS], (72 + 16) + (96 + 24) + (108 + 24) + (192 + 32) + 170);
    fpnas_space_free(space);
    fpnas_space_builder_free(builder);
}

/* The spaces of the literature, their sizes, hashes and counts. */
static void presets_and_cells(void) {
    char names[512], text[64];
    const int32_t all3x3[] = {3, 3, 3, 3, 3, 3}, skips[] = {1, 0, 0, 1, 0, 0};
    int64_t costs[3], factorised, joint;
    uint64_t first, second;
    size_t needed;
    fpnas_space *space = NULL;
    OK(fpnas_space_preset_names(names, sizeof names, NULL));
    for (char *name = strtok(names, "\n"); name; name = strtok(NULL, "\n")) {
        OK(fpnas_space_preset(name, 32, 32, 3, 10, &space));
        OK(fpnas_space_count(space, 0, text, sizeof text, NULL));
        fpnas_space_free(space);
    }
    FAILS(fpnas_space_preset("fbnetv9", 32, 32, 3, 10, &space), FPNAS_E_INVALID, "fbnetv2-f++");
    OK(fpnas_space_preset("fbnetv2-f++", 128, 128, 3, 1000, &space));
    OK(fpnas_space_logit_counts(space, &factorised, &joint));
    CHECK_INT(factorised, 197);
    CHECK_INT(joint, 7248);
    FAILS(fpnas_space_logit_counts(space, NULL, &joint), FPNAS_E_INVALID, "factorised is NULL");
    fpnas_space_free(space);
    OK(fpnas_space_preset("nas-bench-201", 32, 32, 3, 10, &space));
    OK(fpnas_space_costs(space, all3x3, FPNAS_COUNT_NAS_BENCH, costs, 3, &needed));
    CHECK_INT(costs[FPNAS_COST_MACS], 220119680);
    CHECK_INT(costs[FPNAS_COST_PARAMETERS], 1531546);
    CHECK_INT(needed, 3);
    FAILS(fpnas_space_costs(space, all3x3, 9, costs, 3, NULL), FPNAS_E_INVALID, "got 9");
    FAILS(fpnas_space_costs(space, all3x3, 0, costs, 2, NULL), FPNAS_E_BUFFER, "3 are needed");
    OK(fpnas_space_network_hash(space, all3x3, &first));
    OK(fpnas_space_network_hash(space, skips, &second));
    CHECK(first != second);
    FAILS(fpnas_space_network_hash(space, NULL, &first), FPNAS_E_INVALID, "architecture");
    OK(fpnas_space_validate(space, all3x3, 1));
    FAILS(fpnas_space_validate(space, (int32_t[]){0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0}, 2),
          FPNAS_E_INVALID, "row 1: 'edge02.op' must be in 0..<5, got 5");
    FAILS(fpnas_space_validate(space, NULL, 1), FPNAS_E_INVALID, "architectures is NULL");
    fpnas_space_free(space);
    OK(fpnas_space_cells("nas-bench-201", 4, 1, 8, 8, 1, 2, &space));
    fpnas_space_free(space);
    FAILS(fpnas_space_cells("cell", 4, 1, 8, 8, 1, 2, &space), FPNAS_E_INVALID, "darts");
    FAILS(fpnas_space_cells("darts", 0, 1, 8, 8, 1, 2, &space), FPNAS_E_INVALID, "got 0 and 1");
    CHECK(space == NULL);
}

/* Alternatives, searched repeats, and blocks that choose for themselves. */
static void builder_makes_general_layers(void) {
    fpnas_space_builder *builder;
    fpnas_space *space = NULL;
    const int64_t kernels[] = {3, 5};
    const int32_t repeats[] = {1, 2}, bad[] = {0, 2}, both[] = {1, 0, 1, 0}, one[] = {0, 1, 1, 1};
    char text[32];
    int64_t costs[3];
    uint64_t deep, shallow;
    OK(fpnas_space_builder_create("general", &builder));
    OK(fpnas_space_builder_set_input(builder, 4, 4, 2, 2));
    FAILS(fpnas_space_builder_set_repeats(builder, repeats, 2), FPNAS_E_STATE, "no layer");
    OK(fpnas_space_builder_add_layer(builder, "deep"));
    OK(fpnas_space_builder_set_operation(builder, "mbconv", 1, 1));
    OK(fpnas_space_builder_set_repeats(builder, repeats, 2));
    OK(fpnas_space_builder_set_per_block(builder, "kernel"));
    OK(fpnas_space_builder_add_integers(builder, "kernel", kernels, 2));
    OK(fpnas_space_builder_fix_integer(builder, "channels", 2));
    FAILS(fpnas_space_builder_set_per_block(builder, "colour"), FPNAS_E_INVALID, "'colour'");
    OK(fpnas_space_builder_add_layer(builder, "either"));
    OK(fpnas_space_builder_set_operation(builder, "skip", 2, 1));
    OK(fpnas_space_builder_fix_integer(builder, "channels", 4));
    OK(fpnas_space_builder_add_alternative(builder, "skip", "skip"));
    OK(fpnas_space_builder_add_alternative(builder, "grouped", "conv"));
    OK(fpnas_space_builder_fix_integer(builder, "groups", 2));
    FAILS(fpnas_space_builder_fix_integer(builder, "groups", 2), FPNAS_E_INVALID, "twice");
    FAILS(fpnas_space_builder_add_alternative(builder, "x", "y"), FPNAS_E_INVALID, "'y'");
    OK(fpnas_space_builder_add_layer(builder, "end"));
    OK(fpnas_space_builder_set_operation(builder, "classifier", 1, 1));
    OK(fpnas_space_builder_finish(builder, &space));
    OK(fpnas_space_variable_name(space, 2, text, sizeof text, NULL));
    CHECK_STRING(text, "kernel.2");
    OK(fpnas_space_count(space, 1, text, sizeof text, NULL));
    CHECK_STRING(text, "12"); /* (2 + 2 * 2) * 2 */
    OK(fpnas_space_costs(space, both, FPNAS_COUNT_TORCH, costs, 3, NULL));
    /* two blocks of depthwise 3x3 and 5x5 and 1x1 at 16 pixels, the strided 1x1, the classifier */
    CHECK_INT(costs[FPNAS_COST_MACS], 16 * (9 * 2 + 4 + 25 * 2 + 4) + 4 * 8 + 8);
    OK(fpnas_space_costs(space, one, FPNAS_COUNT_TORCH, costs, 3, NULL));
    CHECK_INT(costs[FPNAS_COST_MACS], 16 * (25 * 2 + 4) + 4 * 9 * 4 + 8);
    OK(fpnas_space_network_hash(space, both, &deep));
    OK(fpnas_space_network_hash(space, one, &shallow));
    CHECK(deep != shallow);
    fpnas_space_free(space);
    OK(fpnas_space_builder_create("leading", &builder));
    OK(fpnas_space_builder_set_input(builder, 4, 4, 2, 2));
    OK(fpnas_space_builder_add_layer(builder, "wider"));
    OK(fpnas_space_builder_set_operation(builder, "mbconv", 1, 1));
    OK(fpnas_space_builder_add_integers(builder, "kernel", kernels, 2));
    OK(fpnas_space_builder_fix_integer(builder, "channels", 3));
    OK(fpnas_space_builder_fix_text(builder, "shortcut", "leading"));
    OK(fpnas_space_builder_add_layer(builder, "end"));
    OK(fpnas_space_builder_set_operation(builder, "classifier", 1, 1));
    OK(fpnas_space_builder_finish(builder, &space));
    OK(fpnas_space_costs(space, (int32_t[]){0}, FPNAS_COUNT_TORCH, costs, 3, NULL));
    /* depthwise and 1x1 at 16 pixels, the classifier; the shortcut from 2 channels to 3 is free */
    CHECK_INT(costs[FPNAS_COST_MACS], 16 * 2 * (9 + 3) + 3 * 2);
    fpnas_space_free(space);
    OK(fpnas_space_builder_add_layer(builder, "bad"));
    FAILS(fpnas_space_builder_set_repeats(builder, NULL, 1), FPNAS_E_INVALID, "counts is NULL");
    OK(fpnas_space_builder_set_operation(builder, "skip", 1, 1));
    FAILS(fpnas_space_builder_set_repeats(builder, bad, 2), FPNAS_E_INVALID, "got 0");
    fpnas_space_builder_free(builder);
}

static void builders_refuse(void) {
    fpnas_space_builder *builder = (fpnas_space_builder *)8;
    fpnas_space *space;
    const int64_t one[] = {1};
    const double nan_choice[] = {NAN};
    const char *const null_choice[] = {NULL};
    const int32_t zero[] = {0};
    FAILS(fpnas_space_builder_create(NULL, &builder), FPNAS_E_INVALID, "name is NULL");
    CHECK(builder == NULL);
    FAILS(fpnas_space_builder_create("\xff", &builder), FPNAS_E_UTF8, "name");
    FAILS(fpnas_space_builder_create("x", NULL), FPNAS_E_INVALID, "builder is NULL");
    OK(fpnas_space_builder_create("x", &builder));
    FAILS(fpnas_space_builder_add_integers(builder, "v", one, 1), FPNAS_E_STATE, "no layer");
    FAILS(fpnas_space_builder_finish(builder, &space), FPNAS_E_INVALID, "no layers");
    OK(fpnas_space_builder_add_layer(builder, "a"));
    FAILS(fpnas_space_builder_set_condition(builder, "v", zero, 1), FPNAS_E_STATE, "no variable");
    FAILS(fpnas_space_builder_add_integers(builder, "v", one, 0), FPNAS_E_INVALID, "got 0");
    FAILS(fpnas_space_builder_add_integers(builder, "v", NULL, 1), FPNAS_E_INVALID,
          "choices is NULL");
    FAILS(fpnas_space_builder_add_integers(builder, "v", one, SIZE_MAX), FPNAS_E_INVALID,
          "1 to 65536");
    FAILS(fpnas_space_builder_add_texts(builder, "v", null_choice, 1), FPNAS_E_INVALID,
          "a choice is NULL");
    FAILS(fpnas_space_builder_set_operation(builder, "blur", 1, 1), FPNAS_E_INVALID, "'blur'");
    FAILS(fpnas_space_builder_add_reals(builder, "v", nan_choice, 1), FPNAS_E_INVALID, "got nan");
    FAILS(fpnas_space_builder_fix_real(builder, "v", nan_choice[0]), FPNAS_E_INVALID, "got nan");
    fpnas_space_builder_free(builder);
}

static void json_round_trips(void) {
    fpnas_space *space = preset(), *copy = NULL;
    size_t needed = 0, again = 0;
    char *text, small[8] = "xxxxxxx";
    FAILS(fpnas_space_to_json(space, small, sizeof small, &needed), FPNAS_E_BUFFER, "room for 8");
    CHECK_STRING(small, "xxxxxxx");
    CHECK(needed > 1000);
    text = malloc(needed);
    OK(fpnas_space_to_json(space, text, needed, NULL));
    OK(fpnas_space_from_json(text, needed - 1, &copy));
    OK(fpnas_space_to_json(copy, text, needed, &again));
    CHECK_INT(needed, again);
    FAILS(fpnas_space_from_json(text, needed / 2, &copy), FPNAS_E_FORMAT, "json");
    CHECK(copy == NULL);
    FAILS(fpnas_space_from_json(text, SIZE_MAX, &copy), FPNAS_E_INVALID, "too large");
    FAILS(fpnas_space_load("/no/such/file", &copy), FPNAS_E_IO, "/no/such/file");
    free(text);
    fpnas_space_free(space);
}

static void costs_agree_per_layer(void) {
    fpnas_space *space = preset();
    size_t variables, layers;
    int64_t costs[3], per[32], per_parameters[32], least, greatest, sum = 0;
    int32_t *row, *rival;
    OK(fpnas_space_variable_count(space, &variables));
    row = calloc(variables, sizeof *row);
    rival = calloc(variables, sizeof *rival);
    row[0] = 2;
    OK(fpnas_space_costs(space, row, FPNAS_COUNT_TORCH, costs, 3, NULL));
    OK(fpnas_space_layer_costs(space, row, per, per_parameters, 32, &layers));
    for (size_t i = 0; i < layers; i++) sum += per[i];
    CHECK_INT(sum, costs[FPNAS_COST_MACS]);
    FAILS(fpnas_space_layer_costs(space, row, per, per_parameters, 3, &layers), FPNAS_E_BUFFER,
          "12");
    FAILS(fpnas_space_layer_costs(space, row, per, NULL, 32, &layers), FPNAS_E_INVALID,
          "parameters");
    OK(fpnas_space_cost_range(space, FPNAS_COST_MACS, &least, &greatest));
    CHECK(least < costs[FPNAS_COST_MACS] && costs[FPNAS_COST_MACS] < greatest);
    FAILS(fpnas_space_cost_range(space, 7, &least, &greatest), FPNAS_E_INVALID, "got 7");
    OK(fpnas_space_random_near(space, 400000, 3, rival, variables));
    OK(fpnas_space_costs(space, rival, FPNAS_COUNT_TORCH, costs, 3, NULL));
    CHECK(costs[FPNAS_COST_MACS] >= 360000 && costs[FPNAS_COST_MACS] <= 408000);
    FAILS(fpnas_space_random_near(space, 0, 3, rival, variables), FPNAS_E_INVALID, "got 0");
    FAILS(fpnas_space_random_near(space, 10, 3, rival, variables), FPNAS_E_INFEASIBLE, "10");
    row[0] = 3;
    FAILS(fpnas_space_costs(space, row, FPNAS_COUNT_TORCH, costs, 3, NULL), FPNAS_E_INVALID,
          "'mbconv1.kernel' must be in 0..<3, got 3");
    FAILS(fpnas_space_costs(space, NULL, FPNAS_COUNT_TORCH, costs, 3, NULL), FPNAS_E_INVALID, "NULL");
    free(row);
    free(rival);
    fpnas_space_free(space);
}

static void architectures_are_files(void) {
    fpnas_space *space = preset(), *loaded = NULL;
    size_t variables, needed;
    char path[] = "/tmp/fpnas-arch-XXXXXX", *text;
    int32_t row[64] = {2, 1}, back[64];
    FILE *file;
    int descriptor = mkstemp(path);
    OK(fpnas_space_variable_count(space, &variables));
    OK(fpnas_space_architecture_to_json(space, row, NULL, 0, &needed) == FPNAS_E_BUFFER ? FPNAS_OK
                                                                                        : 1);
    text = malloc(needed);
    OK(fpnas_space_architecture_to_json(space, row, text, needed, NULL));
    file = fdopen(descriptor, "w");
    fputs(text, file);
    fclose(file);
    OK(fpnas_architecture_load(path, &loaded, back, 64, &needed));
    CHECK_INT(needed, variables);
    CHECK(memcmp(row, back, variables * sizeof *row) == 0);
    fpnas_space_free(loaded);
    FAILS(fpnas_architecture_load(path, &loaded, back, 3, &needed), FPNAS_E_BUFFER, "3");
    CHECK(loaded == NULL);
    unlink(path);
    free(text);
    fpnas_space_free(space);
    CHECK_INT(fpnas_debug_live_handles(), 0);
}

static void presets_refuse(void) {
    fpnas_space *space = NULL;
    FAILS(fpnas_space_preset("none", 8, 8, 1, 10, &space), FPNAS_E_INVALID,
          "there are: mbconv-small");
    FAILS(fpnas_space_preset("mbconv-small", 0, 8, 1, 10, &space), FPNAS_E_INVALID, "0 x 8");
    FAILS(fpnas_space_preset("mbconv-small", 8, 8, 1, 1, &space), FPNAS_E_INVALID, "got 1");
    FAILS(fpnas_space_preset("mbconv-small", 8, 8, 1, 10, NULL), FPNAS_E_INVALID, "space is NULL");
    CHECK(space == NULL);
}

int main(void) {
    RUN(builder_makes_abstract_spaces);
    RUN(builder_makes_network_spaces);
    RUN(presets_and_cells);
    RUN(builder_makes_general_layers);
    RUN(builders_refuse);
    RUN(json_round_trips);
    RUN(costs_agree_per_layer);
    RUN(architectures_are_files);
    RUN(presets_refuse);
    return test_report("test_space");
}
