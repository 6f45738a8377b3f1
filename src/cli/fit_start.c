/*
 * What a fit starts from: random numbers, singular vectors, or the factors in a file.
 */
#include "fit_run.h"

#include "base/memory.h"
#include "store/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const svd_starts[] = {
    [DNMF_SVD_FILL_ZERO] = "nndsvd", [DNMF_SVD_FILL_MEAN] = "nndsvda", [DNMF_SVD_FILL_RANDOM] = "nndsvdar"};

static dnmf_status check_ratings(dnmf_error *error, const cli_fit_options *options, const cli_fit_run *fit) {
  if (fit->start == CLI_START_SVD && fit->start_fill != DNMF_SVD_FILL_ZERO)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--init %s: a fit of observed entries starts at random, from nndsvd or from file:MODEL.h5",
                     options->init);
  if (fit->start == CLI_START_SVD && options->solver == DNMF_SOLVER_MU)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--init nndsvd has zeros, which --solver mu cannot change; take --init random");
  if (options->fixed != DNMF_FIXED_NONE)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--fix needs --missing zero; for new rows of ratings with H fixed there is dnmf transform");
  return DNMF_OK;
}

dnmf_status cli_fit_plan_start(dnmf_error *error, const cli_fit_options *options, cli_fit_run *fit) {
  static const char prefix[] = "file:";
  const char *init = options->init;
  fit->start = CLI_START_RANDOM;
  if (strncmp(init, prefix, strlen(prefix)) == 0) {
    fit->start = CLI_START_FILE;
    fit->start_file = init + strlen(prefix);
  }
  for (int fill = 0; fill <= DNMF_SVD_FILL_RANDOM; fill++)
    if (strcmp(init, svd_starts[fill]) == 0) {
      fit->start = CLI_START_SVD;
      fit->start_fill = (dnmf_svd_fill)fill;
    }
  if (fit->start == CLI_START_RANDOM && strcmp(init, "random") != 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--init %s: give random, nndsvd, nndsvda, nndsvdar or file:START.h5",
                     init);
  if (fit->missing == DNMF_MISSING_UNOBSERVED)
    return check_ratings(error, options, fit);
  if (options->fixed != DNMF_FIXED_NONE && fit->start != CLI_START_FILE)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--fix %s: give the factor that stays as it is with --init file:START.h5",
                     options->fixed == DNMF_FIXED_W ? "w" : "h");
  int64_t smaller = fit->source.rows < fit->source.cols ? fit->source.rows : fit->source.cols;
  if (fit->start == CLI_START_SVD && fit->components > smaller)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--init %s: -k %d is larger than the smaller dimension of %s (%" PRId64 " x %" PRId64
                     "), which has no more singular vectors; use --init random",
                     init, fit->components, fit->source.name, fit->source.rows, fit->source.cols);
  return DNMF_OK;
}

/* The file with the factors to begin with: the checkpoint, or the start; NULL: neither. */
static const char *file_of(const cli_fit_run *fit) {
  return fit->resume.path ? fit->resume.path : fit->start_file;
}

/* --- Unstored entries are zeros --------------------------------------------------------------------------- */

/* A factor that no update of this fit could leave, or make anything of. */
static dnmf_status check_start(dnmf_error *error, const cli_fit_options *options, const cli_fit_run *fit,
                               const dnmf_start_file *start) {
  if (fit->resume.path)
    return DNMF_OK; /* what a fit has come to is no mistake of whoever wrote the file */
  bool fixed_is_there = options->fixed == DNMF_FIXED_W ? start->has_w : start->has_h;
  if (options->fixed != DNMF_FIXED_NONE && !fixed_is_there)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "--fix %s: %s has no /%s", options->fixed == DNMF_FIXED_W ? "w" : "h",
                     start->path, options->fixed == DNMF_FIXED_W ? "W" : "H");
  bool moves_from_zero = options->solver != DNMF_SOLVER_MU;
  bool w_is_lost = start->has_w && start->largest_w == 0 && !(moves_from_zero && options->fixed != DNMF_FIXED_W);
  bool h_is_lost = start->has_h && start->largest_h == 0 && !(moves_from_zero && options->fixed == DNMF_FIXED_W);
  if (w_is_lost || h_is_lost)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s: /%s is full of zeros, from which no fit goes on", start->path,
                     w_is_lost ? "W" : "H");
  return DNMF_OK;
}

/* A factor that the file does not have starts at random. If the other is fixed there is one solution to find, and the
 * start is scikit-learn's: zeros, or flat for multiplicative updates. */
static void start_other(const cli_fit_options *options, cli_fit_run *fit, dnmf_factor *w, dnmf_factor *h) {
  if (options->fixed == DNMF_FIXED_NONE)
    dnmf_start_random(&fit->a.matrix, (uint64_t)options->seed, w, h);
  else if (options->solver == DNMF_SOLVER_MU)
    dnmf_start_flat(&fit->a.matrix, w ? w : h);
}

static dnmf_status start_from_file(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  dnmf_start_file start = {.path = file_of(fit),
                           .all_rows = fit->source.rows,
                           .all_cols = fit->source.cols,
                           .rows = fit->w.owned,
                           .cols = fit->h.owned,
                           .w = &fit->w.mine,
                           .h = &fit->h.mine};
  DNMF_TRY(dnmf_start_file_read(session->context, &start));
  DNMF_TRY(dnmf_agree(session->context, check_start(&session->context->error, options, fit, &start)));
  if (start.has_biases)
    dnmf_warn(session->context, "%s has biases, which a fit with zeros does not use", fit->start_file);
  if (!start.has_w)
    start_other(options, fit, &fit->w, NULL);
  if (!start.has_h)
    start_other(options, fit, NULL, &fit->h);
  return DNMF_OK;
}

