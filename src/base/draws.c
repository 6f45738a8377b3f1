#include "base/draws.h"

#include <math.h>

/* The j of an attempt: 0 is that of dnmf_draw_normals. */
static uint64_t draw_attempt(uint64_t j, uint64_t attempt) {
  return j | ((attempt & 0xffffff) << 32);
}

void dnmf_draw_normals(const dnmf_draw_key *key, int count, double *normals) {
  for (int at = 0; at < count; at += 2) {
    double pair[2];
    dnmf_random_normal_pair(key->seed, key->stream, key->i, (uint64_t)at / 2, pair);
    normals[at] = pair[0];
    if (at + 1 < count)
      normals[at + 1] = pair[1];
  }
}

/* What a standard normal number exceeds `bound` by, given that it does. */
static double draw_excess(const dnmf_draw_key *key, uint64_t j, double bound) {
  static const double tail = 0.47; /* from which on exponentials are accepted more often than normals */
  const double rate = 0.5 * (bound + sqrt(bound * bound + 4));
  for (uint64_t attempt = 1;; attempt += 2) {
    if (bound < tail) {
      const double normal = dnmf_random_normal(key->seed, key->stream, key->i, draw_attempt(j, attempt));
      if (normal >= bound)
        return normal - bound;
    } else {
      const double u = dnmf_random_uniform(key->seed, key->stream, key->i, draw_attempt(j, attempt));
      const double v = dnmf_random_uniform(key->seed, key->stream, key->i, draw_attempt(j, attempt + 1));
      const double excess = -log(u) / rate;
      const double away = excess + bound - rate;
      if (log(v) <= -0.5 * away * away)
        return excess;
    }
  }
}

double dnmf_draw_positive_normal(const dnmf_draw_key *key, uint64_t j, double mean, double deviation, double normal) {
  const double drawn = mean + deviation * normal;
  if (!(drawn < 0)) /* also a NaN, which is for the caller's checks to find */
    return drawn;
  return deviation * draw_excess(key, j, -mean / deviation);
}

double dnmf_draw_gamma(const dnmf_draw_key *key, uint64_t j, double shape) {
  const double whole = shape < 1 ? shape + 1 : shape;
  const double d = whole - 1.0 / 3;
  const double c = 1 / sqrt(9 * d);
  double factor = 1;
  if (shape < 1)
    factor = pow(dnmf_random_uniform(key->seed, key->stream, key->i, draw_attempt(j, 0xffffff)), 1 / shape);
  for (uint64_t attempt = 1;; attempt += 2) {
    const double normal = dnmf_random_normal(key->seed, key->stream, key->i, draw_attempt(j, attempt));
    const double u = dnmf_random_uniform(key->seed, key->stream, key->i, draw_attempt(j, attempt + 1));
    const double root = 1 + c * normal;
    const double v = root * root * root;
    if (root > 0 && log(u) < 0.5 * normal * normal + d * (1 - v + log(v)))
      return factor * d * v;
  }
}
