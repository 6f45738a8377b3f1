/*
 * Folding rows in: the fit's loop with H fixed, over zeros on a grid of one column, or over observed entries.
 */
#include "model/transform.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "fit/observed_fit.h"
#include "fit/zeros_fit.h"
#include "init/start.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Multiplicative updates of observed entries, until the gradient has fallen to this share of the first one's. */
enum { MOST_MULTIPLICATIVE = 2000 };
static const double STANDSTILL = 1e-6;

/* --- Unstored entries are zeros ----------------------------------------------------------------------------- */

typedef struct zeros_folding {
  int64_t stored; /* entries of all processes */
  dnmf_grid grid;
  dnmf_layout layout;
  dnmf_matrix a;
  dnmf_factor w;
  dnmf_factor h;
  dnmf_fit_result fit;
} zeros_folding;

static void zeros_folding_free(zeros_folding *f) {
  dnmf_fit_result_free(&f->fit);
  dnmf_factor_free(&f->w);
  dnmf_factor_free(&f->h);
  dnmf_matrix_free(&f->a);
  dnmf_layout_free(&f->layout);
  dnmf_grid_free(&f->grid);
}

/* The matrix in the form that takes less memory: an entry is stored by rows and by columns when sparse. Consumes the
 * entries. */
static dnmf_status zeros_assemble(dnmf_context *context, int64_t rows, dnmf_precision precision, dnmf_entries *entries,
                                  const dnmf_model *model, zeros_folding *f) {
  const double number = (double)dnmf_precision_size(precision);
  f->stored = entries->count;
  dnmf_status status = dnmf_grid_create(context, context->size, 1, &f->grid);
  if (status == DNMF_OK)
    status = dnmf_agree(context, dnmf_layout_even(&context->error, &f->grid, rows, model->cols, &f->layout));
  if (status == DNMF_OK)
    status = dnmf_sum_int64(context, context->comm, &f->stored, 1);
  const bool sparse =
      2 * (number + (double)sizeof(int32_t)) * (double)f->stored < number * (double)rows * (double)model->cols;
  if (status != DNMF_OK) {
    dnmf_entries_free(entries);
    return status;
  }
  DNMF_TRY(dnmf_matrix_from_entries(context, &f->layout, precision, sparse, DNMF_DUPLICATES_LAST, entries, &f->a));
  return dnmf_matrix_finish(context, &f->layout, &f->a);
}

/* The model's H, and the start of W: flat for multiplicative updates, else zero. */
static dnmf_status zeros_start(dnmf_context *context, const dnmf_settings *settings, const dnmf_model *model,
                               zeros_folding *f) {
  const dnmf_panel *h = &model->h;
  dnmf_status status = dnmf_factor_create_w(context, &f->layout, model->components, h->precision, &f->w);
  if (status == DNMF_OK)
    status = dnmf_factor_create_h(context, &f->layout, model->components, h->precision, &f->h);
  DNMF_TRY(dnmf_agree(context, status));
  if (h->rows > 0)
    memcpy(f->h.mine.data, h->data, (size_t)(h->rows * h->components) * dnmf_precision_size(h->precision));
  if (settings->loss.divergence)
    dnmf_start_flat(&f->a, &f->w);
  return DNMF_OK;
}

static dnmf_status zeros_measure(dnmf_context *context, const dnmf_settings *settings, const zeros_folding *f,
                                 dnmf_transform_result *result) {
  const dnmf_penalties *penalties = &settings->penalties;
  double penalty = 0;
  if (penalties->l1_w > 0)
    penalty += penalties->l1_w * dnmf_panel_sum(&f->w.mine);
  if (penalties->l2_w > 0)
    penalty += 0.5 * penalties->l2_w * dnmf_panel_dot(context, &f->w.mine, &f->w.mine);
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, &penalty, 1));
  *result = (dnmf_transform_result){.loss = f->fit.loss,
                                    .penalty = penalty,
                                    .entries = f->stored,
                                    .empty_rows = f->a.empty_rows,
                                    .iterations = f->fit.iterations};
  return DNMF_OK;
}

