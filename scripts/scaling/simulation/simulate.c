/*
 * A fit on simulated processes: the loop and the communication layer run as they are, on SimGrid's MPI (SMPI), and
 * their local work lasts as long as the machine's measured rates say, without being done.
 *
 *   smpirun ... simulate zeros ROWS COLS COMPONENTS GRID_ROWS GRID_COLS ITERATIONS PRODUCT TRANSPOSED GRAM UPDATE
 *   smpirun ... simulate ratings SAMPLE COMPONENTS ITERATIONS OBSERVED
 *
 * The last numbers are rates of local work (local_work.h); SAMPLE is a file (sample.h). Prints one JSON object: of an
 * iteration the seconds, and words and messages as the loop counts them; `sent_words` are those of the whole job that
 * went through the simulated network in messages of messages.h.
 */
#include "local_work.h"
#include "messages.h"
#include "sample.h"

#include "factor/factor.h"
#include "fit/observed_fit.h"
#include "fit/zeros_fit.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the command line asks for. */
typedef struct job {
  const char *sample; /* of ratings; NULL: zeros */
  int64_t rows;
  int64_t cols;
  int components;
  int grid_rows;
  int grid_cols;
  int iterations;
  core_rates rates;
} job;

static bool job_parse_zeros(int argc, char **argv, job *j) {
  if (argc != 12)
    return false;
  j->rows = strtoll(argv[2], NULL, 10);
  j->cols = strtoll(argv[3], NULL, 10);
  j->components = atoi(argv[4]);
  j->grid_rows = atoi(argv[5]);
  j->grid_cols = atoi(argv[6]);
  j->iterations = atoi(argv[7]);
  j->rates = (core_rates){atof(argv[8]), atof(argv[9]), atof(argv[10]), atof(argv[11]), 1};
  return j->rows > 0 && j->cols > 0;
}

static bool job_parse_ratings(int argc, char **argv, job *j) {
  if (argc != 6)
    return false;
  j->sample = argv[2];
  j->components = atoi(argv[3]);
  j->iterations = atoi(argv[4]);
  j->rates = (core_rates){1, 1, 1, 1, atof(argv[5])};
  return true;
}

static bool job_parse(int argc, char **argv, int processes, job *j) {
  bool understood = false;
  if (argc > 1 && strcmp(argv[1], "zeros") == 0)
    understood = job_parse_zeros(argc, argv, j) && (int64_t)j->grid_rows * j->grid_cols == processes;
  if (argc > 1 && strcmp(argv[1], "ratings") == 0) {
    understood = job_parse_ratings(argc, argv, j);
    j->grid_rows = processes;
    j->grid_cols = 1;
  }
  const core_rates *r = &j->rates;
  return understood && processes <= MOST_PROCESSES && j->components > 0 && j->iterations > 0 && r->product > 0 &&
         r->transposed > 0 && r->gram > 0 && r->update > 0 && r->observed > 0;
}

static dnmf_settings job_settings(const job *j) {
  return (dnmf_settings){
      .components = j->components, .stop = DNMF_STOP_GRADIENT, .max_iterations = j->iterations, .time_limit = INFINITY};
}

static dnmf_status fit_zeros(dnmf_context *context, const job *j, dnmf_fit_result *result) {
  const int64_t rows = j->rows / j->grid_rows + 1;
  const int64_t cols = j->cols / j->grid_cols + 1;
  const int64_t numbers = (rows > cols ? rows : cols) * j->components;
  const int64_t sums = (int64_t)j->components * j->components + 64;
  dnmf_grid grid;
  dnmf_layout layout;
  dnmf_factor w;
  dnmf_factor h;
  DNMF_TRY(local_work_prepare(&context->error, j->rates, numbers));
  DNMF_TRY(messages_prepare(&context->error, 8 * (numbers > sums ? numbers : sums)));
  DNMF_TRY(dnmf_grid_create(context, j->grid_rows, j->grid_cols, &grid));
  DNMF_TRY(dnmf_layout_even(&context->error, &grid, j->rows, j->cols, &layout));
  DNMF_TRY(dnmf_factor_create_w(context, &layout, j->components, DNMF_DOUBLE, &w));
  DNMF_TRY(dnmf_factor_create_h(context, &layout, j->components, DNMF_DOUBLE, &h));
  const dnmf_matrix a = {.rows = j->rows, .cols = j->cols, .precision = DNMF_DOUBLE, .sum_squares = 1};
  const dnmf_settings settings = job_settings(j);
  DNMF_TRY(dnmf_fit_zeros(context, &settings, &a, &w, &h, result));
  dnmf_factor_free(&h);
  dnmf_factor_free(&w);
  dnmf_layout_free(&layout);
  dnmf_grid_free(&grid);
  return DNMF_OK;
}

