/*
 * dnmf recommend: the columns a model puts first for each row, or those most like a column.
 */
#include "commands.h"
#include "fold_in.h"
#include "model_entries.h"
#include "model_input.h"
#include "ranking_output.h"
#include "titles.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "model/recommend.h"
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
     "never list columns with fewer observations in the fit (a model of a matrix with\n"
     "                               zeros: in --seen)",
     0, 9.2e18, NULL},
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
  cli_model_entries seen; /* to leave out */
  bool has_seen;
  cli_fold_in fold;           /* --new */
  dnmf_popularity popularity; /* of the columns that may be listed */
  bool counted;               /* its counts are known */
  bool *listable;             /* of the owned columns; NULL: all */
  bool *wanted;               /* of the owned rows; NULL: all */
  dnmf_ids unknown;           /* --rows that the model does not have: texts on process 0 */
  int64_t unknown_count;      /* on every process */
  dnmf_ids all_rows;          /* ids of the model's rows and, after them, of those */
  int64_t *columns;           /* --similar-to */
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
  free(r->listable);
  dnmf_popularity_free(&r->popularity);
  cli_fold_in_free(&r->fold);
  cli_model_entries_free(&r->seen);
  dnmf_model_free(&r->model);
}

/* marked[i] = true for the owned ones among `indices`; the caller frees it. collective */
static dnmf_status mark_owned(dnmf_context *context, const char *what, dnmf_range owned, int64_t count,
                              const int64_t *indices, bool **marked) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(&context->error, what, dnmf_range_size(owned), sizeof(bool), &memory);
  *marked = memory;
  DNMF_TRY(dnmf_agree(context, status));
  for (int64_t i = 0; i < count; i++)
    if (indices[i] >= owned.begin && indices[i] < owned.end)
      (*marked)[indices[i] - owned.begin] = true;
  return DNMF_OK;
}

/* Counts of the fit, else of what rows have seen. */
static dnmf_status count_observations(cli_session *session, recommendation *r) {
  dnmf_context *context = session->context;
  DNMF_TRY(dnmf_popularity_of_fit(context, &r->model, &r->counted, &r->popularity));
  if (r->counted || !r->has_seen)
    return DNMF_OK;
  dnmf_popularity_free(&r->popularity);
  r->counted = true;
  return dnmf_popularity_of_entries(context, r->model.cols, &r->seen.matrix.by_rows, &r->popularity);
}

