#include "api/model_entries.h"

#include "api/model.h"

#include <inttypes.h>
#include <string.h>

dnmf_status dnmf_model_entries_place(dnmf_context *context, const dnmf_model *model, int64_t cols,
                                     dnmf_duplicates duplicates, dnmf_entries *entries, dnmf_placed *placed) {
  dnmf_status status = dnmf_place(context, context->size, 1, model->rows, cols, placed);
  if (status == DNMF_OK)
    return dnmf_matrix_from_entries(context, &placed->layout, DNMF_SINGLE, true, duplicates, entries, &placed->matrix);
  dnmf_entries_free(entries);
  return status;
}

dnmf_status dnmf_model_entries_load(dnmf_context *context, const dnmf_model *model, const dnmf_data *data,
                                    dnmf_placed *placed) {
  const dnmf_target target = dnmf_model_target(model);
  dnmf_source source = {0};
  dnmf_matched matched = {0};
  dnmf_entries entries = {0};
  dnmf_status status = dnmf_data_load_for_model(context, data, model, DNMF_AS_UNOBSERVED, &source, placed);
  if (status == DNMF_OK)
    status = dnmf_match(context, &source, &placed->matrix, &target, &matched);
  const bool as_loaded = status == DNMF_OK && matched.same && placed->matrix.sparse;
  dnmf_source_close(&source);
  if (status == DNMF_OK && matched.unknown_entries > 0)
    dnmf_warn(context, "%s: %" PRId64 " entries are in rows or columns that the model does not have", data->name,
              matched.unknown_entries);
  dnmf_matched_take(&matched, &entries);
  dnmf_matched_free(&matched);
  if (status == DNMF_OK && !as_loaded) {
    dnmf_placed_free(placed);
    return dnmf_model_entries_place(context, model, model->cols, DNMF_DUPLICATES_LAST, &entries, placed);
  }
  dnmf_entries_free(&entries);
  return status;
}
