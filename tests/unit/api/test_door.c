/* The library through its door: what is wrong is told apart, and whatever went wrong, the next call works. */
#include "dnmf.h"
#include "mpi_test.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 14, COLS = 9, COMPONENTS = 3 };

static double cell(int64_t i, int64_t j) {
  return (double)(i * 7 % 13 + i * j % 11 + j % 3);
}

/* A library on the test's processes, and this one's rows of the matrix. */
typedef struct door {
  dnmf_library *handle;
  int rank;
  int size;
  int64_t first;
  int64_t rows;
  double values[ROWS * COLS];
  dnmf_dense dense;
  dnmf_fit_settings settings;
} door;

static void open_door(door *d) {
  memset(d, 0, sizeof *d);
  d->rank = test_context()->rank;
  d->size = test_context()->size;
  assert_int_equal(dnmf_library_create(test_context()->comm, &d->handle), DNMF_SUCCESS);
  d->first = ROWS * d->rank / d->size;
  d->rows = ROWS * (d->rank + 1) / d->size - d->first;
  for (int64_t i = 0; i < d->rows; i++)
    for (int64_t j = 0; j < COLS; j++)
      d->values[i * COLS + j] = cell(d->first + i, j);
  dnmf_dense_init(&d->dense);
  d->dense.first_row = d->first;
  d->dense.rows = d->rows;
  d->dense.cols = COLS;
  d->dense.values = d->values;
  dnmf_fit_settings_init(&d->settings);
  d->settings.components = COMPONENTS;
  d->settings.max_iter = 10;
}

static void close_door(door *d) {
  dnmf_library_destroy(&d->handle);
  assert_null(d->handle);
}

static void succeed(const door *d, int status) {
  if (status != DNMF_SUCCESS)
    fail_msg("process %d: %s", d->rank, dnmf_library_error(d->handle));
}

/* The call failed so on this and every other process, with a text that has `words`. */
static void expect(const door *d, int status, int expected, const char *words) {
  if (status != expected || !strstr(dnmf_library_error(d->handle), words))
    fail_msg("process %d: status %d, \"%s\"; expected %d, \"%s\"", d->rank, status, dnmf_library_error(d->handle),
             expected, words);
}

/* Fits the dense block; the objective. */
static double fit_works(door *d) {
  dnmf_data *data = NULL;
  dnmf_model *model = NULL;
  dnmf_result result;
  succeed(d, dnmf_data_from_dense(d->handle, ROWS, COLS, &d->dense, &data));
  succeed(d, dnmf_model_fit(d->handle, data, &d->settings, &model, &result));
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
  assert_null(model);
  assert_null(data);
  return result.objective;
}

static void restarts_come_to_the_least_of_their_fits(void **state) {
  (void)state;
  door d;
  open_door(&d);
  double least = INFINITY;
  for (d.settings.seed = 3; d.settings.seed < 7; d.settings.seed++)
    least = fmin(least, fit_works(&d));
  d.settings.seed = 3;
  d.settings.zeros.restarts = 4;
  assert_true(fabs(fit_works(&d) - least) <= 1e-9 * least);
  close_door(&d);
}

