/*
 * Text that no table and no triples begin as: told by the first line.
 */
#include "store/foreign_text.h"

#include "store/foreign_command.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { PATH_SHOWN = 299 };

#define PAGE PANDAS("read_html('{}')[0]")
/* The rows that are inserted. */
#define SQL "sed -n '/^INSERT/,/;$/{s/.* VALUES//;p;}' '{}' | grep -o '([^()]*)' | tr -d \"()'\" > '{}.csv'"
#define SOFT                                                                                                           \
  "awk -F '\\t' '/^.SAMPLE/ {split($0, p, \" = \"); s = p[2]} /^!.*table_end/ {t = 0} t > 1 {print $1 \"\\t\" s "      \
  "\"\\t\" $2} "                                                                                                       \
  "t {t++} /^!sample_table_begin/ {t = 1}' '{}' | dnmf ... - --missing zero"
#define BIOM "sed 's/^#OTU ID/id/; /^#/d' '{}' | dnmf ... - --format table"

/* Text, by its first line, in any case. */
static const foreign_begin texts[] = {
    {"#1.2", "GCT", "tail -n +3 '{}' | cut -f 1,3- | dnmf ... - --format table"},
    {"#1.3", "GCT 1.3",
     "awk -F '\\t' 'NR == 2 {r = $3; c = $4} NR == 3 || NR > 3 + c {printf \"%s\", $1; for (i = 2 + r; i <= NF; i++) "
     "printf \"\\t%s\", $i; print \"\"}' '{}' | dnmf ... - --format table"},
    {"!Series_", "a series matrix of GEO", "grep -v '^!' '{}' | dnmf ... - --format table"},
    {"# Program:featureCounts", "a table of featureCounts",
     "grep -v '^#' '{}' | cut -f 1,7- | dnmf ... - --format table"},
    {"# Constructed from biom file", "a table of BIOM", BIOM},
    {"#OTU ID", "a table of BIOM", BIOM},
    {"# gene-model:", "a table of counts by STAR, of one sample",
     "grep -v -e '^#' -e '^N_' '{}' | cut -f 1,4 | dnmf ... - --format table"},
    {"N_unmapped\t", "a table of counts by STAR, of one sample",
     "grep -v '^N_' '{}' | cut -f 1,2 | dnmf ... - --format table"},
    {"FID IID PAT MAT SEX PHENOTYPE", "a table of allele counts by PLINK",
     "cut -d ' ' -f 2,7- '{}' | dnmf ... - --format table --missing unobserved"},
    {"##fileformat=VCF", "VCF, variants",
     "awk -F '\\t' '/^##/ {next} /^#/ {for (i = 10; i <= NF; i++) s[i] = $i; next} {for (i = 10; i <= NF; i++) {g = "
     "$i; "
     "sub(/:.*/, \"\", g); n = gsub(/[1-9]/, \"\", g); print s[i] \"\\t\" $1 \":\" $2 \"\\t\" n}}' '{}' | dnmf ... - "
     "--missing zero"},
    {"@HD\t", "SAM, reads", "featureCounts -a GENES.gtf -o '{}.counts' '{}'"},
    {"@SQ\t", "SAM, reads", "featureCounts -a GENES.gtf -o '{}.counts' '{}'"},
    {"^DATABASE", "SOFT, samples of GEO", SOFT},
    {"^PLATFORM", "SOFT, samples of GEO", SOFT},
    {"^SERIES", "SOFT, samples of GEO", SOFT},
    {"^SAMPLE", "SOFT, samples of GEO", SOFT},
    {"<!doctype", "a web page", PAGE},
    {"<html", "a web page", PAGE},
    {"<head", "a web page", PAGE},
    {"<body", "a web page", PAGE},
    {"<table", "a web page", PAGE},
    {"<?xml", "XML", PANDAS("read_xml('{}')")},
    {"INSERT INTO", "SQL", SQL},
    {"CREATE TABLE", "SQL", SQL},
    {"DROP TABLE", "SQL", SQL},
    {"-- MySQL dump", "SQL", SQL},
    {"-- MariaDB dump", "SQL", SQL},
    {"PRAGMA foreign_keys", "SQL", SQL},
    {"--\n-- PostgreSQL", "SQL of PostgreSQL", "awk '/^COPY / {t = 1; next} /^\\\\[.]/ {t = 0} t' '{}' | dnmf ... -"},
    {"structure(", "an R object, as dput writes it", R(R_TABLE("dget(\"{}\")"))},
    {"\\begin{", "LaTeX", DNMF_FOREIGN_LATEX},
    {"\\documentclass", "LaTeX", DNMF_FOREIGN_LATEX},
    {"{\\rtf", "RTF", "unrtf --text '{}'"},
    {"%!PS", "PostScript", "ps2ascii '{}'"},
    {"ncols ", "a grid of ESRI", "grep -v '^[A-Za-z]' '{}' | dnmf ... - --format table"},
    {"*Vertices", "a graph of Pajek",
     "awk '/^[*]/ {e = $0 ~ /^[*][AaEe]/; next} e {print $1, $2, $3}' '{}' | dnmf ... -"},
    {"---\n", "YAML", DNMF_FOREIGN_YAML},
    {"sep=", "text with a line for Excel before it", "tail -n +2 '{}' | dnmf ... -"},
    {"version https://git-lfs", "a pointer of Git LFS, which has not fetched the file", "git lfs pull --include '{}'"},
    {"/annex/objects/", "a pointer of git-annex, which has not fetched the file", "git annex get '{}'"},
    {"product/productId:", "in blocks of lines, as Amazon's reviews are",
     "awk -F ': ' '/productId/ {i = $2} /userId/ {u = $2} /review.score/ {print u \",\" i \",\" $2}' '{}' > '{}.csv'"},
};

