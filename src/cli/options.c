#include "options.h"

#include "base/memory.h"
#include "base/seconds.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_ONLY = 256, MAX_WORD = 63 };

/* Every option of a command, in the order of its groups. */
typedef struct option_list {
  const cli_option *options[CLI_MOST_OPTIONS];
  size_t bases[CLI_MOST_OPTIONS];
  int count;
} option_list;

static dnmf_status list_options(dnmf_error *error, const cli_command *command, option_list *list) {
  const cli_option *option = NULL;
  size_t base = 0;
  for (list->count = 0; (option = cli_option_at(command, (size_t)list->count, &base)); list->count++) {
    if (list->count == CLI_MOST_OPTIONS)
      return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf %s: more than the %d options that a command can have",
                       command->name, CLI_MOST_OPTIONS);
    list->options[list->count] = option;
    list->bases[list->count] = base;
  }
  return DNMF_OK;
}

/* The option of that name; NULL: the command has none. */
static const cli_option *find_option(const cli_command *command, const char *name, size_t *base) {
  const cli_option *option = NULL;
  for (size_t i = 0; (option = cli_option_at(command, i, base)); i++)
    if (strcmp(option->name, name) == 0)
      return option;
  return NULL;
}

const cli_option *cli_option_at(const cli_command *command, size_t index, size_t *base) {
  for (size_t g = 0; g < command->group_count; g++) {
    const cli_group *group = &command->groups[g];
    if (index < group->count) {
      *base = group->base;
      return &group->options[index];
    }
    index -= group->count;
  }
  for (size_t n = 0; command->borrowed && command->borrowed->names[n]; n++)
    if (n == index)
      return find_option(command->borrowed->from, command->borrowed->names[n], base);
  return NULL;
}

const char *cli_title_at(const cli_command *command, size_t index) {
  for (size_t g = 0; g < command->group_count; g++) {
    if (index < command->groups[g].count)
      return command->groups[g].title;
    index -= command->groups[g].count;
  }
  return command->borrowed ? command->borrowed->title : NULL;
}

bool cli_is_text(cli_kind kind) {
  return kind == CLI_TEXT || kind == CLI_WORD || kind == CLI_INPUT_FILE || kind == CLI_OUTPUT_FILE ||
         kind == CLI_OUTPUT_HDF5;
}

/* Levenshtein distance of two short words. */
static int distance(const char *a, const char *b) {
  int row[MAX_WORD + 1];
  size_t length = strlen(b);
  if (length > MAX_WORD)
    return MAX_WORD;
  for (size_t j = 0; j <= length; j++)
    row[j] = (int)j;
  for (size_t i = 0; a[i]; i++) {
    int diagonal = row[0];
    row[0] = (int)i + 1;
    for (size_t j = 0; j < length; j++) {
      int replaced = diagonal + (a[i] != b[j]);
      int shorter = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
      diagonal = row[j + 1];
      row[j + 1] = replaced < shorter ? replaced : shorter;
    }
  }
  return row[length];
}

const char *cli_nearest(const char *word, const char *const *names) {
  const char *nearest = NULL;
  int best = (int)strlen(word) / 2 + 1;
  best = best > 3 ? 3 : best;
  for (; *names; names++) {
    int d = distance(word, *names);
    if (d < best || (d == best && !nearest)) {
      nearest = *names;
      best = d;
    }
  }
  return nearest;
}

static dnmf_status unknown_option(dnmf_error *error, const cli_command *command, const option_list *list,
                                  const char *given) {
  const char *names[CLI_MOST_OPTIONS + 2];
  char word[MAX_WORD + 1] = "";
  const char *bare = given + strspn(given, "-");
  size_t length = strcspn(bare, "=");
  memcpy(word, bare, length < MAX_WORD ? length : MAX_WORD);
  for (int i = 0; i < list->count; i++)
    names[i] = list->options[i]->name;
  names[list->count] = "help";
  names[list->count + 1] = NULL;
  const char *nearest = cli_nearest(word, names);
  return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf %s: unknown option %s%s%s%s; see dnmf help %s", command->name, given,
                   nearest ? ", did you mean --" : "", nearest ? nearest : "", nearest ? "?" : "", command->name);
}

static dnmf_status bad_value(dnmf_error *error, const cli_option *option, const char *text, const char *wanted) {
  const char *dashes = option->name[0] == '-' ? "" : "--";
  return dnmf_fail(error, DNMF_ERROR_USAGE, "%s%s %s: %s", dashes, option->name, text, wanted);
}

