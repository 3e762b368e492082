// Inner loops of the supernet on NHWC float tensors, in a variant per CPU. Never exported.
//
// `c` is a row's width in floats: the channel count rounded up to a multiple of 8, and the distance
// between rows. The lanes above the channel count hold rubbish that never reaches the others.
#ifndef FPNAS_CKERNELS_H
#define FPNAS_CKERNELS_H

#include <stddef.h>
#include <stdint.h>

// Activations as the kernels know them.
enum { FPNAS_LINEAR = 0, FPNAS_RELU = 1, FPNAS_SWISH = 2, FPNAS_RELU6 = 3, FPNAS_HSWISH = 4 };

// Columns that all variants' panels divide: packing may be cut there.
enum { FPNAS_PANEL = 32 };

// What a consumer makes of a producer's output while it reads it: act(scale·x + shift)·gate.
typedef struct fpnas_priv_source {
    const float *_Nonnull x;      // rows of `line` floats
    size_t line;
    const float *_Nullable scale; // rows of the producer's normalisation; null without one
    const float *_Nullable shift;
    const float *_Nullable mean;  // asked for by gradients through the activation
    const float *_Nullable gate;  // a row for each image, or null
    int activation;
} fpnas_priv_source;

// The gradient of a convolution's output: p·dz + q·(x − mean) + r where a normalisation follows,
// else (p null) dz itself.
typedef struct fpnas_priv_gradient {
    const float *_Nonnull dz;
    size_t line;
    size_t channels;
    const float *_Nullable x;     // what the convolution gave
    const float *_Nullable mean;
    const float *_Nullable p;
    const float *_Nullable q;
    const float *_Nullable r;
} fpnas_priv_gradient;

// A depthwise k×k convolution of NHWC images; padding ≤ k − 1 zeros precede an image.
typedef struct fpnas_priv_depthwise {
    size_t height, width, out_height, out_width, k, stride, padding;
} fpnas_priv_depthwise;

// What becomes of the gradient of a convolution's input.
typedef enum fpnas_priv_mode {
    FPNAS_STORE = 0,
    FPNAS_ADD = 1,
    // Through the source's activation; its sums are those of activation_gradient.
    FPNAS_THROUGH_ACTIVATION = 2
} fpnas_priv_mode;

