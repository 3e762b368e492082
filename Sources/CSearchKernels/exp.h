// Included by body.h: Elementary.exp in Support, operation for operation, for −2e6 ≤ x ≤ 16.
//
//     x = (16·k + j) · ln 2 / 16 + r,  e^x = 2^k · 2^(j/16) · e^r,  |r| ≤ ln 2 / 32

// 2^(j/16), and in narrow vectors 2^(k + 1000) times that, where `shifted` holds 16·k + j in its low bits.
#if LANES == 8
INLINE V NAME(power)(I shifted) {
    return __builtin_ia32_vpermi2varpd512(
        NAME(load)(exp_powers), shifted, NAME(load)(exp_powers + 8));
}
#else
INLINE V NAME(power)(I shifted) {
    V power;
#if LANES == 4
    // The lookup there is takes one of eight floats: two for each of the four doubles of a quarter
    // of the table; bits 2 and 3 of the index then choose the quarter.
    typedef float floats __attribute__((vector_size(32)));
    typedef int32_t halves __attribute__((vector_size(32)));
    halves low = __builtin_shufflevector(
        (halves)shifted, (halves)shifted, 0, 0, 2, 2, 4, 4, 6, 6);
    halves place = low + low + (halves){0, 1, 0, 1, 0, 1, 0, 1};
    V quarter[4];
    EACH(q, 4) {
        floats part;
        memcpy(&part, exp_powers + 4 * q, sizeof part);
        quarter[q] = (V)__builtin_ia32_permvarsf256(part, place);
    }
    V bit2 = (V)(shifted << 61), bit3 = (V)(shifted << 60); // as signs
    power = __builtin_ia32_blendvpd256(
        __builtin_ia32_blendvpd256(quarter[0], quarter[1], bit2),
        __builtin_ia32_blendvpd256(quarter[2], quarter[3], bit2), bit3);
#else
    int64_t bits[LANES];
    double lanes[LANES];
    memcpy(bits, &shifted, sizeof bits);
    for (int j = 0; j < LANES; j++) lanes[j] = exp_powers[bits[j] & 15];
    power = NAME(load)(lanes);
#endif
    return (V)((I)power + (((shifted >> 4) + 1000) << 52));
}
#endif

INLINE void NAME(exp)(const V x[UNIT], V y[UNIT]) {
    const V magic = NAME(all)(0x1.8p48); // adding it rounds to a sixteenth, ties to even
    V z[UNIT], shifted[UNIT], n[UNIT], r[UNIT], rr[UNIT], p[UNIT], q2[UNIT], power[UNIT];
#if LANES == 8
    EACH(q, UNIT) z[q] = x[q];
#else
    // Everything below −745.14 rounds to 0.
    EACH(q, UNIT) z[q] = NAME(larger)(x[q], NAME(all)(-746));
#endif
    EACH(q, UNIT) shifted[q] = z[q] * 1.4426950408889634 + magic;
    EACH(q, UNIT) n[q] = shifted[q] - magic;
    EACH(q, UNIT) r[q] = (z[q] - n[q] * 0x1.62e42fefap-1) - n[q] * 0x1.cf79abc9e3b3ap-40;
    EACH(q, UNIT) rr[q] = r[q] * r[q];
    EACH(q, UNIT) q2[q] = r[q] * 0x1.11123aafc3b08p-7 + 0x1.555555545ea37p-5;
    EACH(q, UNIT) p[q] = r[q] * 0x1.555555548f86cp-3 + 0.5;
    EACH(q, UNIT) q2[q] = q2[q] + rr[q] * 0x1.6c185df302d49p-10;
    EACH(q, UNIT) p[q] = p[q] + rr[q] * q2[q];
    EACH(q, UNIT) r[q] = r[q] + rr[q] * p[q];
    EACH(q, UNIT) power[q] = NAME(power)((I)shifted[q]);
    EACH(q, UNIT) power[q] = power[q] + power[q] * r[q];
    // Rounded once also where it is subnormal.
#if LANES == 8
    EACH(q, UNIT) y[q] = __builtin_ia32_scalefpd512_mask(
        power[q], n[q], power[q], 0xFF, 4 /* the usual rounding */);
#else
    EACH(q, UNIT) y[q] = power[q] * 0x1p-1000;
#endif
}

static void NAME(exponential)(const double *x, size_t count, double *y) {
    for (size_t i = 0; i < count; i += UNIT * LANES) {
        double values[UNIT * LANES] = {0};
        V in[UNIT], out[UNIT];
        for (size_t j = 0; j < UNIT * LANES && i + j < count; j++) values[j] = x[i + j];
        EACH(q, UNIT) in[q] = NAME(load)(values + LANES * q);
        NAME(exp)(in, out);
        EACH(q, UNIT) NAME(store)(values + LANES * q, out[q]);
        for (size_t j = 0; j < UNIT * LANES && i + j < count; j++) y[i + j] = values[j];
    }
}
