/*
 * Optimal assignment: each of n rows gets a column of its own, the sum of costs being the least there is
 * (shortest augmenting paths: Kuhn 1955, Jonker and Volgenant 1987), n^3 operations.
 */
#ifndef DNMF_ASSIGNMENT_H
#define DNMF_ASSIGNMENT_H

#include "base/status.h"

/* column[i] = the column of row i. `cost` is n x n, row by row, finite. Of equal sums the choice depends on the numbers
 * alone, so it is the same wherever it is made. Fails only for lack of memory. local */
dnmf_status dnmf_assign(dnmf_error *error, int n, const double *cost, int *column);

#endif
