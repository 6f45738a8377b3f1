/*
 * Small factorizations for the tests of the loop: a matrix every process knows whole, its fit on a grid, and
 * the factors gathered whole again.
 */
#ifndef DNMF_TEST_FIT_PROBLEM_H
#define DNMF_TEST_FIT_PROBLEM_H

#include "base/random.h"
#include "comm/collective.h"
#include "fit/zeros_fit.h"
#include "grids.h"
#include "init/start.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_SIDE = 32, MOST_COMPONENTS = 8, START_SEED = 11 };

/* A, about half of it zeros; row-major. Values are exact in both precisions. */
typedef struct whole {
  int64_t rows;
  int64_t cols;
  double value[MOST_SIDE * MOST_SIDE];
} whole;

static inline whole whole_matrix(int64_t rows, int64_t cols) {
  whole a = {.rows = rows, .cols = cols};
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < cols; j++) {
      double x = dnmf_random_uniform(3, DNMF_STREAM_VALUES, (uint64_t)i, (uint64_t)j);
      a.value[i * cols + j] = x < 0.5 ? 0 : floor(x * 64) / 8;
    }
  return a;
}

/* A fit on a grid, with what it needs. */
typedef struct problem {
  dnmf_layout layout;
  dnmf_matrix a;
  dnmf_factor w;
  dnmf_factor h;
  dnmf_fit_result result;
} problem;

static inline dnmf_settings fit_options(dnmf_solver solver, int components, int iterations) {
  return (dnmf_settings){.components = components,
                         .solver = solver,
                         .stop = DNMF_STOP_GRADIENT,
                         .max_iterations = iterations,
                         .time_limit = INFINITY};
}

/* This process's block of `a`, and the factors at their random start. */
static inline void problem_create(const dnmf_grid *grid, const whole *a, bool sparse, dnmf_precision precision,
                                  int components, problem *p) {
  dnmf_context *context = test_context();
  *p = (problem){0};
  assert_ok(dnmf_layout_even(&context->error, grid, a->rows, a->cols, &p->layout));
  dnmf_entries entries = {.items = malloc((size_t)(a->rows * a->cols) * sizeof(dnmf_entry))};
  assert_non_null(entries.items);
  for (int64_t place = 0; place < a->rows * a->cols; place++)
    if (place % context->size == context->rank && (!sparse || a->value[place] > 0))
      entries.items[entries.count++] = (dnmf_entry){place / a->cols, place % a->cols, a->value[place]};
  assert_ok(dnmf_matrix_from_entries(context, &p->layout, precision, sparse, DNMF_DUPLICATES_ERROR, &entries, &p->a));
  assert_ok(dnmf_matrix_finish(context, &p->layout, &p->a));
  assert_ok(dnmf_factor_create_w(context, &p->layout, components, precision, &p->w));
  assert_ok(dnmf_factor_create_h(context, &p->layout, components, precision, &p->h));
  dnmf_start_random(&p->a, START_SEED, &p->w, &p->h);
}

static inline void problem_fit(problem *p, const dnmf_settings *options) {
  dnmf_fit_result_free(&p->result);
  assert_ok(dnmf_fit_zeros(test_context(), options, &p->a, &p->w, &p->h, &p->result));
}

static inline void problem_free(problem *p) {
  dnmf_fit_result_free(&p->result);
  dnmf_factor_free(&p->w);
  dnmf_factor_free(&p->h);
  dnmf_matrix_free(&p->a);
  dnmf_layout_free(&p->layout);
}

/* All rows of a factor on every process, row-major. */
static inline void whole_factor(const dnmf_factor *x, double *all) {
  dnmf_context *context = test_context();
  for (int64_t i = 0; i < x->rows * x->components; i++)
    all[i] = 0;
  for (int64_t row = 0; row < x->mine.rows; row++)
    for (int c = 0; c < x->components; c++)
      all[(x->owned.begin + row) * x->components + c] = dnmf_panel_get(&x->mine, row, c);
  assert_ok(dnmf_sum_doubles(context, context->comm, all, x->rows * x->components));
}

/* Factors as every process sees them: W is rows x k, H transposed, cols x k. */
typedef struct factors {
  int k;
  double w[MOST_SIDE * MOST_COMPONENTS];
  double h[MOST_SIDE * MOST_COMPONENTS];
} factors;

static inline void whole_factors(const problem *p, factors *f) {
  f->k = p->w.components;
  whole_factor(&p->w, f->w);
  whole_factor(&p->h, f->h);
}

/* 1/2 |A - W H|^2 + penalties, entry by entry. */
static inline double dense_objective(const whole *a, const factors *f, double l1_w, double l1_h, double l2_w,
                                     double l2_h) {
  double sum = 0;
  for (int64_t i = 0; i < a->rows; i++)
    for (int64_t j = 0; j < a->cols; j++) {
      double difference = a->value[i * a->cols + j];
      for (int c = 0; c < f->k; c++)
        difference -= f->w[i * f->k + c] * f->h[j * f->k + c];
      sum += 0.5 * difference * difference;
    }
  for (int64_t i = 0; i < a->rows * f->k; i++)
    sum += l1_w * f->w[i] + 0.5 * l2_w * f->w[i] * f->w[i];
  for (int64_t j = 0; j < a->cols * f->k; j++)
    sum += l1_h * f->h[j] + 0.5 * l2_h * f->h[j] * f->h[j];
  return sum;
}

static inline double relative_difference(double x, double y) {
  double scale = fabs(x) > fabs(y) ? fabs(x) : fabs(y);
  return scale > 0 ? fabs(x - y) / scale : 0;
}

#endif
