/*
 * libFuzzer's entry to the readers: what it makes up is a file, which is opened and loaded as every command does.
 *
 * DNMF_FUZZ_FORMATS lists the formats that the file is tried as. Whatever is in it, a reader ends with one message, or
 * with a matrix that keeps its promises; it leaves no HDF5 object open. Built and run by scripts/fuzz.sh.
 */
#include "store/file.h"
#include "store/source.h"

#include <hdf5.h>

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <sanitizer/lsan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More is legal, and slow: what a file declares is allocated when it is loaded. */
static const int64_t MOST_LINES = 1 << 16;
static const int64_t MOST_CELLS = 1 << 20;

/* The state of the process, as libFuzzer gives none. */
typedef struct fuzzer {
  dnmf_context context;
  char path[64];
} fuzzer;

static fuzzer *the_fuzzer(void) {
  static fuzzer one;
  return &one;
}

static void require(bool holds, const char *what) {
  if (holds)
    return;
  fprintf(stderr, "broken promise: %s\n", what);
  abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
  fuzzer *f = the_fuzzer();
  (void)argc;
  (void)argv;
  require(setenv("OMPI_MCA_ess_singleton_isolated", "1", 0) == 0, "an environment");
  __lsan_disable(); /* what Open MPI keeps is not ours */
  require(MPI_Init(NULL, NULL) == MPI_SUCCESS, "MPI starts");
  __lsan_enable();
  require(dnmf_context_init(&f->context, MPI_COMM_WORLD) == DNMF_OK, "a context");
  snprintf(f->path, sizeof f->path, "/dev/shm/dnmf-fuzz-%ld", (long)getpid());
  return 0;
}

static void write_file(const char *path, const uint8_t *bytes, size_t count) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  require(file >= 0 && write(file, bytes, count) == (ssize_t)count && close(file) == 0, "a scratch file");
}

static void check_sparse(const dnmf_csr *csr, dnmf_number number) {
  require(csr->start[0] == 0, "rows begin at 0");
  for (int64_t i = 0; i < csr->rows; i++) {
    require(csr->start[i] <= csr->start[i + 1], "rows follow each other");
    for (int64_t at = csr->start[i]; at < csr->start[i + 1]; at++) {
      double value = dnmf_number_at(number, csr->value, at);
      require(csr->index[at] >= 0 && csr->index[at] < csr->cols, "columns are inside the matrix");
      require(at == csr->start[i] || csr->index[at - 1] < csr->index[at], "columns ascend");
      require(isfinite(value) && value >= 0, "values are finite and nonnegative");
    }
  }
}

static void check_matrix(const dnmf_source *source, const dnmf_matrix *a) {
  require(a->rows == source->rows && a->cols == source->cols, "the shape is the one announced");
  if (a->sparse) {
    require(a->by_rows.rows == a->rows && a->by_cols.rows == a->cols, "a process alone holds all");
    check_sparse(&a->by_rows, dnmf_matrix_number(a));
    check_sparse(&a->by_cols, dnmf_matrix_number(a));
    return;
  }
  for (int64_t i = 0; i < a->rows * a->cols; i++) {
    double value = dnmf_number_at(dnmf_matrix_number(a), a->dense, i);
    require(isfinite(value) && value >= 0, "values are finite and nonnegative");
  }
}

static dnmf_status load(dnmf_context *context, dnmf_source *source) {
  dnmf_grid grid;
  dnmf_layout layout;
  dnmf_matrix matrix = {0};
  if (source->rows > MOST_LINES || source->cols > MOST_LINES || source->rows * source->cols > MOST_CELLS)
    return DNMF_OK;
  require(dnmf_grid_create(context, 1, 1, &grid) == DNMF_OK, "a grid");
  require(dnmf_layout_even(&context->error, &grid, source->rows, source->cols, &layout) == DNMF_OK, "a layout");
  dnmf_status status = dnmf_source_load(context, source, &layout, DNMF_DOUBLE, &matrix);
  if (status == DNMF_OK)
    check_matrix(source, &matrix);
  dnmf_matrix_free(&matrix);
  dnmf_layout_free(&layout);
  dnmf_grid_free(&grid);
  return status;
}

static void check_end(dnmf_context *context, dnmf_status status) {
  require((status == DNMF_OK) == (context->error.status == DNMF_OK), "a failure has a message");
  require(status == DNMF_OK || *context->error.text, "a message has words");
  require(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) <= 0, "no HDF5 object stays open");
  memset(&context->error, 0, sizeof context->error);
}

static void read_as(fuzzer *f, dnmf_format format) {
  dnmf_source source;
  const dnmf_source_options options = {.format = format};
  dnmf_status status = dnmf_source_open(&f->context, f->path, &options, &source);
  if (status == DNMF_OK)
    status = load(&f->context, &source);
  dnmf_source_close(&source);
  check_end(&f->context, status);
}

static void read_model(fuzzer *f) {
  dnmf_model model = {0};
  dnmf_model_shape shape = {0};
  dnmf_status status = dnmf_model_inspect(&f->context, f->path, &shape);
  if (status == DNMF_OK && shape.rows <= MOST_LINES && shape.cols <= MOST_LINES && shape.components <= 64) {
    status = dnmf_model_read(&f->context, f->path, DNMF_DOUBLE, &model);
    dnmf_model_free(&model);
  }
  check_end(&f->context, status);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  static const dnmf_format formats[] = {DNMF_FUZZ_FORMATS};
  fuzzer *f = the_fuzzer();
  write_file(f->path, bytes, count);
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    read_as(f, formats[i]);
    if (formats[i] == DNMF_FORMAT_HDF5)
      read_model(f);
  }
  unlink(f->path);
  return 0;
}
