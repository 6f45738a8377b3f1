#include "store/text/text_columns.h"

#include "base/memory.h"
#include "store/text/text_number.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTING = 300 /* characters of column names in a message */, NONE = -1 };

/* Names that people and tools give the three columns, in any case; the likeliest first. */
static const char *const usual_names[DNMF_ROLES][20] = {
    {"user", "userid", "user_id", "row", "row_id", "rowid", "customer", "customerid", "customer_id", "uid",
     "reviewerid", "reviewer_id", "visitorid", "visitor_id", NULL},
    {"item",   "itemid", "item_id",   "movie", "movieid", "movie_id", "product", "productid", "product_id", "col",
     "column", "col_id", "column_id", "iid",   "book",    "bookid",   "book_id", "asin",      "isbn",       NULL},
    {"rating", "value", "score", "count", "stars", "weight", "val", "book-rating", "overall", NULL}};

static const char *const role_options[DNMF_ROLES] = {"--row-column", "--col-column", "--value-column"};

/* The first line, and what has been made of it. */
typedef struct first_line {
  const dnmf_text_file *file;
  int roles; /* columns looked for */
  dnmf_field *fields;
  int64_t count;
  int64_t number;
  bool header;
  const char *asked[DNMF_ROLES]; /* by the options; NULL: nothing */
  bool automatic;                /* the format was not given */
} first_line;

dnmf_status dnmf_text_delimiter(dnmf_error *error, const dnmf_text_file *file, const dnmf_source_options *options,
                                int64_t least, dnmf_delimiter *delimiter, bool *found) {
  *found = true;
  if (options->delimiter)
    return dnmf_delimiter_parse(error, options->delimiter, delimiter);
  *found = dnmf_delimiter_guess(file, least, delimiter);
  return DNMF_OK;
}

dnmf_status dnmf_text_split_all(dnmf_error *error, const dnmf_delimiter *delimiter, dnmf_text_line line,
                                dnmf_field **fields, int64_t *count) {
  void *memory = NULL;
  *fields = NULL;
  *count = dnmf_text_split(delimiter, line, 0, NULL);
  if (*count < 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "a quoted field is not closed where it should be (a field cannot hold a line break)");
  DNMF_TRY(dnmf_allocate(error, "the fields of a line", *count, sizeof(dnmf_field), &memory));
  *fields = memory;
  dnmf_text_split(delimiter, line, *count, *fields);
  for (int64_t i = 0; i < *count; i++)
    dnmf_field_undouble(&(*fields)[i]);
  return DNMF_OK;
}

static bool is_number(const dnmf_field *field) {
  double value = 0;
  return dnmf_parse_real(field->begin, field->end, &value);
}

static bool is_integer(const dnmf_field *field) {
  int64_t value = 0;
  return dnmf_parse_integer(field->begin, field->end, &value);
}

/* A column's number, counted from 1; 0 when the text is none. */
static int64_t column_number(const char *text) {
  int64_t number = 0;
  return text && dnmf_parse_integer(text, text + strlen(text), &number) && number > 0 ? number : 0;
}

static int64_t find_name(const first_line *first, const char *name) {
  size_t length = strlen(name);
  for (int64_t i = 0; i < first->count; i++)
    if ((size_t)(first->fields[i].end - first->fields[i].begin) == length &&
        memcmp(first->fields[i].begin, name, length) == 0)
      return i;
  for (int64_t i = 0; i < first->count; i++)
    if (dnmf_field_is(&first->fields[i], name))
      return i;
  return NONE;
}

static int64_t find_usual(const first_line *first, int role) {
  for (const char *const *name = usual_names[role]; *name; name++) {
    int64_t place = find_name(first, *name);
    if (place != NONE)
      return place;
  }
  return NONE;
}

bool dnmf_text_names_triples(dnmf_field *fields, int64_t count) {
  first_line first = {.fields = fields, .count = count};
  return find_usual(&first, DNMF_ROLE_ROW) != NONE && find_usual(&first, DNMF_ROLE_COL) != NONE &&
         find_usual(&first, DNMF_ROLE_VALUE) != NONE;
}

