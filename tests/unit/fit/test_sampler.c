/*
 * The Gibbs sampler against three oracles: numerical integration of a tiny posterior; the moments of implicit terms
 * given the rows, by a dense inverse; and Geweke's joint-distribution test (2004): parameters drawn from their priors
 * have the distribution of a chain in which a sweep of the sampler and new data given the parameters take turns,
 * without implicit terms and with those of both sides. All know the model from its definition alone.
 */
#include "fit/sampler.h"
#include "mpi_test.h"

#include <math.h>
#include <stdlib.h>

enum { MOST = 4, PARAMETERS_SEED = 77 };

/* --- A small chain ----------------------------------------------------------------------------------------- */

/* Which entries there are; all rows and columns have some. */
typedef bool pattern[MOST][MOST];
static const pattern EVERYWHERE = {{1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}};
static const pattern PARTLY = {{1, 1, 1, 0}, {1, 0, 1, 0}, {0, 1, 0, 0}, {1, 1, 0, 0}}; /* of 4 x 3 */

typedef struct chain {
  int rows;
  int cols;
  const pattern *has;
  dnmf_evidence evidence;
  dnmf_settings settings;
  dnmf_ratings ratings;
  dnmf_panel w;
  dnmf_panel h;
  dnmf_sampler sampler;
} chain;

static double first_value(int row, int col) {
  return 3.0137 + sin(1.7 * row + 2.9 * col + row * col); /* none is narrow */
}

static void chain_create(int rows, int cols, int components, dnmf_precision precision, bool row_biases,
                         const pattern *has, dnmf_evidence_of evidence, chain *c) {
  dnmf_context *context = test_context();
  dnmf_entries entries = {.items = malloc(MOST * MOST * sizeof(dnmf_entry))};
  assert_non_null(entries.items);
  *c = (chain){.rows = rows, .cols = cols, .has = has};
  context->threads = 1; /* sweeps of a few numbers, tens of thousands of them */
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < cols; j++)
      if ((*has)[i][j])
        entries.items[entries.count++] = (dnmf_entry){i, j, first_value(i, j)};
  c->settings = (dnmf_settings){.components = components,
                                .solver = DNMF_SOLVER_HALS,
                                .seed = 4,
                                .observed = {.bias_rows = row_biases,
                                             .bias_cols = true,
                                             .around_level = true,
                                             .start_scale = 0.05,
                                             .evidence = evidence},
                                .posterior = {.samples = 10, .burn_in = 1, .thin = 1}};
  assert_ok(dnmf_ratings_create(context, rows, cols, precision, &entries, &c->ratings));
  assert_ok(dnmf_start_observed(&context->error, &c->settings, &c->ratings, &c->w, &c->h));
  assert_ok(dnmf_evidence_create(&context->error, &c->settings, &c->ratings, &c->evidence));
  assert_ok(dnmf_sampler_create(context, &c->settings, &c->ratings, &c->w, &c->h,
                                evidence == DNMF_EVIDENCE_NONE ? NULL : &c->evidence, 0, &c->sampler));
  assert_ok(dnmf_sampler_begin(&c->sampler, 0, -1, 0, NULL));
}

static void chain_free(chain *c) {
  dnmf_sampler_free(&c->sampler);
  dnmf_panel_free(&c->w);
  dnmf_panel_free(&c->h);
  dnmf_evidence_free(&c->evidence);
  dnmf_ratings_free(&c->ratings);
}

/* Whether row `row` of a side, 0 that of rows and 1 that of columns, has an entry with `other` of the other one. */
static bool side_has(const chain *c, int side, int row, int other) {
  return side == 0 ? (*c->has)[row][other] : (*c->has)[other][row];
}

static int side_rows(const chain *c, int side) {
  return side == 0 ? c->rows : c->cols;
}

static int side_entries(const chain *c, int side, int row) {
  int entries = 0;
  for (int other = 0; other < side_rows(c, 1 - side); other++)
    entries += side_has(c, side, row, other);
  return entries;
}

