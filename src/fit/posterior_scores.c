#include "posterior_scores.h"

#include "held_out.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>

static dnmf_status allocate_scores(dnmf_error *error, int64_t count, double **numbers) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(error, "held-out predictions", count, sizeof(double), &memory);
  *numbers = memory;
  return status;
}

static int64_t held_out_count(const held_out_room *room) {
  return room->view->entries.start[room->view->entries.rows];
}

static dnmf_status create_room(dnmf_context *context, const dnmf_ratings *ratings, const dnmf_ratings_view *view,
                               const dnmf_panel *h, held_out_room *room) {
  *room = (held_out_room){.context = context, .ratings = ratings, .view = view};
  DNMF_TRY(dnmf_panel_create(&context->error, "fetched factor rows", view->needed_count, h->components, h->precision,
                             &room->needed));
  return allocate_scores(&context->error, view->entries.rows, &room->squares);
}

static void free_room(held_out_room *room) {
  dnmf_panel_free(&room->needed);
  free(room->squares);
}

dnmf_status posterior_scores_create(const posterior_chains *chains, posterior_scores *scores) {
  const dnmf_chain_groups *groups = &chains->groups;
  dnmf_error *error = &groups->all->error;
  scores->chains = chains;
  DNMF_TRY(create_room(groups->context, groups->ratings, groups->held_out, chains->h, &scores->of_draws));
  DNMF_TRY(create_room(groups->all, groups->all_ratings, groups->all_held_out, chains->h, &scores->of_model));
  DNMF_TRY(allocate_scores(error, held_out_count(&scores->of_model), &scores->mean));
  return groups->count > 1 ? allocate_scores(error, held_out_count(&scores->of_model), &scores->arrived) : DNMF_OK;
}

void posterior_scores_free(posterior_scores *scores) {
  free_room(&scores->of_draws);
  free_room(&scores->of_model);
  free(scores->arrived);
  free(scores->mean);
}

int64_t posterior_scores_count(const posterior_scores *scores) {
  return held_out_count(&scores->of_model);
}

/* --- Held-out entries -------------------------------------------------------------------------------------- */

static dnmf_held_out view_of(const posterior_scores *s, const held_out_room *room, const dnmf_panel *w) {
  return (dnmf_held_out){.settings = s->chains->settings,
                         .ratings = room->ratings,
                         .view = room->view,
                         .w = w,
                         .needed = &room->needed,
                         .squares = room->squares};
}

/* The scores of the held-out entries by these factors. collective in the room's context */
static dnmf_status score_held_out(const posterior_scores *s, held_out_room *room, const dnmf_panel *w,
                                  const dnmf_panel *h, double *scores) {
  DNMF_TRY(dnmf_ratings_gather(room->context, room->view, h, &room->needed));
  const dnmf_held_out view = view_of(s, room, w);
  dnmf_held_out_scores(&view, room->context->threads, scores);
  return DNMF_OK;
}

dnmf_status posterior_scores_of_draw(posterior_scores *s, posterior_chain *chain) {
  return score_held_out(s, &s->of_draws, chain->w, chain->h, chain->scores);
}

double posterior_scores_squares(const posterior_scores *s, const posterior_chain *chain) {
  const held_out_room *room = chain ? &s->of_draws : &s->of_model;
  const dnmf_held_out view = view_of(s, room, NULL);
  return dnmf_held_out_squares_of(&view, room->context->threads, chain ? chain->scores : s->mean);
}

/* One draw more in the mean of those `before`. */
static void add_to_mean_scores(posterior_scores *s, const double *scores, int before) {
  const int64_t count = held_out_count(&s->of_model);
  for (int64_t i = 0; i < count; i++)
    s->mean[i] += (scores[i] - s->mean[i]) / (before + 1);
}

/* Slot number `slot` as a panel of its own. */
static void take_slot(const dnmf_panel *slots, int slot, dnmf_panel *x) {
  for (int64_t row = 0; row < x->rows; row++)
    for (int c = 0; c < x->components; c++)
      dnmf_panel_set(x, row, c, dnmf_panel_get(slots, row, slot * x->components + c));
}

