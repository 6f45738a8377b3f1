#include "dnmf/product.h"

#include "dnmf/collective.h"
#include "dnmf/memory.h"
#include "matrix/kernels.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

static const dnmf_dense_kernel *const dense_kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_dense_kernel);
static const dnmf_csr_kernel *const csr_kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_csr_kernel);

enum {
  ROWS_AT_ONCE = 128,           /* rows of A X summed in cache while the panel passes by */
  TRANSPOSED_ROWS = 4096,       /* rows of A a product with the transpose takes at a time */
  SUMS_BYTES = 512 << 10,       /* of the sums of transpose(A) X that a thread works on at a time: half an L2 cache */
  TILE_BYTES = 4 << 20,         /* of A that a sweep takes at a time, a thread */
  MOST_TILE = 8 << 20,          /* of A in the smallest tile, for a sweep to be worth while */
  MOST_SUMS = 640 << 10,        /* likewise of the sums of transpose(A) X, which every tile adds to */
  LARGE_PANEL_BYTES = 16 << 20, /* a panel of which a sparse product takes a band at a time */
  BAND_BYTES = 4 << 20,         /* of it */
  BAND_ENTRIES = 16,            /* a row needs in a band, on average */
  REGISTER_ROWS = 8,            /* rows of A X are split among threads in multiples of this */
  LINE_COLUMNS = 16             /* and columns of A in multiples of this: a cache line */
};

static int64_t at_most(int64_t count, int64_t limit) {
  return count < limit ? count : limit;
}

/* The thread that calls MPI lets it work. */
static void let_progress(dnmf_context *context) {
  if (omp_get_thread_num() == 0)
    dnmf_progress(context);
}

/* --- Padded panels --------------------------------------------------------------------------------------- */

static int64_t padded_width(const dnmf_context *context, dnmf_precision precision, int components) {
  return dnmf_round_up(components, dense_kernels[precision][context->isa]->vector);
}

/* dnmf_pad_rows by all threads. */
static void pad_rows(const dnmf_context *context, dnmf_precision precision, const void *from, int components,
                     int64_t rows, void *to, int64_t padded) {
  const size_t size = dnmf_precision_size(precision);
#pragma omp parallel for schedule(static) num_threads(context->threads)
  for (int64_t row = 0; row < rows; row += ROWS_AT_ONCE)
    dnmf_pad_rows(precision, (const char *)from + (size_t)(row * components) * size, components,
                  at_most(rows - row, ROWS_AT_ONCE), (char *)to + (size_t)(row * padded) * size, padded);
}

/* The padded form of a panel: itself, or a copy that the caller frees. */
static dnmf_status pad_panel(dnmf_context *context, const dnmf_panel *panel, const void **padded_panel, void **copy) {
  const int64_t padded = padded_width(context, panel->precision, panel->components);
  *copy = NULL;
  *padded_panel = panel->data;
  if (padded == panel->components)
    return DNMF_OK;
  const size_t size = dnmf_precision_size(panel->precision);
  DNMF_TRY(dnmf_allocate(&context->error, "a padded factor", panel->rows * padded, size, copy));
  *padded_panel = *copy;
  pad_rows(context, panel->precision, panel->data, panel->components, panel->rows, *copy, padded);
  return DNMF_OK;
}

/* --- Sparse ---------------------------------------------------------------------------------------------- */

