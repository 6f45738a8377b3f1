#include "model/top.h"

static void swap(dnmf_scored *a, dnmf_scored *b) {
  dnmf_scored kept = *a;
  *a = *b;
  *b = kept;
}

static void sift_up(dnmf_scored *items, int64_t at) {
  while (at > 0 && dnmf_better(items[(at - 1) / 2], items[at])) {
    swap(&items[at], &items[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
}

static void sift_down(dnmf_scored *items, int64_t count, int64_t at) {
  for (int64_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
    if (child + 1 < count && dnmf_better(items[child], items[child + 1]))
      child++;
    if (!dnmf_better(items[at], items[child]))
      return;
    swap(&items[at], &items[child]);
    at = child;
  }
}

void dnmf_top_offer(dnmf_top *top, dnmf_scored offered) {
  if (top->capacity == 0 || !(offered.score > -INFINITY))
    return;
  if (top->count < top->capacity) {
    top->items[top->count] = offered;
    sift_up(top->items, top->count++);
  } else if (dnmf_better(offered, top->items[0])) {
    top->items[0] = offered;
    sift_down(top->items, top->count, 0);
  }
}

void dnmf_top_sort(dnmf_top *top) {
  for (int64_t last = top->count - 1; last > 0; last--) {
    swap(&top->items[0], &top->items[last]);
    sift_down(top->items, last, 0);
  }
}