typedef struct fpnas_priv_kernels {
    const char *_Nonnull name;

    // out = shift[c], sum[c], square[c]: Σ(x−shift) and Σ(x−shift)² with the first row as shift.
    void (*_Nonnull moments)(const float *_Nonnull x, size_t rows, size_t c, float *_Nonnull out);
    // y = act(scale·x + shift) (+ residual, unless null).
    void (*_Nonnull affine)(
        const float *_Nonnull x, const float *_Nonnull scale, const float *_Nonnull shift,
        const float *_Nullable residual, int activation, size_t rows, size_t c, float *_Nonnull y);
    // One image into a zero border of `border` pixels: act(scale·x + shift), or x if scale is null.
    void (*_Nonnull pad)(
        const float *_Nonnull x, const float *_Nullable scale, const float *_Nullable shift,
        int activation, size_t height, size_t width, size_t border, size_t c, float *_Nonnull y);
    // One image. dz = (dy·gate + offset)·act'(scale·x + shift), and adds to sums[0][c] = Σ dz and
    // sums[1][c] = Σ dz·(x − mean). dy has `line` floats from one image row to the next; dz may be
    // dy. gate and offset (one row each) are null without squeeze-and-excitation.
    void (*_Nonnull activation_gradient)(
        const float *_Nonnull dy, size_t line, const float *_Nullable gate,
        const float *_Nullable offset, const float *_Nonnull x, const float *_Nonnull scale,
        const float *_Nonnull shift, const float *_Nonnull mean, int activation, size_t height,
        size_t width, size_t c, float *_Nonnull dz, float *_Nonnull sums);
    // dx = p·dz + q·(x − mean) + r; dx may be dz.
    void (*_Nonnull norm_gradient)(
        const float *_Nonnull dz, const float *_Nonnull x, const float *_Nonnull mean,
        const float *_Nonnull p, const float *_Nonnull q, const float *_Nonnull r, size_t rows,
        size_t c, float *_Nonnull dx);

    // Weights [inner][columns], or [columns][inner] when `transposed`, into panels for the products
    // below: inner · (columns rounded up to 8) floats.
    void (*_Nonnull pack)(
        const float *_Nonnull w, size_t line, size_t inner, size_t columns, int transposed,
        float *_Nonnull packed);
    // y[rows][c] = source · w, w packed with `inputs` as inner length; also the moments of y unless
    // null. `pixels` rows are an image. Scratch: fpnas_priv_pointwise_scratch.
    void (*_Nonnull pointwise)(
        const fpnas_priv_source *_Nonnull in, size_t rows, size_t pixels, size_t inputs,
        const float *_Nonnull packed, size_t c, float *_Nonnull y, float *_Nullable moments,
        float *_Nonnull scratch);
    // dw[inputs][line of out] = sourceᵀ · gradient and, unless packed (of the transposed weights) is
    // null, dx = gradient · wᵀ by `mode`. With FPNAS_THROUGH_ACTIVATION the source has no gate and
    // sums are set; dx may not be an input.
    void (*_Nonnull pointwise_gradient)(
        const fpnas_priv_gradient *_Nonnull out, const fpnas_priv_source *_Nonnull in, size_t rows,
        size_t pixels, size_t inputs, const float *_Nullable packed, float *_Nullable dx,
        fpnas_priv_mode mode, float *_Nullable sums, float *_Nonnull dw, float *_Nonnull scratch);

    // y = depthwise convolution of the source (without a gate), whose line it shares, and the
    // moments of y unless null. Taps are rows of w, `ld` floats apart. Scratch for this and the
    // gradient: fpnas_priv_depthwise_scratch.
    void (*_Nonnull depthwise_forward)(
        const fpnas_priv_source *_Nonnull in, const fpnas_priv_depthwise *_Nonnull shape,
        size_t images, const float *_Nonnull w, size_t ld, float *_Nonnull y,
        float *_Nullable moments, float *_Nonnull scratch);
    // dw[k·k][line] and, unless null, dx; see pointwise_gradient.
    void (*_Nonnull depthwise_gradient)(
        const fpnas_priv_gradient *_Nonnull out, const fpnas_priv_source *_Nonnull in,
        const fpnas_priv_depthwise *_Nonnull shape, size_t images, const float *_Nonnull w,
        size_t ld, float *_Nullable dx, fpnas_priv_mode mode, float *_Nullable sums,
        float *_Nonnull dw, float *_Nonnull scratch);

    // One image: y[oy][ox] = Σ x[oy·stride + ky][ox·stride + kx] · w[ky][kx]; x is padded, `line`
    // floats a row; taps are `ld` floats apart and reversed when `flip` is set.
    void (*_Nonnull depthwise)(
        const float *_Nonnull x, size_t line, const float *_Nonnull w, size_t ld, size_t k,
        int flip, size_t stride, size_t height, size_t width, size_t c, float *_Nonnull y);
    // One image, any stride: adds dy·w to the padded dx. dy has `dline` floats a row.
    void (*_Nonnull depthwise_scatter)(
        const float *_Nonnull dy, size_t dline, const float *_Nonnull w, size_t ld, size_t k,
        size_t stride, size_t height, size_t width, size_t c, float *_Nonnull dx, size_t line);
    // One image: adds Σ x·dy to dw[k·k][c].
    void (*_Nonnull depthwise_weights)(
        const float *_Nonnull x, size_t line, const float *_Nonnull dy, size_t dline, size_t k,
        size_t stride, size_t height, size_t width, size_t c, float *_Nonnull dw);

    // One image: the mean over its pixels.
    void (*_Nonnull pool)(const float *_Nonnull x, size_t pixels, size_t c, float *_Nonnull y);
    // One image: Σ x·dy over its pixels.
    void (*_Nonnull pixel_product)(
        const float *_Nonnull x, const float *_Nonnull dy, size_t pixels, size_t c,
        float *_Nonnull y);
    // One image: x·gate for every pixel, in place.
    void (*_Nonnull gate)(float *_Nonnull x, const float *_Nonnull g, size_t pixels, size_t c);
    // One image: every pixel becomes f·row.
    void (*_Nonnull spread)(
        const float *_Nonnull row, float f, size_t pixels, size_t c, float *_Nonnull y);
    // x = relu(x + bias), x = sigmoid(x + bias), x = x + bias; rows of width c.
    void (*_Nonnull bias_relu)(float *_Nonnull x, const float *_Nonnull b, size_t rows, size_t c);
    void (*_Nonnull bias_sigmoid)(
        float *_Nonnull x, const float *_Nonnull b, size_t rows, size_t c);
    void (*_Nonnull bias)(float *_Nonnull x, const float *_Nonnull b, size_t rows, size_t c);
    // dx = dy·y·(1 − y), dx = y > 0 ? dy : 0; in place of dy.
    void (*_Nonnull sigmoid_gradient)(float *_Nonnull dy, const float *_Nonnull y, size_t count);
    void (*_Nonnull relu_gradient)(float *_Nonnull dy, const float *_Nonnull y, size_t count);
    // y[c] = Σ over rows.
    void (*_Nonnull column_sums)(const float *_Nonnull x, size_t rows, size_t c, float *_Nonnull y);
    void (*_Nonnull scale)(float *_Nonnull x, float f, size_t count);
    // y += x
    void (*_Nonnull add)(const float *_Nonnull x, size_t count, float *_Nonnull y);

    // target[r][j] += f · Σ_p parts[p][r][j], p in order; parts lie `step` floats apart.
    void (*_Nonnull reduce)(
        const float *_Nonnull parts, size_t step, size_t part_count, size_t rows, size_t columns,
        size_t part_line, float f, float *_Nonnull target, size_t target_line);
    // v = momentum·v + f·g + decay·w; w −= rate·v.
    void (*_Nonnull descend)(
        float *_Nonnull w, float *_Nonnull v, const float *_Nonnull g, size_t count, float f,
        float rate, float momentum, float decay);
    double (*_Nonnull square_sum)(const float *_Nonnull x, size_t count);

    // For each row of logits (line c): margin = logit of the label − the largest, total =
    // Σ e^(logit − largest). When gradient is set, gradient = f·(softmax − target) with the
    // smoothed one-hot target. Returns how many labels have the largest logit, first wins.
    size_t (*_Nonnull softmax)(
        const float *_Nonnull logits, const int32_t *_Nonnull labels, size_t rows, size_t classes,
        size_t c, float smoothing, float f, double *_Nonnull margin, double *_Nonnull total,
        float *_Nullable gradient);
    // y = e^x elementwise, below 2 ulp on [−87, 88].
    void (*_Nonnull exponential)(const float *_Nonnull x, size_t count, float *_Nonnull y);

    // The three depthwise kernels with taps `dilation` pixels apart.
    void (*_Nonnull dilated)(
        const float *_Nonnull x, size_t line, const float *_Nonnull w, size_t ld, size_t k,
        int flip, size_t stride, size_t dilation, size_t height, size_t width, size_t c,
        float *_Nonnull y);
    void (*_Nonnull dilated_scatter)(
        const float *_Nonnull dy, size_t dline, const float *_Nonnull w, size_t ld, size_t k,
        size_t stride, size_t dilation, size_t height, size_t width, size_t c,
        float *_Nonnull dx, size_t line);
    void (*_Nonnull dilated_weights)(
        const float *_Nonnull x, size_t line, const float *_Nonnull dy, size_t dline, size_t k,
        size_t stride, size_t dilation, size_t height, size_t width, size_t c,
        float *_Nonnull dw);
    // Adds to sums[0][c] = Σ dz and sums[1][c] = Σ dz·(x − mean) over rows.
    void (*_Nonnull norm_sums)(
        const float *_Nonnull dz, const float *_Nonnull x, const float *_Nonnull mean, size_t rows,
        size_t c, float *_Nonnull sums);
    // The gradient is f·g. RMSProp: s = second·s + (1 − second)·g'² with g' = f·g + decay·w,
    // v = momentum·v + g' / (√s + ε), w −= rate·v. Adam, with decay apart from the gradient:
    // v and s are running means of f·g and its square, and first_scale and second_scale undo their
    // start at zero; w −= rate·(v·first_scale / (√(s·second_scale) + ε) + decay·w).
    void (*_Nonnull descend_rms)(
        float *_Nonnull w, float *_Nonnull v, float *_Nonnull s, const float *_Nonnull g,
        size_t count, float f, float rate, float momentum, float decay, float second,
        float epsilon);
    void (*_Nonnull descend_adam)(
        float *_Nonnull w, float *_Nonnull v, float *_Nonnull s, const float *_Nonnull g,
        size_t count, float f, float rate, float momentum, float decay, float second,
        float epsilon, float first_scale, float second_scale);
    // a += share·(w − a)
    void (*_Nonnull approach)(
        float *_Nonnull a, const float *_Nonnull w, size_t count, float share);
    // One image through a k×k window: the largest value (the first of equals), or the mean of those
    // inside the image; 0 where none is.
    void (*_Nonnull window_pool)(
        const float *_Nonnull x, size_t height, size_t width, int is_maximum, size_t k,
        size_t stride, size_t padding, size_t out_height, size_t out_width, size_t c,
        float *_Nonnull y);
    // Adds the gradient of that to dx.
    void (*_Nonnull window_pool_gradient)(
        const float *_Nonnull x, const float *_Nonnull dy, size_t height, size_t width,
        int is_maximum, size_t k, size_t stride, size_t padding, size_t out_height,
        size_t out_width, size_t c, float *_Nonnull dx);
    // Softmax over r matrices of `count` floats, whole vectors, `step` floats apart, in place.
    void (*_Nonnull split_softmax)(float *_Nonnull x, size_t step, size_t r, size_t count);
    // Its gradient, from the results y, in place of dy.
    void (*_Nonnull split_softmax_gradient)(
        float *_Nonnull dy, size_t dy_step, const float *_Nonnull y, size_t y_step, size_t r,
        size_t count);
    // y[rows][columns] (+)= a · b; a(r, k) is a[r·a_row + k·a_step]. Rows of b and y are whole vectors,
    // and what y's hold above the columns is rubbish.
    void (*_Nonnull matrix_product)(
        const float *_Nonnull a, size_t a_row, size_t a_step, size_t rows, size_t inner,
        const float *_Nonnull b, size_t b_line, size_t columns, int adds, float *_Nonnull y,
        size_t y_line);
    // y[rows][columns] = f · (a · bᵀ) (+ y); b has `columns` rows of the inner length.
    void (*_Nonnull transposed_product)(
        const float *_Nonnull a, size_t a_line, size_t rows, size_t inner, const float *_Nonnull b,
        size_t b_line, size_t columns, float f, int adds, float *_Nonnull y, size_t y_line);
    // One image: y += x·gate for every pixel.
    void (*_Nonnull gate_add)(
        const float *_Nonnull x, const float *_Nonnull g, size_t pixels, size_t c,
        float *_Nonnull y);
    // One image: the mean of act(scale·x + shift), and the sum of its products with dy.
    void (*_Nonnull view_pool)(
        const float *_Nonnull x, const float *_Nonnull scale, const float *_Nonnull shift,
        int activation, size_t pixels, size_t c, float *_Nonnull y);
    void (*_Nonnull view_product)(
        const float *_Nonnull x, const float *_Nonnull scale, const float *_Nonnull shift,
        int activation, const float *_Nonnull dy, size_t pixels, size_t c, float *_Nonnull y);
    // x = relu6(x + bias + 3) / 6, and its gradient from the result.
    void (*_Nonnull bias_hsigmoid)(
        float *_Nonnull x, const float *_Nonnull b, size_t rows, size_t c);
    void (*_Nonnull hsigmoid_gradient)(float *_Nonnull dy, const float *_Nonnull y, size_t count);
    // y = (y +) r·x in the first `channels` of a row; without `adds` the others are 0.
    void (*_Nonnull mix)(
        const float *_Nonnull x, size_t x_line, const float *_Nonnull r, size_t channels,
        size_t rows, int adds, float *_Nonnull y, size_t y_line);
    // dx = r·dy, 0 beyond the first `channels`; dx may be dy.
    void (*_Nonnull mix_gradient)(
        const float *_Nonnull dy, size_t y_line, const float *_Nonnull r, size_t channels,
        size_t rows, float *_Nonnull dx, size_t x_line);
    // sums += Σ x·dy, channel by channel.
    void (*_Nonnull mix_products)(
        const float *_Nonnull x, size_t x_line, const float *_Nonnull dy, size_t y_line,
        size_t channels, size_t rows, float *_Nonnull sums);
} fpnas_priv_kernels;

