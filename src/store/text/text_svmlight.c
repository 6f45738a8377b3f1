/*
 * svmlight files (Joachims 1999; also LIBSVM's): a row a line, as "label column:value column:value ... # comment".
 *
 * Labels, and query numbers (qid:7), are no part of the matrix. Columns are counted from 0 or from 1; unless told, from
 * 1 when no column 0 occurs in the whole file, as scikit-learn's loader has it.
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
#include <string.h>

enum { GUESS_LINES = 50, QUOTED = 60 /* characters of a field in a message */ };

typedef struct svmlight {
  int64_t lines;
  int64_t least; /* column, INT64_MAX when there is none */
  int64_t most;  /* column, -1 when there is none */
  dnmf_value_rule values;
  dnmf_text_reader reader;
  dnmf_text_state *state;
} svmlight;

static bool svmlight_is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* The next word of the line, which loses it; empty at the end. */
static dnmf_text_line take_word(dnmf_text_line *line) {
  while (line->begin < line->end && svmlight_is_blank(*line->begin))
    line->begin++;
  dnmf_text_line word = {line->begin, line->begin};
  while (word.end < line->end && !svmlight_is_blank(*word.end))
    word.end++;
  line->begin = word.end;
  return word;
}

/* A number, or several with commas between them. */
static bool is_label(dnmf_text_line word) {
  double value = 0;
  for (;;) {
    char *comma = memchr(word.begin, ',', (size_t)(word.end - word.begin));
    if (!dnmf_parse_real(word.begin, comma ? comma : word.end, &value))
      return false;
    if (!comma)
      return true;
    word.begin = comma + 1;
  }
}

/* Parts "column:value"; false when the word is nothing of the kind. `value` is empty for a query number. */
static bool split_feature(dnmf_text_line word, int64_t *column, dnmf_text_line *value) {
  char *colon = memchr(word.begin, ':', (size_t)(word.end - word.begin));
  *value = (dnmf_text_line){word.end, word.end};
  if (!colon)
    return false;
  if (colon - word.begin == 3 && memcmp(word.begin, "qid", 3) == 0)
    return dnmf_parse_integer(colon + 1, word.end, column);
  value->begin = colon + 1;
  return value->begin < value->end && dnmf_parse_integer(word.begin, colon, column) && *column >= 0 &&
         *column < INT64_MAX; /* a last column that can be counted */
}

static void cut_comment(dnmf_text_line *line) {
  char *comment = memchr(line->begin, '#', (size_t)(line->end - line->begin));
  if (comment)
    line->end = comment;
}

static dnmf_status refuse_word(dnmf_error *error, dnmf_text_line word, const char *rule) {
  int shown = word.end - word.begin < QUOTED ? (int)(word.end - word.begin) : QUOTED;
  return dnmf_fail(error, DNMF_ERROR_INPUT, "\"%.*s\" %s", shown, word.begin, rule);
}

static dnmf_status svmlight_take_line(dnmf_error *error, void *memory, dnmf_text_line line) {
  svmlight *all = memory;
  cut_comment(&line);
  dnmf_text_line word = take_word(&line);
  if (!is_label(word))
    return refuse_word(error, word, "is not a number; a line of an svmlight file begins with its label");
  for (word = take_word(&line); word.begin < word.end; word = take_word(&line)) {
    int64_t column = 0;
    dnmf_text_line text;
    double value = 0;
    if (!split_feature(word, &column, &text))
      return refuse_word(error, word, "is not a column from 0 up, a colon and a value");
    if (text.begin == text.end)
      continue;
    DNMF_TRY(dnmf_text_value(error, &all->values, text.begin, text.end, &value));
    all->least = column < all->least ? column : all->least;
    all->most = column > all->most ? column : all->most;
    if (!isnan(value))
      DNMF_TRY(dnmf_text_append(error, all->state->items, all->lines, column, value));
  }
  all->lines++;
  return DNMF_OK;
}

