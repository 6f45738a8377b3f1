/* The library through its door: the same matrix in every form gives the same model, and models answer as they should.
 */
#include "door.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 14, COLS = 9, COMPONENTS = 3, CELLS = ROWS * COLS };

static double cell(int64_t i, int64_t j) {
  return (double)(i * 7 % 13 + i * j % 11 + j % 3);
}

/* An observed place, and its rating from 1 to 5. */
static bool is_rated(int64_t i, int64_t j) {
  return (i * 3 + j * 5 + i * j) % 4 != 0;
}

static double rating(int64_t i, int64_t j) {
  return 1 + (double)((i * i + 3 * j + i * j) % 9) / 2;
}

/* Fits and releases the data; W and H whole. */
static void fit_whole(dnmf_data *data, const dnmf_fit_settings *settings, double *w, double *h) {
  dnmf_model *model = NULL;
  succeed(dnmf_model_fit(library, data, settings, &model, NULL));
  succeed(dnmf_model_w(library, model, 0, ROWS, w, 0));
  succeed(dnmf_model_h(library, model, 0, COLS, h, 0));
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
}

static void assert_close(const double *a, const double *b, int count) {
  for (int i = 0; i < count; i++)
    if (fabs(a[i] - b[i]) > 1e-9 * (1 + fabs(b[i])))
      fail_msg("process %d: number %d is %.17g, expected %.17g", rank, i, a[i], b[i]);
}

static dnmf_fit_settings some_iterations(void) {
  dnmf_fit_settings settings;
  dnmf_fit_settings_init(&settings);
  settings.components = COMPONENTS;
  settings.solver = "hals"; /* which knows no difference between dense and sparse */
  settings.max_iter = 8;
  settings.tol = 0;
  return settings;
}

/* All of the matrix on the last process. */
static void reference_factors(double *w, double *h) {
  double values[CELLS];
  dnmf_data *data = NULL;
  dnmf_dense dense;
  const dnmf_fit_settings settings = some_iterations();
  dnmf_dense_init(&dense);
  for (int64_t i = 0; i < CELLS; i++)
    values[i] = cell(i / COLS, i % COLS);
  dense.rows = rank == size - 1 ? ROWS : 0;
  dense.cols = rank == size - 1 ? COLS : 0;
  dense.values = values;
  succeed(dnmf_data_from_dense(library, ROWS, COLS, &dense, &data));
  fit_whole(data, &settings, w, h);
}

static void every_form_of_a_dense_matrix_gives_the_same_factors(void **state) {
  (void)state;
  double w[2][ROWS * COMPONENTS];
  double h[2][COMPONENTS * COLS];
  const dnmf_fit_settings settings = some_iterations();
  reference_factors(w[0], h[0]);
  /* Blocks on a grid: the columns are cut in two where there are two processes, rows behind the cut among the rest. */
  const int64_t cut = size > 1 ? 4 : COLS;
  const int others = size > 1 ? size - 1 : 1;
  const int place = size > 1 ? rank - 1 : 0;
  const bool left = rank == 0;
  const int64_t first = left ? 0 : ROWS * place / others;
  const int64_t rows = left ? ROWS : ROWS * (place + 1) / others - first;
  const int64_t first_col = left ? 0 : cut;
  const int64_t cols = left ? cut : COLS - cut;
  for (int form = 0; form < 4; form++) {
    double values[2 * CELLS] = {0};
    float single_values[2 * CELLS] = {0};
    dnmf_data *data = NULL;
    dnmf_dense dense;
    dnmf_dense_init(&dense);
    dense.first_row = first;
    dense.first_col = first_col;
    dense.rows = rows;
    dense.cols = cols;
    dense.by_columns = form % 2 == 1;
    dense.leading = dense.by_columns ? rows + 2 : cols + 3;
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < cols; j++) {
        const int64_t at = dense.by_columns ? i + j * dense.leading : i * dense.leading + j;
        values[at] = cell(first + i, first_col + j);
        single_values[at] = (float)values[at];
      }
    dense.values = form < 2 ? values : NULL;
    dense.single_values = form < 2 ? NULL : single_values;
    succeed(dnmf_data_from_dense(library, ROWS, COLS, &dense, &data));
    fit_whole(data, &settings, w[1], h[1]);
    assert_close(w[1], w[0], ROWS * COMPONENTS);
    assert_close(h[1], h[0], COMPONENTS * COLS);
  }
}

