/*
 * The library as its tests open it: on the processes of the test, with a failure told by the process that saw it.
 */
#ifndef TEST_API_DOOR_H
#define TEST_API_DOOR_H

#include "dnmf.h"
#include "mpi_test.h"

static int rank;
static int size;
static dnmf_library *library;

static inline int open_library(void **state) {
  rank = test_context()->rank;
  size = test_context()->size;
  test_clear(state);
  return dnmf_library_create(test_context()->comm, &library);
}

static inline int close_library(void **state) {
  (void)state;
  dnmf_library_destroy(&library);
  return 0;
}

static inline void succeed(int status) {
  if (status != DNMF_SUCCESS)
    fail_msg("process %d of %d: %s", rank, size, dnmf_library_error(library));
}

#define door_test(function) cmocka_unit_test_setup_teardown(function, open_library, close_library)

#endif
