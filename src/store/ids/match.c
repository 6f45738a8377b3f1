/* Matching: ids of the file are looked up where they are held, and their indices fetched to the entries. */
#include "store/ids/match.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "matrix/fetch.h"
#include "store/ids/ids_find.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One side of the matching: the file's ids, in ranges, and the target's. */
typedef struct match_side {
  const char *what; /* "row" or "column" */
  int64_t file_count;
  const dnmf_ids *file_ids;
  int64_t count;
  const dnmf_ids *ids; /* NULL: not matched */
  int64_t *bounds;     /* size + 1: who holds which of the file's */
  int64_t *index;      /* in the target, of those held here */
  dnmf_found found;    /* over all processes */
  int64_t moved;       /* likewise: ids whose index is not their own number, the unknown among them */
  int64_t repeated;    /* likewise: ids that are not the first of their name, of both */
} match_side;

void dnmf_matched_free(dnmf_matched *matched) {
  free(matched->items);
  free(matched->file_row);
  memset(matched, 0, sizeof *matched);
}

void dnmf_matched_take(dnmf_matched *matched, dnmf_entries *entries) {
  int64_t kept = 0;
  for (int64_t e = 0; e < matched->count; e++)
    if (matched->items[e].row >= 0 && matched->items[e].col >= 0)
      matched->items[kept++] = matched->items[e];
  *entries = (dnmf_entries){kept, matched->items};
  matched->items = NULL;
  matched->count = 0;
}

/* The file's ids where it has some; else its rows are numbered, in even shares. */
static dnmf_ids ids_of(const dnmf_context *context, const match_side *s) {
  if (s->file_ids->kind != DNMF_IDS_NONE)
    return *s->file_ids;
  dnmf_range all = {0, s->file_count};
  return (dnmf_ids){.count = s->file_count, .range = dnmf_range_split(all, context->size, context->rank)};
}

static dnmf_status check_numbering(dnmf_context *context, const char *name, const dnmf_target *target,
                                   const match_side *s) {
  if (s->file_ids->kind != DNMF_IDS_NONE || s->ids->kind == DNMF_IDS_NONE || s->file_count == s->count)
    return DNMF_OK;
  return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                   "%s has no %s ids, and its %" PRId64 " %ss cannot be told from the %" PRId64 " of %s; give it the "
                   "ids, or the same %ss",
                   name, s->what, s->file_count, s->what, s->count, target->name, s->what);
}

static dnmf_status allocate_side(dnmf_error *error, int size, int64_t held, match_side *s) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "ranges of ids", size + 1, sizeof(int64_t), &memory));
  s->bounds = memory;
  DNMF_TRY(dnmf_allocate(error, "indices of ids", held, sizeof(int64_t), &memory));
  s->index = memory;
  return DNMF_OK;
}

/* Looks the ids held here up, or takes positions for indices. */
static dnmf_status find_held(dnmf_context *context, const dnmf_ids *held, match_side *s) {
  dnmf_found *found = &s->found;
  DNMF_TRY(dnmf_ids_match(context, s->ids, s->count, held, s->index, &s->repeated));
  found->count = dnmf_range_size(held->range);
  for (int64_t i = 0; i < found->count; i++) {
    if (s->index[i] >= 0)
      continue;
    if (found->unknown++ > 0)
      continue;
    if (held->kind == DNMF_IDS_STRING)
      snprintf(found->example, sizeof found->example, "%.*s", (int)(held->starts[i + 1] - held->starts[i]),
               held->text + held->starts[i]);
    else
      snprintf(found->example, sizeof found->example, "%" PRId64,
               held->kind == DNMF_IDS_INTEGER ? held->numbers[i] : held->range.begin + i);
  }
  return DNMF_OK;
}

