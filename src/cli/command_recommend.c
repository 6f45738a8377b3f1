/*
 * dnmf recommend: the columns a model puts first for each row, or those most like a column.
 */
#include "commands.h"
#include "load.h"
#include "model_input.h"
#include "ranking_output.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "model/recommend.h"
#include "store/ids/match.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct recommend_options {
  cli_common common;
  cli_input input;
  const char *seen;
  int64_t top;
  const char *rows;
  const char *similar_to;
  const char *output;
  bool include_empty;
  bool no_clip;
  int precision; /* 0: as the model has it, else dnmf_precision + 1 */
} recommend_options;

static const recommend_options defaults = {.top = 10};

#define RECOMMEND(member) offsetof(recommend_options, member)
static const cli_option options_table[] = {
    {"seen", 0, CLI_INPUT_FILE, RECOMMEND(seen), "INPUT", "leave out the entries of this matrix, matched by ids", 0, 0,
     NULL},
    {"top", 'n', CLI_INT, RECOMMEND(top), "N", "columns a row (default 10); fewer where there are not so many", 1, 1e9,
     NULL},
    {"rows", 0, CLI_INPUT_FILE, RECOMMEND(rows), "FILE|ID,ID",
     "only these rows: ids, or a file with one a line (default all)", 0, 0, NULL},
    {"similar-to", 0, CLI_TEXT, RECOMMEND(similar_to), "COL,COL",
     "instead: the columns most like these, by the cosine of their factors", 0, 0, NULL},
    {"output", 'o', CLI_OUTPUT_FILE, RECOMMEND(output), "OUT",
     "OUT.csv (row,rank,column,score) or OUT.h5; without it the terminal", 0, 0, NULL},
    {"include-empty", 0, CLI_FLAG, RECOMMEND(include_empty), NULL, "list columns too that the fit had no data for", 0,
     0, NULL},
    {"no-clip", 0, CLI_FLAG, RECOMMEND(no_clip), NULL, "report predictions beyond the scale of the fitted values", 0, 0,
     NULL},
    {"precision", 0, CLI_CHOICE, RECOMMEND(precision), "P",
     "of the products: double, single, auto (default): the fit's", 0, 0, cli_precision_choices},
};

/* What a run of the command holds. */
typedef struct recommendation {
  dnmf_model model;
  dnmf_grid rows_grid; /* the model's rows, a share a process */
  dnmf_layout layout;
  dnmf_matrix seen; /* entries to leave out, in the model's numbering */
  bool *wanted;
  int64_t *columns; /* --similar-to */
  dnmf_ranking ranking;
} recommendation;

static void recommendation_free(recommendation *r) {
  dnmf_ranking_free(&r->ranking);
  free(r->columns);
  free(r->wanted);
  dnmf_matrix_free(&r->seen);
  dnmf_layout_free(&r->layout);
  dnmf_grid_free(&r->rows_grid);
  dnmf_model_free(&r->model);
}

/* Seen entries whose ids the model has, moved to the processes that own the model's rows. */
static dnmf_status redistribute(cli_session *session, dnmf_entries *entries, recommendation *r) {
  dnmf_context *context = session->context;
  dnmf_status status = dnmf_grid_create(context, context->size, 1, &r->rows_grid);
  if (status == DNMF_OK)
    status =
        dnmf_agree(context, dnmf_layout_even(&context->error, &r->rows_grid, r->model.rows, r->model.cols, &r->layout));
  if (status == DNMF_OK)
    status = dnmf_matrix_from_entries(context, &r->layout, DNMF_SINGLE, true, DNMF_DUPLICATES_LAST, entries, &r->seen);
  return status;
}

