#include "model/choose_k.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* The candidate with the least error on held-out cells; -1: none has one. */
static int64_t least_heldout(int64_t count, const dnmf_search_candidate *candidates) {
  int64_t least = -1;
  for (int64_t c = 0; c < count; c++)
    if (isfinite(candidates[c].heldout) && (least < 0 || candidates[c].heldout < candidates[least].heldout))
      least = c;
  return least;
}

void dnmf_choose_spread(int64_t count, int64_t folds, const double *errors, dnmf_search_candidate *candidates) {
  for (int64_t c = 0; c < count; c++) {
    double sum = 0;
    for (int64_t f = 0; f < folds; f++)
      sum += errors[c * folds + f];
    candidates[c].heldout = sqrt(sum / (double)folds);
  }
  const int64_t least = least_heldout(count, candidates);
  for (int64_t c = 0; c < count; c++) {
    double sum = 0;
    double squares = 0;
    candidates[c].heldout_spread = NAN;
    if (least < 0 || folds < 2)
      continue;
    for (int64_t f = 0; f < folds; f++) {
      const double difference = sqrt(errors[c * folds + f]) - sqrt(errors[least * folds + f]);
      sum += difference;
      squares += difference * difference;
    }
    const double n = (double)folds;
    candidates[c].heldout_spread = sqrt(fmax(0, squares - sum * sum / n) / (n - 1) / n);
  }
}

/* The errors that a criterion looks at. */
typedef enum choice_error { ERROR_HELD_OUT = 0, ERROR_FITTED } choice_error;

static double error_of(const dnmf_search_candidate *candidate, choice_error kind) {
  return kind == ERROR_HELD_OUT ? candidate->heldout : candidate->relative_error;
}

/* The candidate of next fewer components; -1: there is none. */
static int64_t next_smaller(int64_t count, const dnmf_search_candidate *candidates, int64_t at) {
  int64_t found = -1;
  for (int64_t c = 0; c < count && at >= 0; c++)
    if (candidates[c].components < candidates[at].components &&
        (found < 0 || candidates[c].components > candidates[found].components))
      found = c;
  return found;
}

/* What each component adds that candidate `at` has more than the next smaller one; NaN: there is none. */
static double gain_of(int64_t count, const dnmf_search_candidate *candidates, int64_t at, choice_error kind) {
  const int64_t smaller = next_smaller(count, candidates, at);
  if (smaller < 0)
    return NAN;
  const double before = error_of(&candidates[smaller], kind);
  const double after = error_of(&candidates[at], kind);
  return (before * before - after * after) / (double)(candidates[at].components - candidates[smaller].components);
}

/* Fewer components as long as the last one adds little beside the one before it. */
static int64_t go_to_elbow(int64_t count, const dnmf_search_candidate *candidates, int64_t at, choice_error kind) {
  for (int64_t smaller = next_smaller(count, candidates, at);
       smaller >= 0 &&
       gain_of(count, candidates, at, kind) < DNMF_LEAST_GAIN * gain_of(count, candidates, smaller, kind);
       smaller = next_smaller(count, candidates, at))
    at = smaller;
  return at;
}

/* The one-standard-error rule. */
static int64_t within_one_error(int64_t count, const dnmf_search_candidate *candidates) {
  const int64_t least = least_heldout(count, candidates);
  int64_t chosen = least;
  for (int64_t c = 0; c < count && least >= 0; c++) {
    const double spread = isfinite(candidates[c].heldout_spread) ? candidates[c].heldout_spread : 0;
    if (candidates[c].heldout <= candidates[least].heldout + spread &&
        candidates[c].components < candidates[chosen].components)
      chosen = c;
  }
  return chosen;
}

static int64_t suggest_by_heldout(int64_t count, const dnmf_search_candidate *candidates) {
  return go_to_elbow(count, candidates, within_one_error(count, candidates), ERROR_HELD_OUT);
}

static bool is_stable(const dnmf_search_candidate *candidate) {
  return candidate->restarts > 1 && (candidate->components == 1 || candidate->silhouette_min >= DNMF_STABLE_SILHOUETTE);
}

/* The most components of which every cluster is stable. */
static int64_t most_stable(int64_t count, const dnmf_search_candidate *candidates) {
  int64_t chosen = -1;
  for (int64_t c = 0; c < count; c++)
    if (is_stable(&candidates[c]) && (chosen < 0 || candidates[c].components > candidates[chosen].components))
      chosen = c;
  return chosen;
}

static int64_t suggest_by_stability(int64_t count, const dnmf_search_candidate *candidates) {
  return go_to_elbow(count, candidates, most_stable(count, candidates), ERROR_FITTED);
}

