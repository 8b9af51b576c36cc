/* Runs every family of kernels on pseudo-random data and prints a checksum of each result.
 *
 * Two builds of this file agree line by line if their kernels give the same bits. All memory has
 * exactly the stated size, so that a sanitizer sees each byte too many.
 */
#include "snn/snn.h"

#include "random_data.h"

static void report_counts(const snn_counts *counts) {
    report("  counts", counts, sizeof *counts);
}

static int weights_of(const snn_conv2d *p) {
    const int out_c = p->out_c / p->groups, block = snn_conv2d_co_block(p);
    return p->groups * ((out_c + block - 1) / block) * p->kernel_h * p->kernel_w * block *
           (p->in_c / p->groups);
}

static void convolutions(const snn_conv2d *p, uint32_t in_thousand) {
    const int pixels = p->in_h * p->in_w, n = p->out_h * p->out_w * p->out_c;
    const int events_size = pixels * (p->in_c / p->groups) + SNN_LIST_SLACK;
    snn_word *s = spikes(pixels, p->in_c, in_thousand);
    uint16_t *c = small_counts(pixels * p->in_c, in_thousand);
    float *x = reals(pixels * p->in_c), *w = reals(weights_of(p)), *bias = reals(p->out_c);
    float *out = reals(n), *values = reals(events_size);
    uint32_t *starts = take((size_t)(pixels + 1) * sizeof *starts);
    uint16_t *events = take((size_t)events_size * sizeof *events);
    snn_counts k = {0, 0, 0, 0, 0};
    snn_conv2d_spike_f32(p, s, w, bias, out, &k);
    REPORT_REALS("conv2d spike", out, n);
    snn_conv2d_spike_list_f32(p, s, w, bias, starts, events, out, &k);
    REPORT_REALS("conv2d spike list", out, n);
    snn_conv2d_spike_dense_f32(p, s, w, bias, out, &k);
    REPORT_REALS("conv2d spike dense", out, n);
    snn_conv2d_count_f32(p, c, w, NULL, out, &k);
    REPORT_REALS("conv2d count", out, n);
    snn_conv2d_count_list_f32(p, c, w, NULL, starts, events, values, out, &k);
    REPORT_REALS("conv2d count list", out, n);
    snn_conv2d_real_f32(p, x, w, bias, out, &k);
    REPORT_REALS("conv2d real", out, n);
    report_counts(&k);
    free(s), free(c), free(x), free(w), free(bias), free(out), free(values), free(starts);
    free(events);
}

static void linears(int pixels, int in_c, int out_c) {
    const snn_linear p = {pixels, in_c, out_c};
    snn_word *s = spikes(pixels, in_c, 100);
    uint16_t *c = small_counts(pixels * in_c, 300);
    float *x = reals(pixels * in_c), *w = reals(pixels * in_c * out_c), *out = reals(out_c);
    snn_counts k = {0, 0, 0, 0, 0};
    snn_linear_spike_f32(&p, s, w, x, out, &k);
    REPORT_REALS("linear spike", out, out_c);
    snn_linear_spike_dense_f32(&p, s, w, NULL, out, &k);
    REPORT_REALS("linear spike dense", out, out_c);
    snn_linear_count_f32(&p, c, w, NULL, out, &k);
    REPORT_REALS("linear count", out, out_c);
    snn_linear_real_f32(&p, x, w, NULL, out, &k);
    REPORT_REALS("linear real", out, out_c);
    report_counts(&k);
    free(s), free(c), free(x), free(w), free(out);
}

static void neurons(int pixels, int channels) {
    static const snn_neuron_f32_params plain = {0.3f, 0.0f, 1.0f, 0.0f, 0.3f};
    static const snn_neuron_f32_params full = {0.5f, 0.125f, 0.75f, 0.25f, 1.0f};
    const int n = pixels * channels;
    float *x = reals(n), *u = reals(n);
    snn_word *s = spikes(pixels, channels, 300);
    snn_counts k = {0, 0, 0, 0, 0};
    for (int strict = 0; strict < 2; strict++) {
        snn_neuron_hard_f32(&plain, strict, pixels, channels, x, u, s, s, &k);
        snn_neuron_soft_f32(&full, strict, pixels, channels, x, u, s, s, &k);
        snn_neuron_none_f32(&full, strict, pixels, channels, x, u, s, s, &k);
        snn_neuron_hard_f32(&full, strict, pixels, channels, x, u, s, s, &k);
        REPORT_REALS("neuron membrane", u, n);
        report("neuron spikes", s, (size_t)(pixels * SNN_WORDS(channels)) * sizeof *s);
    }
    report_counts(&k);
    free(x), free(u), free(s);
}

