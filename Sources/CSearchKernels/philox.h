// Included by body.h: Philox4x32-10 as in Support, one counter a lane, and its 53-bit uniforms.

typedef uint64_t NAME(words) __attribute__((vector_size(8 * LANES)));
#define W NAME(words)

// A whole number below 2^52 as a double, exactly.
INLINE V NAME(real)(W x) { return (V)(x | 0x4330000000000000u) - 0x1p52; }

static void NAME(uniforms)(
    const fpnas_priv_stream *s, uint64_t step, uint32_t index, uint32_t sample, size_t count,
    double *u) {
    const uint64_t mask = 0xFFFFFFFFu;
    for (size_t i = 0; i < count; i += LANES) {
        uint64_t samples[LANES];
        double out[LANES];
        for (size_t j = 0; j < LANES; j++) {
            samples[j] = ((sample + (uint32_t)(i + j)) & 0x00FFFFFFu) | s->stream;
        }
        // Every lane holds 32 bits.
        W x = (W){0} + index, y, z = (W){0} + (step & mask), w = (W){0} + (step >> 32);
        memcpy(&y, samples, sizeof y);
        uint32_t key0 = s->key[0], key1 = s->key[1];
        for (int round = 0; round < 10; round++) {
            W first = x * 0xD2511F53u, second = z * 0xCD9E8D57u;
            x = (second >> 32) ^ y ^ key0;
            y = second & mask;
            z = (first >> 32) ^ w ^ key1;
            w = first & mask;
            key0 += 0x9E3779B9u;
            key1 += 0xBB67AE85u;
        }
        V value = (NAME(real)(x >> 5) * 67108864 + NAME(real)(y >> 6)) * 0x1p-53;
        NAME(store)(out, value);
        for (size_t j = 0; j < LANES && i + j < count; j++) u[i + j] = out[j];
    }
}

#undef W
