#include "api/data.h"

#include "api/data_source.h"
#include "api/library.h"
#include "base/memory.h"
#include "comm/collective.h"
#include "store/cells.h"
#include "store/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void dnmf_dense_init(dnmf_dense *dense) {
  memset(dense, 0, sizeof *dense);
}

void dnmf_sparse_init(dnmf_sparse *sparse) {
  memset(sparse, 0, sizeof *sparse);
  sparse->duplicates = "sum";
}

void dnmf_triples_init(dnmf_triples *triples) {
  memset(triples, 0, sizeof *triples);
  triples->duplicates = "last";
}

void dnmf_read_settings_init(dnmf_read_settings *reading) {
  memset(reading, 0, sizeof *reading);
  reading->format = reading->header = reading->duplicates = reading->index_base = "auto";
}

void dnmf_data_destroy(dnmf_data **data) {
  if (!data || !*data)
    return;
  dnmf_data *d = *data;
  for (size_t i = 0; i < sizeof d->texts / sizeof *d->texts; i++)
    free(d->texts[i]);
  free(d->name);
  dnmf_ids_free(&d->row_ids);
  dnmf_ids_free(&d->col_ids);
  free(d->row_index);
  free(d->col_index);
  free(d);
  *data = NULL;
}

static char *copy_text(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = malloc(size);
  return copy ? memcpy(copy, text, size) : NULL;
}

/* New data of a kind; `name` is for messages. local */
static dnmf_status data_create(dnmf_error *error, dnmf_data_kind kind, const char *name, dnmf_data **data) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "data", 1, sizeof **data, &memory));
  *data = memory;
  (*data)->kind = kind;
  (*data)->name = copy_text(name);
  return (*data)->name ? DNMF_OK : dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for data");
}

/* The end of every function that makes data. */
static int data_hand_over(dnmf_library *library, dnmf_status status, dnmf_data *made, dnmf_data **data) {
  if (status == DNMF_OK)
    *data = made;
  else
    dnmf_data_destroy(&made);
  return dnmf_library_leave(library, status);
}

/* In place of a number of rows: those that the processes have, one below the other. */
enum { STACKED = -1 };

static dnmf_status check_data_shape(dnmf_error *error, const char *function, int64_t rows, int64_t cols) {
  if (rows > 0 && cols > 0)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE, "%s: a matrix of %" PRId64 " x %" PRId64 " has nothing to factorize",
                   function, rows, cols);
}

static dnmf_status choose_duplicates(dnmf_error *error, const char *word, bool last_by_default,
                                     dnmf_duplicates *duplicates) {
  static const char *const choices[] = {"last", "sum", "mean", "error", NULL};
  int choice = 0;
  DNMF_TRY(dnmf_choose(error, "duplicates", word ? word : last_by_default ? "last" : "sum", choices, &choice));
  *duplicates = (dnmf_duplicates)choice;
  return DNMF_OK;
}

/* --- Arrays ------------------------------------------------------------------------------------------------ */

int dnmf_data_from_dense(dnmf_library *library, int64_t rows, int64_t cols, const dnmf_dense *dense, dnmf_data **data) {
  static const char function[] = "dnmf_data_from_dense";
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_data *made = NULL;
  if (data)
    *data = NULL;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_require(context, function, "place for the data", data);
  if (status == DNMF_OK)
    status = dnmf_require(context, function, "dense block", dense);
  if (status == DNMF_OK)
    status = data_create(&context->error, DNMF_DATA_DENSE, "the dense matrix in memory", &made);
  if (status == DNMF_OK) {
    made->rows = rows;
    made->cols = cols;
    made->dense = *dense;
  }
  status = dnmf_agree(context, status);
  if (status == DNMF_OK && rows == STACKED)
    status = dnmf_rows_stack(context, dense->rows, &made->dense.first_row, &made->rows);
  if (status == DNMF_OK)
    status = dnmf_agree(context, check_data_shape(&context->error, function, made->rows, cols));
  if (status == DNMF_OK)
    status = dnmf_dense_check(context, made);
  return data_hand_over(library, status, made, data);
}

