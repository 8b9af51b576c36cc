/* What the loops of cells are made of, beside masks: roundings and elementary functions of one
 * float.
 *
 * Everything is made of +, -, *, /, comparisons and integer operations in a fixed order, without
 * branches, so that compilers make vectors of the loops around it and every instruction set, soft
 * float included, gives the same bits. Nothing of libm is used. Largest errors are stated beside
 * each function, in units in the last place of the result (of the least subnormal below 2^-126);
 * those of one argument were measured over all 2^32 floats (tests/c/cell_math_errors.c). The
 * functions take no counters: what each executes is in compiler/ops/cells/cost.py, and counted by
 * tests/c/cell_math_counts.cc. */
#ifndef SNN_ELEMENTWISE_CELL_MATH_H
#define SNN_ELEMENTWISE_CELL_MATH_H

#include "snn/elementwise/elementwise.h"
#include "snn/elementwise/mask.h"
#include "snn/types.h"

#include <float.h>

#define SNN_INFINITY (snn_float_of(0x7F800000u))
#define SNN_NAN (snn_float_of(0x7FC00000u))

/* Largest errors, in units in the last place; infinity where it overflows counts as 2^128. */
#define SNN_EXP_MAX_ULP 1.1
#define SNN_LOG_MAX_ULP 0.9
#define SNN_TANH_MAX_ULP 1.2
#define SNN_ERF_MAX_ULP 1.4
#define SNN_POW_MAX_ULP 0.51

SNN_KERNEL float snn_neg_f32(float x) {
    return snn_float_of(snn_bits_of(x) ^ SNN_SIGN_BIT);
}

/* |x| with the sign of `sign`. */
SNN_KERNEL float snn_copysign_f32(float x, float sign) {
    return snn_float_of((snn_bits_of(x) & ~SNN_SIGN_BIT) | (snn_bits_of(sign) & SNN_SIGN_BIT));
}

/* -1, 0 or 1; 0 for NaN. */
SNN_KERNEL float snn_sign_f32(float x) {
    return snn_mask_number(snn_mask(x > 0.0f)) - snn_mask_number(snn_mask(x < 0.0f));
}

/* NaN where either is. */
SNN_KERNEL float snn_minimum_f32(float a, float b) {
    return snn_where_f32(snn_mask(a < b) | snn_mask(a != a), a, b);
}

SNN_KERNEL float snn_maximum_f32(float a, float b) {
    return snn_where_f32(snn_mask(a > b) | snn_mask(a != a), a, b);
}

/* To the nearest whole number, halves to even; the sign of a zero is kept. Exact. Adding 2^23 to
 * what is smaller leaves no room for a fraction. */
SNN_KERNEL float snn_round_f32(float x) {
    const float size = snn_abs_f32(x);
    const float whole = (size + 8388608.0f) - 8388608.0f;
    return snn_copysign_f32(snn_where_f32(snn_mask(size < 8388608.0f), whole, size), x);
}

/* To a whole number, down, up, or towards zero. Exact. */
SNN_KERNEL float snn_floor_f32(float x) {
    const float whole = snn_round_f32(x);
    return snn_copysign_f32(whole - snn_mask_number(snn_mask(whole > x)), x);
}

SNN_KERNEL float snn_ceil_f32(float x) {
    const float whole = snn_round_f32(x);
    return snn_copysign_f32(whole + snn_mask_number(snn_mask(whole < x)), x);
}

SNN_KERNEL float snn_trunc_f32(float x) {
    return snn_copysign_f32(snn_floor_f32(snn_abs_f32(x)), x);
}

/* One step towards the root of `square` modulo 2^32, a whole number below 2^24: up where square -
 * root^2 > root, down where it is <= -root, which is where another whole number is nearer. */
SNN_KERNEL uint32_t snn_sqrt_corrected(uint32_t square, uint32_t root) {
    const int32_t rest = (int32_t)(square - root * root);
    const uint32_t up = snn_mask(rest > (int32_t)root);
    const uint32_t down = snn_mask(rest <= -(int32_t)root);
    return root - up + down; /* a mask is -1 */
}

/* Square root, correctly rounded, as IEEE 754 asks; NaN below zero, and zeros keep their sign.
 *
 * x = m 2^e with m in [1, 4) and e even. Newton's iteration for 1 / sqrt(m), from a line through
 * the exponent, and one for the root give its 24 bits but for the last two units; they are made
 * right in whole numbers. */
