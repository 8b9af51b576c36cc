/* Times one convolution kernel on random spikes of each density given on the command line.
 *
 * The shape comes from macros: IN_H IN_W IN_C OUT_C KERNEL STRIDE PAD CO_BLOCK STEPS, the kernel
 * from METHOD (list, direct or dense). Prints a line a density: median and least milliseconds of
 * all STEPS, of CPU time, and the accumulations executed.
 */
#define _POSIX_C_SOURCE 199309L

#include "snn/synapses/conv2d.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OUT_H ((IN_H + 2 * PAD - KERNEL) / STRIDE + 1)
#define OUT_W ((IN_W + 2 * PAD - KERNEL) / STRIDE + 1)
#define BLOCKS ((OUT_C + CO_BLOCK - 1) / CO_BLOCK)
#define ALIGNED __attribute__((aligned(64)))
#define MOST_RUNS 99

static const snn_conv2d shape = {IN_H,   IN_W,   IN_C, OUT_H, OUT_W, OUT_C, KERNEL, KERNEL,
                                 STRIDE, STRIDE, PAD,  PAD,   1,     1,     1,      CO_BLOCK};
static snn_word in[STEPS][IN_H * IN_W * SNN_WORDS(IN_C)];
static float weight[BLOCKS * KERNEL * KERNEL * IN_C * CO_BLOCK] ALIGNED;
static float bias[OUT_C] ALIGNED;
static float out[OUT_H * OUT_W * OUT_C] ALIGNED;
static uint32_t starts[IN_H * IN_W + 1];
static uint16_t events[IN_H * IN_W * IN_C + SNN_LIST_SLACK] ALIGNED;

static void list(const snn_word *spikes) {
    snn_conv2d_spike_list_f32(&shape, spikes, weight, bias, starts, events, out, NULL);
}

static void direct(const snn_word *spikes) {
    snn_conv2d_spike_f32(&shape, spikes, weight, bias, out, NULL);
}

static void dense(const snn_word *spikes) {
    snn_conv2d_spike_dense_f32(&shape, spikes, weight, bias, out, NULL);
}

static void run(const snn_word *spikes) {
    (void)list, (void)direct, (void)dense;
    METHOD(spikes);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint32_t draw(void) {
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static void fill(double density) {
    memset(in, 0, sizeof in);
    for (int t = 0; t < STEPS; t++) {
        for (int i = 0; i < IN_H * IN_W; i++) {
            for (int c = 0; c < IN_C; c++) {
                if (draw() < density * (1 << 24)) {
                    in[t][i * SNN_WORDS(IN_C) + c / 32] |= (snn_word)1 << (c % 32);
                }
            }
        }
    }
}

/* Accumulations of all steps: spikes met by taps, times output channels. */
static double accumulations(void) {
    double total = 0.0;
    for (int t = 0; t < STEPS; t++) {
        for (int y = 0; y < OUT_H * KERNEL; y++) {
            const int iy = y / KERNEL * STRIDE - PAD + y % KERNEL;
            for (int x = 0; x < OUT_W * KERNEL && iy >= 0 && iy < IN_H; x++) {
                const int ix = x / KERNEL * STRIDE - PAD + x % KERNEL;
                for (int w = 0; w < SNN_WORDS(IN_C) && ix >= 0 && ix < IN_W; w++) {
                    total += snn_bit_count(in[t][(iy * IN_W + ix) * SNN_WORDS(IN_C) + w]);
                }
            }
        }
    }
    return total * OUT_C;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    const int runs = argc > 1 ? atoi(argv[1]) : 0;
    if (runs < 1 || runs > MOST_RUNS) {
        fprintf(stderr, "usage: %s RUNS DENSITY ..., 1 <= RUNS <= %d\n", argv[0], MOST_RUNS);
        return 2;
    }
    for (size_t i = 0; i < sizeof weight / sizeof *weight; i++) {
        weight[i] = ((float)draw() - 8388608.0f) / 8388608.0f;
    }
    for (int d = 2; d < argc; d++) {
        double taken[MOST_RUNS];
        fill(atof(argv[d]));
        for (int r = 0; r < runs; r++) {
            const double start = seconds();
            for (int t = 0; t < STEPS; t++) {
                run(in[t]);
            }
            taken[r] = seconds() - start;
        }
        qsort(taken, (size_t)runs, sizeof *taken, by_size);
        printf("%s %.4f %.4f %.0f\n", argv[d], taken[runs / 2] * 1e3, taken[0] * 1e3,
               accumulations());
    }
    return 0;
}
