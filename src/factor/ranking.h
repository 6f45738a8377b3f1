/*
 * A ranking: for each of some rows the columns that come first, with their scores. One line an entry, lines
 * ordered by row (ascending over the processes) and by place.
 */
#ifndef DNMF_RANKING_H
#define DNMF_RANKING_H

#include "matrix/ids.h"

typedef struct dnmf_ranking {
  int64_t count;            /* lines held here */
  int64_t *row;             /* global index; owned, as are the others */
  int64_t *place;           /* from 1, the best */
  int64_t *col;             /* global index */
  double *score;            /* NaN: none */
  int64_t *observations;    /* of the column; NULL: not told */
  dnmf_precision precision; /* what scores are printed to */
} dnmf_ranking;

/* What its rows and columns are called. */
typedef struct dnmf_ranking_names {
  const dnmf_ids *rows;
  const dnmf_ids *cols;
  const dnmf_ids *labels; /* of all columns, of kind STRING; NULL: none */
} dnmf_ranking_names;

/* Room for `count` lines. Released with dnmf_ranking_free, also after a failure. local */
dnmf_status dnmf_ranking_create(dnmf_error *error, int64_t count, dnmf_ranking *ranking);
void dnmf_ranking_free(dnmf_ranking *ranking); /* accepts a zeroed ranking */

#endif
