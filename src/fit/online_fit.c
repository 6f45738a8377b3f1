/* A batch at a time: its rows, then H. */
#include "fit/online_fit.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "comm/node_memory.h"
#include "fit/online_update.h"
#include "matrix/divergence.h"
#include "matrix/product.h"
#include "solve/solver.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- Memory ------------------------------------------------------------------------------------------------ */

static dnmf_status online_allocate(dnmf_context *context, dnmf_online *s, int64_t cols, int components) {
  dnmf_error *error = &context->error;
  DNMF_TRY(dnmf_layout_even(error, &s->grid, context->size, cols, &s->layout));
  DNMF_TRY(dnmf_factor_create_h(context, &s->layout, components, s->precision, &s->h));
  if (s->loss.divergence && s->loss.beta != 1)
    DNMF_TRY(dnmf_factor_add_denominators(context, &s->h));
  const int64_t owned = s->h.mine.rows;
  DNMF_TRY(dnmf_panel_create(error, "numerators of H", owned, components, s->precision, &s->numerators));
  DNMF_TRY(dnmf_panel_create(error, "denominators of H", owned, components, s->precision, &s->divisors));
  for (int64_t row = 0; row < owned; row++)
    for (int c = 0; c < components; c++)
      dnmf_panel_set(&s->divisors, row, c, 1);
  return DNMF_OK;
}

/* H and the sums of its update whole, its numerators and denominators for the owned columns, and Gram matrices. */
static dnmf_status check_memory_of_h(dnmf_context *context, const dnmf_online *s, double cols, double k) {
  const double whole = s->loss.divergence && s->loss.beta != 1 ? 3 : 2;
  const double grams = s->loss.divergence ? 0 : 2;
  const double size = (double)dnmf_precision_size(s->precision);
  const double bytes = size * k * cols * (whole + 3. / context->size) + grams * k * k * (double)sizeof(double);
  return dnmf_check_memory(context, "H of an online fit", "use fewer components", bytes);
}

dnmf_status dnmf_online_check_rows(dnmf_context *context, const dnmf_online *online, int64_t rows) {
  const double panels = online->loss.divergence ? 4 : 3;
  const double numbers = panels * (double)rows * online->h.components;
  return dnmf_check_memory(context, "W of a batch", "give fewer rows at a time, or use more machines",
                           numbers * (double)dnmf_precision_size(online->precision));
}

dnmf_status dnmf_online_open(dnmf_context *context, int64_t cols, int components, dnmf_online *online) {
  DNMF_TRY(check_memory_of_h(context, online, (double)cols, components));
  DNMF_TRY(dnmf_grid_create(context, context->size, 1, &online->grid));
  return dnmf_agree(context, online_allocate(context, online, cols, components));
}

void dnmf_online_close(dnmf_online *online) {
  dnmf_panel_free(&online->divisors);
  dnmf_panel_free(&online->numerators);
  dnmf_factor_free(&online->h);
  dnmf_layout_free(&online->layout);
  dnmf_grid_free(&online->grid);
}

dnmf_status dnmf_online_share_h(dnmf_context *context, dnmf_online *online) {
  return dnmf_factor_gather(context, &online->h);
}

/* --- Rows of a batch --------------------------------------------------------------------------------------- */

/* What the updates of a batch's rows need; with the squared error it is the same for all of them. */
typedef struct online_rows {
  dnmf_panel numerators; /* A_b H', or those of the divergence */
  dnmf_panel denominators;
  dnmf_panel before; /* W_b, to see how much it changes */
  double *gram;      /* H H', or the sums of H's columns */
} online_rows;

static void online_rows_free(online_rows *r) {
  dnmf_panel_free(&r->numerators);
  dnmf_panel_free(&r->denominators);
  dnmf_panel_free(&r->before);
  free(r->gram);
}

static dnmf_status online_rows_prepare(dnmf_context *context, const dnmf_online *s, const dnmf_matrix *a, int64_t rows,
                                       online_rows *r) {
  const int k = s->h.components;
  dnmf_error *error = &context->error;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "a Gram matrix", (int64_t)k * k, sizeof(double), &memory));
  r->gram = memory;
  DNMF_TRY(dnmf_panel_create(error, "products of a batch", rows, k, s->precision, &r->numerators));
  DNMF_TRY(dnmf_panel_create(error, "rows of a batch", rows, k, s->precision, &r->before));
  if (s->loss.divergence) {
    dnmf_panel_sum_columns(&s->h.gathered, r->gram);
    return dnmf_panel_create(error, "denominators of a batch", rows, k, s->precision, &r->denominators);
  }
  DNMF_TRY(dnmf_panel_gram(context, &s->h.gathered, r->gram));
  return dnmf_multiply(context, a, &s->h.gathered, &r->numerators);
}

