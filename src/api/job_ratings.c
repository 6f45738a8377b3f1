#include "api/job_ratings.h"

#include "api/job_weak.h"
#include "api/library.h"
#include "api/setting_words.h"
#include "comm/collective.h"
#include "comm/node_memory.h"
#include "store/ids/match.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- Settings ---------------------------------------------------------------------------------------------- */

enum { BIAS_AUTO = 0, BIAS_NONE, BIAS_BOTH, BIAS_ROW, BIAS_COL };
enum { STOP_AUTO = 0, STOP_GRADIENT, STOP_OBJECTIVE, STOP_VALIDATION };

/* The words of the settings. */
typedef struct ratings_choices {
  int scale;
  double power;
  int shrink;
  int bias;
  int stop;
  int terms; /* dnmf_evidence_of */
} ratings_choices;

static dnmf_status choose_words(dnmf_error *error, const dnmf_fit_settings *s, ratings_choices *c) {
  static const char *const shrinks[] = {"auto", "zero", "mean", "level", NULL};
  static const char *const terms[] = {"none", "rows", "cols", "both", NULL};
  static const char *const biases[] = {"auto", "none", "both", "row", "col", NULL};
  static const char *const stops[] = {"auto", "gradient", "objective", "validation", NULL};
  DNMF_TRY(dnmf_choose_penalty_scale(error, s->penalty_scale, &c->scale, &c->power));
  DNMF_TRY(dnmf_choose(error, "--shrink-to", s->ratings.shrink_to, shrinks, &c->shrink));
  c->terms = 0;
  if (s->ratings.implicit_terms)
    DNMF_TRY(dnmf_choose(error, "--implicit-terms", s->ratings.implicit_terms, terms, &c->terms));
  DNMF_TRY(dnmf_choose(error, "--bias", s->ratings.bias, biases, &c->bias));
  return dnmf_choose(error, "--stop", s->stop, stops, &c->stop);
}

static dnmf_status check_settings(dnmf_error *error, const dnmf_fitting *f, const ratings_choices *c) {
  const dnmf_fit_settings *s = &f->asked;
  const bool multiplicative = f->settings.solver == DNMF_SOLVER_MU;
  if (c->scale == DNMF_SCALE_DIMENSION)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--penalty-scale dimension is for --missing zero; give raw, count or sqrt-count");
  if (f->settings.loss.divergence && !dnmf_loss_is(f->settings.loss, 1))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--loss %s is for --missing zero; observed entries are fitted with frobenius or kullback-leibler",
                     s->loss);
  if (multiplicative && c->bias > BIAS_NONE)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--solver mu fits no biases; leave --bias out or take --solver hals");
  if (multiplicative && c->shrink > DNMF_SHRINK_ZERO)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--solver mu shrinks to zero; leave --shrink-to out or take --solver hals");
  if (c->shrink == DNMF_SHRINK_LEVEL && c->bias == BIAS_NONE)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--shrink-to level needs biases; leave --bias none out or take --shrink-to mean");
  if (c->terms != DNMF_EVIDENCE_NONE &&
      (multiplicative || c->bias == BIAS_NONE || c->shrink == DNMF_SHRINK_ZERO || c->shrink == DNMF_SHRINK_MEAN))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--implicit-terms %s moves what --shrink-to level pulls towards; leave %s out",
                     s->ratings.implicit_terms,
                     multiplicative         ? "--solver mu"
                     : c->bias == BIAS_NONE ? "--bias none"
                                            : "--shrink-to");
  if (s->zeros.grid && strcmp(s->zeros.grid, "auto") != 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--grid %s is for --missing zero; ratings are split by rows and by columns over all processes",
                     s->zeros.grid);
  if (s->ratings.validation && s->ratings.held_out)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--validation and held_out data are both given; give one");
  if (c->stop == STOP_VALIDATION && !s->ratings.validation && !s->ratings.held_out)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--stop validation needs --validation FRACTION or FILE");
  return DNMF_OK;
}

enum { BURN_IN = 50, MOST_COMPONENTS = 1000000 }; /* defaults of a chain */

