/*
 * Fits of observed entries.
 *
 * An iteration: fetch the columns' factors the owned rows need, solve the owned rows; fetch the rows' factors the
 * owned columns need, solve the owned columns; with implicit terms, a step of those; one all-reduce of a few sums.
 * Held-out entries are predicted with the factors as an iteration leaves them.
 */
#include "fit/observed_fit.h"

#include "bias_line.h"
#include "center.h"
#include "evidence.h"
#include "held_out.h"
#include "weak_fit.h"

#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sums over all processes at the end of an iteration. */
typedef struct observed_totals {
  double loss;    /* after the last half-step */
  double penalty; /* of both factors */
  double violation;
  double held_out_squares;
  double held_out_count;
  double failed;
  double asks[DNMF_ASKS];
} observed_totals;

enum { OBSERVED_TOTALS = sizeof(observed_totals) / sizeof(double) };

_Static_assert((int)OBSERVED_TOTALS == (int)DNMF_COST_OBSERVED_SUMS, "the cost model counts what travels");
_Static_assert((int)CENTER_EXTRA == (int)DNMF_COST_MEAN_ROW_EXTRA, "the cost model counts what travels");
_Static_assert((int)DNMF_BIAS_LINE_SUMS == (int)DNMF_COST_BIAS_LINE_SUMS, "the cost model counts what travels");

/* One factor, as its half-step needs it. */
typedef struct observed_factor {
  const dnmf_ratings_view *view; /* NULL: this factor is fixed */
  dnmf_panel *x;
  dnmf_panel *other;
  int64_t other_rows; /* of the other factor, over all processes */
  dnmf_panel needed;  /* rows of the other factor */
  center center;      /* what l2 pulls the rows towards; empty: zero, or what is given */
  const double *given_center;
  double *slope;        /* of what columns are pulled towards, by their entries (bias_line.h); NULL: none */
  double place_squares; /* the last of the slope's sums, this process's */
  evidence_side evidence;
  dnmf_panel best_brought; /* of the implicit terms, with held-out entries */
  weak_side weak;          /* with weak zeros */
  bool fit_bias;
  double l2_bias;
  dnmf_bias_line bias_line; /* what biases are pulled towards */
  double l1;
  double l2;
} observed_factor;

typedef struct observed_fit {
  const dnmf_settings *settings;
  dnmf_context *context;
  const dnmf_ratings *ratings; /* NULL: rows are folded in */
  const dnmf_ratings_view *held_out;
  dnmf_evidence *terms; /* of the fit, or of the rows folded in */
  double mean;          /* of every prediction */
  double level;
  double *level_row; /* components numbers of it */
  observed_factor rows;
  observed_factor cols;
  dnmf_panel held_out_needed;
  double *held_out_squares; /* of each owned row */
  double *shared;           /* what is summed over all processes: the totals, then the sums of the mean rows */
  dnmf_panel best_w;
  dnmf_panel best_h;
} observed_fit;

static bool moves_centers(const observed_fit *o) {
  return o->ratings && dnmf_observed_shrinks_to_mean(o->settings);
}

/* Not where the fit is the start of a chain, which is to be the same to the last bit on any number of processes and has
 * lines of its own. */
static bool moves_lines(const observed_fit *o) {
  return o->ratings && dnmf_observed_is_around_level(o->settings) && o->settings->posterior.samples == 0;
}

/* The update of the owned rows of one factor. */
static dnmf_observed_update update_of(const observed_fit *o, const observed_factor *f) {
  const dnmf_settings *settings = o->settings;
  return (dnmf_observed_update){.rows = f->x->rows,
                                .start = f->view->entries.start,
                                .index = f->view->entries.index,
                                .value = f->view->entries.value,
                                .narrow = f->view->entries.narrow,
                                .components = settings->components,
                                .stride = f->x->components,
                                .fixed = f->needed.data,
                                .fixed_rows = f->view->needed_count,
                                .x = f->x->data,
                                .bias = f->x->components > settings->components,
                                .fit_bias = f->fit_bias,
                                .mean = o->mean,
                                .l1 = f->l1,
                                .l2 = f->l2,
                                .count_power = dnmf_count_power(&settings->penalties),
                                .center = f->given_center ? f->given_center : f->center.mean,
                                .slope = f->slope,
                                .terms = f->evidence.view ? f->evidence.terms->data : NULL,
                                .count_extra = settings->penalties.count_extra,
                                .level = o->level,
                                .l2_bias = f->l2_bias,
                                .bias_power = dnmf_observed_bias_power(settings),
                                .bias_line = f->bias_line,
                                .weak = settings->observed.weak.on ? &f->weak.terms : NULL,
                                .sweeps = dnmf_sweeps(settings),
                                .kullback_leibler = settings->loss.divergence};
}

