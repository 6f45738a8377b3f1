/*
 * Entries of data in the rows and columns of a model, on the processes that own the model's rows: what rows have seen,
 * what they are held out.
 */
#ifndef DNMF_API_MODEL_ENTRIES_H
#define DNMF_API_MODEL_ENTRIES_H

#include "api/data.h"

/* Places `entries`, which have the model's rows and its columns (of which there may be more: `cols`), with the owners
 * of the rows; of several at one place `duplicates` says what becomes. Consumes the entries, also on failure. Released
 * with dnmf_placed_free, also after a failure. collective */
dnmf_status dnmf_model_entries_place(dnmf_context *context, const dnmf_model *model, int64_t cols,
                                     dnmf_duplicates duplicates, dnmf_entries *entries, dnmf_placed *placed);

/* The entries of data that are matched with the model by ids; warns of those in rows or columns that it does not have.
 * Released likewise. collective */
dnmf_status dnmf_model_entries_load(dnmf_context *context, const dnmf_model *model, const dnmf_data *data,
                                    dnmf_placed *placed);

#endif
