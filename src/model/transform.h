/*
 * Transforming: new rows folded into a model, H and the column biases fixed, under the same objective as the fit.
 *
 * The fit's own loop with H fixed. Unstored entries zero: the exact minimizer of
 * 1/2 |a - w H|^2 + l1 |w|_1 + 1/2 l2 |w|^2, w >= 0 (block principal pivoting, one iteration); under a divergence
 * multiplicative updates of all new rows from a flat start, until the fit's own tolerance or limit of iterations, as
 * scikit-learn's `transform`. Unobserved: the exact minimizer over a row's observed entries, its bias included when the
 * model has row biases, pulled towards the model's mean row where the fit did so; with weak zeros over all entries, as
 * the fit weighed them; the Kullback-Leibler loss is iterated
 * until the rows stand still.
 */
#ifndef DNMF_TRANSFORM_H
#define DNMF_TRANSFORM_H

#include "factor/model.h"
#include "fit/settings.h"

typedef struct dnmf_transform_result {
  double loss;        /* 1/2 squared error, or the divergence, over all entries that count */
  double penalty;     /* of the new rows */
  int64_t entries;    /* stored, in columns of the model */
  int64_t empty_rows; /* without any; they get zero */
  int iterations;     /* 1 where rows are solved exactly */
} dnmf_transform_result;

/* Reads off a model's provenance how its rows are to be fitted; a file without it, or by another version, gives zero
 * penalties and what `missing` says. local */
dnmf_status dnmf_transform_settings(dnmf_error *error, const dnmf_model *model, dnmf_missing *missing,
                                    dnmf_settings *settings);

/* Replaces the model's W and row biases by those of `rows` new rows, whose `entries` (in the model's columns;
 * consumed, also on failure) may be anywhere. owned_rows becomes this process's even share. collective */
dnmf_status dnmf_transform(dnmf_context *context, dnmf_missing missing, const dnmf_settings *settings, int64_t rows,
                           dnmf_entries *entries, dnmf_model *model, dnmf_transform_result *result);

#endif