static dnmf_status start_blocks(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  dnmf_context *context = session->context;
  dnmf_status status = dnmf_factor_create_w(context, &fit->a.layout, fit->components, fit->precision, &fit->w);
  if (status == DNMF_OK)
    status = dnmf_factor_create_h(context, &fit->a.layout, fit->components, fit->precision, &fit->h);
  DNMF_TRY(dnmf_agree(context, status));
  if (file_of(fit))
    return start_from_file(session, options, fit);
  if (fit->start == CLI_START_SVD && fit->start_fill == DNMF_SVD_FILL_ZERO && fit->settings.solver == DNMF_SOLVER_MU)
    dnmf_warn(context, "--init nndsvd leaves zeros, which --solver mu cannot change; nndsvda and nndsvdar have none");
  if (fit->start == CLI_START_SVD)
    return dnmf_start_svd(context, &fit->a.layout, &fit->a.matrix, fit->start_fill, (uint64_t)options->seed, &fit->w,
                          &fit->h);
  dnmf_start_random(&fit->a.matrix, (uint64_t)options->seed, &fit->w, &fit->h);
  return DNMF_OK;
}

/* --- Unstored entries are unobserved ---------------------------------------------------------------------- */

/* One side of a start file, apart as the file has it. */
typedef struct part {
  dnmf_panel factor; /* components only */
  double *bias;
} part;

static dnmf_status create_part(dnmf_error *error, const cli_fit_run *fit, dnmf_range owned, part *side) {
  void *memory = NULL;
  DNMF_TRY(dnmf_panel_create(error, "a factor to start from", dnmf_range_size(owned), fit->components, fit->precision,
                             &side->factor));
  dnmf_status status = dnmf_allocate_zero(error, "biases to start from", side->factor.rows, sizeof(double), &memory);
  side->bias = memory;
  return status;
}

static void free_part(part *side) {
  dnmf_panel_free(&side->factor);
  free(side->bias);
}

/* Into the loop's panel, whose rows may end in a bias; `shift` is added to it. */
static void join_part(const part *side, bool has_factor, double shift, int components, dnmf_panel *panel) {
  for (int64_t row = 0; row < panel->rows; row++) {
    for (int c = 0; has_factor && c < components; c++)
      dnmf_panel_set(panel, row, c, dnmf_panel_get(&side->factor, row, c));
    if (panel->components > components)
      dnmf_panel_set(panel, row, components, side->bias[row] + shift);
  }
}

static bool any_bias(const part *side) {
  for (int64_t row = 0; row < side->factor.rows; row++)
    if (side->bias[row] != 0)
      return true;
  return false;
}

/* A model's factors go with its biases: none of them is dropped. Where it has none, they start at zero. */
static dnmf_status check_biases(dnmf_error *error, const cli_fit_run *fit, const part *w, const part *h,
                                const dnmf_start_file *start) {
  const dnmf_observed_settings *plan = &fit->settings.observed;
  bool biased = plan->bias_rows || plan->bias_cols;
  bool rows_dropped = !plan->bias_rows && any_bias(w);
  if ((start->has_biases && !biased) || rows_dropped || (!plan->bias_cols && any_bias(h)))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s has %sbiases, which this fit would drop; give --bias both",
                     start->path, biased ? rows_dropped ? "row " : "column " : "");
  return DNMF_OK;
}

static dnmf_status start_ratings_from_file(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  dnmf_context *context = session->context;
  dnmf_error *error = &context->error;
  part w = {0};
  part h = {0};
  dnmf_start_file start = {.path = file_of(fit),
                           .all_rows = fit->source.rows,
                           .all_cols = fit->source.cols,
                           .rows = fit->ratings.by_rows.owned,
                           .cols = fit->ratings.by_cols.owned,
                           .w = &w.factor,
                           .h = &h.factor};
  dnmf_status status = create_part(error, fit, start.rows, &w);
  if (status == DNMF_OK)
    status = create_part(error, fit, start.cols, &h);
  status = dnmf_agree(context, status);
  start.row_bias = w.bias;
  start.col_bias = h.bias;
  if (status == DNMF_OK)
    status = dnmf_start_file_read(context, &start);
  if (status == DNMF_OK)
    status = check_start(error, options, fit, &start);
  if (status == DNMF_OK)
    status = check_biases(error, fit, &w, &h, &start);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    const double shift = start.has_biases ? start.mean - dnmf_observed_mean(&fit->settings, &fit->ratings) : 0;
    bool to_rows = fit->settings.observed.bias_rows;
    join_part(&w, start.has_w, to_rows ? shift : 0, fit->components, &fit->observed_w);
    join_part(&h, start.has_h, to_rows ? 0 : shift, fit->components, &fit->observed_h);
  }
  free_part(&w);
  free_part(&h);
  return status;
}

static dnmf_status start_ratings(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  if (fit->start == CLI_START_SVD && !file_of(fit))
    return dnmf_start_observed_svd(session->context, &fit->settings, &fit->ratings, &fit->observed_w, &fit->observed_h);
  dnmf_status status =
      dnmf_start_observed(&session->context->error, &fit->settings, &fit->ratings, &fit->observed_w, &fit->observed_h);
  DNMF_TRY(dnmf_agree(session->context, status));
  return file_of(fit) ? start_ratings_from_file(session, options, fit) : DNMF_OK;
}

dnmf_status cli_fit_start(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  return fit->missing == DNMF_MISSING_ZERO ? start_blocks(session, options, fit) : start_ratings(session, options, fit);
}