static void missing_arguments_are_usage_errors(void **state) {
  (void)state;
  door d;
  dnmf_data *data = NULL;
  dnmf_model *model = NULL;
  double number = 0;
  open_door(&d);
  assert_int_equal(dnmf_library_create(test_context()->comm, NULL), DNMF_ERR_USAGE);
  dnmf_library *none = d.handle;
  assert_int_equal(dnmf_library_create(MPI_COMM_NULL, &none), DNMF_ERR_USAGE);
  assert_null(none);
  assert_int_equal(dnmf_data_from_dense(NULL, ROWS, COLS, &d.dense, &data), DNMF_ERR_USAGE);
  expect(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, NULL, &data), DNMF_ERR_USAGE, "no dense block");
  expect(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, &d.dense, NULL), DNMF_ERR_USAGE, "no place for the data");
  expect(&d, dnmf_data_from_sparse(d.handle, ROWS, COLS, NULL, &data), DNMF_ERR_USAGE, "no rows");
  expect(&d, dnmf_data_from_triples(d.handle, NULL, &data), DNMF_ERR_USAGE, "no triples");
  expect(&d, dnmf_data_from_file(d.handle, NULL, NULL, &data), DNMF_ERR_USAGE, "no name of a file");
  expect(&d, dnmf_model_fit(d.handle, NULL, &d.settings, &model, NULL), DNMF_ERR_USAGE, "no data");
  succeed(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, &d.dense, &data));
  expect(&d, dnmf_model_fit(d.handle, data, NULL, &model, NULL), DNMF_ERR_USAGE, "no settings");
  expect(&d, dnmf_model_fit(d.handle, data, &d.settings, NULL, NULL), DNMF_ERR_USAGE, "no place for the model");
  expect(&d, dnmf_model_load(d.handle, NULL, &model), DNMF_ERR_USAGE, "no name of a file");
  expect(&d, dnmf_model_save(d.handle, NULL, "x.h5"), DNMF_ERR_USAGE, "no model");
  expect(&d, dnmf_model_w(d.handle, NULL, 0, 1, &number, 0), DNMF_ERR_USAGE, "no model");
  expect(&d, dnmf_model_predict(d.handle, NULL, NULL, NULL, &number), DNMF_ERR_USAGE, "no model");
  expect(&d, dnmf_model_recommend(d.handle, NULL, 0, NULL, NULL, NULL, NULL), DNMF_ERR_USAGE, "no model");
  expect(&d, dnmf_model_evaluate(d.handle, NULL, data, NULL, NULL), DNMF_ERR_USAGE, "no model");
  expect(&d, dnmf_model_transform(d.handle, NULL, data, &model), DNMF_ERR_USAGE, "no model");
  expect(&d, dnmf_model_describe(d.handle, NULL, false, NULL, 1, NULL, NULL, NULL, NULL), DNMF_ERR_USAGE, "no model");
  assert_null(model);
  dnmf_library_clear_error(d.handle);
  assert_string_equal(dnmf_library_error(d.handle), "");
  dnmf_data_destroy(&data);
  dnmf_data_destroy(&data);
  dnmf_data_destroy(NULL);
  dnmf_model_destroy(&model);
  dnmf_model_destroy(NULL);
  dnmf_library_destroy(NULL);
  assert_true(fit_works(&d) > 0);
  close_door(&d);
}

static void a_wrong_argument_of_one_process_is_an_error_of_all(void **state) {
  (void)state;
  door d;
  dnmf_data *data = NULL;
  open_door(&d);
  const bool wrong = d.rank == d.size - 1;
  expect(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, wrong ? NULL : &d.dense, &data), DNMF_ERR_USAGE,
         "no dense block");
  assert_null(data);
  d.values[0] = wrong ? NAN : d.values[0];
  dnmf_model *model = NULL;
  succeed(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, &d.dense, &data));
  expect(&d, dnmf_model_fit(d.handle, data, &d.settings, &model, NULL), DNMF_ERR_INPUT, "nan");
  assert_null(model);
  dnmf_data_destroy(&data);
  d.values[0] = cell(d.first, 0);
  assert_true(fit_works(&d) > 0);
  close_door(&d);
}

/* Fits with one field of the settings changed; the others are as ever. */
#define expect_setting(d, field, value, words)                                                                         \
  do {                                                                                                                 \
    dnmf_fit_settings kept = (d)->settings;                                                                            \
    dnmf_model *model = NULL;                                                                                          \
    (d)->settings.field = value;                                                                                       \
    expect(d, dnmf_model_fit((d)->handle, data, &(d)->settings, &model, NULL), DNMF_ERR_USAGE, words);                 \
    assert_null(model);                                                                                                \
    (d)->settings = kept;                                                                                              \
  } while (0)

