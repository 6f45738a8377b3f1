/*
 * Triples: a row id, a column id and a value a line, with any further columns ignored.
 *
 * One pass over the text: ids become local numbers as they are met; the dictionaries then turn those into
 * global indices.
 */
#include "base/memory.h"
#include "comm/collective.h"
#include "store/ids/dictionary.h"
#include "store/readers.h"
#include "store/text/text_columns.h"
#include "store/text/text_entries.h"
#include "store/text/text_plain_triple.h"

#include <inttypes.h>
#include <stdlib.h>

typedef struct triples {
  dnmf_text_columns columns;
  bool plain;         /* lines may be plain triples */
  dnmf_field *fields; /* of the line being read */
  dnmf_interner row_ids;
  dnmf_interner col_ids;
  dnmf_text_reader reader;
  dnmf_text_state *state;
} triples;

static dnmf_status take_plain(dnmf_error *error, triples *all, const dnmf_plain_triple *triple) {
  int64_t row = 0;
  int64_t col = 0;
  DNMF_TRY(dnmf_intern_integer(error, &all->row_ids, triple->row, &row));
  DNMF_TRY(dnmf_intern_integer(error, &all->col_ids, triple->col, &col));
  return dnmf_text_append(error, all->state, row, col, triple->value);
}

static dnmf_status take_line(dnmf_error *error, void *state, dnmf_text_line line) {
  triples *all = state;
  const dnmf_text_columns *columns = &all->columns;
  dnmf_field *fields = all->fields;
  dnmf_plain_triple triple;
  if (all->plain && dnmf_plain_triple_read(&columns->delimiter, line, &triple))
    return take_plain(error, all, &triple);
  int64_t count = dnmf_text_split(&columns->delimiter, line, columns->count, fields);
  if (count != columns->count)
    return dnmf_text_check_fields(error, count, columns->count,
                                  " (for a row of the matrix a line, give --format table)");
  double value = 0;
  int64_t row = 0;
  int64_t col = 0;
  const dnmf_field *number = &fields[columns->place[DNMF_ROLE_VALUE]];
  DNMF_TRY(dnmf_text_value(error, number->begin, number->end, &value));
  DNMF_TRY(dnmf_text_id(error, &all->row_ids, "row", &fields[columns->place[DNMF_ROLE_ROW]], &row));
  DNMF_TRY(dnmf_text_id(error, &all->col_ids, "column", &fields[columns->place[DNMF_ROLE_COL]], &col));
  return dnmf_text_append(error, all->state, row, col, value);
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

static dnmf_status read_triples(dnmf_context *context, const dnmf_text_file *file, triples *all, dnmf_source *source) {
  void *fields = NULL;
  dnmf_status status = dnmf_text_state_create(context, source, false, &all->state);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "the fields of a line", all->columns.count, sizeof(dnmf_field), &fields);
  all->fields = fields;
  all->plain = all->columns.count == DNMF_ROLES && all->columns.place[DNMF_ROLE_ROW] == 0 &&
               all->columns.place[DNMF_ROLE_COL] == 1 && dnmf_plain_triple_may_be(&all->columns.delimiter);
  DNMF_TRY(dnmf_text_lines(context, file, all->columns.data, status, take_line, all, &all->reader));
  source->stored = all->state->items.count;
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &source->stored, 1));
  if (source->stored == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "%s has a header and no triples below it", file->path);
  return number_ids(context, all, source);
}

dnmf_status dnmf_open_triples(dnmf_context *context, const dnmf_text_file *file, const dnmf_source_options *options,
                              dnmf_source *source) {
  triples all = {0};
  source->format = "rating triples";
  source->sparse = true;
  source->missing = DNMF_MISSING_UNOBSERVED;
  source->duplicates = DNMF_DUPLICATES_LAST;
  dnmf_status status = dnmf_text_columns_find(&context->error, file, options, DNMF_ROLES, &all.columns);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = read_triples(context, file, &all, source);
  dnmf_interner_free(&all.row_ids);
  dnmf_interner_free(&all.col_ids);
  free(all.fields);
  return status;
}