/* Of component t of a row as a deviation, and its bias. */
static double deviation_at(const chain *c, const dnmf_panel *x, int row, int t) {
  return dnmf_panel_get(x, row, t) - c->sampler.level;
}

static double bias_at(const chain *c, const dnmf_panel *x, int row) {
  double bias = dnmf_panel_get(x, row, c->settings.components);
  for (int t = 0; t < c->settings.components; t++)
    bias += c->sampler.level * dnmf_panel_get(x, row, t);
  return bias;
}

static double predicted_at(const chain *c, int row, int col) {
  double sum = c->ratings.mean + bias_at(c, &c->w, row) + bias_at(c, &c->h, col);
  for (int t = 0; t < c->settings.components; t++)
    sum += deviation_at(c, &c->w, row, t) * deviation_at(c, &c->h, col, t);
  return sum;
}

/* --- Against numerical integration ------------------------------------------------------------------------- */

/* What a column adds given the deviations x of the rows: log of the integral over its number and bias, and the mean of
 * its deviation, all other things known. */
typedef struct column_part {
  double log_density;
  double mean;
} column_part;

typedef struct known {
  double level;
  double noise;     /* precision */
  double mean;      /* of the numbers of either factor, as deviations */
  double precision; /* of these */
  double bias;      /* precision of column biases about 0 */
} known;

static double log_normal_cdf(double x) {
  return log(0.5 * erfc(-x / sqrt(2)));
}

static column_part integrate_column(const known *k, int rows, const double *x, const double *r) {
  /* The bias integrated: covariance I / noise + 1 1' / bias, whose inverse is noise (I - s 1 1'). */
  const double s = 1 / (rows + k->bias / k->noise);
  double xx = 0, xr = 0, rr = 0, sx = 0, sr = 0;
  for (int i = 0; i < rows; i++) {
    xx += x[i] * x[i];
    xr += x[i] * r[i];
    rr += r[i] * r[i];
    sx += x[i];
    sr += r[i];
  }
  const double precision = k->precision + k->noise * (xx - s * sx * sx);
  const double linear = k->precision * k->mean + k->noise * (xr - s * sx * sr);
  const double center = linear / precision;
  const double root = sqrt(precision);
  const double a = -(center + k->level) * root; /* standardized bound */
  const double log_tail = log_normal_cdf(-a);
  const double hazard = exp(-0.5 * a * a - log_tail) / sqrt(2 * acos(-1));
  return (column_part){-0.5 * k->noise * (rr - s * sr * sr) - 0.5 * log(precision) + 0.5 * linear * center + log_tail,
                       center + hazard / root};
}

enum { MOMENTS = 4 };

/* E x_0, E x_0^2, E x_0 x_1, E x_0 u_0 of the row deviations x and the first column's u, on a grid. */
static void integrate(const chain *c, const known *k, double moments[MOMENTS]) {
  enum { POINTS = 61 };
  const double span = 3;
  double total = 0;
  for (int m = 0; m < MOMENTS; m++)
    moments[m] = 0;
  for (int p = 0; p < POINTS * POINTS * POINTS; p++) {
    const int at[3] = {p % POINTS, p / POINTS % POINTS, p / POINTS / POINTS};
    double x[3];
    double log_density = 0;
    double first = 0;
    double weight = 1;
    for (int i = 0; i < 3; i++) {
      x[i] = -k->level + span * at[i] / (POINTS - 1);
      weight *= at[i] == 0 || at[i] == POINTS - 1 ? 1 : at[i] % 2 == 1 ? 4 : 2; /* Simpson */
      log_density -= 0.5 * k->precision * (x[i] - k->mean) * (x[i] - k->mean);
    }
    for (int j = 0; j < 3; j++) {
      double r[3];
      for (int i = 0; i < 3; i++)
        r[i] = first_value(i, j) - c->ratings.mean;
      const column_part part = integrate_column(k, 3, x, r);
      log_density += part.log_density;
      first = j == 0 ? part.mean : first;
    }
    const double density = weight * exp(log_density);
    total += density;
    moments[0] += density * x[0];
    moments[1] += density * x[0] * x[0];
    moments[2] += density * x[0] * x[1];
    moments[3] += density * x[0] * first;
  }
  for (int m = 0; m < MOMENTS; m++)
    moments[m] /= total;
}

