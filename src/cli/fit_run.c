#include "fit_run.h"

#include "fit_report.h"

#include "dnmf/collective.h"
#include "dnmf/file.h"
#include "dnmf/output.h"
#include "dnmf/start.h"

#include <inttypes.h>
#include <string.h>

static double lap(double *clock) {
  double before = *clock;
  *clock = MPI_Wtime();
  return *clock - before;
}

/* What unstored entries mean in this fit, checked and told. */
static dnmf_status settle_missing(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  fit->missing = options->missing ? (dnmf_missing)(options->missing - 1) : fit->source.missing;
  if (fit->missing == DNMF_MISSING_UNOBSERVED)
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE,
                     "%s: entries that are not stored are unobserved, and fitting observed entries only is not "
                     "available yet; --missing zero counts them as zeros",
                     fit->input);
  return DNMF_OK;
}

/* Sizes and options that only make sense together. */
static dnmf_status check_components(cli_session *session, const cli_fit_options *options, const dnmf_source *source) {
  int64_t largest = source->rows > source->cols ? source->rows : source->cols;
  if (options->components <= largest)
    return DNMF_OK;
  return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE,
                   "-k %" PRId64 " is larger than both dimensions of %s (%" PRId64 " x %" PRId64 ")",
                   options->components, source->name, source->rows, source->cols);
}

static void plan_loop(const cli_fit_options *options, dnmf_fit_options *plan) {
  plan->components = (int)options->components;
  plan->solver = (dnmf_solver)options->solver;
  plan->stop = plan->solver == DNMF_SOLVER_MU ? DNMF_STOP_OBJECTIVE : DNMF_STOP_GRADIENT;
  if (options->stop)
    plan->stop = (dnmf_stop)(options->stop - 1);
  plan->tolerance = options->tolerance;
  plan->max_iterations = (int)options->max_iterations;
  plan->time_limit = options->time_limit;
  plan->penalties = options->penalties;
  plan->penalties.scale = (dnmf_penalty_scale)options->penalty_scale;
}

static dnmf_status plan(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  dnmf_context *context = session->context;
  const dnmf_source *source = &fit->source;
  int grid_rows = 1;
  int grid_cols = 1;
  DNMF_TRY(settle_missing(session, options, fit));
  DNMF_TRY(check_components(session, options, source));
  plan_loop(options, &fit->plan);
  dnmf_grid_choose(context->size, source->rows, source->cols, &grid_rows, &grid_cols);
  if (strcmp(options->grid, "auto") != 0)
    DNMF_TRY(dnmf_grid_parse(&context->error, options->grid, context->size, &grid_rows, &grid_cols));
  return cli_lay_out(session, grid_rows, grid_cols, source->rows, source->cols, &fit->a);
}

static dnmf_status read_matrix(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  DNMF_TRY(dnmf_source_load(session->context, &fit->source, &fit->a.layout, (dnmf_precision)options->precision,
                            &fit->a.matrix));
  cli_warn_about_matrix(session, &fit->source, &fit->a.matrix);
  return DNMF_OK;
}

static dnmf_status start(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  static const char prefix[] = "file:";
  dnmf_context *context = session->context;
  dnmf_precision precision = (dnmf_precision)options->precision;
  bool from_file = strncmp(options->init, prefix, strlen(prefix)) == 0;
  if (!from_file && strcmp(options->init, "random") != 0)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "--init %s: give random or file:MODEL.h5", options->init);
  dnmf_status status = dnmf_factor_create_w(context, &fit->a.layout, fit->plan.components, precision, &fit->w);
  if (status == DNMF_OK)
    status = dnmf_factor_create_h(context, &fit->a.layout, fit->plan.components, precision, &fit->h);
  DNMF_TRY(dnmf_agree(context, status));
  if (from_file)
    return dnmf_model_read_factors(context, options->init + strlen(prefix), fit->w.owned, &fit->w.mine, fit->h.owned,
                                   &fit->h.mine);
  dnmf_start_random(&fit->a.matrix, (uint64_t)options->seed, &fit->w, &fit->h);
  return DNMF_OK;
}

/* The model borrows the factors and takes over the ids. */
static dnmf_status write_model(cli_session *session, const cli_fit_options *options, cli_fit_run *fit,
                               dnmf_output *output) {
  dnmf_context *context = session->context;
  dnmf_model model = {.rows = fit->a.matrix.rows,
                      .cols = fit->a.matrix.cols,
                      .components = fit->plan.components,
                      .owned_rows = fit->w.owned,
                      .owned_cols = fit->h.owned,
                      .w = fit->w.mine,
                      .h = fit->h.mine,
                      .row_ids = fit->source.row_ids,
                      .col_ids = fit->source.col_ids};
  fit->source.row_ids = (dnmf_ids){0};
  fit->source.col_ids = (dnmf_ids){0};
  dnmf_status status = dnmf_agree(context, cli_fit_describe(session, options, fit, &model));
  if (status == DNMF_OK)
    status = dnmf_model_write(context, output->partial, &model);
  model.w = (dnmf_panel){0};
  model.h = (dnmf_panel){0};
  dnmf_model_free(&model);
  return status;
}

static dnmf_status slowest(cli_session *session, cli_fit_seconds *seconds) {
  double times[] = {seconds->read, seconds->init, seconds->iterate, seconds->write, seconds->total};
  DNMF_TRY(dnmf_max_doubles(session->context, session->context->comm, times, 5));
  *seconds = (cli_fit_seconds){times[0], times[1], times[2], times[3], times[4]};
  return DNMF_OK;
}

static dnmf_status run_phases(cli_session *session, const cli_fit_options *options, cli_fit_run *fit,
                              dnmf_output *output) {
  dnmf_context *context = session->context;
  double clock = session->began;
  DNMF_TRY(cli_open(session, fit->input, &options->input, &fit->source));
  DNMF_TRY(dnmf_agree(context, plan(session, options, fit)));
  DNMF_TRY(read_matrix(session, options, fit));
  fit->seconds.read = lap(&clock);
  DNMF_TRY(start(session, options, fit));
  cli_fit_announce(session, options, fit);
  fit->seconds.init = lap(&clock);
  DNMF_TRY(dnmf_fit(context, &fit->plan, &fit->a.matrix, &fit->w, &fit->h, &fit->result));
  fit->seconds.iterate = lap(&clock);
  DNMF_TRY(write_model(session, options, fit, output));
  fit->seconds.write = lap(&clock);
  return DNMF_OK;
}

dnmf_status cli_fit_execute(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  dnmf_context *context = session->context;
  dnmf_output output;
  DNMF_TRY(dnmf_output_begin(context, options->output, &output));
  dnmf_status status = run_phases(session, options, fit, &output);
  DNMF_TRY(dnmf_output_end(context, &output, status));
  fit->seconds.total = MPI_Wtime() - session->began;
  return slowest(session, &fit->seconds);
}

void cli_fit_free(cli_fit_run *fit) {
  dnmf_fit_result_free(&fit->result);
  dnmf_factor_free(&fit->w);
  dnmf_factor_free(&fit->h);
  dnmf_source_close(&fit->source);
  cli_matrix_free(&fit->a);
}
