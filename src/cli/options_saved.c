#include "options_saved.h"

#include <stdlib.h>
#include <string.h>

/* One option, its place in the tables, and where its value is. */
typedef struct place {
  const cli_option *option;
  size_t offset;
  int index;
} place;

static bool is_among(const char *const *names, const char *name) {
  for (; *names; names++)
    if (strcmp(*names, name) == 0)
      return true;
  return false;
}

/* The option at a place of the command's tables; false behind the last. */
static bool option_at(const cli_command *command, int index, place *at) {
  size_t base = 0;
  const cli_option *option = cli_option_at(command, (size_t)index, &base);
  if (option)
    *at = (place){option, base + option->offset, index};
  return option != NULL;
}

static json_t *value_of(const place *at, const void *options) {
  const void *value = (const char *)options + at->offset;
  switch (at->option->kind) {
  case CLI_FLAG:
    return json_boolean(*(const bool *)value);
  case CLI_INT:
  case CLI_SIZE:
    return json_integer((json_int_t) * (const int64_t *)value);
  case CLI_REAL:
  case CLI_TIME:
    return cli_json_real(*(const double *)value);
  case CLI_CHOICE:
    return cli_json_text(at->option->choices[*(const int *)value]);
  case CLI_TEXT:
  case CLI_WORD:
  case CLI_INPUT_FILE:
  case CLI_OUTPUT_FILE:
  case CLI_OUTPUT_HDF5:
    break;
  }
  return cli_json_text(*(const char *const *)value);
}

json_t *cli_options_save(const cli_command *command, const void *options, const cli_given *given,
                         const char *const *left_out) {
  json_t *saved = json_object();
  place at;
  for (int index = 0; saved && option_at(command, index, &at); index++) {
    const char *name = at.option->name;
    if (!given->names[index] || is_among(left_out, name) || json_object_get(saved, name))
      continue;
    cli_json_set(&saved, name, value_of(&at, options));
  }
  return saved;
}

/* The value as it would be typed, in `text` when it is a number; NULL when it is not of the option's kind. */
static const char *typed_text(const cli_option *option, json_t *saved, char text[64]) {
  if (option->kind == CLI_INT || option->kind == CLI_SIZE)
    snprintf(text, 64, "%" JSON_INTEGER_FORMAT, json_integer_value(saved));
  else if (option->kind == CLI_REAL || option->kind == CLI_TIME)
    snprintf(text, 64, "%.17g", json_real_value(saved));
  else
    return cli_json_unescape(saved);
  bool is_real = option->kind == CLI_REAL || option->kind == CLI_TIME;
  bool is_number = is_real ? json_is_real(saved) : json_is_integer(saved);
  return is_number ? text : NULL;
}

/* Restores one option as if it were typed, with the same checks. */
static dnmf_status restore(dnmf_error *error, const place *at, json_t *saved, const char *source, void *options) {
  char number[64];
  dnmf_error cause = {0};
  const cli_option *option = at->option;
  if (option->kind == CLI_FLAG && json_is_false(saved))
    return DNMF_OK;
  bool is_flag = option->kind == CLI_FLAG && json_is_true(saved);
  const char *text = is_flag ? NULL : typed_text(option, saved, number);
  if (!is_flag && !text)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is damaged: its option --%s has no usable value", source,
                     option->name);
  if (cli_option_set(&cause, option, text, (char *)options + at->offset) != DNMF_OK)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is damaged: its option %s", source, cause.text);
  return DNMF_OK;
}

static dnmf_status refuse_change(dnmf_error *error, const char *source, const char *name, json_t *then, json_t *now) {
  char *before = then ? json_dumps(then, JSON_ENCODE_ANY) : NULL;
  char *after = json_dumps(now, JSON_ENCODE_ANY);
  dnmf_fail(error, DNMF_ERROR_USAGE,
            "--%s is %s, but the fit saved in %s has %s; leave the option out, or start anew without --resume", name,
            after ? after : "another", source, before ? before : "its default");
  free(before);
  free(after);
  return error->status;
}

/* An option given now that is not free to differ. */
static dnmf_status check_same(dnmf_error *error, const cli_command *command, const place *at, json_t *saved,
                              const char *source, const void *options) {
  const char *name = at->option->name;
  json_t *now = value_of(at, options);
  json_t *then = json_object_get(saved, name);
  json_t *usual = then ? json_incref(then) : value_of(at, command->meant ? command->meant : command->defaults);
  dnmf_status status = DNMF_OK;
  if (!now || !usual)
    status = dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for the options of %s", source);
  else if (!json_equal(now, usual))
    status = refuse_change(error, source, name, then, now);
  json_decref(now);
  json_decref(usual);
  return status;
}

static dnmf_status check_known(dnmf_error *error, const cli_command *command, json_t *saved, const char *source) {
  const char *name = NULL;
  json_t *value = NULL;
  json_object_foreach(saved, name, value) {
    place at;
    bool known = false;
    for (int index = 0; !known && option_at(command, index, &at); index++)
      known = strcmp(at.option->name, name) == 0;
    if (!known)
      return dnmf_fail(error, DNMF_ERROR_INPUT, "%s was written with --%s, which this version of dnmf does not have",
                       source, name);
  }
  return DNMF_OK;
}

dnmf_status cli_options_restore(dnmf_error *error, const cli_command *command, json_t *saved, const char *source,
                                const char *const *left_out, const char *const *may_change, void *options,
                                cli_given *given) {
  place at;
  DNMF_TRY(check_known(error, command, saved, source));
  for (int index = 0; option_at(command, index, &at); index++) {
    const char *name = at.option->name;
    json_t *then = json_object_get(saved, name);
    if (is_among(left_out, name))
      continue;
    if (given->names[index]) {
      if (may_change && !is_among(may_change, name))
        DNMF_TRY(check_same(error, command, &at, saved, source, options));
    } else if (then) {
      DNMF_TRY(restore(error, &at, then, source, options));
      given->names[index] = name;
    }
  }
  return DNMF_OK;
}