static void set_prior(const known *k, dnmf_sampler *s, dnmf_sampler_side *side) {
  side->prior.mean[0] = k->mean;
  side->prior.precision[0] = k->precision;
  side->prior.mean[1] = 0;
  side->prior.precision[1] = k->bias;
  side->prior.slope[0] = side->prior.slope[1] = 0;
  side->l2[0] = k->precision / k->noise;
  side->center[0] = s->level + k->mean;
}

static void check_integrals(dnmf_precision precision) {
  enum { SWEEPS = 12000 };
  chain c;
  dnmf_fit_seconds seconds = {0};
  double expected[MOMENTS];
  double found[MOMENTS] = {0};
  chain_create(3, 3, 1, precision, false, &EVERYWHERE, DNMF_EVIDENCE_NONE, &c);
  const known k = {c.sampler.level, 2, 0.1, 3, 1.5};
  integrate(&c, &k, expected);
  for (int s = 0; s < SWEEPS; s++) {
    c.sampler.noise_precision = k.noise;
    set_prior(&k, &c.sampler, &c.sampler.rows);
    set_prior(&k, &c.sampler, &c.sampler.cols);
    assert_ok(dnmf_sampler_draw_factors(&c.sampler, &seconds));
    const double x[2] = {deviation_at(&c, &c.w, 0, 0), deviation_at(&c, &c.w, 1, 0)};
    found[0] += x[0] / SWEEPS;
    found[1] += x[0] * x[0] / SWEEPS;
    found[2] += x[0] * x[1] / SWEEPS;
    found[3] += x[0] * deviation_at(&c, &c.h, 0, 0) / SWEEPS;
  }
  for (int m = 0; m < MOMENTS; m++)
    if (fabs(found[m] - expected[m]) > 0.03)
      fail_msg("moment %d is %g, not %g", m, found[m], expected[m]);
  chain_free(&c);
}

static void a_tiny_posterior_is_its_integral(void **state) {
  (void)state;
  check_integrals(DNMF_DOUBLE);
  check_integrals(DNMF_SINGLE);
}

/* --- Moments of implicit terms ----------------------------------------------------------------------------- */

enum { BRINGERS = 3 }; /* of rows' terms: the columns */

/* The inverse of a small matrix, by Gauss and Jordan. */
static void invert(double a[BRINGERS][BRINGERS], double inverse[BRINGERS][BRINGERS]) {
  for (int i = 0; i < BRINGERS; i++)
    for (int j = 0; j < BRINGERS; j++)
      inverse[i][j] = i == j;
  for (int p = 0; p < BRINGERS; p++) {
    const double pivot = a[p][p];
    for (int j = 0; j < BRINGERS; j++) {
      a[p][j] /= pivot;
      inverse[p][j] /= pivot;
    }
    for (int i = 0; i < BRINGERS; i++) {
      const double factor = i == p ? 0 : a[i][p];
      for (int j = 0; j < BRINGERS; j++) {
        a[i][j] -= factor * a[p][j];
        inverse[i][j] -= factor * inverse[p][j];
      }
    }
  }
}

/* Mean and covariance of what columns bring to rows that differ by e from what they are pulled towards:
 * e ~ N(X y, 1 / lambda), y ~ N(0, 1 / tau). */
static void expect_terms(const chain *c, const double *e, double lambda, double tau, double mean[BRINGERS],
                         double covariance[BRINGERS][BRINGERS]) {
  double a[BRINGERS][BRINGERS] = {{0}};
  double b[BRINGERS] = {0};
  for (int i = 0; i < c->rows; i++)
    for (int j = 0; j < BRINGERS; j++) {
      const double x = side_has(c, 0, i, j) / sqrt(side_entries(c, 0, i));
      b[j] += lambda * x * e[i];
      for (int l = 0; l < BRINGERS; l++)
        a[j][l] += lambda * x * side_has(c, 0, i, l) / sqrt(side_entries(c, 0, i));
    }
  for (int j = 0; j < BRINGERS; j++)
    a[j][j] += tau;
  invert(a, covariance);
  for (int j = 0; j < BRINGERS; j++) {
    mean[j] = 0;
    for (int l = 0; l < BRINGERS; l++)
      mean[j] += covariance[j][l] * b[l];
  }
}

