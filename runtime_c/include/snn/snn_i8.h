/* Every kernel that an int8 model uses. C99, header only, no allocation, no input or output, no
 * state; floating point in cells alone. */
#ifndef SNN_SNN_I8_H
#define SNN_SNN_I8_H

#include "snn/elementwise/cell_math.h"
#include "snn/elementwise/elementwise.h"
#include "snn/event_buffer.h"
#include "snn/int8/attention_i8.h"
#include "snn/int8/by_rows/conv2d_rows_i4.h"
#include "snn/int8/conv2d_i8.h"
#include "snn/int8/conv2d_list_i8.h"
#include "snn/int8/linear_i8.h"
#include "snn/int8/linear_steps_i8.h"
#include "snn/int8/neuron_i16.h"
#include "snn/int8/pool_i8.h"
#include "snn/int8/readout_i8.h"
#include "snn/pooling/signals.h"
#include "snn/wiring/flatten.h"

#endif
