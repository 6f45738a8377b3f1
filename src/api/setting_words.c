#include "api/setting_words.h"

#include "api/library.h"

#include <stdlib.h>
#include <string.h>

dnmf_status dnmf_choose_penalty_scale(dnmf_error *error, const char *text, int *scale, double *power) {
  static const char *const scales[] = {"auto", "raw", "dimension", "count", "sqrt-count", NULL};
  static const double powers[] = {0.5, 0, 0, 1, 0.5};
  char *end = NULL;
  const double number = text ? strtod(text, &end) : 0;
  if (text && end != text && !*end && number >= 0 && number <= 1) {
    *scale = DNMF_SCALE_COUNT;
    *power = number;
    return DNMF_OK;
  }
  DNMF_TRY(dnmf_choose(error, "--penalty-scale", text, scales, scale));
  *power = powers[*scale];
  return DNMF_OK;
}

/* --validation is a fraction when it is a number, else a file. */
bool dnmf_is_fraction(const char *text) {
  char *end = NULL;
  strtod(text, &end);
  return end != text && !*end;
}

dnmf_status dnmf_parse_fraction(dnmf_error *error, const char *text, double *fraction) {
  *fraction = strtod(text, NULL);
  if (!(*fraction > 0 && *fraction < 1))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--validation %s: give a fraction between 0 and 1, e.g. 0.1, or a file",
                     text);
  return DNMF_OK;
}
