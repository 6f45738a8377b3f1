/*
 * A first-in first-out queue of small items, for hundreds of millions of them: what waits between reading a file and
 * building the matrix.
 *
 * Items lie in chunks of pages of their own. A chunk goes back to the system as soon as its items have been taken, so
 * that what they become can grow into the memory they leave.
 */
#ifndef DNMF_QUEUE_H
#define DNMF_QUEUE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct dnmf_queue_chunk dnmf_queue_chunk;

/* Chunks that one queue has emptied and another will fill: pages that need not be cleared again. It keeps a few, while
 * items move from queue to queue; all go back with dnmf_queue_pool_free. Zeroed it is empty. */
typedef struct dnmf_queue_pool {
  dnmf_queue_chunk *first;
  int count;
} dnmf_queue_pool;

typedef struct dnmf_queue {
  int64_t count; /* items held */
  size_t item_bytes;
  dnmf_queue_chunk *first;
  dnmf_queue_chunk *last;
  dnmf_queue_pool *pool; /* not owned; NULL: none */
} dnmf_queue;

/* An empty queue; it needs no memory until something is put. `pool`, if not NULL, must outlive it. */
static inline dnmf_queue dnmf_queue_of(size_t item_bytes, dnmf_queue_pool *pool) {
  dnmf_queue queue = {0, item_bytes, NULL, NULL, pool};
  return queue;
}

/* Appends copies of `count` items; `what` names them in the message when memory runs out. local */
dnmf_status dnmf_queue_put(dnmf_error *error, const char *what, dnmf_queue *queue, const void *items, int64_t count);

/* The same for one item, which the caller writes to *item. local */
dnmf_status dnmf_queue_add(dnmf_error *error, const char *what, dnmf_queue *queue, void **item);

/* The same for up to `limit` items, at least 1, side by side: the caller writes to *items as many of the *count that
 * there is room for as it likes, and tells dnmf_queue_added before anything else is done with the queue. local */
dnmf_status dnmf_queue_room(dnmf_error *error, const char *what, dnmf_queue *queue, int64_t limit, void **items,
                            int64_t *count);
void dnmf_queue_added(dnmf_queue *queue, int64_t count);

/* The items at the front that lie side by side, at most `limit`: how many there are (0 when the queue is empty), and
 * where. They stay until dnmf_queue_drop. local */
int64_t dnmf_queue_front(const dnmf_queue *queue, int64_t limit, const void **items);

/* A place between two items; zeroed: the front. */
typedef struct dnmf_queue_place {
  dnmf_queue_chunk *chunk;
  int64_t taken; /* of the chunk's items */
} dnmf_queue_place;

/* As dnmf_queue_front, the items behind a place, which moves behind them; nothing is dropped meanwhile. local */
int64_t dnmf_queue_look(const dnmf_queue *queue, dnmf_queue_place *place, int64_t limit, const void **items);

/* Drops `count` items that dnmf_queue_front showed. local */
void dnmf_queue_drop(dnmf_queue *queue, int64_t count);

void dnmf_queue_pool_free(dnmf_queue_pool *pool); /* local; leaves an empty pool */

void dnmf_queue_free(dnmf_queue *queue); /* local; leaves an empty queue; accepts a zeroed one */

#endif
