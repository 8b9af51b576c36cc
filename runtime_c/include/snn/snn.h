/* Every kernel of the snn runtime. C99, header only, no allocation, no input or
 * output, no state. */
#ifndef SNN_SNN_H
#define SNN_SNN_H

#include "snn/attention/attention.h"
#include "snn/attention/statistics.h"
#include "snn/attention/statistics_maps.h"
#include "snn/elementwise/cell_math.h"
#include "snn/elementwise/elementwise.h"
#include "snn/elementwise/rows_norm.h"
#include "snn/event_buffer.h"
#include "snn/neurons/neuron.h"
#include "snn/neurons/neuron_varied.h"
#include "snn/pooling/pool.h"
#include "snn/pooling/signals.h"
#include "snn/readout/readout.h"
#include "snn/synapses/conv2d.h"
#include "snn/synapses/linear.h"
#include "snn/synapses/linear_steps.h"
#include "snn/synapses/matmul.h"
#include "snn/wiring/flatten.h"
#include "snn/wiring/moves.h"

#endif
