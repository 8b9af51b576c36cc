/* Pseudo-random inputs of exactly the stated size, and checksums of results. */
#ifndef RANDOM_DATA_H
#define RANDOM_DATA_H

#include "snn/snn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For what not every program needs. */
#define OPTIONAL __attribute__((unused))

static uint32_t seed = 1;

static uint32_t draw(uint32_t below) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static void *take(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory) {
        exit(3);
    }
    memset(memory, 0xA5, bytes);
    return memory;
}

OPTIONAL static float *reals(int n) {
    float *x = take((size_t)n * sizeof *x);
    for (int i = 0; i < n; i++) {
        x[i] = ((float)draw(65536) - 32768.0f) / 16384.0f;
    }
    return x;
}

OPTIONAL static uint16_t *small_counts(int n, uint32_t in_thousand) {
    uint16_t *x = take((size_t)n * sizeof *x);
    for (int i = 0; i < n; i++) {
        x[i] = draw(1000) < in_thousand ? (uint16_t)(1 + draw(40)) : 0;
    }
    return x;
}

static snn_word *spikes(int pixels, int channels, uint32_t in_thousand) {
    snn_word *x = take((size_t)(pixels * SNN_WORDS(channels)) * sizeof *x);
    memset(x, 0, (size_t)(pixels * SNN_WORDS(channels)) * sizeof *x);
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c++) {
            if (draw(1000) < in_thousand) {
                x[pixel * SNN_WORDS(channels) + c / 32] |= (snn_word)1 << (c % 32);
            }
        }
    }
    return x;
}

static void report(const char *name, const void *memory, size_t bytes) {
    const unsigned char *byte = memory;
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < bytes; i++) {
        hash = (hash ^ byte[i]) * 1099511628211u;
    }
    printf("%s %08x%08x\n", name, (unsigned)(hash >> 32), (unsigned)(hash & 0xFFFFFFFFu));
}

#define REPORT_REALS(name, x, n) report(name, x, (size_t)(n) * sizeof(float))

#endif
