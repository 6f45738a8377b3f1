/*
 * Triples: a row id, a column id and a value a line, with any further columns ignored.
 *
 * One pass over the text: ids become local numbers as they are met; the dictionaries then turn those into
 * global indices.
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

typedef struct triples {
  dnmf_text_columns columns;
  dnmf_value_rule values;
  bool plain;         /* lines may be plain triples */
  dnmf_field *fields; /* of the line being read */
  dnmf_interner row_ids;
  dnmf_interner col_ids;
  dnmf_text_reader reader;
  dnmf_text_state *state;
  bool times;           /* are the values */
  int64_t size[3];      /* the first line, where it may be the size of the matrix: rows, columns, lines below; else 0 */
  dnmf_repeats repeats; /* what else is kept of each entry to tell repeated ones apart */
} triples;

static dnmf_status take_plain(dnmf_error *error, triples *all, const dnmf_plain_triple *triple) {
  int64_t row = 0;
  int64_t col = 0;
  DNMF_TRY(dnmf_intern_integer(error, &all->row_ids, triple->row, &row));
  DNMF_TRY(dnmf_intern_integer(error, &all->col_ids, triple->col, &col));
  return dnmf_text_append(error, all->state, row, col, triple->value);
}

/* The value and the time of a line that is split; `missing` when it has no value. */
static dnmf_status take_value(dnmf_error *error, triples *all, double *value, double *time, bool *missing) {
  const dnmf_text_columns *columns = &all->columns;
  *value = 1;
  if (!columns->counted) {
    const dnmf_field *number = &all->fields[columns->place[DNMF_ROLE_VALUE]];
    DNMF_TRY(dnmf_text_value(error, &all->values, number->begin, number->end, value));
  }
  *missing = isnan(*value);
  if (columns->time < 0)
    return DNMF_OK;
  const dnmf_field *field = &all->fields[columns->time];
  return dnmf_text_time(error, field->begin, field->end, time);
}

static dnmf_status triples_take_line(dnmf_error *error, void *state, dnmf_text_line line) {
  triples *all = state;
  const dnmf_text_columns *columns = &all->columns;
  dnmf_field *fields = all->fields;
  dnmf_plain_triple triple;
  if (all->plain && dnmf_plain_triple_read(&columns->dialect, line, &triple))
    return take_plain(error, all, &triple);
  int64_t count = dnmf_text_split(&columns->dialect, line, columns->count, fields);
  if (count != columns->count)
    return dnmf_text_check_fields(error, count, columns->count,
                                  " (for a row of the matrix a line, give --format table)");
  double value = 0;
  double time = 0;
  bool missing = false;
  int64_t row = 0;
  int64_t col = 0;
  DNMF_TRY(take_value(error, all, &value, &time, &missing));
  DNMF_TRY(dnmf_text_id(error, &all->row_ids, "row", &fields[columns->place[DNMF_ROLE_ROW]], &row));
  DNMF_TRY(dnmf_text_id(error, &all->col_ids, "column", &fields[columns->place[DNMF_ROLE_COL]], &col));
  if (missing)
    return DNMF_OK;
  if (all->repeats.kind != DNMF_REPEATS_ALLOWED)
    DNMF_TRY(dnmf_repeats_note(error, &all->repeats, time, all->reader.lines));
  return dnmf_text_append(error, all->state, row, col, all->times ? time - DNMF_FIRST_TIME : value);
}

/* Global indices for the local numbers of ids, which the entries keep until they are loaded. */
static dnmf_status number_ids(dnmf_context *context, triples *all, dnmf_source *source) {
  DNMF_TRY(dnmf_dictionary_build(context, &all->row_ids, &source->row_ids, &all->state->row_index));
  dnmf_interner_free(&all->row_ids);
  DNMF_TRY(dnmf_dictionary_build(context, &all->col_ids, &source->col_ids, &all->state->col_index));
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
  if (!all->columns.guessed || source->rows < source->stored || source->rows < 2)
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

static dnmf_status read_triples(dnmf_context *context, const dnmf_text_file *file, triples *all, dnmf_source *source) {
  void *fields = NULL;
  dnmf_status status = dnmf_text_state_create(context, source, false, &all->state);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "the fields of a line", all->columns.count, sizeof(dnmf_field), &fields);
  all->fields = fields;
  all->plain = all->values.plain && !all->columns.counted && all->repeats.kind == DNMF_REPEATS_ALLOWED &&
               all->columns.count == DNMF_ROLES && all->columns.place[DNMF_ROLE_ROW] == 0 &&
               all->columns.place[DNMF_ROLE_COL] == 1 && dnmf_plain_triple_may_be(&all->columns.dialect);
  DNMF_TRY(dnmf_text_lines(context, file, all->columns.data, status, triples_take_line, all, &all->reader));
  source->stored = all->state->items.count;
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &source->stored, 1));
  if (source->stored == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "%s has a header and no triples below it", file->path);
  DNMF_TRY(number_ids(context, all, source));
  DNMF_TRY(refuse_other_shapes(context, file, all, source));
  source->has_missing = false;
  DNMF_TRY(dnmf_cells_settle(context, all->values.missing, source));
  return dnmf_repeats_settle(context, file->path, &all->repeats, &all->reader, source);
}

static dnmf_status decide(dnmf_context *context, const dnmf_text_file *file, const dnmf_source_options *options,
                          triples *all, dnmf_source *source) {
  dnmf_error *error = &context->error;
  DNMF_TRY(dnmf_text_columns_find(error, file, options, DNMF_ROLES, &all->columns));
  DNMF_TRY(dnmf_value_rule_read(error, options, &all->columns.dialect, &all->values));
  look_for_size(file, options, all);
  all->times = options->times_as_values;
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
  dnmf_interner_free(&all.row_ids);
  dnmf_interner_free(&all.col_ids);
  dnmf_repeats_free(&all.repeats);
  free(all.fields);
  return status;
}
