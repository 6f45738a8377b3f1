#include "fit/posterior.h"

#include <string.h>

void dnmf_posterior_free(dnmf_posterior *posterior) {
  dnmf_panel_free(&posterior->kept_w);
  dnmf_panel_free(&posterior->kept_h);
  dnmf_panel_free(&posterior->kept_of_cols);
  dnmf_panel_free(&posterior->row_terms);
  dnmf_panel_free(&posterior->col_terms);
  memset(posterior, 0, sizeof *posterior);
}

int dnmf_posterior_chains(const dnmf_posterior_settings *settings) {
  return settings->chains > 1 ? settings->chains : 1;
}

int dnmf_posterior_kept(const dnmf_posterior_settings *settings, int sweeps) {
  const int counted = sweeps - settings->burn_in;
  return counted > 0 ? counted / settings->thin : 0;
}

int dnmf_posterior_thin(int samples, int chains) {
  enum { MOST_KEPT = 100 };
  const int64_t thin = ((int64_t)samples * chains + MOST_KEPT - 1) / MOST_KEPT;
  return thin < samples ? (int)thin : samples;
}

static int all_sweeps(const dnmf_posterior_settings *settings) {
  return settings->burn_in + settings->samples;
}

int dnmf_posterior_draws(const dnmf_posterior_settings *settings) {
  const int of_one = settings->keep_mean ? 1 : dnmf_posterior_kept(settings, all_sweeps(settings));
  return dnmf_posterior_chains(settings) * of_one;
}

int dnmf_posterior_trace(const dnmf_posterior_settings *settings) {
  return all_sweeps(settings) * dnmf_posterior_chains(settings) * TRACE_FIGURES;
}
