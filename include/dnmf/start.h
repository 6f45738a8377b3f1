/*
 * Starts: the first W and H. The same on every grid.
 */
#ifndef DNMF_START_H
#define DNMF_START_H

#include "dnmf/factor.h"
#include "dnmf/matrix.h"

/* |N(0,1)| * sqrt(mean(A) / k) for every entry (scikit-learn's scale). local */
void dnmf_start_random(const dnmf_matrix *a, uint64_t seed, dnmf_factor *w, dnmf_factor *h);

#endif
