/* Positions of the set bits of a word, without a branch where the target can.
 *
 * snn_bit_indices writes first + i for each set bit i, ascending, and gives how
 * many there are. Up to 32 entries of `out` may be written, whatever their
 * number.
 */
#ifndef SNN_VEC_BIT_INDICES_H
#define SNN_VEC_BIT_INDICES_H

#include "snn/types.h"

#if defined(__AVX512F__) && !defined(SNN_VEC_PORTABLE) && !defined(SNN_VEC_AVX2)

#include <immintrin.h>

#if defined(__AVX512BW__) && defined(__AVX512VBMI2__)

SNN_KERNEL int snn_bit_indices(snn_word bits, int first, uint16_t *out) {
    const __m512i position =
        _mm512_set_epi16(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13,
                         12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i found = _mm512_maskz_compress_epi16(bits, position);
    _mm512_storeu_si512(out, _mm512_add_epi16(found, _mm512_set1_epi16((short)first)));
    return snn_bit_count(bits);
}

#else

SNN_KERNEL int snn_bit_indices(snn_word bits, int first, uint16_t *out) {
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

#elif defined(__AVX2__) && defined(__BMI2__) && defined(__x86_64__) && !defined(SNN_VEC_PORTABLE)

#include <immintrin.h>

SNN_KERNEL int snn_bit_indices(snn_word bits, int first, uint16_t *out) {
    int n = 0;
    for (int byte = 0; byte < 32; byte += 8) {
        const snn_word low = bits >> byte & 0xFFu;
        const uint64_t spread = _pdep_u64(low, 0x0101010101010101u) * 0xFFu;
        const uint64_t found = _pext_u64(0x0706050403020100u, spread);
        const __m128i index = _mm_add_epi16(_mm_cvtepu8_epi16(_mm_cvtsi64_si128((long long)found)),
                                            _mm_set1_epi16((short)(first + byte)));
        _mm_storeu_si128((__m128i *)(void *)(out + n), index);
        n += snn_bit_count(low);
    }
    return n;
}

#else

SNN_KERNEL int snn_bit_indices(snn_word bits, int first, uint16_t *out) {
    int n = 0;
    for (; bits; bits &= bits - 1u) {
        out[n++] = (uint16_t)(first + snn_lowest_bit(bits));
    }
    return n;
}

#endif

#endif
