#include "matrix/perturb.h"

#include "base/random.h"

#include <math.h>

/* Small means: the number of steps that the distribution function takes to reach a uniform number. */
static double poisson_by_steps(double mean, double uniform) {
  double probability = exp(-mean);
  double sum = probability;
  double count = 0;
  while (uniform > sum && probability > 0) {
    count++;
    probability *= mean / count;
    sum += probability;
  }
  return count;
}

/* Larger ones: transformed rejection with squeeze (PTRS: Hoermann 1993). */
static double poisson_by_rejection(double mean, uint64_t seed, int64_t row, int64_t col) {
  const double b = 0.931 + 2.53 * sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double squeeze = 0.9277 - 3.6224 / (b - 2);
  for (uint64_t attempt = 1;; attempt++) {
    const uint64_t key = dnmf_random_bits(seed, DNMF_STREAM_PERTURB, attempt, 0);
    const double u = dnmf_random_uniform(key, DNMF_STREAM_PERTURB, (uint64_t)row, (uint64_t)col) - 0.5;
    const double v = dnmf_random_uniform(key + 1, DNMF_STREAM_PERTURB, (uint64_t)row, (uint64_t)col);
    const double edge = 0.5 - fabs(u);
    const double count = floor((2 * a / edge + b) * u + mean + 0.43);
    if (edge >= 0.07 && v <= squeeze)
      return count;
    if (count < 0 || (edge < 0.013 && v > edge))
      continue;
    if (log(v * inverse_alpha / (a / (edge * edge) + b)) <= count * log(mean) - mean - lgamma(count + 1))
      return count;
  }
}

double dnmf_perturb_value(const dnmf_perturbation *how, uint64_t seed, int run, int64_t row, int64_t col,
                          double value) {
  static const double FEW = 10;
  const uint64_t key = dnmf_random_bits(seed, DNMF_STREAM_PERTURB, (uint64_t)run, 0);
  if (how->kind == DNMF_PERTURB_NONE || value == 0)
    return value;
  if (how->kind == DNMF_PERTURB_POISSON && value >= FEW)
    return poisson_by_rejection(value, key, row, col);
  const double uniform = dnmf_random_uniform(key, DNMF_STREAM_PERTURB, (uint64_t)row, (uint64_t)col);
  if (how->kind == DNMF_PERTURB_POISSON)
    return poisson_by_steps(value, uniform);
  return value * (1 + how->delta * (2 * uniform - 1));
}

typedef struct perturbed_walk {
  dnmf_matrix_walk walk;
  const dnmf_perturbation *how;
  uint64_t seed;
  int run;
} perturbed_walk;

static dnmf_status perturbed_next(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  perturbed_walk *w = state;
  DNMF_TRY(dnmf_matrix_walk_next(error, &w->walk, batch, limit, count));
  for (int64_t e = 0; e < *count; e++)
    batch[e].value = dnmf_perturb_value(w->how, w->seed, w->run, batch[e].row, batch[e].col, batch[e].value);
  return DNMF_OK;
}

dnmf_status dnmf_matrix_perturb(dnmf_context *context, const dnmf_layout *layout, const dnmf_matrix *a,
                                const dnmf_perturbation *how, uint64_t seed, int run, dnmf_matrix *copy) {
  perturbed_walk w = {.walk = {a, 0, 0}, .how = how, .seed = seed, .run = run};
  const bool by_rows_alone = a->sparse && !a->by_cols.start;
  const dnmf_duplicates none = DNMF_DUPLICATES_ERROR; /* a place is there once */
  if (by_rows_alone)
    DNMF_TRY(dnmf_matrix_assemble_rows(context, layout, a->precision, a->sparse, none, perturbed_next, &w, copy));
  else
    DNMF_TRY(dnmf_matrix_assemble(context, layout, a->precision, a->sparse, none, perturbed_next, &w, copy));
  return dnmf_matrix_finish(context, layout, copy);
}
