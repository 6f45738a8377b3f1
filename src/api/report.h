/*
 * A page about a model, or about a search for the number of components: what `dnmf report` does.
 *
 * Every figure of the page is in the model, in its description (model/describe.h), in the evaluation on the entries
 * that are given, or in the search's result. The page is made on process 0; of factors it gets sampled rows only.
 */
#ifndef DNMF_API_REPORT_H
#define DNMF_API_REPORT_H

#include "api/report_job.h"
#include "page/page.h"

/* The page of a model, on process 0. `page` is zeroed; released with dnmf_page_free, also after a failure. collective
 */
dnmf_status dnmf_report_model(dnmf_context *context, const dnmf_model *model, const dnmf_report_job *job,
                              dnmf_page *page);

/* Writes process 0's page under its final name. collective */
dnmf_status dnmf_report_write(dnmf_context *context, const char *path, const dnmf_page *page);

#endif
