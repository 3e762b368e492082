/* fpnas.h: probabilistic neural architecture search (FP-NAS, CVPR 2021) behind a C ABI.
 *
 * The library learns a probability distribution over neural architectures. A program describes a
 * search space, then loops: ask for architectures, evaluate them in its own training code, tell
 * their log-likelihoods; and at any time query the distribution.
 *
 *     fpnas_space *space; fpnas_search *search; fpnas_ask ask;
 *     fpnas_progress progress = {sizeof progress};
 *     fpnas_search_options options = FPNAS_SEARCH_OPTIONS_INIT;
 *     options.maximum_steps = 1000;
 *     fpnas_space_preset("mbconv-small", 16, 16, 1, 10, &space);
 *     fpnas_search_create(space, &options, &search);
 *     while (fpnas_search_ask(search, &ask) == FPNAS_OK) {
 *         fpnas_search_ask_architectures(search, ask.number, rows, capacity, NULL);
 *         for (size_t i = 0; i < ask.network_count; i++) values[i] = evaluate(rows + i * width);
 *         fpnas_search_tell(search, ask.number, values, ask.network_count);
 *         fpnas_search_progress(search, &progress);
 *         if (progress.stop_reason != FPNAS_STOP_NONE) break;
 *     }
 *
 * Errors.     A function that can fail returns an fpnas_status: 0, or a negative code, and then
 *             fpnas_last_error() says what was wrong, with the offending value. On an error nothing
 *             has changed and outputs are NULL or 0. No input makes the library end the process,
 *             except that exhausted memory may in small allocations of the Swift runtime.
 * Ownership.  Inputs are copied. A handle made by _create, _load and the like belongs to the caller
 *             and is freed once by _free; freeing NULL or a stale handle does nothing. Handles keep
 *             alive what they need, so they may be freed in any order.
 * Outputs.    (T *out, size_t capacity, size_t *needed): counts of T; strings include their final
 *             NUL. If capacity is too small the status is FPNAS_E_BUFFER, *needed is set and
 *             nothing is written; out may be NULL with capacity 0 to ask for the size. needed may
 *             be NULL.
 * Threads.    Handles may be used from any thread, one call at a time: a second concurrent call on
 *             the same handle returns FPNAS_E_BUSY. Different handles are independent. The library
 *             keeps no threads between calls (OpenBLAS has a pool of its own, which sleeps).
 *             After fork() a child's handles return FPNAS_E_FORKED.
 * Determinism. A seed fixes the trajectory, for any number of threads; there is no global random
 *             state. The search has the same bits on every CPU, training on every one with AVX2 and
 *             FMA; but convolutions with groups have those that OpenBLAS gives.
 * ABI.        Functions and constants are never removed or renumbered. Structs begin with
 *             struct_size, start from their _INIT, and only grow at their ends; 0 in a field that
 *             is documented so means its default.
 *
 * Units: log-likelihoods and entropies in nats, MACs in multiply-accumulates of one image.
 * An architecture is int32_t[V], one choice index per variable in the order of the space;
 * canonical architectures have 0 in variables that do not exist under their other choices.
 */
#ifndef FPNAS_H
#define FPNAS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define FPNAS_API __attribute__((visibility("default")))
#else
#define FPNAS_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version --------------------------------------------------------------------------------- */

#define FPNAS_VERSION_NUMBER 100 /* major * 10000 + minor * 100 + patch */
#define FPNAS_ABI_VERSION 0

/* The version of the library that is loaded. Since 0.1. */
FPNAS_API int32_t fpnas_version_number(void);
/* As "0.1.0"; static. Since 0.1. */
FPNAS_API const char *fpnas_version_string(void);
/* Programs and libraries of equal ABI version fit together. Since 0.1. */
FPNAS_API int32_t fpnas_abi_version(void);
/* Compiler, kernels in use, BLAS and its kernels, in one line; static. Since 0.1. */
FPNAS_API const char *fpnas_build_info(void);

/* ---- Errors ---------------------------------------------------------------------------------- */

typedef int32_t fpnas_status;
#define FPNAS_OK 0
#define FPNAS_E_INVALID (-1)     /* an argument is out of range or contradicts another */
#define FPNAS_E_HANDLE (-2)      /* a handle is NULL, freed, foreign or of another type */
#define FPNAS_E_BUFFER (-3)      /* an output buffer is too small */
#define FPNAS_E_NOMEM (-4)       /* not enough memory */
#define FPNAS_E_BUSY (-5)        /* the handle is in use by another thread */
#define FPNAS_E_UTF8 (-6)        /* a string is not UTF-8 */
#define FPNAS_E_IO (-7)          /* a file cannot be read or written */
#define FPNAS_E_FORMAT (-8)      /* a file or text is not of the expected form */
#define FPNAS_E_STATE (-9)       /* the call does not fit the state of the handle */
#define FPNAS_E_FORKED (-10)     /* the handle was made before a fork */
#define FPNAS_E_INFEASIBLE (-11) /* a budget cannot be met */

/* The message of this thread's last failed call; never NULL, valid until its next failed call.
 * Since 0.1. */
FPNAS_API const char *fpnas_last_error(void);
/* A status's name, such as "FPNAS_E_INVALID"; static; "unknown" for others. Since 0.1. */
FPNAS_API const char *fpnas_status_name(fpnas_status status);
/* Number of handles not freed yet, for leak checks in tests. Since 0.1. */
FPNAS_API int64_t fpnas_debug_live_handles(void);

/* ---- Search space ---------------------------------------------------------------------------- */

typedef struct fpnas_space fpnas_space;                 /* immutable; share freely */
typedef struct fpnas_space_builder fpnas_space_builder; /* one thread at a time */

/* Starts a space of that name. Errors: INVALID, UTF8. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_builder_create(const char *name, fpnas_space_builder **builder);
/* Makes it a network space, which the built-in costs and supernet understand: images of
 * height x width x channels and a number of classes. Its layers then all have operations.
 * Since 0.1. */
FPNAS_API fpnas_status fpnas_space_builder_set_input(fpnas_space_builder *builder, int32_t height,
                                                     int32_t width, int32_t channels,
                                                     int32_t classes);
/* Adds a layer; the functions below speak of the last one. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_builder_add_layer(fpnas_space_builder *builder,
                                                     const char *name);
/* Gives the layer an operation, "conv", "mbconv", "fused_mbconv", "basic", "bottleneck", "skip",
 * "pool", "resolution", "pooled_head", "linear" or "classifier", its first block's stride and number of
 * blocks, which share one choice. Its variables are then named after attributes, such as "kernel"
 * (0 skips an mbconv), "activation", "se", "splits", "expansion", "channels"; all of them, with
 * ranges and defaults, are in docs/spaces.md. Where the kernel may be 0, what shapes the inside of
 * an mbconv exists only under the other kernels. An attribute's name with ".2" behind it is of the
 * second block alone. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_builder_set_operation(fpnas_space_builder *builder,
                                                         const char *operation, int32_t stride,
                                                         int32_t repeats);
/* Searches the layer's number of blocks, each in [1, 1024]: a variable "repeats". Since 0.1. */
FPNAS_API fpnas_status fpnas_space_builder_set_repeats(fpnas_space_builder *builder,
                                                       const int32_t *counts, size_t count);
/* Lets every block of the layer choose a searched attribute for itself: variables "kernel.1",
 * "kernel.2", ... which exist as far as the blocks do. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_builder_set_per_block(fpnas_space_builder *builder,
                                                         const char *attribute);
/* Adds a whole block that the layer may choose by a variable "op"; the fix_ functions then speak of
 * it, until the next one or the next layer, and the layer's own operation no longer matters.
 * Since 0.1. */
FPNAS_API fpnas_status fpnas_space_builder_add_alternative(fpnas_space_builder *builder,
                                                           const char *name,
                                                           const char *operation);
