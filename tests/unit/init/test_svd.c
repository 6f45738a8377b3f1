/* The truncated SVD beside LAPACK's of the whole matrix and ScaLAPACK's of the distributed one, on every grid, also
 * where processes own nothing. */
#include "base/random.h"
#include "comm/collective.h"
#include "grids.h"
#include "init/start.h"
#include "init/svd.h"
#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 5 };

typedef struct example {
  int rows;
  int cols;
  int components;
  int rank;     /* of the whole; more than the smaller side: full */
  double decay; /* of the weights of its rank-one terms */
  bool sparse;
} example;

/* Falling spectra, so that the leading values are there to be found; the smaller side exceeds components + 10
 * where the columns of the sketch are fewer than all. */
static const example examples[] = {
    {37, 29, 5, 29, 0.25, false}, {29, 37, 5, 29, 0.25, true}, {40, 31, 6, 4, 0.5, false}, {23, 7, 7, 7, 0.6, true},
    {5, 3, 3, 3, 0.5, false},     {2, 40, 2, 2, 0.5, true},    {33, 26, 1, 1, 1, false},   {1, 1, 1, 1, 1, false},
    {12, 12, 4, 0, 0, true},      {31, 31, 5, 0, 0, false},
};
enum { EXAMPLES = sizeof examples / sizeof *examples };

/* Nonnegative, row-major, the same on every process. Without terms: a permutation, whose values are all equal. */
static void fill_whole(const example *e, double *a) {
  memset(a, 0, (size_t)(e->rows * e->cols) * sizeof(double));
  for (int i = 0; e->rank == 0 && e->components > 2 && i < e->rows; i++)
    a[i * e->cols + 5 * i % e->cols] = 2;
  double weight = 1;
  for (int term = 0; term < e->rank; term++, weight *= e->decay)
    for (int i = 0; i < e->rows; i++)
      for (int j = 0; j < e->cols; j++) {
        double u = dnmf_random_uniform(1, DNMF_STREAM_PLANTED_W, (uint64_t)i, (uint64_t)term);
        double v = dnmf_random_uniform(1, DNMF_STREAM_PLANTED_H, (uint64_t)j, (uint64_t)term);
        a[i * e->cols + j] += e->sparse && u * v < 0.2 ? 0 : weight * u * v;
      }
}

/* A, its SVD, and the whole of both. */
typedef struct problem {
  dnmf_layout layout;
  dnmf_matrix a;
  dnmf_svd svd;
  double whole[MOST_SIDE * MOST_SIDE];
  double u[MOST_SIDE * MOST_SIDE];
  double v[MOST_SIDE * MOST_SIDE];
} problem;

static void gather(const dnmf_panel *panel, int64_t begin, int64_t rows, double *all) {
  dnmf_context *context = test_context();
  const int64_t k = panel->components;
  memset(all, 0, (size_t)(rows * k) * sizeof(double));
  memcpy(all + begin * k, panel->data ? panel->data : all, (size_t)(panel->rows * k) * sizeof(double));
  assert_ok(dnmf_sum_doubles(context, context->comm, all, rows * k));
}

static void create_matrix(const dnmf_grid *grid, const example *e, problem *p) {
  dnmf_context *context = test_context();
  *p = (problem){0};
  fill_whole(e, p->whole);
  assert_ok(dnmf_layout_even(&context->error, grid, e->rows, e->cols, &p->layout));
  dnmf_entries entries = {.items = malloc((size_t)(e->rows * e->cols) * sizeof(dnmf_entry))};
  assert_non_null(entries.items);
  for (int place = 0; place < e->rows * e->cols; place++)
    if (place % context->size == context->rank && (!e->sparse || p->whole[place] > 0))
      entries.items[entries.count++] = (dnmf_entry){place / e->cols, place % e->cols, p->whole[place]};
  assert_ok(
      dnmf_matrix_from_entries(context, &p->layout, DNMF_DOUBLE, e->sparse, DNMF_DUPLICATES_ERROR, &entries, &p->a));
  assert_ok(dnmf_matrix_finish(context, &p->layout, &p->a));
}

