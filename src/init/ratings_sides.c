#include "ratings_sides.h"

#include "base/memory.h"
#include "base/team.h"
#include "base/variant.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_AT_ONCE = 64 };

DNMF_DECLARE_VARIANTS(ratings_kernels, dnmf_ratings_kernels);

static const ratings_kernels *kernels_of(dnmf_precision precision, dnmf_isa isa) {
  static const ratings_kernels *const all[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_ratings_kernels);
  return all[precision][isa];
}

static dnmf_status create_side(dnmf_error *error, const dnmf_ratings_view *view, dnmf_precision precision, int columns,
                               double damping, ratings_side *s) {
  const int64_t rows = view->entries.rows;
  static const char what[] = "vectors of a start";
  void *weight = NULL;
  s->view = view;
  DNMF_TRY(dnmf_allocate(error, "weights of a start", rows, sizeof(double), &weight));
  s->weight = weight;
  for (int64_t row = 0; row < rows; row++)
    s->weight[row] = 1 / sqrt((double)(view->entries.start[row + 1] - view->entries.start[row]) + damping);
  DNMF_TRY(dnmf_panel_create(error, what, rows, 1, precision, &s->bias));
  DNMF_TRY(dnmf_panel_create(error, what, view->needed_count, 1, precision, &s->needed_bias));
  DNMF_TRY(dnmf_panel_create(error, what, rows, columns, precision, &s->x));
  return dnmf_panel_create(error, what, view->needed_count, columns, precision, &s->needed);
}

dnmf_status ratings_sides_create(dnmf_context *context, const dnmf_ratings *ratings, int columns, double damping,
                                 ratings_sides *sides) {
  const bool tall = ratings->rows >= ratings->cols;
  const dnmf_ratings_view *near = tall ? &ratings->by_cols : &ratings->by_rows;
  const dnmf_ratings_view *far = tall ? &ratings->by_rows : &ratings->by_cols;
  *sides = (ratings_sides){.context = context, .mean = ratings->mean, .columns = columns, .tall = tall};
  sides->kernels = kernels_of(ratings->precision, context->isa);
  DNMF_TRY(create_side(&context->error, near, ratings->precision, columns, damping, &sides->near));
  return create_side(&context->error, far, ratings->precision, columns, damping, &sides->far);
}

static void free_side(ratings_side *s) {
  free(s->weight);
  dnmf_panel_free(&s->bias);
  dnmf_panel_free(&s->needed_bias);
  dnmf_panel_free(&s->x);
  dnmf_panel_free(&s->needed);
}

void ratings_sides_free(ratings_sides *sides) {
  free_side(&sides->near);
  free_side(&sides->far);
}

typedef struct pieces_call {
  void (*rows)(const ratings_product *, int64_t, int64_t);
  const ratings_product *product;
} pieces_call;

/* Pieces of ROWS_AT_ONCE rows. */
static void over_pieces(void *of_call, int64_t begin, int64_t end) {
  const pieces_call *call = of_call;
  const int64_t count = call->product->entries->rows;
  for (int64_t row = begin * ROWS_AT_ONCE; row < count && row < end * ROWS_AT_ONCE; row += ROWS_AT_ONCE)
    call->rows(call->product, row, row + ROWS_AT_ONCE < count ? row + ROWS_AT_ONCE : count);
}

static void over_rows(const ratings_sides *sides, void (*rows)(const ratings_product *, int64_t, int64_t),
                      const ratings_product *product) {
  const int64_t count = product->entries->rows;
  const double operations = (double)product->entries->start[count] * (product->columns + 1);
  const int team = dnmf_team(sides->context->threads, operations);
  pieces_call call = {rows, product};
  dnmf_team_run(team, (count + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE, over_pieces, &call);
}

/* b = sum(a - mean - the other side's b) / (n + damping). */
static dnmf_status fit_bias(const ratings_sides *sides, const ratings_side *other, ratings_side *s) {
  DNMF_TRY(dnmf_ratings_gather(sides->context, s->view, &other->bias, &s->needed_bias));
  const ratings_product product = {.entries = &s->view->entries,
                                   .mean = sides->mean,
                                   .other = s->needed_bias.data,
                                   .weight = s->weight,
                                   .out = s->bias.data};
  over_rows(sides, sides->kernels->sum, &product);
  return DNMF_OK;
}

dnmf_status ratings_sides_fit_biases(ratings_sides *sides) {
  ratings_side *rows = sides->tall ? &sides->far : &sides->near;
  ratings_side *cols = sides->tall ? &sides->near : &sides->far;
  DNMF_TRY(fit_bias(sides, rows, cols));
  DNMF_TRY(fit_bias(sides, cols, rows));
  DNMF_TRY(fit_bias(sides, rows, cols));
  return dnmf_ratings_gather(sides->context, rows->view, &cols->bias, &rows->needed_bias);
}

dnmf_status ratings_sides_multiply(ratings_sides *sides, const ratings_side *from, ratings_side *to, bool twice) {
  DNMF_TRY(dnmf_ratings_gather(sides->context, to->view, &from->x, &to->needed));
  const ratings_product product = {.entries = &to->view->entries,
                                   .mean = sides->mean,
                                   .own = to->bias.data,
                                   .other = to->needed_bias.data,
                                   .weight = to->weight,
                                   .weight_twice = twice,
                                   .columns = sides->columns,
                                   .x = to->needed.data,
                                   .out = to->x.data};
  over_rows(sides, sides->kernels->multiply, &product);
  return DNMF_OK;
}
