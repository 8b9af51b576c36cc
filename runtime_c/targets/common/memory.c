/* memcpy and memset for programs without a C library. Compile with
 * -fno-tree-loop-distribute-patterns, or the compiler turns the loops into calls of themselves. */
#include <stdint.h>
#include <string.h>

void *memcpy(void *to, const void *from, size_t bytes) {
    unsigned char *target = to;
    const unsigned char *source = from;
    if (((uintptr_t)target | (uintptr_t)source) % sizeof(uint32_t) == 0) {
        for (; bytes >= sizeof(uint32_t); bytes -= sizeof(uint32_t)) {
            *(uint32_t *)(void *)target = *(const uint32_t *)(const void *)source;
            target += sizeof(uint32_t);
            source += sizeof(uint32_t);
        }
    }
    while (bytes--) {
        *target++ = *source++;
    }
    return to;
}

void *memset(void *to, int value, size_t bytes) {
    unsigned char *target = to;
    const uint32_t word = (uint32_t)(unsigned char)value * 0x01010101u;
    if ((uintptr_t)target % sizeof word == 0) {
        for (; bytes >= sizeof word; bytes -= sizeof word) {
            *(uint32_t *)(void *)target = word;
            target += sizeof word;
        }
    }
    while (bytes--) {
        *target++ = (unsigned char)value;
    }
    return to;
}

#ifdef __ARM_EABI__
/* The same under the names that Arm's run-time ABI gives them, which clang calls. */
#define SNN_SAME_FOR(alignment)                                                \
    void __aeabi_memcpy##alignment(void *to, const void *from, size_t bytes);  \
    void __aeabi_memset##alignment(void *to, size_t bytes, int value);         \
    void __aeabi_memclr##alignment(void *to, size_t bytes);                    \
    void __aeabi_memcpy##alignment(void *to, const void *from, size_t bytes) { \
        (void)memcpy(to, from, bytes);                                         \
    }                                                                          \
    void __aeabi_memset##alignment(void *to, size_t bytes, int value) {        \
        (void)memset(to, value, bytes);                                        \
    }                                                                          \
    void __aeabi_memclr##alignment(void *to, size_t bytes) {                   \
        (void)memset(to, 0, bytes);                                            \
    }

SNN_SAME_FOR()
SNN_SAME_FOR(4)
SNN_SAME_FOR(8)
#endif