/* Solves the owned rows of one factor, the other fixed. */
static dnmf_status observed_half_step(dnmf_loop *loop, observed_fit *o, observed_factor *f, observed_totals *totals) {
  const dnmf_settings *settings = o->settings;
  dnmf_context *context = o->context;
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_ratings_gather(context, f->view, f->other, &f->needed));
  loop->seconds.exchange += dnmf_lap(&clock);
  if (settings->observed.weak.on)
    DNMF_TRY(weak_side_take(loop, f->other, &f->weak));
  clock = MPI_Wtime();
  dnmf_observed_update update = update_of(o, f);
  dnmf_loop_keep_failure(loop, dnmf_observed_rows(settings->solver, f->x->precision, context->isa, context->threads,
                                                  &update, &context->error));
  totals->loss = update.loss;
  totals->penalty += update.penalty;
  if (f->slope)
    totals->penalty += dnmf_center_slope_penalty(f->slope, settings->components, f->l2, f->place_squares);
  totals->violation += update.violation;
  loop->seconds.update += dnmf_lap(&clock);
  return DNMF_OK;
}

/* A step of one factor's implicit terms, where it has any. */
static dnmf_status evidence_step(dnmf_loop *loop, observed_fit *o, observed_factor *f, observed_factor *other,
                                 observed_totals *totals) {
  if (!f->evidence.view)
    return DNMF_OK;
  const dnmf_observed_update update = update_of(o, f);
  return evidence_side_step(loop, &update, &f->needed, &other->needed, &f->evidence, &totals->penalty);
}

/* Squared errors on the held-out entries of the owned rows. */
static dnmf_status evaluate_held_out(dnmf_loop *loop, observed_fit *o, observed_totals *totals) {
  if (!o->held_out)
    return DNMF_OK;
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_ratings_gather(o->context, o->held_out, o->cols.x, &o->held_out_needed));
  loop->seconds.exchange += dnmf_lap(&clock);
  const dnmf_held_out held_out = {.settings = o->settings,
                                  .ratings = o->ratings,
                                  .view = o->held_out,
                                  .w = o->rows.x,
                                  .needed = &o->held_out_needed,
                                  .squares = o->held_out_squares};
  totals->held_out_squares = dnmf_held_out_squares(&held_out, o->context->threads);
  totals->held_out_count = (double)o->held_out->entries.start[o->held_out->entries.rows];
  return DNMF_OK;
}

/* The sums of a factor's mean row into `values`; returns how many. */
static int64_t add_center(observed_factor *f, double *values) {
  const int64_t count = f->center.components + CENTER_EXTRA;
  center_sum(f->x, &f->center);
  memcpy(values, f->center.sums, (size_t)count * sizeof *values);
  return count;
}

/* Those of its biases' line. */
static int64_t add_bias_line(const observed_fit *o, const observed_factor *f, double *values) {
  dnmf_bias_line_sums(f->view, f->x, f->evidence.view ? f->evidence.terms : NULL, o->level,
                      dnmf_observed_bias_power(o->settings), values);
  return DNMF_BIAS_LINE_SUMS;
}

/* Those of the slope of what columns are pulled towards. */
static int64_t add_slope(observed_fit *o, double *values) {
  const dnmf_settings *settings = o->settings;
  const dnmf_panel *terms = o->cols.evidence.view ? o->cols.evidence.terms : NULL;
  dnmf_center_slope_sums(o->cols.view, o->cols.x, terms, o->level, &settings->penalties, settings->components, values);
  o->cols.place_squares = values[settings->components];
  return settings->components + 1;
}

static void take_bias_line(const double *sums, observed_factor *f) {
  if (f->fit_bias)
    f->bias_line = dnmf_bias_line_of(sums);
}

