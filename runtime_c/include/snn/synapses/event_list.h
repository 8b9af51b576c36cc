/* The active inputs of one step, in raster order: what the list kernels walk.
 *
 * An event is a channel of a pixel with a spike (or a count other than 0). The
 * events of pixel i are entries starts[i] .. starts[i + 1] - 1, channels
 * ascending. An entry is x * channels + channel, x the column of the pixel, so
 * the events of neighbouring pixels of a row follow one another and their
 * entries count the rows of weights of a kernel row laid over them. Entries are
 * 16 bits wide: width * channels must not pass SNN_LIST_MAX_ROW.
 */
#ifndef SNN_SYNAPSES_EVENT_LIST_H
#define SNN_SYNAPSES_EVENT_LIST_H

#include "snn/synapses/gather.h"
#include "snn/vec/bit_indices.h"

#define SNN_LIST_MAX_ROW 65536
#define SNN_LIST_SLACK SNN_BIT_INDICES_SLACK /* entries behind the last that may be written */

typedef struct {
    uint32_t *starts; /* [pixels + 1] */
    uint16_t *events; /* [pixels * channels + SNN_LIST_SLACK] */
    float *values;    /* counts of the events, as wide as events; NULL for spikes */
} snn_event_list;

/* Appends the nonzero ones among n counts to `events` and `values`; gives how
 * many. */
SNN_KERNEL uint32_t snn_list_counts(const uint16_t *counts, int n, int entry, uint16_t *events,
                                    float *values) {
    uint32_t found = 0;
    for (int c = 0; c < n; c++) {
        events[found] = (uint16_t)(entry + c);
        values[found] = (float)counts[c];
        found += counts[c] != 0;
    }
    return found;
}

/* Up to 64 spikes from channel `first` on, where `left` channels follow. */
SNN_KERNEL uint64_t snn_two_words(const snn_word *pixel, int first, int left) {
    const int more = snn_min_int(left - SNN_WORD_BITS, SNN_WORD_BITS);
    const snn_word low = snn_spikes_from(pixel, first, snn_min_int(left, SNN_WORD_BITS));
    const snn_word high = more > 0 ? snn_spikes_from(pixel, first + SNN_WORD_BITS, more) : 0u;
    return low | (uint64_t)high << SNN_WORD_BITS;
}

/* Lists channels first .. first + n - 1 of every pixel of `in`, in_c channels a
 * pixel. */
SNN_KERNEL void snn_list_build(enum snn_input_kind kind, const void *in, int height, int width,
                               int in_c, int first, int n, const snn_event_list *list) {
    uint32_t end = 0;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)height * width; i++) {
        const int entry = (int)(i % width) * n;
        const void *const pixel = snn_input_pixel(kind, in, i, in_c);
        list->starts[i] = end;
        if (kind == SNN_INPUT_COUNT) {
            end += snn_list_counts((const uint16_t *)pixel + first, n, entry, list->events + end,
                                   list->values + end);
            continue;
        }
        for (int c = 0; c < n; c += 2 * SNN_WORD_BITS) {
            const uint64_t bits = snn_two_words((const snn_word *)pixel, first + c, n - c);
            if (bits) {
                end += (uint32_t)snn_bit_indices(bits, entry + c, list->events + end);
            }
        }
    }
    list->starts[(ptrdiff_t)height * width] = end;
}

#endif
