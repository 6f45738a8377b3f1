#include "store/hdf5/hdf5_file.h"
#include "store/readers.h"
#include "store_test.h"

enum { ROWS = 7, COLS = 5, LZF = 32000, UNKNOWN = 399 };

/* 4 times the test matrix as float64, compressed by h5py's lzf. */
static const uint8_t compressed[] = {0x01, 0x00, 0x00, 0xe0, 0x04, 0x00, 0x00, 0x40, 0xe0, 0x04, 0x0d, 0x01, 0x00, 0x18,
                                     0xe0, 0x06, 0x0f, 0x00, 0x1c, 0xe0, 0x06, 0x0f, 0xe0, 0x00, 0x00, 0xa0, 0x17, 0x00,
                                     0x10, 0xa0, 0x07, 0x00, 0x08, 0xa0, 0x07, 0x00, 0x14, 0xa0, 0x07, 0xc0, 0x00, 0x00,
                                     0x22, 0xe0, 0x06, 0x0f, 0xe0, 0x27, 0x00, 0x00, 0x20, 0xe0, 0x06, 0x3f, 0x01, 0xf0,
                                     0x3f, 0xe0, 0x06, 0x41, 0xe0, 0x06, 0x1f, 0xc0, 0x00, 0xc0, 0x37, 0x00, 0x24, 0xa0,
                                     0x1f, 0xe0, 0x0f, 0x87, 0xc0, 0xbf, 0x01, 0x18, 0x40};

/* One chunk that went through `filter`, its bytes as given. */
static void write_chunk(const char *path, H5Z_filter_t filter, const uint8_t *bytes, size_t count) {
  const hsize_t shape[2] = {ROWS, COLS};
  const hsize_t first[2] = {0, 0};
  const unsigned settings[3] = {4, 261, ROWS * COLS * sizeof(double)};
  if (test_context()->rank == 0) {
    hid_t file = -1;
    assert_ok(dnmf_hdf5_create_alone(&test_context()->error, path, 0, &file));
    hid_t space = H5Screate_simple(2, shape, NULL);
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, 2, shape);
    /* HDF5 takes foreign chunks only of a filter that it does not know, or that can compress; opening makes it known.
     */
    if (H5Zfilter_avail(LZF) > 0)
      H5Zunregister(LZF);
    H5Pset_filter(creation, filter, H5Z_FLAG_OPTIONAL, 3, settings);
    hid_t dataset = H5Dcreate2(file, "/x", H5T_IEEE_F64LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, first, count, bytes) >= 0);
    H5Dclose(dataset);
    H5Pclose(creation);
    H5Sclose(space);
    H5Fclose(file);
  }
  MPI_Barrier(test_context()->comm);
}

static dnmf_status load(const char *path, test_matrix *a) {
  static const dnmf_source_options options = {0};
  dnmf_source source = {0};
  assert_ok(dnmf_open_hdf5(test_context(), path, NULL, &options, &source));
  place_on_grid(2, source.rows, source.cols, a);
  dnmf_status status = source.load(test_context(), &source, &a->layout, DNMF_DOUBLE, &a->matrix);
  source.close(&source);
  return status;
}

static void lzf_of_h5py_is_read(void **state) {
  (void)state;
  char path[TEST_PATH];
  test_matrix a;
  scratch("lzf.h5", path);
  write_chunk(path, LZF, compressed, sizeof compressed);
  assert_ok(load(path, &a));
  check_block(&a.matrix, 4);
  release(&a);
  remove_scratch(path);
}

/* A chunk cut short, one that refers to before its beginning, and one that holds too much. */
static void damaged_lzf_is_refused(void **state) {
  (void)state;
  static const uint8_t before[] = {0x00, 0x01, 0x20, 0x09};
  static const uint8_t too_much[] = {0x00, 0x00, 0xe0, 0xff, 0x00, 0xe0, 0xff, 0x00};
  char path[TEST_PATH];
  test_matrix a;
  const struct {
    const uint8_t *bytes;
    size_t count;
  } chunks[] = {{compressed, 2}, {before, sizeof before}, {too_much, sizeof too_much}};
  for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
    scratch("damaged.h5", path);
    write_chunk(path, LZF, chunks[i].bytes, chunks[i].count);
    assert_fails_with(load(path, &a), "cannot read the dataset /x");
    release(&a);
    remove_scratch(path);
  }
}

static void unknown_filters_are_named(void **state) {
  (void)state;
  char path[TEST_PATH];
  test_matrix a;
  scratch("unknown.h5", path);
  write_chunk(path, UNKNOWN, compressed, sizeof compressed);
  assert_fails_with(load(path, &a), "(HDF5 filter 399), which is not installed here");
  release(&a);
  remove_scratch(path);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(lzf_of_h5py_is_read),
      mpi_test(damaged_lzf_is_refused),
      mpi_test(unknown_filters_are_named),
  };
  return cmocka_run_group_tests_name("hdf5_filters", tests, NULL, NULL);
}