/* NOLINTNEXTLINE(readability-function-size): a line for each setting */
static void wrong_settings_are_usage_errors(void **state) {
  (void)state;
  door d;
  dnmf_data *data = NULL;
  open_door(&d);
  succeed(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, &d.dense, &data));
  expect_setting(&d, components, 0, "--components 0");
  expect_setting(&d, components, -3, "--components -3");
  expect_setting(&d, components, 15, "larger than both dimensions");
  expect_setting(&d, components, INT64_MAX, "--components");
  expect_setting(&d, tol, NAN, "--tol");
  expect_setting(&d, tol, 2, "--tol");
  expect_setting(&d, l1_w, NAN, "--l1-w");
  expect_setting(&d, time_limit, NAN, "--time-limit");
  expect_setting(&d, max_iter, INT64_MAX, "--max-iter");
  expect_setting(&d, sweeps, 0, "--sweeps 0");
  expect_setting(&d, solver, "HALS", "give hals, mu, bpp or newton");
  expect_setting(&d, loss, "squared", "--loss squared");
  expect_setting(&d, init, "zeros", "--init zeros");
  expect_setting(&d, stop, "now", "--stop");
  expect_setting(&d, precision, "half", "--precision");
  expect_setting(&d, missing, "no", "--missing");
  expect_setting(&d, penalty_scale, "count", "--penalty-scale count needs --missing unobserved");
  expect_setting(&d, zeros.fix, "w", "--init file");
  expect_setting(&d, zeros.grid, "7x7", "7x7");
  expect_setting(&d, ratings.bias, "both", "--bias needs --missing unobserved");
  expect_setting(&d, ratings.patience, 3, "--patience has no use here");
  expect_setting(&d, ratings.validation, "test.csv", "--validation test.csv: a fit that counts zeros");
  expect_setting(&d, batches.forget, 0.5, "--forget has no use here");
  d.settings.missing = "unobserved";
  expect_setting(&d, zeros.exact_residual, true, "--exact-residual has no use here");
  expect_setting(&d, ratings.validation, "1.5", "between 0 and 1");
  expect_setting(&d, batches.memory, 1 << 20, "--memory has no use here");
  dnmf_data_destroy(&data);
  d.settings.missing = NULL;
  assert_true(fit_works(&d) > 0);
  close_door(&d);
}

static void blocks_that_do_not_make_up_the_matrix_are_usage_errors(void **state) {
  (void)state;
  door d;
  dnmf_data *data = NULL;
  open_door(&d);
  const bool last = d.rank == d.size - 1;
  const dnmf_dense good = d.dense;
  d.dense.rows = last ? good.rows - 1 : good.rows;
  expect(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, &d.dense, &data), DNMF_ERR_USAGE, "117 of the 126 entries");
  d.dense = good;
  d.dense.first_row = last ? good.first_row + 1 : good.first_row;
  expect(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, &d.dense, &data), DNMF_ERR_USAGE, "is not inside the matrix");
  d.dense = good;
  d.dense.rows = -1;
  expect(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, &d.dense, &data), DNMF_ERR_USAGE, "is not inside the matrix");
  d.dense = good;
  d.dense.first_row = INT64_MAX;
  expect(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, &d.dense, &data), DNMF_ERR_USAGE, "is not inside the matrix");
  d.dense = good;
  d.dense.leading = COLS - 1;
  expect(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, &d.dense, &data), DNMF_ERR_USAGE, "leading is 8");
  d.dense = good;
  d.dense.values = NULL;
  expect(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, &d.dense, &data), DNMF_ERR_USAGE, "needs values");
  d.dense = good;
  expect(&d, dnmf_data_from_dense(d.handle, 0, COLS, &d.dense, &data), DNMF_ERR_USAGE, "nothing to factorize");
  expect(&d, dnmf_data_from_dense(d.handle, INT64_MAX, INT64_MAX, &d.dense, &data), DNMF_ERR_USAGE, "too large");
  if (d.size > 1) {
    d.dense.first_row = 0;
    d.dense.rows = 1;
    expect(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, &d.dense, &data), DNMF_ERR_USAGE, "overlap");
    d.dense = good;
  }
  assert_null(data);
  assert_true(fit_works(&d) > 0);
  close_door(&d);
}

