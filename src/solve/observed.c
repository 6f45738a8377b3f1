/*
 * Observed-only updates: rows are handed to threads as they become free; every row is computed by one thread and
 * its sums are added in row order, so the result is the same for any number of threads.
 */
#include "solve/observed.h"

#include "observed_fixed.h"
#include "observed_kernels.h"

#include "base/memory.h"
#include "base/team.h"
#include "base/variant.h"

#include <stdlib.h>
#include <string.h>

/* Sweeps after which a row's exact solution is taken as reached. */
enum { EXACT_SWEEPS = 500 };

DNMF_DECLARE_VARIANTS(observed_kernels, dnmf_observed_kernels);
DNMF_DECLARE_VARIANTS(residual_kernels, dnmf_residual_kernels);

/* How the rows of one call are updated. */
typedef struct row_method {
  const observed_kernels *equations;
  const residual_kernels *residual;
  dnmf_solver solver;
  int sweeps;
  int64_t most_entries; /* of a row that is swept on its residual */
} row_method;

static row_method choose_method(dnmf_solver solver, dnmf_precision precision, dnmf_isa isa,
                                const dnmf_observed_update *update) {
  static const observed_kernels *const equations[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_observed_kernels);
  static const residual_kernels *const residual[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_residual_kernels);
  row_method method = {equations[precision][isa], residual[precision][isa], solver, update->sweeps, 0};
  if (solver == DNMF_SOLVER_BPP)
    method.sweeps = EXACT_SWEEPS;
  if (solver == DNMF_SOLVER_HALS)
    method.most_entries = method.residual->most_entries(update, update->sweeps);
  return method;
}

static size_t scratch_of(const row_method *method, const dnmf_observed_update *update) {
  const size_t equations = method->equations->scratch(update);
  const size_t residual = method->most_entries > 0 ? method->residual->scratch(update) : 0;
  return ((equations > residual ? equations : residual) + 63) / 64 * 64;
}

static observed_sums update_row(const row_method *method, const dnmf_observed_update *update, int64_t row,
                                void *scratch) {
  const int64_t entries = update->start[row + 1] - update->start[row];
  if (method->solver == DNMF_SOLVER_MU)
    return method->equations->multiplicative(update, row, scratch);
  if (entries > 0 && entries <= method->most_entries)
    return method->residual->update(update, row, method->sweeps, scratch);
  return method->equations->least_squares(update, row, method->sweeps, scratch);
}

/* One update of all rows. */
typedef struct observed_call {
  const row_method *method;
  const dnmf_observed_update *update;
  char *scratch; /* `bytes` for each thread */
  size_t bytes;
  observed_sums *sums;
} observed_call;

static void update_observed_rows(void *of_call, int64_t begin, int64_t end) {
  const observed_call *call = of_call;
  void *scratch = call->scratch + (size_t)dnmf_team_thread() * call->bytes;
  for (int64_t row = begin; row < end; row++)
    call->sums[row] = update_row(call->method, call->update, row, scratch);
}

dnmf_status dnmf_observed_rows(dnmf_solver solver, dnmf_precision precision, dnmf_isa isa, int threads,
                               dnmf_observed_update *update, dnmf_error *error) {
  const row_method method = choose_method(solver, precision, isa, update);
  const size_t bytes = scratch_of(&method, update);
  const dnmf_weak *given = update->weak;
  dnmf_weak weak;
  void *pull = NULL;
  void *scratch = NULL;
  void *memory = NULL;
  void *copy = NULL;
  dnmf_status status = dnmf_allocate(error, "row update scratch", threads, bytes, &scratch);
  if (status == DNMF_OK)
    status = observed_fixed_place(precision, threads, update, &copy, error);
  if (status == DNMF_OK && given) {
    status = dnmf_weak_fill(error, precision, update->components, given, &weak, &pull);
    update->weak = &weak;
  }
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "row sums", update->rows, sizeof(observed_sums), &memory);
  observed_sums *sums = memory;
  if (status == DNMF_OK) {
    const double zeros = given ? (double)update->rows * update->components : 0;
    const double operations = 2.0 * ((double)update->start[update->rows] + zeros) * update->stride;
    observed_call call = {&method, update, scratch, bytes, sums};
    dnmf_team_run(dnmf_team(threads, operations), update->rows, update_observed_rows, &call);
    update->loss = 0;
    update->penalty = 0;
    update->violation = 0;
    memset(update->exact_loss, 0, sizeof update->exact_loss);
    for (int64_t row = 0; row < update->rows; row++) {
      update->loss += sums[row].loss;
      update->penalty += sums[row].penalty;
      update->violation += sums[row].violation;
      if (update->draw)
        dnmf_exact_add(sums[row].loss / (update->draw->noise * update->draw->noise), update->exact_loss);
    }
  }
  update->weak = given;
  free(pull);
  free(copy);
  free(scratch);
  free(memory);
  return status;
}
