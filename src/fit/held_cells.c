#include "fit/held_cells.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/team.h"
#include "comm/collective.h"
#include "matrix/figures.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- Which cells ------------------------------------------------------------------------------------------- */

/* A range of hashes, both ends included. */
typedef struct hash_range {
  bool none;
  uint64_t first;
  uint64_t last;
} hash_range;

/* `part` of 2^64; folds of 1/F end at the whole, whatever the product was rounded to. */
static bool hash_bound(double part, uint64_t *bound) {
  static const double ROUNDING = 1e-12;
  if (part >= 1 - ROUNDING)
    return false;
  *bound = (uint64_t)(part * 0x1p64);
  return true;
}

static hash_range hash_range_of(const dnmf_held_choice *choice) {
  hash_range range = {.last = UINT64_MAX};
  uint64_t end = 0;
  if (choice->share <= 0 || !hash_bound(choice->fold * choice->share, &range.first))
    return (hash_range){.none = true};
  if (hash_bound((choice->fold + 1) * choice->share, &end)) {
    range.none = end <= range.first;
    range.last = end - 1;
  }
  return range;
}

static uint64_t row_state(uint64_t seed, int64_t row) {
  return dnmf_random_bits(seed, DNMF_STREAM_HELD_CELLS, (uint64_t)row, 0);
}

/* Number `col` of a row's sequence: SplitMix64. */
static inline uint64_t hash_cell(uint64_t state, int64_t col) {
  uint64_t x = state + ((uint64_t)col + 1) * UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return x ^ x >> 31;
}

static inline bool in_range(const hash_range *range, uint64_t hash) {
  return hash - range->first <= range->last - range->first;
}

/* --- The lists --------------------------------------------------------------------------------------------- */

/* Cells of this block that are chosen, row by row. */
typedef struct cell_picker {
  const dnmf_matrix *a;
  uint64_t seed;
  hash_range range;
} cell_picker;

/* The chosen cells of a row, and those without a value, in order into `index` unless that is NULL; returns how many. */
static int64_t pick_row(const cell_picker *picker, int64_t row, int32_t *index) {
  const dnmf_matrix *a = picker->a;
  const dnmf_csr *missing = &a->missing;
  const int64_t cols = dnmf_range_size(a->col_range);
  const uint64_t state = row_state(picker->seed, a->row_range.begin + row);
  int64_t next = missing->start ? missing->start[row] : 0;
  const int64_t last = missing->start ? missing->start[row + 1] : 0;
  int64_t count = 0;
  for (int64_t col = 0; col < cols; col++) {
    const bool has_none = next < last && missing->index[next] == col;
    next += has_none;
    if (!has_none && (picker->range.none || !in_range(&picker->range, hash_cell(state, a->col_range.begin + col))))
      continue;
    if (index)
      index[count] = (int32_t)col;
    count++;
  }
  return count;
}

static int picker_team(const dnmf_context *context, const dnmf_matrix *a) {
  enum { OPERATIONS = 4 };
  return dnmf_team(context->threads,
                   (double)dnmf_range_size(a->row_range) * (double)dnmf_range_size(a->col_range) * OPERATIONS);
}

static dnmf_status cells_start(dnmf_error *error, int64_t rows, int64_t cols, dnmf_csr *cells) {
  void *memory = NULL;
  cells->rows = rows;
  cells->cols = cols;
  DNMF_TRY(dnmf_allocate_zero(error, "held-out cells", rows + 1, sizeof *cells->start, &memory));
  cells->start = memory;
  return DNMF_OK;
}

static dnmf_status cells_index(dnmf_error *error, int64_t count, dnmf_csr *cells) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "held-out cells", count, sizeof *cells->index, &memory));
  cells->index = memory;
  return DNMF_OK;
}

typedef struct pick_call {
  const cell_picker *picker;
  dnmf_csr *cells;
} pick_call;