/* Adds up everybody's totals; what rows and biases are pulled towards rides along and holds for the next half-steps. */
static dnmf_status sum_totals(dnmf_loop *loop, observed_fit *o, observed_totals *totals) {
  double *behind = o->shared + OBSERVED_TOTALS;
  double clock = MPI_Wtime();
  int64_t count = OBSERVED_TOTALS;
  totals->failed = loop->failure != DNMF_OK;
  dnmf_loop_ask(loop, totals->asks);
  memcpy(o->shared, totals, sizeof *totals);
  if (moves_centers(o)) {
    count += add_center(&o->rows, o->shared + count);
    count += add_center(&o->cols, o->shared + count);
  }
  if (moves_lines(o)) {
    count += add_bias_line(o, &o->rows, o->shared + count);
    count += add_bias_line(o, &o->cols, o->shared + count);
    count += add_slope(o, o->shared + count);
  }
  DNMF_TRY(dnmf_sum_gram(o->context, o->shared, 0, count));
  memcpy(totals, o->shared, sizeof *totals);
  if (moves_centers(o)) {
    center_take(behind, &o->rows.center);
    center_take(behind + o->settings->components + CENTER_EXTRA, &o->cols.center);
  }
  if (moves_lines(o)) {
    take_bias_line(behind, &o->rows);
    take_bias_line(behind + DNMF_BIAS_LINE_SUMS, &o->cols);
    dnmf_center_slope_take(behind + 2 * (int64_t)DNMF_BIAS_LINE_SUMS, o->settings->components, o->cols.slope);
  }
  loop->seconds.exchange += dnmf_lap(&clock);
  return totals->failed > 0 ? dnmf_agree(o->context, loop->failure) : DNMF_OK;
}

/* Loss 1/2 |A - WH|^2 over observed entries, each entry times its confidence with weak zeros; the divergence of
 * Kullback-Leibler tells nothing about squares. */
static void take_totals(const observed_fit *o, const observed_totals *totals, bool has_loss, dnmf_reached *reached) {
  reached->has_loss = has_loss;
  reached->loss = reached->watched = totals->loss;
  reached->penalty = totals->penalty;
  reached->violation = totals->violation;
  reached->squares = o->settings->loss.divergence ? NAN : 2 * totals->loss;
  reached->held_out_squares = totals->held_out_squares;
  reached->held_out_count = totals->held_out_count;
  memcpy(reached->asks, totals->asks, sizeof reached->asks);
}

static void copy_panel(const dnmf_panel *from, dnmf_panel *to) {
  if (from->rows > 0)
    memcpy(to->data, from->data, (size_t)from->rows * (size_t)from->components * dnmf_precision_size(from->precision));
}

