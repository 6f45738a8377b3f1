#include "api/job_start.h"

#include "api/data_source.h"
#include "api/job_update.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* The file with the factors to begin with: the checkpoint, or the start; NULL: neither. */
static const char *first_factors(const dnmf_fitting *f) {
  return f->resume.path ? f->resume.path : f->start_file;
}

/* Those of that file, row by row, or of a model whose table has grown. collective */
static dnmf_status read_first_factors(dnmf_context *context, const dnmf_fitting *f, dnmf_start_file *start) {
  return f->updates && !f->resume.path ? dnmf_fitting_update(context, f, start) : dnmf_start_file_read(context, start);
}

/* A factor that no update of this fit could leave, or make anything of. */
static dnmf_status check_start(dnmf_error *error, const dnmf_fitting *f, const dnmf_start_file *start) {
  if (f->resume.path)
    return DNMF_OK; /* what a fit has come to is no mistake of whoever wrote the file */
  const dnmf_fixed fixed = f->settings.fixed;
  const bool fixed_is_there = fixed == DNMF_FIXED_W ? start->has_w : start->has_h;
  if (fixed != DNMF_FIXED_NONE && !fixed_is_there)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "--fix %s: %s has no /%s", fixed == DNMF_FIXED_W ? "w" : "h", start->path,
                     fixed == DNMF_FIXED_W ? "W" : "H");
  const bool moves_from_zero = f->settings.solver != DNMF_SOLVER_MU;
  const bool w_is_lost = start->has_w && start->largest_w == 0 && !(moves_from_zero && fixed != DNMF_FIXED_W);
  const bool h_is_lost = start->has_h && start->largest_h == 0 && !(moves_from_zero && fixed == DNMF_FIXED_W);
  if (w_is_lost || h_is_lost)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s: /%s is full of zeros, from which no fit goes on", start->path,
                     w_is_lost ? "W" : "H");
  return DNMF_OK;
}

/* --- Unstored entries are zeros ---------------------------------------------------------------------------- */

/* A factor that the file does not have starts at random. If the other is fixed there is one solution to find, and the
 * start is scikit-learn's: zeros, or flat for multiplicative updates. */
static void start_other(dnmf_fitting *f, dnmf_factor *w, dnmf_factor *h) {
  if (f->settings.fixed == DNMF_FIXED_NONE)
    dnmf_start_random(&f->a.matrix, f->settings.seed, w, h);
  else if (f->settings.solver == DNMF_SOLVER_MU)
    dnmf_start_flat(&f->a.matrix, w ? w : h);
}

/* Numbers, row-major, into a panel: as they are, or with a row for each of their columns. */
static dnmf_status start_into_panel(dnmf_error *error, const char *name, const double *values, bool transposed,
                                    dnmf_panel *panel, double *largest) {
  for (int64_t row = 0; row < panel->rows; row++)
    for (int c = 0; c < panel->components; c++) {
      const double value = values[transposed ? c * panel->rows + row : row * panel->components + c];
      if (!(value >= 0 && value < INFINITY))
        return dnmf_fail(error, DNMF_ERROR_INPUT, "%s has the number %g; all must be finite and not negative", name,
                         value);
      *largest = fmax(*largest, value);
      dnmf_panel_set(panel, row, c, value);
    }
  return DNMF_OK;
}

/* What this process owns of one factor. `wanted` lies in W, or in H as it is multiplied. */
static dnmf_status fetch_start(dnmf_context *context, const char *name, const dnmf_data *data,
                               const dnmf_rectangle *all, const dnmf_rectangle *wanted, bool transposed,
                               dnmf_panel *panel, double *largest) {
  void *memory = NULL;
  dnmf_status status = DNMF_OK;
  if (data->kind != DNMF_DATA_DENSE || data->rows != all->rows || data->cols != all->cols)
    status = dnmf_fail(&context->error, DNMF_ERROR_USAGE, "%s has to be dense data of %" PRId64 " x %" PRId64, name,
                       all->rows, all->cols);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "a start", wanted->rows * wanted->cols, sizeof(double), &memory);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_dense_fetch(context, data, wanted, memory);
  if (status == DNMF_OK)
    status = start_into_panel(&context->error, name, memory, transposed, panel, largest);
  free(memory);
  return dnmf_agree(context, status);
}

