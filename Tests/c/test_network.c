/* A trained network by itself: what it predicts is what the training measures, its file is of the
 * safetensors format, and its tensors are those of the file. */
#include <fpnas.h>

#include "fpnas_test.h"

#define DATA "data/digits"

enum { IMAGES = 596, SIDE = 8, CLASSES = 10, PIXELS = SIDE * SIDE };

static uint8_t pixels[IMAGES * PIXELS], labels[IMAGES];

static void read_file(const char *path, size_t header, uint8_t *out, size_t count) {
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    CHECK_INT(fseek(file, (long)header, SEEK_SET), 0);
    CHECK_INT(fread(out, 1, count, file), count);
    CHECK_INT(fgetc(file), EOF);
    fclose(file);
}

static fpnas_retrain *trained(double averaging) {
    fpnas_retrain_options options;
    fpnas_retrain *retrain = NULL;
    fpnas_space *space;
    int32_t row[64];
    OK(fpnas_space_preset("mbconv-small", 16, 16, 1, CLASSES, &space));
    OK(fpnas_space_random_near(space, 300000, 1, row, 64));
    OK(fpnas_retrain_options_init(&options, sizeof options));
    options.epochs = 3;
    options.threads = 2;
    options.weight_averaging = averaging;
    OK(fpnas_retrain_create(DATA, space, row, &options, &retrain));
    fpnas_space_free(space);
    for (int i = 0; i < 60; i++) OK(fpnas_retrain_step(retrain, 1));
    return retrain;
}

/* Accuracy and mean log-likelihood of logits. */
static void measure(const float *logits, double *accuracy, double *log_likelihood) {
    *accuracy = *log_likelihood = 0;
    for (int i = 0; i < IMAGES; i++) {
        const float *row = logits + i * CLASSES;
        double sum = 0;
        int best = 0;
        for (int c = 0; c < CLASSES; c++) {
            sum += exp((double)row[c]);
            if (row[c] > row[best]) best = c;
        }
        *accuracy += (best == labels[i]) / (double)IMAGES;
        *log_likelihood += (row[labels[i]] - log(sum)) / IMAGES;
    }
}

static void predicts_what_the_training_measures(void) {
    static float logits[IMAGES * CLASSES], others[IMAGES * CLASSES], inputs[IMAGES * 256];
    double accuracy, log_likelihood, expected, likelihood;
    read_file(DATA "/t10k-images-idx3-ubyte", 16, pixels, sizeof pixels);
    read_file(DATA "/t10k-labels-idx1-ubyte", 8, labels, sizeof labels);
    for (int averages = 0; averages < 2; averages++) {
        fpnas_retrain *retrain = trained(averages ? 0.9 : 0);
        fpnas_network *network = NULL;
        size_t needed = 0;
        OK(fpnas_retrain_network(retrain, &network));
        OK(fpnas_retrain_test(retrain, &expected, &likelihood));
        FAILS(fpnas_network_predict(network, pixels, IMAGES, SIDE, SIDE, logits, 7, &needed),
              FPNAS_E_BUFFER, "5960 are needed");
        CHECK_INT(needed, IMAGES * CLASSES);
        OK(fpnas_network_predict(network, pixels, IMAGES, SIDE, SIDE, logits, needed, NULL));
        measure(logits, &accuracy, &log_likelihood);
        CHECK(expected > 0.5);
        CHECK_NEAR(accuracy, expected, 1e-9);
        CHECK_NEAR(log_likelihood, likelihood, 1e-5);
        /* Cut another way, prepared apart, and after the training went on: the same bits. */
        OK(fpnas_retrain_step(retrain, 1));
        fpnas_retrain_free(retrain);
        OK(fpnas_network_prepare(network, pixels, IMAGES, SIDE, SIDE, inputs, IMAGES * 256, NULL));
        for (int i = 0, n = 1; i < IMAGES; i += n, n = n * 3 % 97) {
            if (n > IMAGES - i) n = IMAGES - i;
            OK(fpnas_network_predict_prepared(network, inputs + i * 256, n, others + i * CLASSES,
                                              n * CLASSES, NULL));
        }
        CHECK(memcmp(logits, others, sizeof logits) == 0);
        fpnas_network_free(network);
    }
    CHECK_INT(fpnas_debug_live_handles(), 0);
}

