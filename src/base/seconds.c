#include "base/seconds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "00:10:00" */
static bool parse_clock(const char *text, double *seconds) {
  int hours = 0;
  int minutes = 0;
  int whole = 0;
  int length = 0;
  if (strspn(text, "0123456789:") != strlen(text))
    return false;
  if (sscanf(text, "%9d:%2d:%2d%n", &hours, &minutes, &whole, &length) != 3 || text[length])
    return false;
  *seconds = 3600.0 * hours + 60.0 * minutes + whole;
  return minutes < 60 && whole < 60;
}

bool dnmf_parse_seconds(const char *text, double *seconds, bool *has_unit) {
  static const struct {
    const char *unit;
    double seconds;
  } units[] = {{"", 1}, {"s", 1}, {"min", 60}, {"h", 3600}};
  char *end = NULL;
  *has_unit = true;
  if (parse_clock(text, seconds))
    return true;
  double number = strtod(text, &end);
  if (end == text || !isfinite(number) || number < 0)
    return false;
  *has_unit = *end != 0;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (strcmp(end, units[i].unit) == 0) {
      *seconds = number * units[i].seconds;
      return true;
    }
  return false;
}
