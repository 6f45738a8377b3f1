/* Predictions of a small model against its formula, on any number of processes. */
#include "model/predict.h"

#include "mpi_test.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = 7, COLS = 5, K = 3, EMPTY_ROW = 2, EMPTY_COL = 4 };

static double w_at(int64_t i, int c) {
  return i == EMPTY_ROW ? 0 : (double)((i * 3 + c) % 5) / 4;
}

static double h_at(int64_t j, int c) {
  return j == EMPTY_COL ? 0 : (double)((j * 2 + c) % 7) / 4;
}

static double row_bias(int64_t i) {
  return i == EMPTY_ROW ? 0 : (double)i / 8 - 0.5;
}

static double col_bias(int64_t j) {
  return j == EMPTY_COL ? 0 : 0.25 - (double)j / 16;
}

static void fill(dnmf_range owned, double (*at)(int64_t, int), dnmf_panel *panel) {
  assert_ok(dnmf_panel_create(&test_context()->error, "a factor", dnmf_range_size(owned), K, DNMF_DOUBLE, panel));
  for (int64_t i = 0; i < panel->rows; i++)
    for (int c = 0; c < K; c++)
      dnmf_panel_set(panel, i, c, at(owned.begin + i, c));
}

static double *fill_bias(dnmf_range owned, double (*at)(int64_t)) {
  double *bias = calloc((size_t)dnmf_range_size(owned) + 1, sizeof *bias);
  for (int64_t i = owned.begin; i < owned.end; i++)
    bias[i - owned.begin] = at(i);
  return bias;
}

static void make_model(bool observed, bool biases, dnmf_model *model) {
  const dnmf_context *context = test_context();
  *model = (dnmf_model){.rows = ROWS, .cols = COLS, .components = K};
  model->owned_rows = dnmf_range_split((dnmf_range){0, ROWS}, context->size, context->rank);
  model->owned_cols = dnmf_range_split((dnmf_range){0, COLS}, context->size, context->rank);
  fill(model->owned_rows, w_at, &model->w);
  fill(model->owned_cols, h_at, &model->h);
  model->bias.fitted = biases;
  model->bias.mean = biases ? 2.5 : 0;
  if (biases) {
    model->bias.row = fill_bias(model->owned_rows, row_bias);
    model->bias.col = fill_bias(model->owned_cols, col_bias);
  }
  dnmf_error *error = &test_context()->error;
  assert_ok(dnmf_model_set_text(error, model, "missing", observed ? "unobserved" : "zero"));
}

static double product(int64_t i, int64_t j) {
  double sum = 0;
  for (int c = 0; c < K; c++)
    sum += w_at(i, c) * h_at(j, c);
  return sum;
}

static double formula(bool biases, int64_t i, int64_t j) {
  return product(i, j) + (biases ? 2.5 + row_bias(i) + col_bias(j) : 0);
}

/* Every pair, -1 included, in another order on every process. */
static int64_t all_pairs(dnmf_pair pairs[(ROWS + 1) * (COLS + 1)]) {
  int64_t count = 0;
  int64_t shift = test_context()->rank * 3;
  for (int64_t p = 0; p < (ROWS + 1) * (COLS + 1); p++) {
    int64_t at = (p + shift) % ((ROWS + 1) * (COLS + 1));
    pairs[count++] = (dnmf_pair){at / (COLS + 1) - 1, at % (COLS + 1) - 1};
  }
  return count;
}

typedef double (*expectation)(dnmf_pair pair, bool no_row, bool no_col);

