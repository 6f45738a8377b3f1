/*
 * Looking at the values of a block. Sums are taken row by row in the order of the columns, whatever sees them.
 */
#ifndef DNMF_FIGURES_LOOK_H
#define DNMF_FIGURES_LOOK_H

#include "matrix/figures.h"
#include "matrix/matrix.h"

/* Nothing seen yet of the block. Released with dnmf_figures_free. local */
dnmf_status dnmf_figures_create(dnmf_context *context, const dnmf_matrix *matrix, dnmf_figures **figures);

/* Looks at some columns of some rows of a dense block, as dnmf_matrix_look does. local */
void dnmf_figures_look(const dnmf_context *context, const dnmf_matrix *matrix, dnmf_range rows, dnmf_range cols,
                       dnmf_figures *figures);

/* Looks at the whole block. local */
void dnmf_figures_look_at_all(const dnmf_context *context, const dnmf_matrix *matrix, dnmf_figures *figures);

/* Adds what was seen to the matrix's sum, squares and checksum; sets row_seen and the first part of col_seen. Fails on
 * the first invalid value, naming its place. local */
dnmf_status dnmf_figures_total(dnmf_context *context, dnmf_figures *figures, dnmf_matrix *matrix);

#endif
