/* Calls one layer of CMSIS-NN for the counting plugin, once; its values must be the expected ones.
 */
#include "board.h"
#include "layer.h"
#include "layer_call.h"
#include "mark.h"
#include "marks.h"

static int8_t output[OUTPUT_BYTES];
static int32_t scratch[SCRATCH_BYTES / sizeof(int32_t)];

static const char *run(void) {
    const int32_t bytes = layer_scratch_bytes();
    if (bytes < 0 || (uint32_t)bytes > sizeof scratch) {
        return "FAIL: scratch memory\n";
    }
    snn_profile(MARK_OUTSIDE);
    const int status = layer_call(scratch, bytes, output);
    snn_profile(MARK_CALL);
    if (status != 0) {
        return "REFUSED\n";
    }
    for (uint32_t i = 0; i < OUTPUT_BYTES; i++) {
        if (output[i] != layer_expected[i]) {
            return "FAIL: values are not the expected ones\n";
        }
    }
    return "PASS\n";
}

int main(void) {
    board_write(run());
    snn_profile(MARK_END);
    return 0;
}
