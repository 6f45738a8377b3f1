#include "fit/residual.h"

#include "base/memory.h"
#include "base/team.h"
#include "comm/collective.h"

#include <stdlib.h>

enum { TILE_ROWS = 256, TILE_COLS = 4096, AT_ONCE = 512 };

_Static_assert(DNMF_BUNDLE_ROWS % TILE_ROWS == 0, "the rows of a tile are in one bundle");

/* Tiles in double. */
typedef struct tiles {
  dnmf_panel w; /* TILE_ROWS rows */
  dnmf_panel h; /* TILE_COLS columns */
  double *fitted;
  double *sums; /* of each row of a tile */
} tiles;

static void tiles_free(tiles *t) {
  dnmf_panel_free(&t->w);
  dnmf_panel_free(&t->h);
  free(t->fitted);
  free(t->sums);
}

static dnmf_status tiles_create(dnmf_error *error, int components, tiles *t) {
  static const char what[] = "the exact residual";
  void *memory = NULL;
  DNMF_TRY(dnmf_panel_create(error, what, TILE_ROWS, components, DNMF_DOUBLE, &t->w));
  DNMF_TRY(dnmf_panel_create(error, what, TILE_COLS, components, DNMF_DOUBLE, &t->h));
  DNMF_TRY(dnmf_allocate(error, what, (int64_t)TILE_ROWS * TILE_COLS, sizeof(double), &memory));
  t->fitted = memory;
  dnmf_status status = dnmf_allocate(error, what, TILE_ROWS, sizeof(double), &memory);
  t->sums = memory;
  return status;
}

static void widen(const dnmf_panel *from, dnmf_range rows, dnmf_panel *to) {
  for (int64_t row = rows.begin; row < rows.end; row++)
    for (int c = 0; c < from->components; c++)
      dnmf_panel_set(to, row - rows.begin, c, dnmf_panel_get(from, row, c));
}

