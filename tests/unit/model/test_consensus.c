/* What runs agree on: assignments, clusters of runs that are alike, perturbed copies, and the rule that suggests k. */
#include "base/random.h"
#include "comm/collective.h"
#include "matrix/perturb.h"
#include "model/assignment.h"
#include "model/choose_k.h"
#include "model/consensus.h"
#include "mpi_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double number(uint64_t i, uint64_t j) {
  return dnmf_random_uniform(7, DNMF_STREAM_VALUES, i, j);
}

/* --- Assignments ------------------------------------------------------------------------------------------- */

/* The least sum over all permutations of the rows from `row` on. */
static double least_sum(int n, const double *cost, int row, unsigned taken) {
  double least = row == n ? 0 : INFINITY;
  for (int j = 0; j < n && row < n; j++)
    if (!(taken & 1U << j))
      least = fmin(least, cost[row * n + j] + least_sum(n, cost, row + 1, taken | 1U << j));
  return least;
}

static void an_assignment_has_the_least_sum(void **state) {
  (void)state;
  for (uint64_t draw = 0; draw < 40; draw++) {
    const int n = 1 + (int)(draw % 6);
    double cost[36];
    int column[6];
    double sum = 0;
    unsigned taken = 0;
    for (int i = 0; i < n * n; i++)
      cost[i] = draw % 2 ? number(draw, (uint64_t)i) - 0.5 : floor(3 * number(draw, (uint64_t)i)); /* with ties */
    assert_ok(dnmf_assign(&test_context()->error, n, cost, column));
    for (int i = 0; i < n; i++) {
      sum += cost[i * n + column[i]];
      taken |= 1U << column[i];
    }
    assert_int_equal(taken, (1U << n) - 1);
    assert_true(fabs(sum - least_sum(n, cost, 0, 0)) < 1e-12);
  }
}

/* --- Clusters ---------------------------------------------------------------------------------------------- */

enum { ROWS = 23, K = 3, RUNS = 4 };

/* Runs with the same components, each in another order and at another scale. */
static void make_runs(const dnmf_context *context, dnmf_range *owned, dnmf_panel *all) {
  *owned = dnmf_range_split((dnmf_range){0, ROWS}, context->size, context->rank);
  assert_ok(dnmf_panel_create(&test_context()->error, "runs", dnmf_range_size(*owned), RUNS * K, DNMF_DOUBLE, all));
  for (int64_t row = owned->begin; row < owned->end; row++)
    for (int r = 0; r < RUNS; r++)
      for (int c = 0; c < K; c++)
        dnmf_panel_set(all, row - owned->begin, r * K + c, (1 + r) * number((uint64_t)row, (uint64_t)((c + r) % K)));
}

static void runs_that_are_alike_are_one_cluster_a_component(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  dnmf_range owned;
  dnmf_panel all;
  dnmf_panel medians;
  dnmf_clusters clusters;
  double squares[K] = {0};
  make_runs(context, &owned, &all);
  assert_ok(dnmf_clusters_find(context, RUNS, K, 1, &all, &clusters));
  assert_true(fabs(clusters.silhouette_min - 1) < 1e-9 && fabs(clusters.silhouette_mean - 1) < 1e-9);
  assert_true(clusters.outliers == 0);
  for (int i = 0; i < RUNS * K; i++) /* as the components of run 1 are numbered */
    assert_int_equal(clusters.cluster[i], (i % K + i / K + K - 1) % K);
  assert_ok(dnmf_panel_create(&context->error, "medians", dnmf_range_size(owned), K, DNMF_DOUBLE, &medians));
  assert_ok(dnmf_clusters_median(context, &clusters, &all, &medians));
  for (uint64_t row = 0; row < ROWS; row++)
    for (uint64_t c = 0; c < K; c++)
      squares[c] += number(row, (c + 1) % K) * number(row, (c + 1) % K);
  for (int64_t row = owned.begin; row < owned.end; row++)
    for (int c = 0; c < K; c++) {
      const double expected = number((uint64_t)row, (uint64_t)((c + 1) % K)) / sqrt(squares[c]);
      assert_true(fabs(dnmf_panel_get(&medians, row - owned.begin, c) - expected) < 1e-12);
    }
  for (int c = 0; c < K; c++)
    assert_int_equal(clusters.inlying[c], RUNS);
  dnmf_clusters_free(&clusters);
  dnmf_panel_free(&medians);
  dnmf_panel_free(&all);
}

