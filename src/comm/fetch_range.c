#include "comm/fetch_range.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>
#include <string.h>

typedef struct range_transfer {
  dnmf_range *held;   /* by every process */
  dnmf_range *wanted; /* likewise */
  int64_t *send_counts;
  int64_t *receive_counts;
  char *send;
  char *received;
} range_transfer;

static dnmf_status allocate_ranges(dnmf_context *context, range_transfer *t) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(&context->error, "ranges", 2 * (int64_t)context->size, sizeof(dnmf_range), &memory));
  t->held = memory;
  t->wanted = t->held + context->size;
  DNMF_TRY(dnmf_allocate(&context->error, "message counts", 2 * (int64_t)context->size, sizeof(int64_t), &memory));
  t->send_counts = memory;
  t->receive_counts = t->send_counts + context->size;
  return DNMF_OK;
}

/* The items that each process wants of this one, one process after another. */
static dnmf_status pack_items(dnmf_context *context, const char *mine, size_t item_bytes, range_transfer *t) {
  void *memory = NULL;
  int64_t sent = 0;
  int64_t received = 0;
  const dnmf_range held = t->held[context->rank];
  const dnmf_range wanted = t->wanted[context->rank];
  for (int p = 0; p < context->size; p++) {
    sent += t->send_counts[p] = dnmf_range_size(dnmf_range_overlap(t->wanted[p], held));
    received += t->receive_counts[p] = dnmf_range_size(dnmf_range_overlap(wanted, t->held[p]));
  }
  DNMF_TRY(dnmf_allocate(&context->error, "items to send", sent, item_bytes, &memory));
  t->send = memory;
  DNMF_TRY(dnmf_allocate(&context->error, "items received", received, item_bytes, &memory));
  t->received = memory;
  char *to = t->send;
  for (int p = 0; p < context->size; p++) {
    size_t bytes = (size_t)t->send_counts[p] * item_bytes;
    if (bytes > 0)
      memcpy(to, mine + (size_t)(dnmf_range_overlap(t->wanted[p], held).begin - held.begin) * item_bytes, bytes);
    to += bytes;
  }
  return DNMF_OK;
}

static void unpack_items(const dnmf_context *context, const range_transfer *t, size_t item_bytes, char *out) {
  const dnmf_range wanted = t->wanted[context->rank];
  const char *from = t->received;
  for (int p = 0; p < context->size; p++) {
    size_t bytes = (size_t)t->receive_counts[p] * item_bytes;
    if (bytes > 0)
      memcpy(out + (size_t)(dnmf_range_overlap(wanted, t->held[p]).begin - wanted.begin) * item_bytes, from, bytes);
    from += bytes;
  }
}

dnmf_status dnmf_fetch_range(dnmf_context *context, dnmf_range held, const void *mine, size_t item_bytes,
                             dnmf_range wanted, void *out) {
  range_transfer t = {0};
  int64_t ranges[4] = {held.begin, held.end, wanted.begin, wanted.end};
  void *all = NULL;
  dnmf_status status = allocate_ranges(context, &t);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "ranges", 4 * (int64_t)context->size, sizeof(int64_t), &all);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_mpi_check(context, MPI_Allgather(ranges, 4, MPI_INT64_T, all, 4, MPI_INT64_T, context->comm),
                            "MPI_Allgather");
  for (int p = 0; p < context->size && status == DNMF_OK; p++) {
    const int64_t *of = (const int64_t *)all + 4 * (int64_t)p;
    t.held[p] = (dnmf_range){of[0], of[1]};
    t.wanted[p] = (dnmf_range){of[2], of[3]};
  }
  if (status == DNMF_OK)
    status = dnmf_agree(context, pack_items(context, mine, item_bytes, &t));
  if (status == DNMF_OK)
    status = dnmf_exchange_known(context, t.send, t.send_counts, item_bytes, t.received, t.receive_counts);
  if (status == DNMF_OK)
    unpack_items(context, &t, item_bytes, out);
  free(all);
  free(t.held);
  free(t.send_counts);
  free(t.send);
  free(t.received);
  return status;
}
