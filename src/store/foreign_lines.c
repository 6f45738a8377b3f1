/*
 * Text in forms that are not read, but would be taken for columns: told by the shape of all of the first lines.
 */
#include "store/foreign.h"

#include "store/foreign_command.h"

#include <ctype.h>
#include <string.h>

enum { LINES = 20 /* looked at */, WORDS = 64 /* of a line */ };

typedef struct span {
  const char *begin;
  const char *end;
} span;

/* The first lines that are complete, without blank ones. */
typedef struct opening_lines {
  span line[LINES];
  int count;
} opening_lines;

static bool is_blank(char letter) {
  return letter == ' ' || letter == '\t' || letter == '\r';
}

static span span_trim(span text) {
  while (text.begin < text.end && is_blank(*text.begin))
    text.begin++;
  while (text.end > text.begin && is_blank(text.end[-1]))
    text.end--;
  return text;
}

/* The text up to `letter`, which with it leaves *rest; all of it when it is not there. */
static span span_until(span *rest, char letter) {
  span part = *rest;
  const char *found = memchr(part.begin, letter, (size_t)(part.end - part.begin));
  part.end = found ? found : part.end;
  rest->begin = found ? found + 1 : rest->end;
  return part;
}

/* The words of a line, parted by blanks. */
static int span_words(span text, span words[WORDS]) {
  int count = 0;
  for (text = span_trim(text); count < WORDS && text.begin < text.end; text = span_trim(text)) {
    words[count].begin = text.begin;
    while (text.begin < text.end && !is_blank(*text.begin))
      text.begin++;
    words[count++].end = text.begin;
  }
  return count;
}

static bool is_whole(span text) {
  const char *at = text.begin;
  while (at < text.end && isdigit((unsigned char)*at))
    at++;
  return at == text.end && at > text.begin && at - text.begin < 18;
}

static int64_t whole_of(span text) {
  int64_t value = 0;
  for (const char *at = text.begin; at < text.end; at++)
    value = 10 * value + (*at - '0');
  return value;
}

/* Digits with a sign, a point or an exponent, or colons between such, as labels of Vowpal Wabbit have. */
static bool is_label(span text, const char *others) {
  bool digit = false;
  for (const char *at = text.begin; at < text.end; at++) {
    digit = digit || isdigit((unsigned char)*at);
    if (!isdigit((unsigned char)*at) && !strchr(others, *at))
      return false;
  }
  return digit;
}

static bool is_spelt(span text, const char *word) {
  return text.end - text.begin == (int64_t)strlen(word) && memcmp(text.begin, word, strlen(word)) == 0;
}

/* A name as programs have them, which ends before `end`. */
static bool is_key(const char *begin, const char *end) {
  if (begin == end || !(isalpha((unsigned char)*begin) || *begin == '_'))
    return false;
  for (; begin < end; begin++)
    if (!isalnum((unsigned char)*begin) && !strchr("_-.", *begin))
      return false;
  return true;
}

static opening_lines split_lines(const char *bytes, int64_t count) {
  opening_lines all = {.count = 0};
  span text = {bytes, bytes + count};
  while (text.begin < text.end && all.count < LINES) {
    const bool complete = memchr(text.begin, '\n', (size_t)(text.end - text.begin)) != NULL;
    const span line = span_until(&text, '\n');
    const span words = span_trim(line);
    if (words.begin < words.end && *words.begin != '#' && (complete || all.count == 0))
      all.line[all.count++] = line;
  }
  return all;
}

typedef struct wabbit {
  bool certain; /* something that columns parted by bars do not have */
  bool pairs;   /* a label and two features, of a namespace each: a rating */
} wabbit;

/* LABEL [WEIGHT] [TAG]|NAMESPACE FEATURE[:VALUE] ... |NAMESPACE ... */
static bool is_wabbit_line(span line, wabbit *found) {
  span words[WORDS];
  span rest = line;
  const span head = span_until(&rest, '|');
  if (head.end == line.end)
    return false;
  const int labels = span_words(head, words);
  const bool touches = head.end > head.begin && !is_blank(head.end[-1]);
  for (int w = 0; w < labels; w++) {
    const bool tag = w == labels - 1 && (*words[w].begin == '\'' || (w > 0 && touches));
    if (!tag && !is_label(words[w], "+-.:eE"))
      return false;
    found->certain = found->certain || tag || memchr(words[w].begin, ':', (size_t)(words[w].end - words[w].begin));
  }
  int spaces = 0;
  found->pairs = found->pairs && labels == 1;
  for (bool more = true; more; spaces++) {
    const char *begin = rest.begin;
    const span part = span_until(&rest, '|');
    more = part.end < line.end;
    const bool named = begin < part.end && !is_blank(*begin);
    const int features = span_words(part, words) - named;
    if (features < 1)
      return false;
    found->pairs = found->pairs && named && features == 1;
    found->certain = found->certain || (named && !touches) || (!named && features > 1 && !more && spaces == 0);
    for (int w = named; w < features + named; w++) {
      span value = words[w];
      span_until(&value, ':');
      found->certain = found->certain || (value.begin < value.end && is_label(value, "+-.eE"));
    }
  }
  found->pairs = found->pairs && spaces == 2;
  return true;
}

