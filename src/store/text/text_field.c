#include "store/text/text_field.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { GUESS_LINES = 50, WHOLE_DIGITS = 18 /* any number of that many digits fits */ };

static const struct {
  const char *name;
  const char *text;
} delimiters[] = {
    /* In the order in which they are tried; the first characters are rarer inside a field than the last. */
    {"double colon", "::"}, {"tab", "\t"}, {"comma", ","}, {"semicolon", ";"}, {"pipe", "|"}, {"blank", ""},
};

enum { DELIMITERS = sizeof delimiters / sizeof *delimiters };

static void set_delimiter(dnmf_delimiter *delimiter, const char *text) {
  memset(delimiter, 0, sizeof *delimiter);
  delimiter->length = (int)strlen(text);
  memcpy(delimiter->text, text, (size_t)delimiter->length);
}

dnmf_status dnmf_delimiter_parse(dnmf_error *error, const char *text, dnmf_delimiter *delimiter) {
  for (int d = 0; d < DELIMITERS; d++)
    if (strcasecmp(text, delimiters[d].name) == 0) {
      set_delimiter(delimiter, delimiters[d].text);
      return DNMF_OK;
    }
  bool tab = strcmp(text, "\\t") == 0;
  bool blank = strcmp(text, " ") == 0 || strcasecmp(text, "space") == 0;
  if (*text == '\0' || strlen(text) >= sizeof delimiter->text || strpbrk(text, "\"\r\n"))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "the delimiter \"%s\" cannot be used; give comma, tab, semicolon, pipe, blank, or up to %zu "
                     "characters such as ::",
                     text, sizeof delimiter->text - 1);
  set_delimiter(delimiter, tab ? "\t" : blank ? "" : text);
  return DNMF_OK;
}

void dnmf_delimiter_name(const dnmf_delimiter *delimiter, char text[16]) {
  for (int d = 0; d < DELIMITERS; d++)
    if (strcmp(delimiter->text, delimiters[d].text) == 0) {
      snprintf(text, 16, "%s", delimiters[d].name);
      return;
    }
  snprintf(text, 16, "'%s'", delimiter->text);
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static bool starts_with(const dnmf_delimiter *delimiter, const char *at, const char *end) {
  if (delimiter->length == 0)
    return is_blank(*at);
  return end - at >= delimiter->length && memcmp(at, delimiter->text, (size_t)delimiter->length) == 0;
}

static char *skip_blanks(const dnmf_delimiter *delimiter, char *at, const char *end) {
  while (at < end && is_blank(*at) && (delimiter->length == 0 || !starts_with(delimiter, at, end)))
    at++;
  return at;
}

/* Where the next delimiter begins, or `end`. */
static char *find(const dnmf_delimiter *delimiter, char *at, char *end) {
  if (delimiter->length == 0) {
    while (at < end && !is_blank(*at))
      at++;
    return at;
  }
  char first = delimiter->text[0];
  for (; at < end; at++)
    if (*at == first && (delimiter->length == 1 || starts_with(delimiter, at, end)))
      break;
  return at;
}

/* The field behind the opening quote at `at`; returns what follows the closing one, or NULL. */
static char *take_quoted(char *at, char *end, dnmf_field *field) {
  field->quoted = true;
  field->begin = ++at;
  for (; at < end; at++) {
    if (*at != '"')
      continue;
    if (at + 1 == end || at[1] != '"') {
      field->end = at;
      return at + 1;
    }
    field->doubled = true;
    at++;
  }
  return NULL;
}

/* The field without quotes at `at`; returns the place of the delimiter behind it. Nearly all fields of large files are
 * small numbers: their value is found while their end is. */
static char *take_plain(const dnmf_delimiter *delimiter, char *at, char *end, dnmf_field *field) {
  uint64_t sum = 0;
  char *begin = at;
  for (; at < end && (unsigned char)(*at - '0') < 10; at++)
    sum = 10 * sum + (unsigned char)(*at - '0');
  char *digits = at;
  at = find(delimiter, at, end);
  field->begin = begin;
  field->end = at;
  while (field->end > begin && is_blank(field->end[-1]))
    field->end--;
  int64_t length = field->end - begin;
  bool whole = field->end == digits && length > 0 && length <= WHOLE_DIGITS && (*begin != '0' || length == 1);
  field->whole = whole ? (int64_t)sum : -1;
  return at;
}

/* The field at `at`; returns the place of the delimiter behind it, or NULL when its quote is not closed. */
static char *take_field(const dnmf_delimiter *delimiter, char *at, char *end, dnmf_field *field) {
  field->quoted = field->doubled = false;
  field->whole = -1;
  if (delimiter->length > 0)
    at = skip_blanks(delimiter, at, end);
  if (at < end && *at == '"') {
    at = take_quoted(at, end, field);
    if (!at)
      return NULL;
    if (delimiter->length > 0)
      at = skip_blanks(delimiter, at, end);
    return at == end || starts_with(delimiter, at, end) ? at : NULL;
  }
  return take_plain(delimiter, at, end, field);
}

int64_t dnmf_text_split(const dnmf_delimiter *delimiter, dnmf_text_line line, int64_t capacity, dnmf_field *fields) {
  int64_t count = 0;
  char *at = line.begin;
  if (delimiter->length == 0)
    at = skip_blanks(delimiter, at, line.end);
  for (;;) {
    dnmf_field other;
    at = take_field(delimiter, at, line.end, count < capacity ? &fields[count] : &other);
    if (!at)
      return -1;
    count++;
    if (at == line.end)
      return count;
    at = delimiter->length > 0 ? at + delimiter->length : skip_blanks(delimiter, at, line.end);
    if (delimiter->length == 0 && at == line.end)
      return count;
  }
}

void dnmf_field_undouble(dnmf_field *field) {
  if (!field->doubled)
    return;
  char *to = field->begin;
  for (const char *from = field->begin; from < field->end; from++) {
    if (*from == '"')
      from++;
    *to++ = *from;
  }
  field->end = to;
  field->doubled = false;
}

bool dnmf_field_is(const dnmf_field *field, const char *word) {
  size_t length = strlen(word);
  return (size_t)(field->end - field->begin) == length && strncasecmp(field->begin, word, length) == 0;
}

/* Of the first lines, how many have the commonest number of fields that is `least` or more. */
static int agreeing_lines(const dnmf_text_file *file, const dnmf_delimiter *delimiter, int64_t least) {
  int64_t counts[GUESS_LINES] = {0};
  int lines = 0;
  dnmf_text_place place = {file->start, 0};
  for (; lines < GUESS_LINES; lines++) {
    dnmf_text_line line = dnmf_text_head_line(file, &place);
    if (!line.begin)
      break;
    counts[lines] = dnmf_text_split(delimiter, line, 0, NULL);
  }
  int best = 0;
  for (int i = 0; i < lines; i++) {
    int same = 0;
    for (int j = 0; j < lines; j++)
      same += counts[j] == counts[i];
    if (counts[i] >= least && same > best)
      best = same;
  }
  return best;
}

bool dnmf_delimiter_guess(const dnmf_text_file *file, int64_t least, dnmf_delimiter *delimiter) {
  int best = 0;
  for (int d = 0; d < DELIMITERS; d++) {
    dnmf_delimiter candidate;
    set_delimiter(&candidate, delimiters[d].text);
    int lines = agreeing_lines(file, &candidate, least);
    if (lines > best) {
      best = lines;
      *delimiter = candidate;
    }
  }
  return best > 0;
}
