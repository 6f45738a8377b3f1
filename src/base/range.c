#include "base/range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

/* A bound at `*at`, which moves behind it; left as it is when there is none. */
static bool take_bound(const char **at, int64_t *bound) {
  char *end = NULL;
  if (**at < '0' || **at > '9')
    return true;
  errno = 0;
  long long value = strtoll(*at, &end, 10);
  *at = end;
  *bound = value;
  return errno == 0;
}

dnmf_status dnmf_range_parse(dnmf_error *error, const char *option, const char *text, const char *what, int64_t count,
                             dnmf_range *range) {
  const char *at = text;
  *range = (dnmf_range){0, count};
  if (!text)
    return DNMF_OK;
  bool read = take_bound(&at, &range->begin) && *at++ == ':' && take_bound(&at, &range->end) && !*at;
  if (!read)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "%s %s: give a range A:B, from A to before B, counted from 0; A: and :B leave an end open", option,
                     text);
  if (range->end > count || range->begin >= range->end)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "%s %s: %s; there are %" PRId64 " %s, the range of all is 0:%" PRId64,
                     option, text, range->end > count ? "the range goes beyond the last" : "the range is empty", count,
                     what, count);
  return DNMF_OK;
}
