#include "load.h"

#include "store/file.h"

#include <inttypes.h>
#include <string.h>

dnmf_status cli_lay_out(cli_session *session, int grid_rows, int grid_cols, int64_t rows, int64_t cols,
                        cli_matrix *loaded) {
  dnmf_context *context = session->context;
  DNMF_TRY(dnmf_grid_create(context, grid_rows, grid_cols, &loaded->grid));
  return dnmf_agree(context, dnmf_layout_even(&context->error, &loaded->grid, rows, cols, &loaded->layout));
}

/* An address on the network: letters, then "://". */
static bool is_address(const char *name) {
  size_t letters = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789+.-");
  return letters > 1 && strncmp(name + letters, "://", 3) == 0;
}

/* What cannot be read as a matrix may be a model. collective */
static dnmf_status refuse_source(cli_session *session, const char *name, dnmf_status status) {
  dnmf_context *context = session->context;
  if (status != DNMF_ERROR_INPUT || strstr(name, ":/") || !dnmf_is_model(context, name))
    return status;
  context->error = (dnmf_error){0};
  return dnmf_fail(&context->error, status,
                   "%s is a model, not a matrix; name what it was fitted to, or one of its factors as %s:/W", name,
                   name);
}

dnmf_status cli_open(cli_session *session, const char *name, const cli_input *input, dnmf_source *source) {
  dnmf_source_options options = cli_source_options(input);
  if (is_address(name))
    return dnmf_fail(&session->context->error, DNMF_ERROR_INPUT,
                     "%s is an address on the network; download it and name the file", name);
  dnmf_status status = dnmf_source_open(session->context, name, &options, source);
  if (status != DNMF_OK)
    return refuse_source(session, name, status);
  const double cells = (double)source->rows * (double)source->cols;
  const char *path = source->name;
  if (source->stored < 0)
    cli_say(session, "%s: %s, %" PRId64 " x %" PRId64 " selected", path, source->format, source->rows, source->cols);
  else if (source->sparse && source->is_text) /* entries at one place are not merged yet */
    cli_say(session, "%s: %s, %" PRId64 " x %" PRId64 ", %" PRId64 " entries", path, source->format, source->rows,
            source->cols, source->stored);
  else if (source->sparse)
    cli_say(session, "%s: %s, %" PRId64 " x %" PRId64 ", %" PRId64 " stored (%.3g%%)", path, source->format,
            source->rows, source->cols, source->stored, 100 * (double)source->stored / cells);
  else
    cli_say(session, "%s: %s, %" PRId64 " x %" PRId64, path, source->format, source->rows, source->cols);
  if (*source->taken)
    cli_say(session, "  %s", source->taken);
  return DNMF_OK;
}

cli_input cli_input_of_entries(const cli_input *input) {
  cli_input entries = *input;
  entries.missing = DNMF_MISSING_UNOBSERVED + 1;
  return entries;
}

dnmf_status cli_load_rows(cli_session *session, const char *name, const cli_input *input, dnmf_source *source,
                          cli_matrix *loaded) {
  memset(loaded, 0, sizeof *loaded);
  memset(source, 0, sizeof *source);
  DNMF_TRY(cli_open(session, name, input, source));
  DNMF_TRY(cli_lay_out(session, session->context->size, 1, source->rows, source->cols, loaded));
  source->rows_alone = true;
  DNMF_TRY(dnmf_source_load(session->context, source, &loaded->layout, DNMF_DOUBLE, &loaded->matrix));
  cli_warn_about_matrix(session, source, source->missing, &loaded->matrix);
  return DNMF_OK;
}

void cli_matrix_free(cli_matrix *loaded) {
  dnmf_matrix_free(&loaded->matrix);
  dnmf_layout_free(&loaded->layout);
  dnmf_grid_free(&loaded->grid);
}
