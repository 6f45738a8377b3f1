/* Scores as HDF5 datasets of one length, each process its own part. */
#include "base/memory.h"
#include "comm/collective.h"
#include "store/hdf5/hdf5_file.h"
#include "store/hdf5/hdf5_slab.h"
#include "store/ids/ids_file.h"
#include "store/text/pairs.h"
#include "store/text/text_number.h"

#include <stdlib.h>
#include <string.h>

/* What is written: the lines kept, one id a line. */
typedef struct scored {
  const char *path;
  dnmf_range range; /* of the lines of all processes */
  int64_t total;
  dnmf_ids rows;
  dnmf_ids cols;
  int64_t widths[2];
  double *scores;
  double *deviations; /* NULL: none */
} scored;

static bool is_integer(const dnmf_ids *names, int64_t at, int64_t *value) {
  return dnmf_parse_canonical_integer(names->text + names->starts[at], names->text + names->starts[at + 1], value);
}

/* Integers only when every process's names are. */
static dnmf_status agree_kind(dnmf_context *context, const dnmf_ids *names, dnmf_id_kind *kind) {
  int64_t others = 0;
  int64_t value = 0;
  for (int64_t i = 0; i < names->count && others == 0; i++)
    others = is_integer(names, i, &value) ? 0 : 1;
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &others, 1));
  *kind = others == 0 ? DNMF_IDS_INTEGER : DNMF_IDS_STRING;
  return DNMF_OK;
}

/* The names of `places` (one a pair), those left out excepted, a line each. */
static dnmf_status list_ids(dnmf_error *error, const scored *all, const dnmf_pairs *pairs, const bool *left_out,
                            const dnmf_ids *names, const int64_t *places, dnmf_ids *ids) {
  void *memory = NULL;
  int64_t count = dnmf_range_size(all->range);
  int64_t bytes = 0;
  ids->count = all->total;
  ids->range = all->range;
  for (int64_t i = 0; i < pairs->count; i++)
    bytes += left_out[i] ? 0 : names->starts[places[i] + 1] - names->starts[places[i]];
  DNMF_TRY(dnmf_allocate_zero(error, "ids", count + 1, sizeof(int64_t), &memory));
  *(ids->kind == DNMF_IDS_INTEGER ? &ids->numbers : &ids->starts) = memory;
  if (ids->kind == DNMF_IDS_STRING) {
    DNMF_TRY(dnmf_allocate(error, "the text of ids", bytes, 1, &memory));
    ids->text = memory;
  }
  int64_t line = 0;
  for (int64_t i = 0; i < pairs->count; i++) {
    if (left_out[i])
      continue;
    const int64_t *start = names->starts + places[i];
    if (ids->kind == DNMF_IDS_INTEGER) {
      is_integer(names, places[i], &ids->numbers[line]);
    } else {
      ids->starts[line + 1] = ids->starts[line] + start[1] - start[0];
      memcpy(ids->text + ids->starts[line], names->text + start[0], (size_t)(start[1] - start[0]));
    }
    line++;
  }
  return DNMF_OK;
}

static dnmf_status list_numbers(dnmf_error *error, const scored *all, const dnmf_pairs *pairs, const double *numbers,
                                const bool *left_out, double **listed) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "scores", dnmf_range_size(all->range), sizeof(double), &memory));
  *listed = memory;
  int64_t line = 0;
  for (int64_t i = 0; i < pairs->count; i++)
    if (!left_out[i])
      (*listed)[line++] = numbers[i];
  return DNMF_OK;
}

static dnmf_status scores_create_datasets(dnmf_error *error, const scored *all) {
  hid_t file = -1;
  int64_t bytes = 2 * all->total * (int64_t)sizeof(double) + dnmf_ids_bytes(&all->rows, all->widths[0]) +
                  dnmf_ids_bytes(&all->cols, all->widths[1]);
  DNMF_TRY(dnmf_hdf5_create_alone(error, all->path, bytes, &file));
  dnmf_status status = dnmf_ids_create(error, file, "/row", &all->rows, all->widths[0]);
  if (status == DNMF_OK)
    status = dnmf_ids_create(error, file, "/col", &all->cols, all->widths[1]);
  if (status == DNMF_OK)
    status = dnmf_hdf5_create_dataset(error, file, "/score", H5T_IEEE_F64LE, 1, &all->total);
  if (status == DNMF_OK && all->deviations)
    status = dnmf_hdf5_create_dataset(error, file, "/deviation", H5T_IEEE_F64LE, 1, &all->total);
  return dnmf_hdf5_close_layout(error, all->path, file, status);
}

static dnmf_status scores_write_datasets(dnmf_context *context, hid_t file, const scored *all) {
  dnmf_slab lines = dnmf_slab_of(all->range);
  DNMF_TRY(dnmf_ids_write(context, file, "/row", &all->rows, all->widths[0]));
  DNMF_TRY(dnmf_ids_write(context, file, "/col", &all->cols, all->widths[1]));
  if (all->deviations)
    DNMF_TRY(dnmf_hdf5_write(context, file, "/deviation", H5T_NATIVE_DOUBLE, &lines, all->deviations));
  return dnmf_hdf5_write(context, file, "/score", H5T_NATIVE_DOUBLE, &lines, all->scores);
}

static dnmf_status write_all(dnmf_context *context, scored *all) {
  hid_t file = -1;
  DNMF_TRY(dnmf_ids_width(context, &all->rows, &all->widths[0]));
  DNMF_TRY(dnmf_ids_width(context, &all->cols, &all->widths[1]));
  DNMF_TRY(dnmf_agree(context, context->rank == 0 ? scores_create_datasets(&context->error, all) : DNMF_OK));
  DNMF_TRY(dnmf_hdf5_open(context, all->path, true, &file));
  return dnmf_hdf5_close(context, all->path, true, file, scores_write_datasets(context, file, all));
}

dnmf_status dnmf_scores_write_hdf5(dnmf_context *context, const char *path, const dnmf_pairs *pairs,
                                   const double *scores, const double *deviations, const bool *left_out) {
  scored all = {.path = path};
  int64_t kept = 0;
  for (int64_t i = 0; i < pairs->count; i++)
    kept += left_out[i] ? 0 : 1;
  DNMF_TRY(dnmf_exscan_int64(context, kept, &all.range.begin, &all.total));
  all.range.end = all.range.begin + kept;
  DNMF_TRY(agree_kind(context, &pairs->row_names, &all.rows.kind));
  DNMF_TRY(agree_kind(context, &pairs->col_names, &all.cols.kind));
  dnmf_error *error = &context->error;
  dnmf_status status = list_ids(error, &all, pairs, left_out, &pairs->row_names, pairs->row, &all.rows);
  if (status == DNMF_OK)
    status = list_ids(error, &all, pairs, left_out, &pairs->col_names, pairs->col, &all.cols);
  if (status == DNMF_OK)
    status = list_numbers(error, &all, pairs, scores, left_out, &all.scores);
  if (status == DNMF_OK && deviations)
    status = list_numbers(error, &all, pairs, deviations, left_out, &all.deviations);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = write_all(context, &all);
  dnmf_ids_free(&all.rows);
  dnmf_ids_free(&all.cols);
  free(all.scores);
  free(all.deviations);
  return status;
}
