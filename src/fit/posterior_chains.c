#include "posterior_chains.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>
#include <string.h>

/* --- Memory ------------------------------------------------------------------------------------------------ */

/* Chain 0 draws the random numbers of the seed itself, each other one those of a seed that is made of both. */
static uint64_t seed_of_chain(uint64_t seed, int64_t chain) {
  return chain == 0 ? seed : dnmf_random_bits(seed, DNMF_STREAM_CHAINS, (uint64_t)chain, 0);
}

static dnmf_status create_chain(posterior_chains *chains, int place) {
  const dnmf_chain_groups *groups = &chains->groups;
  const dnmf_ratings *ratings = groups->ratings;
  dnmf_error *error = &groups->context->error;
  posterior_chain *chain = &chains->items[place];
  const int width = chains->w->components;
  const int64_t rows = dnmf_range_size(ratings->by_rows.owned);
  const int64_t cols = dnmf_range_size(ratings->by_cols.owned);
  const bool own = groups->count > 1 || place > 0;
  void *memory = NULL;
  chain->settings = *chains->settings;
  chain->settings.seed = seed_of_chain(chains->settings->seed, groups->mine.begin + place);
  chain->w = own ? &chain->own_w : chains->w;
  chain->h = own ? &chain->own_h : chains->h;
  chain->evidence = own ? &chain->own_evidence : chains->evidence;
  if (own) {
    DNMF_TRY(dnmf_panel_create(error, "a chain", rows, width, chains->w->precision, &chain->own_w));
    DNMF_TRY(dnmf_panel_create(error, "a chain", cols, width, chains->h->precision, &chain->own_h));
    DNMF_TRY(dnmf_evidence_create(error, chains->settings, ratings, &chain->own_evidence));
  }
  if (groups->held_out) {
    const dnmf_csr *entries = &groups->held_out->entries;
    DNMF_TRY(dnmf_allocate_zero(error, "held-out predictions", entries->start[entries->rows], sizeof(double), &memory));
    chain->scores = memory;
  }
  return dnmf_sampler_create(groups->context, &chain->settings, ratings, chain->w, chain->h, chain->evidence,
                             POSTERIOR_EXTRA, &chain->sampler);
}

/* Panels of slots of so many chains. */
static dnmf_status create_kept(dnmf_error *error, const posterior_chains *chains, const dnmf_ratings *ratings,
                               int count, posterior_kept *kept) {
  const int64_t rows = dnmf_range_size(ratings->by_rows.owned);
  const int64_t cols = dnmf_range_size(ratings->by_cols.owned);
  const int width = count * chains->room * chains->w->components;
  const dnmf_precision precision = chains->w->precision;
  DNMF_TRY(dnmf_panel_create(error, "draws", rows, width, precision, &kept->w));
  DNMF_TRY(dnmf_panel_create(error, "draws", cols, width, precision, &kept->h));
  if (dnmf_evidence_has_rows(chains->settings)) {
    DNMF_TRY(dnmf_panel_create(error, "draws", cols, width, precision, &kept->of_cols));
    DNMF_TRY(dnmf_panel_create(error, "draws", rows, count, precision, &kept->row_terms));
  }
  if (dnmf_evidence_has_cols(chains->settings))
    DNMF_TRY(dnmf_panel_create(error, "draws", cols, count, precision, &kept->col_terms));
  return DNMF_OK;
}

static void free_kept(posterior_kept *kept) {
  dnmf_panel_free(&kept->w);
  dnmf_panel_free(&kept->h);
  dnmf_panel_free(&kept->of_cols);
  dnmf_panel_free(&kept->row_terms);
  dnmf_panel_free(&kept->col_terms);
}

dnmf_status posterior_chains_create(posterior_chains *chains) {
  const dnmf_posterior_settings *settings = &chains->settings->posterior;
  const dnmf_chain_groups *groups = &chains->groups;
  dnmf_error *error = &groups->context->error;
  void *memory = NULL;
  chains->room = dnmf_posterior_draws(settings) / dnmf_posterior_chains(settings);
  DNMF_TRY(dnmf_allocate_zero(error, "chains", dnmf_range_size(groups->mine), sizeof *chains->items, &memory));
  chains->items = memory;
  chains->count = (int)dnmf_range_size(groups->mine);
  DNMF_TRY(dnmf_allocate_zero(error, "chains", DNMF_MODEL_PARTS, sizeof *chains->saved, &memory));
  chains->saved = memory;
  for (int i = 0; i < chains->count; i++)
    DNMF_TRY(create_chain(chains, i));
  DNMF_TRY(
      dnmf_panel_create(error, "figures of sweeps", dnmf_posterior_trace(settings), 1, DNMF_DOUBLE, &chains->trace));
  return create_kept(error, chains, groups->ratings, chains->count, &chains->kept);
}

