/* A full disk is a tmpfs of 1 MiB. Mounting takes root; without it the tests are skipped. */
#include "store/output.h"
#include "store_test.h"

#include <sys/stat.h>

static void unmount(const char *folder) {
  char command[TEST_PATH + 64];
  MPI_Barrier(test_context()->comm);
  if (test_context()->rank != 0)
    return;
  snprintf(command, sizeof command, "umount %s", folder);
  if (system(command) == 0)
    rmdir(folder);
}

static void mount_small_disk(char folder[TEST_PATH]) {
  char command[TEST_PATH + 64];
  int64_t mounted = 0;
  scratch("disk", folder);
  if (test_context()->rank == 0 && mkdir(folder, 0777) == 0) {
    snprintf(command, sizeof command, "mount -t tmpfs -o size=1m tmpfs %s 2>/dev/null", folder);
    mounted = system(command) == 0;
    if (!mounted)
      rmdir(folder);
  }
  assert_ok(dnmf_broadcast(test_context(), &mounted, (int64_t)sizeof mounted, 0));
  if (!mounted)
    skip();
}

/* Process 0 writes a file of so many bytes. */
static void write_zeros(const char *folder, const char *name, int64_t bytes) {
  char path[TEST_PATH + 32];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (test_context()->rank == 0) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int64_t i = 0; i < bytes; i++)
      fputc(0, file);
    fclose(file);
  }
  MPI_Barrier(test_context()->comm);
}

static int64_t size_of(const char *path) {
  struct stat about;
  MPI_Barrier(test_context()->comm);
  return stat(path, &about) == 0 ? (int64_t)about.st_size : -1;
}

typedef dnmf_status (*writer)(const char *path, const void *what);

/* Writes FOLDER/out, which has 10 old bytes, through the partial file. */
static dnmf_status write_output(const char *folder, writer write, const void *what) {
  char path[TEST_PATH + 32];
  dnmf_context *context = test_context();
  dnmf_output output;
  snprintf(path, sizeof path, "%s/out", folder);
  assert_ok(dnmf_output_begin(context, path, &output));
  return dnmf_output_end(context, &output, write(output.partial, what));
}

static void check_nothing_changed(const char *folder) {
  char path[TEST_PATH + 32];
  snprintf(path, sizeof path, "%s/out", folder);
  assert_int_equal(size_of(path), 10);
  snprintf(path, sizeof path, "%s/out.partial", folder);
  assert_int_equal(size_of(path), -1);
}

static void check_full(writer write, const void *what) {
  char folder[TEST_PATH];
  mount_small_disk(folder);
  write_zeros(folder, "out", 10);
  assert_fails_with(write_output(folder, write, what), "No space left on device");
  check_nothing_changed(folder);
  unmount(folder);
}

static dnmf_status write_matrix(const char *path, const void *what) {
  return dnmf_matrix_write(test_context(), path, what, DNMF_MISSING_ZERO, NULL, NULL);
}

static dnmf_status export_matrix(const char *path, const void *what) {
  return dnmf_matrix_export(test_context(), path, DNMF_EXPORT_TRIPLES, what, NULL, NULL);
}

static void matrix_on_a_full_disk(void **state) {
  (void)state;
  test_matrix a;
  for (int sparse = 0; sparse < 2; sparse++) {
    make_matrix(sparse, DNMF_DOUBLE, 1000, 700, 1, &a);
    check_full(write_matrix, &a.matrix);
    check_full(export_matrix, &a.matrix);
    release(&a);
  }
}

static dnmf_status write_model(const char *path, const void *what) {
  return dnmf_model_write(test_context(), path, what);
}

/* A model of about 50 KB, most of it what process 0 writes alone, on disks with ever less room: it is written whole,
 * or there is a message. */
static void model_on_a_nearly_full_disk(void **state) {
  (void)state;
  char folder[TEST_PATH];
  double curve[5000] = {0};
  dnmf_context *context = test_context();
  dnmf_model model = {.rows = 20, .cols = 30, .components = 4};
  dnmf_range rows = {0, 20};
  dnmf_range cols = {0, 30};
  int failures = 0;
  model.owned_rows = dnmf_range_split(rows, context->size, context->rank);
  model.owned_cols = dnmf_range_split(cols, context->size, context->rank);
  assert_ok(dnmf_panel_create(&context->error, "W", dnmf_range_size(model.owned_rows), 4, DNMF_DOUBLE, &model.w));
  assert_ok(dnmf_panel_create(&context->error, "H", dnmf_range_size(model.owned_cols), 4, DNMF_DOUBLE, &model.h));
  assert_ok(dnmf_model_add_curve(&context->error, &model, "objective", 5000, curve));
  assert_ok(dnmf_model_set_text(&context->error, &model, "command", "dnmf fit"));
  for (int64_t room = 0; room <= 120; room += 4) {
    mount_small_disk(folder);
    write_zeros(folder, "out", 10);
    write_zeros(folder, "ballast", (1020 - room) * 1024);
    dnmf_status status = write_output(folder, write_model, &model);
    failures += status != DNMF_OK;
    if (status != DNMF_OK) {
      assert_fails_with(status, "No space left on device");
      check_nothing_changed(folder);
    }
    unmount(folder);
  }
  assert_true(failures > 5 && failures < 30);
  dnmf_model_free(&model);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(matrix_on_a_full_disk),
      mpi_test(model_on_a_nearly_full_disk),
  };
  return cmocka_run_group_tests_name("full_disk", tests, NULL, NULL);
}
