/* What is fitted for one number of components: restarts, of the matrix or of perturbed copies, and their clusters. */
#include "api/search.h"

#include "api/job_plan.h"
#include "base/memory.h"
#include "comm/collective.h"
#include "comm/node_memory.h"
#include "fit/held_cells.h"
#include "fit/residual.h"
#include "fit/restarts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The fits of one candidate. */
typedef struct candidate_fits {
  dnmf_search *s;
  dnmf_search_record *record;
  const dnmf_matrix *a; /* what is fitted now */
  int side_by_side;     /* fits that share products */
  dnmf_restarts restarts;
  int64_t done;   /* fits */
  double *errors; /* of each restart: |A - WH|^2 of the matrix itself */
} candidate_fits;

/* The start of a seed, as `fit --init --seed` has it. */
static dnmf_status start_restart(dnmf_context *context, void *state, uint64_t seed, dnmf_factor *w, dnmf_factor *h) {
  const candidate_fits *c = state;
  const dnmf_fitting *f = &c->s->f;
  if (f->start == DNMF_START_SVD)
    return dnmf_start_svd(context, &f->a.layout, c->a, NULL, f->start_fill, seed, w, h);
  dnmf_start_random(c->a, seed, w, h);
  return DNMF_OK;
}

static bool was_stopped(const dnmf_restarts *restarts) {
  for (int r = 0; r < restarts->count; r++)
    if (restarts->items[r].stage != DNMF_RESTART_DONE || strcmp(restarts->items[r].result.stop_reason, "signal") == 0)
      return true;
  return false;
}

/* Fits `restarts` to `a`. */
static dnmf_status fit_restarts(candidate_fits *c, const dnmf_matrix *a, dnmf_restarts *restarts) {
  dnmf_search *s = c->s;
  dnmf_context *context = &s->part;
  c->a = a;
  restarts->state = c;
  restarts->start = start_restart;
  restarts->side_by_side = c->side_by_side;
  DNMF_TRY(dnmf_fit_restarts(context, &s->f.settings, a, &s->f.a.layout, restarts));
  if (was_stopped(restarts))
    return DNMF_INTERRUPTED;
  c->done += restarts->count;
  if (s->host->fitted)
    s->host->fitted(s->host->state, s, c->record->figures.components, c->done);
  return DNMF_OK;
}

/* A restart to a copy of its own, which lacks the cells that the matrix lacks. */
static dnmf_status fit_copy(candidate_fits *c, dnmf_matrix *copy, dnmf_restarts *one) {
  static const dnmf_held_choice none = {.share = 0};
  dnmf_fitting *f = &c->s->f;
  dnmf_held_cells lacking = {.held_out = 0};
  if (!f->partial)
    return fit_restarts(c, copy, one);
  copy->missing = f->a.matrix.missing; /* borrowed */
  dnmf_status status = dnmf_held_cells_take(&c->s->part, &f->a.layout, &none, f->settings.loss, copy, &lacking);
  f->settings.held = &lacking;
  if (status == DNMF_OK)
    status = fit_restarts(c, copy, one);
  f->settings.held = &f->held;
  copy->missing = (dnmf_csr){.rows = 0};
  dnmf_held_cells_free(&lacking);
  return status;
}

/* Each restart to a perturbed copy of its own. */
static dnmf_status fit_perturbed(candidate_fits *c) {
  dnmf_search *s = c->s;
  dnmf_context *context = &s->part;
  dnmf_status status = DNMF_OK;
  for (int r = 0; r < s->restarts && status == DNMF_OK; r++) {
    dnmf_matrix copy = {.rows = 0};
    dnmf_restarts one = {.count = 1, .items = &c->restarts.items[r]}; /* borrowed */
    status = dnmf_matrix_perturb(context, &s->f.a.layout, &s->f.a.matrix, &s->perturb, s->f.settings.seed, r, &copy);
    if (status == DNMF_OK)
      status = fit_copy(c, &copy, &one);
    dnmf_matrix_free(&copy);
  }
  return status;
}

/* --- Errors ------------------------------------------------------------------------------------------------ */

static void copy_restart_panel(const dnmf_panel *from, dnmf_panel *to) {
  if (from->rows > 0)
    memcpy(to->data, from->data, (size_t)(from->rows * from->components) * dnmf_precision_size(from->precision));
}

