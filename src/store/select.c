/* Which rows and columns take part: named ones first, then those with enough entries. */
#include "store/select.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/features.h"
#include "store/ids/ids_find.h"
#include "store/ids/interner.h"
#include "store/text/text_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Rows or columns to choose from. */
typedef struct id_side {
  const char *whats;        /* "rows" or "columns" */
  const char *range_option; /* "--rows" */
  const char *range;
  const char *ids_option;
  const char *ids_file;
  int64_t count;
  dnmf_ids *ids;
} id_side;

static dnmf_status take_id(dnmf_error *error, void *state, dnmf_text_line line) {
  int64_t number = 0;
  return dnmf_intern(error, state, line.begin, line.end - line.begin, &number);
}

/* The ids of a file, a line each; each process those of its lines. */
static dnmf_status read_wanted_ids(dnmf_context *context, const char *path, dnmf_interner *ids) {
  dnmf_text_file file;
  dnmf_text_reader reader = {0};
  dnmf_status status = dnmf_text_open(context, path, 0, &file);
  file.comments = false; /* an id may begin with anything */
  if (status == DNMF_OK)
    status = dnmf_text_lines(context, &file, file.start, DNMF_OK, take_id, ids, &reader);
  dnmf_text_close(&file);
  return status;
}

/* Fails on all processes when an id of the list was not found. */
static dnmf_status check_found(dnmf_context *context, const dnmf_source *source, const id_side *s,
                               const dnmf_interner *ids, const int64_t *index) {
  int64_t counts[2] = {ids->count, 0};
  const char *first = NULL;
  int length = 0;
  for (int64_t i = 0; i < ids->count; i++) {
    if (index[i] < 0 && !first) {
      first = ids->text + ids->starts[i];
      length = (int)(ids->starts[i + 1] - ids->starts[i] < 200 ? ids->starts[i + 1] - ids->starts[i] : 200);
    }
    counts[1] += index[i] < 0;
  }
  DNMF_TRY(dnmf_sum_int64(context, context->comm, counts, 2));
  dnmf_status status = DNMF_OK;
  if (counts[0] == 0)
    status = dnmf_fail(&context->error, DNMF_ERROR_INPUT, "%s %s holds no ids", s->ids_option, s->ids_file);
  else if (first)
    status = dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                       "%s %s: %" PRId64 " of its ids are no %s of %s; the first of them is %.*s", s->ids_option,
                       s->ids_file, counts[1], s->whats, source->name, length, first);
  return dnmf_agree(context, status);
}

/* Adds to `bits`, which have the first of each chosen name, those that share it. */
static dnmf_status choose_namesakes(dnmf_context *context, const id_side *s, uint64_t *bits) {
  dnmf_ids texts = {0};
  void *memory = NULL;
  const int64_t words = dnmf_subset_words(s->count);
  const int64_t held = dnmf_range_size(s->ids->range);
  if (s->ids->kind == DNMF_IDS_NONE)
    return DNMF_OK;
  dnmf_status status = dnmf_ids_to_text(&context->error, s->ids, &texts);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "indices of ids", held, sizeof(int64_t), &memory);
  int64_t *first = memory;
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_ids_find(context, s->ids, s->count, held, texts.starts, texts.text, first);
  for (int64_t i = 0; i < held && status == DNMF_OK; i++) {
    const int64_t own = s->ids->range.begin + i;
    bits[own / 64] |= (bits[first[i] / 64] >> (first[i] % 64) & 1) << (own % 64);
  }
  free(first);
  dnmf_ids_free(&texts);
  DNMF_TRY(status);
  return dnmf_or_words(context, context->comm, bits, words);
}

/* bits = the indices of the listed ids that lie in `range`, all of a name, the same on all processes. */
static dnmf_status find_listed(dnmf_context *context, const dnmf_source *source, const id_side *s, dnmf_range range,
                               const dnmf_interner *listed, uint64_t *bits) {
  void *memory = NULL;
  static const int64_t none[1] = {0};
  int64_t words = dnmf_subset_words(s->count);
  dnmf_status status = dnmf_allocate(&context->error, "indices of ids", listed->count, sizeof(int64_t), &memory);
  int64_t *index = memory;
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_ids_find(context, s->ids, s->count, listed->count, listed->count ? listed->starts : none,
                           listed->text, index);
  if (status == DNMF_OK)
    status = check_found(context, source, s, listed, index);
  for (int64_t i = 0; status == DNMF_OK && i < listed->count; i++)
    bits[index[i] / 64] |= UINT64_C(1) << (index[i] % 64);
  free(index);
  DNMF_TRY(status);
  DNMF_TRY(dnmf_or_words(context, context->comm, bits, words));
  DNMF_TRY(choose_namesakes(context, s, bits));
  for (int64_t i = 0; i < s->count; i++)
    if (i < range.begin || i >= range.end)
      bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
  return DNMF_OK;
}

