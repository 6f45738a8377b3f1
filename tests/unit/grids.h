/*
 * Tests that hold on every grid: all shapes of the processes there are, and layouts on them.
 */
#ifndef DNMF_TEST_GRIDS_H
#define DNMF_TEST_GRIDS_H

#include "comm/grid.h"
#include "mpi_test.h"

/* Calls `check` once for each grid shape of the running processes. collective */
static inline void on_every_grid(void (*check)(const dnmf_grid *grid)) {
  dnmf_context *context = test_context();
  for (int rows = 1; rows <= context->size; rows++) {
    if (context->size % rows != 0)
      continue;
    dnmf_grid grid;
    assert_ok(dnmf_grid_create(context, rows, context->size / rows, &grid));
    check(&grid);
    dnmf_grid_free(&grid);
  }
}

#endif
