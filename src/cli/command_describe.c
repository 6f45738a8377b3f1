/*
 * dnmf describe: what each component stands for, by name.
 */
#include "commands.h"
#include "model_input.h"

#include "model/describe.h"
#include "store/ids/ids_find.h"
#include "store/text/labels.h"

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
} describe_options;

static const describe_options defaults = {.top = 10};

static const char *const by_choices[] = {"excess", "lift", "weight", NULL};

#define DESCRIBE(member) offsetof(describe_options, member)
static const cli_option options_table[] = {
    {"top", 'n', CLI_INT, DESCRIBE(top), "N", "columns a component (default 10)", 1, 1e6, NULL},
    {"by", 0, CLI_CHOICE, DESCRIBE(by), "M", "order by excess (default), lift or weight, see above", 0, 0, by_choices},
    {"labels", 0, CLI_INPUT_FILE, DESCRIBE(labels), "FILE", "names of columns: a text file of ids and labels", 0, 0,
     NULL},
    {"row-labels", 0, CLI_INPUT_FILE, DESCRIBE(row_labels), "FILE", "names of rows; implies --rows", 0, 0, NULL},
    {"label-columns", 0, CLI_TEXT, DESCRIBE(label_columns), "ID,LABEL",
     "numbers of the columns of --labels (default 1,2)", 0, 0, NULL},
    {"row-label-columns", 0, CLI_TEXT, DESCRIBE(row_label_columns), "ID,LABEL",
     "likewise of --row-labels (default 1,2)", 0, 0, NULL},
    {"rows", 0, CLI_FLAG, DESCRIBE(rows), NULL, "print each component's rows too (--json always has them)", 0, 0, NULL},
};

/* The columns or the rows of every component, with their names; names on process 0. */
typedef struct side {
  dnmf_description description;
  dnmf_ids ids;       /* of all entries, in the order of `of` */
  dnmf_labels labels; /* likewise */
} side;

static void side_free(side *s) {
  dnmf_description_free(&s->description);
  dnmf_ids_free(&s->ids);
  dnmf_labels_free(&s->labels);
}

/* s->ids = the ids of all entries, unused places included: they name whatever they hold. collective */
static dnmf_status name_entries(dnmf_context *context, const dnmf_ids *ids, side *s) {
  int64_t count = s->description.components * s->description.top;
  int64_t *indices = calloc((size_t)count + 1, sizeof *indices);
  dnmf_status status = indices ? DNMF_OK : dnmf_fail(&context->error, DNMF_ERROR_MEMORY, "not enough memory for names");
  status = dnmf_agree(context, status);
  for (int64_t e = 0; e < count && status == DNMF_OK; e++)
    indices[e] = s->description.entries[e].index;
  if (status == DNMF_OK)
    status = dnmf_ids_name(context, ids, count, indices, &s->ids);
  free(indices);
  return status;
}

static dnmf_status read_labels(cli_session *session, const char *path, const char *columns, side *s) {
  dnmf_context *context = session->context;
  dnmf_status status = DNMF_OK;
  if (path && context->rank == 0)
    status = dnmf_labels_read(&context->error, path, columns, &s->ids, &s->labels);
  DNMF_TRY(dnmf_agree(context, status));
  if (path && context->rank == 0 && s->labels.known == 0)
    dnmf_warn(context, "%s names none of the listed ids; say which columns hold id and label with --label-columns",
              path);
  return DNMF_OK;
}

/* Describes one side. collective */
static dnmf_status look(cli_session *session, const describe_options *options, const dnmf_model *model, bool by_rows,
                        side *s) {
  const char *path = by_rows ? options->row_labels : options->labels;
  const char *columns = by_rows ? options->row_label_columns : options->label_columns;
  DNMF_TRY(
      dnmf_describe(session->context, model, by_rows, (dnmf_describe_by)options->by, options->top, &s->description));
  DNMF_TRY(name_entries(session->context, by_rows ? &model->row_ids : &model->col_ids, s));
  return read_labels(session, path, columns, s);
}

/* Text number `at` of names; *length bytes, not terminated. */
static const char *text_of(const dnmf_ids *names, int64_t at, int *length) {
  *length = (int)(names->starts[at + 1] - names->starts[at]);
  return names->text + names->starts[at];
}

