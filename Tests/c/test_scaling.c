/* Compound scaling through the header. */
#include <fpnas.h>

#include "fpnas_test.h"

/* EfficientNet-B0 on 224 pixels. */
static fpnas_space *b0(void) {
    static const struct {
        const char *operation;
        int kernel, channels, stride, repeats, expansion;
    } stages[] = {
        {"conv", 3, 32, 2, 1, 0},    {"mbconv", 3, 16, 1, 1, 1},  {"mbconv", 3, 24, 2, 2, 6},
        {"mbconv", 5, 40, 2, 2, 6},  {"mbconv", 3, 80, 2, 3, 6},  {"mbconv", 5, 112, 1, 3, 6},
        {"mbconv", 5, 192, 2, 4, 6}, {"mbconv", 3, 320, 1, 1, 6}, {"conv", 1, 1280, 1, 1, 0},
    };
    fpnas_space_builder *builder;
    fpnas_space *space = NULL;
    char name[8];
    OK(fpnas_space_builder_create("b0", &builder));
    OK(fpnas_space_builder_set_input(builder, 224, 224, 3, 1000));
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        snprintf(name, sizeof name, "s%zu", i);
        OK(fpnas_space_builder_add_layer(builder, name));
        OK(fpnas_space_builder_set_operation(builder, stages[i].operation, stages[i].stride,
                                             stages[i].repeats));
        OK(fpnas_space_builder_fix_integer(builder, "kernel", stages[i].kernel));
        OK(fpnas_space_builder_fix_integer(builder, "channels", stages[i].channels));
        OK(fpnas_space_builder_fix_text(builder, "activation", "swish"));
        if (stages[i].expansion == 0) continue;
        OK(fpnas_space_builder_fix_integer(builder, "expansion", stages[i].expansion));
        OK(fpnas_space_builder_fix_integer(builder, "se", 1));
        OK(fpnas_space_builder_fix_text(builder, "se_of", "input"));
        OK(fpnas_space_builder_fix_text(builder, "se_rounding", "floor"));
        OK(fpnas_space_builder_fix_text(builder, "width_rounding", "8/0.9"));
    }
    OK(fpnas_space_builder_add_layer(builder, "classifier"));
    OK(fpnas_space_builder_set_operation(builder, "classifier", 1, 1));
    OK(fpnas_space_builder_finish(builder, &space));
    fpnas_space_builder_free(builder);
    return space;
}

/* torchvision's exact parameters of B0 to B3. */
static void efficient_nets_are_a_family(void) {
    static const struct {
        double phi, depth, width;
        int size;
        int64_t parameters;
    } family[] = {{0, 1, 1, 220, 5288548},
                  {0.5, 1.1, 1, 240, 7794184},
                  {1, 1.2, 1.1, 260, 9109994},
                  {2, 1.4, 1.2, 300, 12233232}};
    fpnas_space *base = b0();
    for (size_t i = 0; i < sizeof family / sizeof *family; i++) {
        fpnas_space *scaled;
        double depth, width;
        int32_t rows, columns;
        int64_t costs[3];
        OK(fpnas_compound_scaling(base, 1.2, 1.1, 1.15, family[i].phi, 0.1, 20, &depth, &width,
                                  &rows, &columns));
        CHECK(depth == family[i].depth && width == family[i].width);
        CHECK_INT(rows, family[i].size);
        CHECK_INT(columns, family[i].size);
        OK(fpnas_space_scaled(base, NULL, depth, width, rows, columns, &scaled));
        OK(fpnas_space_costs(scaled, NULL, FPNAS_COUNT_TORCH, costs, 3, NULL));
        CHECK_INT(costs[FPNAS_COST_PARAMETERS], family[i].parameters);
        fpnas_space_free(scaled);
    }
    fpnas_space_free(base);
}

static void candidates_are_a_grid(void) {
    double rows[3000];
    size_t needed, found = 0;
    CHECK_INT(fpnas_compound_candidates(0.05, 2, 0.1, NULL, 0, &needed), FPNAS_E_BUFFER);
    CHECK(needed > 0 && needed % 3 == 0 && needed <= 3000);
    OK(fpnas_compound_candidates(0.05, 2, 0.1, rows, 3000, &needed));
    for (size_t i = 0; i < needed; i += 3) {
        CHECK_NEAR(rows[i] * rows[i + 1] * rows[i + 1] * rows[i + 2] * rows[i + 2], 2, 0.1 + 1e-9);
        found += rows[i] == 1.2 && rows[i + 1] == 1.1 && rows[i + 2] == 1.15;
    }
    CHECK_INT(found, 1);
    FAILS(fpnas_compound_candidates(0, 2, 0.1, NULL, 0, &needed), FPNAS_E_INVALID,
          "step must be in [0.001, 1.0], got 0.0");
    FAILS(fpnas_compound_candidates(0.1, NAN, 0.1, NULL, 0, &needed), FPNAS_E_INVALID, "product");
}

static void what_cannot_be_is_refused(void) {
    fpnas_space *base = b0(), *scaled;
    double depth, width;
    int32_t rows, columns;
    FAILS(fpnas_space_scaled(base, NULL, 0, 1, 0, 0, &scaled), FPNAS_E_INVALID, "depth");
    CHECK(scaled == NULL);
    FAILS(fpnas_space_scaled(base, NULL, 1, NAN, 0, 0, &scaled), FPNAS_E_INVALID, "width");
    FAILS(fpnas_space_scaled(base, NULL, 1, 1, -1, 0, &scaled), FPNAS_E_INVALID, "-1");
    FAILS(fpnas_space_scaled(base, NULL, 1, 100, 0, 0, &scaled), FPNAS_E_INVALID, "");
    FAILS(fpnas_compound_scaling(base, 0.5, 1, 1, 1, 0.1, 20, &depth, &width, &rows, &columns),
          FPNAS_E_INVALID, "alpha must be in [1.0, 4.0], got 0.5");
    FAILS(fpnas_compound_scaling(base, 1, 1, 1, 1, 0.1, -1, &depth, &width, &rows, &columns),
          FPNAS_E_INVALID, "size_step");
    fpnas_space_free(base);
}

int main(void) {
    RUN(efficient_nets_are_a_family);
    RUN(candidates_are_a_grid);
    RUN(what_cannot_be_is_refused);
    return test_report("test_scaling");
}
