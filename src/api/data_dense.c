/* Dense blocks of the calling program: what of each belongs to which process, and there. */
#include "api/data_source.h"

#include "api/data.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool overlap(int64_t first_a, int64_t count_a, int64_t first_b, int64_t count_b) {
  return first_a < first_b + count_b && first_b < first_a + count_a;
}

/* This process's part against everybody's: inside the matrix, and no place twice. */
static dnmf_status check_mine(dnmf_context *context, const char *what, const dnmf_rectangle *all, int64_t rows,
                              int64_t cols) {
  const dnmf_rectangle *mine = &all[context->rank];
  if (mine->rows < 0 || mine->cols < 0 || mine->first_row < 0 || mine->first_col < 0 || mine->rows > rows ||
      mine->cols > cols || mine->first_row > rows - mine->rows || mine->first_col > cols - mine->cols)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "the %s of process %d, %" PRId64 " x %" PRId64 " from row %" PRId64 ", column %" PRId64
                     " on, is not inside the matrix of %" PRId64 " x %" PRId64,
                     what, context->rank, mine->rows, mine->cols, mine->first_row, mine->first_col, rows, cols);
  for (int p = 0; p < context->rank; p++)
    if (overlap(mine->first_row, mine->rows, all[p].first_row, all[p].rows) &&
        overlap(mine->first_col, mine->cols, all[p].first_col, all[p].cols))
      return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "the %ss of processes %d and %d overlap", what, p,
                       context->rank);
  return DNMF_OK;
}

dnmf_status dnmf_rectangles_share(dnmf_context *context, const char *what, const dnmf_rectangle *mine, int64_t rows,
                                  int64_t cols, dnmf_rectangle **all) {
  void *memory = NULL;
  int64_t whole = 0;
  int64_t covered = 0;
  dnmf_status status = dnmf_allocate(&context->error, "block places", context->size, sizeof **all, &memory);
  *all = memory;
  if (status == DNMF_OK && __builtin_mul_overflow(rows, cols, &whole))
    status =
        dnmf_fail(&context->error, DNMF_ERROR_USAGE, "a matrix of %" PRId64 " x %" PRId64 " is too large", rows, cols);
  DNMF_TRY(dnmf_agree(context, status));
  int code = MPI_Allgather(mine, 4, MPI_INT64_T, memory, 4, MPI_INT64_T, context->comm);
  DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Allgather"));
  DNMF_TRY(dnmf_agree(context, check_mine(context, what, *all, rows, cols)));
  for (int p = 0; p < context->size; p++)
    covered += (*all)[p].rows * (*all)[p].cols;
  if (covered < whole)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "the %ss of all processes hold %" PRId64 " of the %" PRId64 " entries of the matrix, %" PRId64
                     " x %" PRId64,
                     what, covered, whole, rows, cols);
  return DNMF_OK;
}

dnmf_status dnmf_rows_stack(dnmf_context *context, int64_t mine, int64_t *first, int64_t *all) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "row counts", context->size, sizeof(int64_t), &memory);
  int64_t *counts = memory;
  DNMF_TRY(dnmf_agree(context, status));
  const int code = MPI_Allgather(&mine, 1, MPI_INT64_T, counts, 1, MPI_INT64_T, context->comm);
  *first = *all = 0;
  for (int p = 0; p < context->size && code == MPI_SUCCESS; p++) {
    *first += p < context->rank ? counts[p] : 0;
    *all += counts[p];
  }
  free(memory);
  return dnmf_mpi_check(context, code, "MPI_Allgather");
}

static dnmf_rectangle rectangle_of(const dnmf_dense *dense) {
  dnmf_rectangle place = {dense->first_row, dense->first_col, dense->rows, dense->cols};
  if (place.rows == 0 || place.cols == 0) /* nothing, wherever it is */
    place = (dnmf_rectangle){0, 0, 0, 0};
  return place;
}

