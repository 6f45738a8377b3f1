/*
 * The Gibbs sampler against two oracles: numerical integration of a tiny posterior, and Geweke's joint-distribution
 * test (2004): parameters drawn from their priors have the distribution of a chain in which a sweep of the sampler and
 * new data given the parameters take turns. Both know the model from its definition alone.
 */
#include "fit/sampler.h"
#include "mpi_test.h"

#include <math.h>
#include <stdlib.h>

enum { MOST = 4, PARAMETERS_SEED = 77 };

/* --- A small chain ----------------------------------------------------------------------------------------- */

typedef struct chain {
  int rows;
  int cols;
  dnmf_settings settings;
  dnmf_ratings ratings;
  dnmf_panel w;
  dnmf_panel h;
  dnmf_sampler sampler;
} chain;

static double first_value(int row, int col) {
  return 3.0137 + sin(1.7 * row + 2.9 * col + row * col); /* none is narrow */
}

static void chain_create(int rows, int cols, int components, dnmf_precision precision, bool row_biases, chain *c) {
  dnmf_context *context = test_context();
  dnmf_entries entries = {.items = malloc(MOST * MOST * sizeof(dnmf_entry))};
  assert_non_null(entries.items);
  *c = (chain){.rows = rows, .cols = cols};
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < cols; j++)
      entries.items[entries.count++] = (dnmf_entry){i, j, first_value(i, j)};
  c->settings = (dnmf_settings){
      .components = components,
      .solver = DNMF_SOLVER_HALS,
      .seed = 4,
      .observed = {.bias_rows = row_biases, .bias_cols = true, .around_level = true, .start_scale = 0.05},
      .posterior = {.samples = 10, .burn_in = 1, .thin = 1}};
  assert_ok(dnmf_ratings_create(context, rows, cols, precision, &entries, &c->ratings));
  assert_ok(dnmf_start_observed(&context->error, &c->settings, &c->ratings, &c->w, &c->h));
  assert_ok(dnmf_sampler_create(context, &c->settings, &c->ratings, &c->w, &c->h, NULL, 0, &c->sampler));
  assert_ok(dnmf_sampler_begin(&c->sampler, 0, -1, 0, NULL));
}

static void chain_free(chain *c) {
  dnmf_sampler_free(&c->sampler);
  dnmf_panel_free(&c->w);
  dnmf_panel_free(&c->h);
  dnmf_ratings_free(&c->ratings);
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
  chain_create(3, 3, 1, precision, false, &c);
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

/* --- Geweke's test ----------------------------------------------------------------------------------------- */

enum { GEWEKE_ROWS = 4, GEWEKE_COLS = 3, GEWEKE_COMPONENTS = 2, FIGURES = 20 };

/* A draw of everything, from the priors or from the chain. */
typedef struct parameters {
  double x[2][MOST][GEWEKE_COMPONENTS + 1]; /* deviations and bias of rows and of columns */
  double mean[2][GEWEKE_COMPONENTS + 1];
  double slope[2][GEWEKE_COMPONENTS + 1];
  double precision[2][GEWEKE_COMPONENTS + 1];
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
  const int rows = side == 0 ? GEWEKE_ROWS : GEWEKE_COLS;
  const double entries = side == 0 ? GEWEKE_COLS : GEWEKE_ROWS;
  const bool bias = t == GEWEKE_COMPONENTS;
  const double unit = bias ? c->ratings.deviation : sqrt(c->ratings.deviation);
  bool inside = false;
  while (!inside) {
    const double precision = next_half_gamma(count, 0.05);
    const double mean = next_normal(count) / sqrt(precision);
    const double slope = next_normal(count) / sqrt(precision);
    inside = true;
    for (int row = 0; row < rows; row++) {
      const double number = mean + slope * log1p(entries / 200) + next_normal(count) / sqrt(precision);
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

/* New data given the parameters, in both views; entries of a row are all columns in their order. */
static void draw_data(chain *c, int64_t *count) {
  double *by_rows = (double *)c->ratings.by_rows.entries.value;
  double *by_cols = (double *)c->ratings.by_cols.entries.value;
  for (int i = 0; i < GEWEKE_ROWS; i++)
    for (int j = 0; j < GEWEKE_COLS; j++) {
      const double value = predicted_at(c, i, j) + next_normal(count) / sqrt(c->sampler.noise_precision);
      by_rows[i * GEWEKE_COLS + j] = value;
      by_cols[j * GEWEKE_ROWS + i] = value;
    }
}

/* A chain that starts from the priors has their distribution all along: many short ones, each from its own draw. */
static void sweeps_leave_the_joint_distribution(void **state) {
  (void)state;
  enum { CHAINS = 6000, SWEEPS = 3 };
  chain c;
  int64_t count = 0;
  dnmf_fit_seconds seconds = {0};
  double sums[2][FIGURES] = {{0}};
  double squares[FIGURES] = {0};
  chain_create(GEWEKE_ROWS, GEWEKE_COLS, GEWEKE_COMPONENTS, DNMF_DOUBLE, true, &c);
  assert_int_equal(c.ratings.by_rows.entries.narrow, 0);
  for (int chains = 0; chains < CHAINS; chains++) {
    parameters p;
    double before[FIGURES];
    double after[FIGURES];
    draw_from_priors(&c, &count, &p);
    figures_of(&p, before);
    put_parameters(&p, &c);
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
    for (int f = 0; f < FIGURES; f++) {
      sums[0][f] += before[f];
      sums[1][f] += after[f];
      squares[f] += (after[f] - before[f]) * (after[f] - before[f]);
    }
  }
  for (int f = 0; f < FIGURES; f++) {
    const double difference = (sums[1][f] - sums[0][f]) / CHAINS;
    const double error = sqrt(squares[f]) / CHAINS;
    if (!(fabs(difference) < 4 * error))
      fail_msg("figure %d: %g by the sweeps, %g by the priors, which is %.1f standard errors", f, sums[1][f] / CHAINS,
               sums[0][f] / CHAINS, difference / error);
  }
  chain_free(&c);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(a_tiny_posterior_is_its_integral),
      mpi_test(sweeps_leave_the_joint_distribution),
  };
  return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
