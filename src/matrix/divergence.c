/*
 * A block's contributions to multiplicative updates, strip by strip: a strip is the rows of one tile and all columns,
 * or, for H and a dense block, the columns of one tile and all rows. Threads take strips; each owns the rows of the
 * contributions that its strip belongs to, and walks its tiles in order.
 *
 * A sparse block has its transpose beside it, so that there contributions to H are contributions to "W" too, with the
 * factors' roles exchanged.
 */
#include "matrix/divergence.h"

#include "base/memory.h"
#include "base/team.h"
#include "matrix/csr_product.h"
#include "matrix/kernels.h"
#include "matrix/padded.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const dnmf_dense_kernel *const dense_kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_dense_kernel);
static const dnmf_number_kernel *const number_kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_number_kernel);
static const dnmf_divergence_kernel *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_divergence_kernel);

enum { TILE = DNMF_DIVERGENCE_TILE, ENTRIES = 256 /* of a sparse row, at a time */ };

/* One call. X are the rows of P's tiles, Y its columns. */
typedef struct work {
  dnmf_context *context;
  dnmf_divergence *d;
  dnmf_divergence_form form;
  const dnmf_dense_kernel *product;
  const dnmf_divergence_kernel *kernel;
  const dnmf_number_kernel *number_kernel;
  const dnmf_matrix *dense; /* NULL when sparse */
  const dnmf_csr *sparse;   /* X's rows are its rows; NULL when dense */
  const dnmf_panel *x;
  const dnmf_panel *y;
  bool by_columns; /* strips of columns: contributions to Y */
  size_t number;   /* bytes of one */
  int components;
  int64_t padded; /* components rounded up to whole vectors */
  int64_t strips;
  void *fixed;   /* the factor contributions are made of, padded: Y, or X with strips of columns */
  void *turned;  /* Y's tiles transposed: components x TILE, one after another; with P */
  void *scratch; /* `scratch_numbers` for each thread */
  int64_t scratch_numbers;
  dnmf_divergence_sums *sums; /* of each strip */
} work;

/* A thread's share of the scratch memory. */
typedef struct desk {
  void *p;            /* TILE x TILE; or of ENTRIES stored entries */
  void *n;            /* likewise */
  void *numerators;   /* TILE x padded */
  void *denominators; /* TILE x padded */
  void *row;          /* padded: one row of X */
} desk;

static int64_t tiles_of(int64_t count) {
  return count / TILE + (count % TILE != 0);
}

static void *at(const work *w, const void *numbers, int64_t place) {
  return (char *)numbers + (size_t)place * w->number;
}

/* `count` values of A from `place` on, no more than ENTRIES: where they are, or converted into `room`. */
static const void *values_at(const work *w, dnmf_number narrow, const void *values, int64_t place, int64_t count,
                             void *room) {
  if (!narrow)
    return at(w, values, place);
  w->number_kernel->convert(narrow, (const char *)values + (size_t)place * dnmf_number_size(narrow), count, 1, count,
                            room);
  return room;
}

static desk take_desk(const work *w) {
  desk s;
  s.p = at(w, w->scratch, w->scratch_numbers * dnmf_team_thread());
  s.n = at(w, s.p, (int64_t)TILE * TILE);
  s.numerators = at(w, s.n, (int64_t)TILE * TILE);
  s.denominators = at(w, s.numerators, TILE * w->padded);
  s.row = at(w, s.denominators, TILE * w->padded);
  return s;
}

/* P of a tile: X's rows times the turned tile of Y. */
static void set_tile(const work *w, int64_t row, int64_t rows, int64_t col, const desk *s) {
  const dnmf_tile x = {at(w, w->x->data, row * w->components), w->components, rows, w->components, 0};
  const dnmf_operands y = {at(w, w->turned, col * w->components), s->p, TILE, TILE};
  memset(s->p, 0, (size_t)TILE * TILE * w->number);
  w->product->multiply(&x, &y);
}

/* A dense tile's p^(beta-1) in s->p, a p^(beta-2) in s->n. */
static void dense_tile(const work *w, int64_t row, int64_t rows, int64_t col, const desk *s,
                       dnmf_divergence_sums *sums) {
  const int64_t stride = w->y->rows;
  const int64_t cols = dnmf_at_most(stride - col, TILE);
  double room[TILE];
  set_tile(w, row, rows, col, s);
  for (int64_t i = 0; i < rows; i++) {
    const void *a = values_at(w, w->dense->narrow, w->dense->dense, (row + i) * stride + col, cols, room);
    void *p = at(w, s->p, i * TILE);
    w->kernel->ratios(&w->form, cols, a, p, at(w, s->n, i * TILE), w->d->want_loss ? sums : NULL);
  }
}

