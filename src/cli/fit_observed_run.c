/*
 * The phases of a fit that belong to ratings: options, the held-out share, the loop, the model's biases.
 */
#include "fit_run.h"
#include "load.h"

#include "base/memory.h"
#include "store/ids/match.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static dnmf_status check_options(dnmf_error *error, const cli_fit_options *options) {
  if (options->penalty_scale == CLI_SCALE_DIMENSION)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--penalty-scale dimension is for --missing zero; give raw, count or sqrt-count");
  bool multiplicative = options->solver == DNMF_SOLVER_MU;
  if (options->loss.divergence && !dnmf_loss_is(options->loss, 1))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--loss %s is for --missing zero; observed entries are fitted with frobenius or kullback-leibler",
                     options->loss_text);
  if (multiplicative && options->bias > CLI_BIAS_NONE)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--solver mu fits no biases; leave --bias out or take --solver hals");
  if (multiplicative && options->shrink_to == CLI_SHRINK_MEAN)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--solver mu shrinks to zero; leave --shrink-to out or take --solver hals");
  if (strcmp(options->grid, "auto") != 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--grid %s is for --missing zero; ratings are split by rows and by columns over all processes",
                     options->grid);
  if (options->stop == CLI_STOP_VALIDATION && !options->validation)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--stop validation needs --validation FRACTION or FILE");
  return DNMF_OK;
}

static double count_power_of(int penalty_scale) {
  if (penalty_scale == CLI_SCALE_RAW)
    return 0;
  return penalty_scale == CLI_SCALE_COUNT ? 1 : 0.5;
}

dnmf_status cli_observed_plan(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  static const char *const stops[] = {"objective", "gradient", "objective", "validation"};
  dnmf_observed_settings *observed = &fit->settings.observed;
  DNMF_TRY(check_options(&session->context->error, options));
  int bias = options->bias;
  if (bias == CLI_BIAS_AUTO)
    bias = options->solver == DNMF_SOLVER_MU ? CLI_BIAS_NONE : CLI_BIAS_BOTH;
  *observed = (dnmf_observed_settings){.bias_rows = bias == CLI_BIAS_BOTH || bias == CLI_BIAS_ROW,
                                       .bias_cols = bias == CLI_BIAS_BOTH || bias == CLI_BIAS_COL,
                                       .l2_bias = options->l2_bias,
                                       .shrink_to_mean = options->shrink_to != CLI_SHRINK_ZERO,
                                       .start_scale = options->init_scale,
                                       .patience = (int)options->patience};
  fit->settings.penalties.scale = DNMF_PENALTY_COUNT;
  fit->settings.penalties.count_power = count_power_of(options->penalty_scale);
  static const dnmf_stop rules[] = {DNMF_STOP_OBJECTIVE, DNMF_STOP_GRADIENT, DNMF_STOP_OBJECTIVE, DNMF_STOP_VALIDATION};
  fit->settings.stop = options->validation ? DNMF_STOP_VALIDATION : rules[options->stop];
  fit->stop = options->validation ? "validation" : stops[options->stop];
  return cli_lay_out(session, session->context->size, 1, fit->source.rows, fit->source.cols, &fit->a);
}

/* --validation is a fraction when it is a number, else a file. */
static bool is_number(const char *text) {
  char *end = NULL;
  strtod(text, &end);
  return end != text && !*end;
}

static dnmf_status parse_fraction(dnmf_error *error, const char *text, double *fraction) {
  *fraction = strtod(text, NULL);
  if (!(*fraction > 0 && *fraction < 1))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--validation %s: give a fraction between 0 and 1, e.g. 0.1, or a file",
                     text);
  return DNMF_OK;
}

/* --validation FILE: its ratings in the rows and columns of the input, by ids. */
static dnmf_status read_held_out(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit,
                                 dnmf_entries *held_out) {
  dnmf_context *context = session->context;
  const cli_input input = cli_input_of_entries(&options->input);
  dnmf_source_options how = cli_source_options(&input);
  how.index_base = how.index_base == DNMF_INDEX_AUTO ? fit->source.index_base : how.index_base;
  how.svmlight_cols = how.transpose ? fit->source.rows : fit->source.cols;
  how.shared = true;
  how.select = (dnmf_select_options){.rows = NULL}; /* of the input only */
  const dnmf_source *source = &fit->source;
  dnmf_target target = {fit->input, source->rows, source->cols, &source->row_ids, &source->col_ids};
  dnmf_matched matched;
  dnmf_status status = dnmf_match_source(context, options->validation, &how, &target, &matched);
  if (status == DNMF_OK && matched.unknown_entries == matched.total)
    status = dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                       "--validation %s: none of its %" PRId64 " ratings has a row and a column of %s",
                       options->validation, matched.total, fit->input);
  if (status == DNMF_OK) {
    if (matched.unknown_entries > 0)
      dnmf_warn(context,
                "%s: %" PRId64 " of %" PRId64 " ratings are left out: %" PRId64 " rows and %" PRId64
                " columns are not in %s (the first: %s)",
                options->validation, matched.unknown_entries, matched.total, matched.unknown_rows, matched.unknown_cols,
                fit->input, matched.unknown_example);
    dnmf_matched_take(&matched, held_out);
  }
  dnmf_matched_free(&matched);
  return status;
}

/* The penalties that depend on the ratings' scale, unless given. */
static void settle_penalties(const cli_fit_options *options, cli_fit_run *fit) {
  dnmf_penalties *penalties = &fit->settings.penalties;
  double both = options->l2 >= 0 ? options->l2 : 0;
  if (options->l2 < 0 && fit->settings.solver != DNMF_SOLVER_MU)
    both = dnmf_observed_default_l2(&fit->settings, &fit->ratings);
  penalties->l2_w = options->l2_w >= 0 ? options->l2_w : both;
  penalties->l2_h = options->l2_h >= 0 ? options->l2_h : both;
}