/* Adds a categorical variable with 1 to 65536 distinct choices. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_builder_add_integers(fpnas_space_builder *builder,
                                                        const char *name, const int64_t *choices,
                                                        size_t count);
FPNAS_API fpnas_status fpnas_space_builder_add_reals(fpnas_space_builder *builder, const char *name,
                                                     const double *choices, size_t count);
FPNAS_API fpnas_status fpnas_space_builder_add_texts(fpnas_space_builder *builder, const char *name,
                                                     const char *const *choices, size_t count);
/* Lets the last variable of an abstract space's layer exist only while an earlier variable of the
 * layer has one of these choice indices. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_builder_set_condition(fpnas_space_builder *builder,
                                                         const char *variable,
                                                         const int32_t *choices, size_t count);
/* Fixes an attribute of the layer's operation. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_builder_fix_integer(fpnas_space_builder *builder,
                                                       const char *attribute, int64_t value);
FPNAS_API fpnas_status fpnas_space_builder_fix_real(fpnas_space_builder *builder,
                                                    const char *attribute, double value);
FPNAS_API fpnas_status fpnas_space_builder_fix_text(fpnas_space_builder *builder,
                                                    const char *attribute, const char *value);
/* Checks the whole and makes the space; the builder stays and may go on. Errors: INVALID, naming
 * the layer and variable. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_builder_finish(fpnas_space_builder *builder,
                                                  fpnas_space **space);
FPNAS_API void fpnas_space_builder_free(fpnas_space_builder *builder);

/* A space that comes with the library, for images of the given shape: "mbconv-small", "fbnetv2-f",
 * "fbnetv2-f-fine", "fbnetv2-f++", "fp-nas-l0", "fp-nas-l1", "fp-nas-l2" (reconstructions),
 * "nas-bench-201", "nas-bench-macro", "darts", "ofa-mobilenetv3", "ofa-mobilenetv3-w1.2".
 * Errors: INVALID, listing them. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_preset(const char *name, int32_t height, int32_t width,
                                          int32_t channels, int32_t classes, fpnas_space **space);
/* All names of presets, one a line. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_preset_names(char *out, size_t capacity, size_t *needed);
/* A network of copies of searched cells, "nas-bench-201" (three stages of `cells` cells, first of
 * `channels`) or "darts" (`cells` in all), for images of the given shape. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_cells(const char *network, int32_t channels, int32_t cells,
                                         int32_t height, int32_t width, int32_t image_channels,
                                         int32_t classes, fpnas_space **space);
/* From JSON text (docs/file-formats.md). Errors: FORMAT with the place. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_from_json(const char *json, size_t length, fpnas_space **space);
FPNAS_API fpnas_status fpnas_space_load(const char *path, fpnas_space **space);
FPNAS_API fpnas_status fpnas_space_to_json(const fpnas_space *space, char *out, size_t capacity,
                                           size_t *needed);
FPNAS_API void fpnas_space_free(fpnas_space *space);

/* Names and sizes; layers, variables and choices count from 0. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_name(const fpnas_space *space, char *out, size_t capacity,
                                        size_t *needed);
FPNAS_API fpnas_status fpnas_space_layer_count(const fpnas_space *space, size_t *count);
FPNAS_API fpnas_status fpnas_space_layer_name(const fpnas_space *space, size_t layer, char *out,
                                              size_t capacity, size_t *needed);
FPNAS_API fpnas_status fpnas_space_variable_count(const fpnas_space *space, size_t *count);
FPNAS_API fpnas_status fpnas_space_variable_name(const fpnas_space *space, size_t variable,
                                                 char *out, size_t capacity, size_t *needed);
FPNAS_API fpnas_status fpnas_space_variable_layer(const fpnas_space *space, size_t variable,
                                                  size_t *layer);
FPNAS_API fpnas_status fpnas_space_choice_count(const fpnas_space *space, size_t variable,
                                                size_t *count);
FPNAS_API fpnas_status fpnas_space_choice_label(const fpnas_space *space, size_t variable,
                                                size_t choice, char *out, size_t capacity,
                                                size_t *needed);
/* Exact number of encodings (canonical = 0) or of canonical ones (canonical = 1), as decimal
 * digits. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_count(const fpnas_space *space, int32_t canonical, char *out,
                                         size_t capacity, size_t *needed);
/* Number of logits of the factorised and of the joint form, -1 where the joint form is refused.
 * Since 0.1. */
FPNAS_API fpnas_status fpnas_space_logit_counts(const fpnas_space *space, int64_t *factorised,
                                                int64_t *joint);
/* Refuses rows that are no encodings of the space. Errors: INVALID, naming row and variable.
 * Since 0.1. */
FPNAS_API fpnas_status fpnas_space_validate(const fpnas_space *space, const int32_t *architectures,
                                            size_t count);
/* A number that is equal for architectures whose networks compute the same, whatever their layers,
 * and otherwise differs but by a chance of 2^-64; the same on every machine. Of "nas-bench-201" it
 * tells apart what the benchmark's own notation does. Errors: INVALID, also for an abstract space.
 * Since 0.1. */
FPNAS_API fpnas_status fpnas_space_network_hash(const fpnas_space *space,
                                                const int32_t *architecture, uint64_t *hash);
/* Sets variables that do not exist to 0, in place, in `count` rows. Errors: INVALID, naming the
 * variable. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_canonicalise(const fpnas_space *space, int32_t *architectures,
                                                size_t count);
/* An architecture as a file that stands alone: space, encoding, choices, costs. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_architecture_to_json(const fpnas_space *space,
                                                        const int32_t *architecture, char *out,
                                                        size_t capacity, size_t *needed);
FPNAS_API fpnas_status fpnas_architecture_load(const char *path, fpnas_space **space,
                                               int32_t *architecture, size_t capacity,
                                               size_t *needed);

/* Compound scaling of one network [Tan & Le 2019]: depth alpha^phi, width beta^phi, resolution
 * gamma^phi, with alpha beta^2 gamma^2 about 2. The candidates of the grid search at phi = 1, rows
 * of (alpha, beta, gamma), each 1 + i step, with |alpha beta^2 gamma^2 - product| <= tolerance; the
 * caller evaluates the networks they make and keeps the best. step in [0.001, 1]. Since 0.1. */
FPNAS_API fpnas_status fpnas_compound_candidates(double step, double product, double tolerance,
                                                 double *out, size_t capacity, size_t *needed);
/* The factors and the image size for phi in [-8, 8]: factors rounded to multiples of
 * coefficient_step (0: not rounded), rows and columns of the space's images to multiples of
 * size_step (0: to pixels). EfficientNet's are 0.1 and 20: from 1.2, 1.1, 1.15 and 224 pixels they
 * make B1 of phi = 0.5 and B2 of phi = 1. Since 0.1. */
FPNAS_API fpnas_status fpnas_compound_scaling(const fpnas_space *space, double alpha, double beta,
                                              double gamma, double phi, double coefficient_step,
                                              int32_t size_step, double *depth_factor,
                                              double *width_factor, int32_t *height,
                                              int32_t *width);
/* One network of a space (architecture = NULL where it has no variables), made larger, as a space
 * without variables: blocks of residual layers times depth_factor, rounded up; all widths times
 * width_factor, rounded to multiples of 8; images of height x width (0 keeps them). Errors: INVALID,
 * also for abstract spaces, cells, and layers whose blocks choose for themselves. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_scaled(const fpnas_space *space, const int32_t *architecture,
                                          double depth_factor, double width_factor, int32_t height,
                                          int32_t width, fpnas_space **scaled);

/* ---- Cost (network spaces) ------------------------------------------------------------------- */

#define FPNAS_COST_MACS 0
#define FPNAS_COST_PARAMETERS 1
#define FPNAS_COST_ACTIVATIONS 2 /* bytes of all operators' results as 32-bit floats */

/* What is counted. TORCH: MACs of convolutions and fully connected layers; all trained parameters.
 * MOBILE_VISION: one MAC more for every input element of a global pool; weights of convolutions and
 * fully connected layers alone. NAS_BENCH: as TORCH, whose numbers the benchmarks' are. */
#define FPNAS_COUNT_TORCH 0
#define FPNAS_COUNT_MOBILE_VISION 1
#define FPNAS_COUNT_NAS_BENCH 2

/* Exact costs of one network by a convention FPNAS_COUNT_...: three values, in the order of
 * FPNAS_COST_.... Errors: INVALID, also for an abstract space. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_costs(const fpnas_space *space, const int32_t *architecture,
                                         int32_t convention, int64_t *out, size_t capacity,
                                         size_t *needed);
/* MACs and parameters per layer, as TORCH counts: `capacity` >= number of layers in both arrays,
 * and one more in a space of cells, for what its layers do not choose. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_layer_costs(const fpnas_space *space,
                                               const int32_t *architecture, int64_t *macs,
                                               int64_t *parameters, size_t capacity,
                                               size_t *needed);
/* The least and the greatest cost of any network of the space. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_cost_range(const fpnas_space *space, int32_t metric,
                                              int64_t *least, int64_t *greatest);

/* ---- Distribution ---------------------------------------------------------------------------- */

#define FPNAS_FORM_FACTORISED 0 /* one categorical per variable */
#define FPNAS_FORM_JOINT 1      /* one categorical per layer, over the product of its variables */

typedef struct fpnas_distribution fpnas_distribution; /* one thread at a time */

/* The uniform distribution. The joint form is refused above 2^26 logits. Since 0.1. */
FPNAS_API fpnas_status fpnas_distribution_create(const fpnas_space *space, int32_t form,
                                                 fpnas_distribution **distribution);
FPNAS_API fpnas_status fpnas_distribution_copy(const fpnas_distribution *distribution,
                                               fpnas_distribution **copy);