static void pools(const snn_pool2d *p) {
    const int in = p->in_h * p->in_w, out = p->out_h * p->out_w;
    snn_word *s = spikes(in, p->channels, 300), *to = spikes(out, p->channels, 0);
    uint16_t *c = small_counts(in * p->channels, 500), *most = small_counts(out * p->channels, 0);
    float *x = reals(in * p->channels), *y = reals(out * p->channels);
    snn_counts k = {0, 0, 0, 0, 0};
    snn_avg_pool2d_real_f32(p, x, y, &k);
    REPORT_REALS("avg pool real", y, out * p->channels);
    snn_avg_pool2d_spike_f32(p, s, y, &k);
    REPORT_REALS("avg pool spike", y, out * p->channels);
    snn_avg_pool2d_count_f32(p, c, y, &k);
    REPORT_REALS("avg pool count", y, out * p->channels);
    snn_max_pool2d_real_f32(p, x, y, &k);
    REPORT_REALS("max pool real", y, out * p->channels);
    snn_max_pool2d_spike(p, s, to, &k);
    report("max pool spike", to, (size_t)(out * SNN_WORDS(p->channels)) * sizeof *to);
    snn_max_pool2d_count(p, c, most, &k);
    report("max pool count", most, (size_t)(out * p->channels) * sizeof *most);
    report_counts(&k);
    free(s), free(to), free(c), free(most), free(x), free(y);
}

static void statistics(int pixels, int channels) {
    float *x = reals(pixels * channels), *space = reals(2 * channels), *map = reals(4 * pixels);
    snn_word *mask = spikes(1, channels, 500);
    snn_counts k = {0, 0, 0, 0, 0};
    snn_statistics_of_channels_begin_f32(channels, space);
    snn_statistics_space_accumulate_f32(pixels, channels, x, space, &k);
    snn_statistics_of_channels_finish_f32(channels, pixels, space, &k);
    REPORT_REALS("statistics space", space, 2 * channels);
    snn_statistics_channels_f32(pixels, channels, x, map, &k);
    REPORT_REALS("statistics channels", map, 2 * pixels);
    snn_statistics_all_f32(pixels, channels, x, space, &k);
    REPORT_REALS("statistics all", space, 2);
    snn_statistics_of_channels_begin_f32(channels, space);
    snn_masked_statistics_begin_f32(pixels, map);
    for (int t = 0; t < 3; t++) {
        snn_statistics_time_accumulate_f32(pixels, channels, x, space, &k);
        snn_masked_statistics_accumulate_f32(pixels, channels, x, mask, map, &k);
        snn_masked_gate_f32(pixels, channels, x, mask, map, x, &k);
    }
    snn_statistics_of_channels_finish_f32(channels, 3 * pixels, space, &k);
    snn_masked_statistics_finish_f32(pixels, 0.125f, map, &k);
    REPORT_REALS("statistics time", space, 2 * channels);
    REPORT_REALS("statistics masked", map, 4 * pixels);
    REPORT_REALS("masked gate", x, pixels * channels);
    report_counts(&k);
    free(x), free(space), free(map), free(mask);
}

