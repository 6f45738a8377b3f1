/* Online fits through the door, beside the same batches in plain loops. */
#include "dnmf.h"
#include "mpi_test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 11, COLS = 7, COMPONENTS = 3, BATCHES = 3 };

static const double KEEP = 0.8;
static const double PENALTIES[4] = {0.01, 0.02, 0.03, 0.04}; /* l1_w, l1_h, l2_w, l2_h */

/* What an online fit holds, on every process. */
typedef struct plain_fit {
  double h[COMPONENTS * COLS];
  double numerators[COMPONENTS * COLS];
  double denominators[COMPONENTS * COLS];
} plain_fit;

/* A batch and its rows of W; all positive, so that every divergence is finite. */
typedef struct plain_batch {
  double a[ROWS * COLS];
  double w[ROWS * COMPONENTS];
} plain_batch;

static double divergence(double beta, double a, double p) {
  if (beta == 1)
    return a * log(a / p) - a + p;
  if (beta == 0)
    return a / p - log(a / p) - 1;
  return (pow(a, beta) + (beta - 1) * pow(p, beta) - beta * a * pow(p, beta - 1)) / (beta * (beta - 1));
}

static double step_exponent(double beta) {
  return beta < 1 ? 1 / (2 - beta) : beta > 2 ? 1 / (beta - 1) : 1;
}

static double product(const plain_batch *batch, const plain_fit *fit, int i, int j) {
  double p = 0;
  for (int c = 0; c < COMPONENTS; c++)
    p += batch->w[i * COMPONENTS + c] * fit->h[c * COLS + j];
  return p;
}

/* One multiplicative update of the batch's rows. */
static void plain_update_w(double beta, const plain_fit *fit, plain_batch *batch) {
  plain_batch before = *batch;
  for (int i = 0; i < ROWS; i++)
    for (int c = 0; c < COMPONENTS; c++) {
      double n = 0;
      double d = COLS * (PENALTIES[0] + PENALTIES[2] * before.w[i * COMPONENTS + c]);
      for (int j = 0; j < COLS; j++) {
        const double p = product(&before, fit, i, j);
        n += before.a[i * COLS + j] * pow(p, beta - 2) * fit->h[c * COLS + j];
        d += pow(p, beta - 1) * fit->h[c * COLS + j];
      }
      batch->w[i * COMPONENTS + c] *= pow(n / d, step_exponent(beta));
    }
}

/* The batch into H; its objective with the H before. */
static double plain_learn(double beta, const plain_batch *batch, plain_fit *fit) {
  const double g = step_exponent(beta);
  plain_fit before = *fit;
  double objective = 0;
  for (int i = 0; i < ROWS; i++) {
    for (int j = 0; j < COLS; j++)
      objective += divergence(beta, batch->a[i * COLS + j], product(batch, fit, i, j));
    for (int c = 0; c < COMPONENTS; c++)
      objective +=
          COLS * (PENALTIES[0] + 0.5 * PENALTIES[2] * batch->w[i * COMPONENTS + c]) * batch->w[i * COMPONENTS + c];
  }
  for (int c = 0; c < COMPONENTS; c++)
    for (int j = 0; j < COLS; j++) {
      double n = 0;
      double d = ROWS * (PENALTIES[1] + PENALTIES[3] * before.h[c * COLS + j]);
      objective += ROWS * (PENALTIES[1] + 0.5 * PENALTIES[3] * before.h[c * COLS + j]) * before.h[c * COLS + j];
      for (int i = 0; i < ROWS; i++) {
        const double p = product(batch, &before, i, j);
        n += batch->a[i * COLS + j] * pow(p, beta - 2) * batch->w[i * COMPONENTS + c];
        d += pow(p, beta - 1) * batch->w[i * COMPONENTS + c];
      }
      fit->numerators[c * COLS + j] = KEEP * fit->numerators[c * COLS + j] + pow(before.h[c * COLS + j], 1 / g) * n;
      fit->denominators[c * COLS + j] = KEEP * fit->denominators[c * COLS + j] + d;
      fit->h[c * COLS + j] = pow(fit->numerators[c * COLS + j] / fit->denominators[c * COLS + j], g);
    }
  return objective;
}

static void plain_start(plain_fit *fit) {
  for (int c = 0; c < COMPONENTS; c++)
    for (int j = 0; j < COLS; j++) {
      fit->h[c * COLS + j] = fit->numerators[c * COLS + j] = 0.5 + (c * 5 + j * 3) % 7 * 0.25;
      fit->denominators[c * COLS + j] = 1;
    }
}

