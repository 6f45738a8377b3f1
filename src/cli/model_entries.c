#include "model_entries.h"
#include "load.h"
#include "model_input.h"

#include "store/ids/match.h"

#include <inttypes.h>
#include <string.h>

void cli_model_entries_free(cli_model_entries *entries) {
  dnmf_matrix_free(&entries->matrix);
  dnmf_layout_free(&entries->layout);
  dnmf_grid_free(&entries->grid);
}

dnmf_status cli_place_entries(cli_session *session, const dnmf_model *model, int64_t cols, dnmf_duplicates duplicates,
                              dnmf_entries *entries, cli_model_entries *placed) {
  dnmf_context *context = session->context;
  memset(placed, 0, sizeof *placed);
  dnmf_status status = dnmf_grid_create(context, context->size, 1, &placed->grid);
  if (status == DNMF_OK)
    status = dnmf_agree(context, dnmf_layout_even(&context->error, &placed->grid, model->rows, cols, &placed->layout));
  if (status == DNMF_OK)
    return dnmf_matrix_from_entries(context, &placed->layout, DNMF_SINGLE, true, duplicates, entries, &placed->matrix);
  dnmf_entries_free(entries);
  return status;
}

dnmf_status cli_load_model_entries(cli_session *session, const char *name, const cli_input *input,
                                   const char *model_name, const dnmf_model *model, cli_model_entries *loaded) {
  dnmf_context *context = session->context;
  const dnmf_target target = {model_name, model->rows, model->cols, &model->row_ids, &model->col_ids};
  dnmf_source source;
  cli_matrix file;
  dnmf_matched matched = {0};
  dnmf_entries entries = {0};
  memset(loaded, 0, sizeof *loaded);
  cli_input entries_only = cli_input_of_entries(input);
  cli_read_as_fitted(model, &entries_only);
  dnmf_status status = cli_load_rows(session, name, &entries_only, &source, &file);
  if (status == DNMF_OK)
    status = dnmf_match(context, &source, &file.matrix, &target, &matched);
  bool as_loaded = status == DNMF_OK && matched.same && file.matrix.sparse;
  if (as_loaded) {
    loaded->matrix = file.matrix;
    file.matrix = (dnmf_matrix){0};
  }
  cli_matrix_free(&file);
  dnmf_source_close(&source);
  if (status == DNMF_OK && matched.unknown_entries > 0)
    dnmf_warn(context, "%s: %" PRId64 " entries are in rows or columns that the model does not have", name,
              matched.unknown_entries);
  dnmf_matched_take(&matched, &entries);
  dnmf_matched_free(&matched);
  if (status == DNMF_OK && !as_loaded)
    return cli_place_entries(session, model, model->cols, DNMF_DUPLICATES_LAST, &entries, loaded);
  dnmf_entries_free(&entries);
  return status;
}
