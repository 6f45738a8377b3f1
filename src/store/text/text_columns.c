#include "store/text/text_columns.h"
#include "store/text/text_delimiter.h"

#include "base/memory.h"
#include "store/text/text_number.h"
#include "store/text/text_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LISTING = 300 /* characters of column names in a message */, NONE = -1, USUAL = 48 };

/* Names that people and tools give the three columns, in any case; the likeliest first. Ids of tables have the names of
 * the first two lists as well, and of the third. */
static const char *const usual_names[DNMF_ROLES][USUAL] = {
    {"user", "userid", "user_id", "row", "row_id", "rowid", "customer", "customerid", "customer_id", "uid",
     "reviewerid", "reviewer_id", "visitorid", "visitor_id", "user-id", "profile_id", "session_id", NULL},
    {"item", "itemid",   "item_id", "movie",     "movieid",  "movie_id",  "product",     "productid", "product_id",
     "col",  "column",   "col_id",  "column_id", "iid",      "book",      "bookid",      "book_id",   "asin",
     "isbn", "track_id", "song_id", "artist_id", "anime_id", "recipe_id", "business_id", NULL},
    {"rating", "value", "score", "count", "stars", "weight", "val", "book-rating", "overall", NULL}};

/* Names of what tells rows apart, beside those that end in id. */
static const char *const id_names[] = {
    "id",        "ids",         "index",     "name",      "names",  "key",     "label",    "rows",    "rownames",
    "gene",      "genes",       "symbol",    "cell",      "cells",  "barcode", "sample",   "samples", "doc",
    "document",  "feature",     "features",  "probe",     "peak",   "taxon",   "otu",      "subject", "patient",
    "station",   "word",        "term",      "token",     "geneid", "cellid",  "sampleid", "docid",   "genename",
    "gene_name", "gene_symbol", "obs_names", "var_names", NULL};

/* Names of times, which no rating has. */
static const char *const time_names[] = {"time",     "timestamp",      "date",       "datetime",
                                         "ts",       "unixreviewtime", "reviewtime", "created_at",
                                         "rated_at", "review_date",    "year",       NULL};

static const char *const role_options[DNMF_ROLES] = {"--row-column", "--col-column", "--value-column"};

/* The first line, and what has been made of it. */
typedef struct first_line {
  const dnmf_text_file *file;
  int roles; /* columns looked for */
  char decimal;
  dnmf_field *fields;
  int64_t count;
  dnmf_field *second; /* of the line after it; NULL: there is none as long */
  bool header;
  const char *asked[DNMF_ROLES]; /* by the options; NULL: nothing */
  bool automatic;                /* the format was not given */
} first_line;

static bool is_listed(const dnmf_field *field, const char *const *names) {
  for (; *names; names++)
    if (dnmf_field_is(field, *names))
      return true;
  return false;
}

bool dnmf_text_names_ids(const dnmf_field *name) {
  int64_t length = name->end - name->begin;
  const char *tail = name->end - 2;
  bool id = length > 2 && (tail[0] == 'i' || tail[0] == 'I') && (tail[1] == 'd' || tail[1] == 'D');
  bool apart = id && (strchr("_-. ", tail[-1]) || (tail[0] == 'I' && !(tail[-1] >= 'A' && tail[-1] <= 'Z')));
  return apart || dnmf_text_names_table_ids(name) || is_listed(name, usual_names[DNMF_ROLE_ROW]) ||
         is_listed(name, usual_names[DNMF_ROLE_COL]);
}

bool dnmf_text_names_table_ids(const dnmf_field *name) {
  static const char unnamed[] = "unnamed:"; /* pandas, for the empty corner of a sheet */
  const int64_t length = (int64_t)sizeof unnamed - 1;
  return is_listed(name, id_names) ||
         (name->end - name->begin > length && strncasecmp(name->begin, unnamed, (size_t)length) == 0);
}

bool dnmf_text_names_time(const dnmf_field *name) {
  return is_listed(name, time_names);
}

/* Lines whose only two fields are parted by blanks hold another delimiter: it is that one, and why it parts nothing is
 * to be said. */
static void prefer_delimiter(const dnmf_text_file *file, dnmf_dialect *dialect) {
  static const char *const others[] = {"tab", "comma", "semicolon", "pipe"};
  static const char letters[] = "\t,;|";
  dnmf_text_place place = file->start;
  dnmf_text_line line = dnmf_text_head_line(file, &place);
  if (dialect->length > 0 || dnmf_text_split(dialect, line, 0, NULL) != DNMF_PAIR_ROLES)
    return;
  for (int i = 0; i < 4; i++)
    if (letters[i] != dialect->decimal && memchr(line.begin, letters[i], (size_t)(line.end - line.begin))) {
      dnmf_error unused = {0};
      dnmf_delimiter_parse(&unused, others[i], dialect);
      return;
    }
}

