/* The arithmetic under held_cells.h, one table for each precision and instruction set; arrays of `count` numbers. */
#ifndef DNMF_HELD_CELLS_KERNEL_H
#define DNMF_HELD_CELLS_KERNEL_H

#include "base/variant.h"
#include "fit/held_cells.h"

typedef struct dnmf_held_kernel {
  /* Adds the squares of a - p, where a is a number, and of p. */
  void (*squares)(int64_t count, const void *a, const void *p, dnmf_held_sums *sums);
  /* Those of which a is a number, one after another; returns how many. */
  int64_t (*pack)(int64_t count, const void *a, const void *p, void *a_to, void *p_to);
  double (*sum)(int64_t count, const void *p);
  /* to = p - filler */
  void (*subtract)(int64_t count, const void *p, double filler, void *to);
  void (*fill)(int64_t count, double filler, void *to);
  /* to += x */
  void (*add)(int64_t count, const void *x, void *to);
} dnmf_held_kernel;

DNMF_DECLARE_VARIANTS(dnmf_held_kernel, dnmf_held_kernel);

#endif
