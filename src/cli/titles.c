#include "titles.h"

#include "base/memory.h"
#include "store/ids/ids_find.h"
#include "store/text/labels.h"

#include <stdlib.h>
#include <string.h>

dnmf_status cli_read_labels(cli_session *session, const char *path, const char *columns, const char *whose,
                            const dnmf_ids *texts, dnmf_ids *names) {
  dnmf_context *context = session->context;
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
    status = cli_read_labels(session, path, columns, "model's", &texts, titles);
  dnmf_ids_free(&texts);
  free(indices);
  return status;
}
