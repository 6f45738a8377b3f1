/*
 * The personalized exchange: nonblocking messages in pieces that fit an int, so one path serves every size.
 */
#include "dnmf/collective.h"

#include "dnmf/memory.h"

#include <stdlib.h>
#include <string.h>

typedef struct transfer {
  MPI_Request *requests;
  int64_t count;
  int64_t capacity;
} transfer;

enum { EXCHANGE_TAG = 7 };

/* The next free request, with room made for it. */
static dnmf_status next_request(dnmf_context *context, transfer *pending, MPI_Request **request) {
  void *memory = pending->requests;
  dnmf_status status = dnmf_grow(&context->error, "message requests", pending->count + 1, sizeof(MPI_Request),
                                 &pending->capacity, &memory);
  pending->requests = memory;
  if (status == DNMF_OK)
    *request = &pending->requests[pending->count++];
  return status;
}

/* Posts the pieces of one peer's share; `send` or receive. */
static dnmf_status post(dnmf_context *context, transfer *pending, char *data, int64_t count, size_t item_bytes,
                        MPI_Datatype item, int peer, bool send) {
  for (int64_t done = 0; done < count; done += context->message_limit) {
    int64_t piece = count - done < context->message_limit ? count - done : context->message_limit;
    char *at = data + (size_t)done * item_bytes;
    MPI_Request *request = NULL;
    DNMF_TRY(next_request(context, pending, &request));
    int code = send ? MPI_Isend(at, (int)piece, item, peer, EXCHANGE_TAG, context->comm, request)
                    : MPI_Irecv(at, (int)piece, item, peer, EXCHANGE_TAG, context->comm, request);
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

/* Posts every piece, own share copied. Peers are taken in rotation so that nobody is everybody's first. */
static dnmf_status post_all(dnmf_context *context, transfer *pending, char *data, const int64_t *counts,
                            size_t item_bytes, MPI_Datatype item, bool send) {
  for (int step = 1; step < context->size; step++) {
    int peer = (send ? context->rank + step : context->rank - step + context->size) % context->size;
    char *at = data + (size_t)total_of(counts, peer) * item_bytes;
    DNMF_TRY(post(context, pending, at, counts[peer], item_bytes, item, peer, send));
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

dnmf_status dnmf_exchange_known(dnmf_context *context, const void *send, const int64_t *send_counts, size_t item_bytes,
                                void *received, const int64_t *receive_counts) {
  MPI_Datatype item = MPI_DATATYPE_NULL;
  transfer pending = {0};
  dnmf_status status =
      dnmf_mpi_check(context, MPI_Type_contiguous((int)item_bytes, MPI_BYTE, &item), "MPI_Type_contiguous");
  if (status == DNMF_OK)
    status = dnmf_mpi_check(context, MPI_Type_commit(&item), "MPI_Type_commit");
  if (status == DNMF_OK)
    status = post_all(context, &pending, received, receive_counts, item_bytes, item, false);
  if (status == DNMF_OK)
    status = post_all(context, &pending, (char *)send, send_counts, item_bytes, item, true);
  if (status == DNMF_OK) {
    size_t own_bytes = (size_t)send_counts[context->rank] * item_bytes;
    if (own_bytes > 0)
      memcpy((char *)received + (size_t)total_of(receive_counts, context->rank) * item_bytes,
             (const char *)send + (size_t)total_of(send_counts, context->rank) * item_bytes, own_bytes);
    status = wait_all(context, &pending);
  }
  if (item != MPI_DATATYPE_NULL)
    MPI_Type_free(&item);
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
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_exchange_known(context, send, send_counts, item_bytes, *received, receive_counts);
}