/* |A - WH|^2 entry by entry, of the cells that have a value. */
static dnmf_status measure_restart(candidate_fits *c, const dnmf_restart *restart, double *squares) {
  dnmf_fitting *f = &c->s->f;
  dnmf_context *context = &c->s->part;
  dnmf_factor w = {.rows = 0};
  dnmf_factor h = {.rows = 0};
  dnmf_status status = dnmf_factor_create_w(context, &f->a.layout, f->components, f->precision, &w);
  if (status == DNMF_OK)
    status = dnmf_factor_create_h(context, &f->a.layout, f->components, f->precision, &h);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    copy_restart_panel(&restart->w, &w.mine);
    copy_restart_panel(&restart->h, &h.mine);
    status = dnmf_exact_residual(context, &f->a.matrix, &w, &h, squares);
  }
  dnmf_factor_free(&w);
  dnmf_factor_free(&h);
  return status;
}

static int ascending_errors(const void *a, const void *b) {
  const double x = *(const double *)a;
  const double y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The errors of all restarts, and which is the best: by the objective, or, of perturbed copies, by the error on the
 * matrix itself. */
static dnmf_status judge_restarts(candidate_fits *c, int *best) {
  dnmf_search *s = c->s;
  dnmf_search_candidate *figures = &c->record->figures;
  const bool perturbed = s->perturb.kind != DNMF_PERTURB_NONE;
  *best = dnmf_restarts_best(&c->restarts);
  figures->objective = c->restarts.items[*best].result.objective;
  for (int r = 0; r < s->restarts; r++) {
    const dnmf_restart *restart = &c->restarts.items[r];
    c->errors[r] = restart->result.residual_squares;
    if (perturbed || !isfinite(c->errors[r]))
      DNMF_TRY(measure_restart(c, restart, &c->errors[r]));
  }
  for (int r = 0; r < s->restarts && perturbed; r++)
    *best = c->errors[r] < c->errors[*best] ? r : *best;
  qsort(c->errors, (size_t)s->restarts, sizeof *c->errors, ascending_errors);
  const double sum_squares = s->f.a.matrix.sum_squares;
  const double low = dnmf_relative_error(c->errors[(s->restarts - 1) / 2], sum_squares);
  const double high = dnmf_relative_error(c->errors[s->restarts / 2], sum_squares);
  figures->relative_error = dnmf_relative_error(c->errors[0], sum_squares);
  figures->median_error = 0.5 * (low + high);
  return DNMF_OK;
}

/* --- Clusters ---------------------------------------------------------------------------------------------- */

/* The components of all restarts side by side. */
static dnmf_status join_restarts(candidate_fits *c, dnmf_panel *all) {
  const dnmf_search *s = c->s;
  const int k = s->f.components;
  const dnmf_panel *first = s->clusters_h ? &c->restarts.items[0].h : &c->restarts.items[0].w;
  const size_t size = dnmf_precision_size(first->precision);
  const size_t row_bytes = (size_t)k * size;
  DNMF_TRY(dnmf_panel_create(&c->s->part.error, "the components of all restarts", first->rows, s->restarts * k,
                             first->precision, all));
  for (int r = 0; r < s->restarts; r++) {
    const dnmf_panel *from = s->clusters_h ? &c->restarts.items[r].h : &c->restarts.items[r].w;
    for (int64_t row = 0; row < from->rows; row++)
      memcpy((char *)all->data + (size_t)(row * s->restarts + r) * row_bytes,
             (const char *)from->data + (size_t)row * row_bytes, row_bytes);
  }
  return DNMF_OK;
}

static dnmf_range owned_range(const dnmf_fitting *f, bool of_h) {
  const dnmf_grid *grid = &f->a.grid;
  return of_h ? dnmf_layout_owned_cols(&f->a.layout, grid->row, grid->col)
              : dnmf_layout_owned_rows(&f->a.layout, grid->row, grid->col);
}

/* The cophenetic correlation, from the factor that is not clustered. */
static dnmf_status find_cophenetic(candidate_fits *c, const dnmf_clusters *clusters) {
  dnmf_search *s = c->s;
  dnmf_context *context = &s->part;
  const dnmf_range owned = owned_range(&s->f, !s->clusters_h);
  const int count = (int)s->sample_count;
  void *memory = NULL;
  double correlation = NAN;
  dnmf_status status =
      dnmf_allocate(&context->error, "strongest components", (int64_t)s->restarts * count, sizeof(int64_t), &memory);
  DNMF_TRY(dnmf_agree(context, status));
  int64_t *strongest = memory;
  for (int r = 0; r < s->restarts; r++) {
    const dnmf_restart *restart = &c->restarts.items[r];
    dnmf_consensus_strongest(s->clusters_h ? &restart->w : &restart->h, owned,
                             clusters->norm + (int64_t)r * clusters->components, count, s->sample,
                             strongest + (int64_t)r * count);
  }
  status = dnmf_sum_int64(context, context->comm, strongest, (int64_t)s->restarts * count);
  if (status == DNMF_OK && context->rank == 0 && s->restarts > 1)
    status = dnmf_consensus_cophenetic(&context->error, s->restarts, count, strongest, &correlation);
  free(memory);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_broadcast(context, &correlation, (int64_t)sizeof correlation, 0));
  c->record->figures.cophenetic = correlation;
  return DNMF_OK;
}

