#include "dnmf.h"

#include <string.h>

void dnmf_fit_settings_init(dnmf_fit_settings *settings) {
  memset(settings, 0, sizeof *settings);
  settings->l1_w = settings->l1_h = -1;
  settings->l2 = settings->l2_w = settings->l2_h = -1;
  settings->sweeps = -1;
  settings->seed = -1;
  settings->max_iter = -1;
  settings->tol = -1;
  settings->time_limit = -1;
  settings->zeros.restarts = -1;
  settings->zeros.groups = -1;
  settings->ratings.l2_bias = -1;
  settings->ratings.l2_terms = -1;
  settings->ratings.patience = -1;
  settings->ratings.init_scale = -1;
  settings->posterior.samples = settings->posterior.chains = -1;
  settings->posterior.burn_in = settings->posterior.thin = -1;
  settings->weak.weight = -1;
  settings->weak.alpha = -1;
  settings->weak.epsilon = -1;
  settings->weak.like = -1;
  settings->batches.memory = -1;
  settings->batches.batch_rows = -1;
  settings->batches.forget = -1;
}

void dnmf_search_settings_init(dnmf_search_settings *search) {
  memset(search, 0, sizeof *search);
  search->restarts = -1;
  search->holdout = -1;
  search->folds = -1;
  search->groups = -1;
}
