/*
 * Of a fit with zeros the model that has been best on held-out cells: a copy of the owned rows of both factors.
 */
#ifndef DNMF_BEST_MODEL_H
#define DNMF_BEST_MODEL_H

#include "fit/fit_state.h"
#include "matrix/panel.h"

typedef struct dnmf_best_model {
  bool kept;     /* false: nobody wants it, and all functions do nothing */
  dnmf_panel *w; /* the factors as they are; not owned */
  dnmf_panel *h;
  dnmf_panel best_w;
  dnmf_panel best_h;
} dnmf_best_model;

/* Room for it, `kept` and the factors set. Released with dnmf_best_model_close, also after a failure. local */
dnmf_status dnmf_best_model_open(dnmf_error *error, dnmf_best_model *best);
void dnmf_best_model_close(dnmf_best_model *best); /* local; accepts a zeroed one */

/* The factors are the best so far. local */
void dnmf_best_model_keep(dnmf_best_model *best);

/* As it was saved; `resume` NULL: nothing was. local */
void dnmf_best_model_resume(const dnmf_fit_state *resume, dnmf_best_model *best);

/* Adds its parts to what is saved. local */
void dnmf_best_model_save(const dnmf_best_model *best, dnmf_fit_state *now);

/* The factors become the best. local */
void dnmf_best_model_settle(const dnmf_best_model *best);

#endif
