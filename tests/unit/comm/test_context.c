#include "comm/collective.h"
#include "mpi_test.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void success_is_agreed(void **state) {
  (void)state;
  assert_int_equal(dnmf_agree(test_context(), DNMF_OK), DNMF_OK);
  assert_int_equal(test_context()->error.status, DNMF_OK);
}

static void one_failure_is_everybodys(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  const int last = context->size - 1;
  dnmf_status status = DNMF_OK;
  if (context->rank == last)
    status = dnmf_fail(&context->error, DNMF_ERROR_FILE, "process %d cannot read", last);
  assert_int_equal(dnmf_agree(context, status), DNMF_ERROR_FILE);
  char expected[64];
  snprintf(expected, sizeof expected, "process %d cannot read", last);
  assert_string_equal(context->error.text, expected);
  assert_int_equal(context->error.status, DNMF_ERROR_FILE);
}

static void the_lowest_of_several_failures_wins(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  const int lowest = context->size > 2 ? 1 : 0;
  dnmf_status status = DNMF_OK;
  if (context->rank == lowest)
    status = dnmf_fail(&context->error, DNMF_ERROR_INPUT, "the lowest");
  if (context->rank > lowest)
    status = dnmf_fail(&context->error, DNMF_ERROR_MEMORY, "another");
  assert_int_equal(dnmf_agree(context, status), DNMF_ERROR_INPUT);
  assert_string_equal(context->error.text, "the lowest");
}

/* A failure must not pass for success because nobody wrote a message. */
static void a_failure_without_a_message_is_still_a_failure(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  dnmf_status status = context->rank == 0 ? DNMF_ERROR_LIBRARY : DNMF_OK;
  assert_int_equal(dnmf_agree(context, status), DNMF_ERROR_LIBRARY);
  assert_int_equal(context->error.status, DNMF_ERROR_LIBRARY);
  assert_true(strlen(context->error.text) > 0);
}

/* MPI's own failures end the job: agreeing would wait for processes that are gone. */
static void mpi_failures_return_at_once(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  if (context->rank == 0)
    assert_int_equal(dnmf_agree(context, DNMF_ERROR_MPI), DNMF_ERROR_MPI);
}

static void mpi_errors_are_returned_with_the_call_and_mpis_text(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  int value = 0;
  int code = MPI_Bcast(&value, 1, MPI_INT, context->size, context->comm);
  assert_int_equal(dnmf_mpi_check(context, code, "MPI_Bcast"), DNMF_ERROR_MPI);
  assert_non_null(strstr(context->error.text, "MPI_Bcast failed on process"));
  char text[MPI_MAX_ERROR_STRING] = "";
  int class = MPI_SUCCESS;
  int length = 0;
  MPI_Error_class(code, &class);
  assert_int_equal(class, MPI_ERR_ROOT);
  MPI_Error_string(class, text, &length);
  assert_non_null(strstr(context->error.text, text));
  assert_null(strchr(context->error.text, '\n'));
}

static void counts_beyond_one_message_are_refused(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  int narrow = -1;
  assert_ok(dnmf_int_count(context, "rows", INT32_MAX, &narrow));
  assert_int_equal(narrow, INT32_MAX);
  assert_int_equal(dnmf_int_count(context, "rows", INT64_C(1) << 31, &narrow), DNMF_ERROR_LIBRARY);
  assert_non_null(strstr(context->error.text, "rows: 2147483648 items"));
}

/* What a person or a Slurm job may have set around the tests. */
static void clear_environment(void) {
  unsetenv("OMP_NUM_THREADS");
  unsetenv("SLURM_CPUS_PER_TASK");
  unsetenv("SLURM_CPUS_ON_NODE");
}

static void set_number(const char *name, int number) {
  char text[16];
  snprintf(text, sizeof text, "%d", number);
  assert_int_equal(setenv(name, text, 1), 0);
}

/* Two processes that may run on the same cores do not both take all of them. */
static void processes_that_share_cores_share_threads(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  clear_environment();
  int threads = dnmf_context_default_threads(context);
  assert_true(threads >= 1);
  int64_t all = threads;
  assert_ok(dnmf_sum_int64(context, context->comm, &all, 1));
  int64_t cores = sysconf(_SC_NPROCESSORS_ONLN);
  assert_true(all <= (cores > context->size ? cores : context->size));
  assert_int_equal(context->cores_withheld, 0);
}

static void a_slurm_task_takes_no_more_cores_than_it_was_granted(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  clear_environment();
  set_number("SLURM_CPUS_PER_TASK", 1);
  assert_int_equal(dnmf_context_default_threads(context), 1);
  assert_int_equal(setenv("SLURM_CPUS_PER_TASK", "some", 1), 0);
  set_number("SLURM_CPUS_ON_NODE", context->size);
  assert_int_equal(dnmf_context_default_threads(context), 1);
  assert_int_equal(context->cores_withheld, 0);
}

/* As many processes as the job has cores on the node: its tasks' number of cores is not for each of them. */
static void mpirun_may_start_more_processes_than_slurm_has_tasks(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  clear_environment();
  set_number("SLURM_CPUS_PER_TASK", context->size);
  set_number("SLURM_CPUS_ON_NODE", context->size);
  assert_int_equal(dnmf_context_default_threads(context), 1);
  assert_int_equal(context->cores_withheld, 0);
}

static void cores_that_the_launcher_withholds_are_counted(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  clear_environment();
  int share = dnmf_context_default_threads(context);
  set_number("SLURM_CPUS_PER_TASK", share + 3);
  set_number("SLURM_CPUS_ON_NODE", (share + 3) * context->size);
  assert_int_equal(dnmf_context_default_threads(context), share);
  assert_int_equal(context->cores_withheld, 3);
}

static void a_persons_own_choice_of_threads_comes_first(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  clear_environment();
  set_number("SLURM_CPUS_PER_TASK", 1);
  set_number("OMP_NUM_THREADS", 2);
  assert_int_equal(dnmf_context_default_threads(context), omp_get_max_threads());
  assert_int_equal(context->cores_withheld, 0);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(success_is_agreed),
      mpi_test(one_failure_is_everybodys),
      mpi_test(the_lowest_of_several_failures_wins),
      mpi_test(a_failure_without_a_message_is_still_a_failure),
      mpi_test(mpi_failures_return_at_once),
      mpi_test(mpi_errors_are_returned_with_the_call_and_mpis_text),
      mpi_test(counts_beyond_one_message_are_refused),
      mpi_test(processes_that_share_cores_share_threads),
      mpi_test(a_slurm_task_takes_no_more_cores_than_it_was_granted),
      mpi_test(mpirun_may_start_more_processes_than_slurm_has_tasks),
      mpi_test(cores_that_the_launcher_withholds_are_counted),
      mpi_test(a_persons_own_choice_of_threads_comes_first),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