static void plain_fill(int number, plain_batch *batch) {
  for (int i = 0; i < ROWS; i++) {
    for (int j = 0; j < COLS; j++)
      batch->a[i * COLS + j] = 0.5 + (i * 7 + j * 11 + number * 5) % 13;
    for (int c = 0; c < COMPONENTS; c++)
      batch->w[i * COMPONENTS + c] = 0.25 + (i + 2 * c + number) % 5;
  }
}

/* A library on the test's processes, and this one's rows of every batch. */
typedef struct online_door {
  dnmf_library *handle;
  int64_t first;
  int64_t rows;
  dnmf_online_settings settings;
} online_door;

static void succeed(const online_door *d, int status) {
  if (status != DNMF_SUCCESS)
    fail_msg("%s", dnmf_library_error(d->handle));
}

static void expect(const online_door *d, int status, int expected, const char *words) {
  if (status != expected || !strstr(dnmf_library_error(d->handle), words))
    fail_msg("status %d, \"%s\"; expected %d, \"%s\"", status, dnmf_library_error(d->handle), expected, words);
}

/* The last process has no rows, where there are several. */
static void open_online_door(online_door *d) {
  const int rank = test_context()->rank;
  const int sharers = test_context()->size > 1 ? test_context()->size - 1 : 1;
  assert_int_equal(dnmf_library_create(test_context()->comm, &d->handle), DNMF_SUCCESS);
  d->first = rank < sharers ? ROWS * rank / sharers : ROWS;
  d->rows = rank < sharers ? ROWS * (rank + 1) / sharers - d->first : 0;
  dnmf_online_settings_init(&d->settings);
  d->settings.keep = KEEP;
  d->settings.l1_w = PENALTIES[0];
  d->settings.l1_h = PENALTIES[1];
  d->settings.l2_w = PENALTIES[2];
  d->settings.l2_h = PENALTIES[3];
}

/* Rows of numbers, `cols` each, of which `rows` are this process's. */
static dnmf_data *dense_rows(const online_door *d, int64_t rows, int64_t cols, const double *values) {
  dnmf_dense dense;
  dnmf_data *data = NULL;
  dnmf_dense_init(&dense);
  dense.rows = rows;
  dense.cols = cols;
  dense.values = values;
  succeed(d, dnmf_data_from_dense(d->handle, -1, cols, &dense, &data));
  return data;
}

/* Numbers of the size of H, all of them on process 0. */
static dnmf_data *columns_of_h(const online_door *d, const double *values) {
  return dense_rows(d, test_context()->rank == 0 ? COMPONENTS : 0, COLS, values);
}

static dnmf_data *sparse_rows(const online_door *d, const double *values, int64_t *starts, int64_t *cols) {
  dnmf_sparse sparse;
  dnmf_data *data = NULL;
  for (int64_t row = 0; row <= d->rows; row++)
    starts[row] = row * COLS;
  for (int64_t e = 0; e < d->rows * COLS; e++)
    cols[e] = e % COLS;
  dnmf_sparse_init(&sparse);
  sparse.rows = d->rows;
  sparse.starts = starts;
  sparse.cols = cols;
  sparse.values = values;
  succeed(d, dnmf_data_from_sparse(d->handle, -1, COLS, &sparse, &data));
  return data;
}

static dnmf_online *create(const online_door *d, const plain_fit *fit) {
  dnmf_online *online = NULL;
  dnmf_data *h = columns_of_h(d, fit->h);
  dnmf_data *n = columns_of_h(d, fit->numerators);
  dnmf_data *m = columns_of_h(d, fit->denominators);
  succeed(d, dnmf_online_create(d->handle, &d->settings, h, n, m, &online));
  dnmf_data_destroy(&h);
  dnmf_data_destroy(&n);
  dnmf_data_destroy(&m);
  return online;
}

static void get(const online_door *d, const dnmf_online *online, plain_fit *fit) {
  succeed(d, dnmf_online_get(d->handle, online, "h", 0, COLS, fit->h, 0));
  succeed(d, dnmf_online_get(d->handle, online, "numerators", 0, COLS, fit->numerators, 0));
  succeed(d, dnmf_online_get(d->handle, online, "denominators", 0, COLS, fit->denominators, 0));
}

static void assert_near(const double *found, const double *expected, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    if (!(fabs(found[i] - expected[i]) <= 1e-10 * (1 + fabs(expected[i]))))
      fail_msg("number %d is %.17g, expected %.17g", (int)i, found[i], expected[i]);
}