/* The sparse tile's stored entries of one row, from `begin` on, those left of column `end`; returns the next. */
static int64_t stored_entries(const work *w, int64_t begin, int64_t last, int64_t col, int64_t end, const void *p_row,
                              const desk *s, void *numerators, dnmf_divergence_sums *sums) {
  const int32_t *index = w->sparse->index;
  void *p = s->n;
  void *n = at(w, s->n, TILE);
  int64_t entry = begin;
  for (; entry < last && index[entry] < end; entry++)
    memcpy(at(w, p, entry - begin), at(w, p_row, index[entry] - col), w->number);
  const int64_t count = entry - begin;
  double room[TILE];
  const void *a = values_at(w, w->sparse->narrow, w->sparse->value, begin, count, room);
  dnmf_divergence_sums entries = {0, 0}; /* their powers are among the row's */
  w->kernel->ratios(&w->form, count, a, p, n, w->d->want_loss ? &entries : NULL);
  sums->stored += entries.stored;
  w->kernel->add_rows(n, w->fixed, w->padded, index + begin, count, numerators);
  return entry;
}

/* A sparse tile: numerators of its stored entries, p^(beta-1) everywhere in s->p. `next` has the rows' entries. */
static void sparse_tile(const work *w, int64_t row, int64_t rows, int64_t col, int64_t *next, const desk *s,
                        dnmf_divergence_sums *sums) {
  const int64_t end = dnmf_at_most(w->y->rows, col + TILE);
  set_tile(w, row, rows, col, s);
  for (int64_t i = 0; i < rows; i++) {
    void *p = at(w, s->p, i * TILE);
    next[i] = stored_entries(w, next[i], w->sparse->start[row + i + 1], col, end, p, s,
                             at(w, s->numerators, i * w->padded), sums);
    const double powers = w->kernel->denominators(&w->form, end - col, p);
    sums->powers += w->d->want_loss && w->d->beta != 0 ? powers : 0;
  }
}

/* Sums of a tile with the fixed factor: over its columns, or over its rows. */
static void divergence_add_tile(const work *w, const void *numbers, int64_t row, int64_t rows, int64_t col, void *out) {
  const dnmf_tile tile = {numbers, TILE, rows, dnmf_at_most(w->y->rows - col, TILE), 0};
  const dnmf_operands operands = {at(w, w->fixed, (w->by_columns ? row : col) * w->padded), out, w->padded, w->padded};
  if (w->by_columns)
    w->product->multiply_transposed(&tile, &operands);
  else
    w->product->multiply(&tile, &operands);
}

static void add_dense_tile(const work *w, int64_t row, int64_t col, const desk *s, dnmf_divergence_sums *sums) {
  const int64_t rows = dnmf_at_most(w->x->rows - row, TILE);
  dense_tile(w, row, rows, col, s, sums);
  divergence_add_tile(w, s->n, row, rows, col, s->numerators);
  if (w->d->beta != 1)
    divergence_add_tile(w, s->p, row, rows, col, s->denominators);
}

static void clear_sums(const work *w, const desk *s) {
  memset(s->numerators, 0, (size_t)(TILE * w->padded) * w->number);
  memset(s->denominators, 0, (size_t)(TILE * w->padded) * w->number);
}

/* The strip's rows of the contributions. */
static void store_sums(const work *w, int64_t begin, const desk *s) {
  const dnmf_panel *out = w->d->numerators;
  const int64_t rows = dnmf_at_most(out->rows - begin, TILE);
  dnmf_unpad_rows(out->precision, s->numerators, w->padded, rows, at(w, out->data, begin * w->components),
                  w->components);
  if (w->d->beta != 1)
    dnmf_unpad_rows(out->precision, s->denominators, w->padded, rows,
                    at(w, w->d->denominators->data, begin * w->components), w->components);
}

static void dense_strip(const work *w, int64_t strip, const desk *s) {
  const int64_t begin = strip * TILE;
  clear_sums(w, s);
  if (w->by_columns)
    for (int64_t row = 0; row < w->x->rows; row += TILE)
      add_dense_tile(w, row, begin, s, &w->sums[strip]);
  else
    for (int64_t col = 0; col < w->y->rows; col += TILE)
      add_dense_tile(w, begin, col, s, &w->sums[strip]);
  store_sums(w, begin, s);
}

static void sparse_strip(const work *w, int64_t strip, const desk *s) {
  const int64_t begin = strip * TILE;
  const int64_t rows = dnmf_at_most(w->x->rows - begin, TILE);
  int64_t next[TILE];
  clear_sums(w, s);
  for (int64_t i = 0; i < rows; i++)
    next[i] = w->sparse->start[begin + i];
  for (int64_t col = 0; col < w->y->rows; col += TILE) {
    sparse_tile(w, begin, rows, col, next, s, &w->sums[strip]);
    divergence_add_tile(w, s->p, begin, rows, col, s->denominators);
  }
  store_sums(w, begin, s);
}

