/* Metrics, a row at a time; every figure is a quotient of sums. */
#include "model/metrics.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <math.h>
#include <stdlib.h>

/* Highest score first, equal ones by place. */
static int by_score(const void *left, const void *right) {
  const dnmf_scored_entry *a = left;
  const dnmf_scored_entry *b = right;
  if (a->score != b->score)
    return a->score > b->score ? -1 : 1;
  return (a->place > b->place) - (a->place < b->place);
}

static int descending(const void *left, const void *right) {
  double a = *(const double *)left;
  double b = *(const double *)right;
  return (a < b) - (a > b);
}

/* The end of the group of equal scores that begins at `at`. */
static int64_t group_end(int64_t count, const dnmf_scored_entry *sorted, int64_t at) {
  int64_t end = at + 1;
  while (end < count && sorted[end].score == sorted[at].score)
    end++;
  return end;
}

static void add_errors(int64_t count, const dnmf_scored_entry *entries, dnmf_metrics *m) {
  for (int64_t i = 0; i < count; i++) {
    double error = entries[i].prediction - entries[i].value;
    m->squares += error * error;
    m->absolutes += fabs(error);
  }
  m->entries += (double)count;
}

/* Precision, recall and hits among the first n. */
static void add_first(const dnmf_metrics_options *ranking, int64_t count, const dnmf_scored_entry *sorted,
                      double relevant, dnmf_metrics *m) {
  for (int c = 0; c < ranking->cut_count; c++) {
    int64_t shown = ranking->cuts[c] < count ? ranking->cuts[c] : count;
    double found = 0;
    for (int64_t i = 0; i < shown; i++)
      found += sorted[i].value >= ranking->relevant;
    m->precision[c] += found / (double)shown;
    m->recall[c] += relevant > 0 ? found / relevant : 0;
    m->hits[c] += found > 0;
  }
}

/* The sum over groups of equal scores of precision times the recall gained. */
static double average_precision(const dnmf_metrics_options *ranking, int64_t count, const dnmf_scored_entry *sorted,
                                double relevant) {
  double sum = 0;
  double found = 0;
  for (int64_t at = 0; at < count;) {
    int64_t end = group_end(count, sorted, at);
    double gained = 0;
    for (; at < end; at++)
      gained += sorted[at].value >= ranking->relevant;
    found += gained;
    sum += found / (double)end * gained / relevant;
  }
  return sum;
}

static double discount(int64_t place) {
  return 1 / log2((double)place + 2);
}

/* sum over the first n of value * discount, equal scores each taking the mean of their values. */
static double discounted_gain(int64_t n, int64_t count, const dnmf_scored_entry *sorted) {
  double sum = 0;
  for (int64_t at = 0; at < count && at < n;) {
    int64_t end = group_end(count, sorted, at);
    double values = 0;
    double discounts = 0;
    for (int64_t i = at; i < end; i++) {
      values += sorted[i].value;
      discounts += i < n ? discount(i) : 0;
    }
    sum += values / (double)(end - at) * discounts;
    at = end;
  }
  return sum;
}

/* `values` is scratch for `count` numbers. A row whose values are all 0 has NDCG 0. */
static void add_ndcg(const dnmf_metrics_options *ranking, int64_t count, const dnmf_scored_entry *sorted,
                     double *values, dnmf_metrics *m) {
  for (int64_t i = 0; i < count; i++)
    values[i] = sorted[i].value;
  qsort(values, (size_t)count, sizeof *values, descending);
  for (int c = 0; c < ranking->cut_count; c++) {
    double ideal = 0;
    for (int64_t i = 0; i < count && i < ranking->cuts[c]; i++)
      ideal += values[i] * discount(i);
    m->ndcg[c] += ideal > 0 ? discounted_gain(ranking->cuts[c], count, sorted) / ideal : 0;
  }
}

/* Merges two runs sorted upwards and counts the pairs (a of the first, b of the second) with a < b. */
static double merge(const double *first, int64_t first_count, const double *second, int64_t second_count,
                    double *merged) {
  double pairs = 0;
  int64_t i = 0;
  for (int64_t j = 0; j < second_count; j++) {
    while (i < first_count && first[i] < second[j])
      *merged++ = first[i++];
    pairs += (double)i;
    *merged++ = second[j];
  }
  while (i < first_count)
    *merged++ = first[i++];
  return pairs;
}

