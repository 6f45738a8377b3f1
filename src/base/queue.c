/* Chunks come from mmap: what malloc gets back it keeps, and only the pages really written take memory. Those of a
 * queue that is long already are asked for in huge pages, which new memory is had in faster. */
#if defined(__linux__)
#define _GNU_SOURCE /* MAP_ANONYMOUS, madvise */
#endif
#include "base/queue.h"

#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK_BYTES = 1 << 22, POOLED = 4 /* chunks: what is taken from the pool comes soon after what goes there */ };

struct dnmf_queue_chunk {
  dnmf_queue_chunk *next;
  int64_t begin; /* of the items not taken yet */
  int64_t end;
  int64_t capacity; /* items of the queue that it is in */
};

/* Items begin at a whole cache line. */
enum { CHUNK_HEAD = 64 };

static char *item_at(const dnmf_queue *queue, dnmf_queue_chunk *chunk, int64_t at) {
  return (char *)chunk + CHUNK_HEAD + (size_t)at * queue->item_bytes;
}

/* A chunk to be filled; NULL when there is no memory. */
static dnmf_queue_chunk *get_chunk(const dnmf_queue *queue) {
  if (queue->pool && queue->pool->first) {
    dnmf_queue_chunk *chunk = queue->pool->first;
    queue->pool->first = chunk->next;
    queue->pool->count--;
    return chunk;
  }
  void *memory = mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return NULL;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (queue->last)
    (void)madvise(memory, CHUNK_BYTES, MADV_HUGEPAGE);
#endif
  return memory;
}

static dnmf_status add_chunk(dnmf_error *error, const char *what, dnmf_queue *queue) {
  dnmf_queue_chunk *chunk = get_chunk(queue);
  if (!chunk)
    return dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for %s (beyond %" PRId64 "); use more processes",
                     what, queue->count);
  *chunk = (dnmf_queue_chunk){NULL, 0, 0, (int64_t)((CHUNK_BYTES - CHUNK_HEAD) / queue->item_bytes)};
  if (queue->last)
    queue->last->next = chunk;
  else
    queue->first = chunk;
  queue->last = chunk;
  return DNMF_OK;
}

dnmf_status dnmf_queue_put(dnmf_error *error, const char *what, dnmf_queue *queue, const void *items, int64_t count) {
  const char *from = items;
  while (count > 0) {
    if (!queue->last || queue->last->end == queue->last->capacity)
      DNMF_TRY(add_chunk(error, what, queue));
    dnmf_queue_chunk *chunk = queue->last;
    int64_t fit = chunk->capacity - chunk->end < count ? chunk->capacity - chunk->end : count;
    memcpy(item_at(queue, chunk, chunk->end), from, (size_t)fit * queue->item_bytes);
    chunk->end += fit;
    queue->count += fit;
    from += (size_t)fit * queue->item_bytes;
    count -= fit;
  }
  return DNMF_OK;
}

dnmf_status dnmf_queue_add(dnmf_error *error, const char *what, dnmf_queue *queue, void **item) {
  if (!queue->last || queue->last->end == queue->last->capacity)
    DNMF_TRY(add_chunk(error, what, queue));
  *item = item_at(queue, queue->last, queue->last->end++);
  queue->count++;
  return DNMF_OK;
}

dnmf_status dnmf_queue_room(dnmf_error *error, const char *what, dnmf_queue *queue, int64_t limit, void **items,
                            int64_t *count) {
  if (!queue->last || queue->last->end == queue->last->capacity)
    DNMF_TRY(add_chunk(error, what, queue));
  const int64_t room = queue->last->capacity - queue->last->end;
  *items = item_at(queue, queue->last, queue->last->end);
  *count = room < limit ? room : limit;
  return DNMF_OK;
}

void dnmf_queue_added(dnmf_queue *queue, int64_t count) {
  queue->last->end += count;
  queue->count += count;
}

int64_t dnmf_queue_front(const dnmf_queue *queue, int64_t limit, const void **items) {
  if (queue->count == 0)
    return 0;
  int64_t held = queue->first->end - queue->first->begin;
  *items = item_at(queue, queue->first, queue->first->begin);
  return held < limit ? held : limit;
}

int64_t dnmf_queue_look(const dnmf_queue *queue, dnmf_queue_place *place, int64_t limit, const void **items) {
  if (!place->chunk)
    *place = (dnmf_queue_place){queue->first, 0};
  else if (place->taken == place->chunk->end - place->chunk->begin && place->chunk->next)
    *place = (dnmf_queue_place){place->chunk->next, 0};
  if (!place->chunk)
    return 0;
  const int64_t held = place->chunk->end - place->chunk->begin - place->taken;
  const int64_t count = held < limit ? held : limit;
  *items = item_at(queue, place->chunk, place->chunk->begin + place->taken);
  place->taken += count;
  return count;
}

static void drop_chunk(dnmf_queue *queue, dnmf_queue_pool *pool) {
  dnmf_queue_chunk *chunk = queue->first;
  queue->first = chunk->next;
  if (!queue->first)
    queue->last = NULL;
  if (pool && pool->count < POOLED) {
    chunk->next = pool->first;
    pool->first = chunk;
    pool->count++;
  } else {
    munmap(chunk, CHUNK_BYTES);
  }
}

void dnmf_queue_pool_free(dnmf_queue_pool *pool) {
  while (pool->first) {
    dnmf_queue_chunk *chunk = pool->first;
    pool->first = chunk->next;
    munmap(chunk, CHUNK_BYTES);
  }
  pool->count = 0;
}

void dnmf_queue_drop(dnmf_queue *queue, int64_t count) {
  if (count == 0)
    return;
  queue->first->begin += count;
  queue->count -= count;
  if (queue->first->begin == queue->first->end)
    drop_chunk(queue, queue->pool);
}

void dnmf_queue_free(dnmf_queue *queue) {
  while (queue->first)
    drop_chunk(queue, NULL);
  queue->count = 0;
}
