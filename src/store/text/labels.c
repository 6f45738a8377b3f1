#include "store/text/labels.h"

#include "base/memory.h"
#include "store/ids/interner.h"
#include "store/text/stream.h"
#include "store/text/text_columns.h"
#include "store/text/text_delimiter.h"
#include "store/text/text_field.h"
#include "store/text/text_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_FIELDS = 256 };

void dnmf_labels_free(dnmf_labels *labels) {
  dnmf_ids_free(&labels->names);
  labels->known = 0;
}

/* Everything that a stream gives; a byte more than that is there, and 0. */
static dnmf_status unpack_whole(dnmf_error *error, dnmf_stream *stream, char **text, int64_t *size) {
  enum { PIECE = 1 << 18 };
  int64_t capacity = 0;
  int64_t got = PIECE;
  *size = 0;
  while (got == PIECE) {
    void *memory = *text;
    dnmf_status status = dnmf_grow(error, "labels", *size + PIECE + 1, 1, &capacity, &memory);
    *text = memory;
    DNMF_TRY(status);
    DNMF_TRY(dnmf_stream_read(error, stream, PIECE, *text + *size, &got));
    *size += got;
  }
  (*text)[*size] = 0;
  return DNMF_OK;
}

static dnmf_status read_packed(dnmf_error *error, const char *path, int file, dnmf_packing packing, char **text,
                               int64_t *size) {
  dnmf_stream *stream = NULL;
  free(*text);
  *text = NULL;
  dnmf_status status = dnmf_stream_open(error, path, file, packing, &stream);
  if (status == DNMF_OK)
    status = unpack_whole(error, stream, text, size);
  dnmf_stream_close(stream);
  return status;
}

static dnmf_status read_whole(dnmf_error *error, const char *path, char **text, int64_t *size) {
  struct stat about;
  void *memory = NULL;
  FILE *file = fopen(path, "rb");
  if (!file || fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode)) {
    const char *reason = file ? "not a regular file" : strerror(errno);
    if (file)
      fclose(file);
    return dnmf_fail(error, DNMF_ERROR_FILE, "cannot read labels from %s: %s", path, reason);
  }
  dnmf_status status = dnmf_allocate_zero(error, "labels", about.st_size + 1, 1, &memory);
  *text = memory;
  *size = about.st_size;
  if (status == DNMF_OK && fread(memory, 1, (size_t)about.st_size, file) != (size_t)about.st_size)
    status = dnmf_fail(error, DNMF_ERROR_FILE, "cannot read labels from %s", path);
  dnmf_packing packing = status == DNMF_OK ? dnmf_packing_of(*text, *size) : DNMF_UNPACKED;
  if (packing != DNMF_UNPACKED)
    status = read_packed(error, path, fileno(file), packing, text, size);
  fclose(file);
  return status;
}

/* Bytes of the UTF-8 character at `at`; 0 when it is none. */
static int64_t character(const unsigned char *at, const unsigned char *end) {
  int64_t length = *at < 0x80 ? 1 : *at >= 0xc2 && *at < 0xe0 ? 2 : *at >= 0xe0 && *at < 0xf0 ? 3 : 4;
  if (*at >= 0xf5 || (*at >= 0x80 && *at < 0xc2) || end - at < length)
    return 0;
  for (int64_t i = 1; i < length; i++)
    if ((at[i] & 0xc0) != 0x80)
      return 0;
  return length;
}

static bool is_utf8(const char *text, int64_t size) {
  const unsigned char *at = (const unsigned char *)text;
  const unsigned char *end = at + size;
  while (at < end) {
    int64_t length = character(at, end);
    if (length == 0)
      return false;
    at += length;
  }
  return true;
}

