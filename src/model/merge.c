#include "model/merge.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>
#include <string.h>

dnmf_status dnmf_top_set_create(dnmf_error *error, int64_t count, int64_t capacity, dnmf_top_set *set) {
  void *memory = NULL;
  memset(set, 0, sizeof *set);
  DNMF_TRY(dnmf_allocate_zero(error, "lists of the best", count, sizeof(dnmf_top), &memory));
  set->tops = memory;
  set->count = count;
  DNMF_TRY(dnmf_allocate(error, "lists of the best", count * capacity, sizeof(dnmf_scored), &memory));
  set->items = memory;
  for (int64_t t = 0; t < count; t++)
    set->tops[t] = (dnmf_top){capacity, 0, set->items + t * capacity};
  return DNMF_OK;
}

void dnmf_top_set_free(dnmf_top_set *set) {
  free(set->tops);
  free(set->items);
  memset(set, 0, sizeof *set);
}

/* An item on its way to process 0. */
typedef struct ballot {
  dnmf_scored scored;
  int64_t list;
} ballot;

static dnmf_status collect_ballots(dnmf_error *error, dnmf_top_set *set, ballot **ballots, int64_t *count) {
  void *memory = NULL;
  *count = 0;
  for (int64_t t = 0; t < set->count; t++)
    *count += set->tops[t].count;
  DNMF_TRY(dnmf_allocate(error, "lists to send", *count, sizeof(ballot), &memory));
  *ballots = memory;
  int64_t next = 0;
  for (int64_t t = 0; t < set->count; t++) {
    for (int64_t i = 0; i < set->tops[t].count; i++)
      (*ballots)[next++] = (ballot){set->tops[t].items[i], t};
    set->tops[t].count = 0;
  }
  return DNMF_OK;
}

dnmf_status dnmf_top_set_merge(dnmf_context *context, dnmf_top_set *set) {
  ballot *ballots = NULL;
  void *arrived = NULL;
  void *counts = NULL;
  int64_t count = 0;
  dnmf_status status = collect_ballots(&context->error, set, &ballots, &count);
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(&context->error, "list counts", 2 * (int64_t)context->size, sizeof(int64_t), &counts);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    int64_t *send = counts;
    int64_t *received = send + context->size;
    send[0] = count;
    status = dnmf_exchange(context, ballots, send, sizeof(ballot), &arrived, received);
    int64_t total = 0;
    for (int p = 0; p < context->size; p++)
      total += received[p];
    for (int64_t b = 0; b < total && status == DNMF_OK; b++) {
      const ballot *one = (const ballot *)arrived + b;
      dnmf_top_offer(&set->tops[one->list], one->scored);
    }
  }
  for (int64_t t = 0; t < set->count && status == DNMF_OK; t++)
    dnmf_top_sort(&set->tops[t]);
  free(arrived);
  free(counts);
  free(ballots);
  return status;
}
