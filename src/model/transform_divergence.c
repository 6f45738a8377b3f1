/*
 * Folding rows in under a beta-divergence: the fit's own loop with H fixed, on a grid of one column, where each process
 * owns the rows and columns that it does in a model. The start is flat, as scikit-learn's.
 */
#include "transform_divergence.h"

#include "comm/collective.h"
#include "fit/fit.h"
#include "init/start.h"

#include <math.h>
#include <string.h>

typedef struct folding {
  int64_t stored; /* entries of all processes */
  dnmf_grid grid;
  dnmf_layout layout;
  dnmf_matrix a;
  dnmf_factor w;
  dnmf_factor h;
  dnmf_fit_result fit;
} folding;

static void folding_free(folding *f) {
  dnmf_fit_result_free(&f->fit);
  dnmf_factor_free(&f->w);
  dnmf_factor_free(&f->h);
  dnmf_matrix_free(&f->a);
  dnmf_layout_free(&f->layout);
  dnmf_grid_free(&f->grid);
}

/* The matrix in the form that takes less memory: an entry is stored by rows and by columns when sparse. Consumes the
 * entries. */
static dnmf_status assemble(dnmf_context *context, int64_t rows, dnmf_precision precision, dnmf_entries *entries,
                            const dnmf_model *model, folding *f) {
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

/* The model's H, and the start of W. */
static dnmf_status start(dnmf_context *context, const dnmf_model *model, folding *f) {
  const dnmf_panel *h = &model->h;
  dnmf_status status = dnmf_factor_create_w(context, &f->layout, model->components, h->precision, &f->w);
  if (status == DNMF_OK)
    status = dnmf_factor_create_h(context, &f->layout, model->components, h->precision, &f->h);
  DNMF_TRY(dnmf_agree(context, status));
  if (h->rows > 0)
    memcpy(f->h.mine.data, h->data, (size_t)(h->rows * h->components) * dnmf_precision_size(h->precision));
  dnmf_start_flat(&f->a, &f->w);
  return DNMF_OK;
}

static dnmf_status solve(dnmf_context *context, const dnmf_transform_options *options, folding *f) {
  const dnmf_fit_options plan = {.components = f->w.components,
                                 .loss = options->loss,
                                 .solver = DNMF_SOLVER_MU,
                                 .fixed = DNMF_FIXED_H,
                                 .stop = DNMF_STOP_OBJECTIVE,
                                 .tolerance = options->tolerance,
                                 .max_iterations = options->max_iterations,
                                 .time_limit = INFINITY,
                                 .penalties = {.l1_w = options->l1, .l2_w = options->l2}};
  return dnmf_fit(context, &plan, &f->a, &f->w, &f->h, &f->fit);
}

static dnmf_status measure(dnmf_context *context, const dnmf_transform_options *options, const folding *f,
                           dnmf_transform_result *result) {
  double penalty = 0;
  if (options->l1 > 0)
    penalty += options->l1 * dnmf_panel_sum(&f->w.mine);
  if (options->l2 > 0)
    penalty += 0.5 * options->l2 * dnmf_panel_dot(context, &f->w.mine, &f->w.mine);
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, &penalty, 1));
  *result = (dnmf_transform_result){.loss = f->fit.objective - penalty,
                                    .penalty = penalty,
                                    .entries = f->stored,
                                    .empty_rows = f->a.empty_rows,
                                    .iterations = f->fit.iterations};
  return DNMF_OK;
}

/* The new rows take the place of the old ones. */
static void install(folding *f, dnmf_model *model) {
  dnmf_panel_free(&model->w);
  model->w = f->w.mine;
  model->rows = f->w.rows;
  model->owned_rows = f->w.owned;
  if (f->w.group_size == 1)
    f->w.gathered = (dnmf_panel){0};
  f->w.mine = (dnmf_panel){0};
}

dnmf_status dnmf_transform_divergence(dnmf_context *context, const dnmf_transform_options *options, int64_t rows,
                                      dnmf_entries *entries, dnmf_model *model, dnmf_transform_result *result) {
  folding f = {0};
  dnmf_status status = assemble(context, rows, model->h.precision, entries, model, &f);
  if (status == DNMF_OK)
    status = start(context, model, &f);
  if (status == DNMF_OK)
    status = solve(context, options, &f);
  if (status == DNMF_OK)
    status = measure(context, options, &f, result);
  if (status == DNMF_OK)
    install(&f, model);
  folding_free(&f);
  return status;
}
