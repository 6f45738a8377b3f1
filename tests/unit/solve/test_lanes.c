/* Systems in lanes against Gaussian elimination with pivoting, products against plain loops, of every variant. */
#include "eliminate.h"
#include "mpi_test.h"

#include "base/random.h"
#include "solve/lanes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 77 };

/* The variants that this machine runs. */
static void for_every_variant(void (*check)(const dnmf_lanes_kernel *kernel)) {
  static const dnmf_lanes_kernel *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_lanes_kernel);
  for (int precision = 0; precision < DNMF_PRECISIONS; precision++)
    for (int isa = 0; isa <= (int)dnmf_isa_detect(); isa++)
      check(kernels[precision][isa]);
}

static double uniform(uint64_t seed, int64_t i, int64_t j) {
  return dnmf_random_uniform(seed, DNMF_STREAM_VALUES, (uint64_t)i, (uint64_t)j);
}

static void *take(size_t count, size_t size) {
  void *memory = calloc(count + 1, size);
  assert_non_null(memory);
  return memory;
}

/* Numbers that must be written before they are read. */
static double *poisoned(size_t count) {
  double *values = take(count, sizeof *values);
  for (size_t i = 0; i < count; i++)
    values[i] = NAN;
  return values;
}

/* A matrix as lanes.h lays it out. */
typedef struct square {
  dnmf_lane_matrix matrix;
  double *entries;
} square;

/* common + F'F / rows with uniform F: the larger `common`, the nearer to singular. */
static square make_square(uint64_t seed, int order, double common) {
  const int rows = 2 * order + 5;
  const int stride = dnmf_lanes_round_up(order, DNMF_LANES_UNIT);
  square s = {.matrix = {order, stride, NULL},
              .entries = take(dnmf_lanes_matrix_doubles(order, stride), sizeof(double))};
  double *f = take((size_t)rows * (size_t)order, sizeof *f);
  for (int i = 0; i < rows; i++)
    for (int t = 0; t < order; t++)
      f[i * order + t] = uniform(seed, i, t);
  for (int t = 0; t < order; t++)
    for (int u = 0; u < order; u++) {
      double sum = common;
      for (int i = 0; i < rows; i++)
        sum += f[i * order + t] * f[i * order + u] / rows;
      s.entries[t * stride + u] = sum;
    }
  s.matrix.entries = s.entries;
  free(f);
  return s;
}

/* Systems for all lanes of a kernel. */
typedef struct systems {
  dnmf_lane_systems given;
  int size[DNMF_LANES_MOST];
  int *members;
  double *target;
  double *work;
  double *solution;
} systems;

static systems make_systems(const square *a, const dnmf_lanes_kernel *kernel, const int *size) {
  const int order = a->matrix.order;
  const int room = dnmf_lanes_round_up(order, DNMF_LANES_BLOCK);
  systems s = {.given = {.matrix = &a->matrix}};
  s.members = take((size_t)kernel->lanes * (size_t)room, sizeof(int));
  s.target = take((size_t)kernel->lanes * (size_t)order, sizeof(double));
  s.work = poisoned(dnmf_lanes_work_doubles(order));
  s.solution = poisoned((size_t)kernel->lanes * (size_t)room);
  for (int lane = 0; lane < kernel->lanes; lane++) {
    int *members = s.members + lane * room;
    int missing = order - size[lane]; /* leaves out every so many */
    for (int t = 0, m = 0; t < order; t++)
      if ((t + 1 + lane) * missing / order == (t + lane) * missing / order && m < size[lane])
        members[m++] = t, s.size[lane] = m;
    for (int m = s.size[lane]; m < room; m++)
      members[m] = order;
    for (int t = 0; t < order; t++)
      s.target[lane * order + t] = uniform(9, lane, t) - 0.5;
    s.given.members[lane] = members;
    s.given.target[lane] = s.size[lane] > 0 ? s.target + lane * order : NULL;
    s.given.size = s.size[lane] > s.given.size ? s.size[lane] : s.given.size;
  }
  s.given.size = dnmf_lanes_round_up(s.given.size, DNMF_LANES_BLOCK);
  return s;
}

