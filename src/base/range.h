/*
 * Half-open ranges of global indices, and even splits of them.
 */
#ifndef DNMF_RANGE_H
#define DNMF_RANGE_H

#include "base/status.h"

#include <stdint.h>

typedef struct dnmf_range {
  int64_t begin;
  int64_t end;
} dnmf_range;

static inline int64_t dnmf_range_size(dnmf_range range) {
  return range.end - range.begin;
}

/* The part of `wanted` that lies in `held`; when empty, still a place in `held`. local */
static inline dnmf_range dnmf_range_overlap(dnmf_range wanted, dnmf_range held) {
  dnmf_range both = {wanted.begin > held.begin ? wanted.begin : held.begin,
                     wanted.end < held.end ? wanted.end : held.end};
  if (both.end <= both.begin)
    both.begin = both.end = held.begin;
  return both;
}

/* Part `index` of `range` split into `parts` parts whose sizes differ by at most one, the larger first; parts
 * are empty when there are more of them than items. local */
static inline dnmf_range dnmf_range_split(dnmf_range range, int parts, int index) {
  int64_t share = dnmf_range_size(range) / parts;
  int64_t extra = dnmf_range_size(range) % parts;
  int64_t begin = range.begin + share * index + (index < extra ? index : extra);
  dnmf_range part = {begin, begin + share + (index < extra ? 1 : 0)};
  return part;
}

/* "A:B": A to B - 1, counted from 0; "A:" goes to the last, ":B" begins at the first; NULL is all of them. Fails on
 * an empty range, and on one that ends beyond `count` of `what` ("rows"). local */
dnmf_status dnmf_range_parse(dnmf_error *error, const char *option, const char *text, const char *what, int64_t count,
                             dnmf_range *range);

#endif
