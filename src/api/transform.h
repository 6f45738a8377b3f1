/*
 * Rows of data folded into a model: what dnmf_model_transform, `dnmf transform` and `dnmf recommend --new` do.
 */
#ifndef DNMF_API_TRANSFORM_H
#define DNMF_API_TRANSFORM_H

#include "api/data.h"
#include "model/transform.h"

typedef struct dnmf_folding {
  dnmf_missing missing;
  dnmf_settings settings; /* how rows are fitted */
  dnmf_transform_result result;
  int64_t unknown_cols;    /* of the data, which the model does not have */
  int64_t unknown_entries; /* in them */
  int64_t absent_cols;     /* of the model, which the data do not have */
} dnmf_folding;

/* Gives the model the rows of `data`, whose columns are matched by ids, and their ids and provenance, in place of its
 * own. `known`, unless NULL, = the data's entries in the model's columns, for the caller to free, also after a failure.
 * Warns of what is left out. collective */
dnmf_status dnmf_fold_data(dnmf_context *context, const dnmf_data *data, dnmf_model *model, dnmf_entries *known,
                           dnmf_folding *folding);

#endif
