#include "matrix/lines.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Who owns which lines, and which of those that cross them. */
typedef struct line_owners {
  int grid_rows;
  int grid_cols;
  int rank;
  bool columns;
  int64_t rows; /* of A */
  int64_t cols;
} line_owners;

static dnmf_range split_of(int64_t whole, int parts, int part, int shares, int share) {
  return dnmf_range_split(dnmf_range_split((dnmf_range){0, whole}, parts, part), shares, share);
}

/* Rows, or columns, of A that belong to a process. */
static dnmf_range owned_by(const line_owners *o, int rank, bool columns) {
  const int row = rank / o->grid_cols;
  const int col = rank % o->grid_cols;
  return columns ? split_of(o->cols, o->grid_cols, col, o->grid_rows, row)
                 : split_of(o->rows, o->grid_rows, row, o->grid_cols, col);
}

/* The processes that hold parts of the lines of this one's grid row or column, which own those lines. */
static int group_of(const line_owners *o) {
  return o->columns ? o->grid_rows : o->grid_cols;
}
static int rank_of_member(const line_owners *o, int member) {
  return o->columns ? member * o->grid_cols + o->rank % o->grid_cols : o->rank / o->grid_cols * o->grid_cols + member;
}

/* What of a line a member of the group holds. */
static dnmf_range part_of_member(const line_owners *o, int member) {
  return o->columns ? dnmf_range_split((dnmf_range){0, o->rows}, o->grid_rows, member)
                    : dnmf_range_split((dnmf_range){0, o->cols}, o->grid_cols, member);
}

static int64_t lines_of_member(const line_owners *o, int member) {
  return dnmf_range_size(owned_by(o, rank_of_member(o, member), o->columns));
}

/* Counts of an exchange: those sent to each process, then those received. */
static dnmf_status create_counts(dnmf_context *context, int64_t **counts) {
  void *memory = NULL;
  DNMF_TRY(dnmf_agree(context, dnmf_allocate_zero(&context->error, "counts of an exchange", 2 * (int64_t)context->size,
                                                  sizeof(int64_t), &memory)));
  *counts = memory;
  return DNMF_OK;
}

/* --- Dense ------------------------------------------------------------------------------------------------- */

/* The block's columns, those of the first member first, each member's row by row. */
static void pack_columns(const line_owners *o, const dnmf_matrix *a, size_t number, char *to) {
  const int64_t rows = dnmf_range_size(a->row_range);
  const int64_t cols = dnmf_range_size(a->col_range);
  int64_t first = 0;
  for (int m = 0; m < group_of(o); m++) {
    const int64_t count = lines_of_member(o, m);
    const size_t bytes = (size_t)count * number;
    for (int64_t row = 0; row < rows; row++, to += bytes)
      if (bytes > 0)
        memcpy(to, (const char *)a->dense + (size_t)(row * cols + first) * number, bytes);
    first += count;
  }
}

/* Parts of rows, member by member, become rows whose numbers stand in the order of the processes that own what crosses
 * them. */
static void join_rows(const line_owners *o, int64_t rows, const char *from, size_t number, char *to) {
  const int64_t across = o->cols;
  int64_t place = 0;
  for (int owner = 0; owner < o->grid_rows * o->grid_cols; owner++) {
    const dnmf_range range = owned_by(o, owner, true);
    const dnmf_range part = part_of_member(o, owner % o->grid_cols);
    const size_t bytes = (size_t)dnmf_range_size(range) * number;
    const char *piece = from + (size_t)(rows * part.begin) * number;
    for (int64_t row = 0; row < rows && bytes > 0; row++)
      memcpy(to + (size_t)(row * across + place) * number,
             piece + (size_t)(row * dnmf_range_size(part) + range.begin - part.begin) * number, bytes);
    place += dnmf_range_size(range);
  }
}

static dnmf_status exchange_columns(dnmf_context *context, const line_owners *o, const dnmf_matrix *a, int64_t *counts,
                                    void **arrived) {
  const size_t number = dnmf_number_size(dnmf_matrix_number(a));
  const int64_t cells = dnmf_range_size(a->row_range) * dnmf_range_size(a->col_range);
  void *packed = NULL;
  DNMF_TRY(dnmf_agree(context, dnmf_allocate(&context->error, "columns to send", cells, number, &packed)));
  pack_columns(o, a, number, packed);
  const dnmf_status status = dnmf_exchange(context, packed, counts, number, arrived, counts + context->size);
  free(packed);
  return status;
}