/* What scikit-learn calls things, and what they are called here. */
static const char *const synonyms[][3] = {{"solver", "cd", "hals"},
                                          {"loss", "kl", "kullback-leibler"},
                                          {"loss", "KL", "kullback-leibler"},
                                          {"loss", "is", "itakura-saito"},
                                          {"loss", "IS", "itakura-saito"}};

static const char *understood(const cli_option *option, const char *text) {
  for (size_t i = 0; text && i < sizeof synonyms / sizeof *synonyms; i++)
    if (strcmp(option->name, synonyms[i][0]) == 0 && strcmp(text, synonyms[i][1]) == 0)
      return synonyms[i][2];
  return text;
}

static dnmf_status parse_int(dnmf_error *error, const cli_option *option, const char *text, int64_t *value) {
  char wanted[128];
  char *end = NULL;
  errno = 0;
  long long parsed = strtoll(text, &end, 10);
  if (end == text || *end)
    return bad_value(error, option, text, "give a whole number");
  if (errno == ERANGE || (double)parsed < option->low || (double)parsed > option->high) {
    snprintf(wanted, sizeof wanted, "give a whole number from %.0f to %.0f", option->low, option->high);
    return bad_value(error, option, text, wanted);
  }
  *value = parsed;
  return DNMF_OK;
}

static dnmf_status parse_real(dnmf_error *error, const cli_option *option, const char *text, double *value) {
  char wanted[128];
  char *end = NULL;
  double parsed = strtod(text, &end);
  if (end == text || *end || !isfinite(parsed))
    return bad_value(error, option, text, "give a number");
  if (parsed < option->low || parsed > option->high) {
    if (isinf(option->high))
      snprintf(wanted, sizeof wanted, "give a number of at least %g", option->low);
    else
      snprintf(wanted, sizeof wanted, "give a number from %g to %g", option->low, option->high);
    return bad_value(error, option, text, wanted);
  }
  *value = parsed;
  return DNMF_OK;
}

/* Factor of a unit of bytes, decimal or binary; 0 for no unit that there is. */
static double unit_bytes(const char *unit) {
  static const char prefixes[] = "kMGT";
  const char *prefix = *unit ? strchr(prefixes, *unit == 'K' ? 'k' : *unit) : NULL;
  if (strcmp(unit, "") == 0 || strcmp(unit, "B") == 0)
    return 1;
  if (!prefix)
    return 0;
  int power = (int)(prefix - prefixes) + 1;
  if (strcmp(unit + 1, "iB") == 0)
    return pow(1024, power);
  return strcmp(unit + 1, "B") == 0 ? pow(1000, power) : 0;
}

static dnmf_status parse_size(dnmf_error *error, const cli_option *option, const char *text, int64_t *value) {
  char *end = NULL;
  double number = strtod(text, &end);
  double bytes = number * unit_bytes(end);
  if (end == text || !isfinite(bytes) || unit_bytes(end) == 0)
    return bad_value(error, option, text, "give a size in bytes, with or without a unit, e.g. 512MB or 4GiB");
  if (bytes < option->low || bytes > option->high)
    return bad_value(error, option, text, "give at least a byte and no more than there is");
  *value = (int64_t)bytes;
  return DNMF_OK;
}

static dnmf_status parse_time(dnmf_error *error, const cli_option *option, const char *text, double *value) {
  bool has_unit = false;
  double seconds = 0;
  if (!dnmf_parse_seconds(text, &seconds, &has_unit) || seconds < option->low || seconds > option->high)
    return bad_value(error, option, text, "give a time, e.g. 90 or 90s, 10min, 2h or 00:10:00");
  *value = seconds;
  return DNMF_OK;
}

static dnmf_status parse_choice(dnmf_error *error, const cli_option *option, const char *text, int *value) {
  char wanted[256] = "give one of";
  for (int i = 0; option->choices[i]; i++) {
    if (strcmp(text, option->choices[i]) == 0) {
      *value = i;
      return DNMF_OK;
    }
    size_t used = strlen(wanted);
    snprintf(wanted + used, sizeof wanted - used, "%s %s", i ? "," : "", option->choices[i]);
  }
  return bad_value(error, option, text, wanted);
}

static dnmf_status parse_word(dnmf_error *error, const cli_option *option, const char *text, const char **value) {
  int choice = 0;
  DNMF_TRY(parse_choice(error, option, text, &choice));
  *value = option->choices[choice];
  return DNMF_OK;
}

