#include "store/hdf5/hdf5_attribute.h"
#include "store/readers.h"
#include "store_test.h"

#include <limits.h>

/* Files are laid out by process 0 with HDF5 itself. */
static hid_t create_file(const char *path) {
  return H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
}

static void put(hid_t file, const char *name, hid_t type, int rank, const hsize_t *shape, hid_t memory,
                const void *values, hid_t creation) {
  hid_t space = H5Screate_simple(rank, shape, NULL);
  hid_t links = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  hid_t dataset = H5Dcreate2(file, name, type, space, links, creation, H5P_DEFAULT);
  assert_true(dataset >= 0);
  if (values)
    assert_true(H5Dwrite(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  H5Dclose(dataset);
  H5Pclose(links);
  H5Sclose(space);
}

static void put_list(hid_t file, const char *name, hid_t type, hsize_t count, hid_t memory, const void *values) {
  put(file, name, type, 1, &count, memory, values, H5P_DEFAULT);
}

static void put_text_attribute(hid_t file, const char *object, const char *name, const char *text) {
  dnmf_error error = {0};
  hid_t id = H5Oopen(file, object, H5P_DEFAULT);
  assert_int_equal(dnmf_hdf5_set_text(&error, id, name, text), DNMF_OK);
  H5Oclose(id);
}

static void put_shape(hid_t file, const char *object, const char *name, int64_t rows, int64_t cols) {
  dnmf_error error = {0};
  int64_t shape[2] = {rows, cols};
  hid_t id = H5Oopen(file, object, H5P_DEFAULT);
  assert_int_equal(dnmf_hdf5_set_integers(&error, id, name, 2, shape), DNMF_OK);
  H5Oclose(id);
}

enum { ROWS = 7, COLS = 5 };

/* 4 times the test matrix: integers below 11, which every type holds. */
static void put_dense(hid_t file, const char *name, hid_t type, hid_t creation) {
  double values[ROWS * COLS];
  hsize_t shape[2] = {ROWS, COLS};
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < COLS; j++)
      values[i * COLS + j] = 4 * test_value(i, j);
  put(file, name, type, 2, shape, H5T_NATIVE_DOUBLE, values, creation);
}

/* The same in compressed lines; csc when `by_columns`. Returns the number of stored entries. */
static int64_t put_sparse(hid_t file, const char *group, bool by_columns) {
  double data[ROWS * COLS];
  int64_t indices[ROWS * COLS];
  int64_t indptr[ROWS + COLS] = {0};
  char name[64];
  int lines = by_columns ? COLS : ROWS;
  int width = by_columns ? ROWS : COLS;
  int64_t stored = 0;
  for (int line = 0; line < lines; line++) {
    for (int at = 0; at < width; at++) {
      double value = 4 * (by_columns ? test_value(at, line) : test_value(line, at));
      data[stored] = value;
      indices[stored] = at;
      stored += value > 0;
    }
    indptr[line + 1] = stored;
  }
  snprintf(name, sizeof name, "%s/data", group);
  put_list(file, name, H5T_STD_I16BE, (hsize_t)stored, H5T_NATIVE_DOUBLE, data);
  snprintf(name, sizeof name, "%s/indices", group);
  put_list(file, name, H5T_STD_U32LE, (hsize_t)stored, H5T_NATIVE_INT64, indices);
  snprintf(name, sizeof name, "%s/indptr", group);
  put_list(file, name, H5T_STD_I32LE, (hsize_t)lines + 1, H5T_NATIVE_INT64, indptr);
  return stored;
}

static dnmf_status open_source(const char *path, const char *inner, dnmf_source *source) {
  static const dnmf_source_options options = {0};
  memset(source, 0, sizeof *source);
  MPI_Barrier(test_context()->comm);
  return dnmf_open_hdf5(test_context(), path, inner, &options, source);
}

static void close_source(dnmf_source *source) {
  dnmf_ids_free(&source->row_ids);
  dnmf_ids_free(&source->col_ids);
  source->close(source);
}

/* Opens, loads on a grid of two columns where that fits, and compares with four times the test matrix. */
static void check_source(const char *path, const char *inner, const char *type, bool sparse) {
  dnmf_source source;
  test_matrix a;
  assert_ok(open_source(path, inner, &source));
  assert_string_equal(source.type, type);
  assert_int_equal(source.rows, ROWS);
  assert_int_equal(source.cols, COLS);
  assert_int_equal(source.sparse, sparse);
  place_on_grid(2, ROWS, COLS, &a);
  assert_ok(source.load(test_context(), &source, &a.layout, DNMF_DOUBLE, &a.matrix));
  check_block(&a.matrix, 4);
  release(&a);
  close_source(&source);
}

static void check_failure(const char *path, const char *inner, const char *part) {
  dnmf_source source;
  assert_fails_with(open_source(path, inner, &source), part);
  close_source(&source);
}

static bool first_process(void) {
  return test_context()->rank == 0;
}

static void every_number_type_is_read(void **state) {
  (void)state;
  char path[TEST_PATH];
  const struct {
    hid_t type;
    const char *name;
  } types[] = {{H5T_STD_I8LE, "int8"},      {H5T_STD_U8BE, "uint8"},     {H5T_STD_I16LE, "int16"},
               {H5T_STD_I16BE, "int16"},    {H5T_STD_U16LE, "uint16"},   {H5T_STD_I32LE, "int32"},
               {H5T_STD_I32BE, "int32"},    {H5T_STD_U32BE, "uint32"},   {H5T_STD_I64LE, "int64"},
               {H5T_STD_I64BE, "int64"},    {H5T_STD_U64LE, "uint64"},   {H5T_IEEE_F32LE, "float32"},
               {H5T_IEEE_F32BE, "float32"}, {H5T_IEEE_F64LE, "float64"}, {H5T_IEEE_F64BE, "float64"}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    scratch("type.h5", path);
    if (first_process()) {
      hid_t file = create_file(path);
      put_dense(file, "/counts", types[i].type, H5P_DEFAULT);
      H5Fclose(file);
    }
    check_source(path, NULL, types[i].name, false);
    remove_scratch(path);
  }
}

static void half_precision_is_read(void **state) {
  (void)state;
  char path[TEST_PATH];
  scratch("half.h5", path);
  if (first_process()) {
    hid_t half = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(half, 15, 10, 5, 0, 10);
    H5Tset_size(half, 2);
    H5Tset_ebias(half, 15);
    hid_t file = create_file(path);
    put_dense(file, "/x", half, H5P_DEFAULT);
    H5Tclose(half);
    H5Fclose(file);
  }
  check_source(path, NULL, "float16", false);
  remove_scratch(path);
}

static void compressed_chunks_are_read(void **state) {
  (void)state;
  char path[TEST_PATH];
  hsize_t chunk[2] = {3, 2};
  scratch("chunks.h5", path);
  if (first_process()) {
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, 2, chunk);
    H5Pset_deflate(creation, 4);
    hid_t file = create_file(path);
    put_dense(file, "/deep/in/here", H5T_STD_I16LE, creation);
    H5Pclose(creation);
    H5Fclose(file);
  }
  check_source(path, NULL, "int16", false);
  check_source(path, "/deep/in/here", "int16", false);
  check_source(path, "deep/in/here/", "int16", false);
  remove_scratch(path);
}