/* Why the rule that found candidate `found` suggests `at`: behind an elbow more components add little. */
static void say_elbow(const dnmf_search_candidate *at, const dnmf_search_candidate *found, const char *what, char *text,
                      size_t size) {
  snprintf(text, size,
           "k = %" PRId64 " is where the %s bends: what is added on the way to k = %" PRId64
           " is below %.2g of what came before",
           at->components, what, found->components, DNMF_LEAST_GAIN);
}

static void say_heldout(int64_t count, const dnmf_search_candidate *candidates, int64_t at, char *text, size_t size) {
  const dnmf_search_candidate *c = &candidates[at];
  const int64_t found = within_one_error(count, candidates);
  if (found != at)
    say_elbow(c, &candidates[found], "error on held-out cells", text, size);
  else
    snprintf(text, size,
             "k = %" PRId64 " is the smallest whose error on held-out cells (%.4g) is within one standard error of the "
             "least",
             c->components, c->heldout);
}

/* `beside`: the sentence has begun with the same k. */
static void say_stability(int64_t count, const dnmf_search_candidate *candidates, int64_t at, bool beside, char *text,
                          size_t size) {
  const dnmf_search_candidate *c = &candidates[at];
  const int64_t found = most_stable(count, candidates);
  if (found != at && beside)
    snprintf(text, size, "that of the fit bends there likewise, though k = %" PRId64 " is stable",
             candidates[found].components);
  else if (found != at)
    say_elbow(c, &candidates[found], "error of the stable fits", text, size);
  else if (c->components == 1)
    snprintf(text, size, "no k above 1 has stable components only (smallest silhouette %.2g or more)",
             DNMF_STABLE_SILHOUETTE);
  else if (beside)
    snprintf(text, size, "the largest with stable components only (smallest silhouette %.2f)", c->silhouette_min);
  else
    snprintf(text, size,
             "k = %" PRId64 " is the largest with stable components only (smallest silhouette %.2f >= %.2g)",
             c->components, c->silhouette_min, DNMF_STABLE_SILHOUETTE);
}

/* Both have one. */
static void suggest_by_both(int64_t count, const dnmf_search_candidate *candidates, dnmf_search_suggestion *s) {
  const bool agree = s->by_heldout == s->by_stability;
  const bool fewer_held_out = candidates[s->by_heldout].components < candidates[s->by_stability].components;
  char a[224];
  char b[224];
  say_heldout(count, candidates, s->by_heldout, a, sizeof a);
  say_stability(count, candidates, s->by_stability, agree, b, sizeof b);
  s->at = fewer_held_out ? s->by_heldout : s->by_stability;
  snprintf(s->reason, sizeof s->reason, agree ? "%s, and %s" : "%s; %s: the smaller of the two", a, b);
}

/* No candidate qualifies: the only one, or the one whose smallest silhouette is largest. */
static void suggest_nearest(int64_t count, const dnmf_search_candidate *candidates, dnmf_search_suggestion *s) {
  for (int64_t c = 0; c < count; c++)
    if (isfinite(candidates[c].silhouette_min) &&
        (s->at < 0 || candidates[c].silhouette_min > candidates[s->at].silhouette_min))
      s->at = c;
  if (count == 1) {
    s->at = 0;
    snprintf(s->reason, sizeof s->reason, "it is the only number of components tried");
  } else if (s->at >= 0) {
    snprintf(s->reason, sizeof s->reason,
             "no k tried has stable components only (smallest silhouette %.2g or more); this one comes nearest (%.2f)",
             DNMF_STABLE_SILHOUETTE, candidates[s->at].silhouette_min);
  } else {
    snprintf(s->reason, sizeof s->reason, "neither held-out cells nor restarts tell anything of the numbers tried");
  }
}

void dnmf_choose_components(dnmf_criterion criterion, int64_t count, const dnmf_search_candidate *candidates,
                            dnmf_search_suggestion *suggestion) {
  *suggestion = (dnmf_search_suggestion){.at = -1};
  suggestion->by_heldout = suggest_by_heldout(count, candidates);
  suggestion->by_stability = suggest_by_stability(count, candidates);
  const bool heldout = suggestion->by_heldout >= 0 && criterion != DNMF_BY_STABILITY;
  const bool stable = suggestion->by_stability >= 0 && criterion != DNMF_BY_HELDOUT;
  if (heldout && stable) {
    suggest_by_both(count, candidates, suggestion);
  } else if (heldout) {
    suggestion->at = suggestion->by_heldout;
    say_heldout(count, candidates, suggestion->at, suggestion->reason, sizeof suggestion->reason);
  } else if (stable) {
    suggestion->at = suggestion->by_stability;
    say_stability(count, candidates, suggestion->at, false, suggestion->reason, sizeof suggestion->reason);
  } else {
    suggest_nearest(count, candidates, suggestion);
  }
}