SNN_KERNEL float snn_sqrt_f32(float x) {
    const uint32_t tiny = snn_mask(snn_abs_f32(x) < 1.17549435e-38f);
    const uint32_t bits = snn_bits_of(snn_where_f32(tiny, x * 16777216.0f, x)); /* 2^24 */
    const uint32_t odd = ~(bits >> 23) & 1u; /* of the unbiased exponent, whose bias is odd */
    const float m = snn_float_of((bits & 0x007FFFFFu) | ((127u + odd) << 23));
    const float half = 0.5f * m;
    float y = snn_float_of(0x5F3759DFu - (snn_bits_of(m) >> 1));
    y = y * (1.5f - half * y * y);
    y = y * (1.5f - half * y * y);
    const float near = m * y;
    const float better = near + 0.5f * y * (m - near * near);
    const uint32_t whole = ((bits & 0x007FFFFFu) | 0x00800000u) << 23;
    const uint32_t square = whole + (whole & (0u - odd));
    uint32_t root = (uint32_t)(int32_t)(better * 8388608.0f);
    root = snn_sqrt_corrected(square, root);
    root = snn_sqrt_corrected(square, root);
    const uint32_t exponent = ((bits >> 23) + 127u - odd) >> 1;
    const uint32_t scaled = exponent - (tiny & 12u);
    const float value = snn_float_of((scaled << 23) + root - 0x00800000u);
    const uint32_t itself = snn_mask(x == 0.0f) | snn_mask(!(x < SNN_INFINITY));
    const float kept = snn_where_f32(itself, x, value);
    return snn_where_f32(snn_mask(x < 0.0f), SNN_NAN, kept);
}

/* e^x; 0 below -104 and infinity above 89, where float32 has nothing else. At most
 * SNN_EXP_MAX_ULP off. */
SNN_KERNEL float snn_exp_f32(float x) {
    const float low = snn_where_f32(snn_mask(x < -104.0f), -104.0f, x);
    return snn_exp_inside_f32(snn_where_f32(snn_mask(low > 89.0f), 89.0f, low));
}

/* ln x; -infinity at 0 and NaN below. At most SNN_LOG_MAX_ULP off.
 *
 * x = 2^k (1 + f) with 1 + f between 1/sqrt 2 and sqrt 2, and with s = f / (2 + f)
 * ln(1 + f) = 2 atanh s = f - f^2/2 + s (f^2/2 + R), R = 2/3 s^2 + 2/5 s^4 + ... */
SNN_KERNEL float snn_log_f32(float x) {
    const uint32_t tiny = snn_mask(x < 1.17549435e-38f);
    const uint32_t bits = snn_bits_of(snn_where_f32(tiny, x * 16777216.0f, x)); /* 2^24 */
    const uint32_t moved = bits + (0x3F800000u - 0x3F3504F3u); /* 1/sqrt 2 becomes 1 */
    const float k = (float)((int32_t)(moved >> 23) - 127 - (int32_t)(tiny & 24u));
    const float f = snn_float_of((moved & 0x007FFFFFu) + 0x3F3504F3u) - 1.0f;
    const float s = f / (2.0f + f);
    const float z = s * s;
    float r = 0.222222222f;
    r = r * z + 0.285714286f;
    r = r * z + 0.4f;
    r = r * z + 0.666666667f;
    const float half = 0.5f * f * f;
    const float tail = s * (half + r * z) + k * 9.05800061e-6f; /* the rest of ln 2 */
    const float value = (f - (half - tail)) + k * 0.693138123f; /* ln 2 to 16 bits */
    const float ended = snn_where_f32(snn_mask(x == 0.0f), -SNN_INFINITY, value);
    const float known = snn_where_f32(snn_mask(x < 0.0f), SNN_NAN, ended);
    return snn_where_f32(snn_mask(!(x < SNN_INFINITY)), x, known);
}

/* Hyperbolic tangent. At most SNN_TANH_MAX_ULP off. x + x^3 P(x^2) up to 1, beyond it
 * 1 - 2 / (e^2x + 1). */
SNN_KERNEL float snn_tanh_f32(float x) {
    const float size = snn_abs_f32(x);
    const float z = x * x;
    float p = -3.5845002e-4f;
    p = p * z + 2.3013577e-3f;
    p = p * z - 7.946096e-3f;
    p = p * z + 2.1486651e-2f;
    p = p * z - 5.38798e-2f;
    p = p * z + 1.3332345e-1f;
    p = p * z - 3.3333296e-1f;
    const float near = x + (x * z) * p;
    const float far = 1.0f - 2.0f / (snn_exp_f32(size + size) + 1.0f);
    return snn_where_f32(snn_mask(size > 1.0f), snn_copysign_f32(far, x), near);
}

/* Error function. At most SNN_ERF_MAX_ULP off. x + x P(x^2) up to 1; beyond it
 * 1 - e^Q(|x|), where Q is the logarithm of 1 - erf, up to 4. */
