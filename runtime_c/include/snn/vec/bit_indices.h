/* Positions of the set bits of a word, without a branch for each where the target can.
 *
 * snn_bit_indices writes first + i for each set bit i, ascending, and gives how many there are. Up to
 * SNN_BIT_INDICES_SLACK entries of `out` behind these may be written too.
 */
#ifndef SNN_VEC_BIT_INDICES_H
#define SNN_VEC_BIT_INDICES_H

#include "snn/types.h"

#define SNN_BIT_INDICES_SLACK 32

#if defined(__AVX512F__) && !defined(SNN_VEC_PORTABLE) && !defined(SNN_VEC_AVX2)

#include <immintrin.h>

#if defined(__AVX512BW__) && defined(__AVX512VBMI2__)

/* Those of 32 bits. */
SNN_KERNEL int snn_half_indices(snn_word bits, int first, uint16_t *out) {
    const __m512i position =
        _mm512_set_epi16(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13,
                         12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i found = _mm512_maskz_compress_epi16(bits, position);
    _mm512_storeu_si512(out, _mm512_add_epi16(found, _mm512_set1_epi16((short)first)));
    return snn_bit_count(bits);
}

#else

/* Those of 32 bits. */
SNN_KERNEL int snn_half_indices(snn_word bits, int first, uint16_t *out) {
    const __m512i position = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    int n = 0;
    for (int half = 0; half < 32; half += 16) {
        const snn_word low = bits >> half & 0xFFFFu;
        const __m512i found = _mm512_maskz_compress_epi32((__mmask16)low, position);
        const __m512i index = _mm512_add_epi32(found, _mm512_set1_epi32(first + half));
        _mm256_storeu_si256((__m256i *)(void *)(out + n), _mm512_cvtepi32_epi16(index));
        n += snn_bit_count(low);
    }
    return n;
}

#endif

SNN_KERNEL int snn_bit_indices(uint64_t bits, int first, uint16_t *out) {
    const int n = snn_half_indices((snn_word)bits, first, out);
    return n + snn_half_indices((snn_word)(bits >> 32), first + 32, out + n);
}

#elif defined(__AVX2__) && defined(__BMI__) && defined(__x86_64__) && !defined(SNN_VEC_PORTABLE)

#include <immintrin.h>

#define SNN_INDICES_AT_ONCE 8

/* Eight at a time, the last ones for nothing: a branch for each bit would be guessed wrong. */
SNN_KERNEL int snn_bit_indices(uint64_t bits, int first, uint16_t *out) {
    const int n = snn_bit_count((snn_word)bits) + snn_bit_count((snn_word)(bits >> 32));
    for (int done = 0; done < n; done += SNN_INDICES_AT_ONCE) {
        for (int i = 0; i < SNN_INDICES_AT_ONCE; i++) {
            out[done + i] = (uint16_t)(first + (int)_tzcnt_u64(bits));
            bits = _blsr_u64(bits);
        }
    }
    return n;
}

#else

SNN_KERNEL int snn_bit_indices(uint64_t bits, int first, uint16_t *out) {
    int n = 0;
    for (int half = 0; half < 64; half += 32) {
        for (snn_word word = (snn_word)(bits >> half); word; word &= word - 1u) {
            out[n++] = (uint16_t)(first + half + snn_lowest_bit(word));
        }
    }
    return n;
}

#endif

#endif
