/*
 * A cmocka group under MPI: every process runs the same tests on a context over all of them.
 */
#ifndef DNMF_MPI_TEST_H
#define DNMF_MPI_TEST_H

#include "comm/context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* cmocka keeps a macro of this name from its old interface. */
#undef run_tests

/* What a test program defines: runs its group and returns the number of failures. main is in mpi_test.c. */
int run_tests(void);

/* The context of the running test; its error and traffic are cleared before each. */
dnmf_context *test_context(void);

/* For cmocka_unit_test_setup: clears the context. */
int test_clear(void **state);

#define mpi_test(function) cmocka_unit_test_setup(function, test_clear)

/* Fails the test with the context's message unless `status` is DNMF_OK. */
#define assert_ok(status)                                                                                              \
  do {                                                                                                                 \
    if ((status) != DNMF_OK)                                                                                           \
      fail_msg("process %d: %s", test_context()->rank, test_context()->error.text);                                    \
  } while (0)

#endif
