/*
 * Folding rows in: the entries go to the rows' processes, the columns of H they need are fetched, each process
 * solves its rows.
 */
#include "transform_divergence.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "matrix/product.h"
#include "matrix/ratings.h"
#include "solve/observed.h"
#include "solve/solver.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Multiplicative updates, until the gradient has fallen to this share of the first one's. */
enum { MOST_MULTIPLICATIVE = 2000 };
static const double STANDSTILL = 1e-6;

typedef struct folding {
  dnmf_context *context;
  const dnmf_transform_options *options;
  dnmf_model *model;
  int64_t rows;       /* new, over all processes */
  bool biased;        /* panels carry a bias behind the components */
  dnmf_ratings frame; /* only its ranges: even shares of the new rows and of the model's columns */
  dnmf_ratings_view view;
  dnmf_panel fixed;  /* the owned columns of H, with their biases */
  dnmf_panel needed; /* those the rows need */
  dnmf_panel x;      /* the owned new rows, with their biases */
} folding;

static void folding_free(folding *f) {
  free(f->frame.by_rows.bounds);
  free(f->frame.by_cols.bounds);
  dnmf_ratings_view_free(&f->view);
  dnmf_panel_free(&f->fixed);
  dnmf_panel_free(&f->needed);
  dnmf_panel_free(&f->x);
}

static dnmf_status even_shares(dnmf_context *context, int64_t rows, dnmf_ratings_view *view) {
  void *memory = NULL;
  dnmf_range all = {0, rows};
  DNMF_TRY(dnmf_allocate(&context->error, "range bounds", context->size + 1, sizeof(int64_t), &memory));
  view->bounds = memory;
  for (int p = 0; p < context->size; p++)
    view->bounds[p] = dnmf_range_split(all, context->size, p).begin;
  view->bounds[context->size] = rows;
  view->owned = dnmf_range_split(all, context->size, context->rank);
  return DNMF_OK;
}

/* f->fixed = H's owned columns and their biases as rows of one panel. */
static dnmf_status join_bias(folding *f) {
  const dnmf_panel *h = &f->model->h;
  const double *bias = f->model->bias.col;
  DNMF_TRY(dnmf_panel_create(&f->context->error, "H", h->rows, h->components + (f->biased ? 1 : 0), h->precision,
                             &f->fixed));
  for (int64_t j = 0; j < h->rows; j++) {
    for (int c = 0; c < h->components; c++)
      dnmf_panel_set(&f->fixed, j, c, dnmf_panel_get(h, j, c));
    if (f->biased && bias)
      dnmf_panel_set(&f->fixed, j, h->components, bias[j]);
  }
  return DNMF_OK;
}

/* Everything the solvers work on. collective */
static dnmf_status prepare(folding *f, dnmf_entries *entries) {
  dnmf_context *context = f->context;
  dnmf_precision precision = f->model->h.precision;
  f->frame.rows = f->rows;
  f->frame.cols = f->model->cols;
  f->frame.precision = precision;
  dnmf_status status = even_shares(context, f->rows, &f->frame.by_rows);
  if (status == DNMF_OK)
    status = even_shares(context, f->model->cols, &f->frame.by_cols);
  if (status == DNMF_OK)
    status = join_bias(f);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_ratings_attach(context, &f->frame, entries, &f->view));
  status = dnmf_panel_create(&context->error, "needed columns of H", f->view.needed_count + DNMF_OBSERVED_SLACK,
                             f->fixed.components, precision, &f->needed);
  f->needed.rows = f->view.needed_count;
  if (status == DNMF_OK)
    status = dnmf_panel_create(&context->error, "new rows of W", f->view.entries.rows, f->fixed.components, precision,
                               &f->x);
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_ratings_gather(context, &f->view, &f->fixed, &f->needed);
}

/* Positive numbers, from which multiplicative updates can go anywhere. */
static void start_positive(folding *f) {
  for (int64_t row = 0; row < f->x.rows; row++)
    for (int c = 0; c < f->x.components; c++)
      dnmf_panel_set(&f->x, row, c, 1.0 / f->model->components);
}

