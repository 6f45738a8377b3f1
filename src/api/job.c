#include "api/job.h"

#include "api/checkpoint.h"
#include "api/job_batches.h"
#include "api/job_cells.h"
#include "api/job_groups.h"
#include "api/job_model.h"
#include "api/job_plan.h"
#include "api/job_ratings.h"
#include "api/job_restarts.h"
#include "api/job_start.h"
#include "api/library.h"
#include "api/model.h"
#include "api/resume.h"
#include "comm/clock.h"
#include "comm/collective.h"
#include "fit/residual.h"

#include <string.h>

/* --- Phases ------------------------------------------------------------------------------------------------ */

/* A fit in batches has the figures of the matrix and no block. */
dnmf_status dnmf_fitting_read(dnmf_context *context, dnmf_fitting *f) {
  dnmf_matrix *a = &f->a.matrix;
  if (f->in_batches)
    DNMF_TRY(dnmf_row_blocks_survey(context, &f->source, f->precision, f->settings.batches.rows, a));
  else if (f->missing == DNMF_MISSING_UNOBSERVED)
    DNMF_TRY(dnmf_fitting_load_ratings(context, f));
  else
    DNMF_TRY(dnmf_source_load(context, &f->source, &f->a.layout, f->precision, a));
  if (f->partial)
    DNMF_TRY(dnmf_fitting_fill_out(context, f));
  dnmf_warn_about_matrix(context, &f->source, f->missing, a);
  DNMF_TRY(dnmf_agree(context, dnmf_resume_check_matrix(&context->error, f)));
  if (f->missing == DNMF_MISSING_ZERO && !f->in_batches)
    DNMF_TRY(dnmf_matrix_narrow(context, a));
  return dnmf_agree(context, dnmf_resume_check_settings(&context->error, f));
}

/* The residual entry by entry takes the place of the loop's, in the objective too where that is made of it. */
static dnmf_status measure_residual(dnmf_context *context, dnmf_fitting *f) {
  dnmf_fit_result *result = &f->result;
  double squares = 0;
  DNMF_TRY(dnmf_exact_residual(context, &f->a.matrix, &f->w, &f->h, &squares));
  if (!f->settings.loss.divergence) {
    result->objective += 0.5 * (squares - result->residual_squares);
    result->below_rounding = false;
  }
  result->residual_squares = squares;
  f->residual_is_exact = true;
  return DNMF_OK;
}

static dnmf_status iterate(dnmf_context *context, dnmf_fitting *f) {
  if (f->settings.posterior.chains > 1)
    DNMF_TRY(dnmf_fitting_choose_groups(context, f));
  if (f->settings.posterior.samples > 0)
    return dnmf_fit_posterior(context, &f->settings, &f->ratings, f->has_held_out ? &f->held_out : NULL, &f->observed_w,
                              &f->observed_h, &f->evidence, &f->posterior, &f->result);
  if (f->missing == DNMF_MISSING_UNOBSERVED)
    return dnmf_fit_observed(context, &f->settings, &f->ratings, f->has_held_out ? &f->held_out : NULL, &f->observed_w,
                             &f->observed_h, &f->evidence, &f->result);
  if (f->in_batches)
    return dnmf_fitting_iterate_batches(context, f);
  if (f->group_count > 1)
    DNMF_TRY(dnmf_fitting_iterate_groups(context, f));
  else if (f->restart_count > 0)
    DNMF_TRY(dnmf_fitting_iterate_restarts(context, f));
  else
    DNMF_TRY(dnmf_fit_zeros(context, &f->settings, &f->a.matrix, &f->w, &f->h, &f->result));
  if (!f->asked.zeros.exact_residual || f->result.interrupted)
    return DNMF_OK;
  return dnmf_fitting_agree_groups(context, f, measure_residual(f->at, f));
}

/* The iterations. A value of a file that the loss cannot have is called by the ids of its row and column. */
static dnmf_status iterate_and_name(dnmf_context *context, dnmf_fitting *f) {
  dnmf_status status = iterate(context, f);
  if (status == DNMF_ERROR_INPUT && f->at == context && f->source.name) {
    status = dnmf_source_name_place(context, &f->source);
    dnmf_source_name_error(&context->error, &f->source);
  }
  return status;
}

/* Strengths that are repeated add up, unless the file is to be read in another way. */
static dnmf_status open_data(dnmf_context *context, dnmf_fitting *f) {
  dnmf_data data = *f->data; /* borrowed */
  if (f->asked.weak.implicit)
    dnmf_source_add_repeats(&data.options);
  return dnmf_data_open(context, data.kind == DNMF_DATA_FILE ? &data : f->data, f->taken_as, &f->source);
}

