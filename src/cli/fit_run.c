#include "fit_run.h"

#include "fit_report.h"
#include "signals.h"

#include "comm/clock.h"
#include "comm/collective.h"
#include "comm/node_memory.h"
#include "fit/residual.h"
#include "matrix/product.h"
#include "store/file.h"
#include "store/output.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Sizes and options that only make sense together. */
static dnmf_status check_components(cli_session *session, const cli_fit_options *options, const dnmf_source *source) {
  int64_t largest = source->rows > source->cols ? source->rows : source->cols;
  if (options->components <= largest)
    return DNMF_OK;
  return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE,
                   "-k %" PRId64 " is larger than both dimensions of %s (%" PRId64 " x %" PRId64 ")",
                   options->components, source->name, source->rows, source->cols);
}

/* Options that belong to ratings only. */
static dnmf_status refuse_observed_options(dnmf_error *error, const cli_fit_options *options) {
  const char *option = NULL;
  if (options->bias > CLI_BIAS_NONE)
    option = "--bias";
  else if (options->validation)
    option = "--validation";
  else if (options->penalty_scale >= CLI_SCALE_COUNT)
    option = "--penalty-scale count";
  else if (options->stop == CLI_STOP_VALIDATION)
    option = "--stop validation";
  if (!option)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE,
                   "%s needs --missing unobserved; this fit counts entries that are not stored as zeros", option);
}

/* What all kinds of fit have in common; zeros count, unless the kind says otherwise. */
static void settle_common(const cli_fit_options *options, dnmf_settings *settings) {
  const double l2 = options->l2 >= 0 ? options->l2 : 0;
  const bool multiplicative = options->solver == DNMF_SOLVER_MU;
  *settings = (dnmf_settings){.components = (int)options->components,
                              .seed = (uint64_t)options->seed,
                              .loss = options->loss,
                              .solver = (dnmf_solver)options->solver,
                              .sweeps = (int)options->sweeps,
                              .fixed = (dnmf_fixed)options->fixed,
                              .penalties = {.l1_w = options->l1_w,
                                            .l1_h = options->l1_h,
                                            .l2_w = options->l2_w >= 0 ? options->l2_w : l2,
                                            .l2_h = options->l2_h >= 0 ? options->l2_h : l2},
                              .stop = multiplicative ? DNMF_STOP_OBJECTIVE : DNMF_STOP_GRADIENT,
                              .tolerance = options->tolerance,
                              .max_iterations = (int)options->max_iterations,
                              .time_limit = options->time_limit};
}

static void settle_zeros(const cli_fit_options *options, dnmf_settings *settings) {
  if (options->stop != CLI_STOP_AUTO)
    settings->stop = options->stop == CLI_STOP_OBJECTIVE ? DNMF_STOP_OBJECTIVE : DNMF_STOP_GRADIENT;
  if (options->penalty_scale == CLI_SCALE_DIMENSION)
    settings->penalties.scale = DNMF_PENALTY_DIMENSION;
}

/* The process grid of a fit with zeros. */
static dnmf_status plan_blocks(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  int grid_rows = 1;
  int grid_cols = 1;
  DNMF_TRY(refuse_observed_options(&session->context->error, options));
  settle_zeros(options, &fit->settings);
  fit->stop = fit->settings.stop == DNMF_STOP_GRADIENT ? "gradient" : "objective";
  DNMF_TRY(cli_fit_choose_grid(session, options, fit, &grid_rows, &grid_cols));
  if (options->memory > 0 || options->batch_rows > 0) {
    DNMF_TRY(cli_stream_plan(session, options, grid_rows, grid_cols, fit));
    grid_rows = fit->in_batches ? session->context->size : grid_rows;
    grid_cols = fit->in_batches ? 1 : grid_cols;
  }
  const dnmf_job job = cli_fit_job(fit);
  fit->source.rows_alone = dnmf_cost_by_rows_alone(session->context, &job, grid_rows, grid_cols);
  return cli_lay_out(session, grid_rows, grid_cols, fit->source.rows, fit->source.cols, &fit->a);
}

static dnmf_status plan(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  fit->missing = options->missing ? (dnmf_missing)(options->missing - 1) : fit->source.missing;
  fit->precision = (dnmf_precision)options->precision;
  fit->components = (int)options->components;
  settle_common(options, &fit->settings);
  DNMF_TRY(check_components(session, options, &fit->source));
  DNMF_TRY(cli_fit_plan_start(&session->context->error, options, fit));
  DNMF_TRY(cli_fit_refuse_unused(session, options, fit));
  if (fit->missing == DNMF_MISSING_UNOBSERVED)
    return cli_observed_plan(session, options, fit);
  return plan_blocks(session, options, fit);
}

