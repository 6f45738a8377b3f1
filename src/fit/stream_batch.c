/*
 * One batch: an all-gather of H, a reduce-scatter of the batch's share of S, and two all-reduces of Gram matrices, with
 * which everything else rides along.
 */
#include "stream.h"

#include "comm/clock.h"
#include "comm/collective.h"
#include "matrix/product.h"

#include <math.h>
#include <string.h>

void dnmf_stream_keep_failure(stream *s, dnmf_status status) {
  if (s->failure == DNMF_OK)
    s->failure = status;
}

static bool forgets(const stream *s) {
  return s->options->forget > 0;
}

/* A_b and W_b of the batch whose turn it is. */
static void receive(stream *s, bool read_on) {
  double clock = MPI_Wtime();
  dnmf_range place = dnmf_stream_place(s->context, s->a->rows, s->options->batch_rows, s->visited % s->batches);
  s->rows = dnmf_panel_rows(s->w, place);
  s->products.rows = s->before.rows = s->rows.rows;
  if (s->failure == DNMF_OK)
    dnmf_stream_keep_failure(s, dnmf_row_blocks_next(s->context, s->blocks, read_on, &s->block));
  s->seconds.read += dnmf_lap(&clock);
}

/* products = A_b H' */
static dnmf_status multiply(stream *s) {
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_factor_gather(s->context, s->h));
  s->seconds.exchange += dnmf_lap(&clock);
  if (s->failure == DNMF_OK)
    dnmf_stream_keep_failure(s, dnmf_multiply(s->context, s->block, &s->h->gathered, &s->products));
  s->seconds.product += dnmf_lap(&clock);
  return DNMF_OK;
}

/* The update of either factor's rows, from products and the Gram matrix of the other, by a solver. */
static void solve(stream *s, dnmf_solver solver, int sweeps, dnmf_update *update) {
  for (int sweep = 0; sweep < sweeps && s->failure == DNMF_OK; sweep++)
    dnmf_stream_keep_failure(s, dnmf_solver_update(solver, s->a->precision, s->context->isa, s->context->threads,
                                                   update, &s->context->error));
}

/* W_b <- update(W_b; A_b H', H H') */
static void update_rows(stream *s, dnmf_solver solver, int sweeps) {
  double clock = MPI_Wtime();
  dnmf_update update = {.rows = s->rows.rows,
                        .components = s->rows.components,
                        .x = s->rows.data,
                        .products = s->products.data,
                        .gram = s->gram_h,
                        .l1 = s->l1_w,
                        .l2 = s->l2_w};
  solve(s, solver, sweeps, &update);
  s->seconds.update += dnmf_lap(&clock);
}

static void keep_rows(stream *s) {
  size_t row_bytes = (size_t)s->rows.components * dnmf_precision_size(s->rows.precision);
  if (s->rows.rows > 0)
    memcpy(s->before.data, s->rows.data, (size_t)s->rows.rows * row_bytes);
}

/* Sums a Gram matrix and its control values over all processes. */
static dnmf_status share_gram(stream *s, double *gram) {
  double clock = MPI_Wtime();
  int64_t squares = (int64_t)s->h->components * s->h->components;
  double *control = dnmf_stream_control(s, gram);
  control[CONTROL_EXPIRED] = clock - s->began > s->options->fit.time_limit;
  control[CONTROL_FAILED] = s->failure != DNMF_OK;
  DNMF_TRY(dnmf_sum_gram(s->context, gram, squares, CONTROLS));
  s->seconds.exchange += dnmf_lap(&clock);
  return control[CONTROL_FAILED] > 0 ? dnmf_agree(s->context, s->failure) : DNMF_OK;
}

/* gram_b = W_b' W_b, with <A_b, W_b H> and, at the end of a pass, what the penalties need of all W. */
static void sum_rows(stream *s) {
  double clock = MPI_Wtime();
  double *control = dnmf_stream_control(s, s->gram_b);
  bool last = (s->visited + 1) % s->batches == s->pass_ends;
  dnmf_stream_keep_failure(s, dnmf_panel_gram(s->context, &s->rows, s->gram_b));
  control[CONTROL_INNER] = dnmf_panel_dot(s->context, &s->products, &s->rows);
  control[CONTROL_SUM] = last && s->l1_w > 0 ? dnmf_panel_sum(s->w) : 0;
  control[CONTROL_SQUARES] = last && s->l2_w > 0 ? dnmf_panel_dot(s->context, s->w, s->w) : 0;
  s->seconds.gram += dnmf_lap(&clock);
}

/* Adds the batch to the terms of this pass's residual. */
static void add_terms(stream *s) {
  s->inner += dnmf_stream_control(s, s->gram_b)[CONTROL_INNER];
  for (int i = 0; i < s->h->components * s->h->components; i++)
    s->crossed += s->gram_b[i] * s->gram_h[i];
}

