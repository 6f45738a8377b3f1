#include "model/consensus.h"

#include "base/memory.h"
#include "base/random.h"
#include "comm/collective.h"
#include "model/assignment.h"
#include "model/linkage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- Clusters ---------------------------------------------------------------------------------------------- */

static dnmf_status clusters_open(dnmf_error *error, int runs, int components, int best, dnmf_clusters *c) {
  const int64_t all = (int64_t)runs * components;
  void *memory = NULL;
  *c = (dnmf_clusters){.runs = runs, .components = components, .best = best};
  DNMF_TRY(dnmf_allocate_zero(error, "norms of components", all, sizeof(double), &memory));
  c->norm = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "clusters of components", all, sizeof(int), &memory));
  c->cluster = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "outlying components", all, sizeof(bool), &memory));
  c->outlying = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "silhouettes", components, sizeof(double), &memory));
  c->silhouette = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "clusters of components", components, sizeof(int), &memory));
  c->inlying = memory;
  return DNMF_OK;
}

void dnmf_clusters_free(dnmf_clusters *clusters) {
  free(clusters->norm);
  free(clusters->cluster);
  free(clusters->outlying);
  free(clusters->silhouette);
  free(clusters->inlying);
  memset(clusters, 0, sizeof *clusters);
}

/* The Gram matrix becomes one of cosines, and the norms are kept. */
static void clusters_take_norms(dnmf_clusters *c, double *gram) {
  const int64_t all = (int64_t)c->runs * c->components;
  for (int64_t i = 0; i < all; i++)
    c->norm[i] = sqrt(gram[i * all + i]);
  for (int64_t i = 0; i < all; i++)
    for (int64_t j = 0; j < all; j++) {
      const double norms = c->norm[i] * c->norm[j];
      gram[i * all + j] = norms > 0 ? fmin(1, gram[i * all + j] / norms) : 0;
    }
}

/* cost[a * k + b] = - the sum of the cosines of the run's component a with the members of cluster b, over the length
 * of their sum: the cosine with the centre. */
static void clusters_cost(const dnmf_clusters *c, const double *cosines, const double *center, int run, double *cost) {
  const int k = c->components;
  const int64_t all = (int64_t)c->runs * k;
  for (int a = 0; a < k; a++) {
    const double *row = cosines + ((int64_t)run * k + a) * all;
    memset(cost + (int64_t)a * k, 0, (size_t)k * sizeof *cost);
    for (int64_t i = 0; i < all; i++)
      cost[(int64_t)a * k + c->cluster[i]] -= row[i];
    for (int b = 0; b < k; b++)
      cost[(int64_t)a * k + b] = center[b] > 0 ? cost[(int64_t)a * k + b] / center[b] : 0;
  }
}

/* The lengths of the sums of each cluster's unit vectors. */
static void clusters_centers(const dnmf_clusters *c, const double *cosines, double *center) {
  const int64_t all = (int64_t)c->runs * c->components;
  memset(center, 0, (size_t)c->components * sizeof *center);
  for (int64_t i = 0; i < all; i++)
    for (int64_t j = 0; j < all; j++)
      if (c->cluster[i] == c->cluster[j])
        center[c->cluster[i]] += cosines[i * all + j];
  for (int b = 0; b < c->components; b++)
    center[b] = sqrt(fmax(0, center[b]));
}

/* Every run's components to the best run's. */
static dnmf_status clusters_begin(dnmf_error *error, dnmf_clusters *c, const double *cosines, double *cost) {
  const int k = c->components;
  const int64_t all = (int64_t)c->runs * k;
  for (int r = 0; r < c->runs; r++) {
    for (int a = 0; a < k; a++)
      for (int b = 0; b < k; b++)
        cost[(int64_t)a * k + b] = -cosines[((int64_t)r * k + a) * all + (int64_t)c->best * k + b];
    DNMF_TRY(dnmf_assign(error, k, cost, c->cluster + (int64_t)r * k));
  }
  return DNMF_OK;
}

static dnmf_status clusters_iterate(dnmf_error *error, dnmf_clusters *c, const double *cosines, double *work) {
  enum { MOST_ROUNDS = 100 };
  const int k = c->components;
  double *center = work;
  double *cost = work + k;
  void *memory = NULL;
  DNMF_TRY(clusters_begin(error, c, cosines, cost));
  DNMF_TRY(dnmf_allocate(error, "clusters of components", (int64_t)c->runs * k, sizeof(int), &memory));
  int *moved = memory;
  dnmf_status status = DNMF_OK;
  bool changed = true;
  for (int round = 0; round < MOST_ROUNDS && changed && status == DNMF_OK; round++) {
    clusters_centers(c, cosines, center);
    for (int r = 0; r < c->runs && status == DNMF_OK; r++) {
      clusters_cost(c, cosines, center, r, cost);
      status = dnmf_assign(error, k, cost, moved + (int64_t)r * k);
    }
    const size_t bytes = (size_t)c->runs * (size_t)k * sizeof *moved;
    changed = status == DNMF_OK && memcmp(moved, c->cluster, bytes) != 0;
    if (changed)
      memcpy(c->cluster, moved, bytes);
  }
  free(moved);
  return status;
}

