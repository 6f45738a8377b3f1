/*
 * What cells taken out of A contribute to an iteration: each row of the list against the other factor, threaded by
 * strips of rows. Results do not depend on the number of threads.
 */
#include "fit/held_cells.h"

#include "base/memory.h"
#include "base/team.h"
#include "fit/held_cells_kernel.h"
#include "matrix/kernels.h"
#include "matrix/padded.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const dnmf_divergence_kernel *const entry_kernels[DNMF_PRECISIONS][DNMF_ISAS] =
    DNMF_VARIANTS(dnmf_divergence_kernel);
static const dnmf_held_kernel *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_held_kernel);

enum { STRIP = 64 /* rows */, CELLS = 256 /* of a row, at a time */, ARRAYS = 4 /* of a thread, CELLS each */ };

/* One call: rows X of the list, cells in columns Y. */
typedef struct held_work {
  dnmf_context *context;
  const dnmf_held_cells *held;
  const dnmf_csr *cells;
  const void *values; /* of the cells; NULL: nobody asks for sums */
  dnmf_divergence_form form;
  const dnmf_divergence_kernel *entries;
  const dnmf_held_kernel *kernel;
  dnmf_held_slice slice;
  const dnmf_panel *x;
  size_t number;
  int64_t padded;
  void *fixed;          /* Y's slice, padded */
  void *scratch;        /* `desk_numbers` for each thread */
  dnmf_panel *out;      /* NULL: sums only */
  dnmf_held_sums *sums; /* of each strip; NULL likewise */
} held_work;

/* A thread's share of the scratch memory. */
typedef struct held_desk {
  void *row;  /* padded: one of X */
  void *sums; /* padded: what is added to its row of `out` */
  void *p;    /* CELLS: predictions */
  void *n;    /* ... factors of Y's rows */
  void *a;    /* ... values */
  void *q;    /* ... predictions, to work with */
} held_desk;

static int64_t desk_numbers(int64_t padded) {
  return 2 * padded + (int64_t)ARRAYS * CELLS;
}

static void *number_at(const held_work *w, const void *numbers, int64_t at) {
  return (char *)numbers + (size_t)at * w->number;
}

static held_desk held_take_desk(const held_work *w) {
  void *mine = number_at(w, w->scratch, dnmf_team_thread() * desk_numbers(w->padded));
  void *arrays = number_at(w, mine, 2 * w->padded);
  return (held_desk){.row = mine,
                     .sums = number_at(w, mine, w->padded),
                     .p = arrays,
                     .n = number_at(w, arrays, CELLS),
                     .a = number_at(w, arrays, (int64_t)2 * CELLS),
                     .q = number_at(w, arrays, (int64_t)3 * CELLS)};
}

/* A row of the slice, padded. */
static void pad_slice_row(const held_work *w, const dnmf_panel *panel, int64_t row, void *to) {
  const size_t bytes = (size_t)w->slice.components * w->number;
  memcpy(to, number_at(w, panel->data, row * panel->components + w->slice.first), bytes);
  memset((char *)to + bytes, 0, (size_t)w->padded * w->number - bytes);
}

static double beta_of_held(const held_work *w) {
  return w->held->loss.beta;
}

/* D(a | p) of values that are in the desk's `a`, predictions in its `q`, which are lost. */
static double divergence_of(const held_work *w, const held_desk *d, int64_t count) {
  const double beta = beta_of_held(w);
  dnmf_divergence_sums sums = {.powers = beta == 1 ? w->kernel->sum(count, d->q) : 0};
  w->entries->ratios(&w->form, count, d->a, d->q, d->n, &sums);
  return dnmf_divergence_total(beta, sums.stored, sums.powers);
}

/* What some cells add to the sums, from the predictions in the desk. */
static void add_held_sums(const held_work *w, const held_desk *d, int64_t first, int64_t count, dnmf_held_sums *sums) {
  const void *values = number_at(w, w->values, first);
  dnmf_held_sums squares = {0};
  w->kernel->squares(count, values, d->p, &squares);
  sums->squares += squares.squares;
  if (!w->held->loss.divergence) {
    sums->loss += 0.5 * squares.squares;
    sums->filled += squares.filled;
    return;
  }
  sums->loss += divergence_of(w, d, w->kernel->pack(count, values, d->p, d->a, d->q));
  memcpy(d->q, d->p, (size_t)count * w->number);
  w->kernel->fill(count, w->held->filler, d->a);
  sums->filled += divergence_of(w, d, count);
}

/* The factors of Y's rows: the prediction less what stands in A, and of a divergence its share of the numerators. */
static const void *factors_of(const held_work *w, const held_desk *d, int64_t count) {
  if (!w->held->loss.divergence)
    return d->p;
  w->kernel->subtract(count, d->p, w->held->filler, d->a);
  w->entries->ratios(&w->form, count, d->a, d->p, d->n, NULL);
  return d->n;
}

