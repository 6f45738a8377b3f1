/*
 * Fits with zeros by ahals (solve/ahead.h): H lies in two panels, the model's and the one extrapolated, which is
 * gathered and multiplied with A. The objective of the model follows from that of W and the extrapolated H, whose terms
 * travel with the sums of W anyway, less what the sweeps of H lower it by.
 */
#include "base/memory.h"
#include "fit/zeros_state.h"

#include <stdlib.h>
#include <string.h>

static bool is_ahead(const zeros_fit *z) {
  return z->settings->solver == DNMF_SOLVER_AHALS;
}

static dnmf_ahead *memory_of(const zeros_fit *z, int start) {
  return &z->loop->fits[z->numbers[start]].memory.ahead;
}

dnmf_status zeros_ahead_open(zeros_fit *z) {
  void *memory = NULL;
  if (!is_ahead(z))
    return DNMF_OK;
  DNMF_TRY(dnmf_allocate_zero(&z->context->error, "looks ahead", z->starts, sizeof *z->looks, &memory));
  z->looks = memory;
  if (z->h.rows[0].ahead.components > 0)
    return DNMF_OK;
  const dnmf_panel *h = &z->h.rows[0].mine;
  z->owns_ahead = true;
  return dnmf_panel_create(&z->context->error, "the extrapolated factor", h->rows, h->components, h->precision,
                           &z->h.rows[0].ahead);
}

static void copy_to_ahead(const dnmf_panel *from, dnmf_panel *to) {
  if (from->rows > 0)
    memcpy(to->data, from->data, (size_t)(from->rows * from->components) * dnmf_precision_size(from->precision));
}

void zeros_ahead_begin(zeros_fit *z) {
  z->limits = dnmf_ahead_limits_of(z->a->rows, z->a->cols, z->a->sparse, (double)z->a->stored, z->settings->components);
  for (int s = 0; s < z->starts && is_ahead(z); s++) {
    const dnmf_loop_fit *fit = &z->loop->fits[z->numbers[s]];
    if (!fit->resume) {
      *memory_of(z, s) = dnmf_ahead_start(z->limits.most_sweeps);
      copy_to_ahead(&z->h.rows[s].mine, &z->h.rows[s].ahead);
    } else if (z->owns_ahead) { /* else the start's panel is as it was saved */
      copy_to_ahead(dnmf_fit_state_panel(fit->resume, DNMF_PART_AHEAD), &z->h.rows[s].ahead);
    }
  }
}

int zeros_ahead_sweeps(const zeros_fit *z, const zeros_factor *x, int start) {
  if (!is_ahead(z))
    return dnmf_sweeps(z->settings);
  const dnmf_ahead *memory = memory_of(z, start);
  return (int)(x == &z->w ? memory->sweeps_w : memory->sweeps_h);
}

dnmf_solver zeros_ahead_solver(const zeros_fit *z, const zeros_factor *x, int start) {
  const bool exact = is_ahead(z) && zeros_ahead_sweeps(z, x, start) == DNMF_AHEAD_EXACT;
  return exact ? DNMF_SOLVER_BPP : z->settings->solver;
}

void zeros_ahead_sum(const zeros_fit *z, zeros_factor *x, int start) {
  const dnmf_panel *sent = zeros_sent(&x->rows[start]);
  if (!is_ahead(z) || x != &z->h)
    return;
  zeros_ahead(z, x, start)[AHEAD_SUM] = x->l1 > 0 ? dnmf_panel_sum(sent) : 0;
  zeros_ahead(z, x, start)[AHEAD_SQUARES] = x->l2 > 0 ? dnmf_panel_dot(z->context, sent, sent) : 0;
}

void zeros_ahead_look(zeros_fit *z, const zeros_factor *x) {
  for (int s = 0; s < z->starts && is_ahead(z); s++) {
    const double *w = zeros_control(z, &z->w, s);
    const double *h = zeros_ahead(z, &z->h, s);
    z->looks[s] = (zeros_look){.inner = zeros_control(z, x, s)[CONTROL_LOSS],
                               .crossed = zeros_crossed(z, s),
                               .penalty = z->w.l1 * w[CONTROL_SUM] + 0.5 * z->w.l2 * w[CONTROL_SQUARES] +
                                          z->h.l1 * h[AHEAD_SUM] + 0.5 * z->h.l2 * h[AHEAD_SQUARES]};
  }
}

void zeros_ahead_extrapolate(zeros_fit *z, int start) {
  if (!is_ahead(z))
    return;
  const zeros_look *look = &z->looks[start];
  const double objective = 0.5 * (z->a->sum_squares - 2 * look->inner + look->crossed) + look->penalty;
  const double momentum = dnmf_ahead_take_momentum(memory_of(z, start), objective);
  dnmf_panel_extrapolate(z->context, momentum, &z->h.rows[start].mine, &z->h.rows[start].ahead);
}

/* The sweeps of H lower loss and penalty together; what they lower the loss by counts as <A, WH> does. */
void zeros_ahead_evaluate(const zeros_fit *z, int start, dnmf_reached *reached) {
  const zeros_look *look = &z->looks[start];
  const double lowered = zeros_ahead(z, &z->h, start)[AHEAD_ALL] + reached->penalty - look->penalty;
  dnmf_reached_from_terms(reached, z->a->precision, z->a->sum_squares, look->inner + lowered, look->crossed);
}

static dnmf_decrease decrease_of(const zeros_fit *z, const zeros_factor *x, int start) {
  const double *sums = zeros_ahead(z, x, start);
  return (dnmf_decrease){.first = sums[AHEAD_FIRST], .last = sums[AHEAD_LAST], .all = sums[AHEAD_ALL]};
}

void zeros_ahead_remember(zeros_fit *z, const dnmf_reached *all) {
  for (int s = 0; s < z->starts && is_ahead(z); s++) {
    const dnmf_reached *reached = &all[z->numbers[s]];
    const dnmf_decrease w = decrease_of(z, &z->w, s);
    const dnmf_decrease h = decrease_of(z, &z->h, s);
    dnmf_ahead *memory = memory_of(z, s);
    dnmf_ahead_reach(memory, reached->loss + reached->penalty, z->a->sum_squares, z->a->precision);
    if (!dnmf_ahead_is_settled(memory)) {
      memory->sweeps_w = dnmf_ahead_next_sweeps((int)memory->sweeps_w, &z->limits, &w);
      memory->sweeps_h = dnmf_ahead_next_sweeps((int)memory->sweeps_h, &z->limits, &h);
    }
    z->loop->fits[z->numbers[s]].result->ahead = *memory;
  }
}

void zeros_ahead_save(const zeros_fit *z, dnmf_fit_state *now) {
  if (is_ahead(z) && z->owns_ahead)
    now->panels[now->panel_count++] = (dnmf_model_part){DNMF_PART_AHEAD, DNMF_SIDE_COLS, &z->h.rows[0].ahead};
}

void zeros_ahead_close(zeros_fit *z) {
  if (z->owns_ahead) {
    dnmf_panel_free(&z->h.rows[0].ahead);
    z->h.x->gathered.data = z->h.x->group_size == 1 ? z->h.x->mine.data : z->h.x->gathered.data;
  }
  free(z->looks);
}