/* The rows' numbers stay; everything else that the terms are drawn from is set before each draw. */
static void check_terms(dnmf_precision precision, int t) {
  enum { DRAWS = 30000, COMPONENTS = 2 };
  static const double deviations[MOST] = {0.4, -0.1, 0.3, -0.2};
  const double lambda = 3;
  const double tau = 1.5;
  double e[MOST];
  double mean[BRINGERS];
  double covariance[BRINGERS][BRINGERS];
  double sum[BRINGERS] = {0};
  double products[BRINGERS][BRINGERS] = {{0}};
  chain c;
  chain_create(4, BRINGERS, COMPONENTS, precision, true, &PARTLY, DNMF_EVIDENCE_ROWS, &c);
  dnmf_sampler_side *side = &c.sampler.rows;
  for (int i = 0; i < c.rows; i++) {
    double stored = deviations[i];
    for (int k = 0; k < COMPONENTS; k++) {
      dnmf_panel_set(&c.w, i, k, c.sampler.level + deviations[i]);
      stored -= c.sampler.level * dnmf_panel_get(&c.w, i, k);
    }
    dnmf_panel_set(&c.w, i, COMPONENTS, stored);
    e[i] = (t < COMPONENTS ? deviation_at(&c, &c.w, i, t) : bias_at(&c, &c.w, i)) - 0.1;
  }
  expect_terms(&c, e, lambda, tau, mean, covariance);
  for (int s = 0; s < DRAWS; s++) {
    for (int k = 0; k <= COMPONENTS; k++) {
      side->prior.mean[k] = 0.1;
      side->prior.slope[k] = 0;
      side->prior.precision[k] = lambda;
      side->terms.tau[k] = tau;
      if (k < COMPONENTS)
        side->center[k] = c.sampler.level + 0.1;
    }
    c.sampler.sweeps = s + 1;
    assert_ok(dnmf_sampler_draw_priors(&c.sampler, 0, NULL));
    for (int j = 0; j < BRINGERS; j++) {
      const double y = dnmf_panel_get(&c.evidence.of_cols, j, t) - mean[j];
      sum[j] += y / DRAWS;
      for (int l = 0; l <= j; l++)
        products[j][l] += y * (dnmf_panel_get(&c.evidence.of_cols, l, t) - mean[l]) / DRAWS;
    }
  }
  for (int j = 0; j < BRINGERS; j++) {
    const double error = sqrt(covariance[j][j] / DRAWS);
    if (fabs(sum[j]) > 4 * error)
      fail_msg("number %d of bringer %d: mean %g away from %g", t, j, sum[j], mean[j]);
    for (int l = 0; l <= j; l++) {
      const double scale = sqrt(covariance[j][j] * covariance[l][l]);
      if (fabs(products[j][l] - covariance[j][l]) > 0.03 * scale)
        fail_msg("number %d of bringers %d and %d: covariance %g, not %g", t, j, l, products[j][l], covariance[j][l]);
    }
  }
  for (int i = 0; i < c.rows; i++) { /* the terms are those of what is brought now */
    double term = 0;
    for (int j = 0; j < BRINGERS; j++)
      term += side_has(&c, 0, i, j) * dnmf_panel_get(&c.evidence.of_cols, j, t) / sqrt(side_entries(&c, 0, i));
    assert_true(fabs(term - dnmf_panel_get(&c.evidence.row_terms, i, t)) < (precision == DNMF_DOUBLE ? 1e-10 : 1e-3));
  }
  chain_free(&c);
}

