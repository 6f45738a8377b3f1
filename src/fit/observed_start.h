/*
 * What the starts of an observed-only fit share.
 */
#ifndef DNMF_FIT_OBSERVED_START_H
#define DNMF_FIT_OBSERVED_START_H

#include "fit/observed_fit.h"

/* Both factors' owned rows, with room for a bias. local */
dnmf_status observed_start_create(dnmf_error *error, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                  dnmf_panel *w, dnmf_panel *h);

/* Random numbers in the components from `first` on. local */
void observed_start_put_random(const dnmf_settings *settings, const dnmf_ratings *ratings, int first, dnmf_panel *w,
                               dnmf_panel *h);

/* All of a random start. local */
void observed_start_at_random(const dnmf_settings *settings, const dnmf_ratings *ratings, dnmf_panel *w, dnmf_panel *h);

#endif
