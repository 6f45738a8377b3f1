/*
 * Linear systems for the tests of bpp, by the textbook.
 */
#ifndef TEST_SOLVE_ELIMINATE_H
#define TEST_SOLVE_ELIMINATE_H

#include <math.h>
#include <stdbool.h>

/* Solves the symmetric system in place by Gaussian elimination with pivoting; false if singular. */
static inline bool eliminate(int n, double *a, double *b) {
  for (int c = 0; c < n; c++) {
    int pivot = c;
    for (int r = c + 1; r < n; r++)
      pivot = fabs(a[r * n + c]) > fabs(a[pivot * n + c]) ? r : pivot;
    if (fabs(a[pivot * n + c]) < 1e-12)
      return false;
    for (int j = 0; j < n; j++) {
      double swap = a[c * n + j];
      a[c * n + j] = a[pivot * n + j];
      a[pivot * n + j] = swap;
    }
    double swap = b[c];
    b[c] = b[pivot];
    b[pivot] = swap;
    for (int r = c + 1; r < n; r++) {
      double factor = a[r * n + c] / a[c * n + c];
      for (int j = c; j < n; j++)
        a[r * n + j] -= factor * a[c * n + j];
      b[r] -= factor * b[c];
    }
  }
  for (int r = n - 1; r >= 0; r--) {
    for (int j = r + 1; j < n; j++)
      b[r] -= a[r * n + j] * b[j];
    b[r] /= a[r * n + r];
  }
  return true;
}

#endif