static void count_rows(void *of_call, int64_t begin, int64_t end) {
  const pick_call *call = of_call;
  for (int64_t row = begin; row < end; row++)
    call->cells->start[row + 1] = pick_row(call->picker, row, NULL);
}

static void list_rows(void *of_call, int64_t begin, int64_t end) {
  const pick_call *call = of_call;
  for (int64_t row = begin; row < end; row++)
    pick_row(call->picker, row, call->cells->index + call->cells->start[row]);
}

/* A row's chosen cells, and those that the matrix has no value of. */
static dnmf_status list_by_rows(dnmf_context *context, const cell_picker *picker, dnmf_csr *cells) {
  const dnmf_matrix *a = picker->a;
  const int64_t rows = dnmf_range_size(a->row_range);
  const int team = picker_team(context, a);
  void *memory = NULL;
  DNMF_TRY(cells_start(&context->error, rows, dnmf_range_size(a->col_range), cells));
  pick_call call = {picker, cells};
  dnmf_team_run(team, rows, count_rows, &call);
  for (int64_t row = 0; row < rows; row++)
    cells->start[row + 1] += cells->start[row];
  DNMF_TRY(cells_index(&context->error, cells->start[rows], cells));
  DNMF_TRY(dnmf_allocate_zero(&context->error, "values of held-out cells", cells->start[rows],
                              dnmf_precision_size(a->precision), &memory));
  cells->value = memory;
  dnmf_team_run(team, rows, list_rows, &call);
  return DNMF_OK;
}

/* The places of `from`, turned. */
static dnmf_status list_by_cols(dnmf_error *error, const dnmf_csr *from, dnmf_csr *to) {
  DNMF_TRY(cells_start(error, from->cols, from->rows, to));
  for (int64_t e = 0; e < from->start[from->rows]; e++)
    to->start[from->index[e] + 1]++;
  dnmf_csr_counts_to_places(to->start, to->rows);
  DNMF_TRY(cells_index(error, from->start[from->rows], to));
  for (int64_t row = 0; row < from->rows; row++)
    for (int64_t e = from->start[row]; e < from->start[row + 1]; e++)
      to->index[to->start[from->index[e] + 1]++] = (int32_t)row;
  return DNMF_OK;
}

/* --- In and out of A --------------------------------------------------------------------------------------- */

/* The cells of some rows of a sparse block, or of its transpose, that are stored: `stored` is the place of the value
 * and `cell` that in the list. Begin with a row's first places. */
typedef struct cell_match {
  const dnmf_csr *block;
  const dnmf_csr *cells;
  int64_t stored;
  int64_t cell;
} cell_match;

static bool next_match(cell_match *m, int64_t row) {
  while (m->stored < m->block->start[row + 1] && m->cell < m->cells->start[row + 1]) {
    const int32_t stored = m->block->index[m->stored];
    const int32_t cell = m->cells->index[m->cell];
    if (stored == cell)
      return true;
    m->stored += stored < cell;
    m->cell += cell < stored;
  }
  return false;
}

/* The value of a cell of the list by rows. */
static double value_of_cell(const dnmf_held_cells *held, dnmf_precision precision, int64_t row, int32_t col) {
  int64_t low = held->by_rows.start[row];
  int64_t end = held->by_rows.start[row + 1];
  while (low + 1 < end) {
    const int64_t half = low + (end - low) / 2;
    if (held->by_rows.index[half] <= col)
      low = half;
    else
      end = half;
  }
  return dnmf_number_at((dnmf_number)precision, held->by_rows.value, low);
}

/* Cells without a value are not a number in the list, which has them all; returns how many there are. */
static int64_t mark_missing(const dnmf_matrix *a, dnmf_held_cells *held) {
  const dnmf_csr *cells = &held->by_rows;
  if (!a->missing.start)
    return 0;
  for (int64_t row = 0; row < cells->rows; row++) {
    cell_match m = {&a->missing, cells, a->missing.start[row], cells->start[row]};
    for (; next_match(&m, row); m.stored++)
      dnmf_number_put((dnmf_number)a->precision, cells->value, m.cell, NAN);
  }
  return a->missing.start[a->missing.rows];
}

