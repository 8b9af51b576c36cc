/* One call of CMSIS-NN, for main.c. layer.h, which snnc writes, holds its sizes. */
#ifndef LAYER_CALL_H
#define LAYER_CALL_H

#include <stdint.h>

/* Values in the library's own order, 4-byte aligned, from data.S. */
extern const int8_t layer_input[], layer_weights[], layer_expected[];

/* Bytes that the library wants for the layer. */
int32_t layer_scratch_bytes(void);

/* Call it with so many bytes, zeroed; its status, 0 for success. Sums are scaled by a
 * quarter, as a multiplier of 0.5 and a shift of one bit to the right, and saturate at int8. */
int layer_call(void *scratch, int32_t bytes, int8_t *output);

#define QUARTER_MULTIPLIER 0x40000000
#define QUARTER_SHIFT (-1)

#endif
