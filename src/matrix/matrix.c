/*
 * The partitioned matrix: allocation, and the pass over its values that checks and summarizes them.
 */
#include "dnmf/matrix.h"

#include "dnmf/collective.h"
#include "dnmf/csr.h"
#include "dnmf/memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

void dnmf_entries_free(dnmf_entries *entries) {
  free(entries->items);
  memset(entries, 0, sizeof *entries);
}

void dnmf_matrix_free(dnmf_matrix *matrix) {
  free(matrix->dense);
  dnmf_csr_free(&matrix->by_rows);
  dnmf_csr_free(&matrix->by_cols);
  memset(matrix, 0, sizeof *matrix);
}

static double csr_bytes(dnmf_number number, int64_t rows, double stored) {
  return dnmf_allocated_bytes((double)rows + 1, sizeof(int64_t)) + dnmf_allocated_bytes(stored, sizeof(int32_t)) +
         dnmf_allocated_bytes(stored, dnmf_number_size(number));
}

double dnmf_matrix_bytes(bool sparse, bool by_rows_alone, dnmf_number number, int64_t rows, int64_t cols,
                         double stored) {
  if (sparse)
    return csr_bytes(number, rows, stored) + (by_rows_alone ? 0 : csr_bytes(number, cols, stored));
  return dnmf_allocated_bytes((double)rows * (double)cols, dnmf_number_size(number));
}

dnmf_status dnmf_matrix_allocate_unset(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                       dnmf_number narrow, dnmf_matrix *matrix) {
  memset(matrix, 0, sizeof *matrix);
  matrix->rows = layout->rows;
  matrix->cols = layout->cols;
  matrix->precision = precision;
  matrix->narrow = dnmf_narrower(precision, narrow);
  matrix->row_range = dnmf_layout_rows(layout, layout->grid->row);
  matrix->col_range = dnmf_layout_cols(layout, layout->grid->col);
  int64_t count = 0;
  if (__builtin_mul_overflow(dnmf_range_size(matrix->row_range), dnmf_range_size(matrix->col_range), &count))
    count = INT64_MAX; /* more than any memory holds: refused below */
  return dnmf_allocate(&context->error, "the local block of A", count, dnmf_number_size(dnmf_matrix_number(matrix)),
                       &matrix->dense);
}

dnmf_status dnmf_matrix_allocate_dense(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                       dnmf_matrix *matrix) {
  DNMF_TRY(dnmf_matrix_allocate_unset(context, layout, precision, 0, matrix));
  int64_t count = dnmf_range_size(matrix->row_range) * dnmf_range_size(matrix->col_range);
  if (count > 0)
    memset(matrix->dense, 0, (size_t)count * dnmf_precision_size(precision));
  return DNMF_OK;
}

/* What the hashes of a row's entries begin with. */
static uint64_t row_key(int64_t row) {
  return XXH3_64bits(&row, sizeof row);
}

/* A hash of one entry; values are hashed as floats so that both precisions agree, and what is zero as a float
 * adds nothing. Multiplied and folded twice, as the finalizers of MurmurHash3 and splitmix64 do: every entry of every
 * matrix comes through here. */
static uint64_t entry_hash(uint64_t key, int64_t col, double value) {
  const uint64_t odd[2] = {UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd6e8feb86659fd93)};
  float single = (float)value;
  uint32_t bits = 0;
  if (single == 0)
    return 0;
  memcpy(&bits, &single, sizeof bits);
  uint64_t hash = (key + (uint64_t)col * odd[0]) ^ (bits * odd[1]);
  hash = (hash ^ hash >> 32) * odd[1];
  hash = (hash ^ hash >> 29) * odd[0];
  return hash ^ hash >> 32;
}

enum { AT_ONCE = 512 /* entries of a row that are looked at together */ };

/* One row's share of the summary. */
typedef struct row_summary {
  double sum;
  double squares;
  uint64_t hash;
  int64_t bad; /* local column of the first invalid value, or -1 */
} row_summary;

/* Threads share the marks; most are set already, and then their cache line is left alone. */
static void mark(uint8_t *seen) {
  uint8_t before = 0;
#pragma omp atomic read
  before = *seen;
  if (before)
    return;
#pragma omp atomic write
  *seen = 1;
}

static void add_entry(uint64_t key, int64_t first_col, int64_t col, double value, uint8_t *col_seen,
                      row_summary *summary) {
  if (value == 0)
    return;
  if (!(value > 0 && isfinite(value)) && summary->bad < 0)
    summary->bad = col;
  summary->sum += value;
  summary->squares += value * value;
  summary->hash += entry_hash(key, first_col + col, value);
  mark(&col_seen[col]);
}

