/* Of a fit with zeros the model that has been best on held-out cells. */
#include "fit/zeros_state.h"

#include <string.h>

static void copy_rows(const dnmf_panel *from, dnmf_panel *to) {
  memcpy(to->data, from->data, (size_t)(from->rows * from->components) * dnmf_precision_size(from->precision));
}

dnmf_status zeros_best_open(zeros_fit *z) {
  const dnmf_panel *w = &z->w.x->mine;
  const dnmf_panel *h = &z->h.x->mine;
  dnmf_error *error = &z->context->error;
  if (!z->keeps_best)
    return DNMF_OK;
  DNMF_TRY(dnmf_panel_create(error, "the best model", w->rows, w->components, w->precision, &z->best_w));
  return dnmf_panel_create(error, "the best model", h->rows, h->components, h->precision, &z->best_h);
}

void zeros_best_keep(dnmf_loop *loop, void *state) {
  zeros_fit *z = state;
  (void)loop;
  copy_rows(&z->w.x->mine, &z->best_w);
  copy_rows(&z->h.x->mine, &z->best_h);
}

void zeros_best_resume(zeros_fit *z) {
  const dnmf_fit_state *resume = z->loop->fits[0].resume;
  if (!z->keeps_best || !resume)
    return;
  copy_rows(dnmf_fit_state_panel(resume, DNMF_PART_BEST_W), &z->best_w);
  copy_rows(dnmf_fit_state_panel(resume, DNMF_PART_BEST_H), &z->best_h);
}

dnmf_status zeros_best_save(dnmf_loop *loop, void *state, dnmf_fit_state *now) {
  zeros_fit *z = state;
  (void)loop;
  if (!z->keeps_best)
    return DNMF_OK;
  now->panels[now->panel_count++] = (dnmf_model_part){DNMF_PART_BEST_W, DNMF_SIDE_ROWS, &z->best_w};
  now->panels[now->panel_count++] = (dnmf_model_part){DNMF_PART_BEST_H, DNMF_SIDE_COLS, &z->best_h};
  return DNMF_OK;
}

dnmf_status zeros_best_settle(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  zeros_fit *z = state;
  (void)loop;
  (void)reached;
  if (z->keeps_best) {
    copy_rows(&z->best_w, &z->w.x->mine);
    copy_rows(&z->best_h, &z->h.x->mine);
  }
  return DNMF_OK;
}

void zeros_best_close(zeros_fit *z) {
  dnmf_panel_free(&z->best_w);
  dnmf_panel_free(&z->best_h);
}
