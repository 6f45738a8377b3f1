/* Outputs of jobs that come one after the other, at once, or were killed. */
#include "store/output.h"
#include "store_test.h"

#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void partial_of(const char *path, char partial[TEST_PATH + 16]) {
  snprintf(partial, TEST_PATH + 16, "%s.partial", path);
}

static bool is_there(const char *path) {
  struct stat about;
  MPI_Barrier(test_context()->comm);
  bool found = stat(path, &about) == 0;
  MPI_Barrier(test_context()->comm);
  return found;
}

static void write_text(const char *path, const char *text) {
  if (test_context()->rank != 0)
    return;
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
}

static void check_text(const char *path, const char *expected) {
  char text[64] = "";
  MPI_Barrier(test_context()->comm);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  assert_non_null(fgets(text, sizeof text, file));
  fclose(file);
  assert_string_equal(text, expected);
}

static void a_file_takes_its_name_when_it_is_whole(void **state) {
  (void)state;
  char path[TEST_PATH];
  char partial[TEST_PATH + 16];
  dnmf_output output;
  scratch("out", path);
  partial_of(path, partial);
  assert_ok(dnmf_output_begin(test_context(), path, &output));
  assert_true(is_there(partial) && !is_there(path));
  write_text(output.partial, "new");
  assert_ok(dnmf_output_end(test_context(), &output, DNMF_OK));
  assert_true(!is_there(partial));
  check_text(path, "new");
  remove_scratch(path);
}

static void what_a_killed_job_left_is_removed(void **state) {
  (void)state;
  char path[TEST_PATH];
  char partial[TEST_PATH + 16];
  dnmf_output output;
  FILE *survivor = NULL; /* a process of the killed job that is about to end, still writing */
  scratch("out", path);
  partial_of(path, partial);
  write_text(partial, "left over");
  if (test_context()->rank == 0)
    survivor = fopen(partial, "r+");
  assert_ok(dnmf_output_begin(test_context(), path, &output));
  write_text(output.partial, "new");
  if (survivor) {
    assert_true(fputs("OLD", survivor) >= 0);
    assert_int_equal(fclose(survivor), 0);
  }
  assert_ok(dnmf_output_end(test_context(), &output, DNMF_OK));
  check_text(path, "new");
  assert_true(!is_there(partial));
  remove_scratch(path);
}

static void a_living_jobs_file_is_left_alone(void **state) {
  (void)state;
  char path[TEST_PATH];
  dnmf_output first;
  dnmf_output second;
  scratch("out", path);
  assert_ok(dnmf_output_begin(test_context(), path, &first));
  write_text(first.partial, "first");
  assert_int_equal(dnmf_output_begin(test_context(), path, &second), DNMF_ERROR_FILE);
  assert_non_null(strstr(test_context()->error.text, "another job is writing it"));
  assert_true(is_there(first.partial));
  test_context()->error = (dnmf_error){0};
  assert_ok(dnmf_output_end(test_context(), &first, DNMF_OK));
  check_text(path, "first");
  assert_ok(dnmf_output_begin(test_context(), path, &second)); /* its name is free again */
  write_text(second.partial, "second");
  assert_ok(dnmf_output_end(test_context(), &second, DNMF_OK));
  check_text(path, "second");
  remove_scratch(path);
}

static void a_failed_file_is_removed_and_the_old_one_stays(void **state) {
  (void)state;
  char path[TEST_PATH];
  char partial[TEST_PATH + 16];
  dnmf_output output;
  scratch("out", path);
  partial_of(path, partial);
  write_text(path, "old");
  assert_ok(dnmf_output_begin(test_context(), path, &output));
  write_text(output.partial, "half");
  dnmf_status status = dnmf_fail(&test_context()->error, DNMF_ERROR_INPUT, "no");
  assert_int_equal(dnmf_output_end(test_context(), &output, status), DNMF_ERROR_INPUT);
  check_text(path, "old");
  assert_true(!is_there(partial));
  remove_scratch(path);
}