/* A stored 0 is a rating: what is counted here are rows and columns without any. */
static void warn_about_ratings(cli_session *session, const cli_fit_run *fit) {
  const dnmf_ratings *ratings = &fit->ratings;
  const char *where = fit->has_held_out ? " outside the held-out ones" : "";
  if (ratings->empty_rows > 0)
    dnmf_warn(session->context, "%" PRId64 " of %" PRId64 " rows have no rating%s: the model does not know them",
              ratings->empty_rows, ratings->rows, where);
  if (ratings->empty_cols > 0)
    dnmf_warn(session->context, "%" PRId64 " of %" PRId64 " columns have no rating%s: the model does not know them",
              ratings->empty_cols, ratings->cols, where);
  if (ratings->smallest == ratings->largest && ratings->largest > 0 && ratings->stored > 1)
    dnmf_warn(session->context,
              "every rating is %g: there is nothing to tell rows and columns apart by; plays, clicks and purchases are "
              "fitted with --missing zero",
              ratings->largest);
}

/* --validation FILE: its ratings, with the processes that own their rows. */
static dnmf_status attach_held_out(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  dnmf_entries entries = {0};
  dnmf_status status = read_held_out(session, options, fit, &entries);
  if (status == DNMF_OK)
    status = dnmf_ratings_attach(session->context, &fit->ratings, &entries, &fit->held_out);
  dnmf_entries_free(&entries);
  return status;
}

dnmf_status cli_observed_load(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  dnmf_context *context = session->context;
  dnmf_ratings_split split = {.seed = (uint64_t)options->seed};
  const bool share = options->validation && is_number(options->validation);
  fit->has_held_out = options->validation != NULL;
  if (share)
    DNMF_TRY(parse_fraction(&context->error, options->validation, &split.fraction));
  DNMF_TRY(dnmf_source_load_ratings(context, &fit->source, fit->precision, &split, &fit->a.matrix, &fit->ratings,
                                    &fit->held_out));
  cli_warn_about_matrix(session, &fit->source, fit->missing, &fit->a.matrix);
  DNMF_TRY(cli_resume_check(session, fit));
  if (fit->has_held_out && !share)
    DNMF_TRY(attach_held_out(session, options, fit));
  settle_penalties(options, fit);
  warn_about_ratings(session, fit);
  return DNMF_OK;
}

dnmf_status cli_observed_fit(cli_session *session, cli_fit_run *fit) {
  return dnmf_fit_observed(session->context, &fit->settings, &fit->ratings, fit->has_held_out ? &fit->held_out : NULL,
                           &fit->observed_w, &fit->observed_h, &fit->result);
}

/* Splits panel rows into components and bias. */
static dnmf_status split_panel(dnmf_error *error, const dnmf_panel *from, int components, dnmf_panel *panel,
                               double **bias) {
  void *memory = NULL;
  DNMF_TRY(dnmf_panel_create(error, "model", from->rows, components, from->precision, panel));
  DNMF_TRY(dnmf_allocate_zero(error, "biases", from->rows, sizeof(double), &memory));
  *bias = memory;
  for (int64_t row = 0; row < from->rows; row++) {
    for (int c = 0; c < components; c++)
      dnmf_panel_set(panel, row, c, dnmf_panel_get(from, row, c));
    if (from->components > components)
      (*bias)[row] = dnmf_panel_get(from, row, components);
  }
  return DNMF_OK;
}

/* Entries of each owned row of a view. */
static dnmf_status count_entries(dnmf_error *error, const dnmf_ratings_view *view, int64_t **counts) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "observed entries", view->entries.rows, sizeof(int64_t), &memory));
  *counts = memory;
  for (int64_t row = 0; row < view->entries.rows; row++)
    (*counts)[row] = view->entries.start[row + 1] - view->entries.start[row];
  return DNMF_OK;
}

/* Everything but the mean row. */
static dnmf_status fill_own(dnmf_error *error, const cli_fit_run *fit, dnmf_model *model) {
  void *mean_row = NULL;
  model->owned_rows = fit->ratings.by_rows.owned;
  model->owned_cols = fit->ratings.by_cols.owned;
  model->bias.fitted = dnmf_observed_has_biases(&fit->settings);
  model->bias.mean = dnmf_observed_mean(&fit->settings, &fit->ratings);
  if (dnmf_observed_shrinks_to_mean(&fit->settings))
    DNMF_TRY(dnmf_allocate(error, "the mean row", fit->components, sizeof(double), &mean_row));
  model->mean_row = mean_row;
  DNMF_TRY(count_entries(error, &fit->ratings.by_rows, &model->row_counts));
  DNMF_TRY(count_entries(error, &fit->ratings.by_cols, &model->col_counts));
  DNMF_TRY(split_panel(error, &fit->observed_w, fit->components, &model->w, &model->bias.row));
  return split_panel(error, &fit->observed_h, fit->components, &model->h, &model->bias.col);
}

dnmf_status cli_observed_fill_model(cli_session *session, const cli_fit_run *fit, dnmf_model *model) {
  dnmf_context *context = session->context;
  DNMF_TRY(dnmf_agree(context, fill_own(&context->error, fit, model)));
  if (!model->mean_row)
    return DNMF_OK;
  return dnmf_observed_mean_row(context, &fit->settings, &fit->ratings.by_rows, &fit->observed_w, model->mean_row);
}
