#include "store/source_load.h"

#include "base/memory.h"
#include "store/cell_rule.h"

#include <stdlib.h>
#include <string.h>

/* A reader of a file whose entries are turned round, left out or shifted. */
typedef struct chooser {
  const dnmf_source *source;
  dnmf_next_entries next;
  void *state;
} chooser;

static bool has_rule(const dnmf_source *source) {
  return source->rule.leave_out || source->rule.add != 0;
}

static int64_t choose(const dnmf_source *source, dnmf_entry *batch, int64_t count) {
  const dnmf_selection *selection = source->selection;
  bool changed = has_rule(source);
  int64_t kept = 0;
  for (int64_t e = 0; e < count; e++) {
    dnmf_entry entry = batch[e];
    if (source->transposed)
      entry = (dnmf_entry){entry.col, entry.row, entry.value};
    if (changed && dnmf_cell_is_missing(&source->rule, &entry.value))
      continue;
    if (selection) {
      if (!dnmf_subset_has(&selection->rows, entry.row) || !dnmf_subset_has(&selection->cols, entry.col))
        continue;
      entry.row = dnmf_subset_below(&selection->rows, entry.row);
      entry.col = dnmf_subset_below(&selection->cols, entry.col);
    }
    batch[kept++] = entry;
  }
  return kept;
}

static dnmf_status next_chosen(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  const chooser *c = state;
  int64_t read = 0;
  do {
    DNMF_TRY(c->next(error, c->state, batch, limit, &read));
    *count = choose(c->source, batch, read);
  } while (read > 0 && *count == 0);
  return DNMF_OK;
}

static bool is_chosen_from(const dnmf_source *source) {
  return source->transposed || source->selection || has_rule(source);
}

dnmf_status dnmf_load_parts(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                            dnmf_precision precision, dnmf_next_entries next, const dnmf_entry_parts *parts,
                            dnmf_matrix *matrix) {
  const bool small = source->rows > source->stored / parts->count; /* rows would be counted for longer than entries */
  if (context->size > 1 || is_chosen_from(source) || !source->sparse || small)
    return dnmf_load_entries(context, source, layout, precision, next, parts->state, matrix);
  const dnmf_assembly kind = source->as_ratings   ? DNMF_ASSEMBLE_RATINGS
                             : source->rows_alone ? DNMF_ASSEMBLE_ROWS
                                                  : DNMF_ASSEMBLE_BOTH;
  return dnmf_matrix_assemble_parts(context, layout, precision, kind, source->duplicates, parts, matrix);
}

dnmf_status dnmf_load_entries(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                              dnmf_precision precision, dnmf_next_entries next, void *state, dnmf_matrix *matrix) {
  chooser c = {source, next, state};
  const bool chosen = is_chosen_from(source);
  dnmf_next_entries from = chosen ? next_chosen : next;
  void *of = chosen ? &c : state;
  if (!source->sparse)
    return dnmf_matrix_assemble_dense(context, layout, precision, source->narrow, from, of, matrix);
  if (source->as_ratings)
    return dnmf_matrix_assemble_ratings(context, layout, precision, true, source->duplicates, from, of, matrix);
  if (source->rows_alone)
    return dnmf_matrix_assemble_rows(context, layout, precision, source->sparse, source->duplicates, from, of, matrix);
  return dnmf_matrix_assemble(context, layout, precision, source->sparse, source->duplicates, from, of, matrix);
}

/* The block's part of an array, read in strips of the array's lines: rows of the block, or its columns when the array
 * is the transpose. */
typedef struct strips {
  dnmf_matrix *matrix;
  bool transposed;
  dnmf_subset lines;  /* chosen among the array's rows */
  dnmf_subset across; /* chosen among its columns */
  dnmf_range mine[2]; /* places of the block in those */
  dnmf_range hull[2]; /* what they are in the array, from the first to the last */
  int64_t *line;      /* places of the lines of a strip in it */
  int64_t *at;        /* places of a line's items in it */
  void *items;        /* a strip */
} strips;

/* From the first to the last of the chosen `places`. */
static dnmf_range hull_of(const dnmf_subset *subset, dnmf_range places) {
  if (dnmf_range_size(places) == 0)
    return (dnmf_range){0, 0};
  return (dnmf_range){dnmf_subset_index(subset, places.begin), dnmf_subset_index(subset, places.end - 1) + 1};
}

static strips strips_of(const dnmf_source *source, dnmf_matrix *matrix) {
  dnmf_subset rows = dnmf_subset_of_range(matrix->rows, (dnmf_range){0, matrix->rows});
  dnmf_subset cols = dnmf_subset_of_range(matrix->cols, (dnmf_range){0, matrix->cols});
  if (source->selection) {
    rows = source->selection->rows;
    cols = source->selection->cols;
  }
  strips s = {.matrix = matrix, .lines = rows, .across = cols, .mine = {matrix->row_range, matrix->col_range}};
  if (source->transposed)
    s = (strips){.matrix = matrix,
                 .transposed = true,
                 .lines = cols,
                 .across = rows,
                 .mine = {matrix->col_range, matrix->row_range}};
  s.hull[0] = hull_of(&s.lines, s.mine[0]);
  s.hull[1] = hull_of(&s.across, s.mine[1]);
  return s;
}

