#include "model/describe.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "model/merge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One factor to be described with the other one's means. */
typedef struct subject {
  const dnmf_panel *panel; /* owned here */
  const int64_t *counts;   /* NULL: none */
  dnmf_range owned;
  int64_t all; /* rows of the panel over all processes */
  const dnmf_panel *other;
  const int64_t *other_counts;
  double *mean;  /* of the other factor's components */
  double *share; /* of the components in the whole */
  double total;  /* evidence of all rows of the panel */
  dnmf_describe_by by;
  double lambda;
} subject;

static subject subject_of(const dnmf_model *model, bool by_rows) {
  if (by_rows)
    return (subject){.panel = &model->w,
                     .counts = model->row_counts,
                     .owned = model->owned_rows,
                     .all = model->rows,
                     .other = &model->h,
                     .other_counts = model->col_counts};
  return (subject){.panel = &model->h,
                   .counts = model->col_counts,
                   .owned = model->owned_cols,
                   .all = model->cols,
                   .other = &model->w,
                   .other_counts = model->row_counts};
}

void dnmf_description_free(dnmf_description *description) {
  free(description->share);
  free(description->order);
  free(description->counts);
  free(description->entries);
  memset(description, 0, sizeof *description);
}

/* s->mean: of the other factor over its entries, or its sum over its rows. collective */
static dnmf_status find_means(dnmf_context *context, subject *s) {
  const int k = s->panel->components;
  double weights = 0;
  for (int64_t i = 0; i < s->other->rows; i++) {
    double weight = s->other_counts ? (double)s->other_counts[i] : 1;
    weights += weight;
    for (int c = 0; c < k; c++)
      s->mean[c] += weight * dnmf_panel_get(s->other, i, c);
  }
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, s->mean, k));
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, &weights, 1));
  for (int c = 0; c < k && s->other_counts && weights > 0; c++)
    s->mean[c] /= weights;
  return DNMF_OK;
}

/* The sum of all components' parts of row `at` of the panel. */
static double whole_of(const subject *s, int64_t at) {
  double whole = 0;
  for (int c = 0; c < s->panel->components; c++)
    whole += s->mean[c] * dnmf_panel_get(s->panel, at, c);
  return whole;
}

static double share_of(const subject *s, int64_t at, int c, double whole) {
  return whole > 0 ? s->mean[c] * dnmf_panel_get(s->panel, at, c) / whole : 0;
}

static double evidence_of(const subject *s, int64_t at, double whole) {
  return s->counts ? (double)s->counts[at] : whole;
}

/* s->share. collective */
static dnmf_status find_shares(dnmf_context *context, subject *s) {
  const int k = s->panel->components;
  for (int64_t at = 0; at < s->panel->rows; at++) {
    double whole = whole_of(s, at);
    double evidence = whole > 0 ? evidence_of(s, at, whole) : 0;
    s->total += evidence;
    for (int c = 0; c < k; c++)
      s->share[c] += evidence * share_of(s, at, c, whole);
  }
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, s->share, k));
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, &s->total, 1));
  for (int c = 0; c < k && s->total > 0; c++)
    s->share[c] /= s->total;
  return DNMF_OK;
}

static double lift_of(const subject *s, int c, double share) {
  return s->share[c] > 0 ? share / s->share[c] : 0;
}

/* p(column | component) is evidence * share over its sum, which is the component's share of all evidence. */
static double relevance_of(const subject *s, int c, double share, double evidence) {
  double lift = lift_of(s, c, share);
  double mass = evidence * share / (s->share[c] * s->total);
  return s->lambda * log(mass) + (1 - s->lambda) * log(lift);
}

static double score_of(const subject *s, int64_t at, int c, double whole) {
  double share = share_of(s, at, c, whole);
  switch (s->by) {
  case DNMF_BY_WEIGHT:
    return dnmf_panel_get(s->panel, at, c);
  case DNMF_BY_LIFT:
    return lift_of(s, c, share);
  case DNMF_BY_EXCESS:
    return evidence_of(s, at, whole) * (share - s->share[c]);
  case DNMF_BY_RELEVANCE:
    break;
  }
  return relevance_of(s, c, share, evidence_of(s, at, whole));
}

/* Only what has a part in the component can describe it. */
static void offer_all(const subject *s, dnmf_top_set *lists) {
  for (int64_t at = 0; at < s->panel->rows; at++) {
    if (s->counts && s->counts[at] == 0) /* it stands for what others are like */
      continue;
    double whole = whole_of(s, at);
    for (int c = 0; c < s->panel->components; c++)
      if (dnmf_panel_get(s->panel, at, c) > 0)
        dnmf_top_offer(&lists->tops[c], (dnmf_scored){score_of(s, at, c, whole), s->owned.begin + at});
  }
}

