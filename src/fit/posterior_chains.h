/*
 * The state of a posterior's chains (posterior_fit.h): those of this process's group, and what has been kept of them.
 */
#ifndef DNMF_POSTERIOR_CHAINS_H
#define DNMF_POSTERIOR_CHAINS_H

#include "fit/chain_groups.h"
#include "fit/posterior.h"
#include "sampler.h"

/* What travels with the sums of a chain's sampler. */
enum {
  POSTERIOR_ASKS = 0,
  POSTERIOR_SQUARES = DNMF_ASKS, /* of the draw, */
  POSTERIOR_MEAN_SQUARES,        /* and of the model kept, on the held-out entries */
  POSTERIOR_COUNT,               /* of these */
  POSTERIOR_WATCHED,
  POSTERIOR_EXTRA = POSTERIOR_WATCHED + DNMF_EXACT_PARTS
};

/* One chain of the group. Where all processes are one group, the first chain iterates the fit's own factors. */
typedef struct posterior_chain {
  dnmf_settings settings; /* with a seed of the chain's own */
  dnmf_panel *w;
  dnmf_panel *h;
  dnmf_evidence *evidence;
  dnmf_panel own_w;
  dnmf_panel own_h;
  dnmf_evidence own_evidence;
  dnmf_sampler sampler;
  double *scores; /* of the held-out entries by the draw at hand */
} posterior_chain;

/* What is kept, in panels of slots (chain_groups.h): `room` draws a chain of the first three. */
typedef struct posterior_kept {
  dnmf_panel w;
  dnmf_panel h;
  dnmf_panel of_cols;
  dnmf_panel row_terms;
  dnmf_panel col_terms;
} posterior_kept;

typedef struct posterior_chains {
  const dnmf_settings *settings;
  dnmf_chain_groups groups;
  dnmf_panel *w; /* of the fit: all processes' */
  dnmf_panel *h;
  dnmf_evidence *evidence;
  posterior_chain *items; /* of this group */
  int count;
  int room; /* draws kept of each chain at the end */
  int done; /* draws kept of each so far */
  posterior_kept kept;
  dnmf_panel trace;  /* a number a row: TRACE_FIGURES of each chain, of one sweep after another; the same everywhere */
  dnmf_panel *saved; /* panels of all processes that were made for a checkpoint */
} posterior_chains;

/* Memory for the chains of this group; settings, groups, w, h and evidence are set. Released with
 * posterior_chains_free, also after a failure. local */
dnmf_status posterior_chains_create(posterior_chains *chains);
void posterior_chains_free(posterior_chains *chains);

/* All chains begin with the fit's factors. collective over all processes */
dnmf_status posterior_chains_start(posterior_chains *chains);

/* The draws at hand, of all chains of the group, become number `at` of those kept, or part of the mean. local */
void posterior_chains_keep(posterior_chains *chains, int at);

/* Adds what a later job needs to `now`, with chain 0's factors in the fit's own; and takes it up. collective over all
 * processes */
dnmf_status posterior_chains_save(posterior_chains *chains, dnmf_fit_state *now);
dnmf_status posterior_chains_resume(posterior_chains *chains, const dnmf_fit_state *state);

/* What was kept of all chains to the owners of all processes. collective over all processes */
dnmf_status posterior_chains_collect(posterior_chains *chains, dnmf_posterior *posterior);

/* A figure of a chain after sweep number `sweep`, counted from 0. local */
double posterior_trace_get(const posterior_chains *chains, int64_t sweep, int chain, trace_figure figure);
void posterior_trace_set(posterior_chains *chains, int64_t sweep, int chain, trace_figure figure, double value);

/* to = the mean over `count` slots of `from`, panels of as many rows. local */
void posterior_average_slots(const dnmf_panel *from, int count, dnmf_panel *to);

#endif
