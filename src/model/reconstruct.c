/* Tiles of W H: columns gathered from their owners, own rows multiplied and written. */
#include "model/reconstruct.h"

#include "base/memory.h"
#include "base/team.h"
#include "comm/clock.h"
#include "comm/collective.h"

#include <stdlib.h>
#include <string.h>

static const int64_t TILE_BYTES = INT64_C(32) << 20;
enum { MOST_TILE = 1 << 20 }; /* rows or columns */

typedef struct rebuilding {
  dnmf_context *context;
  const dnmf_model *model;
  const dnmf_reconstruct_options *options;
  dnmf_dense_file *file;
  bool observed;
  int64_t tile_cols;
  int64_t tile_rows;
  int64_t *counts;  /* columns of the tile that each process owns */
  dnmf_panel h;     /* the tile's */
  double *col_bias; /* likewise */
  double *known;    /* of the owned columns: 1 when they are known, else 0 */
  double *col_known;
  void *out; /* tile_rows x tile_cols */
  dnmf_reconstruct_work work;
} rebuilding;

static void rebuilding_free(rebuilding *r) {
  free(r->counts);
  dnmf_panel_free(&r->h);
  free(r->col_bias);
  free(r->known);
  free(r->col_known);
  free(r->out);
}

static int64_t at_least_one(int64_t wanted, int64_t most) {
  int64_t least = wanted > 1 ? wanted : 1;
  return least < most ? least : most;
}

static dnmf_status rebuilding_allocate(rebuilding *r) {
  const dnmf_model *model = r->model;
  dnmf_error *error = &r->context->error;
  const int64_t size = (int64_t)dnmf_precision_size(model->h.precision);
  const int64_t bytes = r->options->tile_bytes > 0 ? r->options->tile_bytes : TILE_BYTES;
  void *memory = NULL;
  r->tile_cols = at_least_one(bytes / (size * model->components), model->cols);
  r->tile_cols = at_least_one(r->tile_cols < bytes / size ? r->tile_cols : bytes / size, MOST_TILE);
  r->tile_rows = at_least_one(bytes / (size * r->tile_cols), MOST_TILE);
  if (r->tile_rows > model->w.rows)
    r->tile_rows = model->w.rows;
  DNMF_TRY(dnmf_allocate(error, "column counts", r->context->size, sizeof *r->counts, &memory));
  r->counts = memory;
  DNMF_TRY(dnmf_allocate(error, "a tile's biases", r->tile_cols, sizeof *r->col_bias, &memory));
  r->col_bias = memory;
  DNMF_TRY(dnmf_allocate(error, "a tile's columns", r->tile_cols, sizeof *r->col_known, &memory));
  r->col_known = memory;
  DNMF_TRY(dnmf_allocate(error, "known columns", model->h.rows, sizeof *r->known, &memory));
  r->known = memory;
  for (int64_t j = 0; j < model->h.rows; j++)
    r->known[j] = dnmf_model_col_is_known(model, j) ? 1 : 0;
  DNMF_TRY(dnmf_panel_create(error, "a tile of H", r->tile_cols, model->components, model->h.precision, &r->h));
  return dnmf_allocate(error, "a tile of the result", r->tile_rows * r->tile_cols, (size_t)size, &r->out);
}

/* Columns `tile` of H, their biases and whether they are known, from their owners. collective */
static dnmf_status gather_tile(rebuilding *r, dnmf_range tile) {
  const dnmf_model *model = r->model;
  const dnmf_panel *h = &model->h;
  const dnmf_range all = {0, model->cols};
  for (int p = 0; p < r->context->size; p++)
    r->counts[p] = dnmf_range_size(dnmf_range_overlap(tile, dnmf_range_split(all, r->context->size, p)));
  const int64_t first = dnmf_range_overlap(tile, model->owned_cols).begin - model->owned_cols.begin;
  const size_t row_bytes = (size_t)h->components * dnmf_precision_size(h->precision);
  r->h.rows = dnmf_range_size(tile);
  DNMF_TRY(dnmf_all_gather_rows(r->context, r->context->comm, h->precision, h->components, r->counts,
                                (const char *)h->data + (size_t)first * row_bytes, r->h.data));
  DNMF_TRY(
      dnmf_all_gather_rows(r->context, r->context->comm, DNMF_DOUBLE, 1, r->counts, r->known + first, r->col_known));
  memset(r->col_bias, 0, (size_t)r->h.rows * sizeof *r->col_bias);
  if (!model->bias.fitted || !model->bias.col)
    return DNMF_OK;
  return dnmf_all_gather_rows(r->context, r->context->comm, DNMF_DOUBLE, 1, r->counts, model->bias.col + first,
                              r->col_bias);
}