static void free_saved(posterior_chains *chains) {
  for (int i = 0; chains->saved && i < DNMF_MODEL_PARTS; i++)
    dnmf_panel_free(&chains->saved[i]);
}

void posterior_chains_free(posterior_chains *chains) {
  for (int i = 0; i < chains->count; i++) {
    posterior_chain *chain = &chains->items[i];
    dnmf_sampler_free(&chain->sampler);
    dnmf_panel_free(&chain->own_w);
    dnmf_panel_free(&chain->own_h);
    dnmf_evidence_free(&chain->own_evidence);
    free(chain->scores);
  }
  free_saved(chains);
  free(chains->saved);
  free(chains->items);
  free_kept(&chains->kept);
  dnmf_panel_free(&chains->trace);
  chains->items = NULL;
  chains->saved = NULL;
  chains->count = 0;
}

/* --- The start --------------------------------------------------------------------------------------------- */

static void copy_chain_panel(const dnmf_panel *from, dnmf_panel *to) {
  if (from->rows > 0 && from->data != to->data)
    memcpy(to->data, from->data, (size_t)from->rows * (size_t)from->components * dnmf_precision_size(from->precision));
}

enum { CHAIN_W = 0, CHAIN_H, CHAIN_ROW_TERMS, CHAIN_OF_COLS, CHAIN_COL_TERMS, CHAIN_OF_ROWS, CHAIN_PANELS };

/* The panels that a chain is at; without components where it has none. */
static dnmf_panel *chain_panel(const posterior_chain *chain, int which) {
  dnmf_panel *panels[CHAIN_PANELS] = {chain->w,
                                      chain->h,
                                      &chain->evidence->row_terms,
                                      &chain->evidence->of_cols,
                                      &chain->evidence->col_terms,
                                      &chain->evidence->of_rows};
  return panels[which];
}

/* Those of the fit. */
static dnmf_panel *fit_panel(const posterior_chains *chains, int which) {
  const posterior_chain fit = {.w = chains->w, .h = chains->h, .evidence = chains->evidence};
  return chain_panel(&fit, which);
}

static bool panel_is_of_cols(int which) {
  return which == CHAIN_H || which == CHAIN_OF_COLS || which == CHAIN_COL_TERMS;
}

dnmf_status posterior_chains_start(posterior_chains *chains) {
  for (int which = 0; which < CHAIN_PANELS; which++) {
    const dnmf_panel *from = fit_panel(chains, which);
    dnmf_panel *first = chain_panel(&chains->items[0], which);
    if (from->components == 0)
      continue;
    if (chains->groups.count > 1)
      DNMF_TRY(dnmf_chain_groups_spread(&chains->groups, panel_is_of_cols(which), from, first));
    for (int i = 1; i < chains->count; i++)
      copy_chain_panel(first, chain_panel(&chains->items[i], which));
  }
  return DNMF_OK;
}

/* --- Draws that are kept ----------------------------------------------------------------------------------- */

/* The numbers of x from `first` on into slot `slot` of `kept`, or into the mean of the `before` there. */
static void keep_numbers(const dnmf_panel *x, int first, int slot, bool mean, int before, dnmf_panel *kept) {
  const int width = x->components - first;
  for (int64_t row = 0; row < x->rows; row++)
    for (int c = 0; c < width; c++) {
      const double number = dnmf_panel_get(x, row, first + c);
      const int at = slot * width + c;
      const double old = mean ? dnmf_panel_get(kept, row, at) : 0;
      dnmf_panel_set(kept, row, at, mean ? old + (number - old) / (before + 1) : number);
    }
}