static void wrong_sparse_rows_and_triples_are_told_apart(void **state) {
  (void)state;
  door d;
  dnmf_data *data = NULL;
  dnmf_sparse sparse;
  dnmf_triples triples;
  int64_t starts[ROWS + 1] = {0};
  int64_t cols[2] = {0, COLS};
  const int64_t rows[2] = {1, 2};
  const double values[2] = {1, 2};
  const char *const ids[2] = {"a", NULL};
  open_door(&d);
  dnmf_sparse_init(&sparse);
  sparse.first_row = d.first;
  sparse.rows = d.rows;
  expect(&d, dnmf_data_from_sparse(d.handle, ROWS, COLS, &sparse, &data), DNMF_ERR_USAGE, "need starts");
  for (int64_t i = 1; i <= d.rows; i++)
    starts[i] = 2;
  sparse.starts = starts;
  expect(&d, dnmf_data_from_sparse(d.handle, ROWS, COLS, &sparse, &data), DNMF_ERR_USAGE, "need cols and values");
  sparse.cols = cols;
  sparse.values = values;
  expect(&d, dnmf_data_from_sparse(d.handle, ROWS, COLS, &sparse, &data), DNMF_ERR_INPUT, "cols[1] is 9");
  starts[d.rows] = -1;
  expect(&d, dnmf_data_from_sparse(d.handle, ROWS, COLS, &sparse, &data), DNMF_ERR_USAGE, "less than the one before");
  sparse.duplicates = "first";
  starts[d.rows] = 2;
  expect(&d, dnmf_data_from_sparse(d.handle, ROWS, COLS, &sparse, &data), DNMF_ERR_USAGE, "duplicates \"first\"");

  dnmf_triples_init(&triples);
  triples.count = -1;
  expect(&d, dnmf_data_from_triples(d.handle, &triples, &data), DNMF_ERR_USAGE, "-1 triples");
  triples.count = 2;
  expect(&d, dnmf_data_from_triples(d.handle, &triples, &data), DNMF_ERR_USAGE, "need values");
  triples.values = values;
  triples.rows = rows;
  expect(&d, dnmf_data_from_triples(d.handle, &triples, &data), DNMF_ERR_USAGE, "give all_rows");
  triples.all_rows = ROWS;
  triples.all_cols = COLS;
  expect(&d, dnmf_data_from_triples(d.handle, &triples, &data), DNMF_ERR_USAGE, "cols by numbers or by texts");
  triples.cols = cols;
  expect(&d, dnmf_data_from_triples(d.handle, &triples, &data), DNMF_ERR_INPUT, "cols[1] is 9");
  triples.cols = NULL;
  triples.col_ids = ids;
  expect(&d, dnmf_data_from_triples(d.handle, &triples, &data), DNMF_ERR_USAGE, "has no id");
  triples.count = 0;
  expect(&d, dnmf_data_from_triples(d.handle, &triples, &data), DNMF_ERR_INPUT, "no process has any triples");
  assert_null(data);
  assert_true(fit_works(&d) > 0);
  close_door(&d);
}

static void invalid_values_are_input_errors_of_every_kind_of_data(void **state) {
  (void)state;
  door d;
  open_door(&d);
  const double invalid[] = {NAN, INFINITY, -1};
  for (size_t v = 0; v < sizeof invalid / sizeof *invalid; v++) {
    const int64_t place[1] = {0};
    const int64_t starts[2] = {0, 1};
    dnmf_data *data[3] = {NULL, NULL, NULL};
    dnmf_dense dense;
    dnmf_sparse sparse;
    dnmf_triples triples;
    dnmf_fit_settings settings;
    dnmf_dense_init(&dense);
    dnmf_sparse_init(&sparse);
    dnmf_triples_init(&triples);
    dnmf_fit_settings_init(&settings);
    settings.components = 1;
    const int64_t mine = d.rank == 0;
    dense.rows = dense.cols = sparse.rows = triples.count = mine;
    dense.values = sparse.values = triples.values = &invalid[v];
    sparse.starts = starts;
    sparse.cols = triples.rows = triples.cols = place;
    triples.all_rows = triples.all_cols = 1;
    succeed(&d, dnmf_data_from_dense(d.handle, 1, 1, &dense, &data[0]));
    succeed(&d, dnmf_data_from_sparse(d.handle, 1, 1, &sparse, &data[1]));
    succeed(&d, dnmf_data_from_triples(d.handle, &triples, &data[2]));
    for (int kind = 0; kind < 3; kind++) {
      dnmf_model *model = NULL;
      expect(&d, dnmf_model_fit(d.handle, data[kind], &settings, &model, NULL), DNMF_ERR_INPUT, "row 0");
      assert_null(model);
      dnmf_data_destroy(&data[kind]);
    }
  }
  assert_true(fit_works(&d) > 0);
  close_door(&d);
}