dnmf_status dnmf_found_total(dnmf_context *context, dnmf_found *found) {
  int64_t counts[2] = {found->count, found->unknown};
  int64_t first = found->unknown > 0 ? -(int64_t)context->rank : -(int64_t)context->size;
  DNMF_TRY(dnmf_max_int64(context, context->comm, &first, 1));
  DNMF_TRY(dnmf_sum_int64(context, context->comm, counts, 2));
  found->count = counts[0];
  found->unknown = counts[1];
  return -first < context->size ? dnmf_broadcast(context, found->example, sizeof found->example, (int)-first) : DNMF_OK;
}

dnmf_status dnmf_warn_unlike(dnmf_context *context, const dnmf_target *target, const char *file, bool rows,
                             const dnmf_found *found) {
  const int64_t first = 0;
  const char *const what = rows ? "row" : "column";
  const int64_t known = found->count - found->unknown;
  dnmf_ids ours = {0};
  if (found->unknown == 0 || known > found->count / 100 || (rows ? target->rows : target->cols) == 0)
    return DNMF_OK;
  DNMF_TRY(dnmf_ids_name(context, rows ? target->row_ids : target->col_ids, 1, &first, &ours));
  if (context->rank == 0)
    dnmf_warn(
        context,
        "%s: %s of its %s ids is in %s, which has \"%.*s\" where this file has \"%s\"; ids are the same only when "
        "they are written the same",
        file, known == 0 ? "none" : "hardly any", what, target->name, ours.starts[1] < 48 ? (int)ours.starts[1] : 48,
        ours.text, found->example);
  dnmf_ids_free(&ours);
  return DNMF_OK;
}

/* Lists that are not the same, one of which uses a name more than once. */
static void warn_repeated(dnmf_context *context, const char *file, const dnmf_target *target, const match_side *s) {
  if (s->repeated > 0 && (s->moved > 0 || s->file_count != s->count))
    dnmf_warn(context,
              "%s and %s do not have the same %ss, and some %ss share a name: the n-th of a name is taken for the n-th "
              "of that name",
              file, target->name, s->what, s->what);
}

static dnmf_status find_side(dnmf_context *context, const char *file, const dnmf_target *target, match_side *s) {
  dnmf_ids held = ids_of(context, s);
  int64_t count = dnmf_range_size(held.range);
  DNMF_TRY(dnmf_agree(context, allocate_side(&context->error, context->size, count, s)));
  DNMF_TRY(find_held(context, &held, s));
  for (int64_t i = 0; i < count; i++)
    s->moved += s->index[i] != held.range.begin + i;
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &s->moved, 1));
  DNMF_TRY(dnmf_found_total(context, &s->found));
  warn_repeated(context, file, target, s);
  DNMF_TRY(dnmf_warn_unlike(context, target, file, strcmp(s->what, "row") == 0, &s->found));
  int code = MPI_Allgather(&held.range.begin, 1, MPI_INT64_T, s->bounds, 1, MPI_INT64_T, context->comm);
  s->bounds[context->size] = s->file_count;
  return dnmf_mpi_check(context, code, "MPI_Allgather");
}

/* Replaces rows of the file by the target's. */
static dnmf_status translate(dnmf_context *context, const match_side *s, int64_t count, int64_t *rows) {
  void *place = NULL;
  void *found = NULL;
  int64_t *wanted = NULL;
  int64_t wanted_count = 0;
  dnmf_fetch fetch = {0};
  dnmf_status status = dnmf_allocate(&context->error, "indices of ids", count, sizeof(int64_t), &place);
  if (status == DNMF_OK)
    status = dnmf_fetch_list(&context->error, count, rows, &wanted, &wanted_count, place);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "indices of ids", wanted_count, sizeof(int64_t), &found);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_fetch_plan(context, s->bounds, wanted, wanted_count, &fetch);
  if (status == DNMF_OK)
    status = dnmf_fetch_items(context, &fetch, s->index, sizeof(int64_t), found);
  for (int64_t i = 0; i < count && status == DNMF_OK; i++)
    rows[i] = ((const int64_t *)found)[((const int64_t *)place)[i]];
  dnmf_fetch_free(&fetch);
  free(wanted);
  free(found);
  free(place);
  return status;
}