static dnmf_status exchange_rows(dnmf_context *context, const line_owners *o, const dnmf_matrix *a, int64_t *counts,
                                 int64_t count, void **joined) {
  const size_t number = dnmf_number_size(dnmf_matrix_number(a));
  void *parts = NULL;
  dnmf_status status = dnmf_exchange(context, a->dense, counts, number, &parts, counts + context->size);
  if (status == DNMF_OK)
    status = dnmf_agree(context, dnmf_allocate(&context->error, "rows", count * a->cols, number, joined));
  if (status == DNMF_OK)
    join_rows(o, count, parts, number, *joined);
  free(parts);
  return status;
}

static dnmf_status exchange_dense(dnmf_context *context, const line_owners *o, const dnmf_matrix *a, int64_t *counts,
                                  dnmf_lines *lines) {
  const dnmf_range held = part_of_member(o, o->columns ? o->rank / o->grid_cols : o->rank % o->grid_cols);
  for (int m = 0; m < group_of(o); m++)
    counts[rank_of_member(o, m)] = lines_of_member(o, m) * dnmf_range_size(held);
  const dnmf_status status = o->columns ? exchange_columns(context, o, a, counts, &lines->copy)
                                        : exchange_rows(context, o, a, counts, lines->count, &lines->copy);
  lines->dense = lines->copy;
  return status;
}

/* --- Sparse ------------------------------------------------------------------------------------------------ */

/* What has arrived: of each member the numbers of entries in the owned lines, then the entries line by line. */
typedef struct arrived {
  int64_t *line_counts;
  int32_t *index; /* counted in the sender's block */
  void *value;
} arrived;

static void arrived_free(arrived *in) {
  free(in->line_counts);
  free(in->index);
  free(in->value);
}

/* A member's lines are neighbours in the block: what is sent lies there already, but for the counts. */
static dnmf_status exchange_entries(dnmf_context *context, const line_owners *o, const dnmf_csr *block, size_t number,
                                    int64_t *counts, arrived *in) {
  int64_t *received = counts + context->size;
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "counts of lines", block->rows, sizeof(int64_t), &memory);
  DNMF_TRY(dnmf_agree(context, status));
  int64_t *line_counts = memory;
  for (int64_t line = 0; line < block->rows; line++)
    line_counts[line] = block->start[line + 1] - block->start[line];
  for (int m = 0; m < group_of(o); m++)
    counts[rank_of_member(o, m)] = lines_of_member(o, m);
  memory = NULL;
  status = dnmf_exchange(context, line_counts, counts, sizeof(int64_t), &memory, received);
  in->line_counts = memory;
  free(line_counts);
  int64_t first = 0;
  for (int m = 0; m < group_of(o); m++) {
    const int64_t end = first + lines_of_member(o, m);
    counts[rank_of_member(o, m)] = block->start[end] - block->start[first];
    first = end;
  }
  memory = NULL;
  if (status == DNMF_OK)
    status = dnmf_exchange(context, block->index, counts, sizeof(int32_t), &memory, received);
  in->index = memory;
  if (status == DNMF_OK)
    status = dnmf_exchange(context, block->value, counts, number, &in->value, received);
  return status;
}

static dnmf_status allocate_entries(dnmf_error *error, int64_t lines, int64_t across, int64_t stored, size_t number,
                                    dnmf_csr *to) {
  void *memory = NULL;
  *to = (dnmf_csr){.rows = lines, .cols = across};
  DNMF_TRY(dnmf_allocate_zero(error, "whole lines", lines + 1, sizeof(int64_t), &memory));
  to->start = memory;
  memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "whole lines", stored, sizeof(int32_t), &memory));
  to->index = memory;
  return dnmf_allocate(error, "whole lines", stored, number, &to->value);
}

