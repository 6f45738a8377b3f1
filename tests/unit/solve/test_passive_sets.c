/* The order in which rows are solved, and the exchange rule with its guard against cycles. */
#include "mpi_test.h"

#include "base/random.h"
#include "solve/bpp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 60 };

static dnmf_passive_sets make_sets(int components, void **memory) {
  dnmf_passive_sets sets;
  dnmf_arena arena = {NULL, 0};
  dnmf_passive_sets_layout(&sets, ROWS, components, &arena);
  *memory = calloc(1, arena.used);
  assert_non_null(*memory);
  arena = (dnmf_arena){*memory, 0};
  dnmf_passive_sets_layout(&sets, ROWS, components, &arena);
  dnmf_passive_sets_start(&sets, ROWS);
  return sets;
}

static bool has(const uint64_t *mask, int t) {
  return mask[t / 64] >> (t % 64) & 1;
}

static void set(uint64_t *mask, int t) {
  mask[t / 64] |= UINT64_C(1) << (t % 64);
}

/* Of the system that the row in this place is solved by. */
static int size_at(const dnmf_passive_sets *sets, const uint64_t *alive, int place) {
  const uint64_t *passive = sets->passive + sets->arranged[place] * sets->words;
  int size = 0;
  for (int t = 0; t < sets->components; t++)
    size += has(alive, t) && has(passive, t) != (place >= sets->complement_begin);
  return size;
}

static void check_order(int components, bool complements) {
  void *memory = NULL;
  dnmf_passive_sets sets = make_sets(components, &memory);
  uint64_t *alive = calloc((size_t)sets.words, sizeof *alive);
  bool seen[ROWS] = {false};
  assert_non_null(alive);
  for (int t = 0; t < components; t++)
    if (t % 7 != 3)
      set(alive, t);
  for (int row = 0; row < ROWS; row++)
    for (int t = 0; t < components; t++)
      if (has(alive, t) && dnmf_random_uniform(1, DNMF_STREAM_VALUES, (uint64_t)row, (uint64_t)t) * ROWS <= row)
        set(sets.passive + row * sets.words, t);
  dnmf_bpp_arrange(&sets, alive, complements);
  assert_int_equal(sets.arranged_count, ROWS);
  assert_int_equal(sets.pending_count, 0);
  assert_true(complements || sets.complement_begin == ROWS);
  for (int i = 0; i < ROWS; i++) {
    const bool first = i == 0 || i == sets.complement_begin;
    assert_false(seen[sets.arranged[i]]);
    seen[sets.arranged[i]] = true;
    assert_true(first || size_at(&sets, alive, i) <= size_at(&sets, alive, i - 1));
    assert_true(first || size_at(&sets, alive, i) < size_at(&sets, alive, i - 1) ||
                sets.arranged[i] > sets.arranged[i - 1]);
    assert_true(i < sets.complement_begin || 2 * size_at(&sets, alive, i) < components);
  }
  free(alive);
  free(memory);
}

static void rows_go_by_the_size_of_their_systems(void **state) {
  (void)state;
  for (int components = 1; components <= 200; components += 1 + components / 3) {
    check_order(components, false);
    check_order(components, true);
  }
}

static void full_sets_are_solved_on_their_empty_complement(void **state) {
  (void)state;
  void *memory = NULL;
  dnmf_passive_sets sets = make_sets(50, &memory);
  const uint64_t alive = (UINT64_C(1) << 50) - 1;
  for (int row = 0; row < ROWS; row++)
    sets.passive[row] = row % 2 ? alive : 0;
  dnmf_bpp_arrange(&sets, &alive, true);
  assert_int_equal(sets.complement_begin, ROWS / 2);
  for (int i = 0; i < ROWS; i++)
    assert_int_equal(size_at(&sets, &alive, i), 0);
  free(memory);
}

/* Infeasible components that never get fewer: three full exchanges, the first one not counted, then one at a time. */
static void stubborn_rows_exchange_one_component(void **state) {
  (void)state;
  void *memory = NULL;
  dnmf_passive_sets sets = make_sets(70, &memory);
  const uint64_t infeasible[2] = {5, 3};
  uint64_t expected[2] = {0, 0};
  for (int round = 0; round < 8; round++) {
    sets.pending_count = 0;
    dnmf_bpp_exchange(&sets, 0, infeasible);
    expected[0] ^= round < 4 ? 5 : 0;
    expected[1] ^= round < 4 ? 3 : 2;
    assert_memory_equal(sets.passive, expected, sizeof expected);
    assert_int_equal(sets.pending_count, 1);
    assert_int_equal(sets.pending[0], 0);
  }
  free(memory);
}

/* The guard against endless exchanges, called directly with no exchange allowed. */
static void unsettled_rows_get_coordinate_sweeps(void **state) {
  (void)state;
  const double gram[8 * 5] = {[0] = 1, [1] = 0.5, [8] = 0.5, [9] = 1};
  const double scale[3] = {1, 1, 1};
  const uint64_t alive[1] = {3};
  const dnmf_row_problem prepared = {
      .components = 3, .scaled = {3, 8, gram}, .scale = scale, .unscale = scale, .alive = alive, .max_rounds = 0};
  double x[6] = {1, 1, 1, 0, 0, 0};
  const double b[6] = {2, 1, 0, 1, -1, 0};
  const double expected[6] = {2, 0, 0, 1, 0, 0};
  void *scratch = malloc(dnmf_bpp_kernel_double_portable.scratch_bytes(3));
  assert_non_null(scratch);
  assert_true(dnmf_bpp_kernel_double_portable.update(&prepared, 2, x, b, scratch, NULL));
  for (int i = 0; i < 6; i++)
    assert_true(fabs(x[i] - expected[i]) < 1e-12);
  free(scratch);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(rows_go_by_the_size_of_their_systems),
      mpi_test(full_sets_are_solved_on_their_empty_complement),
      mpi_test(stubborn_rows_exchange_one_component),
      mpi_test(unsettled_rows_get_coordinate_sweeps),
  };
  return cmocka_run_group_tests_name("passive sets", tests, NULL, NULL);
}
