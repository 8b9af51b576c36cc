/* Columns of integers, as many as a vector holds, side by side on hosts with SIMD, by the vector
 * extension that gcc and clang share. Variables only: how such values are passed depends on the
 * target's flags. */
#ifndef SNN_VEC_COLUMNS_H
#define SNN_VEC_COLUMNS_H

#include "snn/vec/i16.h"

#ifdef SNN_I16_SIMD
#define SNN_COLUMNS (SNN_I16_LANES / 2)

typedef uint32_t snn_u32s __attribute__((vector_size(SNN_COLUMNS * 4)));
typedef int32_t snn_i32s __attribute__((vector_size(SNN_COLUMNS * 4)));
typedef int64_t snn_i64s __attribute__((vector_size(SNN_COLUMNS * 8)));

/* No alignment needed. */
#define SNN_COLUMNS_LOAD(columns, p) __builtin_memcpy(&(columns), (p), sizeof(columns))
#endif

#endif
