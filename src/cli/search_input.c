#include "search_input.h"

#include "base/memory.h"
#include "store/text/text_file.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cli_is_json_file(const char *path) {
  if (strcmp(path, "-") != 0 && dnmf_text_is_pipe(path)) /* it can be read once, and is no model */
    return true;
  FILE *file = fopen(path, "rb");
  if (!file)
    return false;
  int character = fgetc(file);
  while (character != EOF && isspace(character))
    character = fgetc(file);
  fclose(file);
  return character == '{';
}

void cli_search_input_free(cli_search_input *input) {
  json_decref(input->root);
  free(input->facts);
  free(input->candidates);
  free(input->stability);
  memset(input, 0, sizeof *input);
}

/* A number, or NaN. */
static double number_member(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  return json_is_number(value) ? json_number_value(value) : NAN;
}

/* A text, or NULL. */
static const char *text_member(const json_t *object, const char *name) {
  return json_string_value(json_object_get(object, name));
}

static dnmf_status read_candidate(dnmf_error *error, const char *path, size_t at, const json_t *object,
                                  const char *metric, dnmf_report_candidate *candidate) {
  for (int f = 0; f < DNMF_SEARCH_FIGURES; f++)
    candidate->figures[f] = dnmf_search_figure_keys[f] ? number_member(object, dnmf_search_figure_keys[f]) : NAN;
  if (!json_is_number(json_object_get(object, "k"))) /* a search among ratings calls it so */
    candidate->figures[DNMF_SEARCH_K] = number_member(object, "components");
  if (metric && strcmp(metric, "rmse") != 0)
    candidate->figures[DNMF_SEARCH_METRIC] = number_member(object, metric);
  candidate->penalty_scale = text_member(object, "penalty_scale");
  candidate->bias = text_member(object, "bias");
  if (candidate->figures[DNMF_SEARCH_K] >= 1)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT, "%s: candidate %zu has no number of components", path, at + 1);
}

static dnmf_status read_candidates(dnmf_error *error, const char *path, cli_search_input *input) {
  void *memory = NULL;
  const json_t *list = json_object_get(input->root, "candidates");
  const size_t count = json_array_size(list);
  if (count == 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "%s has no list of candidates; give a model, or what dnmf tune --json printed", path);
  DNMF_TRY(dnmf_allocate_zero(error, "candidates", (int64_t)count, sizeof *input->candidates, &memory));
  input->candidates = memory;
  for (size_t i = 0; i < count; i++)
    DNMF_TRY(read_candidate(error, path, i, json_array_get(list, i), input->search.metric, &input->candidates[i]));
  input->search.count = (int64_t)count;
  input->search.candidates = input->candidates;
  return DNMF_OK;
}

/* Every value that is no list or object. */
static dnmf_status read_facts(dnmf_error *error, cli_search_input *input) {
  void *memory = NULL;
  const char *key = NULL;
  json_t *value = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "values of the search", (int64_t)json_object_size(input->root),
                              sizeof *input->facts, &memory));
  input->facts = memory;
  json_object_foreach(input->root, key, value) {
    if (json_is_string(value) || json_is_number(value))
      input->facts[input->search.fact_count++] =
          (dnmf_report_fact){key, json_string_value(value), json_is_number(value) ? json_number_value(value) : NAN};
  }
  input->search.facts = input->facts;
  return DNMF_OK;
}

/* The silhouettes of the suggested candidate's components. */
static dnmf_status read_stability(dnmf_error *error, cli_search_input *input) {
  void *memory = NULL;
  for (int64_t i = 0; i < input->search.count && !input->stability; i++) {
    const json_t *candidate = json_array_get(json_object_get(input->root, "candidates"), (size_t)i);
    const json_t *list = json_object_get(candidate, "stability");
    if (input->candidates[i].figures[DNMF_SEARCH_K] != input->search.suggested || json_array_size(list) == 0)
      continue;
    DNMF_TRY(dnmf_allocate(error, "stability", (int64_t)json_array_size(list), sizeof(double), &memory));
    input->stability = memory;
    for (size_t c = 0; c < json_array_size(list); c++)
      input->stability[c] = json_is_number(json_array_get(list, c)) ? json_number_value(json_array_get(list, c)) : NAN;
    input->search.stability_count = (int64_t)json_array_size(list);
    input->search.stability = input->stability;
  }
  return DNMF_OK;
}

dnmf_status cli_search_input_read(dnmf_error *error, const char *path, cli_search_input *input) {
  json_error_t wrong;
  dnmf_report_search *search = &input->search;
  memset(input, 0, sizeof *input);
  input->root = json_load_file(path, 0, &wrong);
  if (!input->root)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s, line %d: no valid JSON: %s", path, wrong.line, wrong.text);
  search->name = path;
  search->metric = text_member(input->root, "metric");
  DNMF_TRY(read_candidates(error, path, input));
  DNMF_TRY(read_facts(error, input));
  const json_t *suggestion = json_object_get(input->root, "suggestion");
  const json_t *best = json_object_get(input->root, "best");
  search->suggested = suggestion ? number_member(suggestion, "k") : number_member(best, "components");
  search->reason = suggestion ? text_member(suggestion, "reason") : NULL;
  return read_stability(error, input);
}