// Floats the products need for tiles of rows of two line lengths.
static inline size_t fpnas_priv_pointwise_scratch(size_t in_line, size_t out_line) {
    // At most 192 rows while they are short, at least 48 of any length; lines are padded.
    size_t floats = 48 * (2 * (in_line + 24) + out_line + 24), least = 24576 + 192 * 24;
    return floats > least ? floats : least;
}

// How a depthwise convolution is cut: output rows and channels at a time.
typedef struct fpnas_priv_band {
    size_t rows, channels;
    size_t in_rows, width;                  // of the padded input
    size_t gradient_rows, gradient_width;   // of the padded gradient
    size_t floats;                          // of scratch memory
} fpnas_priv_band;
// `parts` is 1 forward, 2 backward and 3 backward through an activation.
fpnas_priv_band fpnas_priv_depthwise_band(
    const fpnas_priv_depthwise *_Nonnull shape, size_t c, size_t parts);
// Floats of scratch memory for rows of width c, forward and backward.
size_t fpnas_priv_depthwise_scratch(const fpnas_priv_depthwise *_Nonnull shape, size_t c);

// The variant of that name ("baseline", "avx2", "avx512"; the last two give the same bits); null where
// this CPU has not got it. With a null name: the one the environment variable FPNAS_KERNELS names, else
// the fastest this CPU has.
const fpnas_priv_kernels *_Nullable fpnas_priv_kernels_named(const char *_Nullable name);

