/*
 * Where delimited text begins: comments before the first line of data, told from data that begin with # or %.
 */
#include "store/text/text_columns.h"
#include "store/text/text_delimiter.h"
#include "store/text/text_value.h"

#include <stdlib.h>
#include <string.h>

static bool is_comment(dnmf_text_line line) {
  return line.begin < line.end && (*line.begin == '#' || *line.begin == '%');
}

static bool reads_as_number(const dnmf_dialect *dialect, const dnmf_field *field) {
  return dnmf_text_is_number(dialect->decimal, field->begin, field->end);
}

/* Whether a line that begins with # or % has the fields of `other`, a line of data: as many, and numbers behind the
 * first wherever that has one, once at least. Without numbers to tell by: a word is fixed to the #, and no field is the
 * name of a column. */
static bool is_alike(const dnmf_dialect *dialect, const dnmf_field *fields, const dnmf_field *other, int64_t count) {
  int64_t numbers = 0;
  for (int64_t i = 1; i < count; i++) {
    if (reads_as_number(dialect, &other[i]) && !reads_as_number(dialect, &fields[i]))
      return false;
    numbers += reads_as_number(dialect, &other[i]);
  }
  if (numbers > 0)
    return true;
  dnmf_field word = {.begin = fields[0].begin + 1, .end = fields[0].end};
  if (dialect->length == 0 || word.begin >= word.end || *word.begin == ' ' || *word.begin == '#' ||
      dnmf_text_names_ids(&word))
    return false;
  for (int64_t i = 1; i < count; i++)
    if (dnmf_text_names_ids(&fields[i]))
      return false;
  return true;
}

static dnmf_status is_data(dnmf_error *error, const dnmf_dialect *dialect, dnmf_text_line line, dnmf_text_line other,
                           bool *data) {
  dnmf_field *fields = NULL;
  dnmf_field *others = NULL;
  int64_t count = 0;
  *data = false;
  int64_t wanted = dnmf_text_split(dialect, other, 0, NULL);
  if (wanted < 2 || dnmf_text_split(dialect, line, 0, NULL) != wanted)
    return DNMF_OK;
  dnmf_status status = dnmf_text_split_all(error, dialect, line, &fields, &count);
  if (status == DNMF_OK)
    status = dnmf_text_split_all(error, dialect, other, &others, &count);
  if (status == DNMF_OK)
    *data = is_alike(dialect, fields, others, count);
  free(fields);
  free(others);
  return status;
}

dnmf_status dnmf_text_begin(dnmf_error *error, const dnmf_source_options *options, dnmf_text_file *file) {
  dnmf_dialect dialect;
  bool found = false;
  dnmf_text_place place = file->start;
  file->comments = true;
  dnmf_text_line other = dnmf_text_head_line(file, &place);
  file->comments = other.begin != NULL; /* where all lines begin so, the delimiter is theirs */
  dnmf_status status = dnmf_text_dialect(error, file, options, 2, &dialect, &found);
  file->comments = false;
  DNMF_TRY(status);
  place = file->start;
  if (!other.begin) {
    dnmf_text_place each = file->start;
    for (dnmf_text_line line = dnmf_text_head_line(file, &each); line.begin; line = dnmf_text_head_line(file, &each))
      other = line;
  }
  for (;;) {
    dnmf_text_place next = place;
    bool data = false;
    dnmf_text_line line = dnmf_text_head_line(file, &next);
    if (!line.begin || !is_comment(line))
      break;
    if (found)
      DNMF_TRY(is_data(error, &dialect, line, other, &data));
    if (data)
      break;
    place = next;
    file->comment_lines++;
  }
  file->start = place;
  return DNMF_OK;
}

dnmf_status dnmf_text_join_after(dnmf_context *context, const dnmf_source_options *options, dnmf_text_file *file,
                                 bool *again) {
  dnmf_dialect dialect;
  bool found = false;
  dnmf_error kept = context->error;
  *again = false;
  if (file->joined)
    return DNMF_OK;
  memset(&context->error, 0, sizeof context->error);
  dnmf_status status = dnmf_text_dialect(&context->error, file, options, 2, &dialect, &found);
  if (status == DNMF_OK && !found)
    status = dnmf_delimiter_parse(&context->error, "comma", &dialect);
  status = dnmf_agree(context, status);
  found = false;
  if (status == DNMF_OK && dialect.quote)
    status = dnmf_text_holds(context, file, dialect.quote, &found);
  if (status == DNMF_OK && found) {
    status = dnmf_text_join(context, &dialect, file);
    *again = status == DNMF_OK;
  }
  if (!*again && status == DNMF_OK)
    context->error = kept;
  return status;
}
