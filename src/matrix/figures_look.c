#include "matrix/figures_look.h"

#include "base/entry_hash.h"
#include "base/memory.h"
#include "base/team.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static const dnmf_figures_kernel *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_figures_kernel);
static const dnmf_number_kernel *const widen_kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_number_kernel);

enum {
  ROWS_AT_ONCE = 16,   /* looked at together: as many as the longest vector has numbers, or twice, four times that */
  WIDENED_COLS = 256,  /* of so many rows, widened at a time: 16 KiB */
  STORED_AT_ONCE = 512 /* entries of a sparse row widened at a time */
};

dnmf_status dnmf_figures_create(dnmf_context *context, const dnmf_matrix *matrix, dnmf_figures **figures) {
  void *memory = NULL;
  dnmf_error *error = &context->error;
  DNMF_TRY(dnmf_allocate_zero(error, "figures of A", 1, sizeof **figures, &memory));
  dnmf_figures *f = *figures = memory;
  f->rows = dnmf_range_size(matrix->row_range);
  f->cols = dnmf_range_size(matrix->col_range);
  f->parts = matrix->sparse || context->threads < 1 ? 1 : context->threads;
  dnmf_status status = dnmf_allocate_zero(error, "row sums", f->rows, sizeof *f->row, &memory);
  f->row = memory;
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(error, "row marks", f->rows, 1, &memory);
  f->row_seen = memory;
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(error, "column marks", f->cols * f->parts, 1, &memory);
  f->col_seen = memory;
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(error, "checksums", f->parts, sizeof *f->hash, &memory);
  f->hash = memory;
  for (int64_t row = 0; row < f->rows && status == DNMF_OK; row++) {
    const int64_t global = matrix->row_range.begin + row;
    f->row[row].place = XXH3_64bits(&global, sizeof global) + dnmf_hash_column(matrix->col_range.begin);
    f->row[row].bad = -1;
  }
  return status;
}

static bool is_valid(double value) {
  return value >= 0 && isfinite(value);
}

/* The first invalid value of each row, some of which have one among these columns. */
static void find_bad(const dnmf_matrix *matrix, dnmf_range rows, dnmf_range cols, dnmf_figures *figures) {
  for (int64_t row = rows.begin; row < rows.end; row++)
    for (int64_t col = cols.begin; col < cols.end && figures->row[row].bad < 0; col++)
      if (!is_valid(dnmf_number_at(dnmf_matrix_number(matrix), matrix->dense, row * figures->cols + col)))
        figures->row[row].bad = col;
}

/* ROWS_AT_ONCE rows or fewer. */
static void look_at_rows(const dnmf_context *context, const dnmf_matrix *matrix, dnmf_range rows, dnmf_range cols,
                         dnmf_figures *figures) {
  const dnmf_number number = dnmf_matrix_number(matrix);
  const bool real = number == DNMF_NUMBER_DOUBLE || number == DNMF_NUMBER_SINGLE;
  const dnmf_figures_kernel *kernel = kernels[real ? (dnmf_precision)number : DNMF_SINGLE][context->isa];
  const int part = figures->parts > 1 ? dnmf_team_thread() : 0;
  const int64_t step = real ? dnmf_range_size(cols) : WIDENED_COLS;
  float room[ROWS_AT_ONCE * WIDENED_COLS];
  for (int64_t col = cols.begin; col < cols.end; col += step) {
    const int64_t count = cols.end - col < step ? cols.end - col : step;
    uint8_t *seen = figures->col_seen + part * figures->cols + col;
    const void *from =
        (const char *)matrix->dense + (size_t)(rows.begin * figures->cols + col) * dnmf_number_size(number);
    int64_t stride = figures->cols;
    if (!real) { /* a float holds each of them */
      widen_kernels[DNMF_SINGLE][context->isa]->convert(number, from, stride, dnmf_range_size(rows), count, room);
      from = room;
      stride = count;
    }
    if (!memchr(seen, 0, (size_t)count))
      seen = NULL;
    if (!kernel->look(from, stride, dnmf_range_size(rows), count, seen, figures->row + rows.begin,
                      &figures->hash[part]))
      find_bad(matrix, rows, (dnmf_range){col, col + count}, figures);
  }
}

void dnmf_figures_look(const dnmf_context *context, const dnmf_matrix *matrix, dnmf_range rows, dnmf_range cols,
                       dnmf_figures *figures) {
  for (int64_t row = rows.begin; row < rows.end; row += ROWS_AT_ONCE) {
    const int64_t end = rows.end - row < ROWS_AT_ONCE ? rows.end : row + ROWS_AT_ONCE;
    look_at_rows(context, matrix, (dnmf_range){row, end}, cols, figures);
  }
}

/* Threads share the marks; most are set already, and then their cache line is left alone. */
static void mark(uint8_t *seen) {
  if (!__atomic_load_n(seen, __ATOMIC_RELAXED))
    __atomic_store_n(seen, 1, __ATOMIC_RELAXED);
}

