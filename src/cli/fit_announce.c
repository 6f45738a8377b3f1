/* What a fit says before it iterates. */
#include "fit_report.h"

#include "matrix/product.h"

#include <inttypes.h>

static void announce_batches(cli_session *session, const dnmf_fitting *fit) {
  char planned[CLI_SIZE_TEXT];
  char allowed[CLI_SIZE_TEXT + 16] = "";
  if (fit->asked.batches.memory > 0) {
    cli_size_text((double)fit->asked.batches.memory, planned);
    snprintf(allowed, sizeof allowed, " of %s allowed", planned);
  }
  cli_say(session, "  in %" PRId64 " batches of %" PRId64 " rows a pass over the file; %s%s a process",
          dnmf_batch_count(fit->source.rows, fit->settings.batches.rows), fit->settings.batches.rows,
          cli_size_text(fit->batch_memory.total, planned), allowed);
}

/* Both products from one pass over A. */
static bool reads_once(const dnmf_fitting *fit) {
  const dnmf_job job = dnmf_fitting_cost(fit);
  return fit->settings.fixed == DNMF_FIXED_NONE && dnmf_cost_is_one_pass(&job, fit->a.grid.cols);
}

/* How the products with a sparse matrix go. */
static void announce_products(cli_session *session, const dnmf_fitting *fit) {
  const dnmf_matrix *a = &fit->a.matrix;
  if (!a->sparse || fit->in_batches || fit->settings.loss.divergence)
    return;
  if (dnmf_bundles_exist(&a->bundles)) {
    cli_detail(session, "  A is held by columns in bundles of %d rows, for both products", DNMF_BUNDLE_ROWS);
    return;
  }
  if (!a->by_cols.start) {
    cli_detail(session, "  A is held by rows alone, for both products");
    return;
  }
  const int64_t by_rows = dnmf_product_bands(session->context, a, false, fit->components);
  const int64_t by_cols = dnmf_product_bands(session->context, a, true, fit->components);
  cli_detail(session, "  A H' by rows, H in %" PRId64 " part%s; A'W from a transposed copy, W in %" PRId64 " part%s",
             by_rows, by_rows > 1 ? "s" : "", by_cols, by_cols > 1 ? "s" : "");
}

static const char *towards(const dnmf_settings *settings) {
  if (dnmf_observed_is_around_level(settings))
    return "a constant row";
  return dnmf_observed_shrinks_to_mean(settings) ? "the mean row" : "zero";
}

static void announce_ratings(cli_session *session, const dnmf_fitting *fit) {
  const dnmf_ratings *r = &fit->ratings;
  cli_say(session, "  %" PRId64 " ratings, mean %.4f, from %g to %g; l2 %.4g and %.4g towards %s, %s biases%s",
          r->stored, r->mean, r->smallest, r->largest, fit->settings.penalties.l2_w, fit->settings.penalties.l2_h,
          towards(&fit->settings), dnmf_bias_name(&fit->settings.observed), fit->has_held_out ? "; some held out" : "");
  if (fit->settings.observed.evidence != DNMF_EVIDENCE_NONE)
    cli_say(session, "  implicit terms: %s, weight %g", dnmf_evidence_name(&fit->settings),
            fit->settings.observed.l2_evidence);
  if (session->context->size > 1)
    cli_detail(session, "  the busiest process has %.2f (rows) and %.2f (columns) times the mean of the ratings",
               r->by_rows.imbalance, r->by_cols.imbalance);
}

static void announce_weak(cli_session *session, const dnmf_fitting *fit) {
  const dnmf_ratings *r = &fit->ratings;
  const dnmf_weak_settings *weak = &fit->settings.observed.weak;
  const dnmf_penalties *penalties = &fit->settings.penalties;
  char confidence[96] = "1";
  if (weak->confidence == DNMF_CONFIDENCE_LINEAR)
    snprintf(confidence, sizeof confidence, "1 + %g v", weak->alpha);
  else if (weak->confidence == DNMF_CONFIDENCE_LOG)
    snprintf(confidence, sizeof confidence, "1 + %g log(1 + v / %g)", weak->alpha, weak->epsilon);
  cli_say(session,
          "  %" PRId64
          " entries v from %g to %g to be predicted as %s, each counts %s; what is not stored is 0 and counts %g",
          r->stored, r->smallest, r->largest, weak->target_one ? "1" : "v", confidence, weak->weight);
  if (weak->like > 0)
    cli_say(session, "  entries below %.6g are no sign of liking: they count as what is not stored (--like)",
            weak->like);
  cli_say(session, "  l2 %.4g and %.4g times what a row's entries and zeros count, to the power %g", penalties->l2_w,
          penalties->l2_h, dnmf_count_power(penalties));
}

