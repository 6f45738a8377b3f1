/* Matrix files: process 0 lays the file out, all processes fill it. */
#include "base/memory.h"
#include "comm/collective.h"
#include "store/file.h"
#include "store/hdf5/hdf5_attribute.h"
#include "store/hdf5/hdf5_file.h"
#include "store/hdf5/hdf5_slab.h"
#include "store/ids/ids_find.h"
#include "store/write/matrix_frame.h"

#include <stdlib.h>

/* What is the same for the whole file. */
typedef struct matrix_plan {
  const char *path;
  const dnmf_matrix *matrix;
  dnmf_matrix_frame frame;
  const dnmf_matrix_names *names;
  int64_t stored; /* entries of the file, and those before this process's */
  int64_t before;
  hid_t type; /* of the values */
} matrix_plan;

static int64_t local_count(const dnmf_matrix *matrix) {
  int64_t rows = dnmf_range_size(matrix->row_range);
  return matrix->sparse ? matrix->by_rows.start[rows] : rows * dnmf_range_size(matrix->col_range);
}

/* True when float32 holds all values of this process. */
static bool fits_single(const dnmf_matrix *matrix) {
  const double *values = dnmf_matrix_values(matrix);
  if (dnmf_matrix_number(matrix) != DNMF_NUMBER_DOUBLE)
    return true;
  for (int64_t i = 0; i < local_count(matrix); i++)
    if ((double)(float)values[i] != values[i])
      return false;
  return true;
}

static dnmf_status plan_matrix(dnmf_context *context, matrix_plan *plan) {
  int64_t wide = !fits_single(plan->matrix);
  DNMF_TRY(dnmf_max_int64(context, context->comm, &wide, 1));
  plan->type = wide ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;
  DNMF_TRY(dnmf_exscan_int64(context, local_count(plan->matrix), &plan->before, &plan->stored));
  return dnmf_matrix_frame_measure(context, &plan->frame);
}

static dnmf_status create_values(dnmf_error *error, hid_t file, const matrix_plan *plan) {
  const dnmf_matrix *matrix = plan->matrix;
  int64_t shape[2] = {matrix->rows, matrix->cols};
  int64_t starts = matrix->rows + 1;
  if (!matrix->sparse)
    return dnmf_hdf5_create_dataset(error, file, plan->names->matrix, plan->type, 2, shape);
  DNMF_TRY(dnmf_hdf5_create_dataset(error, file, plan->names->data, plan->type, 1, &plan->stored));
  DNMF_TRY(dnmf_hdf5_create_dataset(error, file, plan->names->indices, H5T_STD_I32LE, 1, &plan->stored));
  return dnmf_hdf5_create_dataset(error, file, plan->names->indptr, H5T_STD_I64LE, 1, &starts);
}

static int64_t bytes_needed(const matrix_plan *plan) {
  int64_t entry = (int64_t)H5Tget_size(plan->type) + (plan->matrix->sparse ? (int64_t)sizeof(int32_t) : 0);
  int64_t starts = plan->matrix->sparse ? (plan->matrix->rows + 1) * (int64_t)sizeof(int64_t) : 0;
  return plan->stored * entry + starts + dnmf_matrix_frame_bytes(&plan->frame);
}

static dnmf_status matrix_create_datasets(dnmf_error *error, const matrix_plan *plan) {
  hid_t file = -1;
  DNMF_TRY(dnmf_hdf5_create_alone(error, plan->path, bytes_needed(plan), &file));
  dnmf_status status = create_values(error, file, plan);
  if (status == DNMF_OK)
    status = dnmf_matrix_frame_create(error, file, &plan->frame);
  return dnmf_hdf5_close_layout(error, plan->path, file, status);
}

/* indptr of the own rows; the last process adds the end. */
static dnmf_status write_starts(dnmf_context *context, hid_t file, const matrix_plan *plan) {
  void *memory = NULL;
  dnmf_range range = plan->matrix->row_range;
  if (context->rank == context->size - 1)
    range.end++;
  int64_t count = dnmf_range_size(range);
  DNMF_TRY(dnmf_allocate(&context->error, "row starts", count, sizeof(int64_t), &memory));
  int64_t *starts = memory;
  for (int64_t i = 0; i < count; i++)
    starts[i] = plan->before + plan->matrix->by_rows.start[i];
  dnmf_slab slab = dnmf_slab_of(range);
  dnmf_status status = dnmf_hdf5_write(context, file, plan->names->indptr, H5T_NATIVE_INT64, &slab, starts);
  free(memory);
  return status;
}