static dnmf_status description_allocate(dnmf_context *context, subject *s, int64_t top, dnmf_top_set *lists,
                                        dnmf_description *description) {
  const int k = s->panel->components;
  void *memory = NULL;
  dnmf_error *error = &context->error;
  description->components = k;
  description->top = top;
  DNMF_TRY(dnmf_allocate_zero(error, "shares", k, sizeof(double), &memory));
  s->share = description->share = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "means", k, sizeof(double), &memory));
  s->mean = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "the order of components", k, sizeof(int), &memory));
  description->order = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "list lengths", k, sizeof(int64_t), &memory));
  description->counts = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "a description", k * top, sizeof(dnmf_description_entry), &memory));
  description->entries = memory;
  return dnmf_top_set_create(error, k, top, lists);
}

/* By share; insertion, as there are few. */
static void order_components(dnmf_description *description) {
  for (int c = 0; c < description->components; c++) {
    int at = c;
    for (; at > 0 && description->share[description->order[at - 1]] < description->share[c]; at--)
      description->order[at] = description->order[at - 1];
    description->order[at] = c;
  }
}

/* Process 0 knows who was chosen; the owners tell the rest, each entry's numbers coming from one process. The numbers
 * are added to zeros. collective */
static dnmf_status complete(dnmf_context *context, const subject *s, const dnmf_top_set *lists,
                            dnmf_description *description) {
  const int k = s->panel->components;
  const int64_t entries = k * description->top;
  for (int c = 0; c < k; c++) {
    description->counts[c] = lists->tops[c].count;
    for (int64_t t = 0; t < lists->tops[c].count; t++) {
      dnmf_scored scored = lists->tops[c].items[t];
      description->entries[c * description->top + t] =
          (dnmf_description_entry){.index = scored.item, .score = scored.score};
    }
  }
  DNMF_TRY(dnmf_broadcast(context, description->counts, k * (int64_t)sizeof(int64_t), 0));
  DNMF_TRY(dnmf_broadcast(context, description->entries, entries * (int64_t)sizeof(dnmf_description_entry), 0));
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(&context->error, "a description", 3 * entries, sizeof(double), &memory);
  DNMF_TRY(dnmf_agree(context, status));
  double *numbers = memory;
  for (int64_t e = 0; e < entries; e++) {
    int64_t index = description->entries[e].index;
    int64_t at = index - s->owned.begin;
    int c = (int)(e / description->top);
    if (e % description->top >= description->counts[c] || index < s->owned.begin || index >= s->owned.end)
      continue;
    numbers[3 * e] = dnmf_panel_get(s->panel, at, c);
    numbers[3 * e + 1] = share_of(s, at, c, whole_of(s, at));
    numbers[3 * e + 2] = s->counts ? (double)s->counts[at] : NAN;
  }
  status = dnmf_sum_doubles(context, context->comm, numbers, 3 * entries);
  for (int64_t e = 0; e < entries && status == DNMF_OK; e++) {
    description->entries[e].weight = numbers[3 * e];
    description->entries[e].share = numbers[3 * e + 1];
    description->entries[e].lift = lift_of(s, (int)(e / description->top), numbers[3 * e + 1]);
    description->entries[e].count = numbers[3 * e + 2];
  }
  free(numbers);
  return status;
}

dnmf_status dnmf_describe(dnmf_context *context, const dnmf_model *model, bool by_rows, dnmf_describe_by by,
                          double lambda, int64_t top, dnmf_description *description) {
  subject s = subject_of(model, by_rows);
  s.by = by;
  s.lambda = lambda;
  dnmf_top_set lists = {0};
  memset(description, 0, sizeof *description);
  dnmf_status status =
      dnmf_agree(context, description_allocate(context, &s, top < s.all ? top : s.all, &lists, description));
  if (status == DNMF_OK)
    status = find_means(context, &s);
  if (status == DNMF_OK)
    status = find_shares(context, &s);
  if (status == DNMF_OK) {
    order_components(description);
    offer_all(&s, &lists);
    status = dnmf_top_set_merge(context, &lists);
  }
  if (status == DNMF_OK)
    status = complete(context, &s, &lists, description);
  dnmf_top_set_free(&lists);
  free(s.mean);
  return status;
}
