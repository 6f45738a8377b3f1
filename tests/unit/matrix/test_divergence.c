/* Contributions to multiplicative updates against the formulas of divergence.h written out entry by entry. */
#include "matrix/divergence.h"

#include "blocks.h"

#include <math.h>

static const double betas[] = {1, 0, 0.5, 1.5, 3, -0.5};
enum { BETAS = sizeof betas / sizeof *betas };

/* Tiles are 64 x 64; blocks without rows or columns count too. */
static const block_shape shapes[] = {{1, 1}, {3, 5}, {64, 64}, {65, 63}, {67, 145}, {131, 20}, {0, 4}, {4, 0}, {0, 0}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static const int component_counts[] = {1, 3, 8, 17, 33};
enum { COMPONENT_COUNTS = sizeof component_counts / sizeof *component_counts };

/* One call and its results. */
typedef struct problem {
  dnmf_matrix a;
  dnmf_panel w, h, numerators, denominators;
  dnmf_divergence d;
  double *entries; /* A and P whole, row-major */
  double *products;
} problem;

/* Nonnegative, a fifth of it zeros, one row all zeros, where P is 0, and one times `small`. */
static dnmf_panel factor(int64_t rows, int components, dnmf_precision precision, dnmf_stream stream, double small) {
  dnmf_panel x = panel_of(rows, components, precision, stream);
  for (int64_t i = 0; i < rows; i++)
    for (int t = 0; t < components; t++) {
      double value = (dnmf_panel_get(&x, i, t) + 0.1) * (i == 3 ? small : 1);
      dnmf_panel_set(&x, i, t, value > 0 && i != 2 ? value : 0);
    }
  return x;
}

/* Two rows times this have subnormal products. With beta > 2 it is a power of them that is. */
static double small_factor(dnmf_precision precision, double beta) {
  if (beta > 2)
    return 1;
  return precision == DNMF_DOUBLE ? 1e-158 : 1e-20;
}

/* The first entry is subnormal; dense, some others are 0 where they may be. */
static void make_extreme(dnmf_matrix *a, double beta) {
  const double least = a->precision == DNMF_DOUBLE ? 1e-320 : 1e-43;
  if (a->rows * a->cols == 0)
    return;
  store(a->precision, a->sparse ? a->by_rows.value : a->dense, 0, least);
  if (a->sparse)
    store(a->precision, a->by_cols.value, 0, least);
  for (int64_t i = 3; i < a->rows && !a->sparse && beta > 0; i += 4)
    for (int64_t j = 3; j < a->cols; j += 4)
      store(a->precision, a->dense, i * a->cols + j, 0);
}

static problem make_problem(block_shape shape, int components, dnmf_precision precision, bool sparse, double beta,
                            bool transposed) {
  problem p = {.a = sparse ? sparse_block(shape, precision) : dense_block(shape, precision)};
  const int64_t rows = transposed ? shape.cols : shape.rows;
  const double small = small_factor(precision, beta);
  make_extreme(&p.a, beta);
  p.w = factor(shape.rows, components, precision, DNMF_STREAM_START_W, small);
  p.h = factor(shape.cols, components, precision, DNMF_STREAM_START_H, small);
  p.numerators = panel_of(rows, components, precision, DNMF_STREAM_FOLDS);
  p.denominators = panel_of(rows, components, precision, DNMF_STREAM_FOLDS);
  p.d = (dnmf_divergence){.beta = beta, .transposed = transposed, .want_loss = true};
  return p;
}

static void free_problem(problem *p) {
  dnmf_panel_free(&p->w);
  dnmf_panel_free(&p->h);
  dnmf_panel_free(&p->numerators);
  dnmf_panel_free(&p->denominators);
  free(p->entries);
  free(p->products);
  free_block(&p->a);
}

static void run(problem *p, dnmf_isa isa, int threads) {
  dnmf_context *context = test_context();
  context->isa = isa;
  context->threads = threads;
  p->d.w = &p->w;
  p->d.h = &p->h;
  p->d.numerators = &p->numerators;
  p->d.denominators = &p->denominators;
  assert_ok(dnmf_diverge(context, &p->a, &p->d));
}

static double entry_of(const dnmf_matrix *a, int64_t i, int64_t j) {
  if (!a->sparse)
    return load(a->precision, a->dense, i * a->cols + j);
  for (int64_t e = a->by_rows.start[i]; e < a->by_rows.start[i + 1]; e++)
    if (a->by_rows.index[e] == j)
      return load(a->precision, a->by_rows.value, e);
  return 0;
}

/* What the references work on. */
static void write_out(problem *p) {
  const int64_t cols = p->a.cols;
  const size_t count = (size_t)(p->a.rows * cols + 1);
  p->entries = calloc(count, sizeof(double));
  p->products = calloc(count, sizeof(double));
  assert_true(p->entries && p->products);
  for (int64_t i = 0; i < p->a.rows; i++)
    for (int64_t j = 0; j < cols; j++) {
      p->entries[i * cols + j] = entry_of(&p->a, i, j);
      for (int t = 0; t < p->w.components; t++)
        p->products[i * cols + j] += dnmf_panel_get(&p->w, i, t) * dnmf_panel_get(&p->h, j, t);
    }
}

static double floored(double p, bool wanted) {
  return p < DNMF_DIVERGENCE_FLOOR && wanted ? DNMF_DIVERGENCE_FLOOR : p;
}

static void assert_near(double got, double wanted, double size, dnmf_precision precision) {
  const double tolerance = precision == DNMF_DOUBLE ? 1e-12 : 1e-4;
  const double subnormal = precision == DNMF_DOUBLE ? 1e-307 : 1e-37;
  if (!(fabs(got - wanted) <= tolerance * size + subnormal))
    fail_msg("%.17g instead of %.17g", got, wanted);
}

/* Row r of the contributions. */
static void check_row(const problem *p, int64_t r) {
  const double beta = p->d.beta;
  const bool transposed = p->d.transposed;
  const dnmf_panel *fixed = transposed ? &p->w : &p->h;
  const int64_t step = transposed ? p->a.cols : 1;
  const int64_t begin = transposed ? r : r * p->a.cols;
  for (int t = 0; t < p->w.components; t++) {
    double numerator = 0;
    double denominator = 0;
    for (int64_t s = 0; s < fixed->rows; s++) {
      const double product = p->products[begin + s * step];
      const double a = p->entries[begin + s * step];
      const double f = dnmf_panel_get(fixed, s, t);
      numerator += a > 0 ? a * pow(floored(product, beta < 2), beta - 2) * f : 0;
      denominator += pow(floored(product, beta < 1), beta - 1) * f;
    }
    assert_near(dnmf_panel_get(&p->numerators, r, t), numerator, numerator, p->a.precision);
    if (beta != 1)
      assert_near(dnmf_panel_get(&p->denominators, r, t), denominator, denominator, p->a.precision);
  }
}

/* D(a | p), and in *size what it is the difference of. */
static double divergence(double beta, double a, double p, double *size) {
  const double q = floored(p, a > 0 || beta < 0);
  double terms[3] = {0, 0, 0};
  if (beta == 1) {
    terms[0] = a > 0 ? a * log(a / q) : 0;
    terms[1] = -a;
    terms[2] = p;
  } else if (beta == 0) {
    terms[0] = a / q;
    terms[1] = log(q) - log(a); /* not log(a / q): the quotient may have lost its digits */
    terms[2] = -1;
  } else {
    terms[0] = a > 0 ? pow(a, beta) / (beta * (beta - 1)) : 0;
    terms[1] = a > 0 ? -a * pow(q, beta - 1) / (beta - 1) : 0;
    terms[2] = pow(floored(p, beta < 0), beta) / beta;
  }
  *size += fabs(terms[0]) + fabs(terms[1]) + fabs(terms[2]);
  return terms[0] + terms[1] + terms[2];
}

static void check_loss(const problem *p) {
  const double beta = p->d.beta;
  double size = 1e-300;
  double sum = 0;
  double products = 0;
  for (int64_t place = 0; place < p->a.rows * p->a.cols; place++) {
    sum += divergence(beta, p->entries[place], p->products[place], &size);
    products += p->products[place];
  }
  const double powers = beta == 1 ? products : p->d.powers;
  assert_near(dnmf_divergence_total(beta, p->d.stored, powers), sum, size, p->a.precision);
}

static void check(block_shape shape, int components, dnmf_precision precision, dnmf_isa isa, bool sparse) {
  for (int b = 0; b < BETAS; b++)
    for (int transposed = 0; transposed < 2; transposed++) {
      if (sparse && betas[b] <= 0)
        continue;
      problem p = make_problem(shape, components, precision, sparse, betas[b], transposed);
      run(&p, isa, 2);
      write_out(&p);
      for (int64_t r = 0; r < p.numerators.rows; r++)
        check_row(&p, r);
      check_loss(&p);
      free_problem(&p);
    }
}

static void check_all(bool sparse) {
  for (int shape = 0; shape < SHAPES; shape++)
    for (int k = 0; k < COMPONENT_COUNTS; k++)
      for (int precision = 0; precision < DNMF_PRECISIONS; precision++)
        for (int isa = 0; isa <= (int)dnmf_isa_detect(); isa++)
          if (shapes[shape].rows * shapes[shape].cols < 1000 || component_counts[k] == 17)
            check(shapes[shape], component_counts[k], (dnmf_precision)precision, (dnmf_isa)isa, sparse);
}

static void dense_contributions_are_the_formulas(void **state) {
  (void)state;
  check_all(false);
}

static void sparse_contributions_are_the_formulas(void **state) {
  (void)state;
  check_all(true);
}

/* More rows and columns than tiles for every thread. */
static void threads_do_not_change_a_bit(void **state) {
  (void)state;
  const block_shape shape = {300, 333};
  for (int c = 0; c < BETAS * 4; c++) {
    const bool sparse = c % 2;
    const double beta = betas[c / 4];
    if (sparse && beta <= 0)
      continue;
    problem one = make_problem(shape, 5, DNMF_DOUBLE, sparse, beta, c / 2 % 2);
    run(&one, dnmf_isa_detect(), 1);
    for (int threads = 2; threads <= 3; threads++) {
      problem many = make_problem(shape, 5, DNMF_DOUBLE, sparse, beta, c / 2 % 2);
      run(&many, dnmf_isa_detect(), threads);
      assert_same_bits(&many.numerators, &one.numerators);
      assert_same_bits(&many.denominators, &one.denominators);
      assert_memory_equal(&many.d.stored, &one.d.stored, sizeof(double));
      assert_memory_equal(&many.d.powers, &one.d.powers, sizeof(double));
      free_problem(&many);
    }
    free_problem(&one);
  }
}

static void the_loss_is_left_out_unless_wanted(void **state) {
  (void)state;
  problem p = make_problem((block_shape){9, 17}, 3, DNMF_DOUBLE, false, 0.5, false);
  p.d.want_loss = false;
  run(&p, dnmf_isa_detect(), 1);
  assert_true(p.d.stored == 0 && p.d.powers == 0);
  write_out(&p);
  check_row(&p, 4);
  free_problem(&p);
}

/* The same factors of values a thousand times smaller: the floor is as much smaller, once values are small. */
static void the_floor_is_small_beside_the_values(void **state) {
  (void)state;
  dnmf_matrix a = {.sum = 3, .sum_squares = 3};
  assert_true(dnmf_divergence_floor(&a) == DNMF_DIVERGENCE_FLOOR);
  a.sum_squares = 3e-9;
  assert_near(dnmf_divergence_floor(&a), 1e-7 * DNMF_DIVERGENCE_FLOOR, 1e-14, DNMF_DOUBLE);
  a.sum = a.sum_squares = 0;
  assert_true(dnmf_divergence_floor(&a) == DNMF_DIVERGENCE_FLOOR);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(dense_contributions_are_the_formulas), mpi_test(sparse_contributions_are_the_formulas),
      mpi_test(threads_do_not_change_a_bit),          mpi_test(the_loss_is_left_out_unless_wanted),
      mpi_test(the_floor_is_small_beside_the_values),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
