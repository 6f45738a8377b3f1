#include "comm/collective.h"
#include "grids.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

/* Message limits that cut everything into pieces, and none. */
static const int64_t limits[] = {1, 3, 7, INT_MAX};
enum { LIMITS = 4 };

static int restore_limit(void **state) {
  (void)state;
  test_context()->message_limit = INT_MAX;
  return 0;
}

static void sums_and_maxima_in_pieces(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  const int n = context->size;
  const int ranks = n * (n - 1) / 2; /* their sum */
  for (int limit = 0; limit < LIMITS; limit++) {
    context->message_limit = limits[limit];
    double sums[10];
    double maxima[10];
    int64_t whole_sums[10];
    int64_t whole_maxima[10];
    uint8_t bytes[10];
    for (int i = 0; i < 10; i++) {
      sums[i] = i + context->rank;
      maxima[i] = i % 2 ? context->rank : -context->rank;
      whole_sums[i] = (INT64_C(1) << 40) * i + context->rank;
      whole_maxima[i] = (INT64_C(1) << 40) * i + context->rank;
      bytes[i] = (uint8_t)(i == context->rank ? 200 : i);
    }
    assert_ok(dnmf_sum_doubles(context, context->comm, sums, 10));
    assert_ok(dnmf_max_doubles(context, context->comm, maxima, 10));
    assert_ok(dnmf_sum_int64(context, context->comm, whole_sums, 10));
    assert_ok(dnmf_max_int64(context, context->comm, whole_maxima, 10));
    assert_ok(dnmf_or_bytes(context, context->comm, bytes, 10));
    for (int i = 0; i < 10; i++) {
      assert_true(sums[i] == i * n + ranks);
      assert_true(maxima[i] == (i % 2 ? n - 1 : 0));
      assert_true(whole_sums[i] == (INT64_C(1) << 40) * i * n + ranks);
      assert_true(whole_maxima[i] == (INT64_C(1) << 40) * i + n - 1);
      assert_int_equal(bytes[i], i < n ? 200 | i : i);
    }
  }
}

static void exscan_counts_those_before(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  const int64_t unit = INT64_C(3) << 40;
  int64_t before = -1;
  int64_t total = -1;
  assert_ok(dnmf_exscan_int64(context, unit * (context->rank + 1), &before, &total));
  assert_true(before == unit * context->rank * (context->rank + 1) / 2);
  assert_true(total == unit * context->size * (context->size + 1) / 2);
  assert_ok(dnmf_exscan_int64(context, 1, &before, NULL));
  assert_int_equal(before, context->rank);
}

static void broadcasts_in_pieces_from_any_root(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  for (int limit = 0; limit < LIMITS; limit++)
    for (int root = 0; root < context->size; root++) {
      context->message_limit = limits[limit];
      char text[23];
      for (int i = 0; i < 23; i++)
        text[i] = (char)(context->rank == root ? i + root : 'x');
      assert_ok(dnmf_broadcast(context, text, 22, root));
      for (int i = 0; i < 22; i++)
        assert_int_equal(text[i], i + root);
      assert_int_equal(text[22], context->rank == root ? 22 + root : 'x');
    }
}

/* Rows each process of a group holds: uneven, then some empty, then all empty. */
static int64_t rows_of(int shares, int process) {
  return shares == 0 ? 2 * process + 1 : shares == 1 ? (process % 2) * 3 : 0;
}

enum { SHARES = 3, WORDS = 3, MOST_ROWS = 64 };

typedef struct numbers {
  double d[MOST_ROWS * WORDS];
  float f[MOST_ROWS * WORDS];
} numbers;

static void *data_of(numbers *n, dnmf_precision precision) {
  return precision == DNMF_DOUBLE ? (void *)n->d : (void *)n->f;
}

static double get(const numbers *n, dnmf_precision precision, int64_t at) {
  return precision == DNMF_DOUBLE ? n->d[at] : (double)n->f[at];
}

static void set(numbers *n, int64_t at, double value) {
  n->d[at] = value;
  n->f[at] = (float)value;
}

/* Number `at` of process `process`'s share. */
static double held(int process, int64_t at) {
  return 100 * process + (double)at + 0.5;
}

static void check_gather(MPI_Comm group, int shares, dnmf_precision precision) {
  dnmf_context *context = test_context();
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(group, &rank);
  MPI_Comm_size(group, &size);
  int64_t counts[8] = {0};
  for (int r = 0; r < size; r++)
    counts[r] = rows_of(shares, r);
  numbers mine = {0};
  numbers all = {0};
  for (int64_t at = 0; at < counts[rank] * WORDS; at++)
    set(&mine, at, held(rank, at));
  context->traffic.gather_words = 0;
  assert_ok(dnmf_all_gather_rows(context, group, precision, WORDS, counts, data_of(&mine, precision),
                                 data_of(&all, precision)));
  int64_t place = 0;
  for (int r = 0; r < size; r++)
    for (int64_t at = 0; at < counts[r] * WORDS; at++)
      assert_true(get(&all, precision, place++) == held(r, at));
  assert_true(get(&all, precision, place) == 0);
  assert_true(context->traffic.gather_words == (double)(place - counts[rank] * WORDS));
}

