/* The option tables of all commands: what names a file is known as one. */
#include "cli/commands.h"
#include "mpi_test.h"

#include <string.h>

/* Texts that name no file, by command, "" for any. A text option that is in no line of this list is either the name of
 * a file, and then of a kind CLI_INPUT_FILE, CLI_OUTPUT_FILE or CLI_OUTPUT_HDF5, or missing here. */
static const char *const texts[][2] = {
    {"", "delimiter"},
    {"", "row-column"},
    {"", "col-column"},
    {"", "value-column"},
    {"split", "rows"},
    {"split", "cols"},
    {"import", "rows"},
    {"import", "cols"},
    {"fit", "rows"},
    {"fit", "cols"},
    {"export", "rows"},
    {"export", "cols"},
    {"tune", "rows"},
    {"tune", "cols"},
    {"transform", "rows"},
    {"transform", "cols"},
    {"evaluate", "rows"},
    {"evaluate", "cols"},
    {"reconstruct", "rows"},
    {"reconstruct", "cols"},
    {"", "loss"},
    {"", "quote"},
    {"", "escape"},
    {"", "decimal"},
    {"", "missing-value"},
    {"", "time-column"},
    {"", "feature-type"},
    {"", "feature-names"},
    {"tune", "metric"},
    {"tune", "perturb"},
    {"", "grid"},
    {"fit", "checkpoint-every"},
    {"generate", "scale"},
    {"tune", "components"},
    {"tune", "l2"},
    {"tune", "bias"},
    {"tune", "penalty-scale"},
    {"tune", "implicit-terms"},
    {"tune", "l2-terms"},
    {"tune", "missing-weight"},
    {"tune", "alpha"},
    {"fit", "penalty-scale"},
    {"predict", "row"},
    {"predict", "col"},
    {"recommend", "similar-to"},
    {"evaluate", "at"},
    {"export", "key"},
    {"plan", "processes"},
    {"", "label-columns"},
    {"describe", "row-label-columns"},
    {"report", "title"},
};

static bool is_listed(const char *command, const char *option) {
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if ((!*texts[i][0] || strcmp(texts[i][0], command) == 0) && strcmp(texts[i][1], option) == 0)
      return true;
  return false;
}

static void every_text_is_a_file_or_listed(void **state) {
  (void)state;
  for (const cli_command *const *command = cli_commands; *command; command++) {
    const cli_option *option;
    size_t base = 0;
    for (size_t i = 0; (option = cli_option_at(*command, i, &base)); i++)
      if (option->kind == CLI_TEXT && !is_listed((*command)->name, option->name))
        fail_msg("dnmf %s --%s: a text; if it names a file give it the kind CLI_INPUT_FILE, CLI_OUTPUT_FILE or "
                 "CLI_OUTPUT_HDF5, else list it in this test",
                 (*command)->name, option->name);
  }
}

/* The argument's name in the help says that it is a file. */
static bool sounds_like_a_file(const cli_option *option) {
  static const char *const signs[] = {"FILE", "OUT", ".h5", ".csv", ".json", "INPUT", "PATH"};
  for (size_t i = 0; option->argument && i < sizeof signs / sizeof *signs; i++)
    if (strstr(option->argument, signs[i]))
      return true;
  return false;
}

static void what_sounds_like_a_file_is_one(void **state) {
  (void)state;
  for (const cli_command *const *command = cli_commands; *command; command++) {
    const cli_option *option;
    size_t base = 0;
    for (size_t i = 0; (option = cli_option_at(*command, i, &base)); i++)
      if (sounds_like_a_file(option) && (option->kind == CLI_TEXT || !cli_is_text(option->kind)))
        fail_msg("dnmf %s --%s %s is not of the kind of a file", (*command)->name, option->name, option->argument);
  }
}

static void every_output_is_known_as_one(void **state) {
  static const char *const outputs[] = {"output", "log", "checkpoint", "save", "into"};
  (void)state;
  for (const cli_command *const *command = cli_commands; *command; command++) {
    const cli_option *option;
    size_t base = 0;
    for (size_t i = 0; (option = cli_option_at(*command, i, &base)); i++)
      for (size_t o = 0; o < sizeof outputs / sizeof *outputs; o++)
        if (strcmp(option->name, outputs[o]) == 0 && option->kind != CLI_OUTPUT_FILE && option->kind != CLI_OUTPUT_HDF5)
          fail_msg("dnmf %s --%s is not known as an output", (*command)->name, option->name);
  }
}

static void more_options_than_there_is_room_for_are_refused(void **state) {
  static const cli_option table[CLI_MOST_OPTIONS + 1];
  static const cli_group groups[] = {{"all:", table, CLI_MOST_OPTIONS, 0}, {"one more:", table, 1, 0}};
  const int defaults = 0;
  const cli_command full = {
      .name = "full", .groups = groups, .group_count = 2, .options_size = sizeof defaults, .defaults = &defaults};
  char name[] = "full";
  char *words[] = {name, NULL};
  int options = 0;
  int first = 0;
  bool help = false;
  cli_given given;
  dnmf_error error = {0};
  (void)state;
  assert_int_equal(cli_parse(&error, &full, 1, words, &options, &given, &first, &help), DNMF_ERROR_USAGE);
  assert_non_null(strstr(error.text, "more than the"));
}

static void every_command_has_room_for_its_options(void **state) {
  (void)state;
  for (const cli_command *const *command = cli_commands; *command; command++) {
    size_t base = 0;
    if (cli_option_at(*command, CLI_MOST_OPTIONS, &base))
      fail_msg("dnmf %s has more than %d options", (*command)->name, CLI_MOST_OPTIONS);
  }
}

/* Help is broken into lines where it is printed (help.h). */
static void no_help_of_an_option_breaks_lines_itself(void **state) {
  (void)state;
  for (const cli_command *const *command = cli_commands; *command; command++) {
    const cli_option *option;
    size_t base = 0;
    for (size_t i = 0; (option = cli_option_at(*command, i, &base)); i++)
      if (strchr(option->help, '\n') || strstr(option->help, "  "))
        fail_msg("dnmf %s --%s: the help has an end of line or several blanks", (*command)->name, option->name);
    assert_null(strchr((*command)->summary, '\n'));
  }
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(every_text_is_a_file_or_listed),         mpi_test(what_sounds_like_a_file_is_one),
      mpi_test(every_output_is_known_as_one),           mpi_test(more_options_than_there_is_room_for_are_refused),
      mpi_test(every_command_has_room_for_its_options), mpi_test(no_help_of_an_option_breaks_lines_itself),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
