/*
 * A model's factors put into an AnnData file (.h5ad), for scanpy and its kin: obsm/X_KEY (observations x components,
 * W), varm/KEY (variables x components, the transpose of H), and in uns/KEY where they come from.
 */
#ifndef DNMF_ANNDATA_H
#define DNMF_ANNDATA_H

#include "factor/model.h"

/* The file is copied to `copy` and the factors are added there; nothing else in it changes, and `path` itself is only
 * read. Rows are matched with observations and columns with variables by id, in whatever order; a model without ids
 * by position. Fails when the file has an observation or a variable that the model does not know, or has something
 * under these names already. collective */
dnmf_status dnmf_anndata_add(dnmf_context *context, const char *path, const char *copy, const char *key,
                             const char *model_name, const dnmf_model *model);

#endif
