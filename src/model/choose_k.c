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

/* The one-standard-error rule. */
static int64_t suggest_by_heldout(int64_t count, const dnmf_search_candidate *candidates) {
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

static bool is_stable(const dnmf_search_candidate *candidate) {
  return candidate->restarts > 1 && (candidate->components == 1 || candidate->silhouette_min >= DNMF_STABLE_SILHOUETTE);
}

/* The most components of which every cluster is stable. */
static int64_t suggest_by_stability(int64_t count, const dnmf_search_candidate *candidates) {
  int64_t chosen = -1;
  for (int64_t c = 0; c < count; c++)
    if (is_stable(&candidates[c]) && (chosen < 0 || candidates[c].components > candidates[chosen].components))
      chosen = c;
  return chosen;
}

static void say_heldout(const dnmf_search_candidate *c, char *text, size_t size) {
  snprintf(text, size,
           "k = %" PRId64 " is the smallest whose error on held-out cells (%.4g) is within one standard error of the "
           "least",
           c->components, c->heldout);
}

static void say_stability(const dnmf_search_candidate *c, char *text, size_t size) {
  if (c->components == 1)
    snprintf(text, size, "no k above 1 has stable components only (smallest silhouette %.2g or more)",
             DNMF_STABLE_SILHOUETTE);
  else
    snprintf(text, size,
             "k = %" PRId64 " is the largest with stable components only (smallest silhouette %.2f >= %.2g)",
             c->components, c->silhouette_min, DNMF_STABLE_SILHOUETTE);
}

/* Both have one. */
static void suggest_by_both(const dnmf_search_candidate *candidates, dnmf_search_suggestion *s) {
  const dnmf_search_candidate *heldout = &candidates[s->by_heldout];
  const dnmf_search_candidate *stable = &candidates[s->by_stability];
  char a[192];
  char b[192];
  say_heldout(heldout, a, sizeof a);
  say_stability(stable, b, sizeof b);
  s->at = heldout->components < stable->components ? s->by_heldout : s->by_stability;
  if (s->by_heldout == s->by_stability && stable->components == 1)
    snprintf(s->reason, sizeof s->reason, "%s, and %s", a, b);
  else if (s->by_heldout == s->by_stability)
    snprintf(s->reason, sizeof s->reason, "%s, and the largest with stable components only (smallest silhouette %.2f)",
             a, stable->silhouette_min);
  else
    snprintf(s->reason, sizeof s->reason, "%s; %s: the smaller of the two", a, b);
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
    suggest_by_both(candidates, suggestion);
  } else if (heldout) {
    suggestion->at = suggestion->by_heldout;
    say_heldout(&candidates[suggestion->at], suggestion->reason, sizeof suggestion->reason);
  } else if (stable) {
    suggestion->at = suggestion->by_stability;
    say_stability(&candidates[suggestion->at], suggestion->reason, sizeof suggestion->reason);
  } else {
    suggest_nearest(count, candidates, suggestion);
  }
}
