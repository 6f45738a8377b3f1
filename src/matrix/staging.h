/*
 * Entries on their way from a reader to the process whose block holds them, and waiting there.
 *
 * They come in batches, each exchanged by itself, so that no process holds more than a few batches twice. At their
 * owner they wait in a queue for each process they come from: taken queue by queue they are in file order again, as
 * the treatment of duplicates needs.
 */
#ifndef DNMF_STAGING_H
#define DNMF_STAGING_H

#include "base/queue.h"
#include "matrix/matrix.h"

#include <string.h>

/* Where an entry lies in its block; its value follows, a number of the matrix's precision. */
typedef struct dnmf_staged_place {
  int32_t row;
  int32_t col;
} dnmf_staged_place;

/* item = an entry at `place`, its value as a number of the precision. local */
static inline void dnmf_staged_put(dnmf_precision precision, void *item, dnmf_staged_place place, double value) {
  char *to = item;
  const float single = (float)value;
  memcpy(to, &place, sizeof place);
  if (precision == DNMF_DOUBLE)
    memcpy(to + sizeof place, &value, sizeof value);
  else
    memcpy(to + sizeof place, &single, sizeof single);
}

typedef struct dnmf_staging {
  dnmf_context *context;
  const dnmf_layout *layout;
  dnmf_precision precision;
  size_t item_bytes;
  int64_t batch;      /* most entries of a batch */
  dnmf_entry *read;   /* a batch as the reader gave it */
  int *owners;        /* of its entries */
  char *sorted;       /* the same by owner */
  int64_t *counts;    /* entries for each process, where they begin in `sorted`, and entries from each process */
  dnmf_queue *queues; /* what waits here, by the process it came from */
} dnmf_staging;

/* Takes `count` items that arrived from process `source`. local */
typedef dnmf_status (*dnmf_staging_take)(dnmf_staging *staging, void *state, int source, const char *items,
                                         int64_t count);

/* Released with dnmf_staging_free, also after a failure. local */
dnmf_status dnmf_staging_create(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                dnmf_staging *staging);
void dnmf_staging_free(dnmf_staging *staging); /* accepts a zeroed one */

/* All entries of `next` to their owners, who hand them to `take`. All processes leave with the same status.
 * collective */
dnmf_status dnmf_staging_route(dnmf_staging *staging, dnmf_next_entries next, void *next_state, dnmf_staging_take take,
                               void *take_state);

/* Puts the items of a queue into the rows of `csr`, whose starts are places (csr.h), converted to its numbers; the
 * memory they waited in is given back on the way. local */
void dnmf_staging_place(dnmf_queue *queue, dnmf_precision precision, dnmf_csr *csr);

#endif
