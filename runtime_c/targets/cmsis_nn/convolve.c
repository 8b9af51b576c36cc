/* A convolution by the library's own choice of kernel. */
#include "layer.h"
#include "layer_call.h"

#include "arm_nnfunctions.h"

static const cmsis_nn_conv_params params = {
    .stride = {.w = STRIDE_W, .h = STRIDE_H},
    .padding = {.w = PADDING_W, .h = PADDING_H},
    .dilation = {.w = DILATION_W, .h = DILATION_H},
    .activation = {.min = -128, .max = 127},
};
static const cmsis_nn_dims input = {.n = 1, .h = INPUT_H, .w = INPUT_W, .c = INPUT_C};
static const cmsis_nn_dims kernel = {.n = OUTPUT_C, .h = KERNEL_H, .w = KERNEL_W, .c = INPUT_C};
static const cmsis_nn_dims channels = {.n = 1, .h = 1, .w = 1, .c = OUTPUT_C};
static const cmsis_nn_dims output = {.n = 1, .h = OUTPUT_H, .w = OUTPUT_W, .c = OUTPUT_C};

static int32_t bias[OUTPUT_C];
static int32_t multipliers[OUTPUT_C];
static int32_t shifts[OUTPUT_C];

int32_t layer_scratch_bytes(void) {
    for (int i = 0; i < OUTPUT_C; i++) {
        multipliers[i] = QUARTER_MULTIPLIER;
        shifts[i] = QUARTER_SHIFT;
    }
    return arm_convolve_wrapper_s8_get_buffer_size(&params, &input, &kernel, &output);
}

int layer_call(void *scratch, int32_t bytes, int8_t *values) {
    const cmsis_nn_context context = {.buf = scratch, .size = bytes};
    const cmsis_nn_per_channel_quant_params scales = {multipliers, shifts};
    return (int)arm_convolve_wrapper_s8(&context, &params, &scales, &input, layer_input, &kernel,
                                        layer_weights, &channels, bias, &output, values);
}
