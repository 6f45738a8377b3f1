#include "ranking_output.h"

#include "comm/collective.h"
#include "store/file.h"
#include "store/ids/ids_find.h"
#include "store/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool ends_with(const char *text, const char *ending) {
  size_t length = strlen(text);
  size_t tail = strlen(ending);
  return length >= tail && strcmp(text + length - tail, ending) == 0;
}

static bool is_hdf5(const char *path) {
  return ends_with(path, ".h5") || ends_with(path, ".hdf5");
}

dnmf_status cli_check_ranking_name(dnmf_error *error, const char *path) {
  if (is_hdf5(path) || ends_with(path, ".csv"))
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE, "%s: the ending is neither .csv nor .h5, which say what to write", path);
}

dnmf_status cli_write_ranking(cli_session *session, const char *path, const dnmf_ranking *ranking,
                              const dnmf_ids *row_ids, const dnmf_ids *col_ids) {
  dnmf_context *context = session->context;
  dnmf_output output;
  DNMF_TRY(dnmf_output_begin(context, path, &output));
  dnmf_status status = is_hdf5(path) ? dnmf_ranking_write_hdf5(context, output.partial, ranking, row_ids, col_ids)
                                     : dnmf_ranking_write_csv(context, output.partial, ranking, row_ids, col_ids);
  return dnmf_output_end(context, &output, status);
}

/* The lines of all processes on process 0, by rank. collective */
static dnmf_status gather_lines(dnmf_context *context, const dnmf_ranking *ranking, dnmf_ranking *all) {
  memset(all, 0, sizeof *all);
  int64_t *counts = calloc(2 * (size_t)context->size, sizeof *counts);
  dnmf_status status = DNMF_OK;
  if (!counts)
    status = dnmf_fail(&context->error, DNMF_ERROR_MEMORY, "not enough memory for message counts");
  status = dnmf_agree(context, status);
  const void *send[] = {ranking->row, ranking->place, ranking->col, ranking->score};
  void *received[4] = {NULL};
  for (int m = 0; m < 4 && status == DNMF_OK; m++) {
    counts[0] = ranking->count;
    status = dnmf_exchange(context, send[m], counts, 8, &received[m], counts + context->size);
  }
  for (int p = 0; p < context->size && status == DNMF_OK; p++)
    all->count += counts[context->size + p];
  all->row = received[0];
  all->place = received[1];
  all->col = received[2];
  all->score = received[3];
  free(counts);
  return status;
}

static void print_line(cli_session *session, const dnmf_ranking *all, int64_t i, const dnmf_ids *rows,
                       const dnmf_ids *cols, json_t **lists) {
  const char *row = rows->text + rows->starts[i];
  const char *col = cols->text + cols->starts[i];
  int row_length = (int)(rows->starts[i + 1] - rows->starts[i]);
  int col_length = (int)(cols->starts[i + 1] - cols->starts[i]);
  if (all->place[i] == 1)
    cli_say(session, "%.*s", row_length, row);
  cli_say(session, "  %4" PRId64 "  %-24.*s %.6g", all->place[i], col_length, col, all->score[i]);
  cli_json_append(lists, cli_json_pack("{s:s%, s:I, s:s%, s:o}", "row", row, (size_t)row_length, "rank",
                                       (json_int_t)all->place[i], "column", col, (size_t)col_length, "score",
                                       cli_json_real(all->score[i])));
}

dnmf_status cli_print_ranking(cli_session *session, const dnmf_ranking *ranking, const dnmf_ids *row_ids,
                              const dnmf_ids *col_ids, json_t **lists) {
  dnmf_context *context = session->context;
  dnmf_ranking all;
  dnmf_ids rows = {0};
  dnmf_ids cols = {0};
  *lists = NULL;
  dnmf_status status = gather_lines(context, ranking, &all);
  if (status == DNMF_OK)
    status = dnmf_ids_name(context, row_ids, all.count, all.row, &rows);
  if (status == DNMF_OK)
    status = dnmf_ids_name(context, col_ids, all.count, all.col, &cols);
  if (status == DNMF_OK && context->rank == 0) {
    *lists = json_array();
    for (int64_t i = 0; i < all.count; i++)
      print_line(session, &all, i, &rows, &cols, lists);
    if (!*lists)
      status = dnmf_fail(&context->error, DNMF_ERROR_MEMORY, "not enough memory for the lists as JSON");
  }
  dnmf_ids_free(&rows);
  dnmf_ids_free(&cols);
  dnmf_ranking_free(&all);
  return dnmf_agree(context, status);
}
