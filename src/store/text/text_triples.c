/*
 * Triples: a row id, a column id and a value a line, with any further columns ignored.
 *
 * One pass over the text, a thread a part of it: ids become numbers of the part as they are met; the dictionaries then
 * turn those into global indices.
 */
#include "base/memory.h"
#include "comm/collective.h"
#include "store/cells.h"
#include "store/ids/dictionary.h"
#include "store/readers.h"
#include "store/text/text_columns.h"
#include "store/text/text_entries.h"
#include "store/text/text_plain_triple.h"
#include "store/text/text_repeats.h"
#include "store/text/text_value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES_AT_ONCE = 256 };

/* What all readers of a file go by. */
typedef struct triples {
  dnmf_text_columns columns;
  bool plain;      /* lines may be plain triples */
  bool times;      /* are the values */
  bool for_model;  /* as dnmf_source_options has it */
  int64_t size[3]; /* the first line, where it may be the size of the matrix: rows, columns, lines below; else 0 */
  dnmf_value_rule values;
  dnmf_repeats repeats; /* what else is kept of each entry to tell repeated ones apart */
  int parts;
  struct triples_part *part;
  dnmf_text_state *state;
} triples;

/* A part of the lines. */
typedef struct triples_part {
  triples *all;
  dnmf_value_rule values;
  dnmf_field *fields; /* of the line being read */
  dnmf_interner row_ids;
  dnmf_interner col_ids;
  dnmf_text_reader reader;
  dnmf_text_items *items;
  int64_t row_count; /* of ids, once they have joined the first part's and are freed */
  int64_t col_count;
} triples_part;

/* The number of an id, which nearly always is one that came before. */
static inline dnmf_status take_integer(dnmf_error *error, dnmf_interner *ids, int64_t value, uint32_t *number) {
  const uint32_t known = dnmf_interned_value(ids, value);
  int64_t found = (int64_t)known - 1;
  if (known == 0)
    DNMF_TRY(dnmf_intern_integer(error, ids, value, &found));
  *number = (uint32_t)found; /* fits: an interner holds no more */
  return DNMF_OK;
}

static dnmf_status take_plain(dnmf_error *error, triples_part *part, int64_t count, const dnmf_plain_triple *lines) {
  uint32_t rows[LINES_AT_ONCE];
  uint32_t cols[LINES_AT_ONCE];
  double values[LINES_AT_ONCE];
  for (int64_t i = 0; i < count; i++) {
    DNMF_TRY(take_integer(error, &part->row_ids, lines[i].row, &rows[i]));
    DNMF_TRY(take_integer(error, &part->col_ids, lines[i].col, &cols[i]));
    values[i] = lines[i].value;
  }
  return dnmf_text_append_all(error, part->items, count, rows, cols, values);
}

static dnmf_status triples_take_lines(dnmf_error *error, void *state, char *begin, const char *limit, const char *end,
                                      char **after, int64_t *count) {
  triples_part *part = state;
  dnmf_plain_triple lines[LINES_AT_ONCE];
  int64_t some = LINES_AT_ONCE;
  *after = begin;
  for (*count = 0; some == LINES_AT_ONCE; *count += some) {
    some = dnmf_plain_triples_read(&part->all->columns.dialect, *after, limit, end, LINES_AT_ONCE, lines, after);
    DNMF_TRY(take_plain(error, part, some, lines));
  }
  return DNMF_OK;
}

/* The value and the time of a line that is split; `missing` when it has no value. */
static dnmf_status take_value(dnmf_error *error, triples_part *part, double *value, double *time, bool *missing) {
  const dnmf_text_columns *columns = &part->all->columns;
  *value = 1;
  if (!columns->counted) {
    const dnmf_field *number = &part->fields[columns->place[DNMF_ROLE_VALUE]];
    DNMF_TRY(dnmf_text_value(error, &part->values, number->begin, number->end, value));
  }
  *missing = isnan(*value);
  if (columns->time < 0)
    return DNMF_OK;
  const dnmf_field *field = &part->fields[columns->time];
  return dnmf_text_time(error, field->begin, field->end, time);
}

static dnmf_status triples_take_line(dnmf_error *error, void *state, dnmf_text_line line) {
  triples_part *part = state;
  triples *all = part->all;
  const dnmf_text_columns *columns = &all->columns;
  dnmf_field *fields = part->fields;
  int64_t count = dnmf_text_split(&columns->dialect, line, columns->count, fields);
  if (count != columns->count)
    return dnmf_text_check_fields(error, count, columns->count,
                                  " (for a row of the matrix a line, give --format table)");
  double value = 0;
  double time = 0;
  bool missing = false;
  int64_t row = 0;
  int64_t col = 0;
  DNMF_TRY(take_value(error, part, &value, &time, &missing));
  DNMF_TRY(dnmf_text_id(error, &part->row_ids, "row", &fields[columns->place[DNMF_ROLE_ROW]], &row));
  DNMF_TRY(dnmf_text_id(error, &part->col_ids, "column", &fields[columns->place[DNMF_ROLE_COL]], &col));
  if (missing)
    return DNMF_OK;
  if (all->repeats.kind != DNMF_REPEATS_ALLOWED)
    DNMF_TRY(dnmf_repeats_note(error, &all->repeats, time, part->reader.lines));
  return dnmf_text_append(error, part->items, row, col, all->times ? time - DNMF_FIRST_TIME : value);
}