/* subset = what --rows and --row-ids (--cols and --col-ids) choose. */
static dnmf_status choose_side(dnmf_context *context, const dnmf_source *source, const id_side *s,
                               dnmf_subset *subset) {
  dnmf_range range = {0, 0};
  dnmf_interner listed = {0};
  void *bits = NULL;
  DNMF_TRY(
      dnmf_agree(context, dnmf_range_parse(&context->error, s->range_option, s->range, s->whats, s->count, &range)));
  *subset = dnmf_subset_of_range(s->count, range);
  if (!s->ids_file)
    return DNMF_OK;
  dnmf_status status = read_wanted_ids(context, s->ids_file, &listed);
  if (status == DNMF_OK)
    status = dnmf_agree(
        context, dnmf_allocate_zero(&context->error, "a subset", dnmf_subset_words(s->count), sizeof(uint64_t), &bits));
  if (status == DNMF_OK)
    status = find_listed(context, source, s, range, &listed, bits);
  dnmf_interner_free(&listed);
  if (status != DNMF_OK) {
    free(bits);
    return status;
  }
  return dnmf_agree(context, dnmf_subset_of_bits(&context->error, s->count, bits, subset));
}

/* Leaves of the features only those of the chosen type. */
static dnmf_status choose_features(dnmf_context *context, const dnmf_source *source, const char *type,
                                   dnmf_selection *chosen) {
  void *memory = NULL;
  dnmf_subset *subset = source->features_in_cols ? &chosen->cols : &chosen->rows;
  const int64_t of = subset->of;
  if (!type)
    return DNMF_OK;
  dnmf_status status =
      dnmf_allocate_zero(&context->error, "a subset", dnmf_subset_words(of), sizeof(uint64_t), &memory);
  uint64_t *bits = memory;
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_features_choose(context, source, type, bits);
  for (int64_t i = 0; i < of && status == DNMF_OK; i++)
    if (!dnmf_subset_has(subset, i))
      bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
  if (status != DNMF_OK) {
    free(bits);
    return status;
  }
  dnmf_subset_free(subset);
  return dnmf_agree(context, dnmf_subset_of_bits(&context->error, of, bits, subset));
}

/* The strings of the chosen ids move together. */
static void choose_strings(dnmf_ids *ids, const dnmf_subset *subset) {
  int64_t kept = 0;
  int64_t used = 0;
  for (int64_t i = 0; i < dnmf_range_size(ids->range); i++) {
    int64_t begin = ids->starts[i];
    int64_t length = ids->starts[i + 1] - begin;
    if (!dnmf_subset_has(subset, ids->range.begin + i))
      continue;
    if (length > 0)
      memmove(ids->text + used, ids->text + begin, (size_t)length);
    ids->starts[kept++] = used;
    used += length;
  }
  ids->starts[kept] = used;
}

/* The ids of what is chosen; the numbers in the file where there were none. local */
static dnmf_status choose_ids(dnmf_context *context, dnmf_ids *ids, const dnmf_subset *subset) {
  if (dnmf_subset_is_all(subset))
    return DNMF_OK;
  dnmf_range held = ids->range;
  if (ids->kind == DNMF_IDS_NONE) {
    void *memory = NULL;
    held = dnmf_range_split((dnmf_range){0, subset->of}, context->size, context->rank);
    DNMF_TRY(dnmf_allocate(&context->error, "ids", dnmf_range_size(held), sizeof(int64_t), &memory));
    ids->numbers = memory;
    for (int64_t i = 0; i < dnmf_range_size(held); i++)
      ids->numbers[i] = held.begin + i;
    ids->kind = DNMF_IDS_INTEGER;
    ids->range = held;
  }
  if (ids->kind == DNMF_IDS_STRING)
    choose_strings(ids, subset);
  for (int64_t i = 0, kept = 0; i < dnmf_range_size(held) && ids->kind == DNMF_IDS_INTEGER; i++)
    if (dnmf_subset_has(subset, held.begin + i))
      ids->numbers[kept++] = ids->numbers[i];
  ids->count = subset->count;
  ids->range = (dnmf_range){dnmf_subset_below(subset, held.begin), dnmf_subset_below(subset, held.end)};
  return DNMF_OK;
}

/* The source becomes what `chosen` leaves of it, and takes `chosen` over. */
static dnmf_status apply(dnmf_context *context, dnmf_source *source, const dnmf_selection *chosen) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "a selection", 1, sizeof *chosen, &memory);
  DNMF_TRY(dnmf_agree(context, status));
  source->selection = memory;
  *source->selection = *chosen;
  source->rows = chosen->rows.count;
  source->cols = chosen->cols.count;
  source->stored = source->sparse ? -1 : source->rows * source->cols;
  status = choose_ids(context, &source->row_ids, &chosen->rows);
  if (status == DNMF_OK)
    status = choose_ids(context, &source->col_ids, &chosen->cols);
  return dnmf_agree(context, status);
}

static dnmf_status load_held(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout,
                             dnmf_precision precision, dnmf_matrix *matrix) {
  dnmf_matrix *held = source->state;
  dnmf_matrix_walk walk = {held, 0, 0};
  dnmf_status status = dnmf_load_entries(context, source, layout, precision, dnmf_matrix_walk_next, &walk, matrix);
  matrix->duplicates += held->duplicates;
  dnmf_matrix_free(held);
  return status;
}

