/*
 * Newton steps of all owned rows: threads take parts of them as they come, bring the positive entries of each together
 * and hand it to the kernel. Every row is computed by one thread and its sums are added in row order, so the result is
 * the same for any number of threads.
 */
#include "solve/newton.h"

#include "newton_kernels.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/team.h"
#include "matrix/kernels.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  NEWTON_PART = 8,    /* rows that a thread takes at once: a cache line of a turned matrix */
  NEWTON_ENOUGH = 16, /* entries for each component, of those that the matrix of a row's model is summed over, */
  NEWTON_LEAST = 256  /* and how many at least */
};

static const newton_kernel *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_newton_kernel);
static const newton_block_kernel *const block_kernels[DNMF_PRECISIONS][DNMF_ISAS] =
    DNMF_VARIANTS(dnmf_newton_block_kernel);
static const dnmf_number_kernel *const number_kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_number_kernel);

/* What work memory depends on. */
typedef struct newton_shape {
  dnmf_precision precision;
  dnmf_isa isa;
  bool sparse;
  bool turned;
  bool held;
  int components;
  int64_t cols;
  int64_t longest;
} newton_shape;

/* One call. */
typedef struct newton_work {
  const dnmf_newton_update *update;
  const newton_kernel *kernel;
  const newton_block_kernel *block_kernel;
  const dnmf_number_kernel *number_kernel;
  dnmf_precision precision;
  dnmf_number type;
  newton_shape shape;
  newton_problem problem;
  size_t number; /* bytes of one */
  int64_t longest;
  void *padded; /* a copy of the fixed factor, where it is not padded itself */
  void *turned; /* a copy of it by columns, where rows are taken side by side */
  uint32_t *order;
  int32_t *list;
  void *linear;
  char *scratch; /* of each thread, `bytes` of them */
  size_t bytes;
  newton_sums *sums; /* of each row */
} newton_work;

/* A thread's room beside the kernel's: rows as the kernel's numbers, their positive entries and the places of those;
 * where cells are taken out, what a row has of the fixed factor's sums. */
