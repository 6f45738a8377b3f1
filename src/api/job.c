#include "api/job.h"

#include "api/library.h"
#include "api/model.h"
#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"
#include "fit/residual.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void warn_about_matrix(dnmf_context *context, const dnmf_source *source, const dnmf_matrix *matrix) {
  static const char *const policies[] = {"the last of each was kept", "they were added up", "their mean was taken", ""};
  if (matrix->duplicates > 0)
    dnmf_warn(context, "%s: %" PRId64 " entries share a place with another; %s (--duplicates)", source->name,
              matrix->duplicates, policies[source->duplicates]);
  if (matrix->empty_rows > 0)
    dnmf_warn(context, "%" PRId64 " of %" PRId64 " rows have no nonzero entry; their factors are zero",
              matrix->empty_rows, matrix->rows);
  if (matrix->empty_cols > 0)
    dnmf_warn(context, "%" PRId64 " of %" PRId64 " columns have no nonzero entry; their factors are zero",
              matrix->empty_cols, matrix->cols);
  if (matrix->sum == 0 && matrix->precision == DNMF_SINGLE)
    dnmf_warn(context, "every value is zero in single precision, in which those below 1e-45 are");
}

static dnmf_status read_matrix(dnmf_context *context, dnmf_fitting *f) {
  dnmf_matrix *a = &f->a.matrix;
  if (f->in_batches) {
    DNMF_TRY(dnmf_row_blocks_survey(context, &f->source, f->precision, f->stream.batch_rows, a));
    warn_about_matrix(context, &f->source, a);
    return DNMF_OK;
  }
  DNMF_TRY(dnmf_source_load(context, &f->source, &f->a.layout, f->precision, a));
  warn_about_matrix(context, &f->source, a);
  return f->missing == DNMF_MISSING_UNOBSERVED ? dnmf_fitting_load_ratings(context, f) : dnmf_matrix_narrow(context, a);
}

/* The residual entry by entry takes the place of the loop's, in the objective too where that is made of it. */
static dnmf_status measure_residual(dnmf_context *context, dnmf_fitting *f) {
  dnmf_fit_result *result = &f->result;
  double squares = 0;
  DNMF_TRY(dnmf_exact_residual(context, &f->a.matrix, &f->w, &f->h, &squares));
  if (!f->loss.divergence) {
    result->objective += 0.5 * (squares - result->residual_squares);
    result->below_rounding = false;
  }
  result->residual_squares = squares;
  f->residual_is_exact = true;
  return DNMF_OK;
}

static dnmf_status iterate(dnmf_context *context, dnmf_fitting *f) {
  if (f->missing == DNMF_MISSING_UNOBSERVED)
    return dnmf_fit_observed(context, &f->observed, &f->ratings, f->has_held_out ? &f->held_out : NULL, &f->observed_w,
                             &f->observed_h, &f->result);
  if (f->in_batches)
    return dnmf_fitting_iterate_batches(context, f);
  DNMF_TRY(dnmf_fit(context, &f->zeros, &f->a.matrix, &f->w, &f->h, &f->result));
  return f->settings->zeros.exact_residual ? measure_residual(context, f) : DNMF_OK;
}

dnmf_status dnmf_fitting_run(dnmf_context *context, const dnmf_data *data, const dnmf_fit_settings *settings,
                             void (*begins)(void *state, const dnmf_fitting *f), void *state, dnmf_fitting *f) {
  double clock = MPI_Wtime();
  memset(f, 0, sizeof *f);
  f->settings = settings;
  f->data = data;
  DNMF_TRY(dnmf_data_open(context, data, &f->source));
  DNMF_TRY(dnmf_agree(context, dnmf_fitting_plan(context, f)));
  DNMF_TRY(read_matrix(context, f));
  f->seconds.read = dnmf_lap(&clock);
  DNMF_TRY(f->in_batches ? dnmf_fitting_start_batches(context, f) : dnmf_fitting_start(context, f));
  if (begins)
    begins(state, f);
  f->seconds.init = dnmf_lap(&clock);
  DNMF_TRY(iterate(context, f));
  f->seconds.iterate = dnmf_lap(&clock);
  return DNMF_OK;
}

