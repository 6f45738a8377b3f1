/*
 * What is asked of a page about a model.
 */
#ifndef DNMF_API_REPORT_JOB_H
#define DNMF_API_REPORT_JOB_H

#include "api/data.h"

typedef struct dnmf_report_job {
  const char *title;         /* NULL: made of the model's name */
  int64_t top;               /* columns a component */
  const char *labels;        /* a file with names of columns; NULL: none */
  const char *label_columns; /* as dnmf_labels_read */
  const dnmf_data *test;     /* entries that predictions are compared with; NULL: none */
} dnmf_report_job;

#endif
