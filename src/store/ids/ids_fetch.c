/* Ids of any range: every process tells what it wants, the holders send it. */
#include "store/ids/ids_fetch.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>
#include <string.h>

/* What each process wants of this one's ids, in the order of ranks. */
typedef struct requests {
  dnmf_range *ranges;      /* one a process: the wanted part of what is held here */
  int64_t *send_counts;    /* one a process */
  int64_t *receive_counts; /* one a process */
} requests;

static void requests_free(requests *r) {
  free(r->ranges);
  free(r->send_counts);
}

static dnmf_status gather_requests(dnmf_context *context, const dnmf_ids *ids, dnmf_range wanted, requests *r) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "requests for ids", context->size, sizeof(dnmf_range), &memory);
  r->ranges = memory;
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "requests for ids", 2 * (int64_t)context->size, sizeof(int64_t), &memory);
  else
    memory = NULL;
  r->send_counts = memory;
  DNMF_TRY(dnmf_agree(context, status));
  r->receive_counts = r->send_counts + context->size;
  int code = MPI_Allgather(&wanted, 2, MPI_INT64_T, r->ranges, 2, MPI_INT64_T, context->comm);
  DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Allgather"));
  for (int p = 0; p < context->size; p++)
    r->ranges[p] = dnmf_range_overlap(r->ranges[p], ids->range);
  return DNMF_OK;
}

static int64_t sum_of(const int64_t *counts, int size) {
  int64_t sum = 0;
  for (int p = 0; p < size; p++)
    sum += counts[p];
  return sum;
}

/* Sends the wanted numbers of `values` (one an id held here) to everybody. */
static dnmf_status exchange_numbers(dnmf_context *context, const dnmf_ids *ids, const int64_t *values, requests *r,
                                    int64_t **received) {
  void *send = NULL;
  void *arrived = NULL;
  for (int p = 0; p < context->size; p++)
    r->send_counts[p] = dnmf_range_size(r->ranges[p]);
  dnmf_status status =
      dnmf_allocate(&context->error, "ids to send", sum_of(r->send_counts, context->size), sizeof(int64_t), &send);
  int64_t *at = send;
  for (int p = 0; p < context->size && status == DNMF_OK; p++)
    for (int64_t i = r->ranges[p].begin; i < r->ranges[p].end; i++)
      *at++ = values[i - ids->range.begin];
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_exchange(context, send, r->send_counts, sizeof(int64_t), &arrived, r->receive_counts);
  free(send);
  *received = arrived;
  return status;
}

static dnmf_status exchange_text(dnmf_context *context, const dnmf_ids *ids, requests *r, char **received) {
  void *send = NULL;
  void *arrived = NULL;
  for (int p = 0; p < context->size; p++)
    r->send_counts[p] =
        ids->starts[r->ranges[p].end - ids->range.begin] - ids->starts[r->ranges[p].begin - ids->range.begin];
  dnmf_status status = dnmf_allocate(&context->error, "ids to send", sum_of(r->send_counts, context->size), 1, &send);
  char *at = send;
  for (int p = 0; p < context->size && status == DNMF_OK; p++) {
    if (r->send_counts[p])
      memcpy(at, ids->text + ids->starts[r->ranges[p].begin - ids->range.begin], (size_t)r->send_counts[p]);
    at += r->send_counts[p];
  }
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_exchange(context, send, r->send_counts, 1, &arrived, r->receive_counts);
  free(send);
  *received = arrived;
  return status;
}

/* Lengths travel first, then the bytes. */
static dnmf_status fetch_strings(dnmf_context *context, const dnmf_ids *ids, requests *r, dnmf_ids *fetched) {
  void *memory = NULL;
  int64_t *arrived = NULL;
  int64_t held = dnmf_range_size(ids->range);
  int64_t count = dnmf_range_size(fetched->range);
  dnmf_status status = dnmf_allocate(&context->error, "lengths of ids", held, sizeof(int64_t), &memory);
  int64_t *lengths = memory;
  for (int64_t i = 0; i < held && status == DNMF_OK; i++)
    lengths[i] = ids->starts[i + 1] - ids->starts[i];
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(&context->error, "ids", count + 1, sizeof(int64_t), &memory);
  else
    memory = NULL;
  fetched->starts = memory;
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = exchange_numbers(context, ids, lengths, r, &arrived);
  for (int64_t i = 0; i < count && status == DNMF_OK; i++)
    fetched->starts[i + 1] = fetched->starts[i] + arrived[i];
  free(arrived);
  free(lengths);
  if (status == DNMF_OK)
    status = exchange_text(context, ids, r, &fetched->text);
  return status;
}

dnmf_status dnmf_ids_fetch(dnmf_context *context, const dnmf_ids *ids, dnmf_range wanted, dnmf_ids *fetched) {
  requests r = {0};
  memset(fetched, 0, sizeof *fetched);
  if (ids->kind == DNMF_IDS_NONE)
    return DNMF_OK;
  fetched->kind = ids->kind;
  fetched->count = ids->count;
  fetched->range = wanted;
  dnmf_status status = gather_requests(context, ids, wanted, &r);
  if (status == DNMF_OK && ids->kind == DNMF_IDS_INTEGER)
    status = exchange_numbers(context, ids, ids->numbers, &r, &fetched->numbers);
  else if (status == DNMF_OK)
    status = fetch_strings(context, ids, &r, fetched);
  requests_free(&r);
  return status;
}
