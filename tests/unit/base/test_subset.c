#include "base/memory.h"
#include "base/subset.h"
#include "mpi_test.h"

/* Every question is answered as by counting the chosen indices one by one. */
static void check_subset(const dnmf_subset *subset, const bool *chosen, int64_t of) {
  int64_t count = 0;
  for (int64_t i = 0; i < of; i++) {
    assert_int_equal(dnmf_subset_has(subset, i), chosen[i]);
    assert_int_equal(dnmf_subset_below(subset, i), count);
    if (!chosen[i])
      continue;
    if (count == 0)
      assert_int_equal(subset->hull.begin, i);
    assert_int_equal(dnmf_subset_index(subset, count++), i);
    assert_true(i < subset->hull.end);
  }
  assert_int_equal(dnmf_subset_below(subset, of), count);
  assert_int_equal(subset->count, count);
  assert_int_equal(dnmf_subset_is_all(subset), count == of);
  if (count > 0)
    assert_true(chosen[subset->hull.end - 1]);
}

static void a_range_is_a_subset(void **state) {
  (void)state;
  enum { OF = 9 };
  for (int64_t begin = 0; begin <= OF; begin++)
    for (int64_t end = begin; end <= OF; end++) {
      bool chosen[OF];
      for (int64_t i = 0; i < OF; i++)
        chosen[i] = i >= begin && i < end;
      dnmf_subset subset = dnmf_subset_of_range(OF, (dnmf_range){begin, end});
      check_subset(&subset, chosen, OF);
    }
}

/* Indices of many densities, at and around the ends of words; none and all among them. */
static void bits_are_a_subset(void **state) {
  (void)state;
  enum { MOST = 260 };
  static const int64_t sizes[] = {1, 63, 64, 65, 128, 200, MOST};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    for (int64_t step = 0; step < 70; step += 1 + step / 4) {
      dnmf_error error = {0};
      bool chosen[MOST] = {false};
      void *memory = NULL;
      assert_int_equal(dnmf_allocate_zero(&error, "bits", dnmf_subset_words(sizes[s]), sizeof(uint64_t), &memory),
                       DNMF_OK);
      uint64_t *bits = memory;
      for (int64_t i = 0; i < sizes[s]; i++) {
        chosen[i] = step > 0 && (i * i + i / 3) % step == 0;
        bits[i / 64] |= (uint64_t)chosen[i] << (i % 64);
      }
      dnmf_subset subset;
      assert_int_equal(dnmf_subset_of_bits(&error, sizes[s], bits, &subset), DNMF_OK);
      check_subset(&subset, chosen, sizes[s]);
      dnmf_subset_free(&subset);
    }
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {mpi_test(a_range_is_a_subset), mpi_test(bits_are_a_subset)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