/* Three batches, the third by a fit that goes on from what the one before came to. */
static void compare_batches(online_door *d, double beta, bool sparse) {
  char loss[16];
  plain_fit plain;
  plain_fit found;
  double w_out[ROWS * COMPONENTS];
  int64_t starts[ROWS + 1];
  int64_t cols[ROWS * COLS];
  snprintf(loss, sizeof loss, "%g", beta);
  d->settings.loss = beta == 2 ? "frobenius" : loss;
  plain_start(&plain);
  dnmf_online *online = create(d, &plain);
  for (int number = 0; number < BATCHES; number++) {
    plain_batch batch;
    dnmf_batch_result result;
    plain_fill(number, &batch);
    dnmf_data *w = dense_rows(d, d->rows, COMPONENTS, batch.w + d->first % ROWS * COMPONENTS);
    dnmf_data *a = sparse ? sparse_rows(d, batch.a + d->first % ROWS * COLS, starts, cols)
                          : dense_rows(d, d->rows, COLS, batch.a + d->first % ROWS * COLS);
    plain_batch given = batch;
    succeed(d, dnmf_online_feed(d->handle, online, a, w, w_out, &result));
    plain_update_w(beta, &plain, &given);
    plain_fit before = plain;
    const double objective = plain_learn(beta, &given, &plain);
    assert_near(w_out, given.w + d->first % ROWS * COMPONENTS, d->rows * COMPONENTS);
    assert_near(&result.objective, &objective, 1);
    double squares[2] = {0, 0};
    for (int i = 0; i < COMPONENTS * COLS; i++) {
      squares[0] += pow(plain.h[i] - before.h[i], 2);
      squares[1] += pow(plain.h[i], 2);
    }
    const double change = sqrt(squares[0] / squares[1]);
    assert_near(&result.change, &change, 1);
    get(d, online, &found);
    assert_near(found.h, plain.h, COMPONENTS * COLS);
    assert_near(found.numerators, plain.numerators, COMPONENTS * COLS);
    assert_near(found.denominators, plain.denominators, COMPONENTS * COLS);
    if (number == 1) {
      dnmf_online_destroy(&online);
      online = create(d, &found);
    }
    dnmf_data_destroy(&a);
    dnmf_data_destroy(&w);
  }
  dnmf_online_destroy(&online);
  assert_null(online);
}

static void batches_are_those_of_plain_loops(void **state) {
  static const double betas[] = {2, 1, 0, 0.5, 1.5, 3};
  (void)state;
  online_door d;
  open_online_door(&d);
  for (size_t i = 0; i < sizeof betas / sizeof *betas; i++) {
    compare_batches(&d, betas[i], false);
    compare_batches(&d, betas[i], true);
  }
  dnmf_library_destroy(&d.handle);
}

/* From a flat start, until they are as near to a fixed point as asked, or there are no more updates. */
static void rows_that_are_not_given_settle(void **state) {
  (void)state;
  online_door d;
  plain_fit plain;
  plain_batch batch;
  double w_out[ROWS * COMPONENTS];
  open_online_door(&d);
  d.settings.tol = 0;
  d.settings.updates = 4;
  plain_start(&plain);
  plain_fill(0, &batch);
  double sum = 0;
  for (int i = 0; i < ROWS * COLS; i++)
    sum += batch.a[i];
  for (int i = 0; i < ROWS * COMPONENTS; i++)
    batch.w[i] = sqrt(sum / (ROWS * COLS) / COMPONENTS);
  dnmf_online *online = create(&d, &plain);
  dnmf_data *a = dense_rows(&d, d.rows, COLS, batch.a + d.first % ROWS * COLS);
  succeed(&d, dnmf_online_rows(d.handle, online, a, w_out));
  for (int update = 0; update < 4; update++)
    plain_update_w(2, &plain, &batch);
  assert_near(w_out, batch.w + d.first % ROWS * COMPONENTS, d.rows * COMPONENTS);
  plain_fit found;
  get(&d, online, &found);
  assert_memory_equal(&found, &plain, sizeof plain);
  dnmf_data_destroy(&a);
  dnmf_online_destroy(&online);
  dnmf_library_destroy(&d.handle);
}

