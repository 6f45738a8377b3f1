/*
 * Matrices and models on disk.
 *
 * A matrix file holds either /matrix, a 2-D dataset, or a sparse group in the AnnData layout (csr_matrix),
 * also /matrix, with optional /row_ids and /col_ids and the root attribute `missing` ("zero" or
 * "unobserved"). A model file holds /W (rows x components), /H (components x columns), /row_ids, /col_ids,
 * /mean_row and /mean_col (components) when L2 pulls W's rows and H's columns towards them, /bias/{mean,row,col} when
 * fitted, /implicit_terms/col (columns x (components + 1), of each draw) when the rows of ratings have implicit terms,
 * /observed/{row,col} (entries the fit saw of each) where unstored entries are unobserved, /consensus/stability
 * and /consensus/runs (components) of a consensus of several fits, /history/NAME, and the provenance as root
 * attributes. A checkpoint is a model file of a fit that is not done; what its kind of fit keeps beside W and H, such
 * as the best model so far on held-out entries, lies under /checkpoint/. Everything is written in parallel.
 */
#ifndef DNMF_FILE_H
#define DNMF_FILE_H

#include "factor/model.h"
#include "factor/ranking.h"
#include "matrix/matrix.h"

#include <stddef.h>

/* Writes a matrix partitioned by whole rows (a size x 1 grid, blocks in rank order) to `path` directly: pass
 * dnmf_output's partial name. Values are stored in float32 where that is exact, else in float64. collective
 */
dnmf_status dnmf_matrix_write(dnmf_context *context, const char *path, const dnmf_matrix *matrix, dnmf_missing missing,
                              const dnmf_ids *row_ids, const dnmf_ids *col_ids);

/* Adds to a matrix file what number an svmlight file gave its first column: 0 or 1. collective */
dnmf_status dnmf_matrix_set_base(dnmf_context *context, const char *path, int64_t base);

/* Adds to a file of a sparse matrix that it is a dense one: what is not stored are cells without a value, and zeros
 * are stored. collective */
dnmf_status dnmf_matrix_set_missing_cells(dnmf_context *context, const char *path, const dnmf_matrix *matrix);

/* The same as an AnnData file: the matrix as /X, rows are observations, columns variables; what has no ids is numbered
 * from 0. collective */
dnmf_status dnmf_matrix_write_anndata(dnmf_context *context, const char *path, const dnmf_matrix *matrix,
                                      dnmf_missing missing, const dnmf_ids *row_ids, const dnmf_ids *col_ids);

/* Starts HDF5. A program that does so before it starts MPI leaves nothing for HDF5 to do when MPI ends: there HDF5
 * crashes over a file that could not be written or closed. Idempotent. local */
void dnmf_hdf5_start(void);

/* "1.10.8", the HDF5 library in use, into `text`. local */
void dnmf_hdf5_version(char *text, size_t size);

/* *model = whether `path` is an HDF5 file with the datasets of a model. collective */
dnmf_status dnmf_is_model(dnmf_context *context, const char *path, bool *model);

/* Writes the model to `path` directly: pass dnmf_output's partial name. collective */
dnmf_status dnmf_model_write(dnmf_context *context, const char *path, const dnmf_model *model);

typedef struct dnmf_model_shape {
  int64_t rows;
  int64_t cols;
  int64_t components;
} dnmf_model_shape;

/* What a model file says of itself, without reading it. collective */
dnmf_status dnmf_model_inspect(dnmf_context *context, const char *path, dnmf_model_shape *shape);

/* Reads everything; rows and columns are owned in even shares by rank. `precision` is that of the panels.
 * Released with dnmf_model_free, also after a failure. collective */
dnmf_status dnmf_model_read(dnmf_context *context, const char *path, dnmf_precision precision, dnmf_model *model);

/* Reads the model of rows `rows` and columns `cols` of the file alone, which count from 0 in it; otherwise as
 * dnmf_model_read. Ranges are cut to what there is. collective */
