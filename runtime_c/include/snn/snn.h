/* Every kernel of the snn runtime. C99, header only, no allocation, no input or
 * output, no state. */
#ifndef SNN_SNN_H
#define SNN_SNN_H

#include "snn/attention.h"
#include "snn/cell_math.h"
#include "snn/conv2d.h"
#include "snn/elementwise.h"
#include "snn/event_buffer.h"
#include "snn/flatten.h"
#include "snn/linear.h"
#include "snn/linear_steps.h"
#include "snn/matmul.h"
#include "snn/moves.h"
#include "snn/neuron.h"
#include "snn/neuron_varied.h"
#include "snn/pool.h"
#include "snn/readout.h"
#include "snn/rows_norm.h"
#include "snn/signals.h"
#include "snn/statistics.h"
#include "snn/statistics_maps.h"

#endif
