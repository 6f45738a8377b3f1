/* A search for the number of components, and restarts in groups of processes, through the door of the library. */
#include "door.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 24, COLS = 18, PLANTED = 3, CELLS = ROWS * COLS };

/* A product of three components, each with rows and columns of its own beside those of the others. */
static double planted_cell(int64_t i, int64_t j) {
  double sum = 0;
  for (int64_t c = 0; c < PLANTED; c++)
    sum += (i % PLANTED == c ? 3 + (double)(i % 5) : (double)((i + c) % 2)) *
           (j % PLANTED == c ? 2 + (double)(j % 4) : (double)((j * c) % 3) / 4);
  return sum;
}

static bool is_missing(int64_t i, int64_t j) {
  return (7 * i + 5 * j) % 11 == 0;
}

/* The rows i of each process are those with i / each == rank. */
static dnmf_data *planted_data(bool with_holes, double *values) {
  const int64_t each = (ROWS + size - 1) / test_context()->size;
  const int64_t first = each * rank < ROWS ? each * rank : ROWS;
  const int64_t end = first + each < ROWS ? first + each : ROWS;
  dnmf_data *data = NULL;
  dnmf_dense dense;
  dnmf_dense_init(&dense);
  for (int64_t i = first; i < end; i++)
    for (int64_t j = 0; j < COLS; j++)
      values[(i - first) * COLS + j] = with_holes && is_missing(i, j) ? (double)NAN : planted_cell(i, j);
  dense.first_row = first;
  dense.rows = end - first;
  dense.cols = COLS;
  dense.values = values;
  succeed(dnmf_data_from_dense(library, ROWS, COLS, &dense, &data));
  return data;
}

static const int64_t tried[] = {2, 3, 4};

static dnmf_search_settings three_candidates(void) {
  dnmf_search_settings search;
  dnmf_search_settings_init(&search);
  search.count = 3;
  search.components = tried;
  search.restarts = 3;
  search.folds = 2;
  return search;
}

static dnmf_fit_settings many_iterations(void) {
  dnmf_fit_settings settings;
  dnmf_fit_settings_init(&settings);
  settings.max_iter = 60;
  settings.tol = 0;
  return settings;
}

/* Each candidate is the best of the fits from its seeds; the model that is handed over has the cells that there are. */
static void check_search(bool with_holes) {
  double values[CELLS];
  double w[ROWS * PLANTED];
  double h[PLANTED * COLS];
  dnmf_search_candidate candidates[3];
  dnmf_search_suggestion suggestion;
  dnmf_model *model = NULL;
  dnmf_fit_settings settings = many_iterations();
  const dnmf_search_settings search = three_candidates();
  dnmf_data *data = planted_data(with_holes, values);
  settings.missing = with_holes ? "unobserved" : NULL;
  succeed(dnmf_model_search(library, data, &settings, &search, candidates, &suggestion, &model));
  assert_int_equal(suggestion.at, 1);
  assert_non_null(strstr(suggestion.reason, "k = 3"));
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t components = 0;
  succeed(dnmf_model_size(library, model, &rows, &cols, &components));
  assert_true(rows == ROWS && cols == COLS && components == PLANTED);
  succeed(dnmf_model_w(library, model, 0, ROWS, w, 0));
  succeed(dnmf_model_h(library, model, 0, COLS, h, 0));
  double squares[2] = {0, 0};
  for (int i = 0; i < CELLS; i++) {
    double left = planted_cell(i / COLS, i % COLS);
    squares[1] += left * left;
    for (int c = 0; c < PLANTED; c++)
      left -= w[i / COLS * PLANTED + c] * h[c * COLS + i % COLS];
    squares[0] += left * left;
  }
  assert_true(squares[0] < 1e-3 * squares[1]);
  dnmf_model_destroy(&model);
  for (int c = 0; c < 3; c++) {
    double least = INFINITY;
    for (int64_t seed = 0; seed < search.restarts; seed++) {
      dnmf_result result;
      settings.components = tried[c];
      settings.seed = seed;
      succeed(dnmf_model_fit(library, data, &settings, &model, &result));
      least = fmin(least, result.objective);
      dnmf_model_destroy(&model);
    }
    assert_true(candidates[c].components == tried[c] && candidates[c].restarts == 3);
    assert_true(fabs(candidates[c].objective - least) <= 1e-6 * (least + 1e-6));
    assert_true(candidates[c].heldout > 0 && candidates[c].heldout_spread >= 0);
  }
  dnmf_data_destroy(&data);
}