/* The new rows take the place of the old ones. */
static void zeros_install(zeros_folding *f, dnmf_model *model) {
  dnmf_panel_free(&model->w);
  model->w = f->w.mine;
  model->rows = f->w.rows;
  model->owned_rows = f->w.owned;
  if (f->w.group_size == 1)
    f->w.gathered = (dnmf_panel){0};
  f->w.mine = (dnmf_panel){0};
}

static dnmf_status fold_zeros(dnmf_context *context, const dnmf_settings *settings, int64_t rows, dnmf_entries *entries,
                              dnmf_model *model, dnmf_transform_result *result) {
  zeros_folding f = {0};
  dnmf_status status = zeros_assemble(context, rows, model->h.precision, entries, model, &f);
  if (status == DNMF_OK)
    status = zeros_start(context, settings, model, &f);
  if (status == DNMF_OK)
    status = dnmf_fit_zeros(context, settings, &f.a, &f.w, &f.h, &f.fit);
  if (status == DNMF_OK)
    status = zeros_measure(context, settings, &f, result);
  if (status == DNMF_OK)
    zeros_install(&f, model);
  zeros_folding_free(&f);
  return status;
}

/* --- Unstored entries are unobserved ------------------------------------------------------------------------ */

typedef struct folding {
  dnmf_context *context;
  const dnmf_settings *settings;
  dnmf_model *model;
  int64_t rows;       /* new, over all processes */
  bool biased;        /* panels carry a bias behind the components */
  dnmf_ratings frame; /* only its ranges: even shares of the new rows and of the model's columns */
  dnmf_ratings_view view;
  int draws;          /* that the model's components are of; 1: it is not of a chain */
  dnmf_panel fixed;   /* the owned columns of H, with their biases; of one draw */
  dnmf_panel x;       /* the owned new rows, with their biases; likewise */
  dnmf_panel all;     /* with several draws, the new rows of all, and the mean of the biases */
  dnmf_panel of_cols; /* what the model's columns bring to them, of one draw */
  dnmf_panel terms;   /* implicit, of x, where the model's rows have some */
  dnmf_panel biases;  /* ... of each */
  dnmf_fit_result fit;
} folding;

static void folding_free(folding *f) {
  dnmf_fit_result_free(&f->fit);
  free(f->frame.by_rows.bounds);
  free(f->frame.by_cols.bounds);
  dnmf_ratings_view_free(&f->view);
  dnmf_panel_free(&f->fixed);
  dnmf_panel_free(&f->x);
  dnmf_panel_free(&f->terms);
  dnmf_panel_free(&f->of_cols);
  dnmf_panel_free(&f->all);
  dnmf_panel_free(&f->biases);
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

static dnmf_status create_fixed(folding *f) {
  const dnmf_panel *h = &f->model->h;
  return dnmf_panel_create(&f->context->error, "H", h->rows, h->components / f->draws + (f->biased ? 1 : 0),
                           h->precision, &f->fixed);
}

/* f->fixed = H's owned columns, of a draw, and their biases as rows of one panel; f->of_cols likewise. */
static void join_bias(folding *f, int draw) {
  const dnmf_panel *h = &f->model->h;
  const double *bias = f->model->bias.col;
  const int k = h->components / f->draws;
  for (int64_t j = 0; j < h->rows; j++) {
    for (int c = 0; c < k; c++)
      dnmf_panel_set(&f->fixed, j, c, dnmf_panel_get(h, j, draw * k + c));
    if (f->biased && f->model->samples > 0)
      dnmf_panel_set(&f->fixed, j, k, dnmf_panel_get(&f->model->col_samples, j, draw));
    else if (f->biased && bias)
      dnmf_panel_set(&f->fixed, j, k, bias[j]);
  }
  for (int64_t j = 0; j < f->of_cols.rows; j++)
    for (int c = 0; c <= k; c++)
      dnmf_panel_set(&f->of_cols, j, c, dnmf_panel_get(&f->model->terms, j, draw * (k + 1) + c));
}

static bool has_terms(const folding *f) {
  return f->model->terms.components > 0;
}

/* Everything the loop works on. collective */
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
    status = create_fixed(f);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_ratings_attach(context, &f->frame, entries, &f->view));
  status =
      dnmf_panel_create(&context->error, "new rows of W", f->view.entries.rows, f->fixed.components, precision, &f->x);
  if (status == DNMF_OK && has_terms(f))
    status = dnmf_panel_create(&context->error, "implicit terms", f->x.rows, f->x.components, precision, &f->terms);
  if (status == DNMF_OK && has_terms(f))
    status =
        dnmf_panel_create(&context->error, "implicit terms", f->fixed.rows, f->x.components, precision, &f->of_cols);
  return dnmf_agree(context, status);
}

