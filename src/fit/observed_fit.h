/*
 * Fits of observed entries: ratings by rows and by columns -> factors and biases. With weak zeros (weak_fit.h) what is
 * not stored counts, too, and there are no biases.
 *
 * The prediction for row i, column j is mean + bias_i + bias_j + w_i h_j, W, H >= 0. With biases, `mean` is the
 * mean of the observed values less one standard deviation, so that the product has something to explain from
 * above; without, it is 0. Factor panels have a number more a row than there are components when biases are
 * fitted: the row's bias.
 */
#ifndef DNMF_OBSERVED_FIT_H
#define DNMF_OBSERVED_FIT_H

#include "factor/model.h"
#include "fit/evidence.h"
#include "fit/loop.h"
#include "fit/observed_start.h"
#include "matrix/ratings.h"
#include "solve/observed.h"

/* The model of a fit: its owned ranges, factors, biases and counts, and where rows are pulled towards a row that one,
 * in W and H also in place of rows without entries; as attributes, what `transform` and predictions of unknown rows
 * need. The rest of `model` is as it was. Released with dnmf_model_free. collective */
dnmf_status dnmf_observed_fill_model(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                     const dnmf_panel *w, const dnmf_panel *h, const dnmf_evidence *evidence,
                                     dnmf_model *model);

/* Fits from the start in w and h, which hold the model afterwards: the last, or, with `held_out` entries
 * (else NULL; from dnmf_ratings_attach), the best on them. Rows without entries become what rows are pulled towards,
 * their bias what is expected of it. `evidence` starts at zero and holds the implicit terms
 * afterwards; NULL without them. The result's residual and objective are over observed entries; with weak zeros
 * over all, each times its confidence. Released with dnmf_fit_result_free. collective */
dnmf_status dnmf_fit_observed(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                              const dnmf_ratings_view *held_out, dnmf_panel *w, dnmf_panel *h, dnmf_evidence *evidence,
                              dnmf_fit_result *result);

/* New rows under a model: H, its biases and the mean stay. */
typedef struct dnmf_observed_fold {
  const dnmf_ratings_view *view; /* the new rows' entries; its columns are those of `fixed` */
  dnmf_panel *fixed;             /* the owned columns of H, with their biases; unchanged */
  double mean;                   /* the constant part of every prediction */
  int64_t rows;                  /* new, over all processes */
  int64_t fixed_rows;            /* of `fixed`, over all processes */
  const double *mean_row;        /* what L2 pulls the rows towards; NULL: zero; not used with a level */
  double level;                  /* and bias_line: of the fit, as in solve/observed.h */
  dnmf_bias_line bias_line;
  dnmf_panel *of_cols;   /* what the owned columns bring to the rows' implicit terms; NULL: nothing */
  dnmf_panel *row_terms; /* room for those, as x */
  double sum;            /* of the entries of all processes */
  double sum_squares;
} dnmf_observed_fold;

/* Fits the rows of x with H fixed, from the start they hold. collective */
dnmf_status dnmf_fold_observed(dnmf_context *context, const dnmf_settings *settings, const dnmf_observed_fold *fold,
                               dnmf_panel *x, dnmf_fit_result *result);

#endif
