/*
 * Newton steps of all owned rows: threads take parts of them as they come, bring the positive entries of each together
 * and hand it to the kernel. Every row is computed by one thread and its sums are added in row order, so the result is
 * the same for any number of threads.
 */
#include "solve/newton.h"

#include "newton_kernels.h"

#include "base/memory.h"
#include "base/team.h"
#include "matrix/kernels.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NEWTON_PART = 8 /* rows that a thread takes at once: a cache line of a turned matrix */ };

static const newton_kernel *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_newton_kernel);
static const dnmf_number_kernel *const number_kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_number_kernel);

/* One call. */
typedef struct newton_work {
  const dnmf_newton_update *update;
  const newton_kernel *kernel;
  const dnmf_number_kernel *number_kernel;
  dnmf_precision precision;
  dnmf_number type;
  newton_problem problem;
  size_t number; /* bytes of one */
  int64_t longest;
  void *padded; /* a copy of the fixed factor, where it is not padded itself */
  void *linear;
  char *scratch; /* of each thread, `bytes` of them */
  size_t bytes;
  newton_sums *sums; /* of each row */
} newton_work;

/* A thread's room beside the kernel's: rows as the kernel's numbers, their positive entries and the places of those;
 * where cells are taken out, what a row has of the fixed factor's sums. */
typedef struct newton_room {
  char *numbers;
  char *values;
  int32_t *places;
  double *held;
  void *linear;
  void *kernel;
} newton_room;

static size_t lines_of(double bytes) {
  return ((size_t)bytes + 63) / 64 * 64;
}

static int64_t newton_longest(const dnmf_newton_update *update) {
  int64_t longest = 0;
  if (!update->start)
    return update->cols;
  for (int64_t row = 0; row < update->rows; row++)
    if (update->start[row + 1] - update->start[row] > longest)
      longest = update->start[row + 1] - update->start[row];
  return longest;
}

/* Numbers of the rows that are brought together at once. */
static int64_t room_numbers(bool turned, int64_t longest) {
  return turned ? NEWTON_PART * longest : longest;
}

static size_t room_bytes(const newton_kernel *kernel, size_t number, bool turned, int64_t longest, int64_t padded) {
  return lines_of((double)number * (double)room_numbers(turned, longest)) + lines_of((double)number * (double)longest) +
         lines_of((double)sizeof(int32_t) * (double)longest) + lines_of((double)sizeof(double) * (double)padded) +
         lines_of((double)number * (double)padded) + kernel->scratch_bytes(padded, longest);
}

static newton_room take_room(const newton_work *w) {
  newton_room room;
  room.numbers = w->scratch + (size_t)dnmf_team_thread() * w->bytes;
  room.values = room.numbers + lines_of((double)w->number * (double)room_numbers(w->update->turned, w->longest));
  room.places = (int32_t *)(void *)(room.values + lines_of((double)w->number * (double)w->longest));
  room.held = (double *)(void *)((char *)room.places + lines_of((double)sizeof(int32_t) * (double)w->longest));
  room.linear = (char *)room.held + lines_of((double)sizeof(double) * (double)w->problem.padded);
  room.kernel = (char *)room.linear + lines_of((double)w->number * (double)w->problem.padded);
  return room;
}

/* The cells of a row of a dense matrix that are not taken out; returns how many there are. */
static int64_t list_known(int64_t cols, int64_t out, const int32_t *held, int32_t *known) {
  int64_t count = 0;
  for (int64_t col = 0, next = 0; col < cols; col++)
    if (next < out && held[next] == col)
      next++;
    else
      known[count++] = (int32_t)col;
  return count;
}

/* The fixed factor's sums over the rows that cross a row's cells, those taken out apart, in room->held: summed where
 * they are the fewer, else the difference of sums. A difference that is lost in rounding is none, and counts as what
 * could be lost, which leads to x = 0: known cells do not depend on that component. */
static void set_row_sums(const newton_work *w, int64_t row, const newton_room *room) {
  const dnmf_newton_update *update = w->update;
  const int64_t first = update->held->start[row];
  const int64_t out = update->held->start[row + 1] - first;
  const int32_t *held = update->held->index + first;
  const bool few = !update->start && out > update->across / 2;
  const double lost = few ? 0 : 4 * sqrt((double)update->across) * DBL_EPSILON;
  if (few)
    w->kernel->sum_rows(&w->problem, list_known(update->cols, out, held, room->places), room->places, room->held);
  else
    w->kernel->sum_rows(&w->problem, out, held, room->held);
  for (int t = 0; t < update->components; t++) {
    const double rest = few ? room->held[t] : update->sums[t] - room->held[t];
    const double least = lost * update->sums[t];
    room->held[t] = rest > least ? rest : 0;
    dnmf_number_put((dnmf_number)w->precision, room->linear, t, (rest > least ? rest : least) + update->l1);
  }
}

