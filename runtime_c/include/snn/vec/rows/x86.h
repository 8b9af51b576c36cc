/* snn_rows_add with AVX-512BW (32 int16 sums a register), AVX2 (16) or SSE2 (8); see rows.h. Sums of
 * a block of output channels stay in registers while all rows of the list are added. */
#ifndef SNN_VEC_ROWS_X86_H
#define SNN_VEC_ROWS_X86_H

#include "snn/vec/i16.h"
#include "snn/vec/rows/plain.h"

#define SNN_ROWS_X86 1

/* `vectors` registers of channels from c on. The int16 lanes begin with the sums so far where
 * those are int16, else with zeros, and are added to the int32 sums at the end. */
SNN_KERNEL void snn_x86_block(void *sum, int wide, const void *from, int c, int vectors,
                              enum snn_value_kind kind, const snn_rows *rows, snn_counts *counts) {
    snn_i16s a[8];
    const int narrow_from = !wide && from;
    SNN_UNROLL_BLOCK
    for (int i = 0; i < 8; i++) {
        const int16_t *const before = (const int16_t *)from + c + SNN_I16_LANES * i;
        a[i] = narrow_from && i < vectors ? snn_i16s_load(before) : snn_i16s_zero();
    }
    for (int r = 0; r < rows->n; r++) {
        const int8_t *const w = rows->row[r] + c;
        const snn_i16s v = snn_i16s_all(kind == SNN_VALUE_ONE ? 1 : rows->value[r]);
        SNN_UNROLL_BLOCK
        for (int i = 0; i < vectors; i++) {
            const snn_i16s some = snn_i16s_widen(w + SNN_I16_LANES * i);
            a[i] = snn_i16s_add(a[i], kind == SNN_VALUE_ONE ? some : snn_i16s_times(some, v));
        }
        snn_rows_count(rows->kind, SNN_I16_LANES * vectors, counts);
    }
    SNN_UNROLL_BLOCK
    for (int i = 0; i < vectors; i++) {
        const int at = c + SNN_I16_LANES * i;
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
    for (; c + 8 * SNN_I16_LANES <= channels; c += 8 * SNN_I16_LANES) {
        snn_x86_block(sum, wide, from, c, 8, kind, rows, counts);
    }
    for (; c + 4 * SNN_I16_LANES <= channels; c += 4 * SNN_I16_LANES) {
        snn_x86_block(sum, wide, from, c, 4, kind, rows, counts);
    }
    for (; c + SNN_I16_LANES <= channels; c += SNN_I16_LANES) {
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
