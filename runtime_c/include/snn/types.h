/* Types that every kernel shares: packed spikes, status codes, events, operation counters.
 *
 * Layouts of one step of a value; all have channels last and no padding:
 *
 *   SPIKE  [H*W][SNN_WORDS(C)]  words; channel c is bit c % 32 of word c / 32, unused bits are 0
 *   COUNT  [H*W][C]             uint16_t
 *   REAL   [H*W][C]             float
 *
 * A vector (C,) is one pixel. Inputs and outputs never alias unless a kernel says so.
 */
#ifndef SNN_TYPES_H
#define SNN_TYPES_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

/* Kernels are forced inline so that constant shapes specialise them. Define SNN_KERNEL as `static`
 * for builds that should compile fast instead, such as those with sanitizers. */
#if !defined(SNN_KERNEL) && defined(__GNUC__)
#define SNN_KERNEL static inline __attribute__((always_inline, unused))
#elif !defined(SNN_KERNEL)
#define SNN_KERNEL static inline
#endif

/* Pointers that nothing else leads to; C++ has no word of its own for it. */
#if !defined(__cplusplus)
#define SNN_RESTRICT restrict
#elif defined(__GNUC__)
#define SNN_RESTRICT __restrict
#else
#define SNN_RESTRICT
#endif

/* The function of one layer of a generated network: never inlined, so that each is optimised (and
 * given registers) on its own. */
#if defined(__GNUC__)
#define SNN_LAYER static __attribute__((noinline))
#define SNN_ALIGNED __attribute__((aligned(64)))
#else
#define SNN_LAYER static
#define SNN_ALIGNED
#endif

/* How a network's constant arrays are declared. A program that holds one network several times, for
 * several kinds of processor, holds its arrays once: in the file compiled with SNN_WEIGHTS_GIVEN;
 * those compiled with SNN_WEIGHTS_TAKEN find them there. */
#if defined(__GNUC__) && defined(__ELF__)
#define SNN_HIDDEN __attribute__((visibility("hidden")))
#else
#define SNN_HIDDEN
#endif
#if defined(SNN_WEIGHTS_GIVEN)
#define SNN_WEIGHTS SNN_HIDDEN
#else
#define SNN_WEIGHTS static
#endif

/* Asks for the cache line at p, which will be read soon; only where that is worth an instruction.
 */
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__aarch64__))
#define SNN_FETCH(p) __builtin_prefetch((p), 0, 2)
#else
#define SNN_FETCH(p) ((void)(p))
#endif
#define SNN_LINE_FLOATS 16

/* The place so many bytes into a network's memory. GCC 12.2, and others with its bug 110702, may reach
 * one of two values in one arena by way of the other, where a loop walks both at different strides;
 * it then reads address 0 as the base, takes the layer for one that writes nothing and leaves it
 * out. So GCC is not told that two values share their memory. What is right of C is right without
 * that: other compilers get the plain sum. */
SNN_KERNEL void *snn_at(void *arena, size_t bytes) {
    void *place = (unsigned char *)arena + bytes;
#if defined(__GNUC__) && !defined(__clang__)
    __asm__("" : "+r"(place));
#endif
    return place;
}

/* 32 channels of one pixel. */
typedef uint32_t snn_word;
#define SNN_WORD_BITS 32
#define SNN_WORDS(channels) (((channels) + 31) / 32)

enum snn_status {
    SNN_OK = 0,
    SNN_ERR_NULL = -1,            /* a required pointer is NULL */
    SNN_ERR_ARENA_SIZE = -2,      /* the arena is smaller than <MODEL>_ARENA_BYTES */
    SNN_ERR_ARENA_ALIGN = -3,     /* the arena is not aligned as the header asks */
    SNN_ERR_NOT_INITIALISED = -4, /* used before <model>_init */
    SNN_ERR_EVENT_RANGE = -5,     /* x, y or polarity lies outside the sensor */
    SNN_ERR_TIME_ORDER = -6,      /* an event is older than the start of the window, or than the
                                     newest step where events are buffered */
    SNN_ERR_WINDOW = -7,          /* an event, or a step, lies beyond the last time step */
    SNN_ERR_COUNT_OVERFLOW = -8,  /* a cell would hold more than <MODEL>_MAX_COUNT events */
    SNN_ERR_EVENT_SPACE = -9,     /* more events in the window than <MODEL>_MAX_EVENTS */
    SNN_ERR_NOT_FINITE = -10      /* a number of a frame is infinite, or none */
};

/* One event of a sensor: time in microseconds, column, row, polarity (0 OFF, 1
 * ON). */
typedef struct {
    uint32_t t_us;
    uint16_t x, y;
    uint8_t polarity;
} snn_event;

/* Operations executed by one node. Each is added to in the loop that does the
 * work. */
typedef struct {
    uint64_t ac;  /* weight added to an accumulator because its input spiked */
    uint64_t mac; /* product of weight and input added to an accumulator */
    uint64_t mul; /* other multiplications and divisions */
    uint64_t add; /* other additions and subtractions */
    uint64_t cmp; /* comparisons, selections of a maximum, and word-wide ORs */
} snn_counts;

#ifdef SNN_INSTRUMENT
#define SNN_COUNT(counts, field, n)           \
    do {                                      \
        if (counts) {                         \
            (counts)->field += (uint64_t)(n); \
        }                                     \
    } while (0)
#else
#define SNN_COUNT(counts, field, n) ((void)(counts), (void)(n))
#endif

SNN_KERNEL int snn_min_int(int a, int b) {
    return a < b ? a : b;
}

SNN_KERNEL int snn_max_int(int a, int b) {
    return a > b ? a : b;
}

/* The bits of a float, and the float of some bits. */
typedef union {
    float value;
    uint32_t bits;
} snn_float_bits;

SNN_KERNEL uint32_t snn_bits_of(float value) {
    snn_float_bits both;
    both.value = value;
    return both.bits;
}

SNN_KERNEL float snn_float_of(uint32_t bits) {
    snn_float_bits both;
    both.bits = bits;
    return both.value;
}

/* A word with the lowest n bits set, 0 <= n <= 32. */
SNN_KERNEL snn_word snn_low_bits(int n) {
    return n < SNN_WORD_BITS ? ((snn_word)1 << n) - 1u : ~(snn_word)0;
}

/* Index of the lowest set bit; `bits` must not be 0. */
SNN_KERNEL int snn_lowest_bit(snn_word bits) {
#if defined(__GNUC__) && UINT_MAX >= 0xFFFFFFFFu
    return __builtin_ctz(bits);
#elif defined(__GNUC__)
    return __builtin_ctzl(bits); /* an int of 16 bits, as AVR has it: a long has 32 at least */
#else
    int index = 0;
    while (!(bits & 1u)) {
        bits >>= 1;
        index++;
    }
    return index;
#endif
}

/* Number of set bits. */
SNN_KERNEL int snn_bit_count(snn_word bits) {
#if defined(__POPCNT__) || (defined(__GNUC__) && defined(__aarch64__)) /* int has 32 bits */
    return __builtin_popcount(bits);
#else
    bits -= (bits >> 1) & 0x55555555u;
    bits = (bits & 0x33333333u) + ((bits >> 2) & 0x33333333u);
    bits = (bits + (bits >> 4)) & 0x0F0F0F0Fu;
    return (int)((bits * 0x01010101u) >> 24);
#endif
}

/* Bit `channel` of a packed pixel. */
SNN_KERNEL int snn_spike_at(const snn_word *pixel, int channel) {
    return (int)((pixel[channel / SNN_WORD_BITS] >> (channel % SNN_WORD_BITS)) & 1u);
}

#endif
