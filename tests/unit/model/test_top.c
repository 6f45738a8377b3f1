#include "mpi_test.h"

#include "model/top.h"

#include <math.h>
#include <stdlib.h>

enum { MOST = 64 };

static int worse_last(const void *a, const void *b) {
  const dnmf_scored *x = a;
  const dnmf_scored *y = b;
  if (x->score != y->score)
    return x->score > y->score ? -1 : 1;
  return x->item < y->item ? -1 : 1;
}

/* A few distinct scores, so that ties are common; items in an order of their own. */
static dnmf_scored offer_number(int i, int count) {
  return (dnmf_scored){(double)(i * 7 % 5), (i * 11 + 3) % count};
}

static void check_against_sort(int count, int capacity) {
  dnmf_scored items[MOST];
  dnmf_scored all[MOST] = {{0}};
  dnmf_top top = {capacity, 0, items};
  for (int i = 0; i < count; i++) {
    all[i] = offer_number(i, count);
    dnmf_top_offer(&top, all[i]);
  }
  qsort(all, (size_t)count, sizeof *all, worse_last);
  dnmf_top_sort(&top);
  assert_int_equal(top.count, count < capacity ? count : capacity);
  for (int i = 0; i < top.count; i++) {
    assert_true(items[i].score == all[i].score);
    assert_int_equal(items[i].item, all[i].item);
  }
}

static void holds_what_a_sort_puts_first(void **state) {
  (void)state;
  for (int capacity = 1; capacity <= 20; capacity++)
    for (int count = 1; count <= 37; count += 4)
      check_against_sort(count, capacity);
}

static void holds_all_when_there_is_room(void **state) {
  (void)state;
  check_against_sort(13, 40);
}

static void the_order_of_offers_does_not_matter(void **state) {
  (void)state;
  dnmf_scored forward_items[5];
  dnmf_scored backward_items[5];
  dnmf_top forward = {5, 0, forward_items};
  dnmf_top backward = {5, 0, backward_items};
  for (int i = 0; i < 23; i++) {
    dnmf_top_offer(&forward, offer_number(i, 23));
    dnmf_top_offer(&backward, offer_number(22 - i, 23));
  }
  dnmf_top_sort(&forward);
  dnmf_top_sort(&backward);
  for (int i = 0; i < 5; i++)
    assert_int_equal(forward_items[i].item, backward_items[i].item);
}

static void equal_scores_keep_the_smallest_indices(void **state) {
  (void)state;
  dnmf_scored items[3];
  dnmf_top top = {3, 0, items};
  for (int64_t item = 9; item >= 0; item--)
    dnmf_top_offer(&top, (dnmf_scored){1, item});
  dnmf_top_sort(&top);
  for (int64_t i = 0; i < 3; i++)
    assert_int_equal(items[i].item, i);
}

static void what_is_no_number_is_never_held(void **state) {
  (void)state;
  dnmf_scored items[3];
  dnmf_top top = {3, 0, items};
  dnmf_top_offer(&top, (dnmf_scored){NAN, 0});
  dnmf_top_offer(&top, (dnmf_scored){-INFINITY, 1});
  assert_int_equal(top.count, 0);
}

static void a_list_of_none_takes_none(void **state) {
  (void)state;
  dnmf_top top = {0, 0, NULL};
  dnmf_top_offer(&top, (dnmf_scored){1, 1});
  assert_int_equal(top.count, 0);
  assert_true(isinf(dnmf_top_threshold(&top)));
}

static void threshold_is_the_worst_of_a_full_list(void **state) {
  (void)state;
  dnmf_scored items[2];
  dnmf_top top = {2, 0, items};
  dnmf_top_offer(&top, (dnmf_scored){3, 0});
  assert_true(dnmf_top_threshold(&top) == -INFINITY);
  dnmf_top_offer(&top, (dnmf_scored){5, 1});
  assert_true(dnmf_top_threshold(&top) == 3);
  dnmf_top_offer(&top, (dnmf_scored){4, 2});
  assert_true(dnmf_top_threshold(&top) == 4);
}

int run_tests(void);

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(holds_what_a_sort_puts_first),          mpi_test(holds_all_when_there_is_room),
      mpi_test(the_order_of_offers_does_not_matter),   mpi_test(equal_scores_keep_the_smallest_indices),
      mpi_test(what_is_no_number_is_never_held),       mpi_test(a_list_of_none_takes_none),
      mpi_test(threshold_is_the_worst_of_a_full_list),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