static void sparse_rows_and_triples_give_the_same_factors(void **state) {
  (void)state;
  double w[2][ROWS * COMPONENTS];
  double h[2][COMPONENTS * COLS];
  dnmf_fit_settings settings = some_iterations();
  int64_t starts[ROWS + 1] = {0};
  int64_t rows[CELLS];
  int64_t cols[CELLS];
  double values[CELLS];
  dnmf_data *data = NULL;
  dnmf_sparse sparse;
  dnmf_triples triples;
  reference_factors(w[0], h[0]);

  dnmf_sparse_init(&sparse);
  sparse.first_row = ROWS * (size - 1 - rank) / size; /* in the opposite order of ranks, columns backwards */
  sparse.rows = ROWS * (size - rank) / size - sparse.first_row;
  for (int64_t e = 0; e < sparse.rows * COLS; e++) {
    cols[e] = COLS - 1 - e % COLS;
    values[e] = cell(sparse.first_row + e / COLS, cols[e]);
    starts[e / COLS + 1] = e + 1;
  }
  sparse.starts = starts;
  sparse.cols = cols;
  sparse.values = values;
  succeed(dnmf_data_from_sparse(library, ROWS, COLS, &sparse, &data));
  fit_whole(data, &settings, w[1], h[1]);
  assert_close(w[1], w[0], ROWS * COMPONENTS);
  assert_close(h[1], h[0], COMPONENTS * COLS);

  dnmf_triples_init(&triples);
  triples.all_rows = ROWS;
  triples.all_cols = COLS;
  for (int64_t e = rank; e < CELLS; e += size) {
    rows[triples.count] = (e * 5 % CELLS) / COLS;
    cols[triples.count] = (e * 5 % CELLS) % COLS;
    values[triples.count] = cell(rows[triples.count], cols[triples.count]);
    triples.count++;
  }
  triples.rows = rows;
  triples.cols = cols;
  triples.values = values;
  settings.missing = "zero";
  succeed(dnmf_data_from_triples(library, &triples, &data));
  fit_whole(data, &settings, w[1], h[1]);
  assert_close(w[1], w[0], ROWS * COMPONENTS);
  assert_close(h[1], h[0], COMPONENTS * COLS);
}

/* This process's ratings, with ids that are numbers: row i is 100 - i, which turns their order round. */
typedef struct ratings {
  int64_t rows[CELLS];
  int64_t cols[CELLS];
  double values[CELLS];
  dnmf_triples triples;
} ratings;

static void take_ratings(ratings *r) {
  dnmf_triples_init(&r->triples);
  for (int64_t e = 0; e < CELLS; e++) {
    if (!is_rated(e / COLS, e % COLS) || (e / COLS + e) % size != rank)
      continue;
    r->rows[r->triples.count] = 100 - e / COLS;
    r->cols[r->triples.count] = -(e % COLS);
    r->values[r->triples.count] = rating(e / COLS, e % COLS);
    r->triples.count++;
  }
  r->triples.rows = r->rows;
  r->triples.cols = r->cols;
  r->triples.values = r->values;
  r->triples.numbers_are_ids = true;
}

static dnmf_model *fit_ratings(dnmf_data **data) {
  static ratings r;
  dnmf_model *model = NULL;
  dnmf_fit_settings settings = some_iterations();
  take_ratings(&r);
  succeed(dnmf_data_from_triples(library, &r.triples, data));
  succeed(dnmf_model_fit(library, *data, &settings, &model, NULL));
  return model;
}

