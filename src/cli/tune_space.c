/* Lists of values from the command line, combined into candidates. */
#include "tune_space.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static dnmf_status bad_list(dnmf_error *error, const char *option, const char *text, const char *wanted) {
  return dnmf_fail(error, DNMF_ERROR_USAGE, "%s%s %s: give %s, separated by commas", *option == '-' ? "" : "--", option,
                   text, wanted);
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
  return bad_list(error, option, text, "at most 256 numbers");
}

/* Words out of `names`, with the numbers they stand for, or, where `most` is not negative, numbers up to that. */
static dnmf_status parse_words(dnmf_error *error, const char *option, const char *text, const char *wanted,
                               const char *const *names, const double *numbers, double most, cli_tune_values *list) {
  list->count = 0;
  for (const char *at = text;; at++) {
    size_t length = strcspn(at, ",");
    char *end = NULL;
    double number = strtod(at, &end);
    bool known = end == at + length && length > 0 && number >= 0 && number <= most;
    for (int i = 0; names[i]; i++)
      if (strlen(names[i]) == length && strncmp(at, names[i], length) == 0)
        number = numbers[i], known = true;
    if (!known || list->count == CLI_TUNE_MOST_VALUES)
      return bad_list(error, option, text, wanted);
    list->value[list->count++] = number;
    at += length;
    if (!*at)
      return DNMF_OK;
  }
}

enum { MOST_COMPONENTS = 1000000 }; /* as in fit */

/* "8", "2:20" or "2:20:2" at *at, which moves behind it. */
static bool parse_range(const char **at, long long range[3]) {
  range[2] = 1;
  for (int part = 0; part < 3; part++) {
    char *end = NULL;
    range[part] = strtoll(*at, &end, 10);
    if (end == *at || range[part] < 1 || range[part] > MOST_COMPONENTS)
      return false;
    *at = end;
    if (part == 0 && *end != ':')
      range[1] = range[0];
    if (*end != ':')
      return range[1] >= range[0];
    ++*at;
  }
  return false;
}

dnmf_status cli_tune_parse_components(dnmf_error *error, const cli_given *given, const char *text,
                                      cli_tune_values *list) {
  const char *option = cli_is_given_by_letter(given, "components") ? "-k" : "components";
  static const char wanted[] = "numbers from 1 to 1000000 like 8 or ranges like 2:20 or 2:20:2";
  const char *at = text;
  for (list->count = 0;; at++) {
    long long range[3] = {0};
    if (!parse_range(&at, range) || (*at && *at != ','))
      return bad_list(error, option, text, wanted);
    for (long long k = range[0]; k <= range[1]; k += range[2]) {
      if (list->count == CLI_TUNE_MOST_VALUES)
        return bad_list(error, option, text, "at most 256 numbers");
      list->value[list->count++] = (double)k;
    }
    if (!*at)
      return DNMF_OK;
  }
}

dnmf_status cli_tune_parse(dnmf_error *error, const cli_given *given, const cli_tune_lists *lists, cli_tune_space *s) {
  static const char *const bias_names[] = {"none", "both", NULL};
  static const double bias_numbers[] = {0, 1};
  static const char *const terms_names[] = {"none", "rows", "cols", "both", NULL};
  static const double terms_numbers[] = {DNMF_EVIDENCE_NONE, DNMF_EVIDENCE_ROWS, DNMF_EVIDENCE_COLS,
                                         DNMF_EVIDENCE_BOTH};
  static const char *const scale_names[] = {"raw", "count", "sqrt-count", NULL};
  static const double scale_numbers[] = {0, 1, 0.5};
  DNMF_TRY(cli_tune_parse_components(error, given, lists->components ? lists->components : "10,20,40", &s->components));
  s->l2 = (cli_tune_values){1, {-1}};
  if (lists->l2)
    DNMF_TRY(parse_numbers(error, "l2", lists->l2, 0, &s->l2));
  DNMF_TRY(parse_words(error, "bias", lists->bias ? lists->bias : "both", "both or none", bias_names, bias_numbers, -1,
                       &s->bias));
  DNMF_TRY(parse_words(error, "implicit-terms", lists->terms ? lists->terms : "none", "none, rows, cols or both",
                       terms_names, terms_numbers, -1, &s->terms));
  s->weight = s->alpha = s->l2_terms = (cli_tune_values){1, {-1}};
  if (lists->l2_terms)
    DNMF_TRY(parse_numbers(error, "l2-terms", lists->l2_terms, 0, &s->l2_terms));
  if (lists->weight)
    DNMF_TRY(parse_numbers(error, "missing-weight", lists->weight, 0, &s->weight));
  if (lists->alpha)
    DNMF_TRY(parse_numbers(error, "alpha", lists->alpha, 0, &s->alpha));
  for (int w = 0; w < s->weight.count; w++)
    if (s->weight.value[w] > 1)
      return bad_list(error, "missing-weight", lists->weight, "numbers from 0 to 1");
  return parse_words(error, "penalty-scale", lists->scale ? lists->scale : "sqrt-count",
                     "count, sqrt-count, raw or exponents from 0 to 1", scale_names, scale_numbers, 1, &s->power);
}

static dnmf_candidate candidate_of(double components, double l2, double bias, double power, double terms,
                                   double l2_terms, double weight, double alpha) {
  return (dnmf_candidate){.components = (int)components,
                          .l2 = l2,
                          .bias = bias != 0,
                          .count_power = power,
                          .evidence = (dnmf_evidence_of)terms,
                          .l2_evidence = terms != DNMF_EVIDENCE_NONE ? l2_terms : -1,
                          .weight = weight,
                          .alpha = alpha,
                          .rmse = NAN};
}

/* How many weights are tried of one kind of implicit terms; of none there is none to choose. */
static int count_weights(const cli_tune_space *s, int terms) {
  return s->terms.value[terms] == DNMF_EVIDENCE_NONE ? 1 : s->l2_terms.count;
}

int64_t cli_tune_grid(const cli_tune_space *s, dnmf_candidate *candidates) {
  int64_t count = 0;
  for (int w = 0; w < s->weight.count; w++)
    for (int a = 0; a < s->alpha.count; a++)
      for (int p = 0; p < s->power.count; p++)
        for (int b = 0; b < s->bias.count; b++)
          for (int t = 0; t < s->terms.count; t++)
            for (int e = 0; e < count_weights(s, t); e++)
              for (int l = 0; l < s->l2.count; l++)
                for (int k = 0; k < s->components.count && count < CLI_TUNE_MOST_CANDIDATES; k++)
                  candidates[count++] =
                      candidate_of(s->components.value[k], s->l2.value[l], s->bias.value[b], s->power.value[p],
                                   s->terms.value[t], s->l2_terms.value[e], s->weight.value[w], s->alpha.value[a]);
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
        candidate_of(pick(&s->components, seed, i, 0), l2, pick(&s->bias, seed, i, 2), pick(&s->power, seed, i, 3),
                     pick(&s->terms, seed, i, 6), pick(&s->l2_terms, seed, i, 7), pick(&s->weight, seed, i, 4),
                     pick(&s->alpha, seed, i, 5));
  }
  return samples;
}
