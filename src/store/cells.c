/* Cells without a value: the rule, and arrays and sparse groups under it. */
#include "store/cells.h"

#include "comm/collective.h"
#include "store/select.h"
#include "store/text/text_number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

dnmf_status dnmf_cells_settle(dnmf_context *context, int64_t missing, dnmf_source *source) {
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &missing, 1));
  if (missing == 0)
    return DNMF_OK;
  source->has_missing = true;
  source->missing = DNMF_MISSING_UNOBSERVED;
  if (!source->sparse)
    source->stored -= missing;
  source->sparse = true;
  source->narrow = 0;
  return DNMF_OK;
}

/* A dense matrix that is held by whole rows, walked through cell by cell. */
typedef struct cell_walk {
  const dnmf_matrix *matrix;
  bool zeros;  /* are cells to hand over; cells without a value, NaN, never are where they are */
  int64_t row; /* local */
  int64_t col;
} cell_walk;

static dnmf_status next_cells(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  (void)error; /* nothing here fails */
  cell_walk *walk = state;
  const dnmf_matrix *a = walk->matrix;
  for (*count = 0; *count < limit && walk->row < dnmf_range_size(a->row_range);) {
    double value = ((const double *)a->dense)[walk->row * a->cols + walk->col];
    if (walk->zeros ? !isnan(value) : value != 0)
      batch[(*count)++] = (dnmf_entry){a->row_range.begin + walk->row, walk->col, value};
    if (++walk->col == a->cols) {
      walk->col = 0;
      walk->row++;
    }
  }
  return DNMF_OK;
}

static dnmf_status load_cells(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout,
                              dnmf_precision precision, dnmf_matrix *matrix) {
  dnmf_matrix *held = source->state;
  cell_walk walk = {.matrix = held, .zeros = source->has_missing};
  dnmf_status status = dnmf_load_entries(context, source, layout, precision, next_cells, &walk, matrix);
  dnmf_matrix_free(held);
  return status;
}

/* Marks become NaN, what is left is shifted; returns how many cells have no value. */
static int64_t apply_to_block(const dnmf_cell_rule *rule, dnmf_matrix *block) {
  int64_t missing = 0;
  double *values = block->dense;
  int64_t count = dnmf_range_size(block->row_range) * block->cols;
  for (int64_t i = 0; i < count; i++)
    if (dnmf_cell_is_missing(rule, &values[i])) {
      values[i] = NAN;
      missing++;
    }
  return missing;
}

/* Nothing is to be done where the only rule is about NaN, and values are integers. */
static bool can_change(const dnmf_cell_rule *rule, const dnmf_source *source) {
  bool integers = strncmp(source->type, "int", 3) == 0 || strncmp(source->type, "uint", 4) == 0 ||
                  strncmp(source->type, "bool", 4) == 0;
  return rule->marked || rule->add != 0 || (rule->leave_out && !integers);
}

/* Where no cell is without a value and nothing is added, the source stays as it was. */
static dnmf_status apply_to_dense(dnmf_context *context, const dnmf_cell_rule *rule, dnmf_source *source) {
  dnmf_matrix *matrix = NULL;
  dnmf_number narrow = source->narrow;
  source->narrow = 0;
  dnmf_status status = dnmf_source_load_rows(context, source, &matrix);
  source->narrow = narrow;
  DNMF_TRY(status);
  int64_t missing = apply_to_block(rule, matrix);
  if (rule->leave_out)
    status = dnmf_cells_settle(context, missing, source);
  if (status == DNMF_OK && !source->has_missing && rule->add == 0) {
    dnmf_matrix_free(matrix);
    free(matrix);
    return DNMF_OK;
  }
  dnmf_source_hold(source, matrix);
  source->load = load_cells;
  source->narrow = 0;
  return status;
}

dnmf_status dnmf_cells_check_sparse(dnmf_error *error, const dnmf_source_options *options, const dnmf_cell_rule *rule,
                                    dnmf_source *source) {
  dnmf_missing missing = options->missing_given ? options->missing : source->missing;
  if (rule->text)
    missing = source->missing = DNMF_MISSING_UNOBSERVED;
  if (rule->add != 0 && missing == DNMF_MISSING_ZERO)
    return dnmf_fail(
        error, DNMF_ERROR_USAGE,
        "--add: the zeros that %s does not store would stay zeros; say --missing unobserved (transform: use a "
        "model that was fitted so), or give the matrix in a dense form",
        source->name);
  return DNMF_OK;
}

/* The entries are looked at as they are loaded. */
static dnmf_status apply_to_sparse(dnmf_context *context, const dnmf_source_options *options,
                                   const dnmf_cell_rule *rule, dnmf_source *source) {
  DNMF_TRY(dnmf_cells_check_sparse(&context->error, options, rule, source));
  source->rule = *rule;
  source->by_rows = source->by_cols = false; /* entries are looked at one by one */
  return DNMF_OK;
}

dnmf_status dnmf_cells_apply(dnmf_context *context, const dnmf_source_options *options, dnmf_source *source) {
  dnmf_cell_rule rule;
  if (source->is_text || options->look_only)
    return DNMF_OK;
  DNMF_TRY(dnmf_cell_rule_read(&context->error, options, false, &rule));
  if (!can_change(&rule, source))
    return DNMF_OK;
  return source->sparse ? apply_to_sparse(context, options, &rule, source) : apply_to_dense(context, &rule, source);
}