/* What arrived as lines whose indices are those of A: each line's entries member by member, in their order. */
static void join_entries(const line_owners *o, const arrived *in, size_t number, dnmf_csr *to) {
  int64_t from = 0;
  for (int m = 0; m < group_of(o); m++)
    for (int64_t line = 0; line < to->rows; line++)
      to->start[line + 1] += in->line_counts[m * to->rows + line];
  dnmf_csr_counts_to_places(to->start, to->rows);
  for (int m = 0; m < group_of(o); m++) {
    const int64_t first = part_of_member(o, m).begin;
    for (int64_t line = 0; line < to->rows; line++) {
      const int64_t count = in->line_counts[m * to->rows + line];
      const int64_t place = to->start[line + 1];
      for (int64_t e = 0; e < count; e++)
        to->index[place + e] = (int32_t)(first + in->index[from + e]);
      if (count > 0)
        memcpy((char *)to->value + (size_t)place * number, (const char *)in->value + (size_t)from * number,
               (size_t)count * number);
      to->start[line + 1] += count;
      from += count;
    }
  }
}

static dnmf_status exchange_sparse(dnmf_context *context, const line_owners *o, const dnmf_csr *block, size_t number,
                                   int64_t *counts, int64_t count, dnmf_csr *entries) {
  const int64_t across = o->columns ? o->rows : o->cols;
  arrived in = {0};
  int64_t stored = 0;
  memset(counts, 0, 2 * (size_t)context->size * sizeof *counts);
  dnmf_status status = exchange_entries(context, o, block, number, counts, &in);
  for (int r = 0; r < context->size; r++)
    stored += counts[context->size + r];
  if (status == DNMF_OK)
    status = dnmf_agree(context, allocate_entries(&context->error, count, across, stored, number, entries));
  entries->narrow = block->narrow;
  if (status == DNMF_OK && count > 0)
    join_entries(o, &in, number, entries);
  arrived_free(&in);
  return status;
}

/* --- Cells taken out --------------------------------------------------------------------------------------- */

static dnmf_status take_held(dnmf_context *context, const line_owners *o, const dnmf_csr *held,
                             dnmf_precision precision, int64_t *counts, dnmf_lines *lines) {
  const size_t number = dnmf_precision_size(precision);
  dnmf_csr turned = {.rows = 0};
  dnmf_status status = DNMF_OK;
  if (lines->columns) {
    status = allocate_entries(&context->error, held->cols, held->rows, held->start[held->rows], number, &turned);
    if (status == DNMF_OK)
      dnmf_csr_transpose(held, precision, 1, &turned);
    status = dnmf_agree(context, status);
  }
  if (status == DNMF_OK && group_of(o) > 1)
    status = exchange_sparse(context, o, lines->columns ? &turned : held, number, counts, lines->count, &lines->held);
  else if (status == DNMF_OK)
    lines->held = lines->columns ? turned : *held;
  lines->shares_held = !lines->columns && group_of(o) == 1;
  if (group_of(o) > 1 || status != DNMF_OK)
    dnmf_csr_free(&turned);
  return status;
}

/* --- Rows of the other factor ------------------------------------------------------------------------------ */

static void mark_needed(const dnmf_csr *entries, int32_t *place) {
  for (int64_t e = 0; entries->start && e < entries->start[entries->rows]; e++)
    place[entries->index[e]] = 1;
}

static void renumber(const int32_t *place, dnmf_csr *entries) {
  for (int64_t e = 0; entries->start && e < entries->start[entries->rows]; e++)
    entries->index[e] = place[entries->index[e]];
}

/* The rows that are needed, as the plan of a fetch wants them: numbered process by process, which ascend; and where
 * each stands among them. Returns how many there are. */
static int64_t list_needed(const line_owners *o, const dnmf_lines *lines, const int64_t *bounds, int32_t *place,
                           int64_t *needed) {
  int64_t count = 0;
  memset(place, 0, (size_t)lines->across * sizeof *place);
  mark_needed(&lines->entries, place);
  mark_needed(&lines->held, place);
  for (int owner = 0; owner < o->grid_rows * o->grid_cols; owner++) {
    const dnmf_range range = owned_by(o, owner, !o->columns);
    for (int64_t line = range.begin; line < range.end; line++)
      if (lines->dense || place[line]) {
        place[line] = (int32_t)count;
        lines->numbers[count] = (int32_t)line;
        needed[count++] = bounds[owner] + line - range.begin;
      }
  }
  return count;
}

