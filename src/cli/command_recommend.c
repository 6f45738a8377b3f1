/*
 * dnmf recommend: the columns a model puts first for each row, or those most like a column.
 */
#include "commands.h"
#include "files.h"
#include "load.h"
#include "model_input.h"
#include "ranking_output.h"
#include "titles.h"

#include "api/model.h"
#include "api/recommend.h"
#include "api/transform.h"
#include "base/memory.h"
#include "comm/collective.h"
#include "store/ids/ids_fetch.h"
#include "store/ids/ids_find.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows that are listed on the terminal when none are named. */
enum { SHOWN_ROWS = 10 };

typedef struct recommend_options {
  cli_common common;
  cli_input input;
  const char *seen;
  const char *new_rows;
  int64_t top;
  const char *rows;
  const char *cols;
  int64_t min_count;
  double optimism;
  const char *similar_to;
  const char *output;
  const char *labels;
  const char *label_columns;
  bool include_empty;
  bool no_clip;
  int precision; /* 0: as the model has it, else dnmf_precision + 1 */
} recommend_options;

static const recommend_options defaults = {.top = 10};

#define RECOMMEND(member) offsetof(recommend_options, member)
static const cli_option options_table[] = {
    {"seen", 0, CLI_INPUT_FILE, RECOMMEND(seen), "INPUT", "leave out the entries of this matrix, matched by ids", 0, 0,
     NULL},
    {"new", 0, CLI_INPUT_FILE, RECOMMEND(new_rows), "INPUT",
     "list for the rows of this matrix, folded in as transform does, without its entries", 0, 0, NULL},
    {"top", 'n', CLI_INT, RECOMMEND(top), "N", "columns a row (default 10); fewer where there are not so many", 1, 1e9,
     NULL},
    {"rows", 0, CLI_INPUT_FILE, RECOMMEND(rows), "FILE|ID,ID",
     "only these rows: ids, or a file with one a line (default all)", 0, 0, NULL},
    {"cols", 0, CLI_INPUT_FILE, RECOMMEND(cols), "FILE|ID,ID", "only these columns are candidates (default all)", 0, 0,
     NULL},
    {"min-count", 0, CLI_INT, RECOMMEND(min_count), "N",
     "never list columns with fewer observations in the fit (a model of a matrix with "
     "zeros: in --seen)",
     0, 9.2e18, NULL},
    {"optimism", 0, CLI_REAL, RECOMMEND(optimism), "X",
     "of a model of fit --samples: rank by the prediction plus X of its deviations, which lists "
     "what might be good, or with a negative X minus, what surely is; the score is "
     "that sum (default 0)",
     -1000, 1000, NULL},
    {"similar-to", 0, CLI_TEXT, RECOMMEND(similar_to), "COL,COL",
     "instead: the columns most like these, by the cosine of their factors", 0, 0, NULL},
    {"output", 'o', CLI_OUTPUT_FILE, RECOMMEND(output), "OUT",
     "OUT.csv (row,rank,column,score) or OUT.h5; without it the terminal, and the first 10 rows", 0, 0, NULL},
    {"labels", 0, CLI_INPUT_FILE, RECOMMEND(labels), "FILE", "titles of columns: a text file of ids and labels", 0, 0,
     NULL},
    {"label-columns", 0, CLI_TEXT, RECOMMEND(label_columns), "ID,LABEL",
     "names or numbers of the columns of --labels (default 1,2)", 0, 0, NULL},
    {"include-empty", 0, CLI_FLAG, RECOMMEND(include_empty), NULL, "list columns too that the fit had no data for", 0,
     0, NULL},
    {"no-clip", 0, CLI_FLAG, RECOMMEND(no_clip), NULL, "report predictions beyond the scale of the fitted values", 0, 0,
     NULL},
    {"precision", 0, CLI_CHOICE, RECOMMEND(precision), "P",
     "of the products: double, single, auto (default): the fit's", 0, 0, cli_precision_choices},
};

/* What a run of the command holds. */
typedef struct recommendation {
  const char *path;
  dnmf_model model;
  dnmf_listing listing;
  int64_t *candidates;   /* --cols */
  bool *wanted;          /* of the owned rows; NULL: all */
  dnmf_ids unknown;      /* --rows that the model does not have: texts on process 0 */
  int64_t unknown_count; /* on every process */
  dnmf_ids all_rows;     /* ids of the model's rows and, after them, of those */
  int64_t *columns;      /* --similar-to */
  dnmf_ids titles;
  dnmf_ranking ranking;
  dnmf_recommend_work work;
} recommendation;

static void recommendation_free(recommendation *r) {
  dnmf_ranking_free(&r->ranking);
  dnmf_ids_free(&r->titles);
  free(r->columns);
  dnmf_ids_free(&r->all_rows);
  dnmf_ids_free(&r->unknown);
  free(r->wanted);
  free(r->candidates);
  dnmf_listing_free(&r->listing);
  dnmf_model_free(&r->model);
}

