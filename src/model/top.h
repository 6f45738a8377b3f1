/*
 * The best few of many scored items: a bounded heap whose root is the worst one held.
 *
 * The better item has the larger score, and of equal ones the smaller index, so what is held never depends on the
 * order of the offers. Items whose score is NaN or minus infinity are never held.
 */
#ifndef DNMF_MODEL_TOP_H
#define DNMF_MODEL_TOP_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct dnmf_scored {
  double score;
  int64_t item;
} dnmf_scored;

typedef struct dnmf_top {
  int64_t capacity;
  int64_t count;
  dnmf_scored *items; /* capacity; not owned */
} dnmf_top;

static inline bool dnmf_better(dnmf_scored a, dnmf_scored b) {
  return a.score > b.score || (a.score == b.score && a.item < b.item);
}

/* What a score must exceed to be held, when items are offered by ascending index. local */
static inline double dnmf_top_threshold(const dnmf_top *top) {
  if (top->capacity == 0)
    return INFINITY;
  return top->count < top->capacity ? -INFINITY : top->items[0].score;
}

/* True when `item` is one of `count` ascending numbers: a column that a row has seen, say. local */
static inline bool dnmf_is_among(const int32_t *numbers, int64_t count, int64_t item) {
  int64_t low = 0;
  int64_t high = count;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (numbers[middle] < item)
      low = middle + 1;
    else
      high = middle;
  }
  return low < count && numbers[low] == item;
}

/* Holds the item if it is among the best so far. local */
void dnmf_top_offer(dnmf_top *top, dnmf_scored offered);

/* Orders what is held, the best first; the heap takes no offers afterwards. local */
void dnmf_top_sort(dnmf_top *top);

#endif