/* Latin-1's characters are the first 256 of Unicode. */
static dnmf_status convert_latin1(dnmf_error *error, char **text, int64_t *size) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "labels", 2 * *size + 1, 1, &memory));
  unsigned char *to = memory;
  for (int64_t i = 0; i < *size; i++) {
    unsigned char byte = (unsigned char)(*text)[i];
    if (byte >= 0x80) {
      *to++ = (unsigned char)(0xc0 | byte >> 6);
      *to++ = (unsigned char)(0x80 | (byte & 0x3f));
    } else {
      *to++ = byte;
    }
  }
  *size = to - (unsigned char *)memory;
  free(*text);
  *text = memory;
  return DNMF_OK;
}

/* A column of the file: a number from 0, or, while that is negative, a name of its first line. */
typedef struct label_column {
  int at;
  const char *name;
  size_t length;
} label_column;

typedef struct label_columns {
  label_column id;
  label_column label;
} label_columns;

/* A whole number is the number of a column (from 1), anything else its name. */
static bool parse_column(const char *text, size_t length, label_column *column) {
  char *end = NULL;
  long number = strtol(text, &end, 10);
  *column = (label_column){-1, text, length};
  if (length == 0 || end != text + length)
    return length > 0;
  column->at = (int)(number - 1);
  return number >= 1 && number <= MOST_FIELDS;
}

static dnmf_status parse_columns(dnmf_error *error, const char *text, label_columns *columns) {
  const char *given = text ? text : "1,2";
  size_t first = strcspn(given, ",");
  if (given[first] && parse_column(given, first, &columns->id) &&
      parse_column(given + first + 1, strlen(given + first + 1), &columns->label))
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE,
                   "label columns %s: give the names or numbers of the id's and the label's columns, e.g. 1,2", given);
}

/* The number of the column whose name the first line has. */
static dnmf_status find_named(dnmf_error *error, const char *path, dnmf_field *fields, int64_t count,
                              label_column *column) {
  for (int64_t f = 0; f < count && column->at < 0; f++) {
    dnmf_field_unescape(&fields[f]);
    if ((size_t)(fields[f].end - fields[f].begin) == column->length &&
        memcmp(fields[f].begin, column->name, column->length) == 0)
      column->at = (int)f;
  }
  return column->at >= 0 ? DNMF_OK
                         : dnmf_fail(error, DNMF_ERROR_INPUT, "%s: its first line has no column called %.*s", path,
                                     (int)column->length, column->name);
}

/* place[i] = the line's label, for the wanted id i that it names. */
static dnmf_status labels_take_line(dnmf_error *error, const char *path, int64_t line, dnmf_field *fields,
                                    int64_t count, const label_columns *columns, dnmf_interner *names, int64_t asked,
                                    dnmf_field *place) {
  int64_t most = columns->id.at > columns->label.at ? columns->id.at : columns->label.at;
  if (count < 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s, line %" PRId64 ": a quote is not closed", path, line);
  if (count <= most)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "%s, line %" PRId64 ": %" PRId64 " columns, but labels need %" PRId64
                     "; say which with --label-columns ID,LABEL",
                     path, line, count, most + 1);
  dnmf_field *id = &fields[columns->id.at];
  int64_t number = 0;
  dnmf_field_unescape(id);
  DNMF_TRY(dnmf_intern(error, names, id->begin, id->end - id->begin, &number));
  if (number < asked && !place[number].begin) {
    dnmf_field_unescape(&fields[columns->label.at]);
    place[number] = fields[columns->label.at];
  }
  return DNMF_OK;
}

