#include "api/job.h"

#include "api/library.h"
#include "api/model.h"
#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"
#include "comm/node_memory.h"
#include "fit/residual.h"
#include "store/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- Phases ------------------------------------------------------------------------------------------------ */

/* Of observed entries the factor rows that are fetched are known only as a bound, and left out. */
dnmf_status dnmf_fitting_check_memory(dnmf_context *context, const dnmf_fitting *f, double beside,
                                      const char *way_out) {
  const bool observed = f->missing == DNMF_MISSING_UNOBSERVED;
  dnmf_job job = dnmf_fitting_cost(f);
  dnmf_cost cost;
  job.missing = f->missing;
  job.stored = fmax(0, job.stored); /* not known before it is read */
  dnmf_cost_of(context, &job, NULL, f->a.grid.rows, f->a.grid.cols, &cost);
  double bytes = observed ? fmax(cost.memory.loading, cost.memory.block) + cost.memory.draws : cost.memory.peak;
  if (f->in_batches)
    bytes = f->batch_memory.total;
  bytes += beside;
  return dnmf_check_memory(context, f->source.name, way_out, bytes);
}

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

dnmf_number dnmf_fitting_number(const dnmf_fitting *f) {
  const bool observed = f->missing == DNMF_MISSING_UNOBSERVED;
  return dnmf_number_of(f->precision, observed ? f->ratings.by_rows.entries.narrow : f->a.matrix.narrow);
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

static dnmf_status iterate(dnmf_context *context, const dnmf_checkpoint *checkpoint, dnmf_fitting *f) {
  f->settings.host = &checkpoint->host;
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
    DNMF_TRY(dnmf_fitting_iterate_groups(context, checkpoint, f));
  else if (f->restart_count > 0)
    DNMF_TRY(dnmf_fitting_iterate_restarts(context, checkpoint, f));
  else
    DNMF_TRY(dnmf_fit_zeros(context, &f->settings, &f->a.matrix, &f->w, &f->h, &f->result));
  if (!f->asked.zeros.exact_residual || f->result.interrupted)
    return DNMF_OK;
  return dnmf_fitting_agree_groups(context, f, measure_residual(f->at, f));
}

/* The iterations. A value of a file that the loss cannot have is called by the ids of its row and column. */
static dnmf_status iterate_and_name(dnmf_context *context, const dnmf_checkpoint *checkpoint, dnmf_fitting *f) {
  dnmf_status status = iterate(context, checkpoint, f);
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
  DNMF_TRY(iterate_and_name(context, checkpoint, f));
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

/* --- The model --------------------------------------------------------------------------------------------- */

dnmf_status dnmf_fitting_fill(dnmf_context *context, const dnmf_fitting *f, const dnmf_fit_state *now,
                              dnmf_model *model) {
  dnmf_error *error = &context->error;
  dnmf_status status = DNMF_OK;
  model->rows = f->source.rows;
  model->cols = f->source.cols;
  model->components = f->components;
  model->row_ids = f->source.row_ids;
  model->col_ids = f->source.col_ids;
  if (f->missing == DNMF_MISSING_UNOBSERVED) {
    status = now || f->posterior.kept == 0
                 ? dnmf_fitting_fill_ratings(context, f, model)
                 : dnmf_posterior_fill_model(context, &f->settings, &f->ratings, &f->posterior, model);
  } else {
    model->owned_rows = f->w.owned;
    model->owned_cols = f->h.owned;
    model->w = f->w.mine;
    model->h = f->h.mine;
    if (f->partial)
      status = dnmf_fitting_count_cells(context, f, model);
  }
  if (now) {
    model->part_count = now->panel_count;
    memcpy(model->parts, now->panels, sizeof model->parts);
  }
  if (status == DNMF_OK)
    status = dnmf_fitting_describe(context, f, model);
  if (status == DNMF_OK && now)
    status = dnmf_checkpoint_describe(error, f, now, model);
  return dnmf_agree(context, status);
}

void dnmf_fitting_release(const dnmf_fitting *f, dnmf_model *model) {
  model->row_ids = model->col_ids = (dnmf_ids){0};
  if (f->missing == DNMF_MISSING_ZERO) {
    model->w = (dnmf_panel){0};
    model->h = (dnmf_panel){0};
  }
  dnmf_model_free(model);
}

dnmf_status dnmf_fitting_write(dnmf_context *context, const dnmf_fitting *f, const dnmf_fit_state *now,
                               const char *path) {
  dnmf_model model = {.rows = 0};
  dnmf_status status = DNMF_OK;
  if (f->group == 0)
    status = dnmf_fitting_fill(f->at, f, now, &model);
  if (f->group == 0 && status == DNMF_OK)
    status = dnmf_model_write(f->at, path, &model);
  dnmf_fitting_release(f, &model);
  return dnmf_fitting_agree_groups(context, f, status);
}

/* The even share of a factor. collective */
static dnmf_status share_panel(dnmf_context *context, dnmf_range held, const dnmf_panel *mine, dnmf_range wanted,
                               dnmf_panel *panel) {
  dnmf_status status =
      dnmf_panel_create(&context->error, "a factor", dnmf_range_size(wanted), mine->components, mine->precision, panel);
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_fetch_range(context, held, mine->data, (size_t)mine->components * dnmf_precision_size(mine->precision),
                          wanted, panel->data);
}

/* The even share of numbers of 8 bytes, one a row; *shared stays NULL where there are none. collective */
static dnmf_status share_numbers(dnmf_context *context, dnmf_range held, const void *mine, dnmf_range wanted,
                                 void **shared) {
  if (!mine)
    return DNMF_OK;
  DNMF_TRY(
      dnmf_agree(context, dnmf_allocate(&context->error, "a model", dnmf_range_size(wanted), sizeof(double), shared)));
  return dnmf_fetch_range(context, held, mine, sizeof(double), wanted, *shared);
}

dnmf_status dnmf_fitting_share(dnmf_context *context, dnmf_model *from, dnmf_model *to) {
  const dnmf_range rows = dnmf_range_split((dnmf_range){0, from->rows}, context->size, context->rank);
  const dnmf_range cols = dnmf_range_split((dnmf_range){0, from->cols}, context->size, context->rank);
  void *shared[4] = {NULL, NULL, NULL, NULL};
  to->rows = from->rows;
  to->cols = from->cols;
  to->components = from->components;
  to->owned_rows = rows;
  to->owned_cols = cols;
  to->bias.fitted = from->bias.fitted;
  to->bias.mean = from->bias.mean;
  DNMF_TRY(share_panel(context, from->owned_rows, &from->w, rows, &to->w));
  DNMF_TRY(share_panel(context, from->owned_cols, &from->h, cols, &to->h));
  if (from->terms.components > 0)
    DNMF_TRY(share_panel(context, from->owned_cols, &from->terms, cols, &to->terms));
  to->samples = from->samples;
  if (from->samples > 0) {
    DNMF_TRY(share_panel(context, from->owned_rows, &from->row_samples, rows, &to->row_samples));
    DNMF_TRY(share_panel(context, from->owned_cols, &from->col_samples, cols, &to->col_samples));
  }
  dnmf_status status = share_numbers(context, from->owned_rows, from->bias.row, rows, &shared[0]);
  to->bias.row = shared[0];
  if (status == DNMF_OK)
    status = share_numbers(context, from->owned_cols, from->bias.col, cols, &shared[1]);
  to->bias.col = shared[1];
  if (status == DNMF_OK)
    status = share_numbers(context, from->owned_rows, from->row_counts, rows, &shared[2]);
  to->row_counts = shared[2];
  if (status == DNMF_OK)
    status = share_numbers(context, from->owned_cols, from->col_counts, cols, &shared[3]);
  to->col_counts = shared[3];
  DNMF_TRY(status);
  to->mean_row = from->mean_row;
  to->mean_col = from->mean_col;
  to->attribute_count = from->attribute_count;
  to->attributes = from->attributes;
  to->curve_count = from->curve_count;
  to->curves = from->curves;
  to->stability = from->stability;
  to->stable_runs = from->stable_runs;
  from->stability = from->stable_runs = NULL;
  from->mean_row = NULL;
  from->mean_col = NULL;
  from->attributes = NULL;
  from->curves = NULL;
  from->attribute_count = from->curve_count = 0;
  status = dnmf_ids_copy(&context->error, &from->row_ids, &to->row_ids);
  if (status == DNMF_OK)
    status = dnmf_ids_copy(&context->error, &from->col_ids, &to->col_ids);
  return dnmf_agree(context, status);
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