/* Positive numbers, from which multiplicative updates can go anywhere. */
static void start_positive(folding *f) {
  for (int64_t row = 0; row < f->x.rows; row++)
    for (int c = 0; c < f->x.components; c++)
      dnmf_panel_set(&f->x, row, c, 1.0 / f->model->components);
}

/* Sum and sum of squares of the entries, how many there are, and rows without any; over all processes. */
static dnmf_status count_entries(const folding *f, double sums[2], int64_t counts[2]) {
  const dnmf_csr *entries = &f->view.entries;
  const dnmf_number number = dnmf_number_of(f->x.precision, entries->narrow);
  counts[0] = entries->start[entries->rows];
  for (int64_t row = 0; row < entries->rows; row++)
    counts[1] += entries->start[row] == entries->start[row + 1] ? 1 : 0;
  for (int64_t e = 0; e < counts[0]; e++) {
    const double value = dnmf_number_at(number, entries->value, e);
    sums[0] += value;
    sums[1] += value * value;
  }
  DNMF_TRY(dnmf_sum_doubles(f->context, f->context->comm, sums, 2));
  return dnmf_sum_int64(f->context, f->context->comm, counts, 2);
}

/* 0 where the model does not say. */
static double number_of(const dnmf_model *model, const char *name) {
  double number = 0;
  dnmf_model_number(model, name, &number);
  return number;
}

/* A row of which nothing is known is the mean row where rows are fitted around a level. */
static void settle_unknown_rows(folding *f, dnmf_panel *x) {
  const dnmf_model *model = f->model;
  const int64_t *start = f->view.entries.start;
  if (!model->mean_row || number_of(model, "level") <= 0)
    return;
  for (int64_t row = 0; row < x->rows; row++) {
    if (start[row] != start[row + 1])
      continue;
    for (int c = 0; c < model->components; c++)
      dnmf_panel_set(x, row, c, model->mean_row[c]);
    if (x->components > model->components)
      dnmf_panel_set(x, row, model->components, number_of(model, "unknown_row_bias"));
    for (int draw = 0; draw < f->biases.components; draw++)
      dnmf_panel_set(&f->biases, row, draw, number_of(model, "unknown_row_bias"));
  }
}

/* The new rows with the H of a draw; of all draws together, the result is that of the last. */
static dnmf_status solve_draw(folding *f, int draw, dnmf_transform_result *result) {
  const dnmf_model *model = f->model;
  double sums[2] = {0, 0};
  int64_t counts[2] = {0, 0};
  DNMF_TRY(count_entries(f, sums, counts));
  dnmf_settings settings = *f->settings;
  settings.components /= f->draws;
  join_bias(f, draw);
  if (f->settings->loss.divergence)
    start_positive(f);
  const dnmf_observed_fold fold = {
      .view = &f->view,
      .fixed = &f->fixed,
      .mean = model->bias.fitted ? model->bias.mean : 0,
      .rows = f->rows,
      .fixed_rows = model->cols,
      .mean_row = model->mean_row,
      .level = number_of(model, "level"),
      .bias_line = {number_of(model, "row_bias_at_none"), number_of(model, "row_bias_slope")},
      .of_cols = has_terms(f) ? &f->of_cols : NULL,
      .row_terms = &f->terms,
      .sum = sums[0],
      .sum_squares = sums[1]};
  DNMF_TRY(dnmf_fold_observed(f->context, &settings, &fold, &f->x, &f->fit));
  *result = (dnmf_transform_result){.loss = f->fit.loss,
                                    .penalty = f->fit.objective - f->fit.loss,
                                    .entries = counts[0],
                                    .empty_rows = counts[1],
                                    .iterations = f->fit.iterations};
  return DNMF_OK;
}