/* r->wanted = the owned ones among `rows`. collective */
static dnmf_status want_rows(dnmf_context *context, int64_t count, const int64_t *rows, recommendation *r) {
  const dnmf_range owned = r->model.owned_rows;
  void *memory = NULL;
  dnmf_status status =
      dnmf_allocate_zero(&context->error, "chosen rows", dnmf_range_size(owned), sizeof(bool), &memory);
  r->wanted = memory;
  DNMF_TRY(dnmf_agree(context, status));
  for (int64_t i = 0; i < count; i++)
    if (rows[i] >= owned.begin && rows[i] < owned.end)
      r->wanted[rows[i] - owned.begin] = true;
  return DNMF_OK;
}

/* The owned rows among those of --rows, or the first few where all of them would go to the terminal. */
static dnmf_status choose_rows(cli_session *session, const recommend_options *options, recommendation *r) {
  dnmf_context *context = session->context;
  const dnmf_model *model = &r->model;
  int64_t few[SHOWN_ROWS] = {0};
  int64_t *rows = NULL;
  int64_t count = 0;
  if (options->rows) {
    DNMF_TRY(cli_find_known_ids(session, "--rows", options->rows, &model->row_ids, model->rows, &rows, &count,
                                r->listing.counted ? &r->unknown : NULL));
    dnmf_status status = want_rows(context, count, rows, r);
    free(rows);
    r->unknown_count = r->unknown.count;
    return status == DNMF_OK ? dnmf_broadcast(context, &r->unknown_count, sizeof r->unknown_count, 0) : status;
  }
  if (options->output || model->rows <= SHOWN_ROWS)
    return DNMF_OK;
  for (int64_t i = 0; i < SHOWN_ROWS; i++)
    few[i] = i;
  cli_say(session, "the first %d of %" PRId64 " rows; -o OUT.csv writes all, --rows chooses", SHOWN_ROWS, model->rows);
  return want_rows(context, SHOWN_ROWS, few, r);
}

/* Appends the texts `more` to `ids`, of kind STRING. local */
static dnmf_status append_texts(dnmf_error *error, const dnmf_ids *more, dnmf_ids *ids) {
  void *memory = NULL;
  const int64_t held = dnmf_range_size(ids->range);
  const int64_t count = dnmf_range_size(more->range);
  const int64_t bytes = ids->starts[held];
  DNMF_TRY(dnmf_allocate_zero(error, "ids of rows", held + count + 1, sizeof(int64_t), &memory));
  memcpy(memory, ids->starts, (size_t)(held + 1) * sizeof(int64_t));
  free(ids->starts);
  ids->starts = memory;
  for (int64_t i = 0; i < count; i++)
    ids->starts[held + i + 1] = bytes + more->starts[i + 1];
  DNMF_TRY(dnmf_allocate_zero(error, "ids of rows", ids->starts[held + count] + 1, 1, &memory));
  if (bytes > 0)
    memcpy(memory, ids->text, (size_t)bytes);
  memcpy((char *)memory + bytes, more->text, (size_t)more->starts[count]);
  free(ids->text);
  ids->text = memory;
  ids->range.end += count;
  return DNMF_OK;
}

/* r->all_rows: the model's ids as texts, on the last process followed by those that it does not have. collective */
static dnmf_status name_unknown(dnmf_context *context, recommendation *r) {
  const bool last = context->rank == context->size - 1;
  const dnmf_range all = {0, r->model.rows};
  dnmf_ids unknown = r->unknown;
  dnmf_ids arrived = {0};
  dnmf_ids held = r->model.row_ids;
  int64_t none[1] = {0};
  if (held.kind == DNMF_IDS_NONE)
    held = (dnmf_ids){.count = r->model.rows, .range = dnmf_range_split(all, context->size, context->rank)};
  if (context->rank != 0)
    unknown = (dnmf_ids){.kind = DNMF_IDS_STRING, .range = {r->unknown_count, r->unknown_count}, .starts = none};
  unknown.count = r->unknown_count;
  dnmf_status status = dnmf_agree(context, dnmf_ids_to_text(&context->error, &held, &r->all_rows));
  if (status == DNMF_OK)
    status = dnmf_ids_fetch(context, &unknown, (dnmf_range){0, last ? r->unknown_count : 0}, &arrived);
  if (status == DNMF_OK && last)
    status = append_texts(&context->error, &arrived, &r->all_rows);
  dnmf_ids_free(&arrived);
  r->all_rows.count = r->model.rows + r->unknown_count;
  return dnmf_agree(context, status);
}

