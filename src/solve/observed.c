/*
 * Observed-only updates: rows are handed to threads as they become free; every row is computed by one thread and
 * its sums are added in row order, so the result is the same for any number of threads.
 */
#include "observed.h"

#include "base/variant.h"
#include "dnmf/memory.h"

#include <omp.h>
#include <stdlib.h>

/* Sweeps after which a row's exact solution is taken as reached. */
enum { EXACT_SWEEPS = 500 };

DNMF_DECLARE_VARIANTS(observed_kernels, dnmf_observed_kernels);

static const observed_kernels *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_observed_kernels);

static observed_sums update_row(const observed_kernels *kernel, dnmf_solver solver, const dnmf_observed_update *update,
                                int64_t row, void *scratch) {
  if (solver == DNMF_SOLVER_MU)
    return kernel->multiplicative(update, row, scratch);
  return kernel->least_squares(update, row, solver == DNMF_SOLVER_BPP ? EXACT_SWEEPS : update->sweeps, scratch);
}

dnmf_status dnmf_observed_rows(dnmf_solver solver, dnmf_precision precision, dnmf_isa isa, int threads,
                               dnmf_observed_update *update, dnmf_error *error) {
  const observed_kernels *kernel = kernels[precision][isa];
  size_t bytes = (kernel->scratch(update) + 63) / 64 * 64;
  void *scratch = NULL;
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(error, "row update scratch", threads, bytes, &scratch);
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "row sums", update->rows, sizeof(observed_sums), &memory);
  observed_sums *sums = memory;
  if (status == DNMF_OK) {
#pragma omp parallel for schedule(dynamic, 32) num_threads(threads)
    for (int64_t row = 0; row < update->rows; row++)
      sums[row] = update_row(kernel, solver, update, row, (char *)scratch + (size_t)omp_get_thread_num() * bytes);
    update->loss = 0;
    update->penalty = 0;
    update->violation = 0;
    for (int64_t row = 0; row < update->rows; row++) {
      update->loss += sums[row].loss;
      update->penalty += sums[row].penalty;
      update->violation += sums[row].violation;
    }
  }
  free(scratch);
  free(memory);
  return status;
}