static dnmf_status find_clusters(candidate_fits *c, int best) {
  dnmf_search *s = c->s;
  dnmf_context *context = &s->part;
  dnmf_search_record *record = c->record;
  dnmf_panel all = {.rows = 0};
  dnmf_clusters clusters = {.runs = 0};
  dnmf_status status = dnmf_agree(context, join_restarts(c, &all));
  if (status == DNMF_OK)
    status = dnmf_clusters_find(context, s->restarts, s->f.components, best, &all, &clusters);
  if (status == DNMF_OK)
    status = dnmf_agree(context, dnmf_panel_create(&context->error, "medians of components", all.rows, s->f.components,
                                                   all.precision, &record->medians));
  if (status == DNMF_OK)
    status = dnmf_clusters_median(context, &clusters, &all, &record->medians);
  if (status == DNMF_OK)
    status = find_cophenetic(c, &clusters);
  if (status == DNMF_OK) {
    record->range = owned_range(&s->f, s->clusters_h);
    record->figures.silhouette_min = clusters.silhouette_min;
    record->figures.silhouette_mean = clusters.silhouette_mean;
    record->figures.outliers = clusters.outliers;
    for (int b = 0; b < clusters.components; b++) {
      record->stability[b] = clusters.silhouette[b];
      record->inlying[b] = clusters.inlying[b];
    }
  }
  dnmf_clusters_free(&clusters);
  dnmf_panel_free(&all);
  return status;
}

/* --- Held-out cells ---------------------------------------------------------------------------------------- */

/* The fold's mean square, or twice its mean loss, of the start that fits the other cells best: an optimum that is not
 * the least tells nothing of k. */
static dnmf_status fit_fold_starts(candidate_fits *c, dnmf_held_cells *held, int fold) {
  dnmf_search *s = c->s;
  dnmf_restarts starts = {.count = 0};
  dnmf_status status = dnmf_restarts_create(&s->part.error, DNMF_SEARCH_FOLD_STARTS, s->f.settings.seed, &starts);
  status = dnmf_agree(&s->part, status);
  const dnmf_solver solver = s->f.settings.solver;
  s->f.settings.held = held;
  s->f.settings.solver = dnmf_fitting_fold_solver(&s->f);
  if (status == DNMF_OK)
    status = fit_restarts(c, &s->f.a.matrix, &starts);
  s->f.settings.solver = solver;
  s->f.settings.held = s->f.partial ? &s->f.held : NULL;
  if (status == DNMF_OK)
    c->record->fold_errors[fold] = 2 * starts.items[dnmf_restarts_best(&starts)].result.validation_loss;
  dnmf_restarts_free(&starts);
  return status;
}

/* Beside the cells of the fold, those without a value are left out as ever. */
static dnmf_status fit_fold(candidate_fits *c, int fold) {
  static const dnmf_held_choice none = {.share = 0};
  dnmf_search *s = c->s;
  dnmf_context *context = &s->part;
  dnmf_fitting *f = &s->f;
  dnmf_matrix *a = &f->a.matrix;
  dnmf_held_cells held = {.held_out = 0};
  const dnmf_held_choice choice = {.seed = f->settings.seed, .share = s->holdout, .fold = fold};
  dnmf_held_cells_put_back(a, &f->held);
  DNMF_TRY(dnmf_held_cells_take(context, &f->a.layout, &choice, f->settings.loss, a, &held));
  const dnmf_status status = fit_fold_starts(c, &held, fold);
  dnmf_held_cells_put_back(a, &held);
  DNMF_TRY(status);
  return f->partial ? dnmf_held_cells_take(context, &f->a.layout, &none, f->settings.loss, a, &f->held) : DNMF_OK;
}