static void check(const dnmf_model *model, bool observed, bool biases, dnmf_fallback fallback, expectation expected) {
  dnmf_context *context = test_context();
  dnmf_pair pairs[(ROWS + 1) * (COLS + 1)];
  dnmf_prediction predictions[(ROWS + 1) * (COLS + 1)];
  dnmf_predictor predictor;
  int64_t count = all_pairs(pairs);
  assert_ok(dnmf_predictor_create(context, model, &predictor));
  assert_ok(dnmf_predict(context, &predictor, fallback, count, pairs, predictions));
  for (int64_t p = 0; p < count; p++) {
    bool no_row = pairs[p].row < 0 || (observed && pairs[p].row == EMPTY_ROW);
    bool no_col = pairs[p].col < 0 || (observed && pairs[p].col == EMPTY_COL);
    assert_int_equal(predictions[p].known, !no_row && !no_col);
    double wanted =
        predictions[p].known ? formula(biases, pairs[p].row, pairs[p].col) : expected(pairs[p], no_row, no_col);
    double score = predictions[p].score;
    if (isnan(wanted) ? !isnan(score) : !(fabs(score - wanted) <= 1e-14))
      fail_msg("row %d, column %d: %.17g instead of %.17g", (int)pairs[p].row, (int)pairs[p].col, score, wanted);
  }
  dnmf_predictor_free(&predictor);
}

static double mean_of_ratings(dnmf_pair pair, bool no_row, bool no_col) {
  (void)pair;
  (void)no_row;
  (void)no_col;
  return 3.5;
}

static double mean_and_known_biases(dnmf_pair pair, bool no_row, bool no_col) {
  return 3.5 + (no_row ? 0 : row_bias(pair.row)) + (no_col ? 0 : col_bias(pair.col));
}

static double not_a_number(dnmf_pair pair, bool no_row, bool no_col) {
  (void)pair;
  (void)no_row;
  (void)no_col;
  return NAN;
}

static void ratings_with_biases(void **state) {
  (void)state;
  dnmf_model model;
  make_model(true, true, &model);
  assert_ok(dnmf_model_set_real(&test_context()->error, &model, "mean", 3.5));
  check(&model, true, true, DNMF_FALLBACK_MEAN, mean_of_ratings);
  check(&model, true, true, DNMF_FALLBACK_BIAS, mean_and_known_biases);
  check(&model, true, true, DNMF_FALLBACK_NAN, not_a_number);
  dnmf_model_free(&model);
}

static void ratings_without_biases(void **state) {
  (void)state;
  dnmf_model model;
  make_model(true, false, &model);
  assert_ok(dnmf_model_set_real(&test_context()->error, &model, "mean", 3.5));
  check(&model, true, false, DNMF_FALLBACK_BIAS, mean_of_ratings);
  dnmf_model_free(&model);
}

static void with_zeros_a_row_of_zeros_is_known(void **state) {
  (void)state;
  dnmf_model model;
  make_model(false, false, &model);
  assert_ok(dnmf_model_set_real(&test_context()->error, &model, "mean", 3.5));
  check(&model, false, false, DNMF_FALLBACK_BIAS, mean_of_ratings);
  dnmf_model_free(&model);
}

static void a_model_of_unknown_mean_takes_that_of_its_predictions(void **state) {
  (void)state;
  dnmf_model model;
  dnmf_predictor predictor;
  double sum = 0;
  for (int64_t i = 0; i < ROWS; i++)
    for (int64_t j = 0; j < COLS; j++)
      sum += formula(true, i, j);
  make_model(true, true, &model);
  assert_ok(dnmf_predictor_create(test_context(), &model, &predictor));
  assert_true(fabs(predictor.mean - sum / (ROWS * COLS)) < 1e-14);
  assert_false(predictor.has_scale);
  dnmf_predictor_free(&predictor);
  dnmf_model_free(&model);
}

static void clipping_keeps_nan(void **state) {
  (void)state;
  dnmf_predictor predictor = {.has_scale = true, .smallest = 0.5, .largest = 5};
  assert_true(dnmf_clip(&predictor, -1) == 0.5);
  assert_true(dnmf_clip(&predictor, 3.25) == 3.25);
  assert_true(dnmf_clip(&predictor, 9) == 5);
  assert_true(isnan(dnmf_clip(&predictor, NAN)));
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(ratings_with_biases),
      mpi_test(ratings_without_biases),
      mpi_test(with_zeros_a_row_of_zeros_is_known),
      mpi_test(a_model_of_unknown_mean_takes_that_of_its_predictions),
      mpi_test(clipping_keeps_nan),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
