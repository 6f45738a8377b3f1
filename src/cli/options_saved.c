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
    return json_real(*(const double *)value);
  case CLI_CHOICE:
    return json_string(at->option->choices[*(const int *)value]);
  case CLI_TEXT:
  case CLI_INPUT_FILE:
  case CLI_OUTPUT_FILE:
  case CLI_OUTPUT_HDF5:
    break;
  }
  const char *text = *(const char *const *)value;
  return text ? json_string(text) : json_null();
}

json_t *cli_options_save(const cli_command *command, const void *options, const cli_given *given,
                         const char *const *left_out) {
  json_t *saved = json_object();
  place at;
  for (int index = 0; saved && option_at(command, index, &at); index++) {
    const char *name = at.option->name;
    if (!given->names[index] || is_among(left_out, name) || json_object_get(saved, name))
      continue;
    if (json_object_set_new(saved, name, value_of(&at, options)) != 0) {
      json_decref(saved);
      saved = NULL;
    }
  }
  return saved;
}

static bool take_choice(const cli_option *option, const char *word, int *value) {
  for (int i = 0; option->choices[i]; i++)
    if (strcmp(option->choices[i], word) == 0) {
      *value = i;
      return true;
    }
  return false;
}

/* False when the value is not of the option's kind. */
static bool take(const place *at, json_t *saved, void *options) {
  void *value = (char *)options + at->offset;
  const char *text = json_string_value(saved);
  switch (at->option->kind) {
  case CLI_FLAG:
    *(bool *)value = json_is_true(saved);
    return json_is_boolean(saved);
  case CLI_INT:
  case CLI_SIZE:
    *(int64_t *)value = json_integer_value(saved);
    return json_is_integer(saved);
  case CLI_REAL:
    *(double *)value = json_real_value(saved);
    return json_is_real(saved);
  case CLI_CHOICE:
    return text && take_choice(at->option, text, value);
  case CLI_TEXT:
  case CLI_INPUT_FILE:
  case CLI_OUTPUT_FILE:
  case CLI_OUTPUT_HDF5:
    *(const char **)value = text;
    return text != NULL;
  }
  return false;
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
  json_t *usual = then ? json_incref(then) : value_of(at, command->defaults);
  bool same = json_equal(now, usual) != 0;
  dnmf_status status = same ? DNMF_OK : refuse_change(error, source, name, then, now);
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
      if (!is_among(may_change, name))
        DNMF_TRY(check_same(error, command, &at, saved, source, options));
    } else if (then) {
      if (!take(&at, then, options))
        return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is damaged: its option --%s has no usable value", source, name);
      given->names[index] = name;
    }
  }
  return DNMF_OK;
}
