/*
 * What `tune` searches: a list of values an option, and the candidates made of them.
 */
#ifndef DNMF_CLI_TUNE_SPACE_H
#define DNMF_CLI_TUNE_SPACE_H

#include "options.h"

#include "model/tune.h"

enum { CLI_TUNE_MOST_VALUES = 256, CLI_TUNE_MOST_CANDIDATES = 4096 };
typedef enum cli_tune_search { CLI_TUNE_GRID = 0, CLI_TUNE_RANDOM } cli_tune_search;

/* The lists as given, values separated by commas. */
typedef struct cli_tune_lists {
  const char *components;
  const char *l2; /* NULL: the default of fit */
  const char *bias;
  const char *scale;
  const char *terms;    /* implicit */
  const char *l2_terms; /* NULL: the default of fit */
  const char *weight;   /* of weak zeros; NULL, and of alpha too: the default of fit */
  const char *alpha;
} cli_tune_lists;

/* Values of one option's list. */
typedef struct cli_tune_values {
  int count;
  double value[CLI_TUNE_MOST_VALUES];
} cli_tune_values;

/* The lists a candidate takes a value of. */
typedef struct cli_tune_space {
  cli_tune_values components;
  cli_tune_values l2; /* negative: the default */
  cli_tune_values bias;
  cli_tune_values power;
  cli_tune_values terms;    /* dnmf_evidence_of */
  cli_tune_values l2_terms; /* negative: the default; of candidates with implicit terms alone */
  cli_tune_values weight;
  cli_tune_values alpha;
} cli_tune_space;

/* Numbers of components: "8", "2,4,8", "2:20" (both included), "2:20:2", or several of these with commas. local */
dnmf_status cli_tune_parse_components(dnmf_error *error, const cli_given *given, const char *text,
                                      cli_tune_values *list);

dnmf_status cli_tune_parse(dnmf_error *error, const cli_given *given, const cli_tune_lists *lists,
                           cli_tune_space *space); /* local */

/* Every combination, or random draws with l2 log-uniform between the smallest and the largest; at most
 * CLI_TUNE_MOST_CANDIDATES. Returns how many. local */
int64_t cli_tune_grid(const cli_tune_space *space, dnmf_candidate *candidates);
int64_t cli_tune_random(const cli_tune_space *space, uint64_t seed, int64_t samples, dnmf_candidate *candidates);

#endif