/* What of the implicit terms a checkpoint has. */
static void resume_evidence(const dnmf_fit_state *resume, observed_fit *o) {
  const struct {
    const char *name;
    dnmf_panel *panel;
  } parts[] = {{DNMF_PART_ROW_TERMS, &o->terms->row_terms},     {DNMF_PART_OF_COLS, &o->terms->of_cols},
               {DNMF_PART_COL_TERMS, &o->terms->col_terms},     {DNMF_PART_OF_ROWS, &o->terms->of_rows},
               {DNMF_PART_BEST_OF_COLS, &o->rows.best_brought}, {DNMF_PART_BEST_OF_ROWS, &o->cols.best_brought}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (parts[i].panel->components > 0)
      copy_panel(dnmf_fit_state_panel(resume, parts[i].name), parts[i].panel);
}

/* Implicit terms: weights that stay as they are; of rows folded in, what the model's columns bring. */
static dnmf_status begin_evidence(observed_fit *o) {
  const dnmf_observed_update of_rows = update_of(o, &o->rows);
  if (!o->ratings)
    return o->rows.evidence.view ? evidence_side_renew(o->context, &of_rows, &o->rows.needed, &o->rows.evidence)
                                 : DNMF_OK;
  const dnmf_observed_update of_cols = update_of(o, &o->cols);
  DNMF_TRY(evidence_side_begin(o->context, &of_rows, &o->rows.evidence));
  return evidence_side_begin(o->context, &of_cols, &o->cols.evidence);
}

/* The start's held-out error and the mean rows; what else there is to know of it comes with the first iteration. */
static dnmf_status observed_begin(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  observed_fit *o = state;
  observed_totals totals = {0};
  if (loop->fits->resume && o->held_out) {
    copy_panel(dnmf_fit_state_panel(loop->fits->resume, DNMF_PART_BEST_W), &o->best_w);
    copy_panel(dnmf_fit_state_panel(loop->fits->resume, DNMF_PART_BEST_H), &o->best_h);
  }
  if (loop->fits->resume && o->terms)
    resume_evidence(loop->fits->resume, o);
  DNMF_TRY(begin_evidence(o));
  if (!loop->fits->resume)
    DNMF_TRY(evaluate_held_out(loop, o, &totals));
  DNMF_TRY(sum_totals(loop, o, &totals));
  take_totals(o, &totals, false, reached);
  return DNMF_OK;
}

static dnmf_status observed_step(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  observed_fit *o = state;
  observed_totals totals = {0};
  DNMF_TRY(observed_half_step(loop, o, &o->rows, &totals)); /* W, row biases    <- A, H, column biases */
  if (o->cols.view)
    DNMF_TRY(observed_half_step(loop, o, &o->cols, &totals)); /* H, column biases <- A, W, row biases    */
  if (o->ratings) {
    DNMF_TRY(evidence_step(loop, o, &o->rows, &o->cols, &totals));
    DNMF_TRY(evidence_step(loop, o, &o->cols, &o->rows, &totals));
  }
  DNMF_TRY(evaluate_held_out(loop, o, &totals));
  DNMF_TRY(sum_totals(loop, o, &totals));
  take_totals(o, &totals, true, reached);
  return DNMF_OK;
}

static void observed_keep_best(dnmf_loop *loop, void *state) {
  observed_fit *o = state;
  (void)loop;
  copy_panel(o->rows.x, &o->best_w);
  copy_panel(o->cols.x, &o->best_h);
  if (o->rows.evidence.view)
    copy_panel(o->rows.evidence.brought, &o->rows.best_brought);
  if (o->cols.evidence.view)
    copy_panel(o->cols.evidence.brought, &o->cols.best_brought);
}

static void save_part(dnmf_fit_state *now, const char *name, dnmf_model_side side, const dnmf_panel *panel) {
  if (panel->components > 0)
    now->panels[now->panel_count++] = (dnmf_model_part){name, side, panel};
}

static dnmf_status observed_save(dnmf_loop *loop, void *state, dnmf_fit_state *now) {
  observed_fit *o = state;
  (void)loop;
  save_part(now, DNMF_PART_BEST_W, DNMF_SIDE_ROWS, &o->best_w);
  save_part(now, DNMF_PART_BEST_H, DNMF_SIDE_COLS, &o->best_h);
  if (!o->terms)
    return DNMF_OK;
  save_part(now, DNMF_PART_ROW_TERMS, DNMF_SIDE_ROWS, &o->terms->row_terms);
  save_part(now, DNMF_PART_OF_COLS, DNMF_SIDE_COLS, &o->terms->of_cols);
  save_part(now, DNMF_PART_COL_TERMS, DNMF_SIDE_COLS, &o->terms->col_terms);
  save_part(now, DNMF_PART_OF_ROWS, DNMF_SIDE_ROWS, &o->terms->of_rows);
  save_part(now, DNMF_PART_BEST_OF_COLS, DNMF_SIDE_COLS, &o->rows.best_brought);
  save_part(now, DNMF_PART_BEST_OF_ROWS, DNMF_SIDE_ROWS, &o->cols.best_brought);
  return DNMF_OK;
}

/* The implicit terms of the best model. */
static dnmf_status settle_evidence(observed_fit *o, observed_factor *f) {
  if (!f->evidence.view)
    return DNMF_OK;
  const dnmf_observed_update update = update_of(o, f);
  copy_panel(&f->best_brought, f->evidence.brought);
  return evidence_side_renew(o->context, &update, &f->needed, &f->evidence);
}

/* The best model on the held-out entries is the one to keep. */
static dnmf_status observed_settle(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  observed_fit *o = state;
  (void)loop;
  (void)reached;
  if (!o->held_out)
    return DNMF_OK;
  copy_panel(&o->best_w, o->rows.x);
  copy_panel(&o->best_h, o->cols.x);
  DNMF_TRY(settle_evidence(o, &o->rows));
  return settle_evidence(o, &o->cols);
}

static dnmf_status create_level_row(observed_fit *o) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(&o->context->error, "a constant row", o->settings->components, sizeof(double), &memory));
  o->level_row = memory;
  DNMF_TRY(dnmf_allocate_zero(&o->context->error, "a slope", o->settings->components, sizeof(double), &memory));
  o->cols.slope = memory;
  for (int c = 0; c < o->settings->components; c++)
    o->level_row[c] = o->level;
  o->rows.given_center = o->cols.given_center = o->level_row;
  return DNMF_OK;
}