typedef struct newton_room {
  char *numbers;
  char *rows;
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

static int64_t padded_of(const newton_shape *shape) {
  return dnmf_round_up(shape->components, kernels[shape->precision][shape->isa]->step);
}

static int64_t enough_for(int components) {
  return components < NEWTON_LEAST / NEWTON_ENOUGH ? NEWTON_LEAST : (int64_t)NEWTON_ENOUGH * components;
}

static size_t numbers_bytes(const newton_shape *shape, double count) {
  return lines_of((double)dnmf_precision_size(shape->precision) * count);
}

/* Converted columns of a turned matrix, which then are made rows; or converted rows. */
static size_t converted_bytes(const newton_shape *shape) {
  return numbers_bytes(shape, shape->turned ? NEWTON_PART * (double)shape->longest : (double)shape->longest);
}

static size_t rows_bytes(const newton_shape *shape) {
  return shape->sparse ? 0 : numbers_bytes(shape, NEWTON_PART * (double)shape->longest);
}

static bool takes_blocks(const newton_shape *shape) {
  return !shape->sparse && !shape->held;
}

static size_t room_bytes(const newton_shape *shape) {
  const int64_t padded = padded_of(shape);
  const size_t one = kernels[shape->precision][shape->isa]->scratch_bytes(padded, shape->longest);
  const size_t block =
      takes_blocks(shape)
          ? block_kernels[shape->precision][shape->isa]->scratch_bytes(shape->components, padded, shape->cols)
          : 0;
  return converted_bytes(shape) + rows_bytes(shape) + numbers_bytes(shape, (double)shape->longest) +
         lines_of((double)sizeof(int32_t) * (double)shape->longest) +
         lines_of((double)sizeof(double) * (double)padded) + numbers_bytes(shape, (double)padded) +
         (one > block ? one : block);
}

static newton_room take_room(const newton_work *w) {
  newton_room room;
  room.numbers = w->scratch + (size_t)dnmf_team_thread() * w->bytes;
  room.rows = room.numbers + converted_bytes(&w->shape);
  room.values = room.rows + rows_bytes(&w->shape);
  room.places = (int32_t *)(void *)(room.values + numbers_bytes(&w->shape, (double)w->longest));
  room.held = (double *)(void *)((char *)room.places + lines_of((double)sizeof(int32_t) * (double)w->longest));
  room.linear = (char *)room.held + lines_of((double)sizeof(double) * (double)w->problem.padded);
  room.kernel = (char *)room.linear + numbers_bytes(&w->shape, (double)w->problem.padded);
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

/* `count` values from number `first` on, as the kernels' numbers; converted in `to`. */
static const void *convert_values(const newton_work *w, int64_t first, int64_t count, void *to) {
  const char *values = w->update->value;
  values += (size_t)first * dnmf_number_size(w->type);
  if (!w->update->narrow)
    return values;
  w->number_kernel->convert(w->type, values, count, 1, count, to);
  return to;
}

static void sparse_rows(const newton_work *w, int64_t begin, int64_t end, const newton_room *room) {
  const dnmf_newton_update *update = w->update;
  for (int64_t row = begin; row < end; row++) {
    const int64_t first = update->start[row];
    const int64_t count = update->start[row + 1] - first;
    newton_row(w, row, count, convert_values(w, first, count, room->numbers), 1, update->index + first, room);
  }
}

/* Rows that are columns of the matrix in memory, in room->rows. */
static void turn_rows(const newton_work *w, int64_t begin, int64_t count, const newton_room *room) {
  const dnmf_newton_update *update = w->update;
  const void *from = (const char *)update->value + (size_t)begin * dnmf_number_size(w->type);
  int64_t stride = update->rows;
  if (update->narrow) {
    w->number_kernel->convert(w->type, from, update->rows, update->cols, count, room->numbers);
    from = room->numbers;
    stride = count;
  }
  w->block_kernel->spread(update->cols, from, stride, count, room->rows);
}

/* Rows that wait for others, to be updated side by side. */
typedef struct newton_group {
  int rows;
  const void *values[NEWTON_BLOCK_ROWS];
  void *x[NEWTON_BLOCK_ROWS];
  newton_sums *sums[NEWTON_BLOCK_ROWS];
} newton_group;

static void update_group(const newton_work *w, newton_group *group, const newton_room *room) {
  if (group->rows > 0)
    w->block_kernel->update(&w->problem, group->rows, group->values, group->x, room->kernel, group->sums);
  group->rows = 0;
}

/* Which way a row is taken depends on its entries alone, so that its result does not depend on its neighbours. */
static void dense_rows(const newton_work *w, int64_t begin, int64_t end, const newton_room *room) {
  const dnmf_newton_update *update = w->update;
  const int64_t cols = update->cols;
  newton_group group = {.rows = 0};
  if (update->turned)
    turn_rows(w, begin, end - begin, room);
  for (int64_t row = begin; row < end; row++) {
    void *own = room->rows + (size_t)((row - begin) * cols) * w->number;
    const void *values = update->turned ? own : convert_values(w, row * cols, cols, own);
    if (!w->turned || !w->block_kernel->takes(cols, values)) {
      newton_row(w, row, cols, values, 1, NULL, room);
      continue;
    }
    group.values[group.rows] = values;
    group.x[group.rows] = (char *)update->x + (size_t)row * (size_t)update->components * w->number;
    group.sums[group.rows++] = &w->sums[row];
    if (group.rows == NEWTON_BLOCK_ROWS)
      update_group(w, &group, room);
  }
  update_group(w, &group, room);
}

/* Pieces of NEWTON_PART rows. */
static void newton_pieces(void *work, int64_t begin, int64_t end) {
  const newton_work *w = work;
  const newton_room room = take_room(w);
  const int64_t rows = w->update->rows;
  for (int64_t row = begin * NEWTON_PART; row < rows && row < end * NEWTON_PART; row += NEWTON_PART) {
    const int64_t last = dnmf_at_most(row + NEWTON_PART, rows);
    if (w->update->start)
      sparse_rows(w, row, last, &room);
    else
      dense_rows(w, row, last, &room);
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

static void turn_fixed_rows(void *work, int64_t begin, int64_t end) {
  newton_work *w = work;
  const int64_t piece = w->block_kernel->piece;
  for (int64_t i = begin; i < end; i++)
    w->block_kernel->turn(dnmf_at_most(w->update->cols - i * piece, piece), w->update->components, w->problem.padded,
                          (const char *)w->problem.fixed + (size_t)(i * piece * w->problem.padded) * w->number,
                          (char *)w->turned + (size_t)(i * piece * w->update->components) * w->number);
}

/* The fixed factor by columns. */
static dnmf_status turn_fixed(newton_work *w, int threads, dnmf_error *error) {
  const dnmf_newton_update *update = w->update;
  const int64_t pieces = (update->cols + w->block_kernel->piece - 1) / w->block_kernel->piece;
  const int64_t numbers = pieces * w->block_kernel->piece * update->components;
  DNMF_TRY(dnmf_allocate(error, "a turned factor", numbers, w->number, &w->turned));
  dnmf_team_run(dnmf_team(threads, (double)numbers), pieces, turn_fixed_rows, w);
  w->problem.turned = w->turned;
  return DNMF_OK;
}

static void order_fixed_rows(void *work, int64_t begin, int64_t end) {
  const newton_work *w = work;
  const int32_t *numbers = w->update->numbers;
  for (int64_t row = begin; row < end; row++)
    w->order[row] =
        (uint32_t)(dnmf_random_bits(0, DNMF_STREAM_NEWTON, (uint64_t)(numbers ? numbers[row] : row), 0) >> 32);
}

/* The rows of the fixed factor that rows with all entries take for their matrices. */
static dnmf_status list_fixed_rows(newton_work *w, dnmf_error *error) {
  const int64_t cols = w->update->cols;
  const double share = (double)w->problem.enough / (double)cols;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "a list of a factor's rows", cols, sizeof(int32_t), &memory));
  w->list = memory;
  for (int64_t row = 0; row < cols; row++)
    if (!w->order || w->order[row] < share * 0x1p32)
      w->list[w->problem.listed++] = (int32_t)row;
  w->problem.list = w->list;
  return DNMF_OK;
}

/* Which entries the matrices of rows are summed over. */
static dnmf_status choose_sample(newton_work *w, int threads, dnmf_error *error) {
  const int64_t cols = w->update->cols;
  void *memory = NULL;
  w->problem.enough = enough_for(w->update->components);
  if (w->longest <= w->problem.enough)
    return DNMF_OK;
  DNMF_TRY(dnmf_allocate(error, "an order of a factor's rows", cols, sizeof(uint32_t), &memory));
  w->order = memory;
  dnmf_team_run(dnmf_team(threads, 40 * (double)cols), cols, order_fixed_rows, w);
  w->problem.order = w->order;
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
  DNMF_TRY(choose_sample(w, threads, error));
  if (takes_blocks(&w->shape)) {
    DNMF_TRY(turn_fixed(w, threads, error));
    DNMF_TRY(list_fixed_rows(w, error));
  }
  return set_linear(w, error);
}

dnmf_status dnmf_newton_rows(dnmf_precision precision, dnmf_isa isa, int threads, dnmf_newton_update *update,
                             dnmf_error *error) {
  newton_work w = {.update = update,
                   .kernel = kernels[precision][isa],
                   .block_kernel = block_kernels[precision][isa],
                   .number_kernel = number_kernels[precision][isa],
                   .precision = precision,
                   .type = dnmf_number_of(precision, update->narrow),
                   .number = dnmf_precision_size(precision),
                   .longest = newton_longest(update)};
  w.shape = (newton_shape){
      precision,    isa,      update->start != NULL, update->turned, update->held != NULL, update->components,
      update->cols, w.longest};
  w.problem = (newton_problem){.components = update->components,
                               .padded = padded_of(&w.shape),
                               .entries = update->cols,
                               .l2 = update->l2,
                               .floor = update->floor,
                               .steps = update->steps,
                               .want_violation = update->want_violation,
                               .want_loss = update->want_loss};
  w.bytes = room_bytes(&w.shape);
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
  free(w.turned);
  free(w.order);
  free(w.list);
  free(w.linear);
  return status;
}

double dnmf_newton_bytes(dnmf_precision precision, dnmf_isa isa, int threads, bool sparse, bool turned, bool held,
                         int64_t rows, int64_t cols, int64_t longest, int components) {
  const newton_shape shape = {precision, isa, sparse, turned, held, components, cols, longest};
  const size_t number = dnmf_precision_size(precision);
  const int64_t padded = padded_of(&shape);
  const int64_t piece = block_kernels[precision][isa]->piece;
  double bytes = dnmf_allocated_bytes((double)rows, sizeof(newton_sums)) +
                 dnmf_allocated_bytes(threads, room_bytes(&shape)) +
                 (padded > components ? dnmf_allocated_bytes((double)cols * (double)padded, number) : 0) +
                 dnmf_allocated_bytes((double)padded, number);
  if (longest > enough_for(components))
    bytes += dnmf_allocated_bytes((double)cols, sizeof(uint32_t));
  if (takes_blocks(&shape))
    bytes += dnmf_allocated_bytes((double)dnmf_round_up(cols, (int)piece) * components, number) +
             dnmf_allocated_bytes((double)cols, sizeof(int32_t));
  return bytes;
}

double dnmf_newton_operations(int components, double rows, double entries) {
  const double k = components;
  const double chosen = fmin(entries, rows * (double)enough_for(components));
  return chosen * k * (k + 1) + entries * 8 * k + rows * 10 * k * k;
}
