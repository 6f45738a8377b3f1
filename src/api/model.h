/*
 * Models behind the door: dnmf_model itself (factor/model.h), always as dnmf_model_read leaves it: even shares of rows
 * and columns by rank, factors in the precision of the fit.
 */
#ifndef DNMF_API_MODEL_H
#define DNMF_API_MODEL_H

#include "comm/fetch_range.h"
#include "dnmf.h"
#include "factor/model.h"
#include "store/ids/match.h"

/* A model on the heap, zeroed. local */
dnmf_status dnmf_model_create(dnmf_error *error, dnmf_model **model);

/* The precision of factors that are read: that of the fit, or one that was asked for. */
enum { DNMF_AS_FITTED = 0, DNMF_IN_DOUBLE = DNMF_DOUBLE + 1, DNMF_IN_SINGLE = DNMF_SINGLE + 1 };

/* Reads a model file, or rows and columns of it (dnmf_model_read_part). Released with dnmf_model_free, also after a
 * failure. collective */
dnmf_status dnmf_model_open(dnmf_context *context, const char *path, int precision, dnmf_model *model);
dnmf_status dnmf_model_open_part(dnmf_context *context, const char *path, int precision, dnmf_range rows,
                                 dnmf_range cols, dnmf_model *model);

/* What entries are matched against that belong to a model. local */
dnmf_target dnmf_model_target(const dnmf_model *model);

/* Fails on all processes where one of them gave no model. collective */
dnmf_status dnmf_model_check(dnmf_context *context, const char *function, const dnmf_model *model);

/* Texts one after another, as ids of this process alone. Released with dnmf_ids_free, also after a failure. local */
dnmf_status dnmf_texts_pack(dnmf_error *error, const char *function, int64_t count, const char *const *texts,
                            dnmf_ids *packed);

/* index[i] = the position in the model of row (column) names[i], texts that this process holds; -1: there is none.
 * Warns where hardly any of `file` is there; NULL: not of a file. collective */
dnmf_status dnmf_find_names(dnmf_context *context, const dnmf_model *model, bool of_cols, const dnmf_ids *names,
                            const char *file, int64_t *index);

/* The end of every function that makes a model: hands it over, or destroys it. local */
int dnmf_model_hand_over(dnmf_library *library, dnmf_status status, dnmf_model *made, dnmf_model **model);

#endif