static row_summary summarize_row(const dnmf_matrix *matrix, int64_t row, uint8_t *col_seen) {
  row_summary summary = {0, 0, 0, -1};
  double room[AT_ONCE];
  int64_t cols = dnmf_range_size(matrix->col_range);
  int64_t begin = matrix->sparse ? matrix->by_rows.start[row] : row * cols;
  int64_t end = matrix->sparse ? matrix->by_rows.start[row + 1] : begin + cols;
  uint64_t key = row_key(matrix->row_range.begin + row);
  for (int64_t at = begin; at < end; at += AT_ONCE) {
    int64_t count = end - at < AT_ONCE ? end - at : AT_ONCE;
    const double *value = dnmf_numbers_widen(dnmf_matrix_number(matrix), dnmf_matrix_values(matrix), at, count, room);
    for (int64_t i = 0; i < count; i++) {
      int64_t col = matrix->sparse ? matrix->by_rows.index[at + i] : at + i - begin;
      add_entry(key, matrix->col_range.begin, col, value[i], col_seen, &summary);
    }
  }
  return summary;
}

static dnmf_status bad_value(dnmf_context *context, const dnmf_matrix *matrix, int64_t row, int64_t col) {
  int64_t at = row * dnmf_range_size(matrix->col_range) + col;
  if (matrix->sparse) {
    at = matrix->by_rows.start[row];
    while (matrix->by_rows.index[at] != col)
      at++;
  }
  double value = dnmf_number_at(dnmf_matrix_number(matrix), dnmf_matrix_values(matrix), at);
  return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                   "the value at row %" PRId64 ", column %" PRId64 " (counted from 0) is %g%s; every value must be %s",
                   matrix->row_range.begin + row, matrix->col_range.begin + col, value,
                   isinf(value) && matrix->precision == DNMF_SINGLE ? " in single precision" : "",
                   isfinite(value) ? "nonnegative" : "a finite number");
}

/* Rows (columns) of this block without a nonzero, over all processes that share it; counted once. */
static dnmf_status count_empty(dnmf_context *context, MPI_Comm group, uint8_t *seen, int64_t count, int64_t *empty) {
  int rank = 0;
  DNMF_TRY(dnmf_max_bytes(context, group, seen, count));
  DNMF_TRY(dnmf_mpi_check(context, MPI_Comm_rank(group, &rank), "MPI_Comm_rank"));
  *empty = 0;
  for (int64_t i = 0; i < count && rank == 0; i++)
    *empty += !seen[i];
  return DNMF_OK;
}

/* Local sums, hash and emptiness; fails on the first invalid value. Rows are summed in order, so the figures do
 * not depend on the number of threads. */
static dnmf_status summarize_block(dnmf_context *context, dnmf_matrix *matrix, row_summary *rows, uint8_t *row_seen,
                                   uint8_t *col_seen) {
  int64_t count = dnmf_range_size(matrix->row_range);
#pragma omp parallel for schedule(static) num_threads(context->threads)
  for (int64_t row = 0; row < count; row++)
    rows[row] = summarize_row(matrix, row, col_seen);
  for (int64_t row = 0; row < count; row++) {
    if (rows[row].bad >= 0)
      return bad_value(context, matrix, row, rows[row].bad);
    row_seen[row] = rows[row].sum > 0;
    matrix->sum += rows[row].sum;
    matrix->sum_squares += rows[row].squares;
    matrix->checksum += rows[row].hash;
  }
  return DNMF_OK;
}

static dnmf_status agree_on_figures(dnmf_context *context, dnmf_matrix *matrix) {
  double sums[2] = {matrix->sum, matrix->sum_squares};
  int64_t counts[5] = {matrix->stored, (int64_t)matrix->checksum, matrix->empty_rows, matrix->empty_cols,
                       matrix->duplicates};
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, sums, 2));
  DNMF_TRY(dnmf_sum_int64(context, context->comm, counts, 5));
  matrix->sum = sums[0];
  matrix->sum_squares = sums[1];
  matrix->stored = counts[0];
  matrix->checksum = (uint64_t)counts[1];
  matrix->empty_rows = counts[2];
  matrix->empty_cols = counts[3];
  matrix->duplicates = counts[4];
  return DNMF_OK;
}

dnmf_status dnmf_matrix_finish(dnmf_context *context, const dnmf_layout *layout, dnmf_matrix *matrix) {
  int64_t rows = dnmf_range_size(matrix->row_range);
  int64_t cols = dnmf_range_size(matrix->col_range);
  matrix->sum = 0;
  matrix->sum_squares = 0;
  matrix->checksum = 0;
  matrix->stored = matrix->sparse ? matrix->by_rows.start[rows] : rows * cols;
  void *summaries = NULL;
  void *seen = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "row sums", rows, sizeof(row_summary), &summaries);
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(&context->error, "row and column marks", rows + cols, 1, &seen);
  if (status == DNMF_OK)
    status = summarize_block(context, matrix, summaries, seen, (uint8_t *)seen + rows);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = count_empty(context, layout->grid->row_comm, seen, rows, &matrix->empty_rows);
  if (status == DNMF_OK)
    status = count_empty(context, layout->grid->col_comm, (uint8_t *)seen + rows, cols, &matrix->empty_cols);
  if (status == DNMF_OK)
    status = agree_on_figures(context, matrix);
  free(summaries);
  free(seen);
  return status;
}

