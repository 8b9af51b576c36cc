/* snn_i16s in C99; see snn/vec/i16.h for what each function means. */
#ifndef SNN_VEC_I16_PORTABLE_H
#define SNN_VEC_I16_PORTABLE_H

#include "snn/types.h"

#define SNN_I16_NAME "portable"
#define SNN_I16_LANES 16

typedef struct {
    int16_t lane[SNN_I16_LANES];
} snn_i16s;

SNN_KERNEL snn_i16s snn_i16s_all(int value) {
    snn_i16s a;
    for (int i = 0; i < SNN_I16_LANES; i++) {
        a.lane[i] = (int16_t)value;
    }
    return a;
}

SNN_KERNEL snn_i16s snn_i16s_zero(void) {
    return snn_i16s_all(0);
}

SNN_KERNEL snn_i16s snn_i16s_load(const int16_t *p) {
    snn_i16s a;
    for (int i = 0; i < SNN_I16_LANES; i++) {
        a.lane[i] = p[i];
    }
    return a;
}

SNN_KERNEL void snn_i16s_store(int16_t *p, snn_i16s a) {
    for (int i = 0; i < SNN_I16_LANES; i++) {
        p[i] = a.lane[i];
    }
}

SNN_KERNEL snn_i16s snn_i16s_widen(const int8_t *p) {
    snn_i16s a;
    for (int i = 0; i < SNN_I16_LANES; i++) {
        a.lane[i] = p[i];
    }
    return a;
}

SNN_KERNEL snn_i16s snn_i16s_add(snn_i16s a, snn_i16s b) {
    for (int i = 0; i < SNN_I16_LANES; i++) {
        a.lane[i] = (int16_t)(uint16_t)((uint32_t)a.lane[i] + (uint32_t)b.lane[i]);
    }
    return a;
}

SNN_KERNEL void snn_i16s_put_wide(int32_t *sum, const int32_t *from, snn_i16s a) {
    for (int i = 0; i < SNN_I16_LANES; i++) {
        sum[i] = (from ? from[i] : 0) + a.lane[i];
    }
}

#endif
