/* Largest error of a function of cell_math.h over all floats, or a share of them.
 *
 *     cc -O2 -march=native -ffp-contract=off -I runtime_c/include tests/c/cell_math_errors.c -lm
 *     ./a.out STEP FIRST [NAME]   every STEP-th float from bits FIRST; STEP 1 for all 2^32
 *
 * Prints, for each function, the largest error in units in the last place (of the least subnormal
 * below 2^-126) and where it is; for those that must be exact, how many floats differ. The exact
 * values are libm's in double, which are off by less than 2^-16 of such a unit. pow is measured on
 * pairs: every STEP-th float raised to exponents that a generator chooses. */
#include "snn/elementwise/cell_math.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name;
    float (*own)(float);
    double (*exact)(double);
    int rounded; /* the nearest float is asked for */
} function;

/* Near zero the first terms of the series, which are cheaper: what is left out is below 2^-40. */
static double exact_exp(double x) {
    if (fabs(x) > 0x1p-8) {
        return exp(x);
    }
    return 1.0 + x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0))));
}

static double exact_sigmoid(double x) {
    if (fabs(x) > 0x1p-8) {
        return 1.0 / (1.0 + exp(-x));
    }
    return 0.5 + x * (0.25 + x * x * (-1.0 / 48.0 + x * x / 480.0));
}

static double exact_tanh(double x) {
    if (fabs(x) > 0x1p-8) {
        return fabs(x) > 40.0 ? copysign(1.0, x) : tanh(x);
    }
    return x * (1.0 + x * x * (-1.0 / 3.0 + x * x * (2.0 / 15.0 - x * x * (17.0 / 315.0))));
}

static double exact_erf(double x) {
    if (fabs(x) > 0x1p-8) {
        return fabs(x) > 40.0 ? copysign(1.0, x) : erf(x);
    }
    const double series = 1.0 - x * x * (1.0 / 3.0 - x * x * (0.1 - x * x / 42.0));
    return x * series * 1.1283791670955126; /* 2 / sqrt(pi) */
}

static float own_exp(float x) {
    return snn_exp_f32(x);
}
static float own_log(float x) {
    return snn_log_f32(x);
}
static float own_tanh(float x) {
    return snn_tanh_f32(x);
}
static float own_erf(float x) {
    return snn_erf_f32(x);
}
static float own_sigmoid(float x) {
    return snn_sigmoid_scalar_f32(x);
}
static float own_sqrt(float x) {
    return snn_sqrt_f32(x);
}
static float own_round(float x) {
    return snn_round_f32(x);
}
static float own_floor(float x) {
    return snn_floor_f32(x);
}
static float own_ceil(float x) {
    return snn_ceil_f32(x);
}
static float own_trunc(float x) {
    return snn_trunc_f32(x);
}

static const function functions[] = {
    {"exp", own_exp, exact_exp, 0},
    {"log", own_log, log, 0},
    {"tanh", own_tanh, exact_tanh, 0},
    {"erf", own_erf, exact_erf, 0},
    {"sigmoid", own_sigmoid, exact_sigmoid, 0},
    {"sqrt", own_sqrt, sqrt, 1},
    {"round", own_round, nearbyint, 1},
    {"floor", own_floor, floor, 1},
    {"ceil", own_ceil, ceil, 1},
    {"trunc", own_trunc, trunc, 1},
};

/* The distance of a float32 result from the exact value, in units in the last place of the exact
 * one; infinity stands for 2^128. */
static double error_of(float own, double exact) {
    if (isnan(own) || isnan(exact)) {
        return isnan(own) && isnan(exact) ? 0.0 : HUGE_VAL;
    }
    if (fabs(exact) > 0x1p128) {
        exact = copysign(0x1p128, exact);
    }
    const double given = isinf(own) ? copysign(0x1p128, (double)own) : (double)own;
    const int exponent = (int)(snn_bits_of_double(exact) >> 52 & 0x7FF) - 1023;
    const int unit = exponent < -126 ? -149 : exponent > 127 ? 104 : exponent - 23;
    return fabs(given - exact) * snn_double_of((uint64_t)(1023 - unit) << 52);
}

static void measure(const function *f, uint64_t step, uint64_t first) {
    double largest = 0.0;
    uint32_t where = 0;
    uint64_t wrong = 0;
    for (uint64_t i = first; i < UINT64_C(1) << 32; i += step) {
        const float x = snn_float_of((uint32_t)i);
        const float own = f->own(x);
        const double exact = f->exact((double)x);
        if (f->rounded) {
            const float wanted = (float)exact;
            const int same = snn_bits_of(own) == snn_bits_of(wanted);
            wrong += !(same || (isnan(own) && isnan(wanted)));
            continue;
        }
        const double error = error_of(own, exact);
        if (error > largest) {
            largest = error;
            where = (uint32_t)i;
        }
    }
    if (f->rounded) {
        printf("%s wrong %" PRIu64 "\n", f->name, wrong);
    } else {
        printf("%s %.6f at %a\n", f->name, largest, (double)snn_float_of(where));
    }
}

static void measure_pow(uint64_t step, uint64_t first) {
    double largest = 0.0;
    float where = 0.0f, power = 0.0f;
    uint64_t state = 1;
    for (uint64_t i = first; i < UINT64_C(1) << 32; i += step) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const float x = snn_float_of((uint32_t)i);
        const uint32_t random = (uint32_t)(state >> 32);
        /* any float, an exponent whose power is in range, or a small whole number */
        float y = snn_float_of(random);
        if (state >> 30 & 1) {
            const double scale = log2(fabs((double)x));
            y = (float)(((double)random / 4294967296.0 * 300.0 - 160.0) / scale);
        } else if (state >> 31 & 1) {
            y = (float)((int)(random >> 28) - 8);
        }
        const double error = error_of(snn_pow_f32(x, y), pow((double)x, (double)y));
        if (error > largest) {
            largest = error;
            where = x;
            power = y;
        }
    }
    printf("pow %.6f at %a %a\n", largest, (double)where, (double)power);
}

int main(int arguments, char **argument) {
    const uint64_t step = arguments > 1 ? strtoull(argument[1], NULL, 0) : 1;
    const uint64_t first = arguments > 2 ? strtoull(argument[2], NULL, 0) : 0;
    const char *name = arguments > 3 ? argument[3] : NULL;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (!name || strcmp(name, functions[i].name) == 0) {
            measure(functions + i, step ? step : 1, first);
        }
    }
    if (!name || strcmp(name, "pow") == 0) {
        measure_pow(step ? step : 1, first);
    }
    return 0;
}
