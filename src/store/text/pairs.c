/* Reading pairs: the lines of triples without their values. */
#include "store/text/pairs.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/text/text_columns.h"

#include <stdlib.h>
#include <string.h>

typedef struct reading {
  dnmf_text_columns columns;
  dnmf_field *fields; /* of the line being read */
  dnmf_interner row_names;
  dnmf_interner col_names;
  dnmf_text_reader reader;
  dnmf_pairs *pairs;
  int64_t capacity[3]; /* of row, col, line */
} reading;

void dnmf_pairs_free(dnmf_pairs *pairs) {
  free(pairs->row);
  free(pairs->col);
  free(pairs->line);
  dnmf_ids_free(&pairs->row_names);
  dnmf_ids_free(&pairs->col_names);
  memset(pairs, 0, sizeof *pairs);
}

static void reading_free(reading *all) {
  dnmf_interner_free(&all->row_names);
  dnmf_interner_free(&all->col_names);
  free(all->fields);
}

static dnmf_status grow(dnmf_error *error, int64_t count, int64_t *capacity, int64_t **numbers) {
  void *memory = *numbers;
  dnmf_status status = dnmf_grow(error, "pairs", count, sizeof(int64_t), capacity, &memory);
  *numbers = memory;
  return status;
}

static dnmf_status append_pair(dnmf_error *error, reading *all, int64_t row, int64_t col, int64_t line) {
  dnmf_pairs *pairs = all->pairs;
  DNMF_TRY(grow(error, pairs->count + 1, &all->capacity[0], &pairs->row));
  DNMF_TRY(grow(error, pairs->count + 1, &all->capacity[1], &pairs->col));
  DNMF_TRY(grow(error, pairs->count + 1, &all->capacity[2], &pairs->line));
  pairs->row[pairs->count] = row;
  pairs->col[pairs->count] = col;
  pairs->line[pairs->count++] = line;
  return DNMF_OK;
}

static dnmf_status pairs_take_line(dnmf_error *error, void *state, dnmf_text_line line) {
  reading *all = state;
  const dnmf_text_columns *columns = &all->columns;
  int64_t count = dnmf_text_split(&columns->dialect, line, columns->count, all->fields);
  int64_t row = 0;
  int64_t col = 0;
  if (count < 0)
    return dnmf_text_refuse_quotes(error, count);
  if (count != columns->count)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "there are more or fewer fields than in the first line");
  DNMF_TRY(dnmf_text_id(error, &all->row_names, "row", &all->fields[columns->place[DNMF_ROLE_ROW]], &row));
  DNMF_TRY(dnmf_text_id(error, &all->col_names, "column", &all->fields[columns->place[DNMF_ROLE_COL]], &col));
  return append_pair(error, all, row, col, all->reader.lines);
}

/* Takes the interner's strings over. */
static dnmf_status keep_names(dnmf_error *error, dnmf_interner *names, dnmf_ids *ids) {
  *ids = (dnmf_ids){.kind = DNMF_IDS_STRING, .count = names->count, .range = {0, names->count}};
  ids->starts = names->starts;
  ids->text = names->text;
  names->starts = NULL;
  names->text = NULL;
  if (ids->starts)
    return DNMF_OK;
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(error, "ids", 1, sizeof(int64_t), &memory);
  ids->starts = memory;
  return status;
}

static dnmf_status read_file(dnmf_context *context, const dnmf_text_file *file, const dnmf_source_options *options,
                             reading *all) {
  dnmf_status status = dnmf_text_columns_find(&context->error, file, options, DNMF_PAIR_ROLES, &all->columns);
  DNMF_TRY(dnmf_agree(context, status));
  if (options->transpose) {
    int64_t row = all->columns.place[DNMF_ROLE_ROW];
    all->columns.place[DNMF_ROLE_ROW] = all->columns.place[DNMF_ROLE_COL];
    all->columns.place[DNMF_ROLE_COL] = row;
  }
  void *fields = NULL;
  status = dnmf_allocate(&context->error, "the fields of a line", all->columns.count, sizeof(dnmf_field), &fields);
  all->fields = fields;
  DNMF_TRY(dnmf_text_lines(context, file, all->columns.data, status, pairs_take_line, all, &all->reader));
  int64_t before = 0;
  DNMF_TRY(dnmf_exscan_int64(context, all->reader.lines, &before, NULL));
  for (int64_t i = 0; i < all->pairs->count; i++)
    all->pairs->line[i] += before + all->columns.data.lines;
  status = keep_names(&context->error, &all->row_names, &all->pairs->row_names);
  if (status == DNMF_OK)
    status = keep_names(&context->error, &all->col_names, &all->pairs->col_names);
  return dnmf_agree(context, status);
}

dnmf_status dnmf_pairs_read(dnmf_context *context, const char *name, const dnmf_source_options *options,
                            dnmf_pairs *pairs) {
  dnmf_text_file file;
  reading all = {.pairs = pairs};
  memset(pairs, 0, sizeof *pairs);
  if (options->format != DNMF_FORMAT_AUTO && options->format != DNMF_FORMAT_TRIPLES)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "pairs are read from text: a row and a column a line");
  if (options->missing_value || options->add != 0 || options->time_column)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "--missing-value, --add and --time-column are for values, and pairs have none");
  dnmf_status status = dnmf_text_open(context, name, options->skip_lines, &file);
  if (status == DNMF_OK)
    status = dnmf_agree(context, dnmf_text_begin(&context->error, options, &file));
  if (status == DNMF_OK)
    status = read_file(context, &file, options, &all);
  bool again = false;
  if (status == DNMF_ERROR_INPUT && dnmf_text_join_after(context, options, &file, &again) == DNMF_OK && again) {
    reading_free(&all);
    dnmf_pairs_free(pairs);
    all = (reading){.pairs = pairs};
    status = read_file(context, &file, options, &all);
  }
  reading_free(&all);
  dnmf_text_close(&file);
  return status;
}

dnmf_status dnmf_pairs_single(dnmf_error *error, const char *row, const char *col, dnmf_pairs *pairs) {
  reading all = {.pairs = pairs};
  int64_t number = 0;
  memset(pairs, 0, sizeof *pairs);
  dnmf_status status = dnmf_intern(error, &all.row_names, row, (int64_t)strlen(row), &number);
  if (status == DNMF_OK)
    status = dnmf_intern(error, &all.col_names, col, (int64_t)strlen(col), &number);
  if (status == DNMF_OK)
    status = append_pair(error, &all, 0, 0, 0);
  if (status == DNMF_OK)
    status = keep_names(error, &all.row_names, &pairs->row_names);
  if (status == DNMF_OK)
    status = keep_names(error, &all.col_names, &pairs->col_names);
  dnmf_interner_free(&all.row_names);
  dnmf_interner_free(&all.col_names);
  return status;
}