static void predictions_are_made_of_what_the_model_holds(void **state) {
  (void)state;
  dnmf_data *data = NULL;
  dnmf_model *model = fit_ratings(&data);
  double w[ROWS * COMPONENTS];
  double h[COMPONENTS * COLS];
  double row_bias[ROWS];
  double col_bias[COLS];
  double mean = 0;
  double scores[CELLS];
  int64_t rows[CELLS];
  int64_t cols[CELLS];
  int64_t sizes[3];
  dnmf_triples pairs;
  dnmf_predict_settings how;
  succeed(dnmf_model_size(library, model, &sizes[0], &sizes[1], &sizes[2]));
  assert_true(sizes[0] == ROWS && sizes[1] == COLS && sizes[2] == COMPONENTS);
  succeed(dnmf_model_w(library, model, 0, ROWS, w, 0));
  succeed(dnmf_model_h(library, model, 0, COLS, h, 0));
  succeed(dnmf_model_row_bias(library, model, 0, ROWS, row_bias));
  succeed(dnmf_model_col_bias(library, model, 0, COLS, col_bias));
  succeed(dnmf_model_mean(library, model, &mean));
  dnmf_triples_init(&pairs);
  for (int64_t e = rank; e < CELLS; e += size, pairs.count++) {
    rows[pairs.count] = e / COLS;
    cols[pairs.count] = e % COLS;
  }
  pairs.rows = rows;
  pairs.cols = cols;
  dnmf_predict_settings_init(&how);
  how.clip = "no";
  succeed(dnmf_model_predict(library, model, &pairs, &how, scores));
  for (int64_t p = 0; p < pairs.count; p++) {
    double expected = mean + row_bias[rows[p]] + col_bias[cols[p]];
    for (int c = 0; c < COMPONENTS; c++)
      expected += w[rows[p] * COMPONENTS + c] * h[c * COLS + cols[p]];
    assert_close(&scores[p], &expected, 1);
  }
  succeed(dnmf_model_predict(library, model, &pairs, NULL, scores));
  for (int64_t p = 0; p < pairs.count; p++)
    assert_true(scores[p] >= 1 && scores[p] <= 5);
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
}

static void ids_lead_to_positions_and_back(void **state) {
  (void)state;
  dnmf_data *data = NULL;
  dnmf_model *model = fit_ratings(&data);
  int64_t positions[ROWS + 1];
  int64_t found[ROWS];
  char **ids = NULL;
  const char *const other[] = {"-8", "7", "0"};
  for (int64_t i = 0; i < ROWS; i++)
    positions[i] = (i * 5 + rank) % ROWS;
  positions[ROWS] = -1;
  succeed(dnmf_model_row_ids(library, model, ROWS + 1, positions, &ids));
  for (int64_t i = 0; i < ROWS; i++)
    assert_int_equal(atoi(ids[i]), 100 - (ROWS - 1) + positions[i]); /* ids ascend with positions */
  assert_string_equal(ids[ROWS], "");
  succeed(dnmf_model_find_rows(library, model, ROWS, (const char *const *)ids, found));
  assert_memory_equal(found, positions, sizeof found);
  dnmf_ids_destroy(&ids);
  assert_null(ids);
  succeed(dnmf_model_find_cols(library, model, rank == 0 ? 3 : 0, other, found));
  if (rank == 0)
    assert_true(found[0] == 0 && found[1] == -1 && found[2] == COLS - 1);
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
}

static void lists_hold_the_best_columns_that_were_not_seen(void **state) {
  (void)state;
  enum { TOP = 4 };
  dnmf_data *data = NULL;
  dnmf_model *model = fit_ratings(&data);
  double all[COLS];
  int64_t rows[COLS];
  int64_t cols[COLS];
  dnmf_triples pairs;
  dnmf_predict_settings how;
  dnmf_recommend_settings settings;
  const int64_t asked[2] = {(3 + rank) % ROWS, (11 + rank) % ROWS};
  int64_t listed[2 * TOP];
  double scores[2 * TOP];
  dnmf_triples_init(&pairs);
  dnmf_predict_settings_init(&how);
  dnmf_recommend_settings_init(&settings);
  how.clip = settings.clip = "no";
  settings.top = TOP;
  settings.seen = data;
  succeed(dnmf_model_recommend(library, model, 2, asked, &settings, listed, scores));
  for (int a = 0; a < 2; a++) {
    bool taken[COLS] = {false};
    pairs.count = COLS;
    for (int64_t j = 0; j < COLS; j++) {
      rows[j] = asked[a];
      cols[j] = j;
    }
    pairs.rows = rows;
    pairs.cols = cols;
    succeed(dnmf_model_predict(library, model, &pairs, &how, all));
    /* Position p of the rows is row 100 - (86 + p), position q of the columns column 8 - q. */
    for (int64_t j = 0; j < COLS; j++)
      taken[j] = is_rated(ROWS - 1 - asked[a], COLS - 1 - j);
    for (int t = 0; t < TOP; t++) {
      int best = -1;
      for (int j = 0; j < COLS; j++)
        if (!taken[j] && (best < 0 || all[j] > all[best]))
          best = j;
      assert_int_equal(listed[a * TOP + t], best);
      if (best < 0)
        assert_true(isnan(scores[a * TOP + t]));
      else
        assert_close(&scores[a * TOP + t], &all[best], 1);
      if (best >= 0)
        taken[best] = true;
    }
  }
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
}

