#include "titles.h"

#include "api/labels.h"
#include "base/memory.h"
#include "store/ids/ids_find.h"

#include <stdlib.h>
#include <string.h>

dnmf_status cli_read_titles(cli_session *session, const char *path, const char *columns, const dnmf_ids *ids,
                            int64_t count, dnmf_ids *titles) {
  dnmf_context *context = session->context;
  const bool reads = context->rank == 0;
  dnmf_ids texts = {0};
  void *indices = NULL;
  void *none = NULL;
  memset(titles, 0, sizeof *titles);
  dnmf_status status = dnmf_allocate(&context->error, "columns to label", reads ? count : 0, sizeof(int64_t), &indices);
  if (status == DNMF_OK && !reads)
    status = dnmf_allocate_zero(&context->error, "labels", 1, sizeof(int64_t), &none);
  if (!reads)
    *titles = (dnmf_ids){.kind = DNMF_IDS_STRING, .count = count, .range = {count, count}, .starts = none};
  status = dnmf_agree(context, status);
  for (int64_t i = 0; i < count && reads && status == DNMF_OK; i++)
    ((int64_t *)indices)[i] = i;
  if (status == DNMF_OK)
    status = dnmf_ids_name(context, ids, reads ? count : 0, indices, &texts);
  if (status == DNMF_OK)
    status = dnmf_labels_name(context, path, columns, "model's", &texts, titles);
  dnmf_ids_free(&texts);
  free(indices);
  return status;
}