static void close_held(dnmf_source *source) {
  dnmf_matrix_free(source->state);
  free(source->state);
}

/* Only rows are walked here; who loads what is held may want more. */
static dnmf_status load_rows(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout,
                             dnmf_matrix *matrix) {
  bool alone = source->rows_alone;
  source->rows_alone = true;
  dnmf_status status = source->load(context, source, layout, DNMF_DOUBLE, matrix);
  source->rows_alone = alone;
  return status;
}

dnmf_status dnmf_source_load_rows(dnmf_context *context, dnmf_source *source, dnmf_matrix **matrix) {
  void *memory = NULL;
  dnmf_grid grid = {0};
  dnmf_layout layout = {0};
  dnmf_status status = dnmf_allocate_zero(&context->error, "a matrix", 1, sizeof(dnmf_matrix), &memory);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_grid_create(context, context->size, 1, &grid);
  if (status == DNMF_OK)
    status = dnmf_agree(context, dnmf_layout_even(&context->error, &grid, source->rows, source->cols, &layout));
  if (status == DNMF_OK)
    status = load_rows(context, source, &layout, memory);
  dnmf_layout_free(&layout);
  dnmf_grid_free(&grid);
  if (status != DNMF_OK && memory) {
    dnmf_matrix_free(memory);
    free(memory);
    memory = NULL;
  }
  *matrix = memory;
  return status;
}

void dnmf_source_hold(dnmf_source *source, dnmf_matrix *matrix) {
  source->close(source);
  source->state = matrix;
  source->load = load_held;
  source->close = close_held;
  source->transposed = false;
  source->by_rows = source->by_cols = false; /* it is no longer read from the file */
  source->selects = true;
  dnmf_selection_free(source->selection);
  source->selection = NULL;
}

/* The rows or columns of a subset, or all. */
static dnmf_subset all_of(int64_t count) {
  return dnmf_subset_of_range(count, (dnmf_range){0, count});
}

static dnmf_status check_left(dnmf_context *context, const dnmf_source *source, const dnmf_select_options *options,
                              const dnmf_selection *chosen) {
  if (chosen->rows.count > 0 && chosen->cols.count > 0)
    return DNMF_OK;
  if (options->min_row_count > 0 || options->min_col_count > 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                     "nothing is left of %s, %" PRId64 " x %" PRId64 ": no part of it has %" PRId64
                     " entries in each row and %" PRId64 " in each column",
                     source->name, source->rows, source->cols, options->min_row_count, options->min_col_count);
  return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "the selection leaves nothing of %s, %" PRId64 " x %" PRId64,
                   source->name, source->rows, source->cols);
}

/* What is held without the rows and columns that have too few entries. */
static dnmf_status select_held(dnmf_context *context, const dnmf_select_options *options, dnmf_source *source,
                               dnmf_selection *chosen) {
  bool counted = options->min_row_count > 0 || options->min_col_count > 0;
  dnmf_matrix *matrix = NULL;
  DNMF_TRY(dnmf_source_load_rows(context, source, &matrix));
  dnmf_source_hold(source, matrix);
  if (counted)
    DNMF_TRY(dnmf_select_counts(context, source->state, options->min_row_count, options->min_col_count, chosen));
  DNMF_TRY(check_left(context, source, options, chosen));
  dnmf_status status = apply(context, source, chosen);
  *chosen = (dnmf_selection){.rows = {0}};
  return status;
}

dnmf_status dnmf_source_select(dnmf_context *context, const dnmf_select_options *options, dnmf_source *source) {
  const id_side rows = {"rows", "--rows", options->rows, "--row-ids", options->row_ids, source->rows, &source->row_ids};
  const id_side cols = {"columns",        "--cols",     options->cols,   "--col-ids",
                        options->col_ids, source->cols, &source->col_ids};
  bool counted = options->min_row_count > 0 || options->min_col_count > 0;
  dnmf_selection chosen = {.rows = {0}};
  dnmf_status status = choose_side(context, source, &rows, &chosen.rows);
  if (status == DNMF_OK)
    status = choose_side(context, source, &cols, &chosen.cols);
  if (status == DNMF_OK)
    status = choose_features(context, source, options->feature_type, &chosen);
  if (status == DNMF_OK)
    status = check_left(context, source, options, &chosen);
  bool all = dnmf_subset_is_all(&chosen.rows) && dnmf_subset_is_all(&chosen.cols);
  if (status == DNMF_OK && !all && source->selects) {
    status = apply(context, source, &chosen);
    chosen = (dnmf_selection){all_of(source->rows), all_of(source->cols)};
    all = true;
  }
  if (status == DNMF_OK && (counted || !all))
    status = select_held(context, options, source, &chosen);
  dnmf_subset_free(&chosen.rows);
  dnmf_subset_free(&chosen.cols);
  return status;
}
