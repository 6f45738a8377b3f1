#include "matrix/generate.h"

#include "base/team.h"
#include "pattern.h"
#include "recipe.h"

#include <math.h>

static const char *const kind_names[DNMF_GENERATE_KINDS] = {"uniform", "planted", "ratings"};

const char *dnmf_generate_kind_name(dnmf_generate_kind kind) {
  return kind_names[kind];
}

static bool is_scale(double min, double max, double step) {
  if (!(min >= 0 && step > 0))
    return false;
  double steps = (max - min) / step;
  return steps > 0.5 && steps < 1e6 && fabs(steps - round(steps)) < 1e-6;
}

static dnmf_status check_generate_options(dnmf_error *error, const dnmf_generate_options *options) {
  if (!(options->density > 0 && options->density <= 1))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "the density of a generated matrix must be above 0 and at most 1, not %g",
                     options->density);
  if (options->kind == DNMF_GENERATE_UNIFORM)
    return DNMF_OK;
  if (options->components < 1)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "a planted factorization needs at least 1 component, not %d",
                     options->components);
  if (!(options->noise >= 0 && isfinite(options->noise)))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "the noise of a generated matrix must be 0 or more, not %g",
                     options->noise);
  if (options->kind == DNMF_GENERATE_RATINGS && !is_scale(options->scale_min, options->scale_max, options->scale_step))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "the rating scale %g:%g:%g is not MIN:MAX:STEP with 0 <= MIN < MAX and a whole number of "
                     "steps between them; an example is 1:5:1",
                     options->scale_min, options->scale_max, options->scale_step);
  return DNMF_OK;
}

static void fill_dense_row(const dnmf_pattern *pattern, const dnmf_recipe *recipe, int64_t row, dnmf_matrix *matrix) {
  int64_t first = matrix->col_range.begin;
  int64_t width = dnmf_range_size(matrix->col_range);
  int64_t offset = (row - matrix->row_range.begin) * width - first;
  dnmf_pattern_walk walk = dnmf_pattern_begin(pattern, row);
  int64_t col = 0;
  while (dnmf_pattern_next(&walk, &col)) {
    if (col < first || col >= matrix->col_range.end)
      continue;
    double value = dnmf_recipe_value(recipe, row, col);
    if (matrix->precision == DNMF_DOUBLE)
      ((double *)matrix->dense)[offset + col] = value;
    else
      ((float *)matrix->dense)[offset + col] = (float)value;
  }
}

typedef struct dense_call {
  const dnmf_pattern *pattern;
  const dnmf_recipe *recipe;
  dnmf_matrix *matrix;
} dense_call;

static void fill_dense_rows(void *of_call, int64_t begin, int64_t end) {
  const dense_call *call = of_call;
  for (int64_t row = begin; row < end; row++)
    fill_dense_row(call->pattern, call->recipe, call->matrix->row_range.begin + row, call->matrix);
}

static dnmf_status generate_dense(dnmf_context *context, const dnmf_generate_options *options,
                                  const dnmf_pattern *pattern, const dnmf_layout *layout, dnmf_precision precision,
                                  dnmf_matrix *matrix) {
  DNMF_TRY(dnmf_matrix_allocate_dense(context, layout, precision, (dnmf_number)0, matrix));
  dnmf_range rows = matrix->row_range;
  dnmf_recipe recipe = {0};
  dnmf_status status = dnmf_recipe_create(&context->error, options, rows, matrix->col_range, &recipe);
  if (status == DNMF_OK) {
    const double numbers = (double)dnmf_range_size(rows) * (double)dnmf_range_size(matrix->col_range);
    dense_call call = {pattern, &recipe, matrix};
    dnmf_team_run(dnmf_team(context->threads, 10 * numbers), dnmf_range_size(rows), fill_dense_rows, &call);
  }
  dnmf_recipe_free(&recipe);
  return status;
}

/* The entries of an even share of the rows, wherever they will live. */
typedef struct entry_maker {
  const dnmf_pattern *pattern;
  dnmf_recipe recipe;
  dnmf_range rows;        /* still to be made, the first perhaps in part */
  dnmf_pattern_walk walk; /* along rows.begin */
  bool walking;
} entry_maker;

static dnmf_status next_entries(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  (void)error; /* nothing here fails */
  entry_maker *maker = state;
  *count = 0;
  while (maker->rows.begin < maker->rows.end) {
    int64_t row = maker->rows.begin;
    int64_t col = 0;
    if (!maker->walking)
      maker->walk = dnmf_pattern_begin(maker->pattern, row);
    maker->walking = true;
    while (*count < limit && dnmf_pattern_next(&maker->walk, &col))
      batch[(*count)++] = (dnmf_entry){row, col, dnmf_recipe_value(&maker->recipe, row, col)};
    if (*count == limit)
      return DNMF_OK;
    maker->walking = false;
    maker->rows.begin++;
  }
  return DNMF_OK;
}

static dnmf_status generate_sparse(dnmf_context *context, const dnmf_generate_options *options,
                                   const dnmf_pattern *pattern, const dnmf_layout *layout, dnmf_precision precision,
                                   dnmf_matrix *matrix) {
  dnmf_range rows = {0, layout->rows};
  dnmf_range cols = {0, layout->cols};
  entry_maker maker = {.pattern = pattern, .rows = dnmf_range_split(rows, context->size, context->rank)};
  dnmf_status status = dnmf_recipe_create(&context->error, options, maker.rows, cols, &maker.recipe);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status =
        dnmf_matrix_assemble(context, layout, precision, true, DNMF_DUPLICATES_ERROR, next_entries, &maker, matrix);
  dnmf_recipe_free(&maker.recipe);
  return status;
}

dnmf_status dnmf_generate(dnmf_context *context, const dnmf_generate_options *options, const dnmf_layout *layout,
                          dnmf_precision precision, dnmf_matrix *matrix) {
  *matrix = (dnmf_matrix){0};
  DNMF_TRY(dnmf_agree(context, check_generate_options(&context->error, options)));
  const double stored = options->sparse ? options->density * (double)layout->rows * (double)layout->cols : 0;
  DNMF_TRY(
      dnmf_matrix_check_memory(context, "the matrix", layout, options->sparse, false, (dnmf_number)precision, stored));
  dnmf_pattern pattern = {0};
  dnmf_status status = dnmf_pattern_create(&context->error, options->seed, layout->rows, layout->cols, options->density,
                                           options->kind == DNMF_GENERATE_RATINGS, &pattern);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK && options->sparse)
    status = generate_sparse(context, options, &pattern, layout, precision, matrix);
  else if (status == DNMF_OK)
    status = dnmf_agree(context, generate_dense(context, options, &pattern, layout, precision, matrix));
  dnmf_pattern_free(&pattern);
  if (status == DNMF_OK)
    status = dnmf_matrix_finish(context, layout, matrix);
  return status;
}