/* The rows of a draw beside those of the others. */
static void collect_draw(folding *f, int draw) {
  const int k = f->model->components / f->draws;
  for (int64_t row = 0; row < f->x.rows; row++) {
    const double bias = f->biased ? dnmf_panel_get(&f->x, row, k) : 0;
    const double before = dnmf_panel_get(&f->all, row, f->model->components);
    for (int c = 0; c < k; c++)
      dnmf_panel_set(&f->all, row, draw * k + c, dnmf_panel_get(&f->x, row, c) / f->draws);
    dnmf_panel_set(&f->all, row, f->model->components, before + bias / f->draws);
    dnmf_panel_set(&f->biases, row, draw, bias);
  }
}

/* f->x = the new rows; of a chain's draws, each with its own H. */
static dnmf_status solve_observed(folding *f, dnmf_transform_result *result) {
  dnmf_error *error = &f->context->error;
  if (f->model->samples > 0) {
    dnmf_status status =
        dnmf_panel_create(error, "new rows of W", f->x.rows, f->model->components + 1, f->x.precision, &f->all);
    if (status == DNMF_OK)
      status = dnmf_panel_create(error, "biases of draws", f->x.rows, f->draws, DNMF_DOUBLE, &f->biases);
    DNMF_TRY(dnmf_agree(f->context, status));
  }
  const dnmf_reporter reporter = f->context->reporter;
  const dnmf_reporter silent = {0};
  for (int draw = 0; draw < f->draws; draw++) {
    f->context->reporter = draw + 1 < f->draws ? silent : reporter; /* the last speaks for all */
    const dnmf_status status = solve_draw(f, draw, result);
    f->context->reporter = reporter;
    DNMF_TRY(status);
    if (f->model->samples == 0)
      continue;
    dnmf_fit_result_free(&f->fit);
    collect_draw(f, draw);
  }
  if (f->model->samples > 0) {
    dnmf_panel_free(&f->x);
    f->x = f->all;
    f->all = (dnmf_panel){0};
  }
  settle_unknown_rows(f, &f->x);
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
  if (model->samples > 0) {
    dnmf_panel_free(&model->row_samples);
    model->row_samples = f->biases;
    f->biases = (dnmf_panel){0};
  }
  if (model->bias.row) {
    free(model->bias.row);
    model->bias.row = bias;
  }
  model->rows = f->rows;
  model->owned_rows = f->view.owned;
  return DNMF_OK;
}

static dnmf_status fold_observed(dnmf_context *context, const dnmf_settings *settings, int64_t rows,
                                 dnmf_entries *entries, dnmf_model *model, dnmf_transform_result *result) {
  folding f = {.context = context,
               .settings = settings,
               .model = model,
               .rows = rows,
               .biased = model->bias.fitted,
               .draws = model->samples > 0 ? model->samples : 1};
  dnmf_status status = prepare(&f, entries);
  dnmf_entries_free(entries);
  if (status == DNMF_OK)
    status = solve_observed(&f, result);
  if (status == DNMF_OK)
    status = dnmf_agree(context, install(&f));
  folding_free(&f);
  return status;
}

dnmf_status dnmf_transform(dnmf_context *context, dnmf_missing missing, const dnmf_settings *settings, int64_t rows,
                           dnmf_entries *entries, dnmf_model *model, dnmf_transform_result *result) {
  memset(result, 0, sizeof *result);
  return missing == DNMF_MISSING_UNOBSERVED ? fold_observed(context, settings, rows, entries, model, result)
                                            : fold_zeros(context, settings, rows, entries, model, result);
}

/* Rows are solved exactly, at once; divergences are iterated as far as the fit was, or over observed entries until they
 * stand still. */