static dnmf_status write_values(dnmf_context *context, hid_t file, const matrix_plan *plan) {
  const dnmf_matrix *matrix = plan->matrix;
  hid_t real = dnmf_hdf5_number(dnmf_matrix_number(matrix));
  dnmf_slab block = {{matrix->row_range.begin, 0}, {dnmf_range_size(matrix->row_range), matrix->cols}};
  if (!matrix->sparse)
    return dnmf_hdf5_write(context, file, plan->names->matrix, real, &block, matrix->dense);
  dnmf_range mine = {plan->before, plan->before + local_count(matrix)};
  dnmf_slab slab = dnmf_slab_of(mine);
  DNMF_TRY(dnmf_hdf5_write(context, file, plan->names->data, real, &slab, matrix->by_rows.value));
  DNMF_TRY(dnmf_hdf5_write(context, file, plan->names->indices, H5T_NATIVE_INT32, &slab, matrix->by_rows.index));
  return write_starts(context, file, plan);
}

static dnmf_status write_file(dnmf_context *context, matrix_plan *plan) {
  hid_t file = -1;
  plan->names = dnmf_matrix_names_of(plan->frame.anndata);
  plan->frame.rows = plan->matrix->rows;
  plan->frame.cols = plan->matrix->cols;
  plan->frame.sparse = plan->matrix->sparse;
  DNMF_TRY(plan_matrix(context, plan));
  DNMF_TRY(dnmf_agree(context, context->rank == 0 ? matrix_create_datasets(&context->error, plan) : DNMF_OK));
  DNMF_TRY(dnmf_hdf5_open(context, plan->path, true, &file));
  dnmf_status status = write_values(context, file, plan);
  if (status == DNMF_OK)
    status = dnmf_matrix_frame_write(context, file, &plan->frame);
  return dnmf_hdf5_close(context, plan->path, true, file, status);
}

dnmf_status dnmf_matrix_write(dnmf_context *context, const char *path, const dnmf_matrix *matrix, dnmf_missing missing,
                              const dnmf_ids *row_ids, const dnmf_ids *col_ids) {
  static const dnmf_ids none = {.kind = DNMF_IDS_NONE};
  matrix_plan plan = {.path = path, .matrix = matrix};
  plan.frame = (dnmf_matrix_frame){
      .missing = missing, .row_ids = row_ids ? row_ids : &none, .col_ids = col_ids ? col_ids : &none};
  return write_file(context, &plan);
}

static dnmf_status set_root_integer(dnmf_error *error, const char *path, const char *name, int64_t value) {
  enum { ATTRIBUTE_BYTES = 1024 };
  hid_t file = -1;
  DNMF_TRY(dnmf_hdf5_extend_alone(error, path, ATTRIBUTE_BYTES, &file));
  hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  dnmf_status status = dnmf_hdf5_set_integers(error, root, name, 1, &value);
  dnmf_hdf5_release(root);
  return dnmf_hdf5_close_layout(error, path, file, status);
}

dnmf_status dnmf_matrix_set_base(dnmf_context *context, const char *path, int64_t base) {
  return dnmf_agree(context,
                    context->rank == 0 ? set_root_integer(&context->error, path, "index_base", base) : DNMF_OK);
}

dnmf_status dnmf_matrix_set_missing_cells(dnmf_context *context, const char *path, const dnmf_matrix *matrix) {
  int64_t stored = local_count(matrix);
  dnmf_status status = DNMF_OK;
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &stored, 1));
  if (context->rank == 0)
    status = set_root_integer(&context->error, path, "missing_cells", matrix->rows * matrix->cols - stored);
  return dnmf_agree(context, status);
}

/* Ids as texts; numbers from 0, each process its share, where there are none. */
static dnmf_status name_all(dnmf_context *context, const dnmf_ids *ids, int64_t count, dnmf_ids *names) {
  dnmf_ids numbered = {.kind = DNMF_IDS_NONE,
                       .count = count,
                       .range = dnmf_range_split((dnmf_range){0, count}, context->size, context->rank)};
  dnmf_status status = dnmf_ids_to_text(&context->error, !ids || ids->kind == DNMF_IDS_NONE ? &numbered : ids, names);
  names->count = count;
  return dnmf_agree(context, status);
}

dnmf_status dnmf_matrix_write_anndata(dnmf_context *context, const char *path, const dnmf_matrix *matrix,
                                      dnmf_missing missing, const dnmf_ids *row_ids, const dnmf_ids *col_ids) {
  dnmf_ids rows = {0};
  dnmf_ids cols = {0};
  matrix_plan plan = {.path = path, .matrix = matrix};
  plan.frame = (dnmf_matrix_frame){.anndata = true, .missing = missing, .row_ids = &rows, .col_ids = &cols};
  dnmf_status status = name_all(context, row_ids, matrix->rows, &rows);
  if (status == DNMF_OK)
    status = name_all(context, col_ids, matrix->cols, &cols);
  if (status == DNMF_OK)
    status = write_file(context, &plan);
  dnmf_ids_free(&rows);
  dnmf_ids_free(&cols);
  return status;
}
