/* Sparse rows and triples of the calling program: entries in an order that the caller chose. */
#include "api/data_source.h"

#include "api/data.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/ids/dictionary.h"
#include "store/source_load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Sparse rows ------------------------------------------------------------------------------------------- */

static dnmf_status check_sparse_arrays(dnmf_error *error, const dnmf_data *data) {
  const dnmf_sparse *s = &data->sparse;
  if (s->rows <= 0)
    return DNMF_OK; /* a negative number is refused with the places */
  if (!s->starts)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "%" PRId64 " sparse rows need starts", s->rows);
  for (int64_t row = 0; row < s->rows; row++)
    if (s->starts[row + 1] < s->starts[row])
      return dnmf_fail(error, DNMF_ERROR_USAGE, "starts[%" PRId64 "] is %" PRId64 ", less than the one before", row + 1,
                       s->starts[row + 1]);
  if (s->starts[s->rows] > s->starts[0] && (!s->cols || !s->values))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "sparse rows with entries need cols and values");
  for (int64_t e = s->starts[0]; e < s->starts[s->rows]; e++)
    if (s->cols[e] < 0 || s->cols[e] >= data->cols)
      return dnmf_fail(error, DNMF_ERROR_INPUT,
                       "cols[%" PRId64 "] is %" PRId64 ", and the matrix has columns 0 to %" PRId64, e, s->cols[e],
                       data->cols - 1);
  return DNMF_OK;
}

dnmf_status dnmf_sparse_check(dnmf_context *context, dnmf_data *data) {
  const dnmf_sparse *s = &data->sparse;
  dnmf_rectangle *all = NULL;
  dnmf_rectangle mine = {s->first_row, 0, s->rows, data->cols};
  if (s->rows == 0)
    mine = (dnmf_rectangle){0, 0, 0, 0};
  DNMF_TRY(dnmf_agree(context, check_sparse_arrays(&context->error, data)));
  dnmf_status status = dnmf_rectangles_share(context, "row range", &mine, data->rows, data->cols, &all);
  free(all);
  DNMF_TRY(status);
  data->stored = s->rows > 0 ? s->starts[s->rows] - s->starts[0] : 0;
  return dnmf_sum_int64(context, context->comm, &data->stored, 1);
}

/* --- Triples ----------------------------------------------------------------------------------------------- */

/* One side of triples. */
typedef struct triples_side {
  const char *what; /* "rows" */
  const char *all;  /* "all_rows" */
  const int64_t *numbers;
  const char *const *texts;
  bool ids;
  int64_t count;
  int64_t all_count;
} triples_side;

static dnmf_status check_side(dnmf_error *error, const triples_side *side) {
  if (side->count > 0 && !side->numbers == !side->texts)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "triples name their %s by numbers or by texts: give one of both",
                     side->what);
  if (!side->ids && side->all_count <= 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "triples name their %s by position: give %s, or say numbers_are_ids",
                     side->what, side->all);
  for (int64_t i = 0; i < side->count && side->texts; i++)
    if (!side->texts[i])
      return dnmf_fail(error, DNMF_ERROR_USAGE, "triple %" PRId64 " has no id of its %s", i, side->what);
  for (int64_t i = 0; i < side->count && !side->ids; i++)
    if (side->numbers[i] < 0 || side->numbers[i] >= side->all_count)
      return dnmf_fail(error, DNMF_ERROR_INPUT, "%s[%" PRId64 "] is %" PRId64 ", and the matrix has %s 0 to %" PRId64,
                       side->what, i, side->numbers[i], side->what, side->all_count - 1);
  return DNMF_OK;
}

static dnmf_status intern_number(dnmf_error *error, dnmf_interner *interner, int64_t value, int64_t *number) {
  char digits[32];
  if (value >= 0)
    return dnmf_intern_integer(error, interner, value, number);
  int length = snprintf(digits, sizeof digits, "%" PRId64, value);
  return dnmf_intern(error, interner, digits, length, number);
}

/* index[i] = the number of triple i's id among the distinct ones of this process. */
static dnmf_status intern_side(dnmf_error *error, const triples_side *side, dnmf_interner *interner, int64_t **index) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "indices of ids", side->count, sizeof(int64_t), &memory));
  *index = memory;
  for (int64_t i = 0; i < side->count; i++)
    DNMF_TRY(side->texts ? dnmf_intern(error, interner, side->texts[i], (int64_t)strlen(side->texts[i]), &(*index)[i])
                         : intern_number(error, interner, side->numbers[i], &(*index)[i]));
  return DNMF_OK;
}

/* Ids over all processes, sorted, and the index of each triple's. collective */
static dnmf_status number_side(dnmf_context *context, const triples_side *side, dnmf_ids *ids, int64_t **index,
                               int64_t *all_count) {
  dnmf_interner interner = {0};
  int64_t *numbers = NULL;
  if (!side->ids) {
    *all_count = side->all_count;
    return DNMF_OK;
  }
  dnmf_status status = dnmf_agree(context, intern_side(&context->error, side, &interner, index));
  if (status == DNMF_OK)
    status = dnmf_dictionary_build(context, &interner, ids, &numbers);
  for (int64_t i = 0; i < side->count && status == DNMF_OK; i++)
    (*index)[i] = numbers[(*index)[i]];
  *all_count = ids->count;
  free(numbers);
  dnmf_interner_free(&interner);
  return status;
}

