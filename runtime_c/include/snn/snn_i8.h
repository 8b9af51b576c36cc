/* Every kernel that an int8 model uses. C99, header only, no allocation, no input or output, no
 * state, no floating point executed. */
#ifndef SNN_SNN_I8_H
#define SNN_SNN_I8_H

#include "snn/attention_i8.h"
#include "snn/conv2d_i8.h"
#include "snn/conv2d_list_i8.h"
#include "snn/elementwise.h"
#include "snn/event_buffer.h"
#include "snn/flatten.h"
#include "snn/linear_i8.h"
#include "snn/linear_steps_i8.h"
#include "snn/neuron_i16.h"
#include "snn/pool_i8.h"
#include "snn/readout_i8.h"
#include "snn/signals.h"

#endif
