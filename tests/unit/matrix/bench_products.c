/*
 * How fast the local products are, beside BLAS. Built with the tests, run by hand:
 *   bench_products [ROWS COLS [SPARSE_ROWS SPARSE_COLS ENTRIES_A_ROW]]
 * Prints medians of interleaved repeats. BLAS threads follow OMP_NUM_THREADS.
 */
#include "base/memory.h"
#include "base/random.h"
#include "matrix/product.h"
#include "matrix/sweep.h"

#include <cblas.h>
#include <inttypes.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPEATS = 5, WAYS = 6, MOST_THREADS = 2 };

typedef struct problem {
  dnmf_context context;
  dnmf_matrix a;
  dnmf_panel h; /* columns of A x k */
  dnmf_panel w; /* rows of A x k */
  dnmf_panel rows_out;
  dnmf_panel cols_out;
} problem;

typedef void timed(problem *p);

static void require(problem *p, dnmf_status status) {
  if (status == DNMF_OK)
    return;
  fprintf(stderr, "bench_products: %s\n", p->context.error.text);
  exit(1);
}

static void ours(problem *p) {
  require(p, dnmf_multiply(&p->context, &p->a, &p->h, &p->rows_out));
}

static void ours_transposed(problem *p) {
  require(p, dnmf_multiply_transposed(&p->context, &p->a, &p->w, &p->cols_out));
}

static void one_pass(problem *p) {
  const size_t row_bytes = (size_t)p->w.components * dnmf_precision_size(p->a.precision);
  const int64_t step = dnmf_sweep_tile_rows(&p->context, (dnmf_number)p->a.precision, p->a.cols);
  dnmf_sweep sweep;
  require(p, dnmf_sweep_begin(&p->context, &p->a, &p->h, &sweep));
  for (int64_t row = 0; row < p->a.rows; row += step) {
    const dnmf_range tile = {row, row + step < p->a.rows ? row + step : p->a.rows};
    dnmf_sweep_multiply(&p->context, &sweep, tile, (char *)p->rows_out.data + (size_t)row * row_bytes);
    dnmf_sweep_accumulate(&p->context, &sweep, tile, (char *)p->w.data + (size_t)row * row_bytes);
  }
  dnmf_sweep_finish(&sweep, &p->cols_out);
}

static void blas(const problem *p, bool transposed, const dnmf_panel *in, const dnmf_panel *out) {
  const CBLAS_TRANSPOSE side = transposed ? CblasTrans : CblasNoTrans;
  const int rows = (int)out->rows, inner = (int)in->rows, k = in->components, stride = (int)p->a.cols;
  if (p->a.precision == DNMF_DOUBLE)
    cblas_dgemm(CblasRowMajor, side, CblasNoTrans, rows, k, inner, 1, p->a.dense, stride, in->data, k, 0, out->data, k);
  else
    cblas_sgemm(CblasRowMajor, side, CblasNoTrans, rows, k, inner, 1, p->a.dense, stride, in->data, k, 0, out->data, k);
}

static void blas_product(problem *p) {
  blas(p, false, &p->h, &p->rows_out);
}

static void blas_transposed(problem *p) {
  blas(p, true, &p->w, &p->cols_out);
}

static void gram(problem *p) {
  double *g = malloc((size_t)(p->w.components * p->w.components) * sizeof *g);
  require(p, dnmf_panel_gram(&p->context, &p->w, g));
  free(g);
}

static int ascending(const void *x, const void *y) {
  const double a = *(const double *)x, b = *(const double *)y;
  return (a > b) - (a < b);
}

/* Median seconds of each way, the ways taking turns. */
static void measure(problem *p, timed *const *ways, int count, double *seconds) {
  double all[WAYS][REPEATS];
  for (int repeat = -1; repeat < REPEATS; repeat++)
    for (int way = 0; way < count; way++) {
      double begin = omp_get_wtime();
      ways[way](p);
      if (repeat >= 0)
        all[way][repeat] = omp_get_wtime() - begin;
    }
  for (int way = 0; way < count; way++) {
    qsort(all[way], REPEATS, sizeof(double), ascending);
    seconds[way] = all[way][REPEATS / 2];
  }
}

static dnmf_panel random_panel(problem *p, int64_t rows, int k) {
  dnmf_panel panel;
  require(p, dnmf_panel_create(&p->context.error, "a panel", rows, k, p->a.precision, &panel));
  for (int64_t i = 0; i < rows; i++)
    for (int c = 0; c < k; c++)
      dnmf_panel_set(&panel, i, c, dnmf_random_uniform(1, DNMF_STREAM_START_W, (uint64_t)i, (uint64_t)c));
  return panel;
}

static void make_panels(problem *p, int k) {
  p->h = random_panel(p, p->a.cols, k);
  p->w = random_panel(p, p->a.rows, k);
  p->rows_out = random_panel(p, p->a.rows, k);
  p->cols_out = random_panel(p, p->a.cols, k);
}

static void free_panels(problem *p) {
  dnmf_panel *all[] = {&p->h, &p->w, &p->rows_out, &p->cols_out};
  for (int i = 0; i < 4; i++)
    dnmf_panel_free(all[i]);
}

static void fill(dnmf_precision precision, void *data, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    if (precision == DNMF_DOUBLE)
      ((double *)data)[i] = (double)(i * 7919 % 1000) / 1000;
    else
      ((float *)data)[i] = (float)(i * 7919 % 1000) / 1000;
}