#define FASTA                                                                                                          \
  "awk '/^>/ {n = substr($1, 2); s = \"\"; next} {s = substr(s, length(s) - 2) $0; for (i = 1; i + 3 <= length(s); "   \
  "i++) "                                                                                                              \
  "print n, substr(s, i, 4)}' '{}' | dnmf ... - --value-column none"
#define SECTIONS                                                                                                       \
  PYTHON("import configparser, pandas; c = configparser.ConfigParser(); c.optionxform = str; c.read('{}'); "           \
         "pandas.DataFrame([dict(c[s]) for s in c.sections()], c.sections()).to_csv('{}.csv')")

static bool is_foreign_word(const char *at, const char *end, const char *word) {
  return end - at >= (int64_t)strlen(word) && strncasecmp(at, word, strlen(word)) == 0;
}

static const char *skip_white(const char *at, const char *end) {
  while (at < end && isspace((unsigned char)*at))
    at++;
  return at;
}

static const char *skip_digits(const char *at, const char *end) {
  while (at < end && isdigit((unsigned char)*at))
    at++;
  return at;
}

/* What a command of ours told with --json begins with its name. */
static bool is_told_by(const char *at, const char *end, const char *command) {
  static const char key[] = "\"command\":";
  const size_t length = strlen(command);
  const char *next = skip_white(at + 1, end);
  if (!is_foreign_word(next, end, key))
    return false;
  next = skip_white(next + sizeof key - 1, end);
  return end - next > (int64_t)length + 1 && *next == '"' && strncmp(next + 1, command, length) == 0 &&
         next[length + 1] == '"';
}

/* A first line in square brackets that is no JSON: from `at` to `last`, `next` the first letter within them. */
static dnmf_status refuse_brackets(dnmf_error *error, const char *path, const char *at, const char *next,
                                   const char *last, const char *packing) {
  const char *close = next < last ? memchr(next, ']', (size_t)(last - next)) : NULL;
  const bool word = next < last && isalpha((unsigned char)*next);
  const bool known = is_foreign_word(next, last, "null") || is_foreign_word(next, last, "true") ||
                     is_foreign_word(next, last, "false");
  if (next < last && *next == ',')
    return dnmf_foreign_name(error, path, packing, "a matrix as R prints it",
                             "sed '1d; s/^ *.[0-9]*,.//' '{}' | dnmf ... - --format table");
  if (next >= last || memchr(at, ',', (size_t)(last - at)))
    return DNMF_OK;
  if (word && !known && close == last - 1)
    return dnmf_foreign_name(error, path, packing, "parted into sections, as INI and TOML files are", SECTIONS);
  const char *blank = memchr(next, ' ', (size_t)(last - next));
  if (word || !blank || (close && close < blank))
    return DNMF_OK;
  return dnmf_foreign_name(error, path, packing, "a matrix as programs print it, in brackets",
                           *next == '[' ? "tr -d '\\n' < '{}' | tr ']' '\\n' | tr -d '[' | dnmf ... - --format table"
                                        : "tr ';' '\\n' < '{}' | tr -d '[]' | dnmf ... - --format table");
}

