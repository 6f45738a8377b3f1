/*
 * dnmf info: what a file holds: a matrix, a model, a checkpoint or what is done of a search.
 */
#include "commands.h"
#include "load.h"
#include "tune.h"

#include "api/model.h"
#include "api/search.h"
#include "store/file.h"
#include "store/search_file.h"

#include <inttypes.h>
#include <string.h>

typedef struct info_options {
  cli_common common;
  cli_input input;
} info_options;

static const info_options defaults = {.common = {0}};

/* "integers, first 1", "strings, first u1" or "none, numbered from 0"; the first id is on process 0. */
static void ids_text(const dnmf_ids *ids, char *text, size_t size) {
  if (ids->kind == DNMF_IDS_INTEGER && dnmf_range_size(ids->range) > 0)
    snprintf(text, size, "integers, first %" PRId64, ids->numbers[0]);
  else if (ids->kind == DNMF_IDS_STRING && dnmf_range_size(ids->range) > 0)
    snprintf(text, size, "strings, first %.*s", (int)(ids->starts[1] < 100 ? ids->starts[1] : 100), ids->text);
  else
    snprintf(text, size, "none, numbered from 0");
}

/* Entries of text are merged where several are at one place. */
static dnmf_status count_merged(cli_session *session, dnmf_source *source) {
  dnmf_placed loaded;
  dnmf_status status = dnmf_place(session->context, session->context->size, 1, source->rows, source->cols, &loaded);
  source->rows_alone = true;
  if (status == DNMF_OK)
    status = dnmf_source_load(session->context, source, &loaded.layout, DNMF_DOUBLE, &loaded.matrix);
  if (status == DNMF_OK)
    source->stored = loaded.matrix.stored;
  dnmf_placed_free(&loaded);
  return status;
}

static dnmf_status describe_matrix(cli_session *session, const info_options *options, const char *name) {
  dnmf_source source;
  memset(&source, 0, sizeof source);
  dnmf_source_options how = cli_source_options(&options->input);
  how.missing_given = true;
  how.missing = DNMF_MISSING_UNOBSERVED; /* what is asked for are entries */
  how.look_only = true;
  dnmf_status status = dnmf_source_open(session->context, name, &how, &source);
  if (status == DNMF_OK && source.is_text && source.sparse)
    status = count_merged(session, &source);
  if (status == DNMF_OK) {
    char rows[160];
    char cols[160];
    double cells = (double)source.rows * (double)source.cols;
    ids_text(&source.row_ids, rows, sizeof rows);
    ids_text(&source.col_ids, cols, sizeof cols);
    cli_say(session, "%s\n  format    %s\n  shape     %" PRId64 " rows x %" PRId64 " columns", name, source.format,
            source.rows, source.cols);
    cli_say(session, "  values    %s, %" PRId64 " stored (%.4g%% of all)", source.type, source.stored,
            100 * (double)source.stored / cells);
    const int64_t missing = source.has_missing ? source.rows * source.cols - source.stored : 0;
    if (source.has_missing)
      cli_say(session, "  missing   %s: %" PRId64 " cells of a dense matrix have no value (%.4g%% of all); zeros count",
              dnmf_missing_name(source.missing), missing, 100 * (double)missing / cells);
    else
      cli_say(session, "  missing   %s", dnmf_missing_name(source.missing));
    cli_say(session, "  row ids   %s\n  col ids   %s", rows, cols);
    cli_say_note(session, "  note      ", &source);
    cli_print_json(session, cli_json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:s, s:o}", "command",
                                          "info", "version", DNMF_VERSION, "input", name, "kind", "matrix", "format",
                                          source.format, "type", source.type, "rows", (json_int_t)source.rows, "cols",
                                          (json_int_t)source.cols, "stored", (json_int_t)source.stored, "sparse",
                                          source.sparse, "missing", dnmf_missing_name(source.missing), "missing_cells",
                                          source.has_missing ? json_integer((json_int_t)missing) : json_null()));
  }
  dnmf_source_close(&source);
  return status;
}

static json_t *attribute_json(const dnmf_attribute *attribute) {
  if (attribute->kind == DNMF_ATTRIBUTE_TEXT)
    return cli_json_text(attribute->text);
  if (attribute->kind == DNMF_ATTRIBUTE_INTEGER)
    return json_integer(attribute->integer);
  return cli_json_real(attribute->real);
}

