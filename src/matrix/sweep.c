#include "matrix/sweep.h"

#include "base/memory.h"
#include "base/team.h"
#include "comm/collective.h"
#include "matrix/kernels.h"
#include "matrix/padded.h"

#include <stdlib.h>
#include <string.h>

static const dnmf_dense_kernel *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_dense_kernel);

enum {
  ROWS_AT_ONCE = 128,     /* rows of A X summed in cache while the panel passes by */
  SUMS_BYTES = 512 << 10, /* of the sums of transpose(A) X that a thread works on at a time: half an L2 cache */
  TILE_BYTES = 4 << 20,   /* of A that a sweep takes at a time, a thread */
  MOST_TILE = 8 << 20,    /* of A in the smallest tile, for a sweep to be worth while */
  MOST_SUMS = 640 << 10,  /* likewise of the sums of transpose(A) X, which every tile adds to */
  REGISTER_ROWS = 8,      /* rows of A X are split among threads in multiples of this */
  LINE_COLUMNS = 16       /* and columns of A in multiples of this: a cache line */
};

static const void *block_row(const dnmf_matrix *a, int64_t row) {
  const int64_t cols = dnmf_range_size(a->col_range);
  return (const char *)a->dense + (size_t)(row * cols) * dnmf_number_size(dnmf_matrix_number(a));
}

/* --- Sizes ----------------------------------------------------------------------------------------------- */

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

/* Rows that pass through a sweep's scratch memory at a time. */
static int64_t scratch_rows_of(const dnmf_context *context, int64_t block_rows) {
  const int64_t rows_in = dnmf_at_most(block_rows, DNMF_SWEEP_TRANSPOSED_ROWS);
  const int64_t rows_out = (int64_t)context->threads * ROWS_AT_ONCE;
  return rows_in > rows_out ? rows_in : rows_out;
}

double dnmf_sweep_scratch_bytes(const dnmf_context *context, dnmf_precision precision, int64_t rows, int components) {
  const int64_t numbers = scratch_rows_of(context, rows) * dnmf_padded_width(context, precision, components);
  return dnmf_allocated_bytes((double)numbers, dnmf_precision_size(precision));
}

double dnmf_sweep_bytes(const dnmf_context *context, dnmf_precision precision, int64_t rows, int64_t cols,
                        int components) {
  const double padded = (double)dnmf_padded_width(context, precision, components);
  const double panel = dnmf_allocated_bytes((double)cols * padded, dnmf_precision_size(precision));
  return dnmf_sweep_scratch_bytes(context, precision, rows, components) + panel + (padded != components ? panel : 0);
}

int64_t dnmf_sweep_rows_at_once(const dnmf_context *context, int64_t rows) {
  return dnmf_at_most(dnmf_round_up(rows / context->threads + 1, REGISTER_ROWS), ROWS_AT_ONCE);
}

/* So many columns that their sums stay in a thread's cache. */
int64_t dnmf_sweep_columns_at_once(const dnmf_context *context, dnmf_precision precision, int64_t cols,
                                   int64_t padded) {
  const int64_t fitting = SUMS_BYTES / (padded * (int64_t)dnmf_precision_size(precision));
  const int64_t share = cols / context->threads + 1;
  return dnmf_round_up(dnmf_at_most(share, fitting > 0 ? fitting : 1), LINE_COLUMNS);
}

/* --- Beginning and end ----------------------------------------------------------------------------------- */

/* Releases what a sweep holds. */
static void release(dnmf_sweep *sweep) {
  free(sweep->panel_copy);
  free(sweep->sums);
  free(sweep->scratch);
  *sweep = (dnmf_sweep){0};
}

dnmf_status dnmf_sweep_prepare(dnmf_context *context, const dnmf_matrix *a, int components, const dnmf_panel *panel,
                               bool sums, dnmf_sweep *sweep) {
  dnmf_error *error = &context->error;
  const size_t size = dnmf_precision_size(a->precision);
  const int64_t cols = dnmf_range_size(a->col_range);
  const int64_t scratch_rows = scratch_rows_of(context, dnmf_range_size(a->row_range));
  *sweep = (dnmf_sweep){.a = a, .components = components};
  sweep->padded = dnmf_padded_width(context, a->precision, components);
  dnmf_status status = dnmf_allocate(error, "rows of a product", scratch_rows * sweep->padded, size, &sweep->scratch);
  if (status == DNMF_OK && panel)
    status = dnmf_pad_panel(context, panel, &sweep->panel, &sweep->panel_copy);
  if (status == DNMF_OK && sums)
    status = dnmf_allocate_zero(error, "sums of a product", cols * sweep->padded, size, &sweep->sums);
  if (status != DNMF_OK)
    release(sweep);
  return status;
}

dnmf_status dnmf_sweep_begin(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel, dnmf_sweep *sweep) {
  return dnmf_sweep_prepare(context, a, panel->components, panel, true, sweep);
}

void dnmf_sweep_finish(dnmf_sweep *sweep, dnmf_panel *out) {
  if (out)
    dnmf_unpad_rows(out->precision, sweep->sums, sweep->padded, out->rows, out->data, out->components);
  release(sweep);
}