static dnmf_status refuse_wabbit(dnmf_error *error, const char *path, const opening_lines *all, const char *packing) {
  wabbit found = {.pairs = true};
  for (int l = 0; l < all->count; l++)
    if (!is_wabbit_line(all->line[l], &found))
      return DNMF_OK;
  if (!found.certain)
    return DNMF_OK;
  if (found.pairs)
    return dnmf_foreign_name(
        error, path, packing, "text of Vowpal Wabbit" DNMF_FOREIGN_AS_IT_IS,
        "awk -F '[|]' '{split($2, r, \" \"); split($3, c, \" \"); print r[2] \"\\t\" c[2] \"\\t\" $1 "
        "+ 0}' '{}' > '{}.tsv'");
  return dnmf_foreign_name(
      error, path, packing, "text of Vowpal Wabbit" DNMF_FOREIGN_AS_IT_IS,
      "awk -F '[|]' '{for (s = 2; s <= NF; s++) {n = split($s, f, \" \"); a = $s ~ /^[^ ]/; split(a ? f[1] : \"\", x, "
      "\":\"); w = a ? x[1] \"^\" : \"\"; g = x[2] == \"\" ? 1 : x[2]; for (i = 1 + a; i <= n; i++) {p = split(f[i], "
      "v, "
      "\":\"); print NR \"\\t\" w v[1] \"\\t\" g * (p > 1 ? v[2] : 1)}}}' '{}' | dnmf ... - --missing zero "
      "--duplicates sum");
}

/* chr1, chrX, chrUn_KI270302v1: "chr", then digits or one of a few names, then the end or an underscore. */
static bool is_chromosome(span word) {
  static const char *const names[] = {"X", "Y", "M", "MT", "Un", "EBV", NULL};
  if (word.end - word.begin < 4 || memcmp(word.begin, "chr", 3) != 0)
    return false;
  const char *at = word.begin + 3;
  while (at < word.end && isdigit((unsigned char)*at))
    at++;
  if (at > word.begin + 3)
    return at == word.end || *at == '_';
  for (const char *const *name = names; *name; name++) {
    const int64_t length = (int64_t)strlen(*name);
    if (word.end - at >= length && memcmp(at, *name, (size_t)length) == 0 &&
        (word.end - at == length || at[length] == '_'))
      return true;
  }
  return false;
}

/* chr1 100 200 ..., or a header with start and end in its second and third place. */
static dnmf_status refuse_intervals(dnmf_error *error, const char *path, const opening_lines *all,
                                    const char *packing) {
#define INTERVALS                                                                                                      \
  "awk '{sub(/^#/, \"\"); n = $1 \":\" $2 \"-\" $3; $1 = $2 = $3 = \"\"; print n $0}' '{}' | dnmf ... - --format "     \
  "table"
  int values = WORDS;
  for (int l = 0; l < all->count; l++) {
    span words[WORDS];
    const int count = span_words(all->line[l], words);
    if (count < 3)
      return DNMF_OK;
    const bool header = l == 0 && is_spelt(words[1], "start") && is_spelt(words[2], "end");
    if (!header && !(is_chromosome(words[0]) && is_whole(words[1]) && is_whole(words[2]) &&
                     whole_of(words[1]) < whole_of(words[2])))
      return DNMF_OK;
    int numbers = 0;
    while (!header && 3 + numbers < count && is_label(words[3 + numbers], "+-.eE"))
      numbers++;
    values = header || values < numbers ? values : 3 + numbers < count ? 0 : numbers;
  }
  if (values == 0)
    return dnmf_foreign_name(error, path, packing, "BED, intervals without values" DNMF_FOREIGN_AS_IT_IS,
                             "cut -f 1-3 '{}' | bedtools multicov -bams SAMPLES.bam -bed - > '{}.tsv'");
  return dnmf_foreign_name(error, path, packing,
                           values == 1 ? "bedGraph, one sample (bedtools unionbedg joins several)" DNMF_FOREIGN_AS_IT_IS
                                       : "a table of intervals" DNMF_FOREIGN_AS_IT_IS,
                           INTERVALS);
#undef INTERVALS
}

/* (0, 1) 3.5 */
static bool is_tuple(span line) {
  line = span_trim(line);
  span rest = {line.begin + 1, line.end};
  return line.begin < line.end && *line.begin == '(' && is_whole(span_trim(span_until(&rest, ','))) &&
         rest.begin < rest.end;
}

/* NAME = VALUE */
static bool is_assignment(span line) {
  span words[WORDS];
  return span_words(line, words) >= 3 && is_spelt(words[1], "=") && !strchr("[{(", *words[2].begin);
}