static void draws_of_terms_have_their_moments(void **state) {
  (void)state;
  check_terms(DNMF_DOUBLE, 1);
  check_terms(DNMF_SINGLE, 2); /* of the biases */
}

/* --- Geweke's test ----------------------------------------------------------------------------------------- */

enum { GEWEKE_ROWS = 4, GEWEKE_COLS = 3, GEWEKE_COMPONENTS = 2, PLAIN_FIGURES = 20, FIGURES = 36 };

/* A draw of everything, from the priors or from the chain. */
typedef struct parameters {
  double x[2][MOST][GEWEKE_COMPONENTS + 1]; /* deviations and bias of rows and of columns */
  double mean[2][GEWEKE_COMPONENTS + 1];
  double slope[2][GEWEKE_COMPONENTS + 1];
  double precision[2][GEWEKE_COMPONENTS + 1];
  double y[2][MOST][GEWEKE_COMPONENTS + 1]; /* with implicit terms: what columns bring to rows, and rows to columns */
  double tau[2][GEWEKE_COMPONENTS + 1];
  double noise;
} parameters;

/* Bounded, as the priors have no moments. */
static void figures_of(const parameters *p, double figures[FIGURES]) {
  int at = 0;
  for (int side = 0; side < 2; side++) {
    for (int t = 0; t <= GEWEKE_COMPONENTS; t += 2) {
      figures[at++] = tanh(p->x[side][0][t]);
      figures[at++] = exp(-p->x[side][1][t] * p->x[side][1][t]);
      figures[at++] = tanh(p->mean[side][t]);
      figures[at++] = tanh(p->x[side][0][t] * p->x[side][2][t]);
      figures[at++] = 1 / (1 + p->precision[side][t]);
    }
    figures[at - 1] = tanh(p->slope[side][0] * p->mean[side][0]);
  }
  figures[at - 1] = 1 / (1 + p->noise);
  for (int side = 0; side < 2; side++)
    for (int t = 0; t <= GEWEKE_COMPONENTS; t += 2) {
      figures[at++] = tanh(p->y[side][0][t]);
      figures[at++] = exp(-p->y[side][1][t] * p->y[side][1][t]);
      figures[at++] = tanh(p->y[side][1][t] * p->x[side][0][t]);
      figures[at++] = 1 / (1 + p->tau[side][t]);
    }
}

static double next_normal(int64_t *count) {
  return dnmf_random_normal(PARAMETERS_SEED, DNMF_STREAM_NOISE, (uint64_t)(*count)++, 0);
}

/* Gamma of shape 1/2 and this rate: half a squared normal over the rate. */
static double next_half_gamma(int64_t *count, double rate) {
  const double normal = next_normal(count);
  return 0.5 * normal * normal / rate;
}

/* One coordinate of a side, all of whose rows have `entries`; drawn until the bound holds. */
static void draw_coordinate(const chain *c, int64_t *count, int side, int t, parameters *p) {
  const int rows = side_rows(c, side);
  const int bringers = side_rows(c, 1 - side);
  const bool terms = c->settings.observed.evidence != DNMF_EVIDENCE_NONE;
  const bool bias = t == GEWEKE_COMPONENTS;
  const double unit = bias ? c->ratings.deviation : sqrt(c->ratings.deviation);
  bool inside = false;
  while (!inside) {
    const double precision = next_half_gamma(count, 0.05);
    const double mean = next_normal(count) / sqrt(precision);
    const double slope = next_normal(count) / sqrt(precision);
    const double tau = terms ? next_half_gamma(count, 0.05) : 0;
    inside = true;
    for (int other = 0; other < bringers; other++)
      p->y[side][other][t] = terms ? unit * next_normal(count) / sqrt(tau) : 0;
    p->tau[side][t] = tau / (unit * unit);
    for (int row = 0; row < rows; row++) {
      const double entries = side_entries(c, side, row);
      double number = mean + slope * log1p(entries / 200) + next_normal(count) / sqrt(precision);
      for (int other = 0; other < bringers; other++)
        number += side_has(c, side, row, other) * p->y[side][other][t] / unit / sqrt(entries);
      p->x[side][row][t] = unit * number;
      inside = inside && (bias || unit * number >= -c->sampler.level);
    }
    p->mean[side][t] = unit * mean;
    p->slope[side][t] = unit * slope;
    p->precision[side][t] = precision / (unit * unit);
  }
}