static void a_search_is_of_the_fits_that_settings_ask_for(void **state) {
  (void)state;
  check_search(false);
}

static void a_search_leaves_cells_without_a_value_out(void **state) {
  (void)state;
  check_search(true);
}

static void what_a_search_cannot_honour_is_refused(void **state) {
  double values[CELLS];
  dnmf_search_candidate candidates[3];
  dnmf_fit_settings settings = many_iterations();
  dnmf_search_settings search = three_candidates();
  dnmf_data *data = planted_data(false, values);
  (void)state;
  assert_int_equal(dnmf_model_search(library, data, &settings, &search, NULL, NULL, NULL), DNMF_ERR_USAGE);
  search.count = 0;
  assert_int_equal(dnmf_model_search(library, data, &settings, &search, candidates, NULL, NULL), DNMF_ERR_USAGE);
  search = three_candidates();
  settings.zeros.restarts = 2;
  assert_int_equal(dnmf_model_search(library, data, &settings, &search, candidates, NULL, NULL), DNMF_ERR_USAGE);
  assert_non_null(strstr(dnmf_library_error(library), "restarts"));
  settings = many_iterations();
  settings.components = 2;
  settings.zeros.restarts = 2;
  settings.zeros.groups = 2;
  dnmf_model *model = NULL;
  const int expected = size > 1 ? DNMF_ERR_USAGE : DNMF_SUCCESS; /* one process is one group */
  assert_int_equal(dnmf_model_fit(library, data, &settings, &model, NULL), expected);
  if (expected != DNMF_SUCCESS)
    assert_non_null(strstr(dnmf_library_error(library), "one group only"));
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
}

/* The planted matrix as a table in a file, which every group reads. */
static void groups_hand_over_the_best_of_all(void **state) {
  char path[] = "/tmp/dnmf_door_XXXXXX";
  double w[2][ROWS * 2];
  double h[2][2 * COLS];
  (void)state;
  if (rank == 0) {
    FILE *file = fdopen(mkstemp(path), "w");
    for (int i = 0; i < CELLS; i++)
      fprintf(file, "%.17g%c", planted_cell(i / COLS, i % COLS), i % COLS == COLS - 1 ? '\n' : ',');
    fclose(file);
  }
  MPI_Bcast(path, (int)sizeof path, MPI_CHAR, 0, test_context()->comm);
  for (int grouped = 0; grouped < 2; grouped++) {
    dnmf_data *data = NULL;
    dnmf_model *model = NULL;
    dnmf_read_settings reading;
    dnmf_fit_settings settings = many_iterations();
    dnmf_read_settings_init(&reading);
    reading.format = "table";
    reading.header = "no";
    settings.components = 2;
    settings.max_iter = 6; /* from each seed to another objective */
    settings.zeros.restarts = 5;
    settings.zeros.groups = grouped ? 2 : -1;
    succeed(dnmf_data_from_file(library, path, &reading, &data));
    succeed(dnmf_model_fit(library, data, &settings, &model, NULL));
    succeed(dnmf_model_w(library, model, 0, ROWS, w[grouped], 0));
    succeed(dnmf_model_h(library, model, 0, COLS, h[grouped], 0));
    dnmf_model_destroy(&model);
    dnmf_data_destroy(&data);
  }
  for (int i = 0; i < ROWS * 2; i++)
    assert_true(fabs(w[0][i] - w[1][i]) <= 1e-8 * (1 + fabs(w[0][i])));
  for (int i = 0; i < 2 * COLS; i++)
    assert_true(fabs(h[0][i] - h[1][i]) <= 1e-8 * (1 + fabs(h[0][i])));
  MPI_Barrier(test_context()->comm);
  if (rank == 0)
    unlink(path);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      door_test(a_search_is_of_the_fits_that_settings_ask_for),
      door_test(a_search_leaves_cells_without_a_value_out),
      door_test(what_a_search_cannot_honour_is_refused),
      door_test(groups_hand_over_the_best_of_all),
  };
  return cmocka_run_group_tests_name("door_search", tests, NULL, NULL);
}