int dnmf_data_from_sparse(dnmf_library *library, int64_t rows, int64_t cols, const dnmf_sparse *sparse,
                          dnmf_data **data) {
  static const char function[] = "dnmf_data_from_sparse";
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_data *made = NULL;
  if (data)
    *data = NULL;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_require(context, function, "place for the data", data);
  if (status == DNMF_OK)
    status = dnmf_require(context, function, "rows", sparse);
  if (status == DNMF_OK)
    status = data_create(&context->error, DNMF_DATA_SPARSE, "the sparse matrix in memory", &made);
  if (status == DNMF_OK) {
    made->rows = rows;
    made->cols = cols;
    made->sparse = *sparse;
    status = choose_duplicates(&context->error, sparse->duplicates, false, &made->duplicates);
  }
  status = dnmf_agree(context, status);
  if (status == DNMF_OK && rows == STACKED)
    status = dnmf_rows_stack(context, sparse->rows, &made->sparse.first_row, &made->rows);
  if (status == DNMF_OK)
    status = dnmf_agree(context, check_data_shape(&context->error, function, made->rows, cols));
  if (status == DNMF_OK)
    status = dnmf_sparse_check(context, made);
  return data_hand_over(library, status, made, data);
}

int dnmf_data_from_triples(dnmf_library *library, const dnmf_triples *triples, dnmf_data **data) {
  static const char function[] = "dnmf_data_from_triples";
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_data *made = NULL;
  if (data)
    *data = NULL;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_require(context, function, "place for the data", data);
  if (status == DNMF_OK)
    status = dnmf_require(context, function, "triples", triples);
  if (status == DNMF_OK)
    status = data_create(&context->error, DNMF_DATA_TRIPLES, "the triples in memory", &made);
  if (status == DNMF_OK) {
    made->triples = *triples;
    status = choose_duplicates(&context->error, triples->duplicates, true, &made->duplicates);
  }
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_triples_check(context, made);
  return data_hand_over(library, status, made, data);
}

/* --- Files ------------------------------------------------------------------------------------------------- */

/* A copy of a text that the options then point to; NULL stays NULL. */
static dnmf_status keep_text(dnmf_error *error, dnmf_data *data, const char *text, const char **kept) {
  size_t free_place = 0;
  *kept = NULL;
  if (!text)
    return DNMF_OK;
  while (data->texts[free_place])
    free_place++;
  data->texts[free_place] = copy_text(text);
  *kept = data->texts[free_place];
  return *kept ? DNMF_OK : dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for data");
}

static dnmf_status keep_reading(dnmf_error *error, const dnmf_read_settings *reading, dnmf_data *data) {
  static const char *const formats[] = {"auto",     "hdf5", "triples", "table",   "mm",
                                        "svmlight", "npy",  "npz",     "docword", NULL};
  static const char *const headers[] = {"auto", "yes", "no", NULL};
  static const char *const bases[] = {"auto", "0", "1", NULL};
  dnmf_source_options *options = &data->options;
  dnmf_select_options *select = &options->select;
  int format = 0;
  int header = 0;
  int base = 0;
  DNMF_TRY(dnmf_choose(error, "format", reading->format, formats, &format));
  DNMF_TRY(dnmf_choose(error, "header", reading->header, headers, &header));
  DNMF_TRY(dnmf_choose(error, "index_base", reading->index_base, bases, &base));
  options->format = (dnmf_format)format;
  options->header = (dnmf_header)header;
  options->index_base = (dnmf_index_base)base;
  options->transpose = reading->transpose;
  options->skip_lines = reading->skip_lines;
  options->add = reading->add;
  options->duplicates_given = reading->duplicates && strcmp(reading->duplicates, "auto") != 0;
  if (options->duplicates_given)
    DNMF_TRY(choose_duplicates(error, reading->duplicates, true, &options->duplicates));
  select->min_row_count = reading->min_row_count;
  select->min_col_count = reading->min_col_count;
  DNMF_TRY(keep_text(error, data, reading->delimiter, &options->delimiter));
  DNMF_TRY(keep_text(error, data, reading->quote, &options->quote));
  DNMF_TRY(keep_text(error, data, reading->escape, &options->escape));
  DNMF_TRY(keep_text(error, data, reading->decimal, &options->decimal));
  DNMF_TRY(keep_text(error, data, reading->time_column, &options->time_column));
  DNMF_TRY(keep_text(error, data, reading->missing_value, &options->missing_value));
  DNMF_TRY(keep_text(error, data, reading->row_column, &options->row_column));
  DNMF_TRY(keep_text(error, data, reading->col_column, &options->col_column));
  DNMF_TRY(keep_text(error, data, reading->value_column, &options->value_column));
  DNMF_TRY(keep_text(error, data, reading->rows, &select->rows));
  DNMF_TRY(keep_text(error, data, reading->cols, &select->cols));
  DNMF_TRY(keep_text(error, data, reading->row_ids, &select->row_ids));
  return keep_text(error, data, reading->col_ids, &select->col_ids);
}