static void bench_dense(problem *p, int64_t rows, int64_t cols, dnmf_precision precision) {
  static timed *const ways[] = {ours, blas_product, ours_transposed, blas_transposed, one_pass, gram};
  const int counts[] = {16, 32, 50, 100, 200};
  p->a =
      (dnmf_matrix){.rows = rows, .cols = cols, .precision = precision, .row_range.end = rows, .col_range.end = cols};
  require(p, dnmf_allocate(&p->context.error, "A", rows * cols, dnmf_precision_size(precision), &p->a.dense));
  fill(precision, p->a.dense, rows * cols);
  printf("\ndense %" PRId64 " x %" PRId64 ", %s, %s, GF/s\n", rows, cols, precision ? "single" : "double",
         dnmf_isa_name(p->context.isa));
  printf("%4s %8s %8s %8s %8s %8s %14s %10s\n", "k", "threads", "A P", "BLAS", "A'P", "BLAS", "one pass, ms",
         "gram, ms");
  for (int c = 0; c < 5; c++) {
    make_panels(p, counts[c]);
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
      double seconds[WAYS];
      p->context.threads = threads;
      omp_set_num_threads(threads);
      measure(p, ways, 6, seconds);
      const double work = 2e-9 * (double)rows * (double)cols * counts[c];
      printf("%4d %8d %8.1f %8.1f %8.1f %8.1f %14.1f %10.2f\n", counts[c], threads, work / seconds[0],
             work / seconds[1], work / seconds[2], work / seconds[3], 1e3 * seconds[4], 1e3 * seconds[5]);
    }
    free_panels(p);
  }
  free(p->a.dense);
}

/* `per_row` entries a row, one in each of as many equal parts of the columns. */
static dnmf_csr stratified(problem *p, int64_t rows, int64_t cols, int64_t per_row) {
  dnmf_csr a = {.rows = rows, .cols = cols};
  void *start = NULL, *index = NULL;
  dnmf_error *error = &p->context.error;
  require(p, dnmf_allocate(error, "row starts", rows + 1, sizeof(int64_t), &start));
  require(p, dnmf_allocate(error, "columns", rows * per_row, sizeof(int32_t), &index));
  require(p, dnmf_allocate(error, "values", rows * per_row, dnmf_precision_size(p->a.precision), &a.value));
  a.start = start;
  a.index = index;
  for (int64_t i = 0; i <= rows; i++)
    a.start[i] = i * per_row;
  for (int64_t e = 0; e < rows * per_row; e++) {
    const double place = (double)(e % per_row) + dnmf_random_uniform(1, DNMF_STREAM_PATTERN, (uint64_t)e, 0);
    a.index[e] = (int32_t)(place * (double)cols / (double)per_row);
  }
  fill(p->a.precision, a.value, rows * per_row);
  return a;
}

static void free_csr(dnmf_csr *a) {
  free(a->start);
  free(a->index);
  free(a->value);
}

static void bench_sparse(problem *p, int64_t rows, int64_t cols, int64_t per_row, dnmf_precision precision) {
  static timed *const ways[] = {ours, ours_transposed};
  const int counts[] = {16, 50};
  const double stored = (double)(rows * per_row);
  const double entry_bytes = (double)(sizeof(int32_t) + dnmf_precision_size(precision));
  p->a = (dnmf_matrix){.rows = rows, .cols = cols, .sparse = true, .precision = precision};
  p->a.by_rows = stratified(p, rows, cols, per_row);
  p->a.by_cols = stratified(p, cols, rows, rows * per_row / cols);
  printf("\nsparse %" PRId64 " x %" PRId64 ", %.1f M stored, %s: GF/s (GB/s of entries read once)\n", rows, cols,
         1e-6 * stored, precision ? "single" : "double");
  printf("%4s %8s %16s %16s\n", "k", "threads", "A P", "A'P");
  for (int c = 0; c < 2; c++) {
    make_panels(p, counts[c]);
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
      double seconds[WAYS];
      p->context.threads = threads;
      measure(p, ways, 2, seconds);
      printf("%4d %8d", counts[c], threads);
      for (int way = 0; way < 2; way++)
        printf(" %7.1f (%6.1f)", 2e-9 * stored * counts[c] / seconds[way], 1e-9 * stored * entry_bytes / seconds[way]);
      printf("  %.1f + %.1f ms\n", 1e3 * seconds[0], 1e3 * seconds[1]);
    }
    free_panels(p);
  }
  free_csr(&p->a.by_rows);
  free_csr(&p->a.by_cols);
}

static int64_t argument(int argc, char **argv, int place, int64_t otherwise) {
  return argc > place ? strtoll(argv[place], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
  problem p = {.context = {.isa = dnmf_isa_detect(), .threads = 1, .size = 1}};
  for (int precision = 0; precision < DNMF_PRECISIONS; precision++) {
    bench_dense(&p, argument(argc, argv, 1, 20000), argument(argc, argv, 2, 4000), (dnmf_precision)precision);
    bench_sparse(&p, argument(argc, argv, 3, 138000), argument(argc, argv, 4, 27000), argument(argc, argv, 5, 135),
                 (dnmf_precision)precision);
  }
  return 0;
}
