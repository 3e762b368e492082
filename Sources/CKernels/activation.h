// Exponentials, activations and their slopes, included by body.h once per CPU variant.

// Cephes' expf: 2^n · e^r with |r| ≤ ln 2 / 2 and a polynomial of degree 7. NaN stays NaN: the
// comparisons are written so that it passes.
INLINE v8 NAME(exp8)(v8 x) {
    x = x < -87.0f ? (v8)-87.0f : x;
    x = x > 88.0f ? (v8)88.0f : x;
    // 1.5 · 2^23 rounds to an integer n, which then lies in the lowest bits.
    v8 shifted = x * 1.44269504088896341f + 12582912.0f;
    v8 n = shifted - 12582912.0f;
    v8 r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    v8 p = (v8)1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    b8 power = ((b8)shifted << 23) + (127u << 23);
    return p * (v8)power;
}

INLINE v8 NAME(sigmoid8)(v8 x) { return 1.0f / (1.0f + NAME(exp8)(-x)); }

// min(max(x, 0), most); keeps NaN.
INLINE v8 NAME(clamp8)(v8 x, float most) {
    x = x < 0.0f ? (v8)0.0f : x;
    return x > most ? (v8)most : x;
}

// The sigmoid of swish, which multiplies it by x and so keeps NaN whatever this makes of it: e^−x
// by a minimax polynomial of 2^r of degree 6 on [−1/2, 1/2], whose exponent is added to. Relative
// error below 4e-7 on [−20, 20] with fused multiply-add, 1.1e-6 without.
// `rest` is 1 − the sigmoid without cancellation.
INLINE v8 NAME(swish8)(v8 x, v8 *rest) {
    x = x < -86.0f ? (v8)-86.0f : x;
    x = x > 86.0f ? (v8)86.0f : x;
    v8 shifted = x * -1.44269504088896341f + 12582912.0f;
    v8 n = shifted - 12582912.0f;
    v8 r = x * -1.44269504088896341f - n;
    v8 p = (v8)1.5345811974e-4f;
    p = p * r + 1.3399931218e-3f;
    p = p * r + 9.6184889572e-3f;
    p = p * r + 5.5503287770e-2f;
    p = p * r + 2.4022646891e-1f;
    p = p * r + 6.9314720574e-1f;
    p = p * r + 1.0f;
    v8 e = (v8)((b8)p + ((b8)shifted << 23));
    v8 s = RECIPROCAL(e + 1.0f);
    *rest = e * s;
    return s;
}

INLINE v8 NAME(act8)(v8 z, int activation) {
    if (activation == FPNAS_RELU) return z < 0.0f ? (v8)0.0f : z;  // keeps NaN
    if (activation == FPNAS_SWISH) {
        v8 rest;
        return z * NAME(swish8)(z, &rest);
    }
    if (activation == FPNAS_RELU6) return NAME(clamp8)(z, 6.0f);
    if (activation == FPNAS_HSWISH) return z * NAME(clamp8)(z + 3.0f, 6.0f) * (1.0f / 6.0f);
    return z;
}

// act'(z)
INLINE v8 NAME(slope8)(v8 z, int activation) {
    if (activation == FPNAS_RELU) return z > 0.0f ? (v8)1.0f : (v8)0.0f;
    if (activation == FPNAS_SWISH) {
        v8 rest, s = NAME(swish8)(z, &rest);
        return s + z * s * rest;
    }
    if (activation == FPNAS_RELU6) {
        v8 above = z > 0.0f ? (v8)1.0f : (v8)0.0f;
        return z < 6.0f ? above : (v8)0.0f;
    }
    if (activation == FPNAS_HSWISH) {
        v8 inside = z * (1.0f / 3.0f) + 0.5f;
        v8 above = z >= 3.0f ? (v8)1.0f : inside;
        return z <= -3.0f ? (v8)0.0f : above;
    }
    return (v8)1.0f;
}

// Makes one copy of a body for every activation, so that the choice is outside the loops.
#define FOR_ACTIVATION(activation, call) \
    switch (activation) { \
    case FPNAS_RELU: call(FPNAS_RELU); break; \
    case FPNAS_SWISH: call(FPNAS_SWISH); break; \
    case FPNAS_RELU6: call(FPNAS_RELU6); break; \
    case FPNAS_HSWISH: call(FPNAS_HSWISH); break; \
    default: call(FPNAS_LINEAR); break; \
    }