/* The same distribution in joint form: every architecture keeps its probability. Since 0.1. */
FPNAS_API fpnas_status fpnas_distribution_to_joint(const fpnas_distribution *distribution,
                                                   fpnas_distribution **joint);
FPNAS_API void fpnas_distribution_free(fpnas_distribution *distribution);
/* A new handle of its space. Since 0.1. */
FPNAS_API fpnas_status fpnas_distribution_space(const fpnas_distribution *distribution,
                                                fpnas_space **space);
FPNAS_API fpnas_status fpnas_distribution_form(const fpnas_distribution *distribution,
                                               int32_t *form);
/* Logits, contiguous: variable after variable (factorised), or layer after layer with the last
 * variable of a layer fastest (joint). Values within +-1e6. Since 0.1. */
FPNAS_API fpnas_status fpnas_distribution_get_logits(const fpnas_distribution *distribution,
                                                     double *out, size_t capacity, size_t *needed);
FPNAS_API fpnas_status fpnas_distribution_set_logits(fpnas_distribution *distribution,
                                                     const double *logits, size_t count);
/* Entropy in nats over encodings (canonical = 0; this one sets K) or over networks (1).
 * Since 0.1. */
FPNAS_API fpnas_status fpnas_distribution_entropy(const fpnas_distribution *distribution,
                                                  int32_t canonical, double *entropy);
/* log P of `count` architectures, of the encodings themselves or of their networks. Since 0.1. */
FPNAS_API fpnas_status fpnas_distribution_log_probability(const fpnas_distribution *distribution,
                                                          const int32_t *architectures,
                                                          size_t count, int32_t canonical,
                                                          double *out);
/* Probability of every choice of every variable, variable after variable; canonical ones count a
 * choice only where its variable exists. Since 0.1. */
FPNAS_API fpnas_status fpnas_distribution_marginals(const fpnas_distribution *distribution,
                                                    int32_t canonical, double *out,
                                                    size_t capacity, size_t *needed);
/* Draws `count` rows of V choices: draw k of step t is a pure function of (seed, t, k).
 * Since 0.1. */
FPNAS_API fpnas_status fpnas_distribution_sample(const fpnas_distribution *distribution,
                                                 uint64_t seed, uint64_t step, size_t count,
                                                 int32_t *out, size_t capacity, size_t *needed);
/* The `count` most probable networks, most probable first: `count` rows of V choices and their log
 * P; `found` says how many there are (fewer in a tiny space). `count` = 1 is the mode.
 * Since 0.1. */
FPNAS_API fpnas_status fpnas_distribution_top(const fpnas_distribution *distribution, size_t count,
                                              int32_t *architectures, double *log_probabilities,
                                              size_t *found);
/* KL(distribution || other) in nats, both over one space. Since 0.1. */
FPNAS_API fpnas_status fpnas_distribution_divergence(const fpnas_distribution *distribution,
                                                     const fpnas_distribution *other,
                                                     double *divergence);
/* Exact expectation of a cost, without sampling (network spaces). Since 0.1. */
FPNAS_API fpnas_status fpnas_distribution_expected_cost(const fpnas_distribution *distribution,
                                                        int32_t metric, double *expectation);
/* The most probable network that costs at most `budget`. Errors: INFEASIBLE, stating the least
 * possible cost. Since 0.1. */
FPNAS_API fpnas_status fpnas_distribution_best_within(const fpnas_distribution *distribution,
                                                      int32_t metric, int64_t budget,
                                                      int32_t *architecture, size_t capacity,
                                                      double *log_probability);

/* ---- Costs and budgets ----------------------------------------------------------------------- */

/* An additive cost over a space: an integer for every architecture, the sum of what its layers
 * cost. All arithmetic below is exact, by dynamic programming over the layers; docs/budgets.md. */
typedef struct fpnas_cost fpnas_cost; /* immutable; share freely */

/* A built-in cost (FPNAS_COST_...) of a network space. Errors: INVALID, also for an abstract space.
 * Since 0.1. */
FPNAS_API fpnas_status fpnas_cost_create_metric(const fpnas_space *space, int32_t metric,
                                                fpnas_cost **cost);
/* A cost of the caller's: the sum, over the variables that exist, of a value of their choice; one
 * value a choice, variable after variable, each in [0, 2^60), as must be every architecture's sum.
 * Errors: INVALID, naming the value. Since 0.1. */
FPNAS_API fpnas_status fpnas_cost_create_choices(const fpnas_space *space, const int64_t *values,
                                                 size_t count, fpnas_cost **cost);
/* The same from real values >= 0 (a table of milliseconds, say), each rounded up to whole units of
 * `unit` > 0, in which all that follows counts; what is whole up to 1e-12 of itself stays.
 * NaN and infinity are refused. Since 0.1. */
FPNAS_API fpnas_status fpnas_cost_create_reals(const fpnas_space *space, const double *values,
                                               size_t count, double unit, fpnas_cost **cost);
FPNAS_API void fpnas_cost_free(fpnas_cost *cost);
/* A new handle of its space. Since 0.1. */
FPNAS_API fpnas_status fpnas_cost_space(const fpnas_cost *cost, fpnas_space **space);
/* The cost of `count` architectures, `count` rows of V choices. Since 0.1. */
FPNAS_API fpnas_status fpnas_cost_of(const fpnas_cost *cost, const int32_t *architectures,
                                     size_t count, int64_t *out);
/* The least and the greatest cost of any architecture. Since 0.1. */
FPNAS_API fpnas_status fpnas_cost_range(const fpnas_cost *cost, int64_t *least, int64_t *greatest);
/* Mean and variance under a distribution over the same space. Since 0.1. */
FPNAS_API fpnas_status fpnas_cost_moments(const fpnas_cost *cost,
                                          const fpnas_distribution *distribution, double *mean,
                                          double *variance);
/* Gradient of the mean with respect to the distribution's logits. Since 0.1. */
FPNAS_API fpnas_status fpnas_cost_expectation_gradient(const fpnas_cost *cost,
                                                       const fpnas_distribution *distribution,
                                                       double *out, size_t capacity,
                                                       size_t *needed);
/* For each of `count` levels in [0, 1] the least c with P(cost <= c) >= level, between bounds that
 * are certain; they are equal, and *resolution (may be NULL) is 1, where the sums that can occur
 * are few enough to be exact. Otherwise costs are counted in units of *resolution. Since 0.1. */
FPNAS_API fpnas_status fpnas_cost_quantiles(const fpnas_cost *cost,
                                            const fpnas_distribution *distribution,
                                            const double *levels, size_t count, int64_t *lower,
                                            int64_t *upper, int64_t *resolution);

/* A distribution given that costs keep budgets: q(A) = P(A) / P(budgets) on what keeps all. A copy
 * of the distribution as it was. Exact where the sums that can occur are few; otherwise costs are
 * counted in units, rounded up, so that whatever q knows of keeps the budgets. */
typedef struct fpnas_budget fpnas_budget; /* one thread at a time */

/* least[d] <= cost d <= most[d] for `count` costs (1 to 8) of the distribution's space. least =
 * NULL: all 0. resolutions = NULL: all 0; 0 chooses a unit, 1 insists on exact sums, greater values
 * are the unit. Errors: INFEASIBLE at once, stating the least possible cost, where nothing keeps a
 * budget, and where nothing is found that keeps all with costs rounded up; INVALID. Since 0.1. */
FPNAS_API fpnas_status fpnas_budget_create(const fpnas_distribution *distribution,
                                           const fpnas_cost *const *costs, const int64_t *least,
                                           const int64_t *most, const int64_t *resolutions,
                                           size_t count, fpnas_budget **budget);
FPNAS_API void fpnas_budget_free(fpnas_budget *budget);
/* A new handle of its space. Since 0.1. */
FPNAS_API fpnas_status fpnas_budget_space(const fpnas_budget *budget, fpnas_space **space);
/* The unit of every cost, 1 where it is exact. Since 0.1. */
FPNAS_API fpnas_status fpnas_budget_resolutions(const fpnas_budget *budget, int64_t *out,
                                                size_t capacity, size_t *needed);
/* log P(budgets) in nats of what q knows of: a lower bound where a unit is above 1. Since 0.1. */
FPNAS_API fpnas_status fpnas_budget_log_probability(const fpnas_budget *budget, double *value);
/* Bounds of P(budgets) that are certain, equal where exact. Since 0.1. */
FPNAS_API fpnas_status fpnas_budget_bounds(const fpnas_budget *budget, double *lower,
                                           double *upper);
/* Entropy of q in nats, over encodings. Since 0.1. */
FPNAS_API fpnas_status fpnas_budget_entropy(const fpnas_budget *budget, double *entropy);
/* q's probability of every choice, where its variable exists; as
 * fpnas_distribution_marginals(canonical = 1). Since 0.1. */
FPNAS_API fpnas_status fpnas_budget_marginals(const fpnas_budget *budget, double *out,
                                              size_t capacity, size_t *needed);
