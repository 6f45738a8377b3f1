/* The multiplicative step of the beta-divergences over all owned rows. */
#include "base/memory.h"
#include "base/team.h"
#include "solve/kernels.h"
#include "solve/solver.h"

#include <stdlib.h>

enum { ROWS_AT_ONCE = 256 };

static const dnmf_ratio_kernel *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_ratio_kernel);

/* The sums of columns as one row of denominators, in the run's precision. */
static dnmf_status shared_row(dnmf_precision precision, const dnmf_ratio *ratio, void **row, dnmf_error *error) {
  DNMF_TRY(dnmf_allocate(error, "sums of a factor", ratio->components, dnmf_precision_size(precision), row));
  for (int t = 0; t < ratio->components; t++)
    if (precision == DNMF_DOUBLE)
      ((double *)*row)[t] = ratio->sums[t];
    else
      ((float *)*row)[t] = (float)ratio->sums[t];
  return DNMF_OK;
}

/* One update, in pieces of ROWS_AT_ONCE rows. */
typedef struct ratio_call {
  const dnmf_ratio_kernel *kernel;
  size_t row_bytes;
  const dnmf_ratio *ratio;
  const void *shared; /* denominators of all rows; NULL: each has its own */
  double *violations; /* of the pieces */
} ratio_call;

static void update_ratio_pieces(void *of_call, int64_t begin, int64_t end) {
  const ratio_call *call = of_call;
  const dnmf_ratio *ratio = call->ratio;
  const dnmf_ratio_row row = {ratio->components, ratio->l1, ratio->l2, ratio->exponent, ratio->smallest};
  for (int64_t i = begin * ROWS_AT_ONCE; i < ratio->rows && i < end * ROWS_AT_ONCE; i++) {
    const size_t place = (size_t)i * call->row_bytes;
    const void *denominators = call->shared ? call->shared : (const char *)ratio->denominators + place;
    call->violations[i / ROWS_AT_ONCE] += call->kernel->update(
        &row, (char *)ratio->x + place, (const char *)ratio->numerators + place, denominators, ratio->want_violation);
  }
}

static void update_rows(dnmf_precision precision, dnmf_isa isa, int threads, const dnmf_ratio *ratio,
                        const void *shared, double *violations) {
  ratio_call call = {kernels[precision][isa], (size_t)ratio->components * dnmf_precision_size(precision), ratio, shared,
                     violations};
  const int team = dnmf_team(threads, 4.0 * (double)ratio->rows * ratio->components);
  dnmf_team_run(team, (ratio->rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE, update_ratio_pieces, &call);
}

dnmf_status dnmf_solver_multiply(dnmf_precision precision, dnmf_isa isa, int threads, dnmf_ratio *ratio,
                                 dnmf_error *error) {
  const int64_t pieces = ratio->rows / ROWS_AT_ONCE + 1;
  void *shared = NULL;
  void *violations = NULL;
  dnmf_status status = dnmf_allocate_zero(error, "the solver's sums", pieces, sizeof(double), &violations);
  if (status == DNMF_OK && !ratio->denominators)
    status = shared_row(precision, ratio, &shared, error);
  if (status == DNMF_OK)
    update_rows(precision, isa, threads, ratio, shared, violations);
  ratio->violation = 0;
  for (int64_t i = 0; status == DNMF_OK && i < pieces; i++)
    ratio->violation += ((double *)violations)[i]; /* in the order of the rows */
  free(violations);
  free(shared);
  return status;
}