static dnmf_status check_arrays(dnmf_error *error, dnmf_dense *dense) {
  const int64_t shortest = dense->by_columns ? dense->rows : dense->cols;
  if (dense->leading == 0)
    dense->leading = shortest;
  if (dense->rows <= 0 || dense->cols <= 0)
    return DNMF_OK; /* negative sizes are refused with the places */
  if (!dense->values == !dense->single_values)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "a dense block of %" PRId64 " x %" PRId64 " needs %s", dense->rows,
                     dense->cols, dense->values ? "values or single_values, not both" : "values or single_values");
  if (dense->leading < shortest)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "leading is %" PRId64 ", less than the %" PRId64 " %s of the block",
                     dense->leading, shortest, dense->by_columns ? "rows" : "columns");
  return DNMF_OK;
}

dnmf_status dnmf_dense_check(dnmf_context *context, dnmf_data *data) {
  dnmf_rectangle *all = NULL;
  DNMF_TRY(dnmf_agree(context, check_arrays(&context->error, &data->dense)));
  dnmf_rectangle mine = rectangle_of(&data->dense);
  dnmf_status status = dnmf_rectangles_share(context, "block", &mine, data->rows, data->cols, &all);
  free(all);
  DNMF_TRY(status);
  int64_t doubles = mine.rows > 0 && data->dense.values;
  DNMF_TRY(dnmf_max_int64(context, context->comm, &doubles, 1));
  data->single = doubles == 0;
  data->stored = data->rows * data->cols;
  return DNMF_OK;
}

/* The part that two have in common; empty: no rows. */
static dnmf_rectangle common_part(const dnmf_rectangle *a, const dnmf_rectangle *b) {
  dnmf_range rows = dnmf_range_overlap((dnmf_range){a->first_row, a->first_row + a->rows},
                                       (dnmf_range){b->first_row, b->first_row + b->rows});
  dnmf_range cols = dnmf_range_overlap((dnmf_range){a->first_col, a->first_col + a->cols},
                                       (dnmf_range){b->first_col, b->first_col + b->cols});
  if (dnmf_range_size(rows) == 0 || dnmf_range_size(cols) == 0)
    return (dnmf_rectangle){0, 0, 0, 0};
  return (dnmf_rectangle){rows.begin, cols.begin, dnmf_range_size(rows), dnmf_range_size(cols)};
}

/* Moving blocks from the program's places to the layout's. */
typedef struct dense_move {
  const dnmf_dense *dense;
  void *to;               /* the layout's block, row-major */
  dnmf_number number;     /* its type */
  dnmf_rectangle mine;    /* the program's block */
  dnmf_rectangle wanted;  /* the layout's block */
  dnmf_rectangle *held;   /* the program's, of all processes */
  dnmf_rectangle *places; /* the layout's, of all processes */
  int64_t *send_counts;
  int64_t *receive_counts;
  void *send;
  void *received;
} dense_move;

static double dense_value(const dnmf_dense *dense, int64_t row, int64_t col) {
  int64_t i = row - dense->first_row;
  int64_t j = col - dense->first_col;
  int64_t at = dense->by_columns ? i + j * dense->leading : i * dense->leading + j;
  return dense->values ? dense->values[at] : (double)dense->single_values[at];
}

static dnmf_status allocate_move(dnmf_context *context, dense_move *move) {
  dnmf_error *error = &context->error;
  void *memory = NULL;
  int64_t total = 0;
  DNMF_TRY(dnmf_allocate_zero(error, "block counts", 2 * (int64_t)context->size, sizeof(int64_t), &memory));
  move->send_counts = memory;
  move->receive_counts = move->send_counts + context->size;
  for (int p = 0; p < context->size; p++) {
    dnmf_rectangle part = common_part(&move->mine, &move->places[p]);
    move->send_counts[p] = p == context->rank ? 0 : part.rows * part.cols;
    total += move->send_counts[p];
  }
  return dnmf_allocate(error, "parts of a dense block", total, dnmf_number_size(move->number), &move->send);
}

/* Parts travel row by row. */
static void pack_parts(const dnmf_context *context, dense_move *move) {
  int64_t to = 0;
  for (int p = 0; p < context->size; p++) {
    if (p == context->rank)
      continue;
    dnmf_rectangle part = common_part(&move->mine, &move->places[p]);
    for (int64_t i = 0; i < part.rows; i++)
      for (int64_t j = 0; j < part.cols; j++)
        dnmf_number_put(move->number, move->send, to++,
                        dense_value(move->dense, part.first_row + i, part.first_col + j));
  }
}

