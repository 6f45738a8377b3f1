#include "comm/collective.h"
#include "mpi_test.h"

#include <limits.h>
#include <stdlib.h>

/* An item says where it comes from, where it goes and which of its kind it is. */
typedef struct item {
  int64_t from;
  int64_t to;
  int32_t number;
  int32_t unused;
} item;

enum { PROCESSES = 8, MOST_ITEMS = 256 };

/* How many items one process sends another: uneven, sparse, to one only, or none. */
static int64_t items_between(int pattern, int from, int to) {
  switch (pattern) {
  case 0:
    return 3 * from + 2 * to + 1;
  case 1:
    return (from + to) % 3 == 0 ? 11 : 0;
  case 2:
    return to == 0 ? 9 : 0;
  default:
    return 0;
  }
}

enum { PATTERNS = 4 };

static void check_exchange(int pattern) {
  dnmf_context *context = test_context();
  int64_t send_counts[PROCESSES];
  int64_t receive_counts[PROCESSES];
  item send[MOST_ITEMS];
  int64_t count = 0;
  for (int to = 0; to < context->size; to++) {
    send_counts[to] = items_between(pattern, context->rank, to);
    for (int32_t i = 0; i < send_counts[to]; i++)
      send[count++] = (item){context->rank, to, i, 0};
  }
  void *received = NULL;
  assert_ok(dnmf_exchange(context, send, send_counts, sizeof(item), &received, receive_counts));
  const item *next = received;
  for (int from = 0; from < context->size; from++) {
    assert_int_equal(receive_counts[from], items_between(pattern, from, context->rank));
    for (int32_t i = 0; i < receive_counts[from]; i++, next++) {
      assert_int_equal(next->from, from);
      assert_int_equal(next->to, context->rank);
      assert_int_equal(next->number, i);
    }
  }
  free(received);
}

static void every_item_arrives_in_order(void **state) {
  (void)state;
  for (int pattern = 0; pattern < PATTERNS; pattern++)
    check_exchange(pattern);
}

static void every_item_arrives_in_order_in_pieces(void **state) {
  (void)state;
  static const int64_t limits[] = {1, 3, 7};
  for (int limit = 0; limit < 3; limit++) {
    test_context()->message_limit = limits[limit];
    for (int pattern = 0; pattern < PATTERNS; pattern++)
      check_exchange(pattern);
  }
  test_context()->message_limit = INT_MAX;
}

/* The last process has no room for what the first would send it; nothing is sent. */
static void what_one_cannot_hold_fails_everywhere(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  int64_t send_counts[PROCESSES] = {1, 1, 1, 1, 1, 1, 1, 1};
  int64_t receive_counts[PROCESSES];
  send_counts[context->size - 1] = context->rank == 0 ? INT64_MAX / 4 : 1;
  void *received = NULL;
  char nothing = 0;
  dnmf_status status = dnmf_exchange(context, &nothing, send_counts, sizeof(item), &received, receive_counts);
  assert_int_equal(status, DNMF_ERROR_MEMORY);
  assert_null(received);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(every_item_arrives_in_order),
      mpi_test(every_item_arrives_in_order_in_pieces),
      mpi_test(what_one_cannot_hold_fails_everywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
