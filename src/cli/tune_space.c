/* Lists of values from the command line, combined into candidates. */
#include "tune_space.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static dnmf_status bad_list(dnmf_error *error, const char *option, const char *text, const char *wanted) {
  return dnmf_fail(error, DNMF_ERROR_USAGE, "--%s %s: give %s, separated by commas", option, text, wanted);
}

static dnmf_status parse_numbers(dnmf_error *error, const char *option, const char *text, double low,
                                 cli_tune_values *list) {
  const char *at = text;
  for (list->count = 0; list->count < CLI_TUNE_MOST_VALUES; at++) {
    char *end = NULL;
    double value = strtod(at, &end);
    if (end == at || !(value >= low && isfinite(value)) || (*end && *end != ','))
      return bad_list(error, option, text, "numbers");
    list->value[list->count++] = value;
    if (!*end)
      return DNMF_OK;
    at = end;
  }
  return bad_list(error, option, text, "at most 32 numbers");
}

/* Words out of `names`, with the numbers they stand for. */
static dnmf_status parse_words(dnmf_error *error, const char *option, const char *text, const char *wanted,
                               const char *const *names, const double *numbers, cli_tune_values *list) {
  list->count = 0;
  for (const char *at = text;; at++) {
    size_t length = strcspn(at, ",");
    int found = -1;
    for (int i = 0; names[i]; i++)
      if (strlen(names[i]) == length && strncmp(at, names[i], length) == 0)
        found = i;
    if (found < 0 || list->count == CLI_TUNE_MOST_VALUES)
      return bad_list(error, option, text, wanted);
    list->value[list->count++] = numbers[found];
    at += length;
    if (!*at)
      return DNMF_OK;
  }
}

dnmf_status cli_tune_parse(dnmf_error *error, const cli_tune_lists *lists, cli_tune_space *s) {
  static const char *const bias_names[] = {"none", "both", NULL};
  static const double bias_numbers[] = {0, 1};
  static const char *const scale_names[] = {"raw", "count", "sqrt-count", NULL};
  static const double scale_numbers[] = {0, 1, 0.5};
  DNMF_TRY(parse_numbers(error, "components", lists->components, 1, &s->components));
  s->l2 = (cli_tune_values){1, {-1}};
  if (lists->l2)
    DNMF_TRY(parse_numbers(error, "l2", lists->l2, 0, &s->l2));
  DNMF_TRY(parse_words(error, "bias", lists->bias, "both or none", bias_names, bias_numbers, &s->bias));
  return parse_words(error, "penalty-scale", lists->scale, "count, sqrt-count or raw", scale_names, scale_numbers,
                     &s->power);
}

static dnmf_candidate candidate_of(double components, double l2, double bias, double power) {
  return (dnmf_candidate){
      .components = (int)components, .l2 = l2, .bias = bias != 0, .count_power = power, .rmse = NAN};
}

int64_t cli_tune_grid(const cli_tune_space *s, dnmf_candidate *candidates) {
  int64_t count = 0;
  for (int p = 0; p < s->power.count; p++)
    for (int b = 0; b < s->bias.count; b++)
      for (int l = 0; l < s->l2.count; l++)
        for (int k = 0; k < s->components.count && count < CLI_TUNE_MOST_CANDIDATES; k++)
          candidates[count++] =
              candidate_of(s->components.value[k], s->l2.value[l], s->bias.value[b], s->power.value[p]);
  return count;
}

static double pick(const cli_tune_values *list, uint64_t seed, int64_t draw, uint64_t what) {
  double u = dnmf_random_uniform(seed, DNMF_STREAM_SEARCH, (uint64_t)draw, what);
  return list->value[(int)(u * list->count)];
}

int64_t cli_tune_random(const cli_tune_space *s, uint64_t seed, int64_t samples, dnmf_candidate *candidates) {
  double low = s->l2.value[0];
  double high = low;
  for (int l = 1; l < s->l2.count; l++) {
    low = fmin(low, s->l2.value[l]);
    high = fmax(high, s->l2.value[l]);
  }
  for (int64_t i = 0; i < samples; i++) {
    double u = dnmf_random_uniform(seed, DNMF_STREAM_SEARCH, (uint64_t)i, 1);
    double l2 = low > 0 ? low * pow(high / low, u) : low;
    candidates[i] =
        candidate_of(pick(&s->components, seed, i, 0), l2, pick(&s->bias, seed, i, 2), pick(&s->power, seed, i, 3));
  }
  return samples;
}