static void a_run_alone_and_components_of_zeros_are_legal(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  dnmf_range owned;
  dnmf_panel all;
  dnmf_panel one;
  dnmf_clusters clusters;
  make_runs(context, &owned, &all);
  for (int64_t row = 0; row < all.rows; row++)
    dnmf_panel_set(&all, row, 0, 0);
  assert_ok(dnmf_clusters_find(context, RUNS, K, 0, &all, &clusters));
  assert_true(isfinite(clusters.silhouette_min) && clusters.silhouette_min < 1 && clusters.outlying[0]);
  dnmf_clusters_free(&clusters);
  assert_ok(dnmf_panel_create(&context->error, "a run", all.rows, K, DNMF_DOUBLE, &one));
  assert_ok(dnmf_clusters_find(context, 1, K, 0, &one, &clusters));
  assert_true(isnan(clusters.silhouette_min) && isnan(clusters.outliers));
  dnmf_clusters_free(&clusters);
  dnmf_panel_free(&one);
  dnmf_panel_free(&all);
}

static void a_sample_is_of_different_rows_in_order(void **state) {
  (void)state;
  int64_t sample[DNMF_CONSENSUS_SAMPLE];
  assert_int_equal(dnmf_consensus_sample(1, 17, sample), 17);
  assert_int_equal(sample[16], 16);
  assert_int_equal(dnmf_consensus_sample(1, 100000, sample), DNMF_CONSENSUS_SAMPLE);
  for (int s = 1; s < DNMF_CONSENSUS_SAMPLE; s++)
    assert_true(sample[s] > sample[s - 1]);
  assert_true(sample[0] >= 0 && sample[DNMF_CONSENSUS_SAMPLE - 1] < 100000 && sample[0] < 1000);
}

/* --- Perturbed values -------------------------------------------------------------------------------------- */

static void perturbed_values_are_within_their_bounds(void **state) {
  const dnmf_perturbation uniform = {DNMF_PERTURB_UNIFORM, 0.1};
  double least = INFINITY;
  double most = 0;
  (void)state;
  for (int64_t i = 0; i < 2000; i++) {
    const double value = dnmf_perturb_value(&uniform, 3, 1, i, i / 7, 2);
    least = fmin(least, value);
    most = fmax(most, value);
    assert_true(value != dnmf_perturb_value(&uniform, 3, 2, i, i / 7, 2)); /* another run, another draw */
  }
  assert_true(least > 1.8 && least < 1.81 && most < 2.2 && most > 2.19);
  assert_true(dnmf_perturb_value(&uniform, 3, 1, 0, 0, 0) == 0);
}

/* Mean, variance and whole numbers, for both ways of drawing; bounds are six standard errors. */
static void poisson_draws_have_their_mean_and_variance(void **state) {
  static const double means[] = {0.3, 4, 9.9, 10, 57.5, 3000};
  const dnmf_perturbation poisson = {DNMF_PERTURB_POISSON, 0};
  const double draws = 20000;
  (void)state;
  for (size_t m = 0; m < sizeof means / sizeof *means; m++) {
    const double mean = means[m];
    double sum = 0;
    double squares = 0;
    for (int64_t i = 0; i < (int64_t)draws; i++) {
      const double value = dnmf_perturb_value(&poisson, 5, 0, i, (int64_t)m, mean);
      assert_true(value >= 0 && value == floor(value));
      sum += value - mean;
      squares += (value - mean) * (value - mean);
    }
    assert_true(fabs(sum / draws) < 6 * sqrt(mean / draws));
    assert_true(fabs(squares / draws - mean) < 6 * sqrt((mean + 2 * mean * mean) / draws));
  }
}

/* --- The rule ---------------------------------------------------------------------------------------------- */

static dnmf_search_suggestion suggest(dnmf_criterion criterion, const double *silhouettes, int count) {
  /* Of 1, 2, ... components; folds differ by 1e-3 in what they gain. */
  static const double errors[] = {9, 9.1, 4, 4.1, 1, 1.1, 0.999, 1.101, 1.05, 1.16};
  dnmf_search_candidate candidates[5] = {{.components = 0}};
  dnmf_search_suggestion suggestion;
  for (int c = 0; c < count; c++) {
    candidates[c].components = c + 1;
    candidates[c].restarts = 10;
    candidates[c].silhouette_min = silhouettes[c];
  }
  dnmf_choose_spread(count, 2, errors, candidates);
  dnmf_choose_components(criterion, count, candidates, &suggestion);
  return suggestion;
}

