/*
 * What the starts of an observed-only fit share.
 */
#ifndef DNMF_FIT_OBSERVED_START_H
#define DNMF_FIT_OBSERVED_START_H

#include "fit/fit_observed.h"

/* Both factors' owned rows, with room for a bias. local */
dnmf_status observed_start_create(dnmf_error *error, const dnmf_observed_options *options, const dnmf_ratings *ratings,
                                  dnmf_panel *w, dnmf_panel *h);

/* Random numbers in the components from `first` on. local */
void observed_start_put_random(const dnmf_observed_options *options, const dnmf_ratings *ratings, uint64_t seed,
                               int first, dnmf_panel *w, dnmf_panel *h);

/* All of a random start. local */
void observed_start_at_random(const dnmf_observed_options *options, const dnmf_ratings *ratings, uint64_t seed,
                              dnmf_panel *w, dnmf_panel *h);

bool observed_start_has_biases(const dnmf_observed_options *options);

#endif
