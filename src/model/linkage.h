/*
 * How well a tree of clusters shows distances: the cophenetic correlation (Sokal and Rohlf 1962), by which Brunet et
 * al. (2004) judge a consensus matrix.
 */
#ifndef DNMF_LINKAGE_H
#define DNMF_LINKAGE_H

#include "base/status.h"

/* The correlation of `distance` (n x n, symmetric, row by row; it is overwritten) with the heights at which average
 * linkage joins each two items. NaN where one of both is constant, or n < 3: there is nothing to correlate. The tree
 * is made along chains of nearest neighbours (Murtagh 1983), n^2 operations; of equal distances the chain's last but
 * one comes first, then the lowest number. Fails only for lack of memory. local */
dnmf_status dnmf_cophenetic(dnmf_error *error, int n, double *distance, double *correlation);

#endif
