/*
 * The readers behind dnmf_source_open, one a format.
 *
 * Each fills the shape, the ids, `missing`, `stored` and the load and close functions of `source`; its name and
 * the default treatment of duplicates are set before, and --transpose is applied afterwards. After a failure the caller
 * still closes the source.
 */
#ifndef DNMF_STORE_READERS_H
#define DNMF_STORE_READERS_H

#include "store/source.h"
#include "store/text/text_file.h"

/* Triples: a row id, a column id and a value a line. collective */
dnmf_status dnmf_open_triples(dnmf_context *context, const dnmf_text_file *file, const dnmf_source_options *options,
                              dnmf_source *source);

/* A dense table: a row of the matrix a line. collective */
dnmf_status dnmf_open_table(dnmf_context *context, const dnmf_text_file *file, const dnmf_source_options *options,
                            dnmf_source *source);

/* Matrix Market, coordinate or array. collective */
dnmf_status dnmf_open_matrix_market(dnmf_context *context, const dnmf_text_file *file,
                                    const dnmf_source_options *options, dnmf_source *source);

/* svmlight: a label and column:value pairs a line. collective */
dnmf_status dnmf_open_svmlight(dnmf_context *context, const dnmf_text_file *file, const dnmf_source_options *options,
                               dnmf_source *source);

/* A bag of words as the UCI repository has them. collective */
dnmf_status dnmf_open_docword(dnmf_context *context, const dnmf_text_file *file, const dnmf_source_options *options,
                              dnmf_source *source);

/* True when the first lines are three single whole numbers and three in a line. local */
bool dnmf_is_docword(const dnmf_text_file *file);

/* True when the first lines are a label and column:value pairs. local */
bool dnmf_is_svmlight(const dnmf_text_file *file);

/* A NumPy array of its own. collective */
dnmf_status dnmf_open_npy(dnmf_context *context, const char *path, dnmf_source *source);

/* An array or a sparse matrix of a NumPy archive; `inner` names an array, NULL: the one there is. collective */
dnmf_status dnmf_open_npz(dnmf_context *context, const char *path, const char *inner, dnmf_source *source);

/* A dataset or sparse group of an HDF5 file; `inner` names it, NULL: the one there is. collective */
dnmf_status dnmf_open_hdf5(dnmf_context *context, const char *path, const char *inner,
                           const dnmf_source_options *options, dnmf_source *source);

#endif
