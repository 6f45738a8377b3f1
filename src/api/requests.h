/* Questions about rows, to the processes that hold them. */
#ifndef DNMF_API_REQUESTS_H
#define DNMF_API_REQUESTS_H

#include "comm/context.h"

typedef struct dnmf_requests {
  int64_t *wanted_counts; /* rows that this process asks each other one for, in the order of the wanted rows */
  int64_t *asked_counts;  /* rows that each process asks this one for */
  int64_t asked_total;
  int64_t *asked; /* those rows, process by process, as each wants them */
} dnmf_requests;

/* Asks for rows wanted[0 ... count-1], ascending, maybe others on every process; process r holds rows bounds[r] to
 * bounds[r+1]-1. Released with dnmf_requests_free, also after a failure. collective */
dnmf_status dnmf_requests_send(dnmf_context *context, const int64_t *bounds, const int64_t *wanted, int64_t count,
                               dnmf_requests *requests);
void dnmf_requests_free(dnmf_requests *requests); /* local; accepts zeroed ones */

#endif