static void files_that_are_not_there_or_not_models_are_file_or_input_errors(void **state) {
  (void)state;
  door d;
  dnmf_data *data = NULL;
  dnmf_model *model = NULL;
  int64_t rows = 0;
  open_door(&d);
  succeed(&d, dnmf_data_from_file(d.handle, "/nowhere/ratings.csv", NULL, &data));
  expect(&d, dnmf_data_size(d.handle, data, &rows, NULL), DNMF_ERR_FILE, "/nowhere/ratings.csv");
  expect(&d, dnmf_model_fit(d.handle, data, &d.settings, &model, NULL), DNMF_ERR_FILE, "/nowhere/ratings.csv");
  expect(&d, dnmf_model_load(d.handle, "/nowhere/model.h5", &model), DNMF_ERR_FILE, "/nowhere/model.h5");
  dnmf_data_destroy(&data);
  succeed(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, &d.dense, &data));
  succeed(&d, dnmf_model_fit(d.handle, data, &d.settings, &model, NULL));
  expect(&d, dnmf_model_save(d.handle, model, "/nowhere/model.h5"), DNMF_ERR_FILE, "/nowhere/model.h5");
  expect(&d, dnmf_model_save(d.handle, model, ""), DNMF_ERR_USAGE, "empty");
  d.settings.init = "file:/nowhere/start.h5";
  dnmf_model *other = NULL;
  expect(&d, dnmf_model_fit(d.handle, data, &d.settings, &other, NULL), DNMF_ERR_FILE, "/nowhere/start.h5");
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
  d.settings.init = NULL;
  assert_true(fit_works(&d) > 0);
  close_door(&d);
}

static void wrong_questions_to_a_model_leave_it_usable(void **state) {
  (void)state;
  door d;
  dnmf_data *data = NULL;
  dnmf_model *model = NULL;
  double numbers[ROWS * COMPONENTS];
  const int64_t outside[1] = {ROWS};
  const char *text = NULL;
  const double *history = NULL;
  int64_t count = 0;
  int64_t cols[4];
  char **ids = NULL;
  dnmf_triples pairs;
  dnmf_recommend_settings listing;
  open_door(&d);
  succeed(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, &d.dense, &data));
  succeed(&d, dnmf_model_fit(d.handle, data, &d.settings, &model, NULL));
  expect(&d, dnmf_model_w(d.handle, model, 1, ROWS, numbers, 0), DNMF_ERR_USAGE, "not among 0 to 13");
  expect(&d, dnmf_model_w(d.handle, model, -1, 1, numbers, 0), DNMF_ERR_USAGE, "not among");
  expect(&d, dnmf_model_w(d.handle, model, 0, ROWS, numbers, COMPONENTS - 1), DNMF_ERR_USAGE, "leading is 2");
  expect(&d, dnmf_model_w(d.handle, model, 0, ROWS, NULL, 0), DNMF_ERR_USAGE, "no place");
  expect(&d, dnmf_model_get_number(d.handle, model, "solver", numbers), DNMF_ERR_USAGE, "no number \"solver\"");
  expect(&d, dnmf_model_get_text(d.handle, model, "nothing", &text), DNMF_ERR_USAGE, "no text \"nothing\"");
  expect(&d, dnmf_model_history(d.handle, model, "nothing", &count, &history), DNMF_ERR_USAGE, "no history");
  expect(&d, dnmf_model_row_ids(d.handle, model, 1, outside, &ids), DNMF_ERR_USAGE, "position 14");
  expect(&d, dnmf_model_recommend(d.handle, model, 1, outside, NULL, cols, numbers), DNMF_ERR_USAGE, "rows[0] is 14");
  dnmf_recommend_settings_init(&listing);
  listing.top = 0;
  expect(&d, dnmf_model_recommend(d.handle, model, 0, NULL, &listing, cols, numbers), DNMF_ERR_USAGE, "top 0");
  listing.top = 1;
  listing.clip = "yes";
  expect(&d, dnmf_model_recommend(d.handle, model, 0, NULL, &listing, cols, numbers), DNMF_ERR_USAGE, "no scale");
  dnmf_triples_init(&pairs);
  pairs.count = 1;
  pairs.rows = outside;
  pairs.cols = cols;
  cols[0] = 0;
  expect(&d, dnmf_model_predict(d.handle, model, &pairs, NULL, numbers), DNMF_ERR_INPUT, "rows[0] is 14");
  expect(&d, dnmf_model_describe(d.handle, model, false, "size", 1, NULL, NULL, NULL, NULL), DNMF_ERR_USAGE,
         "excess, lift or weight");
  assert_null(ids);
  succeed(&d, dnmf_model_w(d.handle, model, 0, ROWS, numbers, 0));
  assert_true(numbers[0] >= 0 && isfinite(numbers[0]));
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
  close_door(&d);
}

