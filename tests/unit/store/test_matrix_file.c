#include "store/output.h"
#include "store/readers.h"
#include "store_test.h"

/* Opens `path` and loads it on a grid of `grid_cols` columns. */
static void load(const char *path, int grid_cols, dnmf_precision precision, dnmf_source *source, test_matrix *a) {
  static const dnmf_source_options options = {0};
  memset(source, 0, sizeof *source);
  assert_ok(dnmf_open_hdf5(test_context(), path, NULL, &options, source));
  place_on_grid(grid_cols, source->rows, source->cols, a);
  assert_ok(source->load(test_context(), source, &a->layout, precision, &a->matrix));
  assert_ok(dnmf_matrix_finish(test_context(), &a->layout, &a->matrix));
}

static void unload(dnmf_source *source, test_matrix *a) {
  dnmf_ids_free(&source->row_ids);
  dnmf_ids_free(&source->col_ids);
  source->close(source);
  release(a);
}

/* Writes, reads back on a grid, compares; `factor` 0.1 makes values that need float64. */
static void round_trip(bool sparse, dnmf_precision precision, double factor, const char *type, int64_t rows,
                       int64_t cols) {
  char path[TEST_PATH];
  test_matrix written, read;
  dnmf_source source;
  dnmf_ids row_ids, col_ids;
  scratch("matrix.h5", path);
  make_matrix(sparse, precision, rows, cols, factor, &written);
  make_ids(DNMF_IDS_STRING, rows, &row_ids);
  make_ids(DNMF_IDS_INTEGER, cols, &col_ids);
  assert_ok(dnmf_matrix_write(test_context(), path, &written.matrix, DNMF_MISSING_UNOBSERVED, &row_ids, &col_ids));
  load(path, 2, precision, &source, &read);
  assert_string_equal(source.type, type);
  assert_int_equal(source.sparse, sparse);
  assert_int_equal(source.missing, DNMF_MISSING_UNOBSERVED);
  assert_true(source.stored == written.matrix.stored);
  assert_true(read.matrix.checksum == written.matrix.checksum);
  check_block(&read.matrix, factor);
  check_ids(&source.row_ids, DNMF_IDS_STRING, rows);
  check_ids(&source.col_ids, DNMF_IDS_INTEGER, cols);
  unload(&source, &read);
  dnmf_ids_free(&row_ids);
  dnmf_ids_free(&col_ids);
  release(&written);
  remove_scratch(path);
}

static void dense_comes_back(void **state) {
  (void)state;
  round_trip(false, DNMF_DOUBLE, 1, "float32", 13, 7);
  round_trip(false, DNMF_DOUBLE, 0.1, "float64", 13, 7);
  round_trip(false, DNMF_SINGLE, 0.1, "float32", 13, 7);
}

static void sparse_comes_back(void **state) {
  (void)state;
  round_trip(true, DNMF_DOUBLE, 1, "float32", 13, 7);
  round_trip(true, DNMF_DOUBLE, 0.1, "float64", 13, 7);
  round_trip(true, DNMF_SINGLE, 0.1, "float32", 13, 7);
}

static void more_processes_than_rows_is_legal(void **state) {
  (void)state;
  round_trip(false, DNMF_DOUBLE, 1, "float32", 2, 9);
  round_trip(true, DNMF_DOUBLE, 1, "float32", 2, 9);
  round_trip(true, DNMF_DOUBLE, 1, "float32", 9, 1);
}

/* Pieces of three items split rows, lists and messages alike. */
static void check_small_messages(bool sparse) {
  static const dnmf_source_options options = {0};
  char path[TEST_PATH];
  test_matrix written, read;
  dnmf_source source = {0};
  dnmf_context *context = test_context();
  int64_t limit = context->message_limit;
  scratch("pieces.h5", path);
  make_matrix(sparse, DNMF_DOUBLE, 13, 7, 1, &written);
  context->message_limit = 3;
  assert_ok(dnmf_matrix_write(context, path, &written.matrix, DNMF_MISSING_ZERO, NULL, NULL));
  assert_ok(dnmf_open_hdf5(context, path, NULL, &options, &source));
  place_on_grid(2, source.rows, source.cols, &read);
  assert_ok(source.load(context, &source, &read.layout, DNMF_DOUBLE, &read.matrix));
  context->message_limit = limit;
  check_block(&read.matrix, 1);
  unload(&source, &read);
  release(&written);
  remove_scratch(path);
}

static void small_messages_change_nothing(void **state) {
  (void)state;
  check_small_messages(false);
  check_small_messages(true);
}

static void failure_leaves_the_old_file(void **state) {
  (void)state;
  char path[TEST_PATH];
  char text[8] = "";
  dnmf_context *context = test_context();
  dnmf_output output;
  scratch("old.h5", path);
  if (context->rank == 0) {
    FILE *old = fopen(path, "w");
    assert_non_null(old);
    fputs("old", old);
    fclose(old);
  }
  assert_ok(dnmf_output_begin(context, path, &output));
  dnmf_status status = DNMF_OK;
  if (context->rank == context->size - 1)
    status = dnmf_fail(&context->error, DNMF_ERROR_INPUT, "the last process failed");
  assert_fails_with(dnmf_output_end(context, &output, status), "the last process failed");
  FILE *kept = fopen(path, "r");
  assert_non_null(kept);
  assert_non_null(fgets(text, sizeof text, kept));
  fclose(kept);
  assert_string_equal(text, "old");
  remove_scratch(path);
}

static void output_replaces_the_old_file(void **state) {
  (void)state;
  char path[TEST_PATH];
  char partial[TEST_PATH + 16];
  dnmf_context *context = test_context();
  dnmf_output output;
  test_matrix written, read;
  dnmf_source source;
  scratch("new.h5", path);
  assert_ok(dnmf_output_begin(context, path, &output));
  snprintf(partial, sizeof partial, "%s", output.partial);
  assert_int_equal(access(partial, F_OK), 0);
  make_matrix(true, DNMF_DOUBLE, 6, 5, 1, &written);
  assert_ok(dnmf_matrix_write(context, output.partial, &written.matrix, DNMF_MISSING_ZERO, NULL, NULL));
  assert_ok(dnmf_output_end(context, &output, DNMF_OK));
  assert_int_not_equal(access(partial, F_OK), 0);
  load(path, 1, DNMF_DOUBLE, &source, &read);
  assert_int_equal(source.row_ids.kind, DNMF_IDS_NONE);
  check_block(&read.matrix, 1);
  unload(&source, &read);
  release(&written);
  remove_scratch(path);
}

static void impossible_outputs_are_found_early(void **state) {
  (void)state;
  dnmf_output output;
  dnmf_context *context = test_context();
  assert_fails_with(dnmf_output_begin(context, "/nowhere/at/all.h5", &output), "its directory does not exist");
  assert_fails_with(dnmf_output_begin(context, "/tmp", &output), "it is a directory");
  assert_fails_with(dnmf_output_begin(context, "/proc/dnmf.h5", &output), "cannot write /proc/dnmf.h5");
  assert_fails_with(dnmf_output_begin(context, "/dev/null", &output), "not a regular file");
  assert_fails_with(dnmf_output_begin(context, "", &output), "is empty");
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(dense_comes_back),
      mpi_test(sparse_comes_back),
      mpi_test(more_processes_than_rows_is_legal),
      mpi_test(small_messages_change_nothing),
      mpi_test(failure_leaves_the_old_file),
      mpi_test(output_replaces_the_old_file),
      mpi_test(impossible_outputs_are_found_early),
  };
  return cmocka_run_group_tests_name("matrix_file", tests, NULL, NULL);
}