dnmf_status dnmf_data_of_file(dnmf_error *error, const char *name, const dnmf_source_options *options,
                              dnmf_data **data) {
  DNMF_TRY(data_create(error, DNMF_DATA_FILE, name, data));
  (*data)->options = *options;
  return DNMF_OK;
}

int dnmf_data_from_file(dnmf_library *library, const char *name, const dnmf_read_settings *reading, dnmf_data **data) {
  static const char function[] = "dnmf_data_from_file";
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_data *made = NULL;
  if (data)
    *data = NULL;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_require(context, function, "place for the data", data);
  if (status == DNMF_OK)
    status = dnmf_require(context, function, "name of a file", name);
  if (status == DNMF_OK)
    status = data_create(&context->error, DNMF_DATA_FILE, name, &made);
  if (status == DNMF_OK && reading)
    status = keep_reading(&context->error, reading, made);
  return data_hand_over(library, dnmf_agree(context, status), made, data);
}

/* --- Data as a source -------------------------------------------------------------------------------------- */

static dnmf_status copy_array(dnmf_error *error, int64_t count, size_t size, const void *from, void **to) {
  DNMF_TRY(dnmf_allocate(error, "ids", count, size, to));
  if (count > 0)
    memcpy(*to, from, (size_t)count * size);
  return DNMF_OK;
}

dnmf_status dnmf_ids_copy(dnmf_error *error, const dnmf_ids *from, dnmf_ids *to) {
  void *memory = NULL;
  int64_t count = dnmf_range_size(from->range);
  *to = (dnmf_ids){.kind = from->kind, .count = from->count, .range = from->range};
  if (from->kind == DNMF_IDS_INTEGER) {
    dnmf_status status = copy_array(error, count, sizeof(int64_t), from->numbers, &memory);
    to->numbers = memory;
    return status;
  }
  if (from->kind == DNMF_IDS_NONE)
    return DNMF_OK;
  DNMF_TRY(copy_array(error, count + 1, sizeof(int64_t), from->starts, &memory));
  to->starts = memory;
  dnmf_status status = copy_array(error, from->starts[count], 1, from->text, &memory);
  to->text = status == DNMF_OK ? memory : NULL;
  return status;
}

static dnmf_status open_arrays(dnmf_error *error, const dnmf_data *data, dnmf_source *source) {
  source->name = copy_text(data->name);
  if (!source->name)
    return dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for a name");
  strcpy(source->type, "float64");
  source->rows = data->rows;
  source->cols = data->cols;
  source->stored = data->stored;
  source->duplicates = data->duplicates;
  if (data->kind == DNMF_DATA_DENSE)
    dnmf_dense_source(data, source);
  else
    dnmf_entries_source(data, source);
  DNMF_TRY(dnmf_ids_copy(error, &data->row_ids, &source->row_ids));
  return dnmf_ids_copy(error, &data->col_ids, &source->col_ids);
}

dnmf_status dnmf_data_open(dnmf_context *context, const dnmf_data *data, dnmf_data_missing missing,
                           dnmf_source *source) {
  dnmf_source_options options = data->options;
  options.missing_given = missing != DNMF_AS_DATA_HAVE_IT;
  options.missing = missing == DNMF_AS_UNOBSERVED ? DNMF_MISSING_UNOBSERVED : DNMF_MISSING_ZERO;
  if (data->kind == DNMF_DATA_FILE) {
    DNMF_TRY(dnmf_source_open(context, data->name, &options, source));
  } else {
    memset(source, 0, sizeof *source);
    DNMF_TRY(dnmf_agree(context, open_arrays(&context->error, data, source)));
    DNMF_TRY(dnmf_cells_apply(context, &options, source));
  }
  if (data->opened)
    data->opened(data->state, source);
  return DNMF_OK;
}

dnmf_status dnmf_place(dnmf_context *context, int grid_rows, int grid_cols, int64_t rows, int64_t cols,
                       dnmf_placed *placed) {
  memset(placed, 0, sizeof *placed);
  DNMF_TRY(dnmf_grid_create(context, grid_rows, grid_cols, &placed->grid));
  return dnmf_agree(context, dnmf_layout_even(&context->error, &placed->grid, rows, cols, &placed->layout));
}