static dnmf_status take_slowest_seconds(dnmf_context *context, dnmf_job_seconds *seconds) {
  double times[] = {seconds->read, seconds->init, seconds->iterate, seconds->write, seconds->total};
  DNMF_TRY(dnmf_max_doubles(context, context->comm, times, 5));
  *seconds = (dnmf_job_seconds){times[0], times[1], times[2], times[3], times[4]};
  return DNMF_OK;
}

/* What the fit is, once the data are open. */
static dnmf_status open_and_plan(dnmf_context *context, dnmf_fitting *f) {
  DNMF_TRY(open_data(context, f));
  return dnmf_agree(context, dnmf_fitting_plan(context, f));
}

/* Nothing but products takes the entries of the matrix from now on, but for the exact residual. */
static dnmf_status bundle_rows(dnmf_context *context, dnmf_fitting *f) {
  dnmf_job job = dnmf_fitting_cost(f);
  if (f->missing != DNMF_MISSING_ZERO || f->in_batches || !job.sparse)
    return DNMF_OK;
  job.stored = (double)f->a.matrix.stored; /* of some texts known only now */
  return dnmf_cost_in_bundles(context, &job, f->a.grid.rows, f->a.grid.cols) ? dnmf_matrix_bundle(context, &f->a.matrix)
                                                                             : DNMF_OK;
}

/* The matrix, and the first factors. */
static dnmf_status read_and_start(dnmf_context *context, double *clock, dnmf_fitting *f) {
  DNMF_TRY(dnmf_fitting_read(context, f));
  DNMF_TRY(dnmf_fitting_take_cells(context, f));
  DNMF_TRY(bundle_rows(context, f));
  f->seconds.read = dnmf_lap(clock);
  DNMF_TRY(f->in_batches ? dnmf_fitting_start_batches(context, f) : dnmf_fitting_start(context, f));
  return dnmf_resume_read_parts(context, f);
}

/* `output` is where to write the model; zeroed: nowhere. */
static dnmf_status run_phases(dnmf_context *context, const dnmf_checkpoint *checkpoint, const dnmf_output *output,
                              dnmf_fitting *f) {
  const dnmf_job_host *host = f->host;
  double clock = host->began > 0 ? host->began : MPI_Wtime();
  DNMF_TRY(dnmf_agree(context, dnmf_fitting_check(&context->error, f)));
  DNMF_TRY(dnmf_fitting_form_groups(context, f));
  DNMF_TRY(dnmf_fitting_agree_groups(context, f, open_and_plan(f->at, f)));
  DNMF_TRY(
      dnmf_fitting_check_memory(context, f, 0,
                                f->missing == DNMF_MISSING_UNOBSERVED
                                    ? "use --precision single or more machines"
                                    : "use --precision single, more machines or, for a matrix in HDF5, --memory SIZE"));
  DNMF_TRY(dnmf_fitting_agree_groups(context, f, read_and_start(f->at, &clock, f)));
  if (host->begins)
    host->begins(host->state, f);
  f->seconds.init = dnmf_lap(&clock);
  f->settings.host = &checkpoint->host;
  DNMF_TRY(iterate_and_name(context, f));
  f->seconds.iterate = dnmf_lap(&clock);
  DNMF_TRY(take_slowest_seconds(context, &f->seconds)); /* the model tells them */
  if (output->partial && !f->result.interrupted)
    DNMF_TRY(dnmf_fitting_write(context, f, NULL, output->partial));
  f->seconds.write = dnmf_lap(&clock);
  return DNMF_OK;
}

/* Between the beginning of its outputs and their end. */
static dnmf_status run_to_output(dnmf_context *context, const dnmf_checkpoint *checkpoint, dnmf_fitting *f) {
  dnmf_output output = {.lock = -1};
  if (f->asked.files.output)
    DNMF_TRY(dnmf_output_begin(context, f->asked.files.output, &output));
  dnmf_status status = run_phases(context, checkpoint, &output, f);
  if (status == DNMF_OK && f->result.interrupted)
    dnmf_output_discard(&output, status);
  else
    status = dnmf_output_end(context, &output, status);
  return status;
}

dnmf_status dnmf_fitting_run(dnmf_context *context, const dnmf_data *data, const dnmf_fit_settings *settings,
                             const dnmf_job_host *host, dnmf_fitting *f) {
  const double began = host->began > 0 ? host->began : MPI_Wtime();
  dnmf_checkpoint checkpoint;
  memset(f, 0, sizeof *f);
  f->asked = *settings;
  f->data = data;
  f->host = host;
  f->at = context;
  f->part.comm = MPI_COMM_NULL;
  if (f->asked.files.resume) {
    const char *path = NULL;
    DNMF_TRY(dnmf_resume_choose(context, f->asked.files.resume, f->asked.files.checkpoint, &path));
    if (!f->asked.files.checkpoint)
      f->asked.files.checkpoint = path;
    if (path)
      DNMF_TRY(dnmf_resume_read(context, path, &f->resume));
  }
  double batch_rows = 0; /* the same batches, whatever memory this job has */
  if (f->resume.path && dnmf_model_number(&f->resume.saved, "batch_rows", &batch_rows) && batch_rows >= 1 &&
      batch_rows < 9e15)
    f->asked.batches.batch_rows = (int64_t)batch_rows;
  DNMF_TRY(dnmf_checkpoint_begin(context, f, &checkpoint));
  dnmf_status status = run_to_output(context, &checkpoint, f);
  dnmf_checkpoint_end(&checkpoint, status);
  DNMF_TRY(status);
  f->seconds.total = MPI_Wtime() - began;
  return take_slowest_seconds(context, &f->seconds);
}

