/* The level that a library chooses on this processor, and the bits of its scores for one window. */
#include "net.h"

#include <stdio.h>
#include <string.h>

const char *net_level(int index);

static unsigned char arena[NET_ARENA_BYTES] __attribute__((aligned(NET_ARENA_ALIGNMENT)));
static uint16_t frames[NET_TIME_STEPS * NET_FRAME_ELEMENTS];

int main(void) {
    net_net net;
    float scores[NET_NUM_CLASSES];
    for (int i = 0; i < NET_TIME_STEPS * NET_FRAME_ELEMENTS; i++) {
        frames[i] = i % 7 % 3 == 1;
    }
    if (net_init(&net, arena, sizeof arena) || net_push_frames(&net, frames) || net_run(&net) ||
        net_scores(&net, scores)) {
        return 1;
    }
    printf("%s\n", net_level(0));
    for (int i = 0; i < NET_NUM_CLASSES; i++) {
        uint32_t bits;
        memcpy(&bits, &scores[i], sizeof bits);
        printf("%08x\n", (unsigned)bits);
    }
    return 0;
}