/* The strings of `from` join those of `to`; *numbers gives the number there of each. */
static dnmf_status join_ids(dnmf_error *error, const dnmf_interner *from, dnmf_interner *to, int64_t **numbers) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "numbers of ids", from->count, sizeof(int64_t), &memory));
  *numbers = memory;
  for (int64_t i = 0; i < from->count; i++)
    DNMF_TRY(
        dnmf_intern(error, to, from->text + from->starts[i], from->starts[i + 1] - from->starts[i], &(*numbers)[i]));
  return DNMF_OK;
}

/* The ids of all parts become those of the first. */
static dnmf_status join_parts(dnmf_error *error, triples *all) {
  triples_part *first = all->part;
  for (triples_part *part = first + 1; part < first + all->parts; part++) {
    DNMF_TRY(join_ids(error, &part->row_ids, &first->row_ids, &part->items->row_index));
    DNMF_TRY(join_ids(error, &part->col_ids, &first->col_ids, &part->items->col_index));
    part->row_count = part->row_ids.count;
    part->col_count = part->col_ids.count;
    dnmf_interner_free(&part->row_ids);
    dnmf_interner_free(&part->col_ids);
    first->values.missing += part->values.missing;
  }
  return DNMF_OK;
}

/* Numbers of the first part's ids become what they are in `index`. */
static void number_part(const int64_t *index, int64_t count, int64_t *numbers) {
  for (int64_t i = 0; i < count; i++)
    numbers[i] = index[numbers[i]];
}

/* Global indices for the local numbers of ids, which the entries keep until they are loaded. */
static dnmf_status number_ids(dnmf_context *context, triples *all, dnmf_source *source) {
  triples_part *first = all->part;
  DNMF_TRY(dnmf_agree(context, join_parts(&context->error, all)));
  DNMF_TRY(dnmf_dictionary_build(context, &first->row_ids, &source->row_ids, &first->items->row_index));
  dnmf_interner_free(&first->row_ids);
  DNMF_TRY(dnmf_dictionary_build(context, &first->col_ids, &source->col_ids, &first->items->col_index));
  for (triples_part *part = first + 1; part < first + all->parts; part++) {
    number_part(first->items->row_index, part->row_count, part->items->row_index);
    number_part(first->items->col_index, part->col_count, part->items->col_index);
  }
  source->rows = source->row_ids.count;
  source->cols = source->col_ids.count;
  return DNMF_OK;
}

/* What only the whole file shows: a first line that is the size of the matrix, and names with a number each. */
static dnmf_status refuse_other_shapes(dnmf_context *context, const dnmf_text_file *file, const triples *all,
                                       const dnmf_source *source) {
  const int64_t *size = all->size;
  if (size[2] > 0 && source->stored == size[2] + 1 && source->rows <= size[0] && source->cols <= size[1])
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                     "%s begins with the size of a matrix, %" PRId64 " %" PRId64 " %" PRId64 ", and has as many lines "
                     "below it; give --skip-lines 1, with --missing zero where entries that are not listed are 0, or "
                     "--format triples if it is an entry like the others",
                     file->path, size[0], size[1], size[2]);
  if (all->for_model || !all->columns.guessed || source->rows < source->stored || source->rows < 2)
    return DNMF_OK;
  if (source->row_ids.kind == DNMF_IDS_STRING && source->col_ids.kind == DNMF_IDS_INTEGER)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                     "%s has two columns, a name and a number, and no name twice: as values they are a table of one "
                     "column, --format table; --value-column none if each line is an interaction",
                     file->path);
  dnmf_warn(context, "%s: no row has more than one entry; are the two columns a row and a column?", file->path);
  return DNMF_OK;
}

/* Three whole numbers in the first line. A rating of that many lines is less likely than ten. */
static void look_for_size(const dnmf_text_file *file, const dnmf_source_options *options, triples *all) {
  enum { LEAST = 11 };
  dnmf_field fields[DNMF_ROLES];
  dnmf_text_place place = file->start;
  dnmf_text_line line = dnmf_text_head_line(file, &place);
  if (options->format != DNMF_FORMAT_AUTO || all->columns.counted || all->columns.count != DNMF_ROLES || !line.begin ||
      dnmf_text_split(&all->columns.dialect, line, DNMF_ROLES, fields) != DNMF_ROLES)
    return;
  if (fields[0].whole > 0 && fields[1].whole > 0 && fields[2].whole >= LEAST)
    for (int i = 0; i < DNMF_ROLES; i++)
      all->size[i] = fields[i].whole;
}

