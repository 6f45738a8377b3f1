/*
 * A dense table: a row of the matrix a line, perhaps with column ids in the first line and row ids in the first
 * column. Ids stay in file order.
 */
#include "base/memory.h"
#include "comm/collective.h"
#include "store/ids/dictionary.h"
#include "store/readers.h"
#include "store/text/text_columns.h"
#include "store/text/text_entries.h"
#include "store/text/text_number.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct table {
  dnmf_delimiter delimiter;
  bool header;
  bool row_ids;         /* in the first column */
  int64_t fields;       /* on every line of data */
  dnmf_text_place data; /* where it begins */
  dnmf_interner row_names;
  dnmf_interner col_names;
  int64_t lines; /* of data read here */
  dnmf_field *cells;
  dnmf_text_reader reader;
  dnmf_text_state *state;
} table;

/* The first lines of the file, split: perhaps a header, and data. */
typedef struct opening {
  dnmf_field *fields[3];
  int64_t count[3]; /* 0: no such line */
  dnmf_text_place after[3];
} opening;

static bool is_number(const dnmf_field *field) {
  double value = 0;
  return dnmf_parse_real(field->begin, field->end, &value);
}

static bool is_empty(const dnmf_field *field) {
  return field->begin == field->end;
}

/* True when the line has a first cell that can only be a name. */
static bool begins_with_name(const opening *head, int line) {
  return head->count[line] > 1 && !is_empty(&head->fields[line][0]) && !is_number(&head->fields[line][0]);
}

/* What people write above a column of row ids. */
static bool is_corner(const dnmf_field *field) {
  static const char *const names[] = {"id",    "row",  "rows",   "row_id",  "name",
                                      "index", "user", "userid", "user_id", NULL};
  for (const char *const *name = names; *name; name++)
    if (dnmf_field_is(field, *name))
      return true;
  return is_empty(field);
}

/* A header has an empty or well-known corner, is one field shorter than the data (as R writes it), or is mostly
 * names. A lone word among numbers is rather a wrong value, and reported as one. */
static bool detect_header(const opening *head) {
  const dnmf_field *first = head->fields[0];
  int64_t count = head->count[0];
  int64_t names = 0;
  if (!first)
    return false;
  if (count == 1 || (count > 1 && head->count[1] == count + 1))
    return head->count[1] > count || (!is_empty(first) && !is_number(first));
  if (is_corner(first))
    return true;
  for (int64_t i = 1; i < count; i++)
    names += !is_empty(&first[i]) && !is_number(&first[i]);
  return is_number(first) ? names == count - 1 : 2 * names >= count - 1;
}

static bool detect_row_ids(const opening *head, bool header) {
  int line = header ? 1 : 0;
  if (header && (head->count[1] == head->count[0] + 1 || (head->count[0] > 1 && is_corner(&head->fields[0][0]))))
    return true;
  return begins_with_name(head, line) && (head->count[line + 1] == 0 || begins_with_name(head, line + 1));
}

static dnmf_status read_opening(dnmf_error *error, const dnmf_text_file *file, const dnmf_delimiter *delimiter,
                                opening *head) {
  dnmf_text_place place = {file->start, 0};
  for (int i = 0; i < 3; i++) {
    dnmf_text_line line = dnmf_text_head_line(file, &place);
    if (!line.begin)
      break;
    dnmf_status status = dnmf_text_split_all(error, delimiter, line, &head->fields[i], &head->count[i]);
    DNMF_TRY(dnmf_text_locate(error, file->path, place.lines, status));
    head->after[i] = place;
  }
  if (head->count[0] > 0)
    return DNMF_OK;
  dnmf_fail(error, DNMF_ERROR_INPUT, "holds no data: only blank lines and comments");
  return dnmf_text_locate(error, file->path, 0, DNMF_ERROR_INPUT);
}

/* The column ids of the header, each of which must be there and be the only one of its name. */
static dnmf_status take_column_ids(dnmf_error *error, const opening *head, table *all) {
  int64_t skipped = all->row_ids && head->count[0] == all->fields ? 1 : 0;
  for (int64_t i = skipped; i < head->count[0]; i++) {
    const dnmf_field *field = &head->fields[0][i];
    int64_t number = 0;
    if (is_empty(field))
      return dnmf_fail(error, DNMF_ERROR_INPUT, "column %" PRId64 " has no name", i + 1);
    DNMF_TRY(dnmf_intern(error, &all->col_names, field->begin, field->end - field->begin, &number));
    if (number < i - skipped)
      return dnmf_fail(error, DNMF_ERROR_INPUT, "columns %" PRId64 " and %" PRId64 " have the same name, \"%.*s\"",
                       number + skipped + 1, i + 1, (int)(field->end - field->begin), field->begin);
  }
  return DNMF_OK;
}

static dnmf_status decide(dnmf_error *error, const dnmf_text_file *file, const dnmf_source_options *options,
                          opening *head, table *all) {
  bool found = false;
  if (options->row_column || options->col_column || options->value_column)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--row-column, --col-column and --value-column are for triples, and %s is read as a table",
                     file->path);
  DNMF_TRY(dnmf_text_delimiter(error, file, options, 2, &all->delimiter, &found));
  if (!found)
    dnmf_delimiter_guess(file, 1, &all->delimiter);
  DNMF_TRY(read_opening(error, file, &all->delimiter, head));
  all->header = options->header == DNMF_HEADER_AUTO ? detect_header(head) : options->header == DNMF_HEADER_YES;
  all->row_ids = detect_row_ids(head, all->header);
  bool shorter = all->header && all->row_ids && head->count[1] == head->count[0] + 1;
  all->fields = shorter ? head->count[1] : head->count[0];
  all->data = (dnmf_text_place){file->start, 0};
  if (all->header) {
    all->data = head->after[0];
    return dnmf_text_locate(error, file->path, head->after[0].lines, take_column_ids(error, head, all));
  }
  return DNMF_OK;
}

