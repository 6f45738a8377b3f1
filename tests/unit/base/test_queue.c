#include "base/queue.h"
#include "mpi_test.h"

#include <stdlib.h>
#include <string.h>

/* More than one chunk of any size of item. */
enum { MANY = 700001 };

static void put_numbers(dnmf_queue *queue, int64_t from, int64_t count) {
  dnmf_error error = {0};
  int64_t *numbers = malloc((size_t)count * sizeof *numbers);
  assert_non_null(numbers);
  for (int64_t i = 0; i < count; i++)
    numbers[i] = from + i;
  assert_int_equal(dnmf_queue_put(&error, "numbers", queue, numbers, count), DNMF_OK);
  free(numbers);
}

/* Takes `count` numbers, which must be from, from + 1, ... */
static void take_numbers(dnmf_queue *queue, int64_t from, int64_t count, int64_t limit) {
  while (count > 0) {
    const void *items = NULL;
    int64_t shown = dnmf_queue_front(queue, limit < count ? limit : count, &items);
    assert_true(shown > 0 && shown <= limit);
    for (int64_t i = 0; i < shown; i++)
      assert_int_equal(((const int64_t *)items)[i], from + i);
    dnmf_queue_drop(queue, shown);
    from += shown;
    count -= shown;
  }
}

static void items_come_out_in_order(void **state) {
  (void)state;
  dnmf_queue queue = dnmf_queue_of(sizeof(int64_t), NULL);
  put_numbers(&queue, 0, MANY);
  assert_int_equal(queue.count, MANY);
  take_numbers(&queue, 0, MANY, 1000);
  assert_int_equal(queue.count, 0);
}

static void putting_and_taking_may_alternate(void **state) {
  (void)state;
  dnmf_queue queue = dnmf_queue_of(sizeof(int64_t), NULL);
  int64_t put = 0;
  int64_t taken = 0;
  for (int64_t round = 1; round < 400; round++) {
    put_numbers(&queue, put, 13 * round);
    put += 13 * round;
    take_numbers(&queue, taken, 11 * round, 997);
    taken += 11 * round;
    assert_int_equal(queue.count, put - taken);
  }
  take_numbers(&queue, taken, put - taken, INT64_MAX);
  put_numbers(&queue, 5, 1);
  take_numbers(&queue, 5, 1, 1);
}

static void an_empty_queue_shows_nothing(void **state) {
  (void)state;
  dnmf_queue queue = dnmf_queue_of(3, NULL);
  const void *items = NULL;
  assert_int_equal(dnmf_queue_front(&queue, 5, &items), 0);
  dnmf_queue_drop(&queue, 0);
  dnmf_queue_free(&queue);
}

static void what_was_not_taken_is_freed(void **state) {
  (void)state;
  dnmf_queue queue = dnmf_queue_of(sizeof(int64_t), NULL);
  put_numbers(&queue, 0, MANY);
  take_numbers(&queue, 0, 10, 10);
  dnmf_queue_free(&queue);
  assert_int_equal(queue.count, 0);
  put_numbers(&queue, 3, 2);
  take_numbers(&queue, 3, 2, 5);
}

static void items_may_be_written_in_place(void **state) {
  (void)state;
  dnmf_error error = {0};
  dnmf_queue queue = dnmf_queue_of(sizeof(int64_t), NULL);
  put_numbers(&queue, 0, 5);
  for (int64_t i = 5; i < MANY; i++) {
    void *item = NULL;
    assert_int_equal(dnmf_queue_add(&error, "numbers", &queue, &item), DNMF_OK);
    memcpy(item, &i, sizeof i);
  }
  assert_int_equal(queue.count, MANY);
  take_numbers(&queue, 0, MANY, 1000);
}

/* Item by item from one queue to another, and back: what is moved is what was put, whatever a chunk held before. */
static void queues_pass_their_chunks_on(void **state) {
  (void)state;
  dnmf_error error = {0};
  dnmf_queue_pool pool = {0};
  dnmf_queue from = dnmf_queue_of(sizeof(int64_t), &pool);
  dnmf_queue to = dnmf_queue_of(3 * sizeof(int64_t), &pool);
  const void *item = NULL;
  put_numbers(&from, 0, 3 * MANY);
  for (int64_t i = 0; i < 3 * MANY; i++) {
    assert_int_equal(dnmf_queue_front(&from, 1, &item), 1);
    const int64_t threefold[3] = {*(const int64_t *)item, i, -i};
    dnmf_queue_drop(&from, 1);
    assert_int_equal(dnmf_queue_put(&error, "numbers", &to, threefold, 1), DNMF_OK);
  }
  put_numbers(&from, 7, 5);
  for (int64_t i = 0; i < 3 * MANY; i++) {
    assert_int_equal(dnmf_queue_front(&to, 1, &item), 1);
    assert_int_equal(((const int64_t *)item)[0], i);
    assert_int_equal(((const int64_t *)item)[2], -i);
    dnmf_queue_drop(&to, 1);
  }
  take_numbers(&from, 7, 5, 2);
  dnmf_queue_free(&from);
  dnmf_queue_free(&to);
  dnmf_queue_pool_free(&pool);
  assert_null(pool.first);
}

static void items_are_looked_at_where_they_are(void **state) {
  (void)state;
  dnmf_error error = {0};
  dnmf_queue queue = dnmf_queue_of(sizeof(int64_t), NULL);
  dnmf_queue_place place = {0};
  const void *items = NULL;
  assert_int_equal(dnmf_queue_look(&queue, &place, 5, &items), 0);
  for (int64_t put = 0; put < MANY;) {
    void *room = NULL;
    int64_t count = 0;
    assert_int_equal(dnmf_queue_room(&error, "numbers", &queue, MANY - put, &room, &count), DNMF_OK);
    assert_true(count > 0 && count <= MANY - put);
    for (int64_t i = 0; i < count; i++)
      ((int64_t *)room)[i] = put + i;
    dnmf_queue_added(&queue, count);
    put += count;
  }
  take_numbers(&queue, 0, 3, 3);
  int64_t seen = 3;
  for (int64_t count = 0; (count = dnmf_queue_look(&queue, &place, 1000, &items)) > 0; seen += count)
    for (int64_t i = 0; i < count; i++)
      assert_int_equal(((const int64_t *)items)[i], seen + i);
  assert_int_equal(seen, MANY);
  take_numbers(&queue, 3, MANY - 3, 1000);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(items_come_out_in_order),
      mpi_test(putting_and_taking_may_alternate),
      mpi_test(an_empty_queue_shows_nothing),
      mpi_test(what_was_not_taken_is_freed),
      mpi_test(items_may_be_written_in_place),
      mpi_test(queues_pass_their_chunks_on),
      mpi_test(items_are_looked_at_where_they_are),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
