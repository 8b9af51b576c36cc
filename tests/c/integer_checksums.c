/* Runs the integer kernels that hosts have lanes for and prints a checksum of each result.
 *
 * Two builds of this file agree line by line if their kernels give the same numbers. All memory has
 * exactly the stated size, so that a sanitizer sees each byte too many.
 */
#include "snn/snn_i8.h"

#include "random_data.h"

static int16_t *shorts(int n, int size) {
    int16_t *x = take((size_t)n * sizeof *x);
    for (int i = 0; i < n; i++) {
        x[i] = (int16_t)((int)draw(2 * (uint32_t)size) - size);
    }
    return x;
}

static int32_t *longs(int n, int size) {
    int32_t *x = take((size_t)n * sizeof *x);
    for (int i = 0; i < n; i++) {
        x[i] = (int32_t)draw(2 * (uint32_t)size) - size;
    }
    return x;
}

static int8_t *weights(int n) {
    int8_t *x = take((size_t)n);
    for (int i = 0; i < n; i++) {
        x[i] = (int8_t)((int)draw(255) - 127);
    }
    return x;
}

static void convolution(const snn_conv2d *p, uint32_t in_thousand) {
    const int pixels = p->in_h * p->in_w, n = p->out_h * p->out_w * p->out_c;
    const int size = p->kernel_h * p->kernel_w * p->in_c * p->out_c;
    snn_word *s = spikes(pixels, p->in_c, in_thousand);
    int8_t *w = weights(size + SNN_LIST_WEIGHT_SLACK);
    int16_t *bias = shorts(p->out_c, 500), *narrow = take((size_t)n * sizeof *narrow);
    int32_t *wide_bias = longs(p->out_c, 90000), *wide = take((size_t)n * sizeof *wide);
    uint32_t *starts = take((size_t)(pixels + 1) * sizeof *starts);
    uint16_t *events = take((size_t)(pixels * p->in_c + SNN_LIST_SLACK) * sizeof *events);
    snn_counts k = {0, 0, 0, 0, 0};
    snn_conv2d_spike_events(p, s, starts, events);
    snn_conv2d_spike_list_i8(p, 0, 0, p->out_h, w, bias, starts, events, narrow, &k);
    report("conv2d list int16", narrow, (size_t)n * sizeof *narrow);
    snn_conv2d_spike_list_i8(p, 1, 0, p->out_h, w, wide_bias, starts, events, wide, &k);
    report("conv2d list int32", wide, (size_t)n * sizeof *wide);
    snn_conv2d_spike_i8(p, 1, SNN_ORDER_PLAIN, 0, p->out_h, s, w, wide_bias, wide, &k);
    report("conv2d rows int32", wide, (size_t)n * sizeof *wide);
    report("  counts", &k, sizeof k);
    free(s), free(w), free(bias), free(wide_bias), free(narrow), free(wide), free(starts);
    free(events);
}

/* Counts of few channels are scattered; one in three is too large for a vector of products. */
static void counts_of_events(const snn_conv2d *p) {
    const int pixels = p->in_h * p->in_w, n = p->out_h * p->out_w * p->out_c;
    uint16_t *x = small_counts(pixels * p->in_c, 300);
    int8_t *w = weights(p->kernel_h * p->kernel_w * p->in_c / p->groups * p->out_c);
    int16_t *narrow = take((size_t)n * sizeof *narrow);
    int32_t *wide = take((size_t)n * sizeof *wide), *bias = longs(p->out_c, 90000);
    snn_counts k = {0, 0, 0, 0, 0};
    snn_conv2d_count_i8(p, 0, SNN_ORDER_PLAIN, 0, p->out_h, x, w, NULL, narrow, &k);
    report("conv2d count int16", narrow, (size_t)n * sizeof *narrow);
    for (int i = 0; i < pixels * p->in_c; i += 3) {
        x[i] = (uint16_t)(x[i] * 999);
    }
    snn_conv2d_count_i8(p, 1, SNN_ORDER_PLAIN, 0, p->out_h, x, w, bias, wide, &k);
    report("conv2d count int32", wide, (size_t)n * sizeof *wide);
    report("  counts", &k, sizeof k);
    free(x), free(w), free(narrow), free(wide), free(bias);
}

