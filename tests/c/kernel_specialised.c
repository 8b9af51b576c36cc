/* Kernels with constant shapes and parameters, as generated code calls them, and a checksum of each
 * result. The shapes are those of a three-layer network, cut down. */
#include "random_data.h"

/* Not inlined, so that each layer is optimised on its own. */
#define LAYER static __attribute__((noinline))

LAYER void first_layer(void) {
    static const snn_conv2d shape = {12, 12, 2, 12, 12, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 64};
    static const snn_neuron_f32_params params = {0.3f, 0.0f, 1.0f, 0.0f, 0.3f};
    uint16_t *in = small_counts(144 * 2, 200), *events = take((144 * 2 + 32) * sizeof *events);
    float *w = reals(9 * 2 * 64), *bias = reals(64), *x = reals(144 * 64), *u = reals(144 * 64);
    float *values = reals(144 * 2 + 32);
    uint32_t *starts = take(145 * sizeof *starts);
    snn_word *spiking = spikes(144, 64, 100);
    snn_conv2d_count_list_f32(&shape, in, w, bias, starts, events, values, x, NULL);
    REPORT_REALS("conv2d count list", x, 144 * 64);
    snn_neuron_hard_f32(&params, 0, 144, 64, x, u, spiking, spiking, NULL);
    REPORT_REALS("neuron membrane", u, 144 * 64);
    report("neuron spikes", spiking, 144 * 2 * sizeof *spiking);
    free(in), free(events), free(w), free(bias), free(x), free(u), free(values), free(starts);
    free(spiking);
}

LAYER void second_layer(void) {
    static const snn_conv2d shape = {12, 12, 64, 6, 6, 128, 4, 4, 2, 2, 1, 1, 1, 1, 1, 64};
    snn_word *in = spikes(144, 64, 60), *mask = spikes(1, 128, 500);
    uint16_t *events = take((144 * 64 + 32) * sizeof *events);
    uint32_t *starts = take(145 * sizeof *starts);
    float *w = reals(16 * 64 * 128), *bias = reals(128), *x = reals(36 * 128), *map = reals(36 * 4);
    snn_conv2d_spike_dense_f32(&shape, in, w, bias, x, NULL);
    REPORT_REALS("conv2d spike dense", x, 36 * 128);
    snn_conv2d_spike_f32(&shape, in, w, bias, x, NULL);
    REPORT_REALS("conv2d spike", x, 36 * 128);
    snn_conv2d_spike_list_f32(&shape, in, w, bias, starts, events, x, NULL);
    REPORT_REALS("conv2d spike list", x, 36 * 128);
    snn_masked_statistics_begin_f32(36, map);
    snn_masked_statistics_accumulate_f32(36, 128, x, mask, map, NULL);
    snn_masked_statistics_finish_f32(36, 0.015625f, map, NULL);
    REPORT_REALS("masked statistics", map, 36 * 4);
    snn_statistics_of_channels_begin_f32(128, w);
    snn_statistics_space_accumulate_f32(36, 128, x, w, NULL);
    snn_statistics_of_channels_finish_f32(128, 36, w, NULL);
    REPORT_REALS("statistics space", w, 2 * 128);
    free(in), free(mask), free(events), free(starts), free(w), free(bias), free(x), free(map);
}

LAYER void head(void) {
    static const snn_linear shape = {36, 40, 256};
    static const snn_pool2d pool = {6, 6, 40, 3, 3, 2, 2, 2, 2, 0, 0, 1, 1, 1, 0};
    snn_word *in = spikes(36, 40, 100), *pooled = spikes(9, 40, 0);
    float *w = reals(36 * 40 * 256), *x = reals(256);
    snn_linear_spike_f32(&shape, in, w, NULL, x, NULL);
    REPORT_REALS("linear spike", x, 256);
    snn_max_pool2d_spike(&pool, in, pooled, NULL);
    report("max pool spike", pooled, 9 * 2 * sizeof *pooled);
    free(in), free(pooled), free(w), free(x);
}

LAYER void attention(void) {
    float *m = reals(20 * 64);
    snn_word *keys = take(20 * 64 * sizeof *keys), *mask = take(20 * 2 * sizeof *mask);
    snn_complementary_mask(20, 64, m, keys, mask, NULL);
    report("complementary mask", mask, 20 * 2 * sizeof *mask);
    snn_sigmoid_f32(20 * 64, m, m, NULL);
    REPORT_REALS("sigmoid", m, 20 * 64);
    free(m), free(keys), free(mask);
}

int main(void) {
    first_layer();
    second_layer();
    head();
    attention();
    printf("done\n");
    return 0;
}
