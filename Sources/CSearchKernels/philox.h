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
        // The words are the low halves of lanes; what the upper ones hold does not matter.
        W x = (W){0} + index, y, z = (W){0} + (step & mask), w = (W){0} + (step >> 32);
        EACH(j, LANES) y[j] = (uint64_t)j;
        y = ((y + sample + i) & 0x00FFFFFFu) | s->stream;
        uint32_t key0 = s->key[0], key1 = s->key[1];
        for (int round = 0; round < 10; round++) {
            W first = (x & mask) * 0xD2511F53u, second = (z & mask) * 0xCD9E8D57u;
            x = (second >> 32) ^ y ^ key0;
            y = second;
            z = (first >> 32) ^ w ^ key1;
            w = first;
            key0 += 0x9E3779B9u;
            key1 += 0xBB67AE85u;
        }
        V high = NAME(real)((x & mask) >> 5), low = NAME(real)((y & mask) >> 6);
        V value = (high * 67108864 + low) * 0x1p-53;
        if (count - i >= LANES) {
            NAME(store)(u + i, value);
        } else {
            EACH(j, LANES) if (i + (size_t)j < count) u[i + (size_t)j] = value[j];
        }
    }
}

#undef W