// MARK: Batch normalisation between the passes over the data (double sums, in chunk order)

// Chunk i of n holds images [i·count/n, (i+1)·count/n).
static inline size_t fpnas_priv_chunk_start(size_t chunk, size_t chunks, size_t count) {
    return chunk * count / chunks;
}
// Channels begin to end of eight rows of width c: mean, variance, 1/σ, scale, shift, p, q, r.
void fpnas_priv_norm_forward(
    const float *_Nonnull moments, size_t step, size_t chunks, size_t images, size_t pixels,
    size_t c, size_t begin, size_t end, const float *_Nonnull gamma, const float *_Nonnull beta,
    float *_Nonnull norm, size_t norm_line);
// The same from given mean and variance.
void fpnas_priv_norm_fixed(
    const float *_Nonnull mean, const float *_Nonnull variance, size_t c,
    const float *_Nonnull gamma, const float *_Nonnull beta, float *_Nonnull norm, size_t norm_line);
// From the sums of activation_gradient: p, q, r, and adds f·(∂γ, ∂β) of the first `channels`.
void fpnas_priv_norm_backward(
    const float *_Nonnull sums, size_t step, size_t chunks, size_t images, size_t pixels, size_t c,
    size_t begin, size_t end, size_t channels, float *_Nonnull norm, size_t norm_line, float f,
    float *_Nonnull dgamma, float *_Nonnull dbeta);

