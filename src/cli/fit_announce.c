/* What a fit says before it iterates. */
#include "fit_report.h"

#include <inttypes.h>

static void announce_batches(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit) {
  char planned[CLI_SIZE_TEXT];
  char allowed[CLI_SIZE_TEXT + 16] = "";
  if (options->memory > 0) {
    cli_size_text((double)options->memory, planned);
    snprintf(allowed, sizeof allowed, " of %s allowed", planned);
  }
  cli_say(session, "  in %" PRId64 " batches of %" PRId64 " rows a pass over the file; %s%s a process",
          dnmf_batch_count(fit->source.rows, fit->settings.batches.rows), fit->settings.batches.rows,
          cli_size_text(fit->stream_memory.total, planned), allowed);
}

/* Both products from one pass over A. */
static bool reads_once(const cli_fit_run *fit) {
  const dnmf_job job = cli_fit_job(fit);
  return fit->settings.fixed == DNMF_FIXED_NONE && dnmf_cost_is_one_pass(&job, fit->a.grid.cols);
}

void cli_fit_announce(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit) {
  const dnmf_context *context = session->context;
  bool observed = fit->missing == DNMF_MISSING_UNOBSERVED;
  char grid[48] = "";
  char loss[DNMF_LOSS_TEXT];
  if (!observed)
    snprintf(grid, sizeof grid, " as %d x %d", fit->a.grid.rows, fit->a.grid.cols);
  cli_say(session,
          "fitting k = %d, unstored entries are %s, loss %s by %s, %s precision, %d process%s%s, %d thread%s each",
          fit->components, observed ? "unobserved" : "zeros", dnmf_loss_name(options->loss, loss),
          dnmf_solver_name((dnmf_solver)options->solver), dnmf_precision_name((dnmf_precision)options->precision),
          context->size, context->size > 1 ? "es" : "", grid, context->threads, context->threads > 1 ? "s" : "");
  if (fit->resume.path)
    cli_say(session, "  going on from %s after iteration %d", fit->resume.path, fit->resume.state.result.iterations);
  if (fit->in_batches)
    announce_batches(session, options, fit);
  else if (!observed && reads_once(fit))
    cli_say(session, "  A is read once an iteration, in tiles of whole rows");
  if (!observed)
    return;
  const dnmf_ratings *r = &fit->ratings;
  cli_say(session, "  %" PRId64 " ratings, mean %.4f, from %g to %g; l2 %.4g and %.4g towards %s, %s biases%s",
          r->stored, r->mean, r->smallest, r->largest, fit->settings.penalties.l2_w, fit->settings.penalties.l2_h,
          dnmf_observed_shrinks_to_mean(&fit->settings) ? "the mean row" : "zero",
          cli_bias_name(&fit->settings.observed), fit->has_held_out ? "; some held out" : "");
  if (context->size > 1)
    cli_say(session, "  the busiest process has %.2f (rows) and %.2f (columns) times the mean of the ratings",
            r->by_rows.imbalance, r->by_cols.imbalance);
}
