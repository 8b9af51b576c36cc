/* Bandwidth of loading and adding vectors from blocks of memory of growing size, one line each:
 * bytes and GB/s. The best of several runs. */
#define _POSIX_C_SOURCE 199309L

#include "snn/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LARGEST (1 << 20)
#define CHAINS 8

static float memory[LARGEST / sizeof(float)] __attribute__((aligned(4096)));

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double sweep(int floats, int repeats) {
    snn_f32x16 sum[CHAINS];
    for (int i = 0; i < CHAINS; i++) {
        sum[i] = snn_f32x16_set1(0.0f);
    }
    const double start = seconds();
    for (int r = 0; r < repeats; r++) {
        for (int at = 0; at < floats; at += CHAINS * SNN_LANES) {
            SNN_UNROLL
            for (int i = 0; i < CHAINS; i++) {
                sum[i] = snn_f32x16_add(sum[i], snn_f32x16_load(memory + at + i * SNN_LANES));
            }
        }
    }
    const double taken = seconds() - start;
    float total = 0.0f;
    for (int i = 0; i < CHAINS; i++) {
        total += snn_f32x16_sum(sum[i]);
    }
    return total == 1.0f ? 0.0 : taken; /* the sum must be used */
}

int main(void) {
    static const int sizes[] = {8 << 10, 16 << 10, 24 << 10, 128 << 10, 256 << 10, 512 << 10};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) {
        memory[i] = (float)(i % 7); /* untouched pages would share one page of zeros */
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int repeats = (200 << 20) / sizes[i];
        double best = 1e9;
        for (int k = 0; k < 9; k++) {
            const double taken = sweep(sizes[i] / (int)sizeof(float), repeats);
            best = taken < best ? taken : best;
        }
        printf("%d %.1f\n", sizes[i], (double)sizes[i] * repeats / best * 1e-9);
    }
    return 0;
}
