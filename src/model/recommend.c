/*
 * Recommending: tile by tile of columns, gathered from their owners, each process lists its own rows.
 */
#include "model/recommend.h"

#include "base/memory.h"
#include "base/team.h"
#include "base/variant.h"
#include "comm/collective.h"
#include "model/score.h"

#include <stdlib.h>
#include <string.h>

/* Of H gathered at a time; rows a thread takes at a time. */
static const int64_t TILE_BYTES = INT64_C(32) << 20;
enum { BLOCK_ROWS = 128 };

DNMF_DECLARE_VARIANTS(dnmf_score_kernel, dnmf_score_kernel);

static const dnmf_score_kernel *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_score_kernel);

typedef struct listing {
  dnmf_context *context;
  const dnmf_model *model;
  const dnmf_recommend_options *options;
  const dnmf_score_kernel *kernel;
  int64_t rows; /* to list here */
  dnmf_listed *listed;
  int64_t *row; /* their local indices */
  dnmf_scored *items;
  int64_t tile_cols; /* most columns of a tile */
  void *factors;     /* of the tile */
  double *biases;
  double *own_known; /* of the owned columns: 1 when the fit had data of it, else 0 */
  double *known;     /* of the tile's */
  int64_t *counts;   /* columns of the tile each process owns */
  dnmf_packed packed;
  double seconds;
} listing;

static void listing_free(listing *l) {
  free(l->listed);
  free(l->row);
  free(l->items);
  free(l->factors);
  free(l->biases);
  free(l->own_known);
  free(l->known);
  free(l->counts);
  free(l->packed.data);
}

static dnmf_status take(dnmf_error *error, const char *what, int64_t count, size_t size, void *member) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(error, what, count, size, &memory);
  memcpy(member, &memory, sizeof memory);
  return status;
}

static dnmf_status allocate(listing *l, int64_t top) {
  dnmf_error *error = &l->context->error;
  const dnmf_model *model = l->model;
  size_t size = dnmf_precision_size(model->h.precision);
  int64_t row_bytes = (int64_t)size * model->components;
  l->tile_cols = TILE_BYTES / row_bytes + 1;
  if (l->tile_cols > model->cols)
    l->tile_cols = model->cols;
  l->packed.components = model->components;
  int64_t groups = l->tile_cols / l->kernel->columns + 1;
  DNMF_TRY(take(error, "rows to list", l->rows, sizeof *l->listed, &l->listed));
  DNMF_TRY(take(error, "rows to list", l->rows, sizeof *l->row, &l->row));
  DNMF_TRY(take(error, "the lists of columns", l->rows * top, sizeof *l->items, &l->items));
  DNMF_TRY(take(error, "a tile of H", l->tile_cols, (size_t)row_bytes, &l->factors));
  DNMF_TRY(take(error, "a tile's biases", l->tile_cols, sizeof *l->biases, &l->biases));
  DNMF_TRY(take(error, "known columns", model->h.rows, sizeof *l->own_known, &l->own_known));
  DNMF_TRY(take(error, "a tile's known columns", l->tile_cols, sizeof *l->known, &l->known));
  DNMF_TRY(take(error, "column counts", l->context->size, sizeof *l->counts, &l->counts));
  return take(error, "a packed tile of H", groups * l->kernel->columns, (size_t)row_bytes + size, &l->packed.data);
}

static bool is_wanted(const dnmf_recommend_options *options, int64_t row) {
  return !options->wanted || options->wanted[row];
}

static void set_rows(listing *l, int64_t top) {
  const dnmf_csr *seen = l->options->seen;
  const dnmf_panel *w = &l->model->w;
  size_t row_bytes = (size_t)w->components * dnmf_precision_size(w->precision);
  int64_t next = 0;
  for (int64_t row = 0; row < w->rows; row++) {
    if (!is_wanted(l->options, row))
      continue;
    dnmf_listed *listed = &l->listed[next];
    l->row[next] = row;
    listed->factor = (const char *)w->data + (size_t)row * row_bytes;
    listed->seen = seen ? seen->index + seen->start[row] : NULL;
    listed->seen_count = seen ? seen->start[row + 1] - seen->start[row] : 0;
    listed->top = (dnmf_top){top, 0, l->items + next * top};
    next++;
  }
}

/* Of columns that all are data, those of zeros have nothing to be listed for. */
static bool col_has_data(const dnmf_model *model, int64_t col) {
  if (dnmf_model_is_observed(model))
    return dnmf_model_col_is_known(model, col);
  return !dnmf_panel_row_is_zero(&model->h, col);
}

static void mark_known(listing *l) {
  for (int64_t j = 0; j < l->model->h.rows; j++)
    l->own_known[j] = col_has_data(l->model, j) ? 1 : 0;
}

/* Factors and biases of the tile's columns, and which of them had data, from their owners. collective */
static dnmf_status gather_tile(listing *l, dnmf_range tile) {
  const dnmf_model *model = l->model;
  const dnmf_panel *h = &model->h;
  dnmf_range all = {0, model->cols};
  for (int p = 0; p < l->context->size; p++)
    l->counts[p] = dnmf_range_size(dnmf_range_overlap(tile, dnmf_range_split(all, l->context->size, p)));
  dnmf_range mine = dnmf_range_overlap(tile, model->owned_cols);
  int64_t first = mine.begin - model->owned_cols.begin;
  size_t row_bytes = (size_t)h->components * dnmf_precision_size(h->precision);
  DNMF_TRY(dnmf_all_gather_rows(l->context, l->context->comm, h->precision, h->components, l->counts,
                                (const char *)h->data + (size_t)first * row_bytes, l->factors));
  DNMF_TRY(
      dnmf_all_gather_rows(l->context, l->context->comm, DNMF_DOUBLE, 1, l->counts, l->own_known + first, l->known));
  memset(l->biases, 0, (size_t)dnmf_range_size(tile) * sizeof *l->biases);
  if (model->bias.fitted && model->bias.col)
    DNMF_TRY(dnmf_all_gather_rows(l->context, l->context->comm, DNMF_DOUBLE, 1, l->counts, model->bias.col + first,
                                  l->biases));
  return DNMF_OK;
}

