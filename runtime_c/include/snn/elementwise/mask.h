/* Choices without branches, by masks: what compilers make vectors of on every processor. A truth
 * value is a mask: all bits of a word, or none. */
#ifndef SNN_ELEMENTWISE_MASK_H
#define SNN_ELEMENTWISE_MASK_H

#include "snn/types.h"

#define SNN_SIGN_BIT 0x80000000u

/* The mask of a C truth value, 0 or 1. */
SNN_KERNEL uint32_t snn_mask(int truth) {
    return 0u - (uint32_t)truth;
}

/* The mask of one bit of a word. */
SNN_KERNEL uint32_t snn_mask_bit(snn_word word, snn_word bit) {
    return snn_mask((word & bit) != 0);
}

/* 1 or 0. */
SNN_KERNEL float snn_mask_number(uint32_t mask) {
    return snn_float_of(mask & 0x3F800000u);
}

/* `yes` or `no`, bit for bit. */
SNN_KERNEL float snn_where_f32(uint32_t mask, float yes, float no) {
    return snn_float_of((snn_bits_of(yes) & mask) | (snn_bits_of(no) & ~mask));
}

SNN_KERNEL float snn_abs_f32(float x) {
    return snn_float_of(snn_bits_of(x) & ~SNN_SIGN_BIT);
}

/* Each lane's bit of a word: compilers shift by a vector only where the processor can. */
static const snn_word snn_lane_bits[SNN_WORD_BITS] = {
    0x1u,        0x2u,        0x4u,        0x8u,       0x10u,      0x20u,      0x40u,
    0x80u,       0x100u,      0x200u,      0x400u,     0x800u,     0x1000u,    0x2000u,
    0x4000u,     0x8000u,     0x10000u,    0x20000u,   0x40000u,   0x80000u,   0x100000u,
    0x200000u,   0x400000u,   0x800000u,   0x1000000u, 0x2000000u, 0x4000000u, 0x8000000u,
    0x10000000u, 0x20000000u, 0x40000000u, 0x80000000u};

/* The bits of a double, and the double of some bits. */
typedef union {
    double value;
    uint64_t bits;
} snn_double_bits;

SNN_KERNEL uint64_t snn_bits_of_double(double value) {
    snn_double_bits both;
    both.value = value;
    return both.bits;
}

SNN_KERNEL double snn_double_of(uint64_t bits) {
    snn_double_bits both;
    both.bits = bits;
    return both.value;
}

/* `yes` where the C truth value is 1, else `no`. */
SNN_KERNEL double snn_where_f64(int truth, double yes, double no) {
    const uint64_t mask = 0u - (uint64_t)truth;
    return snn_double_of((snn_bits_of_double(yes) & mask) | (snn_bits_of_double(no) & ~mask));
}

#endif
