/*
 * What every command has while it runs: the context, the common options, and the ways to speak.
 */
#ifndef DNMF_CLI_SESSION_H
#define DNMF_CLI_SESSION_H

#include "json.h"
#include "options.h"

#include "comm/context.h"
#include "store/source.h"

typedef enum cli_progress { CLI_PROGRESS_AUTO = 0, CLI_PROGRESS_ALWAYS, CLI_PROGRESS_NEVER } cli_progress;

/* Options every command takes; the first member of each command's options struct. */
typedef struct cli_common {
  int64_t threads; /* 0: found */
  bool quiet;
  bool verbose;
  int progress; /* cli_progress */
  bool json;
  const char *log;
} cli_common;

enum { CLI_COMMON_OPTIONS = 6, CLI_INPUT_OPTIONS = 19 };
extern const cli_option cli_common_options[CLI_COMMON_OPTIONS];

/* How input is read: shared by every command that takes a matrix. */
typedef struct cli_input {
  dnmf_source_options source;
  int duplicates; /* 0: by format, else dnmf_duplicates + 1 */
} cli_input;

/* Which rows and columns take part: of commands whose matrix can be a part of a file; at the base of a
 * dnmf_select_options. */
enum { CLI_SELECT_OPTIONS = 7 };
extern const cli_option cli_select_options[CLI_SELECT_OPTIONS];

/* The group of cli_select_options for a command that keeps its cli_input at `input`. */
#define CLI_SELECT_GROUP(options, input)                                                                               \
  {                                                                                                                    \
    "selecting:", cli_select_options, CLI_SELECT_OPTIONS,                                                              \
        offsetof(options, input) + offsetof(cli_input, source.select)                                                  \
  }

extern const cli_option cli_input_options[CLI_INPUT_OPTIONS];

dnmf_source_options cli_source_options(const cli_input *input);

/* State of the progress display; process 0's only. */
typedef struct cli_display {
  FILE *people; /* notes and summaries */
  int width;    /* of their lines; 0: no terminal, any */
  FILE *log;    /* JSON lines, or NULL */
  int processes;
  bool quiet;
  bool verbose;
  bool live;  /* rewrite one line */
  bool lines; /* print lines now and then */
  bool open_line;
  bool log_failed;  /* a line of the log was not written */
  bool json_failed; /* the JSON object was not */
  double last_drawn;
  double last_printed;
  int next_printed; /* iteration */
} cli_display;

struct cli_session {
  dnmf_context *context;
  const cli_common *common;
  const cli_given *given;
  const cli_command *command;
  char **arguments; /* those that are not options */
  int argument_count;
  const char *command_line; /* as given, for provenance; not owned */
  double began;
  cli_display display;
};

/* Sets threads, reporter and log from the common options. The files of the command line have been checked against each
 * other (files.h), for this opens the log. collective */
dnmf_status cli_session_begin(cli_session *session, const cli_common *common);

/* Closes the log; a log, a JSON object or standard output that could not be written is an error. local */
dnmf_status cli_session_end(cli_session *session);

/* One line of a summary, from process 0, unless --quiet. local */
void cli_say(cli_session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same of what an engineer asks: only with --verbose. local */
void cli_detail(cli_session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* With --verbose what the command took, when it is done. collective */
dnmf_status cli_tell_cost(cli_session *session);

/* Prints `object` on standard output when --json was given; takes the reference. NULL, when memory ran out, and what
 * could not be written become an error of cli_session_end. local */
void cli_print_json(cli_session *session, json_t *object);

/* Most memory any process has used so far, bytes. collective */
dnmf_status cli_peak_memory(cli_session *session, int64_t *bytes);

/* "12.3 MB" and the like, into `text`. */
enum { CLI_SIZE_TEXT = 32 };
const char *cli_size_text(double bytes, char text[CLI_SIZE_TEXT]);

#endif