/* An object, of which one may be on each line, and an array: of objects, of arrays, or one on each line. */
static dnmf_status refuse_json(dnmf_error *error, const char *path, const char *at, const char *end,
                               const char *packing) {
  const char *next = skip_white(at + 1, end);
  const char *feed = memchr(at, '\n', (size_t)(end - at));
  const char *last = feed ? feed : end;
  while (last > at && isspace((unsigned char)last[-1]))
    last--;
  if (next == end)
    return DNMF_OK;
  if (*at == '[')
    DNMF_TRY(refuse_brackets(error, path, at, next, last, packing));
  if (*at == '[' && *next == '{')
    return dnmf_foreign_name(error, path, packing, "JSON", RECORDS);
  if (*at == '[' && *next == '[')
    return dnmf_foreign_name(error, path, packing, "JSON", "jq -r '.[] | @csv' '{}' | dnmf ... - --format table");
  if (*at == '[' && last[-1] == ']')
    return dnmf_foreign_name(error, path, packing, "JSON", "jq -r @csv '{}' | dnmf ... - --format table");
  const char *colon = *at == '{' && *next == '"' ? memchr(at, ':', (size_t)(end - at)) : NULL;
  if (!colon)
    return DNMF_OK;
  const char *value = skip_white(colon + 1, end);
  if (is_foreign_word(next, end, "\"columns\"") || is_foreign_word(next, end, "\"index\""))
    return dnmf_foreign_name(error, path, packing, "JSON", FRAME("read_json('{}', orient='split')"));
  const char *first = value < end ? skip_white(value + 1, end) : end;
  if (first < end && (*value == '{' || (*value == '[' && *first != '{')))
    return dnmf_foreign_name(error, path, packing, "JSON", FRAME("read_json('{}')"));
  return dnmf_foreign_name(error, path, packing, "JSON", RECORDS);
}

/* Ratings below a line that tells whose they are. */
static dnmf_status refuse_blocks(dnmf_error *error, const char *path, const char *at, const char *end,
                                 const char *packing) {
  const char *feed = memchr(at, '\n', (size_t)(end - at));
  const char *digits = skip_digits(at, end);
  const char *after = digits < end ? skip_digits(digits + 1, end) : end;
  if (!feed || digits == at)
    return DNMF_OK;
  if (*digits == ':' && (digits + 1 == feed || digits[1] == '\r'))
    return dnmf_foreign_name(error, path, packing,
                             "in blocks that begin with a number and a colon, as Netflix's ratings are",
                             "awk -F, '/:/{m=$1+0;next}{print $1\",\"m\",\"$2}' '{}' > '{}.csv'");
  if (*digits == '|' && after > digits + 1 && (after == feed || *after == '\r')) {
    const char *next = skip_digits(feed + 1, end);
    if (next > feed + 1 && next < end && *next == '\t')
      return dnmf_foreign_name(error, path, packing,
                               "in blocks that begin with two numbers and a bar, as Yahoo's ratings are",
                               "awk -F '[|\\t]' '/[|]/ {u = $1; next} {print u \",\" $1 \",\" $2}' '{}' > '{}.csv'");
  }
  return DNMF_OK;
}

/* <name ...> or <name>, with no number behind it, as a table has where a row is called so. */
static bool is_tag(const char *at, const char *end) {
  const char *close = at < end && *at == '<' ? memchr(at, '>', (size_t)(end - at)) : NULL;
  if (!close || end - at < 2 || is_foreign_word(at, end, "<http") || !(isalpha((unsigned char)at[1]) || at[1] == '!'))
    return false;
  const char *feed = memchr(at, '\n', (size_t)(close - at));
  const char *next = close + 1;
  while (next < end && (*next == ' ' || *next == '\t'))
    next++;
  return !feed && (next == end || *next == '<' || *next == '\n' || *next == '\r') && close[-1] != '\t';
}

