#include "grids.h"

#include <string.h>

static void a_grid_is_read_from_its_name(void **state) {
  (void)state;
  dnmf_error error = {0};
  int rows = 0;
  int cols = 0;
  assert_int_equal(dnmf_grid_parse(&error, "2x3", 6, &rows, &cols), DNMF_OK);
  assert_int_equal(rows, 2);
  assert_int_equal(cols, 3);
  assert_int_equal(dnmf_grid_parse(&error, "1x1024", 1024, &rows, &cols), DNMF_OK);
  assert_int_equal(cols, 1024);
}

static void a_wrong_grid_is_refused(void **state) {
  (void)state;
  static const char *const wrong[] = {"",     "x",    "2",    "2x",   "x3",    "2x3x",  "2x3 ",  "0x6",
                                      "-2x3", "2*3",  "2x-3", "a2x3", "2.0x3", "1x999", " 2x3",  "2x 3",
                                      "+2x3", "2x+3", "2X3",  "6",    "3x3",   "0x0",   "2x3\n", "1234567x1"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    dnmf_error error = {0};
    int rows = 0;
    int cols = 0;
    assert_int_equal(dnmf_grid_parse(&error, wrong[i], 6, &rows, &cols), DNMF_ERROR_USAGE);
    assert_non_null(strstr(error.text, "--grid"));
  }
}

/* In 32 bits, 65537 x 65537 would be 131073. */
static void the_processes_of_a_grid_do_not_wrap_around(void **state) {
  (void)state;
  dnmf_error error = {0};
  int rows = 0;
  int cols = 0;
  assert_int_equal(dnmf_grid_parse(&error, "65537x65537", 131073, &rows, &cols), DNMF_ERROR_USAGE);
  assert_non_null(strstr(error.text, "4295098369 processes"));
}

static void check_places(const dnmf_grid *grid) {
  dnmf_context *context = test_context();
  int rank = -1;
  int size = -1;
  assert_int_equal(grid->row * grid->cols + grid->col, context->rank);
  MPI_Comm_rank(grid->row_comm, &rank);
  MPI_Comm_size(grid->row_comm, &size);
  assert_int_equal(rank, grid->col);
  assert_int_equal(size, grid->cols);
  MPI_Comm_rank(grid->col_comm, &rank);
  MPI_Comm_size(grid->col_comm, &size);
  assert_int_equal(rank, grid->row);
  assert_int_equal(size, grid->rows);
  int leader = context->rank; /* of the grid row: its first process */
  MPI_Bcast(&leader, 1, MPI_INT, 0, grid->row_comm);
  assert_int_equal(leader, grid->row * grid->cols);
  leader = context->rank;
  MPI_Bcast(&leader, 1, MPI_INT, 0, grid->col_comm);
  assert_int_equal(leader, grid->col);
}

static void every_process_has_its_place(void **state) {
  (void)state;
  on_every_grid(check_places);
  dnmf_grid none = {0};
  dnmf_grid_free(&none);
}

/* Owned rows follow each other through the block ranges, from 0 to the end. */
static void check_partition(const dnmf_layout *layout) {
  int64_t next = 0;
  for (int i = 0; i < layout->grid->rows; i++) {
    dnmf_range block = dnmf_layout_rows(layout, i);
    assert_int_equal(block.begin, next);
    for (int j = 0; j < layout->grid->cols; j++) {
      dnmf_range owned = dnmf_layout_owned_rows(layout, i, j);
      assert_int_equal(owned.begin, next);
      assert_true(owned.end >= owned.begin);
      next = owned.end;
    }
    assert_int_equal(block.end, next);
  }
  assert_int_equal(next, layout->rows);
  next = 0;
  for (int j = 0; j < layout->grid->cols; j++) {
    dnmf_range block = dnmf_layout_cols(layout, j);
    assert_int_equal(block.begin, next);
    for (int i = 0; i < layout->grid->rows; i++) {
      dnmf_range owned = dnmf_layout_owned_cols(layout, i, j);
      assert_int_equal(owned.begin, next);
      assert_true(owned.end >= owned.begin);
      next = owned.end;
    }
    assert_int_equal(block.end, next);
  }
  assert_int_equal(next, layout->cols);
}

static void check_find(const dnmf_layout *layout) {
  for (int i = 0; i < layout->grid->rows; i++)
    for (int64_t row = dnmf_layout_rows(layout, i).begin; row < dnmf_layout_rows(layout, i).end; row++)
      assert_int_equal(dnmf_layout_find_row(layout, row), i);
  for (int j = 0; j < layout->grid->cols; j++)
    for (int64_t col = dnmf_layout_cols(layout, j).begin; col < dnmf_layout_cols(layout, j).end; col++)
      assert_int_equal(dnmf_layout_find_col(layout, col), j);
}

static void layouts_partition_exactly(void **state) {
  (void)state;
  static const int64_t sizes[][2] = {{0, 0}, {1, 1}, {2, 9}, {7, 3}, {24, 24}, {25, 31}};
  for (int rows = 1; rows <= 7; rows++)
    for (int cols = 1; cols <= 7; cols++)
      for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++) {
        dnmf_grid grid = {.rows = rows, .cols = cols};
        dnmf_layout layout;
        assert_ok(dnmf_layout_even(&test_context()->error, &grid, sizes[size][0], sizes[size][1], &layout));
        check_partition(&layout);
        check_find(&layout);
        dnmf_layout_free(&layout);
      }
}

/* Bounds that are not even, with empty parts at both ends and in the middle. */
static void empty_parts_are_passed_over(void **state) {
  (void)state;
  int64_t row_begin[] = {0, 0, 3, 3, 3, 4, 4};
  int64_t col_begin[] = {0, 5};
  dnmf_grid grid = {.rows = 6, .cols = 1};
  dnmf_layout layout = {.grid = &grid, .rows = 4, .cols = 5, .row_begin = row_begin, .col_begin = col_begin};
  check_partition(&layout);
  check_find(&layout);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(a_grid_is_read_from_its_name),
      mpi_test(a_wrong_grid_is_refused),
      mpi_test(the_processes_of_a_grid_do_not_wrap_around),
      mpi_test(every_process_has_its_place),
      mpi_test(layouts_partition_exactly),
      mpi_test(empty_parts_are_passed_over),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