void dnmf_placed_free(dnmf_placed *placed) {
  dnmf_matrix_free(&placed->matrix);
  dnmf_layout_free(&placed->layout);
  dnmf_grid_free(&placed->grid);
}

void dnmf_warn_about_matrix(dnmf_context *context, const dnmf_source *source, dnmf_missing missing,
                            const dnmf_matrix *matrix) {
  static const char *const policies[] = {"the last of each was kept", "they were added up", "their mean was taken", ""};
  if (matrix->duplicates > 0)
    dnmf_warn(context, "%s: %" PRId64 " entries share a place with another; %s (--duplicates)", source->name,
              matrix->duplicates, policies[source->duplicates]);
  if (missing == DNMF_MISSING_ZERO && matrix->empty_rows > 0)
    dnmf_warn(context, "%" PRId64 " of %" PRId64 " rows have no nonzero entry; their factors are zero",
              matrix->empty_rows, matrix->rows);
  if (missing == DNMF_MISSING_ZERO && matrix->empty_cols > 0)
    dnmf_warn(context, "%" PRId64 " of %" PRId64 " columns have no nonzero entry; their factors are zero",
              matrix->empty_cols, matrix->cols);
  if (matrix->sum == 0 && matrix->precision == DNMF_SINGLE)
    dnmf_warn(context, "every value is zero in single precision, in which those below 1e-45 are");
}

dnmf_status dnmf_data_load_rows(dnmf_context *context, const dnmf_data *data, dnmf_data_missing missing,
                                dnmf_source *source, dnmf_placed *placed) {
  memset(placed, 0, sizeof *placed);
  DNMF_TRY(dnmf_data_open(context, data, missing, source));
  DNMF_TRY(dnmf_place(context, context->size, 1, source->rows, source->cols, placed));
  source->rows_alone = true;
  DNMF_TRY(dnmf_source_load(context, source, &placed->layout, DNMF_DOUBLE, &placed->matrix));
  dnmf_warn_about_matrix(context, source, source->missing, &placed->matrix);
  return DNMF_OK;
}

dnmf_status dnmf_data_load_for_model(dnmf_context *context, const dnmf_data *data, const dnmf_model *model,
                                     dnmf_data_missing missing, dnmf_source *source, dnmf_placed *placed) {
  dnmf_data as_fitted = *data; /* borrowed */
  dnmf_source_options *options = &as_fitted.options;
  double base = 0;
  if (options->index_base == DNMF_INDEX_AUTO && dnmf_model_number(model, "index_base", &base))
    options->index_base = base == 0 ? DNMF_INDEX_FROM_0 : DNMF_INDEX_FROM_1;
  options->for_model = true;
  if (model->col_ids.kind == DNMF_IDS_NONE)
    options->svmlight_cols = options->transpose ? model->rows : model->cols;
  /* The source of arrays keeps the data; the options are for files. */
  if (dnmf_model_is_implicit(model))
    dnmf_source_add_repeats(options);
  return dnmf_data_load_rows(context, data->kind == DNMF_DATA_FILE ? &as_fitted : data, missing, source, placed);
}

int dnmf_data_size(dnmf_library *library, const dnmf_data *data, int64_t *rows, int64_t *cols) {
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_source source = {0};
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_agree(context, dnmf_require(context, "dnmf_data_size", "data", data));
  if (status == DNMF_OK)
    status = dnmf_data_open(context, data, DNMF_AS_DATA_HAVE_IT, &source);
  if (rows)
    *rows = source.rows;
  if (cols)
    *cols = source.cols;
  dnmf_source_close(&source);
  return dnmf_library_leave(library, status);
}

int dnmf_data_share(dnmf_library *library, const dnmf_data *data, int64_t *first_row, int64_t *row_count) {
  static const char function[] = "dnmf_data_share";
  dnmf_context *context = dnmf_library_enter(library);
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_require(context, function, "data", data);
  const bool sparse = status == DNMF_OK && data->kind == DNMF_DATA_SPARSE;
  if (status == DNMF_OK && !sparse && data->kind != DNMF_DATA_DENSE)
    status = dnmf_fail(&context->error, DNMF_ERROR_USAGE, "%s: only dense blocks and sparse rows have a process's rows",
                       function);
  if (first_row)
    *first_row = status != DNMF_OK ? 0 : sparse ? data->sparse.first_row : data->dense.first_row;
  if (row_count)
    *row_count = status != DNMF_OK ? 0 : sparse ? data->sparse.rows : data->dense.rows;
  return dnmf_library_leave(library, status);
}