/* Kullback-Leibler over stored entries: a strip is a row, P its entries. */
static void sparse_row(const work *w, int64_t row, const desk *s) {
  const int64_t last = w->sparse->start[row + 1];
  const dnmf_precision precision = w->x->precision;
  double room[ENTRIES];
  dnmf_pad_rows(precision, at(w, w->x->data, row * w->components), w->components, 1, s->row, w->padded);
  memset(s->numerators, 0, (size_t)w->padded * w->number);
  for (int64_t begin = w->sparse->start[row]; begin < last; begin += ENTRIES) {
    const int64_t count = dnmf_at_most(last - begin, ENTRIES);
    const int32_t *index = w->sparse->index + begin;
    const void *a = values_at(w, w->sparse->narrow, w->sparse->value, begin, count, room);
    w->kernel->dots(s->row, w->fixed, w->padded, index, count, s->p);
    w->kernel->ratios(&w->form, count, a, s->p, s->n, w->d->want_loss ? &w->sums[row] : NULL);
    w->kernel->add_rows(s->n, w->fixed, w->padded, index, count, s->numerators);
  }
  dnmf_unpad_rows(precision, s->numerators, w->padded, 1, at(w, w->d->numerators->data, row * w->components),
                  w->components);
}

/* Threads for the strips. A number of P costs its product, and a division or two powers beside. */
static int strips_team(const work *w) {
  const double numbers =
      w->sparse && !w->turned ? (double)w->sparse->start[w->strips] : (double)w->x->rows * (double)w->y->rows;
  return dnmf_team(w->context->threads, numbers * (double)(2 * w->padded + 8));
}

static int64_t row_parts(const work *w) {
  return (int64_t)w->context->threads * 8;
}

/* Parts of the rows with like numbers of entries. */
static void sparse_rows(void *of_call, int64_t begin, int64_t end) {
  const work *w = of_call;
  const dnmf_range rows = {0, w->strips};
  const desk s = take_desk(w);
  const int64_t last = dnmf_csr_balanced_row(w->sparse, rows, end, row_parts(w));
  for (int64_t row = dnmf_csr_balanced_row(w->sparse, rows, begin, row_parts(w)); row < last; row++)
    sparse_row(w, row, &s);
}

static void run_rows(work *w) {
  dnmf_team_run(strips_team(w), row_parts(w), sparse_rows, w);
}

static void some_strips(void *of_call, int64_t begin, int64_t end) {
  const work *w = of_call;
  const desk s = take_desk(w);
  for (int64_t strip = begin; strip < end; strip++)
    if (w->sparse)
      sparse_strip(w, strip, &s);
    else
      dense_strip(w, strip, &s);
}

static void run_strips(work *w) {
  dnmf_team_run(strips_team(w), w->strips, some_strips, w);
}

static void turn_tiles(void *of_call, int64_t begin, int64_t end) {
  const work *w = of_call;
  const int k = w->components;
  const int64_t rows = w->y->rows;
  const char *from = w->y->data;
  for (int64_t tile = begin; tile < end; tile++) {
    char *to = at(w, w->turned, tile * TILE * k);
    memset(to, 0, (size_t)(TILE * k) * w->number);
    for (int64_t j = 0; j < dnmf_at_most(rows - tile * TILE, TILE); j++)
      for (int64_t t = 0; t < k; t++)
        memcpy(to + (size_t)(t * TILE + j) * w->number, from + (size_t)((tile * TILE + j) * k + t) * w->number,
               w->number);
  }
}

/* Y's rows as the columns of tiles. */
static void turn(work *w) {
  const int64_t rows = w->y->rows;
  dnmf_team_run(dnmf_team(w->context->threads, (double)rows * w->components), tiles_of(rows), turn_tiles, w);
}

static int64_t scratch_numbers_of(int64_t padded) {
  return (int64_t)2 * TILE * TILE + (2 * TILE + 1) * padded;
}

