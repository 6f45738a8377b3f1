#include "recipe.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>

/* Ratings as shares of the scale's span: the middle of the ratings, the spread of row and of column biases,
 * and the weight of the factors' product. On the scale 0.5 to 5 they are 3, 0.35, 0.45 and 1.6. */
static const double middle_share = 0.555;
static const double row_bias_share = 0.08;
static const double col_bias_share = 0.1;
static const double product_share = 0.36;

static void make_planted(const dnmf_recipe *recipe, dnmf_stream stream, int64_t index, double *traits) {
  for (int c = 0; c < recipe->traits; c++)
    traits[c] = dnmf_random_uniform(recipe->options->seed, stream, (uint64_t)index, (uint64_t)c);
}

/* A factor row of length 1 with most components near 0: squared normals, that is a gamma distribution of shape
 * 1/2, so that the product of two such rows has mean near 1/3. Then a normal bias. */
static void make_taste(const dnmf_recipe *recipe, dnmf_stream stream, int64_t index, double *traits) {
  int k = recipe->options->components;
  double squares = 0;
  for (int c = 0; c <= k; c++)
    traits[c] = dnmf_random_normal(recipe->options->seed, stream, (uint64_t)index, (uint64_t)c);
  for (int c = 0; c < k; c++) {
    traits[c] *= traits[c];
    squares += traits[c] * traits[c];
  }
  for (int c = 0; c < k; c++)
    traits[c] /= sqrt(squares);
}

static dnmf_status make_traits(dnmf_error *error, const dnmf_recipe *recipe, dnmf_stream stream, dnmf_range range,
                               double **traits) {
  int64_t count = dnmf_range_size(range) * recipe->traits;
  DNMF_TRY(dnmf_allocate(error, "planted factors", count, sizeof(double), (void **)traits));
  for (int64_t index = range.begin; recipe->traits > 0 && index < range.end; index++) {
    double *mine = *traits + (index - range.begin) * recipe->traits;
    if (recipe->options->kind == DNMF_GENERATE_PLANTED)
      make_planted(recipe, stream, index, mine);
    else
      make_taste(recipe, stream, index, mine);
  }
  return DNMF_OK;
}

dnmf_status dnmf_recipe_create(dnmf_error *error, const dnmf_generate_options *options, dnmf_range rows,
                               dnmf_range cols, dnmf_recipe *recipe) {
  *recipe = (dnmf_recipe){.options = options, .rows = rows, .cols = cols};
  double k = options->components;
  if (options->kind == DNMF_GENERATE_PLANTED) {
    recipe->traits = options->components;
    /* Relative to the root mean square of a sum of k products of two uniform numbers. */
    recipe->noise = options->noise * sqrt(k / 9 + k * (k - 1) / 16);
  }
  if (options->kind == DNMF_GENERATE_RATINGS)
    recipe->traits = options->components + 1;
  DNMF_TRY(make_traits(error, recipe, DNMF_STREAM_PLANTED_W, rows, &recipe->row_traits));
  return make_traits(error, recipe, DNMF_STREAM_PLANTED_H, cols, &recipe->col_traits);
}

void dnmf_recipe_free(dnmf_recipe *recipe) {
  free(recipe->row_traits);
  free(recipe->col_traits);
  *recipe = (dnmf_recipe){0};
}

static double rating(const dnmf_generate_options *options, double product, double row_bias, double col_bias,
                     double noise) {
  double share = middle_share + row_bias_share * row_bias + col_bias_share * col_bias +
                 product_share * (product - 1.0 / 3) + options->noise * noise;
  double steps = round((options->scale_max - options->scale_min) / options->scale_step);
  return options->scale_min + options->scale_step * fmin(steps, fmax(0, round(share * steps)));
}

double dnmf_recipe_value(const dnmf_recipe *recipe, int64_t row, int64_t col) {
  const dnmf_generate_options *options = recipe->options;
  if (options->kind == DNMF_GENERATE_UNIFORM)
    return dnmf_random_uniform(options->seed, DNMF_STREAM_VALUES, (uint64_t)row, (uint64_t)col);
  const double *w = recipe->row_traits + (row - recipe->rows.begin) * recipe->traits;
  const double *h = recipe->col_traits + (col - recipe->cols.begin) * recipe->traits;
  int k = options->components;
  double product = 0;
  for (int c = 0; c < k; c++)
    product += w[c] * h[c];
  double noise = 0;
  if (options->noise > 0)
    noise = dnmf_random_normal(options->seed, DNMF_STREAM_NOISE, (uint64_t)row, (uint64_t)col);
  if (options->kind == DNMF_GENERATE_PLANTED)
    return fmax(0, product + recipe->noise * noise);
  return rating(options, product, w[k], h[k], noise);
}
