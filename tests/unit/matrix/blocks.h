/*
 * Blocks of A and panels for tests of their arithmetic, without MPI, and the numbers in them one by one.
 */
#ifndef DNMF_TEST_BLOCKS_H
#define DNMF_TEST_BLOCKS_H

#include "base/random.h"
#include "matrix/matrix.h"
#include "matrix/panel.h"
#include "mpi_test.h"

#include <stdlib.h>
#include <string.h>

typedef struct block_shape {
  int64_t rows;
  int64_t cols;
} block_shape;

static inline double uniform(int64_t i, int64_t j, dnmf_stream stream) {
  return dnmf_random_uniform(5, stream, (uint64_t)i, (uint64_t)j);
}

static inline void store(dnmf_precision precision, void *data, int64_t place, double value) {
  if (precision == DNMF_DOUBLE)
    ((double *)data)[place] = value;
  else
    ((float *)data)[place] = (float)value;
}

static inline double load(dnmf_precision precision, const void *data, int64_t place) {
  return precision == DNMF_DOUBLE ? ((const double *)data)[place] : (double)((const float *)data)[place];
}

/* A block without MPI: the only process of a grid of one. */
static inline dnmf_matrix block(block_shape shape, dnmf_precision precision) {
  dnmf_matrix a = {.rows = shape.rows, .cols = shape.cols, .precision = precision};
  a.row_range.end = shape.rows;
  a.col_range.end = shape.cols;
  return a;
}

static inline dnmf_matrix dense_block(block_shape shape, dnmf_precision precision) {
  dnmf_matrix a = block(shape, precision);
  int64_t count = shape.rows * shape.cols;
  a.dense = count ? malloc((size_t)count * dnmf_precision_size(precision)) : NULL;
  for (int64_t i = 0; i < count; i++)
    store(precision, a.dense, i, uniform(i, 0, DNMF_STREAM_VALUES));
  return a;
}

/* Compressed rows of the entries of row-major `dense` that are not zero; of its transpose if asked. */
static inline dnmf_csr compress(const double *dense, block_shape shape, dnmf_precision precision, bool transposed) {
  dnmf_csr csr = {.rows = transposed ? shape.cols : shape.rows, .cols = transposed ? shape.rows : shape.cols};
  size_t room = (size_t)(shape.rows * shape.cols + 1);
  csr.start = calloc((size_t)csr.rows + 1, sizeof *csr.start);
  csr.index = malloc(room * sizeof *csr.index);
  csr.value = malloc(room * dnmf_precision_size(precision));
  int64_t stored = 0;
  for (int64_t i = 0; i < csr.rows; i++) {
    for (int64_t j = 0; j < csr.cols; j++) {
      double value = dense[transposed ? j * shape.cols + i : i * shape.cols + j];
      if (value == 0)
        continue;
      csr.index[stored] = (int32_t)j;
      store(precision, csr.value, stored++, value);
    }
    csr.start[i + 1] = stored;
  }
  return csr;
}

/* Rows of very different lengths: the first is full, every third empty, the others thin. */
static inline dnmf_matrix sparse_block(block_shape shape, dnmf_precision precision) {
  dnmf_matrix a = block(shape, precision);
  a.sparse = true;
  double *dense = calloc((size_t)(shape.rows * shape.cols + 1), sizeof *dense);
  for (int64_t i = 0; i < shape.rows; i++)
    for (int64_t j = 0; j < shape.cols; j++)
      if (i == 0 || (i % 3 != 1 && uniform(i, j, DNMF_STREAM_PATTERN) < 0.2))
        dense[i * shape.cols + j] = uniform(i, j, DNMF_STREAM_VALUES);
  a.by_rows = compress(dense, shape, precision, false);
  a.by_cols = compress(dense, shape, precision, true);
  free(dense);
  return a;
}

static inline void free_block(dnmf_matrix *a) {
  free(a->dense);
  dnmf_csr *halves[] = {&a->by_rows, &a->by_cols};
  for (int h = 0; h < 2; h++) {
    free(halves[h]->start);
    free(halves[h]->index);
    free(halves[h]->value);
  }
}

static inline dnmf_panel panel_of(int64_t rows, int components, dnmf_precision precision, dnmf_stream stream) {
  dnmf_panel panel;
  assert_ok(dnmf_panel_create(&test_context()->error, "a test panel", rows, components, precision, &panel));
  for (int64_t i = 0; i < rows; i++)
    for (int c = 0; c < components; c++)
      dnmf_panel_set(&panel, i, c, uniform(i, c, stream) - 0.3);
  return panel;
}

static inline size_t panel_bytes(const dnmf_panel *panel) {
  return (size_t)panel->rows * (size_t)panel->components * dnmf_precision_size(panel->precision);
}

static inline void assert_same_bits(const dnmf_panel *x, const dnmf_panel *y) {
  if (panel_bytes(x))
    assert_memory_equal(x->data, y->data, panel_bytes(x));
}

#endif