static void draw_from_priors(const chain *c, int64_t *count, parameters *p) {
  for (int side = 0; side < 2; side++)
    for (int t = 0; t <= GEWEKE_COMPONENTS; t++)
      draw_coordinate(c, count, side, t, p);
  p->noise = next_half_gamma(count, 0.5 * c->ratings.deviation * c->ratings.deviation);
}

static void take_parameters(const chain *c, parameters *p) {
  const dnmf_panel *panels[2] = {&c->w, &c->h};
  const dnmf_prior *priors[2] = {&c->sampler.rows.prior, &c->sampler.cols.prior};
  for (int side = 0; side < 2; side++) {
    for (int row = 0; row < panels[side]->rows; row++) {
      for (int t = 0; t < GEWEKE_COMPONENTS; t++)
        p->x[side][row][t] = deviation_at(c, panels[side], row, t);
      p->x[side][row][GEWEKE_COMPONENTS] = bias_at(c, panels[side], row);
    }
    for (int t = 0; t <= GEWEKE_COMPONENTS; t++) {
      p->mean[side][t] = priors[side]->mean[t];
      p->slope[side][t] = priors[side]->slope[t];
      p->precision[side][t] = priors[side]->precision[t];
    }
  }
  p->noise = c->sampler.noise_precision;
  const dnmf_panel *brought[2] = {&c->evidence.of_cols, &c->evidence.of_rows};
  const double *tau[2] = {c->sampler.rows.terms.tau, c->sampler.cols.terms.tau};
  for (int side = 0; side < 2; side++)
    for (int t = 0; t <= GEWEKE_COMPONENTS && tau[side]; t++) {
      for (int other = 0; other < side_rows(c, 1 - side); other++)
        p->y[side][other][t] = dnmf_panel_get(brought[side], other, t);
      p->tau[side][t] = tau[side][t];
    }
}

static void put_terms(const parameters *p, chain *c) {
  dnmf_panel *brought[2] = {&c->evidence.of_cols, &c->evidence.of_rows};
  dnmf_panel *terms[2] = {&c->evidence.row_terms, &c->evidence.col_terms};
  double *tau[2] = {c->sampler.rows.terms.tau, c->sampler.cols.terms.tau};
  for (int side = 0; side < 2; side++)
    for (int t = 0; t <= GEWEKE_COMPONENTS && tau[side]; t++) {
      tau[side][t] = p->tau[side][t];
      for (int other = 0; other < side_rows(c, 1 - side); other++)
        dnmf_panel_set(brought[side], other, t, p->y[side][other][t]);
      for (int row = 0; row < side_rows(c, side); row++) {
        double term = 0;
        for (int other = 0; other < side_rows(c, 1 - side); other++)
          term += side_has(c, side, row, other) * p->y[side][other][t] / sqrt(side_entries(c, side, row));
        dnmf_panel_set(terms[side], row, t, term);
      }
    }
}

static void put_parameters(const parameters *p, chain *c) {
  dnmf_panel *panels[2] = {&c->w, &c->h};
  for (int side = 0; side < 2; side++)
    for (int row = 0; row < panels[side]->rows; row++) {
      double stored = p->x[side][row][GEWEKE_COMPONENTS];
      for (int t = 0; t < GEWEKE_COMPONENTS; t++) {
        const double number = p->x[side][row][t] + c->sampler.level;
        dnmf_panel_set(panels[side], row, t, number);
        stored -= c->sampler.level * number;
      }
      dnmf_panel_set(panels[side], row, GEWEKE_COMPONENTS, stored);
    }
}