/* What the plan needs against what the machines have, before any of it is allocated. Of observed entries the factor
 * rows that are fetched are known only as a bound, and left out. */
static dnmf_status check_memory(cli_session *session, const cli_fit_run *fit) {
  const bool observed = fit->missing == DNMF_MISSING_UNOBSERVED;
  dnmf_job job = cli_fit_job(fit);
  dnmf_cost cost;
  job.missing = fit->missing;
  job.stored = fmax(0, job.stored); /* not known before it is read */
  dnmf_cost_of(session->context, &job, NULL, fit->a.grid.rows, fit->a.grid.cols, &cost);
  double bytes = observed ? fmax(cost.memory.loading, cost.memory.block) : cost.memory.peak;
  if (fit->in_batches)
    bytes = fit->stream_memory.total;
  return dnmf_check_memory(session->context, fit->source.name,
                           observed ? "use --precision single or more machines"
                                    : "use --precision single, more machines or, for a matrix in HDF5, --memory SIZE",
                           bytes);
}

static dnmf_status read_matrix(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  if (fit->in_batches)
    return cli_stream_load(session, fit);
  if (fit->missing == DNMF_MISSING_UNOBSERVED)
    return cli_observed_load(session, options, fit);
  DNMF_TRY(dnmf_source_load(session->context, &fit->source, &fit->a.layout, fit->precision, &fit->a.matrix));
  cli_warn_about_matrix(session, &fit->source, fit->missing, &fit->a.matrix);
  DNMF_TRY(cli_resume_check(session, fit));
  return dnmf_matrix_narrow(session->context, &fit->a.matrix);
}

dnmf_number cli_fit_number(const cli_fit_run *fit) {
  const bool observed = fit->missing == DNMF_MISSING_UNOBSERVED;
  return dnmf_number_of(fit->precision, observed ? fit->ratings.by_rows.entries.narrow : fit->a.matrix.narrow);
}

/* How the products with a sparse matrix go, on process 0. */
static void announce_products(cli_session *session, const cli_fit_run *fit) {
  const dnmf_matrix *a = &fit->a.matrix;
  if (!a->sparse || fit->in_batches || fit->missing == DNMF_MISSING_UNOBSERVED || fit->settings.loss.divergence)
    return;
  if (!a->by_cols.start) {
    cli_say(session, "  A is held by rows alone, for both products");
    return;
  }
  const int64_t by_rows = dnmf_product_bands(session->context, a, false, fit->components);
  const int64_t by_cols = dnmf_product_bands(session->context, a, true, fit->components);
  cli_say(session, "  A H' by rows, H in %" PRId64 " part%s; A'W from a transposed copy, W in %" PRId64 " part%s",
          by_rows, by_rows > 1 ? "s" : "", by_cols, by_cols > 1 ? "s" : "");
}

/* The residual entry by entry takes the place of the loop's, in the objective too where that is made of it. */
static dnmf_status measure_residual(cli_session *session, cli_fit_run *fit) {
  dnmf_fit_result *result = &fit->result;
  double squares = 0;
  DNMF_TRY(dnmf_exact_residual(session->context, &fit->a.matrix, &fit->w, &fit->h, &squares));
  if (!fit->settings.loss.divergence) {
    result->objective += 0.5 * (squares - result->residual_squares);
    result->below_rounding = false;
  }
  result->residual_squares = squares;
  fit->residual_is_exact = true;
  return DNMF_OK;
}

static dnmf_status iterate(cli_session *session, const cli_fit_options *options, const cli_checkpoint *checkpoint,
                           cli_fit_run *fit) {
  fit->settings.host = &checkpoint->host;
  cli_signals_watch();
  if (fit->missing == DNMF_MISSING_UNOBSERVED)
    return cli_observed_fit(session, fit);
  if (fit->in_batches)
    return cli_stream_fit(session, fit);
  DNMF_TRY(dnmf_fit_zeros(session->context, &fit->settings, &fit->a.matrix, &fit->w, &fit->h, &fit->result));
  return options->exact_residual && !fit->result.interrupted ? measure_residual(session, fit) : DNMF_OK;
}