dnmf_status dnmf_text_dialect(dnmf_error *error, const dnmf_text_file *file, const dnmf_source_options *options,
                              int64_t least, dnmf_dialect *dialect, bool *found) {
  *found = true;
  DNMF_TRY(dnmf_dialect_parse(error, options, dialect));
  if (file->joined) {
    *dialect = file->dialect;
    return DNMF_OK;
  }
  if (options->delimiter) {
    DNMF_TRY(dnmf_delimiter_parse(error, options->delimiter, dialect));
    if (dialect->decimal && dialect->length == 1 && dialect->delimiter[0] == dialect->decimal)
      return dnmf_fail(error, DNMF_ERROR_USAGE, "--delimiter and --decimal are both %c", dialect->decimal);
    return DNMF_OK;
  }
  *found = dnmf_delimiter_guess(file, least, INT64_MAX, dialect) > 0;
  if (*found)
    prefer_delimiter(file, dialect);
  return DNMF_OK;
}

const char *dnmf_text_fields_option(const dnmf_source_options *options) {
  return options->delimiter      ? "--delimiter"
         : options->quote        ? "--quote"
         : options->escape       ? "--escape"
         : options->decimal      ? "--decimal"
         : options->row_column   ? "--row-column"
         : options->col_column   ? "--col-column"
         : options->value_column ? "--value-column"
         : options->time_column  ? "--time-column"
                                 : NULL;
}

dnmf_status dnmf_text_split_all(dnmf_error *error, const dnmf_dialect *dialect, dnmf_text_line line,
                                dnmf_field **fields, int64_t *count) {
  void *memory = NULL;
  *fields = NULL;
  *count = dnmf_text_split(dialect, line, 0, NULL);
  if (*count < 0)
    return dnmf_text_refuse_quotes(error, *count);
  int64_t bytes = line.end - line.begin;
  DNMF_TRY(dnmf_allocate(error, "the fields of a line", *count * (int64_t)sizeof(dnmf_field) + bytes, 1, &memory));
  *fields = memory;
  /* The fields are those of a copy behind them, in which they may be unescaped. */
  char *text = (char *)(*fields + *count);
  memcpy(text, line.begin, (size_t)bytes);
  dnmf_text_split(dialect, (dnmf_text_line){text, text + bytes}, *count, *fields);
  for (int64_t i = 0; i < *count; i++)
    dnmf_field_unescape(&(*fields)[i]);
  return DNMF_OK;
}

