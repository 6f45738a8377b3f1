/*
 * Perturbed copies of a matrix, to see what of a factorization depends on small errors of the data (NMFk: Alexandrov et
 * al. 2013).
 *
 * Each stored entry is drawn anew from its value: times a number uniform in (1 - delta, 1 + delta), or from the Poisson
 * distribution of that mean, as counts are. A draw is a function of (seed, run, row, column), so a copy is the same on
 * any grid. Zeros stay zeros.
 */
#ifndef DNMF_PERTURB_H
#define DNMF_PERTURB_H

#include "matrix/matrix.h"

typedef enum dnmf_perturbation_kind {
  DNMF_PERTURB_NONE = 0,
  DNMF_PERTURB_UNIFORM,
  DNMF_PERTURB_POISSON
} dnmf_perturbation_kind;

typedef struct dnmf_perturbation {
  dnmf_perturbation_kind kind;
  double delta; /* of DNMF_PERTURB_UNIFORM, in (0, 1) */
} dnmf_perturbation;

/* What the value at a place becomes in a run. local */
double dnmf_perturb_value(const dnmf_perturbation *how, uint64_t seed, int run, int64_t row, int64_t col, double value);

/* A perturbed copy of a finished matrix on its layout, in numbers of its precision; by rows alone, as the matrix is.
 * Released with dnmf_matrix_free, also after a failure. collective */
dnmf_status dnmf_matrix_perturb(dnmf_context *context, const dnmf_layout *layout, const dnmf_matrix *a,
                                const dnmf_perturbation *how, uint64_t seed, int run, dnmf_matrix *copy);

#endif