/* Of a row's cells that are not taken out: the sum of p. */
static double sum_of_row(const newton_work *w, const void *x, const newton_room *room) {
  double sum = 0;
  for (int t = 0; t < w->update->components; t++)
    sum += room->held[t] * dnmf_number_at((dnmf_number)w->precision, x, t);
  return sum;
}

/* A row some of whose cells are taken out; its sums are set. */
static void update_without_held(const newton_work *w, int64_t row, int64_t count, void *x, const newton_room *room) {
  const dnmf_newton_update *update = w->update;
  const int64_t first = update->held->start[row];
  const int64_t out = update->held->start[row + 1] - first;
  newton_problem problem = w->problem;
  newton_sums *sums = &w->sums[row];
  problem.linear = room->linear;
  if (out < update->across || update->l1 > 0 || update->l2 > 0)
    *sums = w->kernel->update(&problem, count, room->values, room->places, x, room->kernel);
  if (!update->want_loss)
    return;
  sums->sum = out < update->across ? sum_of_row(w, x, room) : 0;
  w->kernel->look_at_held(&problem, out, (const char *)update->held->value + (size_t)first * w->number,
                          update->held->index + first, x, room->kernel, sums);
}

/* A row from its `count` values, numbers of the kernel's, `stride` from one to the next. */
static void newton_row(const newton_work *w, int64_t row, int64_t count, const void *values, int64_t stride,
                       const int32_t *index, const newton_room *room) {
  const dnmf_newton_update *update = w->update;
  if (update->held)
    set_row_sums(w, row, room);
  const int64_t packed = w->kernel->pack(count, values, stride, index, room->values, room->places);
  char *x = (char *)update->x + (size_t)row * (size_t)update->components * w->number;
  if (update->held)
    update_without_held(w, row, packed, x, room);
  else
    w->sums[row] = w->kernel->update(&w->problem, packed, room->values, room->places, x, room->kernel);
}

/* `count` values from number `first` on. */
static const void *convert_values(const newton_work *w, int64_t first, int64_t count, const newton_room *room) {
  const char *values = w->update->value;
  values += (size_t)first * dnmf_number_size(w->type);
  if (!w->update->narrow)
    return values;
  w->number_kernel->convert(w->type, values, count, 1, count, room->numbers);
  return room->numbers;
}

static void row_by_row(const newton_work *w, int64_t begin, int64_t end, const newton_room *room) {
  const dnmf_newton_update *update = w->update;
  for (int64_t row = begin; row < end; row++) {
    const int64_t first = update->start ? update->start[row] : row * update->cols;
    const int64_t count = update->start ? update->start[row + 1] - first : update->cols;
    newton_row(w, row, count, convert_values(w, first, count, room), 1, update->start ? update->index + first : NULL,
               room);
  }
}

/* Rows that are columns of the matrix in memory. */
static void turned_rows(const newton_work *w, int64_t begin, int64_t end, const newton_room *room) {
  const dnmf_newton_update *update = w->update;
  const char *from = (const char *)update->value + (size_t)begin * dnmf_number_size(w->type);
  w->number_kernel->convert(w->type, from, update->rows, update->cols, end - begin, room->numbers);
  for (int64_t row = begin; row < end; row++)
    newton_row(w, row, update->cols, room->numbers + (size_t)(row - begin) * w->number, end - begin, NULL, room);
}

/* Pieces of NEWTON_PART rows. */
static void newton_pieces(void *work, int64_t begin, int64_t end) {
  const newton_work *w = work;
  const newton_room room = take_room(w);
  const int64_t rows = w->update->rows;
  for (int64_t row = begin * NEWTON_PART; row < rows && row < end * NEWTON_PART; row += NEWTON_PART) {
    const int64_t last = dnmf_at_most(row + NEWTON_PART, rows);
    if (w->update->turned)
      turned_rows(w, row, last, &room);
    else
      row_by_row(w, row, last, &room);
  }
}

static void newton_run(newton_work *w, int threads) {
  const dnmf_newton_update *update = w->update;
  const double entries =
      update->start ? (double)update->start[update->rows] : (double)update->rows * (double)update->cols;
  const int team = dnmf_team(threads, dnmf_newton_operations(update->components, (double)update->rows, entries) / 2);
  dnmf_team_run(team, (update->rows + NEWTON_PART - 1) / NEWTON_PART, newton_pieces, w);
}