static bool is_first_line_number(const first_line *first, const dnmf_field *field) {
  return dnmf_text_is_number(first->decimal, field->begin, field->end);
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

bool dnmf_text_names_triple(dnmf_field *name) {
  const first_line first = {.fields = name, .count = 1};
  for (int role = 0; role < DNMF_ROLES; role++)
    if (find_usual(&first, role) != NONE)
      return true;
  return false;
}

bool dnmf_text_names_triples(dnmf_field *fields, int64_t count, int roles) {
  first_line first = {.fields = fields, .count = count};
  for (int role = 0; role < roles; role++)
    if (find_usual(&first, role) == NONE)
      return false;
  return true;
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

static dnmf_status resolve_asked(dnmf_error *error, const first_line *first, int role, const char *option,
                                 int64_t *place) {
  const char *asked = first->asked[role];
  int64_t number = column_number(asked);
  char names[LISTING] = "";
  *place = first->header ? find_name(first, asked) : NONE;
  if (*place == NONE && number > 0 && number <= first->count)
    *place = number - 1;
  if (*place != NONE)
    return DNMF_OK;
  if (number > 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is %" PRId64 ", but there are %" PRId64 " columns", option, number,
                     first->count);
  if (!first->header)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is \"%s\", but the file has no header; give the column's number",
                     option, asked);
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

/* Two words and two numbers, the last of which is no time, below names that are none of triples: perhaps a table. */
static bool has_fourth_value(const first_line *first) {
  enum { FOURTH = 3 };
  static const double seconds = 1e8; /* since 1970, or more */
  double value = 0;
  if (!first->header || first->count != FOURTH + 1 || !first->second || dnmf_text_names_time(&first->fields[FOURTH]))
    return false;
  const dnmf_field *field = &first->second[FOURTH];
  return !is_first_line_number(first, &first->second[0]) && !is_first_line_number(first, &first->second[1]) &&
         is_first_line_number(first, field) && dnmf_parse_real(field->begin, field->end, &value) && value < seconds;
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
  if (first->roles == DNMF_ROLES && place[DNMF_ROLE_VALUE] == NONE && first->header &&
      is_listed(&first->fields[DNMF_ROLE_VALUE], time_names))
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "there is no column of values: \"%.*s\" is a time; --value-column none counts each line 1",
                     (int)(first->fields[DNMF_ROLE_VALUE].end - first->fields[DNMF_ROLE_VALUE].begin),
                     first->fields[DNMF_ROLE_VALUE].begin);
  bool narrow = first->count <= (named == 0 ? 4 : 3) || named == first->roles - 1;
  if (!asked && (!usual || (first->automatic && (!narrow || (named == 0 && has_fourth_value(first))))))
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
      DNMF_TRY(resolve_asked(error, first, role, role_options[role], &place[role]));
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

/* Without values to tell by, a header has a known name of rows, or words where the next line has numbers. */
static bool detect_header_of_pairs(const first_line *first) {
  bool numbers = false;
  if (find_usual(first, DNMF_ROLE_ROW) == 0)
    return true;
  for (int64_t i = 0; i < first->count && first->second; i++) {
    if (is_first_line_number(first, &first->fields[i]))
      return false;
    numbers = numbers || is_first_line_number(first, &first->second[i]);
  }
  return numbers;
}

/* A first line is a header when its value is no number; but ids that are numbers make it data with a wrong value,
 * which is better said than skipped. */
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
    return detect_header_of_pairs(first);
  const dnmf_field *value = &first->fields[place[DNMF_ROLE_VALUE]];
  return !is_first_line_number(first, value) && !dnmf_text_is_missing(value->begin, value->end) &&
         !(is_integer(&first->fields[place[DNMF_ROLE_ROW]]) && is_integer(&first->fields[place[DNMF_ROLE_COL]]));
}

/* Fields of a line without a value that are no ids: 2.5, say. */
static bool holds_fractions(const first_line *first) {
  const dnmf_field *fields = first->header && first->second ? first->second : first->fields;
  for (int64_t i = 0; i < first->count; i++)
    if (is_first_line_number(first, &fields[i]) && !is_integer(&fields[i]))
      return true;
  return false;
}

/* "word", "count": there is no second id. */
static bool names_value_last(const first_line *first) {
  return first->header && !first->asked[DNMF_ROLE_COL] && find_usual(first, DNMF_ROLE_VALUE) == first->count - 1;
}

static dnmf_status refuse_few_columns(dnmf_error *error, const first_line *first, const dnmf_dialect *dialect) {
  char name[16];
  dnmf_delimiter_name(dialect, name);
  if (first->roles < DNMF_ROLES && first->count < DNMF_PAIR_ROLES)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "one column when split at each %s, but pairs need two: row, column; give --delimiter", name);
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "%s when split at each %s, but triples need three columns: row, column, value; give --delimiter, "
                   "%sor --format table for a row of the matrix a line",
                   first->count == 1 ? "one column" : "two columns", name,
                   first->count == 1 ? "--skip-lines where the data begin further down, " : "");
}

/* True when the columns are the first ones, and neither an option nor a name says so. */
static bool is_guess(const first_line *first) {
  bool guess = first->header;
  for (int role = 0; role < first->roles; role++)
    guess = guess && !first->asked[role] && find_usual(first, role) == NONE;
  return guess;
}

/* "rows from "user", columns from "item", values from column 3" */
static void tell_columns(const first_line *first, const dnmf_text_columns *columns, char taken[DNMF_TAKEN_TEXT]) {
  static const char *const names[DNMF_ROLES] = {"rows from ", ", columns from ", ", values from "};
  enum { SHOWN = 40 };
  int used = 0;
  for (int role = 0; role < DNMF_ROLES; role++) {
    int64_t place = columns->place[role];
    const dnmf_field *field = place == NONE ? NULL : &first->fields[place];
    size_t room = (size_t)(DNMF_TAKEN_TEXT - used);
    if (field && first->header)
      used += snprintf(taken + used, room, "%s\"%.*s\"", names[role],
                       field->end - field->begin < SHOWN ? (int)(field->end - field->begin) : SHOWN, field->begin);
    else if (field)
      used += snprintf(taken + used, room, "%scolumn %" PRId64, names[role], place + 1);
  }
  if (columns->counted)
    used += snprintf(taken + used, (size_t)(DNMF_TAKEN_TEXT - used), "; no values: each line counts 1");
  if (is_guess(first) && first->count > first->roles)
    snprintf(taken + used, (size_t)(DNMF_TAKEN_TEXT - used), "; column %d is not read", first->roles + 1);
}

static dnmf_status resolve_time(dnmf_error *error, first_line *first, const char *asked, dnmf_text_columns *columns) {
  columns->time = NONE;
  if (!asked)
    return DNMF_OK;
  first_line of_time = *first;
  of_time.asked[0] = asked;
  return resolve_asked(error, &of_time, 0, "--time-column", &columns->time);
}