/* The target's row and column of each entry; file_row keeps the file's. */
static dnmf_status translate_entries(dnmf_context *context, const match_side *rows, const match_side *cols,
                                     dnmf_matched *matched) {
  void *memory = NULL;
  dnmf_entry *items = matched->items;
  dnmf_status status = dnmf_allocate(&context->error, "indices of ids", matched->count, sizeof(int64_t), &memory);
  int64_t *indices = memory;
  DNMF_TRY(dnmf_agree(context, status));
  for (int64_t e = 0; e < matched->count; e++)
    indices[e] = matched->file_row[e] = items[e].row;
  if (rows->moved > 0)
    status = translate(context, rows, matched->count, indices);
  for (int64_t e = 0; e < matched->count; e++) {
    items[e].row = indices[e];
    indices[e] = items[e].col;
  }
  if (status == DNMF_OK && cols->moved > 0)
    status = translate(context, cols, matched->count, indices);
  for (int64_t e = 0; e < matched->count; e++)
    items[e].col = indices[e];
  free(indices);
  return status;
}

static dnmf_status take_entries(dnmf_context *context, const dnmf_matrix *matrix, dnmf_matched *matched) {
  dnmf_entries entries = {0};
  void *memory = NULL;
  dnmf_status status = dnmf_matrix_to_entries(context, matrix, &entries);
  matched->items = entries.items;
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "rows of entries", entries.count, sizeof(int64_t), &memory);
  matched->file_row = memory;
  matched->count = status == DNMF_OK ? entries.count : 0;
  return dnmf_agree(context, status);
}

static dnmf_status count_matched(dnmf_context *context, dnmf_matched *matched) {
  int64_t counts[2] = {matched->count, 0};
  for (int64_t e = 0; e < matched->count; e++)
    counts[1] += matched->items[e].row < 0 || matched->items[e].col < 0;
  DNMF_TRY(dnmf_sum_int64(context, context->comm, counts, 2));
  matched->total = counts[0];
  matched->unknown_entries = counts[1];
  return DNMF_OK;
}

static dnmf_status match_sides(dnmf_context *context, const char *name, const dnmf_matrix *matrix,
                               const dnmf_target *target, match_side *rows, match_side *cols, dnmf_matched *matched) {
  if (rows->ids)
    DNMF_TRY(check_numbering(context, name, target, rows));
  DNMF_TRY(check_numbering(context, name, target, cols));
  if (rows->ids)
    DNMF_TRY(find_side(context, name, target, rows));
  DNMF_TRY(find_side(context, name, target, cols));
  matched->unknown_rows = rows->found.unknown;
  matched->unknown_cols = cols->found.unknown;
  matched->same = rows->ids && rows->moved == 0 && cols->moved == 0 && rows->file_count == rows->count &&
                  cols->file_count == cols->count;
  const match_side *unknown = rows->found.unknown > 0 ? rows : cols;
  if (unknown->found.unknown > 0)
    snprintf(matched->unknown_example, sizeof matched->unknown_example, "%s id %s", unknown->what,
             unknown->found.example);
  DNMF_TRY(take_entries(context, matrix, matched));
  DNMF_TRY(translate_entries(context, rows, cols, matched));
  return count_matched(context, matched);
}

dnmf_status dnmf_match(dnmf_context *context, const dnmf_source *source, const dnmf_matrix *matrix,
                       const dnmf_target *target, dnmf_matched *matched) {
  match_side rows = {.what = "row",
                     .file_count = source->rows,
                     .file_ids = &source->row_ids,
                     .count = target->rows,
                     .ids = target->row_ids};
  match_side cols = {.what = "column",
                     .file_count = source->cols,
                     .file_ids = &source->col_ids,
                     .count = target->cols,
                     .ids = target->col_ids};
  memset(matched, 0, sizeof *matched);
  dnmf_status status = match_sides(context, source->name, matrix, target, &rows, &cols, matched);
  free(rows.bounds);
  free(rows.index);
  free(cols.bounds);
  free(cols.index);
  return status;
}
