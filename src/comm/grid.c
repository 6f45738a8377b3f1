#include "comm/grid.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Reads digits into a positive `count`: what follows them, or NULL when that is not what is there. */
static const char *read_count(const char *text, int *count) {
  enum { MOST_DIGITS = 9 };
  *count = 0;
  for (int digits = 0; *text >= '0' && *text <= '9' && digits < MOST_DIGITS; digits++)
    *count = *count * 10 + (*text++ - '0');
  return *count > 0 ? text : NULL;
}

dnmf_status dnmf_grid_parse(dnmf_error *error, const char *text, int processes, int *grid_rows, int *grid_cols) {
  const char *rest = read_count(text, grid_rows);
  if (rest)
    rest = *rest == 'x' ? read_count(rest + 1, grid_cols) : NULL;
  if (!rest || *rest != '\0')
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--grid %s: give auto or ROWSxCOLUMNS, e.g. --grid 2x3", text);
  int64_t wanted = (int64_t)*grid_rows * *grid_cols;
  if (wanted != processes)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--grid %s is %" PRId64 " processes, but the job has %d", text, wanted,
                     processes);
  return DNMF_OK;
}

dnmf_status dnmf_grid_create(dnmf_context *context, int grid_rows, int grid_cols, dnmf_grid *grid) {
  memset(grid, 0, sizeof *grid);
  grid->rows = grid_rows;
  grid->cols = grid_cols;
  grid->row = context->rank / grid_cols;
  grid->col = context->rank % grid_cols;
  grid->row_comm = MPI_COMM_NULL;
  grid->col_comm = MPI_COMM_NULL;
  int code = MPI_Comm_split(context->comm, grid->row, grid->col, &grid->row_comm);
  DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Comm_split"));
  code = MPI_Comm_split(context->comm, grid->col, grid->row, &grid->col_comm);
  return dnmf_mpi_check(context, code, "MPI_Comm_split");
}

void dnmf_grid_free(dnmf_grid *grid) {
  if (grid->rows == 0)
    return;
  if (grid->row_comm != MPI_COMM_NULL)
    MPI_Comm_free(&grid->row_comm);
  if (grid->col_comm != MPI_COMM_NULL)
    MPI_Comm_free(&grid->col_comm);
  memset(grid, 0, sizeof *grid);
}

static void even_bounds(int64_t size, int parts, int64_t *bounds) {
  dnmf_range whole = {0, size};
  for (int part = 0; part < parts; part++)
    bounds[part] = dnmf_range_split(whole, parts, part).begin;
  bounds[parts] = size;
}

dnmf_status dnmf_layout_even(dnmf_error *error, const dnmf_grid *grid, int64_t rows, int64_t cols,
                             dnmf_layout *layout) {
  memset(layout, 0, sizeof *layout);
  layout->grid = grid;
  layout->rows = rows;
  layout->cols = cols;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "block bounds", grid->rows + grid->cols + 2, sizeof(int64_t), &memory));
  layout->row_begin = memory;
  layout->col_begin = layout->row_begin + grid->rows + 1;
  even_bounds(rows, grid->rows, layout->row_begin);
  even_bounds(cols, grid->cols, layout->col_begin);
  return DNMF_OK;
}

void dnmf_layout_free(dnmf_layout *layout) {
  free(layout->row_begin);
  memset(layout, 0, sizeof *layout);
}

dnmf_range dnmf_layout_rows(const dnmf_layout *layout, int grid_row) {
  dnmf_range range = {layout->row_begin[grid_row], layout->row_begin[grid_row + 1]};
  return range;
}

dnmf_range dnmf_layout_cols(const dnmf_layout *layout, int grid_col) {
  dnmf_range range = {layout->col_begin[grid_col], layout->col_begin[grid_col + 1]};
  return range;
}

dnmf_range dnmf_layout_owned_rows(const dnmf_layout *layout, int grid_row, int grid_col) {
  return dnmf_range_split(dnmf_layout_rows(layout, grid_row), layout->grid->cols, grid_col);
}

dnmf_range dnmf_layout_owned_cols(const dnmf_layout *layout, int grid_row, int grid_col) {
  return dnmf_range_split(dnmf_layout_cols(layout, grid_col), layout->grid->rows, grid_row);
}

/* The last part that begins at or before `index`; empty parts are passed over. */
static int find_part(const int64_t *bounds, int parts, int64_t index) {
  int low = 0;
  for (int left = parts; left > 1;) {
    int half = left / 2;
    low += bounds[low + half] <= index ? half : 0; /* no branch: which way is as good as random */
    left -= half;
  }
  return low;
}

int dnmf_layout_find_row(const dnmf_layout *layout, int64_t index) {
  return find_part(layout->row_begin, layout->grid->rows, index);
}

int dnmf_layout_find_col(const dnmf_layout *layout, int64_t index) {
  return find_part(layout->col_begin, layout->grid->cols, index);
}
