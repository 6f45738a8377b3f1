/*
 * Before a fit of observed entries (observed_fit.h): what its settings come to with these ratings, and its starts.
 */
#ifndef DNMF_FIT_OBSERVED_START_H
#define DNMF_FIT_OBSERVED_START_H

#include "fit/settings.h"
#include "matrix/ratings.h"

/* Whether panels have a bias behind the components, and the numbers a panel row has. local */
bool dnmf_observed_has_biases(const dnmf_settings *settings);
int dnmf_observed_stride(const dnmf_settings *settings);

/* Multiplicative updates know no pull towards a mean row. local */
bool dnmf_observed_shrinks_to_mean(const dnmf_settings *settings);

/* The constant part of every prediction. local */
double dnmf_observed_mean(const dnmf_settings *settings, const dnmf_ratings *ratings);

/* The L2 weight used when none is given, for the settings' scale and what it pulls towards: 1.1 of the ratings'
 * standard deviation with the square root of a row's count, 0.105 with its count, 14 raw; three quarters of it towards
 * zero. local */
double dnmf_observed_default_l2(const dnmf_settings *settings, const dnmf_ratings *ratings);

/* Creates the panels of the owned rows of W and columns of H with the random start, the same on any number of
 * processes: start_scale * sqrt(level / k) * |N(0,1)|, where `level` is what the product has to explain. Without
 * biases the first component of hals and bpp starts flat, sqrt(level) everywhere, so that it carries the mean and the
 * others what differs from it; multiplicative updates leave such a start too slowly. The caller releases the panels
 * with dnmf_panel_free. local */
dnmf_status dnmf_start_observed(dnmf_error *error, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                dnmf_panel *w, dnmf_panel *h);

/* The same panels with a start from what the ratings have in common (ratings_svd.h): two components, the positive and
 * the negative parts, for each pair of singular vectors of what biases leave; without biases the first component is the
 * mean and the biases, else the biases are. What is left over starts at random. Not for mu, which keeps zeros. The same
 * on any number of processes to rounding. collective */
dnmf_status dnmf_start_observed_svd(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                    dnmf_panel *w, dnmf_panel *h);

/* What the starts share. Both factors' owned rows, with room for a bias. local */
dnmf_status observed_start_create(dnmf_error *error, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                  dnmf_panel *w, dnmf_panel *h);

/* Random numbers in the components from `first` on. local */
void observed_start_put_random(const dnmf_settings *settings, const dnmf_ratings *ratings, int first, dnmf_panel *w,
                               dnmf_panel *h);

/* All of a random start. local */
void observed_start_at_random(const dnmf_settings *settings, const dnmf_ratings *ratings, dnmf_panel *w, dnmf_panel *h);

#endif