static dnmf_status solve_observed(folding *f, dnmf_transform_result *result) {
  const dnmf_transform_options *options = f->options;
  dnmf_context *context = f->context;
  dnmf_observed_update update = {.rows = f->x.rows,
                                 .start = f->view.entries.start,
                                 .index = f->view.entries.index,
                                 .value = f->view.entries.value,
                                 .narrow = f->view.entries.narrow,
                                 .components = f->model->components,
                                 .stride = f->x.components,
                                 .fixed = f->needed.data,
                                 .x = f->x.data,
                                 .bias = f->biased,
                                 .fit_bias = options->bias_rows,
                                 .mean = f->model->bias.fitted ? f->model->bias.mean : 0,
                                 .l1 = options->l1,
                                 .l2 = options->l2,
                                 .count_power = options->count_power,
                                 .center = f->model->mean_row,
                                 .l2_bias = options->l2_bias,
                                 .sweeps = 1,
                                 .kullback_leibler = options->loss.divergence};
  dnmf_solver solver = options->loss.divergence ? DNMF_SOLVER_MU : DNMF_SOLVER_BPP;
  double first = 0;
  dnmf_status status = DNMF_OK;
  if (options->loss.divergence)
    start_positive(f);
  for (int sweep = 0; sweep < (options->loss.divergence ? MOST_MULTIPLICATIVE : 1) && status == DNMF_OK; sweep++) {
    status = dnmf_observed_rows(solver, f->x.precision, context->isa, context->threads, &update, &context->error);
    first = sweep == 0 ? update.violation : first;
    if (update.violation <= STANDSTILL * first)
      break;
  }
  result->loss = update.loss;
  result->penalty = update.penalty;
  return status;
}

/* Loss and penalty with zeros: 1/2 (|a|^2 - 2 <a H', w> + <w H H', w>). */
static void sum_squares(const folding *f, const dnmf_panel *products, const double *gram,
                        dnmf_transform_result *result) {
  const int k = f->model->components;
  const dnmf_csr *entries = &f->view.entries;
  double squares = 0;
  for (int64_t e = 0; e < entries->start[entries->rows]; e++) {
    double value = dnmf_number_at(dnmf_number_of(f->x.precision, entries->narrow), entries->value, e);
    squares += value * value;
  }
  for (int64_t row = 0; row < f->x.rows; row++)
    for (int c = 0; c < k; c++) {
      double w = dnmf_panel_get(&f->x, row, c);
      double slope = -2 * dnmf_panel_get(products, row, c);
      for (int d = 0; d < k; d++)
        slope += gram[(int64_t)c * k + d] * dnmf_panel_get(&f->x, row, d);
      squares += w * slope;
      result->penalty += f->options->l1 * w + 0.5 * f->options->l2 * w * w;
    }
  result->loss = squares > 0 ? squares / 2 : 0;
}

static dnmf_status solve_zeros(folding *f, dnmf_transform_result *result) {
  dnmf_context *context = f->context;
  const int k = f->model->components;
  void *gram = NULL;
  dnmf_panel products = {0};
  dnmf_matrix a = {.sparse = true,
                   .precision = f->x.precision,
                   .narrow = f->view.entries.narrow,
                   .rows = f->rows,
                   .cols = f->view.needed_count,
                   .row_range = f->view.owned,
                   .col_range = {0, f->view.needed_count},
                   .by_rows = f->view.entries};
  dnmf_status status = dnmf_allocate(&context->error, "a Gram matrix", (int64_t)k * k, sizeof(double), &gram);
  if (status == DNMF_OK)
    status = dnmf_panel_create(&context->error, "products", f->x.rows, k, f->x.precision, &products);
  if (status == DNMF_OK)
    status = dnmf_panel_gram(context, &f->fixed, gram);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_sum_doubles(context, context->comm, gram, (int64_t)k * k);
  if (status == DNMF_OK)
    status = dnmf_multiply(context, &a, &f->needed, &products);
  dnmf_update update = {.rows = f->x.rows,
                        .components = k,
                        .x = f->x.data,
                        .products = products.data,
                        .gram = gram,
                        .l1 = f->options->l1,
                        .l2 = f->options->l2};
  if (status == DNMF_OK)
    status =
        dnmf_solver_update(DNMF_SOLVER_BPP, f->x.precision, context->isa, context->threads, &update, &context->error);
  if (status == DNMF_OK)
    sum_squares(f, &products, gram, result);
  dnmf_panel_free(&products);
  free(gram);
  return status;
}

static dnmf_status share(folding *f, dnmf_transform_result *result) {
  const dnmf_csr *entries = &f->view.entries;
  double sums[2] = {result->loss, result->penalty};
  int64_t counts[2] = {entries->start[entries->rows], 0};
  for (int64_t row = 0; row < entries->rows; row++)
    counts[1] += entries->start[row] == entries->start[row + 1] ? 1 : 0;
  DNMF_TRY(dnmf_sum_doubles(f->context, f->context->comm, sums, 2));
  DNMF_TRY(dnmf_sum_int64(f->context, f->context->comm, counts, 2));
  *result = (dnmf_transform_result){.loss = sums[0], .penalty = sums[1], .entries = counts[0], .empty_rows = counts[1]};
  return DNMF_OK;
}

