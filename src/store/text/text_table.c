/*
 * A dense table: a row of the matrix a line, perhaps with column ids in the first line and row ids in the first
 * column. Ids stay in file order.
 */
#include "base/memory.h"
#include "comm/collective.h"
#include "store/cells.h"
#include "store/ids/id_list.h"
#include "store/ids/ids_find.h"
#include "store/readers.h"
#include "store/text/text_columns.h"
#include "store/text/text_delimiter.h"
#include "store/text/text_entries.h"
#include "store/text/text_number.h"
#include "store/text/text_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct table {
  dnmf_dialect dialect;
  dnmf_value_rule values;
  bool header;
  int64_t id_column;    /* of row ids; -1: there is none */
  int64_t fields;       /* on every line of data */
  dnmf_text_place data; /* where it begins */
  dnmf_id_list row_names;
  dnmf_id_list col_names;
  int64_t lines; /* of data read here */
  dnmf_field *cells;
  dnmf_text_reader reader;
  dnmf_text_state *state;
  char taken[DNMF_TAKEN_TEXT];
} table;

/* The first lines of the file, split: perhaps a header, and data. */
enum { OPENING = 24 };
typedef struct opening {
  char decimal;
  dnmf_field *fields[OPENING];
  int64_t count[OPENING]; /* 0: no such line */
  dnmf_text_place after[OPENING];
} opening;

static bool is_table_number(const opening *head, const dnmf_field *field) {
  return dnmf_text_is_number(head->decimal, field->begin, field->end);
}

static bool is_empty(const dnmf_field *field) {
  return field->begin == field->end;
}

/* True when the line has a first cell that can only be a name. */
static bool begins_with_name(const opening *head, int line) {
  return head->count[line] > 1 && !is_empty(&head->fields[line][0]) && !is_table_number(head, &head->fields[line][0]) &&
         !dnmf_text_is_missing(head->fields[line][0].begin, head->fields[line][0].end);
}

/* A header has an empty or well-known corner, is one field shorter than the data (as R writes it), or is mostly
 * names. A lone word among numbers is rather a wrong value, and reported as one. */
static bool detect_header(const opening *head) {
  const dnmf_field *first = head->fields[0];
  int64_t count = head->count[0];
  int64_t names = 0;
  int64_t cells = 0;
  if (!first)
    return false;
  if (count == 1 || (count > 1 && head->count[1] == count + 1))
    return head->count[1] > count || (!is_empty(first) && !is_table_number(head, first));
  if (is_empty(first) || dnmf_text_names_ids(first))
    return true;
  for (int64_t i = 1; i < count; i++) {
    bool missing = dnmf_text_is_missing(first[i].begin, first[i].end);
    names += !missing && !is_table_number(head, &first[i]);
    cells += !missing;
  }
  return is_table_number(head, first) ? names == cells && cells > 0 : 2 * names >= cells && cells > 0;
}

/* Ids tell rows apart: the column's cells in the first lines are words, or whole numbers, and no two are the same. */
static bool tells_rows_apart(const opening *head, int64_t column) {
  int lines = 0;
  for (int line = 1; line < OPENING && column < head->count[line]; line++, lines++) {
    const dnmf_field *cell = &head->fields[line][column];
    int64_t whole = 0;
    if (is_table_number(head, cell) && !dnmf_parse_integer(cell->begin, cell->end, &whole))
      return false;
    for (int other = 1; other < line; other++) {
      const dnmf_field *before = &head->fields[other][column];
      if (before->end - before->begin == cell->end - cell->begin &&
          memcmp(before->begin, cell->begin, (size_t)(cell->end - cell->begin)) == 0)
        return false;
    }
  }
  return lines > 0;
}

/* The first column holds ids when the header is one field shorter, or leaves the corner above it empty, when it has a
 * name that ids have, and can hold them, or when its cells are names. */
static bool detect_row_ids(const opening *head, bool header) {
  int line = header ? 1 : 0;
  if (header && head->count[1] == head->count[0] + 1)
    return true;
  if (header && head->count[0] > 1 && is_empty(&head->fields[0][0]))
    return true;
  if (header && head->count[0] > 1 &&
      (dnmf_text_names_ids(&head->fields[0][0]) || dnmf_text_names_time(&head->fields[0][0])) &&
      (head->count[1] == 0 || tells_rows_apart(head, 0)))
    return true;
  return begins_with_name(head, line) && (head->count[line + 1] == 0 || begins_with_name(head, line + 1));
}