static void neurons(int pixels, int channels, int32_t beta, int shift, int halvings) {
    const snn_neuron_i16_params narrow = {beta, shift, 0, halvings};
    const snn_neuron_i16_params wide = {beta, shift, 1, 0};
    const int n = pixels * channels;
    int16_t *x = shorts(n, 32767 >> (shift - halvings)), *u = shorts(n, 32767);
    int16_t *threshold = shorts(channels, 9000);
    int32_t *y = longs(n, 100000);
    snn_word *s = spikes(pixels, channels, 300);
    snn_counts k = {0, 0, 0, 0, 0};
    snn_neuron_hard_i16(&narrow, pixels, channels, x, u, s, s, threshold, &k);
    snn_neuron_none_i16(&narrow, pixels, channels, x, u, s, s, threshold, &k);
    snn_neuron_hard_i16(&wide, pixels, channels, y, u, s, s, threshold, &k);
    report("neuron potentials", u, (size_t)n * sizeof *u);
    report("neuron spikes", s, (size_t)(pixels * SNN_WORDS(channels)) * sizeof *s);
    report("  counts", &k, sizeof k);
    free(x), free(u), free(threshold), free(y), free(s);
}

static void masks(int steps, int pixels, int channels) {
    const int n = pixels * channels, words = SNN_WORDS(channels);
    int32_t *m = longs(steps * channels, 50), *out = take((size_t)(4 * pixels) * sizeof *out);
    int32_t *sums = take((size_t)(steps * channels) * sizeof *sums), *w = longs(steps, 30000);
    int32_t *hidden = take((size_t)channels * sizeof *hidden);
    snn_word *scratch = take((size_t)(steps * channels) * sizeof *scratch);
    snn_word *mask = take((size_t)(steps * words) * sizeof *mask);
    int16_t *x = shorts(n, 32768), *y = take((size_t)n * sizeof *y);
    int16_t *scores = shorts(2 * pixels, 32767);
    snn_counts k = {0, 0, 0, 0, 0};
    snn_complementary_mask_i32(steps, channels, m, scratch, mask, &k);
    report("mask", mask, (size_t)(steps * words) * sizeof *mask);
    snn_masked_statistics_begin_i16(pixels, out);
    snn_masked_statistics_accumulate_i16(pixels, channels, x, mask, out, &k);
    report("masked statistics", out, (size_t)(4 * pixels) * sizeof *out);
    snn_masked_gate_i16(pixels, channels, x, mask, scores, y, &k);
    report("masked gate", y, (size_t)n * sizeof *y);
    snn_mlp_time_i32(steps, 1, channels, 7, 3, w, w, m, hidden, sums, &k);
    report("small product", sums, (size_t)(steps * channels) * sizeof *sums);
    report("  counts", &k, sizeof k);
    free(m), free(out), free(sums), free(w), free(hidden), free(scratch), free(mask), free(x);
    free(y), free(scores);
}

int main(void) {
    static const snn_conv2d shapes[] = {
        /* in_h, in_w, in_c, out_h, out_w, out_c, kernel, stride, pad, dilation, groups, block */
        {5, 7, 3, 5, 7, 33, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0},
        {6, 5, 40, 3, 2, 128, 4, 4, 2, 2, 1, 1, 1, 1, 1, 0},
        {4, 9, 33, 4, 3, 17, 2, 3, 1, 2, 0, 1, 1, 2, 1, 0},
        {3, 3, 64, 3, 3, 161, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0},
        {3, 3, 64, 3, 3, 300, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        convolution(&shapes[i], 100);
        convolution(&shapes[i], 1000);
    }
    static const snn_conv2d few[] = {
        {5, 7, 2, 5, 7, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0},
        {6, 5, 4, 3, 3, 75, 4, 4, 2, 2, 1, 1, 1, 1, 1, 0},
        {6, 5, 6, 3, 3, 66, 4, 4, 2, 2, 1, 1, 1, 1, 2, 0},
    };
    for (size_t i = 0; i < sizeof few / sizeof *few; i++) {
        counts_of_events(&few[i]);
    }
    for (int channels = 7; channels < 140; channels += 33) {
        neurons(5, channels, 9830, 2, 0);
        neurons(4, channels, 32768, 3, 2);
        neurons(4, channels, 20000, 6, 5);
        masks(9, 6, channels);
    }
    masks(60, 3, 64);
    printf("done\n");
    return 0;
}
