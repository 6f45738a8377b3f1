#include "ranking_output.h"
#include "files.h"

#include "comm/collective.h"
#include "store/file.h"
#include "store/ids/ids_find.h"
#include "store/output.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

dnmf_status cli_write_ranking(cli_session *session, const char *path, const dnmf_ranking *ranking,
                              const dnmf_ranking_names *names) {
  dnmf_context *context = session->context;
  dnmf_output output;
  DNMF_TRY(dnmf_output_begin(context, path, &output));
  dnmf_status status = cli_is_hdf5_name(path) ? dnmf_ranking_write_hdf5(context, output.partial, ranking, names)
                                              : dnmf_ranking_write_csv(context, output.partial, ranking, names);
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
  const void *send[] = {ranking->row, ranking->place, ranking->col, ranking->score, ranking->observations};
  void *received[5] = {NULL};
  int64_t told = ranking->observations != NULL; /* on those that have lines */
  if (status == DNMF_OK)
    status = dnmf_max_int64(context, context->comm, &told, 1);
  for (int m = 0; m < (told ? 5 : 4) && status == DNMF_OK; m++) {
    counts[0] = ranking->count;
    status = dnmf_exchange(context, send[m], counts, 8, &received[m], counts + context->size);
  }
  for (int p = 0; p < context->size && status == DNMF_OK; p++)
    all->count += counts[context->size + p];
  all->row = received[0];
  all->place = received[1];
  all->col = received[2];
  all->score = received[3];
  all->observations = received[4];
  free(counts);
  return status;
}

/* Text number `at` of names; *length bytes, not terminated. */
static const char *name_at(const dnmf_ids *names, int64_t at, int *length) {
  *length = (int)(names->starts[at + 1] - names->starts[at]);
  return names->text + names->starts[at];
}

/* The texts of a ranking's lines, on process 0. */
typedef struct line_texts {
  dnmf_ids rows;
  dnmf_ids cols;
  dnmf_ids labels; /* without text: none */
} line_texts;

static void print_line(cli_session *session, const dnmf_ranking *all, int64_t i, const line_texts *texts,
                       json_t **lists) {
  int row_length = 0;
  int col_length = 0;
  int label_length = 0;
  const char *row = name_at(&texts->rows, i, &row_length);
  const char *col = name_at(&texts->cols, i, &col_length);
  const char *label = texts->labels.starts ? name_at(&texts->labels, i, &label_length) : NULL;
  char score[32] = "popular";
  char observations[32] = "";
  if (!isnan(all->score[i]))
    snprintf(score, sizeof score, "%.6g", all->score[i]);
  if (all->observations)
    snprintf(observations, sizeof observations, "  %8" PRId64, all->observations[i]);
  if (all->place[i] == 1)
    cli_say(session, "%.*s", row_length, row);
  cli_say(session, "  %4" PRId64 "  %-*.*s %-10s%s%s%.*s", all->place[i], label ? 12 : 24, col_length, col, score,
          observations, label ? "  " : "", label_length, label ? label : "");
  json_t *line =
      cli_json_pack("{s:s%, s:I, s:s%, s:o}", "row", row, (size_t)row_length, "rank", (json_int_t)all->place[i],
                    "column", col, (size_t)col_length, "score", cli_json_real(all->score[i]));
  if (all->observations)
    cli_json_set(&line, "observations", cli_json_pack("I", (json_int_t)all->observations[i]));
  if (label)
    cli_json_set(&line, "label", cli_json_bytes(label, (size_t)label_length));
  cli_json_append(lists, line);
}

dnmf_status cli_print_ranking(cli_session *session, const dnmf_ranking *ranking, const dnmf_ranking_names *names,
                              json_t **lists) {
  dnmf_context *context = session->context;
  dnmf_ranking all;
  line_texts texts = {.rows = {0}};
  *lists = NULL;
  dnmf_status status = gather_lines(context, ranking, &all);
  if (status == DNMF_OK)
    status = dnmf_ids_name(context, names->rows, all.count, all.row, &texts.rows);
  if (status == DNMF_OK)
    status = dnmf_ids_name(context, names->cols, all.count, all.col, &texts.cols);
  if (status == DNMF_OK && names->labels)
    status = dnmf_ids_name(context, names->labels, all.count, all.col, &texts.labels);
  if (status == DNMF_OK && context->rank == 0) {
    *lists = json_array();
    for (int64_t i = 0; i < all.count; i++)
      print_line(session, &all, i, &texts, lists);
    if (!*lists)
      status = dnmf_fail(&context->error, DNMF_ERROR_MEMORY, "not enough memory for the lists as JSON");
  }
  dnmf_ids_free(&texts.rows);
  dnmf_ids_free(&texts.cols);
  dnmf_ids_free(&texts.labels);
  dnmf_ranking_free(&all);
  return dnmf_agree(context, status);
}