/* --- Rows ------------------------------------------------------------------------------------------------ */

/* One product of a sweep, in pieces of `step` rows or columns. */
typedef struct sweep_call {
  dnmf_context *context;
  const dnmf_sweep *sweep;
  const dnmf_dense_kernel *kernel;
  dnmf_range rows;
  int64_t step;
  const char *x; /* rows of the other factor */
  char *out;
} sweep_call;

static void multiply_pieces(void *of_call, int64_t begin, int64_t end) {
  const sweep_call *call = of_call;
  const dnmf_sweep *sweep = call->sweep;
  const dnmf_matrix *a = sweep->a;
  const size_t size = dnmf_precision_size(a->precision);
  const int64_t cols = dnmf_range_size(a->col_range);
  char *sums = (char *)sweep->scratch + (size_t)dnmf_team_thread() * (size_t)(ROWS_AT_ONCE * sweep->padded) * size;
  for (int64_t piece = begin; piece < end; piece++) {
    const int64_t row = call->rows.begin + piece * call->step;
    const int64_t part = dnmf_at_most(call->rows.end - row, call->step);
    memset(sums, 0, (size_t)(part * sweep->padded) * size);
    const dnmf_tile tile = {block_row(a, row), cols, part, cols, a->narrow};
    const dnmf_operands operands = {sweep->panel, sums, sweep->padded, sweep->padded};
    call->kernel->multiply(&tile, &operands);
    dnmf_unpad_rows(a->precision, sums, sweep->padded, part,
                    call->out + (size_t)((row - call->rows.begin) * sweep->components) * size, sweep->components);
    dnmf_progress(call->context);
  }
}

void dnmf_sweep_multiply(dnmf_context *context, const dnmf_sweep *sweep, dnmf_range rows, void *out) {
  const dnmf_matrix *a = sweep->a;
  const int64_t count = dnmf_range_size(rows);
  const int64_t step = dnmf_sweep_rows_at_once(context, count);
  const double operations = (double)count * (double)dnmf_range_size(a->col_range) * (double)sweep->padded;
  sweep_call call = {context, sweep, kernels[a->precision][context->isa], rows, step, NULL, out};
  dnmf_team_run(dnmf_team(context->threads, operations), (count + step - 1) / step, multiply_pieces, &call);
}

/* --- Columns --------------------------------------------------------------------------------------------- */

static void accumulate_pieces(void *of_call, int64_t begin, int64_t end) {
  const sweep_call *call = of_call;
  const dnmf_sweep *sweep = call->sweep;
  const dnmf_matrix *a = sweep->a;
  const size_t size = dnmf_precision_size(a->precision);
  const int64_t cols = dnmf_range_size(a->col_range);
  for (int64_t piece = begin; piece < end; piece++) {
    const int64_t col = piece * call->step;
    const char *first =
        (const char *)block_row(a, call->rows.begin) + (size_t)col * dnmf_number_size(dnmf_matrix_number(a));
    const dnmf_tile tile = {first, cols, dnmf_range_size(call->rows), dnmf_at_most(cols - col, call->step), a->narrow};
    const dnmf_operands operands = {call->x, call->out + (size_t)(col * sweep->padded) * size, sweep->padded,
                                    sweep->padded};
    call->kernel->multiply_transposed(&tile, &operands);
    dnmf_progress(call->context);
  }
}

/* Adds transpose(A_rows) x, for at most DNMF_SWEEP_TRANSPOSED_ROWS rows. */
static void accumulate_rows(dnmf_context *context, dnmf_sweep *sweep, dnmf_range rows, const void *x) {
  const dnmf_matrix *a = sweep->a;
  const int64_t cols = dnmf_range_size(a->col_range);
  const int64_t step = dnmf_sweep_columns_at_once(context, a->precision, cols, sweep->padded);
  if (sweep->padded != sweep->components) {
    dnmf_pad_rows_threaded(context, a->precision, x, sweep->components, dnmf_range_size(rows), sweep->scratch,
                           sweep->padded);
    x = sweep->scratch;
  }
  const double operations = (double)dnmf_range_size(rows) * (double)cols * (double)sweep->padded;
  sweep_call call = {context, sweep, kernels[a->precision][context->isa], rows, step, x, sweep->sums};
  dnmf_team_run(dnmf_team(context->threads, operations), (cols + step - 1) / step, accumulate_pieces, &call);
}

void dnmf_sweep_accumulate(dnmf_context *context, dnmf_sweep *sweep, dnmf_range rows, const void *x) {
  const size_t row_bytes = (size_t)sweep->components * dnmf_precision_size(sweep->a->precision);
  for (int64_t row = rows.begin; row < rows.end; row += DNMF_SWEEP_TRANSPOSED_ROWS) {
    const dnmf_range some = {row, dnmf_at_most(rows.end, row + DNMF_SWEEP_TRANSPOSED_ROWS)};
    accumulate_rows(context, sweep, some, (const char *)x + (size_t)(row - rows.begin) * row_bytes);
  }
}
