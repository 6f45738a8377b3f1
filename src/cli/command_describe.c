/*
 * dnmf describe: what each component stands for, by name.
 */
#include "commands.h"
#include "session.h"

#include "api/labels.h"
#include "api/model.h"
#include "model/describe.h"
#include "store/output.h"
#include "store/write/shared_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct describe_options {
  cli_common common;
  int64_t top;
  int by;
  const char *labels;
  const char *row_labels;
  const char *label_columns;
  const char *row_label_columns;
  bool rows;
  double lambda;
  const char *output;
} describe_options;

static const describe_options defaults = {.top = 10, .lambda = 0.6};

static const char *const by_choices[] = {"relevance", "excess", "lift", "weight", NULL};

#define DESCRIBE(member) offsetof(describe_options, member)
static const cli_option options_table[] = {
    {"top", 'n', CLI_INT, DESCRIBE(top), "N", "columns a component (default 10)", 1, 1e6, NULL},
    {"by", 0, CLI_CHOICE, DESCRIBE(by), "M", "order by relevance (default), excess, lift or weight, see above", 0, 0,
     by_choices},
    {"lambda", 0, CLI_REAL, DESCRIBE(lambda), "X",
     "relevance: 1 orders by how much of the component a column is, 0 by lift (default 0.6)", 0, 1, NULL},
    {"output", 'o', CLI_OUTPUT_FILE, DESCRIBE(output), "OUT.csv",
     "write a line for each component and column, and row with --rows", 0, 0, NULL},
    {"labels", 0, CLI_INPUT_FILE, DESCRIBE(labels), "FILE", "names of columns: a text file of ids and labels", 0, 0,
     NULL},
    {"row-labels", 0, CLI_INPUT_FILE, DESCRIBE(row_labels), "FILE", "names of rows; implies --rows", 0, 0, NULL},
    {"label-columns", 0, CLI_TEXT, DESCRIBE(label_columns), "ID,LABEL",
     "names or numbers of the columns of --labels (default 1,2)", 0, 0, NULL},
    {"row-label-columns", 0, CLI_TEXT, DESCRIBE(row_label_columns), "ID,LABEL",
     "likewise of --row-labels (default 1,2)", 0, 0, NULL},
    {"rows", 0, CLI_FLAG, DESCRIBE(rows), NULL, "print each component's rows too (--json always has them)", 0, 0, NULL},
};

/* The columns or the rows of every component, with their names; names on process 0. */
typedef struct described_side {
  dnmf_description description;
  dnmf_ids ids;    /* of all entries, in the order of `of` */
  dnmf_ids labels; /* likewise; without texts: none */
} described_side;

static void described_side_free(described_side *s) {
  dnmf_description_free(&s->description);
  dnmf_ids_free(&s->ids);
  dnmf_ids_free(&s->labels);
}

/* Describes one side. collective */
static dnmf_status describe_side(cli_session *session, const describe_options *options, const dnmf_model *model,
                                 bool by_rows, described_side *s) {
  const char *path = by_rows ? options->row_labels : options->labels;
  const char *columns = by_rows ? options->row_label_columns : options->label_columns;
  DNMF_TRY(dnmf_describe(session->context, model, by_rows, (dnmf_describe_by)options->by, options->lambda, options->top,
                         &s->description));
  DNMF_TRY(
      dnmf_description_name(session->context, by_rows ? &model->row_ids : &model->col_ids, &s->description, &s->ids));
  return path ? dnmf_labels_name(session->context, path, columns, "listed", &s->ids, &s->labels) : DNMF_OK;
}

/* Text number `at` of names; *length bytes, not terminated. */
static const char *text_of(const dnmf_ids *names, int64_t at, int *length) {
  *length = (int)(names->starts[at + 1] - names->starts[at]);
  return names->text + names->starts[at];
}

static void say_entry(cli_session *session, const described_side *s, int64_t at) {
  const dnmf_description_entry *entry = &s->description.entries[at];
  int id_length = 0;
  int label_length = 0;
  char count[48] = "";
  const char *id = text_of(&s->ids, at, &id_length);
  const char *label = s->labels.starts ? text_of(&s->labels, at, &label_length) : "";
  if (isfinite(entry->count))
    snprintf(count, sizeof count, "  %7.0f", entry->count);
  cli_say(session, "  %8.4g  %6.2f  %4.0f%%%s  %-10.*s %.*s", entry->weight, entry->lift, 100 * entry->share, count,
          id_length, id, label_length, label);
}

static void say_side(cli_session *session, const described_side *s, int component, const char *what, bool counted) {
  cli_say(session, "    weight    lift  share%s  %s", counted ? "  entries" : "", what);
  for (int64_t t = 0; t < s->description.counts[component]; t++)
    say_entry(session, s, component * s->description.top + t);
}

