/*
 * Settings that are a word or a number.
 */
#ifndef DNMF_API_SETTING_WORDS_H
#define DNMF_API_SETTING_WORDS_H

#include "base/status.h"

#include <stdbool.h>

/* What --penalty-scale says: a word, or a number that is the power itself; `power` is that of DNMF_PENALTY_COUNT. local
 */
enum { DNMF_SCALE_AUTO = 0, DNMF_SCALE_RAW, DNMF_SCALE_DIMENSION, DNMF_SCALE_COUNT, DNMF_SCALE_SQRT_COUNT };
dnmf_status dnmf_choose_penalty_scale(dnmf_error *error, const char *text, int *scale, double *power);

/* Whether --validation is a fraction, which a number is; else a file. The fraction, between 0 and 1. local */
bool dnmf_is_fraction(const char *text);
dnmf_status dnmf_parse_fraction(dnmf_error *error, const char *text, double *fraction);

#endif
