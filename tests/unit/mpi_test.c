#include "mpi_test.h"

#include <string.h>

static dnmf_context context;

dnmf_context *test_context(void) {
  return &context;
}

int test_clear(void **state) {
  (void)state;
  memset(&context.error, 0, sizeof context.error);
  memset(&context.traffic, 0, sizeof context.traffic);
  return 0;
}

int __wrap_dnmf_team(int threads, double operations); /* the linker's name, see CMakeLists.txt */

/* In place of the library's own: all threads, however little the work, so that tests of small sizes show what threads
 * do. test_team.c tests the library's. */
int __wrap_dnmf_team(int threads, double operations) {
  (void)operations;
  return threads;
}

int main(int argc, char **argv) {
  if (MPI_Init(&argc, &argv) != MPI_SUCCESS || dnmf_context_init(&context, MPI_COMM_WORLD) != DNMF_OK)
    return 1;
  int failures = run_tests();
  int worst = failures;
  MPI_Allreduce(&failures, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  MPI_Finalize();
  return worst != 0;
}