/* What --samples comes to. */
static dnmf_status plan_chain(dnmf_error *error, dnmf_fitting *f) {
  static const char *const keeps[] = {"samples", "mean", NULL};
  const dnmf_fit_settings *s = &f->asked;
  dnmf_posterior_settings *posterior = &f->settings.posterior;
  int keep = 0;
  if (s->posterior.samples <= 0)
    return DNMF_OK;
  DNMF_TRY(dnmf_choose(error, "--keep", s->posterior.keep, keeps, &keep));
  posterior->samples = (int)s->posterior.samples;
  posterior->chains = s->posterior.chains > 0 ? (int)s->posterior.chains : 1;
  posterior->burn_in = s->posterior.burn_in >= 0 ? (int)s->posterior.burn_in : BURN_IN;
  posterior->thin = s->posterior.thin > 0 ? (int)s->posterior.thin
                    : keep == 1           ? 1
                                          : dnmf_posterior_thin(posterior->samples, posterior->chains);
  posterior->keep_mean = keep == 1;
  if (f->weak)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--samples is for ratings: with weak zeros and --implicit there is no chain");
  if (!dnmf_observed_is_around_level(&f->settings))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--samples needs a fit around a level: leave --shrink-to, --loss, --solver mu and --bias none "
                     "out");
  if (f->settings.penalties.l1_w > 0 || f->settings.penalties.l1_h > 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--l1-%c is no part of what --samples draws from; leave one of them out",
                     f->settings.penalties.l1_w > 0 ? 'w' : 'h');
  if (posterior->thin > posterior->samples)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--thin %d keeps none of --samples %d", posterior->thin,
                     posterior->samples);
  const int64_t kept = keep == 1 ? 1 : (int64_t)posterior->chains * (posterior->samples / posterior->thin);
  if (kept * (f->components + 1) > MOST_COMPONENTS)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--samples %d of %d chains keeps %" PRId64
                     " draws of %d components, and a model has at most %d; give "
                     "a larger --thin, or --keep mean",
                     posterior->samples, posterior->chains, kept, f->components, MOST_COMPONENTS);
  return DNMF_OK;
}

dnmf_status dnmf_fitting_plan_ratings(dnmf_context *context, dnmf_fitting *f) {
  static const char *const stops[] = {"objective", "gradient", "objective", "validation"};
  static const dnmf_stop rules[] = {DNMF_STOP_OBJECTIVE, DNMF_STOP_GRADIENT, DNMF_STOP_OBJECTIVE, DNMF_STOP_VALIDATION};
  const dnmf_fit_settings *s = &f->asked;
  const bool multiplicative = f->settings.solver == DNMF_SOLVER_MU;
  ratings_choices c;
  DNMF_TRY(choose_words(&context->error, s, &c));
  DNMF_TRY(check_settings(&context->error, f, &c));
  if (c.bias == BIAS_AUTO)
    c.bias = multiplicative ? BIAS_NONE : BIAS_BOTH;
  if (s->ratings.validation || s->ratings.held_out)
    c.stop = STOP_VALIDATION;
  f->stop = stops[c.stop];
  f->settings.stop = rules[c.stop];
  f->settings.penalties.scale = DNMF_PENALTY_COUNT;
  f->settings.penalties.count_power = c.power;
  f->settings.observed = (dnmf_observed_settings){.bias_rows = c.bias == BIAS_BOTH || c.bias == BIAS_ROW,
                                                  .bias_cols = c.bias == BIAS_BOTH || c.bias == BIAS_COL,
                                                  .start_scale = dnmf_number_or(s->ratings.init_scale, 0.05),
                                                  .patience = s->ratings.patience > 0 ? (int)s->ratings.patience : 10,
                                                  .evidence = (dnmf_evidence_of)c.terms,
                                                  .l2_evidence = dnmf_number_or(s->ratings.l2_terms, DNMF_L2_EVIDENCE)};
  if (f->weak)
    DNMF_TRY(dnmf_fitting_plan_weak(&context->error, f));
  dnmf_observed_set_shrink(&f->settings, (dnmf_shrink)c.shrink, s->ratings.l2_bias);
  DNMF_TRY(plan_chain(&context->error, f));
  return dnmf_place(context, context->size, 1, f->source.rows, f->source.cols, &f->a);
}

/* --- Entries ----------------------------------------------------------------------------------------------- */

