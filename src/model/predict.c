/* Scores of pairs: the factor rows of a batch of pairs are fetched, then multiplied. */
#include "model/predict.h"

#include "base/memory.h"
#include "base/team.h"
#include "comm/collective.h"
#include "matrix/fetch.h"

#include <math.h>
#include <stdlib.h>

enum { PAIRS_AT_ONCE = 1 << 20 };

/* One side of a batch: where each pair's row is among those fetched. */
typedef struct side {
  int64_t *index; /* of the model, one a pair */
  int64_t *place; /* in `rows`, one a pair; -1: none */
  int64_t *wanted;
  int64_t wanted_count;
  dnmf_panel rows;
} side;

static void side_free(side *s) {
  free(s->index);
  free(s->place);
  free(s->wanted);
  dnmf_panel_free(&s->rows);
}

static dnmf_status prepare(dnmf_error *error, int64_t count, const dnmf_pair *pairs, bool cols, const dnmf_panel *mine,
                           side *s) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "pairs", count, sizeof(int64_t), &memory));
  s->index = memory;
  DNMF_TRY(dnmf_allocate(error, "pairs", count, sizeof(int64_t), &memory));
  s->place = memory;
  for (int64_t i = 0; i < count; i++)
    s->index[i] = cols ? pairs[i].col : pairs[i].row;
  DNMF_TRY(dnmf_fetch_list(error, count, s->index, &s->wanted, &s->wanted_count, s->place));
  return dnmf_panel_create(error, "fetched factor rows", s->wanted_count, mine->components, DNMF_DOUBLE, &s->rows);
}

static dnmf_status fetch(dnmf_context *context, const int64_t *bounds, const dnmf_panel *mine, side *s) {
  dnmf_fetch plan = {0};
  dnmf_status status = dnmf_fetch_plan(context, bounds, s->wanted, s->wanted_count, &plan);
  if (status == DNMF_OK)
    status = dnmf_fetch_rows(context, &plan, mine, &s->rows);
  dnmf_fetch_free(&plan);
  return status;
}

/* The fetched row of pair `i`, NULL when it is unknown: absent, or of a row that had no ratings. */
static const double *known_row(const dnmf_predictor *p, const side *s, int64_t i) {
  if (s->place[i] < 0)
    return NULL;
  const double *row = (const double *)s->rows.data + s->place[i] * s->rows.components;
  return row[p->components + 1] != 0 ? row : NULL;
}

/* Of a known row; 0 of an unknown one. The numbers of W are over the draws, those of H are not. */
static double bias_of(const dnmf_predictor *p, const double *row, bool of_cols) {
  const int k = p->components;
  const double level = of_cols && p->samples > 0 ? p->level / p->samples : p->level;
  double sum = 0;
  if (!row)
    return 0;
  for (int c = 0; c < k; c++)
    sum += row[c];
  return row[k] + level * sum;
}

static double fall_back(const dnmf_predictor *p, dnmf_fallback fallback, const double *w, const double *h) {
  switch (fallback) {
  case DNMF_FALLBACK_MEAN:
    return p->mean;
  case DNMF_FALLBACK_AVERAGE:
  case DNMF_FALLBACK_BIAS:
    return p->mean + bias_of(p, w, false) + bias_of(p, h, true);
  case DNMF_FALLBACK_NAN:
    break;
  }
  return NAN;
}

static double product(const dnmf_predictor *p, const double *w, const double *h) {
  const int k = p->components;
  double sum = p->constant + w[k] + h[k];
  for (int c = 0; c < k; c++)
    sum += w[c] * h[c];
  return sum;
}

/* Of the scores of the draws, two known rows. */
static double deviation_of(const dnmf_predictor *p, const double *w, const double *h) {
  const int draws = p->samples;
  const int k = draws > 1 ? p->components / draws : 0;
  const double *row_biases = w + p->components + DNMF_PREDICTOR_EXTRA;
  const double *col_biases = h + p->components + DNMF_PREDICTOR_EXTRA;
  double mean = 0;
  double squares = 0;
  if (draws < 2)
    return NAN;
  for (int s = 0; s < draws; s++) {
    double sum = 0;
    for (int c = s * k; c < (s + 1) * k; c++)
      sum += w[c] * h[c];
    const double drawn = draws * sum + row_biases[s] + col_biases[s];
    const double away = drawn - mean;
    mean += away / (s + 1);
    squares += away * (drawn - mean);
  }
  return sqrt(squares / (draws - 1));
}

static dnmf_prediction score(const dnmf_predictor *p, dnmf_fallback fallback, const double *w, const double *h) {
  if (w && h)
    return (dnmf_prediction){product(p, w, h), deviation_of(p, w, h), true};
  if (fallback == DNMF_FALLBACK_AVERAGE && p->average_row)
    return (dnmf_prediction){product(p, w ? w : p->average_row, h ? h : p->average_col), NAN, false};
  return (dnmf_prediction){fall_back(p, fallback, w, h), NAN, false};
}

typedef struct predict_call {
  const dnmf_predictor *predictor;
  dnmf_fallback fallback;
  const side *rows;
  const side *cols;
  dnmf_prediction *predictions;
} predict_call;

static void predict_some(void *of_call, int64_t begin, int64_t end) {
  const predict_call *call = of_call;
  const dnmf_predictor *p = call->predictor;
  for (int64_t i = begin; i < end; i++)
    call->predictions[i] = score(p, call->fallback, known_row(p, call->rows, i), known_row(p, call->cols, i));
}

static dnmf_status predict_batch(dnmf_context *context, const dnmf_predictor *p, dnmf_fallback fallback, int64_t count,
                                 const dnmf_pair *pairs, dnmf_prediction *predictions) {
  side rows = {0};
  side cols = {0};
  dnmf_status status = prepare(&context->error, count, pairs, false, &p->w, &rows);
  if (status == DNMF_OK)
    status = prepare(&context->error, count, pairs, true, &p->h, &cols);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = fetch(context, p->row_bounds, &p->w, &rows);
  if (status == DNMF_OK)
    status = fetch(context, p->col_bounds, &p->h, &cols);
  if (status == DNMF_OK) {
    const double operations = (double)count * p->w.components;
    predict_call call = {p, fallback, &rows, &cols, predictions};
    dnmf_team_run(dnmf_team(context->threads, operations), count, predict_some, &call);
  }
  side_free(&rows);
  side_free(&cols);
  return status;
}

dnmf_status dnmf_predict(dnmf_context *context, const dnmf_predictor *predictor, dnmf_fallback fallback, int64_t count,
                         const dnmf_pair *pairs, dnmf_prediction *predictions) {
  int64_t most = count;
  DNMF_TRY(dnmf_max_int64(context, context->comm, &most, 1));
  for (int64_t done = 0; done < most; done += PAIRS_AT_ONCE) {
    int64_t left = count > done ? count - done : 0;
    int64_t batch = left < PAIRS_AT_ONCE ? left : PAIRS_AT_ONCE;
    int64_t from = left > 0 ? done : 0;
    DNMF_TRY(predict_batch(context, predictor, fallback, batch, pairs + from, predictions + from));
  }
  return DNMF_OK;
}