static void what_cannot_be_is_refused(void **state) {
  (void)state;
  online_door d;
  plain_fit plain;
  dnmf_online *online = NULL;
  double numbers[ROWS * COLS] = {0};
  open_online_door(&d);
  plain_start(&plain);
  dnmf_data *h = columns_of_h(&d, plain.h);
  dnmf_data *other = dense_rows(&d, d.rows, COLS + 1, numbers);
  expect(&d, dnmf_online_create(d.handle, &d.settings, NULL, NULL, NULL, &online), DNMF_ERR_USAGE, "no H");
  expect(&d, dnmf_online_create(d.handle, &d.settings, h, h, NULL, &online), DNMF_ERR_USAGE, "one of them is missing");
  expect(&d, dnmf_online_create(d.handle, &d.settings, h, other, h, &online), DNMF_ERR_USAGE, "dense data of 3 x 7");
  d.settings.keep = 1.5;
  expect(&d, dnmf_online_create(d.handle, &d.settings, h, NULL, NULL, &online), DNMF_ERR_USAGE, "from 0 to 1");
  d.settings.keep = KEEP;
  d.settings.loss = "other";
  expect(&d, dnmf_online_create(d.handle, &d.settings, h, NULL, NULL, &online), DNMF_ERR_USAGE, "itakura-saito");
  d.settings.loss = NULL;
  plain.h[1 * COLS + 2] = -1;
  expect(&d, dnmf_online_create(d.handle, &d.settings, h, NULL, NULL, &online), DNMF_ERR_INPUT, "H has the number -1");
  assert_null(online);
  plain.h[1 * COLS + 2] = 1;
  succeed(&d, dnmf_online_create(d.handle, NULL, h, NULL, NULL, &online));
  expect(&d, dnmf_online_feed(d.handle, online, other, NULL, NULL, NULL), DNMF_ERR_USAGE, "the online fit has 7");
  expect(&d, dnmf_online_rows(d.handle, online, NULL, numbers), DNMF_ERR_USAGE, "no batch");
  expect(&d, dnmf_online_get(d.handle, online, "w", 0, 1, numbers, 0), DNMF_ERR_USAGE, "give h, numerators");
  expect(&d, dnmf_online_get(d.handle, online, "h", 1, COLS, numbers, 0), DNMF_ERR_USAGE, "not among 0 to 6");
  dnmf_data *a = dense_rows(&d, d.rows, COLS, numbers);
  expect(&d, dnmf_online_feed(d.handle, online, a, other, NULL, NULL), DNMF_ERR_USAGE, "w has to be dense data");
  numbers[0] = -1; /* of every process that has rows */
  expect(&d, dnmf_online_feed(d.handle, online, a, NULL, NULL, NULL), DNMF_ERR_INPUT, "negative");
  numbers[0] = 2;
  succeed(&d, dnmf_online_feed(d.handle, online, a, NULL, NULL, NULL));
  dnmf_data_destroy(&a);
  dnmf_data_destroy(&other);
  dnmf_data_destroy(&h);
  dnmf_online_destroy(&online);
  dnmf_online_destroy(&online);
  dnmf_online_destroy(NULL);
  dnmf_library_destroy(&d.handle);
}

/* A million components of one column: Gram matrices of 8 TB each, or a batch whose rows are as large. */
static void what_no_memory_holds_is_refused(void **state) {
  enum { MILLION = 1000000 };
  (void)state;
  online_door d;
  dnmf_online *online = NULL;
  open_online_door(&d);
  const int64_t rows = test_context()->rank == 0 ? MILLION : 0;
  double *numbers = test_calloc(MILLION, sizeof *numbers);
  dnmf_data *h = dense_rows(&d, rows, 1, numbers);
  expect(&d, dnmf_online_create(d.handle, &d.settings, h, NULL, NULL, &online), DNMF_ERR_MEMORY, "H of an online fit");
  assert_null(online);
  d.settings.loss = "kullback-leibler";
  succeed(&d, dnmf_online_create(d.handle, &d.settings, h, NULL, NULL, &online));
  expect(&d, dnmf_online_feed(d.handle, online, h, NULL, NULL, NULL), DNMF_ERR_MEMORY, "W of a batch");
  expect(&d, dnmf_online_rows(d.handle, online, h, numbers), DNMF_ERR_MEMORY, "W of a batch");
  dnmf_online_destroy(&online);
  dnmf_data_destroy(&h);
  test_free(numbers);
  dnmf_library_destroy(&d.handle);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(batches_are_those_of_plain_loops),
      mpi_test(rows_that_are_not_given_settle),
      mpi_test(what_cannot_be_is_refused),
      mpi_test(what_no_memory_holds_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