/* What adds up over all processes, and what rows are pulled towards. */
static dnmf_status create_sums(observed_fit *o) {
  dnmf_error *error = &o->context->error;
  const dnmf_settings *settings = o->settings;
  const int64_t mean_rows = 2 * ((int64_t)settings->components + CENTER_EXTRA);
  const int64_t lines = 2 * (int64_t)DNMF_BIAS_LINE_SUMS + settings->components + 1;
  const double power = dnmf_count_power(&settings->penalties);
  void *shared = NULL;
  DNMF_TRY(dnmf_allocate(error, "sums", OBSERVED_TOTALS + mean_rows + lines, sizeof(double), &shared));
  o->shared = shared;
  if (o->level > 0 || moves_lines(o)) /* ratings that are all alike have a level of 0 */
    return create_level_row(o);
  if (!moves_centers(o))
    return DNMF_OK;
  DNMF_TRY(center_create(error, o->rows.view, settings->components, power, &o->rows.center));
  return center_create(error, o->cols.view, settings->components, power, &o->cols.center);
}

/* What a half-step takes of the other factor. */
static dnmf_status create_needed(dnmf_error *error, const dnmf_settings *settings, observed_factor *f) {
  if (!f->view)
    return DNMF_OK;
  if (settings->observed.weak.on)
    DNMF_TRY(weak_side_create(error, &settings->observed.weak, f->view, f->x->precision, settings->components,
                              f->other_rows, &f->weak));
  return dnmf_panel_create(error, "fetched factor rows", f->view->needed_count + DNMF_OBSERVED_SLACK, f->x->components,
                           f->x->precision, &f->needed);
}

/* The best model's part of the implicit terms. */
static dnmf_status create_best_brought(dnmf_error *error, observed_factor *f) {
  if (!f->evidence.view)
    return DNMF_OK;
  const dnmf_panel *brought = f->evidence.brought;
  return dnmf_panel_create(error, "best model", brought->rows, brought->components, brought->precision,
                           &f->best_brought);
}

static dnmf_status create_held_out(observed_fit *o) {
  dnmf_error *error = &o->context->error;
  const dnmf_panel *w = o->rows.x;
  const dnmf_panel *h = o->cols.x;
  void *squares = NULL;
  DNMF_TRY(dnmf_panel_create(error, "fetched factor rows", o->held_out->needed_count, w->components, w->precision,
                             &o->held_out_needed));
  DNMF_TRY(dnmf_allocate(error, "held-out errors", o->held_out->entries.rows, sizeof(double), &squares));
  o->held_out_squares = squares;
  DNMF_TRY(create_best_brought(error, &o->rows));
  DNMF_TRY(create_best_brought(error, &o->cols));
  DNMF_TRY(dnmf_panel_create(error, "best model", w->rows, w->components, w->precision, &o->best_w));
  return dnmf_panel_create(error, "best model", h->rows, h->components, h->precision, &o->best_h);
}

static dnmf_status observed_open(dnmf_loop *loop, void *state) {
  observed_fit *o = state;
  (void)loop;
  DNMF_TRY(create_needed(&o->context->error, o->settings, &o->rows));
  DNMF_TRY(create_needed(&o->context->error, o->settings, &o->cols));
  DNMF_TRY(create_sums(o));
  if (o->ratings) {
    DNMF_TRY(evidence_side_create(&o->context->error, &o->rows.evidence));
    DNMF_TRY(evidence_side_create(&o->context->error, &o->cols.evidence));
  }
  return o->held_out ? create_held_out(o) : DNMF_OK;
}

static void observed_close(void *state) {
  observed_fit *o = state;
  dnmf_panel_free(&o->rows.needed);
  dnmf_panel_free(&o->cols.needed);
  dnmf_panel_free(&o->held_out_needed);
  free(o->held_out_squares);
  center_free(&o->rows.center);
  center_free(&o->cols.center);
  free(o->level_row);
  free(o->cols.slope);
  weak_side_free(&o->rows.weak);
  weak_side_free(&o->cols.weak);
  evidence_side_free(&o->rows.evidence);
  evidence_side_free(&o->cols.evidence);
  dnmf_panel_free(&o->rows.best_brought);
  dnmf_panel_free(&o->cols.best_brought);
  free(o->shared);
  dnmf_panel_free(&o->best_w);
  dnmf_panel_free(&o->best_h);
}