/* Digits, or qid, a colon and something: also what is refused when it is read, such as a column too large. */
static bool looks_like_feature(dnmf_text_line word) {
  const char *colon = memchr(word.begin, ':', (size_t)(word.end - word.begin));
  if (!colon || colon == word.begin || colon + 1 == word.end)
    return false;
  if (colon - word.begin == 3 && memcmp(word.begin, "qid", 3) == 0)
    return true;
  for (const char *at = word.begin; at < colon; at++)
    if (*at < '0' || *at > '9')
      return false;
  return true;
}

bool dnmf_is_svmlight(const dnmf_text_file *file) {
  dnmf_text_place place = file->start;
  int64_t features = 0;
  for (int i = 0; i < GUESS_LINES; i++) {
    dnmf_text_line line = dnmf_text_head_line(file, &place);
    if (!line.begin)
      break;
    cut_comment(&line);
    if (!is_label(take_word(&line)))
      return false;
    for (dnmf_text_line word = take_word(&line); word.begin < word.end; word = take_word(&line), features++)
      if (!looks_like_feature(word))
        return false;
  }
  return features > 0;
}

/* The number of the first column. */
static dnmf_status find_base(dnmf_context *context, const svmlight *all, dnmf_index_base asked, int64_t *base,
                             int64_t *most) {
  int64_t bounds[2] = {all->least == INT64_MAX ? -INT64_MAX : -all->least, all->most};
  DNMF_TRY(dnmf_max_int64(context, context->comm, bounds, 2));
  *most = bounds[1];
  *base = asked == DNMF_INDEX_FROM_0 || (asked == DNMF_INDEX_AUTO && bounds[0] == 0) ? 0 : 1;
  if (*base == 1 && bounds[0] == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "%s has a column 0, but --index-base is 1",
                     all->reader.file->path);
  return DNMF_OK;
}

static dnmf_status read_svmlight(dnmf_context *context, const dnmf_text_file *file, dnmf_status status,
                                 const dnmf_source_options *options, svmlight *all, dnmf_source *source) {
  int64_t base = 0;
  int64_t most = 0;
  if (status == DNMF_OK)
    status = dnmf_text_state_create(context, source, false, 1, &all->state);
  DNMF_TRY(dnmf_text_lines(context, file, file->start, status, svmlight_take_line, all, &all->reader));
  DNMF_TRY(dnmf_exscan_int64(context, all->lines, &all->state->row_shift, &source->rows));
  DNMF_TRY(find_base(context, all, options->index_base, &base, &most));
  all->state->col_shift = -base;
  source->cols = most < base ? 0 : most - base + 1;
  source->cols = source->cols < options->svmlight_cols ? options->svmlight_cols : source->cols;
  source->index_base = base == 0 ? DNMF_INDEX_FROM_0 : DNMF_INDEX_FROM_1;
  source->stored = dnmf_text_count(all->state);
  snprintf(source->note, sizeof source->note, "columns are counted from %" PRId64 "%s", base,
           options->index_base != DNMF_INDEX_AUTO ? ""
           : base == 0                            ? ", as column 0 occurs"
                                                  : ", as no column 0 occurs (--index-base)");
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &source->stored, 1));
  return dnmf_cells_settle(context, all->values.missing, source);
}

static dnmf_status read_options(dnmf_error *error, const dnmf_text_file *file, const dnmf_source_options *options,
                                svmlight *all, dnmf_source *source) {
  const dnmf_dialect blank = {.length = 0};
  const char *option = options->shared ? NULL : dnmf_text_fields_option(options);
  if (option)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "%s is for triples and tables, and %s is read as %s", option, file->path,
                     source->format);
  DNMF_TRY(dnmf_value_rule_read(error, options, &blank, &all->values));
  return dnmf_cells_check_sparse(error, options, &all->values.cells, source);
}

dnmf_status dnmf_open_svmlight(dnmf_context *context, const dnmf_text_file *file, const dnmf_source_options *options,
                               dnmf_source *source) {
  svmlight all = {.least = INT64_MAX, .most = -1};
  source->format = "svmlight";
  source->sparse = true;
  source->missing = DNMF_MISSING_ZERO;
  return read_svmlight(context, file, read_options(&context->error, file, options, &all, source), options, &all,
                       source);
}