dnmf_status dnmf_model_read_part(dnmf_context *context, const char *path, dnmf_precision precision, dnmf_range rows,
                                 dnmf_range cols, dnmf_model *model);

/* Reads shape, provenance and history only. Released with dnmf_model_free, also after a failure. collective */
dnmf_status dnmf_model_read_provenance(dnmf_context *context, const char *path, dnmf_model *model);

/* Reads the owned rows of what a checkpoint keeps under part->name into a panel that it creates: those of `rows` or
 * `cols`, or as many as there are components where the part is of neither side. The panel stays empty where the file
 * has none of that name. collective */
dnmf_status dnmf_checkpoint_read_part(dnmf_context *context, const char *path, const dnmf_model_part *part,
                                      dnmf_range rows, dnmf_range cols, int components, dnmf_precision precision,
                                      dnmf_panel *panel);

/* A file to start a fit from: /W, /H or both, of a model or not, and a model's biases. The caller sets the upper part:
 * the panels have been created with the right number of rows and components, with which the file must agree. */
typedef struct dnmf_start_file {
  const char *path;
  int64_t all_rows; /* of the matrix */
  int64_t all_cols;
  dnmf_range rows; /* wanted here, e.g. what this process owns on its grid */
  dnmf_range cols;
  dnmf_panel *w;
  dnmf_panel *h;
  double *row_bias; /* of those rows; NULL: not wanted; left alone when the file has none */
  double *col_bias;

  bool has_w; /* else `w` is as it was */
  bool has_h;
  bool has_biases;
  double mean;      /* what a model adds to every prediction; 0 without biases */
  double level;     /* of the fit that wrote it (solve/observed.h), or 0 */
  double largest_w; /* over all processes */
  double largest_h;
} dnmf_start_file;

/* Fails when a factor has another shape, or a number that is negative or not finite. collective */
dnmf_status dnmf_start_file_read(dnmf_context *context, dnmf_start_file *start);

/* What `export` writes. */
typedef enum dnmf_export_format {
  DNMF_EXPORT_TRIPLES, /* CSV with a header: row,column,value; stored entries only for a sparse matrix */
  DNMF_EXPORT_CSV,     /* a table with ids in the first line and column */
  DNMF_EXPORT_MATRIX_MARKET,
  DNMF_EXPORT_NPY,
  DNMF_EXPORT_NPZ /* an archive for scipy.sparse.load_npz, or with the array arr_0 */
} dnmf_export_format;

/* Writes a matrix partitioned by whole rows to `path` directly, each process its own bytes. collective */
dnmf_status dnmf_matrix_export(dnmf_context *context, const char *path, dnmf_export_format format,
                               const dnmf_matrix *matrix, const dnmf_ids *row_ids, const dnmf_ids *col_ids);

/* Writes a panel likewise, as rows x components: a factor's rows are owned in rank order and named by `ids`,
 * its columns are called component0, component1, ... H is exported this way too, one line a column of A.
 * collective */
dnmf_status dnmf_panel_export(dnmf_context *context, const char *path, dnmf_export_format format,
                              const dnmf_panel *panel, const dnmf_ids *ids);

/* Writes a ranking to `path` directly, each process its own lines: as CSV (row,rank,column,score, then observations
 * and label where there are any; no score is an empty field), or as HDF5 with the datasets row, col (ids: int64 where
 * they are integers, else strings; indices from 0 where there are none), rank, score (no score is NaN), observations
 * and label. collective */
dnmf_status dnmf_ranking_write_csv(dnmf_context *context, const char *path, const dnmf_ranking *ranking,
                                   const dnmf_ranking_names *names);
dnmf_status dnmf_ranking_write_hdf5(dnmf_context *context, const char *path, const dnmf_ranking *ranking,
                                    const dnmf_ranking_names *names);

#endif
