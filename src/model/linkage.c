#include "model/linkage.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Clusters have the number of one of their items; the items of a cluster are a list. */
typedef struct linkage {
  int n;
  double *distance; /* between clusters that are left */
  double *height;   /* n x n: at which two items are joined */
  int *size;        /* 0: joined into another */
  int *next;        /* the item behind this one in its cluster; -1: none */
  int *chain;
} linkage;

static dnmf_status linkage_open(dnmf_error *error, int n, double *distance, linkage *l) {
  void *heights = NULL;
  void *lists = NULL;
  *l = (linkage){.n = n, .distance = distance};
  DNMF_TRY(dnmf_allocate_zero(error, "a tree of clusters", (int64_t)n * n, sizeof(double), &heights));
  l->height = heights;
  DNMF_TRY(dnmf_allocate(error, "a tree of clusters", 3 * (int64_t)n, sizeof(int), &lists));
  l->size = lists;
  l->next = l->size + n;
  l->chain = l->next + n;
  for (int i = 0; i < n; i++) {
    l->size[i] = 1;
    l->next[i] = -1;
  }
  return DNMF_OK;
}

static void linkage_close(linkage *l) {
  free(l->height);
  free(l->size);
}

/* The cluster nearest to `from`; `preferred`, if there is one, unless another is nearer. */
static int linkage_nearest(const linkage *l, int from, int preferred) {
  const double *row = l->distance + (int64_t)from * l->n;
  int nearest = preferred;
  for (int j = 0; j < l->n; j++)
    if (j != from && l->size[j] > 0 && (nearest < 0 || row[j] < row[nearest]))
      nearest = j;
  return nearest;
}

/* All items of `a` meet all of `b` at this height. */
static void linkage_note_height(linkage *l, int a, int b, double height) {
  for (int i = a; i >= 0; i = l->next[i])
    for (int j = b; j >= 0; j = l->next[j])
      l->height[(int64_t)i * l->n + j] = l->height[(int64_t)j * l->n + i] = height;
}

/* `a` goes into `b`. */
static void linkage_join(linkage *l, int a, int b) {
  const int64_t n = l->n;
  const double weight_a = (double)l->size[a] / (l->size[a] + l->size[b]);
  const double weight_b = (double)l->size[b] / (l->size[a] + l->size[b]);
  int last = b;
  linkage_note_height(l, a, b, l->distance[a * n + b]);
  for (int j = 0; j < n; j++)
    if (j != a && j != b && l->size[j] > 0)
      l->distance[b * n + j] = l->distance[j * n + b] =
          weight_a * l->distance[a * n + j] + weight_b * l->distance[b * n + j];
  while (l->next[last] >= 0)
    last = l->next[last];
  l->next[last] = a;
  l->size[b] += l->size[a];
  l->size[a] = 0;
}

static void linkage_build(linkage *l) {
  int length = 0;
  for (int joined = 0; joined < l->n - 1;) {
    if (length == 0) {
      int first = 0;
      while (l->size[first] == 0)
        first++;
      l->chain[length++] = first;
    }
    const int at = l->chain[length - 1];
    const int before = length > 1 ? l->chain[length - 2] : -1;
    const int nearest = linkage_nearest(l, at, before);
    if (nearest != before) {
      l->chain[length++] = nearest;
      continue;
    }
    linkage_join(l, at < before ? at : before, at < before ? before : at);
    length -= 2;
    joined++;
  }
}

/* Of the entries above the diagonals. */
static double correlate(int n, const double *x, const double *y) {
  const double pairs = 0.5 * n * (n - 1.0);
  double mean_x = 0;
  double mean_y = 0;
  double xx = 0;
  double yy = 0;
  double xy = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i + 1; j < n; j++) {
      mean_x += x[i * n + j] / pairs;
      mean_y += y[i * n + j] / pairs;
    }
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i + 1; j < n; j++) {
      const double dx = x[i * n + j] - mean_x;
      const double dy = y[i * n + j] - mean_y;
      xx += dx * dx;
      yy += dy * dy;
      xy += dx * dy;
    }
  static const double ROUNDING = 1e-24; /* of a sum of squares of numbers from 0 to 1, a pair */
  return xx > ROUNDING * pairs && yy > ROUNDING * pairs ? xy / sqrt(xx * yy) : NAN;
}

dnmf_status dnmf_cophenetic(dnmf_error *error, int n, double *distance, double *correlation) {
  linkage l;
  void *copy = NULL;
  const size_t bytes = (size_t)n * (size_t)n * sizeof(double);
  *correlation = NAN;
  if (n < 3)
    return DNMF_OK;
  DNMF_TRY(dnmf_allocate(error, "distances", (int64_t)n * n, sizeof(double), &copy));
  memcpy(copy, distance, bytes);
  dnmf_status status = linkage_open(error, n, distance, &l);
  if (status == DNMF_OK) {
    linkage_build(&l);
    *correlation = correlate(n, copy, l.height);
  }
  linkage_close(&l);
  free(copy);
  return status;
}
