#include "model/assignment.h"

#include "base/memory.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Column 0 stands for "none yet"; rows and columns count from 1. */
typedef struct assignment {
  int n;
  const double *cost;
  double *row_price; /* cost - row_price - column_price is never negative */
  double *column_price;
  double *distance; /* of each column from the free row, along the cheapest path */
  int *row_of;      /* the row that has a column; 0: none */
  int *before;      /* the column before this one on the path */
  bool *reached;
} assignment;

static dnmf_status assignment_open(dnmf_error *error, int n, const double *cost, assignment *a) {
  void *numbers = NULL;
  void *places = NULL;
  void *flags = NULL;
  *a = (assignment){.n = n, .cost = cost};
  DNMF_TRY(dnmf_allocate_zero(error, "an assignment", 3 * ((int64_t)n + 1), sizeof(double), &numbers));
  a->row_price = numbers;
  a->column_price = a->row_price + n + 1;
  a->distance = a->column_price + n + 1;
  DNMF_TRY(dnmf_allocate_zero(error, "an assignment", 2 * ((int64_t)n + 1), sizeof(int), &places));
  a->row_of = places;
  a->before = a->row_of + n + 1;
  DNMF_TRY(dnmf_allocate_zero(error, "an assignment", (int64_t)n + 1, sizeof(bool), &flags));
  a->reached = flags;
  return DNMF_OK;
}

static void assignment_close(assignment *a) {
  free(a->row_price);
  free(a->row_of);
  free(a->reached);
}

/* Takes the row of `column` into the path and returns the column that is then nearest. */
static int assignment_extend(assignment *a, int column) {
  const int row = a->row_of[column];
  double step = INFINITY;
  int nearest = 0;
  a->reached[column] = true;
  for (int j = 1; j <= a->n; j++) {
    if (a->reached[j])
      continue;
    const double reduced = a->cost[(int64_t)(row - 1) * a->n + j - 1] - a->row_price[row] - a->column_price[j];
    if (reduced < a->distance[j]) {
      a->distance[j] = reduced;
      a->before[j] = column;
    }
    if (a->distance[j] < step) {
      step = a->distance[j];
      nearest = j;
    }
  }
  for (int j = 0; j <= a->n; j++)
    if (a->reached[j]) {
      a->row_price[a->row_of[j]] += step;
      a->column_price[j] -= step;
    } else {
      a->distance[j] -= step;
    }
  return nearest;
}

dnmf_status dnmf_assign(dnmf_error *error, int n, const double *cost, int *column) {
  assignment a;
  dnmf_status status = assignment_open(error, n, cost, &a);
  for (int row = 1; row <= n && status == DNMF_OK; row++) {
    int at = 0;
    for (int j = 0; j <= n; j++)
      a.distance[j] = INFINITY;
    memset(a.reached, 0, ((size_t)n + 1) * sizeof *a.reached);
    a.row_of[0] = row;
    do {
      at = assignment_extend(&a, at);
    } while (a.row_of[at] != 0);
    for (; at != 0; at = a.before[at]) /* every column on the path takes the row before it */
      a.row_of[at] = a.row_of[a.before[at]];
  }
  for (int j = 1; j <= n && status == DNMF_OK; j++)
    column[a.row_of[j] - 1] = j - 1;
  assignment_close(&a);
  return status;
}