/* The share of the new W_b becomes its change, where the old one is in S and G already. */
static void take_out_old_share(stream *s) {
  double clock = MPI_Wtime();
  dnmf_stream_keep_failure(s, dnmf_panel_gram(s->context, &s->before, s->gram_before));
  for (int i = 0; i < s->h->components * s->h->components; i++)
    s->gram_b[i] -= s->gram_before[i];
  dnmf_panel_combine(s->context, -1, &s->before, 1, &s->rows);
  s->seconds.gram += dnmf_lap(&clock);
}

/* h->products = the batch's share of S, gram_b = its share of G. */
static dnmf_status contribute(stream *s) {
  bool replaces = !forgets(s) && s->visited >= s->batches;
  sum_rows(s);
  if (replaces)
    take_out_old_share(s);
  double clock = MPI_Wtime();
  if (s->failure == DNMF_OK)
    dnmf_stream_keep_failure(
        s, dnmf_multiply_transposed(s->context, s->block, replaces ? &s->before : &s->rows, &s->h->partial));
  s->seconds.product += dnmf_lap(&clock);
  DNMF_TRY(dnmf_factor_sum_scatter(s->context, s->h));
  s->seconds.exchange += dnmf_lap(&clock);
  return share_gram(s, s->gram_b);
}

/* Rows of the batch, on all processes. */
static double batch_size(const stream *s) {
  return (double)dnmf_range_size(dnmf_batch_rows(s->a->rows, s->options->batch_rows, s->visited % s->batches));
}

/* Mini-batch mu: what was divided is kept, instead of S and G. */
static void update_online(stream *s) {
  double share = batch_size(s) / (double)s->a->rows;
  const dnmf_online_update update = {.rows = s->h->mine.rows,
                                     .components = s->h->components,
                                     .x = s->h->mine.data,
                                     .numerators = s->sums.data,
                                     .denominators = s->divisors.data,
                                     .products = s->h->products.data,
                                     .gram = s->gram_b,
                                     .keep = s->keep,
                                     .l1 = s->l1_h * share,
                                     .l2 = s->l2_h * share};
  dnmf_solver_update_online(s->a->precision, s->context->isa, s->context->threads, &update);
}

/* S <- keep S + share, G <- keep G + share, H <- update(H; S, G). H's penalties weigh as the rows of A in S do. */
static void update_sums_and_h(stream *s) {
  int k = s->h->components;
  double rows = batch_size(s);
  s->seen = forgets(s) ? s->keep * s->seen + rows : fmin(s->seen + rows, (double)s->a->rows);
  for (int i = 0; i < k * k; i++)
    s->gram_w[i] = s->keep * s->gram_w[i] + s->gram_b[i];
  dnmf_panel_combine(s->context, s->keep, &s->sums, 1, &s->h->products);
  double weight = s->seen / (double)s->a->rows;
  dnmf_update update = {.rows = s->h->mine.rows,
                        .components = k,
                        .x = s->h->mine.data,
                        .products = s->sums.data,
                        .gram = s->gram_w,
                        .l1 = s->l1_h * weight,
                        .l2 = s->l2_h * weight};
  solve(s, s->options->fit.solver, s->options->sweeps, &update);
}

static void update_h(stream *s) {
  double clock = MPI_Wtime();
  if (s->divisors.data)
    update_online(s);
  else
    update_sums_and_h(s);
  s->seconds.update += dnmf_lap(&clock);
}

dnmf_status dnmf_stream_sum_h(stream *s) {
  double clock = MPI_Wtime();
  double *control = dnmf_stream_control(s, s->gram_h);
  dnmf_stream_keep_failure(s, dnmf_panel_gram(s->context, &s->h->mine, s->gram_h));
  control[CONTROL_INNER] = dnmf_panel_dot(s->context, &s->sums, &s->h->mine);
  control[CONTROL_SUM] = s->l1_h > 0 ? dnmf_panel_sum(&s->h->mine) : 0;
  control[CONTROL_SQUARES] = s->l2_h > 0 ? dnmf_panel_dot(s->context, &s->h->mine, &s->h->mine) : 0;
  s->seconds.gram += dnmf_lap(&clock);
  return share_gram(s, s->gram_h);
}

dnmf_status dnmf_stream_batch(stream *s) {
  receive(s, true);
  DNMF_TRY(multiply(s)); /* A_b H' */
  keep_rows(s);
  update_rows(s, s->options->fit.solver, s->options->sweeps); /* W_b <- update(W_b; A_b H', H H') */
  DNMF_TRY(contribute(s));                                    /* A_b' W_b, W_b' W_b, or by how much they change */
  add_terms(s);
  update_h(s); /* S, G and H <- update(H; S, G) */
  DNMF_TRY(dnmf_stream_sum_h(s));
  s->visited++;
  return DNMF_OK;
}

dnmf_status dnmf_stream_last_look(stream *s, bool read_on) {
  receive(s, read_on);
  DNMF_TRY(multiply(s));
  update_rows(s, DNMF_SOLVER_BPP, 1); /* W_b <- its minimizer */
  sum_rows(s);
  DNMF_TRY(share_gram(s, s->gram_b));
  add_terms(s);
  s->visited++;
  return DNMF_OK;
}
