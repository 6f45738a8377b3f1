/* Lists through the door: who is listed what, columns alike, and how good the lists are, beside brute force. */
#include "door.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 14, COLS = 9, COMPONENTS = 3, CELLS = ROWS * COLS, TOP = 4 };

enum { NEITHER, TRAIN, TEST };

/* Row 5 has no entry to fit. */
static int part_of(int64_t i, int64_t j) {
  const int64_t at = (i * 7 + j * 5 + i * j * 3) % 10;
  if (i == 5)
    return at < 2 ? TEST : NEITHER;
  return at < 5 + j % 3 ? TRAIN : at == 9 ? TEST : NEITHER;
}

static double rating(int64_t i, int64_t j) {
  return 1 + (double)((i * i + 3 * j + i * j) % 9) / 2;
}

/* Entries by position, each process its own. */
typedef struct entries {
  int64_t rows[CELLS];
  int64_t cols[CELLS];
  double values[CELLS];
  dnmf_data *data;
} entries;

static entries train;
static entries test;
static dnmf_model *model;
static double h[COMPONENTS * COLS];

static void take_entries(int part, entries *e) {
  dnmf_triples triples;
  dnmf_triples_init(&triples);
  for (int64_t at = rank; at < CELLS; at += size) {
    if (part_of(at / COLS, at % COLS) != part)
      continue;
    e->rows[triples.count] = at / COLS;
    e->cols[triples.count] = at % COLS;
    e->values[triples.count] = rating(at / COLS, at % COLS);
    triples.count++;
  }
  triples.rows = e->rows;
  triples.cols = e->cols;
  triples.values = e->values;
  triples.all_rows = ROWS;
  triples.all_cols = COLS;
  succeed(dnmf_data_from_triples(library, &triples, &e->data));
}

static int fit_model(void **state) {
  dnmf_fit_settings settings;
  succeed(open_library(state));
  take_entries(TRAIN, &train);
  take_entries(TEST, &test);
  dnmf_fit_settings_init(&settings);
  settings.components = COMPONENTS;
  settings.max_iter = 8;
  succeed(dnmf_model_fit(library, train.data, &settings, &model, NULL));
  succeed(dnmf_model_h(library, model, 0, COLS, h, 0));
  return 0;
}

static int free_model(void **state) {
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&train.data);
  dnmf_data_destroy(&test.data);
  return close_library(state);
}

static int64_t entries_of(int64_t col) {
  int64_t count = 0;
  for (int64_t i = 0; i < ROWS; i++)
    count += part_of(i, col) == TRAIN;
  return count;
}

/* The best of the columns that are not taken, by number; equal ones in their order; -1: none is left. */
static int64_t best_left(const double *numbers, const bool *taken) {
  int64_t best = -1;
  for (int64_t j = 0; j < COLS; j++)
    if (!taken[j] && (best < 0 || numbers[j] > numbers[best]))
      best = j;
  return best;
}

static void rows_without_data_are_listed_the_columns_with_most_entries(void **state) {
  (void)state;
  const int64_t candidates[] = {8, 1, 2, 4, 7};
  const int64_t rows[] = {-1, 5, 3};
  dnmf_recommend_settings settings;
  int64_t cols[3 * TOP];
  double scores[3 * TOP];
  double counts[COLS];
  bool taken[COLS];
  for (int64_t j = 0; j < COLS; j++) {
    counts[j] = (double)entries_of(j);
    taken[j] = true;
  }
  for (int c = 0; c < 5; c++)
    taken[candidates[c]] = counts[candidates[c]] < 7;
  assert_true(taken[1] != taken[2] || taken[2] != taken[4] || taken[4] != taken[7]); /* the floor keeps some out */
  dnmf_recommend_settings_init(&settings);
  settings.top = TOP;
  settings.candidates = candidates;
  settings.candidate_count = 5;
  settings.min_count = 7;
  succeed(dnmf_model_recommend(library, model, rank == 0 ? 3 : 1, rows, &settings, cols, scores));
  for (int t = 0; t < TOP; t++) {
    const int64_t best = best_left(counts, taken);
    assert_int_equal(cols[t], best);
    assert_true(isnan(scores[t]));
    if (rank == 0) {
      assert_int_equal(cols[TOP + t], best);
      assert_true(isnan(scores[TOP + t]));
      assert_true(isnan(scores[2 * TOP + t]) == (best < 0)); /* row 3 has predictions, of as many columns */
    }
    if (best >= 0)
      taken[best] = true;
  }
}

static void columns_alike_have_the_largest_cosines(void **state) {
  (void)state;
  const int64_t asked[] = {6, 0, 6};
  int64_t similar[3 * TOP];
  double cosines[3 * TOP];
  double level = 0; /* that all columns have */
  dnmf_recommend_settings settings;
  succeed(dnmf_model_get_number(library, model, "level", &level));
  dnmf_recommend_settings_init(&settings);
  settings.top = TOP;
  succeed(dnmf_model_similar(library, model, 3, asked, &settings, similar, cosines));
  for (int a = 0; a < 3; a++) {
    double expected[COLS];
    bool taken[COLS] = {false};
    for (int64_t j = 0; j < COLS; j++) {
      double product = 0;
      double squares[2] = {0, 0};
      for (int c = 0; c < COMPONENTS; c++) {
        const double here = h[c * COLS + j] - level;
        const double there = h[c * COLS + asked[a]] - level;
        product += here * there;
        squares[0] += here * here;
        squares[1] += there * there;
      }
      expected[j] = product / sqrt(squares[0] * squares[1]);
      taken[j] = j == asked[a] || !(expected[j] > 0);
    }
    for (int t = 0; t < TOP; t++) {
      const int64_t best = best_left(expected, taken);
      assert_int_equal(similar[a * TOP + t], best);
      assert_true(best < 0 ? isnan(cosines[a * TOP + t]) : fabs(cosines[a * TOP + t] - expected[best]) < 1e-12);
      if (best >= 0)
        taken[best] = true;
    }
  }
}