/* The new rows take the place of the old ones. */
static dnmf_status install(folding *f) {
  dnmf_model *model = f->model;
  dnmf_panel w = {0};
  void *bias = NULL;
  void *counts = NULL;
  dnmf_error *error = &f->context->error;
  dnmf_status status = dnmf_panel_create(error, "W", f->x.rows, model->components, f->x.precision, &w);
  if (status == DNMF_OK && model->bias.row)
    status = dnmf_allocate_zero(error, "row biases", f->x.rows, sizeof(double), &bias);
  if (status == DNMF_OK && model->row_counts)
    status = dnmf_allocate(error, "observed entries", f->x.rows, sizeof(int64_t), &counts);
  if (status != DNMF_OK) {
    dnmf_panel_free(&w);
    free(bias);
    return status;
  }
  for (int64_t row = 0; row < f->x.rows; row++) {
    for (int c = 0; c < model->components; c++)
      dnmf_panel_set(&w, row, c, dnmf_panel_get(&f->x, row, c));
    if (bias && f->biased)
      ((double *)bias)[row] = dnmf_panel_get(&f->x, row, model->components);
  }
  if (model->row_counts) {
    free(model->row_counts);
    model->row_counts = counts;
    for (int64_t row = 0; row < f->x.rows; row++)
      model->row_counts[row] = f->view.entries.start[row + 1] - f->view.entries.start[row];
  }
  dnmf_panel_free(&model->w);
  model->w = w;
  if (model->bias.row) {
    free(model->bias.row);
    model->bias.row = bias;
  }
  model->rows = f->rows;
  model->owned_rows = f->view.owned;
  return DNMF_OK;
}

dnmf_status dnmf_transform(dnmf_context *context, const dnmf_transform_options *options, int64_t rows,
                           dnmf_entries *entries, dnmf_model *model, dnmf_transform_result *result) {
  bool observed = options->missing == DNMF_MISSING_UNOBSERVED;
  if (options->loss.divergence && !observed)
    return dnmf_transform_divergence(context, options, rows, entries, model, result);
  folding f = {.context = context, .options = options, .model = model, .rows = rows};
  f.biased = observed && model->bias.fitted;
  memset(result, 0, sizeof *result);
  dnmf_status status = prepare(&f, entries);
  dnmf_entries_free(entries);
  if (status == DNMF_OK)
    status = dnmf_agree(context, observed ? solve_observed(&f, result) : solve_zeros(&f, result));
  if (status == DNMF_OK)
    status = share(&f, result);
  if (status == DNMF_OK)
    status = dnmf_agree(context, install(&f));
  folding_free(&f);
  return status;
}

dnmf_status dnmf_transform_options_read(dnmf_error *error, const dnmf_model *model, dnmf_transform_options *options) {
  *options = (dnmf_transform_options){.missing = DNMF_MISSING_ZERO, .max_iterations = 200, .tolerance = 1e-4};
  if (dnmf_model_is_observed(model))
    options->missing = DNMF_MISSING_UNOBSERVED;
  const dnmf_attribute *loss = dnmf_model_attribute(model, "loss");
  if (loss && loss->kind == DNMF_ATTRIBUTE_TEXT && !dnmf_loss_parse(loss->text, &options->loss))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the model was fitted with the loss '%s', which is not known here",
                     loss->text);
  double most_iterations = options->max_iterations;
  dnmf_model_number(model, "max_iter", &most_iterations);
  options->max_iterations = most_iterations < INT_MAX ? (int)most_iterations : INT_MAX;
  dnmf_model_number(model, "tol", &options->tolerance);
  options->bias_rows = dnmf_model_text_is(model, "bias", "row") || dnmf_model_text_is(model, "bias", "row and column");
  dnmf_model_number(model, "l1_w", &options->l1);
  dnmf_model_number(model, "l2_w", &options->l2);
  dnmf_model_number(model, "l2_bias", &options->l2_bias);
  dnmf_model_number(model, "count_power", &options->count_power);
  if (dnmf_model_text_is(model, "penalty_scale", "dimension")) {
    options->l1 *= (double)model->cols;
    options->l2 *= (double)model->cols;
  }
  return DNMF_OK;
}
