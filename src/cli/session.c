#include "session.h"

#include "crash_guard.h"
#include "placement.h"
#include "terminal.h"

#include "comm/collective.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
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
    {"verbose", 'v', CLI_FLAG, COMMON(verbose), NULL, "also how it was done: time, memory, traffic", 0, 0, NULL},
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
     "what 10x, loom or AnnData features are called by: id (default), name (gene symbols), or "
     "another list of the file",
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

/* Takes the live line away before anything else is printed: what follows says more. */
static void end_live_line(cli_display *display) {
  if (display->open_line) {
    fputs("\r\033[K", stderr);
    fflush(stderr);
  }
  display->open_line = false;
}

static void print_note(cli_display *display, const char *text) {
  if (display->quiet)
    return;
  end_live_line(display);
  cli_print_lines(display->people, text, display->width);
  fflush(display->people);
}

static void print_warning(void *state, const char *text) {
  const int width = isatty(fileno(stderr)) ? cli_width_of(stderr, 0) : 0;
  end_live_line(state);
  fputs("warning: ", stderr);
  cli_print_wrapped(stderr, text, strlen(text),
                    &(cli_wrapping){.width = width > 0 ? width : INT_MAX, .column = 9, .indent = 2, .joint = ""});
  fputc('\n', stderr);
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

/* Seconds that a step's fit, or all fits of which it is one, may still take. */
static double seconds_left(const dnmf_step *step) {
  double average = step->iteration > 0 ? step->seconds / step->iteration : 0;
  double rounds = 1;
  if (step->fits > 1) { /* each of which begins at the first iteration */
    average = step->iteration_seconds;
    rounds = (double)(step->fits - step->fits_done) / (step->fits_running > 0 ? step->fits_running : 1);
  }
  return rounds * average * (step->max_iterations - step->iteration);
}

/* What a line of progress says, part by part, and which parts are left out first where it is too long. */
enum { STEP_PARTS = 7, STEP_PART_TEXT = 96, STEP_TEXT = STEP_PARTS * STEP_PART_TEXT };
typedef struct step_part {
  char text[STEP_PART_TEXT]; /* "": none */
  int dispensable;           /* the greatest first; 0: never */
} step_part;

static void describe_step(const dnmf_step *step, step_part parts[STEP_PARTS]) {
  char left[64];
  int used = 0;
  enum { PLACE, GROUP, OBJECTIVE, ERROR, VALIDATION, PACE, LEFT };
  memset(parts, 0, STEP_PARTS * sizeof *parts);
  if (isfinite(step->relative_error))
    snprintf(parts[ERROR].text, STEP_PART_TEXT, "rel. error %.5f", step->relative_error);
  if (step->batches > 0) {
    snprintf(parts[PLACE].text, STEP_PART_TEXT, "pass %d/%d, batch %lld/%lld", step->iteration + 1,
             step->max_iterations, (long long)step->batch, (long long)step->batches);
    return;
  }
  used = snprintf(parts[PLACE].text, STEP_PART_TEXT, "iteration %d/%d", step->iteration, step->max_iterations);
  if (step->fits > 1)
    snprintf(parts[PLACE].text + used, STEP_PART_TEXT - (size_t)used, " of %d starts, %d of %d done",
             step->fits_running, step->fits_done, step->fits);
  if (step->fits > 0 && step->groups > 1)
    snprintf(parts[GROUP].text, STEP_PART_TEXT, "in the first of %d groups", step->groups);
  snprintf(parts[OBJECTIVE].text, STEP_PART_TEXT, "%sobjective %.6g", step->fits > 1 ? "least " : "", step->objective);
  if (isfinite(step->validation_rmse))
    snprintf(parts[VALIDATION].text, STEP_PART_TEXT, "validation %.5f", step->validation_rmse);
  snprintf(parts[PACE].text, STEP_PART_TEXT, "%.3g s/iter",
           step->iteration > 0 && step->fits <= 1 ? step->seconds / step->iteration : step->iteration_seconds);
  time_text(seconds_left(step), left, sizeof left);
  snprintf(parts[LEFT].text, STEP_PART_TEXT, "%s left", left);
  parts[OBJECTIVE].dispensable = isfinite(step->relative_error) || isfinite(step->validation_rmse) ? 4 : 0;
  parts[GROUP].dispensable = 5;
  parts[PACE].dispensable = 3;
  parts[LEFT].dispensable = 2;
  parts[ERROR].dispensable = isfinite(step->validation_rmse);
}

/* A line of progress that fits `width` columns (0: any). */
static void step_text(const dnmf_step *step, int width, char text[STEP_TEXT]) {
  step_part parts[STEP_PARTS];
  describe_step(step, parts);
  for (int dispensable = STEP_PARTS; dispensable >= 0; dispensable--) {
    int used = 0;
    text[0] = 0;
    for (int p = 0; p < STEP_PARTS; p++)
      if (*parts[p].text && parts[p].dispensable <= dispensable)
        used += snprintf(text + used, STEP_TEXT - (size_t)used, "%s%s", used > 0 ? "  " : "", parts[p].text);
    if (width == 0 || used <= width)
      return;
  }
  if (width < STEP_TEXT)
    text[width] = 0;
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
  char text[STEP_TEXT];
  bool part = step->batches > 0;
  if (display->log && !part)
    log_step(display, step);
  if ((step->iteration == 0 && !part) || display->quiet)
    return;
  bool last = step->iteration == step->max_iterations && !part;
  if (display->live && (last || step->seconds - display->last_drawn >= 0.1)) {
    step_text(step, cli_width_of(stderr, CLI_USUAL_WIDTH) - 1, text); /* the last column would begin a new line */
    fprintf(stderr, "\r\033[K%s", text);
    fflush(stderr);
    display->open_line = true;
    display->last_drawn = step->seconds;
  } else if (display->lines && line_is_due(display, step)) {
    step_text(step, 0, text);
    fprintf(stderr, "%s\n", text);
  }
}

static void set_up_display(cli_session *session) {
  cli_display *display = &session->display;
  const cli_common *common = session->common;
  display->people = common->json ? stderr : stdout;
  display->width = isatty(fileno(display->people)) ? cli_width_of(display->people, 0) : 0;
  display->quiet = common->quiet;
  display->verbose = common->verbose;
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
  cli_warn_about_sharing(context);
  omp_set_num_threads(context->threads);
  dnmf_status status = DNMF_OK;
  if (common->log && context->rank == 0) {
    bool goes_on = cli_is_given(session->given, "resume");
    session->display.log = fopen(common->log, goes_on ? "a" : "w");
    if (!session->display.log)
      status = dnmf_fail(&context->error, DNMF_ERROR_FILE, "--log %s: %s", common->log, strerror(errno));
  }
  DNMF_TRY(dnmf_agree(context, status));
  if (common->verbose) {
    char places[CLI_PLACES_TEXT];
    DNMF_TRY(cli_describe_places(context, places));
    cli_detail(session, "%s", places);
  }
  return DNMF_OK;
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

static void say_arguments(cli_session *session, const char *format, va_list arguments) {
  char text[1024];
  vsnprintf(text, sizeof text, format, arguments);
  make_lines_printable(text);
  if (session->context->rank == 0)
    print_note(&session->display, text);
}

void cli_say(cli_session *session, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say_arguments(session, format, arguments);
  va_end(arguments);
}

void cli_detail(cli_session *session, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (session->display.verbose)
    say_arguments(session, format, arguments);
  va_end(arguments);
}

dnmf_status cli_tell_cost(cli_session *session) {
  const dnmf_context *context = session->context;
  int64_t memory = 0;
  char size[CLI_SIZE_TEXT];
  if (!session->common->verbose)
    return DNMF_OK;
  DNMF_TRY(cli_peak_memory(session, &memory));
  cli_detail(session, "dnmf %s took %.3g s on %d process%s of %d thread%s, with %s of memory at most in a process",
             session->command->name, MPI_Wtime() - session->began, context->size, context->size > 1 ? "es" : "",
             context->threads, context->threads > 1 ? "s" : "", cli_size_text((double)memory, size));
  return DNMF_OK;
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
