/* What this machine can do at best with the kernels' own vectors: bytes loaded a second from the
 * first and second cache, and vector additions a second from registers. One program for one
 * compiler and one set of flags, those of the models.
 *
 * Each load feeds an addition, as in a gathered row of weights; eight sums stay in registers.
 */
#define _POSIX_C_SOURCE 199309L
#include "snn/vec.h"

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define SUMS 8
#define FLOATS (1 << 22)

static float memory[FLOATS];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Sums `floats` floats, `passes` times over. */
static float load_and_add(const float *from, size_t floats, int passes) {
    snn_f32x16 sum[SUMS];
    for (int v = 0; v < SUMS; v++) {
        sum[v] = snn_f32x16_set1(0.0f);
    }
    for (int pass = 0; pass < passes; pass++) {
        for (size_t i = 0; i < floats; i += SUMS * SNN_LANES) {
            for (int v = 0; v < SUMS; v++) {
                sum[v] = snn_f32x16_add(sum[v], snn_f32x16_load(from + i + v * SNN_LANES));
            }
        }
    }
    float lanes[SNN_LANES], total = 0.0f;
    for (int v = 0; v < SUMS; v++) {
        snn_f32x16_store(lanes, sum[v]);
        total += lanes[0];
    }
    return total;
}

/* Adds registers to registers. The vectors come from memory, so that nothing folds. */
static float add_only(const float *from, size_t rounds) {
    snn_f32x16 sum[SUMS];
    const snn_f32x16 term = snn_f32x16_load(from);
    for (int v = 0; v < SUMS; v++) {
        sum[v] = snn_f32x16_load(from + v * SNN_LANES);
    }
    for (size_t i = 0; i < rounds; i++) {
        for (int v = 0; v < SUMS; v++) {
            sum[v] = snn_f32x16_add(sum[v], term);
        }
    }
    float lanes[SNN_LANES], total = 0.0f;
    for (int v = 0; v < SUMS; v++) {
        snn_f32x16_store(lanes, sum[v]);
        total += lanes[0];
    }
    return total;
}

static volatile float sink;

/* Best of seven, in GB/s. */
static double bandwidth(size_t bytes) {
    const size_t floats = bytes / sizeof(float);
    const int passes = (int)((size_t)(1 << 28) / bytes);
    double best = 0.0;
    for (int attempt = 0; attempt < 7; attempt++) {
        const double start = now();
        sink = load_and_add(memory, floats, passes);
        const double rate = (double)bytes * passes / (now() - start);
        best = rate > best ? rate : best;
    }
    return 1e-9 * best;
}

static double additions(void) {
    const size_t rounds = 1 << 22;
    double best = 0.0;
    for (int attempt = 0; attempt < 7; attempt++) {
        const double start = now();
        sink = add_only(memory, rounds);
        const double rate = (double)rounds * SUMS * SNN_LANES / (now() - start);
        best = rate > best ? rate : best;
    }
    return 1e-9 * best;
}

int main(void) {
    for (size_t i = 0; i < FLOATS; i++) {
        memory[i] = (float)(i % 7);
    }
    printf("{\"vector\": \"%s\", \"l1_load_gb_s\": %.1f, \"l2_load_gb_s\": %.1f, ", SNN_VEC_NAME,
           bandwidth(16384), bandwidth(262144));
    printf("\"l3_load_gb_s\": %.1f, \"adds_g_s\": %.1f}\n", bandwidth(8u << 20), additions());
    return 0;
}