SNN_KERNEL float snn_erf_f32(float x) {
    const float size = snn_where_f32(snn_mask(snn_abs_f32(x) > 4.0f), 4.0f, snn_abs_f32(x));
    const float z = x * x;
    float p = -9.641515e-6f;
    p = p * z + 1.12569476e-4f;
    p = p * z - 8.482829e-4f;
    p = p * z + 5.2209455e-3f;
    p = p * z - 2.68654e-2f;
    p = p * z + 1.1283782e-1f;
    p = p * z - 3.7612638e-1f;
    p = p * z + 1.2837917e-1f;
    float q = -2.168685e-5f;
    q = q * size + 4.4133636e-4f;
    q = q * size - 4.204562e-3f;
    q = q * size + 2.5208257e-2f;
    q = q * size - 1.0841858e-1f;
    q = q * size - 6.332199e-1f;
    q = q * size - 1.1295785f;
    q = q * size + 1.8804023e-4f;
    const float far = 1.0f - snn_exp_f32(q);
    return snn_where_f32(snn_mask(size > 1.0f), snn_copysign_f32(far, x), x + x * p);
}

/* Powers are computed in double. Where that is as short as a float (AVR), a program that takes a
 * power does not compile, and the name below says why. */
#if DBL_MANT_DIG < 53
#define snn_pow_f32 snn_pow_needs_a_double_of_64_bits
#else

/* log2 of a positive normal double to 2^-44 of it, as snn_log_f32. */
SNN_KERNEL double snn_log2_f64(double x) {
    const uint64_t root = 0x3FE6A09E667F3BCDu; /* 1/sqrt 2 */
    const uint64_t moved = snn_bits_of_double(x) + (0x3FF0000000000000u - root);
    const double k = (double)((int32_t)(moved >> 52) - 1023);
    const double f = snn_double_of((moved & 0x000FFFFFFFFFFFFFu) + root) - 1.0;
    const double s = f / (2.0 + f);
    const double z = s * s;
    double r = 1.0 / 17.0;
    r = r * z + 1.0 / 15.0;
    r = r * z + 1.0 / 13.0;
    r = r * z + 1.0 / 11.0;
    r = r * z + 1.0 / 9.0;
    r = r * z + 1.0 / 7.0;
    r = r * z + 1.0 / 5.0;
    r = r * z + 1.0 / 3.0;
    return k + (s + s * (r * z)) * 2.8853900817779268; /* 2 / ln 2 */
}

/* 2^p for -200 <= p <= 200 to 2^-40 of it, as snn_exp_f32. */
SNN_KERNEL double snn_exp2_f64(double p) {
    const double round = 6755399441055744.0; /* 1.5 * 2^52 */
    const double shifted = p + round;
    const double r = (p - (shifted - round)) * 0.6931471805599453;
    double e = 1.0 / 3628800.0;
    e = e * r + 1.0 / 362880.0;
    e = e * r + 1.0 / 40320.0;
    e = e * r + 1.0 / 5040.0;
    e = e * r + 1.0 / 720.0;
    e = e * r + 1.0 / 120.0;
    e = e * r + 1.0 / 24.0;
    e = e * r + 1.0 / 6.0;
    e = e * r + 0.5;
    e = e * r + 1.0;
    e = e * r + 1.0;
    const uint64_t power = snn_bits_of_double(shifted) - 0x4338000000000000u;
    return e * snn_double_of((power + 1023u) << 52);
}

/* x^y with the special values of IEEE 754's pow: 1 for y = 0 and for x = 1, whatever the other;
 * NaN for x < 0 and a y that is not whole. At most SNN_POW_MAX_ULP off: it is computed in double.
 */
SNN_KERNEL float snn_pow_f32(float x, float y) {
    const double size = (double)snn_abs_f32(x);
    const double finite = snn_log2_f64(size);
    const double above = snn_where_f64(size == 0.0, -1e300, finite);
    const double logarithm = snn_where_f64(size > 3.5e38, 1e300, above);
    const double given = (double)y * logarithm;
    const double product = snn_where_f64(size == 1.0, 0.0, given);
    const double high = snn_where_f64(product < -200.0, -200.0, product);
    const double power = snn_exp2_f64(snn_where_f64(high > 200.0, 200.0, high));
    const int over = power >= 3.4028235677973366e38; /* rounds to infinity */
    const float fits = (float)snn_where_f64(over, 0.0, power);
    const float value = snn_where_f32(snn_mask(over), SNN_INFINITY, fits);
    const float whole = snn_floor_f32(y);
    const float twice = 2.0f * snn_floor_f32(0.5f * whole);
    const uint32_t odd = snn_mask(whole == y) & snn_mask(whole - twice == 1.0f);
    const uint32_t sign = odd & snn_bits_of(x) & SNN_SIGN_BIT;
    const uint32_t outside = snn_mask(x < 0.0f) & snn_mask(x >= -3.40282347e38f);
    const float inside = snn_float_of(snn_bits_of(value) | sign);
    const float real = snn_where_f32(outside & snn_mask(whole != y), SNN_NAN, inside);
    const float known = snn_where_f32(snn_mask(x != x) | snn_mask(y != y), x + y, real);
    return snn_where_f32(snn_mask(x == 1.0f) | snn_mask(y == 0.0f), 1.0f, known);
}

#endif

#endif
