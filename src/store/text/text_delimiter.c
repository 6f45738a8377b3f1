#include "store/text/text_delimiter.h"

#include "store/text/text_field.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { GUESS_LINES = 50 };

static const struct {
  const char *name;
  const char *text;
} delimiters[] = {
    /* In the order in which they are tried; the first characters are rarer inside a field than the last. */
    {"double colon", "::"}, {"tab", "\t"}, {"comma", ","}, {"semicolon", ";"}, {"pipe", "|"}, {"blank", ""},
};

enum { DELIMITERS = sizeof delimiters / sizeof *delimiters };

static void set_delimiter(dnmf_dialect *dialect, const char *text) {
  memset(dialect->delimiter, 0, sizeof dialect->delimiter);
  dialect->length = (int)strlen(text);
  memcpy(dialect->delimiter, text, (size_t)dialect->length);
}

dnmf_status dnmf_delimiter_parse(dnmf_error *error, const char *text, dnmf_dialect *dialect) {
  for (int d = 0; d < DELIMITERS; d++)
    if (strcasecmp(text, delimiters[d].name) == 0) {
      set_delimiter(dialect, delimiters[d].text);
      return DNMF_OK;
    }
  bool tab = strcmp(text, "\\t") == 0;
  bool blank = strcmp(text, " ") == 0 || strcasecmp(text, "space") == 0;
  if (*text == '\0' || strlen(text) >= sizeof dialect->delimiter || strpbrk(text, "\"\r\n"))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "the delimiter \"%s\" cannot be used; give comma, tab, semicolon, pipe, blank, or up to %zu "
                     "characters such as ::",
                     text, sizeof dialect->delimiter - 1);
  set_delimiter(dialect, tab ? "\t" : blank ? "" : text);
  return DNMF_OK;
}

/* A single character. */
static dnmf_status parse_character(dnmf_error *error, const char *option, const char *text, char *character) {
  if (strlen(text) != 1 || *text == ' ' || (*text >= '0' && *text <= '9'))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "%s %s: give a single character", option, text);
  *character = *text;
  return DNMF_OK;
}

dnmf_status dnmf_dialect_parse(dnmf_error *error, const dnmf_source_options *options, dnmf_dialect *dialect) {
  memset(dialect, 0, sizeof *dialect);
  dialect->quote = '"';
  if (options->quote && strcasecmp(options->quote, "none") == 0)
    dialect->quote = 0;
  else if (options->quote)
    DNMF_TRY(parse_character(error, "--quote", options->quote, &dialect->quote));
  if (options->escape)
    DNMF_TRY(parse_character(error, "--escape", options->escape, &dialect->escape));
  if (options->escape && (dialect->quote == 0 || dialect->escape == dialect->quote))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--escape %s is for quoted fields; it goes neither with --quote none nor with the quote itself",
                     options->escape);
  if (options->decimal && strcmp(options->decimal, ",") != 0 && strcmp(options->decimal, ".") != 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--decimal %s: give , or .", options->decimal);
  dialect->decimal = (char)(options->decimal ? *options->decimal : 0);
  return DNMF_OK;
}

void dnmf_delimiter_name(const dnmf_dialect *dialect, char text[16]) {
  for (int d = 0; d < DELIMITERS; d++)
    if (strcmp(dialect->delimiter, delimiters[d].text) == 0) {
      snprintf(text, 16, "%s", delimiters[d].name);
      return;
    }
  snprintf(text, 16, "'%s'", dialect->delimiter);
}

/* Of the first lines, how many have the commonest number of fields that is `least` to `most`. */
static int agreeing_lines(const dnmf_text_file *file, const dnmf_dialect *dialect, int64_t least, int64_t most) {
  int64_t counts[GUESS_LINES] = {0};
  int lines = 0;
  dnmf_text_place place = file->start;
  for (; lines < GUESS_LINES; lines++) {
    dnmf_text_line line = dnmf_text_head_line(file, &place);
    if (!line.begin)
      break;
    counts[lines] = dnmf_text_split(dialect, line, 0, NULL);
  }
  int best = 0;
  for (int i = 0; i < lines; i++) {
    int same = 0;
    for (int j = 0; j < lines; j++)
      same += counts[j] == counts[i];
    if (counts[i] >= least && counts[i] <= most && same > best)
      best = same;
  }
  return best;
}

int dnmf_delimiter_guess(const dnmf_text_file *file, int64_t least, int64_t most, dnmf_dialect *dialect) {
  int best = 0;
  dnmf_dialect found = *dialect;
  for (int d = 0; d < DELIMITERS; d++) {
    dnmf_dialect candidate = *dialect;
    if (dialect->decimal && *delimiters[d].text == dialect->decimal)
      continue; /* it is in numbers */
    set_delimiter(&candidate, delimiters[d].text);
    int lines = agreeing_lines(file, &candidate, least, most);
    if (lines > best) {
      best = lines;
      found = candidate;
    }
  }
  *dialect = found;
  return best;
}
