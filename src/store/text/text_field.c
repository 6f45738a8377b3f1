#include "store/text/text_field.h"

#include <string.h>
#include <strings.h>

enum { WHOLE_DIGITS = 18 /* any number of that many digits fits */ };

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static bool starts_with(const dnmf_dialect *dialect, const char *at, const char *end) {
  if (dialect->length == 0)
    return is_blank(*at);
  return end - at >= dialect->length && memcmp(at, dialect->delimiter, (size_t)dialect->length) == 0;
}

static char *skip_blanks(const dnmf_dialect *dialect, char *at, const char *end) {
  while (at < end && is_blank(*at) && (dialect->length == 0 || !starts_with(dialect, at, end)))
    at++;
  return at;
}

/* Where the next delimiter begins, or `end`. */
static char *find_delimiter(const dnmf_dialect *dialect, char *at, char *end) {
  if (dialect->length == 0) {
    while (at < end && !is_blank(*at))
      at++;
    return at;
  }
  char first = dialect->delimiter[0];
  for (; at < end; at++)
    if (*at == first && (dialect->length == 1 || starts_with(dialect, at, end)))
      break;
  return at;
}

/* Whether `at` stands before a character of a quoted field that is meant as it is. */
static bool is_escape(const dnmf_dialect *dialect, const char *at, const char *end) {
  if (at + 1 >= end)
    return false;
  return (dialect->escape && *at == dialect->escape) || (*at == dialect->quote && at[1] == dialect->quote);
}

/* What follows the closing quote of the field that is quoted from `at` on, or NULL; *escaped when there is something to
 * unescape. */
static char *quoted_end(const dnmf_dialect *dialect, char *at, const char *end, bool *escaped) {
  for (at++; at < end; at++) {
    if (is_escape(dialect, at, end)) {
      *escaped = true;
      at++;
    } else if (*at == dialect->quote) {
      return at + 1;
    }
  }
  return NULL;
}

/* The field without quotes at `at`; returns the place of the delimiter behind it. Nearly all fields of large files are
 * small numbers: their value is found while their end is. */
static char *take_plain(const dnmf_dialect *dialect, char *at, char *end, dnmf_field *field) {
  uint64_t sum = 0;
  char *begin = at;
  for (; at < end && (unsigned char)(*at - '0') < 10; at++)
    sum = 10 * sum + (unsigned char)(*at - '0');
  char *digits = at;
  at = find_delimiter(dialect, at, end);
  field->begin = begin;
  field->end = at;
  while (field->end > begin && is_blank(field->end[-1]))
    field->end--;
  int64_t length = field->end - begin;
  bool whole = field->end == digits && length > 0 && length <= WHOLE_DIGITS && (*begin != '0' || length == 1);
  field->whole = whole ? (int64_t)sum : -1;
  return at;
}

/* The field at `at`; returns the place of the delimiter behind it, or NULL with *problem set. */
static char *take_field(const dnmf_dialect *dialect, char *at, char *end, dnmf_field *field, int64_t *problem) {
  field->quoted = false;
  field->escaped = NULL;
  field->whole = -1;
  if (dialect->length > 0)
    at = skip_blanks(dialect, at, end);
  if (at == end || *at != dialect->quote || dialect->quote == 0)
    return take_plain(dialect, at, end, field);
  field->quoted = true;
  field->begin = at + 1;
  bool escaped = false;
  at = quoted_end(dialect, at, end, &escaped);
  field->escaped = escaped ? dialect : NULL;
  *problem = DNMF_OPEN_QUOTE;
  if (!at)
    return NULL;
  field->end = at - 1;
  if (dialect->length > 0)
    at = skip_blanks(dialect, at, end);
  *problem = DNMF_TEXT_BEHIND_QUOTE;
  return at == end || starts_with(dialect, at, end) ? at : NULL;
}

int64_t dnmf_text_split(const dnmf_dialect *dialect, dnmf_text_line line, int64_t capacity, dnmf_field *fields) {
  int64_t count = 0;
  int64_t problem = 0;
  char *at = line.begin;
  if (dialect->length == 0)
    at = skip_blanks(dialect, at, line.end);
  for (;;) {
    dnmf_field other;
    at = take_field(dialect, at, line.end, count < capacity ? &fields[count] : &other, &problem);
    if (!at)
      return problem;
    count++;
    if (at == line.end)
      return count;
    at = dialect->length > 0 ? at + dialect->length : skip_blanks(dialect, at, line.end);
    if (dialect->length == 0 && at == line.end)
      return count;
  }
}

dnmf_status dnmf_text_refuse_quotes(dnmf_error *error, int64_t count) {
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   count == DNMF_OPEN_QUOTE
                       ? "a quoted field that begins here is not closed (--quote none takes quotes "
                         "as they are, --escape '\\' reads \\\" as a quote inside)"
                       : "text follows the closing quote of a field (--escape '\\' reads \\\" as a "
                         "quote inside, --quote none takes quotes as they are)");
}

char *dnmf_text_record_end(const dnmf_dialect *dialect, char *begin, char *end) {
  char *line_end = begin < end ? memchr(begin, '\n', (size_t)(end - begin)) : NULL;
  for (char *at = begin;;) {
    bool unused = false;
    at = skip_blanks(dialect, at, end);
    if (at < end && dialect->quote && *at == dialect->quote) {
      at = quoted_end(dialect, at, end, &unused);
      if (!at)
        return NULL;
      if (line_end && at > line_end)
        line_end = memchr(at, '\n', (size_t)(end - at));
    }
    char *stop = line_end ? line_end : end;
    char *delimiter = find_delimiter(dialect, at, stop);
    if (delimiter >= stop)
      return line_end;
    at = delimiter + (dialect->length > 0 ? dialect->length : 1);
  }
}

void dnmf_field_unescape(dnmf_field *field) {
  if (!field->escaped)
    return;
  char *to = field->begin;
  for (const char *from = field->begin; from < field->end; from++) {
    if (is_escape(field->escaped, from, field->end))
      from++;
    *to++ = *from;
  }
  field->end = to;
  field->escaped = NULL;
}

bool dnmf_field_is(const dnmf_field *field, const char *word) {
  size_t length = strlen(word);
  return (size_t)(field->end - field->begin) == length && strncasecmp(field->begin, word, length) == 0;
}