/* What the product explains of the mean on average, and does not for a row or column without data. */
static double unexplained(const listing *l) {
  return l->options->mean - (l->model->bias.fitted ? l->model->bias.mean : 0);
}

/* Returns how many columns of the tile had no data. */
static int64_t pass_over_empty(listing *l, int64_t cols) {
  int64_t empty = 0;
  for (int64_t j = 0; j < cols; j++) {
    if (l->known[j] != 0)
      continue;
    empty++;
    l->biases[j] = l->options->include_empty ? unexplained(l) : -INFINITY;
  }
  return empty;
}

static void score_tile(listing *l, dnmf_range tile) {
  const dnmf_panel *h = &l->model->h;
  const int64_t cols = dnmf_range_size(tile);
  const int64_t step = l->kernel->columns;
  size_t row_bytes = (size_t)h->components * dnmf_precision_size(h->precision);
  double began = MPI_Wtime();
  l->packed.first = tile.begin;
  l->packed.groups = (cols + step - 1) / step;
  const double operations = (double)l->rows * (double)cols * h->components;
#pragma omp parallel num_threads(dnmf_team(l->context->threads, operations))
  {
#pragma omp for schedule(static)
    for (int64_t g = 0; g < l->packed.groups; g++)
      l->kernel->pack(&l->packed, g, cols - g * step < step ? cols - g * step : step,
                      (const char *)l->factors + (size_t)(g * step) * row_bytes, l->biases + g * step);
#pragma omp for schedule(dynamic)
    for (int64_t row = 0; row < l->rows; row += BLOCK_ROWS)
      l->kernel->offer(&l->packed, l->rows - row < BLOCK_ROWS ? l->rows - row : BLOCK_ROWS, l->listed + row);
  }
  l->seconds += MPI_Wtime() - began;
}

/* The prediction a ranking reports for a score without mean and row bias. */
static double reported(const listing *l, int64_t row, double score) {
  const dnmf_bias *bias = &l->model->bias;
  const dnmf_recommend_options *options = l->options;
  if (bias->fitted)
    score += bias->mean + (bias->row ? bias->row[row] : 0);
  if (!dnmf_model_row_is_known(l->model, row))
    score += unexplained(l);
  if (options->clip && score < options->smallest)
    return options->smallest;
  return options->clip && score > options->largest ? options->largest : score;
}

static dnmf_status fill_ranking(listing *l, dnmf_ranking *ranking) {
  int64_t count = 0;
  for (int64_t r = 0; r < l->rows; r++)
    count += l->listed[r].top.count;
  DNMF_TRY(dnmf_ranking_create(&l->context->error, count, ranking));
  ranking->precision = l->model->w.precision;
  int64_t line = 0;
  for (int64_t r = 0; r < l->rows; r++) {
    dnmf_top *top = &l->listed[r].top;
    dnmf_top_sort(top);
    for (int64_t t = 0; t < top->count; t++, line++) {
      ranking->row[line] = l->model->owned_rows.begin + l->row[r];
      ranking->place[line] = t + 1;
      ranking->col[line] = top->items[t].item;
      ranking->score[line] = reported(l, l->row[r], top->items[t].score);
    }
  }
  return DNMF_OK;
}

static dnmf_status summarize(listing *l, dnmf_recommend_work *work) {
  double rows = (double)l->rows;
  work->seconds = l->seconds;
  DNMF_TRY(dnmf_sum_doubles(l->context, l->context->comm, &rows, 1));
  work->flops = 2 * rows * (double)l->model->cols * l->model->components;
  return dnmf_max_doubles(l->context, l->context->comm, &work->seconds, 1);
}

dnmf_status dnmf_recommend(dnmf_context *context, const dnmf_model *model, const dnmf_recommend_options *options,
                           dnmf_ranking *ranking, dnmf_recommend_work *work) {
  listing l = {.context = context, .model = model, .options = options};
  l.kernel = kernels[model->h.precision][context->isa];
  int64_t top = options->top < model->cols ? options->top : model->cols;
  memset(ranking, 0, sizeof *ranking);
  memset(work, 0, sizeof *work);
  for (int64_t row = 0; row < model->w.rows; row++)
    l.rows += is_wanted(options, row) ? 1 : 0;
  dnmf_status status = dnmf_agree(context, allocate(&l, top));
  if (status == DNMF_OK) {
    set_rows(&l, top);
    mark_known(&l);
  }
  for (dnmf_range tile = {0, 0}; tile.begin < model->cols && status == DNMF_OK; tile.begin = tile.end) {
    tile.end = tile.begin + l.tile_cols < model->cols ? tile.begin + l.tile_cols : model->cols;
    status = gather_tile(&l, tile);
    if (status == DNMF_OK) {
      work->empty += pass_over_empty(&l, dnmf_range_size(tile));
      score_tile(&l, tile);
    }
  }
  if (status == DNMF_OK)
    status = dnmf_agree(context, fill_ranking(&l, ranking));
  if (status == DNMF_OK)
    status = summarize(&l, work);
  listing_free(&l);
  return status;
}
