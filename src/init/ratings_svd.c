#include "init/ratings_svd.h"

#include "ratings_sides.h"
#include "scalapack.h"

#include "base/memory.h"
#include "base/random.h"
#include "comm/collective.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Chosen on a held-out share of 15 million training ratings: the fit after fewer steps takes more iterations, which
 * take longer than the steps; without damping, rows with one or two ratings are too much of a vector. */
enum { STEPS = 5, FEWEST_BLOCKS = 3, MANY_COLUMNS = 512, DAMPING = 10 };

/* What is left of a block of squared norm 1 below this is rounding; squared singular values relative to the largest
 * below that are, in single precision. */
static const double negligible = 1e-20;
static const double rank_least = 1e-10;

typedef struct finder {
  dnmf_context *context;
  ratings_sides sides;
  ratings_side *near;
  ratings_side *far;
  int block;
  int blocks;
  int columns;       /* block * blocks */
  double *basis;     /* near rows x columns; a column that the space has no room for is zeros */
  double *z;         /* near rows x block */
  double *projected; /* columns x columns, symmetric: the squared ratings in the basis; then its eigenvectors */
  double *sums;      /* columns x block */
  double *values;    /* columns: eigenvalues, ascending */
} finder;

static dnmf_status ratings_finder_create(finder *f, const dnmf_ratings *ratings) {
  dnmf_error *error = &f->context->error;
  const int64_t columns = f->columns;
  int narrow = 0;
  void *memory = NULL;
  DNMF_TRY(ratings_sides_create(f->context, ratings, f->block, DAMPING, &f->sides));
  const int64_t rows = f->near->x.rows;
  DNMF_TRY(dnmf_int_count(f->context, "the basis of a start", rows * columns, &narrow));
  DNMF_TRY(dnmf_allocate_zero(error, "the basis of a start", rows * (columns + f->block), sizeof(double), &memory));
  f->basis = memory;
  f->z = f->basis + rows * columns;
  DNMF_TRY(
      dnmf_allocate_zero(error, "a small eigenproblem", columns * (columns + f->block + 1), sizeof(double), &memory));
  f->projected = memory;
  f->values = f->projected + columns * columns;
  f->sums = f->values + columns;
  return DNMF_OK;
}

/* sums (count x block) = the first `count` vectors of the basis times z, over all processes. */
static dnmf_status project(finder *f, int count) {
  const int rows = (int)f->near->x.rows;
  memset(f->sums, 0, (size_t)count * (size_t)f->block * sizeof(double));
  if (rows > 0 && count > 0)
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, count, f->block, rows, 1, f->basis, f->columns, f->z, f->block,
                0, f->sums, f->block);
  return dnmf_sum_doubles(f->context, f->context->comm, f->sums, (int64_t)count * f->block);
}

/* Eigenvalues, ascending, and eigenvectors, a row each, of a symmetric matrix: on process 0 for all, since processors
 * may round, and choose signs, each in its own way. */
static dnmf_status decompose(finder *f, int n, double *matrix, double *values) {
  dnmf_context *context = f->context;
  void *work = NULL;
  int info = 0;
  const int work_length = 34 * n + 2;
  dnmf_status status = DNMF_OK;
  if (context->rank == 0)
    status = dnmf_allocate(&context->error, "a small eigenproblem", work_length, sizeof(double), &work);
  if (context->rank == 0 && status == DNMF_OK)
    dsyev_("V", "L", &n, matrix, &n, values, work, &work_length, &info, 1, 1);
  free(work);
  if (info != 0)
    status =
        dnmf_fail(&context->error, DNMF_ERROR_LIBRARY, "the eigenvalues of a start did not converge (dsyev: %d)", info);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_broadcast(context, matrix, (int64_t)n * n * (int64_t)sizeof(double), 0));
  return dnmf_broadcast(context, values, n * (int64_t)sizeof(double), 0);
}

/* z = the basis' block `at` = an orthonormal basis of what z spans, zeros where that is less than `least` in square. */
static dnmf_status orthonormalize(finder *f, int at, double least) {
  const int b = f->block;
  const int rows = (int)f->near->x.rows;
  double *gram = f->sums;
  double *values = f->values;
  double *to = f->basis + (ptrdiff_t)at * b;
  memset(gram, 0, (size_t)b * (size_t)b * sizeof(double));
  if (rows > 0)
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, b, b, rows, 1, f->z, b, f->z, b, 0, gram, b);
  DNMF_TRY(dnmf_sum_doubles(f->context, f->context->comm, gram, (int64_t)b * b));
  DNMF_TRY(decompose(f, b, gram, values));
  for (int i = 0; i < b; i++)
    cblas_dscal(b, values[i] > least ? 1 / sqrt(values[i]) : 0, gram + (ptrdiff_t)i * b, 1);
  if (rows > 0)
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, b, b, 1, f->z, b, gram, b, 0, to, f->columns);
  for (int64_t row = 0; row < rows; row++)
    memcpy(f->z + row * b, to + row * f->columns, (size_t)b * sizeof(double));
  return DNMF_OK;
}