void posterior_chains_keep(posterior_chains *chains, int at) {
  const bool mean = chains->settings->posterior.keep_mean;
  posterior_kept *kept = &chains->kept;
  for (int i = 0; i < chains->count; i++) {
    const posterior_chain *chain = &chains->items[i];
    const int slot = mean ? i : at * chains->count + i;
    keep_numbers(chain->w, 0, slot, mean, at, &kept->w);
    keep_numbers(chain->h, 0, slot, mean, at, &kept->h);
    if (dnmf_evidence_has_rows(chains->settings)) {
      keep_numbers(&chain->evidence->of_cols, 0, slot, mean, at, &kept->of_cols);
      keep_numbers(&chain->evidence->row_terms, chain->evidence->row_terms.components - 1, i, true, at,
                   &kept->row_terms);
    }
    if (dnmf_evidence_has_cols(chains->settings))
      keep_numbers(&chain->evidence->col_terms, chain->evidence->col_terms.components - 1, i, true, at,
                   &kept->col_terms);
  }
}

void posterior_average_slots(const dnmf_panel *from, int count, dnmf_panel *to) {
  for (int64_t row = 0; row < from->rows; row++)
    for (int c = 0; c < to->components; c++) {
      double sum = 0;
      for (int slot = 0; slot < count; slot++)
        sum += dnmf_panel_get(from, row, slot * to->components + c);
      dnmf_panel_set(to, row, c, sum / count);
    }
}

/* A panel of the group's slots becomes that of all, in `to`. */
static dnmf_status collect_panel(const posterior_chains *chains, bool cols, int slots, dnmf_panel *from,
                                 dnmf_panel *to) {
  const dnmf_chain_groups *groups = &chains->groups;
  const dnmf_ratings *ratings = groups->all_ratings;
  const int width = from->components / chains->count * groups->chains;
  if (from->components == 0)
    return DNMF_OK;
  if (groups->count == 1) {
    *to = *from;
    *from = (dnmf_panel){0};
    return DNMF_OK;
  }
  DNMF_TRY(
      dnmf_agree(groups->all, dnmf_panel_create(&groups->all->error, "draws",
                                                dnmf_range_size(cols ? ratings->by_cols.owned : ratings->by_rows.owned),
                                                width, from->precision, to)));
  DNMF_TRY(dnmf_chain_groups_collect(groups, cols, slots, from, to));
  dnmf_panel_free(from);
  return DNMF_OK;
}

/* The mean over the chains in place of their slots. */
static dnmf_status average_panel(dnmf_context *context, int chains, dnmf_panel *panel) {
  dnmf_panel mean = {0};
  if (panel->components == 0 || chains == 1)
    return DNMF_OK;
  DNMF_TRY(dnmf_agree(context, dnmf_panel_create(&context->error, "draws", panel->rows, panel->components / chains,
                                                 panel->precision, &mean)));
  posterior_average_slots(panel, chains, &mean);
  dnmf_panel_free(panel);
  *panel = mean;
  return DNMF_OK;
}

dnmf_status posterior_chains_collect(posterior_chains *chains, dnmf_posterior *posterior) {
  dnmf_context *all = chains->groups.all;
  const int count = chains->groups.chains;
  posterior_kept *kept = &chains->kept;
  DNMF_TRY(collect_panel(chains, false, chains->room, &kept->w, &posterior->kept_w));
  DNMF_TRY(collect_panel(chains, true, chains->room, &kept->h, &posterior->kept_h));
  DNMF_TRY(collect_panel(chains, true, chains->room, &kept->of_cols, &posterior->kept_of_cols));
  DNMF_TRY(collect_panel(chains, false, 1, &kept->row_terms, &posterior->row_terms));
  DNMF_TRY(collect_panel(chains, true, 1, &kept->col_terms, &posterior->col_terms));
  DNMF_TRY(average_panel(all, count, &posterior->row_terms));
  DNMF_TRY(average_panel(all, count, &posterior->col_terms));
  posterior->is_mean = chains->settings->posterior.keep_mean;
  posterior->kept = posterior->is_mean ? 1 : chains->done * count;
  if (!posterior->is_mean)
    return DNMF_OK;
  DNMF_TRY(average_panel(all, count, &posterior->kept_w));
  DNMF_TRY(average_panel(all, count, &posterior->kept_h));
  return average_panel(all, count, &posterior->kept_of_cols);
}

/* --- Checkpoints ------------------------------------------------------------------------------------------- */

/* What a later job needs beside W and H. */
typedef struct saved_part {
  const char *name;
  bool cols;
  int slots;
  dnmf_panel *kept; /* of the group's chains; NULL: of the panels `which` that the chains are at */
  int which;
} saved_part;

enum { SAVED_PARTS = 11 };

