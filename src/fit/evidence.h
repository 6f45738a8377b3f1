/*
 * Implicit terms of a fit of ratings (solve/terms.h): which columns a row has observed is itself evidence of what the
 * row is like, and which rows a column. What L2 pulls rows of W towards moves by the terms of their columns, of H's
 * columns by those of their rows; W and H stay what predictions are made of.
 */
#ifndef DNMF_EVIDENCE_H
#define DNMF_EVIDENCE_H

#include "fit/loop.h"
#include "matrix/ratings.h"
#include "solve/terms.h"

/* Whether rows, or columns, have terms; only around a level, see dnmf_observed_is_around_level. local */
bool dnmf_evidence_has_rows(const dnmf_settings *settings);
bool dnmf_evidence_has_cols(const dnmf_settings *settings);

/* "none", "rows", "cols" or "both" */
const char *dnmf_evidence_name(const dnmf_settings *settings);

/* The weight l2_evidence where none is given, and the share of it that is that of columns' terms. Chosen on held-out
 * shares of training files only. */
#define DNMF_L2_EVIDENCE         100.0
#define DNMF_EVIDENCE_COLS_SHARE 0.2

/* The terms of a fit, rows as those of the factors' panels, the bias's number last; without rows where there are none.
 */
typedef struct dnmf_evidence {
  dnmf_panel row_terms; /* of the owned rows: what is added to what they are pulled towards */
  dnmf_panel of_cols;   /* what each owned column brings to the rows that have it */
  dnmf_panel col_terms;
  dnmf_panel of_rows;
} dnmf_evidence;

/* Zeros. Released with dnmf_evidence_free, also after a failure. local */
dnmf_status dnmf_evidence_create(dnmf_error *error, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                 dnmf_evidence *evidence);
void dnmf_evidence_free(dnmf_evidence *evidence);

/* The terms of one factor's rows at work. */
typedef struct evidence_side {
  const dnmf_ratings_view *view;     /* of the rows; NULL: they have no terms */
  const dnmf_ratings_view *bringers; /* of the other factor's */
  dnmf_panel *terms;
  dnmf_panel *brought;
  double weight;
  dnmf_panel work;      /* as terms */
  dnmf_panel direction; /* as brought */
  double *curvature;
  double *sums;
} evidence_side;

/* Memory; the fields down to the weight are set. Released with evidence_side_free, also after a failure. local */
dnmf_status evidence_side_create(dnmf_error *error, evidence_side *side);
void evidence_side_free(evidence_side *side);

/* What `update` of the rows says of their weights, which stays the same for all steps. collective */
dnmf_status evidence_side_begin(dnmf_context *context, const dnmf_observed_update *update, evidence_side *side);

/* One step of what is brought, and of the terms; `needed` and `bringers_needed` are room for the rows that the two
 * views fetch. Adds the penalty as it was before the step. Local failures are kept by the loop. collective */
dnmf_status evidence_side_step(dnmf_loop *loop, const dnmf_observed_update *update, dnmf_panel *needed,
                               dnmf_panel *bringers_needed, evidence_side *side, double *penalty);

/* The terms anew from what is brought. collective */
dnmf_status evidence_side_renew(dnmf_context *context, const dnmf_observed_update *update, dnmf_panel *needed,
                                const evidence_side *side);

#endif