/* --- Silhouettes ------------------------------------------------------------------------------------------- */

/* Of component i; sums[b] is room for a number a cluster. */
static double silhouette_of(const dnmf_clusters *c, const double *cosines, int64_t i, double *sums) {
  const int64_t all = (int64_t)c->runs * c->components;
  const int own = c->cluster[i];
  double other = INFINITY;
  memset(sums, 0, (size_t)c->components * sizeof *sums);
  for (int64_t j = 0; j < all; j++)
    if (j != i)
      sums[c->cluster[j]] += 1 - cosines[i * all + j];
  for (int b = 0; b < c->components; b++)
    if (b != own)
      other = fmin(other, sums[b] / c->runs);
  const double within = sums[own] / (c->runs - 1);
  const double larger = fmax(within, other);
  return larger > 0 ? (other - within) / larger : 0;
}

static void clusters_silhouettes(dnmf_clusters *c, const double *cosines, double *sums) {
  const int k = c->components;
  const int64_t all = (int64_t)c->runs * k;
  const bool defined = c->runs > 1 && k > 1;
  c->silhouette_min = defined ? INFINITY : NAN;
  c->silhouette_mean = defined ? 0 : NAN;
  for (int b = 0; b < k; b++)
    c->silhouette[b] = defined ? 0 : NAN;
  for (int64_t i = 0; i < all && defined; i++)
    c->silhouette[c->cluster[i]] += silhouette_of(c, cosines, i, sums) / c->runs;
  for (int b = 0; b < k && defined; b++) {
    c->silhouette_min = fmin(c->silhouette_min, c->silhouette[b]);
    c->silhouette_mean += c->silhouette[b] / k;
  }
}

/* --- Outliers ---------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a;
  const double y = *(const double *)b;
  return (x > y) - (x < y);
}

/* `distances` is room for a number a component. */
static void clusters_outliers(dnmf_clusters *c, const double *cosines, double *distances) {
  const int64_t all = (int64_t)c->runs * c->components;
  const int wanted = (int)(0.3 * c->runs);
  const int neighbours = wanted > 1 ? wanted : 1;
  int64_t outliers = 0;
  for (int64_t i = 0; i < all; i++) {
    double mean = 0;
    for (int64_t j = 0; j < all; j++)
      distances[j] = j == i ? 0 : sqrt(fmax(0, 2 - 2 * cosines[i * all + j]));
    qsort(distances, (size_t)all, sizeof *distances, ascending);
    for (int n = 1; n <= neighbours && n < all; n++)
      mean += distances[n] / neighbours;
    c->outlying[i] = c->runs > 1 && mean >= DNMF_OUTLIER_DISTANCE;
    outliers += c->outlying[i];
    c->inlying[c->cluster[i]] += !c->outlying[i];
  }
  c->outliers = c->runs > 1 ? (double)outliers / (double)all : NAN;
}

/* All of it from the cosines. */
static dnmf_status clusters_settle(dnmf_error *error, dnmf_clusters *c, double *cosines) {
  const int64_t k = c->components;
  const int64_t all = c->runs * k;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "costs of an assignment", k + k * k + all, sizeof(double), &memory));
  clusters_take_norms(c, cosines);
  dnmf_status status = clusters_iterate(error, c, cosines, memory);
  if (status == DNMF_OK) {
    clusters_silhouettes(c, cosines, memory);
    clusters_outliers(c, cosines, memory);
  }
  free(memory);
  return status;
}

/* What process 0 has found. */
static dnmf_status clusters_share(dnmf_context *context, dnmf_clusters *c) {
  const int64_t all = (int64_t)c->runs * c->components;
  double figures[] = {c->silhouette_min, c->silhouette_mean, c->outliers};
  DNMF_TRY(dnmf_broadcast(context, c->norm, all * (int64_t)sizeof *c->norm, 0));
  DNMF_TRY(dnmf_broadcast(context, c->cluster, all * (int64_t)sizeof *c->cluster, 0));
  DNMF_TRY(dnmf_broadcast(context, c->outlying, all * (int64_t)sizeof *c->outlying, 0));
  DNMF_TRY(dnmf_broadcast(context, c->silhouette, c->components * (int64_t)sizeof *c->silhouette, 0));
  DNMF_TRY(dnmf_broadcast(context, c->inlying, c->components * (int64_t)sizeof *c->inlying, 0));
  DNMF_TRY(dnmf_broadcast(context, figures, (int64_t)sizeof figures, 0));
  c->silhouette_min = figures[0];
  c->silhouette_mean = figures[1];
  c->outliers = figures[2];
  return DNMF_OK;
}