/* What process `process` adds to number `at` of the sum. */
static double contribution(int process, int64_t at) {
  return (process + 1) * ((double)at + 1);
}

static void check_sum_scatter(MPI_Comm group, int shares, dnmf_precision precision) {
  dnmf_context *context = test_context();
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(group, &rank);
  MPI_Comm_size(group, &size);
  int64_t counts[8] = {0};
  int64_t before = 0;
  int64_t total = 0;
  for (int r = 0; r < size; r++) {
    counts[r] = rows_of(shares, r);
    before += r < rank ? counts[r] * WORDS : 0;
    total += counts[r] * WORDS;
  }
  const int processes = size * (size + 1) / 2; /* the sum of their parts in a contribution */
  numbers all = {0};
  numbers mine = {0};
  for (int64_t at = 0; at < total; at++)
    set(&all, at, contribution(rank, at));
  context->traffic.scatter_words = 0;
  assert_ok(dnmf_sum_scatter_rows(context, group, precision, WORDS, counts, data_of(&all, precision),
                                  data_of(&mine, precision)));
  for (int64_t at = 0; at < counts[rank] * WORDS; at++)
    assert_true(get(&mine, precision, at) == processes * ((double)(before + at) + 1));
  assert_true(get(&mine, precision, counts[rank] * WORDS) == 0);
  assert_true(context->traffic.scatter_words == (double)(total - counts[rank] * WORDS));
}

static void check_gathers(const dnmf_grid *grid) {
  for (int limit = 0; limit < LIMITS; limit++) {
    test_context()->message_limit = limits[limit];
    for (int shares = 0; shares < SHARES; shares++)
      for (int precision = 0; precision < DNMF_PRECISIONS; precision++) {
        check_gather(grid->row_comm, shares, (dnmf_precision)precision);
        check_gather(grid->col_comm, shares, (dnmf_precision)precision);
      }
  }
}

static void check_sum_scatters(const dnmf_grid *grid) {
  for (int limit = 0; limit < LIMITS; limit++) {
    test_context()->message_limit = limits[limit];
    for (int shares = 0; shares < SHARES; shares++)
      for (int precision = 0; precision < DNMF_PRECISIONS; precision++) {
        check_sum_scatter(grid->row_comm, shares, (dnmf_precision)precision);
        check_sum_scatter(grid->col_comm, shares, (dnmf_precision)precision);
      }
  }
}

static void rows_are_gathered_on_every_grid(void **state) {
  (void)state;
  on_every_grid(check_gathers);
}

static void rows_are_summed_and_scattered_on_every_grid(void **state) {
  (void)state;
  on_every_grid(check_sum_scatters);
}

static void a_gram_matrix_takes_its_companions_along(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  const int p = context->size;
  const int ranks = p * (p - 1) / 2; /* their sum */
  for (int limit = 0; limit < LIMITS; limit++) {
    double values[6] = {1, 2, 3, 4, context->rank, 5};
    context->message_limit = limits[limit];
    context->traffic = (dnmf_traffic){0};
    assert_ok(dnmf_sum_gram(context, values, 4, 2));
    for (int i = 0; i < 4; i++)
      assert_true(values[i] == p * (i + 1));
    assert_true(values[4] == ranks);
    assert_true(values[5] == 5 * p);
    assert_true(fabs(context->traffic.gram_words * p - 2.0 * (p - 1) * 4) < 1e-12);
    assert_true(fabs(context->traffic.control_words * p - 2.0 * (p - 1) * 2) < 1e-12);
  }
}

/* Begun here, finished there, and the same sums and counts; messages of other groups pass in between. */
static void a_sum_travels_while_others_work(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  const int p = context->size;
  for (int limit = 0; limit < LIMITS; limit++) {
    double values[6] = {1, 2, 3, 4, context->rank, 5};
    double other = 1;
    context->message_limit = limits[limit];
    context->traffic = (dnmf_traffic){0};
    dnmf_progress(context); /* nothing is on its way */
    assert_ok(dnmf_sum_gram_begin(context, values, 4, 2));
    dnmf_progress(context);
    assert_ok(dnmf_sum_doubles(context, context->comm, &other, 1));
    for (int i = 0; i < 100; i++)
      dnmf_progress(context);
    assert_ok(dnmf_sum_gram_end(context));
    assert_true(other == p);
    for (int i = 0; i < 4; i++)
      assert_true(values[i] == p * (i + 1));
    assert_true(2 * values[4] == p * (p - 1));
    assert_true(fabs(context->traffic.gram_words * p - 2.0 * (p - 1) * 4) < 1e-12);
    assert_true(fabs(context->traffic.control_words * p - 2.0 * (p - 1) * 2) < 1e-12);
  }
}

#define limit_test(function) cmocka_unit_test_setup_teardown(function, test_clear, restore_limit)

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      limit_test(sums_and_maxima_in_pieces),
      limit_test(exscan_counts_those_before),
      limit_test(broadcasts_in_pieces_from_any_root),
      limit_test(rows_are_gathered_on_every_grid),
      limit_test(rows_are_summed_and_scattered_on_every_grid),
      limit_test(a_gram_matrix_takes_its_companions_along),
      limit_test(a_sum_travels_while_others_work),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