/* Of a consensus of several fits: how stable the component is. */
static void stability_text(const dnmf_model *model, int component, char *text, size_t size) {
  const dnmf_attribute *restarts = dnmf_model_attribute(model, "restarts");
  text[0] = 0;
  if (!model->stability || !model->stable_runs)
    return;
  int used = 0;
  if (isfinite(model->stability[component]))
    used = snprintf(text, size, "; stability %.2f", model->stability[component]);
  snprintf(text + used, size - (size_t)used, ", in %.0f", model->stable_runs[component]);
  if (restarts && restarts->kind == DNMF_ATTRIBUTE_INTEGER)
    snprintf(text + strlen(text), size - strlen(text), " of %lld fits", (long long)restarts->integer);
}

static void say_all(cli_session *session, const describe_options *options, const dnmf_model *model,
                    const described_side *cols, const described_side *rows) {
  cli_say(session, "components, the largest first; a lift of 2 means that twice as much of the column as of columns on "
                   "average is this component's");
  for (int n = 0; n < model->components; n++) {
    const int c = cols->description.order[n];
    char stability[96];
    stability_text(model, c, stability, sizeof stability);
    cli_say(session, "component %d: %.1f%% of the whole%s", c, 100 * cols->description.share[c], stability);
    say_side(session, cols, c, "column", model->col_counts != NULL);
    if (options->rows || options->row_labels)
      say_side(session, rows, c, "row", model->row_counts != NULL);
  }
}

/* What is written to a file. */
typedef struct table {
  const described_side *cols;
  const described_side *rows; /* NULL: not written */
  bool labelled;
} table;

static void put_side(const table *t, const described_side *s, const char *what, int component, dnmf_sink *sink) {
  for (int64_t i = 0; i < s->description.counts[component]; i++) {
    const int64_t at = component * s->description.top + i;
    const dnmf_description_entry *entry = &s->description.entries[at];
    const double numbers[] = {entry->score, entry->weight, entry->lift, entry->share, entry->count};
    dnmf_sink_integer(sink, component);
    dnmf_sink_text(sink, ",");
    dnmf_sink_number(sink, t->cols->description.share[component], DNMF_DOUBLE);
    dnmf_sink_text(sink, what);
    dnmf_sink_integer(sink, i + 1);
    dnmf_sink_text(sink, ",");
    dnmf_sink_id(sink, &s->ids, at);
    if (t->labelled)
      dnmf_sink_text(sink, ",");
    if (s->labels.starts)
      dnmf_sink_id(sink, &s->labels, at);
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
      dnmf_sink_text(sink, ",");
      if (!isnan(numbers[n]))
        dnmf_sink_number(sink, numbers[n], DNMF_DOUBLE);
    }
    dnmf_sink_text(sink, "\n");
  }
}

/* A line for each component and column, or row, components by share. */
static void put_table(dnmf_context *context, const void *state, dnmf_sink *sink) {
  const table *t = state;
  if (context->rank != 0)
    return;
  dnmf_sink_text(sink, "component,component_share,side,rank,id");
  dnmf_sink_text(sink, t->labelled ? ",label" : "");
  dnmf_sink_text(sink, ",score,weight,lift,share,entries\n");
  for (int n = 0; n < t->cols->description.components; n++) {
    const int c = t->cols->description.order[n];
    put_side(t, t->cols, ",column,", c, sink);
    if (t->rows)
      put_side(t, t->rows, ",row,", c, sink);
  }
}

static dnmf_status write_table(cli_session *session, const describe_options *options, const described_side *cols,
                               const described_side *rows) {
  const table t = {cols, options->rows || options->row_labels ? rows : NULL, options->labels || options->row_labels};
  dnmf_output output;
  DNMF_TRY(dnmf_output_begin(session->context, options->output, &output));
  dnmf_status status = dnmf_shared_write(session->context, output.partial, put_table, &t);
  return dnmf_output_end(session->context, &output, status);
}

static json_t *side_json(const described_side *s, int component) {
  json_t *list = json_array();
  for (int64_t t = 0; t < s->description.counts[component]; t++) {
    int64_t at = component * s->description.top + t;
    const dnmf_description_entry *entry = &s->description.entries[at];
    int id_length = 0;
    int label_length = 0;
    const char *id = text_of(&s->ids, at, &id_length);
    const char *label = s->labels.starts ? text_of(&s->labels, at, &label_length) : NULL;
    cli_json_append(&list, cli_json_pack("{s:s%, s:o, s:o, s:o, s:o, s:o, s:o}", "id", id, (size_t)id_length, "label",
                                         label ? cli_json_bytes(label, (size_t)label_length) : json_null(), "score",
                                         cli_json_real(entry->score), "weight", cli_json_real(entry->weight), "lift",
                                         cli_json_real(entry->lift), "share", cli_json_real(entry->share), "count",
                                         cli_json_real(entry->count)));
  }
  return list;
}

