/*
 * Data: a file by name, or arrays of the calling program as a source (store/source.h), so that whatever takes a matrix
 * takes either.
 */
#ifndef DNMF_API_DATA_H
#define DNMF_API_DATA_H

#include "dnmf.h"
#include "factor/model.h"
#include "store/source.h"

typedef enum dnmf_data_kind { DNMF_DATA_FILE = 0, DNMF_DATA_DENSE, DNMF_DATA_SPARSE, DNMF_DATA_TRIPLES } dnmf_data_kind;

struct dnmf_data {
  dnmf_data_kind kind;
  char *name;                                             /* of the file, or for messages */
  void (*opened)(void *state, const dnmf_source *source); /* called each time the data have been opened; NULL: none */
  void *state;                                            /* handed to it */

  /* A file. */
  dnmf_source_options options;
  char *texts[16]; /* copies that the options point to */

  /* Arrays. */
  int64_t rows;
  int64_t cols;
  int64_t stored; /* over all processes */
  bool single;    /* dense blocks in single precision, on every process that has one */
  dnmf_duplicates duplicates;
  dnmf_dense dense;
  dnmf_sparse sparse;
  dnmf_triples triples;
  dnmf_ids row_ids; /* of triples */
  dnmf_ids col_ids;
  int64_t *row_index; /* of each triple, where rows are ids; NULL: triples.rows */
  int64_t *col_index;
};

/* What entries that are not there are taken for. */
typedef enum dnmf_data_missing {
  DNMF_AS_DATA_HAVE_IT = 0,
  DNMF_AS_ZEROS = DNMF_MISSING_ZERO + 1,
  DNMF_AS_UNOBSERVED = DNMF_MISSING_UNOBSERVED + 1 /* also where only entries are wanted */
} dnmf_data_missing;

/* Data in a file; `options` are copied as they are, their texts are not. Destroyed with dnmf_data_destroy. local */
dnmf_status dnmf_data_of_file(dnmf_error *error, const char *name, const dnmf_source_options *options,
                              dnmf_data **data);

/* Opens data as a source, which must be closed before the data are destroyed. Released with dnmf_source_close, also
 * after a failure. collective */
dnmf_status dnmf_data_open(dnmf_context *context, const dnmf_data *data, dnmf_data_missing missing,
                           dnmf_source *source);

/* Released with dnmf_ids_free, also after a failure. local */
dnmf_status dnmf_ids_copy(dnmf_error *error, const dnmf_ids *from, dnmf_ids *to);

/* A matrix on a grid: the grid, its even layout, this process's block. */
typedef struct dnmf_placed {
  dnmf_grid grid;
  dnmf_layout layout;
  dnmf_matrix matrix;
} dnmf_placed;

/* The grid and its layout, without a block. Released with dnmf_placed_free, also after a failure. collective */
dnmf_status dnmf_place(dnmf_context *context, int grid_rows, int grid_cols, int64_t rows, int64_t cols,
                       dnmf_placed *placed);
void dnmf_placed_free(dnmf_placed *placed); /* collective; accepts a zeroed one */

/* Warns of entries that were merged and, where unstored entries are zeros, of rows and columns without data. local */
void dnmf_warn_about_matrix(dnmf_context *context, const dnmf_source *source, dnmf_missing missing,
                            const dnmf_matrix *matrix);

/* Opens data and loads them by whole rows, a block a process in rank order, a sparse matrix without by_cols; warns as
 * above. `source` stays open for its ids and names. Both are released also after a failure. collective */
dnmf_status dnmf_data_load_rows(dnmf_context *context, const dnmf_data *data, dnmf_data_missing missing,
                                dnmf_source *source, dnmf_placed *placed);

/* The same of data that belong to a model: the columns of svmlight files count as those that it was fitted to, and are
 * at least as many. collective */
dnmf_status dnmf_data_load_for_model(dnmf_context *context, const dnmf_data *data, const dnmf_model *model,
                                     dnmf_data_missing missing, dnmf_source *source, dnmf_placed *placed);

#endif