/* r->seen = the entries to leave out, by the model's owned rows. */
static dnmf_status load_seen(cli_session *session, const recommend_options *options, const char *path,
                             recommendation *r) {
  dnmf_context *context = session->context;
  const dnmf_target target = {path, r->model.rows, r->model.cols, &r->model.row_ids, &r->model.col_ids};
  dnmf_source source;
  cli_matrix loaded;
  dnmf_matched matched = {0};
  dnmf_entries entries = {0};
  const cli_input input = cli_input_of_entries(&options->input);
  dnmf_status status = cli_load_rows(session, options->seen, &input, &source, &loaded);
  if (status == DNMF_OK)
    status = dnmf_match(context, &source, &loaded.matrix, &target, &matched);
  bool as_loaded = status == DNMF_OK && matched.same && loaded.matrix.sparse;
  if (as_loaded) {
    r->seen = loaded.matrix;
    loaded.matrix = (dnmf_matrix){0};
  }
  cli_matrix_free(&loaded);
  dnmf_source_close(&source);
  if (status == DNMF_OK && matched.unknown_entries > 0)
    dnmf_warn(context, "%s: %" PRId64 " entries are in rows or columns that the model does not have", options->seen,
              matched.unknown_entries);
  dnmf_matched_take(&matched, &entries);
  dnmf_matched_free(&matched);
  if (status == DNMF_OK && !as_loaded)
    status = redistribute(session, &entries, r);
  dnmf_entries_free(&entries);
  return status;
}

/* The owned rows among those of --rows. */
static dnmf_status choose_rows(cli_session *session, const recommend_options *options, recommendation *r) {
  dnmf_context *context = session->context;
  const dnmf_range owned = r->model.owned_rows;
  int64_t *rows = NULL;
  int64_t count = 0;
  void *memory = NULL;
  dnmf_status status = cli_find_ids(session, "--rows", options->rows, &r->model.row_ids, r->model.rows, &rows, &count);
  if (status == DNMF_OK)
    status = dnmf_agree(
        context, dnmf_allocate_zero(&context->error, "chosen rows", dnmf_range_size(owned), sizeof(bool), &memory));
  r->wanted = memory;
  for (int64_t i = 0; i < count && status == DNMF_OK; i++)
    if (rows[i] >= owned.begin && rows[i] < owned.end)
      r->wanted[rows[i] - owned.begin] = true;
  free(rows);
  return status;
}

static void tell_work(cli_session *session, const recommendation *r, const recommend_options *options,
                      const dnmf_recommend_work *work) {
  if (work->empty > 0 && !options->include_empty)
    cli_say(session, "%" PRId64 " of %" PRId64 " columns had no data in the fit and are never listed (--include-empty)",
            work->empty, r->model.cols);
  cli_say(session, "scored in %.3g s, %.3g GF/s", work->seconds, work->flops / work->seconds * 1e-9);
}

static dnmf_status list_rows(cli_session *session, const recommend_options *options, const char *path,
                             recommendation *r, dnmf_recommend_work *work) {
  dnmf_recommend_options how = {.top = options->top, .include_empty = options->include_empty};
  how.mean = cli_model_mean(&r->model);
  how.clip = !options->no_clip && cli_model_scale(&r->model, &how.smallest, &how.largest);
  if (options->seen)
    DNMF_TRY(load_seen(session, options, path, r));
  else
    dnmf_warn(session->context, "without --seen INPUT, columns a row has seen already are listed too");
  how.seen = options->seen ? &r->seen.by_rows : NULL;
  if (options->rows) {
    DNMF_TRY(choose_rows(session, options, r));
    how.wanted = r->wanted;
  }
  DNMF_TRY(dnmf_recommend(session->context, &r->model, &how, &r->ranking, work));
  tell_work(session, r, options, work);
  return DNMF_OK;
}

static dnmf_status list_similar(cli_session *session, const recommend_options *options, recommendation *r) {
  int64_t count = 0;
  DNMF_TRY(cli_find_ids(session, "--similar-to", options->similar_to, &r->model.col_ids, r->model.cols, &r->columns,
                        &count));
  return dnmf_similar(session->context, &r->model, count, r->columns, options->top, &r->ranking);
}

