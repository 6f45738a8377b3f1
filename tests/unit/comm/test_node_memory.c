/* What a machine's files say of its memory, and what is refused. */
#include "mpi_test.h"

#include "comm/node_memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH = 512 };

/* A folder in place of the root, this process's own. */
static void make_root(char root[PATH]) {
  snprintf(root, PATH, "%s/dnmf-memory-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
  assert_non_null(mkdtemp(root));
}

/* Writes root + path, and the folders above it. */
static void put(const char *root, const char *path, const char *text) {
  char whole[PATH];
  int length = snprintf(whole, sizeof whole, "%s%s", root, path);
  assert_in_range(length, 1, PATH - 1);
  for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    mkdir(whole, 0700);
    *slash = '/';
  }
  FILE *file = fopen(whole, "w");
  assert_non_null(file);
  fputs(text, file);
  assert_int_equal(fclose(file), 0);
}

static dnmf_node_memory read_and_remove(const char *root) {
  dnmf_node_memory memory;
  char command[PATH + 16];
  dnmf_node_memory_read(root, &memory);
  snprintf(command, sizeof command, "rm -r '%s'", root);
  assert_int_equal(system(command), 0);
  return memory;
}

static void available_memory_is_the_kernels_without_swap(void **state) {
  (void)state;
  char root[PATH];
  make_root(root);
  put(root, "/proc/meminfo", "MemTotal: 8000 kB\nMemFree: 10 kB\nMemAvailable:    3000 kB\nSwapFree: 90000 kB\n");
  const dnmf_node_memory memory = read_and_remove(root);
  assert_true(memory.machine == 3000 * 1024.0);
  assert_true(isinf(memory.group));
}

static void nothing_known_is_no_limit(void **state) {
  (void)state;
  char root[PATH];
  make_root(root);
  put(root, "/proc/meminfo", "MemTotal: 8000 kB\n");
  const dnmf_node_memory memory = read_and_remove(root);
  assert_true(isinf(memory.machine) && isinf(memory.group));
}

/* Version 2: the limit of a group above holds too; files in the page cache do not count as used. */
static void the_tightest_group_counts(void **state) {
  (void)state;
  char root[PATH];
  make_root(root);
  put(root, "/proc/self/cgroup", "0::/job/step\n");
  put(root, "/sys/fs/cgroup/job/step/memory.max", "max\n");
  put(root, "/sys/fs/cgroup/job/step/memory.current", "500\n");
  put(root, "/sys/fs/cgroup/job/memory.max", "1000000\n");
  put(root, "/sys/fs/cgroup/job/memory.current", "700000\n");
  put(root, "/sys/fs/cgroup/job/memory.stat", "anon 100000\ninactive_file 400000\nactive_file 150000\n");
  const dnmf_node_memory memory = read_and_remove(root);
  assert_true(memory.group == 1000000 - (700000 - 400000 - 150000));
  assert_string_equal(memory.group_path, "/job");
}

/* Version 1, in a container that sees its own group as the top, beside an empty version 2. */
static void groups_of_the_first_version_count(void **state) {
  (void)state;
  char root[PATH];
  make_root(root);
  put(root, "/proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/1234\n0::/\n");
  put(root, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000\n");
  put(root, "/sys/fs/cgroup/memory/memory.usage_in_bytes", "500000\n");
  put(root, "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file 100000\ntotal_active_file 0\n");
  const dnmf_node_memory memory = read_and_remove(root);
  assert_true(memory.group == 2000000 - 400000);
  assert_string_equal(memory.group_path, "/");
}

static void the_first_versions_largest_number_is_no_limit(void **state) {
  (void)state;
  char root[PATH];
  make_root(root);
  put(root, "/proc/self/cgroup", "4:memory:/job\n");
  put(root, "/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712\n");
  put(root, "/sys/fs/cgroup/memory/job/memory.usage_in_bytes", "500000\n");
  assert_true(isinf(read_and_remove(root).group));
}

static void what_is_not_there_is_refused_by_name(void **state) {
  (void)state;
  dnmf_error *error = &test_context()->error;
  const dnmf_memory_need need = {7e9, 2, 5e9, 1};
  const dnmf_node_memory enough = {8e9, 6e9, "/job"};
  const dnmf_node_memory small_machine = {6e9, INFINITY, ""};
  const dnmf_node_memory small_group = {8e9, 4e9, "/job"};
  assert_int_equal(dnmf_node_memory_compare(error, "a.h5", "use more", &need, &enough), DNMF_OK);
  assert_int_equal(dnmf_node_memory_compare(error, "a.h5", "use more", &need, &small_machine), DNMF_ERROR_MEMORY);
  assert_string_equal(error->text,
                      "not enough memory: a.h5 needs at least 7.0 GB on this machine (2 processes); of the "
                      "machine's memory 6.0 GB can still be had, of its control group's no limit; use more");
  *error = (dnmf_error){0};
  assert_int_equal(dnmf_node_memory_compare(error, "a.h5", "use more", &need, &small_group), DNMF_ERROR_MEMORY);
  assert_string_equal(
      error->text, "not enough memory: a.h5 needs at least 5.0 GB on this machine (1 process); of the machine's memory "
                   "8.0 GB can still be had, of its control group's /job 4.0 GB; use more");
}

/* Processes of one machine share it: each alone would fit, together they do not. */
static void needs_of_a_machine_are_added(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  dnmf_node_memory memory;
  dnmf_node_memory_read("", &memory);
  const double there = fmin(memory.machine, memory.group);
  if (!isfinite(there))
    return;
  assert_int_equal(dnmf_check_memory(context, "x", "use more", there / 2 / context->size), DNMF_OK);
  assert_int_equal(dnmf_check_memory(context, "x", "use more", there * 1.5 / context->size), DNMF_ERROR_MEMORY);
  assert_non_null(strstr(context->error.text, context->size > 1 ? "processes)" : "(1 process)"));
}

/* One process's need is everybody's failure. */
static void all_leave_alike(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  const double bytes = context->rank == context->size - 1 ? 1e18 : 0;
  dnmf_node_memory memory;
  dnmf_node_memory_read("", &memory);
  if (isfinite(memory.machine))
    assert_int_equal(dnmf_check_memory(context, "x", "use more", bytes), DNMF_ERROR_MEMORY);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(available_memory_is_the_kernels_without_swap),
      mpi_test(nothing_known_is_no_limit),
      mpi_test(the_tightest_group_counts),
      mpi_test(groups_of_the_first_version_count),
      mpi_test(the_first_versions_largest_number_is_no_limit),
      mpi_test(what_is_not_there_is_refused_by_name),
      mpi_test(needs_of_a_machine_are_added),
      mpi_test(all_leave_alike),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
