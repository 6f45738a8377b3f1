/*
 * What the text readers share: what they read waits in a queue until it is loaded, when batch by batch it becomes
 * entries of the matrix.
 *
 * A reader appends either entries, a row and a column each, or cells: every value of the matrix, in order.
 */
#ifndef DNMF_STORE_TEXT_ENTRIES_H
#define DNMF_STORE_TEXT_ENTRIES_H

#include "base/queue.h"
#include "store/source.h"
#include "store/text/text_field.h"

/* What one reader appends. */
typedef struct dnmf_text_items {
  dnmf_queue queue;   /* in file order */
  bool wide;          /* they are dnmf_entry; else their indices, which then fit, are kept in 32 bits */
  int64_t *row_index; /* rows and columns of the matrix, by the numbers appended; NULL: those are the indices */
  int64_t *col_index;
  dnmf_queue_place seen; /* of a walk that takes nothing */
} dnmf_text_items;

/* source->state of a text source. */
typedef struct dnmf_text_state {
  dnmf_text_items *items; /* of this process's lines, a part of them each, in file order */
  int parts;
  int front; /* all before it are empty */

  /* Entries. */
  bool mirrored;     /* an entry off the diagonal stands for (col, row) too */
  int64_t row_shift; /* added to the numbers appended */
  int64_t col_shift;

  /* Cells. */
  bool zeros;      /* are entries: cells are missing, and are not */
  bool by_columns; /* else by rows */
  bool triangle;   /* by columns from the diagonal down, each standing for (col, row) too */
  int64_t rows;    /* of the matrix */
  int64_t cols;
  int64_t row; /* of the cell at the front */
  int64_t col;
} dnmf_text_state;

/* Makes an empty state, for entries or for cells, that `parts` readers append to, each to its own part, and sets type,
 * load and close; the context must outlive it. local */
dnmf_status dnmf_text_state_create(dnmf_context *context, dnmf_source *source, bool cells, int parts,
                                   dnmf_text_state **state);

/* Items appended. local */
int64_t dnmf_text_count(const dnmf_text_state *state);

/* Appends an entry; several, whose indices fit 32 bits. Threads may append to different parts. local */
dnmf_status dnmf_text_append(dnmf_error *error, dnmf_text_items *items, int64_t row, int64_t col, double value);
dnmf_status dnmf_text_append_all(dnmf_error *error, dnmf_text_items *items, int64_t count, const uint32_t *rows,
                                 const uint32_t *cols, const double *values);

/* Takes entries from the front, as a dnmf_next_entries: `state` is a dnmf_text_state. local */
dnmf_status dnmf_text_next_entries(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count);

/* Appends a cell. local */
dnmf_status dnmf_text_append_cell(dnmf_error *error, dnmf_text_items *items, double value);

/* Fails unless a line has as many fields as it should; `count` as dnmf_text_split returned it. local */
dnmf_status dnmf_text_check_fields(dnmf_error *error, int64_t count, int64_t wanted, const char *hint);

#endif