/* A line that begins with >, and one of letters alone. */
static bool is_sequence(const char *at, const char *end) {
  const char *feed = at < end && *at == '>' ? memchr(at, '\n', (size_t)(end - at)) : NULL;
  const char *next = feed ? feed + 1 : end;
  while (next < end && (isalpha((unsigned char)*next) || *next == '*' || *next == '-'))
    next++;
  return feed && next > feed + 3 && (next == end || *next == '\n' || *next == '\r');
}

/* Past the lines of comments that ARFF has. */
static const char *skip_comments(const char *at, const char *end) {
  while (at < end && *at == '%') {
    const char *feed = memchr(at, '\n', (size_t)(end - at));
    at = skip_white(feed ? feed : end, end);
  }
  return at;
}

/* Whether a line of the head begins so. */
static bool has_line(const char *at, const char *end, const char *begin) {
  while (at < end && !is_foreign_word(at, end, begin)) {
    const char *feed = memchr(at, '\n', (size_t)(end - at));
    at = feed ? feed + 1 : end;
  }
  return at < end;
}

/* Rows are lines of values, or lists of columns and values in braces. */
static dnmf_status refuse_arff(dnmf_error *error, const char *path, const char *at, const char *end,
                               const char *packing) {
  if (has_line(at, end, "{"))
    return dnmf_foreign_name(error, path, packing, "sparse ARFF",
                             "awk -F '[},{]' '/^[{]/ {o = 0; for (i = 2; i <= NF; i++) if (split($i, p, \" \") == 2) o "
                             "= o \" \" p[1] \":\" p[2]; "
                             "print o}' '{}' | dnmf ... - --format svmlight --index-base 0");
  return dnmf_foreign_name(error, path, packing, "ARFF", "grep -v '^[@%]' '{}' | dnmf ... - --format table");
}

static dnmf_status refuse_octave(dnmf_error *error, const char *path, const char *at, const char *end,
                                 const char *packing) {
  return dnmf_foreign_name(error, path, packing, "text as Octave saves it",
                           has_line(at, end, "# type: sparse") ? "grep -v '^#' '{}' | dnmf ... - --missing zero"
                                                               : "grep -v '^#' '{}' | dnmf ... - --format table");
}

/* Forms of text that no table and no triples begin as. */
dnmf_status dnmf_foreign_refuse_text(dnmf_error *error, const char *path, const char *bytes, int64_t count,
                                     const char *packing) {
  const char *end = bytes + count;
  const char *at = skip_white(count >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? bytes + 3 : bytes, end);
  for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
    if (is_foreign_word(at, end, texts[t].begin))
      return dnmf_foreign_name(error, path, packing, texts[t].what, texts[t].command);
  if (is_foreign_word(skip_comments(at, end), end, "@relation"))
    return refuse_arff(error, path, at, end, packing);
  if (is_foreign_word(at, end, "# Created by Octave") || is_foreign_word(at, end, "# name: "))
    return refuse_octave(error, path, at, end, packing);
  if (is_sequence(at, end))
    return dnmf_foreign_name(error, path, packing, "FASTA, sequences; this counts their words of four letters", FASTA);
  if (is_tag(at, end))
    return dnmf_foreign_name(error, path, packing, "XML", PANDAS("read_xml('{}')"));
  if (at < end && *at == '{' && is_told_by(at, end, "tune"))
    return dnmf_fail(
        error, DNMF_ERROR_INPUT,
        "is what dnmf tune --json told of a search, and no matrix; dnmf report '%.*s' -o PAGE.html makes a "
        "page of it",
        PATH_SHOWN, path);
  if (at < end && (*at == '{' || *at == '['))
    DNMF_TRY(refuse_json(error, path, at, end, packing));
  const char *carriage = at < end ? memchr(at, '\r', (size_t)(end - at)) : NULL;
  if (carriage && skip_white(carriage, end) < end && !memchr(at, '\n', (size_t)(end - at)))
    return dnmf_foreign_name(error, path, packing, "text whose lines end with a carriage return alone",
                             "tr '\\r' '\\n' < '{}' | dnmf ... -");
  return refuse_blocks(error, path, at, end, packing);
}
