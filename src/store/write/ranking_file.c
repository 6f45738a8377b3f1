/*
 * Rankings on disk: CSV or HDF5, named by ids.
 */
#include "base/memory.h"
#include "comm/collective.h"
#include "store/file.h"
#include "store/hdf5/hdf5_file.h"
#include "store/hdf5/hdf5_slab.h"
#include "store/ids/ids_fetch.h"
#include "store/ids/ids_file.h"
#include "store/write/shared_text.h"

#include <math.h>
#include <string.h>

/* A process's lines with the ids they print. */
typedef struct ranking_lines {
  const dnmf_ranking *ranking;
  dnmf_ids row_ids; /* of the rows of these lines */
  dnmf_ids col_ids; /* of all columns */
  dnmf_ids labels;  /* likewise; without text: none */
  bool labelled;
} ranking_lines;

/* The range that the rows of these lines span. */
static dnmf_range rows_of(const dnmf_ranking *ranking) {
  dnmf_range span = {INT64_MAX, 0};
  for (int64_t i = 0; i < ranking->count; i++) {
    span.begin = ranking->row[i] < span.begin ? ranking->row[i] : span.begin;
    span.end = ranking->row[i] >= span.end ? ranking->row[i] + 1 : span.end;
  }
  return ranking->count > 0 ? span : (dnmf_range){0, 0};
}

static void lines_free(ranking_lines *lines) {
  dnmf_ids_free(&lines->row_ids);
  dnmf_ids_free(&lines->col_ids);
  dnmf_ids_free(&lines->labels);
}

/* Released with lines_free, also after a failure. collective */
static dnmf_status fetch_names(dnmf_context *context, const dnmf_ranking_names *names, ranking_lines *lines) {
  dnmf_range all_cols = {0, names->cols->count};
  lines->labelled = names->labels != NULL;
  DNMF_TRY(dnmf_agree(context, dnmf_ids_fetch(context, names->rows, rows_of(lines->ranking), &lines->row_ids)));
  DNMF_TRY(dnmf_agree(context, dnmf_ids_fetch(context, names->cols, all_cols, &lines->col_ids)));
  if (!names->labels)
    return DNMF_OK;
  all_cols.end = names->labels->count;
  return dnmf_agree(context, dnmf_ids_fetch(context, names->labels, all_cols, &lines->labels));
}

static void put_lines(dnmf_context *context, const void *state, dnmf_sink *sink) {
  const ranking_lines *lines = state;
  const dnmf_ranking *ranking = lines->ranking;
  if (context->rank == 0) {
    dnmf_sink_text(sink, "row,rank,column,score");
    dnmf_sink_text(sink, ranking->observations ? ",observations" : "");
    dnmf_sink_text(sink, lines->labelled ? ",label\n" : "\n");
  }
  for (int64_t i = 0; i < ranking->count; i++) {
    dnmf_sink_id(sink, &lines->row_ids, ranking->row[i]);
    dnmf_sink_text(sink, ",");
    dnmf_sink_integer(sink, ranking->place[i]);
    dnmf_sink_text(sink, ",");
    dnmf_sink_id(sink, &lines->col_ids, ranking->col[i]);
    dnmf_sink_text(sink, ",");
    if (!isnan(ranking->score[i]))
      dnmf_sink_number(sink, ranking->score[i], ranking->precision);
    if (ranking->observations) {
      dnmf_sink_text(sink, ",");
      dnmf_sink_integer(sink, ranking->observations[i]);
    }
    if (lines->labelled) {
      dnmf_sink_text(sink, ",");
      dnmf_sink_id(sink, &lines->labels, ranking->col[i]);
    }
    dnmf_sink_text(sink, "\n");
  }
}

dnmf_status dnmf_ranking_write_csv(dnmf_context *context, const char *path, const dnmf_ranking *ranking,
                                   const dnmf_ranking_names *names) {
  ranking_lines lines = {.ranking = ranking};
  dnmf_status status = fetch_names(context, names, &lines);
  if (status == DNMF_OK)
    status = dnmf_shared_write(context, path, put_lines, &lines);
  lines_free(&lines);
  return status;
}

static int64_t length_of(const dnmf_ids *ids, int64_t index) {
  int64_t at = index - ids->range.begin;
  return ids->starts[at + 1] - ids->starts[at];
}

/* One id a line: id index[i] of `ids` for line i of `range`. */
static dnmf_status name_lines(dnmf_error *error, const dnmf_ids *ids, const int64_t *index, dnmf_range range,
                              dnmf_ids *names) {
  void *memory = NULL;
  int64_t count = dnmf_range_size(range);
  *names = (dnmf_ids){.kind = ids->kind == DNMF_IDS_NONE ? DNMF_IDS_INTEGER : ids->kind, .range = range};
  DNMF_TRY(dnmf_allocate_zero(error, "ids of lines", count + 1, sizeof(int64_t), &memory));
  if (names->kind == DNMF_IDS_INTEGER) {
    names->numbers = memory;
    for (int64_t i = 0; i < count; i++)
      names->numbers[i] = ids->kind == DNMF_IDS_NONE ? index[i] : ids->numbers[index[i] - ids->range.begin];
    return DNMF_OK;
  }
  names->starts = memory;
  for (int64_t i = 0; i < count; i++)
    names->starts[i + 1] = names->starts[i] + length_of(ids, index[i]);
  DNMF_TRY(dnmf_allocate(error, "ids of lines", names->starts[count], 1, &memory));
  names->text = memory;
  for (int64_t i = 0; i < count; i++)
    if (length_of(ids, index[i]) > 0)
      memcpy(names->text + names->starts[i], ids->text + ids->starts[index[i] - ids->range.begin],
             (size_t)length_of(ids, index[i]));
  return DNMF_OK;
}

