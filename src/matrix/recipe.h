/*
 * What a generated matrix is, as generate.h has it, and what its values are: from the traits of a row and of a column,
 * and noise.
 *
 * The traits are the components of a planted factor and, for ratings, a bias after them.
 */
#ifndef DNMF_RECIPE_H
#define DNMF_RECIPE_H

#include "base/range.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum dnmf_generate_kind {
  DNMF_GENERATE_UNIFORM = 0,
  DNMF_GENERATE_PLANTED,
  DNMF_GENERATE_RATINGS,
  DNMF_GENERATE_KINDS
} dnmf_generate_kind;

typedef struct dnmf_generate_options {
  dnmf_generate_kind kind;
  bool sparse;       /* storage: places without a value are not stored */
  double density;    /* expected share of places with a value, in (0, 1]; 1: all of them */
  int components;    /* planted and ratings: components of the factors, at least 1 */
  double noise;      /* planted: its norm relative to W H's; ratings: its deviation as a share of the scale */
  double scale_min;  /* ratings: smallest value, not negative */
  double scale_max;  /* ratings: largest value, a whole number of steps above */
  double scale_step; /* ratings: positive */
  uint64_t seed;
} dnmf_generate_options;

typedef struct dnmf_recipe {
  const dnmf_generate_options *options; /* not owned */
  int traits;                           /* numbers a row or column; 0 for uniform values */
  double noise;                         /* standard deviation of a planted matrix's noise */
  dnmf_range rows;                      /* made here */
  dnmf_range cols;
  double *row_traits; /* size(rows) x traits */
  double *col_traits; /* size(cols) x traits */
} dnmf_recipe;

/* Released with dnmf_recipe_free, also after a failure. local */
dnmf_status dnmf_recipe_create(dnmf_error *error, const dnmf_generate_options *options, dnmf_range rows,
                               dnmf_range cols, dnmf_recipe *recipe);
void dnmf_recipe_free(dnmf_recipe *recipe);

/* The value at a place inside rows x cols. local */
double dnmf_recipe_value(const dnmf_recipe *recipe, int64_t row, int64_t col);

#endif