static void say_attribute(cli_session *session, const dnmf_attribute *attribute) {
  if (attribute->kind == DNMF_ATTRIBUTE_TEXT)
    cli_say(session, "  %-15s %s", attribute->name, attribute->text);
  else if (attribute->kind == DNMF_ATTRIBUTE_INTEGER)
    cli_say(session, "  %-15s %" PRId64, attribute->name, attribute->integer);
  else
    cli_say(session, "  %-15s %.9g", attribute->name, attribute->real);
}

static dnmf_status describe_model(cli_session *session, const char *name) {
  dnmf_model model;
  memset(&model, 0, sizeof model);
  dnmf_status status = dnmf_model_open(session->context, name, DNMF_IN_DOUBLE, &model);
  if (status == DNMF_OK) {
    char rows[160];
    char cols[160];
    ids_text(&model.row_ids, rows, sizeof rows);
    ids_text(&model.col_ids, cols, sizeof cols);
    const char *kind = dnmf_model_attribute(&model, "checkpoint") ? "checkpoint" : "model";
    cli_say(session, "%s: a %s, W %" PRId64 " x %d, H %d x %" PRId64 "%s", name, kind, model.rows, model.components,
            model.components, model.cols, model.bias.fitted ? ", with biases" : "");
    cli_say(session, "  %-15s %s\n  %-15s %s", "row ids", rows, "col ids", cols);
    json_t *provenance = json_object();
    for (int64_t i = 0; i < model.attribute_count; i++) {
      cli_json_set(&provenance, model.attributes[i].name, attribute_json(&model.attributes[i]));
      dnmf_make_printable(model.attributes[i].name);
      say_attribute(session, &model.attributes[i]);
    }
    cli_print_json(session,
                   cli_json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:i, s:o}", "command", "info", "version", DNMF_VERSION,
                                 "input", name, "kind", kind, "rows", (json_int_t)model.rows, "cols",
                                 (json_int_t)model.cols, "components", model.components, "provenance", provenance));
  }
  dnmf_model_free(&model);
  return status;
}

/* What is done of a search for the number of components. */
static dnmf_status describe_search(cli_session *session, const char *name) {
  dnmf_search_told told;
  dnmf_status status = dnmf_search_inspect(session->context, name, &told);
  if (status == DNMF_OK) {
    json_t *list = json_array();
    cli_say(session, "%s: what is done of a search, %" PRId64 " number%s of components, %" PRId64 " restarts of each",
            name, told.count, told.count == 1 ? "" : "s", told.restarts);
    for (const char *line = told.search; *line; line += strcspn(line, "\n"), line += *line == '\n')
      cli_say(session, "  %.*s", (int)strcspn(line, "\n"), line);
    cli_tune_say_heading(session);
    for (int64_t c = 0; c < told.count; c++) {
      cli_tune_say_figures(session, &told.candidates[c], "");
      cli_json_append(&list, cli_tune_figures_json(&told.candidates[c]));
    }
    cli_print_json(session, cli_json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "command", "info", "version", DNMF_VERSION,
                                          "input", name, "kind", "search", "search", told.search, "candidates", list));
  }
  dnmf_search_told_free(&told);
  return status;
}

static dnmf_status run_info(cli_session *session, const void *given, char **arguments, int argument_count) {
  bool model = false;
  bool search = false;
  (void)argument_count;
  DNMF_TRY(dnmf_is_model(session->context, arguments[0], &model));
  if (model)
    return describe_model(session, arguments[0]);
  DNMF_TRY(dnmf_is_search(session->context, arguments[0], &search));
  if (search)
    return describe_search(session, arguments[0]);
  return describe_matrix(session, given, arguments[0]);
}

static const cli_group groups[] = {
    {"reading input:", cli_input_options, CLI_INPUT_OPTIONS, offsetof(info_options, input)},
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(info_options, common)},
};

const cli_command cli_info = {
    .name = "info",
    .summary = "what a file holds: a matrix's shape and ids, a model's provenance, or what a search has done",
    .usage = "FILE [OPTIONS]",
    .details = "  dnmf info ratings.h5\n  dnmf info model.h5 --json\n  dnmf info part.h5\n  dnmf info "
               "cells.h5ad:/layers/counts",
    .min_arguments = 1,
    .max_arguments = 1,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(info_options),
    .defaults = &defaults,
    .run = run_info,
};
