/*
 * The folders that 10x Genomics' Cell Ranger and STARsolo write: a Matrix Market file of features x barcodes,
 * PREFIXmatrix.mtx, and beside it PREFIXbarcodes.tsv and PREFIXfeatures.tsv (genes.tsv), each perhaps packed.
 */
#ifndef DNMF_STORE_TENX_H
#define DNMF_STORE_TENX_H

#include "store/source.h"

enum { DNMF_TENX_PATH = 4096 };

/* Plain data, which can be broadcast. */
typedef struct dnmf_tenx {
  char matrix[DNMF_TENX_PATH];
  char barcodes[DNMF_TENX_PATH]; /* empty: there are none */
  char features[DNMF_TENX_PATH];
} dnmf_tenx;

/* What lies in the folder `path`, or beside the file `path`. Of a file that is not called so all are empty; fails for a
 * folder without a matrix and its names, or with several. local */
dnmf_status dnmf_tenx_find(dnmf_error *error, const char *path, dnmf_tenx *found);

/* The names and the types of features for an open source of found->matrix. `feature_names` is "id" (NULL) or "name".
 * collective */
dnmf_status dnmf_tenx_apply(dnmf_context *context, const dnmf_tenx *found, const char *feature_names,
                            dnmf_source *source);

#endif