/* log q of `count` architectures, of the encodings (canonical = 0) or of their networks (1); -inf
 * outside of the budgets. Since 0.1. */
FPNAS_API fpnas_status fpnas_budget_log_probabilities(const fpnas_budget *budget,
                                                      const int32_t *architectures, size_t count,
                                                      int32_t canonical, double *out);
/* Gradient of log P(budgets) with respect to the distribution's logits. Since 0.1. */
FPNAS_API fpnas_status fpnas_budget_gradient(const fpnas_budget *budget, double *out,
                                             size_t capacity, size_t *needed);
/* Draws `count` rows of V choices from q, none by rejection: draw k of step t is a pure function of
 * (logits, budgets, seed, t, k). Since 0.1. */
FPNAS_API fpnas_status fpnas_budget_sample(const fpnas_budget *budget, uint64_t seed, uint64_t step,
                                           size_t count, int32_t *out, size_t capacity,
                                           size_t *needed);
/* The most probable network within the budgets and its log P (not log q); is_exact (may be NULL) is
 * 0 where a better one may have been missed because costs are rounded up. Since 0.1. */
FPNAS_API fpnas_status fpnas_budget_mode(const fpnas_budget *budget, int32_t *architecture,
                                         size_t capacity, double *log_probability,
                                         int32_t *is_exact);

/* ---- Latency --------------------------------------------------------------------------------- */

/* How long the parts of networks take on some device, in whole nanoseconds; a network takes their
 * sum. Parts are named by what they compute, or by layer and option (docs/file-formats.md). */
typedef struct fpnas_latency fpnas_latency; /* immutable; share freely */

#define FPNAS_INTERPOLATE_NONE 0 /* a key that is missing is an error that lists all of them */
#define FPNAS_INTERPOLATE_MACS 1 /* on the line through the blocks of next fewer and next more MACs
                                    that differ in nothing but widths, never beyond them */

/* A table in the library's own form, from a file or text. Errors: IO, FORMAT with the place.
 * Since 0.1. */
FPNAS_API fpnas_status fpnas_latency_load(const char *path, fpnas_latency **table);
FPNAS_API fpnas_status fpnas_latency_from_json(const char *json, size_t length,
                                               fpnas_latency **table);
/* A table of others': `format` is "once-for-all" (YAML, milliseconds) or "fbnet" (JSON rows,
 * microseconds). `device` says what was measured, which such files do not. Errors: IO; FORMAT with
 * the line or row; INVALID. Since 0.1. */
FPNAS_API fpnas_status fpnas_latency_import(const char *path, const char *format,
                                            const char *device, fpnas_latency **table);
FPNAS_API fpnas_status fpnas_latency_to_json(const fpnas_latency *table, char *out,
                                             size_t capacity, size_t *needed);
/* Replaces the file as a whole. Since 0.1. */
FPNAS_API fpnas_status fpnas_latency_save(const fpnas_latency *table, const char *path);
FPNAS_API void fpnas_latency_free(fpnas_latency *table);
/* All keys that the networks of a space need and the table has not, each with a line feed; none is
 * the empty text. Since 0.1. */
FPNAS_API fpnas_status fpnas_latency_missing(const fpnas_latency *table, const fpnas_space *space,
                                             int32_t interpolation, char *out, size_t capacity,
                                             size_t *needed);
/* Nanoseconds of `count` architectures, `count` rows of V choices; only what they build has to be
 * in the table. Errors: INVALID, listing the missing keys. Since 0.1. */
FPNAS_API fpnas_status fpnas_latency_of(const fpnas_latency *table, const fpnas_space *space,
                                        int32_t interpolation, const int32_t *architectures,
                                        size_t count, int64_t *out);
/* Latency as a cost, in nanoseconds. Whatever the space can build has to be in the table; a table
 * by layer and option prices the layers that choose, also of an abstract space. Errors: INVALID,
 * listing the first 20 missing keys and their number. Since 0.1. */
FPNAS_API fpnas_status fpnas_cost_create_latency(const fpnas_space *space,
                                                 const fpnas_latency *table, int32_t interpolation,
                                                 fpnas_cost **cost);

/* ---- Search ---------------------------------------------------------------------------------- */

#define FPNAS_ALGORITHM_FP_NAS 0 /* K = floor(samples_per_nat * entropy), clamped */
#define FPNAS_ALGORITHM_PARSEC 1 /* K = sample_count */
#define FPNAS_ALGORITHM_RANDOM 2 /* K = sample_count, and the distribution never moves */
/* K = sample_count: the fittest of a random part of the population has one choice changed, the
 * oldest network leaves [Real et al. 2019]; fitness is the told value less cost_weight times the
 * excess of the cost. The distribution never moves; fpnas_search_best has the result. */
#define FPNAS_ALGORITHM_EVOLUTION 3
/* K = sample_count: policy gradient on the reward with a moving baseline [MnasNet 2019]. */
#define FPNAS_ALGORITHM_REINFORCE 4
/* Of fpnas_run alone, which then runs all networks at once, weighted; see docs/algorithms.md. */
#define FPNAS_ALGORITHM_DARTS 5   /* softmax mixtures, first or second order [Liu et al. 2019] */
#define FPNAS_ALGORITHM_FBNETV2 6 /* Gumbel-softmax mixtures and masks [Wan et al. 2020] */

/* Of fpnas_run alone: one supernet that is trained on its biggest, its smallest and some random
 * networks in every step, and whose children are then selected as they are [Yu et al. 2020]. */
#define FPNAS_ALGORITHM_BIGNAS 7

#define FPNAS_REWARD_TOLD 0    /* the told value l, less cost_weight times the excess of the cost */
#define FPNAS_REWARD_PRODUCT 1 /* e^l (cost / cost_target)^reward_exponent: tell log(accuracy) */

#define FPNAS_BASELINE_NONE 0 /* equation 7 as printed; drifts on flat likelihoods */
#define FPNAS_BASELINE_MEAN 1 /* weights minus their mean */

/* What a search with hard budgets lowers, q being P given the budgets: how good networks within them
 * are, -log E_q[likelihood]; or also how much of P keeps them, -log E_P[likelihood, 0 outside]. */
#define FPNAS_OBJECTIVE_CONDITIONED 0
#define FPNAS_OBJECTIVE_WITHIN 1

#define FPNAS_STOP_NONE 0
#define FPNAS_STOP_STEPS 1    /* maximum_steps reached */
#define FPNAS_STOP_ENTROPY 2  /* entropy <= stop_entropy */
#define FPNAS_STOP_COLLAPSE 3 /* every layer that can be skipped is, with more than even odds */

typedef struct fpnas_search_options {
    uint32_t struct_size;
    int32_t algorithm;             /* FPNAS_ALGORITHM_... */
    uint64_t seed;
    double samples_per_nat;        /* lambda, > 0 */
    int64_t sample_count;          /* K of all but fp-nas, <= 65536; >= 2 for parsec, else >= 1 */
    int64_t minimum_samples;       /* bounds of the adaptive K */
    int64_t maximum_samples;
    double likelihood_scale;       /* factor on the told means, >= 0 */
    double effective_sample_share; /* in (0, 1]: temper to this share of K instead; 0 = off */
    double learning_rate;          /* Adam's, on the logits */
    double adam_beta1;
    double adam_beta2;
    double adam_epsilon;
    double cost_weight;            /* beta of equation 7; 0 = off */
    double cost_target;            /* TAR, in the unit of the costs */
    int64_t joint_step;            /* theta in tells; 0 = joint from the start, -1 = never */
    int64_t warm_up_steps;         /* tells that do not move the distribution */
    int64_t maximum_steps;         /* stop reasons; 0 = off */
    double stop_entropy;
    int32_t baseline;              /* FPNAS_BASELINE_... */
    int32_t stops_on_collapse;     /* 0 or 1 */
    int32_t budget_objective;      /* FPNAS_OBJECTIVE_..., of hard budgets */
    int32_t reserved;              /* 0 */
    int64_t population_size;       /* of evolution, 2..65536 */
    int64_t tournament_size;       /* members of which the fittest is a parent, 1..65536 */
    int32_t reward;                /* FPNAS_REWARD_..., of reinforce */
    int32_t reserved2;             /* 0 */
    double reward_exponent;        /* in [-10, 10] */
    double baseline_decay;         /* d of b <- d b + (1 - d) mean reward, in [0, 1] */
    double entropy_weight;         /* of the entropy in what reinforce raises, >= 0; 0 = off */
    double clip_range;             /* proximal clipping to [1 - e, 1 + e], e in [0, 1]; 0 = off */
    int64_t clip_epochs;           /* updates an ask makes with clipping, 1..1000 */
} fpnas_search_options;