static void pad_fixed_rows(void *work, int64_t begin, int64_t end) {
  newton_work *w = work;
  const size_t row_bytes = (size_t)w->update->components * w->number;
  const size_t whole = (size_t)w->problem.padded * w->number;
  for (int64_t row = begin; row < end; row++) {
    char *to = (char *)w->padded + (size_t)row * whole;
    memcpy(to, (const char *)w->update->fixed + (size_t)row * row_bytes, row_bytes);
    memset(to + row_bytes, 0, whole - row_bytes);
  }
}

/* The fixed factor's rows as whole vectors. */
static dnmf_status pad_fixed(newton_work *w, int threads, dnmf_error *error) {
  const dnmf_newton_update *update = w->update;
  const int64_t padded = w->problem.padded;
  w->problem.fixed = update->fixed;
  if (padded == update->components)
    return DNMF_OK;
  DNMF_TRY(dnmf_allocate(error, "a padded factor", update->cols * padded, w->number, &w->padded));
  w->problem.fixed = w->padded;
  dnmf_team_run(dnmf_team(threads, (double)update->cols * (double)padded), update->cols, pad_fixed_rows, w);
  return DNMF_OK;
}

/* Sums of columns and l1, in the run's precision. */
static dnmf_status set_linear(newton_work *w, dnmf_error *error) {
  const dnmf_newton_update *update = w->update;
  DNMF_TRY(dnmf_allocate(error, "sums of a factor", w->problem.padded, w->number, &w->linear));
  for (int t = 0; t < update->components; t++)
    dnmf_number_put((dnmf_number)w->precision, w->linear, t, update->sums[t] + update->l1);
  w->problem.linear = w->linear;
  return DNMF_OK;
}

static dnmf_status newton_prepare(newton_work *w, int threads, dnmf_error *error) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "sums of rows", w->update->rows, sizeof(newton_sums), &memory));
  w->sums = memory;
  DNMF_TRY(dnmf_allocate(error, "row update scratch", threads, w->bytes, &memory));
  w->scratch = memory;
  DNMF_TRY(pad_fixed(w, threads, error));
  return set_linear(w, error);
}

dnmf_status dnmf_newton_rows(dnmf_precision precision, dnmf_isa isa, int threads, dnmf_newton_update *update,
                             dnmf_error *error) {
  newton_work w = {.update = update,
                   .kernel = kernels[precision][isa],
                   .number_kernel = number_kernels[precision][isa],
                   .precision = precision,
                   .type = dnmf_number_of(precision, update->narrow),
                   .number = dnmf_precision_size(precision),
                   .longest = newton_longest(update)};
  w.problem = (newton_problem){.components = update->components,
                               .padded = dnmf_round_up(update->components, w.kernel->step),
                               .l2 = update->l2,
                               .floor = update->floor,
                               .steps = update->steps,
                               .want_violation = update->want_violation,
                               .want_loss = update->want_loss};
  w.bytes = room_bytes(w.kernel, w.number, update->turned, w.longest, w.problem.padded);
  dnmf_status status = newton_prepare(&w, threads, error);
  update->violation = update->loss = 0;
  update->held_squares = update->held_loss = update->sum = 0;
  if (status == DNMF_OK)
    newton_run(&w, threads);
  for (int64_t row = 0; status == DNMF_OK && row < update->rows; row++) {
    update->violation += w.sums[row].violation;
    update->loss += w.sums[row].loss;
    update->held_squares += w.sums[row].held_squares;
    update->held_loss += w.sums[row].held_loss;
    update->sum += w.sums[row].sum;
  }
  free(w.sums);
  free(w.scratch);
  free(w.padded);
  free(w.linear);
  return status;
}

double dnmf_newton_bytes(dnmf_precision precision, dnmf_isa isa, int threads, bool turned, int64_t rows, int64_t cols,
                         int64_t longest, int components) {
  const newton_kernel *kernel = kernels[precision][isa];
  const size_t number = dnmf_precision_size(precision);
  const int64_t padded = dnmf_round_up(components, kernel->step);
  return dnmf_allocated_bytes((double)rows, sizeof(newton_sums)) +
         dnmf_allocated_bytes(threads, room_bytes(kernel, number, turned, longest, padded)) +
         (padded > components ? dnmf_allocated_bytes((double)cols * (double)padded, number) : 0) +
         dnmf_allocated_bytes((double)padded, number);
}

double dnmf_newton_operations(int components, double rows, double entries) {
  const double k = components;
  return entries * (k * (k + 1) + 6 * k) + rows * 10 * k * k;
}
