/*
 * The model's predictions for all of its rows and columns, as a dense matrix file.
 *
 * W H where unstored entries were zeros; mean' + b_i + b_j + w_i h_j for a model of ratings, and the mean of the
 * ratings with the known bias where a row or column has none (predict.h). Each process computes and writes its owned
 * rows, tile by tile; the columns of H pass by in tiles gathered from their owners. Memory: a tile of H and one of
 * the result, some tens of megabytes, whatever the size of the matrix.
 */
#ifndef DNMF_RECONSTRUCT_H
#define DNMF_RECONSTRUCT_H

#include "factor/model.h"
#include "store/hdf5/dense_file.h"

typedef struct dnmf_reconstruct_options {
  bool clip; /* to [smallest, largest] */
  double smallest;
  double largest;
  double mean;        /* predicted where nothing is known; for models of ratings */
  int64_t tile_bytes; /* of the result at a time; 0: 32 MiB */
} dnmf_reconstruct_options;

typedef struct dnmf_reconstruct_work {
  double compute_seconds; /* of the slowest process */
  double write_seconds;
} dnmf_reconstruct_work;

/* Fills `file`, which has the model's rows, columns and precision. collective */
dnmf_status dnmf_reconstruct(dnmf_context *context, const dnmf_model *model, const dnmf_reconstruct_options *options,
                             dnmf_dense_file *file, dnmf_reconstruct_work *work);

#endif
