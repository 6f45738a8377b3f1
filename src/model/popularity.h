/*
 * Popularity: how many observations each column has, and the columns in that order. It is what a model's lists are
 * compared with, and what rows without data are shown.
 */
#ifndef DNMF_POPULARITY_H
#define DNMF_POPULARITY_H

#include "factor/model.h"
#include "matrix/matrix.h"
#include "model/top.h"

/* The same on every process. */
typedef struct dnmf_popularity {
  int64_t cols;
  int64_t *counts; /* observations of every column */
  int64_t listed;  /* columns in `order` */
  int64_t *order;  /* most observations first, equal ones by column; columns without any are left out */
} dnmf_popularity;

/* Counts the entries of each of `cols` columns that `entries` (rows x cols, of any rows on each process) stores.
 * Released with dnmf_popularity_free, also after a failure. collective */
dnmf_status dnmf_popularity_of_entries(dnmf_context *context, int64_t cols, const dnmf_csr *entries,
                                       dnmf_popularity *popularity);

/* The counts that the model's fit had; *known is false, and they are 0, when the model does not hold any. Released
 * likewise. collective */
dnmf_status dnmf_popularity_of_fit(dnmf_context *context, const dnmf_model *model, bool *known,
                                   dnmf_popularity *popularity);

/* Leaves in the order the columns that may be listed: `listable` of the model's owned ones. With `all`, columns without
 * observations are added at its end. collective */
dnmf_status dnmf_popularity_restrict(dnmf_context *context, const dnmf_model *model, const bool *listable, bool all,
                                     dnmf_popularity *popularity);
void dnmf_popularity_free(dnmf_popularity *popularity); /* local; accepts a zeroed one */

/* list = the first columns of the order that are not among `seen` (ascending), at most as many as its capacity; their
 * scores are the counts. local */
void dnmf_popularity_list(const dnmf_popularity *popularity, const int32_t *seen, int64_t seen_count, dnmf_top *list);

#endif