/* The basis' block `at` = an orthonormal basis of z, which is overwritten, orthogonal to the blocks before. Twice, for
 * the sake of rounding. */
static dnmf_status add_block(finder *f, int at) {
  const int b = f->block;
  const int rows = (int)f->near->x.rows;
  double squares = cblas_ddot(rows * b, f->z, 1, f->z, 1);
  DNMF_TRY(dnmf_sum_doubles(f->context, f->context->comm, &squares, 1));
  for (int pass = 0; pass < 2; pass++) {
    DNMF_TRY(project(f, at * b));
    if (rows > 0 && at > 0)
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, b, at * b, -1, f->basis, f->columns, f->sums, b, 1,
                  f->z, b);
    DNMF_TRY(orthonormalize(f, at, negligible * (pass == 0 ? squares : 1)));
  }
  return DNMF_OK;
}

static void take_z(finder *f) {
  for (int64_t row = 0; row < f->near->x.rows; row++)
    for (int c = 0; c < f->block; c++)
      f->z[row * f->block + c] = dnmf_panel_get(&f->near->x, row, c);
}

static void load_block(finder *f, int at) {
  const double *block = f->basis + (ptrdiff_t)at * f->block;
  for (int64_t row = 0; row < f->near->x.rows; row++)
    for (int c = 0; c < f->block; c++)
      dnmf_panel_set(&f->near->x, row, c, f->near->weight[row] * block[row * f->columns + c]);
}

/* One number of the random block. */
static double sketched(const finder *f, uint64_t seed, int64_t row, int column) {
  const dnmf_ratings_view *view = f->near->view;
  const int64_t entries = view->entries.start[row + 1] - view->entries.start[row];
  return sqrt((double)entries) *
         dnmf_random_normal(seed, DNMF_STREAM_SKETCH, (uint64_t)(view->owned.begin + row), (uint64_t)column);
}

static void sketch(finder *f, uint64_t seed) {
  for (int64_t row = 0; row < f->near->x.rows; row++)
    for (int c = 0; c < f->block; c++)
      f->z[row * f->block + c] = sketched(f, seed, row, c);
}

/* The projected matrix' block of the basis' vectors from `first` on and those of block `at`, and its mirror. */
static void put_sums(finder *f, int first, int count, int at) {
  const int64_t n = f->columns;
  for (int i = 0; i < count; i++)
    for (int c = 0; c < f->block; c++) {
      const int64_t j = (int64_t)at * f->block + c;
      f->projected[(first + i) * n + j] = f->projected[j * n + first + i] = f->sums[i * f->block + c];
    }
}

/* The basis Q, and Q'R'R Q for the weighted residuals R, which is made of the products that the basis is made of. */
static dnmf_status build_basis(finder *f, uint64_t seed) {
  const int b = f->block;
  const int last = f->blocks - 1;
  sketch(f, seed);
  DNMF_TRY(add_block(f, 0));
  for (int at = 0; at < last; at++) {
    load_block(f, at);
    DNMF_TRY(ratings_sides_multiply(&f->sides, f->near, f->far, true));
    DNMF_TRY(ratings_sides_multiply(&f->sides, f->far, f->near, false)); /* R'R Q(at) */
    take_z(f);
    DNMF_TRY(add_block(f, at + 1));
    take_z(f);
    DNMF_TRY(project(f, (at + 2) * b));
    put_sums(f, 0, (at + 2) * b, at);
  }
  load_block(f, last);
  DNMF_TRY(ratings_sides_multiply(&f->sides, f->near, f->far, false)); /* R Q(last) */
  DNMF_TRY(dnmf_agree(f->context, dnmf_panel_gram(f->context, &f->far->x, f->sums)));
  DNMF_TRY(dnmf_sum_doubles(f->context, f->context->comm, f->sums, (int64_t)b * b));
  put_sums(f, last * b, b, last);
  return DNMF_OK;
}

/* near.x = weights times the basis times the eigenvectors of the `components` largest values, largest first. */
static void combine_basis(finder *f, int components) {
  const int n = f->columns;
  for (int64_t row = 0; row < f->near->x.rows; row++)
    for (int t = 0; t < f->block; t++) {
      const double *vector = f->projected + (ptrdiff_t)(n - 1 - t) * n;
      const double x = t < components ? cblas_ddot(n, f->basis + row * n, 1, vector, 1) : 0;
      dnmf_panel_set(&f->near->x, row, t, f->near->weight[row] * x);
    }
}

