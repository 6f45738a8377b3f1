/*
 * Implicit terms in a chain (solve/terms_draw.h): what is brought is drawn given the rows, and its precision, of each
 * component by itself, given that: tau ~ Gamma(1/2, unit^2 / 20) before, the unit that of posterior_prior.h.
 */
#ifndef DNMF_EVIDENCE_DRAW_H
#define DNMF_EVIDENCE_DRAW_H

#include "base/draws.h"
#include "fit/evidence.h"
#include "solve/terms_draw.h"

typedef struct evidence_draw {
  evidence_side side; /* its view NULL: there are no terms; its weight has no meaning */
  dnmf_panel rest;    /* as what is brought */
  double *tau;        /* of each component, the bias last */
  double *lambda_ratio;
  double *unit;
  double *step;
  double *slope;  /* r^2 over the diagonal, of each component */
  double *enough; /* of it */
  double *parts;
  double *partial;
  dnmf_stream stream_rows;
  dnmf_stream stream_bringers;
} evidence_draw;

/* Memory; side.view to side.brought and the streams are set. Released with evidence_draw_free, also after a failure.
 * local */
dnmf_status evidence_draw_create(dnmf_error *error, evidence_draw *draw);
void evidence_draw_free(evidence_draw *draw);

/* Which sweep of which chain. */
typedef struct evidence_sweep {
  uint64_t seed;
  int64_t sweep;
} evidence_sweep;

/* `update` says what rows are pulled towards, their terms included, with weights of 1 whatever their entries.
 * collective */
dnmf_status evidence_draw_begin(dnmf_context *context, const dnmf_observed_update *update, evidence_draw *draw);

/* What is brought, and the terms, given the rows, whose components have the precisions `lambda`. `needed` and
 * `bringers_needed` as for evidence_side_step. collective */
dnmf_status evidence_draw_step(dnmf_context *context, const dnmf_observed_update *update, const double *lambda,
                               const evidence_sweep *sweep, dnmf_panel *needed, dnmf_panel *bringers_needed,
                               evidence_draw *draw);

/* The owned part of the sums, each of DNMF_EXACT_PARTS: how many bringers have rows; of each component their squares,
 * over `unit`. local */
int64_t evidence_draw_sums_count(const evidence_draw *draw);
void evidence_draw_sums(const evidence_draw *draw, double unit, double *sums);

/* draw->tau given the sums over all processes; key->i is of the sweep, and the components are `first` and those that
 * follow. local */
void evidence_draw_tau(const double *sums, double unit, const dnmf_draw_key *key, int64_t first, evidence_draw *draw);

#endif
