/*
 * What the chains of a posterior (posterior_fit.h) leave, and what their settings come to.
 */
#ifndef DNMF_FIT_POSTERIOR_H
#define DNMF_FIT_POSTERIOR_H

#include "fit/settings.h"
#include "matrix/panel.h"

/* The figures of a chain after a sweep. */
typedef enum trace_figure { TRACE_NOISE = 0, TRACE_WATCHED, TRACE_SQUARES, TRACE_FIGURES } trace_figure;

/* What chains leave beside their last draws. */
typedef struct dnmf_posterior {
  int kept;          /* draws of all chains; 0: there was no chain */
  int groups;        /* of processes, in which the chains ran */
  bool is_mean;      /* they are one, the mean of all */
  dnmf_panel kept_w; /* owned rows x kept * (components + 1): one draw of each chain after another, each with its stored
                        bias last */
  dnmf_panel kept_h;
  dnmf_panel
      kept_of_cols;     /* implicit terms: owned columns x kept * (components + 1) likewise, what each column brings */
  dnmf_panel row_terms; /* owned rows x 1: the mean of their biases' terms over the draws kept */
  dnmf_panel col_terms; /* owned columns x 1 likewise */
  double noise_precision; /* mean over the sweeps that count */
  int start_iterations;   /* of the fit that the chain starts from */
  double noise_r_hat;     /* convergence (chain_figures.h) over the sweeps that count: of the noise precision */
  double noise_effective;
  double watched_r_hat; /* ... of the squared error of each draw on the held-out entries, or, without, of a sum of
                           predictions of fitted entries, one of each column, added or subtracted by chance */
  double watched_effective;
} dnmf_posterior;

void dnmf_posterior_free(dnmf_posterior *posterior); /* local; accepts a zeroed one */

/* Chains, at least 1; draws that each has kept after so many sweeps; draws of all at the end; numbers of the trace that
 * a checkpoint has. local */
int dnmf_posterior_chains(const dnmf_posterior_settings *settings);
int dnmf_posterior_kept(const dnmf_posterior_settings *settings, int sweeps);
int dnmf_posterior_draws(const dnmf_posterior_settings *settings);
int dnmf_posterior_trace(const dnmf_posterior_settings *settings);

/* The default thinning: as little as keeps at most 100 draws of all chains, but at least one of each. local */
int dnmf_posterior_thin(int samples, int chains);

#endif