static double clip(const dnmf_reconstruct_options *options, double score) {
  if (!options->clip)
    return score;
  score = score < options->smallest ? options->smallest : score;
  return score > options->largest ? options->largest : score;
}

/* Adds biases and constant to a row of the tile, and clips it. */
static void finish_row(const rebuilding *r, int64_t row, void *values) {
  const dnmf_bias *bias = &r->model->bias;
  const double own = bias->fitted && bias->row ? bias->row[row] : 0;
  const double constant = bias->fitted ? bias->mean : 0;
  const bool averages = dnmf_model_has_mean_rows(r->model);
  const bool known = averages || dnmf_model_row_is_known(r->model, row);
  for (int64_t j = 0; j < r->h.rows; j++) {
    const double offset =
        (known && (averages || r->col_known[j] != 0) ? constant : r->options->mean) + own + r->col_bias[j];
    if (r->model->w.precision == DNMF_DOUBLE)
      ((double *)values)[j] = clip(r->options, ((double *)values)[j] + offset);
    else
      ((float *)values)[j] = (float)clip(r->options, (double)((float *)values)[j] + offset);
  }
}

typedef struct finish_rows_call {
  const rebuilding *rebuilding;
  int64_t first_row;
} finish_rows_call;

static void finish_rows(void *of_call, int64_t begin, int64_t end) {
  const finish_rows_call *call = of_call;
  const dnmf_panel *h = &call->rebuilding->h;
  const size_t row_bytes = (size_t)h->rows * dnmf_precision_size(h->precision);
  for (int64_t i = begin; i < end; i++)
    finish_row(call->rebuilding, call->first_row + i, (char *)call->rebuilding->out + (size_t)i * row_bytes);
}

/* Rows `rows` of the tile of columns: computed, then written. */
static dnmf_status fill_tile(rebuilding *r, dnmf_range rows, dnmf_range cols) {
  dnmf_context *context = r->context;
  const dnmf_range all = {0, r->h.rows};
  const int64_t first = r->model->owned_rows.begin;
  double clock = MPI_Wtime();
  dnmf_panel_outer(context, &r->model->w, rows, &r->h, all, r->out);
  if (r->observed || r->model->bias.fitted || r->options->clip) {
    const double numbers = (double)dnmf_range_size(rows) * (double)r->h.rows;
    finish_rows_call call = {r, rows.begin};
    dnmf_team_run(dnmf_team(context->threads, numbers), dnmf_range_size(rows), finish_rows, &call);
  }
  r->work.compute_seconds += dnmf_lap(&clock);
  dnmf_status status =
      dnmf_dense_file_write(context, r->file, (dnmf_range){first + rows.begin, first + rows.end}, cols, r->out);
  r->work.write_seconds += dnmf_lap(&clock);
  return status;
}

/* All owned rows under one tile of columns. */
static dnmf_status fill_columns(rebuilding *r, dnmf_range cols) {
  for (dnmf_range rows = {0, 0}; rows.begin < r->model->w.rows; rows.begin = rows.end) {
    rows.end = rows.begin + r->tile_rows < r->model->w.rows ? rows.begin + r->tile_rows : r->model->w.rows;
    DNMF_TRY(fill_tile(r, rows, cols));
  }
  return DNMF_OK;
}

/* A process that cannot write goes on gathering, so that nobody waits for it. */
static dnmf_status fill_all(rebuilding *r) {
  dnmf_status failure = DNMF_OK;
  for (dnmf_range cols = {0, 0}; cols.begin < r->model->cols; cols.begin = cols.end) {
    cols.end = cols.begin + r->tile_cols < r->model->cols ? cols.begin + r->tile_cols : r->model->cols;
    DNMF_TRY(gather_tile(r, cols));
    if (failure == DNMF_OK)
      failure = fill_columns(r, cols);
  }
  return dnmf_agree(r->context, failure);
}

dnmf_status dnmf_reconstruct(dnmf_context *context, const dnmf_model *model, const dnmf_reconstruct_options *options,
                             dnmf_dense_file *file, dnmf_reconstruct_work *work) {
  rebuilding r = {.context = context, .model = model, .options = options, .file = file};
  r.observed = dnmf_model_is_observed(model);
  dnmf_status status = dnmf_agree(context, rebuilding_allocate(&r));
  if (status == DNMF_OK)
    status = fill_all(&r);
  double seconds[] = {r.work.compute_seconds, r.work.write_seconds};
  if (status == DNMF_OK)
    status = dnmf_max_doubles(context, context->comm, seconds, 2);
  *work = (dnmf_reconstruct_work){seconds[0], seconds[1]};
  rebuilding_free(&r);
  return status;
}