/* The first entry of a row at or behind local column `col`. */
static int64_t first_entry(const dnmf_csr *a, int64_t row, int64_t col) {
  int64_t low = a->start[row];
  int64_t high = a->start[row + 1];
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (a->index[middle] < col)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* fitted = W H - A in a row of the block, columns `cols`; 0 where A has no value. Of a block in bundles
 * subtract_columns does it. */
static void subtract(const dnmf_matrix *a, int64_t row, dnmf_range cols, double *fitted) {
  if (dnmf_bundles_exist(&a->bundles))
    return;
  if (a->sparse) {
    const dnmf_csr *rows = &a->by_rows;
    for (int64_t at = first_entry(rows, row, cols.begin); at < rows->start[row + 1] && rows->index[at] < cols.end; at++)
      fitted[rows->index[at] - cols.begin] -= dnmf_number_at(dnmf_matrix_number(a), rows->value, at);
    return;
  }
  double room[AT_ONCE];
  const int64_t first = row * dnmf_range_size(a->col_range);
  for (int64_t col = cols.begin; col < cols.end; col += AT_ONCE) {
    const int64_t count = cols.end - col < AT_ONCE ? cols.end - col : AT_ONCE;
    const double *value = dnmf_numbers_widen(dnmf_matrix_number(a), a->dense, first + col, count, room);
    for (int64_t i = 0; i < count; i++)
      fitted[col - cols.begin + i] -= value[i];
  }
  for (int64_t at = a->missing.start ? first_entry(&a->missing, row, cols.begin) : 0;
       a->missing.start && at < a->missing.start[row + 1] && a->missing.index[at] < cols.end; at++)
    fitted[a->missing.index[at] - cols.begin] = 0;
}

typedef struct residual_call {
  const dnmf_matrix *a;
  dnmf_range rows;
  dnmf_range cols;
  const tiles *tiles;
} residual_call;

/* fitted -= A in some columns of a tile, whose rows are all in one bundle. */
static void subtract_columns(void *of_call, int64_t begin, int64_t end) {
  const residual_call *call = of_call;
  const dnmf_bundles *bundles = &call->a->bundles;
  const int64_t width = dnmf_range_size(call->cols);
  const int64_t bundle = call->rows.begin / bundles->height;
  const int64_t above = call->rows.begin - bundle * bundles->height; /* rows of the bundle before the tile */
  const uint32_t *ends = bundles->end + bundle * bundles->cols;
  for (int64_t j = begin; j < end; j++) {
    const int64_t col = call->cols.begin + j;
    for (uint32_t e = col > 0 ? ends[col - 1] : 0; e < ends[col]; e++) {
      const int64_t at = bundles->first[bundle] + e;
      const int64_t i = bundles->row[at] - above;
      if (i >= 0 && i < dnmf_range_size(call->rows))
        call->tiles->fitted[i * width + j] -= dnmf_number_at(dnmf_matrix_number(call->a), bundles->value, at);
    }
  }
}

static void square_fitted_rows(void *of_call, int64_t begin, int64_t end) {
  const residual_call *call = of_call;
  const int64_t width = dnmf_range_size(call->cols);
  for (int64_t i = begin; i < end; i++) {
    double *fitted = call->tiles->fitted + i * width;
    subtract(call->a, call->rows.begin + i, call->cols, fitted);
    call->tiles->sums[i] = 0;
    for (int64_t j = 0; j < width; j++)
      call->tiles->sums[i] += fitted[j] * fitted[j];
  }
}

/* The squares of A - W H in rows `rows`, columns `cols` of the block. */
static double tile_squares(const dnmf_context *context, const dnmf_matrix *a, dnmf_range rows, dnmf_range cols,
                           const tiles *t) {
  const int64_t width = dnmf_range_size(cols);
  const int64_t height = dnmf_range_size(rows);
  dnmf_panel_outer(context, &t->w, (dnmf_range){0, height}, &t->h, (dnmf_range){0, width}, t->fitted);
  residual_call call = {a, rows, cols, t};
  if (dnmf_bundles_exist(&a->bundles))
    dnmf_team_run(dnmf_team(context->threads, (double)width), width, subtract_columns, &call);
  dnmf_team_run(dnmf_team(context->threads, (double)height * (double)width), height, square_fitted_rows, &call);
  double squares = 0;
  for (int64_t i = 0; i < height; i++)
    squares += t->sums[i];
  return squares;
}

/* Part of `all` that begins at `begin` and is not longer than a tile. */
static dnmf_range tile_at(int64_t begin, int64_t step, int64_t all) {
  return (dnmf_range){begin, begin + step < all ? begin + step : all};
}

static double block_squares(const dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *w, const dnmf_panel *h,
                            tiles *t) {
  double squares = 0;
  for (int64_t col = 0; col < h->rows; col += TILE_COLS) {
    const dnmf_range cols = tile_at(col, TILE_COLS, h->rows);
    widen(h, cols, &t->h);
    for (int64_t row = 0; row < w->rows; row += TILE_ROWS) {
      const dnmf_range rows = tile_at(row, TILE_ROWS, w->rows);
      widen(w, rows, &t->w);
      squares += tile_squares(context, a, rows, cols, t);
    }
  }
  return squares;
}

dnmf_status dnmf_exact_residual(dnmf_context *context, const dnmf_matrix *a, dnmf_factor *w, dnmf_factor *h,
                                double *squares) {
  tiles t = {0};
  dnmf_status status = dnmf_agree(context, tiles_create(&context->error, w->components, &t));
  if (status == DNMF_OK)
    status = dnmf_factor_gather(context, w);
  if (status == DNMF_OK)
    status = dnmf_factor_gather(context, h);
  if (status == DNMF_OK) {
    *squares = block_squares(context, a, &w->gathered, &h->gathered, &t);
    status = dnmf_sum_doubles(context, context->comm, squares, 1);
  }
  tiles_free(&t);
  return status;
}