int64_t dnmf_csr_balanced_row(const dnmf_csr *a, int64_t part, int64_t parts) {
  const int64_t stored = a->start[a->rows];
  const int64_t wanted = stored / parts * part + stored % parts * part / parts;
  int64_t low = 0;
  int64_t high = a->rows;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (a->start[middle] < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return part == parts ? a->rows : part == 0 ? 0 : low;
}

/* Rows of the panel that are taken at a time: all, or what fits a share of the outermost cache. */
static int64_t band_rows_of(int64_t panel_rows, int64_t padded, size_t size) {
  const int64_t row_bytes = padded * (int64_t)size;
  return panel_rows * row_bytes < LARGE_PANEL_BYTES ? panel_rows : BAND_BYTES / row_bytes + 1;
}

/* Bands of a panel of `from` rows that a product of `to` rows is made of; one where these have too few entries to be
 * taken up again for each. */
static int64_t bands_of(int64_t to, int64_t from, int64_t stored, int64_t padded, size_t size) {
  const int64_t rows = band_rows_of(from, padded, size);
  const int64_t bands = rows > 0 ? (from + rows - 1) / rows : 1;
  return stored / bands >= to * BAND_ENTRIES ? bands : 1;
}

int64_t dnmf_product_bands(const dnmf_context *context, const dnmf_matrix *a, bool transposed, int components) {
  const dnmf_csr *csr = transposed ? &a->by_cols : &a->by_rows;
  if (!a->sparse || csr->rows == 0)
    return 1;
  return bands_of(csr->rows, csr->cols, csr->start[csr->rows], padded_width(context, a->precision, components),
                  dnmf_precision_size(a->precision));
}

/* Every band by all threads together, so that they share what is in cache. */
static void multiply_bands(dnmf_context *context, const dnmf_csr *a, const void *panel, int64_t padded, dnmf_panel *out,
                           int64_t *cursor) {
  const dnmf_csr_kernel *kernel = csr_kernels[out->precision][context->isa];
  const int64_t step = cursor ? band_rows_of(a->cols, padded, dnmf_precision_size(out->precision)) : a->cols;
  const int64_t parts = (int64_t)context->threads * 8; /* small enough to even out what the counts do not show */
  for (int64_t first = 0; first == 0 || first<a->cols; first += step> 0 ? step : 1) {
    const dnmf_csr_band band = {at_most(a->cols, first + step), cursor};
#pragma omp parallel for schedule(dynamic) num_threads(context->threads)
    for (int64_t part = 0; part < parts; part++) {
      kernel->multiply(a, dnmf_csr_balanced_row(a, part, parts), dnmf_csr_balanced_row(a, part + 1, parts), panel,
                       padded, out->data, out->components, cursor ? &band : NULL);
      let_progress(context);
    }
  }
}

static dnmf_status multiply_sparse(dnmf_context *context, const dnmf_csr *a, const dnmf_panel *panel, dnmf_panel *out) {
  if (a->rows == 0)
    return DNMF_OK;
  const int64_t padded = padded_width(context, panel->precision, panel->components);
  const size_t size = dnmf_precision_size(panel->precision);
  const void *padded_panel = NULL;
  void *copy = NULL;
  void *cursor = NULL;
  DNMF_TRY(pad_panel(context, panel, &padded_panel, &copy));
  dnmf_status status = DNMF_OK;
  if (bands_of(a->rows, a->cols, a->start[a->rows], padded, size) > 1) {
    status = dnmf_allocate(&context->error, "places in a sparse block", a->rows, sizeof(int64_t), &cursor);
    if (status == DNMF_OK)
      memcpy(cursor, a->start, (size_t)a->rows * sizeof(int64_t));
  }
  if (status == DNMF_OK)
    multiply_bands(context, a, padded_panel, padded, out, cursor);
  free(cursor);
  free(copy);
  return status;
}

/* --- Dense: the sweep ------------------------------------------------------------------------------------ */

static const void *block_row(const dnmf_matrix *a, int64_t row) {
  const int64_t cols = dnmf_range_size(a->col_range);
  return (const char *)a->dense + (size_t)(row * cols) * dnmf_number_size(dnmf_matrix_number(a));
}

int64_t dnmf_sweep_tile_rows(const dnmf_context *context, dnmf_number number, int64_t cols) {
  const int64_t row_bytes = cols * (int64_t)dnmf_number_size(number);
  const int64_t fitting = (int64_t)TILE_BYTES * context->threads / (row_bytes > 0 ? row_bytes : 1);
  const int64_t whole = fitting / DNMF_SWEEP_TILE_STEP * DNMF_SWEEP_TILE_STEP;
  return whole > DNMF_SWEEP_TILE_STEP ? whole : DNMF_SWEEP_TILE_STEP;
}

bool dnmf_sweep_fits(dnmf_precision precision, dnmf_number number, int64_t cols, int components) {
  return cols <= MOST_TILE / DNMF_SWEEP_TILE_STEP / (int64_t)dnmf_number_size(number) &&
         cols <= MOST_SUMS / components / (int64_t)dnmf_precision_size(precision);
}

/* Releases what a sweep holds. */
static void release(dnmf_sweep *sweep) {
  free(sweep->panel_copy);
  free(sweep->sums);
  free(sweep->scratch);
  *sweep = (dnmf_sweep){0};
}

/* Rows that pass through a sweep's scratch memory at a time. */
static int64_t scratch_rows_of(const dnmf_context *context, int64_t block_rows) {
  const int64_t rows_in = at_most(block_rows, TRANSPOSED_ROWS);
  const int64_t rows_out = (int64_t)context->threads * ROWS_AT_ONCE;
  return rows_in > rows_out ? rows_in : rows_out;
}

/* A sweep ready for dnmf_sweep_multiply when given a panel, for dnmf_sweep_accumulate when `sums` is set. */
static dnmf_status prepare(dnmf_context *context, const dnmf_matrix *a, int components, const dnmf_panel *panel,
                           bool sums, dnmf_sweep *sweep) {
  dnmf_error *error = &context->error;
  const size_t size = dnmf_precision_size(a->precision);
  const int64_t cols = dnmf_range_size(a->col_range);
  const int64_t scratch_rows = scratch_rows_of(context, dnmf_range_size(a->row_range));
  *sweep = (dnmf_sweep){.a = a, .components = components};
  sweep->padded = padded_width(context, a->precision, components);
  dnmf_status status = dnmf_allocate(error, "rows of a product", scratch_rows * sweep->padded, size, &sweep->scratch);
  if (status == DNMF_OK && panel)
    status = pad_panel(context, panel, &sweep->panel, &sweep->panel_copy);
  if (status == DNMF_OK && sums)
    status = dnmf_allocate_zero(error, "sums of a product", cols * sweep->padded, size, &sweep->sums);
  if (status != DNMF_OK)
    release(sweep);
  return status;
}

dnmf_status dnmf_sweep_begin(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel, dnmf_sweep *sweep) {
  return prepare(context, a, panel->components, panel, true, sweep);
}

void dnmf_sweep_multiply(dnmf_context *context, const dnmf_sweep *sweep, dnmf_range rows, void *out) {
  const dnmf_matrix *a = sweep->a;
  const dnmf_dense_kernel *kernel = dense_kernels[a->precision][context->isa];
  const size_t size = dnmf_precision_size(a->precision);
  const int64_t cols = dnmf_range_size(a->col_range);
  const int64_t share = dnmf_round_up(dnmf_range_size(rows) / context->threads + 1, REGISTER_ROWS);
  const int64_t step = at_most(share, ROWS_AT_ONCE);
#pragma omp parallel for schedule(dynamic) num_threads(context->threads)
  for (int64_t row = rows.begin; row < rows.end; row += step) {
    const int64_t part = at_most(rows.end - row, step);
    const size_t part_bytes = (size_t)(part * sweep->padded) * size;
    char *sums = (char *)sweep->scratch + (size_t)((int64_t)omp_get_thread_num() * ROWS_AT_ONCE * sweep->padded) * size;
    memset(sums, 0, part_bytes);
    const dnmf_tile tile = {block_row(a, row), cols, part, cols, a->narrow};
    const dnmf_operands operands = {sweep->panel, sums, sweep->padded, sweep->padded};
    kernel->multiply(&tile, &operands);
    dnmf_unpad_rows(a->precision, sums, sweep->padded, part,
                    (char *)out + (size_t)((row - rows.begin) * sweep->components) * size, sweep->components);
    let_progress(context);
  }
}

/* Columns of A a thread takes at a time: so many that their sums stay in its cache. */
static int64_t columns_at_once(const dnmf_context *context, const dnmf_sweep *sweep) {
  const int64_t cols = dnmf_range_size(sweep->a->col_range);
  const int64_t fitting = SUMS_BYTES / (sweep->padded * (int64_t)dnmf_precision_size(sweep->a->precision));
  const int64_t share = cols / context->threads + 1;
  return dnmf_round_up(at_most(share, fitting > 0 ? fitting : 1), LINE_COLUMNS);
}

/* Adds transpose(A_rows) x, for at most TRANSPOSED_ROWS rows. */
static void accumulate_rows(dnmf_context *context, dnmf_sweep *sweep, int64_t begin, int64_t rows, const void *x) {
  const dnmf_matrix *a = sweep->a;
  const dnmf_dense_kernel *kernel = dense_kernels[a->precision][context->isa];
  const size_t size = dnmf_precision_size(a->precision);
  const int64_t cols = dnmf_range_size(a->col_range);
  const int64_t step = columns_at_once(context, sweep);
  if (sweep->padded != sweep->components) {
    pad_rows(context, a->precision, x, sweep->components, rows, sweep->scratch, sweep->padded);
    x = sweep->scratch;
  }
#pragma omp parallel for schedule(dynamic) num_threads(context->threads)
  for (int64_t col = 0; col < cols; col += step) {
    const dnmf_tile tile = {(const char *)block_row(a, begin) + (size_t)col * dnmf_number_size(dnmf_matrix_number(a)),
                            cols, rows, at_most(cols - col, step), a->narrow};
    const dnmf_operands operands = {x, (char *)sweep->sums + (size_t)(col * sweep->padded) * size, sweep->padded,
                                    sweep->padded};
    kernel->multiply_transposed(&tile, &operands);
    let_progress(context);
  }
}

void dnmf_sweep_accumulate(dnmf_context *context, dnmf_sweep *sweep, dnmf_range rows, const void *x) {
  const size_t row_bytes = (size_t)sweep->components * dnmf_precision_size(sweep->a->precision);
  for (int64_t row = rows.begin; row < rows.end; row += TRANSPOSED_ROWS)
    accumulate_rows(context, sweep, row, at_most(rows.end - row, TRANSPOSED_ROWS),
                    (const char *)x + (size_t)(row - rows.begin) * row_bytes);
}

void dnmf_sweep_finish(dnmf_sweep *sweep, dnmf_panel *out) {
  if (out)
    dnmf_unpad_rows(out->precision, sweep->sums, sweep->padded, out->rows, out->data, out->components);
  release(sweep);
}

/* --- The products ---------------------------------------------------------------------------------------- */

dnmf_status dnmf_multiply(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel, dnmf_panel *out) {
  if (a->sparse)
    return multiply_sparse(context, &a->by_rows, panel, out);
  dnmf_sweep sweep;
  DNMF_TRY(prepare(context, a, panel->components, panel, false, &sweep));
  dnmf_sweep_multiply(context, &sweep, (dnmf_range){0, out->rows}, out->data);
  release(&sweep);
  return DNMF_OK;
}

dnmf_status dnmf_multiply_transposed(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel,
                                     dnmf_panel *out) {
  if (a->sparse)
    return multiply_sparse(context, &a->by_cols, panel, out);
  dnmf_sweep sweep;
  DNMF_TRY(prepare(context, a, panel->components, NULL, true, &sweep));
  dnmf_sweep_accumulate(context, &sweep, (dnmf_range){0, panel->rows}, panel->data);
  dnmf_sweep_finish(&sweep, out);
  return DNMF_OK;
}

double dnmf_sweep_bytes(const dnmf_context *context, dnmf_precision precision, int64_t rows, int64_t cols,
                        int components) {
  const size_t size = dnmf_precision_size(precision);
  const double padded = (double)padded_width(context, precision, components);
  const double panel = dnmf_allocated_bytes((double)cols * padded, size);
  return dnmf_allocated_bytes((double)scratch_rows_of(context, rows) * padded, size) + panel +
         (padded != components ? panel : 0);
}

/* What a product of `to` rows with a panel of `from` takes: the padded panel, and a place in each row where the panel
 * is taken in bands. */
static double sparse_bytes(int64_t to, int64_t from, double stored, int64_t padded, bool copied, size_t size) {
  if (to == 0)
    return 0;
  const bool banded = bands_of(to, from, (int64_t)stored, padded, size) > 1;
  return (copied ? dnmf_allocated_bytes((double)from * (double)padded, size) : 0) +
         (banded ? dnmf_allocated_bytes((double)to, sizeof(int64_t)) : 0);
}

double dnmf_product_bytes(const dnmf_context *context, bool sparse, dnmf_precision precision, int64_t rows,
                          int64_t cols, double stored, int components) {
  const size_t size = dnmf_precision_size(precision);
  const int64_t padded = padded_width(context, precision, components);
  if (sparse) {
    const double first = sparse_bytes(rows, cols, stored, padded, padded != components, size);
    const double second = sparse_bytes(cols, rows, stored, padded, padded != components, size);
    return first > second ? first : second;
  }
  return dnmf_allocated_bytes((double)scratch_rows_of(context, rows) * (double)padded, size) +
         dnmf_allocated_bytes((double)cols * (double)padded, size);
}