static void free_systems(systems *s) {
  free(s->members);
  free(s->target);
  free(s->work);
  free(s->solution);
}

static void assert_lane(const square *a, const systems *s, int lanes, int lane, double tolerance) {
  const int n = s->size[lane];
  const int *members = s->given.members[lane];
  double *matrix = take((size_t)n * (size_t)n, sizeof(double));
  double *expected = take((size_t)n, sizeof(double));
  for (int i = 0; i < n; i++) {
    expected[i] = s->given.target[lane][members[i]];
    for (int j = 0; j < n; j++)
      matrix[i * n + j] = a->entries[members[i] * a->matrix.stride + members[j]];
  }
  assert_true(eliminate(n, matrix, expected));
  double largest = 0;
  for (int i = 0; i < n; i++)
    largest = fmax(largest, fabs(expected[i]));
  for (int i = 0; i < n; i++)
    if (!(fabs(s->solution[i * lanes + lane] - expected[i]) <= tolerance * largest))
      fail_msg("lane %d of %d, %d of %d components: entry %d is %.17g instead of %.17g", lane, lanes, n,
               a->matrix.order, i, s->solution[i * lanes + lane], expected[i]);
  free(expected);
  free(matrix);
}

static void check_sizes(const dnmf_lanes_kernel *kernel, int order, const int *size, double common, double tolerance) {
  square a = make_square((uint64_t)order, order, common);
  systems s = make_systems(&a, kernel, size);
  assert_true(kernel->solve(&s.given, s.work, s.solution));
  for (int lane = 0; lane < kernel->lanes; lane++)
    assert_lane(&a, &s, kernel->lanes, lane, tolerance);
  free_systems(&s);
  free(a.entries);
}

static void check_shapes(const dnmf_lanes_kernel *kernel) {
  for (int order = 1; order <= MOST; order += 1 + order / 6) {
    const int all[DNMF_LANES_MOST] = {order, order, order, order, order, order, order, order};
    const int mixed[DNMF_LANES_MOST] = {order, 0, order / 2, 1, order - 1, order / 3, 0, order};
    const int few[DNMF_LANES_MOST] = {order > 2 ? 3 : order, 1, 1, 0, 1, 1, 1, 1};
    const int none[DNMF_LANES_MOST] = {0};
    check_sizes(kernel, order, all, 0, 1e-10);
    check_sizes(kernel, order, mixed, 0, 1e-10);
    check_sizes(kernel, order, few, 0, 1e-10);
    check_sizes(kernel, order, none, 0, 1e-10);
  }
}

static void systems_of_any_sizes_are_solved(void **state) {
  (void)state;
  for_every_variant(check_shapes);
}

static void check_nearly_singular(const dnmf_lanes_kernel *kernel) {
  const int sizes[DNMF_LANES_MOST] = {40, 39, 20, 1, 2, 3, 4, 5};
  check_sizes(kernel, 40, sizes, 1e6, 1e-6);
}

static void nearly_singular_systems_are_solved(void **state) {
  (void)state;
  for_every_variant(check_nearly_singular);
}

/* A lane's bits do not depend on what the others hold. */
static void check_neighbours(const dnmf_lanes_kernel *kernel) {
  const int crowded[DNMF_LANES_MOST] = {13, 31, 7, 30, 29, 5, 1, 31};
  const int alone[DNMF_LANES_MOST] = {13};
  square a = make_square(3, 31, 0);
  systems many = make_systems(&a, kernel, crowded);
  systems one = make_systems(&a, kernel, alone);
  assert_true(kernel->solve(&many.given, many.work, many.solution));
  assert_true(kernel->solve(&one.given, one.work, one.solution));
  for (int i = 0; i < one.size[0]; i++)
    assert_memory_equal(one.solution + i * kernel->lanes, many.solution + i * kernel->lanes, sizeof(double));
  free_systems(&one);
  free_systems(&many);
  free(a.entries);
}

static void lanes_do_not_touch_each_other(void **state) {
  (void)state;
  for_every_variant(check_neighbours);
}

