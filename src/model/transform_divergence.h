/* Folding rows in under a beta-divergence over zeros. */
#ifndef DNMF_MODEL_TRANSFORM_DIVERGENCE_H
#define DNMF_MODEL_TRANSFORM_DIVERGENCE_H

#include "model/transform.h"

/* dnmf_transform where options->loss is a divergence. collective */
dnmf_status dnmf_transform_divergence(dnmf_context *context, const dnmf_transform_options *options, int64_t rows,
                                      dnmf_entries *entries, dnmf_model *model, dnmf_transform_result *result);

#endif
