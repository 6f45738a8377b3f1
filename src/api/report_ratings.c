/* What only models of ratings have: observations of rows and columns, biases. */
#include "api/report_panels.h"

dnmf_status dnmf_report_ratings(dnmf_context *context, const dnmf_model *model, const dnmf_report_job *job,
                                dnmf_page *page) {
  (void)context;
  (void)model;
  (void)job;
  (void)page;
  return DNMF_OK;
}