/* Eigenvectors come with any sign: a vector's product with the first of the random block is made positive. */
static dnmf_status fix_signs(finder *f, uint64_t seed, int components) {
  double *sign = f->sums;
  memset(sign, 0, (size_t)components * sizeof *sign);
  for (int64_t row = 0; row < f->near->x.rows; row++) {
    const double random = sketched(f, seed, row, 0);
    for (int t = 0; t < components; t++)
      sign[t] += random * dnmf_panel_get(&f->near->x, row, t);
  }
  DNMF_TRY(dnmf_sum_doubles(f->context, f->context->comm, sign, components));
  for (int64_t row = 0; row < f->near->x.rows; row++)
    for (int t = 0; t < components; t++)
      if (sign[t] < 0)
        dnmf_panel_set(&f->near->x, row, t, -dnmf_panel_get(&f->near->x, row, t));
  return DNMF_OK;
}

/* The vectors as the result has them, from weight * v and weight * R v. */
static void finish(finder *f, double root_entries, const dnmf_ratings_svd *svd) {
  for (int t = 0; t < svd->components; t++) {
    const double size = svd->values[t] > 0 ? root_entries : 0;
    for (int64_t row = 0; row < f->near->x.rows; row++)
      dnmf_panel_set(&f->near->x, row, t, size * dnmf_panel_get(&f->near->x, row, t));
    for (int64_t row = 0; row < f->far->x.rows; row++)
      dnmf_panel_set(&f->far->x, row, t, size > 0 ? size / svd->values[t] * dnmf_panel_get(&f->far->x, row, t) : 0);
  }
}

/* Hands the vectors and biases over. */
static void give(finder *f, dnmf_ratings_svd *svd) {
  ratings_side *rows = f->sides.tall ? f->far : f->near;
  ratings_side *cols = f->sides.tall ? f->near : f->far;
  svd->rows = rows->x;
  svd->cols = cols->x;
  svd->row_bias = rows->bias;
  svd->col_bias = cols->bias;
  rows->x = cols->x = rows->bias = cols->bias = (dnmf_panel){0};
}

static dnmf_status find_ratings_svd(finder *f, int64_t entries, uint64_t seed, dnmf_ratings_svd *svd) {
  const int n = f->columns;
  DNMF_TRY(ratings_sides_fit_biases(&f->sides));
  DNMF_TRY(build_basis(f, seed));
  DNMF_TRY(decompose(f, n, f->projected, f->values));
  for (int t = 0; t < svd->components; t++) {
    const double square = f->values[n - 1 - t];
    svd->values[t] = square > rank_least * f->values[n - 1] ? sqrt(square) : 0;
  }
  combine_basis(f, svd->components);
  DNMF_TRY(fix_signs(f, seed, svd->components));
  DNMF_TRY(ratings_sides_multiply(&f->sides, f->near, f->far, true));
  finish(f, sqrt((double)entries), svd);
  give(f, svd);
  return DNMF_OK;
}

dnmf_status dnmf_ratings_svd_compute(dnmf_context *context, const dnmf_ratings *ratings, int components, uint64_t seed,
                                     dnmf_ratings_svd *svd) {
  finder f = {.context = context, .near = &f.sides.near, .far = &f.sides.far};
  const int64_t smaller = ratings->rows < ratings->cols ? ratings->rows : ratings->cols;
  void *values = NULL;
  *svd = (dnmf_ratings_svd){.components = components};
  f.block = (components + RATINGS_LANES) / RATINGS_LANES * RATINGS_LANES;
  f.blocks = STEPS + 1;
  while (f.blocks > FEWEST_BLOCKS && f.blocks * f.block > MANY_COLUMNS)
    f.blocks--;
  while (f.blocks > 1 && (int64_t)f.blocks * f.block > smaller)
    f.blocks--;
  f.columns = f.block * f.blocks;
  dnmf_status status = dnmf_allocate_zero(&context->error, "singular values", components, sizeof(double), &values);
  svd->values = values;
  if (status == DNMF_OK)
    status = ratings_finder_create(&f, ratings);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1); /* of BLAS and LAPACK, whose sums depend on it */
    status = find_ratings_svd(&f, ratings->stored, seed, svd);
    omp_set_num_threads(threads);
  }
  ratings_sides_free(&f.sides);
  free(f.basis);
  free(f.projected);
  return status;
}

void dnmf_ratings_svd_free(dnmf_ratings_svd *svd) {
  free(svd->values);
  dnmf_panel_free(&svd->rows);
  dnmf_panel_free(&svd->cols);
  dnmf_panel_free(&svd->row_bias);
  dnmf_panel_free(&svd->col_bias);
  *svd = (dnmf_ratings_svd){0};
}
