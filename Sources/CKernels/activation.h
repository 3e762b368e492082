// Exponentials, activations and their slopes, included by lanes.h once per number of lanes.

// Cephes' expf: 2^n · e^r with |r| ≤ ln 2 / 2 and a polynomial of degree 7. NaN stays NaN: the
// comparisons are written so that it passes.
INLINE vec L(exp)(vec x) {
    x = x < -87.0f ? (vec)-87.0f : x;
    x = x > 88.0f ? (vec)88.0f : x;
    // 1.5 · 2^23 rounds to an integer n, which then lies in the lowest bits.
    vec shifted = x * 1.44269504088896341f + 12582912.0f;
    vec n = shifted - 12582912.0f;
    vec r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    vec p = (vec)1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    bits power = ((bits)shifted << 23) + (127u << 23);
    return p * (vec)power;
}

INLINE vec L(sigmoid)(vec x) { return 1.0f / (1.0f + L(exp)(-x)); }

// min(max(x, 0), most); keeps NaN.
INLINE vec L(clamp)(vec x, float most) {
    x = x < 0.0f ? (vec)0.0f : x;
    return x > most ? (vec)most : x;
}

// The sigmoid of swish, which multiplies it by x and so keeps NaN whatever this makes of it: e^−x
// by a minimax polynomial of 2^r of degree 6 on [−1/2, 1/2], whose exponent is added to. Relative
// error below 4e-7 on [−20, 20] with fused multiply-add, 1.1e-6 without.
// `rest` is 1 − the sigmoid without cancellation.
INLINE vec L(swish)(vec x, vec *rest) {
    x = x < -86.0f ? (vec)-86.0f : x;
    x = x > 86.0f ? (vec)86.0f : x;
    vec shifted = x * -1.44269504088896341f + 12582912.0f;
    vec n = shifted - 12582912.0f;
    vec r = x * -1.44269504088896341f - n;
    vec p = (vec)1.5345811974e-4f;
    p = p * r + 1.3399931218e-3f;
    p = p * r + 9.6184889572e-3f;
    p = p * r + 5.5503287770e-2f;
    p = p * r + 2.4022646891e-1f;
    p = p * r + 6.9314720574e-1f;
    p = p * r + 1.0f;
    vec e = (vec)((bits)p + ((bits)shifted << 23));
    vec s = L(reciprocal)(e + 1.0f);
    *rest = e * s;
    return s;
}

INLINE vec L(act)(vec z, int activation) {
    if (activation == FPNAS_RELU) return z < 0.0f ? (vec)0.0f : z;  // keeps NaN
    if (activation == FPNAS_SWISH) {
        vec rest;
        return z * L(swish)(z, &rest);
    }
    if (activation == FPNAS_RELU6) return L(clamp)(z, 6.0f);
    if (activation == FPNAS_HSWISH) return z * L(clamp)(z + 3.0f, 6.0f) * (1.0f / 6.0f);
    return z;
}

// act'(z)
INLINE vec L(slope)(vec z, int activation) {
    if (activation == FPNAS_RELU) return z > 0.0f ? (vec)1.0f : (vec)0.0f;
    if (activation == FPNAS_SWISH) {
        vec rest, s = L(swish)(z, &rest);
        return s + z * s * rest;
    }
    if (activation == FPNAS_RELU6) {
        vec above = z > 0.0f ? (vec)1.0f : (vec)0.0f;
        return z < 6.0f ? above : (vec)0.0f;
    }
    if (activation == FPNAS_HSWISH) {
        vec inside = z * (1.0f / 3.0f) + 0.5f;
        vec above = z >= 3.0f ? (vec)1.0f : inside;
        return z <= -3.0f ? (vec)0.0f : above;
    }
    return (vec)1.0f;
}

// act(z), and act'(z) where asked for; swish shares the sigmoid.
INLINE void L(both)(vec z, int activation, int slopes, vec *y, vec *slope) {
    if (slopes && activation == FPNAS_SWISH) {
        vec rest, s = L(swish)(z, &rest);
        *y = z * s;
        *slope = s + *y * rest;
        return;
    }
    *y = L(act)(z, activation);
    if (slopes) *slope = L(slope)(z, activation);
}