dnmf_status dnmf_clusters_find(dnmf_context *context, int runs, int components, int best, const dnmf_panel *all,
                               dnmf_clusters *clusters) {
  const int64_t count = (int64_t)runs * components;
  void *memory = NULL;
  dnmf_status status = clusters_open(&context->error, runs, components, best, clusters);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "cosines of components", count * count, sizeof(double), &memory);
  if (status == DNMF_OK)
    status = dnmf_panel_gram(context, all, memory);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_sum_doubles(context, context->comm, memory, count * count);
  if (status == DNMF_OK)
    status = dnmf_agree(context, context->rank == 0 ? clusters_settle(&context->error, clusters, memory) : DNMF_OK);
  if (status == DNMF_OK)
    status = clusters_share(context, clusters);
  free(memory);
  return status;
}

/* --- Medians ----------------------------------------------------------------------------------------------- */

static double median_of(double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, ascending);
  return count % 2 ? values[count / 2] : 0.5 * (values[count / 2 - 1] + values[count / 2]);
}

/* The members of a cluster that count, as columns of `all`; returns how many. */
static int cluster_members(const dnmf_clusters *c, int cluster, int *members) {
  const int all = c->runs * c->components;
  int count = 0;
  for (int i = 0; i < all; i++)
    if (c->cluster[i] == cluster && !c->outlying[i] && c->norm[i] > 0)
      members[count++] = i;
  return count;
}

/* The best run's component in a cluster. */
static int cluster_best(const dnmf_clusters *c, int cluster) {
  int at = c->best * c->components;
  while (c->cluster[at] != cluster)
    at++;
  return at;
}

static void fill_medians(const dnmf_clusters *c, const dnmf_panel *all, int *members, double *values,
                         dnmf_panel *medians) {
  for (int b = 0; b < c->components; b++) {
    const int count = cluster_members(c, b, members);
    for (int64_t row = 0; row < all->rows && count > 0; row++) {
      for (int m = 0; m < count; m++)
        values[m] = dnmf_panel_get(all, row, members[m]) / c->norm[members[m]];
      dnmf_panel_set(medians, row, b, median_of(values, count));
    }
  }
}

dnmf_status dnmf_clusters_median(dnmf_context *context, const dnmf_clusters *clusters, const dnmf_panel *all,
                                 dnmf_panel *medians) {
  const int k = clusters->components;
  void *members = NULL;
  void *values = NULL;
  void *sums = NULL;
  dnmf_error *error = &context->error;
  dnmf_status status = dnmf_allocate(error, "members of a cluster", clusters->runs * (int64_t)k, sizeof(int), &members);
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "members of a cluster", clusters->runs, sizeof(double), &values);
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "sums of components", k, sizeof(double), &sums);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    fill_medians(clusters, all, members, values, medians);
    dnmf_panel_sum_columns(medians, sums);
    status = dnmf_sum_doubles(context, context->comm, sums, k);
  }
  for (int b = 0; b < k && status == DNMF_OK; b++) {
    const int best = cluster_best(clusters, b);
    const double norm = clusters->norm[best];
    for (int64_t row = 0; row < all->rows && !(((double *)sums)[b] > 0) && norm > 0; row++)
      dnmf_panel_set(medians, row, b, dnmf_panel_get(all, row, best) / norm);
  }
  free(members);
  free(values);
  free(sums);
  return status;
}

/* --- The consensus matrix ---------------------------------------------------------------------------------- */

static int ascending_numbers(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a;
  const int64_t y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

int dnmf_consensus_sample(uint64_t seed, int64_t count, int64_t sample[DNMF_CONSENSUS_SAMPLE]) {
  const int taken = count < DNMF_CONSENSUS_SAMPLE ? (int)count : DNMF_CONSENSUS_SAMPLE;
  for (int s = 0; s < taken; s++)
    sample[s] = taken == count ? s : dnmf_random_permute(seed, DNMF_STREAM_SAMPLE, count, s);
  qsort(sample, (size_t)taken, sizeof *sample, ascending_numbers);
  return taken;
}

void dnmf_consensus_strongest(const dnmf_panel *mine, dnmf_range owned, const double *scale, int count,
                              const int64_t *sample, int64_t *strongest) {
  for (int s = 0; s < count; s++) {
    double largest = 0;
    strongest[s] = 0;
    for (int c = 0; sample[s] >= owned.begin && sample[s] < owned.end && c < mine->components; c++) {
      const double value = scale[c] * dnmf_panel_get(mine, sample[s] - owned.begin, c);
      if (value > largest) {
        largest = value;
        strongest[s] = c + 1;
      }
    }
  }
}

dnmf_status dnmf_consensus_cophenetic(dnmf_error *error, int runs, int count, const int64_t *strongest,
                                      double *correlation) {
  void *memory = NULL;
  *correlation = NAN;
  DNMF_TRY(dnmf_allocate_zero(error, "a consensus matrix", (int64_t)count * count, sizeof(double), &memory));
  double *distance = memory;
  for (int64_t i = 0; i < count; i++)
    for (int64_t j = i + 1; j < count; j++) {
      int apart = 0;
      for (int64_t r = 0; r < runs; r++)
        apart += strongest[r * count + i] != strongest[r * count + j];
      distance[i * count + j] = distance[j * count + i] = (double)apart / runs;
    }
  dnmf_status status = dnmf_cophenetic(error, count, distance, correlation);
  free(memory);
  return status;
}
