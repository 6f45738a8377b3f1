/*
 * Fetching: rows that other processes own, brought here by number.
 *
 * Rows 0 ... bounds[size]-1 of something (a factor, a list of biases, a table of indices) are owned in ranges, one
 * a process in rank order. A process that wants some of them tells their owners once, the plan; after that the
 * current rows travel as often as wanted, and only rows that are wanted are ever sent.
 */
#ifndef DNMF_FETCH_H
#define DNMF_FETCH_H

#include "matrix/panel.h"

#include <stddef.h>

typedef struct dnmf_fetch {
  int64_t wanted_count;               /* rows that arrive here */
  int64_t own_count;                  /* of those, rows owned here, which are copied */
  int64_t own_first;                  /* the place of the first of them among the wanted rows */
  int64_t *own_rows;                  /* their local numbers */
  int64_t send_total;                 /* rows sent to other processes */
  int64_t *send_rows;                 /* their local numbers, by destination; own_rows lie behind them */
  struct dnmf_fetch_buffers *buffers; /* what every exchange uses again */
} dnmf_fetch;

/* The distinct of `count` row numbers, ascending, as a plan wants them (the caller frees *distinct), and the place of
 * each in that list. Negative numbers stand for no row: they are not listed, and their place is -1. local */
dnmf_status dnmf_fetch_list(dnmf_error *error, int64_t count, const int64_t *rows, int64_t **distinct,
                            int64_t *distinct_count, int64_t *place);

/* Plans to bring rows wanted[0 ... count-1], ascending and distinct, which may be other rows on every process;
 * process r owns rows bounds[r] ... bounds[r+1]-1. `wanted` is needed no longer afterwards. Released with
 * dnmf_fetch_free, also after a failure. collective */
dnmf_status dnmf_fetch_plan(dnmf_context *context, const int64_t *bounds, const int64_t *wanted, int64_t count,
                            dnmf_fetch *fetch);

/* fetched[i] = the item of wanted row i, from `mine`, one item of `item_bytes` bytes a row owned here. `fetched` has
 * room for wanted_count items. Messages go only between processes that send each other something; nothing is allocated
 * or agreed on unless items are larger than any that this plan has brought. collective */
dnmf_status dnmf_fetch_items(dnmf_context *context, const dnmf_fetch *fetch, const void *mine, size_t item_bytes,
                             void *fetched);

/* The same for the rows of panels of one shape, counted as factor rows gathered. collective */
dnmf_status dnmf_fetch_rows(dnmf_context *context, const dnmf_fetch *fetch, const dnmf_panel *mine,
                            dnmf_panel *fetched);

void dnmf_fetch_free(dnmf_fetch *fetch); /* local; accepts a zeroed plan */

#endif