static dnmf_status read_opening(dnmf_error *error, const dnmf_text_file *file, const dnmf_dialect *dialect,
                                opening *head) {
  dnmf_text_place place = file->start;
  head->decimal = dialect->decimal;
  for (int i = 0; i < OPENING; i++) {
    dnmf_text_line line = dnmf_text_head_line(file, &place);
    if (!line.begin)
      break;
    if (i > 2 && dnmf_text_split(dialect, line, 0, NULL) < 0)
      break; /* it is refused when it is read */
    dnmf_status status = dnmf_text_split_all(error, dialect, line, &head->fields[i], &head->count[i]);
    DNMF_TRY(dnmf_text_locate(error, file->path, place.lines, status));
    head->after[i] = place;
  }
  if (head->count[0] > 0)
    return DNMF_OK;
  dnmf_fail(error, DNMF_ERROR_INPUT, "holds no data: only blank lines and comments");
  return dnmf_text_locate(error, file->path, 0, DNMF_ERROR_INPUT);
}

static void free_opening(opening *head) {
  for (int i = 0; i < OPENING; i++)
    free(head->fields[i]);
}

static bool has_fraction(const opening *head, const dnmf_field *field) {
  const size_t length = (size_t)(field->end - field->begin);
  return is_table_number(head, field) && memchr(field->begin, head->decimal ? head->decimal : '.', length) != NULL;
}

/* Rows of numbers, below a header or without: many in a line, or fractions in both columns where triples have ids. */
static bool are_rows_of_numbers(const opening *head) {
  enum { MANY = 9 };
  bool fractions[2] = {false, false};
  for (int line = 1; line < OPENING && head->count[line] > 0; line++)
    for (int64_t i = 0; i < head->count[line]; i++) {
      const dnmf_field *cell = &head->fields[line][i];
      if (!is_table_number(head, cell) && !dnmf_text_is_missing(cell->begin, cell->end))
        return false;
      if (i < 2 && has_fraction(head, cell))
        fractions[i] = true;
    }
  return head->count[1] > 2 && head->count[0] == head->count[1] &&
         (head->count[1] >= MANY || (fractions[0] && fractions[1]));
}

/* 1.5, but not 1.0, which some programs write for the id 1. */
static bool has_true_fraction(const opening *head, const dnmf_field *field) {
  const char *mark = has_fraction(head, field) ? memchr(field->begin, head->decimal ? head->decimal : '.',
                                                        (size_t)(field->end - field->begin))
                                               : NULL;
  while (mark && ++mark < field->end)
    if (*mark >= '1' && *mark <= '9')
      return true;
  return false;
}

/* Numbers behind names, on every line from this one on. *fraction becomes true when one stands where triples have an
 * id. */
static bool are_numbers_behind_names(const opening *head, int line, bool *fraction) {
  for (; line < OPENING && head->count[line] > 0; line++) {
    if (head->count[line] != head->count[1])
      return false;
    for (int64_t i = 1; i < head->count[1]; i++) {
      const dnmf_field *cell = &head->fields[line][i];
      if (!is_table_number(head, cell) && !dnmf_text_is_missing(cell->begin, cell->end))
        return false;
      *fraction = *fraction || (i == 1 && has_true_fraction(head, cell));
    }
  }
  return true;
}

/* Numbers behind names that tell rows apart, below a header or without. The header is one name shorter, as R writes it,
 * or its first name is what rows of tables are called; or a number is none that a column of triples is called by. */
static bool are_named_rows(const opening *head) {
  bool fraction = false;
  const int64_t count = head->count[1];
  const bool shorter = head->count[0] + 1 == count;
  if (count < 3 || (head->count[0] != count && !shorter) || !tells_rows_apart(head, 0) ||
      !are_numbers_behind_names(head, 1, &fraction))
    return false;
  for (int64_t i = 0; shorter && i < head->count[0]; i++)
    if (is_table_number(head, &head->fields[0][i]))
      return false; /* a line of data that lacks a field */
  if (shorter)
    return true;
  if (begins_with_name(head, 0) && begins_with_name(head, 1) && are_numbers_behind_names(head, 0, &fraction))
    return fraction;
  for (int64_t i = 1; i < count; i++)
    if (is_table_number(head, &head->fields[0][i]) || dnmf_text_names_ids(&head->fields[0][i]) ||
        dnmf_text_names_triple(&head->fields[0][i]))
      return false;
  return dnmf_text_names_table_ids(&head->fields[0][0]) || dnmf_text_names_time(&head->fields[0][0]) ||
         (fraction && begins_with_name(head, 1));
}