/* The column names, as many as a message can take. */
static void list_names(const first_line *first, char text[LISTING]) {
  int used = snprintf(text, LISTING, "the columns are");
  for (int64_t i = 0; i < first->count; i++) {
    const dnmf_field *field = &first->fields[i];
    int length = (int)(field->end - field->begin);
    if (used + length + 12 > LISTING) {
      snprintf(text + used, (size_t)(LISTING - used), ", ...");
      return;
    }
    used += snprintf(text + used, (size_t)(LISTING - used), "%s %.*s", i > 0 ? "," : "", length, field->begin);
  }
}

static dnmf_status resolve_asked(dnmf_error *error, const first_line *first, int role, int64_t *place) {
  const char *asked = first->asked[role];
  int64_t number = column_number(asked);
  char names[LISTING] = "";
  *place = first->header ? find_name(first, asked) : NONE;
  if (*place == NONE && number > 0 && number <= first->count)
    *place = number - 1;
  if (*place != NONE)
    return DNMF_OK;
  if (number > 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is %" PRId64 ", but there are %" PRId64 " columns",
                     role_options[role], number, first->count);
  if (!first->header)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is \"%s\", but the file has no header; give the column's number",
                     role_options[role], asked);
  list_names(first, names);
  return dnmf_fail(error, DNMF_ERROR_INPUT, "there is no column \"%s\"; %s", asked, names);
}

static dnmf_status refuse_to_guess(dnmf_error *error, const first_line *first) {
  char names[LISTING] = "";
  if (first->header)
    list_names(first, names);
  else
    snprintf(names, sizeof names, "there are %" PRId64 " columns", first->count);
  if (first->roles < DNMF_ROLES)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "cannot tell which columns hold row ids and column ids: %s; give --row-column and --col-column",
                     names);
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "cannot tell which columns hold row ids, column ids and values: %s; give --row-column, "
                   "--col-column and --value-column, or --format table for a row of the matrix a line",
                   names);
}

/* Columns that nothing names are taken to be the first, second and third, where that is no wild guess: the
 * others stand in their places, and the file does not look like a wide table. */
static dnmf_status fill_defaults(dnmf_error *error, const first_line *first, int64_t place[DNMF_ROLES]) {
  int named = 0;
  bool asked = false;
  bool usual = true;
  for (int role = 0; role < first->roles; role++) {
    named += place[role] != NONE;
    asked = asked || first->asked[role];
    usual = usual && (place[role] == NONE || place[role] == role);
  }
  if (named == first->roles)
    return DNMF_OK;
  bool narrow = first->count <= (named == 0 ? 4 : 3) || named == first->roles - 1;
  if (!asked && (!usual || (first->automatic && !narrow)))
    return refuse_to_guess(error, first);
  for (int role = 0; role < first->roles; role++) {
    if (place[role] != NONE)
      continue;
    for (int other = 0; other < first->roles; other++)
      if (place[other] == role)
        return refuse_to_guess(error, first);
    place[role] = role;
  }
  return DNMF_OK;
}

static dnmf_status resolve_columns(dnmf_error *error, const first_line *first, int64_t place[DNMF_ROLES]) {
  for (int role = 0; role < first->roles; role++) {
    place[role] = NONE;
    if (first->asked[role])
      DNMF_TRY(resolve_asked(error, first, role, &place[role]));
    else if (first->header)
      place[role] = find_usual(first, role);
  }
  DNMF_TRY(fill_defaults(error, first, place));
  for (int role = 0; role < first->roles; role++) {
    int other = (role + 1) % first->roles;
    if (place[role] == place[other])
      return dnmf_fail(error, DNMF_ERROR_INPUT,
                       "column %" PRId64 " is taken for two things; give --row-column, "
                       "--col-column and --value-column",
                       place[role] + 1);
  }
  return DNMF_OK;
}