static void the_rule_is_as_it_is_stated(void **state) {
  static const double stable_to_3[] = {NAN, 1, 0.9, 0.2, 0.1};
  static const double stable_to_2[] = {NAN, 1, 0.7, 0.8, 0.1};
  static const double never[] = {NAN, 0.1, 0.2, 0.3, 0.4};
  (void)state;
  assert_int_equal(suggest(DNMF_BY_HELDOUT, never, 5).at, 2); /* the fourth is better by less than a standard error */
  assert_int_equal(suggest(DNMF_BY_STABILITY, stable_to_3, 5).at, 2);
  assert_int_equal(suggest(DNMF_BY_STABILITY, stable_to_2, 5).at, 3); /* the largest, whatever is below */
  assert_int_equal(suggest(DNMF_BY_BOTH, stable_to_2, 5).at, 2);
  assert_int_equal(suggest(DNMF_BY_BOTH, never, 5).at, 0); /* one component is stable */
  assert_non_null(strstr(suggest(DNMF_BY_BOTH, stable_to_3, 5).reason, "k = 3"));
}

/* By the squares of errors, on held-out cells or of the fit, of candidates that are all stable. */
static dnmf_search_suggestion suggest_by_squares(dnmf_criterion criterion, const int64_t components[4],
                                                 const double squares[4]) {
  dnmf_search_candidate candidates[4] = {{.components = 0}};
  dnmf_search_suggestion suggestion;
  for (int c = 0; c < 4; c++) /* in another order than that of their components */
    candidates[c] =
        (dnmf_search_candidate){.components = components[3 - c],
                                .restarts = 10,
                                .silhouette_min = 1,
                                .heldout = criterion == DNMF_BY_STABILITY ? NAN : sqrt(squares[3 - c]),
                                .relative_error = criterion == DNMF_BY_HELDOUT ? NAN : sqrt(squares[3 - c])};
  dnmf_choose_components(criterion, 4, candidates, &suggestion);
  suggestion.at = candidates[suggestion.at].components;
  return suggestion;
}

static void each_criterion_stops_at_an_elbow(void **state) {
  static const int64_t even[] = {2, 3, 4, 5};
  static const int64_t uneven[] = {2, 4, 6, 14};
  static const double bends[] = {10, 6, 2, 1.5};             /* gains 4, 4, 0.5 */
  static const double bends_a_component[] = {10, 6, 2, 0.1}; /* 2, 2, 0.24 each */
  static const double bends_twice[] = {10, 5, 4.5, 4.4};     /* 5, 0.5, 0.1: the first gain is compared with none */
  static const double falls[] = {10, 7, 5, 3.6};             /* 3, 2, 1.4 */
  static const dnmf_criterion criteria[] = {DNMF_BY_HELDOUT, DNMF_BY_STABILITY, DNMF_BY_BOTH};
  (void)state;
  for (int c = 0; c < 3; c++) {
    assert_int_equal(suggest_by_squares(criteria[c], even, bends).at, 4);
    assert_int_equal(suggest_by_squares(criteria[c], uneven, bends_a_component).at, 6);
    assert_int_equal(suggest_by_squares(criteria[c], even, bends_twice).at, 3);
    assert_int_equal(suggest_by_squares(criteria[c], even, falls).at, 5);
    const dnmf_search_suggestion told = suggest_by_squares(criteria[c], even, bends);
    assert_non_null(strstr(told.reason, "k = 4 is where the error"));
    assert_non_null(strstr(told.reason, "k = 5"));
  }
}

/* It said "smallest silhouette nan". */
static void of_one_component_no_silhouette_is_told(void **state) {
  const dnmf_search_candidate candidates[] = {
      {.components = 1, .restarts = 10, .heldout = 1, .silhouette_min = NAN},
      {.components = 2, .restarts = 10, .heldout = 2, .silhouette_min = 0.1},
  };
  dnmf_search_suggestion suggestion;
  (void)state;
  dnmf_choose_components(DNMF_BY_BOTH, 2, candidates, &suggestion);
  assert_int_equal(suggestion.at, 0);
  assert_null(strstr(suggestion.reason, "nan"));
  assert_non_null(strstr(suggestion.reason, "no k above 1"));
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(an_assignment_has_the_least_sum),
      mpi_test(runs_that_are_alike_are_one_cluster_a_component),
      mpi_test(a_run_alone_and_components_of_zeros_are_legal),
      mpi_test(a_sample_is_of_different_rows_in_order),
      mpi_test(perturbed_values_are_within_their_bounds),
      mpi_test(poisson_draws_have_their_mean_and_variance),
      mpi_test(the_rule_is_as_it_is_stated),
      mpi_test(each_criterion_stops_at_an_elbow),
      mpi_test(of_one_component_no_silhouette_is_told),
  };
  return cmocka_run_group_tests_name("consensus", tests, NULL, NULL);
}