/* What the entries fitted sum up to, each with its confidence. collective */
static dnmf_status take_weak_sums(const observed_fit *o, double rows, double cols, dnmf_problem *problem) {
  dnmf_weak_figures figures;
  if (!o->settings->observed.weak.on)
    return DNMF_OK;
  DNMF_TRY(dnmf_weak_measure(o->context, &o->settings->observed.weak, o->rows.view, o->rows.x->precision, rows * cols,
                             &figures));
  problem->sum = figures.targets;
  problem->sum_squares = figures.target_squares;
  return DNMF_OK;
}

static const dnmf_problem_kind observed_kind = {.open = observed_open,
                                                .begin = observed_begin,
                                                .step = observed_step,
                                                .keep_best = observed_keep_best,
                                                .save = observed_save,
                                                .settle = observed_settle,
                                                .close = observed_close};

dnmf_status dnmf_fit_observed(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                              const dnmf_ratings_view *held_out, dnmf_panel *w, dnmf_panel *h, dnmf_evidence *evidence,
                              dnmf_fit_result *result) {
  const dnmf_penalties *penalties = &settings->penalties;
  const double stored = (double)ratings->stored;
  observed_fit o = {.settings = settings,
                    .context = context,
                    .ratings = ratings,
                    .held_out = held_out,
                    .terms = evidence,
                    .mean = dnmf_observed_mean(settings, ratings),
                    .level = dnmf_observed_level(settings, ratings)};
  o.rows = (observed_factor){.view = &ratings->by_rows, .x = w, .other = h, .fit_bias = settings->observed.bias_rows};
  o.rows.other_rows = ratings->cols;
  o.rows.l1 = penalties->l1_w;
  o.rows.l2 = penalties->l2_w;
  o.cols = (observed_factor){.view = &ratings->by_cols, .x = h, .other = w, .fit_bias = settings->observed.bias_cols};
  o.cols.other_rows = ratings->rows;
  o.cols.l1 = penalties->l1_h;
  o.cols.l2 = penalties->l2_h;
  o.rows.l2_bias = dnmf_observed_l2_bias(settings, false);
  o.cols.l2_bias = dnmf_observed_l2_bias(settings, true);
  if (dnmf_evidence_has_rows(settings))
    o.rows.evidence = (evidence_side){.view = &ratings->by_rows,
                                      .bringers = &ratings->by_cols,
                                      .terms = &evidence->row_terms,
                                      .brought = &evidence->of_cols,
                                      .weight = settings->observed.l2_evidence};
  if (dnmf_evidence_has_cols(settings))
    o.cols.evidence = (evidence_side){.view = &ratings->by_cols,
                                      .bringers = &ratings->by_rows,
                                      .terms = &evidence->col_terms,
                                      .brought = &evidence->of_rows,
                                      .weight = DNMF_EVIDENCE_COLS_SHARE * settings->observed.l2_evidence};
  dnmf_problem problem = {.kind = &observed_kind,
                          .state = &o,
                          .precision = ratings->precision,
                          .sum = stored * ratings->mean,
                          .sum_squares =
                              stored * (ratings->mean * ratings->mean + ratings->deviation * ratings->deviation),
                          .holds_out = held_out != NULL};
  DNMF_TRY(take_weak_sums(&o, (double)ratings->rows, (double)ratings->cols, &problem));
  return dnmf_loop_run(context, settings, &problem, result);
}

dnmf_status dnmf_fold_observed(dnmf_context *context, const dnmf_settings *settings, const dnmf_observed_fold *fold,
                               dnmf_panel *x, dnmf_fit_result *result) {
  observed_fit o = {.settings = settings, .context = context, .mean = fold->mean, .level = fold->level};
  o.rows = (observed_factor){.view = fold->view,
                             .x = x,
                             .other = fold->fixed,
                             .other_rows = fold->fixed_rows,
                             .given_center = fold->mean_row,
                             .fit_bias = settings->observed.bias_rows,
                             .l2_bias = dnmf_observed_l2_bias(settings, false),
                             .bias_line = fold->bias_line,
                             .l1 = settings->penalties.l1_w,
                             .l2 = settings->penalties.l2_w};
  o.cols.x = fold->fixed;
  if (fold->of_cols)
    o.rows.evidence = (evidence_side){.view = fold->view, .terms = fold->row_terms, .brought = fold->of_cols};
  dnmf_problem problem = {.kind = &observed_kind,
                          .state = &o,
                          .precision = x->precision,
                          .sum = fold->sum,
                          .sum_squares = fold->sum_squares};
  DNMF_TRY(take_weak_sums(&o, (double)fold->rows, (double)fold->fixed_rows, &problem));
  return dnmf_loop_run(context, settings, &problem, result);
}