static void sparse_groups_of_all_conventions_are_read(void **state) {
  (void)state;
  char path[TEST_PATH];
  scratch("sparse.h5", path);
  if (first_process()) {
    int64_t shape[2] = {ROWS, COLS};
    hid_t file = create_file(path);
    put_sparse(file, "/csr", false);
    put_text_attribute(file, "/csr", "encoding-type", "csr_matrix");
    put_shape(file, "/csr", "shape", ROWS, COLS);
    put_sparse(file, "/csc", true);
    put_text_attribute(file, "/csc", "encoding-type", "csc_matrix");
    put_shape(file, "/csc", "shape", ROWS, COLS);
    put_sparse(file, "/old", false);
    put_text_attribute(file, "/old", "h5sparse_format", "csr");
    put_shape(file, "/old", "h5sparse_shape", ROWS, COLS);
    put_sparse(file, "/tenx", true);
    put_list(file, "/tenx/shape", H5T_STD_I32LE, 2, H5T_NATIVE_INT64, shape);
    H5Fclose(file);
  }
  check_source(path, "/csr", "int16", true);
  check_source(path, "/csc", "int16", true);
  check_source(path, "/old", "int16", true);
  check_source(path, "/tenx", "int16", true);
  check_failure(path, NULL, "/csr (sparse 7 x 5 int16)");
  remove_scratch(path);
}