/* The values that are in A's places into the list. */
static void copy_values_out(const dnmf_matrix *a, dnmf_held_cells *held) {
  const dnmf_csr *cells = &held->by_rows;
  const dnmf_number from = dnmf_matrix_number(a);
  const dnmf_number to = (dnmf_number)a->precision;
  for (int64_t row = 0; row < cells->rows; row++)
    if (a->sparse) {
      cell_match m = {&a->by_rows, cells, a->by_rows.start[row], cells->start[row]};
      for (; next_match(&m, row); m.stored++)
        dnmf_number_put(to, cells->value, m.cell, dnmf_number_at(from, a->by_rows.value, m.stored));
    } else {
      for (int64_t e = cells->start[row]; e < cells->start[row + 1]; e++)
        dnmf_number_put(to, cells->value, e, dnmf_number_at(from, a->dense, row * cells->cols + cells->index[e]));
    }
}

/* Sets the stored places of a sparse block, or of its transpose, to the filler or to the values they had. */
static void put_sparse(dnmf_number number, const dnmf_held_cells *held, const dnmf_csr *cells, bool values,
                       dnmf_precision precision, dnmf_csr *block) {
  const bool by_rows = cells == &held->by_rows;
  for (int64_t row = 0; row < cells->rows; row++) {
    cell_match m = {block, cells, block->start[row], cells->start[row]};
    for (; next_match(&m, row); m.stored++) {
      const int64_t i = by_rows ? row : cells->index[m.cell];
      const int32_t j = by_rows ? cells->index[m.cell] : (int32_t)row;
      dnmf_number_put(number, block->value, m.stored, values ? value_of_cell(held, precision, i, j) : held->filler);
    }
  }
}

/* Sets the places of all cells in A to the filler, or to the values they had. */
static void put_cells(const dnmf_held_cells *held, bool values, dnmf_matrix *a) {
  const dnmf_csr *cells = &held->by_rows;
  const dnmf_number number = dnmf_matrix_number(a);
  if (a->sparse) {
    put_sparse(number, held, &held->by_rows, values, a->precision, &a->by_rows);
    if (a->by_cols.value)
      put_sparse(number, held, &held->by_cols, values, a->precision, &a->by_cols);
    return;
  }
  for (int64_t row = 0; row < cells->rows; row++)
    for (int64_t e = cells->start[row]; e < cells->start[row + 1]; e++) {
      const double value = values ? dnmf_number_at((dnmf_number)a->precision, cells->value, e) : held->filler;
      dnmf_number_put(number, a->dense, row * cells->cols + cells->index[e], isnan(value) ? 0 : value);
    }
}

/* The sums of what is left, made anew: the difference of two sums may have no digit. Other figures stay. */
static dnmf_status sum_the_rest(dnmf_context *context, const dnmf_layout *layout, dnmf_matrix *a) {
  const dnmf_matrix before = *a;
  DNMF_TRY(dnmf_matrix_finish(context, layout, a));
  a->stored = before.stored;
  a->checksum = before.checksum;
  a->empty_rows = before.empty_rows;
  a->empty_cols = before.empty_cols;
  a->duplicates = before.duplicates;
  return DNMF_OK;
}

