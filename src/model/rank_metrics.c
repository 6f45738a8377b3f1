/* Ranking metrics: lists of some rows at a time, each compared with its row's relevant entries. */
#include "model/rank_metrics.h"

#include "base/memory.h"
#include "base/team.h"
#include "comm/collective.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Of the lists of a batch of rows; rows whose sums are added up together, the same whatever the threads. */
static const int64_t BATCH_BYTES = INT64_C(256) << 20;
enum { BLOCK_ROWS = 64 };

const char *const dnmf_list_figure_names[DNMF_LIST_FIGURES] = {"precision", "recall", "hit_rate",      "ndcg",
                                                               "map",       "mrr",    "pooled_recall", "catalogue"};

/* What is summed over the rows, of the lists of one kind at each cut. */
enum {
  FOUND = 0, /* relevant ones listed */
  MOST,      /* that could have been: min(n, r) */
  RECALL,
  HITS,
  GAIN,
  AVERAGE_PRECISION,
  RECIPROCAL,
  SUMS
};

typedef struct list_sums {
  double at[SUMS][DNMF_MOST_CUTS];
} list_sums;

/* What a ranking works with. */
typedef struct ranked {
  dnmf_context *context;
  const dnmf_model *model;
  const dnmf_held_out_lists *held_out;
  const dnmf_metrics_options *cuts;
  dnmf_popularity popularity;
  int64_t longest;     /* of the cuts */
  double *ideal;       /* longest + 1: the sum of the first i discounts */
  bool *wanted;        /* of the owned rows: the batch */
  list_sums *blocks;   /* of the batch: two a block of rows, the model's and popularity's */
  int64_t block_count; /* most blocks of a batch */
  int64_t *first[2];   /* of every column: minus its first place in any list; likewise */
  list_sums sums[2];
} ranked;

static double discount(int64_t place) {
  return 1 / log2((double)place + 1);
}

/* Relevant entries of a row: those in columns, and the number of those that are in none. */
static int64_t relevant_columns(const ranked *r, int64_t row, const int32_t **columns, int64_t *unlisted) {
  const dnmf_csr *csr = r->held_out->relevant;
  int64_t begin = csr->start[row];
  int64_t end = csr->start[row + 1];
  *unlisted = 0;
  *columns = csr->index ? csr->index + begin : NULL;
  if (end > begin && csr->index[end - 1] == r->model->cols) {
    end--;
    *unlisted = (int64_t)dnmf_number_at(dnmf_number_of(r->held_out->precision, csr->narrow), csr->value, end);
  }
  return end - begin;
}