static void ids_and_missing_are_found(void **state) {
  (void)state;
  char path[TEST_PATH];
  char names[ROWS][32];
  const char *pointers[ROWS];
  const int64_t numbers[COLS] = {10, 11, 12, 13, 14};
  scratch("ids.h5", path);
  for (int i = 0; i < ROWS; i++)
    pointers[i] = test_name(i, names[i]);
  if (first_process()) {
    hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, H5T_VARIABLE);
    hid_t file = create_file(path);
    put_dense(file, "/group/matrix", H5T_IEEE_F32LE, H5P_DEFAULT);
    put_list(file, "/group/row_ids", text, ROWS, text, pointers);
    put_list(file, "/group/col_ids", H5T_STD_U8LE, COLS, H5T_NATIVE_INT64, numbers);
    put_text_attribute(file, "/", "missing", "unobserved");
    H5Tclose(text);
    H5Fclose(file);
  }
  dnmf_source source;
  assert_ok(open_source(path, NULL, &source));
  assert_int_equal(source.missing, DNMF_MISSING_UNOBSERVED);
  check_ids(&source.row_ids, DNMF_IDS_STRING, ROWS);
  check_ids(&source.col_ids, DNMF_IDS_INTEGER, COLS);
  close_source(&source);
  remove_scratch(path);
}

static void ids_of_the_wrong_number_are_refused(void **state) {
  (void)state;
  char path[TEST_PATH];
  const int64_t numbers[2] = {1, 2};
  scratch("ids.h5", path);
  if (first_process()) {
    hid_t file = create_file(path);
    put_dense(file, "/matrix", H5T_IEEE_F32LE, H5P_DEFAULT);
    put_list(file, "/row_ids", H5T_STD_I64LE, 2, H5T_NATIVE_INT64, numbers);
    H5Fclose(file);
  }
  check_failure(path, NULL, "the ids /row_ids of");
  remove_scratch(path);
}

static void several_matrices_are_listed(void **state) {
  (void)state;
  char path[TEST_PATH];
  scratch("several.h5", path);
  if (first_process()) {
    hsize_t cube[3] = {2, 3, 4};
    hid_t file = create_file(path);
    put_dense(file, "/a", H5T_STD_I8LE, H5P_DEFAULT);
    put_dense(file, "/b", H5T_IEEE_F64LE, H5P_DEFAULT);
    put(file, "/cube", H5T_STD_I8LE, 3, cube, H5T_NATIVE_INT8, NULL, H5P_DEFAULT);
    H5Fclose(file);
  }
  check_failure(path, NULL, "/a (7 x 5 int8), /b (7 x 5 float64)");
  check_failure(path, "/none", "has no /none; the matrices in it are: /a (7 x 5 int8)");
  check_failure(path, "/a/deeper", "has no /a/deeper");
  check_failure(path, "/cube", "has 3 dimensions (2 x 3 x 4 int8)");
  check_source(path, "/b", "float64", false);
  remove_scratch(path);
}

static void what_is_no_matrix_is_refused(void **state) {
  (void)state;
  char path[TEST_PATH];
  scratch("none.h5", path);
  if (first_process()) {
    hsize_t words[2] = {2, 2};
    hsize_t empty[2] = {0, 5};
    hid_t text = H5Tcopy(H5T_C_S1);
    hid_t file = create_file(path);
    put_list(file, "/list", H5T_STD_I8LE, 9, H5T_NATIVE_INT8, NULL);
    put(file, "/words", text, 2, words, text, NULL, H5P_DEFAULT);
    H5Fclose(file);
    file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    put(file, "/folder/empty", H5T_IEEE_F64LE, 2, empty, H5T_NATIVE_DOUBLE, NULL, H5P_DEFAULT);
    H5Tclose(text);
    H5Fclose(file);
  }
  check_failure(path, "/list", "has 1 dimension (9 int8)");
  check_failure(path, "/words", "does not hold numbers (2 x 2 string)");
  check_failure(path, "/folder/empty", "is empty (0 x 5)");
  check_failure(path, "/folder", "group without the datasets data, indices and indptr");
  remove_scratch(path);
}

/* Text and entries beyond 2^31 travel in many messages; here they have room for a few items each. */
static void short_messages_carry_them_too(void **state) {
  test_context()->message_limit = 5;
  compressed_chunks_are_read(state);
  sparse_groups_of_all_conventions_are_read(state);
  ids_and_missing_are_found(state);
  test_context()->message_limit = INT_MAX;
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(every_number_type_is_read),     mpi_test(half_precision_is_read),
      mpi_test(compressed_chunks_are_read),    mpi_test(sparse_groups_of_all_conventions_are_read),
      mpi_test(ids_and_missing_are_found),     mpi_test(ids_of_the_wrong_number_are_refused),
      mpi_test(several_matrices_are_listed),   mpi_test(what_is_no_matrix_is_refused),
      mpi_test(short_messages_carry_them_too),
  };
  return cmocka_run_group_tests_name("hdf5_source", tests, NULL, NULL);
}