static void list_parts(posterior_chains *chains, saved_part parts[SAVED_PARTS]) {
  posterior_kept *kept = &chains->kept;
  const int room = chains->room;
  const saved_part all[SAVED_PARTS] = {{DNMF_PART_KEPT_W, false, room, &kept->w, 0},
                                       {DNMF_PART_KEPT_H, true, room, &kept->h, 0},
                                       {DNMF_PART_KEPT_OF_COLS, true, room, &kept->of_cols, 0},
                                       {DNMF_PART_KEPT_ROW_TERMS, false, 1, &kept->row_terms, 0},
                                       {DNMF_PART_KEPT_COL_TERMS, true, 1, &kept->col_terms, 0},
                                       {DNMF_PART_CHAINS_W, false, 1, NULL, CHAIN_W},
                                       {DNMF_PART_CHAINS_H, true, 1, NULL, CHAIN_H},
                                       {DNMF_PART_ROW_TERMS, false, 1, NULL, CHAIN_ROW_TERMS},
                                       {DNMF_PART_OF_COLS, true, 1, NULL, CHAIN_OF_COLS},
                                       {DNMF_PART_COL_TERMS, true, 1, NULL, CHAIN_COL_TERMS},
                                       {DNMF_PART_OF_ROWS, false, 1, NULL, CHAIN_OF_ROWS}};
  memcpy(parts, all, sizeof all);
}

/* The factors of one chain are the model's own. */
static bool part_is_needed(const posterior_chains *chains, const saved_part *part) {
  if (part->kept)
    return part->kept->components > 0;
  if (chain_panel(&chains->items[0], part->which)->components == 0)
    return false;
  return chains->groups.chains > 1 || (part->which != CHAIN_W && part->which != CHAIN_H);
}

/* The panels of the group's chains as slots of one, and back. */
static void join_chains(posterior_chains *chains, int which, bool join, dnmf_panel *joined) {
  for (int i = 0; i < chains->count; i++) {
    dnmf_panel *x = chain_panel(&chains->items[i], which);
    for (int64_t row = 0; row < x->rows; row++)
      for (int c = 0; c < x->components; c++)
        if (join)
          dnmf_panel_set(joined, row, i * x->components + c, dnmf_panel_get(x, row, c));
        else
          dnmf_panel_set(x, row, c, dnmf_panel_get(joined, row, i * x->components + c));
  }
}

static dnmf_status create_joined(dnmf_error *error, const posterior_chains *chains, int which, dnmf_panel *joined) {
  const dnmf_panel *x = chain_panel(&chains->items[0], which);
  return dnmf_panel_create(error, "numbers of chains", x->rows, chains->count * x->components, x->precision, joined);
}

static dnmf_status create_saved(dnmf_error *error, const posterior_chains *chains, const saved_part *part,
                                const dnmf_panel *from, dnmf_panel *saved) {
  const dnmf_ratings *ratings = chains->groups.all_ratings;
  const int64_t rows = dnmf_range_size(part->cols ? ratings->by_cols.owned : ratings->by_rows.owned);
  return dnmf_panel_create(error, "numbers of chains", rows, from->components / chains->count * chains->groups.chains,
                           from->precision, saved);
}

/* saved = the part of all chains, for the owners of all processes. */
static dnmf_status save_part(posterior_chains *chains, const saved_part *part, dnmf_panel *saved) {
  dnmf_context *all = chains->groups.all;
  dnmf_panel joined = {0};
  const dnmf_panel *from = part->kept ? part->kept : &joined;
  dnmf_status status = DNMF_OK;
  if (!part->kept)
    status = create_joined(&all->error, chains, part->which, &joined);
  if (status == DNMF_OK)
    status = create_saved(&all->error, chains, part, from, saved);
  status = dnmf_agree(all, status);
  if (status == DNMF_OK && !part->kept)
    join_chains(chains, part->which, true, &joined);
  if (status == DNMF_OK)
    status = dnmf_chain_groups_collect(&chains->groups, part->cols, part->slots, from, saved);
  dnmf_panel_free(&joined);
  return status;
}

/* Chain 0 into the fit's own factors. */
static dnmf_status show_first_chain(posterior_chains *chains) {
  dnmf_context *all = chains->groups.all;
  for (int which = 0; which < CHAIN_PANELS && chains->groups.count > 1; which++) {
    dnmf_panel *to = fit_panel(chains, which);
    const saved_part part = {NULL, panel_is_of_cols(which), 1, NULL, which};
    dnmf_panel saved = {0};
    if (to->components == 0)
      continue;
    dnmf_status status = save_part(chains, &part, &saved);
    for (int64_t row = 0; row < to->rows && status == DNMF_OK; row++)
      for (int c = 0; c < to->components; c++)
        dnmf_panel_set(to, row, c, dnmf_panel_get(&saved, row, c));
    dnmf_panel_free(&saved);
    DNMF_TRY(dnmf_agree(all, status));
  }
  return DNMF_OK;
}

