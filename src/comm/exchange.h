/*
 * Personalized exchanges whose counts are known and do not change: planned once, made as often as wanted.
 *
 * A plan lists the messages of this process, so that an exchange costs as many messages as there are processes that
 * really send each other something, and allocates nothing. What a process has for itself is left to the caller.
 */
#ifndef DNMF_EXCHANGE_H
#define DNMF_EXCHANGE_H

#include "comm/context.h"

#include <stddef.h>

/* Items first ... first + count - 1 of the send (receive) buffer. */
typedef struct dnmf_message {
  int peer;
  int64_t first;
  int64_t count;
} dnmf_message;

typedef struct dnmf_exchange_plan {
  int64_t receive_count;  /* messages that arrive here, none longer than one MPI call carries */
  int64_t send_count;     /* and that leave */
  dnmf_message *messages; /* those received, then those sent, peers in rotation: nobody is everybody's first */
  MPI_Request *requests;  /* of all of them */
  int destinations;       /* processes that something is sent to */
  size_t item_bytes;      /* of `item`; 0: none yet */
  MPI_Datatype item;
} dnmf_exchange_plan;

/* Plans to send send_counts[r] items to process r and to receive receive_counts[r] from it, both laid out by rank;
 * those for this process itself take their place in the layouts and are not moved. Released with
 * dnmf_exchange_plan_free, also after a failure. local */
dnmf_status dnmf_exchange_plan_create(dnmf_context *context, const int64_t *send_counts, const int64_t *receive_counts,
                                      dnmf_exchange_plan *plan);
void dnmf_exchange_plan_free(dnmf_exchange_plan *plan); /* local; accepts a zeroed plan */

/* An exchange of items of `item_bytes` bytes in two steps, between which the caller may still write what it sends:
 * `received` is MPI's from the first step on. `send` and `received` must not overlap. collective */
dnmf_status dnmf_exchange_expect(dnmf_context *context, dnmf_exchange_plan *plan, size_t item_bytes, void *received);
dnmf_status dnmf_exchange_deliver(dnmf_context *context, dnmf_exchange_plan *plan, const void *send);

#endif