/* Lines whose repetitions are told apart are counted by one reader. */
static dnmf_status begin_parts(dnmf_context *context, const dnmf_text_file *file, triples *all, dnmf_source *source) {
  dnmf_error *error = &context->error;
  void *memory = NULL;
  all->parts = all->repeats.kind == DNMF_REPEATS_ALLOWED ? dnmf_text_parts(context, file, all->columns.data) : 1;
  DNMF_TRY(dnmf_text_state_create(context, source, false, all->parts, &all->state));
  DNMF_TRY(dnmf_allocate_zero(error, "readers of a text file", all->parts, sizeof(triples_part), &memory));
  all->part = memory;
  for (int p = 0; p < all->parts; p++) {
    all->part[p] = (triples_part){.all = all, .values = all->values, .items = &all->state->items[p]};
    DNMF_TRY(dnmf_allocate(error, "the fields of a line", all->columns.count, sizeof(dnmf_field), &memory));
    all->part[p].fields = memory;
  }
  return DNMF_OK;
}

static dnmf_status read_parts(dnmf_context *context, const dnmf_text_file *file, dnmf_status status, triples *all) {
  const dnmf_text_taker taker = {triples_take_line, all->plain ? triples_take_lines : NULL};
  dnmf_text_part *parts = NULL;
  void *memory = NULL;
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "readers of a text file", all->parts, sizeof *parts, &memory);
  parts = memory;
  for (int p = 0; p < all->parts && status == DNMF_OK; p++)
    parts[p] = (dnmf_text_part){&all->part[p], &all->part[p].reader};
  status = dnmf_text_lines_in_parts(context, file, all->columns.data, status, &taker, all->parts, parts);
  free(memory);
  return status;
}

static dnmf_status read_triples(dnmf_context *context, const dnmf_text_file *file, triples *all, dnmf_source *source) {
  all->plain = all->values.plain && !all->columns.counted && all->repeats.kind == DNMF_REPEATS_ALLOWED &&
               all->columns.count == DNMF_ROLES && all->columns.place[DNMF_ROLE_ROW] == 0 &&
               all->columns.place[DNMF_ROLE_COL] == 1 && dnmf_plain_triple_may_be(&all->columns.dialect);
  DNMF_TRY(read_parts(context, file, begin_parts(context, file, all, source), all));
  source->stored = dnmf_text_count(all->state);
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &source->stored, 1));
  if (source->stored == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "%s has a header and no triples below it", file->path);
  DNMF_TRY(number_ids(context, all, source));
  DNMF_TRY(refuse_other_shapes(context, file, all, source));
  source->has_missing = false;
  DNMF_TRY(dnmf_cells_settle(context, all->part->values.missing, source));
  return dnmf_repeats_settle(context, file->path, &all->repeats, &all->part->reader, source);
}

static dnmf_status decide(dnmf_context *context, const dnmf_text_file *file, const dnmf_source_options *options,
                          triples *all, dnmf_source *source) {
  dnmf_error *error = &context->error;
  DNMF_TRY(dnmf_text_columns_find(error, file, options, DNMF_ROLES, &all->columns));
  DNMF_TRY(dnmf_value_rule_read(error, options, &all->columns.dialect, &all->values));
  look_for_size(file, options, all);
  all->times = options->times_as_values;
  all->for_model = options->for_model;
  if (all->columns.counted) {
    source->format = "interactions";
    source->duplicates = DNMF_DUPLICATES_SUM;
  }
  if (all->columns.counted && (options->add != 0 || options->missing_value))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--add and --missing-value are for values, and %s has none: each line "
                     "counts 1",
                     file->path);
  const char *repeated =
      all->columns.counted && !options->duplicates_given ? ", repeated ones are added up (--duplicates)" : "";
  snprintf(source->note, sizeof source->note, "%.200s%s", all->columns.taken, repeated);
  return dnmf_repeats_begin(error, options, all->columns.counted, context, &all->repeats);
}

dnmf_status dnmf_open_triples(dnmf_context *context, const dnmf_text_file *file, const dnmf_source_options *options,
                              dnmf_source *source) {
  triples all = {0};
  source->format = "rating triples";
  source->sparse = true;
  source->missing = DNMF_MISSING_UNOBSERVED;
  source->duplicates = DNMF_DUPLICATES_LAST;
  dnmf_status status = dnmf_agree(context, decide(context, file, options, &all, source));
  if (status == DNMF_OK)
    status = read_triples(context, file, &all, source);
  for (int p = 0; p < all.parts && all.part; p++) {
    dnmf_interner_free(&all.part[p].row_ids);
    dnmf_interner_free(&all.part[p].col_ids);
    free(all.part[p].fields);
  }
  free(all.part);
  dnmf_repeats_free(&all.repeats);
  return status;
}