/* As dnmf_start_file_read, from start_w and start_h. collective */
static dnmf_status read_start_in_memory(dnmf_context *context, const dnmf_fitting *f, dnmf_start_file *start) {
  const dnmf_data *w = f->asked.start_w;
  const dnmf_data *h = f->asked.start_h;
  const dnmf_rectangle all_w = {0, 0, f->source.rows, f->components};
  const dnmf_rectangle all_h = {0, 0, f->components, f->source.cols};
  const dnmf_rectangle mine_w = {start->rows.begin, 0, dnmf_range_size(start->rows), f->components};
  const dnmf_rectangle mine_h = {0, start->cols.begin, f->components, dnmf_range_size(start->cols)};
  double largest[2] = {0, 0};
  if (w)
    DNMF_TRY(fetch_start(context, "start_w", w, &all_w, &mine_w, false, start->w, &largest[0]));
  if (h)
    DNMF_TRY(fetch_start(context, "start_h", h, &all_h, &mine_h, true, start->h, &largest[1]));
  DNMF_TRY(dnmf_max_doubles(context, context->comm, largest, 2));
  start->path = "the start";
  start->has_w = w != NULL;
  start->has_h = h != NULL;
  start->largest_w = largest[0];
  start->largest_h = largest[1];
  return DNMF_OK;
}

static dnmf_status start_from_factors(dnmf_context *context, dnmf_fitting *f) {
  dnmf_start_file start = {.path = first_factors(f),
                           .all_rows = f->source.rows,
                           .all_cols = f->source.cols,
                           .rows = f->w.owned,
                           .cols = f->h.owned,
                           .w = &f->w.mine,
                           .h = &f->h.mine};
  DNMF_TRY(start.path ? read_first_factors(context, f, &start) : read_start_in_memory(context, f, &start));
  DNMF_TRY(dnmf_agree(context, check_start(&context->error, f, &start)));
  if (start.has_biases)
    dnmf_warn(context, "%s has biases, which a fit with zeros does not use", start.path);
  if (!start.has_w)
    start_other(f, &f->w, NULL);
  if (!start.has_h)
    start_other(f, NULL, &f->h);
  return DNMF_OK;
}

dnmf_status dnmf_fitting_start_seed(dnmf_context *context, const dnmf_fitting *f, uint64_t seed, dnmf_factor *w,
                                    dnmf_factor *h) {
  if (f->start == DNMF_START_SVD)
    return dnmf_start_svd(context, &f->a.layout, &f->a.matrix, NULL, f->start_fill, seed, w, h);
  dnmf_start_random(&f->a.matrix, seed, w, h);
  return DNMF_OK;
}

static dnmf_status start_blocks(dnmf_context *context, dnmf_fitting *f) {
  dnmf_status status = dnmf_factor_create_w(context, &f->a.layout, f->components, f->precision, &f->w);
  if (status == DNMF_OK)
    status = dnmf_factor_create_h(context, &f->a.layout, f->components, f->precision, &f->h);
  DNMF_TRY(dnmf_agree(context, status));
  if (first_factors(f) || f->start == DNMF_START_MEMORY)
    return start_from_factors(context, f);
  if (f->start == DNMF_START_SVD && f->start_fill == DNMF_SVD_FILL_ZERO && f->settings.solver == DNMF_SOLVER_MU)
    dnmf_warn(context, "--init nndsvd leaves zeros, which --solver mu cannot change; nndsvda and nndsvdar have none");
  return f->restart_count > 0 ? DNMF_OK : dnmf_fitting_start_seed(context, f, f->settings.seed, &f->w, &f->h);
}

/* --- Unstored entries are unobserved ----------------------------------------------------------------------- */

/* One side of a start file, apart as the file has it. */
typedef struct start_side {
  dnmf_panel factor; /* components only */
  double *bias;
} start_side;

static dnmf_status start_side_create(dnmf_error *error, const dnmf_fitting *f, dnmf_range owned, start_side *side) {
  void *memory = NULL;
  DNMF_TRY(dnmf_panel_create(error, "a factor to start from", dnmf_range_size(owned), f->components, f->precision,
                             &side->factor));
  dnmf_status status = dnmf_allocate_zero(error, "biases to start from", side->factor.rows, sizeof(double), &memory);
  side->bias = memory;
  return status;
}

static void start_side_free(start_side *side) {
  dnmf_panel_free(&side->factor);
  free(side->bias);
}

static double row_sum(const dnmf_panel *panel, int64_t row, int components) {
  double sum = 0;
  for (int c = 0; c < components; c++)
    sum += dnmf_panel_get(panel, row, c);
  return sum;
}

/* Into the loop's panel, whose rows may end in a bias; `shift` is added to it. A bias that is not the file's is zero,
 * which is stored as dnmf_observed_clear_biases says. */