/* Eight processes that are no part of MPI begin at once, again and again: whoever has the file has it alone. */
static void only_one_of_many_at_once_has_the_file(void **state) {
  (void)state;
  enum { JOBS = 8, ROUNDS = 50 };
  char path[TEST_PATH];
  scratch("out", path);
  if (test_context()->size > 1)
    return;
  for (int job = 0; job < JOBS; job++) {
    if (fork() != 0)
      continue;
    dnmf_context alone = {.comm = MPI_COMM_SELF, .size = 1, .message_limit = INT_MAX};
    int bad = 0;
    for (int round = 0; round < ROUNDS; round++) {
      dnmf_output output;
      char text[32] = "";
      int file = -1;
      alone.error = (dnmf_error){0};
      if (dnmf_output_begin(&alone, path, &output) != DNMF_OK)
        continue;
      snprintf(text, sizeof text, "job %d\n", job);
      file = output.lock;
      bad += lseek(file, 0, SEEK_END) != 0;
      bad += write(file, text, strlen(text)) != (ssize_t)strlen(text);
      bad += lseek(file, 0, SEEK_END) != (off_t)strlen(text);
      bad += dnmf_output_end(&alone, &output, DNMF_OK) != DNMF_OK;
    }
    _exit(bad > 0);
  }
  for (int job = 0; job < JOBS; job++) {
    int how = 0;
    assert_true(wait(&how) > 0);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
  }
  assert_true(is_there(path));
  remove_scratch(path);
}

static void a_link_stays_and_the_mode_of_its_target(void **state) {
  (void)state;
  char path[TEST_PATH];
  char link[TEST_PATH + 16];
  struct stat about;
  dnmf_output output;
  scratch("out", path);
  snprintf(link, sizeof link, "%s.link", path);
  write_text(path, "old");
  if (test_context()->rank == 0) {
    assert_int_equal(chmod(path, 0440), 0);
    assert_int_equal(symlink(strrchr(path, '/') + 1, link), 0);
  }
  assert_ok(dnmf_output_begin(test_context(), link, &output));
  assert_string_equal(output.target, path);
  write_text(output.partial, "new");
  assert_ok(dnmf_output_end(test_context(), &output, DNMF_OK));
  check_text(path, "new");
  assert_int_equal(lstat(link, &about), 0);
  assert_true(S_ISLNK(about.st_mode));
  assert_int_equal(stat(path, &about), 0);
  assert_int_equal(about.st_mode & 07777, 0440);
  MPI_Barrier(test_context()->comm);
  if (test_context()->rank == 0)
    unlink(link);
  remove_scratch(path);
}

/* The second of two cannot take its name: a folder has it by then. */
static void of_several_files_all_take_their_names_or_none(void **state) {
  (void)state;
  enum { FILES = 3, MIDDLE = 1 };
  char paths[FILES][TEST_PATH];
  char old[TEST_PATH + 32];
  dnmf_output outputs[FILES];
  dnmf_output *begun[FILES];
  for (int works = 0; works < 2; works++) {
    for (int i = 0; i < FILES; i++) {
      char name[16];
      snprintf(name, sizeof name, "out%d", i);
      scratch(name, paths[i]);
      if (i == 0)
        write_text(paths[i], "old");
      assert_ok(dnmf_output_begin(test_context(), paths[i], &outputs[i]));
      write_text(outputs[i].partial, "new");
      begun[i] = &outputs[i];
    }
    if (!works && test_context()->rank == 0)
      assert_int_equal(mkdir(paths[MIDDLE], 0700), 0);
    MPI_Barrier(test_context()->comm);
    dnmf_status status = dnmf_outputs_end(test_context(), begun, FILES, DNMF_OK);
    assert_int_equal(status, works ? DNMF_OK : DNMF_ERROR_FILE);
    check_text(paths[0], works ? "new" : "old");
    if (!works && test_context()->rank == 0)
      assert_int_equal(rmdir(paths[MIDDLE]), 0);
    for (int i = 0; i < FILES; i++) {
      partial_of(paths[i], old);
      assert_true(!is_there(old));
      strcat(old, ".old");
      assert_true(!is_there(old));
      assert_int_equal(is_there(paths[i]), works || i == 0);
      remove_scratch(paths[i]);
    }
  }
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(a_file_takes_its_name_when_it_is_whole),
      mpi_test(what_a_killed_job_left_is_removed),
      mpi_test(a_living_jobs_file_is_left_alone),
      mpi_test(a_failed_file_is_removed_and_the_old_one_stays),
      mpi_test(only_one_of_many_at_once_has_the_file),
      mpi_test(a_link_stays_and_the_mode_of_its_target),
      mpi_test(of_several_files_all_take_their_names_or_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