/* *first = the smaller of both, whatever other threads do. */
static void note_place(int64_t *first, int64_t place) {
  int64_t now = __atomic_load_n(first, __ATOMIC_RELAXED);
  while (-place > now && !__atomic_compare_exchange_n(first, &now, -place, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    continue;
}

/* Adds a row's list, the best first, to the sums. `all` is the number of its relevant entries, `count` of those in
 * columns. */
static void add_list(const ranked *r, const dnmf_top *list, const int32_t *columns, int64_t count, int64_t all,
                     int64_t *first, list_sums *sums) {
  list_sums row = {{{0}}};
  double found = 0;
  double gain = 0;
  double precisions = 0;
  double reciprocal = 0;
  for (int64_t place = 1; place <= list->count; place++) {
    int64_t col = list->items[place - 1].item;
    note_place(&first[col], place);
    if (!dnmf_is_among(columns, count, col))
      continue;
    found++;
    gain += discount(place);
    precisions += found / (double)place;
    reciprocal = reciprocal > 0 ? reciprocal : 1 / (double)place;
    for (int c = 0; c < r->cuts->cut_count; c++)
      if (place <= r->cuts->cuts[c]) {
        row.at[FOUND][c] = found;
        row.at[GAIN][c] = gain;
        row.at[AVERAGE_PRECISION][c] = precisions;
        row.at[RECIPROCAL][c] = reciprocal;
      }
  }
  for (int c = 0; c < r->cuts->cut_count; c++) {
    int64_t most = all < r->cuts->cuts[c] ? all : r->cuts->cuts[c];
    row.at[MOST][c] = (double)most;
    row.at[RECALL][c] = row.at[FOUND][c] / (double)most;
    row.at[HITS][c] = row.at[FOUND][c] > 0;
    row.at[GAIN][c] /= r->ideal[most];
    row.at[AVERAGE_PRECISION][c] /= (double)most;
    for (int s = 0; s < SUMS; s++)
      sums->at[s][c] += row.at[s][c];
  }
}

typedef struct batch_call {
  ranked *ranked;
  const dnmf_lists *lists;
  atomic_bool failed;
} batch_call;

/* Both lists of some blocks of rows. `room` is for a list. */
static void add_blocks(ranked *r, const dnmf_lists *lists, int64_t begin, int64_t end, dnmf_scored *room) {
  const dnmf_csr *seen = r->held_out->seen;
  for (int64_t i = begin * BLOCK_ROWS; i < lists->count && i < end * BLOCK_ROWS; i++) {
    list_sums *sums = &r->blocks[2 * (i / BLOCK_ROWS)];
    const int32_t *columns = NULL;
    int64_t unlisted = 0;
    int64_t row = lists->row[i];
    int64_t count = relevant_columns(r, row, &columns, &unlisted);
    dnmf_top popular = {r->longest, 0, room};
    dnmf_popularity_list(&r->popularity, seen ? seen->index + seen->start[row] : NULL,
                         seen ? seen->start[row + 1] - seen->start[row] : 0, &popular);
    add_list(r, &lists->listed[i].top, columns, count, count + unlisted, r->first[0], &sums[0]);
    add_list(r, &popular, columns, count, count + unlisted, r->first[1], &sums[1]);
  }
}

static void add_blocks_of_call(void *of_call, int64_t begin, int64_t end) {
  batch_call *call = of_call;
  void *room = NULL;
  dnmf_error error = {0};
  if (dnmf_allocate(&error, "a list", call->ranked->longest, sizeof(dnmf_scored), &room) == DNMF_OK)
    add_blocks(call->ranked, call->lists, begin, end, room);
  else
    atomic_store(&call->failed, true);
  free(room);
}

/* Both lists of the batch's rows, block by block of rows. */
static dnmf_status add_batch(ranked *r, const dnmf_lists *lists) {
  int64_t blocks = (lists->count + BLOCK_ROWS - 1) / BLOCK_ROWS;
  memset(r->blocks, 0, (size_t)blocks * 2 * sizeof *r->blocks);
  const double operations = 16.0 * (double)lists->count * (double)r->longest;
  batch_call call = {r, lists, false};
  dnmf_team_run(dnmf_team(r->context->threads, operations), blocks, add_blocks_of_call, &call);
  if (atomic_load(&call.failed))
    return dnmf_fail(&r->context->error, DNMF_ERROR_MEMORY, "not enough memory for lists of the most popular columns");
  for (int64_t b = 0; b < 2 * blocks; b++)
    for (int s = 0; s < SUMS; s++)
      for (int c = 0; c < r->cuts->cut_count; c++)
        r->sums[b % 2].at[s][c] += r->blocks[b].at[s][c];
  return DNMF_OK;
}

static dnmf_status ranked_allocate(ranked *r) {
  dnmf_error *error = &r->context->error;
  void *memory = NULL;
  for (int c = 0; c < r->cuts->cut_count; c++)
    r->longest = r->cuts->cuts[c] > r->longest ? r->cuts->cuts[c] : r->longest;
  r->longest = r->longest < r->model->cols ? r->longest : r->model->cols;
  int64_t batch = BATCH_BYTES / (r->longest * (int64_t)sizeof(dnmf_scored)) + 1;
  batch = batch < r->model->w.rows ? batch : r->model->w.rows;
  r->block_count = (batch + BLOCK_ROWS - 1) / BLOCK_ROWS;
  DNMF_TRY(dnmf_allocate_zero(error, "rows of a batch", r->model->w.rows, sizeof(bool), &memory));
  r->wanted = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "sums of metrics", 2 * r->block_count, sizeof(list_sums), &memory));
  r->blocks = memory;
  for (int k = 0; k < 2; k++) {
    DNMF_TRY(dnmf_allocate(error, "places of columns", r->model->cols, sizeof(int64_t), &memory));
    r->first[k] = memory;
    for (int64_t j = 0; j < r->model->cols; j++)
      r->first[k][j] = INT64_MIN;
  }
  return DNMF_OK;
}

