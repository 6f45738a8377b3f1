/*
 * What the values of a generated matrix are: from the traits of a row and of a column, and noise.
 *
 * The traits are the components of a planted factor and, for ratings, a bias after them.
 */
#ifndef DNMF_RECIPE_H
#define DNMF_RECIPE_H

#include "matrix/generate.h"

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
