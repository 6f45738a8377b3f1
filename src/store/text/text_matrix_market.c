/*
 * Matrix Market exchange files (Boisvert, Pozo, Remington 1996), coordinate and array; and bags of words as the UCI
 * repository has them, which are coordinates below three lines of a number each: documents, words, entries.
 *
 * Entries of a coordinate file are counted from 1. An array lists the values column by column; of a symmetric
 * matrix only the lower triangle is listed, in either format.
 */
#include "comm/collective.h"
#include "store/cells.h"
#include "store/readers.h"
#include "store/text/text_columns.h"
#include "store/text/text_entries.h"
#include "store/text/text_number.h"
#include "store/text/text_value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WORDS = 6 /* more than any line has */ };

typedef struct market {
  bool coordinate;
  bool pattern; /* no values: each entry is 1 */
  bool symmetric;
  dnmf_value_rule values;
  int64_t rows;
  int64_t cols;
  int64_t declared; /* entries in the file */
  dnmf_text_place data;
  int64_t entries;      /* lines of entries read here */
  int64_t off_diagonal; /* of them */
  dnmf_text_reader reader;
  dnmf_text_state *state;
} market;

static const dnmf_dialect blank = {.length = 0};

static bool is_one_of(const dnmf_field *word, const char *const *names) {
  for (; *names; names++)
    if (dnmf_field_is(word, *names))
      return true;
  return false;
}

static dnmf_status read_banner(dnmf_error *error, dnmf_text_line line, market *all) {
  static const char *const layouts[] = {"coordinate", "array", NULL};
  static const char *const fields[] = {"real", "double", "integer", "unsigned-integer", "pattern", NULL};
  static const char *const symmetries[] = {"general", "symmetric", NULL};
  static const char *const refused[] = {"complex", "skew-symmetric", "hermitian", NULL};
  dnmf_field words[WORDS];
  int64_t count = dnmf_text_split(&blank, line, WORDS, words);
  if (count != 5 || !dnmf_field_is(&words[0], "%%MatrixMarket") || !dnmf_field_is(&words[1], "matrix"))
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "not a Matrix Market header; it reads \"%%%%MatrixMarket matrix coordinate|array "
                     "real|integer|pattern general|symmetric\"");
  for (int i = 2; i < 5; i++) {
    int length = (int)(words[i].end - words[i].begin);
    if (is_one_of(&words[i], refused))
      return dnmf_fail(error, DNMF_ERROR_INPUT, "a %.*s matrix cannot be factorized into nonnegative factors", length,
                       words[i].begin);
    if (!is_one_of(&words[i], i == 2 ? layouts : i == 3 ? fields : symmetries))
      return dnmf_fail(error, DNMF_ERROR_INPUT, "\"%.*s\" in the Matrix Market header is not one of %s", length,
                       words[i].begin,
                       i == 2   ? "coordinate, array"
                       : i == 3 ? "real, integer, pattern"
                                : "general, symmetric");
  }
  all->coordinate = dnmf_field_is(&words[2], "coordinate");
  all->pattern = dnmf_field_is(&words[3], "pattern");
  all->symmetric = dnmf_field_is(&words[4], "symmetric");
  if (all->pattern && !all->coordinate)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "an array cannot be of the kind \"pattern\"");
  return DNMF_OK;
}

static dnmf_status read_size(dnmf_error *error, dnmf_text_line line, market *all) {
  dnmf_field words[WORDS];
  int64_t size[3] = {0, 0, 0};
  int64_t wanted = all->coordinate ? 3 : 2;
  int64_t count = dnmf_text_split(&blank, line, WORDS, words);
  bool good = count == wanted;
  for (int64_t i = 0; i < wanted && good; i++)
    good = dnmf_parse_integer(words[i].begin, words[i].end, &size[i]) && size[i] >= 0;
  if (!good)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the size line must hold %s",
                     all->coordinate ? "three numbers: rows, columns, entries" : "two numbers: rows, columns");
  all->rows = size[0];
  all->cols = size[1];
  all->declared = size[2];
  if (all->symmetric && all->rows != all->cols)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "a symmetric matrix must be square, not %" PRId64 " x %" PRId64,
                     all->rows, all->cols);
  int64_t cells = 0;
  if (!all->coordinate && __builtin_mul_overflow(all->rows, all->cols, &cells))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "an array of %" PRId64 " x %" PRId64 " is too large", all->rows,
                     all->cols);
  if (!all->coordinate)
    all->declared = all->symmetric ? (cells + all->rows) / 2 : cells;
  return DNMF_OK;
}

