/* Ranges of items, such as factor rows, from whoever holds them to whoever wants them. */
#ifndef DNMF_FETCH_RANGE_H
#define DNMF_FETCH_RANGE_H

#include "base/range.h"
#include "comm/context.h"

/* out = items wanted.begin ... wanted.end - 1 of something that processes hold in ranges, this one `held` in `mine`;
 * the ranges held are disjoint, in any order of processes; each process may want its own. collective */
dnmf_status dnmf_fetch_range(dnmf_context *context, dnmf_range held, const void *mine, size_t item_bytes,
                             dnmf_range wanted, void *out);

#endif