static void decompose(const dnmf_grid *grid, const example *e, problem *p) {
  create_matrix(grid, e, p);
  assert_ok(dnmf_svd_compute(test_context(), &p->layout, &p->a, NULL, e->components, SEED, &p->svd));
  gather(&p->svd.u, p->svd.owned_rows.begin, e->rows, p->u);
  gather(&p->svd.v, p->svd.owned_cols.begin, e->cols, p->v);
}

static void destroy(problem *p) {
  dnmf_svd_free(&p->svd);
  dnmf_matrix_free(&p->a);
  dnmf_layout_free(&p->layout);
}

static void check_values(const dnmf_grid *grid) {
  for (int at = 0; at < EXAMPLES; at++) {
    const example *e = &examples[at];
    problem p;
    double expected[MOST_SIDE];
    decompose(grid, e, &p);
    reference_values(e->rows, e->cols, p.whole, expected);
    for (int c = 0; c < e->components; c++)
      assert_true(fabs(p.svd.values[c] - expected[c]) <= 1e-6 * expected[c] + 1e-13 * expected[0]);
    destroy(&p);
  }
}

static void check_distributed_values(const dnmf_grid *grid) {
  for (int at = 0; at < 3; at++) {
    const example *e = &examples[at];
    problem p;
    double expected[MOST_SIDE];
    decompose(grid, e, &p);
    distributed_values(grid, e->rows, e->cols, p.whole, expected);
    for (int c = 0; c < e->components; c++)
      assert_true(fabs(p.svd.values[c] - expected[c]) <= 1e-6 * expected[c] + 1e-13 * expected[0]);
    destroy(&p);
  }
}

static void assert_orthonormal(const double *x, int rows, int k) {
  for (int c = 0; c < k; c++)
    for (int d = 0; d < k; d++) {
      double dot = 0;
      for (int i = 0; i < rows; i++)
        dot += x[i * k + c] * x[i * k + d];
      assert_true(fabs(dot - (c == d)) <= 1e-12);
    }
}

static void check_orthonormal(const dnmf_grid *grid) {
  for (int at = 0; at < EXAMPLES; at++) {
    const example *e = &examples[at];
    problem p;
    decompose(grid, e, &p);
    assert_orthonormal(p.u, e->rows, e->components);
    assert_orthonormal(p.v, e->cols, e->components);
    destroy(&p);
  }
}

/* A v = s u, entry by entry. */
static void check_pairs(const dnmf_grid *grid) {
  for (int at = 0; at < EXAMPLES; at++) {
    const example *e = &examples[at];
    const int k = e->components;
    problem p;
    decompose(grid, e, &p);
    for (int i = 0; i < e->rows; i++)
      for (int c = 0; c < k; c++) {
        double product = 0;
        for (int j = 0; j < e->cols; j++)
          product += p.whole[i * e->cols + j] * p.v[j * k + c];
        assert_true(fabs(product - p.svd.values[c] * p.u[i * k + c]) <= 1e-6 * p.svd.values[0]);
      }
    destroy(&p);
  }
}

static void check_signs(const dnmf_grid *grid) {
  for (int at = 0; at < EXAMPLES; at++) {
    const example *e = &examples[at];
    problem p;
    decompose(grid, e, &p);
    for (int c = 0; c < e->components; c++) {
      double largest = 0;
      for (int i = 0; i < e->rows; i++)
        if (fabs(p.u[i * e->components + c]) > fabs(largest) * (1 + 1e-7))
          largest = p.u[i * e->components + c];
      assert_true(largest > 0);
    }
    destroy(&p);
  }
}

/* W and H of an SVD start, whole. */
static void make_start(const dnmf_grid *grid, const example *e, double *w_all, double *h_all) {
  dnmf_context *context = test_context();
  problem p;
  dnmf_factor w;
  dnmf_factor h;
  create_matrix(grid, e, &p);
  assert_ok(dnmf_factor_create_w(context, &p.layout, e->components, DNMF_DOUBLE, &w));
  assert_ok(dnmf_factor_create_h(context, &p.layout, e->components, DNMF_DOUBLE, &h));
  assert_ok(dnmf_start_svd(context, &p.layout, &p.a, NULL, DNMF_SVD_FILL_RANDOM, SEED, &w, &h));
  gather(&w.mine, w.owned.begin, e->rows, w_all);
  gather(&h.mine, h.owned.begin, e->cols, h_all);
  dnmf_factor_free(&w);
  dnmf_factor_free(&h);
  destroy(&p);
}

