/* snn_rows_add with Helium (Cortex-M55); see rows.h. Loads sign-extend eight weights to int16. */
#ifndef SNN_VEC_ROWS_HELIUM_H
#define SNN_VEC_ROWS_HELIUM_H

#include "snn/vec/rows/plain.h"

#include <arm_mve.h>

#define SNN_ROWS_HELIUM 1
#define SNN_HELIUM_LANES 8
#define SNN_HELIUM_VECTORS 6 /* sums of the widest block, of eight registers */

/* Lanes to int32 sums, through memory: widening in registers would sort even from odd lanes. */
SNN_KERNEL void snn_helium_put_wide(int32_t *sum, const int32_t *from, int c, int lanes,
                                    int16x8_t a) {
    int16_t lane[SNN_HELIUM_LANES];
    vstrhq_s16(lane, a);
    for (int i = 0; i < lanes; i += 4) {
        const mve_pred16_t some = vctp32q((uint32_t)(lanes - i));
        const int32x4_t four = vldrhq_s32(lane + i);
        const int32x4_t before = from ? vldrwq_z_s32(from + c + i, some) : vdupq_n_s32(0);
        vstrwq_p_s32(sum + c + i, vaddq_s32(before, four), some);
    }
}

/* `vectors` times eight channels, in registers. */
SNN_KERNEL void snn_helium_block(void *sum, int wide, const void *from, int c, int vectors,
                                 enum snn_value_kind kind, const snn_rows *rows,
                                 snn_counts *counts) {
    int16x8_t a[SNN_HELIUM_VECTORS];
    const int narrow_from = !wide && from;
    SNN_UNROLL_BLOCK
    for (int i = 0; i < vectors; i++) {
        a[i] = narrow_from ? vldrhq_s16((const int16_t *)from + c + 8 * i) : vdupq_n_s16(0);
    }
    const int8_t *const *row = rows->row;
    const uint8_t *value = rows->value;
    for (int left = rows->n; left > 0; left--) {
        const int8_t *const w = *row++ + c;
        const int16_t v = kind == SNN_VALUE_ONE ? 1 : *value++;
        SNN_UNROLL_BLOCK
        for (int i = 0; i < vectors; i++) {
            const int16x8_t eight = vldrbq_s16(w + 8 * i);
            a[i] = kind == SNN_VALUE_ONE ? vaddq_s16(a[i], eight) : vmlaq_n_s16(a[i], eight, v);
        }
        snn_rows_count(kind, 8 * vectors, counts);
    }
    SNN_UNROLL_BLOCK
    for (int i = 0; i < vectors; i++) {
        if (wide) {
            snn_helium_put_wide((int32_t *)sum, (const int32_t *)from, c + 8 * i, 8, a[i]);
        } else {
            vstrhq_s16((int16_t *)sum + c + 8 * i, a[i]);
        }
    }
}

/* Up to eight channels. */
SNN_KERNEL void snn_helium_rest(void *sum, int wide, const void *from, int c, int lanes,
                                enum snn_value_kind kind, const snn_rows *rows,
                                snn_counts *counts) {
    const mve_pred16_t some = vctp16q((uint32_t)lanes);
    int16x8_t a = vdupq_n_s16(0);
    if (from && !wide) {
        a = vldrhq_z_s16((const int16_t *)from + c, some);
    }
    for (int r = 0; r < rows->n; r++) {
        const int16x8_t w = vldrbq_z_s16(rows->row[r] + c, some);
        a = vmlaq_n_s16(a, w, kind == SNN_VALUE_ONE ? 1 : rows->value[r]);
        snn_rows_count(kind, lanes, counts);
    }
    if (wide) {
        snn_helium_put_wide((int32_t *)sum, (const int32_t *)from, c, lanes, a);
    } else {
        vstrhq_p_s16((int16_t *)sum + c, a, some);
    }
}

SNN_KERNEL void snn_rows_add_helium_any(void *sum, int wide, const void *from, int channels,
                                        enum snn_value_kind kind, const snn_rows *rows,
                                        snn_counts *counts) {
    int c = 0;
    for (; c + 48 <= channels; c += 48) {
        snn_helium_block(sum, wide, from, c, 6, kind, rows, counts);
    }
    for (; c + 32 <= channels; c += 32) {
        snn_helium_block(sum, wide, from, c, 4, kind, rows, counts);
    }
    for (; c + 8 <= channels; c += 8) {
        snn_helium_block(sum, wide, from, c, 1, kind, rows, counts);
    }
    if (c < channels) {
        snn_helium_rest(sum, wide, from, c, channels - c, kind, rows, counts);
    }
}

SNN_OUTLINED void snn_rows_ones_helium(int16_t *sum, const int16_t *from, int channels,
                                       const snn_rows *rows, snn_counts *counts) {
    snn_rows_add_helium_any(sum, 0, from, channels, SNN_VALUE_ONE, rows, counts);
}

SNN_OUTLINED void snn_rows_ones_wide_helium(int32_t *sum, const int32_t *from, int channels,
                                            const snn_rows *rows, snn_counts *counts) {
    snn_rows_add_helium_any(sum, 1, from, channels, SNN_VALUE_ONE, rows, counts);
}

/* Values of either kind multiply. */
SNN_OUTLINED void snn_rows_values_helium(int16_t *sum, const int16_t *from, int channels,
                                         const snn_rows *rows, snn_counts *counts) {
    snn_rows_add_helium_any(sum, 0, from, channels, SNN_VALUE_SMALL, rows, counts);
}

SNN_OUTLINED void snn_rows_values_wide_helium(int32_t *sum, const int32_t *from, int channels,
                                              const snn_rows *rows, snn_counts *counts) {
    snn_rows_add_helium_any(sum, 1, from, channels, SNN_VALUE_SMALL, rows, counts);
}

SNN_KERNEL void snn_rows_add_helium(void *sum, int wide, const void *from, int channels,
                                    const snn_rows *rows, snn_counts *counts) {
    if (rows->kind == SNN_VALUE_ONE && wide) {
        snn_rows_ones_wide_helium((int32_t *)sum, (const int32_t *)from, channels, rows, counts);
    } else if (rows->kind == SNN_VALUE_ONE) {
        snn_rows_ones_helium((int16_t *)sum, (const int16_t *)from, channels, rows, counts);
    } else if (wide) {
        snn_rows_values_wide_helium((int32_t *)sum, (const int32_t *)from, channels, rows, counts);
    } else {
        snn_rows_values_helium((int16_t *)sum, (const int16_t *)from, channels, rows, counts);
    }
}

/* sum[c] += value * row[c] */
SNN_KERNEL void snn_helium_scatter(int32_t *sum, int channels, const int8_t *row, int32_t value) {
    int c = 0;
    for (; c + 4 <= channels; c += 4) {
        const int32x4_t before = vldrwq_s32(sum + c);
        vstrwq_s32(sum + c, vmlaq_n_s32(before, vldrbq_s32(row + c), value));
    }
    for (; c < channels; c++) {
        sum[c] += value * row[c];
    }
}

#endif
