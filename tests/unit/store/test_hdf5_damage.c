#include "store/hdf5/hdf5_attribute.h"
#include "store/hdf5/hdf5_file.h"
#include "store/hdf5/hdf5_slab.h"
#include "store/readers.h"
#include "store_test.h"

static dnmf_status open_and_load(const char *path) {
  static const dnmf_source_options options = {0};
  dnmf_source source = {0};
  test_matrix a = {0};
  MPI_Barrier(test_context()->comm);
  dnmf_status status = dnmf_open_hdf5(test_context(), path, NULL, &options, &source);
  if (status == DNMF_OK) {
    place_on_grid(1, source.rows, source.cols, &a);
    status = source.load(test_context(), &source, &a.layout, DNMF_DOUBLE, &a.matrix);
    release(&a);
  }
  source.close(&source);
  return status;
}

static void write_bytes(const char *path, const char *bytes) {
  if (test_context()->rank != 0)
    return;
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(bytes, file);
  fclose(file);
}

static void foreign_files_are_refused(void **state) {
  (void)state;
  char path[TEST_PATH];
  scratch("foreign.h5", path);
  assert_fails_with(open_and_load(path), "No such file or directory");
  write_bytes(path, "1,2,3\n");
  assert_fails_with(open_and_load(path), "it is not an HDF5 file");
  write_bytes(path, "");
  assert_fails_with(open_and_load(path), "it is not an HDF5 file");
  assert_fails_with(open_and_load("/tmp"), "it is a directory");
  remove_scratch(path);
}

static void truncated_files_are_refused(void **state) {
  (void)state;
  char path[TEST_PATH];
  test_matrix a;
  scratch("cut.h5", path);
  make_matrix(false, DNMF_DOUBLE, 40, 30, 1, &a);
  assert_ok(dnmf_matrix_write(test_context(), path, &a.matrix, DNMF_MISSING_ZERO, NULL, NULL));
  if (test_context()->rank == 0)
    assert_int_equal(truncate(path, 3000), 0);
  assert_fails_with(open_and_load(path), "it is damaged");
  release(&a);
  remove_scratch(path);
}

/* Writes a sound sparse file, then one wrong number into one of its datasets. */
static void check_damage(const char *dataset, int64_t at, int64_t value, const char *part) {
  char path[TEST_PATH];
  test_matrix a;
  scratch("damaged.h5", path);
  make_matrix(true, DNMF_DOUBLE, 13, 7, 1, &a);
  assert_ok(dnmf_matrix_write(test_context(), path, &a.matrix, DNMF_MISSING_ZERO, NULL, NULL));
  if (test_context()->rank == 0) {
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    dnmf_slab one = {{at, 0}, {1, 1}};
    assert_ok(dnmf_hdf5_write(test_context(), file, dataset, H5T_NATIVE_INT64, &one, &value));
    H5Fclose(file);
  }
  assert_fails_with(open_and_load(path), part);
  release(&a);
  remove_scratch(path);
}

static void damaged_sparse_groups_are_refused(void **state) {
  (void)state;
  check_damage("/matrix/indptr", 0, 1, "item 0 is 1; the first must be 0");
  check_damage("/matrix/indptr", 5, 1, "no item may be smaller than the one before");
  check_damage("/matrix/indptr", 13, 1000, "item 13 is 1000; the last must be the number of stored entries");
  check_damage("/matrix/indices", 4, 7, "item 4 is 7, outside 0 to 6");
  check_damage("/matrix/indices", 2, -1, "/matrix/indices of");
}

static void inconsistent_sparse_groups_are_refused(void **state) {
  (void)state;
  char path[TEST_PATH];
  dnmf_context *context = test_context();
  scratch("short.h5", path);
  for (int part = 0; part < 3; part++) {
    if (context->rank == 0) {
      hid_t file = -1;
      int64_t lengths[3] = {4, part == 0 ? 5 : 4, part == 1 ? 9 : 3};
      int64_t shape[2] = {2, 6};
      assert_ok(dnmf_hdf5_create_alone(&context->error, path, 0, &file));
      assert_ok(dnmf_hdf5_create_dataset(&context->error, file, "/m/data", H5T_IEEE_F32LE, 1, &lengths[0]));
      assert_ok(dnmf_hdf5_create_dataset(&context->error, file, "/m/indices", H5T_STD_I32LE, 1, &lengths[1]));
      assert_ok(dnmf_hdf5_create_dataset(&context->error, file, "/m/indptr", H5T_STD_I32LE, 1, &lengths[2]));
      hid_t group = H5Gopen2(file, "/m", H5P_DEFAULT);
      if (part < 2)
        assert_ok(dnmf_hdf5_set_text(&context->error, group, "encoding-type", "csr_matrix"));
      assert_ok(dnmf_hdf5_set_integers(&context->error, group, "shape", 2, shape));
      H5Gclose(group);
      assert_ok(dnmf_hdf5_close_layout(&context->error, path, file, DNMF_OK));
    }
    const char *reasons[3] = {"data has 4 items, indices 5", "indptr has 9 items, but a csr matrix of 2 x 6 needs 3",
                              "says neither its order nor its shape"};
    assert_fails_with(open_and_load(path), reasons[part]);
  }
  remove_scratch(path);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(foreign_files_are_refused),
      mpi_test(truncated_files_are_refused),
      mpi_test(damaged_sparse_groups_are_refused),
      mpi_test(inconsistent_sparse_groups_are_refused),
  };
  return cmocka_run_group_tests_name("hdf5_damage", tests, NULL, NULL);
}