// MARK: Patches of a k×k convolution

// One image and where a k×k window lies on it.
typedef struct fpnas_priv_window {
    size_t height, width;      // of the input
    size_t channels;           // taken from each pixel
    size_t pixel_line;         // floats from pixel to pixel
    size_t k, stride, dilation;
    ptrdiff_t padding;         // the window begins so many rows and columns before the image
    size_t out_width;
    size_t patch_line;         // floats from patch to patch, at least k·k·channels
} fpnas_priv_window;
// Patches of (ky, kx, channel) for the output pixels of the image rows [first, end); zero outside.
void fpnas_priv_patches(
    const float *_Nonnull x, fpnas_priv_window window, size_t first, size_t end,
    float *_Nonnull rows);
// Adds patches back to the pixels they were taken from.
void fpnas_priv_patches_add(
    const float *_Nonnull rows, fpnas_priv_window window, size_t first, size_t end,
    float *_Nonnull x);

// Copies a matrix between line lengths.
void fpnas_priv_copy_matrix(
    const float *_Nonnull source, size_t source_line, size_t rows, size_t columns,
    float *_Nonnull target, size_t target_line);
// Whether all of `columns` values in each row are finite.
int fpnas_priv_all_finite(const float *_Nonnull x, size_t rows, size_t columns, size_t line);

#endif
