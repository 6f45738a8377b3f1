/*
 * Synthetic matrices.
 *
 *   uniform  values uniform in (0, 1)
 *   planted  W H of uniform factors with `components` components, plus Gaussian noise, clipped at 0
 *   ratings  power-law popularity of rows and columns; values on a scale, from row and column biases, a few
 *            planted nonnegative factors and noise
 *
 * A matrix is a pure function of the options: the same, bit for bit, on any number of processes. Which places
 * hold a value (the density) and how they are stored (dense or sparse) are separate choices; the work is
 * proportional to the places that hold one.
 */
#ifndef DNMF_GENERATE_H
#define DNMF_GENERATE_H

#include "matrix/matrix.h"
#include "matrix/recipe.h"

/* This process's block of the matrix of `layout`'s shape, complete (dnmf_matrix_finish included). Options out
 * of range are a usage error. Released with dnmf_matrix_free. collective */
dnmf_status dnmf_generate(dnmf_context *context, const dnmf_generate_options *options, const dnmf_layout *layout,
                          dnmf_precision precision, dnmf_matrix *matrix);

/* "uniform", "planted" or "ratings". local */
const char *dnmf_generate_kind_name(dnmf_generate_kind kind);

#endif