/* By default a fit of ratings has biases and pulls rows towards a level. */
static dnmf_status fit_ratings(dnmf_context *context, job *j, dnmf_fit_result *result) {
  dnmf_ratings ratings;
  dnmf_panel w;
  dnmf_panel h;
  DNMF_TRY(sample_ratings(context, j->sample, &ratings));
  j->rows = ratings.rows;
  j->cols = ratings.cols;
  const int64_t numbers = (sample_most_rows() + 64) * (j->components + 1);
  DNMF_TRY(local_work_prepare(&context->error, j->rates, numbers));
  DNMF_TRY(messages_prepare(&context->error, 8 * numbers));
  DNMF_TRY(dnmf_panel_create(&context->error, "W", dnmf_range_size(ratings.by_rows.owned), j->components + 1,
                             DNMF_DOUBLE, &w));
  DNMF_TRY(dnmf_panel_create(&context->error, "H", dnmf_range_size(ratings.by_cols.owned), j->components + 1,
                             DNMF_DOUBLE, &h));
  dnmf_settings settings = job_settings(j);
  settings.penalties = (dnmf_penalties){.l2_w = 0.1, .l2_h = 0.1, .scale = DNMF_PENALTY_COUNT, .count_power = 0.5};
  settings.observed =
      (dnmf_observed_settings){.bias_rows = true, .bias_cols = true, .l2_bias = 3, .around_level = true};
  DNMF_TRY(dnmf_fit_observed(context, &settings, &ratings, NULL, &w, &h, NULL, result));
  sample_free(&ratings);
  return DNMF_OK;
}

static void print(const job *j, int processes, double sent_words, const dnmf_fit_result *result) {
  const double n = result->iterations;
  const dnmf_fit_seconds *s = &result->seconds;
  const dnmf_traffic *t = &result->traffic;
  printf("{\"processes\": %d, \"grid\": \"%dx%d\", \"rows\": %" PRId64 ", \"cols\": %" PRId64
         ", \"components\": %d, \"iterations\": %d, \"seconds\": %.9g, \"product\": %.9g, \"gram\": %.9g, "
         "\"update\": %.9g, \"exchange\": %.9g, \"gather_words\": %.17g, \"words\": %.17g, \"messages\": %.17g, "
         "\"sent_words\": %.17g}\n",
         processes, j->grid_rows, j->grid_cols, j->rows, j->cols, j->components, result->iterations, s->total / n,
         s->product / n, s->gram / n, s->update / n, s->exchange / n, t->gather_words / n,
         (t->gather_words + t->scatter_words + t->gram_words + t->control_words) / n, t->messages / n, sent_words);
}

int main(int argc, char **argv) {
  job j = {0};
  dnmf_fit_result result = {0};
  dnmf_context context = {.threads = 1, .message_limit = INT_MAX};
  MPI_Init(&argc, &argv);
  context.comm = MPI_COMM_WORLD;
  MPI_Comm_rank(context.comm, &context.rank);
  MPI_Comm_size(context.comm, &context.size);
  const bool understood = job_parse(argc, argv, context.size, &j);
  dnmf_status status = DNMF_ERROR_USAGE;
  if (understood)
    status = j.sample ? fit_ratings(&context, &j, &result) : fit_zeros(&context, &j, &result);
  if (context.rank == 0 && status == DNMF_OK)
    print(&j, context.size, messages_bytes() / sizeof(double), &result);
  if (context.rank == 0 && status != DNMF_OK)
    fprintf(stderr, "simulate: %s\n", understood ? context.error.text : "see the head of simulate.c for its arguments");
  dnmf_fit_result_free(&result);
  MPI_Finalize();
  return status != DNMF_OK;
}
