/*
 * Local work of simulated processes: it lasts as long as the measured rates of a core say, without being done.
 *
 * Rates are in operations a second (src/cost/cost.h counts them); hosts must be of 1 Gflop/s, which makes an operation
 * given to SMPI a nanosecond. Panels have no data: all processes share four buffers of the length of the longest, so
 * that thousands of processes fit into the memory of one. A product is cut into the pieces of matrix/sweep.c, between
 * which the loop lets messages move on.
 */
#ifndef LOCAL_WORK_H
#define LOCAL_WORK_H

#include "base/status.h"

#include <stdint.h>

/* The same for all processes, which are threads of one here (smpirun -no-privatize). */
typedef struct core_rates {
  double product;
  double transposed;
  double gram;
  double update;
  double observed;
} core_rates;

/* Once for all processes, before the first panel; `numbers` of the longest one. local */
dnmf_status local_work_prepare(dnmf_error *error, core_rates rates, int64_t numbers);

#endif
