#include "load.h"

#include <inttypes.h>
#include <string.h>

dnmf_status cli_lay_out(cli_session *session, int grid_rows, int grid_cols, int64_t rows, int64_t cols,
                        cli_matrix *loaded) {
  dnmf_context *context = session->context;
  DNMF_TRY(dnmf_grid_create(context, grid_rows, grid_cols, &loaded->grid));
  return dnmf_agree(context, dnmf_layout_even(&context->error, &loaded->grid, rows, cols, &loaded->layout));
}

void cli_say_note(cli_session *session, const char *before, const dnmf_source *source) {
  for (const char *line = source->note; *line;) {
    const size_t length = strcspn(line, "\n");
    cli_say(session, "%s%.*s", before, (int)length, line);
    line += length + (line[length] != 0);
  }
}

void cli_say_source(cli_session *session, const dnmf_source *source) {
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
  cli_say_note(session, "  ", source);
}

dnmf_status cli_open(cli_session *session, const char *name, const cli_input *input, dnmf_source *source) {
  dnmf_source_options options = cli_source_options(input);
  DNMF_TRY(dnmf_source_open(session->context, name, &options, source));
  cli_say_source(session, source);
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
