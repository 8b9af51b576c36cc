/* Lists of every length of rows of extreme weights, for every number of channels: the sums of plain C
 * on 32-bit cores beside sums in long; of int8 rows, and of int4 rows as words of nibbles. */
#define SNN_ROWS_PLAIN
#define SNN_ROWS_IN_BLOCKS
#include "snn/vec/rows.h"
#include <stdio.h>

#define CHANNELS 24
#define CHANNELS_4 43 /* a block of words, whole words, and a rest */

static int8_t weight[255][CHANNELS] __attribute__((aligned(4)));
static int8_t narrow_weight[255][CHANNELS_4];
static uint32_t word[255][(CHANNELS_4 + 7) / 8];

static long weight_at(int order, int r, int c) {
    return order == SNN_ORDER_EIGHTS ? narrow_weight[r][c] : weight[r][c];
}

static long wrong(enum snn_order order, int n, int wide, int channels) {
    const int8_t *row[255];
    int16_t narrow[CHANNELS_4];
    int32_t broad[CHANNELS_4];
    long found = 0;
    for (int r = 0; r < n; r++) {
        row[r] = order == SNN_ORDER_EIGHTS ? (const int8_t *)word[r] : weight[r];
    }
    for (int c = 0; c < CHANNELS_4; c++) {
        narrow[c] = (int16_t)(c % 3 - 1);
        broad[c] = c % 3 - 1;
    }
    const snn_rows rows = {n, SNN_VALUE_ONE, row, 0};
    void *const sum = wide ? (void *)broad : (void *)narrow;
    snn_rows_add(sum, wide, sum, channels, order, &rows, 0);
    for (int c = 0; c < CHANNELS_4; c++) {
        long expected = c % 3 - 1;
        for (int r = 0; r < n && c < channels; r++) {
            expected += weight_at(order, r, c);
        }
        found += expected != (wide ? (long)broad[c] : (long)narrow[c]);
    }
    return found;
}

static void fill(int kind) {
    static const int place[8] = {0, 4, 2, 6, 1, 5, 3, 7}; /* channels by the nibbles of a word */
    for (int r = 0; r < 255; r++) {
        for (int c = 0; c < CHANNELS_4; c++) {
            const int small = kind == 3 ? (r * 37 + c * 101) % 256 - 128 : -128;
            const int value = kind == 1 || (kind == 2 && c % 2) ? 127 : small;
            narrow_weight[r][c] = (int8_t)(value >> 4);
            if (c < CHANNELS) {
                weight[r][c] = (int8_t)value;
            }
        }
        for (int c = 0; c < (CHANNELS_4 + 7) / 8 * 8; c += 8) {
            word[r][c / 8] = 0;
            for (int k = 0; k < 8; k++) {
                const int at = c + place[k], w = at < CHANNELS_4 ? narrow_weight[r][at] : 0;
                word[r][c / 8] |= (uint32_t)(w + 8) << 4 * k;
            }
        }
    }
}

int main(void) {
    long found = 0;
    for (int kind = 0; kind < 4; kind++) {
        fill(kind);
        for (int n = 0; n <= 255; n++) {
            for (int channels = 1; channels <= CHANNELS; channels++) {
                found += wrong(SNN_ORDER_PLAIN, n, 0, channels);
                found += wrong(SNN_ORDER_PLAIN, n, 1, channels);
            }
            for (int channels = 1; channels <= CHANNELS_4; channels += 3) {
                found += wrong(SNN_ORDER_EIGHTS, n, 0, channels);
                found += wrong(SNN_ORDER_EIGHTS, n, 1, channels);
            }
        }
    }
    printf("%ld wrong\n", found);
    return found != 0;
}
