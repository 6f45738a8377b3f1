/*
 * Small files for tests of readers: written by process 0, seen by all.
 */
#ifndef DNMF_TEST_TEMPORARY_H
#define DNMF_TEST_TEMPORARY_H

#include "mpi_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEMPORARY_PATH = 64 };

/* Writes `bytes` bytes to a new file and leaves its name in `path`. collective */
static inline void write_temporary(const char *text, size_t bytes, char path[TEMPORARY_PATH]) {
  snprintf(path, TEMPORARY_PATH, "/tmp/dnmf_test_XXXXXX");
  if (test_context()->rank == 0) {
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, bytes), (ssize_t)bytes);
    close(descriptor);
  }
  MPI_Bcast(path, TEMPORARY_PATH, MPI_CHAR, 0, test_context()->comm);
}

/* Removes it. collective */
static inline void remove_temporary(const char *path) {
  MPI_Barrier(test_context()->comm);
  if (test_context()->rank == 0)
    unlink(path);
}

#endif