static dnmf_status online_update_rows(dnmf_context *context, const dnmf_online *s, const dnmf_matrix *a, online_rows *r,
                                      dnmf_panel *w) {
  const double l1 = s->l1_w * (double)a->cols;
  const double l2 = s->l2_w * (double)a->cols;
  const double beta = s->loss.beta;
  if (!s->loss.divergence) {
    dnmf_update update = {.rows = w->rows,
                          .components = w->components,
                          .x = w->data,
                          .products = r->numerators.data,
                          .gram = r->gram,
                          .l1 = l1,
                          .l2 = l2};
    return dnmf_solver_update(DNMF_SOLVER_MU, s->precision, context->isa, context->threads, &update, &context->error);
  }
  dnmf_divergence d = {
      .beta = beta, .w = w, .h = &s->h.gathered, .numerators = &r->numerators, .denominators = &r->denominators};
  DNMF_TRY(dnmf_diverge(context, a, &d));
  dnmf_ratio ratio = {.rows = w->rows,
                      .components = w->components,
                      .x = w->data,
                      .numerators = r->numerators.data,
                      .denominators = beta == 1 ? NULL : r->denominators.data,
                      .sums = r->gram,
                      .l1 = l1,
                      .l2 = l2,
                      .exponent = dnmf_divergence_exponent(beta),
                      .smallest = dnmf_divergence_smallest(beta, false, dnmf_matrix_mean(a), w->components)};
  return dnmf_solver_multiply(s->precision, context->isa, context->threads, &ratio, &context->error);
}

/* |X - before| / |X|; `before` becomes the difference. collective */
static dnmf_status online_change(dnmf_context *context, const dnmf_panel *x, dnmf_panel *before, double *change) {
  dnmf_panel_combine(context, -1, before, 1, x);
  double squares[2] = {dnmf_panel_dot(context, before, before), dnmf_panel_dot(context, x, x)};
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, squares, 2));
  *change = squares[1] > 0 ? sqrt(squares[0] / squares[1]) : 0;
  return DNMF_OK;
}

static void online_copy(const dnmf_panel *from, dnmf_panel *to) {
  if (from->rows > 0)
    memcpy(to->data, from->data, (size_t)(from->rows * from->components) * dnmf_precision_size(from->precision));
}

static void online_start_flat(const dnmf_matrix *a, dnmf_panel *w) {
  const double value = sqrt(dnmf_matrix_mean(a) / w->components);
  for (int64_t row = 0; row < w->rows; row++)
    for (int c = 0; c < w->components; c++)
      dnmf_panel_set(w, row, c, value);
}

dnmf_status dnmf_online_fit_rows(dnmf_context *context, dnmf_online *online, const dnmf_matrix *a, bool from_flat,
                                 dnmf_panel *w) {
  const int updates = from_flat ? online->updates : 1;
  double change = INFINITY;
  online_rows r = {.gram = NULL};
  dnmf_status status = dnmf_agree(context, online_rows_prepare(context, online, a, w->rows, &r));
  if (from_flat)
    online_start_flat(a, w);
  for (int at = 0; at < updates && status == DNMF_OK && !(online->tolerance > 0 && change <= online->tolerance); at++) {
    online_copy(w, &r.before);
    status = dnmf_agree(context, online_update_rows(context, online, a, &r, w));
    if (status == DNMF_OK && updates > 1 && online->tolerance > 0)
      status = online_change(context, w, &r.before, &change);
  }
  online_rows_free(&r);
  return status;
}

/* --- H ----------------------------------------------------------------------------------------------------- */

/* This process's part of the sums over the rows of a batch that H's update and the loss need. */
typedef struct online_sums {
  int64_t count;
  double *values;
  double *gram;   /* W_b' W_b, or the sums of W_b's columns */
  double *stored; /* of the divergence, or <A_b, W_b H> */
  double *powers;
} online_sums;

static dnmf_status online_sums_create(dnmf_error *error, int components, online_sums *sums) {
  const int64_t squares = (int64_t)components * components;
  void *memory = NULL;
  sums->count = squares + 2;
  DNMF_TRY(dnmf_allocate_zero(error, "sums of a batch", sums->count, sizeof(double), &memory));
  sums->values = memory;
  sums->gram = sums->values;
  sums->stored = sums->values + squares;
  sums->powers = sums->stored + 1;
  return DNMF_OK;
}

