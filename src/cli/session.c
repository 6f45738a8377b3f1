#include "session.h"

#include "crash_guard.h"

#include "comm/collective.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const char *const progress_choices[] = {"auto", "always", "never", NULL};
static const char *const format_choices[] = {"auto",     "hdf5", "triples", "table",   "mm",
                                             "svmlight", "npy",  "npz",     "docword", NULL};
static const char *const base_choices[] = {"auto", "0", "1", NULL};
static const char *const header_choices[] = {"auto", "yes", "no", NULL};
static const char *const duplicates_choices[] = {"auto", "last", "sum", "mean", "error", NULL};

#define COMMON(member) offsetof(cli_common, member)
const cli_option cli_common_options[CLI_COMMON_OPTIONS] = {
    {"threads", 0, CLI_INT, COMMON(threads), "N", "OpenMP threads a process (default: the cores it may use)", 1, 4096,
     NULL},
    {"quiet", 'q', CLI_FLAG, COMMON(quiet), NULL, "warnings and errors only", 0, 0, NULL},
    {"progress", 0, CLI_CHOICE, COMMON(progress), "WHEN", "live line: auto (on a terminal), always, never", 0, 0,
     progress_choices},
    {"json", 0, CLI_FLAG, COMMON(json), NULL, "one JSON object on standard output, the rest on standard error", 0, 0,
     NULL},
    {"log", 0, CLI_OUTPUT_FILE, COMMON(log), "FILE.jsonl", "write one JSON object a step to FILE.jsonl", 0, 0, NULL},
};

#define INPUT(member) offsetof(cli_input, source.member)
const cli_option cli_input_options[CLI_INPUT_OPTIONS] = {
    {"format", 0, CLI_CHOICE, INPUT(format), "F",
     "auto (default), hdf5, triples, table, mm (Matrix Market), svmlight, npy, npz, docword", 0, 0, format_choices},
    {"header", 0, CLI_CHOICE, INPUT(header), "WHEN", "first line holds names: auto (default), yes, no", 0, 0,
     header_choices},
    {"delimiter", 0, CLI_TEXT, INPUT(delimiter), "D", "text between fields: , tab :: blank ; | (default: found)", 0, 0,
     NULL},
    {"skip-lines", 0, CLI_INT, INPUT(skip_lines), "N", "lines to pass over before anything is read (default 0)", 0,
     9e15, NULL},
    {"quote", 0, CLI_TEXT, INPUT(quote), "Q", "character around fields that hold anything, or none (default \")", 0, 0,
     NULL},
    {"escape", 0, CLI_TEXT, INPUT(escape), "E",
     "character before a quote inside a quoted field, e.g. '\\' (default: none)", 0, 0, NULL},
    {"decimal", 0, CLI_TEXT, INPUT(decimal), "M",
     "decimal mark, . or ,; the other one groups thousands (default: ., no groups)", 0, 0, NULL},
    {"row-column", 0, CLI_TEXT, INPUT(row_column), "C",
     "name or number (from 1) of the row id's column; of a table also none", 0, 0, NULL},
    {"col-column", 0, CLI_TEXT, INPUT(col_column), "C", "name or number of the column id's column", 0, 0, NULL},
    {"value-column", 0, CLI_TEXT, INPUT(value_column), "C",
     "name or number of the value's column; none: each line counts 1", 0, 0, NULL},
    {"time-column", 0, CLI_TEXT, INPUT(time_column), "C",
     "column of times, numbers or dates: of repeated entries the latest counts", 0, 0, NULL},
    {"duplicates", 0, CLI_CHOICE, offsetof(cli_input, duplicates), "P",
     "entries at one place: auto (last for triples, else sum), last, sum, mean, error", 0, 0, duplicates_choices},
    {"index-base", 0, CLI_CHOICE, INPUT(index_base), "B",
     "svmlight: number of the first column, 0, 1 or auto (default: 0 where it occurs, else 1)", 0, 0, base_choices},
    {"transpose", 0, CLI_FLAG, INPUT(transpose), NULL, "the input's columns are the rows (default: no)", 0, 0, NULL},
    {"row-names", 0, CLI_INPUT_FILE, INPUT(row_names), "FILE",
     "names of the rows, one a line (default: the input's own)", 0, 0, NULL},
    {"col-names", 0, CLI_INPUT_FILE, INPUT(col_names), "FILE", "names of the columns, one a line", 0, 0, NULL},
    {"feature-names", 0, CLI_TEXT, INPUT(feature_names), "LIST",
     "what 10x, loom or AnnData features are called by: id (default), name (gene symbols), or\n"
     "                               another list of the file",
     0, 0, NULL},
    {"missing-value", 0, CLI_TEXT, INPUT(missing_value), "X",
     "what stands for a missing value, e.g. 99 (default: none)", 0, 0, NULL},
    {"add", 0, CLI_REAL, INPUT(add), "X", "number added to every value, before it is checked (default 0)", -INFINITY,
     INFINITY, NULL},
};