static void its_file_holds_its_tensors(void) {
    static float logits[IMAGES * CLASSES], others[IMAGES * CLASSES];
    static uint8_t file[1 << 20];
    static float values[1 << 16];
    static char json[1 << 18], name[256];
    char path[] = "/tmp/fpnas-network-XXXXXX";
    fpnas_retrain *retrain = trained(0);
    fpnas_network *network = NULL, *loaded = NULL;
    size_t count = 0, needed, size, floats = 0;
    int64_t shape[4];
    uint64_t header = 0;
    FILE *stream;
    read_file(DATA "/t10k-images-idx3-ubyte", 16, pixels, sizeof pixels);
    close(mkstemp(path));
    OK(fpnas_retrain_network(retrain, &network));
    fpnas_retrain_free(retrain);
    OK(fpnas_network_save(network, path));
    stream = fopen(path, "rb");
    size = fread(file, 1, sizeof file, stream);
    fclose(stream);
    for (int i = 7; i >= 0; i--) header = header << 8 | file[i];
    CHECK(header % 8 == 0 && header < size && file[8] == '{');
    OK(fpnas_network_tensor_count(network, &count));
    for (size_t i = 0; i < count; i++) {
        size_t product = 1;
        OK(fpnas_network_tensor_name(network, i, name, sizeof name, NULL));
        OK(fpnas_network_tensor_shape(network, i, shape, 4, &needed));
        for (size_t d = 0; d < needed; d++) product *= (size_t)shape[d];
        OK(fpnas_network_tensor_values(network, i, values, 1 << 16, &needed));
        CHECK_INT(needed, product);
        /* Tensors lie in their order behind the header. */
        CHECK(memcmp(file + 8 + header + 4 * floats, values, 4 * product) == 0);
        file[8 + header - 1] = 0;
        CHECK_CONTAINS((char *)file + 8, name);
        floats += product;
    }
    CHECK_INT(size, 8 + header + 4 * floats);
    OK(fpnas_network_to_json(network, json, sizeof json, NULL));
    CHECK_CONTAINS(json, "\"fpnas-network\"");
    CHECK_CONTAINS(json, "\"stem.0.conv.norm.gamma\"");

    OK(fpnas_network_load(path, 1, &loaded));
    OK(fpnas_network_predict(network, pixels, IMAGES, SIDE, SIDE, logits, 5960, NULL));
    OK(fpnas_network_predict(loaded, pixels, IMAGES, SIDE, SIDE, others, 5960, NULL));
    CHECK(memcmp(logits, others, sizeof logits) == 0);
    fpnas_network_free(loaded);
    loaded = NULL;

    FAILS(fpnas_network_load(path, 257, &loaded), FPNAS_E_INVALID, "257");
    FAILS(fpnas_network_load("/no/such", 1, &loaded), FPNAS_E_IO, "/no/such");
    FAILS(fpnas_network_save(network, "/no/such"), FPNAS_E_IO, "/no/such");
    FAILS(fpnas_network_tensor_name(network, count, name, 1, NULL), FPNAS_E_INVALID, "below");
    FAILS(fpnas_network_predict(network, pixels, 1, 0, 8, logits, 10, NULL), FPNAS_E_INVALID,
          "height must be in [1, 32768], got 0");
    FAILS(fpnas_network_predict(network, pixels, SIZE_MAX / 2, 8, 8, logits, 10, NULL),
          FPNAS_E_INVALID, "count is too large");
    OK(fpnas_network_predict(network, NULL, 0, 8, 8, NULL, 0, NULL));
    values[3] = NAN;
    FAILS(fpnas_network_predict_prepared(network, values, 1, logits, 10, NULL), FPNAS_E_INVALID,
          "value 3 of image 0");
    /* Cut short, the last tensor lies outside. */
    CHECK_INT(truncate(path, (off_t)(size - 4)), 0);
    FAILS(fpnas_network_load(path, 1, &loaded), FPNAS_E_FORMAT, "not of the safetensors format");
    CHECK_INT(truncate(path, 5), 0);
    FAILS(fpnas_network_load(path, 1, &loaded), FPNAS_E_FORMAT, "5 bytes");
    CHECK(loaded == NULL);
    fpnas_network_free(network);
    unlink(path);
    CHECK_INT(fpnas_debug_live_handles(), 0);
}

static void networks_teach(void) {
    fpnas_retrain *teacher = trained(0), *pupil = trained(0), *other = trained(0);
    fpnas_network *network = NULL;
    static float logits[1 << 15];
    fpnas_retrain_progress a, b;
    size_t needed = 0;
    OK(fpnas_retrain_network(teacher, &network));
    OK(fpnas_retrain_distil_network(pupil, network, 0.7, 2));
    OK(fpnas_retrain_logits(teacher, logits, 1 << 15, &needed));
    OK(fpnas_retrain_distil(other, logits, needed, 0.7, 2));
    for (int i = 0; i < 5; i++) {
        OK(fpnas_retrain_step(pupil, 1));
        OK(fpnas_retrain_step(other, 1));
    }
    a.struct_size = b.struct_size = sizeof a;
    OK(fpnas_retrain_progress_get(pupil, &a));
    OK(fpnas_retrain_progress_get(other, &b));
    CHECK(a.train_log_likelihood == b.train_log_likelihood);
    FAILS(fpnas_retrain_distil_network(pupil, network, 2, 2), FPNAS_E_INVALID, "weight");
    FAILS(fpnas_retrain_distil_network(pupil, NULL, 0.5, 2), FPNAS_E_HANDLE, "network");
    fpnas_network_free(network);
    fpnas_retrain_free(teacher);
    fpnas_retrain_free(pupil);
    fpnas_retrain_free(other);
}

int main(void) {
    RUN(predicts_what_the_training_measures);
    RUN(its_file_holds_its_tensors);
    RUN(networks_teach);
    return test_report("test_network");
}