/* The defaults, written out; FPNAS_SEARCH_OPTIONS_INIT in C99 and C++11. */
#define FPNAS_SEARCH_OPTIONS_INIT                                                                  \
    { (uint32_t)sizeof(fpnas_search_options), FPNAS_ALGORITHM_FP_NAS, 0, 0.25, 14, 2, 64, 1.0,     \
      0.0, 0.05, 0.9, 0.999, 1e-8, 0.0, 0.0, -1, 0, 0, 0.0, FPNAS_BASELINE_MEAN, 0,               \
      FPNAS_OBJECTIVE_CONDITIONED, 0, 100, 25, FPNAS_REWARD_TOLD, 0, -0.07, 0.9, 0.0, 0.0, 4 }

/* One ask: K draws, which are network_count distinct networks. */
typedef struct fpnas_ask {
    uint64_t number;
    uint64_t sample_count;
    uint64_t network_count;
} fpnas_ask;

typedef struct fpnas_progress {
    uint32_t struct_size;           /* set by the caller: sizeof(fpnas_progress) */
    int32_t form;                   /* FPNAS_FORM_... */
    int32_t stop_reason;            /* FPNAS_STOP_... */
    int32_t reserved;
    int64_t steps;                  /* completed asks */
    int64_t asks;
    int64_t open_asks;
    int64_t samples_drawn;          /* sum of K */
    int64_t evaluations;            /* sum of distinct networks told */
    int64_t sample_count;           /* K of the last ask */
    int64_t next_sample_count;
    double initial_entropy;         /* nats, over encodings; under hard budgets that of q */
    double entropy;
    double effective_samples;       /* of the last completed ask: 1 / sum of squared weights */
    double likelihood_scale;        /* factor used by it */
    double mean_log_likelihood;     /* over its K samples */
    double gradient_norm;
    double best_log_likelihood;     /* highest told so far; -inf before any */
    double skip_probability;        /* mean over layers that can be skipped */
    double budget_log_probability;  /* log P(hard budgets) in nats; 0 without */
} fpnas_progress;

typedef struct fpnas_search fpnas_search; /* one thread at a time */

/* Starts from the uniform distribution. options = NULL takes all defaults. Errors: INVALID, naming
 * the option and its bounds. Since 0.1. */
FPNAS_API fpnas_status fpnas_search_create(const fpnas_space *space,
                                           const fpnas_search_options *options,
                                           fpnas_search **search);
FPNAS_API void fpnas_search_free(fpnas_search *search);
FPNAS_API fpnas_status fpnas_search_options_get(const fpnas_search *search,
                                                fpnas_search_options *options);

#define FPNAS_BUDGET_SOFT 0 /* a further hinge term of equation 7: beta max(0, cost / most - 1) */
#define FPNAS_BUDGET_HARD 1 /* nothing outside is ever drawn: draws, K and result are q's */

typedef struct fpnas_search_budget {
    uint32_t struct_size;
    int32_t mode;       /* FPNAS_BUDGET_... */
    int64_t least;      /* of a hard budget: least <= cost <= most; 0 in a soft one */
    int64_t most;       /* of a soft budget the target, >= 1 */
    double weight;      /* beta of a soft budget, in [0, 1e6] */
    int64_t resolution; /* of a hard budget, as in fpnas_budget_create; 0 chooses */
} fpnas_search_budget;

#define FPNAS_SEARCH_BUDGET_INIT                                                                   \
    { (uint32_t)sizeof(fpnas_search_budget), FPNAS_BUDGET_HARD, 0, 0, 1.0, 0 }

/* Adds a budget on a cost of the search's space, before the first ask; up to 16, of which up to 8
 * hard ones are kept together. docs/budgets.md derives the gradients. Errors: INFEASIBLE at once,
 * stating the least possible cost; STATE after an ask; INVALID, naming the value. Since 0.1. */
FPNAS_API fpnas_status fpnas_search_add_budget(fpnas_search *search, const fpnas_cost *cost,
                                               const fpnas_search_budget *budget);
/* The most probable network, of those that keep all hard budgets, and its log P; is_exact (may be
 * NULL) is 0 where a better one may have been missed because costs are rounded up. Since 0.1. */
FPNAS_API fpnas_status fpnas_search_result(const fpnas_search *search, int32_t *architecture,
                                           size_t capacity, double *log_probability,
                                           int32_t *is_exact);
/* Draws the next architectures. Several asks may be open at once. Errors: STATE above 4096 open
 * ones. Since 0.1. */
FPNAS_API fpnas_status fpnas_search_ask(fpnas_search *search, fpnas_ask *ask);
/* The distinct networks of an open ask in canonical form: network_count rows of V. Since 0.1. */
FPNAS_API fpnas_status fpnas_search_ask_architectures(const fpnas_search *search, uint64_t number,
                                                      int32_t *out, size_t capacity,
                                                      size_t *needed);
/* How often each was drawn; they sum to K. Since 0.1. */
FPNAS_API fpnas_status fpnas_search_ask_multiplicities(const fpnas_search *search, uint64_t number,
                                                       int64_t *out, size_t capacity,
                                                       size_t *needed);
/* Numbers of the open asks, ascending, as after a resume. Since 0.1. */
FPNAS_API fpnas_status fpnas_search_open_asks(const fpnas_search *search, uint64_t *out,
                                              size_t capacity, size_t *needed);
/* Tells the mean log-likelihood per validation example (nats) of all networks of an ask, in its
 * order, and moves the distribution. -inf is a likelihood of zero; NaN and +inf are refused. In a
 * network space equation 7 uses exact MACs. Since 0.1. */
FPNAS_API fpnas_status fpnas_search_tell(fpnas_search *search, uint64_t number,
                                         const double *log_likelihoods, size_t count);
/* Tells `count` of them by index (networks = NULL: all), with costs >= 0 in the unit of cost_target
 * (costs = NULL: exact MACs in a network space). The distribution moves when the last is told.
 * Since 0.1. */
FPNAS_API fpnas_status fpnas_search_tell_some(fpnas_search *search, uint64_t number,
                                              const int64_t *networks,
                                              const double *log_likelihoods, const double *costs,
                                              size_t count);
/* Closes an ask without those not told; the told ones move the distribution. Since 0.1. */
FPNAS_API fpnas_status fpnas_search_close(fpnas_search *search, uint64_t number);
/* Since 0.1. */
FPNAS_API fpnas_status fpnas_search_progress(const fpnas_search *search, fpnas_progress *progress);
/* A copy of the present distribution. Since 0.1. */
FPNAS_API fpnas_status fpnas_search_distribution(const fpnas_search *search,
                                                 fpnas_distribution **distribution);
/* Warm start: sets the logits of the present form; Adam's moments start again. Since 0.1. */
FPNAS_API fpnas_status fpnas_search_set_logits(fpnas_search *search, const double *logits,
                                               size_t count);
/* The network of the highest log-likelihood told. Errors: STATE before any tell. Since 0.1. */
FPNAS_API fpnas_status fpnas_search_best(const fpnas_search *search, int32_t *architecture,
                                         size_t capacity, double *log_likelihood);
/* Checkpoints: the exact state with the space, open asks included. Files are replaced as a whole.
 * Errors: IO, FORMAT naming the file. Since 0.1. */
FPNAS_API fpnas_status fpnas_search_save(const fpnas_search *search, const char *path);
FPNAS_API fpnas_status fpnas_search_load(const char *path, fpnas_search **search);
FPNAS_API fpnas_status fpnas_search_to_bytes(const fpnas_search *search, uint8_t *out,
                                             size_t capacity, size_t *needed);
FPNAS_API fpnas_status fpnas_search_from_bytes(const uint8_t *bytes, size_t count,
                                               fpnas_search **search);
/* A new handle of its space. Since 0.1. */
FPNAS_API fpnas_status fpnas_search_space(const fpnas_search *search, fpnas_space **space);

/* ---- Mixtures for outside trainers ----------------------------------------------------------- */

/* DARTS and FBNetV2 run all choices of every variable at once, weighted by mixture coefficients. The
 * trainer takes the coefficients, computes its loss and the loss's gradient with respect to them,
 * and tells it; the logits move by Adam. docs/algorithms.md has the equations, the second-order
 * form, and defaults. */
#define FPNAS_MIXTURE_DARTS 0   /* softmax(logits) */
#define FPNAS_MIXTURE_FBNETV2 1 /* softmax((logits + Gumbel noise) / temperature) */

#define FPNAS_SHAPES_EXPECTED 0  /* exact expectation when choices are drawn by the coefficients */
#define FPNAS_SHAPES_EFFECTIVE 1 /* mean costs at mean input widths, as FBNetV2 */

