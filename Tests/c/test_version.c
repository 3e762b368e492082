/* The version functions agree with the header that programs are compiled with. */
#include "fpnas.h"
#include "fpnas_test.h"

static void version_is_the_headers(void) {
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", FPNAS_VERSION_NUMBER / 10000,
             FPNAS_VERSION_NUMBER / 100 % 100, FPNAS_VERSION_NUMBER % 100);
    CHECK_INT(fpnas_version_number(), FPNAS_VERSION_NUMBER);
    CHECK_STRING(fpnas_version_string(), text);
    CHECK_INT(fpnas_abi_version(), FPNAS_ABI_VERSION);
}

static void build_info_is_one_line(void) {
    const char *info = fpnas_build_info();
    CHECK_CONTAINS(info, "Swift");
    CHECK_CONTAINS(info, "OpenBLAS");
    CHECK(strchr(info, '\n') == NULL);
    CHECK(fpnas_build_info() == info);
}

static void last_error_is_never_null(void) {
    CHECK(fpnas_last_error() != NULL);
}

int main(void) {
    RUN(version_is_the_headers);
    RUN(build_info_is_one_line);
    RUN(last_error_is_never_null);
    return test_report("test_version");
}
