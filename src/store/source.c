/* Sources of any format, once they are open. */
#include "store/source.h"

#include <stdlib.h>
#include <string.h>

void dnmf_source_name_error(dnmf_error *error, const dnmf_source *source) {
  dnmf_error bare = *error;
  if ((error->status != DNMF_ERROR_INPUT && error->status != DNMF_ERROR_MEMORY) || strstr(error->text, source->name))
    return;
  error->status = DNMF_OK;
  dnmf_fail(error, bare.status, "%s%s: %s", source->name, source->selection ? ", what is selected of it" : "",
            bare.text);
}

dnmf_status dnmf_source_load(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout,
                             dnmf_precision precision, dnmf_matrix *matrix) {
  const dnmf_number narrow = source->sparse ? (dnmf_number)0 : dnmf_narrower(precision, source->narrow);
  const dnmf_number number = dnmf_number_of(precision, narrow);
  const double stored = source->stored > 0 ? (double)source->stored : 0;
  DNMF_TRY(dnmf_matrix_check_memory(context, source->name, layout, source->sparse, source->rows_alone, number, stored));
  dnmf_status status = source->load(context, source, layout, precision, matrix);
  if (status == DNMF_OK)
    status = dnmf_matrix_finish(context, layout, matrix);
  if (status != DNMF_OK)
    dnmf_source_name_error(&context->error, source);
  return status;
}

void dnmf_source_close(dnmf_source *source) {
  if (source->close && source->state)
    source->close(source);
  dnmf_selection_free(source->selection);
  dnmf_ids_free(&source->row_ids);
  dnmf_ids_free(&source->col_ids);
  dnmf_ids_free(&source->feature_types);
  free(source->name);
  memset(source, 0, sizeof *source);
}
