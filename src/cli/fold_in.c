#include "fold_in.h"
#include "model_input.h"

#include "base/memory.h"
#include "store/ids/match.h"

#include <inttypes.h>
#include <string.h>

void cli_fold_in_free(cli_fold_in *fold) {
  dnmf_entries_free(&fold->entries);
  cli_matrix_free(&fold->loaded);
  dnmf_source_close(&fold->source);
}

/* Only where unstored entries are unobserved are zeros data, and only those that a sparse matrix stores. */
static void drop_zeros(cli_fold_in *fold) {
  int64_t kept = 0;
  if (fold->missing == DNMF_MISSING_UNOBSERVED)
    return;
  for (int64_t e = 0; e < fold->entries.count; e++)
    if (fold->entries.items[e].value > 0)
      fold->entries.items[kept++] = fold->entries.items[e];
  fold->entries.count = kept;
}

/* fold->entries = NEW's, in the model's columns. */
static dnmf_status match_columns(cli_session *session, const char *path, const char *name, const dnmf_model *model,
                                 cli_fold_in *fold) {
  dnmf_context *context = session->context;
  const dnmf_target target = {path, model->rows, model->cols, NULL, &model->col_ids};
  dnmf_matched matched;
  dnmf_status status = dnmf_match(context, &fold->source, &fold->loaded.matrix, &target, &matched);
  if (status == DNMF_OK) {
    dnmf_matched_take(&matched, &fold->entries);
    drop_zeros(fold);
    fold->unknown_cols = matched.unknown_cols;
    fold->dropped_entries = matched.unknown_entries;
    fold->absent_cols = model->cols - (fold->source.cols - fold->unknown_cols);
  }
  dnmf_matched_free(&matched);
  if (status == DNMF_OK && fold->unknown_cols == fold->source.cols)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "%s: none of its %" PRId64 " columns is in the model", name,
                     fold->source.cols);
  return status;
}

static void warn_of_fold(cli_session *session, const char *name, const cli_fold_in *fold) {
  dnmf_context *context = session->context;
  if (fold->unknown_cols > 0)
    dnmf_warn(context,
              "%s: %" PRId64 " of its %" PRId64 " columns are not in the model; their %" PRId64 " entries are left out",
              name, fold->unknown_cols, fold->source.cols, fold->dropped_entries);
  if (fold->result.empty_rows > 0)
    dnmf_warn(context, "%s: %" PRId64 " of its %" PRId64 " rows have no entry in the model's columns; they get zero",
              name, fold->result.empty_rows, fold->source.rows);
}

static dnmf_status copy_entries(dnmf_error *error, const dnmf_entries *from, dnmf_entries *to) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "known entries", from->count, sizeof(dnmf_entry), &memory));
  *to = (dnmf_entries){from->count, memory};
  if (from->count > 0)
    memcpy(to->items, from->items, (size_t)from->count * sizeof(dnmf_entry));
  return DNMF_OK;
}

dnmf_status cli_fold_rows(cli_session *session, const char *path, const char *name, const cli_input *input,
                          dnmf_model *model, dnmf_entries *known, cli_fold_in *fold) {
  dnmf_context *context = session->context;
  memset(fold, 0, sizeof *fold);
  DNMF_TRY(dnmf_transform_settings(&context->error, model, &fold->missing, &fold->settings));
  cli_input rows = *input;
  rows.missing = (int)fold->missing + 1; /* as in the fit */
  if (dnmf_model_is_implicit(model) && rows.duplicates == 0 && !rows.time_column)
    rows.duplicates = 1 + DNMF_DUPLICATES_SUM;
  cli_read_as_fitted(model, &rows);
  DNMF_TRY(cli_load_rows(session, name, &rows, &fold->source, &fold->loaded));
  fold->checksum = fold->loaded.matrix.checksum;
  DNMF_TRY(match_columns(session, path, name, model, fold));
  dnmf_matrix_free(&fold->loaded.matrix);
  if (known)
    DNMF_TRY(dnmf_agree(context, copy_entries(&context->error, &fold->entries, known)));
  DNMF_TRY(
      dnmf_transform(context, fold->missing, &fold->settings, fold->source.rows, &fold->entries, model, &fold->result));
  warn_of_fold(session, name, fold);
  dnmf_ids_free(&model->row_ids);
  model->row_ids = fold->source.row_ids;
  fold->source.row_ids = (dnmf_ids){0};
  return DNMF_OK;
}