static dnmf_status read_head(dnmf_error *error, const dnmf_text_file *file, market *all) {
  char *begin = file->head + file->start.offset;
  char *end = file->head + file->head_size;
  char *newline = memchr(begin, '\n', (size_t)(end - begin));
  dnmf_text_line line = {begin, newline ? newline : end};
  if (line.end > line.begin && line.end[-1] == '\r')
    line.end--;
  DNMF_TRY(dnmf_text_locate(error, file->path, 1, read_banner(error, line, all)));
  dnmf_text_place place = file->start;
  line = dnmf_text_head_line(file, &place);
  if (!line.begin) {
    dnmf_fail(error, DNMF_ERROR_INPUT, "the file ends before the size line (rows, columns%s)",
              all->coordinate ? ", entries" : "");
    return dnmf_text_locate(error, file->path, place.lines, DNMF_ERROR_INPUT);
  }
  all->data = place;
  return dnmf_text_locate(error, file->path, place.lines, read_size(error, line, all));
}

static dnmf_status take_index(dnmf_error *error, const dnmf_field *word, const char *what, int64_t limit,
                              int64_t *index) {
  if (!dnmf_parse_integer(word->begin, word->end, index))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the %s \"%.*s\" is not a whole number", what,
                     (int)(word->end - word->begin), word->begin);
  if (*index < 1 || *index > limit)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s %" PRId64 " is outside the declared 1 to %" PRId64, what, *index,
                     limit);
  --*index;
  return DNMF_OK;
}

static dnmf_status take_coordinate(dnmf_error *error, market *all, dnmf_text_line line) {
  dnmf_field words[WORDS];
  int64_t wanted = all->pattern ? 2 : 3;
  int64_t count = dnmf_text_split(&blank, line, WORDS, words);
  if (count != wanted)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "an entry has %s",
                     all->pattern ? "a row and a column" : "a row, a column and a value");
  int64_t row = 0;
  int64_t col = 0;
  double value = 1;
  DNMF_TRY(take_index(error, &words[0], "row", all->rows, &row));
  DNMF_TRY(take_index(error, &words[1], "column", all->cols, &col));
  if (!all->pattern)
    DNMF_TRY(dnmf_text_value(error, &all->values, words[2].begin, words[2].end, &value));
  if (isnan(value))
    return DNMF_OK;
  all->off_diagonal += row != col;
  return dnmf_text_append(error, all->state->items, row, col, value);
}

static dnmf_status take_array(dnmf_error *error, market *all, dnmf_text_line line) {
  dnmf_field words[WORDS];
  double value = 0;
  if (dnmf_text_split(&blank, line, WORDS, words) != 1)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "an array has one value a line");
  DNMF_TRY(dnmf_text_value(error, &all->values, words[0].begin, words[0].end, &value));
  return dnmf_text_append_cell(error, all->state->items, value);
}

static dnmf_status matrix_market_take_line(dnmf_error *error, void *state, dnmf_text_line line) {
  market *all = state;
  DNMF_TRY(all->coordinate ? take_coordinate(error, all, line) : take_array(error, all, line));
  all->entries++;
  return DNMF_OK;
}

/* What finds the line of the first entry too many. */
typedef struct surplus {
  int64_t declared;
  int64_t good; /* entries that are still allowed here */
} surplus;

static dnmf_status refuse_surplus(dnmf_error *error, void *state, dnmf_text_line line) {
  surplus *left = state;
  (void)line;
  if (left->good-- > 0)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT, "more entries than the %" PRId64 " that its header declares",
                   left->declared);
}

/* As many entries as declared; *before is how many the processes before this one read. */
static dnmf_status check_count(dnmf_context *context, market *all, int64_t *before) {
  int64_t total = 0;
  int64_t lines = all->reader.lines;
  DNMF_TRY(dnmf_exscan_int64(context, all->entries, before, &total));
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &lines, 1));
  if (total < all->declared) {
    dnmf_fail(&context->error, DNMF_ERROR_INPUT,
              "the file ends after %" PRId64 " of the %" PRId64 " entries that its header declares; it may be "
              "truncated",
              total, all->declared);
    return dnmf_text_locate(&context->error, all->reader.file->path, all->data.lines + lines, DNMF_ERROR_INPUT);
  }
  surplus left = {all->declared, all->declared > *before ? all->declared - *before : 0};
  if (total > all->declared)
    return dnmf_text_lines(context, all->reader.file, all->data, DNMF_OK, refuse_surplus, &left, &all->reader);
  return DNMF_OK;
}

/* Values that an array lists of a column. */
static int64_t column_length(const market *all, int64_t col) {
  return all->symmetric ? all->rows - col : all->rows;
}