/* The best sums of gains there can be, up to the longest cut or the most relevant entries of a row. */
static dnmf_status find_ideal(ranked *r) {
  void *memory = NULL;
  int64_t longest = 0;
  for (int c = 0; c < r->cuts->cut_count; c++)
    longest = r->cuts->cuts[c] > longest ? r->cuts->cuts[c] : longest;
  int64_t most = 0;
  for (int64_t row = 0; row < r->model->w.rows; row++) {
    const int32_t *columns = NULL;
    int64_t unlisted = 0;
    int64_t count = relevant_columns(r, row, &columns, &unlisted) + unlisted;
    most = count > most ? count : most;
  }
  most = most < longest ? most : longest;
  DNMF_TRY(dnmf_allocate_zero(&r->context->error, "the best gains", most + 1, sizeof(double), &memory));
  r->ideal = memory;
  for (int64_t place = 1; place <= most; place++)
    r->ideal[place] = r->ideal[place - 1] + discount(place);
  return DNMF_OK;
}

/* Chooses the next rows with a relevant entry, from *row on, for a batch; counts them and their entries. */
static void choose_batch(ranked *r, int64_t *row, dnmf_rank_metrics *m) {
  const dnmf_csr *seen = r->held_out->seen;
  int64_t room = r->block_count * BLOCK_ROWS;
  memset(r->wanted, 0, (size_t)r->model->w.rows * sizeof *r->wanted);
  for (; *row < r->model->w.rows && room > 0; ++*row) {
    const int32_t *columns = NULL;
    int64_t unlisted = 0;
    int64_t count = relevant_columns(r, *row, &columns, &unlisted);
    if (count + unlisted == 0)
      continue;
    r->wanted[*row] = true;
    room--;
    m->rows++;
    m->relevant += count + unlisted;
    m->unlisted += unlisted;
    for (int64_t e = 0; e < count && seen; e++)
      m->seen += dnmf_is_among(seen->index + seen->start[*row], seen->start[*row + 1] - seen->start[*row], columns[e]);
  }
}

/* The figures from the sums of all processes. */
static void find_figures(const ranked *r, int64_t rows, int kind, dnmf_list_figures *list) {
  const list_sums *sums = &r->sums[kind];
  for (int c = 0; c < r->cuts->cut_count; c++) {
    int64_t listed = 0;
    for (int64_t j = 0; j < r->model->cols; j++)
      listed += r->first[kind][j] != INT64_MIN && -r->first[kind][j] <= r->cuts->cuts[c];
    const double count = rows > 0 ? (double)rows : NAN;
    const double figures[DNMF_LIST_FIGURES] = {
        [DNMF_LIST_PRECISION] = sums->at[FOUND][c] / ((double)r->cuts->cuts[c] * count),
        [DNMF_LIST_RECALL] = sums->at[RECALL][c] / count,
        [DNMF_LIST_HIT_RATE] = sums->at[HITS][c] / count,
        [DNMF_LIST_NDCG] = sums->at[GAIN][c] / count,
        [DNMF_LIST_MAP] = sums->at[AVERAGE_PRECISION][c] / count,
        [DNMF_LIST_MRR] = sums->at[RECIPROCAL][c] / count,
        [DNMF_LIST_POOLED_RECALL] = rows > 0 ? sums->at[FOUND][c] / sums->at[MOST][c] : NAN,
        [DNMF_LIST_CATALOGUE] = (double)listed / ((double)r->model->cols * (rows > 0 ? 1 : NAN)),
    };
    for (int f = 0; f < DNMF_LIST_FIGURES; f++)
      list->value[f][c] = figures[f];
  }
}

