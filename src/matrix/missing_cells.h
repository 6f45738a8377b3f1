/*
 * Dense matrices with cells that have no value.
 *
 * They are read as sparse ones whose entries are all other cells, zeros too (source.has_missing), and become dense
 * blocks here, with zeros in the places of the missing cells and a list of these places (matrix->missing).
 */
#ifndef DNMF_MISSING_CELLS_H
#define DNMF_MISSING_CELLS_H

#include "matrix/matrix.h"

/* Makes a sparse block, complete and with its figures, a dense one. `unknown` becomes the number of missing cells of
 * the whole matrix; it stays an error to be without any cell. collective */
dnmf_status dnmf_matrix_fill_out(dnmf_context *context, dnmf_matrix *matrix);

/* Cells with a value in each row of the block range `owned` lies in, those of W's owned rows (`by_cols`: of H's owned
 * columns) into `counts`. collective */
dnmf_status dnmf_matrix_count_known(dnmf_context *context, const dnmf_grid *grid, const dnmf_matrix *matrix,
                                    bool by_cols, dnmf_range owned, int64_t *counts);

#endif
