/* Cells that a fit with zeros holds out: --validation. */
#include "api/job.h"

dnmf_status dnmf_fitting_plan_cells(dnmf_error *error, dnmf_fitting *f, bool stops_by_them) {
  const dnmf_fit_settings *s = &f->asked;
  const char *share = s->ratings.validation;
  if (!share && !s->ratings.held_out)
    return stops_by_them ? dnmf_fail(error, DNMF_ERROR_USAGE, "--stop validation needs --validation FRACTION")
                         : DNMF_OK;
  if (s->ratings.held_out || !dnmf_is_fraction(share))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--validation %s: a fit that counts zeros holds out a share of all cells; give a fraction, e.g. "
                     "0.05, or --missing unobserved for a file of ratings",
                     s->ratings.held_out ? "held_out" : share);
  if (s->batches.memory >= 0 || s->batches.batch_rows >= 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--validation has no use in mini-batches, where no cell is seen again before its batch is; leave "
                     "out --memory and --batch-rows, or --validation");
  DNMF_TRY(dnmf_parse_fraction(error, share, &f->held_choice.share));
  f->held_choice.seed = f->settings.seed;
  f->has_held_out = true;
  return DNMF_OK;
}

dnmf_status dnmf_fitting_take_cells(dnmf_context *context, dnmf_fitting *f) {
  if (f->held_choice.share == 0)
    return DNMF_OK;
  DNMF_TRY(dnmf_held_cells_take(context, &f->a.layout, &f->held_choice, f->settings.loss, &f->a.matrix, &f->held));
  f->settings.held = &f->held;
  return DNMF_OK;
}