/* Where this process's values of an array begin: `before` come before them. */
static void place_array(const market *all, int64_t before) {
  dnmf_text_state *state = all->state;
  state->by_columns = true;
  state->triangle = all->symmetric;
  state->rows = all->rows;
  state->cols = all->cols;
  if (all->rows == 0)
    return; /* columns without a value, however many are declared */
  while (state->col < all->cols && before >= column_length(all, state->col))
    before -= column_length(all, state->col++);
  state->row = before + (all->symmetric ? state->col : 0);
}

static dnmf_status read_market(dnmf_context *context, const dnmf_text_file *file, market *all, dnmf_source *source) {
  int64_t before = 0;
  dnmf_status status = dnmf_text_state_create(context, source, !all->coordinate, 1, &all->state);
  DNMF_TRY(dnmf_text_lines(context, file, all->data, status, matrix_market_take_line, all, &all->reader));
  DNMF_TRY(check_count(context, all, &before));
  source->rows = all->rows;
  source->cols = all->cols;
  if (!all->coordinate) {
    source->stored = all->rows * all->cols;
    place_array(all, before);
    return dnmf_cells_settle(context, all->values.missing, source);
  }
  all->state->mirrored = all->symmetric;
  source->stored = dnmf_text_count(all->state) + (all->symmetric ? all->off_diagonal : 0);
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &source->stored, 1));
  return dnmf_cells_settle(context, all->values.missing, source);
}

/* Options that mean nothing here are refused; the others are read. */
static dnmf_status read_options(dnmf_error *error, const dnmf_text_file *file, const dnmf_source_options *options,
                                market *all, dnmf_source *source) {
  const char *option = options->shared ? NULL : dnmf_text_fields_option(options);
  if (option)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "%s is for triples and tables, and %s is read as %s", option, file->path,
                     source->format);
  DNMF_TRY(dnmf_value_rule_read(error, options, &blank, &all->values));
  source->sparse = all->coordinate;
  source->missing = DNMF_MISSING_ZERO;
  return all->coordinate ? dnmf_cells_check_sparse(error, options, &all->values.cells, source) : DNMF_OK;
}

dnmf_status dnmf_open_matrix_market(dnmf_context *context, const dnmf_text_file *file,
                                    const dnmf_source_options *options, dnmf_source *source) {
  market all = {0};
  dnmf_status status = read_head(&context->error, file, &all);
  source->format = all.coordinate ? "Matrix Market coordinate" : "Matrix Market array";
  if (status == DNMF_OK)
    status = read_options(&context->error, file, options, &all, source);
  DNMF_TRY(dnmf_agree(context, status));
  return read_market(context, file, &all, source);
}

/* The three lines of the header, and the place behind them; false when they are anything else. */
static bool read_docword_head(const dnmf_text_file *file, int64_t size[3], dnmf_text_place *place) {
  dnmf_field words[WORDS];
  *place = file->start;
  for (int i = 0; i < 3; i++) {
    dnmf_text_line line = dnmf_text_head_line(file, place);
    if (!line.begin || dnmf_text_split(&blank, line, WORDS, words) != 1 ||
        !dnmf_parse_integer(words[0].begin, words[0].end, &size[i]) || size[i] < 0)
      return false;
  }
  dnmf_text_place next = *place;
  dnmf_text_line line = dnmf_text_head_line(file, &next);
  int64_t number = 0;
  if (!line.begin || dnmf_text_split(&blank, line, WORDS, words) != 3)
    return false;
  for (int i = 0; i < 3; i++)
    if (!dnmf_parse_integer(words[i].begin, words[i].end, &number))
      return false;
  return true;
}

bool dnmf_is_docword(const dnmf_text_file *file) {
  int64_t size[3];
  dnmf_text_place place;
  return read_docword_head(file, size, &place);
}

dnmf_status dnmf_open_docword(dnmf_context *context, const dnmf_text_file *file, const dnmf_source_options *options,
                              dnmf_source *source) {
  market all = {.coordinate = true};
  int64_t size[3] = {0, 0, 0};
  dnmf_status status = DNMF_OK;
  source->format = "UCI bag of words";
  if (!read_docword_head(file, size, &all.data)) {
    dnmf_fail(
        &context->error, DNMF_ERROR_INPUT,
        "is no bag of words: it begins with three lines, the numbers of documents, words and entries, and goes on "
        "with a document, a word and a count a line");
    status = dnmf_text_locate(&context->error, file->path, 0, DNMF_ERROR_INPUT);
  }
  all.rows = size[0];
  all.cols = size[1];
  all.declared = size[2];
  if (status == DNMF_OK)
    status = read_options(&context->error, file, options, &all, source);
  DNMF_TRY(dnmf_agree(context, status));
  snprintf(source->note, sizeof source->note,
           "%" PRId64 " documents are the rows, %" PRId64 " words the columns, as its three lines of header say",
           all.rows, all.cols);
  return read_market(context, file, &all, source);
}
