#include "pattern.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>

/*
 * Popularity falls with rank as (rank + head * count)^-exponent. The figures follow MovieLens 100K: the most
 * active user has about 7 times the mean number of ratings, the median one 0.6 times; items fall faster.
 */
typedef struct popularity {
  double head;
  double exponent;
} popularity;

static const popularity row_law = {0.03, 1.0};
static const popularity col_law = {0.01, 1.2};

static double weight_at(popularity law, int64_t count, double rank) {
  return pow((rank + 1) / (double)count + law.head, -law.exponent);
}

/* Ranks in classes of about 6% width, all of a class with the weight of its middle: enough to find the scale,
 * and no process has to walk all rows. */
enum { MOST_CLASSES = 1024 };

typedef struct rank_classes {
  int count;
  double size[MOST_CLASSES];
  double weight[MOST_CLASSES];
} rank_classes;

static void make_classes(popularity law, int64_t count, rank_classes *classes) {
  classes->count = 0;
  for (int64_t begin = 0; begin < count;) {
    int64_t size = 1 + begin / 16;
    size = size < count - begin ? size : count - begin;
    classes->size[classes->count] = (double)size;
    classes->weight[classes->count] = weight_at(law, count, (double)begin + 0.5 * (double)(size - 1));
    classes->count++;
    begin += size;
  }
}

static double expected_count(const rank_classes *rows, const rank_classes *cols, double scale) {
  double sum = 0;
  for (int i = 0; i < rows->count; i++)
    for (int j = 0; j < cols->count; j++)
      sum += rows->size[i] * cols->size[j] * fmin(1, scale * rows->weight[i] * cols->weight[j]);
  return sum;
}

/* The scale at which the expected number of values is density * rows * cols: bisection on its logarithm. */
static dnmf_status find_density_scale(dnmf_error *error, dnmf_pattern *pattern, double density) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "popularity classes", 2, sizeof(rank_classes), &memory));
  rank_classes *classes = memory;
  make_classes(row_law, pattern->rows, &classes[0]);
  make_classes(col_law, pattern->cols, &classes[1]);
  double wanted = density * (double)pattern->rows * (double)pattern->cols;
  double low = -100;
  double high = 100;
  for (int step = 0; step < 50; step++) {
    double middle = 0.5 * (low + high);
    if (expected_count(&classes[0], &classes[1], exp(middle)) < wanted)
      low = middle;
    else
      high = middle;
  }
  pattern->row_scale = exp(high);
  free(memory);
  return DNMF_OK;
}

static dnmf_status rank_columns(dnmf_error *error, dnmf_pattern *pattern) {
  int64_t cols = pattern->cols;
  DNMF_TRY(dnmf_allocate(error, "column popularity", cols, sizeof(double), (void **)&pattern->weights));
  DNMF_TRY(dnmf_allocate(error, "column ranks", cols, sizeof(int64_t), (void **)&pattern->col_ranks));
  for (int64_t rank = 0; rank < cols; rank++) {
    pattern->weights[rank] = weight_at(col_law, cols, (double)rank);
    pattern->col_ranks[rank] = dnmf_random_permute(pattern->seed, DNMF_STREAM_PERMUTE_COLS, cols, rank);
  }
  return DNMF_OK;
}

dnmf_status dnmf_pattern_create(dnmf_error *error, uint64_t seed, int64_t rows, int64_t cols, double density,
                                bool power_law, dnmf_pattern *pattern) {
  *pattern = (dnmf_pattern){.seed = seed, .rows = rows, .cols = cols, .density = density};
  pattern->power_law = power_law && density < 1;
  if (!pattern->power_law)
    return DNMF_OK;
  DNMF_TRY(rank_columns(error, pattern));
  return find_density_scale(error, pattern, density);
}

void dnmf_pattern_free(dnmf_pattern *pattern) {
  free(pattern->weights);
  free(pattern->col_ranks);
  *pattern = (dnmf_pattern){0};
}

static double probability(const dnmf_pattern_walk *walk) {
  if (!walk->pattern->power_law)
    return walk->row_weight;
  return fmin(1, walk->row_weight * walk->pattern->weights[walk->rank]);
}

static void set_bound(dnmf_pattern_walk *walk, double bound) {
  if (bound != walk->bound) {
    walk->bound = bound;
    walk->log_miss = log1p(-bound);
  }
}

static double draw(dnmf_pattern_walk *walk) {
  return dnmf_random_uniform(walk->pattern->seed, DNMF_STREAM_PATTERN, (uint64_t)walk->row, walk->draws++);
}

dnmf_pattern_walk dnmf_pattern_begin(const dnmf_pattern *pattern, int64_t row) {
  dnmf_pattern_walk walk = {.pattern = pattern, .row = row, .row_weight = pattern->density};
  if (pattern->power_law) {
    int64_t rank = dnmf_random_permute(pattern->seed, DNMF_STREAM_PERMUTE_ROWS, pattern->rows, row);
    walk.row_weight = pattern->row_scale * weight_at(row_law, pattern->rows, (double)rank);
  }
  set_bound(&walk, probability(&walk));
  return walk;
}

/* Passes over the ranks that a run of misses at probability `bound` skips; false when it ends the row. */
static bool skip(dnmf_pattern_walk *walk) {
  double ahead = (double)(walk->pattern->cols - walk->rank);
  double misses = walk->bound < 1 ? floor(log(draw(walk)) / walk->log_miss) : 0;
  if (misses >= ahead)
    return false;
  walk->rank += (int64_t)misses;
  return true;
}

bool dnmf_pattern_next(dnmf_pattern_walk *walk, int64_t *col) {
  while (skip(walk)) {
    double wanted = probability(walk);
    bool hit = wanted == walk->bound || draw(walk) * walk->bound < wanted;
    *col = walk->pattern->power_law ? walk->pattern->col_ranks[walk->rank] : walk->rank;
    set_bound(walk, wanted);
    walk->rank++;
    if (hit)
      return true;
  }
  walk->rank = walk->pattern->cols;
  return false;
}