/* --- A candidate ------------------------------------------------------------------------------------------- */

static dnmf_status fit_candidate(candidate_fits *c) {
  dnmf_search *s = c->s;
  int best = 0;
  DNMF_TRY(s->perturb.kind == DNMF_PERTURB_NONE ? fit_restarts(c, &s->f.a.matrix, &c->restarts) : fit_perturbed(c));
  DNMF_TRY(judge_restarts(c, &best));
  DNMF_TRY(find_clusters(c, best));
  for (int fold = 0; fold < s->folds; fold++)
    DNMF_TRY(fit_fold(c, fold));
  return DNMF_OK;
}

/* How many fits share products, in the memory that is left: half of it, as other groups take theirs. */
static dnmf_status choose_side_by_side(candidate_fits *c) {
  dnmf_search *s = c->s;
  const dnmf_grid *grid = &s->f.a.grid;
  const dnmf_job job = dnmf_fitting_cost(&s->f);
  double bytes = INFINITY;
  DNMF_TRY(dnmf_memory_left(&s->part, &bytes));
  c->side_by_side =
      dnmf_restarts_at_once(&s->part, &job, grid->rows, grid->cols, s->restarts, 0.5 * bytes / s->group_count);
  return DNMF_OK;
}

dnmf_status dnmf_search_fit(dnmf_search *s, dnmf_search_record *record) {
  const double began = MPI_Wtime();
  candidate_fits c = {.s = s, .record = record};
  dnmf_context *context = &s->part;
  void *memory = NULL;
  s->f.components = (int)record->figures.components;
  s->f.asked.components = record->figures.components;
  s->f.settings.components = s->f.components;
  s->f.settings.host = &s->stop;
  dnmf_status status = dnmf_allocate(&context->error, "errors of restarts", s->restarts, sizeof(double), &memory);
  c.errors = memory;
  if (status == DNMF_OK)
    status = dnmf_restarts_create(&context->error, s->restarts, s->f.settings.seed, &c.restarts);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = choose_side_by_side(&c);
  if (status == DNMF_OK)
    status = fit_candidate(&c);
  record->figures.seconds = MPI_Wtime() - began;
  record->done = status == DNMF_OK;
  dnmf_restarts_free(&c.restarts);
  free(c.errors);
  return status;
}

/* The lists of a fold's cells, of this process's block. */
static double fold_bytes(const dnmf_search *s, const dnmf_fitting *f) {
  const double rows = (double)dnmf_range_size(dnmf_layout_rows(&f->a.layout, f->a.grid.row));
  const double cols = (double)dnmf_range_size(dnmf_layout_cols(&f->a.layout, f->a.grid.col));
  const double each = 2 * sizeof(int32_t) + (double)dnmf_precision_size(f->precision);
  return s->folds > 0 ? s->holdout * rows * cols * each : 0;
}

/* A perturbed copy of the block, in numbers of the precision. */
static double copy_bytes(const dnmf_search *s, const dnmf_fitting *f) {
  dnmf_job job = dnmf_fitting_cost(f);
  dnmf_cost cost;
  if (s->perturb.kind == DNMF_PERTURB_NONE)
    return 0;
  job.stored = fmax(0, job.stored); /* not known before it is read */
  job.narrow = 0;
  dnmf_cost_of(&s->part, &job, NULL, f->a.grid.rows, f->a.grid.cols, &cost);
  return cost.memory.block;
}

double dnmf_search_bytes(const dnmf_search *s, const dnmf_fitting *f) {
  const dnmf_range rows = owned_range(f, false);
  const dnmf_range cols = owned_range(f, true);
  const double all = (double)s->restarts * f->components;
  const double owned = (double)(dnmf_range_size(rows) + dnmf_range_size(cols));
  const double clustered = (double)dnmf_range_size(s->clusters_h ? cols : rows);
  double kept = 0; /* medians of all candidates */
  for (int64_t c = 0; c < s->count; c++)
    kept += (double)s->records[c].figures.components * clustered;
  return (all * (owned + clustered) + kept) * (double)dnmf_precision_size(f->precision) + all * all * sizeof(double) +
         copy_bytes(s, f) + fold_bytes(s, f);
}
