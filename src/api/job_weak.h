/*
 * The phases of a fit that belong to weak zeros: settings and their defaults.
 */
#ifndef DNMF_API_JOB_WEAK_H
#define DNMF_API_JOB_WEAK_H

#include "api/fitting.h"

/* Weak zeros: their settings. local */
dnmf_status dnmf_fitting_plan_weak(dnmf_error *error, dnmf_fitting *f);
void dnmf_fitting_settle_weak(dnmf_fitting *f); /* once the entries are known */

#endif
