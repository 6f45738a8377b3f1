/*
 * dnmf report: a page with pictures of a model or of a search for the number of components.
 */
#include "commands.h"
#include "files.h"
#include "load.h"
#include "search_input.h"
#include "version.h"

#include "api/model.h"
#include "api/report.h"
#include "comm/collective.h"

#include <string.h>

typedef struct report_options {
  cli_common common;
  cli_input input;
  const char *output;
  const char *title;
  int64_t top;
  const char *labels;
  const char *label_columns;
  const char *test;
} report_options;

static const report_options defaults = {.top = 10};

#define REPORT(member) offsetof(report_options, member)
static const cli_option options_table[] = {
    {"output", 'o', CLI_OUTPUT_FILE, REPORT(output), "PAGE.html", "write the page here; required", 0, 0, NULL},
    {"title", 0, CLI_TEXT, REPORT(title), "TEXT", "heading of the page (default: made of the file's name)", 0, 0, NULL},
    {"top", 'n', CLI_INT, REPORT(top), "N", "columns a component (default 10)", 1, 1000, NULL},
    {"labels", 0, CLI_INPUT_FILE, REPORT(labels), "FILE", "names of columns: a text file of ids and labels", 0, 0,
     NULL},
    {"label-columns", 0, CLI_TEXT, REPORT(label_columns), "ID,LABEL",
     "names or numbers of the columns of --labels (default 1,2)", 0, 0, NULL},
    {"test", 0, CLI_INPUT_FILE, REPORT(test), "FILE",
     "compare predictions with these entries: for models of ratings, best with held-out ones", 0, 0, NULL},
};

static dnmf_status report_model(cli_session *session, const report_options *options, const char *path,
                                dnmf_page *page) {
  dnmf_report_job job = {
      .title = options->title, .top = options->top, .labels = options->labels, .label_columns = options->label_columns};
  dnmf_model model = {.rows = 0};
  dnmf_data *test = NULL;
  dnmf_status status = dnmf_model_open(session->context, path, DNMF_IN_DOUBLE, &model);
  if (status == DNMF_OK && options->test)
    status = cli_data(session, options->test, &options->input, &test);
  job.test = test;
  if (status == DNMF_OK)
    status = dnmf_report_model(session->context, &model, &job, page);
  dnmf_data_destroy(&test);
  dnmf_model_free(&model);
  return status;
}

/* Options that only models have a use for. */
static dnmf_status refuse_model_options(dnmf_error *error, const cli_given *given, const char *path) {
  static const char *const of_models[] = {"top", "labels", "label-columns", "test", NULL};
  for (const char *const *name = of_models; *name; name++)
    if (cli_is_given(given, *name))
      return dnmf_fail(error, DNMF_ERROR_USAGE, "--%s is for the page of a model; %s tells of a search", *name, path);
  return DNMF_OK;
}

/* Process 0 reads the file and makes the page. */
static dnmf_status report_search(cli_session *session, const report_options *options, const char *path,
                                 dnmf_page *page) {
  dnmf_context *context = session->context;
  cli_search_input input = {.root = NULL};
  DNMF_TRY(refuse_model_options(&context->error, session->given, path));
  dnmf_status status = DNMF_OK;
  if (context->rank == 0) {
    status = cli_search_input_read(&context->error, path, &input);
    if (status == DNMF_OK)
      status = dnmf_report_search_page(&context->error, &input.search, options->title, page);
    cli_search_input_free(&input);
  }
  return dnmf_agree(context, status);
}

/* The same on every process. collective */
static dnmf_status find_kind(dnmf_context *context, const char *path, bool *json) {
  int64_t found = context->rank == 0 && cli_is_json_file(path);
  DNMF_TRY(dnmf_broadcast(context, &found, sizeof found, 0));
  *json = found;
  return DNMF_OK;
}

static dnmf_status run_report(cli_session *session, const void *given, char **arguments, int argument_count) {
  const report_options *options = given;
  dnmf_error *error = &session->context->error;
  dnmf_page page = {.text = NULL};
  (void)argument_count;
  if (!options->output)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "say where to write the page: -o PAGE.html");
  if (!cli_ends_with(options->output, ".html") && !cli_ends_with(options->output, ".htm"))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "-o %s: a page is HTML; give a name that ends in .html", options->output);
  if (options->label_columns && !options->labels)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--label-columns is for --labels, which is not given");
  bool json = false;
  DNMF_TRY(find_kind(session->context, arguments[0], &json));
  dnmf_status status = (json ? report_search : report_model)(session, options, arguments[0], &page);
  if (status == DNMF_OK)
    status = dnmf_report_write(session->context, options->output, &page);
  if (status == DNMF_OK) {
    cli_say(session, "%s written", options->output);
    if (session->context->rank == 0)
      cli_print_json(session,
                     cli_json_pack("{s:s, s:s, s:s, s:s, s:I}", "command", "report", "version", DNMF_VERSION, "input",
                                   arguments[0], "output", options->output, "bytes", (json_int_t)page.size));
  }
  dnmf_page_free(&page);
  return status;
}

static const cli_group groups[] = {
    {"page:", options_table, sizeof options_table / sizeof *options_table, 0},
    {"reading --test:", cli_input_options, CLI_INPUT_OPTIONS, offsetof(report_options, input)},
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(report_options, common)},
};

const cli_command cli_report = {
    .name = "report",
    .summary = "one page with pictures: the fit, its components, the choice of k",
    .usage = "MODEL|TUNE.json -o PAGE.html [OPTIONS]",
    .details =
        "The page stands alone: pictures are drawn in it, nothing is fetched from elsewhere; any browser shows and\n"
        "prints it. Every figure is in the file, or computed of it as describe and evaluate do.\n\n"
        "Of a model: what it is and how its fit went; objective and error by iteration and time; the share of each\n"
        "component and its strongest columns, as describe orders them; W and H as heat maps (at most 200 rows "
        "each).\n\n"
        "Of a model of ratings also the number of entries of rows and columns and their biases, and with --test how\n"
        "predictions compare with these entries: the mean value observed against the mean prediction, and the "
        "errors.\n\n"
        "Of what tune --json printed: errors and stability by number of components, the suggestion, all candidates.\n\n"
        "  dnmf report model.h5 -o model.html --labels movies.csv\n"
        "  dnmf report model.h5 -o model.html --test held-out.csv\n"
        "  dnmf tune train.csv -k 4,8,16 --json > tune.json && dnmf report tune.json -o tune.html",
    .min_arguments = 1,
    .max_arguments = 1,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(report_options),
    .defaults = &defaults,
    .run = run_report,
};
