/*
 * Columns alike: every process ranks its own, process 0 ranks the winners.
 */
#include "model/recommend.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "model/merge.h"

#include <stdlib.h>
#include <string.h>

/* What a column has beyond the level that all have (solve/observed.h), which tells no two apart. */
static double beyond(const dnmf_panel *h, double level, int64_t col, int c) {
  return dnmf_panel_get(h, col, c) - level;
}

static double level_of(const dnmf_model *model) {
  double level = 0;
  dnmf_model_number(model, "level", &level);
  return level;
}

static double dot(const double *x, const dnmf_panel *h, double level, int64_t col) {
  double sum = 0;
  for (int c = 0; c < h->components; c++)
    sum += x[c] * beyond(h, level, col, c);
  return sum;
}

static double norm(const dnmf_panel *h, double level, int64_t col) {
  double squares = 0;
  for (int c = 0; c < h->components; c++)
    squares += beyond(h, level, col, c) * beyond(h, level, col, c);
  return sqrt(squares);
}

/* factor = the asked column's, scaled to length 1, on every process; zero for a column without data. collective */
static dnmf_status fetch_direction(dnmf_context *context, const dnmf_model *model, int64_t column, double *factor) {
  const double level = level_of(model);
  memset(factor, 0, (size_t)model->components * sizeof *factor);
  if (column >= model->owned_cols.begin && column < model->owned_cols.end) {
    int64_t local = column - model->owned_cols.begin;
    double length = dnmf_model_col_is_known(model, local) ? norm(&model->h, level, local) : 0;
    for (int c = 0; c < model->components && length > 0; c++)
      factor[c] = beyond(&model->h, level, local, c) / length;
  }
  return dnmf_sum_doubles(context, context->comm, factor, model->components);
}

static void offer_columns(const dnmf_model *model, int64_t column, const double *factor, const bool *listable,
                          dnmf_top *top) {
  const double level = level_of(model);
  for (int64_t j = 0; j < model->h.rows; j++) {
    if (listable && !listable[j])
      continue;
    double length = norm(&model->h, level, j);
    double along = dot(factor, &model->h, level, j);
    if (length > 0 && along > 0 && dnmf_model_col_is_known(model, j) && model->owned_cols.begin + j != column)
      dnmf_top_offer(top, (dnmf_scored){along / length, model->owned_cols.begin + j});
  }
}

static void fill(int64_t count, const int64_t *columns, const dnmf_top *tops, dnmf_ranking *ranking) {
  int64_t line = 0;
  for (int64_t q = 0; q < count; q++)
    for (int64_t t = 0; t < tops[q].count; t++, line++) {
      ranking->row[line] = columns[q];
      ranking->place[line] = t + 1;
      ranking->col[line] = tops[q].items[t].item;
      ranking->score[line] = tops[q].items[t].score;
    }
}

dnmf_status dnmf_similar(dnmf_context *context, const dnmf_model *model, int64_t count, const int64_t *columns,
                         int64_t top, const bool *listable, dnmf_ranking *ranking) {
  void *factor = NULL;
  dnmf_top_set lists = {0};
  memset(ranking, 0, sizeof *ranking);
  dnmf_status status = dnmf_allocate(&context->error, "a column's factor", model->components, sizeof(double), &factor);
  if (status == DNMF_OK)
    status = dnmf_top_set_create(&context->error, count, top < model->cols ? top : model->cols, &lists);
  status = dnmf_agree(context, status);
  for (int64_t q = 0; q < count && status == DNMF_OK; q++) {
    status = fetch_direction(context, model, columns[q], factor);
    if (status == DNMF_OK)
      offer_columns(model, columns[q], factor, listable, &lists.tops[q]);
  }
  if (status == DNMF_OK)
    status = dnmf_top_set_merge(context, &lists);
  int64_t lines = 0;
  for (int64_t q = 0; q < count && status == DNMF_OK && context->rank == 0; q++)
    lines += lists.tops[q].count;
  if (status == DNMF_OK)
    status = dnmf_agree(context, dnmf_ranking_create(&context->error, lines, ranking));
  if (status == DNMF_OK && context->rank == 0)
    fill(count, columns, lists.tops, ranking);
  dnmf_top_set_free(&lists);
  free(factor);
  return status;
}