/* 0 is the algorithm's default, in adam_beta1 and weight_decay -1. */
typedef struct fpnas_mixture_options {
    uint32_t struct_size;
    int32_t algorithm;          /* FPNAS_MIXTURE_... */
    uint64_t seed;              /* of the noise, a pure function of seed, step, variable, choice */
    double learning_rate;       /* Adam's; 3e-4 and 0.01 */
    double adam_beta1;          /* 0.5 and 0.9 */
    double adam_beta2;          /* 0.999 */
    double adam_epsilon;        /* 1e-8 */
    double weight_decay;        /* times the logits, added to the gradient; 1e-3 and 5e-4 */
    double initial_temperature; /* 5; darts has none of the temperatures */
    double temperature_decay;   /* 0.956 an epoch */
    double minimum_temperature; /* 0.1 */
    int64_t steps_per_epoch;    /* 100 */
} fpnas_mixture_options;

#define FPNAS_MIXTURE_OPTIONS_INIT                                                                 \
    { (uint32_t)sizeof(fpnas_mixture_options), FPNAS_MIXTURE_DARTS, 0, 0.0, -1.0, 0.0, 0.0, -1.0,  \
      0.0, 0.0, 0.0, 0 }

typedef struct fpnas_mixture fpnas_mixture; /* one thread at a time */

/* Starts from equal logits, one a choice, variable after variable. options = NULL: darts.
 * Errors: INVALID, naming the option. Since 0.1. */
FPNAS_API fpnas_status fpnas_mixture_create(const fpnas_space *space,
                                            const fpnas_mixture_options *options,
                                            fpnas_mixture **mixture);
FPNAS_API void fpnas_mixture_free(fpnas_mixture *mixture);
/* The options in use, defaults filled in. Since 0.1. */
FPNAS_API fpnas_status fpnas_mixture_options_get(const fpnas_mixture *mixture,
                                                 fpnas_mixture_options *options);
/* The present step and its temperature (1 in darts) and coefficients, one a choice, variable after
 * variable; a variable's sum to 1. Since 0.1. */
FPNAS_API fpnas_status fpnas_mixture_coefficients(const fpnas_mixture *mixture, uint64_t *step,
                                                  double *temperature, double *out,
                                                  size_t capacity, size_t *needed);
/* Tells the gradient of the loss of that step with respect to the coefficients, within +-1e100, and
 * moves the logits. logit_gradients (may be NULL) are added as they are, such as a factor times what
 * fpnas_mixture_cost gives. Errors: STATE for another step than the present one. Since 0.1. */
FPNAS_API fpnas_status fpnas_mixture_tell(fpnas_mixture *mixture, uint64_t step,
                                          const double *gradients, const double *logit_gradients,
                                          size_t count);
/* A cost under the present coefficients, FPNAS_SHAPES_..., and its gradient with respect to the
 * logits. Errors: INVALID for a cost of another space, or where effective shapes are none.
 * Since 0.1. */
FPNAS_API fpnas_status fpnas_mixture_cost(const fpnas_mixture *mixture, const fpnas_cost *cost,
                                          int32_t shapes, double *expectation, double *out,
                                          size_t capacity, size_t *needed);
/* The choice of the largest logit of every variable, canonical. Since 0.1. */
FPNAS_API fpnas_status fpnas_mixture_result(const fpnas_mixture *mixture, int32_t *architecture,
                                            size_t capacity);
/* A copy of softmax(logits). Since 0.1. */
FPNAS_API fpnas_status fpnas_mixture_distribution(const fpnas_mixture *mixture,
                                                  fpnas_distribution **distribution);
/* Sets the logits; Adam's moments start again. Since 0.1. */
FPNAS_API fpnas_status fpnas_mixture_set_logits(fpnas_mixture *mixture, const double *logits,
                                                size_t count);
/* Checkpoints: the exact state with the space. Files are replaced as a whole. Errors: IO, FORMAT
 * naming the file. Since 0.1. */
FPNAS_API fpnas_status fpnas_mixture_save(const fpnas_mixture *mixture, const char *path);
FPNAS_API fpnas_status fpnas_mixture_load(const char *path, fpnas_mixture **mixture);
FPNAS_API fpnas_status fpnas_mixture_to_bytes(const fpnas_mixture *mixture, uint8_t *out,
                                              size_t capacity, size_t *needed);
FPNAS_API fpnas_status fpnas_mixture_from_bytes(const uint8_t *bytes, size_t count,
                                                fpnas_mixture **mixture);
/* DARTS's rule: every node keeps the two inputs whose strongest operation, none apart, is strongest.
 * weights: of the normal and the reduction cell, of their 14 edges (0->0, 1->0, 0->1, 1->1, 2->1,
 * ...), of the eight operations none, max_pool_3x3, avg_pool_3x3, skip_connect, sep_conv_3x3,
 * sep_conv_5x5, dil_conv_3x3, dil_conv_5x5: 224 values. The result is an architecture of the space
 * "darts". Since 0.1. */
FPNAS_API fpnas_status fpnas_darts_discretise(const double *weights, size_t count, int32_t *out,
                                              size_t capacity, size_t *needed);

/* ---- Training weights for outside trainers --------------------------------------------------- */

/* w_i = n_i exp(scale * l_i) / sum: the weight of network i's gradient, from log-likelihoods of the
 * training batch and multiplicities (NULL = all 1). Since 0.1. */
FPNAS_API fpnas_status fpnas_training_weights(const double *log_likelihoods,
                                              const int64_t *multiplicities, size_t count,
                                              double scale, double *out);

/* The same sum in one pass, with one gradient accumulator G: start from FPNAS_WEIGHTED_SUM_INIT;
 * for every network push, then G = G * keep + gradient * add; at the end divide G by total. */
typedef struct fpnas_weighted_sum {
    double maximum; /* highest scaled log-likelihood so far */
    double total;   /* sum of weights relative to it */
    int32_t is_empty;
    int32_t reserved;
} fpnas_weighted_sum;

#define FPNAS_WEIGHTED_SUM_INIT { 0.0, 0.0, 1, 0 }

/* log_likelihood is scaled already; NaN and +inf are refused. Since 0.1. */
FPNAS_API fpnas_status fpnas_weighted_sum_push(fpnas_weighted_sum *sum, double log_likelihood,
                                               int64_t multiplicity, double *keep, double *add);
/* Joins another rank's sum: G = G * keep + other G * add. Since 0.1. */
FPNAS_API fpnas_status fpnas_weighted_sum_merge(fpnas_weighted_sum *sum,
                                                const fpnas_weighted_sum *other, double *keep,
                                                double *add);

/* ---- Built-in run: search on images with the CPU supernet ------------------------------------ */

/* How weights move; momentum is also Adam's first coefficient. */
#define FPNAS_OPTIMISER_SGD 0
#define FPNAS_OPTIMISER_RMSPROP 1 /* squares 0.9, epsilon 1e-3 */
#define FPNAS_OPTIMISER_ADAM 2    /* decay apart from the gradient; squares 0.999, epsilon 1e-8 */

