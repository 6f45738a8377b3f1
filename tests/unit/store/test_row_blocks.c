/* Blocks of rows as they pass by, against the matrix that was written. */
#include "store/hdf5/row_blocks.h"
#include "store_test.h"

#include <hdf5.h>

enum { ROWS = 11, COLS = 5 };

/* The test matrix in a file of ours, times four. */
static void write_matrix(bool sparse, const char *path) {
  test_matrix a;
  make_matrix(sparse, DNMF_DOUBLE, ROWS, COLS, 4, &a);
  const dnmf_ids none = {0};
  assert_ok(dnmf_matrix_write(test_context(), path, &a.matrix, DNMF_MISSING_ZERO, &none, &none));
  release(&a);
}

static void put(hid_t group, const char *name, hsize_t count, const double *values) {
  hid_t space = H5Screate_simple(1, &count, NULL);
  hid_t dataset = H5Dcreate2(group, name, H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  H5Dclose(dataset);
  H5Sclose(space);
}

static void put_attributes(hid_t group, const char *encoding) {
  const int64_t shape[] = {3, 4};
  hsize_t two = 2;
  hid_t text = H5Tcopy(H5T_C_S1);
  hid_t one = H5Screate(H5S_SCALAR);
  hid_t pair = H5Screate_simple(1, &two, NULL);
  H5Tset_size(text, strlen(encoding));
  hid_t attribute = H5Acreate2(group, "encoding-type", text, one, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Awrite(attribute, text, encoding) >= 0);
  H5Aclose(attribute);
  attribute = H5Acreate2(group, "shape", H5T_STD_I64LE, pair, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Awrite(attribute, H5T_NATIVE_INT64, shape) >= 0);
  H5Aclose(attribute);
  H5Sclose(pair);
  H5Sclose(one);
  H5Tclose(text);
}

/* A 3 x 4 sparse group with five entries, laid out by process 0. */
static void write_group(const char *path, const char *encoding, const double *indptr, hsize_t pointers,
                        const double *indices, const double *data) {
  if (test_context()->rank == 0) {
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t group = H5Gcreate2(file, "/matrix", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    put(group, "indptr", pointers, indptr);
    put(group, "indices", 5, indices);
    put(group, "data", 5, data);
    put_attributes(group, encoding);
    H5Gclose(group);
    H5Fclose(file);
  }
  MPI_Barrier(test_context()->comm);
}

static double dense_at(const dnmf_matrix *block, int64_t row, int64_t col) {
  int64_t at = row * COLS + col;
  return dnmf_number_at(dnmf_matrix_number(block), block->dense, at);
}

/* Entry (row, col) of compressed rows, which must be in order. */
static double csr_at(const dnmf_csr *csr, dnmf_precision precision, int64_t row, int64_t col) {
  double value = 0;
  for (int64_t e = csr->start[row]; e < csr->start[row + 1]; e++) {
    assert_true(e == csr->start[row] || csr->index[e] > csr->index[e - 1]);
    if (csr->index[e] == col)
      value = precision == DNMF_DOUBLE ? ((const double *)csr->value)[e] : (double)((const float *)csr->value)[e];
  }
  return value;
}

static void check_block_rows(const dnmf_matrix *block) {
  for (int64_t i = block->row_range.begin; i < block->row_range.end; i++)
    for (int64_t j = 0; j < COLS; j++) {
      int64_t row = i - block->row_range.begin;
      double expected = 4 * test_value(i, j);
      if (!block->sparse) {
        assert_true(dense_at(block, row, j) == expected);
        continue;
      }
      assert_true(csr_at(&block->by_rows, block->precision, row, j) == expected);
    }
}

/* Two rounds through the file. */
static void check_rounds(const dnmf_source *source, dnmf_precision precision, int64_t batch_rows) {
  dnmf_context *context = test_context();
  dnmf_row_blocks *blocks = NULL;
  int64_t batches = dnmf_batch_count(ROWS, batch_rows);
  assert_ok(dnmf_row_blocks_open(context, source, precision, batch_rows, 0, &blocks));
  for (int64_t turn = 0; turn < 2 * batches; turn++) {
    dnmf_matrix *block = NULL;
    assert_ok(dnmf_row_blocks_next(context, blocks, turn + 1 < 2 * batches, &block));
    dnmf_range share = dnmf_batch_share(ROWS, batch_rows, turn % batches, context->size, context->rank);
    assert_int_equal(block->row_range.begin, share.begin);
    assert_int_equal(block->row_range.end, share.end);
    check_block_rows(block);
  }
  dnmf_row_blocks_close(blocks);
}

static void check_file(bool sparse) {
  char path[TEST_PATH];
  dnmf_source source;
  scratch("blocks.h5", path);
  write_matrix(sparse, path);
  assert_ok(dnmf_source_open(test_context(), path, NULL, &source));
  assert_true(source.by_rows);
  for (int precision = 0; precision < DNMF_PRECISIONS; precision++)
    for (int64_t batch_rows = 1; batch_rows <= ROWS + 1; batch_rows += 3)
      check_rounds(&source, (dnmf_precision)precision, batch_rows);
  dnmf_source_close(&source);
  remove_scratch(path);
}

static void dense_blocks_are_the_rows(void **state) {
  (void)state;
  check_file(false);
}

static void sparse_blocks_are_the_rows(void **state) {
  (void)state;
  check_file(true);
}

/* What a survey in batches finds is what loading the whole finds. */
static void check_survey(bool sparse) {
  char path[TEST_PATH];
  dnmf_source source;
  dnmf_matrix figures;
  test_matrix whole;
  scratch("survey.h5", path);
  write_matrix(sparse, path);
  make_matrix(sparse, DNMF_DOUBLE, ROWS, COLS, 4, &whole);
  assert_ok(dnmf_source_open(test_context(), path, NULL, &source));
  assert_ok(dnmf_row_blocks_survey(test_context(), &source, DNMF_DOUBLE, 4, &figures));
  assert_int_equal(figures.rows, ROWS);
  assert_int_equal(figures.cols, COLS);
  assert_int_equal(figures.stored, whole.matrix.stored);
  assert_true(figures.sum == whole.matrix.sum);
  assert_true(figures.sum_squares == whole.matrix.sum_squares);
  assert_true(figures.checksum == whole.matrix.checksum);
  assert_int_equal(figures.empty_rows, whole.matrix.empty_rows);
  assert_int_equal(figures.empty_cols, whole.matrix.empty_cols);
  assert_true(figures.empty_cols > 0 && figures.empty_rows > 0);
  dnmf_source_close(&source);
  release(&whole);
  remove_scratch(path);
}

static void a_survey_has_the_figures_of_the_whole(void **state) {
  (void)state;
  check_survey(false);
  check_survey(true);
}

/* Columns in no order, one of them twice. */
static const double UNORDERED_INDPTR[] = {0, 3, 3, 5};
static const double UNORDERED_INDICES[] = {2, 0, 2, 3, 1};
static const double UNORDERED_DATA[] = {5, 7, 4, 1, 2};

static void rows_are_put_in_order_and_duplicates_added_up(void **state) {
  (void)state;
  const double expected[3][4] = {{7, 0, 9, 0}, {0, 0, 0, 0}, {0, 2, 0, 1}};
  char path[TEST_PATH];
  dnmf_source source;
  dnmf_matrix figures;
  dnmf_row_blocks *blocks = NULL;
  dnmf_matrix *block = NULL;
  scratch("unordered.h5", path);
  write_group(path, "csr_matrix", UNORDERED_INDPTR, 4, UNORDERED_INDICES, UNORDERED_DATA);
  assert_ok(dnmf_source_open(test_context(), path, NULL, &source));
  assert_ok(dnmf_row_blocks_open(test_context(), &source, DNMF_DOUBLE, 3, 0, &blocks));
  assert_ok(dnmf_row_blocks_next(test_context(), blocks, false, &block));
  for (int64_t i = block->row_range.begin; i < block->row_range.end; i++)
    for (int64_t j = 0; j < 4; j++)
      assert_true(csr_at(&block->by_rows, DNMF_DOUBLE, i - block->row_range.begin, j) == expected[i][j]);
  dnmf_row_blocks_close(blocks);
  assert_ok(dnmf_row_blocks_survey(test_context(), &source, DNMF_DOUBLE, 2, &figures));
  assert_int_equal(figures.duplicates, 1);
  assert_int_equal(figures.stored, 4);
  dnmf_source_close(&source);
  remove_scratch(path);
}

static void duplicates_can_be_an_error(void **state) {
  (void)state;
  char path[TEST_PATH];
  dnmf_source source;
  dnmf_matrix figures;
  const dnmf_source_options options = {.duplicates_given = true, .duplicates = DNMF_DUPLICATES_ERROR};
  scratch("duplicates.h5", path);
  write_group(path, "csr_matrix", UNORDERED_INDPTR, 4, UNORDERED_INDICES, UNORDERED_DATA);
  assert_ok(dnmf_source_open(test_context(), path, &options, &source));
  assert_fails_with(dnmf_row_blocks_survey(test_context(), &source, DNMF_DOUBLE, 2, &figures),
                    "row 0, column 2 (counted from 0) is given 2 times");
  dnmf_source_close(&source);
  remove_scratch(path);
}

static void check_damage(const double *indptr, const double *indices, const char *message) {
  char path[TEST_PATH];
  dnmf_source source;
  dnmf_matrix figures;
  scratch("damaged.h5", path);
  write_group(path, "csr_matrix", indptr, 4, indices, UNORDERED_DATA);
  assert_ok(dnmf_source_open(test_context(), path, NULL, &source));
  assert_fails_with(dnmf_row_blocks_survey(test_context(), &source, DNMF_DOUBLE, 2, &figures), message);
  dnmf_source_close(&source);
  remove_scratch(path);
}

static void damaged_groups_are_refused(void **state) {
  (void)state;
  const double beyond[] = {0, 1, 4, 1, 2};
  const double wrapped[] = {0, 1, 4294967298.0, 1, 2};
  const double negative[] = {0, 1, -1, 1, 2};
  const double late[] = {1, 3, 3, 5};
  const double backwards[] = {0, 3, 2, 5};
  const double too_far[] = {0, 9, 9, 5};
  const double short_by_one[] = {0, 3, 3, 4};
  check_damage(UNORDERED_INDPTR, beyond, "/matrix/indices");
  check_damage(UNORDERED_INDPTR, wrapped, "/matrix/indices");
  check_damage(UNORDERED_INDPTR, negative, "item 2 is -1");
  check_damage(late, UNORDERED_INDICES, "the first must be 0");
  check_damage(backwards, UNORDERED_INDICES, "smaller than the one before");
  check_damage(too_far, UNORDERED_INDICES, "between 0 and the number of stored entries");
  check_damage(short_by_one, UNORDERED_INDICES, "the last must be the number of stored entries");
}

static void columns_cannot_be_read_by_rows(void **state) {
  (void)state;
  const double indptr[] = {0, 1, 2, 4, 5};
  const double indices[] = {0, 1, 0, 2, 2};
  char path[TEST_PATH];
  dnmf_source source;
  int64_t bytes = 0;
  scratch("columns.h5", path);
  write_group(path, "csc_matrix", indptr, 5, indices, UNORDERED_DATA);
  assert_ok(dnmf_source_open(test_context(), path, NULL, &source));
  assert_false(source.by_rows);
  assert_fails_with(dnmf_row_blocks_bytes(test_context(), &source, DNMF_DOUBLE, 1, &bytes), "dnmf import");
  dnmf_source_close(&source);
  remove_scratch(path);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(dense_blocks_are_the_rows),
      mpi_test(sparse_blocks_are_the_rows),
      mpi_test(a_survey_has_the_figures_of_the_whole),
      mpi_test(rows_are_put_in_order_and_duplicates_added_up),
      mpi_test(duplicates_can_be_an_error),
      mpi_test(damaged_groups_are_refused),
      mpi_test(columns_cannot_be_read_by_rows),
  };
  return cmocka_run_group_tests_name("row_blocks", tests, NULL, NULL);
}
