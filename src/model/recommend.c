/*
 * Recommending: tile by tile of columns, gathered from their owners, each process lists its own rows.
 */
#include "model/recommend.h"

#include "base/memory.h"
#include "base/team.h"
#include "base/variant.h"
#include "comm/collective.h"
#include "model/optimistic.h"
#include "model/score.h"

#include <stdlib.h>
#include <string.h>

/* Of H gathered at a time; rows a thread takes at a time. */
static const int64_t TILE_BYTES = INT64_C(32) << 20;
enum { BLOCK_ROWS = 128 };

DNMF_DECLARE_VARIANTS(dnmf_score_kernel, dnmf_score_kernel);

static const dnmf_score_kernel *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_score_kernel);

/* A pass over all columns, tile by tile. */
typedef struct listing {
  dnmf_context *context;
  const dnmf_model *model;
  const dnmf_recommend_options *options;
  const dnmf_score_kernel *kernel;
  dnmf_lists *lists;
  int64_t *col_bounds; /* size + 1: who owns which columns */
  double *own_biases;  /* of the owned columns; minus infinity: never listed */
  int64_t tile_cols;   /* most columns of a tile */
  void *factors;       /* of the tile */
  double *biases;
  int64_t *counts; /* columns of the tile each process owns */
  double *drawn;   /* with optimism, the biases of the tile's columns in each draw */
  double *work;    /* ... and room for each thread */
  dnmf_packed packed;
  double seconds;
} listing;

static void listing_free(listing *l) {
  free(l->col_bounds);
  free(l->own_biases);
  free(l->factors);
  free(l->biases);
  free(l->counts);
  free(l->drawn);
  free(l->work);
  free(l->packed.data);
}

void dnmf_lists_free(dnmf_lists *lists) {
  free(lists->listed);
  free(lists->row);
  free(lists->popular);
  free(lists->items);
  memset(lists, 0, sizeof *lists);
}

/* *member, a pointer of any type, = zeroed memory. */
static dnmf_status listing_allocate_member(dnmf_error *error, const char *what, int64_t count, size_t size,
                                           void *member) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(error, what, count, size, &memory);
  memcpy(member, &memory, sizeof memory);
  return status;
}

/* Numbers of l->work a thread. */
static int64_t work_numbers(const dnmf_model *model) {
  return (int64_t)model->components + 2 * (int64_t)model->samples;
}

static dnmf_status listing_allocate(listing *l, int64_t top) {
  dnmf_error *error = &l->context->error;
  const dnmf_model *model = l->model;
  dnmf_lists *lists = l->lists;
  size_t size = dnmf_precision_size(model->h.precision);
  int64_t row_bytes = (int64_t)size * model->components;
  l->tile_cols = TILE_BYTES / row_bytes + 1;
  if (l->tile_cols > model->cols)
    l->tile_cols = model->cols;
  l->packed.components = model->components;
  const bool optimistic = l->options->optimism != 0;
  const struct {
    const char *what;
    int64_t count;
    size_t size;
    void *member;
  } wanted[] = {
      {"rows to list", lists->count, sizeof *lists->listed, &lists->listed},
      {"rows to list", lists->count, sizeof *lists->row, &lists->row},
      {"rows to list", lists->count, sizeof *lists->popular, &lists->popular},
      {"the lists of columns", lists->count * top, sizeof *lists->items, &lists->items},
      {"ranges of columns", l->context->size + 1, sizeof *l->col_bounds, &l->col_bounds},
      {"biases of columns", model->h.rows, sizeof *l->own_biases, &l->own_biases},
      {"a tile of H", l->tile_cols, (size_t)row_bytes, &l->factors},
      {"a tile's biases", l->tile_cols, sizeof *l->biases, &l->biases},
      {"column counts", l->context->size, sizeof *l->counts, &l->counts},
      {"drawn biases", optimistic ? l->tile_cols * model->samples : 0, sizeof *l->drawn, &l->drawn},
      {"rows to list", optimistic ? l->context->threads * work_numbers(model) : 0, sizeof *l->work, &l->work},
      {"a packed tile of H", (l->tile_cols / l->kernel->columns + 1) * l->kernel->columns, (size_t)row_bytes + size,
       &l->packed.data},
  };
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
    DNMF_TRY(listing_allocate_member(error, wanted[i].what, wanted[i].count, wanted[i].size, wanted[i].member));
  return DNMF_OK;
}

