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

/* What L2 pulls a factor's rows towards, as options name it: auto and level are level with biases, else mean; all are
 * zero for mu. */
typedef enum dnmf_shrink { DNMF_SHRINK_AUTO = 0, DNMF_SHRINK_ZERO, DNMF_SHRINK_MEAN, DNMF_SHRINK_LEVEL } dnmf_shrink;

/* Fills in what follows from it: shrink_to_mean, around_level, count_extra and l2_bias, which is negative where it was
 * not given. The biases and the solver are set. local */
void dnmf_observed_set_shrink(dnmf_settings *settings, dnmf_shrink shrink, double l2_bias);

/* What the rows of factors are pulled towards; neither: zero, which is all that multiplicative updates know. local */
bool dnmf_observed_is_around_level(const dnmf_settings *settings);
bool dnmf_observed_shrinks_to_mean(const dnmf_settings *settings);

/* "level", "mean" or "zero" */
const char *dnmf_observed_center_name(const dnmf_settings *settings);

/* The level c of solve/observed.h: 0.3 of the root of the ratings' standard deviation; 0 where there is none. local */
double dnmf_observed_level(const dnmf_settings *settings, const dnmf_ratings *ratings);

/* The weight of a bias's penalty, of rows or columns, to be multiplied by the row's entries to the power. local */
double dnmf_observed_l2_bias(const dnmf_settings *settings, bool cols);
double dnmf_observed_bias_power(const dnmf_settings *settings);

/* The constant part of every prediction. local */
double dnmf_observed_mean(const dnmf_settings *settings, const dnmf_ratings *ratings);

/* The L2 weight used when none is given, for the settings' scale and what it pulls towards: of the ratings'
 * standard deviation with the square root of a row's count 1.15, with its count 0.12, raw 12; towards mean rows 1.1,
 * 0.105 and 14; towards zero three quarters of that. local */
double dnmf_observed_default_l2(const dnmf_settings *settings, const dnmf_ratings *ratings);

/* Creates the panels of the owned rows of W and columns of H with the random start, the same on any number of
 * processes: start_scale * sqrt(level / k) * |N(0,1)|, where `level` is what the product has to explain; around a level
 * c, that and start_scale * sqrt(deviation) N(0,1), where not negative. Without
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

/* The panels' biases become zero; the number stored for that is 0 only without a level. local */
void dnmf_observed_clear_biases(const dnmf_settings *settings, const dnmf_ratings *ratings, dnmf_panel *w,
                                dnmf_panel *h);

/* What the starts share. Both factors' owned rows, with room for a bias. local */
dnmf_status observed_start_create(dnmf_error *error, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                  dnmf_panel *w, dnmf_panel *h);

/* Random numbers in the components from `first` on. local */
void observed_start_put_random(const dnmf_settings *settings, const dnmf_ratings *ratings, int first, dnmf_panel *w,
                               dnmf_panel *h);

/* All of a random start. local */
void observed_start_at_random(const dnmf_settings *settings, const dnmf_ratings *ratings, dnmf_panel *w, dnmf_panel *h);

#endif