static dnmf_status ranked_share(ranked *r, dnmf_rank_metrics *m) {
  dnmf_context *context = r->context;
  int64_t counts[] = {m->rows, m->relevant, m->unlisted, m->seen};
  for (int k = 0; k < 2; k++)
    DNMF_TRY(dnmf_sum_doubles(context, context->comm, r->sums[k].at[0], (int64_t)SUMS * DNMF_MOST_CUTS));
  for (int k = 0; k < 2; k++)
    DNMF_TRY(dnmf_max_int64(context, context->comm, r->first[k], r->model->cols));
  DNMF_TRY(dnmf_sum_int64(context, context->comm, counts, 4));
  m->rows = counts[0];
  m->relevant = counts[1];
  m->unlisted = counts[2];
  m->seen = counts[3];
  find_figures(r, m->rows, 0, &m->of_model);
  find_figures(r, m->rows, 1, &m->of_popular);
  return DNMF_OK;
}

/* Batch by batch until every process has ranked all its rows. */
static dnmf_status rank_batches(ranked *r, const dnmf_recommend_options *options, dnmf_rank_metrics *m) {
  dnmf_context *context = r->context;
  dnmf_recommend_options how = *options;
  how.top = r->longest;
  how.seen = r->held_out->seen;
  how.wanted = r->wanted;
  how.popularity = &r->popularity;
  int64_t row = 0;
  int64_t left = 1;
  while (left > 0) {
    dnmf_lists lists = {0};
    dnmf_recommend_work work;
    choose_batch(r, &row, m);
    dnmf_status status = dnmf_lists_make(context, r->model, &how, &lists, &work);
    if (status == DNMF_OK)
      status = dnmf_agree(context, add_batch(r, &lists));
    dnmf_lists_free(&lists);
    DNMF_TRY(status);
    m->popular_rows += work.popular;
    left = r->model->w.rows - row;
    DNMF_TRY(dnmf_max_int64(context, context->comm, &left, 1));
  }
  return DNMF_OK;
}

dnmf_status dnmf_rank_evaluate(dnmf_context *context, const dnmf_model *model, const dnmf_held_out_lists *held_out,
                               const dnmf_recommend_options *options, const dnmf_metrics_options *cuts,
                               dnmf_rank_metrics *metrics) {
  ranked r = {.context = context, .model = model, .held_out = held_out, .cuts = cuts};
  bool known = false;
  memset(metrics, 0, sizeof *metrics);
  dnmf_status status = ranked_allocate(&r);
  if (status == DNMF_OK)
    status = find_ideal(&r);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = held_out->seen ? dnmf_popularity_of_entries(context, model->cols, held_out->seen, &r.popularity)
                            : dnmf_popularity_of_fit(context, model, &known, &r.popularity);
  if (status == DNMF_OK && (options->listable || options->include_empty))
    status = dnmf_popularity_restrict(context, model, options->listable, options->include_empty, &r.popularity);
  if (status == DNMF_OK)
    status = rank_batches(&r, options, metrics);
  if (status == DNMF_OK)
    status = ranked_share(&r, metrics);
  dnmf_popularity_free(&r.popularity);
  for (int k = 0; k < 2; k++)
    free(r.first[k]);
  free(r.ideal);
  free(r.wanted);
  free(r.blocks);
  return status;
}