static void print_description_json(cli_session *session, const describe_options *options, const char *path,
                                   const dnmf_model *model, const described_side *cols, const described_side *rows) {
  json_t *components = json_array();
  for (int n = 0; n < model->components; n++) {
    const int c = cols->description.order[n];
    json_t *component =
        cli_json_pack("{s:i, s:o, s:o, s:o}", "component", c, "share", cli_json_real(cols->description.share[c]),
                      "columns", side_json(cols, c), "rows", side_json(rows, c));
    if (model->stability)
      cli_json_set(&component, "stability", cli_json_real(model->stability[c]));
    if (model->stable_runs)
      cli_json_set(&component, "runs", cli_json_real(model->stable_runs[c]));
    cli_json_append(&components, component);
  }
  cli_print_json(session, cli_json_pack("{s:s, s:s, s:s, s:s, s:o}", "command", "describe", "version", DNMF_VERSION,
                                        "model", path, "by", by_choices[options->by], "components", components));
}

static dnmf_status run_describe(cli_session *session, const void *given, char **arguments, int argument_count) {
  const describe_options *options = given;
  dnmf_model model;
  described_side cols = {0};
  described_side rows = {0};
  (void)argument_count;
  memset(&model, 0, sizeof model);
  const char *dot = options->output ? strrchr(options->output, '.') : NULL;
  if (options->output && (!dot || strcmp(dot, ".csv") != 0))
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE, "%s: a description is written as .csv",
                     options->output);
  dnmf_status status = dnmf_model_open(session->context, arguments[0], DNMF_AS_FITTED, &model);
  if (status == DNMF_OK)
    status = describe_side(session, options, &model, false, &cols);
  if (status == DNMF_OK)
    status = describe_side(session, options, &model, true, &rows);
  if (status == DNMF_OK && options->output)
    status = write_table(session, options, &cols, &rows);
  if (status == DNMF_OK && session->context->rank == 0) {
    if (options->output)
      cli_say(session, "%s written", options->output);
    else
      say_all(session, options, &model, &cols, &rows);
    print_description_json(session, options, arguments[0], &model, &cols, &rows);
  }
  described_side_free(&cols);
  described_side_free(&rows);
  dnmf_model_free(&model);
  return status;
}

static const cli_group groups[] = {
    {"what to tell:", options_table, sizeof options_table / sizeof *options_table, 0},
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(describe_options, common)},
};

const cli_command cli_describe = {
    .name = "describe",
    .summary = "what each component stands for: its strongest columns and rows, by name",
    .usage = "MODEL [-n N] [--labels FILE] [OPTIONS]",
    .details =
        "Components come by their share of the whole, the largest first. Of each column that belongs to one:\n"
        "  weight  the column's number in H: how strong it is in the component\n"
        "  share   how much of its w h is this component's, on average over the rows that have it\n"
        "  lift    share / the component's share of the whole: 1 is a column like all others, 2 one of which twice as\n"
        "          much is this component's\n"
        "What everybody has is strong in many components and has a lift near 1; what tells a component apart has a\n"
        "high lift, and says something when many have it. Columns are ordered by\n"
        "  relevance  X log p(column | component) + (1 - X) log lift, X as --lambda gives (LDAvis: Sievert, Shirley\n"
        "             2014): both at once. p is the column's entries times its share, over that sum of all columns.\n"
        "             Where unstored entries are zeros, its sum of W H takes the place of its entries\n"
        "  excess     entries * (share - the component's share of the whole): the entries' worth that the column "
        "leans\n"
        "             to this component more than columns do on average; a column with few entries cannot lead\n"
        "  lift       alone, whatever the number of entries\n"
        "  weight     alone\n"
        "Of a consensus of several fits (tune -o) the stability of each component is told, its silhouette among the\n"
        "fits' components, and how many of them had it.\n\n"
        "  dnmf describe model.h5 --labels movies.csv\n"
        "  dnmf describe model.h5 --labels movies.csv --label-columns movieId,title --lambda 0.3 -o components.csv\n"
        "  dnmf describe model.h5 --labels u.item -n 5 --json",
    .min_arguments = 1,
    .max_arguments = 1,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(describe_options),
    .defaults = &defaults,
    .run = run_describe,
};
