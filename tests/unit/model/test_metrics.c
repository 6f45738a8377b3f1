/* Metrics against cases worked by hand. */
#include "model/metrics.h"

#include "base/random.h"
#include "mpi_test.h"

#include <math.h>
#include <stdlib.h>

static dnmf_metrics_options at(double relevant, int64_t first, int64_t second) {
  return (dnmf_metrics_options){relevant, 2, {first, second}};
}

/* Adds a row on every process; the prediction is the score. */
static void add(dnmf_metrics *metrics, dnmf_metrics_options ranking, int count, const double *values,
                const double *scores) {
  dnmf_scored_entry entries[64];
  for (int i = 0; i < count; i++)
    entries[i] = (dnmf_scored_entry){values[i], scores[i], scores[i], i};
  assert_ok(dnmf_metrics_add_row(&test_context()->error, &ranking, count, entries, metrics));
}

static void assert_near(double computed, double expected) {
  if (!(fabs(computed - expected) <= 1e-14))
    fail_msg("computed %.17g, expected %.17g", computed, expected);
}

static void errors(void **state) {
  (void)state;
  dnmf_metrics m = {0};
  dnmf_scored_entry entries[] = {{4, 9, 5, 0}, {2, 8, 2, 1}, {1, 7, 3, 2}};
  dnmf_metrics_options ranking = at(3, 1, 2);
  assert_ok(dnmf_metrics_add_row(&test_context()->error, &ranking, 3, entries, &m));
  assert_near(dnmf_metrics_rmse(&m), sqrt(5.0 / 3));
  assert_near(dnmf_metrics_mae(&m), 1);
}

/* By score: 5 1 4 2; relevant from 4 up: yes no yes no. */
static void one_row(void **state) {
  (void)state;
  dnmf_metrics m = {0};
  add(&m, at(4, 1, 3), 4, (const double[]){4, 5, 2, 1}, (const double[]){2, 4, 1, 3});
  assert_near(dnmf_metrics_precision(&m, 0), 1);
  assert_near(dnmf_metrics_precision(&m, 1), 2.0 / 3);
  assert_near(dnmf_metrics_recall(&m, 0), 0.5);
  assert_near(dnmf_metrics_recall(&m, 1), 1);
  assert_near(dnmf_metrics_hit_rate(&m, 0), 1);
  assert_near(dnmf_metrics_map(&m), (1 + 2.0 / 3) / 2);
  assert_near(dnmf_metrics_ndcg(&m, 0), 1);
  double gain = 5 + 1 / log2(3) + 4.0 / 2;
  assert_near(dnmf_metrics_ndcg(&m, 1), gain / (5 + 4 / log2(3) + 2.0 / 2));
  /* Concordant: 5 above 1, 4, 2; 4 above 2. Discordant: 1 above 4 and 2. */
  assert_near(dnmf_metrics_fcp(&m), 4.0 / 6);
}

/* Scores 2 2 1: the first two share a threshold and the mean of their gains. */
static void equal_scores(void **state) {
  (void)state;
  dnmf_metrics m = {0};
  add(&m, at(3, 1, 2), 3, (const double[]){1, 3, 2}, (const double[]){2, 2, 1});
  assert_near(dnmf_metrics_map(&m), 0.5);
  assert_near(dnmf_metrics_ndcg(&m, 0), 2.0 / 3);
  assert_near(dnmf_metrics_ndcg(&m, 1), (2 + 2 / log2(3)) / (3 + 2 / log2(3)));
  /* In the order of places the value 1 is first. */
  assert_near(dnmf_metrics_precision(&m, 0), 0);
  assert_near(dnmf_metrics_hit_rate(&m, 1), 1);
  /* 3 above 2 is concordant; 1 beside 3 and 1 above 2 are discordant. */
  assert_near(dnmf_metrics_fcp(&m), 1.0 / 3);
}

