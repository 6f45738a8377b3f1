/*
 * The parts of a model's page (api/report.h), each a function that puts its sections. Figures that other processes hold
 * are fetched by collective functions; only process 0 has the page, the others pass an empty one, which stays empty.
 */
#ifndef DNMF_API_REPORT_PANELS_H
#define DNMF_API_REPORT_PANELS_H

#include "api/report_job.h"
#include "page/page.h"

/* What it is, how it was fitted, how it ended; the course of the fit; where the time went. local */
void dnmf_report_facts(dnmf_page *page, const dnmf_model *model);
void dnmf_report_course(dnmf_page *page, const dnmf_model *model);

/* The share of each component, its strongest columns, both factors as heat maps. collective */
dnmf_status dnmf_report_components(dnmf_context *context, const dnmf_model *model, const dnmf_report_job *job,
                                   dnmf_page *page);
dnmf_status dnmf_report_factors(dnmf_context *context, const dnmf_model *model, const int *order, dnmf_page *page);

/* Of a model of ratings: observations, biases, and with test entries the calibration. collective */
dnmf_status dnmf_report_ratings(dnmf_context *context, const dnmf_model *model, const dnmf_report_job *job,
                                dnmf_page *page);

#endif