/* Processes without triples need not know how the others name theirs. */
static dnmf_status agree_on_naming(dnmf_context *context, triples_side *side) {
  int64_t answers[3] = {side->count > 0 && side->ids, side->count > 0 && !side->ids, side->all_count};
  DNMF_TRY(dnmf_max_int64(context, context->comm, answers, 3));
  if (answers[0] && answers[1])
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "some processes name %s by ids, others by positions",
                     side->what);
  side->ids = answers[0] || (side->ids && !answers[1]);
  dnmf_status status = DNMF_OK;
  if (side->count > 0 && !side->ids && side->all_count != answers[2])
    status = dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                       "%s is %" PRId64 " on process %d and %" PRId64 " on another; give the same everywhere",
                       side->all, side->all_count, context->rank, answers[2]);
  side->all_count = answers[2];
  return dnmf_agree(context, status);
}

dnmf_status dnmf_triples_check(dnmf_context *context, dnmf_data *data) {
  const dnmf_triples *t = &data->triples;
  dnmf_error *error = &context->error;
  triples_side rows = {"rows",   "all_rows", t->rows, t->row_ids, t->row_ids || t->numbers_are_ids,
                       t->count, t->all_rows};
  triples_side cols = {"cols",   "all_cols", t->cols, t->col_ids, t->col_ids || t->numbers_are_ids,
                       t->count, t->all_cols};
  dnmf_status status = DNMF_OK;
  if (t->count < 0 || (t->count > 0 && !t->values))
    status = dnmf_fail(error, DNMF_ERROR_USAGE, "%" PRId64 " triples%s", t->count,
                       t->count < 0 ? ": give 0 or more" : " need values");
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(agree_on_naming(context, &rows));
  DNMF_TRY(agree_on_naming(context, &cols));
  status = check_side(error, &rows);
  if (status == DNMF_OK)
    status = check_side(error, &cols);
  DNMF_TRY(dnmf_agree(context, status));
  data->stored = t->count;
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &data->stored, 1));
  if (data->stored == 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "no process has any triples");
  DNMF_TRY(number_side(context, &rows, &data->row_ids, &data->row_index, &data->rows));
  return number_side(context, &cols, &data->col_ids, &data->col_index, &data->cols);
}

/* --- Loading ----------------------------------------------------------------------------------------------- */

/* A walk over this process's entries. */
typedef struct entries_walk {
  const dnmf_data *data;
  int64_t row; /* of sparse rows: local */
  int64_t at;
} entries_walk;

static dnmf_status next_of_sparse(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  (void)error; /* nothing here fails */
  entries_walk *walk = state;
  const dnmf_sparse *s = &walk->data->sparse;
  for (*count = 0; walk->row < s->rows && *count < limit;) {
    if (walk->at < s->starts[walk->row + 1]) {
      batch[(*count)++] = (dnmf_entry){s->first_row + walk->row, s->cols[walk->at], s->values[walk->at]};
      walk->at++;
    } else {
      walk->row++;
    }
  }
  return DNMF_OK;
}

static dnmf_status next_of_triples(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  (void)error; /* nothing here fails */
  entries_walk *walk = state;
  const dnmf_data *data = walk->data;
  const dnmf_triples *t = &data->triples;
  const int64_t *rows = data->row_index ? data->row_index : t->rows;
  const int64_t *cols = data->col_index ? data->col_index : t->cols;
  for (*count = 0; walk->at < t->count && *count < limit; walk->at++)
    batch[(*count)++] = (dnmf_entry){rows[walk->at], cols[walk->at], t->values[walk->at]};
  return DNMF_OK;
}

static dnmf_status load_given_entries(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout,
                                      dnmf_precision precision, dnmf_matrix *matrix) {
  const dnmf_data *data = source->state;
  const bool sparse = data->kind == DNMF_DATA_SPARSE;
  entries_walk walk = {data, 0, sparse && data->sparse.rows > 0 ? data->sparse.starts[0] : 0};
  return dnmf_load_entries(context, source, layout, precision, sparse ? next_of_sparse : next_of_triples, &walk,
                           matrix);
}

/* The data stay. */
static void close_data(dnmf_source *source) {
  source->state = NULL;
}

void dnmf_entries_source(const dnmf_data *data, dnmf_source *source) {
  const bool sparse = data->kind == DNMF_DATA_SPARSE;
  source->format = sparse ? "sparse rows" : "triples";
  source->sparse = true;
  source->missing = sparse ? DNMF_MISSING_ZERO : DNMF_MISSING_UNOBSERVED;
  source->load = load_given_entries;
  source->state = (void *)(uintptr_t)data; /* read only; it outlives the source */
  source->close = close_data;
}