bool dnmf_text_is_table(const dnmf_text_file *file, const dnmf_dialect *dialect) {
  dnmf_error ignored = {0}; /* what is wrong in the file is told when it is read */
  opening head = {0};
  const bool found = read_opening(&ignored, file, dialect, &head) == DNMF_OK &&
                     (are_rows_of_numbers(&head) || are_named_rows(&head)) &&
                     !dnmf_text_names_triples(head.fields[0], head.count[0], DNMF_PAIR_ROLES);
  free_opening(&head);
  return found;
}

/* The column ids of the header, each of which must be there; they may repeat. */
static dnmf_status take_column_ids(dnmf_error *error, const opening *head, table *all) {
  int64_t shift = all->fields - head->count[0]; /* 1: the column of row ids has no name */
  for (int64_t i = 0; i < head->count[0]; i++) {
    const dnmf_field *field = &head->fields[0][i];
    if (i + shift == all->id_column)
      continue;
    if (is_empty(field) && !field->quoted)
      return dnmf_fail(error, DNMF_ERROR_INPUT, "column %" PRId64 " has no name", i + 1);
    DNMF_TRY(dnmf_id_list_append(error, &all->col_names, field->begin, field->end - field->begin));
  }
  return DNMF_OK;
}

/* The column of --row-column: "none", a name of the header, or a number from 1. */
static dnmf_status find_id_column(dnmf_error *error, const char *asked, const opening *head, table *all) {
  int64_t number = 0;
  int64_t shift = all->fields - head->count[0];
  all->id_column = -1;
  for (int64_t i = 0; i < head->count[0] && all->header; i++)
    if (dnmf_field_is(&head->fields[0][i], asked))
      all->id_column = i + shift;
  if (all->id_column >= 0)
    return DNMF_OK;
  if (strcasecmp(asked, "none") == 0)
    return shift == 0 ? DNMF_OK
                      : dnmf_fail(error, DNMF_ERROR_INPUT,
                                  "--row-column none, but the header has a name less than there are columns");
  if (!dnmf_parse_integer(asked, asked + strlen(asked), &number))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "there is no column \"%s\" (--row-column)", asked);
  if (number < 1 || number > all->fields)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "--row-column is %" PRId64 ", but there are %" PRId64 " columns", number,
                     all->fields);
  all->id_column = number - 1;
  return DNMF_OK;
}

static void tell_ids(const opening *head, const table *all, char taken[DNMF_TAKEN_TEXT]) {
  enum { SHOWN = 60 };
  int64_t values = all->fields - (all->id_column >= 0 ? 1 : 0);
  int64_t at = all->id_column - (all->fields - head->count[0]);
  const char *plural = values == 1 ? "" : "s";
  const dnmf_field *name = all->header && all->id_column >= 0 && at >= 0 ? &head->fields[0][at] : NULL;
  if (name && !is_empty(name))
    snprintf(taken, DNMF_TAKEN_TEXT, "row ids from column \"%.*s\", values from %" PRId64 " column%s",
             name->end - name->begin < SHOWN ? (int)(name->end - name->begin) : SHOWN, name->begin, values, plural);
  else if (all->id_column >= 0)
    snprintf(taken, DNMF_TAKEN_TEXT, "row ids from column %" PRId64 ", values from %" PRId64 " column%s",
             all->id_column + 1, values, plural);
  else
    snprintf(taken, DNMF_TAKEN_TEXT,
             "values from %s %" PRId64 " column%s, no row ids (--row-column names their column)",
             values == 1 ? "the" : "all", values, plural);
}

static dnmf_status decide(dnmf_error *error, const dnmf_text_file *file, const dnmf_source_options *options,
                          opening *head, table *all) {
  bool found = false;
  if (options->col_column || options->value_column || options->time_column)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--col-column, --value-column and --time-column are for triples, and %s is read as a table",
                     file->path);
  DNMF_TRY(dnmf_text_dialect(error, file, options, 2, &all->dialect, &found));
  if (!found)
    dnmf_delimiter_guess(file, 1, INT64_MAX, &all->dialect);
  DNMF_TRY(dnmf_value_rule_read(error, options, &all->dialect, &all->values));
  DNMF_TRY(read_opening(error, file, &all->dialect, head));
  all->header = options->header == DNMF_HEADER_AUTO ? detect_header(head) : options->header == DNMF_HEADER_YES;
  bool shorter = all->header && head->count[1] == head->count[0] + 1;
  all->fields = shorter ? head->count[1] : head->count[0];
  all->id_column = detect_row_ids(head, all->header) ? 0 : -1;
  if (options->row_column) {
    dnmf_status status = find_id_column(error, options->row_column, head, all);
    DNMF_TRY(dnmf_text_locate(error, file->path, head->after[0].lines, status));
  }
  tell_ids(head, all, all->taken);
  all->data = file->start;
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
  dnmf_field_unescape(field);
  if (is_empty(field) && !field->quoted)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the row id is empty");
  return dnmf_id_list_append(error, &all->row_names, field->begin, field->end - field->begin);
}