/* Of rows that all are data, those of zeros have nothing to be listed by, and such columns nothing to be listed for. */
static bool row_has_data(const dnmf_model *model, int64_t row) {
  if (dnmf_model_is_observed(model))
    return dnmf_model_row_is_known(model, row);
  return !dnmf_panel_row_is_zero(&model->w, row);
}

static bool col_has_data(const dnmf_model *model, int64_t col) {
  if (dnmf_model_is_observed(model))
    return dnmf_model_col_is_known(model, col);
  return !dnmf_panel_row_is_zero(&model->h, col);
}

static bool is_wanted(const dnmf_recommend_options *options, int64_t row) {
  return !options->wanted || options->wanted[row];
}

static void listing_set_rows(listing *l, int64_t top) {
  const dnmf_model *model = l->model;
  const dnmf_csr *seen = l->options->seen;
  const dnmf_panel *w = &model->w;
  dnmf_lists *lists = l->lists;
  size_t row_bytes = (size_t)w->components * dnmf_precision_size(w->precision);
  int64_t next = 0;
  for (int64_t row = 0; row < w->rows; row++) {
    if (!is_wanted(l->options, row))
      continue;
    dnmf_listed *listed = &lists->listed[next];
    lists->row[next] = row;
    lists->popular[next] = l->options->popularity && !row_has_data(model, row);
    listed->factor = (const char *)w->data + (size_t)row * row_bytes;
    listed->seen = seen ? seen->index + seen->start[row] : NULL;
    listed->seen_count = seen ? seen->start[row + 1] - seen->start[row] : 0;
    listed->top = (dnmf_top){lists->popular[next] ? 0 : top, 0, lists->items + next * top};
    next++;
  }
}

/* What the product explains of the mean on average, and does not for a row or column without data. */
static double unexplained(const listing *l) {
  return l->options->mean - (l->model->bias.fitted ? l->model->bias.mean : 0);
}

/* The biases of the owned columns, as scores begin with them; *empty counts columns without data over all processes.
 * collective */
static dnmf_status listing_set_columns(listing *l, int64_t *empty) {
  const dnmf_model *model = l->model;
  const dnmf_recommend_options *options = l->options;
  *empty = 0;
  for (int64_t j = 0; j < model->h.rows; j++) {
    bool known = col_has_data(model, j);
    bool may_be = !options->listable || options->listable[j];
    l->own_biases[j] = model->bias.fitted && model->bias.col ? model->bias.col[j] : 0;
    if (!known && !dnmf_model_has_mean_rows(model))
      l->own_biases[j] = unexplained(l);
    if (!may_be || (!known && !options->include_empty))
      l->own_biases[j] = -INFINITY;
    *empty += !known;
  }
  int code = MPI_Allgather(&model->owned_cols.begin, 1, MPI_INT64_T, l->col_bounds, 1, MPI_INT64_T, l->context->comm);
  l->col_bounds[l->context->size] = model->cols;
  DNMF_TRY(dnmf_mpi_check(l->context, code, "MPI_Allgather"));
  return dnmf_sum_int64(l->context, l->context->comm, empty, 1);
}

/* Factors and biases of the tile's columns, from their owners. collective */
static dnmf_status gather_tile(listing *l, dnmf_range tile) {
  const dnmf_model *model = l->model;
  const dnmf_panel *h = &model->h;
  for (int p = 0; p < l->context->size; p++)
    l->counts[p] = dnmf_range_size(dnmf_range_overlap(tile, (dnmf_range){l->col_bounds[p], l->col_bounds[p + 1]}));
  int64_t first = dnmf_range_overlap(tile, model->owned_cols).begin - model->owned_cols.begin;
  size_t row_bytes = (size_t)h->components * dnmf_precision_size(h->precision);
  DNMF_TRY(dnmf_all_gather_rows(l->context, l->context->comm, h->precision, h->components, l->counts,
                                (const char *)h->data + (size_t)first * row_bytes, l->factors));
  if (l->options->optimism != 0)
    DNMF_TRY(dnmf_all_gather_rows(l->context, l->context->comm, DNMF_DOUBLE, model->samples, l->counts,
                                  (const double *)model->col_samples.data + first * model->samples, l->drawn));
  return dnmf_all_gather_rows(l->context, l->context->comm, DNMF_DOUBLE, 1, l->counts, l->own_biases + first,
                              l->biases);
}

