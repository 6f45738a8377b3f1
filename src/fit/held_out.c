#include "held_out.h"

#include "base/team.h"

/* x_row y_place over the first `count` numbers of the rows. */
static double dot_rows(const dnmf_panel *x, int64_t row, const dnmf_panel *y, int64_t place, int count) {
  int64_t x_at = row * x->components;
  int64_t y_at = place * y->components;
  double sum = 0;
  if (x->precision == DNMF_DOUBLE) {
    const double *a = (const double *)x->data + x_at;
    const double *b = (const double *)y->data + y_at;
    for (int c = 0; c < count; c++)
      sum += a[c] * b[c];
  } else {
    const float *a = (const float *)x->data + x_at;
    const float *b = (const float *)y->data + y_at;
    for (int c = 0; c < count; c++)
      sum += (double)a[c] * (double)b[c];
  }
  return sum;
}

/* Whether a row or column without entries in the fit is zero, and not what others are pulled towards. */
static bool pair_is_blank(const dnmf_held_out *p, int64_t row, int64_t place) {
  const int64_t *start = p->ratings->by_rows.entries.start;
  if (dnmf_observed_is_around_level(p->settings) || dnmf_observed_shrinks_to_mean(p->settings))
    return false;
  return start[row + 1] == start[row] || !p->view->needed_known[place];
}

/* w_i h_j with biases and mean; where a row or column has no data and is zero, its product is expected to be what the
 * others' is on average (as predict.h). */
static double predict(const dnmf_held_out *p, int64_t row, int64_t place) {
  const dnmf_settings *settings = p->settings;
  const dnmf_ratings *ratings = p->ratings;
  int k = settings->components;
  double score = pair_is_blank(p, row, place) ? ratings->mean : dnmf_observed_mean(settings, ratings);
  score += dot_rows(p->w, row, p->needed, place, k);
  if (dnmf_observed_has_biases(settings))
    score += dnmf_panel_get(p->w, row, k) + dnmf_panel_get(p->needed, place, k);
  return score;
}

static double value_at(const dnmf_ratings_view *view, dnmf_precision precision, int64_t at) {
  return dnmf_number_at(dnmf_number_of(precision, view->entries.narrow), view->entries.value, at);
}

/* Of a prediction clipped to the scale. */
static double squared_error(const dnmf_held_out *p, int64_t at, double score) {
  const dnmf_ratings *ratings = p->ratings;
  score = score < ratings->smallest ? ratings->smallest : score;
  score = score > ratings->largest ? ratings->largest : score;
  const double error = value_at(p->view, ratings->precision, at) - score;
  return error * error;
}

typedef struct scores_call {
  const dnmf_held_out *held_out;
  double *scores;         /* to be set */
  const double *of_model; /* NULL: of the factors */
} scores_call;

static void score_rows(void *of_call, int64_t begin, int64_t end) {
  const scores_call *call = of_call;
  const dnmf_csr *entries = &call->held_out->view->entries;
  for (int64_t row = begin; row < end; row++)
    for (int64_t at = entries->start[row]; at < entries->start[row + 1]; at++)
      call->scores[at] = predict(call->held_out, row, entries->index[at]);
}

void dnmf_held_out_scores(const dnmf_held_out *held_out, int threads, double *scores) {
  const dnmf_csr *entries = &held_out->view->entries;
  const double operations = (double)entries->start[entries->rows] * held_out->w->components;
  scores_call call = {.held_out = held_out, .scores = scores};
  dnmf_team_run(dnmf_team(threads, operations), entries->rows, score_rows, &call);
}

static void square_rows(void *of_call, int64_t begin, int64_t end) {
  const scores_call *call = of_call;
  const dnmf_held_out *held_out = call->held_out;
  const dnmf_csr *entries = &held_out->view->entries;
  for (int64_t row = begin; row < end; row++) {
    held_out->squares[row] = 0;
    for (int64_t at = entries->start[row]; at < entries->start[row + 1]; at++)
      held_out->squares[row] +=
          squared_error(held_out, at, call->of_model ? call->of_model[at] : predict(held_out, row, entries->index[at]));
  }
}

/* Row by row; `scores` NULL: of the factors. */
static double held_out_sum(const dnmf_held_out *held_out, int threads, const double *scores) {
  const dnmf_csr *entries = &held_out->view->entries;
  double sum = 0;
  const double operations = (double)entries->start[entries->rows] * (scores ? 1 : held_out->w->components);
  scores_call call = {.held_out = held_out, .of_model = scores};
  dnmf_team_run(dnmf_team(threads, operations), entries->rows, square_rows, &call);
  for (int64_t row = 0; row < entries->rows; row++)
    sum += held_out->squares[row];
  return sum;
}

double dnmf_held_out_squares(const dnmf_held_out *held_out, int threads) {
  return held_out_sum(held_out, threads, NULL);
}

double dnmf_held_out_squares_of(const dnmf_held_out *held_out, int threads, const double *scores) {
  return held_out_sum(held_out, threads, scores);
}
