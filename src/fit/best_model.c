#include "fit/best_model.h"

#include <string.h>

static void copy_rows(const dnmf_panel *from, dnmf_panel *to) {
  memcpy(to->data, from->data, (size_t)(from->rows * from->components) * dnmf_precision_size(from->precision));
}

dnmf_status dnmf_best_model_open(dnmf_error *error, dnmf_best_model *best) {
  const dnmf_panel *w = best->w;
  const dnmf_panel *h = best->h;
  if (!best->kept)
    return DNMF_OK;
  DNMF_TRY(dnmf_panel_create(error, "the best model", w->rows, w->components, w->precision, &best->best_w));
  return dnmf_panel_create(error, "the best model", h->rows, h->components, h->precision, &best->best_h);
}

void dnmf_best_model_close(dnmf_best_model *best) {
  dnmf_panel_free(&best->best_w);
  dnmf_panel_free(&best->best_h);
}

void dnmf_best_model_keep(dnmf_best_model *best) {
  if (!best->kept)
    return;
  copy_rows(best->w, &best->best_w);
  copy_rows(best->h, &best->best_h);
}

void dnmf_best_model_resume(const dnmf_fit_state *resume, dnmf_best_model *best) {
  if (!best->kept || !resume)
    return;
  copy_rows(dnmf_fit_state_panel(resume, DNMF_PART_BEST_W), &best->best_w);
  copy_rows(dnmf_fit_state_panel(resume, DNMF_PART_BEST_H), &best->best_h);
}

void dnmf_best_model_save(const dnmf_best_model *best, dnmf_fit_state *now) {
  if (!best->kept)
    return;
  now->panels[now->panel_count++] = (dnmf_model_part){DNMF_PART_BEST_W, DNMF_SIDE_ROWS, &best->best_w};
  now->panels[now->panel_count++] = (dnmf_model_part){DNMF_PART_BEST_H, DNMF_SIDE_COLS, &best->best_h};
}

void dnmf_best_model_settle(const dnmf_best_model *best) {
  if (!best->kept)
    return;
  copy_rows(&best->best_w, best->w);
  copy_rows(&best->best_h, best->h);
}