static void settle_iterations(const dnmf_model *model, dnmf_missing missing, dnmf_settings *settings) {
  double most_iterations = 200;
  settings->tolerance = 1e-4;
  settings->solver = settings->loss.divergence ? DNMF_SOLVER_MU : DNMF_SOLVER_BPP;
  if (dnmf_model_text_is(model, "solver", "newton"))
    settings->solver = DNMF_SOLVER_NEWTON;
  settings->stop = DNMF_STOP_OBJECTIVE;
  if (!settings->loss.divergence) {
    settings->max_iterations = 1;
    settings->tolerance = 0;
  } else if (missing == DNMF_MISSING_UNOBSERVED) {
    settings->stop = DNMF_STOP_GRADIENT;
    settings->max_iterations = MOST_MULTIPLICATIVE;
    settings->tolerance = STANDSTILL;
  } else {
    dnmf_model_number(model, "max_iter", &most_iterations);
    dnmf_model_number(model, "tol", &settings->tolerance);
    settings->max_iterations = most_iterations < INT_MAX ? (int)most_iterations : INT_MAX;
  }
}

/* What entries that are not stored counted in the fit. */
static void read_weak(const dnmf_model *model, dnmf_weak_settings *weak) {
  if (!dnmf_model_is_weak(model))
    return;
  *weak = (dnmf_weak_settings){.on = true, .epsilon = 1, .target_one = dnmf_model_is_implicit(model)};
  dnmf_model_number(model, "missing_weight", &weak->weight);
  dnmf_model_number(model, "alpha", &weak->alpha);
  dnmf_model_number(model, "epsilon", &weak->epsilon);
  dnmf_model_number(model, "like", &weak->like);
  if (dnmf_model_text_is(model, "confidence", "linear"))
    weak->confidence = DNMF_CONFIDENCE_LINEAR;
  else if (dnmf_model_text_is(model, "confidence", "log"))
    weak->confidence = DNMF_CONFIDENCE_LOG;
}

dnmf_status dnmf_transform_settings(dnmf_error *error, const dnmf_model *model, dnmf_missing *missing,
                                    dnmf_settings *settings) {
  *missing = dnmf_model_is_observed(model) ? DNMF_MISSING_UNOBSERVED : DNMF_MISSING_ZERO;
  *settings =
      (dnmf_settings){.components = model->components, .fixed = DNMF_FIXED_H, .time_limit = INFINITY, .sweeps = 1};
  dnmf_penalties *penalties = &settings->penalties;
  const dnmf_attribute *loss = dnmf_model_attribute(model, "loss");
  if (loss && loss->kind == DNMF_ATTRIBUTE_TEXT && !dnmf_loss_parse(loss->text, &settings->loss))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the model was fitted with the loss '%s', which is not known here",
                     loss->text);
  settings->observed.bias_rows =
      dnmf_model_text_is(model, "bias", "row") || dnmf_model_text_is(model, "bias", "row and column");
  settings->observed.bias_cols =
      dnmf_model_text_is(model, "bias", "column") || dnmf_model_text_is(model, "bias", "row and column");
  dnmf_model_number(model, "l1_w", &penalties->l1_w);
  dnmf_model_number(model, "l2_w", &penalties->l2_w);
  dnmf_model_number(model, "l2_bias", &settings->observed.l2_bias);
  read_weak(model, &settings->observed.weak);
  if (*missing == DNMF_MISSING_UNOBSERVED) {
    penalties->scale = DNMF_PENALTY_COUNT;
    dnmf_model_number(model, "count_power", &penalties->count_power);
    dnmf_model_number(model, "count_extra", &penalties->count_extra);
    settings->observed.around_level = dnmf_model_text_is(model, "shrink_to", "level");
    if (settings->loss.divergence && !dnmf_loss_is(settings->loss, 1))
      return dnmf_fail(
          error, DNMF_ERROR_USAGE,
          "the model was fitted to a matrix with missing cells under the loss %s; rows are folded into such "
          "a model under frobenius or kullback-leibler only",
          loss->text);
  }
  if (dnmf_model_text_is(model, "penalty_scale", "dimension")) {
    penalties->l1_w *= (double)model->cols;
    penalties->l2_w *= (double)model->cols;
  }
  settle_iterations(model, *missing, settings);
  return DNMF_OK;
}