static void means_are_over_the_rows_that_have_the_figure(void **state) {
  (void)state;
  dnmf_metrics m = {0};
  dnmf_metrics_options ranking = at(4, 2, 10);
  add(&m, ranking, 2, (const double[]){5, 1}, (const double[]){2, 1});
  add(&m, ranking, 1, (const double[]){1}, (const double[]){3});
  add(&m, ranking, 0, NULL, NULL);
  add(&m, ranking, 2, (const double[]){0, 0}, (const double[]){1, 2});
  assert_near(dnmf_metrics_precision(&m, 0), 0.5 / 3);
  assert_near(dnmf_metrics_recall(&m, 0), 1);
  assert_near(dnmf_metrics_hit_rate(&m, 1), 1);
  assert_near(dnmf_metrics_map(&m), 1);
  assert_near(dnmf_metrics_ndcg(&m, 1), 0.5);
  assert_near(dnmf_metrics_fcp(&m), 1);
}

/* Surprise: mean concordant pairs over rows that have some, and so for the discordant. */
static void fcp_takes_means_apart(void **state) {
  (void)state;
  dnmf_metrics m = {0};
  dnmf_metrics_options ranking = at(4, 2, 10);
  add(&m, ranking, 3, (const double[]){1, 2, 3}, (const double[]){1, 2, 3});
  add(&m, ranking, 2, (const double[]){1, 2}, (const double[]){1, 2});
  add(&m, ranking, 2, (const double[]){1, 2}, (const double[]){2, 1});
  assert_near(dnmf_metrics_fcp(&m), 2.0 / (2.0 + 1.0));
}

static void nothing_gives_no_number(void **state) {
  (void)state;
  dnmf_metrics m = {0};
  assert_true(isnan(dnmf_metrics_rmse(&m)) && isnan(dnmf_metrics_mae(&m)) && isnan(dnmf_metrics_map(&m)));
  assert_true(isnan(dnmf_metrics_fcp(&m)) && isnan(dnmf_metrics_ndcg(&m, 0)) && isnan(dnmf_metrics_recall(&m, 0)));
  add(&m, at(4, 1, 2), 1, (const double[]){5}, (const double[]){5});
  assert_true(isnan(dnmf_metrics_fcp(&m)) && isnan(dnmf_metrics_ndcg(&m, 0)));
  assert_near(dnmf_metrics_map(&m), 1);
}

/* Pairs of a long row with many equal values and scores, counted one by one. */
static void pairs_are_counted_as_one_by_one(void **state) {
  (void)state;
  for (int count = 2; count < 64; count += 7) {
    double values[64];
    double scores[64];
    for (int i = 0; i < count; i++) {
      values[i] = (double)(dnmf_random_bits(1, DNMF_STREAM_VALUES, (uint64_t)i, (uint64_t)count) % 5);
      scores[i] = (double)(dnmf_random_bits(2, DNMF_STREAM_VALUES, (uint64_t)i, (uint64_t)count) % 9);
    }
    double concordant = 0;
    double discordant = 0;
    for (int i = 0; i < count; i++)
      for (int j = 0; j < count; j++) {
        concordant += scores[i] > scores[j] && values[i] > values[j];
        discordant += scores[i] >= scores[j] && values[i] < values[j];
      }
    dnmf_metrics m = {0};
    add(&m, at(4, 1, 2), count, values, scores);
    assert_true(m.concordant == concordant);
    assert_true(m.discordant == discordant);
  }
}

static void processes_share_their_sums(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  dnmf_metrics m = {0};
  double score = context->rank;
  add(&m, at(0, 1, 2), 1, (const double[]){0}, &score);
  assert_ok(dnmf_metrics_share(context, &m));
  assert_true(m.entries == context->size && m.rows == context->size && m.ndcg[DNMF_MOST_CUTS - 1] == 0);
  assert_near(dnmf_metrics_mae(&m), (context->size - 1) / 2.0);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(errors),
      mpi_test(one_row),
      mpi_test(equal_scores),
      mpi_test(means_are_over_the_rows_that_have_the_figure),
      mpi_test(fcp_takes_means_apart),
      mpi_test(nothing_gives_no_number),
      mpi_test(pairs_are_counted_as_one_by_one),
      mpi_test(processes_share_their_sums),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