typedef struct fpnas_run_options {
    uint32_t struct_size;
    int32_t algorithm;        /* FPNAS_ALGORITHM_... */
    uint64_t seed;
    int64_t epochs;           /* passes over the weights' part of the training images */
    int64_t batch_size;
    int64_t threads;          /* 0 = cores of the machine */
    int64_t image_size;       /* rows and columns to resize to; 0 = their own, at least 16 */
    int64_t maximum_shift;    /* augmentation: random crop with so many pixels of black padding */
    double samples_per_nat;   /* as in fpnas_search_options */
    int64_t sample_count;
    int64_t minimum_samples;
    int64_t maximum_samples;
    double likelihood_scale;
    double learning_rate;     /* -1 = the algorithm's: 0.1; darts 0.01, fbnetv2 0.05 */
    double cost_weight;       /* beta; 0 = no budget */
    double cost_target;       /* TAR in MACs; 0 = half of the uniform expectation */
    int64_t joint_epoch;      /* theta; -1 = 53 % of the run, 0 = from the start */
    int64_t warm_up_epochs;   /* epochs that train the weights only */
    double weight_rate;       /* highest rate; cosine to 0, of bignas exponentially to 5 % */
    double momentum;
    double weight_decay;
    int32_t baseline;         /* FPNAS_BASELINE_... */
    int32_t second_order;     /* of darts: 1 = the unrolled gradient, xi = the weights' rate */
    int64_t training_images;  /* at most so many, class shares kept (2 of each at least); 0 = all */
    double test_share;        /* of data without a test part, in [0.001, 0.999]; default 1/3 */
    double class_balance;     /* gamma in [0, 1] of fpnas_run_class_weights; 0 = all weigh 1 */
    int64_t cutout;           /* augmentation: side of the cut-out square in pixels; 0 = off */
    int64_t image_memory;     /* most bytes of images in memory; 0 = half of the machine's */
    int32_t flip;             /* augmentation: 1 = mirror left to right with even odds */
    int32_t resize_unequal;   /* 1 = PNGs of unequal size are resized to image_size, 0 = refused */
    int32_t check_files;      /* 1 = decode all PNGs first; refuse damaged files and twins */
    int32_t budget_mode;      /* FPNAS_BUDGET_...; HARD: no network above cost_target is ever drawn */
    int32_t optimiser;        /* FPNAS_OPTIMISER_... of the weights; default SGD */
    int32_t zero_last_gamma;  /* 1 = blocks beside a shortcut begin as nothing */
    double rate_warm_up;      /* part of the run in which the rate rises, in [0, 0.9]; default 0 */
    double label_smoothing;   /* in [0, 0.9] */
    double dropout;           /* of the classifier's inputs, in [0, 0.95] */
    double stochastic_depth;  /* of the last block beside a shortcut, in [0, 0.95] */
    double weight_averaging;  /* decay of the average that is tested, below 1; 0 = none */
    double weight_likelihood_scale; /* likelihood_scale of the weights' step; -1 = the same */
    double warm_up_share;     /* part of the run in place of warm_up_epochs, in [0, 1]; -1 = epochs */
    int64_t random_children;  /* of bignas: random networks a step, 0 to 64; default 2 */
    int64_t coarse_children;  /* of bignas: skeletons measured for a budget, >= 1; default 48 */
    int64_t mutations;        /* of bignas: mutations of the best, >= 0; default 96 */
    int64_t statistics_batches; /* training batches that normalise a measured network; default 16 */
    int64_t selection_images; /* of bignas: most validation images for that; 0 = all; default 4096 */
    double weights_share;     /* of the training images, in [0.1, 0.9]; 0 = 1/2, fbnetv2 0.8 */
    double initial_temperature; /* of fbnetv2: max(0.1, initial decay^epoch); 5 and 0.956 */
    double temperature_decay;
    int64_t population_size;  /* of evolution; these as in fpnas_search_options */
    int64_t tournament_size;
    double reward_exponent;   /* of reinforce, whose reward is PRODUCT under a soft budget */
    double baseline_decay;
    double entropy_weight;
    double clip_range;
    int64_t clip_epochs;
    int32_t evaluate_each_draw; /* 1 = no draw shares a pass with another, as papers count time */
    int32_t reserved;         /* 0 */
} fpnas_run_options;

typedef struct fpnas_run_progress {
    uint32_t struct_size;       /* set by the caller */
    int32_t is_done;
    int32_t is_joint;
    int32_t stop_reason;        /* FPNAS_STOP_... */
    int64_t epoch;              /* finished epochs */
    int64_t epochs;
    int64_t step;
    int64_t steps;
    int64_t sample_count;       /* K of the last step */
    int64_t samples_drawn;
    int64_t evaluations;
    double initial_entropy;     /* nats */
    double entropy;
    double expected_macs;       /* exact, as of the last epoch's end; of P, not conditioned on a hard budget */
    double cost_target;
    double train_log_likelihood;      /* means over the epoch's samples, nats per image */
    double validation_log_likelihood;
    double validation_accuracy;       /* in [0, 1] */
    double effective_samples;
    double skip_probability;
    double seconds;
    double seconds_left;
    int64_t block_evaluations;  /* while weights were trained, with prefixes shared, against ... */
    int64_t blocks_drawn;       /* ... the sum of K L over the steps */
} fpnas_run_progress;

typedef struct fpnas_run fpnas_run; /* one thread at a time */

/* Fills in all defaults; struct_size = sizeof(fpnas_run_options). Since 0.1. */
FPNAS_API fpnas_status fpnas_run_options_init(fpnas_run_options *options, size_t struct_size);
/* Opens a folder of images (IDX under MNIST's names, the binary version of CIFAR-10 or -100, or one
 * folder of PNGs a class) and prepares a search over `space` (NULL: mbconv-small), adapted to the
 * images. PNGs are decoded when they are needed and must stay where they are. options = NULL takes
 * all defaults. Errors: IO, FORMAT naming the file; INVALID naming the option or the class that has
 * too few images; NOMEM where image_memory is too little; INFEASIBLE. Since 0.1. */
FPNAS_API fpnas_status fpnas_run_create(const char *data_folder, const fpnas_space *space,
                                        const fpnas_run_options *options, fpnas_run **run);
FPNAS_API void fpnas_run_free(fpnas_run *run);
FPNAS_API fpnas_status fpnas_run_options_get(const fpnas_run *run, fpnas_run_options *options);
/* One step: K networks on a training and a validation batch; some 10 to 1000 ms. Behind the last
 * epoch bignas, random and evolution measure a network a step. Errors: STATE when done, or when a
 * loss is no number; IO, FORMAT when an image cannot be read, naming its file: the run is then as
 * it was before, can be saved, and goes on when the file is back. Since 0.1. */
FPNAS_API fpnas_status fpnas_run_step(fpnas_run *run);
FPNAS_API fpnas_status fpnas_run_progress_get(const fpnas_run *run, fpnas_run_progress *progress);
/* The loss weight of every class, n n_c^-g / sum_k n_k^(1-g) for n_c training images of class c, n
 * in all and g = class_balance: of mean 1 over the images, all 1 for g = 0, and n / (classes n_c)
 * for g = 1. Losses and likelihoods of the run are means weighted by them. Since 0.1. */
FPNAS_API fpnas_status fpnas_run_class_weights(const fpnas_run *run, double *out, size_t capacity,
                                               size_t *needed);
FPNAS_API fpnas_status fpnas_run_space(const fpnas_run *run, fpnas_space **space);
FPNAS_API fpnas_status fpnas_run_distribution(const fpnas_run *run,
                                              fpnas_distribution **distribution);
/* The result: the most probable network of at most 1.02 * cost_target MACs (under a hard
 * budget, cost_target; without one, the mode). Of bignas, the one it selected. Of random and
 * evolution, the one of 16 finalists, those that did best on the batch they met within the budget,
 * of the highest likelihood of all validation images, with the weights as they are in the end: 16
 * steps behind the last epoch measure one each. In the middle of a run the best so far. Since 0.1. */
FPNAS_API fpnas_status fpnas_run_result(const fpnas_run *run, int32_t *architecture,
                                        size_t capacity, double *log_probability);
/* A network of a run of bignas, measured with the shared weights as they are. */
typedef struct fpnas_child {
    uint32_t struct_size;  /* set by the caller */
    int32_t reserved;
    int64_t macs;
    double log_likelihood; /* nats per image, on the validation images */
    double accuracy;       /* on those, in [0, 1] */
    int64_t measured;      /* networks measured so far that keep the budget */
} fpnas_child;

/* Begins to select networks for `count` (1 to 1000) budgets of MACs from the trained weights of a
 * run of bignas: for each, skeletons whose layers of one stage share their choices, then mutations
 * of the best. Nothing is trained. Each further step measures one network, until the run is done
 * again; a selection given before is dropped. The run's own, for its cost_target, needs no call.
 * Errors: STATE before the run's own is done, or of another algorithm; INFEASIBLE, stating the least
 * cost. Since 0.1. */
FPNAS_API fpnas_status fpnas_run_select(fpnas_run *run, const int64_t *most_macs, size_t count);
/* The network of the highest validation likelihood, of those of at most so many MACs that the
 * selection under way or last done has measured. Errors: STATE where there is none. Since 0.1. */
FPNAS_API fpnas_status fpnas_run_selected(const fpnas_run *run, int64_t most_macs,
                                          int32_t *architecture, size_t capacity,
                                          fpnas_child *child);
/* Accuracy in [0, 1] and mean log-likelihood (nats per image) on the test images of any network of
 * the run's space, with the shared weights as they are; its normalisation statistics come from
 * statistics_batches training batches. Of every algorithm. Since 0.1. */
FPNAS_API fpnas_status fpnas_run_test(fpnas_run *run, const int32_t *architecture,
                                      double *accuracy, double *log_likelihood);
/* Writes architecture.json, history.csv, history.png, distribution.png into a folder, which is made
 * where missing. Since 0.1. */
FPNAS_API fpnas_status fpnas_run_report(const fpnas_run *run, const char *folder);
/* Checkpoint; loading needs the same images. threads = 0 keeps the stored number. Since 0.1. */
FPNAS_API fpnas_status fpnas_run_save(const fpnas_run *run, const char *path);
FPNAS_API fpnas_status fpnas_run_load(const char *path, const char *data_folder, int64_t threads,
                                      fpnas_run **run);

/* ---- Retraining a network from scratch ------------------------------------------------------- */