static void copy_item(const strips *s, int64_t to, int64_t from) {
  switch (dnmf_number_size(dnmf_matrix_number(s->matrix))) {
  case sizeof(uint64_t):
    ((double *)s->matrix->dense)[to] = ((const double *)s->items)[from];
    break;
  case sizeof(uint32_t):
    ((float *)s->matrix->dense)[to] = ((const float *)s->items)[from];
    break;
  case sizeof(uint16_t):
    ((uint16_t *)s->matrix->dense)[to] = ((const uint16_t *)s->items)[from];
    break;
  default:
    ((uint8_t *)s->matrix->dense)[to] = ((const uint8_t *)s->items)[from];
  }
}

/* Puts the strip's lines, the block's `first` to `first` + `count` - 1, into place. */
static void place_lines(const strips *s, int64_t first, int64_t count) {
  int64_t cols = dnmf_range_size(s->matrix->col_range);
  int64_t across = dnmf_range_size(s->mine[1]);
  int64_t width = dnmf_range_size(s->hull[1]);
  for (int64_t i = 0; i < across && s->transposed; i++)
    for (int64_t p = 0; p < count; p++)
      copy_item(s, i * cols + first + p, s->line[p] * width + s->at[i]);
  for (int64_t p = 0; p < count && !s->transposed; p++)
    for (int64_t i = 0; i < across; i++)
      copy_item(s, (first + p) * cols + i, s->line[p] * width + s->at[i]);
}

/* Strips begin and end with a line of the block. */
static dnmf_status read_strips(dnmf_context *context, dnmf_read_slab read, void *state, int64_t at_once, strips *s) {
  for (int64_t place = s->mine[0].begin; place < s->mine[0].end;) {
    int64_t begin = dnmf_subset_index(&s->lines, place);
    int64_t next = dnmf_subset_below(&s->lines, begin + at_once < s->lines.of ? begin + at_once : s->lines.of);
    next = next < s->mine[0].end ? next : s->mine[0].end;
    for (int64_t p = 0; p < next - place; p++)
      s->line[p] = dnmf_subset_index(&s->lines, place + p) - begin;
    dnmf_slab slab = {{begin, s->hull[1].begin}, {s->line[next - place - 1] + 1, dnmf_range_size(s->hull[1])}};
    DNMF_TRY(read(context, state, &slab, dnmf_matrix_number(s->matrix), s->items));
    place_lines(s, place - s->mine[0].begin, next - place);
    place = next;
  }
  return DNMF_OK;
}

static dnmf_status load_strips(dnmf_context *context, dnmf_read_slab read, void *state, strips *s) {
  void *memory = NULL;
  int64_t across = dnmf_range_size(s->mine[1]);
  int64_t width = dnmf_range_size(s->hull[1]);
  int64_t at_once = DNMF_LOAD_STRIP_ITEMS / width > 0 ? DNMF_LOAD_STRIP_ITEMS / width : 1;
  at_once = at_once < dnmf_range_size(s->hull[0]) ? at_once : dnmf_range_size(s->hull[0]);
  DNMF_TRY(dnmf_allocate(&context->error, "places in an array", at_once, sizeof *s->line, &memory));
  s->line = memory;
  DNMF_TRY(dnmf_allocate(&context->error, "places in an array", across, sizeof *s->at, &memory));
  s->at = memory;
  for (int64_t i = 0; i < across; i++)
    s->at[i] = dnmf_subset_index(&s->across, s->mine[1].begin + i) - s->hull[1].begin;
  DNMF_TRY(dnmf_allocate(&context->error, "rows of an array", at_once * width,
                         dnmf_number_size(dnmf_matrix_number(s->matrix)), &s->items));
  return read_strips(context, read, state, at_once, s);
}

dnmf_status dnmf_load_block(dnmf_context *context, const dnmf_source *source, dnmf_read_slab read, void *state,
                            const dnmf_plain_rows *plain, bool look, dnmf_matrix *matrix) {
  strips s = strips_of(source, matrix);
  dnmf_slab block = {{s.hull[0].begin, s.hull[1].begin}, {dnmf_range_size(s.hull[0]), dnmf_range_size(s.hull[1])}};
  bool gaps = block.count[0] > dnmf_range_size(s.mine[0]) || block.count[1] > dnmf_range_size(s.mine[1]);
  if (block.count[0] == 0 || block.count[1] == 0)
    return DNMF_OK;
  if (!gaps && !s.transposed && plain->file >= 0)
    return dnmf_plain_rows_load(context, plain, &block, look, matrix);
  if (!gaps && !s.transposed)
    return read(context, state, &block, dnmf_matrix_number(matrix), matrix->dense);
  dnmf_status status = load_strips(context, read, state, &s);
  free(s.line);
  free(s.at);
  free(s.items);
  return status;
}
