/* A small test runner. Each test runs in a child process, so that a crash is one failed test with
   a name. A handle made before a fork is refused after it: make handles inside the tests. */
#ifndef FPNAS_TEST_H
#define FPNAS_TEST_H

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seconds after which a test counts as hung; valgrind is some 30 times slower. */
#define TEST_SECONDS 300

static int test_failures = 0; /* of the running test, in its own process */
static int test_count = 0;
static int test_failed = 0;

/* Each macro reports its place and goes on, so that a test shows all that is wrong. */
#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            test_failures++; \
        } \
    } while (0)

#define CHECK_INT(actual, expected) \
    do { \
        long long actual_ = (long long)(actual), expected_ = (long long)(expected); \
        if (actual_ != expected_) { \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #actual, \
                    actual_, expected_); \
            test_failures++; \
        } \
    } while (0)

/* The largest allowed difference is absolute; NaN never passes. */
#define CHECK_NEAR(actual, expected, tolerance) \
    do { \
        double actual_ = (actual), expected_ = (expected); \
        if (!(fabs(actual_ - expected_) <= (tolerance))) { \
            fprintf(stderr, "%s:%d: %s is %.17g, not %.17g\n", __FILE__, __LINE__, #actual, \
                    actual_, expected_); \
            test_failures++; \
        } \
    } while (0)

#define CHECK_STRING(actual, expected) \
    do { \
        const char *actual_ = (actual), *expected_ = (expected); \
        if (actual_ == NULL || strcmp(actual_, expected_) != 0) { \
            fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #actual, \
                    actual_ == NULL ? "(null)" : actual_, expected_); \
            test_failures++; \
        } \
    } while (0)

/* For messages: the text holds the part. */
#define CHECK_CONTAINS(text, part) \
    do { \
        const char *text_ = (text), *part_ = (part); \
        if (text_ == NULL || strstr(text_, part_) == NULL) { \
            fprintf(stderr, "%s:%d: %s is \"%s\", without \"%s\"\n", __FILE__, __LINE__, #text, \
                    text_ == NULL ? "(null)" : text_, part_); \
            test_failures++; \
        } \
    } while (0)

/* A call that succeeds, and one that fails with a message that holds `part`. */
#define OK(call) CHECK_INT((call), FPNAS_OK)
#define FAILS(call, status, part) \
    do { \
        CHECK_INT((call), (status)); \
        CHECK_CONTAINS(fpnas_last_error(), (part)); \
    } while (0)

#define RUN(test) test_run(#test, test)

static void test_run(const char *name, void (*body)(void)) {
    pid_t child;
    int status = 0;
    test_count++;
    fflush(NULL); /* or the child would print the buffers again */
    child = fork();
    if (child < 0) {
        perror("fork");
        exit(2);
    }
    if (child == 0) {
        alarm(TEST_SECONDS);
        body();
        exit(test_failures == 0 ? 0 : 1);
    }
    if (waitpid(child, &status, 0) != child) {
        perror("waitpid");
        exit(2);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    test_failed++;
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "FAILED %s: ended by signal %d (%s)\n", name, WTERMSIG(status),
                strsignal(WTERMSIG(status)));
    } else {
        fprintf(stderr, "FAILED %s: exit status %d\n", name, WEXITSTATUS(status));
    }
}

/* The closing line; what main returns. */
static int test_report(const char *program) {
    printf("%s: %d tests, %d failed\n", program, test_count, test_failed);
    return test_failed == 0 ? 0 : 1;
}

#endif
