#include "load.h"

#include "comm/collective.h"
#include "store/text/text_file.h"

#include <inttypes.h>
#include <string.h>

void cli_say_note(cli_session *session, const char *before, const dnmf_source *source) {
  for (const char *line = source->note; *line;) {
    const size_t length = strcspn(line, "\n");
    cli_say(session, "%s%.*s", before, (int)length, line);
    line += length + (line[length] != 0);
  }
}

static void say_source(void *state, const dnmf_source *source) {
  cli_session *session = state;
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

dnmf_status cli_data(cli_session *session, const char *name, const cli_input *input, dnmf_data **data) {
  dnmf_context *context = session->context;
  const dnmf_source_options options = cli_source_options(input);
  DNMF_TRY(dnmf_agree(context, dnmf_data_of_file(&context->error, name, &options, data)));
  (*data)->opened = say_source;
  (*data)->state = session;
  return DNMF_OK;
}

dnmf_status cli_open(cli_session *session, const char *name, const cli_input *input, dnmf_data_missing missing,
                     dnmf_source *source) {
  dnmf_data *data = NULL;
  memset(source, 0, sizeof *source);
  dnmf_status status = cli_data(session, name, input, &data);
  if (status == DNMF_OK)
    status = dnmf_data_open(session->context, data, missing, source);
  dnmf_data_destroy(&data);
  return status;
}

dnmf_status cli_load_rows(cli_session *session, const char *name, const cli_input *input, dnmf_data_missing missing,
                          dnmf_source *source, dnmf_placed *placed) {
  dnmf_data *data = NULL;
  memset(source, 0, sizeof *source);
  memset(placed, 0, sizeof *placed);
  dnmf_status status = cli_data(session, name, input, &data);
  if (status == DNMF_OK)
    status = dnmf_data_load_rows(session->context, data, missing, source, placed);
  dnmf_data_destroy(&data);
  return status;
}

dnmf_status cli_is_pipe(cli_session *session, const char *name, bool *pipe) {
  dnmf_context *context = session->context;
  int64_t found = context->rank == 0 && dnmf_text_is_pipe(name);
  const dnmf_status status = dnmf_max_int64(context, context->comm, &found, 1);
  *pipe = found != 0;
  return status;
}

dnmf_status cli_refuse_pipe(cli_session *session, const char *name, const char *why) {
  dnmf_context *context = session->context;
  dnmf_status status = DNMF_OK;
  if (context->rank == 0 && dnmf_text_is_pipe(name))
    status =
        dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                  "%s: a pipe can be read once, and %s; keep it in a file first: dnmf import - -o FILE.h5", name, why);
  return dnmf_agree(context, status);
}
