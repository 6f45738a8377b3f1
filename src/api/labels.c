#include "api/labels.h"

#include "base/memory.h"
#include "store/ids/ids_find.h"
#include "store/text/labels.h"

#include <stdlib.h>

dnmf_status dnmf_labels_name(dnmf_context *context, const char *path, const char *columns, const char *whose,
                             const dnmf_ids *texts, dnmf_ids *names) {
  dnmf_labels labels = {0};
  dnmf_status status = DNMF_OK;
  if (context->rank == 0)
    status = dnmf_labels_read(&context->error, path, columns, texts, &labels);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK && context->rank == 0) {
    if (labels.known == 0 && texts->count > 0)
      dnmf_warn(context, "%s names none of the %s ids; say which columns hold id and label with --label-columns", path,
                whose);
    *names = labels.names;
    labels.names = (dnmf_ids){0};
  }
  dnmf_labels_free(&labels);
  return status;
}

dnmf_status dnmf_description_name(dnmf_context *context, const dnmf_ids *ids, const dnmf_description *description,
                                  dnmf_ids *names) {
  const int64_t count = description->components * description->top;
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(&context->error, "names", count, sizeof(int64_t), &memory);
  int64_t *indices = memory;
  status = dnmf_agree(context, status);
  for (int64_t e = 0; e < count && status == DNMF_OK; e++)
    indices[e] = description->entries[e].index;
  if (status == DNMF_OK)
    status = dnmf_ids_name(context, ids, count, indices, names);
  free(indices);
  return status;
}
