/* Tables of latencies: sums by hand, what is missing, others' formats, refusals. */
#include <fpnas.h>

#include "fpnas_test.h"

/* A 3x3 convolution of 4 or 8 channels on 6x6 images, and a classifier. */
static fpnas_space *network(void) {
    fpnas_space_builder *builder;
    fpnas_space *space = NULL;
    const int64_t channels[2] = {4, 8};
    OK(fpnas_space_builder_create("small", &builder));
    OK(fpnas_space_builder_set_input(builder, 6, 6, 1, 3));
    OK(fpnas_space_builder_add_layer(builder, "stem"));
    OK(fpnas_space_builder_set_operation(builder, "conv", 1, 1));
    OK(fpnas_space_builder_add_integers(builder, "channels", channels, 2));
    OK(fpnas_space_builder_add_layer(builder, "classifier"));
    OK(fpnas_space_builder_set_operation(builder, "classifier", 1, 1));
    OK(fpnas_space_builder_finish(builder, &space));
    fpnas_space_builder_free(builder);
    return space;
}

#define HEAD \
    "{\"format\": \"fpnas-latency\", \"version\": 1, \"unit\": \"ns\", \"basis\": \"block\"," \
    " \"device\": \"d\", \"source\": \"s\", \"base\": 1000, \"entries\": ["

static const char text[] = HEAD
    "{\"key\": \"conv in=6x6x1 out=6x6x4 kernel=3 act=relu\", \"ns\": 100},"
    "{\"key\": \"conv in=6x6x1 out=6x6x8 kernel=3 act=relu\", \"ns\": 300},"
    "{\"key\": \"pool in=6x6x4 out=1x1x4 kernel=0\", \"ns\": 10},"
    "{\"key\": \"pool in=6x6x8 out=1x1x8 kernel=0\", \"ns\": 20},"
    "{\"key\": \"linear in=1x1x4 out=1x1x3 bias=1\", \"ns\": 1}]}";

static void sums_and_what_is_missing(void) {
    fpnas_space *space = network();
    fpnas_latency *table;
    fpnas_cost *cost = NULL;
    const int32_t rows[2] = {0, 1};
    int64_t out[2];
    char missing[256], *json, path[] = "/tmp/fpnas_latency_XXXXXX";
    size_t needed;
    int file;
    OK(fpnas_latency_from_json(text, strlen(text), &table));
    OK(fpnas_latency_of(table, space, FPNAS_INTERPOLATE_NONE, rows, 1, out));
    CHECK_INT(out[0], 1000 + 100 + 10 + 1);
    FAILS(fpnas_latency_of(table, space, FPNAS_INTERPOLATE_NONE, rows, 2, out), FPNAS_E_INVALID,
          "linear in=1x1x8 out=1x1x3 bias=1");
    FAILS(fpnas_cost_create_latency(space, table, FPNAS_INTERPOLATE_NONE, &cost), FPNAS_E_INVALID,
          "lack 1 keys of 'small': linear in=1x1x8 out=1x1x3 bias=1");
    CHECK(cost == NULL);
    OK(fpnas_latency_missing(table, space, FPNAS_INTERPOLATE_MACS, missing, sizeof missing, NULL));
    CHECK_STRING(missing, "linear in=1x1x8 out=1x1x3 bias=1\n");
    FAILS(fpnas_latency_missing(table, space, 2, missing, sizeof missing, NULL), FPNAS_E_INVALID,
          "interpolation must be");
    /* There and back, by text and by file. */
    CHECK_INT(fpnas_latency_to_json(table, NULL, 0, &needed), FPNAS_E_BUFFER);
    json = malloc(needed);
    OK(fpnas_latency_to_json(table, json, needed, NULL));
    file = mkstemp(path);
    CHECK(file >= 0);
    close(file);
    OK(fpnas_latency_save(table, path));
    fpnas_latency_free(table);
    OK(fpnas_latency_load(path, &table));
    OK(fpnas_latency_of(table, space, FPNAS_INTERPOLATE_NONE, rows, 1, out));
    CHECK_INT(out[0], 1111);
    remove(path);
    free(json);
    fpnas_latency_free(table);
    fpnas_latency_free(table);
    FAILS(fpnas_latency_save(table, path), FPNAS_E_HANDLE, "latency table");
    fpnas_space_free(space);
    CHECK_INT(fpnas_debug_live_handles(), 0);
}