static dnmf_status divergence_allocate(work *w, bool tiles) {
  dnmf_error *error = &w->context->error;
  const dnmf_panel *fixed = w->by_columns ? w->x : w->y;
  void *sums = NULL;
  w->scratch_numbers = scratch_numbers_of(w->padded);
  DNMF_TRY(dnmf_allocate_zero(error, "sums of the loss", w->strips, sizeof(dnmf_divergence_sums), &sums));
  w->sums = sums;
  DNMF_TRY(dnmf_allocate(error, "a padded factor", fixed->rows * w->padded, w->number, &w->fixed));
  dnmf_pad_rows(fixed->precision, fixed->data, w->components, fixed->rows, w->fixed, w->padded);
  DNMF_TRY(
      dnmf_allocate(error, "tiles of a divergence", w->scratch_numbers * w->context->threads, w->number, &w->scratch));
  if (!tiles)
    return DNMF_OK;
  DNMF_TRY(dnmf_allocate(error, "a turned factor", tiles_of(w->y->rows) * TILE * w->components, w->number, &w->turned));
  turn(w);
  return DNMF_OK;
}

double dnmf_divergence_floor(const dnmf_matrix *a) {
  const double typical = a->sum > 0 ? a->sum_squares / a->sum : 1;
  return DNMF_DIVERGENCE_FLOOR * fmin(1, 100 * typical);
}

double dnmf_divergence_exponent(double beta) {
  if (beta < 1)
    return 1 / (2 - beta);
  return beta > 2 ? 1 / (beta - 1) : 1;
}

double dnmf_divergence_smallest(double beta, bool of_h, double mean, int components) {
  const double size = sqrt(mean / components);
  const bool wanted = of_h ? beta <= 1 : beta < 1;
  return wanted ? DBL_EPSILON * fmin(1, 128 * size) : 0;
}

static dnmf_divergence_form form_of(double beta, double floor) {
  return (dnmf_divergence_form){beta, floor, pow(floor, beta - 2), pow(floor, beta - 1)};
}

dnmf_status dnmf_diverge(dnmf_context *context, const dnmf_matrix *a, dnmf_divergence *d) {
  const bool exchanged = a->sparse && d->transposed;
  const bool tiles = !a->sparse || d->beta != 1;
  work w = {.context = context,
            .d = d,
            .form = form_of(d->beta, dnmf_divergence_floor(a)),
            .product = dense_kernels[a->precision][context->isa],
            .kernel = kernels[a->precision][context->isa],
            .number_kernel = number_kernels[a->precision][context->isa],
            .dense = a->sparse ? NULL : a,
            .sparse = !a->sparse  ? NULL
                      : exchanged ? &a->by_cols
                                  : &a->by_rows,
            .x = exchanged ? d->h : d->w,
            .y = exchanged ? d->w : d->h,
            .by_columns = !a->sparse && d->transposed,
            .number = dnmf_precision_size(a->precision),
            .components = d->w->components};
  w.padded = dnmf_round_up(w.components, w.product->vector);
  w.strips = !tiles ? w.x->rows : tiles_of(w.by_columns ? w.y->rows : w.x->rows);
  d->stored = 0;
  d->powers = 0;
  dnmf_status status = divergence_allocate(&w, tiles);
  if (status == DNMF_OK && tiles)
    run_strips(&w);
  else if (status == DNMF_OK && w.strips > 0)
    run_rows(&w);
  for (int64_t strip = 0; status == DNMF_OK && strip < w.strips; strip++) {
    d->stored += w.sums[strip].stored;
    d->powers += w.sums[strip].powers;
  }
  free(w.scratch);
  free(w.turned);
  free(w.fixed);
  free(w.sums);
  return status;
}

double dnmf_divergence_total(double beta, double stored, double powers) {
  return beta == 0 ? stored : stored + powers / beta;
}

/* What `allocate` takes when X has x rows and Y y rows; the rows of P are cut into strips, or its columns. */
static double call_bytes(bool tiles, bool by_columns, int64_t x, int64_t y, int64_t padded, int components,
                         size_t number) {
  const int64_t strips = !tiles ? x : tiles_of(by_columns ? y : x);
  const double turned = tiles ? (double)(tiles_of(y) * TILE) * components : 0;
  return dnmf_allocated_bytes((double)strips, sizeof(dnmf_divergence_sums)) +
         dnmf_allocated_bytes((double)(by_columns ? x : y) * (double)padded, number) +
         dnmf_allocated_bytes(turned, number);
}

double dnmf_divergence_bytes(const dnmf_context *context, bool sparse, dnmf_precision precision, double beta,
                             int64_t rows, int64_t cols, int components) {
  const size_t number = dnmf_precision_size(precision);
  const int64_t padded = dnmf_round_up(components, dense_kernels[precision][context->isa]->vector);
  const bool tiles = !sparse || beta != 1;
  const double for_w = call_bytes(tiles, false, rows, cols, padded, components, number);
  const double for_h = sparse ? call_bytes(tiles, false, cols, rows, padded, components, number)
                              : call_bytes(tiles, true, rows, cols, padded, components, number);
  return (for_w > for_h ? for_w : for_h) +
         dnmf_allocated_bytes((double)scratch_numbers_of(padded) * context->threads, number);
}
