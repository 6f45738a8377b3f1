/*
 * Evaluating a model on the entries of other data: what dnmf_model_evaluate and `dnmf evaluate` do.
 */
#ifndef DNMF_API_EVALUATE_H
#define DNMF_API_EVALUATE_H

#include "api/data.h"
#include "model/calibration.h"
#include "model/rank_metrics.h"

typedef struct dnmf_evaluate_job {
  const char *unknown;           /* words of dnmf_evaluate_settings */
  const char *clip;              /* likewise */
  dnmf_metrics_options ranking;  /* a `relevant` that is NaN: the mean of the fitted ratings */
  const dnmf_data *seen;         /* lists are made of the columns that a row does not have here; NULL: of the test's */
  dnmf_calibration *calibration; /* begun; all scored entries are added to it, and it is shared; NULL: none */
} dnmf_evaluate_job;

/* The same on every process. */
typedef struct dnmf_evaluated {
  double relevant; /* what it came to */
  bool clip;       /* likewise */
  int64_t entries; /* of the test */
  int64_t unknown; /* with a row or column that the model does not know */
  double rmse;     /* and mae: NaN where a fit took entries for strengths, which its scores do not guess */
  double mae;
  dnmf_metrics metrics;
  double interval_entries; /* scored with a deviation */
  double covered[2];       /* ... of which the value is in the 50 % and in the 90 % interval: dnmf_evaluation */
  double deviation;        /* their mean, without noise */

  /* With `seen`. */
  int64_t strange_rows; /* of the test with a relevant entry, not in the model */
  dnmf_rank_metrics lists;
  double list_seconds;
} dnmf_evaluated;

/* collective */
dnmf_status dnmf_evaluate_data(dnmf_context *context, const dnmf_model *model, const dnmf_data *test,
                               const dnmf_evaluate_job *job, dnmf_evaluated *evaluated);

#endif