static void latency_is_a_cost(void) {
    fpnas_space *space = network();
    fpnas_latency *table;
    fpnas_cost *cost;
    fpnas_distribution *p;
    const int32_t rows[2] = {0, 1};
    char whole[1024];
    int64_t out[2], low, high;
    double mean, variance;
    strcpy(whole, text);
    strcpy(strstr(whole, "]}"), ",{\"key\": \"linear in=1x1x8 out=1x1x3 bias=1\", \"ns\": 2}]}");
    OK(fpnas_latency_from_json(whole, strlen(whole), &table));
    OK(fpnas_cost_create_latency(space, table, FPNAS_INTERPOLATE_NONE, &cost));
    fpnas_latency_free(table);
    OK(fpnas_cost_of(cost, rows, 2, out));
    CHECK_INT(out[0], 1111);
    CHECK_INT(out[1], 1322);
    OK(fpnas_cost_range(cost, &low, &high));
    CHECK_INT(low, 1111);
    CHECK_INT(high, 1322);
    OK(fpnas_distribution_create(space, FPNAS_FORM_FACTORISED, &p));
    OK(fpnas_cost_moments(cost, p, &mean, &variance));
    CHECK_NEAR(mean, 1216.5, 1e-10);
    fpnas_distribution_free(p);
    fpnas_cost_free(cost);
    fpnas_space_free(space);
}

static void write_file(char *path, const char *content) {
    int file = mkstemp(path);
    CHECK(file >= 0 && write(file, content, strlen(content)) == (ssize_t)strlen(content));
    close(file);
}

static void tables_of_others(void) {
    fpnas_latency *table = NULL;
    char yaml[] = "/tmp/fpnas_yaml_XXXXXX", rows[] = "/tmp/fpnas_rows_XXXXXX", json[1024];
    write_file(yaml, "Logits-input:1x1x8-output:3:\n  count: 5\n  mean: 0.25\n  std: 0.001\n");
    OK(fpnas_latency_import(yaml, "once-for-all", "a phone", &table));
    OK(fpnas_latency_to_json(table, json, sizeof json, NULL));
    CHECK_CONTAINS(json, "\"linear in=1x1x8 out=1x1x3 bias=1\"");
    CHECK_CONTAINS(json, "250000");
    CHECK_CONTAINS(json, "a phone");
    fpnas_latency_free(table);
    write_file(rows, "[null, [1.5, 2], null]");
    OK(fpnas_latency_import(rows, "fbnet", "a board", &table));
    OK(fpnas_latency_to_json(table, json, sizeof json, NULL));
    CHECK_CONTAINS(json, "layer=0 option=1");
    fpnas_latency_free(table);
    FAILS(fpnas_latency_import(rows, "once-for-all", "x", &table), FPNAS_E_FORMAT, "line 1");
    CHECK(table == NULL);
    FAILS(fpnas_latency_import(yaml, "fbnet", "x", &table), FPNAS_E_FORMAT, "fpnas_yaml");
    FAILS(fpnas_latency_import(yaml, "xml", "x", &table), FPNAS_E_INVALID, "'xml'");
    FAILS(fpnas_latency_import(yaml, "fbnet", NULL, &table), FPNAS_E_INVALID, "device is NULL");
    FAILS(fpnas_latency_import("/nowhere", "fbnet", "x", &table), FPNAS_E_IO, "/nowhere");
    remove(yaml);
    remove(rows);
    CHECK_INT(fpnas_debug_live_handles(), 0);
}

static void bad_text(void) {
    fpnas_latency *table;
    const char *negative = HEAD "{\"key\": \"sum in=1x1x1 out=1x1x1 inputs=2\", \"ns\": -5}]}";
    FAILS(fpnas_latency_from_json(negative, strlen(negative), &table), FPNAS_E_FORMAT, "got -5");
    CHECK(table == NULL);
    FAILS(fpnas_latency_from_json("{", 1, &table), FPNAS_E_FORMAT, "JSON");
    FAILS(fpnas_latency_from_json(NULL, 4, &table), FPNAS_E_INVALID, "json is NULL");
    FAILS(fpnas_latency_from_json("{}", 2, NULL), FPNAS_E_INVALID, "table is NULL");
    FAILS(fpnas_latency_load("/nowhere", &table), FPNAS_E_IO, "/nowhere");
}

int main(void) {
    RUN(sums_and_what_is_missing);
    RUN(latency_is_a_cost);
    RUN(tables_of_others);
    RUN(bad_text);
    return test_report("test_latency");
}