static void add_part(const char *name, dnmf_model_side side, dnmf_panel *panel, dnmf_fit_state *now) {
  now->panels[now->panel_count++] = (dnmf_model_part){name, side, panel};
}

dnmf_status posterior_chains_save(posterior_chains *chains, dnmf_fit_state *now) {
  saved_part parts[SAVED_PARTS];
  list_parts(chains, parts);
  free_saved(chains);
  DNMF_TRY(show_first_chain(chains));
  add_part(DNMF_PART_TRACE, DNMF_SIDE_NEITHER, &chains->trace, now);
  for (int i = 0; i < SAVED_PARTS; i++) {
    const saved_part *part = &parts[i];
    const dnmf_model_side side = part->cols ? DNMF_SIDE_COLS : DNMF_SIDE_ROWS;
    if (!part_is_needed(chains, part))
      continue;
    if (part->kept && chains->groups.count == 1) {
      add_part(part->name, side, part->kept, now);
      continue;
    }
    DNMF_TRY(save_part(chains, part, &chains->saved[i]));
    add_part(part->name, side, &chains->saved[i], now);
  }
  return DNMF_OK;
}

/* The numbers of one part into the chains. */
static dnmf_status resume_part(posterior_chains *chains, const saved_part *part, const dnmf_panel *saved) {
  dnmf_context *all = chains->groups.all;
  dnmf_panel joined = {0};
  dnmf_panel *to = part->kept ? part->kept : &joined;
  dnmf_status status = DNMF_OK;
  if (!part->kept)
    status = create_joined(&all->error, chains, part->which, &joined);
  status = dnmf_agree(all, status);
  if (status == DNMF_OK)
    status = dnmf_chain_groups_deal(&chains->groups, part->cols, part->slots, saved, to);
  if (status == DNMF_OK && !part->kept)
    join_chains(chains, part->which, false, &joined);
  dnmf_panel_free(&joined);
  return status;
}

static dnmf_status check_part(dnmf_error *error, const char *name, int components, const dnmf_panel *saved) {
  if (saved && saved->components == components)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "the checkpoint is damaged: its %s is missing or not what a chain of this fit keeps", name);
}

dnmf_status posterior_chains_resume(posterior_chains *chains, const dnmf_fit_state *state) {
  dnmf_context *all = chains->groups.all;
  saved_part parts[SAVED_PARTS];
  list_parts(chains, parts);
  const dnmf_panel *trace = dnmf_fit_state_panel(state, DNMF_PART_TRACE);
  DNMF_TRY(dnmf_agree(all, check_part(&all->error, DNMF_PART_TRACE, 1, trace)));
  copy_chain_panel(trace, &chains->trace);
  for (int i = 0; i < SAVED_PARTS; i++) {
    const saved_part *part = &parts[i];
    if (!part_is_needed(chains, part))
      continue;
    const dnmf_panel *mine = part->kept ? part->kept : chain_panel(&chains->items[0], part->which);
    const int of_one = part->kept ? mine->components / chains->count : mine->components;
    const dnmf_panel *saved = dnmf_fit_state_panel(state, part->name);
    DNMF_TRY(dnmf_agree(all, check_part(&all->error, part->name, of_one * chains->groups.chains, saved)));
    DNMF_TRY(resume_part(chains, part, saved));
  }
  return DNMF_OK;
}

/* --- Figures ----------------------------------------------------------------------------------------------- */

static int64_t trace_place(const posterior_chains *chains, int64_t sweep, int chain, trace_figure figure) {
  return (sweep * chains->groups.chains + chain) * TRACE_FIGURES + (int64_t)figure;
}

double posterior_trace_get(const posterior_chains *chains, int64_t sweep, int chain, trace_figure figure) {
  return dnmf_panel_get(&chains->trace, trace_place(chains, sweep, chain, figure), 0);
}

void posterior_trace_set(posterior_chains *chains, int64_t sweep, int chain, trace_figure figure, double value) {
  dnmf_panel_set(&chains->trace, trace_place(chains, sweep, chain, figure), 0, value);
}