/* In one lane only, and there in the last pivot. */
static void check_indefinite(const dnmf_lanes_kernel *kernel) {
  for (int order = 2; order <= 10; order++) {
    const int with[DNMF_LANES_MOST] = {1, order};
    const int without[DNMF_LANES_MOST] = {1, 1};
    square a = make_square(4, order, 0);
    a.entries[(order - 1) * a.matrix.stride + order - 1] = -1;
    systems bad = make_systems(&a, kernel, with);
    systems good = make_systems(&a, kernel, without);
    good.members[0] = 0;
    good.members[dnmf_lanes_round_up(order, DNMF_LANES_BLOCK)] = 0;
    assert_false(kernel->solve(&bad.given, bad.work, bad.solution));
    assert_true(kernel->solve(&good.given, good.work, good.solution));
    free_systems(&good);
    free_systems(&bad);
    free(a.entries);
  }
}

static void indefinite_matrices_are_told(void **state) {
  (void)state;
  for_every_variant(check_indefinite);
}

static void check_combination(const dnmf_lanes_kernel *kernel) {
  for (int order = 1; order <= MOST; order += 3 + order / 4)
    for (int size = 0; size <= order; size += 1 + size / 2) {
      square a = make_square(5, order, 0);
      const int stride = a.matrix.stride;
      int *members = take((size_t)order, sizeof(int));
      double *values = take((size_t)order * (size_t)kernel->lanes, sizeof(double));
      double *target = take((size_t)stride, sizeof(double));
      double *out = poisoned((size_t)stride);
      for (int m = 0; m < size; m++) {
        members[m] = order - size + m;
        values[m * kernel->lanes] = uniform(6, m, 0) - 0.5;
      }
      for (int t = 0; t < order; t++)
        target[t] = uniform(7, t, 0);
      kernel->combine(&a.matrix, size, members, values, target, out);
      for (int t = 0; t < stride; t++) {
        double expected = -target[t];
        for (int m = 0; m < size; m++)
          expected += values[m * kernel->lanes] * a.entries[members[m] * stride + t];
        assert_true(fabs(out[t] - expected) <= 1e-13);
      }
      free(out);
      free(target);
      free(values);
      free(members);
      free(a.entries);
    }
}

static void rows_are_combined(void **state) {
  (void)state;
  for_every_variant(check_combination);
}

static void check_product(const dnmf_lanes_kernel *kernel) {
  enum { ROWS = 27 };
  for (int order = 1; order <= MOST; order += 3 + order / 4)
    for (int count = 0; count <= ROWS; count += 1 + count / 4) {
      square a = make_square(8, order, 0);
      const int stride = a.matrix.stride;
      double *x = take((size_t)ROWS * (size_t)stride, sizeof(double));
      double *y = poisoned((size_t)ROWS * (size_t)stride);
      const double *from[ROWS];
      double *to[ROWS];
      for (int r = 0; r < ROWS; r++) {
        from[r] = x + r * stride;
        to[r] = y + (ROWS - 1 - r) * stride; /* in any order */
        for (int t = 0; t < order; t++)
          x[r * stride + t] = uniform(9, r, t) - 0.5;
      }
      kernel->multiply(&a.matrix, -1, count, from, to);
      for (int r = 0; r < ROWS; r++)
        for (int t = 0; t < stride; t++) {
          double expected = 0;
          for (int s = 0; s < order; s++)
            expected -= a.entries[s * stride + t] * from[r][s];
          assert_true(r < count ? fabs(to[r][t] - expected) <= 1e-13 : isnan(to[r][t]));
        }
      free(y);
      free(x);
      free(a.entries);
    }
}

static void rows_are_multiplied(void **state) {
  (void)state;
  for_every_variant(check_product);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(systems_of_any_sizes_are_solved),
      mpi_test(nearly_singular_systems_are_solved),
      mpi_test(lanes_do_not_touch_each_other),
      mpi_test(indefinite_matrices_are_told),
      mpi_test(rows_are_combined),
      mpi_test(rows_are_multiplied),
  };
  return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}