static dnmf_status read_first_line(dnmf_error *error, first_line *first, const dnmf_source_options *options,
                                   dnmf_text_columns *columns) {
  bool wanted = first->roles == DNMF_ROLES;
  if (wanted && (columns->counted || first->count == DNMF_PAIR_ROLES)) {
    columns->counted = true;
    first->roles = DNMF_PAIR_ROLES;
  }
  if (first->count < first->roles || (columns->counted && first->count == DNMF_PAIR_ROLES && options->value_column &&
                                      strcmp(options->value_column, "none") != 0))
    return refuse_few_columns(error, first, &columns->dialect);
  first->header = options->header == DNMF_HEADER_AUTO ? detect_header(first) : options->header == DNMF_HEADER_YES;
  const bool pairs = columns->counted && first->count == DNMF_PAIR_ROLES && !options->value_column;
  if (pairs && (holds_fractions(first) || names_value_last(first))) {
    first->roles = DNMF_ROLES;
    return refuse_few_columns(error, first, &columns->dialect);
  }
  columns->guessed = pairs && !(first->header && find_usual(first, DNMF_ROLE_ROW) != NONE);
  columns->count = first->count;
  DNMF_TRY(resolve_columns(error, first, columns->place));
  DNMF_TRY(resolve_time(error, first, options->time_column, columns));
  tell_columns(first, columns, columns->taken);
  return DNMF_OK;
}

/* Triples have three fields or more, or two that all lines agree on better. */
static dnmf_status find_dialect(dnmf_error *error, const dnmf_text_file *file, const dnmf_source_options *options,
                                int roles, dnmf_text_columns *columns) {
  bool found = false;
  dnmf_dialect two;
  DNMF_TRY(dnmf_text_dialect(error, file, options, roles, &columns->dialect, &found));
  if (file->joined || options->delimiter)
    return DNMF_OK;
  two = columns->dialect;
  int lines = dnmf_delimiter_guess(file, roles, INT64_MAX, &columns->dialect);
  if (roles == DNMF_ROLES && dnmf_delimiter_guess(file, DNMF_PAIR_ROLES, DNMF_PAIR_ROLES, &two) > lines)
    columns->dialect = two;
  else if (lines == 0 && dnmf_delimiter_guess(file, 2, INT64_MAX, &columns->dialect) == 0)
    DNMF_TRY(dnmf_delimiter_parse(error, "comma", &columns->dialect));
  prefer_delimiter(file, &columns->dialect);
  return DNMF_OK;
}

dnmf_status dnmf_text_columns_find(dnmf_error *error, const dnmf_text_file *file, const dnmf_source_options *options,
                                   int roles, dnmf_text_columns *columns) {
  bool counted = options->value_column && strcmp(options->value_column, "none") == 0;
  first_line first = {.file = file,
                      .roles = roles,
                      .asked = {options->row_column, options->col_column, counted ? NULL : options->value_column},
                      .automatic = options->format == DNMF_FORMAT_AUTO};
  memset(columns, 0, sizeof *columns);
  columns->place[DNMF_ROLE_VALUE] = columns->time = NONE;
  columns->counted = counted;
  columns->data = file->start;
  dnmf_text_place after = columns->data;
  dnmf_text_line line = dnmf_text_head_line(file, &after);
  if (!line.begin) {
    dnmf_fail(error, DNMF_ERROR_INPUT, "holds no data: only blank lines and comments");
    return dnmf_text_locate(error, file->path, 0, DNMF_ERROR_INPUT);
  }
  DNMF_TRY(find_dialect(error, file, options, counted ? DNMF_PAIR_ROLES : roles, columns));
  first.decimal = columns->dialect.decimal;
  dnmf_status status = dnmf_text_split_all(error, &columns->dialect, line, &first.fields, &first.count);
  dnmf_text_place next = after;
  dnmf_text_line second = dnmf_text_head_line(file, &next);
  int64_t count = 0;
  if (status == DNMF_OK && second.begin &&
      dnmf_text_split(&columns->dialect, second, 0, NULL) == first.count) /* else it is refused when it is read */
    status = dnmf_text_split_all(error, &columns->dialect, second, &first.second, &count);
  if (status == DNMF_OK)
    status = read_first_line(error, &first, options, columns);
  if (status == DNMF_OK && first.header)
    columns->data = after;
  free(first.fields);
  free(first.second);
  return dnmf_text_locate(error, file->path, after.lines, status);
}

dnmf_status dnmf_text_id(dnmf_error *error, dnmf_interner *ids, const char *what, dnmf_field *field, int64_t *number) {
  dnmf_field_unescape(field);
  int64_t length = field->end - field->begin;
  if (length == 0 && !field->quoted)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the %s id is empty", what);
  if (field->whole >= 0)
    return dnmf_intern_integer(error, ids, field->whole, number);
  return dnmf_intern(error, ids, field->begin, length, number);
}