static void attention(int time_steps, int channels) {
    const int n = time_steps * channels, hidden = time_steps / 2 + 1;
    const size_t words = (size_t)(time_steps * SNN_WORDS(channels));
    float *m = reals(n), *y = reals(n), *scratch = reals(hidden * channels);
    float *w1 = reals(hidden * n), *w2 = reals(hidden * n);
    snn_word *keys = take((size_t)n * sizeof *keys), *mask = take(words * sizeof *mask);
    snn_counts k = {0, 0, 0, 0, 0};
    snn_mlp_time_f32(time_steps, hidden, channels, w1, w2, m, scratch, y, &k);
    REPORT_REALS("mlp time", y, n);
    snn_mlp_channels_f32(time_steps, channels, hidden, w1, w2, m, scratch, y, &k);
    REPORT_REALS("mlp channels", y, n);
    snn_complementary_mask(time_steps, channels, y, keys, mask, &k);
    report("complementary mask", mask, words * sizeof *mask);
    snn_sigmoid_f32(n, y, y, &k);
    REPORT_REALS("sigmoid", y, n);
    snn_scale_channels_f32(time_steps, channels, m, y, m, &k);
    snn_scale_pixels_f32(time_steps, channels, m, y, m, &k);
    snn_affine_f32(time_steps, channels, y, m, m, m, &k);
    snn_relu_f32(n, m, m, &k);
    REPORT_REALS("elementwise", m, n);
    report_counts(&k);
    free(m), free(y), free(scratch), free(w1), free(w2), free(keys), free(mask);
}

/* Functions of one float, of any bits; a NaN is a NaN whatever its bits. */
#define EACH_FUNCTION(DO) \
    DO(neg)               \
    DO(abs)               \
    DO(sign) DO(round) DO(floor) DO(ceil) DO(trunc) DO(sqrt) DO(exp) DO(log) DO(tanh) DO(erf)
#define REPORT_FUNCTION(name)                       \
    for (int i = 0; i < n; i++) {                   \
        const float value = snn_##name##_f32(x[i]); \
        y[i] = value == value ? value : SNN_NAN;    \
    }                                               \
    REPORT_REALS("cell " #name, y, n);

static void cell_functions(int n) {
    float *x = reals(n), *y = reals(n);
    for (int i = 0; i < n; i++) {
        x[i] = i % 4 ? 8.0f * x[i] : snn_float_of(draw(65536) << 16 | draw(65536));
    }
    EACH_FUNCTION(REPORT_FUNCTION)
    for (int i = 0; i < n; i++) {
        const float a = x[i], b = x[n - 1 - i], power = snn_pow_f32(a, b);
        const float least = snn_minimum_f32(a, snn_maximum_f32(b, 0.5f * a));
        y[i] = snn_where_f32(snn_mask(power > least), power, least);
        y[i] = y[i] == y[i] ? y[i] : SNN_NAN;
    }
    REPORT_REALS("cell pow, choices", y, n);
    free(x), free(y);
}

int main(void) {
    static const snn_conv2d conv[] = {
        {8, 9, 64, 8, 9, 128, 3, 3, 1, 1, 1, 1, 1, 1, 1, 64},
        {9, 9, 32, 4, 4, 32, 4, 4, 2, 2, 1, 1, 1, 1, 1, 32},
        {7, 9, 33, 5, 8, 17, 3, 2, 2, 1, 2, 0, 1, 1, 1, 16},
        {10, 6, 6, 10, 4, 9, 3, 3, 1, 1, 2, 2, 2, 3, 3, 0},
        {6, 6, 120, 6, 6, 60, 3, 3, 1, 1, 1, 1, 1, 1, 3, 16},
        {3, 2, 300, 3, 2, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0},
        {5, 5, 2, 5, 5, 1, 7, 7, 1, 1, 3, 3, 1, 1, 1, 0},
    };
    static const snn_pool2d pool[] = {
        {8, 8, 64, 4, 4, 2, 2, 2, 2, 0, 0, 1, 1, 1, 0},
        {7, 9, 33, 4, 5, 3, 3, 2, 2, 1, 1, 1, 1, 0, 0},
        {7, 6, 3, 3, 3, 2, 2, 2, 2, 0, 0, 2, 1, 1, 3},
    };
    static const int shape[][2] = {{16, 128}, {9, 33}, {7, 16}, {3, 1}, {12, 70}};
    for (size_t i = 0; i < sizeof conv / sizeof *conv; i++) {
        convolutions(&conv[i], 60);
        convolutions(&conv[i], 1000);
    }
    for (size_t i = 0; i < sizeof pool / sizeof *pool; i++) {
        pools(&pool[i]);
    }
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        linears(shape[i][0], shape[i][1], shape[i][1] + 1);
        neurons(shape[i][0], shape[i][1]);
        statistics(shape[i][0], shape[i][1]);
        attention(shape[i][0], shape[i][1]);
    }
    cell_functions(4000);
    printf("done\n");
    return 0;
}
