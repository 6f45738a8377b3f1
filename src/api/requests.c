#include "api/requests.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>
#include <string.h>

void dnmf_requests_free(dnmf_requests *requests) {
  free(requests->wanted_counts);
  free(requests->asked);
  memset(requests, 0, sizeof *requests);
}

dnmf_status dnmf_requests_send(dnmf_context *context, const int64_t *bounds, const int64_t *wanted, int64_t count,
                               dnmf_requests *requests) {
  void *memory = NULL;
  memset(requests, 0, sizeof *requests);
  dnmf_status status =
      dnmf_allocate_zero(&context->error, "message counts", 2 * (int64_t)context->size, sizeof(int64_t), &memory);
  requests->wanted_counts = memory;
  DNMF_TRY(dnmf_agree(context, status));
  requests->asked_counts = requests->wanted_counts + context->size;
  int owner = 0;
  for (int64_t i = 0; i < count; i++) {
    while (wanted[i] >= bounds[owner + 1])
      owner++;
    requests->wanted_counts[owner]++;
  }
  memory = NULL;
  DNMF_TRY(dnmf_exchange(context, wanted, requests->wanted_counts, sizeof(int64_t), &memory, requests->asked_counts));
  requests->asked = memory;
  for (int p = 0; p < context->size; p++)
    requests->asked_total += requests->asked_counts[p];
  return DNMF_OK;
}