static void place_own_part(const dense_move *move) {
  dnmf_rectangle part = common_part(&move->mine, &move->wanted);
  for (int64_t i = 0; i < part.rows; i++) {
    int64_t to =
        (part.first_row + i - move->wanted.first_row) * move->wanted.cols + part.first_col - move->wanted.first_col;
    for (int64_t j = 0; j < part.cols; j++)
      dnmf_number_put(move->number, move->to, to + j, dense_value(move->dense, part.first_row + i, part.first_col + j));
  }
}

static void place_received(const dnmf_context *context, const dense_move *move) {
  const size_t size = dnmf_number_size(move->number);
  const char *from = move->received;
  for (int p = 0; p < context->size; p++) {
    dnmf_rectangle part = common_part(&move->held[p], &move->wanted);
    for (int64_t i = 0; i < part.rows && p != context->rank; i++) {
      int64_t to =
          (part.first_row + i - move->wanted.first_row) * move->wanted.cols + part.first_col - move->wanted.first_col;
      memcpy((char *)move->to + (size_t)to * size, from, (size_t)part.cols * size);
      from += (size_t)part.cols * size;
    }
  }
}

static dnmf_status exchange_parts(dnmf_context *context, dense_move *move) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "block places", context->size, sizeof *move->places, &memory);
  move->places = memory;
  DNMF_TRY(dnmf_agree(context, status));
  int code = MPI_Allgather(&move->wanted, 4, MPI_INT64_T, move->places, 4, MPI_INT64_T, context->comm);
  DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Allgather"));
  DNMF_TRY(dnmf_agree(context, allocate_move(context, move)));
  pack_parts(context, move);
  DNMF_TRY(dnmf_exchange(context, move->send, move->send_counts, dnmf_number_size(move->number), &move->received,
                         move->receive_counts));
  place_own_part(move);
  place_received(context, move);
  return DNMF_OK;
}

/* `wanted` of the data into `to`. */
static dnmf_status move_parts(dnmf_context *context, const dnmf_data *data, const dnmf_rectangle *wanted,
                              dnmf_number number, void *to) {
  dense_move move = {
      .dense = &data->dense, .to = to, .number = number, .mine = rectangle_of(&data->dense), .wanted = *wanted};
  dnmf_status status = dnmf_rectangles_share(context, "block", &move.mine, data->rows, data->cols, &move.held);
  if (status == DNMF_OK)
    status = exchange_parts(context, &move);
  free(move.held);
  free(move.places);
  free(move.send_counts);
  free(move.send);
  free(move.received);
  return status;
}

dnmf_status dnmf_dense_fetch(dnmf_context *context, const dnmf_data *data, const dnmf_rectangle *wanted, double *out) {
  return move_parts(context, data, wanted, DNMF_NUMBER_DOUBLE, out);
}

static dnmf_status load_dense_blocks(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout,
                                     dnmf_precision precision, dnmf_matrix *matrix) {
  const dnmf_data *data = source->state;
  DNMF_TRY(dnmf_agree(context, dnmf_matrix_allocate_unset(context, layout, precision, source->narrow, matrix)));
  const dnmf_rectangle wanted = {matrix->row_range.begin, matrix->col_range.begin, dnmf_range_size(matrix->row_range),
                                 dnmf_range_size(matrix->col_range)};
  return move_parts(context, data, &wanted, dnmf_matrix_number(matrix), matrix->dense);
}

/* The data stay. */
static void close_data(dnmf_source *source) {
  source->state = NULL;
}

void dnmf_dense_source(const dnmf_data *data, dnmf_source *source) {
  source->format = "dense blocks";
  source->narrow = data->single ? DNMF_NUMBER_SINGLE : (dnmf_number)0;
  source->missing = DNMF_MISSING_ZERO;
  source->load = load_dense_blocks;
  source->state = (void *)(uintptr_t)data; /* read only; it outlives the source */
  source->close = close_data;
}