/* Sorts `values` upwards, in either of the two arrays, and counts the pairs that already were in that order. */
static double count_ascents(int64_t count, double **values, double **scratch) {
  double pairs = 0;
  for (int64_t width = 1; width < count; width *= 2) {
    for (int64_t at = 0; at < count; at += 2 * width) {
      int64_t middle = at + width < count ? at + width : count;
      int64_t end = middle + width < count ? middle + width : count;
      pairs += merge(*values + at, middle - at, *values + middle, end - middle, *scratch + at);
    }
    double *swap = *values;
    *values = *scratch;
    *scratch = swap;
  }
  return pairs;
}

/* Concordant and discordant pairs in n log n: walking scores upwards, and equal ones with values downwards, a pair is
 * concordant when the value goes up. Any other pair of different values is discordant. `values` is scratch for
 * 2 count numbers. */
static void add_pairs(int64_t count, const dnmf_scored_entry *sorted, double *values, dnmf_metrics *m) {
  double *upwards = values;
  double *scratch = values + count;
  for (int64_t at = 0; at < count;) {
    int64_t end = group_end(count, sorted, at);
    double *group = upwards + (count - end);
    for (int64_t i = at; i < end; i++)
      group[i - at] = sorted[i].value;
    qsort(group, (size_t)(end - at), sizeof *group, descending);
    at = end;
  }
  double concordant = count_ascents(count, &upwards, &scratch);
  double different = (double)count * (double)(count - 1) / 2;
  for (int64_t at = 0, end = 0; at < count; at = end) {
    while (end < count && upwards[end] == upwards[at])
      end++;
    different -= (double)(end - at) * (double)(end - at - 1) / 2;
  }
  m->concordant += concordant;
  m->concordant_rows += concordant > 0;
  m->discordant += different - concordant;
  m->discordant_rows += different > concordant;
}

dnmf_status dnmf_metrics_add_row(dnmf_error *error, const dnmf_metrics_options *ranking, int64_t count,
                                 dnmf_scored_entry *entries, dnmf_metrics *metrics) {
  void *scratch = NULL;
  if (count == 0)
    return DNMF_OK;
  DNMF_TRY(dnmf_allocate(error, "values of a row", 2 * count, sizeof(double), &scratch));
  double relevant = 0;
  for (int64_t i = 0; i < count; i++)
    relevant += entries[i].value >= ranking->relevant;
  qsort(entries, (size_t)count, sizeof *entries, by_score);
  metrics->rows++;
  add_errors(count, entries, metrics);
  add_first(ranking, count, entries, relevant, metrics);
  if (relevant > 0) {
    metrics->relevant_rows++;
    metrics->average_precision += average_precision(ranking, count, entries, relevant);
  }
  if (count > 1) {
    metrics->longer_rows++;
    add_ndcg(ranking, count, entries, scratch, metrics);
    add_pairs(count, entries, scratch, metrics);
  }
  free(scratch);
  return DNMF_OK;
}

dnmf_status dnmf_metrics_share(dnmf_context *context, dnmf_metrics *metrics) {
  /* The struct is an array of doubles and nothing else. */
  return dnmf_sum_doubles(context, context->comm, (double *)metrics, (int64_t)(sizeof *metrics / sizeof(double)));
}

static double mean(double sum, double count) {
  return count > 0 ? sum / count : NAN;
}

double dnmf_metrics_rmse(const dnmf_metrics *metrics) {
  return sqrt(mean(metrics->squares, metrics->entries));
}

double dnmf_metrics_mae(const dnmf_metrics *metrics) {
  return mean(metrics->absolutes, metrics->entries);
}

double dnmf_metrics_precision(const dnmf_metrics *metrics, int cut) {
  return mean(metrics->precision[cut], metrics->rows);
}

double dnmf_metrics_recall(const dnmf_metrics *metrics, int cut) {
  return mean(metrics->recall[cut], metrics->relevant_rows);
}

double dnmf_metrics_hit_rate(const dnmf_metrics *metrics, int cut) {
  return mean(metrics->hits[cut], metrics->relevant_rows);
}

double dnmf_metrics_ndcg(const dnmf_metrics *metrics, int cut) {
  return mean(metrics->ndcg[cut], metrics->longer_rows);
}

double dnmf_metrics_map(const dnmf_metrics *metrics) {
  return mean(metrics->average_precision, metrics->relevant_rows);
}

double dnmf_metrics_fcp(const dnmf_metrics *metrics) {
  double concordant = metrics->concordant_rows > 0 ? metrics->concordant / metrics->concordant_rows : 0;
  double discordant = metrics->discordant_rows > 0 ? metrics->discordant / metrics->discordant_rows : 0;
  return mean(concordant, concordant + discordant);
}