static dnmf_status table_take_line(dnmf_error *error, void *state, dnmf_text_line line) {
  table *all = state;
  int64_t count = dnmf_text_split(&all->dialect, line, all->fields, all->cells);
  DNMF_TRY(dnmf_text_check_fields(error, count, all->fields, ""));
  if (all->id_column >= 0)
    DNMF_TRY(take_row_id(error, all, &all->cells[all->id_column]));
  for (int64_t i = 0; i < count; i++) {
    double value = 0;
    if (i == all->id_column)
      continue;
    DNMF_TRY(name_column(error, i + 1,
                         dnmf_text_value(error, &all->values, all->cells[i].begin, all->cells[i].end, &value)));
    DNMF_TRY(dnmf_text_append_cell(error, all->state->items, value));
  }
  all->lines++;
  return DNMF_OK;
}

/* Adds to the note that some rows (columns) share a name. */
static dnmf_status tell_repeated(dnmf_context *context, const char *what, const dnmf_ids *ids, dnmf_source *source) {
  void *memory = NULL;
  int64_t repeated = 0;
  dnmf_status status =
      dnmf_allocate(&context->error, "indices of ids", dnmf_range_size(ids->range), sizeof(int64_t), &memory);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_ids_match(context, ids, ids->count, ids, memory, &repeated);
  free(memory);
  const size_t used = strlen(source->note);
  if (status == DNMF_OK && repeated > 0)
    snprintf(source->note + used, sizeof source->note - used,
             "%s%" PRId64 " of the %" PRId64 " %s ids repeat an earlier one", used ? "\n" : "", repeated / 2,
             ids->count, what);
  return status;
}

static dnmf_status read_table(dnmf_context *context, const dnmf_text_file *file, table *all, dnmf_source *source) {
  void *cells = NULL;
  dnmf_status status = dnmf_text_state_create(context, source, true, 1, &all->state);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "the cells of a line", all->fields, sizeof(dnmf_field), &cells);
  all->cells = cells;
  DNMF_TRY(dnmf_text_lines(context, file, all->data, status, table_take_line, all, &all->reader));

  dnmf_range rows = {0, 0};
  DNMF_TRY(dnmf_exscan_int64(context, all->lines, &rows.begin, &source->rows));
  rows.end = rows.begin + all->lines;
  source->cols = all->fields - (all->id_column >= 0 ? 1 : 0);
  source->stored = source->rows * source->cols;
  all->state->cols = source->cols;
  all->state->row = rows.begin;
  if (source->rows == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "%s has a header and no rows below it", file->path);
  DNMF_TRY(dnmf_cells_settle(context, all->values.missing, source));
  if (all->id_column >= 0) {
    DNMF_TRY(dnmf_ids_of_list(context, &all->row_names, 0, rows, source->rows, &source->row_ids));
    DNMF_TRY(tell_repeated(context, "row", &source->row_ids, source));
  }
  dnmf_range cols = dnmf_range_split((dnmf_range){0, source->cols}, context->size, context->rank);
  if (!all->header)
    return DNMF_OK;
  DNMF_TRY(dnmf_ids_of_list(context, &all->col_names, cols.begin, cols, source->cols, &source->col_ids));
  return tell_repeated(context, "column", &source->col_ids, source);
}

dnmf_status dnmf_open_table(dnmf_context *context, const dnmf_text_file *file, const dnmf_source_options *options,
                            dnmf_source *source) {
  table all = {0};
  opening head = {0};
  source->format = "table";
  source->sparse = false;
  source->missing = DNMF_MISSING_ZERO;
  dnmf_status status = dnmf_agree(context, decide(&context->error, file, options, &head, &all));
  free_opening(&head);
  snprintf(source->note, sizeof source->note, "%s", all.taken);
  if (status == DNMF_OK)
    status = read_table(context, file, &all, source);
  dnmf_id_list_free(&all.row_names);
  dnmf_id_list_free(&all.col_names);
  free(all.cells);
  return status;
}