static dnmf_status plan_fetch(dnmf_context *context, const line_owners *o, dnmf_precision precision,
                              dnmf_lines *lines) {
  dnmf_error *error = &context->error;
  void *bounds = NULL;
  void *place = NULL;
  void *needed = NULL;
  void *numbers = NULL;
  dnmf_status status = dnmf_allocate_zero(error, "range bounds", context->size + 1, sizeof(int64_t), &bounds);
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "places of rows", lines->across, sizeof(int32_t), &place);
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "rows that are needed", lines->across, sizeof(int64_t), &needed);
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "numbers of rows", lines->across, sizeof(int32_t), &numbers);
  lines->numbers = numbers;
  status = dnmf_agree(context, status);
  int64_t *bound = bounds;
  if (status == DNMF_OK) {
    for (int r = 0; r < context->size; r++)
      bound[r + 1] = bound[r] + dnmf_range_size(owned_by(o, r, !o->columns));
    lines->needed = list_needed(o, lines, bound, place, needed);
    renumber(place, &lines->entries);
    renumber(place, &lines->held);
    if (lines->held.start)
      status = dnmf_agree(context, dnmf_csr_sort(error, &lines->held, precision, context->threads));
    lines->fetched = true;
  }
  if (status == DNMF_OK)
    status = dnmf_fetch_plan(context, bound, needed, lines->needed, &lines->fetch);
  free(bounds);
  free(place);
  free(needed);
  return status;
}

/* --- All of it --------------------------------------------------------------------------------------------- */

/* Blocks hold whole lines. */
static void share_block(const dnmf_matrix *a, dnmf_lines *lines) {
  lines->dense = a->dense;
  lines->entries = lines->columns ? a->by_cols : a->by_rows;
  lines->shares = true;
}

static dnmf_status bring_lines(dnmf_context *context, const line_owners *o, const dnmf_matrix *a, int64_t *counts,
                               dnmf_lines *lines) {
  if (lines->across > INT32_MAX)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                     "%" PRId64 " %s: --solver newton takes at most %d on such a grid; use --solver mu", lines->across,
                     lines->columns ? "rows" : "columns", INT32_MAX);
  if (!a->sparse)
    return exchange_dense(context, o, a, counts, lines);
  return exchange_sparse(context, o, lines->columns ? &a->by_cols : &a->by_rows,
                         dnmf_number_size(dnmf_matrix_number(a)), counts, lines->count, &lines->entries);
}

dnmf_status dnmf_lines_create(dnmf_context *context, const dnmf_matrix *a, const dnmf_csr *held, int grid_rows,
                              int grid_cols, bool columns, dnmf_lines *lines) {
  const line_owners o = {grid_rows, grid_cols, context->rank, columns, a->rows, a->cols};
  const bool whole = group_of(&o) == 1;
  int64_t *counts = NULL;
  *lines = (dnmf_lines){.columns = columns, .turned = columns && !a->sparse, .across = columns ? a->rows : a->cols};
  lines->count = dnmf_range_size(owned_by(&o, context->rank, columns));
  lines->needed = lines->across;
  if (whole)
    share_block(a, lines);
  DNMF_TRY(create_counts(context, &counts));
  dnmf_status status = whole ? DNMF_OK : bring_lines(context, &o, a, counts, lines);
  if (status == DNMF_OK && held)
    status = take_held(context, &o, held, a->precision, counts, lines);
  free(counts);
  return status == DNMF_OK && !whole ? plan_fetch(context, &o, a->precision, lines) : status;
}

void dnmf_lines_free(dnmf_lines *lines) {
  dnmf_fetch_free(&lines->fetch);
  if (!lines->shares)
    dnmf_csr_free(&lines->entries);
  if (!lines->shares_held)
    dnmf_csr_free(&lines->held);
  free(lines->copy);
  free(lines->numbers);
  memset(lines, 0, sizeof *lines);
}

dnmf_status dnmf_lines_fetch(dnmf_context *context, const dnmf_lines *lines, const dnmf_panel *mine, dnmf_panel *rows) {
  return dnmf_fetch_rows(context, &lines->fetch, mine, rows);
}

double dnmf_lines_bytes(bool sparse, dnmf_number number, int64_t count, int64_t across, double stored) {
  if (!sparse)
    return dnmf_allocated_bytes((double)count * (double)across, dnmf_number_size(number));
  return dnmf_allocated_bytes((double)count + 1, sizeof(int64_t)) + dnmf_allocated_bytes(stored, sizeof(int32_t)) +
         dnmf_allocated_bytes(stored, dnmf_number_size(number));
}