static void the_callers_threads_stay_as_they_were(void **state) {
  (void)state;
  door d;
  const int before = omp_get_max_threads();
  open_door(&d);
  expect(&d, dnmf_library_set_threads(d.handle, 0), DNMF_ERR_USAGE, "0 is no number of threads");
  succeed(&d, dnmf_library_set_threads(d.handle, before + 1));
  assert_int_equal(dnmf_library_threads(d.handle), before + 1);
  assert_true(fit_works(&d) > 0);
  assert_int_equal(omp_get_max_threads(), before);
  close_door(&d);
}

/* The whole matrix of the test as this process's rows and all columns, wherever the rows begin. */
static void rows_below_each_other_are_those_with_places(void **state) {
  (void)state;
  door d;
  dnmf_data *data = NULL;
  int64_t first = -1;
  int64_t count = -1;
  int64_t all[2] = {0, 0};
  open_door(&d);
  const double placed = fit_works(&d);
  d.dense.first_row = 77; /* not looked at */
  succeed(&d, dnmf_data_from_dense(d.handle, -1, COLS, &d.dense, &data));
  succeed(&d, dnmf_data_size(d.handle, data, &all[0], &all[1]));
  succeed(&d, dnmf_data_share(d.handle, data, &first, &count));
  assert_int_equal(all[0], ROWS);
  assert_int_equal(all[1], COLS);
  assert_int_equal(first, d.first);
  assert_int_equal(count, d.rows);
  dnmf_model *model = NULL;
  dnmf_result result;
  succeed(&d, dnmf_model_fit(d.handle, data, &d.settings, &model, &result));
  assert_true(result.objective == placed);
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
  d.dense.rows = 0;
  expect(&d, dnmf_data_from_dense(d.handle, -1, COLS, &d.dense, &data), DNMF_ERR_USAGE, "nothing to factorize");
  close_door(&d);
}

static void sparse_rows_below_each_other_are_those_with_places(void **state) {
  (void)state;
  door d;
  dnmf_data *data = NULL;
  dnmf_sparse sparse;
  int64_t starts[ROWS + 1];
  int64_t cols[ROWS];
  int64_t first = -1;
  int64_t all = 0;
  open_door(&d);
  for (int64_t row = 0; row <= d.rows; row++)
    starts[row] = row;
  for (int64_t row = 0; row < d.rows; row++)
    cols[row] = row % COLS;
  dnmf_sparse_init(&sparse);
  sparse.rows = d.rows;
  sparse.starts = starts;
  sparse.cols = cols;
  sparse.values = d.values;
  succeed(&d, dnmf_data_from_sparse(d.handle, -1, COLS, &sparse, &data));
  succeed(&d, dnmf_data_size(d.handle, data, &all, NULL));
  succeed(&d, dnmf_data_share(d.handle, data, &first, NULL));
  assert_int_equal(all, ROWS);
  assert_int_equal(first, d.first);
  dnmf_data_destroy(&data);
  close_door(&d);
}

/* Dense data of rows x cols numbers at + 1, at + 2, ..., all of them on the last process. */
static void start_data(const door *d, int64_t rows, int64_t cols, double *values, dnmf_data **data) {
  dnmf_dense dense;
  for (int64_t i = 0; i < rows * cols; i++)
    values[i] = (double)(i + 1);
  dnmf_dense_init(&dense);
  dense.rows = d->rank == d->size - 1 ? rows : 0;
  dense.cols = cols;
  dense.values = values;
  succeed(d, dnmf_data_from_dense(d->handle, rows, cols, &dense, data));
}