/* The model borrows a grid's factors and the ids, and copies the factors of ratings. */
dnmf_status cli_fit_write(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit,
                          const char *path, const dnmf_fit_state *now) {
  dnmf_context *context = session->context;
  bool observed = fit->missing == DNMF_MISSING_UNOBSERVED;
  dnmf_model model = {.rows = fit->source.rows,
                      .cols = fit->source.cols,
                      .components = fit->components,
                      .row_ids = fit->source.row_ids,
                      .col_ids = fit->source.col_ids};
  dnmf_status status = DNMF_OK;
  if (observed) {
    status = cli_observed_fill_model(session, fit, &model);
  } else {
    model.owned_rows = fit->w.owned;
    model.owned_cols = fit->h.owned;
    model.w = fit->w.mine;
    model.h = fit->h.mine;
  }
  if (now) {
    model.part_count = now->panel_count;
    memcpy(model.parts, now->panels, sizeof model.parts);
  }
  if (status == DNMF_OK)
    status = cli_fit_describe(session, options, fit, &model);
  if (status == DNMF_OK && now)
    status = cli_checkpoint_describe(session, options, now, &model);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_model_write(context, path, &model);
  model.row_ids = model.col_ids = (dnmf_ids){0};
  if (!observed) {
    model.w = (dnmf_panel){0};
    model.h = (dnmf_panel){0};
  }
  dnmf_model_free(&model);
  return status;
}

static dnmf_status slowest(cli_session *session, cli_fit_seconds *seconds) {
  double times[] = {seconds->read, seconds->init, seconds->iterate, seconds->write, seconds->total};
  DNMF_TRY(dnmf_max_doubles(session->context, session->context->comm, times, 5));
  *seconds = (cli_fit_seconds){times[0], times[1], times[2], times[3], times[4]};
  return DNMF_OK;
}

static dnmf_status run_phases(cli_session *session, const cli_fit_options *options, const cli_checkpoint *checkpoint,
                              cli_fit_run *fit, dnmf_output *output) {
  dnmf_context *context = session->context;
  double clock = session->began;
  cli_input input = options->input;
  input.missing = options->missing;
  DNMF_TRY(cli_open(session, fit->input, &input, &fit->source));
  DNMF_TRY(dnmf_agree(context, plan(session, options, fit)));
  DNMF_TRY(check_memory(session, fit));
  DNMF_TRY(read_matrix(session, options, fit));
  fit->seconds.read = dnmf_lap(&clock);
  DNMF_TRY(fit->in_batches ? cli_stream_start(session, options, fit) : cli_fit_start(session, options, fit));
  DNMF_TRY(cli_resume_read_parts(session, fit));
  cli_fit_announce(session, options, fit);
  if (cli_fit_number(fit) != (dnmf_number)fit->precision)
    cli_say(session, "  values kept as %s", dnmf_number_name(cli_fit_number(fit)));
  announce_products(session, fit);
  fit->seconds.init = dnmf_lap(&clock);
  DNMF_TRY(iterate(session, options, checkpoint, fit));
  fit->seconds.iterate = dnmf_lap(&clock);
  if (!fit->result.interrupted)
    DNMF_TRY(cli_fit_write(session, options, fit, output->partial, NULL));
  fit->seconds.write = dnmf_lap(&clock);
  return DNMF_OK;
}

/* Between the beginning of its outputs and their end. */
static dnmf_status run_to_model(cli_session *session, const cli_fit_options *options, const cli_checkpoint *checkpoint,
                                cli_fit_run *fit) {
  dnmf_context *context = session->context;
  dnmf_output output;
  DNMF_TRY(dnmf_output_begin(context, options->output, &output));
  dnmf_status status = run_phases(session, options, checkpoint, fit, &output);
  if (status == DNMF_OK && fit->result.interrupted)
    dnmf_output_discard(&output);
  else
    status = dnmf_output_end(context, &output, status);
  return status;
}

dnmf_status cli_fit_execute(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  cli_checkpoint checkpoint;
  DNMF_TRY(cli_checkpoint_begin(session, options, fit, &checkpoint));
  dnmf_status status = run_to_model(session, options, &checkpoint, fit);
  cli_checkpoint_end(&checkpoint);
  DNMF_TRY(status);
  fit->seconds.total = MPI_Wtime() - session->began;
  return slowest(session, &fit->seconds);
}

void cli_fit_free(cli_fit_run *fit) {
  cli_resume_free(&fit->resume);
  dnmf_fit_result_free(&fit->result);
  if (fit->w.mine.data == fit->stream_w.data) /* borrowed for a checkpoint */
    fit->stream_w = (dnmf_panel){0};
  dnmf_factor_free(&fit->w);
  dnmf_factor_free(&fit->h);
  dnmf_ratings_free(&fit->ratings);
  dnmf_ratings_view_free(&fit->held_out);
  dnmf_panel_free(&fit->stream_w);
  dnmf_panel_free(&fit->observed_w);
  dnmf_panel_free(&fit->observed_h);
  dnmf_source_close(&fit->source);
  cli_matrix_free(&fit->a);
}
