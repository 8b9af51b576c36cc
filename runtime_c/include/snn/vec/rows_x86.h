/* snn_rows_add with AVX-512BW (32 int16 sums a register) or AVX2 (16); see rows.h. Sums of a block
 * of output channels stay in registers while all rows of the list are added. */
#ifndef SNN_VEC_ROWS_X86_H
#define SNN_VEC_ROWS_X86_H

#include <immintrin.h>

#define SNN_ROWS_X86 1

#if defined(__AVX512BW__) && !defined(SNN_VEC_AVX2)
#define SNN_X86_LANES 32
typedef __m512i snn_i16s;

SNN_KERNEL snn_i16s snn_i16s_zero(void) {
    return _mm512_setzero_si512();
}
SNN_KERNEL snn_i16s snn_i16s_all(int value) {
    return _mm512_set1_epi16((short)value);
}
SNN_KERNEL snn_i16s snn_i16s_load(const int16_t *p) {
    return _mm512_loadu_si512((const void *)p);
}
SNN_KERNEL void snn_i16s_store(int16_t *p, snn_i16s a) {
    _mm512_storeu_si512((void *)p, a);
}
SNN_KERNEL snn_i16s snn_i16s_widen(const int8_t *p) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
SNN_KERNEL snn_i16s snn_i16s_add(snn_i16s a, snn_i16s b) {
    return _mm512_add_epi16(a, b);
}
SNN_KERNEL snn_i16s snn_i16s_times(snn_i16s a, snn_i16s b) {
    return _mm512_mullo_epi16(a, b);
}
/* sum[i] = from[i] + a[i]; from NULL is zeros. */
SNN_KERNEL void snn_i16s_put_wide(int32_t *sum, const int32_t *from, snn_i16s a) {
    __m512i low = _mm512_cvtepi16_epi32(_mm512_castsi512_si256(a));
    __m512i high = _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64(a, 1));
    if (from) {
        low = _mm512_add_epi32(low, _mm512_loadu_si512((const void *)from));
        high = _mm512_add_epi32(high, _mm512_loadu_si512((const void *)(from + 16)));
    }
    _mm512_storeu_si512((void *)sum, low);
    _mm512_storeu_si512((void *)(sum + 16), high);
}
#else
#define SNN_X86_LANES 16
typedef __m256i snn_i16s;