dnmf_status cli_option_set(dnmf_error *error, const cli_option *option, const char *typed, void *value) {
  const char *text = understood(option, typed);
  switch (option->kind) {
  case CLI_FLAG:
    *(bool *)value = true;
    return DNMF_OK;
  case CLI_INT:
    return parse_int(error, option, text, value);
  case CLI_REAL:
    return parse_real(error, option, text, value);
  case CLI_TIME:
    return parse_time(error, option, text, value);
  case CLI_SIZE:
    return parse_size(error, option, text, value);
  case CLI_TEXT:
  case CLI_INPUT_FILE:
  case CLI_OUTPUT_FILE:
  case CLI_OUTPUT_HDF5:
    *(const char **)value = text;
    return DNMF_OK;
  case CLI_CHOICE:
    return parse_choice(error, option, text, value);
  case CLI_WORD:
    return parse_word(error, option, text, value);
  }
  return DNMF_OK;
}

/* getopt's view of the list: long options return LONG_ONLY + index, letters themselves. */
static void describe_to_getopt(const option_list *list, struct option *longs, char *letters) {
  *letters++ = ':';
  for (int i = 0; i < list->count; i++) {
    const cli_option *option = list->options[i];
    int has_argument = option->kind == CLI_FLAG ? no_argument : required_argument;
    longs[i] = (struct option){option->name, has_argument, NULL, LONG_ONLY + i};
    if (!option->letter)
      continue;
    *letters++ = option->letter;
    if (has_argument == required_argument)
      *letters++ = ':';
  }
  longs[list->count] = (struct option){"help", no_argument, NULL, 'h'};
  longs[list->count + 1] = (struct option){0};
  *letters++ = 'h';
  *letters = 0;
}

static int index_of(const option_list *list, int code) {
  if (code >= LONG_ONLY)
    return code - LONG_ONLY;
  for (int i = 0; i < list->count; i++)
    if (list->options[i]->letter == code)
      return i;
  return -1;
}

bool cli_is_given(const cli_given *given, const char *name) {
  for (int i = 0; i < CLI_MOST_OPTIONS; i++)
    if (given->names[i] && strcmp(given->names[i], name) == 0)
      return true;
  return false;
}

bool cli_is_given_by_letter(const cli_given *given, const char *name) {
  for (int i = 0; i < CLI_MOST_OPTIONS; i++)
    if (given->names[i] && strcmp(given->names[i], name) == 0)
      return given->by_letter[i];
  return false;
}

dnmf_status cli_refuse_given(dnmf_error *error, const cli_given *given, const char *const *names, const char *why) {
  for (const char *const *name = names; *name; name++)
    if (cli_is_given(given, *name))
      return dnmf_fail(error, DNMF_ERROR_USAGE, "--%s has no use here: %s", *name, why);
  return DNMF_OK;
}

/* Too few or too many words that are no options. */
static dnmf_status check_arguments(dnmf_error *error, const cli_command *command, int count, char **arguments) {
  if (count < command->min_arguments)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "usage: dnmf %s %s; see dnmf help %s", command->name, command->usage,
                     command->name);
  if (count > command->max_arguments)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf %s: unexpected argument '%s'; usage: dnmf %s %s", command->name,
                     arguments[command->max_arguments], command->name, command->usage);
  return DNMF_OK;
}

dnmf_status cli_parse(dnmf_error *error, const cli_command *command, int argc, char **argv, void *options,
                      cli_given *given, int *first, bool *help) {
  option_list list;
  struct option longs[CLI_MOST_OPTIONS + 2];
  char letters[2 * CLI_MOST_OPTIONS + 4];
  DNMF_TRY(list_options(error, command, &list));
  describe_to_getopt(&list, longs, letters);
  memcpy(options, command->defaults, command->options_size);
  memset(given, 0, sizeof *given);
  *help = false;
  opterr = 0;
  optind = 1;
  for (int code; (code = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
    if (code == 'h') {
      *help = true;
      return DNMF_OK;
    }
    if (code == ':')
      return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf %s: %s needs a value; see dnmf help %s", command->name,
                       argv[optind - 1], command->name);
    int index = code == '?' ? -1 : index_of(&list, code);
    if (index < 0) {
      char letter[3] = {'-', (char)optopt, 0};
      bool is_letter = optopt > 0 && optopt < LONG_ONLY;
      return unknown_option(error, command, &list, is_letter ? letter : argv[optind - 1]);
    }
    cli_option called = *list.options[index];
    const char letter[3] = {'-', called.letter, 0};
    if (code < LONG_ONLY) /* messages name it as it was typed */
      called.name = letter;
    DNMF_TRY(cli_option_set(error, &called, optarg, (char *)options + list.bases[index] + called.offset));
    given->names[index] = list.options[index]->name;
    given->by_letter[index] = code < LONG_ONLY;
  }
  *first = optind;
  return check_arguments(error, command, argc - optind, argv + optind);
}