static void join_side(const start_side *side, bool has_factor, bool has_bias, double shift, double level,
                      int components, dnmf_panel *panel) {
  for (int64_t row = 0; row < panel->rows; row++) {
    for (int c = 0; has_factor && c < components; c++)
      dnmf_panel_set(panel, row, c, dnmf_panel_get(&side->factor, row, c));
    if (panel->components == components)
      continue;
    double bias = has_bias ? side->bias[row] + shift : shift;
    if (!has_factor || !has_bias)
      bias -= level * row_sum(panel, row, components);
    dnmf_panel_set(panel, row, components, bias);
  }
}

/* Whether a bias is other than zero, which a fit around a level stores as -level times the sum of the row. */
static bool any_bias(const start_side *side, bool has_factor, double level) {
  static const double ROUNDING = 1e-5; /* of single precision */
  for (int64_t row = 0; row < side->factor.rows; row++) {
    const double zero = has_factor ? -level * row_sum(&side->factor, row, side->factor.components) : 0;
    if (fabs(side->bias[row] - zero) > ROUNDING * fabs(zero))
      return true;
  }
  return false;
}

/* A model's factors go with its biases: none of them is dropped. Where it has none, they start at zero. */
static dnmf_status check_biases(dnmf_error *error, const dnmf_fitting *f, const start_side *w, const start_side *h,
                                const dnmf_start_file *start) {
  const dnmf_observed_settings *plan = &f->settings.observed;
  const bool biased = plan->bias_rows || plan->bias_cols;
  const bool rows_dropped = !plan->bias_rows && any_bias(w, start->has_w, start->level);
  const bool cols_dropped = !plan->bias_cols && any_bias(h, start->has_h, start->level);
  if ((start->has_biases && !biased) || rows_dropped || cols_dropped)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s has %sbiases, which this fit would drop; give --bias both",
                     start->path, biased ? rows_dropped ? "row " : "column " : "");
  return DNMF_OK;
}

static dnmf_status start_ratings_from_file(dnmf_context *context, dnmf_fitting *f) {
  dnmf_error *error = &context->error;
  start_side w = {.bias = NULL};
  start_side h = {.bias = NULL};
  dnmf_start_file start = {.path = first_factors(f),
                           .all_rows = f->source.rows,
                           .all_cols = f->source.cols,
                           .rows = f->ratings.by_rows.owned,
                           .cols = f->ratings.by_cols.owned,
                           .w = &w.factor,
                           .h = &h.factor};
  dnmf_status status = start_side_create(error, f, start.rows, &w);
  if (status == DNMF_OK)
    status = start_side_create(error, f, start.cols, &h);
  status = dnmf_agree(context, status);
  start.row_bias = w.bias;
  start.col_bias = h.bias;
  if (status == DNMF_OK)
    status = read_first_factors(context, f, &start);
  if (status == DNMF_OK)
    status = check_start(error, f, &start);
  if (status == DNMF_OK)
    status = check_biases(error, f, &w, &h, &start);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    const double shift = start.has_biases ? start.mean - dnmf_observed_mean(&f->settings, &f->ratings) : 0;
    const double level = dnmf_observed_level(&f->settings, &f->ratings);
    const bool to_rows = f->settings.observed.bias_rows;
    const bool to_cols = f->settings.observed.bias_cols;
    join_side(&w, start.has_w, start.has_biases && to_rows, to_rows ? shift : 0, level, f->components, &f->observed_w);
    join_side(&h, start.has_h, start.has_biases && to_cols, to_rows ? 0 : shift, level, f->components, &f->observed_h);
  }
  start_side_free(&w);
  start_side_free(&h);
  return status;
}

static dnmf_status start_ratings(dnmf_context *context, dnmf_fitting *f) {
  DNMF_TRY(dnmf_agree(context, dnmf_evidence_create(&context->error, &f->settings, &f->ratings, &f->evidence)));
  if (f->start == DNMF_START_SVD && !first_factors(f))
    return dnmf_start_observed_svd(context, &f->settings, &f->ratings, &f->observed_w, &f->observed_h);
  dnmf_status status = dnmf_start_observed(&context->error, &f->settings, &f->ratings, &f->observed_w, &f->observed_h);
  DNMF_TRY(dnmf_agree(context, status));
  return first_factors(f) ? start_ratings_from_file(context, f) : DNMF_OK;
}

dnmf_status dnmf_fitting_start(dnmf_context *context, dnmf_fitting *f) {
  return f->missing == DNMF_MISSING_ZERO ? start_blocks(context, f) : start_ratings(context, f);
}