/* r->listable from --cols and --min-count. */
static dnmf_status choose_columns(cli_session *session, const recommend_options *options, recommendation *r) {
  dnmf_context *context = session->context;
  const dnmf_range owned = r->model.owned_cols;
  int64_t *columns = NULL;
  int64_t count = 0;
  if (options->min_count > 0 && !r->counted)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "--min-count: %s does not hold how many entries each column had; give --seen INPUT to count them",
                     r->path);
  if (!options->cols && options->min_count == 0)
    return DNMF_OK;
  dnmf_status status = DNMF_OK;
  if (options->cols)
    status = cli_find_ids(session, "--cols", options->cols, &r->model.col_ids, r->model.cols, &columns, &count);
  if (status == DNMF_OK)
    status = mark_owned(context, "candidate columns", owned, count, columns, &r->listable);
  free(columns);
  for (int64_t j = 0; j < dnmf_range_size(owned) && status == DNMF_OK; j++)
    r->listable[j] = (!options->cols || r->listable[j]) && r->popularity.counts[owned.begin + j] >= options->min_count;
  return status;
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
                                r->counted ? &r->unknown : NULL));
    dnmf_status status = mark_owned(context, "chosen rows", model->owned_rows, count, rows, &r->wanted);
    free(rows);
    r->unknown_count = r->unknown.count;
    return status == DNMF_OK ? dnmf_broadcast(context, &r->unknown_count, sizeof r->unknown_count, 0) : status;
  }
  if (options->output || model->rows <= SHOWN_ROWS)
    return DNMF_OK;
  for (int64_t i = 0; i < SHOWN_ROWS; i++)
    few[i] = i;
  cli_say(session, "the first %d of %" PRId64 " rows; -o OUT.csv writes all, --rows chooses", SHOWN_ROWS, model->rows);
  return mark_owned(context, "chosen rows", model->owned_rows, SHOWN_ROWS, few, &r->wanted);
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
  DNMF_TRY(dnmf_allocate(error, "a list", options->top < r->model.cols ? options->top : r->model.cols,
                         sizeof(dnmf_scored), &room));
  dnmf_top list = {options->top < r->model.cols ? options->top : r->model.cols, 0, room};
  dnmf_popularity_list(&r->popularity, NULL, 0, &list);
  const int64_t before = r->ranking.count;
  dnmf_status status = dnmf_ranking_create(error, before + r->unknown_count * list.count, &all);
  if (status == DNMF_OK) {
    all.precision = r->ranking.precision;
    if (before > 0) {
      memcpy(all.row, r->ranking.row, (size_t)before * sizeof *all.row);
      memcpy(all.place, r->ranking.place, (size_t)before * sizeof *all.place);
      memcpy(all.col, r->ranking.col, (size_t)before * sizeof *all.col);
      memcpy(all.score, r->ranking.score, (size_t)before * sizeof *all.score);
    }
    for (int64_t i = 0; i < r->unknown_count * list.count; i++) {
      all.row[before + i] = r->model.rows + i / list.count;
      all.place[before + i] = i % list.count + 1;
      all.col[before + i] = list.items[i % list.count].item;
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

/* --new: the model's rows become those of NEW, whose entries are left out of the lists. */
static dnmf_status fold_new_rows(cli_session *session, const recommend_options *options, recommendation *r) {
  dnmf_entries known = {0};
  dnmf_status status = cli_fold_rows(session, r->path, options->new_rows, &options->input, &r->model, &known, &r->fold);
  if (status == DNMF_OK)
    return cli_place_entries(session, &r->model, r->model.cols, DNMF_DUPLICATES_LAST, &known, &r->seen);
  dnmf_entries_free(&known);
  return status;
}

static dnmf_status load_known(cli_session *session, const recommend_options *options, recommendation *r) {
  r->has_seen = options->seen || options->new_rows;
  if (options->new_rows)
    return fold_new_rows(session, options, r);
  if (options->seen)
    return cli_load_model_entries(session, options->seen, &options->input, r->path, &r->model, &r->seen);
  if (!options->similar_to)
    dnmf_warn(session->context, "without --seen INPUT, columns a row has seen already are listed too");
  return DNMF_OK;
}

static void say_work(cli_session *session, const recommend_options *options, const recommendation *r) {
  const dnmf_recommend_work *work = &r->work;
  if (dnmf_model_is_observed(&r->model))
    cli_say(session, "scores are predicted values; what people like is listed better by a fit with --missing zero "
                     "(compare with evaluate --seen)");
  if (work->empty > 0 && !options->include_empty)
    cli_say(session, "%" PRId64 " of %" PRId64 " columns had no data in the fit and are never listed (--include-empty)",
            work->empty, r->model.cols);
  if (work->popular + r->unknown_count > 0)
    cli_say(session, "%" PRId64 " rows had no data in the fit and are listed the most popular columns, without a score",
            work->popular + r->unknown_count);
  if (work->seconds > 0)
    cli_say(session, "scored in %.3g s, %.3g GF/s", work->seconds, work->flops / work->seconds * 1e-9);
}

static dnmf_status list_rows(cli_session *session, const recommend_options *options, recommendation *r) {
  dnmf_recommend_options how = {.top = options->top,
                                .include_empty = options->include_empty,
                                .listable = r->listable,
                                .seen = r->has_seen ? &r->seen.matrix.by_rows : NULL,
                                .popularity = r->counted ? &r->popularity : NULL};
  how.mean = cli_model_mean(&r->model);
  how.clip = !options->no_clip && cli_model_scale(&r->model, &how.smallest, &how.largest);
  DNMF_TRY(dnmf_popularity_restrict(session->context, &r->model, r->listable, options->include_empty, &r->popularity));
  DNMF_TRY(choose_rows(session, options, r));
  how.wanted = r->wanted;
  DNMF_TRY(dnmf_recommend(session->context, &r->model, &how, &r->ranking, &r->work));
  DNMF_TRY(add_unknown(session, options, r));
  say_work(session, options, r);
  return DNMF_OK;
}

static dnmf_status list_similar(cli_session *session, const recommend_options *options, recommendation *r) {
  dnmf_context *context = session->context;
  int64_t count = 0;
  DNMF_TRY(cli_find_ids(session, "--similar-to", options->similar_to, &r->model.col_ids, r->model.cols, &r->columns,
                        &count));
  DNMF_TRY(dnmf_similar(context, &r->model, count, r->columns, options->top, r->listable, &r->ranking));
  if (!r->counted)
    return DNMF_OK;
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "counts of columns", r->ranking.count, sizeof(int64_t), &memory);
  r->ranking.observations = memory;
  for (int64_t i = 0; i < r->ranking.count && status == DNMF_OK; i++)
    r->ranking.observations[i] = r->popularity.counts[r->ranking.col[i]];
  return dnmf_agree(context, status);
}

static dnmf_status check_options(dnmf_error *error, const recommend_options *options) {
  if (options->similar_to && (options->rows || options->new_rows))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--similar-to lists columns like a column; leave %s out",
                     options->rows ? "--rows" : "--new");
  if (options->new_rows && options->seen)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--new leaves out its own entries; leave --seen out");
  if (options->label_columns && !options->labels)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--label-columns is for --labels, which is not given");
  return options->output ? cli_check_ranking_name(error, options->output) : DNMF_OK;
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

static dnmf_status recommend(cli_session *session, const recommend_options *options, recommendation *r) {
  DNMF_TRY(cli_read_model(session, r->path, options->precision, &r->model));
  DNMF_TRY(load_known(session, options, r));
  DNMF_TRY(count_observations(session, r));
  DNMF_TRY(choose_columns(session, options, r));
  DNMF_TRY(options->similar_to ? list_similar(session, options, r) : list_rows(session, options, r));
  if (options->labels)
    DNMF_TRY(cli_read_titles(session, options->labels, options->label_columns, &r->model.col_ids, r->model.cols,
                             &r->titles));
  return put_ranking(session, options, r);
}

static dnmf_status run(cli_session *session, const void *given, char **arguments, int argument_count) {
  const recommend_options *options = given;
  recommendation r;
  (void)argument_count;
  memset(&r, 0, sizeof r);
  r.path = arguments[0];
  DNMF_TRY(check_options(&session->context->error, options));
  dnmf_status status = recommend(session, options, &r);
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
    .run = run,
};