/* A first line is a header when its value is no number; but ids that are numbers make it data with a wrong value,
 * which is better said than skipped. Pairs have no value to tell by: their header has names that are known here. */
static bool detect_header(const first_line *first) {
  int64_t place[DNMF_ROLES];
  for (int role = 0; role < DNMF_ROLES; role++) {
    int64_t number = column_number(first->asked[role]);
    if (first->asked[role] && number == 0)
      return true;
    place[role] = number > 0 && number <= first->count ? number - 1 : role;
  }
  if (find_usual(first, DNMF_ROLE_ROW) != NONE && find_usual(first, DNMF_ROLE_COL) != NONE)
    return true;
  if (first->roles < DNMF_ROLES)
    return false;
  return !is_number(&first->fields[place[DNMF_ROLE_VALUE]]) &&
         !(is_integer(&first->fields[place[DNMF_ROLE_ROW]]) && is_integer(&first->fields[place[DNMF_ROLE_COL]]));
}

static dnmf_status read_first_line(dnmf_error *error, first_line *first, const dnmf_source_options *options,
                                   dnmf_text_line line, dnmf_text_columns *columns) {
  DNMF_TRY(dnmf_text_split_all(error, &columns->delimiter, line, &first->fields, &first->count));
  if (first->count < first->roles) {
    char name[16];
    dnmf_delimiter_name(&columns->delimiter, name);
    if (first->roles < DNMF_ROLES)
      return dnmf_fail(error, DNMF_ERROR_INPUT,
                       "one column when split at each %s, but pairs need two: row, column; give --delimiter", name);
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "%s when split at each %s, but triples need three columns: row, column, value; give --delimiter, "
                     "or --format table for a row of the matrix a line",
                     first->count == 1 ? "one column" : "two columns", name);
  }
  first->header = options->header == DNMF_HEADER_AUTO ? detect_header(first) : options->header == DNMF_HEADER_YES;
  columns->count = first->count;
  return resolve_columns(error, first, columns->place);
}

dnmf_status dnmf_text_columns_find(dnmf_error *error, const dnmf_text_file *file, const dnmf_source_options *options,
                                   int roles, dnmf_text_columns *columns) {
  bool found = false;
  first_line first = {.file = file,
                      .roles = roles,
                      .asked = {options->row_column, options->col_column, options->value_column},
                      .automatic = options->format == DNMF_FORMAT_AUTO};
  memset(columns, 0, sizeof *columns);
  columns->place[DNMF_ROLE_VALUE] = NONE;
  columns->data.offset = file->start;
  dnmf_text_place after = columns->data;
  dnmf_text_line line = dnmf_text_head_line(file, &after);
  if (!line.begin) {
    dnmf_fail(error, DNMF_ERROR_INPUT, "holds no data: only blank lines and comments");
    return dnmf_text_locate(error, file->path, 0, DNMF_ERROR_INPUT);
  }
  DNMF_TRY(dnmf_text_delimiter(error, file, options, roles, &columns->delimiter, &found));
  if (!found && !dnmf_delimiter_guess(file, 2, &columns->delimiter))
    DNMF_TRY(dnmf_delimiter_parse(error, "comma", &columns->delimiter));
  dnmf_status status = read_first_line(error, &first, options, line, columns);
  if (status == DNMF_OK && first.header)
    columns->data = after;
  free(first.fields);
  return dnmf_text_locate(error, file->path, after.lines, status);
}

dnmf_status dnmf_text_id(dnmf_error *error, dnmf_interner *ids, const char *what, dnmf_field *field, int64_t *number) {
  dnmf_field_undouble(field);
  int64_t length = field->end - field->begin;
  if (length == 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the %s id is empty", what);
  if (field->whole >= 0)
    return dnmf_intern_integer(error, ids, field->whole, number);
  return dnmf_intern(error, ids, field->begin, length, number);
}