static dnmf_status check_options(dnmf_error *error, const recommend_options *options) {
  if (options->similar_to && (options->seen || options->rows))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--similar-to lists columns like a column; leave %s out",
                     options->seen ? "--seen" : "--rows");
  if (!options->similar_to && !options->rows && !options->output)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "dnmf recommend: name the file to write with -o OUT.csv or OUT.h5, or some rows with --rows");
  return options->output ? cli_check_ranking_name(error, options->output) : DNMF_OK;
}

/* To the file, or to the terminal. */
static dnmf_status put(cli_session *session, const recommend_options *options, const char *path,
                       const recommendation *r, const dnmf_recommend_work *work) {
  const dnmf_ids *row_ids = options->similar_to ? &r->model.col_ids : &r->model.row_ids;
  const dnmf_ids *col_ids = &r->model.col_ids;
  json_t *lists = NULL;
  int64_t lines = r->ranking.count;
  if (options->output)
    DNMF_TRY(cli_write_ranking(session, options->output, &r->ranking, row_ids, col_ids));
  else
    DNMF_TRY(cli_print_ranking(session, &r->ranking, row_ids, col_ids, &lists));
  DNMF_TRY(dnmf_sum_int64(session->context, session->context->comm, &lines, 1));
  if (options->output)
    cli_say(session, "%s: %" PRId64 " lines", options->output, lines);
  cli_print_json(session,
                 cli_json_pack("{s:s, s:s, s:s, s:s?, s:I, s:I, s:f, s:f, s:i, s:o*}", "command", "recommend",
                               "version", DNMF_VERSION, "model", path, "output", options->output, "lines",
                               (json_int_t)lines, "empty_columns", (json_int_t)work->empty, "seconds", work->seconds,
                               "flops", work->flops, "processes", session->context->size, "lists", lists));
  return DNMF_OK;
}

static dnmf_status execute(cli_session *session, const recommend_options *options, const char *path,
                           recommendation *r) {
  dnmf_recommend_work work = {0};
  DNMF_TRY(cli_read_model(session, path, options->precision, &r->model));
  DNMF_TRY(options->similar_to ? list_similar(session, options, r) : list_rows(session, options, path, r, &work));
  return put(session, options, path, r, &work);
}

static dnmf_status run(cli_session *session, const void *given, char **arguments, int argument_count) {
  const recommend_options *options = given;
  recommendation r;
  (void)argument_count;
  memset(&r, 0, sizeof r);
  DNMF_TRY(check_options(&session->context->error, options));
  dnmf_status status = execute(session, options, arguments[0], &r);
  recommendation_free(&r);
  return status;
}

static const cli_group groups[] = {
    {"what to list:", options_table, sizeof options_table / sizeof *options_table, 0},
    {"reading input:", cli_input_options, CLI_INPUT_OPTIONS, offsetof(recommend_options, input)},
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(recommend_options, common)},
};

const cli_command cli_recommend = {
    .name = "recommend",
    .summary = "the columns a model puts first for each row, seen ones left out",
    .usage = "MODEL --seen INPUT [-n N] [-o OUT] [OPTIONS]",
    .details =
        "A score is the prediction: mean + row bias + column bias + w h. Columns are ranked by it as it is, and it is\n"
        "reported clipped to the scale of the fitted values; equal ones come in the order of the columns. Lines are\n"
        "ordered by row and rank.\n\n"
        "  dnmf recommend model.h5 --seen ratings.h5 -n 10 -o lists.csv\n"
        "  dnmf recommend model.h5 --seen ratings.h5 --rows 12,431\n"
        "  dnmf recommend model.h5 --similar-to 50 -n 20",
    .min_arguments = 1,
    .max_arguments = 1,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(recommend_options),
    .defaults = &defaults,
    .run = run,
};
