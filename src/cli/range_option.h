/* Options that name a range of rows or columns. */
#ifndef DNMF_CLI_RANGE_OPTION_H
#define DNMF_CLI_RANGE_OPTION_H

#include "dnmf/range.h"
#include "dnmf/status.h"

/* "A:B": A to B - 1, counted from 0; "A:" goes to the last, ":B" begins at the first; NULL is all of them. Fails on
 * an empty range, and on one that ends beyond `count` of `what` ("rows"). local */
dnmf_status cli_parse_range(dnmf_error *error, const char *option, const char *text, const char *what, int64_t count,
                            dnmf_range *range);

#endif