SNN_KERNEL snn_i16s snn_i16s_zero(void) {
    return _mm256_setzero_si256();
}
SNN_KERNEL snn_i16s snn_i16s_all(int value) {
    return _mm256_set1_epi16((short)value);
}
SNN_KERNEL snn_i16s snn_i16s_load(const int16_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
SNN_KERNEL void snn_i16s_store(int16_t *p, snn_i16s a) {
    _mm256_storeu_si256((__m256i *)(void *)p, a);
}
SNN_KERNEL snn_i16s snn_i16s_widen(const int8_t *p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}
SNN_KERNEL snn_i16s snn_i16s_add(snn_i16s a, snn_i16s b) {
    return _mm256_add_epi16(a, b);
}
SNN_KERNEL snn_i16s snn_i16s_times(snn_i16s a, snn_i16s b) {
    return _mm256_mullo_epi16(a, b);
}
/* sum[i] = from[i] + a[i]; from NULL is zeros. */
SNN_KERNEL void snn_i16s_put_wide(int32_t *sum, const int32_t *from, snn_i16s a) {
    __m256i low = _mm256_cvtepi16_epi32(_mm256_castsi256_si128(a));
    __m256i high = _mm256_cvtepi16_epi32(_mm256_extracti128_si256(a, 1));
    if (from) {
        low = _mm256_add_epi32(low, _mm256_loadu_si256((const __m256i *)(const void *)from));
        high =
            _mm256_add_epi32(high, _mm256_loadu_si256((const __m256i *)(const void *)(from + 8)));
    }
    _mm256_storeu_si256((__m256i *)(void *)sum, low);
    _mm256_storeu_si256((__m256i *)(void *)(sum + 8), high);
}
#endif

/* `vectors` registers of channels from c on. The int16 lanes begin with the sums so far where
 * those are int16, else with zeros, and are added to the int32 sums at the end. */
SNN_KERNEL void snn_x86_block(void *sum, int wide, const void *from, int c, int vectors,
                              enum snn_value_kind kind, const snn_rows *rows, snn_counts *counts) {
    snn_i16s a[8];
    const int narrow_from = !wide && from;
    SNN_UNROLL_BLOCK
    for (int i = 0; i < vectors; i++) {
        const int16_t *const before = (const int16_t *)from + c + SNN_X86_LANES * i;
        a[i] = narrow_from ? snn_i16s_load(before) : snn_i16s_zero();
    }
    for (int r = 0; r < rows->n; r++) {
        const int8_t *const w = rows->row[r] + c;
        const snn_i16s v = snn_i16s_all(kind == SNN_VALUE_ONE ? 1 : rows->value[r]);
        SNN_UNROLL_BLOCK
        for (int i = 0; i < vectors; i++) {
            const snn_i16s some = snn_i16s_widen(w + SNN_X86_LANES * i);
            a[i] = snn_i16s_add(a[i], kind == SNN_VALUE_ONE ? some : snn_i16s_times(some, v));
        }
        snn_rows_count(rows->kind, SNN_X86_LANES * vectors, counts);
    }
    SNN_UNROLL_BLOCK
    for (int i = 0; i < vectors; i++) {
        const int at = c + SNN_X86_LANES * i;
        if (wide) {
            const int32_t *const before = from ? (const int32_t *)from + at : NULL;
            snn_i16s_put_wide((int32_t *)sum + at, before, a[i]);
        } else {
            snn_i16s_store((int16_t *)sum + at, a[i]);
        }
    }
}

SNN_KERNEL void snn_rows_add_x86_any(void *sum, int wide, const void *from, int channels,
                                     enum snn_value_kind kind, const snn_rows *rows,
                                     snn_counts *counts) {
    int c = 0;
    for (; c + 8 * SNN_X86_LANES <= channels; c += 8 * SNN_X86_LANES) {
        snn_x86_block(sum, wide, from, c, 8, kind, rows, counts);
    }
    for (; c + 4 * SNN_X86_LANES <= channels; c += 4 * SNN_X86_LANES) {
        snn_x86_block(sum, wide, from, c, 4, kind, rows, counts);
    }
    for (; c + SNN_X86_LANES <= channels; c += SNN_X86_LANES) {
        snn_x86_block(sum, wide, from, c, 1, kind, rows, counts);
    }
    for (; c < channels; c++) {
        snn_rows_channel_plain(sum, wide, from, c, SNN_ORDER_PLAIN, rows, counts);
    }
}

SNN_OUTLINED void snn_rows_ones_x86(void *sum, int wide, const void *from, int channels,
                                    const snn_rows *rows, snn_counts *counts) {
    snn_rows_add_x86_any(sum, wide, from, channels, SNN_VALUE_ONE, rows, counts);
}

/* Values of either kind multiply. */
SNN_OUTLINED void snn_rows_values_x86(void *sum, int wide, const void *from, int channels,
                                      const snn_rows *rows, snn_counts *counts) {
    snn_rows_add_x86_any(sum, wide, from, channels, SNN_VALUE_SMALL, rows, counts);
}

SNN_KERNEL void snn_rows_add_x86(void *sum, int wide, const void *from, int channels,
                                 const snn_rows *rows, snn_counts *counts) {
    if (rows->kind == SNN_VALUE_ONE) {
        snn_rows_ones_x86(sum, wide, from, channels, rows, counts);
    } else {
        snn_rows_values_x86(sum, wide, from, channels, rows, counts);
    }
}

#endif