static void assert_close(const double *x, const double *y, int count) {
  for (int i = 0; i < count; i++)
    assert_true(fabs(x[i] - y[i]) <= 1e-9);
}

/* Beside the start of one process, which every process makes by itself. */
static void check_start(const dnmf_grid *grid) {
  for (int at = 0; at < EXAMPLES; at++) {
    const example *e = &examples[at];
    dnmf_context *context = test_context();
    const dnmf_context all = *context;
    double w[2][MOST_SIDE * MOST_SIDE];
    double h[2][MOST_SIDE * MOST_SIDE];
    make_start(grid, e, w[0], h[0]);
    assert_ok(dnmf_context_init(context, MPI_COMM_SELF));
    dnmf_grid alone;
    assert_ok(dnmf_grid_create(context, 1, 1, &alone));
    make_start(&alone, e, w[1], h[1]);
    dnmf_grid_free(&alone);
    *context = all;
    assert_close(w[0], w[1], e->rows * e->components);
    assert_close(h[0], h[1], e->cols * e->components);
  }
}

static void test_values_are_lapacks(void **state) {
  (void)state;
  on_every_grid(check_values);
}

static void test_values_are_scalapacks(void **state) {
  (void)state;
  on_every_grid(check_distributed_values);
}

static void test_vectors_are_orthonormal(void **state) {
  (void)state;
  on_every_grid(check_orthonormal);
}

static void test_pairs_belong_together(void **state) {
  (void)state;
  on_every_grid(check_pairs);
}

static void test_largest_entry_of_a_left_vector_is_positive(void **state) {
  (void)state;
  on_every_grid(check_signs);
}

static void test_start_is_the_same_on_every_grid(void **state) {
  (void)state;
  on_every_grid(check_start);
}

static void test_zero_matrix_starts_at_zero(void **state) {
  (void)state;
  dnmf_grid grid;
  const example zeros = {9, 8, 2, 0, 1, true};
  double w[18];
  double h[16];
  assert_ok(dnmf_grid_create(test_context(), test_context()->size, 1, &grid));
  make_start(&grid, &zeros, w, h);
  for (int i = 0; i < 18; i++)
    assert_true(fabs(w[i]) <= 0);
  for (int i = 0; i < 16; i++)
    assert_true(fabs(h[i]) <= 0);
  dnmf_grid_free(&grid);
}

static void test_more_components_than_columns_are_refused(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  dnmf_grid grid;
  const example small = {5, 3, 4, 3, 0.5, false};
  problem p;
  dnmf_factor w;
  dnmf_factor h;
  assert_ok(dnmf_grid_create(context, 1, context->size, &grid));
  create_matrix(&grid, &small, &p);
  assert_ok(dnmf_factor_create_w(context, &p.layout, 4, DNMF_DOUBLE, &w));
  assert_ok(dnmf_factor_create_h(context, &p.layout, 4, DNMF_DOUBLE, &h));
  assert_int_equal(dnmf_start_svd(context, &p.layout, &p.a, NULL, DNMF_SVD_FILL_ZERO, SEED, &w, &h), DNMF_ERROR_USAGE);
  assert_non_null(strstr(context->error.text, "3"));
  dnmf_factor_free(&w);
  dnmf_factor_free(&h);
  destroy(&p);
  dnmf_grid_free(&grid);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(test_values_are_lapacks),
      mpi_test(test_values_are_scalapacks),
      mpi_test(test_vectors_are_orthonormal),
      mpi_test(test_pairs_belong_together),
      mpi_test(test_largest_entry_of_a_left_vector_is_positive),
      mpi_test(test_start_is_the_same_on_every_grid),
      mpi_test(test_zero_matrix_starts_at_zero),
      mpi_test(test_more_components_than_columns_are_refused),
  };
  return cmocka_run_group_tests_name("svd", tests, NULL, NULL);
}
