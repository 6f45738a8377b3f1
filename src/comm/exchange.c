/*
 * The personalized exchange: nonblocking messages in pieces that fit an int, so one path serves every size.
 */
#include "comm/collective.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Messages on their way; there is room for all of them from the start. */
typedef struct transfer {
  MPI_Request *requests;
  int64_t count;
  MPI_Datatype item;
  size_t item_bytes;
} transfer;

enum { EXCHANGE_TAG = 7 };

/* Posts the pieces of one peer's share; `send` or receive. */
static dnmf_status post(dnmf_context *context, transfer *pending, char *data, int64_t count, int peer, bool send) {
  for (int64_t done = 0; done < count; done += context->message_limit) {
    int64_t piece = count - done < context->message_limit ? count - done : context->message_limit;
    char *at = data + (size_t)done * pending->item_bytes;
    MPI_Request *request = &pending->requests[pending->count++];
    int code = send ? MPI_Isend(at, (int)piece, pending->item, peer, EXCHANGE_TAG, context->comm, request)
                    : MPI_Irecv(at, (int)piece, pending->item, peer, EXCHANGE_TAG, context->comm, request);
    DNMF_TRY(dnmf_mpi_check(context, code, send ? "MPI_Isend" : "MPI_Irecv"));
  }
  return DNMF_OK;
}

static int64_t total_of(const int64_t *counts, int size) {
  int64_t total = 0;
  for (int r = 0; r < size; r++)
    total += counts[r];
  return total;
}

/* Messages it takes to move `counts` items, piece by piece. */
static int64_t pieces_of(const dnmf_context *context, const int64_t *counts) {
  int64_t pieces = 0;
  for (int r = 0; r < context->size; r++)
    pieces += counts[r] / context->message_limit + (counts[r] % context->message_limit != 0);
  return pieces;
}

/* Posts every piece for the others. Peers are taken in rotation so that nobody is everybody's first. */
static dnmf_status post_all(dnmf_context *context, transfer *pending, char *data, const int64_t *counts, bool send) {
  for (int step = 1; step < context->size; step++) {
    int peer = (send ? context->rank + step : context->rank - step + context->size) % context->size;
    char *at = data + (size_t)total_of(counts, peer) * pending->item_bytes;
    DNMF_TRY(post(context, pending, at, counts[peer], peer, send));
  }
  return DNMF_OK;
}

static dnmf_status wait_all(dnmf_context *context, transfer *pending) {
  for (int64_t done = 0; done < pending->count; done += context->message_limit) {
    int64_t piece = pending->count - done < context->message_limit ? pending->count - done : context->message_limit;
    int code = MPI_Waitall((int)piece, pending->requests + done, MPI_STATUSES_IGNORE);
    DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Waitall"));
  }
  return DNMF_OK;
}

/* Moves everything. */
static dnmf_status transfer_all(dnmf_context *context, transfer *pending, const char *send, const int64_t *send_counts,
                                char *received, const int64_t *receive_counts) {
  size_t item_bytes = pending->item_bytes;
  DNMF_TRY(
      dnmf_mpi_check(context, MPI_Type_contiguous((int)item_bytes, MPI_BYTE, &pending->item), "MPI_Type_contiguous"));
  DNMF_TRY(dnmf_mpi_check(context, MPI_Type_commit(&pending->item), "MPI_Type_commit"));
  DNMF_TRY(post_all(context, pending, received, receive_counts, false));
  DNMF_TRY(post_all(context, pending, (char *)send, send_counts, true));
  size_t own_bytes = (size_t)send_counts[context->rank] * item_bytes;
  if (own_bytes > 0)
    memcpy(received + (size_t)total_of(receive_counts, context->rank) * item_bytes,
           send + (size_t)total_of(send_counts, context->rank) * item_bytes, own_bytes);
  return wait_all(context, pending);
}

dnmf_status dnmf_exchange_known(dnmf_context *context, const void *send, const int64_t *send_counts, size_t item_bytes,
                                void *received, const int64_t *receive_counts) {
  int64_t pieces = pieces_of(context, send_counts) + pieces_of(context, receive_counts);
  transfer pending = {.item = MPI_DATATYPE_NULL, .item_bytes = item_bytes};
  pending.requests = malloc((size_t)(pieces + 1) * sizeof(MPI_Request));
  if (!pending.requests) /* the others are sending already and cannot be told: the job ends, as when MPI fails */
    return dnmf_fail(&context->error, DNMF_ERROR_MPI, "process %d has no memory for message requests", context->rank);
  dnmf_status status = transfer_all(context, &pending, send, send_counts, received, receive_counts);
  if (pending.item != MPI_DATATYPE_NULL)
    MPI_Type_free(&pending.item);
  free(pending.requests);
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
