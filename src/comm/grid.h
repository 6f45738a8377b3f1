/*
 * The pr x pc process grid, and how a matrix and its factors are laid out on it.
 *
 * Process (i, j) holds block A_ij: row range i, column range j. Rank = i * pc + j. The rows of W in row range
 * i are split again among the pc processes of grid row i, so each process *owns* rows of W; likewise column
 * range j's columns of H are split among the pr processes of grid column j. (MPI-FAUN, Kannan, Ballard, Park
 * 2016.)
 */
#ifndef DNMF_GRID_H
#define DNMF_GRID_H

#include "base/range.h"
#include "comm/context.h"

typedef struct dnmf_grid {
  int rows; /* pr */
  int cols; /* pc */
  int row;  /* this process's */
  int col;
  MPI_Comm row_comm; /* the pc processes of this grid row, ranked by column */
  MPI_Comm col_comm; /* the pr processes of this grid column, ranked by row */
} dnmf_grid;

/* Reads "RxC" (e.g. "2x3"); fails unless R * C == processes. local */
dnmf_status dnmf_grid_parse(dnmf_error *error, const char *text, int processes, int *grid_rows, int *grid_cols);

/* Makes the grid's communicators. Requires grid_rows * grid_cols == context->size. Released with
 * dnmf_grid_free. collective */
dnmf_status dnmf_grid_create(dnmf_context *context, int grid_rows, int grid_cols, dnmf_grid *grid);
void dnmf_grid_free(dnmf_grid *grid); /* collective; accepts a zeroed grid */

typedef struct dnmf_layout {
  const dnmf_grid *grid; /* not owned */
  int64_t rows;          /* of A */
  int64_t cols;
  int64_t *row_begin; /* grid->rows + 1 bounds of the row ranges */
  int64_t *col_begin; /* grid->cols + 1 */
} dnmf_layout;

/* Even ranges. Released with dnmf_layout_free. local */
dnmf_status dnmf_layout_even(dnmf_error *error, const dnmf_grid *grid, int64_t rows, int64_t cols, dnmf_layout *layout);
void dnmf_layout_free(dnmf_layout *layout);

dnmf_range dnmf_layout_rows(const dnmf_layout *layout, int grid_row);                     /* local */
dnmf_range dnmf_layout_cols(const dnmf_layout *layout, int grid_col);                     /* local */
dnmf_range dnmf_layout_owned_rows(const dnmf_layout *layout, int grid_row, int grid_col); /* of W, local */
dnmf_range dnmf_layout_owned_cols(const dnmf_layout *layout, int grid_row, int grid_col); /* of H, local */

/* Grid row (column) whose range holds global row (column) `index`. local */
int dnmf_layout_find_row(const dnmf_layout *layout, int64_t index);
int dnmf_layout_find_col(const dnmf_layout *layout, int64_t index);

#endif