typedef struct optimistic_call {
  const listing *listing;
  const dnmf_optimistic *columns;
} optimistic_call;

static void offer_with_optimism(void *of_call, int64_t begin, int64_t end) {
  const optimistic_call *call = of_call;
  const listing *l = call->listing;
  for (int64_t i = begin; i < end; i++)
    if (!l->lists->popular[i])
      dnmf_optimistic_offer(call->columns, l->lists->row[i], l->work + dnmf_team_thread() * work_numbers(l->model),
                            &l->lists->listed[i]);
}

/* The same as score_tile with deviations, which are no product of two factors. */
static void score_tile_with_optimism(listing *l, dnmf_range tile) {
  const dnmf_optimistic columns = {.model = l->model,
                                   .optimism = l->options->optimism,
                                   .first = tile.begin,
                                   .count = dnmf_range_size(tile),
                                   .factors = l->factors,
                                   .biases = l->biases,
                                   .drawn = l->drawn};
  const double began = MPI_Wtime();
  const double operations = (double)l->lists->count * (double)columns.count * l->model->components;
  optimistic_call call = {l, &columns};
  dnmf_team_run(dnmf_team(l->context->threads, operations), l->lists->count, offer_with_optimism, &call);
  l->seconds += MPI_Wtime() - began;
}

typedef struct tile_call {
  listing *listing;
  int64_t cols;
} tile_call;

/* Groups of as many columns as the kernel takes together. */
static void pack_groups(void *of_call, int64_t begin, int64_t end) {
  const tile_call *call = of_call;
  listing *l = call->listing;
  const dnmf_panel *h = &l->model->h;
  const int64_t step = l->kernel->columns;
  const size_t row_bytes = (size_t)h->components * dnmf_precision_size(h->precision);
  for (int64_t g = begin; g < end; g++)
    l->kernel->pack(&l->packed, g, call->cols - g * step < step ? call->cols - g * step : step,
                    (const char *)l->factors + (size_t)(g * step) * row_bytes, l->biases + g * step);
}

/* Blocks of BLOCK_ROWS lists. */
static void offer_blocks(void *of_call, int64_t begin, int64_t end) {
  const tile_call *call = of_call;
  const listing *l = call->listing;
  for (int64_t row = begin * BLOCK_ROWS; row < l->lists->count && row < end * BLOCK_ROWS; row += BLOCK_ROWS)
    l->kernel->offer(&l->packed, l->lists->count - row < BLOCK_ROWS ? l->lists->count - row : BLOCK_ROWS,
                     l->lists->listed + row);
}

static void score_tile(listing *l, dnmf_range tile) {
  const int64_t cols = dnmf_range_size(tile);
  const int64_t step = l->kernel->columns;
  double began = MPI_Wtime();
  l->packed.first = tile.begin;
  l->packed.groups = (cols + step - 1) / step;
  const double operations = (double)l->lists->count * (double)cols * l->model->h.components;
  const int team = dnmf_team(l->context->threads, operations);
  tile_call call = {l, cols};
  dnmf_team_run(team, l->packed.groups, pack_groups, &call);
  dnmf_team_run(team, (l->lists->count + BLOCK_ROWS - 1) / BLOCK_ROWS, offer_blocks, &call);
  l->seconds += MPI_Wtime() - began;
}

typedef struct finish_call {
  const listing *listing;
  int64_t top;
} finish_call;

static void finish_lists(void *of_call, int64_t begin, int64_t end) {
  const finish_call *call = of_call;
  const listing *l = call->listing;
  for (int64_t i = begin; i < end; i++) {
    dnmf_listed *listed = &l->lists->listed[i];
    if (l->lists->popular[i]) {
      listed->top.capacity = call->top;
      dnmf_popularity_list(l->options->popularity, listed->seen, listed->seen_count, &listed->top);
    } else {
      dnmf_top_sort(&listed->top);
    }
  }
}

/* Puts the lists in order, and makes those of rows without data by popularity. */
static void listing_finish(listing *l, int64_t top) {
  finish_call call = {l, top};
  const double operations = 8.0 * (double)l->lists->count * (double)top;
  dnmf_team_run(dnmf_team(l->context->threads, operations), l->lists->count, finish_lists, &call);
}