/* Factors of one draw, for all processes. */
typedef struct draw_room {
  dnmf_panel w;
  dnmf_panel h;
} draw_room;

static void free_draw_room(draw_room *room) {
  dnmf_panel_free(&room->w);
  dnmf_panel_free(&room->h);
}

/* collective */
static dnmf_status create_draw_room(const posterior_scores *s, int slots, draw_room *room) {
  const dnmf_panel *w = s->chains->w;
  const dnmf_panel *h = s->chains->h;
  dnmf_error *error = &s->chains->groups.all->error;
  dnmf_status status = dnmf_panel_create(error, "draws", w->rows, slots * w->components, w->precision, &room->w);
  if (status == DNMF_OK)
    status = dnmf_panel_create(error, "draws", h->rows, slots * h->components, h->precision, &room->h);
  return dnmf_agree(s->chains->groups.all, status);
}

/* s->mean by the mean of all chains' means. collective */
static dnmf_status score_mean(posterior_scores *s) {
  const dnmf_chain_groups *groups = &s->chains->groups;
  const posterior_kept *kept = &s->chains->kept;
  draw_room of_chains = {.w = {0}};
  draw_room mean = {.w = {0}};
  dnmf_status status = create_draw_room(s, groups->chains, &of_chains);
  if (status == DNMF_OK)
    status = create_draw_room(s, 1, &mean);
  if (status == DNMF_OK)
    status = dnmf_chain_groups_collect(groups, false, 1, &kept->w, &of_chains.w);
  if (status == DNMF_OK)
    status = dnmf_chain_groups_collect(groups, true, 1, &kept->h, &of_chains.h);
  if (status == DNMF_OK) {
    posterior_average_slots(&of_chains.w, groups->chains, &mean.w);
    posterior_average_slots(&of_chains.h, groups->chains, &mean.h);
    status = score_held_out(s, &s->of_model, &mean.w, &mean.h, s->mean);
  }
  free_draw_room(&of_chains);
  free_draw_room(&mean);
  return status;
}

dnmf_status posterior_scores_renew(posterior_scores *s, int at) {
  const dnmf_chain_groups *groups = &s->chains->groups;
  if (s->chains->settings->posterior.keep_mean)
    return score_mean(s);
  for (int chain = 0; chain < groups->chains; chain++) {
    const bool here = chain >= groups->mine.begin && chain < groups->mine.end;
    const double *scores = here ? s->chains->items[chain - groups->mine.begin].scores : NULL;
    if (groups->count > 1)
      DNMF_TRY(dnmf_chain_groups_collect_scores(groups, chain, scores, s->arrived));
    add_to_mean_scores(s, groups->count > 1 ? s->arrived : scores, at * groups->chains + chain);
  }
  return DNMF_OK;
}

dnmf_status posterior_scores_restore(posterior_scores *s, const dnmf_fit_state *saved) {
  const int draws = s->chains->done * s->chains->groups.chains;
  draw_room draw = {.w = {0}};
  if (s->chains->settings->posterior.keep_mean)
    return score_mean(s);
  dnmf_status status = create_draw_room(s, 1, &draw);
  void *memory = NULL;
  if (status == DNMF_OK)
    status = dnmf_agree(s->chains->groups.all, dnmf_allocate(&s->chains->groups.all->error, "held-out predictions",
                                                             held_out_count(&s->of_model), sizeof(double), &memory));
  for (int at = 0; at < draws && status == DNMF_OK; at++) {
    take_slot(dnmf_fit_state_panel(saved, DNMF_PART_KEPT_W), at, &draw.w);
    take_slot(dnmf_fit_state_panel(saved, DNMF_PART_KEPT_H), at, &draw.h);
    status = score_held_out(s, &s->of_model, &draw.w, &draw.h, memory);
    if (status == DNMF_OK)
      add_to_mean_scores(s, memory, at);
  }
  free(memory);
  free_draw_room(&draw);
  return status;
}