#define SELECT(member) offsetof(dnmf_select_options, member)
const cli_option cli_select_options[CLI_SELECT_OPTIONS] = {
    {"rows", 0, CLI_TEXT, SELECT(rows), "A:B", "rows A up to and without B, counted from 0; either may be left out", 0,
     0, NULL},
    {"cols", 0, CLI_TEXT, SELECT(cols), "A:B", "columns A up to and without B", 0, 0, NULL},
    {"row-ids", 0, CLI_INPUT_FILE, SELECT(row_ids), "FILE", "rows with the ids of FILE, one a line", 0, 0, NULL},
    {"col-ids", 0, CLI_INPUT_FILE, SELECT(col_ids), "FILE", "columns with the ids of FILE, one a line", 0, 0, NULL},
    {"min-row-count", 0, CLI_INT, SELECT(min_row_count), "N",
     "drop rows with fewer than N entries; with --min-col-count until all left have enough", 0, 9e18, NULL},
    {"min-col-count", 0, CLI_INT, SELECT(min_col_count), "N", "drop columns with fewer than N entries", 0, 9e18, NULL},
    {"feature-type", 0, CLI_TEXT, SELECT(feature_type), "TYPE",
     "10x features of one type, e.g. \"Gene Expression\" (default: all)", 0, 0, NULL},
};

dnmf_source_options cli_source_options(const cli_input *input) {
  dnmf_source_options options = input->source;
  options.duplicates_given = input->duplicates > 0;
  if (options.duplicates_given)
    options.duplicates = (dnmf_duplicates)(input->duplicates - 1);
  return options;
}

/* Ends a half-drawn live line before anything else is printed. */
static void end_live_line(cli_display *display) {
  if (display->open_line)
    fputc('\n', stderr);
  display->open_line = false;
}

static void print_note(cli_display *display, const char *text) {
  if (display->quiet)
    return;
  end_live_line(display);
  fprintf(display->people, "%s\n", text);
  fflush(display->people);
}

static void print_warning(void *state, const char *text) {
  end_live_line(state);
  fprintf(stderr, "warning: %s\n", text);
}