/* A positive number in the place of cells, where a zero's loss is infinite; a cell that is a zero has no loss. */
static dnmf_status fill_with_mean(dnmf_context *context, dnmf_matrix *a, dnmf_held_cells *held) {
  const dnmf_csr *cells = &held->by_rows;
  const double kept = (double)a->rows * (double)a->cols - (double)a->unknown;
  dnmf_status status = DNMF_OK;
  for (int64_t row = 0; row < cells->rows && status == DNMF_OK; row++)
    for (int64_t e = cells->start[row]; e < cells->start[row + 1] && status == DNMF_OK; e++)
      if (dnmf_number_at((dnmf_number)a->precision, cells->value, e) == 0)
        status = dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                           DNMF_VALUE_AT " is 0, where a loss with beta <= 0 is infinite; add a small number to the "
                                         "matrix or take a loss with a positive beta, e.g. --loss kullback-leibler",
                           a->row_range.begin + row, a->col_range.begin + cells->index[e]);
  DNMF_TRY(dnmf_agree(context, status));
  double room = 0;
  dnmf_number_put(dnmf_matrix_number(a), &room, 0, a->sum / kept);
  held->filler = dnmf_number_at(dnmf_matrix_number(a), &room, 0);
  put_cells(held, false, a);
  return DNMF_OK;
}

static dnmf_status check_counts(dnmf_error *error, const dnmf_held_choice *choice, const dnmf_matrix *a,
                                const dnmf_held_cells *held) {
  const int64_t held_out = held->held_out;
  const double cells = (double)a->rows * (double)a->cols - (double)held->missing;
  if (cells == 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "no cell has a value, so there is nothing to fit");
  if (held_out == 0 && (choice->share > 0 || held->missing == 0))
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "a share of %g holds out none of the %.0f cells, so there is no error to measure; hold out a "
                     "larger share",
                     choice->share, cells);
  if ((double)held_out >= cells)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "a share of %g holds out all %.0f cells, so there is nothing to fit; hold out a smaller share",
                     choice->share, cells);
  return DNMF_OK;
}

dnmf_status dnmf_held_cells_take(dnmf_context *context, const dnmf_layout *layout, const dnmf_held_choice *choice,
                                 dnmf_loss loss, dnmf_matrix *a, dnmf_held_cells *held) {
  const cell_picker picker = {a, choice->seed, hash_range_of(choice)};
  *held = (dnmf_held_cells){.loss = loss, .sum = a->sum, .sum_squares = a->sum_squares};
  dnmf_status status = list_by_rows(context, &picker, &held->by_rows);
  if (status == DNMF_OK)
    status = list_by_cols(&context->error, &held->by_rows, &held->by_cols);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    copy_values_out(a, held);
    int64_t counts[] = {held->by_rows.start[held->by_rows.rows], mark_missing(a, held)};
    status = dnmf_sum_int64(context, context->comm, counts, 2);
    held->held_out = counts[0] - counts[1];
    held->missing = counts[1];
  }
  if (status == DNMF_OK)
    status = check_counts(&context->error, choice, a, held);
  if (status == DNMF_OK) {
    put_cells(held, false, a);
    a->unknown = held->held_out + held->missing;
    status = sum_the_rest(context, layout, a);
  }
  if (status == DNMF_OK && loss.divergence && loss.beta <= 0)
    status = fill_with_mean(context, a, held);
  if (status != DNMF_OK)
    dnmf_held_cells_free(held);
  return status;
}

void dnmf_held_cells_put_back(dnmf_matrix *a, dnmf_held_cells *held) {
  if (held->by_rows.start) {
    put_cells(held, true, a);
    a->sum = held->sum;
    a->sum_squares = held->sum_squares;
    a->unknown = held->missing;
  }
  dnmf_held_cells_free(held);
}

void dnmf_held_cells_free(dnmf_held_cells *held) {
  dnmf_csr_free(&held->by_rows);
  dnmf_csr_free(&held->by_cols);
  memset(held, 0, sizeof *held);
}

dnmf_status dnmf_held_cells_check(dnmf_error *error, const dnmf_matrix *a, const dnmf_held_cells *held) {
  if (a->unknown == 0 || held)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE,
                   "this fit would take %.0f cells without a value for zeros; they have to be filled in",
                   (double)a->unknown);
}