/* The entries of other data in the rows and columns of the matrix, by ids. */
static dnmf_status match_held_out(dnmf_context *context, const dnmf_fitting *f, const dnmf_data *data,
                                  dnmf_entries *held_out) {
  const dnmf_source *source = &f->source;
  const dnmf_target target = {source->name, source->rows, source->cols, &source->row_ids, &source->col_ids};
  dnmf_source other = {.name = NULL};
  dnmf_placed placed = {.grid = {0}};
  dnmf_matched matched = {.count = 0};
  dnmf_status status = dnmf_data_load_rows(context, data, DNMF_AS_UNOBSERVED, &other, &placed);
  if (status == DNMF_OK)
    status = dnmf_match(context, &other, &placed.matrix, &target, &matched);
  if (status == DNMF_OK && matched.unknown_entries == matched.total)
    status = dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                       "--validation %s: none of its %" PRId64 " ratings has a row and a column of %s", other.name,
                       matched.total, source->name);
  if (status == DNMF_OK && matched.unknown_entries > 0)
    dnmf_warn(context,
              "%s: %" PRId64 " of %" PRId64 " ratings are left out: %" PRId64 " rows and %" PRId64
              " columns are not in %s (the first: %s)",
              other.name, matched.unknown_entries, matched.total, matched.unknown_rows, matched.unknown_cols,
              source->name, matched.unknown_example);
  if (status == DNMF_OK)
    dnmf_matched_take(&matched, held_out);
  dnmf_matched_free(&matched);
  dnmf_placed_free(&placed);
  dnmf_source_close(&other);
  return status;
}

/* --validation FILE is read as the data were; what is selected of those is not of it. */
static dnmf_status read_held_out(dnmf_context *context, const dnmf_fitting *f, const char *path,
                                 dnmf_entries *held_out) {
  dnmf_data file = {.kind = DNMF_DATA_FILE, .options = f->data->options};
  dnmf_source_options *how = &file.options;
  how->index_base = how->index_base == DNMF_INDEX_AUTO ? f->source.index_base : how->index_base;
  how->svmlight_cols = how->transpose ? f->source.rows : f->source.cols;
  how->shared = true;
  how->select = (dnmf_select_options){.rows = NULL};
  file.name = strdup(path);
  dnmf_status status = DNMF_OK;
  if (!file.name)
    status = dnmf_fail(&context->error, DNMF_ERROR_MEMORY, "not enough memory for a file name");
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = match_held_out(context, f, &file, held_out);
  free(file.name);
  return status;
}

/* A share of the ratings by chance may be none of few, or all. collective */
static dnmf_status check_shares(dnmf_context *context, const char *fraction, const dnmf_fitting *f) {
  const dnmf_csr *held_out = &f->held_out.entries;
  int64_t count = held_out->start[held_out->rows];
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &count, 1));
  if (count == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                     "--validation %s: none of the %" PRId64 " ratings is held out, so there is no error to stop by; "
                     "give a larger fraction or a file of ratings, or leave --validation out",
                     fraction, f->ratings.stored);
  return DNMF_OK;
}

/* The penalties that depend on the ratings' scale, unless given. Near the ratings' mean m the Kullback-Leibler
 * divergence is the squared error over m, and so is its penalty. */
static void settle_penalties(dnmf_fitting *f) {
  const dnmf_fit_settings *s = &f->asked;
  dnmf_penalties *penalties = &f->settings.penalties;
  if (f->weak) {
    dnmf_fitting_settle_weak(f);
    return;
  }
  double both = dnmf_number_or(s->l2, dnmf_observed_default_l2(&f->settings, &f->ratings));
  if (s->l2 < 0 && f->settings.loss.divergence && f->ratings.mean > 0)
    both /= f->ratings.mean;
  penalties->l2_w = dnmf_number_or(s->l2_w, both);
  penalties->l2_h = dnmf_number_or(s->l2_h, both);
}

static dnmf_status check_evidence(dnmf_error *error, const dnmf_fitting *f) {
  const dnmf_penalties *penalties = &f->settings.penalties;
  const bool rows = dnmf_evidence_has_rows(&f->settings) && penalties->l2_w == 0;
  if (rows || (dnmf_evidence_has_cols(&f->settings) && penalties->l2_h == 0))
    return dnmf_fail(
        error, DNMF_ERROR_USAGE,
        "--implicit-terms move what L2 pulls towards, and --l2-%c is 0: give it a number above 0, or leave "
        "--implicit-terms out",
        rows ? 'w' : 'h');
  return DNMF_OK;
}