/* On the last process: the most popular columns for each row that the model does not have, after all other lines. */
static dnmf_status list_unknown(dnmf_error *error, const recommend_options *options, recommendation *r) {
  dnmf_ranking all = {0};
  void *room = NULL;
  const int64_t most = options->top < r->model.cols ? options->top : r->model.cols;
  DNMF_TRY(dnmf_allocate(error, "a list", most, sizeof(dnmf_scored), &room));
  const dnmf_scored *items = room;
  const int64_t listed = dnmf_listing_popular(&r->listing, room);
  const int64_t before = r->ranking.count;
  dnmf_status status = dnmf_ranking_create(error, before + r->unknown_count * listed, &all);
  if (status == DNMF_OK) {
    all.precision = r->ranking.precision;
    if (before > 0) {
      memcpy(all.row, r->ranking.row, (size_t)before * sizeof *all.row);
      memcpy(all.place, r->ranking.place, (size_t)before * sizeof *all.place);
      memcpy(all.col, r->ranking.col, (size_t)before * sizeof *all.col);
      memcpy(all.score, r->ranking.score, (size_t)before * sizeof *all.score);
    }
    for (int64_t i = 0; i < r->unknown_count * listed; i++) {
      all.row[before + i] = r->model.rows + i / listed;
      all.place[before + i] = i % listed + 1;
      all.col[before + i] = items[i % listed].item;
      all.score[before + i] = NAN;
    }
    dnmf_ranking_free(&r->ranking);
    r->ranking = all;
  }
  free(room);
  return status;
}

static dnmf_status add_unknown(cli_session *session, const recommend_options *options, recommendation *r) {
  dnmf_context *context = session->context;
  if (r->unknown_count == 0)
    return DNMF_OK;
  DNMF_TRY(name_unknown(context, r));
  bool last = context->rank == context->size - 1;
  return dnmf_agree(context, last ? list_unknown(&context->error, options, r) : DNMF_OK);
}

static void say_work(cli_session *session, const recommend_options *options, const recommendation *r) {
  const dnmf_recommend_work *work = &r->work;
  if (dnmf_model_is_observed(&r->model) && !dnmf_model_is_weak(&r->model))
    cli_say(session, "scores are predicted values; what people like is listed better by a fit with --implicit "
                     "(compare with evaluate --seen)");
  if (work->empty > 0 && !options->include_empty)
    cli_say(session, "%" PRId64 " of %" PRId64 " columns had no data in the fit and are never listed (--include-empty)",
            work->empty, r->model.cols);
  if (work->popular + r->unknown_count > 0)
    cli_say(session, "%" PRId64 " rows had no data in the fit and are listed the most popular columns, without a score",
            work->popular + r->unknown_count);
  if (work->seconds > 0 && session->common->verbose)
    cli_say(session, "scored in %.3g s, %.3g GF/s", work->seconds, work->flops / work->seconds * 1e-9);
}

static dnmf_status list_for_rows(cli_session *session, const recommend_options *options, recommendation *r) {
  DNMF_TRY(choose_rows(session, options, r));
  r->listing.how.wanted = r->wanted;
  DNMF_TRY(dnmf_recommend(session->context, &r->model, &r->listing.how, &r->ranking, &r->work));
  DNMF_TRY(add_unknown(session, options, r));
  say_work(session, options, r);
  return DNMF_OK;
}

static dnmf_status list_similar(cli_session *session, const recommend_options *options, recommendation *r) {
  int64_t count = 0;
  DNMF_TRY(cli_find_ids(session, "--similar-to", options->similar_to, &r->model.col_ids, r->model.cols, &r->columns,
                        &count));
  return dnmf_listing_similar(session->context, &r->listing, count, r->columns, &r->ranking);
}

/* What may be listed: without the entries of --seen, or with --new for the rows of NEW without theirs. */
static dnmf_status prepare_listing(cli_session *session, const recommend_options *options, dnmf_data *known_data,
                                   recommendation *r) {
  dnmf_context *context = session->context;
  dnmf_entries known = {0};
  dnmf_folding folding;
  dnmf_recommend_settings settings;
  dnmf_recommend_settings_init(&settings);
  settings.top = options->top;
  settings.seen = options->seen ? known_data : NULL;
  settings.include_empty = options->include_empty;
  settings.clip = options->no_clip ? "no" : "auto";
  settings.min_count = options->min_count;
  settings.optimism = options->optimism;
  dnmf_status status = DNMF_OK;
  if (options->new_rows)
    status = dnmf_fold_data(context, known_data, &r->model, &known, &folding);
  else if (!options->seen && !options->similar_to)
    dnmf_warn(context, "without --seen INPUT, columns a row has seen already are listed too");
  if (status == DNMF_OK && options->cols)
    status = cli_find_ids(session, "--cols", options->cols, &r->model.col_ids, r->model.cols, &r->candidates,
                          &settings.candidate_count);
  settings.candidates = r->candidates;
  if (status == DNMF_OK)
    return dnmf_listing_create(context, &r->model, &settings, options->new_rows ? &known : NULL, &r->listing);
  dnmf_entries_free(&known);
  return status;
}