/* Of a list for each row: the figures of dnmf_list_evaluation that need no logarithm. */
static void measure_lists(int64_t lists[ROWS][TOP], double relevant, dnmf_list_evaluation *figures, int64_t *ranked) {
  bool listed[COLS] = {false};
  *ranked = 0;
  *figures = (dnmf_list_evaluation){0};
  for (int64_t i = 0; i < ROWS; i++) {
    int all = 0;
    int found = 0;
    double first = 0;
    for (int64_t j = 0; j < COLS; j++)
      all += part_of(i, j) == TEST && rating(i, j) >= relevant;
    if (all == 0)
      continue;
    ++*ranked;
    for (int t = 0; t < TOP; t++) {
      const int64_t j = lists[i][t];
      if (j < 0)
        continue;
      listed[j] = true;
      if (part_of(i, j) != TEST || rating(i, j) < relevant)
        continue;
      found++;
      first = first > 0 ? first : 1.0 / (t + 1);
    }
    figures->precision += (double)found / TOP;
    figures->recall += (double)found / (all < TOP ? all : TOP);
    figures->hit_rate += found > 0;
    figures->mrr += first;
  }
  figures->precision /= (double)*ranked;
  figures->recall /= (double)*ranked;
  figures->hit_rate /= (double)*ranked;
  figures->mrr /= (double)*ranked;
  for (int64_t j = 0; j < COLS; j++)
    figures->catalogue += listed[j] ? 1.0 / COLS : 0;
}

static void assert_figures(const dnmf_list_evaluation *a, const dnmf_list_evaluation *b) {
  const double differences[] = {a->precision - b->precision, a->recall - b->recall, a->hit_rate - b->hit_rate,
                                a->mrr - b->mrr, a->catalogue - b->catalogue};
  for (int f = 0; f < 5; f++)
    if (!(fabs(differences[f]) < 1e-12))
      fail_msg("figure %d differs by %g", f, differences[f]);
}

static void lists_of_unseen_columns_are_evaluated(void **state) {
  (void)state;
  int64_t lists[ROWS][TOP];
  int64_t popular[ROWS][TOP];
  double scores[ROWS * TOP];
  int64_t rows[ROWS];
  int64_t ranked = 0;
  dnmf_recommend_settings listing;
  dnmf_evaluate_settings settings;
  dnmf_evaluation evaluation;
  dnmf_list_evaluation expected;
  dnmf_recommend_settings_init(&listing);
  listing.top = TOP;
  listing.seen = train.data;
  for (int64_t i = 0; i < ROWS; i++) {
    double counts[COLS];
    bool taken[COLS];
    rows[i] = i;
    for (int64_t j = 0; j < COLS; j++) {
      counts[j] = (double)entries_of(j);
      taken[j] = part_of(i, j) == TRAIN;
    }
    for (int t = 0; t < TOP; t++) {
      popular[i][t] = best_left(counts, taken);
      if (popular[i][t] >= 0)
        taken[popular[i][t]] = true;
    }
  }
  succeed(dnmf_model_recommend(library, model, ROWS, rows, &listing, lists[0], scores));
  dnmf_evaluate_settings_init(&settings);
  settings.relevant = 2.5;
  settings.at = TOP;
  succeed(dnmf_model_evaluate(library, model, test.data, &settings, &evaluation));
  assert_true(isnan(evaluation.lists.ndcg) && isnan(evaluation.popular.precision));
  settings.seen = train.data;
  succeed(dnmf_model_evaluate(library, model, test.data, &settings, &evaluation));
  measure_lists(lists, settings.relevant, &expected, &ranked);
  assert_true(ranked > 2 && expected.hit_rate > 0 && expected.hit_rate <= 1);
  assert_int_equal(evaluation.listed_rows, ranked);
  assert_figures(&evaluation.lists, &expected);
  measure_lists(popular, settings.relevant, &expected, &ranked);
  assert_figures(&evaluation.popular, &expected);
}

static void what_cannot_be_listed_is_refused(void **state) {
  (void)state;
  const int64_t beyond[] = {COLS};
  int64_t cols[TOP];
  double scores[TOP];
  dnmf_recommend_settings settings;
  dnmf_recommend_settings_init(&settings);
  settings.top = TOP;
  assert_int_equal(dnmf_model_similar(library, model, 1, beyond, &settings, cols, scores), DNMF_ERR_USAGE);
  assert_non_null(strstr(dnmf_library_error(library), "cols[0] is 9"));
  settings.candidates = beyond;
  settings.candidate_count = 1;
  assert_int_equal(dnmf_model_recommend(library, model, 0, NULL, &settings, cols, scores), DNMF_ERR_USAGE);
  assert_non_null(strstr(dnmf_library_error(library), "candidates[0] is 9"));
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_without_data_are_listed_the_columns_with_most_entries),
      cmocka_unit_test(columns_alike_have_the_largest_cosines),
      cmocka_unit_test(lists_of_unseen_columns_are_evaluated),
      cmocka_unit_test(what_cannot_be_listed_is_refused),
  };
  return cmocka_run_group_tests(tests, fit_model, free_model);
}