static void announce_restarts(cli_session *session, const dnmf_fitting *fit) {
  const uint64_t seed = fit->settings.seed;
  char groups[96] = "";
  if (fit->group_count > 1)
    snprintf(groups, sizeof groups, " in each of %d groups of processes", fit->group_count);
  cli_say(session, "  from %d seeds, %" PRIu64 " to %" PRIu64 ", %d side by side%s; the least objective is kept",
          fit->restart_count, seed, seed + (uint64_t)fit->restart_count - 1, fit->side_by_side, groups);
}

/* What is done with cells whose value the fit does not use. */
static const char *role_of_cells(const dnmf_fitting *fit) {
  return fit->settings.solver == DNMF_SOLVER_NEWTON ? "take no part" : "are filled in by predictions";
}

void cli_fit_announce(cli_session *session, const dnmf_fitting *fit) {
  const dnmf_context *context = session->context;
  bool observed = fit->missing == DNMF_MISSING_UNOBSERVED;
  char whole[CLI_SIZE_TEXT];
  char budget[CLI_SIZE_TEXT];
  char grid[48] = "";
  char loss[DNMF_LOSS_TEXT];
  if (fit->in_memory > 0 && !fit->in_batches)
    cli_say(session, "the whole matrix fits: at most %s a process, of %s allowed", cli_size_text(fit->in_memory, whole),
            cli_size_text((double)fit->asked.batches.memory, budget));
  if (!observed && fit->group_count > 1)
    snprintf(grid, sizeof grid, ", the first group as %d x %d", fit->a.grid.rows, fit->a.grid.cols);
  else if (!observed)
    snprintf(grid, sizeof grid, " as %d x %d", fit->a.grid.rows, fit->a.grid.cols);
  cli_say(session, "fitting k = %d, %s are %s, loss %s by %s, %s precision, %d process%s%s, %d thread%s each",
          fit->components, fit->partial ? "cells without a value" : "unstored entries",
          fit->weak      ? "weak zeros"
          : fit->partial ? "unobserved and zeros count"
          : observed     ? "unobserved"
                         : "zeros",
          dnmf_loss_name(fit->settings.loss, loss), dnmf_solver_name(fit->settings.solver),
          dnmf_precision_name(fit->precision), context->size, context->size > 1 ? "es" : "", grid, context->threads,
          context->threads > 1 ? "s" : "");
  if (fit->resume.path)
    cli_say(session, "  going on from %s after iteration %d", fit->resume.path, fit->resume.state.result.iterations);
  if (fit->restart_count > 0)
    announce_restarts(session, fit);
  if (fit->in_batches)
    announce_batches(session, fit);
  else if (!observed && reads_once(fit))
    cli_detail(session, "  A is read once an iteration, in tiles of whole rows");
  if (fit->held.missing > 0)
    cli_say(session, "  %" PRId64 " cells have no value (%.3g%% of all) and %s", fit->held.missing,
            100 * (double)fit->held.missing / ((double)fit->a.matrix.rows * (double)fit->a.matrix.cols),
            role_of_cells(fit));
  if (fit->held.held_out > 0)
    cli_say(session, "  %" PRId64 " cells (%g of all, zeros among them) are held out and %s", fit->held.held_out,
            fit->held_choice.share, role_of_cells(fit));
  if (fit->weak)
    announce_weak(session, fit);
  else if (observed)
    announce_ratings(session, fit);
  if (dnmf_fitting_number(fit) != (dnmf_number)fit->precision)
    cli_detail(session, "  values kept as %s", dnmf_number_name(dnmf_fitting_number(fit)));
  if (!observed)
    announce_products(session, fit);
}