/* The time of day, UTC, ISO 8601 with milliseconds. */
enum { TIMESTAMP_TEXT = 32 };
static void timestamp(char text[TIMESTAMP_TEXT]) {
  struct timespec now;
  struct tm utc;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  size_t length = strftime(text, TIMESTAMP_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(text + length, TIMESTAMP_TEXT - length, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

static void log_step(cli_display *display, const dnmf_step *step) {
  char now[TIMESTAMP_TEXT];
  timestamp(now);
  json_t *line = cli_json_pack(
      "{s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:f, s:f}", "time", now, "processes", display->processes, "iteration",
      step->iteration, "objective", cli_json_real(step->objective), "relative_error",
      cli_json_real(step->relative_error), "violation", cli_json_real(step->violation), "validation_rmse",
      cli_json_real(step->validation_rmse), "seconds", step->seconds, "iteration_seconds", step->iteration_seconds);
  if (!line || json_dumpf(line, display->log, JSON_COMPACT | JSON_REAL_PRECISION(15)) != 0)
    display->log_failed = true;
  fputc('\n', display->log);
  fflush(display->log);
  json_decref(line);
}

/* "1 h 02 min", "3 min 20 s", "12 s". */
static void time_text(double seconds, char *text, size_t size) {
  int64_t whole = (int64_t)(seconds + 0.5);
  if (whole >= 3600)
    snprintf(text, size, "%" PRId64 " h %02" PRId64 " min", whole / 3600, whole / 60 % 60);
  else if (whole >= 60)
    snprintf(text, size, "%" PRId64 " min %02" PRId64 " s", whole / 60, whole % 60);
  else
    snprintf(text, size, "%" PRId64 " s", whole);
}

static void step_text(const dnmf_step *step, char *text, size_t size) {
  char left[64] = "";
  char validation[64] = "";
  char error[64] = "";
  char starts[64] = "";
  const bool several = step->fits > 1;
  double average = step->iteration > 0 ? step->seconds / step->iteration : 0;
  double rounds = 1;
  if (several) { /* each of which begins at the first iteration */
    average = step->iteration_seconds;
    rounds = (double)(step->fits - step->fits_done) / (step->fits_running > 0 ? step->fits_running : 1);
  }
  time_text(rounds * average * (step->max_iterations - step->iteration), left, sizeof left);
  if (isfinite(step->validation_rmse))
    snprintf(validation, sizeof validation, "  validation %.5f", step->validation_rmse);
  if (isfinite(step->relative_error))
    snprintf(error, sizeof error, "  rel. error %.5f", step->relative_error);
  if (step->batches > 0) {
    snprintf(text, size, "pass %d/%d, batch %lld/%lld%s", step->iteration + 1, step->max_iterations,
             (long long)step->batch, (long long)step->batches, error);
    return;
  }
  if (several)
    snprintf(starts, sizeof starts, " of %d starts, %d of %d done", step->fits_running, step->fits_done, step->fits);
  snprintf(text, size, "iteration %d/%d%s  %sobjective %.6g%s%s  %.3g s/iter  %s left", step->iteration,
           step->max_iterations, starts, several ? "least " : "", step->objective, error, validation, average, left);
}

/* Iterations 1, 2, 5, 10, 20, 50, ... and any after half a minute of silence. */
static bool line_is_due(cli_display *display, const dnmf_step *step) {
  bool last = step->iteration == step->max_iterations;
  if (step->iteration < display->next_printed && step->seconds - display->last_printed < 30 && !last)
    return false;
  while (display->next_printed <= step->iteration) {
    int lead = display->next_printed;
    while (lead >= 10)
      lead /= 10;
    display->next_printed = lead == 2 ? display->next_printed / 2 * 5 : display->next_printed * 2;
  }
  display->last_printed = step->seconds;
  return true;
}

static void show_step(void *state, const dnmf_step *step) {
  cli_display *display = state;
  char text[256];
  bool part = step->batches > 0;
  if (display->log && !part)
    log_step(display, step);
  if ((step->iteration == 0 && !part) || display->quiet)
    return;
  step_text(step, text, sizeof text);
  bool last = step->iteration == step->max_iterations && !part;
  if (display->live && (last || step->seconds - display->last_drawn >= 0.1)) {
    fprintf(stderr, "\r\033[K%s", text);
    fflush(stderr);
    display->open_line = true;
    display->last_drawn = step->seconds;
  } else if (display->lines && line_is_due(display, step)) {
    fprintf(stderr, "%s\n", text);
  }
}

static void set_up_display(cli_session *session) {
  cli_display *display = &session->display;
  const cli_common *common = session->common;
  display->people = common->json ? stderr : stdout;
  display->quiet = common->quiet;
  display->processes = session->context->size;
  display->live = common->progress == CLI_PROGRESS_ALWAYS || (common->progress == CLI_PROGRESS_AUTO && isatty(2));
  display->lines = common->progress == CLI_PROGRESS_AUTO && !display->live;
  display->next_printed = 1;
  session->context->reporter = (dnmf_reporter){.state = display, .warn = print_warning, .step = show_step};
  if (cli_crash_guard_is_on()) {
    session->context->reporter.reading = cli_crash_guard_begin;
    session->context->reporter.has_read = cli_crash_guard_end;
  }
}

/* The commonest way to lose most of a Slurm job's cores. */
static void warn_about_binding(dnmf_context *context) {
  int granted = context->threads + context->cores_withheld;
  dnmf_warn(context,
            "Slurm granted %d cores a process, but the launcher left it %d: start it with srun --cpus-per-task=%d "
            "(sbatch's own --cpus-per-task does not reach srun) or mpirun --map-by slot:PE=%d",
            granted, context->threads, granted, granted);
}

dnmf_status cli_session_begin(cli_session *session, const cli_common *common) {
  dnmf_context *context = session->context;
  session->common = common;
  set_up_display(session);
  if (common->threads > 0)
    context->threads = (int)common->threads;
  else if (context->cores_withheld > 0)
    warn_about_binding(context);
  if (context->threads > context->cores)
    dnmf_warn(context,
              "%d threads a process, which has %d core%s to itself: threads that share a core wait for each other",
              context->threads, context->cores, context->cores > 1 ? "s" : "");
  omp_set_num_threads(context->threads);
  dnmf_status status = DNMF_OK;
  if (common->log && context->rank == 0) {
    bool goes_on = cli_is_given(session->given, "resume");
    session->display.log = fopen(common->log, goes_on ? "a" : "w");
    if (!session->display.log)
      status = dnmf_fail(&context->error, DNMF_ERROR_FILE, "--log %s: %s", common->log, strerror(errno));
  }
  return dnmf_agree(context, status);
}

/* Whether everything written to `stream` really left. */
static bool flushed(FILE *stream) {
  return fflush(stream) == 0 && !ferror(stream);
}

dnmf_status cli_session_end(cli_session *session) {
  dnmf_error *error = &session->context->error;
  dnmf_status status = DNMF_OK;
  end_live_line(&session->display);
  if (!flushed(stdout))
    status = dnmf_fail(error, DNMF_ERROR_FILE, "standard output could not be written: %s", strerror(errno));
  if (session->display.json_failed)
    status = dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for the JSON object");
  FILE *log = session->display.log;
  session->display.log = NULL;
  if (log) {
    bool written = flushed(log) && !session->display.log_failed;
    if (fclose(log) != 0 || !written)
      status = dnmf_fail(error, DNMF_ERROR_FILE, "--log %s could not be written", session->common->log);
  }
  return status;
}

/* Keeps the ends of lines. */
static void make_lines_printable(char *text) {
  for (char *line = text; line;) {
    char *end = strchr(line, '\n');
    if (end)
      *end = 0;
    dnmf_make_printable(line);
    if (end)
      *end = '\n';
    line = end ? end + 1 : NULL;
  }
}

void cli_say(cli_session *session, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  make_lines_printable(text);
  if (session->context->rank == 0)
    print_note(&session->display, text);
}

void cli_print_json(cli_session *session, json_t *object) {
  if (session->common->json && session->context->rank == 0) {
    if (!object || json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) != 0)
      session->display.json_failed = true;
    fputc('\n', stdout);
  }
  json_decref(object);
}

/* The kernel's high-water mark of this program's memory. getrusage would count the launcher's before it became us. */
static int64_t high_water_mark(void) {
  char line[256];
  long long kilobytes = 0;
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status))
    if (sscanf(line, "VmHWM: %lld", &kilobytes) == 1)
      break;
  if (status)
    fclose(status);
  return kilobytes * 1024;
}

dnmf_status cli_peak_memory(cli_session *session, int64_t *bytes) {
  struct rusage usage;
  *bytes = high_water_mark();
  if (*bytes == 0 && getrusage(RUSAGE_SELF, &usage) == 0)
    *bytes = (int64_t)usage.ru_maxrss * 1024;
  return dnmf_max_int64(session->context, session->context->comm, bytes, 1);
}

const char *cli_size_text(double bytes, char text[CLI_SIZE_TEXT]) {
  static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  int unit = 0;
  while (bytes >= 1000 && unit < 5) {
    bytes /= 1000;
    unit++;
  }
  snprintf(text, CLI_SIZE_TEXT, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}