/* A stored 0 is a rating: what is counted here are rows and columns without any. */
static void warn_about_ratings(dnmf_context *context, const dnmf_fitting *f) {
  const dnmf_ratings *ratings = &f->ratings;
  const char *where = f->has_held_out ? " outside the held-out ones" : "";
  if (ratings->empty_rows > 0)
    dnmf_warn(context, "%" PRId64 " of %" PRId64 " rows have no rating%s: the model does not know them",
              ratings->empty_rows, ratings->rows, where);
  if (ratings->empty_cols > 0)
    dnmf_warn(context, "%" PRId64 " of %" PRId64 " columns have no rating%s: the model does not know them",
              ratings->empty_cols, ratings->cols, where);
  if (!f->weak && ratings->smallest == ratings->largest && ratings->largest > 0 && ratings->stored > 1)
    dnmf_warn(context,
              "every rating is %g: there is nothing to tell rows and columns apart by; plays, clicks and purchases are "
              "fitted with --implicit",
              ratings->largest);
}

/* The held-out entries of other data, with the processes that own their rows. */
static dnmf_status attach_held_out(dnmf_context *context, dnmf_fitting *f) {
  dnmf_entries entries = {0};
  dnmf_status status = f->asked.ratings.held_out ? match_held_out(context, f, f->asked.ratings.held_out, &entries)
                                                 : read_held_out(context, f, f->asked.ratings.validation, &entries);
  if (status == DNMF_OK)
    status = dnmf_ratings_attach(context, &f->ratings, &entries, &f->held_out);
  dnmf_entries_free(&entries);
  return status;
}

dnmf_status dnmf_fitting_load_ratings(dnmf_context *context, dnmf_fitting *f) {
  const char *validation = f->asked.ratings.validation;
  const bool share = validation && dnmf_is_fraction(validation);
  dnmf_ratings_split split = {.seed = f->settings.seed};
  f->has_held_out = validation || f->asked.ratings.held_out;
  if (share)
    DNMF_TRY(dnmf_parse_fraction(&context->error, validation, &split.fraction));
  DNMF_TRY(
      dnmf_source_load_ratings(context, &f->source, f->precision, &split, &f->a.matrix, &f->ratings, &f->held_out));
  if (share)
    DNMF_TRY(check_shares(context, validation, f));
  else if (f->has_held_out)
    DNMF_TRY(attach_held_out(context, f));
  settle_penalties(f);
  DNMF_TRY(check_evidence(&context->error, f));
  if (f->weak)
    DNMF_TRY(dnmf_weak_measure(context, &f->settings.observed.weak, &f->ratings.by_rows, f->precision,
                               (double)f->ratings.rows * (double)f->ratings.cols, &f->weak_figures));
  warn_about_ratings(context, f);
  return DNMF_OK;
}

/* --- Chains ------------------------------------------------------------------------------------------------ */

/* Of the memory that is left, what is planned with: libraries and the allocator take their share. */
static const double PLANNED_MEMORY = 0.85;

dnmf_status dnmf_fitting_choose_groups(dnmf_context *context, dnmf_fitting *f) {
  const int chains = f->settings.posterior.chains;
  const int processes = context->size;
  dnmf_job job = dnmf_fitting_cost(f);
  dnmf_cost cost;
  double bytes = INFINITY;
  int groups = dnmf_cost_chain_groups(chains, processes, processes);
  job.missing = f->missing;
  job.stored = (double)f->ratings.stored;
  job.bias = true;
  DNMF_TRY(dnmf_memory_left(context, &bytes));
  for (; groups > 1; groups = dnmf_cost_chain_groups(chains, processes, groups - 1)) {
    job.groups = groups;
    dnmf_cost_of(context, &job, NULL, processes, 1, &cost);
    if (cost.memory.chains + cost.memory.draws <= PLANNED_MEMORY * bytes)
      break;
  }
  f->settings.posterior.groups = groups;
  return DNMF_OK;
}

/* --- The model --------------------------------------------------------------------------------------------- */

dnmf_status dnmf_fitting_fill_ratings(dnmf_context *context, const dnmf_fitting *f, dnmf_model *model) {
  return dnmf_observed_fill_model(context, &f->settings, &f->ratings, &f->observed_w, &f->observed_h, &f->evidence,
                                  model);
}