/* The first column of a row that holds no positive value, or the number of columns. */
static int64_t first_zero(const dnmf_matrix *matrix, int64_t row) {
  int64_t cols = dnmf_range_size(matrix->col_range);
  int64_t begin = matrix->sparse ? matrix->by_rows.start[row] : row * cols;
  int64_t count = matrix->sparse ? matrix->by_rows.start[row + 1] - begin : cols;
  for (int64_t col = 0; col < count; col++)
    if ((matrix->sparse && matrix->by_rows.index[begin + col] != col) ||
        !(dnmf_number_at(dnmf_matrix_number(matrix), dnmf_matrix_values(matrix), begin + col) > 0))
      return col;
  return count;
}

dnmf_status dnmf_matrix_require_positive(dnmf_context *context, const dnmf_matrix *matrix) {
  int64_t rows = dnmf_range_size(matrix->row_range);
  int64_t cols = dnmf_range_size(matrix->col_range);
  for (int64_t row = 0; row < rows; row++) {
    int64_t col = first_zero(matrix, row);
    if (col < cols)
      return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                       "the value at row %" PRId64 ", column %" PRId64
                       " (counted from 0) is 0, where a loss with beta <= 0 is infinite; add a small number to the "
                       "matrix or take a loss with a positive beta, e.g. --loss kullback-leibler",
                       matrix->row_range.begin + row, matrix->col_range.begin + col);
  }
  return DNMF_OK;
}

/* A block of whole rows has the rows to itself, so emptiness is known here. */
static dnmf_status add_block(dnmf_context *context, dnmf_matrix *block, row_summary *summaries, uint8_t *row_seen,
                             uint8_t *col_seen, dnmf_matrix *whole) {
  int64_t rows = dnmf_range_size(block->row_range);
  block->sum = 0;
  block->sum_squares = 0;
  block->checksum = 0;
  DNMF_TRY(summarize_block(context, block, summaries, row_seen, col_seen));
  whole->stored += block->sparse ? block->by_rows.start[rows] : rows * dnmf_range_size(block->col_range);
  whole->sum += block->sum;
  whole->sum_squares += block->sum_squares;
  whole->checksum += block->checksum;
  whole->duplicates += block->duplicates;
  for (int64_t row = 0; row < rows; row++)
    whole->empty_rows += !row_seen[row];
  return DNMF_OK;
}

dnmf_status dnmf_matrix_add_figures(dnmf_context *context, dnmf_matrix *block, dnmf_matrix *whole, uint8_t *col_seen) {
  int64_t rows = dnmf_range_size(block->row_range);
  void *summaries = NULL;
  void *row_seen = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "row sums", rows, sizeof(row_summary), &summaries);
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(&context->error, "row marks", rows, 1, &row_seen);
  if (status == DNMF_OK)
    status = add_block(context, block, summaries, row_seen, col_seen, whole);
  free(summaries);
  free(row_seen);
  return status;
}

dnmf_status dnmf_matrix_total_figures(dnmf_context *context, dnmf_matrix *whole, uint8_t *col_seen) {
  DNMF_TRY(count_empty(context, context->comm, col_seen, whole->cols, &whole->empty_cols));
  return agree_on_figures(context, whole);
}

dnmf_status dnmf_matrix_walk_next(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  (void)error; /* nothing here fails */
  dnmf_matrix_walk *walk = state;
  const dnmf_matrix *matrix = walk->matrix;
  int64_t rows = dnmf_range_size(matrix->row_range);
  int64_t cols = dnmf_range_size(matrix->col_range);
  *count = 0;
  while (walk->row < rows && *count < limit) {
    int64_t begin = matrix->sparse ? matrix->by_rows.start[walk->row] : walk->row * cols;
    int64_t end = matrix->sparse ? matrix->by_rows.start[walk->row + 1] : begin + cols;
    for (; walk->at < end && *count < limit; walk->at++) {
      int64_t col = matrix->sparse ? matrix->by_rows.index[walk->at] : walk->at - begin;
      double value = dnmf_number_at(dnmf_matrix_number(matrix), dnmf_matrix_values(matrix), walk->at);
      if (matrix->sparse || value != 0)
        batch[(*count)++] = (dnmf_entry){matrix->row_range.begin + walk->row, matrix->col_range.begin + col, value};
    }
    walk->row += walk->at == end;
  }
  return DNMF_OK;
}

dnmf_status dnmf_matrix_to_entries(dnmf_context *context, const dnmf_matrix *matrix, dnmf_entries *entries) {
  int64_t rows = dnmf_range_size(matrix->row_range);
  int64_t most = matrix->sparse ? matrix->by_rows.start[rows] : rows * dnmf_range_size(matrix->col_range);
  dnmf_matrix_walk walk = {matrix, 0, 0};
  void *memory = NULL;
  entries->count = 0;
  entries->items = NULL;
  DNMF_TRY(dnmf_allocate(&context->error, "matrix entries", most, sizeof(dnmf_entry), &memory));
  entries->items = memory;
  return dnmf_matrix_walk_next(&context->error, &walk, entries->items, most, &entries->count);
}