static double online_total(const double *a, const double *b, int64_t count) {
  double total = 0;
  for (int64_t i = 0; i < count; i++)
    total += a[i] * b[i];
  return total;
}

/* The batch's contribution to H into h.partial, and its sums. local */
static dnmf_status online_contribute(dnmf_context *context, dnmf_online *s, const dnmf_matrix *a, const dnmf_panel *w,
                                     online_sums *sums) {
  DNMF_TRY(online_sums_create(&context->error, w->components, sums));
  if (!s->loss.divergence) {
    DNMF_TRY(dnmf_panel_gram(context, w, sums->gram));
    DNMF_TRY(dnmf_multiply_transposed(context, a, w, &s->h.partial));
    *sums->stored = dnmf_panel_dot(context, &s->h.partial, &s->h.gathered);
    return DNMF_OK;
  }
  dnmf_divergence d = {.beta = s->loss.beta,
                       .transposed = true,
                       .w = w,
                       .h = &s->h.gathered,
                       .numerators = &s->h.partial,
                       .denominators = &s->h.partial_denominators,
                       .want_loss = true};
  DNMF_TRY(dnmf_diverge(context, a, &d));
  if (s->loss.beta == 1)
    dnmf_panel_sum_columns(w, sums->gram);
  *sums->stored = d.stored;
  *sums->powers = d.powers;
  return DNMF_OK;
}

/* From the sums over all processes, before H changes. */
static dnmf_status online_loss(dnmf_context *context, const dnmf_online *s, const dnmf_matrix *a,
                               const online_sums *sums, double *loss) {
  const int64_t k = s->h.components;
  const double beta = s->loss.beta;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(&context->error, "a Gram matrix", k * k, sizeof(double), &memory));
  double *of_h = memory;
  dnmf_status status = DNMF_OK;
  if (!s->loss.divergence) {
    status = dnmf_panel_gram(context, &s->h.gathered, of_h);
    *loss = 0.5 * fmax(0, a->sum_squares - 2 * *sums->stored + online_total(sums->gram, of_h, k * k));
  } else {
    dnmf_panel_sum_columns(&s->h.gathered, of_h);
    *loss = dnmf_divergence_total(beta, *sums->stored, beta == 1 ? online_total(sums->gram, of_h, k) : *sums->powers);
  }
  free(of_h);
  return status;
}

/* n, d and the owned columns of H */
static void online_update_h(dnmf_context *context, dnmf_online *s, const dnmf_matrix *a, const online_sums *sums) {
  dnmf_online_update update = dnmf_online_update_of(&s->h, s->loss, dnmf_matrix_mean(a), sums->gram);
  update.numerators = s->numerators.data;
  update.denominators = s->divisors.data;
  update.keep = s->keep;
  update.l1 = s->l1_h * (double)a->rows;
  update.l2 = s->l2_h * (double)a->rows;
  dnmf_solver_update_online(s->precision, context->isa, context->threads, &update);
}

/* With what was summed on all processes. collective */
static dnmf_status online_take(dnmf_context *context, dnmf_online *s, const dnmf_matrix *a, const online_sums *sums,
                               dnmf_online_reached *reached) {
  dnmf_panel before = {0};
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, sums->values, sums->count));
  dnmf_status status = online_loss(context, s, a, sums, &reached->loss);
  DNMF_TRY(dnmf_factor_sum_scatter(context, &s->h));
  if (status == DNMF_OK)
    status = dnmf_panel_create(&context->error, "columns of H", s->h.mine.rows, s->h.components, s->precision, &before);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    online_copy(&s->h.mine, &before);
    online_update_h(context, s, a, sums);
    status = online_change(context, &s->h.mine, &before, &reached->change);
  }
  dnmf_panel_free(&before);
  return status == DNMF_OK ? dnmf_online_share_h(context, s) : status;
}

dnmf_status dnmf_online_learn(dnmf_context *context, dnmf_online *online, const dnmf_matrix *a, const dnmf_panel *w,
                              dnmf_online_reached *reached) {
  online_sums sums = {.values = NULL};
  dnmf_status status = dnmf_agree(context, online_contribute(context, online, a, w, &sums));
  if (status == DNMF_OK)
    status = online_take(context, online, a, &sums, reached);
  free(sums.values);
  return status;
}
