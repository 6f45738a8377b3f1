/*
 * Which number of components a search suggests: stated rules on the figures of the candidates.
 *
 * By held-out cells: the one-standard-error rule (Breiman et al. 1984; for matrix factorizations by held-out cells Owen
 * and Perry 2009): of the candidates whose error is above the least by no more than the standard error over the folds
 * of its difference to it, the one of fewest components.
 *
 * By stability (NMFk: Alexandrov et al. 2013, Nebgen et al. 2021): of the candidates whose clusters are all stable,
 * with a smallest silhouette of DNMF_STABLE_SILHOUETTE or more, the one of most components. One component is stable.
 *
 * Each then goes on to fewer components as long as the last one adds less than DNMF_LEAST_GAIN of what the one before
 * it added to the explained sum of squares, on held-out cells or, by stability, on the cells fitted: an elbow. Such a
 * component may be there, and stable, and yet be none that was looked for: noise that is cut off at zero leaves a
 * background, which is one. (Chosen on draws of scripts/bench/choose_k.py with seeds 3000 to 3059 and 4000 to 4099:
 * what planted components added was at least 0.37 and 0.45 of it, what the background of cut noise added mostly below
 * 0.25 and 0.38.)
 *
 * Both: if they differ, the smaller of the two, as what more components add is either no better on cells that were not
 * used or not the same in every run. If no candidate qualifies, the one whose smallest silhouette is largest.
 */
#ifndef DNMF_CHOOSE_K_H
#define DNMF_CHOOSE_K_H

#include "base/status.h"
#include "dnmf.h"

static const double DNMF_STABLE_SILHOUETTE = 0.75;
static const double DNMF_LEAST_GAIN = 0.35;

typedef enum dnmf_criterion { DNMF_BY_BOTH = 0, DNMF_BY_HELDOUT, DNMF_BY_STABILITY } dnmf_criterion;

/* Errors on held-out cells: errors[c * folds + f] of candidate c and fold f, mean squares. Fills `heldout` and
 * `heldout_spread` of the candidates. local */
void dnmf_choose_spread(int64_t count, int64_t folds, const double *errors, dnmf_search_candidate *candidates);

/* local */
void dnmf_choose_components(dnmf_criterion criterion, int64_t count, const dnmf_search_candidate *candidates,
                            dnmf_search_suggestion *suggestion);

#endif
