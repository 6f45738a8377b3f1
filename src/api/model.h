/*
 * Models behind the door: dnmf_model itself (factor/model.h), always as dnmf_model_read leaves it: even shares of rows
 * and columns by rank, factors in the precision of the fit.
 */
#ifndef DNMF_API_MODEL_H
#define DNMF_API_MODEL_H

#include "dnmf.h"
#include "factor/model.h"

/* A model on the heap, zeroed. local */
dnmf_status dnmf_model_create(dnmf_error *error, dnmf_model **model);

/* Fails on all processes where one of them gave no model. collective */
dnmf_status dnmf_model_check(dnmf_context *context, const char *function, const dnmf_model *model);

/* The end of every function that makes a model: hands it over, or destroys it. local */
int dnmf_model_hand_over(dnmf_library *library, dnmf_status status, dnmf_model *made, dnmf_model **model);

/* The same numbers in another precision, in place. local */
dnmf_status dnmf_panel_convert(dnmf_error *error, dnmf_precision precision, dnmf_panel *panel);

/* out = items wanted.begin ... wanted.end - 1 of something that processes hold in ranges, this one `held` in `mine`;
 * the ranges held are disjoint, in any order of processes; each process may want its own. collective */
dnmf_status dnmf_fetch_range(dnmf_context *context, dnmf_range held, const void *mine, size_t item_bytes,
                             dnmf_range wanted, void *out);

#endif