/* What the datasets of an HDF5 file are made of. */
enum { ROW_NAMES = 0, COL_NAMES, LABELS, NAME_DATASETS };
typedef struct ranking_plan {
  const dnmf_ranking *ranking;
  dnmf_range lines; /* held here */
  int64_t total;    /* lines, over all processes */
  int name_count;   /* datasets of names: NAME_DATASETS, or without labels */
  bool observations;
  dnmf_ids names[NAME_DATASETS]; /* of the lines */
  int64_t widths[NAME_DATASETS];
} ranking_plan;

static const char *const name_datasets[NAME_DATASETS] = {"/row", "/col", "/label"};

static dnmf_status create_datasets(dnmf_error *error, hid_t file, const ranking_plan *plan) {
  for (int n = 0; n < plan->name_count; n++)
    DNMF_TRY(dnmf_ids_create(error, file, name_datasets[n], &plan->names[n], plan->widths[n]));
  DNMF_TRY(dnmf_hdf5_create_dataset(error, file, "/rank", H5T_STD_I64LE, 1, &plan->total));
  if (plan->observations)
    DNMF_TRY(dnmf_hdf5_create_dataset(error, file, "/observations", H5T_STD_I64LE, 1, &plan->total));
  return dnmf_hdf5_create_dataset(error, file, "/score", H5T_IEEE_F64LE, 1, &plan->total);
}

static dnmf_status create_file(dnmf_error *error, const char *path, const ranking_plan *plan) {
  hid_t file = -1;
  int64_t line_bytes = 5 * (int64_t)sizeof(int64_t);
  for (int n = 0; n < plan->name_count; n++)
    line_bytes += plan->widths[n];
  DNMF_TRY(dnmf_hdf5_create_alone(error, path, plan->total * line_bytes, &file));
  return dnmf_hdf5_close_layout(error, path, file, create_datasets(error, file, plan));
}

static dnmf_status fill_datasets(dnmf_context *context, hid_t file, const ranking_plan *plan) {
  dnmf_slab slab = dnmf_slab_of(plan->lines);
  for (int n = 0; n < plan->name_count; n++)
    DNMF_TRY(dnmf_ids_write(context, file, name_datasets[n], &plan->names[n], plan->widths[n]));
  DNMF_TRY(dnmf_hdf5_write(context, file, "/rank", H5T_NATIVE_INT64, &slab, plan->ranking->place));
  if (plan->observations)
    DNMF_TRY(dnmf_hdf5_write(context, file, "/observations", H5T_NATIVE_INT64, &slab, plan->ranking->observations));
  return dnmf_hdf5_write(context, file, "/score", H5T_NATIVE_DOUBLE, &slab, plan->ranking->score);
}

static dnmf_status name_all(dnmf_context *context, const ranking_lines *lines, ranking_plan *plan) {
  const dnmf_ranking *ranking = plan->ranking;
  dnmf_error *error = &context->error;
  dnmf_status status = name_lines(error, &lines->row_ids, ranking->row, plan->lines, &plan->names[ROW_NAMES]);
  if (status == DNMF_OK)
    status = name_lines(error, &lines->col_ids, ranking->col, plan->lines, &plan->names[COL_NAMES]);
  if (status == DNMF_OK && lines->labelled)
    status = name_lines(error, &lines->labels, ranking->col, plan->lines, &plan->names[LABELS]);
  DNMF_TRY(dnmf_agree(context, status));
  for (int n = 0; n < plan->name_count; n++) {
    plan->names[n].count = plan->total;
    DNMF_TRY(dnmf_ids_width(context, &plan->names[n], &plan->widths[n]));
  }
  return DNMF_OK;
}

dnmf_status dnmf_ranking_write_hdf5(dnmf_context *context, const char *path, const dnmf_ranking *ranking,
                                    const dnmf_ranking_names *names) {
  ranking_lines lines = {.ranking = ranking};
  ranking_plan plan = {.ranking = ranking,
                       .name_count = names->labels ? NAME_DATASETS : LABELS,
                       .observations = ranking->observations != NULL};
  hid_t file = -1;
  dnmf_status status = fetch_names(context, names, &lines);
  if (status == DNMF_OK)
    status = dnmf_exscan_int64(context, ranking->count, &plan.lines.begin, &plan.total);
  plan.lines.end = plan.lines.begin + ranking->count;
  if (status == DNMF_OK)
    status = name_all(context, &lines, &plan);
  if (status == DNMF_OK)
    status = dnmf_agree(context, context->rank == 0 ? create_file(&context->error, path, &plan) : DNMF_OK);
  if (status == DNMF_OK)
    status = dnmf_hdf5_open(context, path, true, &file);
  if (status == DNMF_OK)
    status = dnmf_hdf5_close(context, path, true, file, fill_datasets(context, file, &plan));
  for (int n = 0; n < NAME_DATASETS; n++)
    dnmf_ids_free(&plan.names[n]);
  lines_free(&lines);
  return status;
}