typedef struct fpnas_retrain_options {
    uint32_t struct_size;
    int32_t reserved;
    uint64_t seed;
    int64_t epochs;
    int64_t batch_size;
    int64_t threads;       /* 0 = cores of the machine */
    int64_t image_size;    /* as in fpnas_run_options */
    int64_t maximum_shift;
    double weight_rate;    /* highest rate, after rate_warm_up; cosine to 0 */
    double momentum;
    double weight_decay;
    int64_t training_images; /* these as in fpnas_run_options */
    double test_share;
    double class_balance;
    int64_t cutout;
    int64_t image_memory;
    int32_t flip;
    int32_t resize_unequal;
    int32_t check_files;
    int32_t reserved2;
    int32_t optimiser;        /* FPNAS_OPTIMISER_... of the weights; default SGD */
    int32_t zero_last_gamma;  /* 1 = blocks beside a shortcut begin as nothing */
    double rate_warm_up;      /* part of the run in which the rate rises, in [0, 0.9]; default 0.1 */
    double label_smoothing;   /* in [0, 0.9] */
    double dropout;           /* of the classifier's inputs, in [0, 0.95] */
    double stochastic_depth;  /* of the last block beside a shortcut, in [0, 0.95] */
    double weight_averaging;  /* decay of the average that is tested, below 1; 0 = none */
} fpnas_retrain_options;

typedef struct fpnas_retrain_progress {
    uint32_t struct_size;  /* set by the caller */
    int32_t is_done;
    int64_t step;
    int64_t steps;
    double train_log_likelihood; /* of the last batch, nats per image */
    double seconds;
} fpnas_retrain_progress;

typedef struct fpnas_retrain fpnas_retrain; /* one thread at a time */

FPNAS_API fpnas_status fpnas_retrain_options_init(fpnas_retrain_options *options,
                                                  size_t struct_size);
/* Prepares training of one network of a space on all training images of a folder. Since 0.1. */
FPNAS_API fpnas_status fpnas_retrain_create(const char *data_folder, const fpnas_space *space,
                                            const int32_t *architecture,
                                            const fpnas_retrain_options *options,
                                            fpnas_retrain **retrain);
FPNAS_API void fpnas_retrain_free(fpnas_retrain *retrain);
/* From now on the loss is (1 - weight) CE + weight T^2 KL(teacher || network), both at temperature T:
 * distillation. `logits` has `count` = images x classes values, a row for every image of the
 * training set in the order of its files; it is copied. weight in [0, 1], temperature in
 * [0.01, 1000]. Errors: INVALID naming the value, NOMEM. Since 0.1. */
FPNAS_API fpnas_status fpnas_retrain_distil(fpnas_retrain *retrain, const float *logits,
                                            size_t count, double weight, double temperature);
/* The network's logits for every image of the training set, for fpnas_retrain_distil of another
 * network on the same images; of those it was not trained on too. `needed` may be NULL; out may be
 * NULL when capacity is 0. Errors: BUFFER with `needed` set; IO, FORMAT. Since 0.1. */
FPNAS_API fpnas_status fpnas_retrain_logits(fpnas_retrain *retrain, float *out, size_t capacity,
                                            size_t *needed);
/* Trains on the next batches, `count` >= 1 of them or what is left. Threads live for a call: where a
 * batch takes a millisecond, several a call are some percent faster. How they are divided into calls
 * changes nothing else. Errors: STATE when done; STATE when a loss is no number and IO, FORMAT when an
 * image cannot be read, which leave all as after the last good batch; INVALID. Since 0.1. */
FPNAS_API fpnas_status fpnas_retrain_step(fpnas_retrain *retrain, int64_t count);
FPNAS_API fpnas_status fpnas_retrain_progress_get(const fpnas_retrain *retrain,
                                                  fpnas_retrain_progress *progress);
/* Accuracy in [0, 1] and mean log-likelihood (nats per image) on the test images, with
 * normalisation statistics re-estimated on the training images. Since 0.1. */
FPNAS_API fpnas_status fpnas_retrain_test(fpnas_retrain *retrain, double *accuracy,
                                          double *log_likelihood);
/* Checkpoint: the rest of the training is that of the uninterrupted one, bit for bit. Loading needs
 * the same images; threads = 0 keeps the stored number. Errors: IO; FORMAT naming the file; STATE for
 * other images. Since 0.1. */
FPNAS_API fpnas_status fpnas_retrain_save(const fpnas_retrain *retrain, const char *path);
FPNAS_API fpnas_status fpnas_retrain_load(const char *path, const char *data_folder,
                                          int64_t threads, fpnas_retrain **retrain);
/* A network drawn uniformly among those of 0.9 to 1.02 times `macs` MACs, or, where there are none, of
 * at most 1.02 times as many: the honest rival of a found one. Errors: INFEASIBLE. Since 0.1. */
FPNAS_API fpnas_status fpnas_space_random_near(const fpnas_space *space, int64_t macs,
                                               uint64_t seed, int32_t *architecture,
                                               size_t capacity);
/* Bytes of large buffers (weights, activations, images, logits) now and at most since the last
 * call with reset_peak = 1. Since 0.1. */
FPNAS_API fpnas_status fpnas_debug_memory(int32_t reset_peak, int64_t *current, int64_t *peak);

/* ---- A trained network, standing alone -------------------------------------------------------- */

/* Weights, statistics and preprocessing of one network, fixed when it is made; it needs neither the
 * images nor the space. One thread at a time. */
typedef struct fpnas_network fpnas_network;

/* The retrained network as fpnas_retrain_test measures it: the weights as they are, or their average
 * where one is kept, and normalisation statistics estimated anew on the training images. It stays
 * as it is when the training goes on. Errors: IO, FORMAT naming an image. Since 0.1. */
FPNAS_API fpnas_status fpnas_retrain_network(fpnas_retrain *retrain, fpnas_network **network);
/* fpnas_retrain_distil with the network's logits of the training images, which it may see at another
 * size. Errors: INVALID for other classes or channels; IO, FORMAT; NOMEM. Since 0.1. */
FPNAS_API fpnas_status fpnas_retrain_distil_network(fpnas_retrain *retrain, fpnas_network *teacher,
                                                    double weight, double temperature);
/* A file of tensors in the safetensors format, which other programs read without this library; its
 * metadata hold the graph (docs/file-formats.md). threads in [0, 256], 0 = cores of the machine.
 * Errors: IO; FORMAT naming the file and the tensor. Since 0.1. */
FPNAS_API fpnas_status fpnas_network_save(const fpnas_network *network, const char *path);
FPNAS_API fpnas_status fpnas_network_load(const char *path, int64_t threads,
                                          fpnas_network **network);
FPNAS_API void fpnas_network_free(fpnas_network *network);
/* The graph as JSON, "fpnas-network" of docs/file-formats.md: input, preprocessing, and every
 * primitive operator with its inputs, settings and tensors, so that it can be built anew elsewhere.
 * Since 0.1. */
FPNAS_API fpnas_status fpnas_network_to_json(const fpnas_network *network, char *out,
                                             size_t capacity, size_t *needed);
/* Tensors count from 0. Names tell layer, position, operator and role: "stem.0.conv.weight",
 * "block.1.depthwise.norm.variance". Convolutions are [out][in of a group][row][column], fully
 * connected layers [out][in], the others [channel]; 32-bit floats without gaps. Since 0.1. */
FPNAS_API fpnas_status fpnas_network_tensor_count(const fpnas_network *network, size_t *count);
FPNAS_API fpnas_status fpnas_network_tensor_name(const fpnas_network *network, size_t tensor,
                                                 char *out, size_t capacity, size_t *needed);
FPNAS_API fpnas_status fpnas_network_tensor_shape(const fpnas_network *network, size_t tensor,
                                                  int64_t *out, size_t capacity, size_t *needed);
FPNAS_API fpnas_status fpnas_network_tensor_values(const fpnas_network *network, size_t tensor,
                                                   float *out, size_t capacity, size_t *needed);
/* Logits of `count` images, a row of classes for each. Images have 8 bits a channel, [image][row]
 * [column][channel] with the channels of the training images, height and width in [1, 32768]; they
 * are resized as in the training (bilinear, antialiased) and become (x / 255 - mean) / deviation.
 * Bit-equal for any way of cutting the images into calls, and for any number of threads. Errors:
 * INVALID, BUFFER, NOMEM. Since 0.1. */
FPNAS_API fpnas_status fpnas_network_predict(fpnas_network *network, const uint8_t *images,
                                             size_t count, int32_t height, int32_t width,
                                             float *out, size_t capacity, size_t *needed);
/* The same in two halves: images become the network's input, count x input height x width x channels
 * floats in that order; and the input becomes logits. Since 0.1. */
FPNAS_API fpnas_status fpnas_network_prepare(fpnas_network *network, const uint8_t *images,
                                             size_t count, int32_t height, int32_t width,
                                             float *out, size_t capacity, size_t *needed);
FPNAS_API fpnas_status fpnas_network_predict_prepared(fpnas_network *network, const float *images,
                                                      size_t count, float *out, size_t capacity,
                                                      size_t *needed);

#ifdef __cplusplus
}
#endif

#endif /* FPNAS_H */