/* New data given the parameters, in both views; the entries of a row are in the order of their columns. */
static void draw_data(chain *c, int64_t *count) {
  double *by_rows = (double *)c->ratings.by_rows.entries.value;
  double *by_cols = (double *)c->ratings.by_cols.entries.value;
  int64_t at = 0;
  int64_t in_col[GEWEKE_COLS] = {0};
  for (int i = 0; i < GEWEKE_ROWS; i++)
    for (int j = 0; j < GEWEKE_COLS; j++) {
      if (!side_has(c, 0, i, j))
        continue;
      const double value = predicted_at(c, i, j) + next_normal(count) / sqrt(c->sampler.noise_precision);
      by_rows[at++] = value;
      by_cols[c->ratings.by_cols.entries.start[j] + in_col[j]++] = value;
    }
}

/* A chain that starts from the priors has their distribution all along: many short ones, each from its own draw. */
static void check_joint_distribution(const pattern *has, dnmf_evidence_of evidence, int figure_count) {
  enum { CHAINS = 6000, SWEEPS = 3 };
  chain c;
  int64_t count = 0;
  dnmf_fit_seconds seconds = {0};
  double sums[2][FIGURES] = {{0}};
  double squares[FIGURES] = {0};
  chain_create(GEWEKE_ROWS, GEWEKE_COLS, GEWEKE_COMPONENTS, DNMF_DOUBLE, true, has, evidence, &c);
  assert_int_equal(c.ratings.by_rows.entries.narrow, 0);
  for (int chains = 0; chains < CHAINS; chains++) {
    parameters p = {.noise = 0};
    double before[FIGURES];
    double after[FIGURES];
    draw_from_priors(&c, &count, &p);
    figures_of(&p, before);
    put_parameters(&p, &c);
    put_terms(&p, &c);
    c.sampler.noise_precision = p.noise;
    for (int side = 0; side < 2; side++) {
      dnmf_sampler_side *s = side == 0 ? &c.sampler.rows : &c.sampler.cols;
      for (int t = 0; t <= GEWEKE_COMPONENTS; t++) {
        s->prior.mean[t] = p.mean[side][t];
        s->prior.slope[t] = p.slope[side][t];
        s->prior.precision[t] = p.precision[side][t];
        if (t < GEWEKE_COMPONENTS) {
          s->l2[t] = p.precision[side][t] / p.noise;
          s->center[t] = c.sampler.level + p.mean[side][t];
        }
      }
    }
    for (int s = 0; s < SWEEPS; s++) {
      draw_data(&c, &count);
      assert_ok(dnmf_sampler_draw_factors(&c.sampler, &seconds));
      assert_ok(dnmf_sampler_draw_priors(&c.sampler, 0, NULL));
    }
    take_parameters(&c, &p);
    figures_of(&p, after);
    for (int f = 0; f < figure_count; f++) {
      sums[0][f] += before[f];
      sums[1][f] += after[f];
      squares[f] += (after[f] - before[f]) * (after[f] - before[f]);
    }
  }
  for (int f = 0; f < figure_count; f++) {
    const double difference = (sums[1][f] - sums[0][f]) / CHAINS;
    const double error = sqrt(squares[f]) / CHAINS;
    if (!(fabs(difference) < 4 * error))
      fail_msg("figure %d: %g by the sweeps, %g by the priors, which is %.1f standard errors", f, sums[1][f] / CHAINS,
               sums[0][f] / CHAINS, difference / error);
  }
  chain_free(&c);
}

static void sweeps_leave_the_joint_distribution(void **state) {
  (void)state;
  check_joint_distribution(&EVERYWHERE, DNMF_EVIDENCE_NONE, PLAIN_FIGURES);
}

static void sweeps_with_terms_leave_the_joint_distribution(void **state) {
  (void)state;
  check_joint_distribution(&PARTLY, DNMF_EVIDENCE_BOTH, FIGURES);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(a_tiny_posterior_is_its_integral),
      mpi_test(draws_of_terms_have_their_moments),
      mpi_test(sweeps_leave_the_joint_distribution),
      mpi_test(sweeps_with_terms_leave_the_joint_distribution),
  };
  return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