/* The hash of the row. */
static uint64_t look_at_stored(const dnmf_matrix *matrix, int64_t row, dnmf_figures *figures) {
  const dnmf_csr *csr = &matrix->by_rows;
  dnmf_row_figures *to = &figures->row[row];
  double room[STORED_AT_ONCE];
  uint64_t hash = 0;
  for (int64_t at = csr->start[row]; at < csr->start[row + 1]; at += STORED_AT_ONCE) {
    const int64_t left = csr->start[row + 1] - at;
    const int64_t count = left < STORED_AT_ONCE ? left : STORED_AT_ONCE;
    const double *value = dnmf_numbers_widen(dnmf_matrix_number(matrix), csr->value, at, count, room);
    for (int64_t i = 0; i < count; i++) {
      const int32_t col = csr->index[at + i];
      const float single = (float)value[i];
      uint32_t bits = 0;
      if (value[i] == 0)
        continue;
      if (!is_valid(value[i]) && to->bad < 0)
        to->bad = col;
      to->sum += value[i];
      to->squares += value[i] * value[i];
      memcpy(&bits, &single, sizeof bits);
      hash += single == 0 ? 0 : dnmf_hash_entry(to->place + dnmf_hash_column(col), bits);
      mark(&figures->col_seen[col]);
    }
  }
  return hash;
}

typedef struct look_call {
  const dnmf_context *context;
  const dnmf_matrix *matrix;
  dnmf_figures *figures;
} look_call;

/* Pieces of ROWS_AT_ONCE rows. */
static void look_at_pieces(void *of_call, int64_t begin, int64_t end) {
  const look_call *call = of_call;
  const int64_t last = end * ROWS_AT_ONCE < call->figures->rows ? end * ROWS_AT_ONCE : call->figures->rows;
  dnmf_figures_look(call->context, call->matrix, (dnmf_range){begin * ROWS_AT_ONCE, last},
                    (dnmf_range){0, call->figures->cols}, call->figures);
}

static void look_at_stored_rows(void *of_call, int64_t begin, int64_t end) {
  const look_call *call = of_call;
  uint64_t hash = 0;
  for (int64_t row = begin; row < end; row++)
    hash += look_at_stored(call->matrix, row, call->figures);
  __atomic_fetch_add(&call->figures->hash[0], hash, __ATOMIC_RELAXED);
}

void dnmf_figures_look_at_all(const dnmf_context *context, const dnmf_matrix *matrix, dnmf_figures *figures) {
  look_call call = {context, matrix, figures};
  if (!matrix->sparse) {
    const double numbers = (double)figures->rows * (double)figures->cols;
    const int64_t pieces = (figures->rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE;
    dnmf_team_run(dnmf_team(figures->parts, numbers), pieces, look_at_pieces, &call);
    return;
  }
  const int team = dnmf_team(context->threads, (double)matrix->by_rows.start[figures->rows]);
  figures->hash[0] = 0;
  dnmf_team_run(team, figures->rows, look_at_stored_rows, &call);
}

static dnmf_status bad_value(dnmf_context *context, const dnmf_matrix *matrix, int64_t row, int64_t col) {
  int64_t at = row * dnmf_range_size(matrix->col_range) + col;
  if (matrix->sparse) {
    at = matrix->by_rows.start[row];
    while (matrix->by_rows.index[at] != col)
      at++;
  }
  double value = dnmf_number_at(dnmf_matrix_number(matrix), dnmf_matrix_values(matrix), at);
  return dnmf_fail(&context->error, DNMF_ERROR_INPUT, DNMF_VALUE_AT " is %g%s; every value must be %s",
                   matrix->row_range.begin + row, matrix->col_range.begin + col, value,
                   isinf(value) && matrix->precision == DNMF_SINGLE ? " in single precision" : "",
                   isfinite(value)
                       ? "nonnegative (--add X shifts all values, --missing-value X names a mark of missing "
                         "ones)"
                   : isnan(value) ? "a finite number (--missing unobserved leaves cells without a value out; "
                                    "transform does so with a model that was fitted so)"
                                  : "a finite number");
}

dnmf_status dnmf_figures_total(dnmf_context *context, dnmf_figures *figures, dnmf_matrix *matrix) {
  for (int64_t row = 0; row < figures->rows; row++) {
    if (figures->row[row].bad >= 0)
      return bad_value(context, matrix, row, figures->row[row].bad);
    figures->row_seen[row] = figures->row[row].sum > 0;
    matrix->sum += figures->row[row].sum;
    matrix->sum_squares += figures->row[row].squares;
  }
  for (int part = 0; part < figures->parts; part++) {
    matrix->checksum += figures->hash[part];
    for (int64_t col = 0; col < figures->cols && part > 0; col++)
      figures->col_seen[col] |= figures->col_seen[part * figures->cols + col];
  }
  return DNMF_OK;
}
