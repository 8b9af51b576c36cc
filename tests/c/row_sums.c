/* Lists of every length of rows of extreme weights, for every number of channels: the sums of plain C
 * on 32-bit cores beside sums in long. */
#define SNN_ROWS_PLAIN
#define SNN_ROWS_IN_BLOCKS
#include "snn/vec/rows.h"
#include <stdio.h>

static int8_t weight[255][24] __attribute__((aligned(4)));

static long wrong(int n, int wide, int channels) {
    const int8_t *row[255];
    int16_t narrow[24];
    int32_t broad[24];
    long found = 0;
    for (int r = 0; r < n; r++) {
        row[r] = weight[r];
    }
    for (int c = 0; c < 24; c++) {
        narrow[c] = (int16_t)(c % 3 - 1);
        broad[c] = c % 3 - 1;
    }
    const snn_rows rows = {n, SNN_VALUE_ONE, row, 0};
    void *const sum = wide ? (void *)broad : (void *)narrow;
    snn_rows_add_plain(sum, wide, sum, channels, SNN_ORDER_PLAIN, &rows, 0);
    for (int c = 0; c < 24; c++) {
        long expected = c % 3 - 1;
        for (int r = 0; r < n && c < channels; r++) {
            expected += weight[r][c];
        }
        found += expected != (wide ? (long)broad[c] : (long)narrow[c]);
    }
    return found;
}

int main(void) {
    long found = 0;
    for (int kind = 0; kind < 4; kind++) {
        for (int r = 0; r < 255; r++) {
            for (int c = 0; c < 24; c++) {
                const int small = kind == 3 ? (r * 37 + c * 101) % 256 - 128 : -128;
                weight[r][c] = (int8_t)(kind == 1 || (kind == 2 && c % 2) ? 127 : small);
            }
        }
        for (int n = 0; n <= 255; n++) {
            for (int channels = 1; channels <= 24; channels++) {
                found += wrong(n, 0, channels) + wrong(n, 1, channels);
            }
        }
    }
    printf("%ld wrong\n", found);
    return found != 0;
}
