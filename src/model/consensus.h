/*
 * What several runs of a fit with the same number of components agree on.
 *
 * Clusters: every run gives exactly one of its k components to each of k clusters (NMFk: Alexandrov et al. 2013). The
 * likeness of two components is the cosine of their columns of W, or rows of H; a cluster's centre is the mean of its
 * members' unit vectors, at first the component of the best run. Each run's components are assigned to the centres so
 * that the sum of cosines is largest, the centres follow, and so on until nothing changes.
 * Silhouettes: Rousseeuw 1987, by cosine distance; a cluster's is the mean of its members'.
 * Outliers: components whose mean Euclidean distance, as unit vectors, to their nearest 0.3 R neighbours among all
 * runs' is DNMF_OUTLIER_DISTANCE or more (cNMF: Kotliar et al. 2019).
 *
 * The components of R runs are R k columns of a factor that is distributed by rows: only their cosines, (R k) x (R k)
 * numbers, are summed over the processes.
 */
#ifndef DNMF_CONSENSUS_H
#define DNMF_CONSENSUS_H

#include "matrix/panel.h"

/* Of unit vectors; cNMF's own default. */
static const double DNMF_OUTLIER_DISTANCE = 0.5;

/* Component c of run r is number r * components + c of each list that has one for each. The same on every process. */
typedef struct dnmf_clusters {
  int runs;
  int components;
  int best;           /* run */
  double *norm;       /* of each component */
  int *cluster;       /* of each component */
  bool *outlying;     /* each component; with one run none is */
  double *silhouette; /* of each cluster; NaN where not defined: one run, or one component */
  int *inlying;       /* of each cluster: members that are no outliers */
  double silhouette_min;
  double silhouette_mean;
  double outliers; /* share of all components; NaN with one run */
} dnmf_clusters;

/* `all` has a row for each owned row of the factor and run after run the components as columns, of any length; a
 * component of zeros is like none. Released with dnmf_clusters_free, also after a failure. collective */
dnmf_status dnmf_clusters_find(dnmf_context *context, int runs, int components, int best, const dnmf_panel *all,
                               dnmf_clusters *clusters);
void dnmf_clusters_free(dnmf_clusters *clusters); /* local; accepts zeroed ones */

/* The medians of the unit vectors in each cluster that are no outliers; of a cluster that has none, or whose median is
 * zero, the best run's component. `medians` has the rows of `all` and a column a cluster. collective */
dnmf_status dnmf_clusters_median(dnmf_context *context, const dnmf_clusters *clusters, const dnmf_panel *all,
                                 dnmf_panel *medians);

/* Rows of the other factor (or columns) of which it is noted which component is strongest. */
enum { DNMF_CONSENSUS_SAMPLE = 1000 };

/* Their numbers, ascending: all of `count`, or DNMF_CONSENSUS_SAMPLE of them by hash of the seed. Returns how many.
 * local */
int dnmf_consensus_sample(uint64_t seed, int64_t count, int64_t sample[DNMF_CONSENSUS_SAMPLE]);

/* strongest[s] = 1 + the component with the largest entry in row sample[s] of a factor, its columns taken times
 * `scale`, or 0 of a row of zeros; of rows outside `owned` 0. `mine` has the owned rows. local */
void dnmf_consensus_strongest(const dnmf_panel *mine, dnmf_range owned, const double *scale, int count,
                              const int64_t *sample, int64_t *strongest);

/* The cophenetic correlation of the consensus matrix (Brunet et al. 2004): how often two of `count` sampled rows have
 * the same strongest component, over the runs. strongest[r * count + s] of run r. NaN where it is not defined: one
 * component has them all. local */
dnmf_status dnmf_consensus_cophenetic(dnmf_error *error, int runs, int count, const int64_t *strongest,
                                      double *correlation);

#endif