void dnmf_fitting_free(dnmf_fitting *f) {
  dnmf_resume_free(&f->resume);
  dnmf_fit_result_free(&f->result);
  dnmf_restarts_free(&f->restarts);
  if (f->w.mine.data == f->batch_w.data) /* borrowed for a checkpoint */
    f->batch_w = (dnmf_panel){0};
  dnmf_factor_free(&f->w);
  dnmf_factor_free(&f->h);
  dnmf_held_cells_free(&f->held);
  if (f->missing == DNMF_MISSING_UNOBSERVED) {
    dnmf_ratings_free(&f->ratings);
    dnmf_ratings_view_free(&f->held_out);
  }
  dnmf_panel_free(&f->batch_w);
  dnmf_posterior_free(&f->posterior);
  dnmf_panel_free(&f->observed_w);
  dnmf_panel_free(&f->observed_h);
  dnmf_evidence_free(&f->evidence);
  dnmf_source_close(&f->source);
  dnmf_placed_free(&f->a);
  dnmf_context_leave(&f->part);
}

/* --- The door ---------------------------------------------------------------------------------------------- */

static void tell_result(const dnmf_fitting *f, dnmf_result *result) {
  const dnmf_fit_result *r = &f->result;
  *result = (dnmf_result){.iterations = r->iterations,
                          .converged = r->converged,
                          .stop_reason = r->stop_reason,
                          .objective = r->objective,
                          .relative_error = dnmf_fitting_relative_error(f),
                          .rmse = dnmf_fitting_rmse(f),
                          .validation_rmse = r->validation_rmse,
                          .validation_loss = r->validation_loss,
                          .best_iteration = r->best_iteration,
                          .read_seconds = f->seconds.read,
                          .init_seconds = f->seconds.init,
                          .iterate_seconds = f->seconds.iterate};
}

static dnmf_status take_model(dnmf_context *context, const dnmf_fitting *f, dnmf_model *made) {
  dnmf_model fitted = {.rows = 0};
  if (f->result.interrupted)
    return dnmf_fail(&context->error, DNMF_INTERRUPTED, "stopped by %s after iteration %d; go on with --resume %s",
                     strcmp(f->result.stop_reason, "signal") == 0 ? "should_stop" : "the time limit",
                     f->result.iterations, f->asked.files.checkpoint);
  dnmf_status status = dnmf_fitting_agree_groups(context, f, dnmf_fitting_fill(f->at, f, NULL, &fitted));
  if (f->group > 0) /* the first group has all of it */
    fitted.owned_rows = fitted.owned_cols = (dnmf_range){0, 0};
  if (status == DNMF_OK)
    status = dnmf_fitting_share(context, &fitted, made);
  dnmf_fitting_release(f, &fitted);
  return status;
}

static bool ask_caller(void *state) {
  const dnmf_callbacks *callbacks = state;
  return callbacks->should_stop(callbacks->state);
}

int dnmf_model_fit(dnmf_library *library, const dnmf_data *data, const dnmf_fit_settings *settings, dnmf_model **model,
                   dnmf_result *result) {
  static const char function[] = "dnmf_model_fit";
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_model *made = NULL;
  dnmf_fitting f = {.data = data};
  if (model)
    *model = NULL;
  if (!context)
    return dnmf_library_refusal(library);
  const dnmf_job_host host = {.state = &library->callbacks,
                              .told_to_stop = library->callbacks.should_stop ? ask_caller : NULL};
  dnmf_status status = dnmf_require(context, function, "data", data);
  if (status == DNMF_OK)
    status = dnmf_require(context, function, "settings", settings);
  if (status == DNMF_OK)
    status = dnmf_require(context, function, "place for the model", model);
  if (status == DNMF_OK)
    status = dnmf_model_create(&context->error, &made);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_fitting_run(context, data, settings, &host, &f);
  if (status == DNMF_OK && result)
    tell_result(&f, result);
  if (status == DNMF_OK)
    status = take_model(context, &f, made);
  dnmf_fitting_free(&f);
  return dnmf_model_hand_over(library, status, made, model);
}