static dnmf_status name_column(dnmf_error *error, int64_t column, dnmf_status status) {
  if (status != DNMF_ERROR_INPUT)
    return status;
  dnmf_error bare = *error;
  memset(error, 0, sizeof *error);
  return dnmf_fail(error, status, "column %" PRId64 ": %s", column, bare.text);
}

static dnmf_status take_row_id(dnmf_error *error, table *all, dnmf_field *field) {
  int64_t number = 0;
  dnmf_field_undouble(field);
  if (is_empty(field))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the row id is empty");
  DNMF_TRY(dnmf_intern(error, &all->row_names, field->begin, field->end - field->begin, &number));
  if (number < all->lines)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the row id \"%.*s\" has been used before",
                     (int)(field->end - field->begin), field->begin);
  return DNMF_OK;
}

static dnmf_status take_line(dnmf_error *error, void *state, dnmf_text_line line) {
  table *all = state;
  int64_t count = dnmf_text_split(&all->delimiter, line, all->fields, all->cells);
  int64_t skipped = all->row_ids ? 1 : 0;
  DNMF_TRY(dnmf_text_check_fields(error, count, all->fields, ""));
  if (all->row_ids)
    DNMF_TRY(take_row_id(error, all, &all->cells[0]));
  for (int64_t i = skipped; i < count; i++) {
    double value = 0;
    DNMF_TRY(name_column(error, i + 1, dnmf_text_value(error, all->cells[i].begin, all->cells[i].end, &value)));
    DNMF_TRY(dnmf_text_append_cell(error, all->state, value));
  }
  all->lines++;
  return DNMF_OK;
}

/* Row ids used on two lines that different processes read. */
static dnmf_status check_row_ids(dnmf_context *context, const dnmf_text_file *file, const table *all, int64_t rows) {
  dnmf_ids distinct = {0};
  int64_t *numbers = NULL;
  dnmf_status status = dnmf_dictionary_build(context, &all->row_names, &distinct, &numbers);
  if (status == DNMF_OK && distinct.count < rows)
    status = dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                       "%s: the first column does not tell the rows apart: %" PRId64 " rows have %" PRId64 " ids",
                       file->path, rows, distinct.count);
  free(numbers);
  dnmf_ids_free(&distinct);
  return status;
}

/* The ids of `range`, which are `names` from `first` on. */
static dnmf_status set_ids(dnmf_context *context, const dnmf_interner *names, int64_t first, dnmf_range range,
                           int64_t count, dnmf_ids *ids) {
  dnmf_id_kind kind = DNMF_IDS_NONE;
  DNMF_TRY(dnmf_ids_agree_kind(context, names, &kind));
  ids->count = count;
  ids->range = range;
  return dnmf_agree(context, dnmf_ids_fill(&context->error, kind, names, first, dnmf_range_size(range), ids));
}

static dnmf_status read_table(dnmf_context *context, const dnmf_text_file *file, table *all, dnmf_source *source) {
  void *cells = NULL;
  dnmf_status status = dnmf_text_state_create(context, source, true, &all->state);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "the cells of a line", all->fields, sizeof(dnmf_field), &cells);
  all->cells = cells;
  DNMF_TRY(dnmf_text_lines(context, file, all->data, status, take_line, all, &all->reader));

  dnmf_range rows = {0, 0};
  DNMF_TRY(dnmf_exscan_int64(context, all->lines, &rows.begin, &source->rows));
  rows.end = rows.begin + all->lines;
  source->cols = all->fields - (all->row_ids ? 1 : 0);
  source->stored = source->rows * source->cols;
  all->state->cols = source->cols;
  all->state->row = rows.begin;
  if (source->rows == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "%s has a header and no rows below it", file->path);
  if (all->row_ids) {
    DNMF_TRY(check_row_ids(context, file, all, source->rows));
    DNMF_TRY(set_ids(context, &all->row_names, 0, rows, source->rows, &source->row_ids));
  }
  dnmf_range cols = dnmf_range_split((dnmf_range){0, source->cols}, context->size, context->rank);
  return all->header ? set_ids(context, &all->col_names, cols.begin, cols, source->cols, &source->col_ids) : DNMF_OK;
}

dnmf_status dnmf_open_table(dnmf_context *context, const dnmf_text_file *file, const dnmf_source_options *options,
                            dnmf_source *source) {
  table all = {0};
  opening head = {0};
  source->format = "table";
  source->sparse = false;
  source->missing = DNMF_MISSING_ZERO;
  dnmf_status status = dnmf_agree(context, decide(&context->error, file, options, &head, &all));
  for (int i = 0; i < 3; i++)
    free(head.fields[i]);
  if (status == DNMF_OK)
    status = read_table(context, file, &all, source);
  dnmf_interner_free(&all.row_names);
  dnmf_interner_free(&all.col_names);
  free(all.cells);
  return status;
}