/* The ids asked about are the first `asked` names; others that the file has follow them. */
static dnmf_status scan(dnmf_error *error, const char *path, const dnmf_text_file *file, label_columns *columns,
                        dnmf_interner *names, int64_t asked, dnmf_field *place) {
  dnmf_dialect dialect = {.quote = '"'};
  dnmf_field fields[MOST_FIELDS];
  dnmf_text_place at = file->start;
  if (dnmf_delimiter_guess(file, 2, INT64_MAX, &dialect) == 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s holds no labels: its lines have no two columns", path);
  for (;;) {
    dnmf_text_line line = dnmf_text_head_line(file, &at);
    if (!line.begin)
      return DNMF_OK;
    int64_t count = dnmf_text_split(&dialect, line, MOST_FIELDS, fields);
    if (columns->id.at < 0 || columns->label.at < 0) {
      DNMF_TRY(find_named(error, path, fields, count, &columns->id));
      DNMF_TRY(find_named(error, path, fields, count, &columns->label));
      continue;
    }
    DNMF_TRY(labels_take_line(error, path, at.lines, fields, count, columns, names, asked, place));
  }
}

/* Labels, or ids where there are none, one after another. `number` tells each wanted id's place. */
static dnmf_status collect_labels(dnmf_error *error, const dnmf_ids *wanted, const int64_t *number,
                                  const dnmf_field *place, dnmf_labels *labels) {
  void *memory = NULL;
  int64_t count = dnmf_range_size(wanted->range);
  dnmf_ids *names = &labels->names;
  *names = (dnmf_ids){.kind = DNMF_IDS_STRING, .count = count, .range = {0, count}};
  DNMF_TRY(dnmf_allocate_zero(error, "labels", count + 1, sizeof(int64_t), &memory));
  names->starts = memory;
  for (int64_t i = 0; i < count; i++) {
    const dnmf_field *field = &place[number[i]];
    int64_t own = wanted->starts[i + 1] - wanted->starts[i];
    labels->known += field->begin ? 1 : 0;
    names->starts[i + 1] = names->starts[i] + (field->begin ? field->end - field->begin : own);
  }
  DNMF_TRY(dnmf_allocate(error, "labels", names->starts[count] + 1, 1, &memory));
  names->text = memory;
  for (int64_t i = 0; i < count; i++) {
    const char *from = place[number[i]].begin ? place[number[i]].begin : wanted->text + wanted->starts[i];
    memcpy(names->text + names->starts[i], from, (size_t)(names->starts[i + 1] - names->starts[i]));
  }
  return DNMF_OK;
}

/* number[i] = the place of wanted id i among the distinct ones. */
static dnmf_status number_wanted(dnmf_error *error, const dnmf_ids *wanted, dnmf_interner *names, int64_t **number) {
  void *memory = NULL;
  int64_t count = dnmf_range_size(wanted->range);
  DNMF_TRY(dnmf_allocate_zero(error, "labels", count, sizeof(int64_t), &memory));
  *number = memory;
  for (int64_t i = 0; i < count; i++)
    DNMF_TRY(dnmf_intern(error, names, wanted->text + wanted->starts[i], wanted->starts[i + 1] - wanted->starts[i],
                         &(*number)[i]));
  return DNMF_OK;
}

dnmf_status dnmf_labels_read(dnmf_error *error, const char *path, const char *columns, const dnmf_ids *wanted,
                             dnmf_labels *labels) {
  dnmf_text_file file = {.path = path, .descriptor = -1};
  label_columns places;
  dnmf_interner names = {0};
  int64_t *number = NULL;
  void *place = NULL;
  memset(labels, 0, sizeof *labels);
  DNMF_TRY(parse_columns(error, columns, &places));
  dnmf_status status = read_whole(error, path, &file.head, &file.size);
  if (status == DNMF_OK && !is_utf8(file.head, file.size))
    status = convert_latin1(error, &file.head, &file.size);
  file.head_size = file.size;
  if (status == DNMF_OK && file.head)
    file.start.offset = strncmp(file.head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
  const dnmf_source_options defaults = {.format = DNMF_FORMAT_AUTO};
  if (status == DNMF_OK)
    status = dnmf_text_begin(error, &defaults, &file);
  if (status == DNMF_OK)
    status = number_wanted(error, wanted, &names, &number);
  int64_t asked = names.count;
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(error, "labels", asked, sizeof(dnmf_field), &place);
  if (status == DNMF_OK)
    status = scan(error, path, &file, &places, &names, asked, place);
  if (status == DNMF_OK)
    status = collect_labels(error, wanted, number, place, labels);
  dnmf_interner_free(&names);
  free(number);
  free(place);
  free(file.head);
  return status;
}
