/* A linear layer. Where the library wants the sums of the weights in its scratch memory, zeros are
 * right: inputs have no offset and the bias is zero. */
#include "layer.h"
#include "layer_call.h"

#include "arm_nnfunctions.h"

static const cmsis_nn_fc_params params = {.activation = {.min = -128, .max = 127}};
static const cmsis_nn_per_tensor_quant_params scale = {QUARTER_MULTIPLIER, QUARTER_SHIFT};
static const cmsis_nn_dims input = {.n = 1, .h = 1, .w = 1, .c = INPUT_C};
static const cmsis_nn_dims weights = {.n = INPUT_C, .h = 1, .w = 1, .c = OUTPUT_C};
static const cmsis_nn_dims output = {.n = 1, .h = 1, .w = 1, .c = OUTPUT_C};

static const int32_t bias[OUTPUT_C];

int32_t layer_scratch_bytes(void) {
    return arm_fully_connected_s8_get_buffer_size(&weights);
}

int layer_call(void *scratch, int32_t bytes, int8_t *values) {
    const cmsis_nn_context context = {.buf = scratch, .size = bytes};
    return (int)arm_fully_connected_s8(&context, &params, &scale, &input, layer_input, &weights,
                                       layer_weights, &output, bias, &output, values);
}
