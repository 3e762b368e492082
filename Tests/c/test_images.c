/* A folder of 10^5 PNG files takes the memory of its names and of one batch. */
#include <fpnas.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fpnas_test.h"

/* 16x16 grey pixels: 100 on the left, 200 on the right. */
static const unsigned char image[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x10, 0x08, 0x00, 0x00, 0x00, 0x00, 0x3a, 0x98, 0xa0,
    0xbd, 0x00, 0x00, 0x00, 0x11, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x48, 0x81, 0x82, 0x13,
    0x50, 0xc0, 0x30, 0xb2, 0x05, 0x00, 0xed, 0xa2, 0x96, 0x01, 0xc4, 0x93, 0x22, 0x40, 0x00, 0x00,
    0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
};

static void write_image(const char *path) {
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    if (file == NULL) return;
    CHECK_INT(fwrite(image, 1, sizeof image, file), sizeof image);
    fclose(file);
}

/* `count` names a class, all of them links to one file. */
static void make_folder(const char *root, int classes, int count) {
    char first[128], path[128];
    OK(mkdir(root, 0777));
    for (int label = 0; label < classes; label++) {
        snprintf(path, sizeof path, "%s/%d", root, label);
        OK(mkdir(path, 0777));
        snprintf(first, sizeof first, "%s/%d/000000.png", root, label);
        write_image(first);
        for (int i = 1; i < count; i++) {
            snprintf(path, sizeof path, "%s/%d/%06d.png", root, label, i);
            if (link(first, path) != 0) {
                perror(path);
                exit(2);
            }
        }
    }
}

static void remove_folder(const char *root) {
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    CHECK_INT(system(command), 0);
}

typedef struct usage {
    int64_t current;
    int64_t peak;
    long resident; /* KiB, at most so far */
} usage;

/* Buffers while a run over the folder stands after some steps. */
static usage use(const char *root) {
    fpnas_run_options options;
    fpnas_run *run = NULL;
    struct rusage resources;
    usage result = {0, 0, 0};
    int64_t before, unused;
    OK(fpnas_debug_memory(1, &before, &unused));
    OK(fpnas_run_options_init(&options, sizeof options));
    options.batch_size = 8;
    options.threads = 1; /* a second one takes its scratch memory when it gets an image */
    OK(fpnas_run_create(root, NULL, &options, &run));
    for (int i = 0; i < 3; i++) OK(fpnas_run_step(run));
    OK(fpnas_debug_memory(0, &result.current, &result.peak));
    result.current -= before;
    result.peak -= before;
    fpnas_run_free(run);
    getrusage(RUSAGE_SELF, &resources);
    result.resident = resources.ru_maxrss;
    return result;
}

static void many_files_take_the_memory_of_their_names(void) {
    char root[] = "/tmp/fpnas-images-XXXXXX", small[64], large[64];
    enum { CLASSES = 10, FEW = 1000, MANY = 10000, NAME = 11 /* with its zero */ };
    usage few, many;
    CHECK(mkdtemp(root) != NULL);
    snprintf(small, sizeof small, "%s/small", root);
    snprintf(large, sizeof large, "%s/large", root);
    make_folder(small, CLASSES, FEW);
    make_folder(large, CLASSES, MANY);
    few = use(small);
    many = use(large);
    /* A name and 4 bytes that say where it begins; all else is the same. */
    CHECK_INT(many.current - few.current, (int64_t)CLASSES * (MANY - FEW) * (NAME + 4));
    CHECK_INT(many.peak - few.peak, (int64_t)CLASSES * (MANY - FEW) * (NAME + 4));
    /* Labels and orders are small arrays that the counter does not see: below 64 bytes an image,
     * where the pixels would be 256 and a batch's floats 1024. */
    CHECK((many.resident - few.resident) * 1024 < (int64_t)CLASSES * (MANY - FEW) * 64);
    printf("test_images: %d files: buffers %lld bytes at most, resident %ld KiB more than with %d\n",
           CLASSES * MANY, (long long)many.peak, many.resident - few.resident, CLASSES * FEW);
    remove_folder(root);
}

int main(void) {
    RUN(many_files_take_the_memory_of_their_names);
    return test_report("test_images");
}