static void contribute_row(const held_work *w, const held_desk *d, int64_t row, dnmf_held_sums *sums) {
  const int64_t end = w->cells->start[row + 1];
  pad_slice_row(w, w->x, row, d->row);
  memset(d->sums, 0, (size_t)w->padded * w->number);
  for (int64_t first = w->cells->start[row]; first < end; first += CELLS) {
    const int64_t count = dnmf_at_most(end - first, CELLS);
    const int32_t *index = w->cells->index + first;
    w->entries->dots(d->row, w->fixed, w->padded, index, count, d->p);
    if (sums)
      add_held_sums(w, d, first, count, sums);
    if (w->out)
      w->entries->add_rows(factors_of(w, d, count), w->fixed, w->padded, index, count, d->sums);
  }
  if (w->out)
    w->kernel->add(w->slice.components, d->sums, number_at(w, w->out->data, row * w->out->components + w->slice.first));
}

/* Strips of STRIP rows. */
static void contribute_some(void *work, int64_t begin, int64_t end) {
  const held_work *w = work;
  const held_desk d = held_take_desk(w);
  for (int64_t row = begin * STRIP; row < w->cells->rows && row < end * STRIP; row++)
    contribute_row(w, &d, row, w->sums ? &w->sums[row / STRIP] : NULL);
}

static void contribute_strips(held_work *w) {
  const int64_t rows = w->cells->rows;
  const int team = dnmf_team(w->context->threads, (double)w->cells->start[rows] * (double)(2 * w->padded));
  dnmf_team_run(team, (rows + STRIP - 1) / STRIP, contribute_some, w);
}

typedef struct slice_call {
  const held_work *work;
  const dnmf_panel *y;
} slice_call;

static void pad_slice_rows(void *of_call, int64_t begin, int64_t end) {
  const slice_call *call = of_call;
  for (int64_t row = begin; row < end; row++)
    pad_slice_row(call->work, call->y, row, number_at(call->work, call->work->fixed, row * call->work->padded));
}

static dnmf_status pad_fixed(held_work *w, const dnmf_panel *y) {
  DNMF_TRY(dnmf_allocate(&w->context->error, "a factor for held-out cells", y->rows * w->padded, w->number, &w->fixed));
  const int team = dnmf_team(w->context->threads, (double)y->rows * (double)w->padded);
  slice_call call = {w, y};
  dnmf_team_run(team, y->rows, pad_slice_rows, &call);
  return DNMF_OK;
}

/* The rows of the list against Y; the sums of the strips in order. */
static dnmf_status run_held(held_work *w, const dnmf_panel *y, dnmf_held_sums *sums) {
  const int64_t strips = (w->cells->rows + STRIP - 1) / STRIP;
  dnmf_error *error = &w->context->error;
  void *memory = NULL;
  dnmf_status status = pad_fixed(w, y);
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "work on held-out cells", desk_numbers(w->padded) * w->context->threads, w->number,
                           &w->scratch);
  if (status == DNMF_OK && sums)
    status = dnmf_allocate_zero(error, "sums over held-out cells", strips, sizeof *w->sums, &memory);
  w->sums = memory;
  if (status == DNMF_OK)
    contribute_strips(w);
  for (int64_t strip = 0; status == DNMF_OK && sums && strip < strips; strip++) {
    sums->squares += w->sums[strip].squares;
    sums->loss += w->sums[strip].loss;
    sums->filled += w->sums[strip].filled;
  }
  free(w->sums);
  free(w->scratch);
  free(w->fixed);
  return status;
}

dnmf_status dnmf_held_cells_contribute(dnmf_context *context, const dnmf_held_cells *held, const dnmf_matrix *a,
                                       const dnmf_panel *w, const dnmf_panel *h, dnmf_held_slice slice, bool transposed,
                                       dnmf_panel *out, dnmf_held_sums *sums) {
  const double floor = dnmf_divergence_floor(a);
  const double beta = held->loss.beta;
  held_work work = {.context = context,
                    .held = held,
                    .form = {beta, floor, pow(floor, beta - 2), pow(floor, beta - 1)},
                    .entries = entry_kernels[a->precision][context->isa],
                    .kernel = kernels[a->precision][context->isa],
                    .slice = slice,
                    .number = dnmf_precision_size(a->precision),
                    .padded = dnmf_padded_width(context, a->precision, slice.components)};
  dnmf_status status = DNMF_OK;
  if (sums)
    *sums = (dnmf_held_sums){0};
  if (out && transposed) {
    held_work columns = work;
    columns.cells = &held->by_cols;
    columns.x = h;
    columns.out = out;
    status = run_held(&columns, w, NULL);
  }
  work.cells = &held->by_rows;
  work.values = held->by_rows.value;
  work.x = w;
  work.out = transposed ? NULL : out;
  if (status == DNMF_OK && (work.out || sums))
    status = run_held(&work, h, sums);
  return status;
}
