/*
 * The process grid of a fit with zeros: as it is given, or the one of the shortest predicted iteration.
 *
 * The prediction takes the assumed machine for short jobs. A job that is expected to iterate long on several processes
 * measures the one it runs on first, which takes about a second, and its summary tells the prediction beside the time.
 */
#include "fit_run.h"

#include <math.h>
#include <string.h>

/* Expected seconds of iterating from which on measuring is worth its time. */
static const double WORTH_MEASURING = 30;

dnmf_job cli_fit_job(const cli_fit_run *fit) {
  const dnmf_source *source = &fit->source;
  return (dnmf_job){.rows = source->rows,
                    .cols = source->cols,
                    .stored = source->sparse ? (double)source->stored : (double)source->rows * (double)source->cols,
                    .sparse = source->sparse,
                    .components = fit->components,
                    .solver = fit->settings.solver,
                    .sweeps = fit->settings.sweeps,
                    .loss = fit->settings.loss,
                    .precision = fit->precision,
                    .narrow = source->narrow};
}

static double expected_seconds(const cli_session *session, const cli_fit_options *options, const dnmf_job *job,
                               const dnmf_machine *machine, int grid_rows, int grid_cols) {
  dnmf_cost cost;
  dnmf_cost_of(session->context, job, machine, grid_rows, grid_cols, &cost);
  return fmin(cost.seconds.total * (double)options->max_iterations, options->time_limit);
}

/* The grid of the shortest iteration on `machine`, and how long that takes. */
static double choose(const cli_session *session, const dnmf_job *job, const dnmf_machine *machine, int *grid_rows,
                     int *grid_cols) {
  dnmf_cost cost;
  dnmf_cost_choose_grid(session->context, job, machine, session->context->size, grid_rows, grid_cols);
  dnmf_cost_of(session->context, job, machine, *grid_rows, *grid_cols, &cost);
  return cost.seconds.total;
}

dnmf_status cli_fit_choose_grid(cli_session *session, const cli_fit_options *options, cli_fit_run *fit, int *grid_rows,
                                int *grid_cols) {
  dnmf_context *context = session->context;
  dnmf_machine machine = dnmf_machine_assumed();
  dnmf_job job = cli_fit_job(fit);
  const bool counted = job.stored >= 0; /* of some texts the entries are known only when they are read */
  const bool in_batches = options->memory > 0 || options->batch_rows > 0;
  if (strcmp(options->grid, "auto") != 0)
    return dnmf_grid_parse(&context->error, options->grid, context->size, grid_rows, grid_cols);
  job.stored = counted ? job.stored : (double)job.rows;
  choose(session, &job, &machine, grid_rows, grid_cols);
  if (context->size == 1 || in_batches || !counted ||
      expected_seconds(session, options, &job, &machine, *grid_rows, *grid_cols) < WORTH_MEASURING)
    return DNMF_OK;
  const dnmf_machine_work work = dnmf_cost_work(&job, *grid_rows, *grid_cols);
  DNMF_TRY(dnmf_machine_measure(context, &work, &machine));
  fit->predicted = choose(session, &job, &machine, grid_rows, grid_cols);
  return DNMF_OK;
}