/* NAME=VALUE NAME=VALUE ... */
static bool is_keyed(span line) {
  int fields = 0;
  for (span rest = span_trim(line); rest.begin < rest.end; fields++) {
    const char *equals = memchr(rest.begin, '=', (size_t)(rest.end - rest.begin));
    if (!equals || !is_key(rest.begin, equals))
      return false;
    while (rest.begin < rest.end && !is_blank(*rest.begin) && *rest.begin != ',')
      rest.begin++;
    rest.begin += rest.begin < rest.end;
    rest = span_trim(rest);
  }
  return fields > 1;
}

/* "- NAME: VALUE", "NAME: VALUE" or "NAME:" */
static bool is_yaml(span line) {
  line = span_trim(line);
  if (line.end - line.begin > 2 && line.begin[0] == '-' && line.begin[1] == ' ')
    line.begin += 2;
  const span whole = line;
  const span name = span_until(&line, ':');
  return name.end < whole.end && is_key(name.begin, name.end) && (line.begin == line.end || is_blank(*line.begin));
}

/* a & b \\ */
static bool is_latex(span line) {
  line = span_trim(line);
  return line.end - line.begin > 4 && line.end[-1] == '\\' && line.end[-2] == '\\' &&
         memchr(line.begin, '&', (size_t)(line.end - line.begin));
}

/* A line of dashes, with bars or crosses, below the names or above them: of psql, mysql and Markdown. */
static bool is_ruled(const opening_lines *all) {
  for (int l = 0; l < 2 && l < all->count; l++) {
    const span line = span_trim(all->line[l]);
    int dashes = 0;
    int bars = 0;
    const char *at = line.begin;
    for (; at < line.end && strchr("-+|: ", *at); at++) {
      dashes += *at == '-';
      bars += *at == '|' || *at == '+';
    }
    if (at == line.end && dashes > 2 && bars > 0)
      return true;
  }
  return false;
}

/* Two numbers, of rows and columns, before lines of as many fields as there are columns, or one more. */
static bool is_sized_table(const opening_lines *all) {
  span words[WORDS];
  if (all->count < 2 || span_words(all->line[0], words) != 2 || !is_whole(words[0]) || !is_whole(words[1]))
    return false;
  const int64_t cols = whole_of(words[1]);
  for (int l = 1; l < all->count; l++) {
    const int count = span_words(all->line[l], words);
    if (cols < 3 || (count != WORDS && count != cols && count != cols + 1) || count > cols + 1)
      return false;
  }
  return true;
}

/* Lines of one kind, and what becomes of them. */
typedef struct line_form {
  bool (*is)(span line);
  const char *what;
  const char *command;
} line_form;

static const line_form line_forms[] = {
    {is_tuple, "lines of places in brackets" DNMF_FOREIGN_AS_IT_IS,
     "tr '(,)' '   ' < '{}' | dnmf ... - --missing zero"},
    {is_assignment, "lines of NAME = VALUE" DNMF_FOREIGN_AS_IT_IS,
     "awk -F ' *= *' '{print $1 \"\\t\" $2}' '{}' | dnmf ... - --format table"},
    {is_keyed, "fields of NAME=VALUE" DNMF_FOREIGN_AS_IT_IS, "sed 's/[A-Za-z_][A-Za-z0-9_.-]*=//g' '{}' | dnmf ... -"},
    {is_yaml, "YAML" DNMF_FOREIGN_AS_IT_IS, DNMF_FOREIGN_YAML},
    {is_latex, "LaTeX" DNMF_FOREIGN_AS_IT_IS, DNMF_FOREIGN_LATEX},
};

dnmf_status dnmf_foreign_refuse_lines(dnmf_error *error, const char *path, const char *bytes, int64_t count,
                                      const char *packing) {
  const opening_lines all = split_lines(bytes, count);
  if (all.count == 0)
    return DNMF_OK;
  for (size_t f = 0; f < sizeof line_forms / sizeof *line_forms; f++) {
    int alike = 0;
    while (alike < all.count && line_forms[f].is(all.line[alike]))
      alike++;
    if (alike == all.count)
      return dnmf_foreign_name(error, path, packing, line_forms[f].what, line_forms[f].command);
  }
  if (is_ruled(&all))
    return dnmf_foreign_name(
        error, path, packing, "a table with rules, as psql and mysql print and Markdown has it",
        "grep -v -e '^[-+|: ]*$' -e ' rows*)$' '{}' | sed 's/^ *|* *//; s/ *|* *$//; s/ *| */,/g' | "
        "dnmf ... -");
  if (is_sized_table(&all))
    return dnmf_foreign_name(error, path, packing, "a table below its size, as word2vec and CLUTO write it",
                             "tail -n +2 '{}' | dnmf ... - --format table");
  DNMF_TRY(refuse_intervals(error, path, &all, packing));
  return refuse_wabbit(error, path, &all, packing);
}