static void a_start_in_memory_is_what_a_fit_without_iterations_returns(void **state) {
  (void)state;
  door d;
  dnmf_data *data = NULL;
  dnmf_data *w = NULL;
  dnmf_data *h = NULL;
  dnmf_model *model = NULL;
  double w_values[ROWS * COMPONENTS];
  double h_values[COMPONENTS * COLS];
  double numbers[ROWS * COLS];
  open_door(&d);
  start_data(&d, ROWS, COMPONENTS, w_values, &w);
  start_data(&d, COMPONENTS, COLS, h_values, &h);
  succeed(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, &d.dense, &data));
  d.settings.start_w = w;
  d.settings.start_h = h;
  d.settings.max_iter = 0;
  succeed(&d, dnmf_model_fit(d.handle, data, &d.settings, &model, NULL));
  succeed(&d, dnmf_model_w(d.handle, model, 0, ROWS, numbers, 0));
  assert_memory_equal(numbers, w_values, sizeof w_values);
  succeed(&d, dnmf_model_h(d.handle, model, 0, COLS, numbers, 0));
  assert_memory_equal(numbers, h_values, sizeof h_values);
  dnmf_model_destroy(&model);

  d.settings.start_w = NULL; /* the rows for this H */
  d.settings.zeros.fix = "h";
  d.settings.max_iter = 1;
  succeed(&d, dnmf_model_fit(d.handle, data, &d.settings, &model, NULL));
  succeed(&d, dnmf_model_h(d.handle, model, 0, COLS, numbers, 0));
  assert_memory_equal(numbers, h_values, sizeof h_values);
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&h);
  dnmf_data_destroy(&w);
  dnmf_data_destroy(&data);
  close_door(&d);
}

static void starts_in_memory_that_cannot_be_are_refused(void **state) {
  (void)state;
  door d;
  dnmf_data *data = NULL;
  dnmf_data *w = NULL;
  dnmf_model *model = NULL;
  double values[ROWS * COMPONENTS];
  open_door(&d);
  start_data(&d, ROWS, COMPONENTS, values, &w);
  succeed(&d, dnmf_data_from_dense(d.handle, ROWS, COLS, &d.dense, &data));
  d.settings.start_h = w;
  expect(&d, dnmf_model_fit(d.handle, data, &d.settings, &model, NULL), DNMF_ERR_USAGE,
         "start_h has to be dense data of 3 x 9");
  d.settings.start_h = NULL;
  d.settings.start_w = w;
  d.settings.init = "random";
  expect(&d, dnmf_model_fit(d.handle, data, &d.settings, &model, NULL), DNMF_ERR_USAGE, "init \"random\" has no use");
  d.settings.init = NULL;
  d.settings.missing = "unobserved";
  expect(&d, dnmf_model_fit(d.handle, data, &d.settings, &model, NULL), DNMF_ERR_USAGE, "fits with zeros");
  d.settings.missing = NULL;
  values[1] = -2;
  expect(&d, dnmf_model_fit(d.handle, data, &d.settings, &model, NULL), DNMF_ERR_INPUT, "start_w has the number -2");
  memset(values, 0, sizeof values);
  d.settings.solver = "mu";
  expect(&d, dnmf_model_fit(d.handle, data, &d.settings, &model, NULL), DNMF_ERR_INPUT, "full of zeros");
  assert_null(model);
  dnmf_data_destroy(&w);
  dnmf_data_destroy(&data);
  close_door(&d);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(restarts_come_to_the_least_of_their_fits),
      mpi_test(missing_arguments_are_usage_errors),
      mpi_test(a_wrong_argument_of_one_process_is_an_error_of_all),
      mpi_test(wrong_settings_are_usage_errors),
      mpi_test(blocks_that_do_not_make_up_the_matrix_are_usage_errors),
      mpi_test(wrong_sparse_rows_and_triples_are_told_apart),
      mpi_test(invalid_values_are_input_errors_of_every_kind_of_data),
      mpi_test(files_that_are_not_there_or_not_models_are_file_or_input_errors),
      mpi_test(wrong_questions_to_a_model_leave_it_usable),
      mpi_test(the_callers_threads_stay_as_they_were),
      mpi_test(rows_below_each_other_are_those_with_places),
      mpi_test(sparse_rows_below_each_other_are_those_with_places),
      mpi_test(a_start_in_memory_is_what_a_fit_without_iterations_returns),
      mpi_test(starts_in_memory_that_cannot_be_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
