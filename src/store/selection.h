/*
 * Which rows and columns of a source take part.
 */
#ifndef DNMF_STORE_SELECTION_H
#define DNMF_STORE_SELECTION_H

#include "base/subset.h"

/* The rows and columns that are selected, of the matrix before. */
typedef struct dnmf_selection {
  dnmf_subset rows;
  dnmf_subset cols;
} dnmf_selection;

void dnmf_selection_free(dnmf_selection *selection); /* local; accepts NULL */

#endif
