#include "mpi_test.h"

#include "base/team.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* Runs the group on the first `count` processes; failures, or -1 where it could not be run. */
static int run_on(int count) {
  MPI_Comm comm = MPI_COMM_NULL;
  int rank = 0;
  int failures = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (MPI_Comm_split(MPI_COMM_WORLD, rank < count ? 0 : MPI_UNDEFINED, rank, &comm) != MPI_SUCCESS)
    return -1;
  if (comm == MPI_COMM_NULL)
    return 0;
  if (rank == 0)
    fprintf(stderr, "--- on %d process%s\n", count, count > 1 ? "es" : "");
  memset(&context, 0, sizeof context);
  failures = dnmf_context_init(&context, comm) == DNMF_OK ? run_tests() : -1;
  MPI_Comm_free(&comm);
  return failures;
}

/* The largest number of failures of a process. Those that had no part in the tests sleep meanwhile. */
static int worst_of_all(int failures) {
  const struct timespec while_others_work = {0, 1000000};
  MPI_Request request = MPI_REQUEST_NULL;
  int mine = failures != 0;
  int worst = 1;
  int done = 0;
  MPI_Iallreduce(&mine, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD, &request);
  while (MPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done)
    nanosleep(&while_others_work, NULL);
  return worst;
}

/* The arguments are numbers of processes, one after another in one start; none: all there are. */
int main(int argc, char **argv) {
  int size = 0;
  int worst = 0;
  if (MPI_Init(&argc, &argv) != MPI_SUCCESS)
    return 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  for (int i = argc > 1 ? 1 : 0; i < argc; i++) {
    const int count = argc > 1 ? atoi(argv[i]) : size;
    const int failed = count >= 1 && count <= size ? worst_of_all(run_on(count)) : 1;
    worst = failed > worst ? failed : worst;
  }
  dnmf_team_end();
  MPI_Finalize();
  return worst;
}