static dnmf_status check_recommend_options(dnmf_error *error, const recommend_options *options) {
  if (options->similar_to && (options->rows || options->new_rows))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--similar-to lists columns like a column; leave %s out",
                     options->rows ? "--rows" : "--new");
  if (options->similar_to && options->optimism != 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--similar-to lists by cosines, which do not deviate; leave --optimism out");
  if (options->new_rows && options->seen)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--new leaves out its own entries; leave --seen out");
  if (options->label_columns && !options->labels)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--label-columns is for --labels, which is not given");
  return options->output ? cli_check_ending(error, options->output) : DNMF_OK;
}

/* To the file, or to the terminal. */
static dnmf_status put_ranking(cli_session *session, const recommend_options *options, const recommendation *r) {
  const dnmf_ids *rows = r->unknown_count > 0 ? &r->all_rows : &r->model.row_ids;
  const dnmf_ranking_names names = {.rows = options->similar_to ? &r->model.col_ids : rows,
                                    .cols = &r->model.col_ids,
                                    .labels = options->labels ? &r->titles : NULL};
  json_t *lists = NULL;
  int64_t lines = r->ranking.count;
  DNMF_TRY(dnmf_sum_int64(session->context, session->context->comm, &lines, 1)); /* before anything is replaced */
  if (options->output)
    DNMF_TRY(cli_write_ranking(session, options->output, &r->ranking, &names));
  else
    DNMF_TRY(cli_print_ranking(session, &r->ranking, &names, &lists));
  if (options->output)
    cli_say(session, "%s: %" PRId64 " lines", options->output, lines);
  cli_print_json(session,
                 cli_json_pack("{s:s, s:s, s:s, s:s?, s:I, s:I, s:I, s:f, s:f, s:i, s:o*}", "command", "recommend",
                               "version", DNMF_VERSION, "model", r->path, "output", options->output, "lines",
                               (json_int_t)lines, "empty_columns", (json_int_t)r->work.empty, "popular_rows",
                               (json_int_t)r->work.popular + (json_int_t)r->unknown_count, "seconds", r->work.seconds,
                               "flops", r->work.flops, "processes", session->context->size, "lists", lists));
  return DNMF_OK;
}

static dnmf_status recommend_columns(cli_session *session, const recommend_options *options, recommendation *r) {
  const char *known = options->new_rows ? options->new_rows : options->seen;
  dnmf_data *data = NULL;
  dnmf_status status = dnmf_model_open(session->context, r->path, options->precision, &r->model);
  if (status == DNMF_OK && known)
    status = cli_data(session, known, &options->input, &data);
  if (status == DNMF_OK)
    status = prepare_listing(session, options, data, r);
  dnmf_data_destroy(&data);
  DNMF_TRY(status);
  DNMF_TRY(options->similar_to ? list_similar(session, options, r) : list_for_rows(session, options, r));
  if (options->labels)
    DNMF_TRY(cli_read_titles(session, options->labels, options->label_columns, &r->model.col_ids, r->model.cols,
                             &r->titles));
  return put_ranking(session, options, r);
}

static dnmf_status run_recommend(cli_session *session, const void *given, char **arguments, int argument_count) {
  const recommend_options *options = given;
  recommendation r = {.path = arguments[0]};
  (void)argument_count;
  DNMF_TRY(check_recommend_options(&session->context->error, options));
  dnmf_status status = recommend_columns(session, options, &r);
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
    .summary = "the columns a model puts first for each row, seen ones left out, by title",
    .usage = "MODEL --seen INPUT [-n N] [-o OUT] [OPTIONS]",
    .details =
        "A score is the prediction: mean + row bias + column bias + w h. Columns are ranked by it as it is, and it is\n"
        "reported clipped to the scale of the fitted values; equal ones come in the order of the columns. Lines are\n"
        "ordered by row and rank. Rows without data in the fit, and --rows that the model does not have, are listed\n"
        "the columns with most observations, without a score: those of the fit, or of --seen where the model does not\n"
        "hold them.\n\n"
        "  dnmf recommend model.h5 --seen ratings.h5 -n 10 -o lists.csv\n"
        "  dnmf recommend model.h5 --seen ratings.h5 --rows 12,431 --labels movies.csv --label-columns movieId,title\n"
        "  dnmf recommend model.h5 --new new-users.csv --min-count 20\n"
        "  dnmf recommend model.h5 --similar-to 50 -n 20 --min-count 20",
    .min_arguments = 1,
    .max_arguments = 1,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(recommend_options),
    .defaults = &defaults,
    .run = run_recommend,
};