void dnmf_fitting_free(dnmf_fitting *f) {
  dnmf_fit_result_free(&f->result);
  dnmf_factor_free(&f->w);
  dnmf_factor_free(&f->h);
  dnmf_ratings_free(&f->ratings);
  dnmf_ratings_view_free(&f->held_out);
  dnmf_panel_free(&f->stream_w);
  dnmf_panel_free(&f->observed_w);
  dnmf_panel_free(&f->observed_h);
  dnmf_source_close(&f->source);
  dnmf_placed_free(&f->a);
}

/* --- The model --------------------------------------------------------------------------------------------- */

/* This process's rows of W, or columns of H, of a grid become the even share of all. */
static dnmf_status share_evenly(dnmf_context *context, const dnmf_factor *factor, dnmf_range *owned,
                                dnmf_panel *panel) {
  const dnmf_panel *mine = &factor->mine;
  dnmf_status status =
      dnmf_panel_create(&context->error, "a factor", dnmf_range_size(*owned), mine->components, mine->precision, panel);
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_fetch_range(context, factor->owned, mine->data,
                          (size_t)mine->components * dnmf_precision_size(mine->precision), *owned, panel->data);
}

dnmf_status dnmf_fitting_model(dnmf_context *context, const dnmf_fitting *f, dnmf_model *model) {
  model->rows = f->source.rows;
  model->cols = f->source.cols;
  model->components = f->components;
  model->owned_rows = dnmf_range_split((dnmf_range){0, model->rows}, context->size, context->rank);
  model->owned_cols = dnmf_range_split((dnmf_range){0, model->cols}, context->size, context->rank);
  if (f->missing == DNMF_MISSING_UNOBSERVED) {
    DNMF_TRY(dnmf_fitting_model_of_ratings(context, f, model));
  } else {
    DNMF_TRY(share_evenly(context, &f->w, &model->owned_rows, &model->w));
    DNMF_TRY(share_evenly(context, &f->h, &model->owned_cols, &model->h));
  }
  dnmf_status status = dnmf_ids_copy(&context->error, &f->source.row_ids, &model->row_ids);
  if (status == DNMF_OK)
    status = dnmf_ids_copy(&context->error, &f->source.col_ids, &model->col_ids);
  if (status == DNMF_OK)
    status = dnmf_fitting_describe(context, f, model);
  return dnmf_agree(context, status);
}

/* --- The door ---------------------------------------------------------------------------------------------- */

static dnmf_status tell_result(dnmf_context *context, const dnmf_fitting *f, dnmf_result *result) {
  const dnmf_fit_result *r = &f->result;
  double seconds[] = {f->seconds.read, f->seconds.init, f->seconds.iterate};
  DNMF_TRY(dnmf_max_doubles(context, context->comm, seconds, 3));
  if (!result)
    return DNMF_OK;
  *result = (dnmf_result){.iterations = r->iterations,
                          .converged = r->converged,
                          .stop_reason = r->stop_reason,
                          .objective = r->objective,
                          .relative_error = dnmf_fitting_relative_error(f),
                          .rmse = dnmf_fitting_rmse(f),
                          .validation_rmse = f->has_held_out ? r->validation_rmse : NAN,
                          .best_iteration = r->best_iteration,
                          .read_seconds = seconds[0],
                          .init_seconds = seconds[1],
                          .iterate_seconds = seconds[2]};
  return DNMF_OK;
}

int dnmf_model_fit(dnmf_library *library, const dnmf_data *data, const dnmf_fit_settings *settings, dnmf_model **model,
                   dnmf_result *result) {
  static const char function[] = "dnmf_model_fit";
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_model *made = NULL;
  dnmf_fitting f = {.settings = settings};
  if (model)
    *model = NULL;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_require(context, function, "data", data);
  if (status == DNMF_OK)
    status = dnmf_require(context, function, "settings", settings);
  if (status == DNMF_OK)
    status = dnmf_require(context, function, "place for the model", model);
  if (status == DNMF_OK)
    status = dnmf_model_create(&context->error, &made);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_fitting_run(context, data, settings, NULL, NULL, &f);
  if (status == DNMF_OK)
    status = dnmf_fitting_model(context, &f, made);
  if (status == DNMF_OK)
    status = tell_result(context, &f, result);
  dnmf_fitting_free(&f);
  return dnmf_model_hand_over(library, status, made, model);
}