static void rows_of_the_fit_fold_in_and_are_evaluated(void **state) {
  (void)state;
  dnmf_data *data = NULL;
  dnmf_model *model = fit_ratings(&data);
  dnmf_model *folded = NULL;
  dnmf_evaluation evaluation;
  double error = 0;
  int64_t rows = 0;
  double mean[2];
  succeed(dnmf_model_transform(library, model, data, &folded));
  succeed(dnmf_model_size(library, folded, &rows, NULL, NULL));
  assert_int_equal(rows, ROWS);
  succeed(dnmf_model_mean(library, model, &mean[0]));
  succeed(dnmf_model_mean(library, folded, &mean[1]));
  assert_true(mean[0] == mean[1]);
  succeed(dnmf_model_evaluate(library, model, data, NULL, &evaluation));
  succeed(dnmf_model_get_number(library, model, "stored", &error));
  assert_int_equal(evaluation.entries, (int64_t)error);
  assert_int_equal(evaluation.scored, evaluation.entries);
  assert_int_equal(evaluation.unknown, 0);
  assert_true(evaluation.rmse > 0 && evaluation.mae <= evaluation.rmse);
  /* Each row exactly, H fixed: the errors on the very entries that were fitted are no larger, but for the penalty. */
  const double before = evaluation.rmse;
  succeed(dnmf_model_evaluate(library, folded, data, NULL, &evaluation));
  assert_true(evaluation.rmse < before * 1.1);
  dnmf_model_destroy(&folded);
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
}

static void a_model_is_the_same_after_it_was_written_and_read(void **state) {
  (void)state;
  dnmf_data *data = NULL;
  dnmf_model *model = fit_ratings(&data);
  dnmf_model *again = NULL;
  char path[] = "/tmp/dnmf_door_XXXXXX";
  double w[2][ROWS * COMPONENTS];
  const double *history[2];
  int64_t counts[2];
  const char *text = NULL;
  int64_t positions[2][COMPONENTS * 2];
  double shares[2][COMPONENTS];
  if (rank == 0)
    close(mkstemp(path));
  MPI_Bcast(path, (int)sizeof path, MPI_CHAR, 0, test_context()->comm);
  succeed(dnmf_model_save(library, model, path));
  succeed(dnmf_model_load(library, path, &again));
  succeed(dnmf_model_w(library, model, 0, ROWS, w[0], 0));
  succeed(dnmf_model_w(library, again, 0, ROWS, w[1], 0));
  assert_memory_equal(w[0], w[1], sizeof w[0]);
  succeed(dnmf_model_history(library, model, "objective", &counts[0], &history[0]));
  succeed(dnmf_model_history(library, again, "objective", &counts[1], &history[1]));
  assert_int_equal(counts[0], 9);
  assert_int_equal(counts[1], 9);
  assert_memory_equal(history[0] + 1, history[1] + 1, 8 * sizeof(double));
  succeed(dnmf_model_get_text(library, again, "missing", &text));
  assert_string_equal(text, "unobserved");
  succeed(dnmf_model_describe(library, model, false, NULL, 2, positions[0], NULL, NULL, shares[0]));
  succeed(dnmf_model_describe(library, again, false, NULL, 2, positions[1], NULL, NULL, shares[1]));
  assert_memory_equal(positions[0], positions[1], sizeof positions[0]);
  assert_memory_equal(shares[0], shares[1], sizeof shares[0]);
  double whole = 0;
  for (int c = 0; c < COMPONENTS; c++)
    whole += shares[0][c];
  assert_true(fabs(whole - 1) < 1e-12);
  MPI_Barrier(test_context()->comm);
  if (rank == 0)
    unlink(path);
  dnmf_model_destroy(&again);
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
}

static void nan_is_a_missing_entry_of_unobserved_data_only(void **state) {
  (void)state;
  double values[CELLS];
  dnmf_dense dense;
  dnmf_data *data = NULL;
  dnmf_model *model = NULL;
  dnmf_fit_settings settings = some_iterations();
  double count = 0;
  dnmf_dense_init(&dense);
  for (int64_t i = 0; i < CELLS; i++)
    values[i] = i % 5 == 0 ? NAN : cell(i / COLS, i % COLS);
  dense.rows = rank == 0 ? ROWS : 0;
  dense.cols = rank == 0 ? COLS : 0;
  dense.values = values;
  succeed(dnmf_data_from_dense(library, ROWS, COLS, &dense, &data));
  assert_int_equal(dnmf_model_fit(library, data, &settings, &model, NULL), DNMF_ERR_INPUT);
  assert_null(model);
  settings.missing = "unobserved";
  succeed(dnmf_model_fit(library, data, &settings, &model, NULL));
  succeed(dnmf_model_get_number(library, model, "stored", &count));
  assert_int_equal((int64_t)count, CELLS - (CELLS + 4) / 5); /* zeros are data */
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
}

