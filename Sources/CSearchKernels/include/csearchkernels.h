#ifndef FPNAS_CSEARCHKERNELS_H
#define FPNAS_CSEARCHKERNELS_H

#include <stddef.h>
#include <stdint.h>

// The inner loops of one step of the search: random numbers, draws, softmax of every group of logits,
// Adam.
//
// Every variant gives the same bits on every CPU: only + − × ÷ √ and exponent bits are used, no
// fused multiply–add (-ffp-contract=off), and every sum has one order, written out, whatever the
// width of the vectors. So a trajectory does not depend on the machine or on FPNAS_KERNELS.

// Choices of one block of the two-level cumulative sums that draws are looked up in.
enum { FPNAS_PRIV_SEARCH_BLOCK = 16 };

// Groups of logits and what is derived from them. Group g holds the logits
// [offsets[g], offsets[g + 1]) and the blocks [block_offsets[g], block_offsets[g + 1]).
typedef struct {
    size_t group_count;
    const ptrdiff_t *_Nonnull offsets;
    const ptrdiff_t *_Nonnull block_offsets;
    double *_Nonnull logits;       // z
    double *_Nonnull exponentials; // e = exp(z − peak of the group)
    double *_Nonnull running;      // per block: Σ e from the group's first block to this one
    double *_Nonnull peaks;        // per group: max z
    double *_Nonnull products;     // per group: Σ e·(z − peak), ≤ 0
} fpnas_priv_softmax;

// One update of Adam. The gradient of logit i of group g is factors[g] · e_i + pull_i.
typedef struct {
    const double *_Nonnull factors;
    double *_Nonnull pull;          // left zero
    double *_Nonnull first;
    double *_Nonnull second;
    double beta1, beta2;
    double rate;                    // learning rate / (1 − β1^t)
    double spread;                  // 1 / √(1 − β2^t)
    double epsilon;
    double limit;                   // logits stay within ±limit
} fpnas_priv_descent;

// How a group's index is made of choices: the digits of mixed radix, its last variable's fastest.
// Group g has the variables [starts[g], starts[g + 1]), at least one.
typedef struct {
    size_t width;                    // variables of all groups
    const ptrdiff_t *_Nonnull starts;
    const double *_Nonnull radices;  // per variable: its number of choices
} fpnas_priv_digits;

// The key and the stream bits of a Philox generator, as Support's Philox has them.
typedef struct {
    uint32_t key[2];
    uint32_t stream;
} fpnas_priv_stream;

// Places of the programme over costs that are worked on together, and as many such chunks side by
// side as a variant may take at once.
enum { FPNAS_PRIV_BUDGET_CHUNK = 16, FPNAS_PRIV_BUDGET_WIDEST = 4 };

// Options of equal cost and next state: from place i to i + shift, for chunks that start in
// [first, last]. Moves are in ascending order of costs.
typedef struct {
    int32_t shift, first, last;
} fpnas_priv_move;

typedef struct {
    const char *_Nonnull name;
    // Exponentials, running sums, peaks and products from the logits.
    void (*_Nonnull normalise)(const fpnas_priv_softmax *_Nonnull softmax);
    // Moves the logits, then as normalise. Returns the sum of the gradient's squares.
    double (*_Nonnull descend)(
        const fpnas_priv_softmax *_Nonnull softmax, const fpnas_priv_descent *_Nonnull descent);
    // Draws `count` rows of choices. Sample k of group g is the first index whose running sum
    // exceeds its share of the whole, u, which is of the Philox counter (g, k, step).
    void (*_Nonnull sample)(
        const fpnas_priv_softmax *_Nonnull softmax, const fpnas_priv_digits *_Nonnull digits,
        const fpnas_priv_stream *_Nonnull stream, uint64_t step, size_t count,
        int32_t *_Nonnull rows);
    // The index of one group that a u in [0, 1) draws.
    size_t (*_Nonnull draw)(const fpnas_priv_softmax *_Nonnull softmax, size_t group, double u);
    // Philox's uniform numbers in [0, 1) for samples from `sample` on, of one step and index.
    void (*_Nonnull uniforms)(
        const fpnas_priv_stream *_Nonnull stream, uint64_t step, uint32_t index, uint32_t sample,
        size_t count, double *_Nonnull u);
    // y = exp(x) for −2e6 ≤ x ≤ 16; 0 below −745.13. For the tests.
    void (*_Nonnull exponential)(const double *_Nonnull x, size_t count, double *_Nonnull y);
    double (*_Nonnull sum)(const double *_Nonnull x, size_t count);

    // The programme over layers and costs (docs/budgets.md). Move t has the weights
    // (p, g) = (P of its options, Σ P log P); chunks ascend, of which only the places in their
    // masks are nodes, of which the first is that of place `first`; all others stay 0. With values V
    // and logs W = Σ P log P of what follows:
    //     V_i = Σ_t p V_j,  W_i = Σ_t (p W_j + g V_j),  j = i + shift_t.    Returns the largest V.
    double (*_Nonnull expect)(
        const fpnas_priv_move *_Nonnull moves, const double *_Nonnull weights, size_t count,
        const int32_t *_Nonnull chunks, size_t chunk_count, size_t first,
        const uint16_t *_Nonnull masks, double *_Nonnull values, double *_Nonnull logs);
    // With arrivals A at a layer's nodes:  A_j += p A_i,  follows_t += Σ_i A_i V_j.
    void (*_Nonnull arrive)(
        const fpnas_priv_move *_Nonnull moves, const double *_Nonnull weights, size_t count,
        const int32_t *_Nonnull chunks, size_t chunk_count, const double *_Nonnull values,
        double *_Nonnull arrivals, double *_Nonnull follows);
    // The same of steps at first, first + 2, …, of which W is at the place after V's. From all steps
    // of a block, a chunk of them, term t leads to leads[t]; or, where that is negative, from step i
    // to targets[~leads[t] + i]. The leads of blocks follow one another. Place 0 stays 0.
    double (*_Nonnull expect_steps)(
        const int32_t *_Nonnull leads, const int32_t *_Nonnull targets,
        const double *_Nonnull weights, size_t count, size_t steps, double *_Nonnull values,
        size_t first);
    void (*_Nonnull arrive_steps)(
        const int32_t *_Nonnull leads, const int32_t *_Nonnull targets,
        const double *_Nonnull weights, size_t count, size_t steps, const double *_Nonnull values,
        double *_Nonnull arrivals, size_t first, double *_Nonnull follows);
} fpnas_priv_search_kernels;

// The variant of that name ("baseline", "avx2"); null where this CPU has not got it. With a null
// name: the one the environment variable FPNAS_KERNELS names, else the fastest this CPU has.
const fpnas_priv_search_kernels *_Nullable fpnas_priv_search_kernels_named(
    const char *_Nullable name);

#endif