static dnmf_status listing_summarize(listing *l, dnmf_recommend_work *work) {
  double rows = (double)l->lists->count;
  work->seconds = l->seconds;
  for (int64_t i = 0; i < l->lists->count; i++)
    work->popular += l->lists->popular[i];
  DNMF_TRY(dnmf_sum_doubles(l->context, l->context->comm, &rows, 1));
  DNMF_TRY(dnmf_sum_int64(l->context, l->context->comm, &work->popular, 1));
  work->flops = 2 * rows * (double)l->model->cols * l->model->components;
  return dnmf_max_doubles(l->context, l->context->comm, &work->seconds, 1);
}

dnmf_status dnmf_lists_make(dnmf_context *context, const dnmf_model *model, const dnmf_recommend_options *options,
                            dnmf_lists *lists, dnmf_recommend_work *work) {
  listing l = {.context = context, .model = model, .options = options, .lists = lists};
  l.kernel = kernels[model->h.precision][context->isa];
  int64_t top = options->top < model->cols ? options->top : model->cols;
  memset(lists, 0, sizeof *lists);
  memset(work, 0, sizeof *work);
  for (int64_t row = 0; row < model->w.rows; row++)
    lists->count += is_wanted(options, row) ? 1 : 0;
  dnmf_status status = dnmf_agree(context, listing_allocate(&l, top));
  if (status == DNMF_OK) {
    listing_set_rows(&l, top);
    status = listing_set_columns(&l, &work->empty);
  }
  for (dnmf_range tile = {0, 0}; tile.begin < model->cols && status == DNMF_OK; tile.begin = tile.end) {
    tile.end = tile.begin + l.tile_cols < model->cols ? tile.begin + l.tile_cols : model->cols;
    status = gather_tile(&l, tile);
    if (status == DNMF_OK && options->optimism != 0)
      score_tile_with_optimism(&l, tile);
    else if (status == DNMF_OK)
      score_tile(&l, tile);
  }
  if (status == DNMF_OK) {
    listing_finish(&l, top);
    status = listing_summarize(&l, work);
  }
  listing_free(&l);
  return status;
}

/* The prediction a ranking reports for a score without mean and row bias. */
static double reported(const dnmf_model *model, const dnmf_recommend_options *options, int64_t row, double score) {
  const dnmf_bias *bias = &model->bias;
  if (bias->fitted)
    score += bias->mean + (bias->row ? bias->row[row] : 0);
  if (!dnmf_model_row_is_known(model, row) && !dnmf_model_has_mean_rows(model))
    score += options->mean - (bias->fitted ? bias->mean : 0);
  if (options->clip && score < options->smallest)
    return options->smallest;
  return options->clip && score > options->largest ? options->largest : score;
}

static dnmf_status fill_ranking(dnmf_error *error, const dnmf_model *model, const dnmf_recommend_options *options,
                                const dnmf_lists *lists, dnmf_ranking *ranking) {
  int64_t count = 0;
  for (int64_t r = 0; r < lists->count; r++)
    count += lists->listed[r].top.count;
  DNMF_TRY(dnmf_ranking_create(error, count, ranking));
  ranking->precision = model->w.precision;
  int64_t line = 0;
  for (int64_t r = 0; r < lists->count; r++) {
    const dnmf_top *top = &lists->listed[r].top;
    for (int64_t t = 0; t < top->count; t++, line++) {
      ranking->row[line] = model->owned_rows.begin + lists->row[r];
      ranking->place[line] = t + 1;
      ranking->col[line] = top->items[t].item;
      ranking->score[line] = lists->popular[r] ? NAN : reported(model, options, lists->row[r], top->items[t].score);
    }
  }
  return DNMF_OK;
}

dnmf_status dnmf_recommend(dnmf_context *context, const dnmf_model *model, const dnmf_recommend_options *options,
                           dnmf_ranking *ranking, dnmf_recommend_work *work) {
  dnmf_lists lists = {0};
  memset(ranking, 0, sizeof *ranking);
  dnmf_status status = dnmf_lists_make(context, model, options, &lists, work);
  if (status == DNMF_OK)
    status = dnmf_agree(context, fill_ranking(&context->error, model, options, &lists, ranking));
  dnmf_lists_free(&lists);
  return status;
}