/* Stops after some iterations; counts what it is told. */
typedef struct watcher {
  int64_t asked;
  int64_t stop_after;
  int64_t told;
} watcher;

static bool stop_when_due(void *state) {
  watcher *w = state;
  return rank == size - 1 && ++w->asked > w->stop_after;
}

static void note_iteration(void *state, const dnmf_iteration *iteration) {
  watcher *w = state;
  assert_int_equal(rank, 0);
  w->told = iteration->iteration;
}

static void should_stop_ends_a_fit_and_a_checkpoint_goes_on(void **state) {
  (void)state;
  double values[CELLS];
  double w[2][ROWS * COMPONENTS];
  double h[2][COMPONENTS * COLS];
  char path[] = "/tmp/dnmf_door_XXXXXX";
  dnmf_dense dense;
  dnmf_data *data = NULL;
  dnmf_model *model = NULL;
  dnmf_result result;
  dnmf_fit_settings settings = some_iterations();
  watcher watching = {.stop_after = 2};
  const dnmf_callbacks callbacks = {&watching, NULL, note_iteration, stop_when_due};
  reference_factors(w[0], h[0]);
  dnmf_dense_init(&dense);
  for (int64_t i = 0; i < CELLS; i++)
    values[i] = cell(i / COLS, i % COLS);
  dense.rows = rank == 0 ? ROWS : 0;
  dense.cols = rank == 0 ? COLS : 0;
  dense.values = values;
  succeed(dnmf_data_from_dense(library, ROWS, COLS, &dense, &data));
  succeed(dnmf_library_set_callbacks(library, &callbacks));
  succeed(dnmf_model_fit(library, data, &settings, &model, &result));
  assert_string_equal(result.stop_reason, "signal");
  assert_true(result.iterations > 0 && result.iterations < 8);
  if (rank == 0)
    assert_int_equal(watching.told, result.iterations);
  dnmf_model_destroy(&model);

  if (rank == 0) {
    close(mkstemp(path));
    unlink(path);
  }
  MPI_Bcast(path, (int)sizeof path, MPI_CHAR, 0, test_context()->comm);
  settings.files.checkpoint = path;
  settings.files.resume = "auto";
  watching.asked = 0;
  assert_int_equal(dnmf_model_fit(library, data, &settings, &model, &result), DNMF_ERR_INTERRUPTED);
  assert_null(model);
  assert_non_null(strstr(dnmf_library_error(library), path));
  succeed(dnmf_library_set_callbacks(library, NULL));
  settings.solver = "mu";
  assert_int_equal(dnmf_model_fit(library, data, &settings, &model, NULL), DNMF_ERR_USAGE); /* another fit */
  assert_non_null(strstr(dnmf_library_error(library), "solver"));
  settings.solver = "hals";
  succeed(dnmf_model_fit(library, data, &settings, &model, &result));
  assert_int_equal(result.iterations, 8);
  succeed(dnmf_model_w(library, model, 0, ROWS, w[1], 0));
  succeed(dnmf_model_h(library, model, 0, COLS, h[1], 0));
  assert_close(w[1], w[0], ROWS * COMPONENTS);
  assert_close(h[1], h[0], COMPONENTS * COLS);
  MPI_Barrier(test_context()->comm);
  if (rank == 0)
    unlink(path);
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      door_test(every_form_of_a_dense_matrix_gives_the_same_factors),
      door_test(sparse_rows_and_triples_give_the_same_factors),
      door_test(predictions_are_made_of_what_the_model_holds),
      door_test(ids_lead_to_positions_and_back),
      door_test(lists_hold_the_best_columns_that_were_not_seen),
      door_test(rows_of_the_fit_fold_in_and_are_evaluated),
      door_test(a_model_is_the_same_after_it_was_written_and_read),
      door_test(nan_is_a_missing_entry_of_unobserved_data_only),
      door_test(should_stop_ends_a_fit_and_a_checkpoint_goes_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