static void say_entry(cli_session *session, const side *s, int64_t at) {
  const dnmf_description_entry *entry = &s->description.entries[at];
  int id_length = 0;
  int label_length = 0;
  char count[48] = "";
  const char *id = text_of(&s->ids, at, &id_length);
  const char *label = s->labels.names.starts ? text_of(&s->labels.names, at, &label_length) : "";
  if (isfinite(entry->count))
    snprintf(count, sizeof count, "  %7.0f", entry->count);
  cli_say(session, "  %3.0f%%  %8.4g%s  %-10.*s %.*s", 100 * entry->share, entry->weight, count, id_length, id,
          label_length, label);
}

static void say_side(cli_session *session, const side *s, int component, const char *what, bool counted) {
  cli_say(session, "  share    weight%s  %s", counted ? "  entries" : "", what);
  for (int64_t t = 0; t < s->description.counts[component]; t++)
    say_entry(session, s, component * s->description.top + t);
}

static void say_all(cli_session *session, const describe_options *options, const dnmf_model *model, const side *cols,
                    const side *rows) {
  for (int c = 0; c < model->components; c++) {
    cli_say(session, "component %d: %.1f%% of the whole", c, 100 * cols->description.share[c]);
    say_side(session, cols, c, "column", model->col_counts != NULL);
    if (options->rows || options->row_labels)
      say_side(session, rows, c, "row", model->row_counts != NULL);
  }
}

static json_t *side_json(const side *s, int component) {
  json_t *list = json_array();
  for (int64_t t = 0; t < s->description.counts[component]; t++) {
    int64_t at = component * s->description.top + t;
    const dnmf_description_entry *entry = &s->description.entries[at];
    int id_length = 0;
    int label_length = 0;
    const char *id = text_of(&s->ids, at, &id_length);
    const char *label = s->labels.names.starts ? text_of(&s->labels.names, at, &label_length) : NULL;
    cli_json_append(&list, cli_json_pack("{s:s%, s:o, s:o, s:o, s:o, s:o}", "id", id, (size_t)id_length, "label",
                                         label ? cli_json_bytes(label, (size_t)label_length) : json_null(), "score",
                                         cli_json_real(entry->score), "weight", cli_json_real(entry->weight), "share",
                                         cli_json_real(entry->share), "count", cli_json_real(entry->count)));
  }
  return list;
}

static void print_json(cli_session *session, const describe_options *options, const char *path, const dnmf_model *model,
                       const side *cols, const side *rows) {
  json_t *components = json_array();
  for (int c = 0; c < model->components && session->context->rank == 0; c++)
    cli_json_append(&components, cli_json_pack("{s:i, s:o, s:o, s:o}", "component", c, "share",
                                               cli_json_real(cols->description.share[c]), "columns", side_json(cols, c),
                                               "rows", side_json(rows, c)));
  cli_print_json(session, cli_json_pack("{s:s, s:s, s:s, s:s, s:o}", "command", "describe", "version", DNMF_VERSION,
                                        "model", path, "by", by_choices[options->by], "components", components));
}

static dnmf_status run(cli_session *session, const void *given, char **arguments, int argument_count) {
  const describe_options *options = given;
  dnmf_model model;
  side cols = {0};
  side rows = {0};
  (void)argument_count;
  memset(&model, 0, sizeof model);
  dnmf_status status = cli_read_model(session, arguments[0], 0, &model);
  if (status == DNMF_OK)
    status = look(session, options, &model, false, &cols);
  if (status == DNMF_OK)
    status = look(session, options, &model, true, &rows);
  if (status == DNMF_OK && session->context->rank == 0) {
    say_all(session, options, &model, &cols, &rows);
    print_json(session, options, arguments[0], &model, &cols, &rows);
  }
  side_free(&cols);
  side_free(&rows);
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
        "share   how much of a column's w h is this component's, on average over the rows that have it\n"
        "weight  the column's number in H\n\n"
        "Columns are ordered by\n"
        "  excess  entries * (share - the component's share of the whole): the entries' worth that the column leans\n"
        "          to this component more than columns do on average; a column with few entries cannot lead. Where\n"
        "          unstored entries are zeros, the column's sum of W H takes the place of its entries\n"
        "  lift    share / the component's share of the whole, whatever the number of entries\n"
        "  weight  the number in H alone\n\n"
        "  dnmf describe model.h5 --labels movies.csv\n"
        "  dnmf describe model.h5 --labels u.item -n 5 --json",
    .min_arguments = 1,
    .max_arguments = 1,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(describe_options),
    .defaults = &defaults,
    .run = run,
};
