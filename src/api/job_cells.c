#include "api/job_cells.h"

#include "api/setting_words.h"
#include "base/memory.h"
#include "matrix/missing_cells.h"

#include <string.h>

bool dnmf_fitting_is_partial(const dnmf_fitting *f) {
  const dnmf_fit_settings *s = &f->asked;
  int scale = DNMF_SCALE_AUTO;
  double power = 0;
  dnmf_error ignored = {0};
  const bool biases = s->ratings.bias && strcmp(s->ratings.bias, "auto") != 0 && strcmp(s->ratings.bias, "none") != 0;
  const bool pulled =
      s->ratings.shrink_to && strcmp(s->ratings.shrink_to, "auto") != 0 && strcmp(s->ratings.shrink_to, "zero") != 0;
  const bool counted =
      dnmf_choose_penalty_scale(&ignored, s->penalty_scale, &scale, &power) == DNMF_OK && scale >= DNMF_SCALE_COUNT;
  const bool file = s->ratings.held_out || (s->ratings.validation && !dnmf_is_fraction(s->ratings.validation));
  return f->missing == DNMF_MISSING_UNOBSERVED && !f->weak && f->source.has_missing && !biases && !pulled && !counted &&
         !file && s->ratings.l2_bias < 0 && s->ratings.init_scale < 0 && s->posterior.samples < 0;
}

dnmf_status dnmf_fitting_plan_cells(dnmf_error *error, dnmf_fitting *f, bool stops_by_them) {
  const dnmf_fit_settings *s = &f->asked;
  const char *share = s->ratings.validation;
  const bool in_batches = s->batches.memory >= 0 || s->batches.batch_rows >= 0;
  if (f->partial && in_batches)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--%s has no use here: a matrix with cells without a value is held whole",
                     s->batches.memory >= 0 ? "memory" : "batch-rows");
  if (!share && !s->ratings.held_out)
    return stops_by_them ? dnmf_fail(error, DNMF_ERROR_USAGE, "--stop validation needs --validation FRACTION")
                         : DNMF_OK;
  if (s->ratings.held_out || !dnmf_is_fraction(share))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--validation %s: a fit that counts zeros holds out a share of all cells; give a fraction, e.g. "
                     "0.05, or --missing unobserved for a file of ratings",
                     s->ratings.held_out ? "held_out" : share);
  if (in_batches)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--validation has no use in mini-batches, where no cell is seen again before its batch is; leave "
                     "out --memory and --batch-rows, or --validation");
  DNMF_TRY(dnmf_parse_fraction(error, share, &f->held_choice.share));
  f->held_choice.seed = f->settings.seed;
  f->has_held_out = true;
  return DNMF_OK;
}

dnmf_status dnmf_fitting_fill_out(dnmf_context *context, dnmf_fitting *f) {
  DNMF_TRY(dnmf_matrix_fill_out(context, &f->a.matrix));
  const dnmf_held_choice none = {.share = 0};
  DNMF_TRY(dnmf_held_cells_take(context, &f->a.layout, &none, f->settings.loss, &f->a.matrix, &f->held));
  f->settings.held = &f->held;
  return DNMF_OK;
}

dnmf_status dnmf_fitting_take_cells(dnmf_context *context, dnmf_fitting *f) {
  if (f->held_choice.share == 0)
    return DNMF_OK;
  dnmf_held_cells_put_back(&f->a.matrix, &f->held);
  DNMF_TRY(dnmf_held_cells_take(context, &f->a.layout, &f->held_choice, f->settings.loss, &f->a.matrix, &f->held));
  f->settings.held = &f->held;
  return DNMF_OK;
}

dnmf_status dnmf_fitting_count_cells(dnmf_context *context, const dnmf_fitting *f, dnmf_model *model) {
  void *rows = NULL;
  void *cols = NULL;
  dnmf_error *error = &context->error;
  dnmf_status status = dnmf_allocate(error, "a model", dnmf_range_size(model->owned_rows), sizeof(int64_t), &rows);
  model->row_counts = rows;
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "a model", dnmf_range_size(model->owned_cols), sizeof(int64_t), &cols);
  model->col_counts = cols;
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_matrix_count_known(context, &f->a.grid, &f->a.matrix, false, model->owned_rows, model->row_counts));
  return dnmf_matrix_count_known(context, &f->a.grid, &f->a.matrix, true, model->owned_cols, model->col_counts);
}
