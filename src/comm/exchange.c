/*
 * The personalized exchange: nonblocking messages in pieces that fit an int, so one path serves every size.
 */
#include "comm/exchange.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>
#include <string.h>

enum { EXCHANGE_TAG = 7 };

static int64_t total_of(const int64_t *counts, int size) {
  int64_t total = 0;
  for (int r = 0; r < size; r++)
    total += counts[r];
  return total;
}

/* Messages it takes to move `counts` items, piece by piece. */
static int64_t count_messages(const dnmf_context *context, const int64_t *counts) {
  int64_t messages = 0;
  for (int r = 0; r < context->size; r++)
    if (r != context->rank)
      messages += counts[r] / context->message_limit + (counts[r] % context->message_limit != 0);
  return messages;
}

/* Lists the messages from or to process `peer`, whose items begin at `first`; returns where the list goes on. */
static dnmf_message *list_pieces(const dnmf_context *context, int peer, int64_t first, int64_t count,
                                 dnmf_message *next) {
  for (int64_t done = 0; done < count; done += context->message_limit) {
    int64_t piece = count - done < context->message_limit ? count - done : context->message_limit;
    *next++ = (dnmf_message){peer, first + done, piece};
  }
  return next;
}

/* Lists the messages of one direction, beginning with those of process `begin`. */
static dnmf_message *list_messages(const dnmf_context *context, const int64_t *counts, int begin, dnmf_message *next) {
  int64_t first = total_of(counts, begin);
  for (int step = 0; step < context->size; step++) {
    int peer = (begin + step) % context->size;
    if (peer == 0)
      first = 0;
    if (peer != context->rank)
      next = list_pieces(context, peer, first, counts[peer], next);
    first += counts[peer];
  }
  return next;
}

dnmf_status dnmf_exchange_plan_create(dnmf_context *context, const int64_t *send_counts, const int64_t *receive_counts,
                                      dnmf_exchange_plan *plan) {
  const int next_rank = (context->rank + 1) % context->size;
  void *memory = NULL;
  *plan = (dnmf_exchange_plan){.item = MPI_DATATYPE_NULL};
  plan->receive_count = count_messages(context, receive_counts);
  plan->send_count = count_messages(context, send_counts);
  const int64_t count = plan->receive_count + plan->send_count;
  DNMF_TRY(dnmf_allocate(&context->error, "a list of messages", count, sizeof(dnmf_message), &memory));
  plan->messages = memory;
  DNMF_TRY(dnmf_allocate(&context->error, "message requests", count, sizeof(MPI_Request), &memory));
  plan->requests = memory;
  dnmf_message *next = list_messages(context, receive_counts, next_rank, plan->messages);
  list_messages(context, send_counts, next_rank, next);
  for (int r = 0; r < context->size; r++)
    plan->destinations += r != context->rank && send_counts[r] > 0;
  return DNMF_OK;
}

void dnmf_exchange_plan_free(dnmf_exchange_plan *plan) {
  if (plan->item_bytes > 0)
    MPI_Type_free(&plan->item);
  free(plan->messages);
  free(plan->requests);
  *plan = (dnmf_exchange_plan){.item = MPI_DATATYPE_NULL};
}

/* The type of an item; kept, as one exchange after another moves items of one size. */
static dnmf_status set_item_type(dnmf_context *context, dnmf_exchange_plan *plan, size_t item_bytes) {
  if (plan->item_bytes == item_bytes)
    return DNMF_OK;
  if (plan->item_bytes > 0)
    MPI_Type_free(&plan->item);
  plan->item_bytes = 0;
  DNMF_TRY(dnmf_mpi_check(context, MPI_Type_contiguous((int)item_bytes, MPI_BYTE, &plan->item), "MPI_Type_contiguous"));
  plan->item_bytes = item_bytes;
  return dnmf_mpi_check(context, MPI_Type_commit(&plan->item), "MPI_Type_commit");
}

dnmf_status dnmf_exchange_expect(dnmf_context *context, dnmf_exchange_plan *plan, size_t item_bytes, void *received) {
  if (plan->receive_count + plan->send_count == 0)
    return DNMF_OK;
  DNMF_TRY(set_item_type(context, plan, item_bytes));
  for (int64_t m = 0; m < plan->receive_count; m++) {
    const dnmf_message *message = &plan->messages[m];
    int code = MPI_Irecv((char *)received + (size_t)message->first * item_bytes, (int)message->count, plan->item,
                         message->peer, EXCHANGE_TAG, context->comm, &plan->requests[m]);
    DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Irecv"));
  }
  return DNMF_OK;
}

dnmf_status dnmf_exchange_deliver(dnmf_context *context, dnmf_exchange_plan *plan, const void *send) {
  const int64_t count = plan->receive_count + plan->send_count;
  for (int64_t m = plan->receive_count; m < count; m++) {
    const dnmf_message *message = &plan->messages[m];
    int code = MPI_Isend((const char *)send + (size_t)message->first * plan->item_bytes, (int)message->count,
                         plan->item, message->peer, EXCHANGE_TAG, context->comm, &plan->requests[m]);
    DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Isend"));
  }
  for (int64_t done = 0; done < count; done += context->message_limit) {
    int64_t some = count - done < context->message_limit ? count - done : context->message_limit;
    int code = MPI_Waitall((int)some, plan->requests + done, MPI_STATUSES_IGNORE);
    DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Waitall"));
  }
  return DNMF_OK;
}

dnmf_status dnmf_exchange_known(dnmf_context *context, const void *send, const int64_t *send_counts, size_t item_bytes,
                                void *received, const int64_t *receive_counts) {
  dnmf_exchange_plan plan;
  dnmf_status status = dnmf_exchange_plan_create(context, send_counts, receive_counts, &plan);
  if (status != DNMF_OK) { /* the others are sending already and cannot be told: the job ends, as when MPI fails */
    context->error = (dnmf_error){.status = DNMF_OK};
    status = dnmf_fail(&context->error, DNMF_ERROR_MPI, "process %d has no memory for message requests", context->rank);
  }
  if (status == DNMF_OK)
    status = dnmf_exchange_expect(context, &plan, item_bytes, received);
  size_t own_bytes = (size_t)send_counts[context->rank] * item_bytes;
  if (status == DNMF_OK && own_bytes > 0)
    memcpy((char *)received + (size_t)total_of(receive_counts, context->rank) * item_bytes,
           (const char *)send + (size_t)total_of(send_counts, context->rank) * item_bytes, own_bytes);
  if (status == DNMF_OK)
    status = dnmf_exchange_deliver(context, &plan, send);
  dnmf_exchange_plan_free(&plan);
  return status;
}

dnmf_status dnmf_exchange(dnmf_context *context, const void *send, const int64_t *send_counts, size_t item_bytes,
                          void **received, int64_t *receive_counts) {
  *received = NULL;
  int code = MPI_Alltoall(send_counts, 1, MPI_INT64_T, receive_counts, 1, MPI_INT64_T, context->comm);
  DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Alltoall"));
  dnmf_status status =
      dnmf_allocate(&context->error, "received entries", total_of(receive_counts, context->size), item_bytes, received);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_exchange_known(context, send, send_counts, item_bytes, *received, receive_counts);
  if (status != DNMF_OK) {
    free(*received);
    *received = NULL;
  }
  return status;
}
