/*
 * A row's Newton step under the Kullback-Leibler divergence, from its positive entries; the method is told in newton.h.
 * The entries pass twice, for the gradient and for the matrix M.
 */
#include "newton_row.h"

static int64_t entry_numbers(int64_t longest) {
  return whole_lines(longest + CHUNK);
}

static size_t newton_scratch_bytes(int64_t padded, int64_t longest) {
  const int64_t numbers = 4 * entry_numbers(longest) + 3 * whole_lines(padded) + newton_model_numbers(padded);
  return (size_t)numbers * sizeof(real);
}

static newton_desk newton_take_desk(void *scratch, int64_t padded, int64_t longest) {
  const int64_t line = whole_lines(padded);
  newton_desk s;
  s.p = scratch;
  s.change = s.p + entry_numbers(longest);
  s.weight = s.change + entry_numbers(longest);
  s.chosen = (int32_t *)(void *)(s.weight + entry_numbers(longest));
  s.x = s.weight + 2 * entry_numbers(longest);
  s.d = s.x + line;
  s.g = s.d + line;
  newton_take_model(&s, padded, s.g + line);
  return s;
}

/* --- Sums over entries ------------------------------------------------------------------------------------- */

/* to[e] = x . the entry's row of the fixed factor, for whole vectors of entries: those beyond the last are its copies.
 */
static void dot_rows(const newton_problem *problem, int64_t count, const int32_t *index, const real *restrict x,
                     real *restrict to) {
  for (int64_t begin = 0; begin < count; begin += VECTOR) {
    const real *row[VECTOR];
    vec sum[VECTOR];
#pragma GCC unroll 16
    for (int i = 0; i < VECTOR; i++) {
      row[i] = fixed_row(problem, index[begin + i < count ? begin + i : count - 1]);
      sum[i] = vec_load(x) * vec_load(row[i]);
    }
    for (int64_t t = VECTOR; t < problem->padded; t += VECTOR) {
      const vec factor = vec_load(x + t);
#pragma GCC unroll 16
      for (int i = 0; i < VECTOR; i++)
        sum[i] += factor * vec_load(row[i] + t);
    }
    vec_transpose(sum);
#pragma GCC unroll 4
    for (int half = VECTOR / 2; half > 0; half /= 2)
#pragma GCC unroll 8
      for (int i = 0; i < half; i++)
        sum[i] += sum[i + half];
    vec_store(to + begin, sum[0]);
  }
}

/* sums += factors[e] * the entry's row of the fixed factor, `width` vectors of it from `first` on. */
TEMPLATE void add_rows(const newton_problem *problem, int width, int64_t first, int64_t count, const int32_t *index,
                       const real *restrict factors, real *restrict sums) {
  vec even[BLOCK_VECTORS];
  vec odd[BLOCK_VECTORS];
#pragma GCC unroll 3
  for (int64_t j = 0; j < width; j++) {
    even[j] = vec_load(sums + first + j * VECTOR);
    odd[j] = even[j] - even[j];
  }
  for (int64_t e = 0; e + 1 < count; e += 2) {
    const real *one = fixed_row(problem, index[e]) + first;
    const real *other = fixed_row(problem, index[e + 1]) + first;
#pragma GCC unroll 3
    for (int64_t j = 0; j < width; j++) {
      even[j] += factors[e] * vec_load(one + j * VECTOR);
      odd[j] += factors[e + 1] * vec_load(other + j * VECTOR);
    }
  }
  const bool single = count % 2 == 1;
  const real *last = fixed_row(problem, index[count - 1]) + first;
#pragma GCC unroll 3
  for (int64_t j = 0; j < width; j++) {
    if (single)
      even[j] += factors[count - 1] * vec_load(last + j * VECTOR);
    vec_store(sums + first + j * VECTOR, even[j] + odd[j]);
  }
}

/* g += sum over entries of factors[e] times its row. */
static void add_gradient(const newton_problem *problem, int64_t count, const int32_t *index, const real *factors,
                         real *g) {
  for (int64_t first = 0; first < problem->padded; first += (int64_t)BLOCK_VECTORS * VECTOR)
    switch ((problem->padded - first) / VECTOR) {
    case 1:
      add_rows(problem, 1, first, count, index, factors, g);
      break;
    case 2:
      add_rows(problem, 2, first, count, index, factors, g);
      break;
    default:
      add_rows(problem, BLOCK_VECTORS, first, count, index, factors, g);
    }
}

/* The entries' part of the gradient, and what they weigh in the matrix. */
static void add_chunk_gradient(const newton_problem *problem, int64_t count, const real *a, const int32_t *index,
                               const real *p, real *weight, real *g) {
  const real floor = (real)problem->floor;
  real factors[CHUNK];
#pragma omp simd
  for (int64_t e = 0; e < count; e++) {
    const real reciprocal = 1 / (p[e] < floor ? floor : p[e]);
    factors[e] = -a[e] * reciprocal;
    weight[e] = a[e] * reciprocal * reciprocal;
  }
  add_gradient(problem, count, index, factors, g);
}

/* change = F d, an entry each. */
static newton_reach whole_change(const newton_problem *problem, int64_t count, const real *a, const int32_t *index,
                                 const newton_desk *s) {
  newton_reach reach = {0, 0, 0};
  for (int64_t begin = 0; begin < count; begin += CHUNK) {
    const int64_t some = count - begin < CHUNK ? count - begin : CHUNK;
    dot_rows(problem, some, index + begin, s->d, s->change + begin);
    add_reach((real)problem->floor, some, a + begin, s->p + begin, s->change + begin, &reach);
  }
  return reach;
}

/* --- A row ------------------------------------------------------------------------------------------------- */

/* p of every entry and, with `model`, the gradient at x and the entries' weights in the matrix. */
static void newton_look(const newton_problem *problem, int64_t count, const real *a, const int32_t *index, bool model,
                        const newton_desk *s) {
  memset(s->g, 0, (size_t)problem->padded * sizeof(real));
  for (int64_t begin = 0; begin < count; begin += CHUNK) {
    const int64_t some = count - begin < CHUNK ? count - begin : CHUNK;
    dot_rows(problem, some, index + begin, s->x, s->p + begin);
    if (model)
      add_chunk_gradient(problem, some, a + begin, index + begin, s->p + begin, s->weight + begin, s->g);
  }
  if (model)
    complete_gradient(problem, s);
}

/* Of some entries, those whose row of the fixed factor is in the sample of a share: their weights and rows, in
 * s->weight and s->chosen. The weights then stand for all entries'. Returns how many there are. */
static int64_t sample_entries(const newton_problem *problem, int64_t count, const int32_t *index, double share,
                              const newton_desk *s) {
  const uint32_t below = (uint32_t)(share * 0x1p32);
  double whole = 0;
  double part = 0;
  int64_t chosen = 0;
  for (int64_t e = 0; e < count; e++) {
    const real weight = s->weight[e];
    const bool taken = problem->order[index[e]] < below;
    whole += (double)weight;
    part += taken ? (double)weight : 0;
    s->weight[chosen] = weight;
    s->chosen[chosen] = index[e];
    chosen += taken;
  }
  const real times = part > 0 ? (real)(whole / part) : 1;
  for (int64_t e = 0; e < chosen; e++)
    s->weight[e] *= times;
  return chosen;
}

/* d, from all entries, or a sample of many. */
static double direction_of_entries(const newton_problem *problem, int64_t count, const int32_t *index,
                                   const newton_desk *s) {
  if (count <= problem->enough)
    return newton_direction(problem, count, index, s);
  const int64_t chosen = sample_entries(problem, count, index, (double)problem->enough / (double)count, s);
  return newton_direction(problem, chosen, s->chosen, s);
}

static newton_sums newton_update_row(const newton_problem *problem, int64_t count, const void *values,
                                     const int32_t *index, void *row, void *scratch) {
  const real *a = values;
  const size_t bytes = (size_t)problem->components * sizeof(real);
  newton_sums sums = {.violation = 0};
  if (count == 0) {
    if (problem->steps > 0)
      memset(row, 0, bytes);
    return sums;
  }
  const newton_desk s = newton_take_desk(scratch, problem->padded, count);
  double alpha = 0;
  memset(s.x, 0, (size_t)problem->padded * sizeof(real));
  memcpy(s.x, row, bytes);
  const bool can_move = problem->steps > 0 && newton_scale(problem, sum_of(count, a), &s);
  for (int step = 0; can_move && step < problem->steps; step++) {
    newton_look(problem, count, a, index, true, &s);
    if (step == 0 && problem->want_violation)
      sums.violation = newton_violation(problem, &s);
    const double gamma = direction_of_entries(problem, count, index, &s);
    alpha = step_length(problem, gamma, whole_change(problem, count, a, index, &s), count, a, &s);
    newton_move(problem->components, (real)alpha, &s);
  }
  if (!can_move)
    newton_look(problem, count, a, index, false, &s);
  if (alpha == 0)
    memset(s.change, 0, (size_t)count * sizeof(real));
  if (problem->want_loss)
    sums.loss = newton_loss(problem, count, a, (real)alpha, &s);
  if (can_move)
    memcpy(row, s.x, bytes);
  return sums;
}

/* --- Cells taken out --------------------------------------------------------------------------------------- */

static void newton_sum_rows(const newton_problem *problem, int64_t count, const int32_t *index, double *restrict sums) {
  const int64_t padded = problem->padded;
  memset(sums, 0, (size_t)padded * sizeof *sums);
  for (int64_t e = 0; e < count; e++) {
    const real *row = fixed_row(problem, index[e]);
    for (int64_t t = 0; t < padded; t++)
      sums[t] += (double)row[t];
  }
}

/* Of a cell with the value a, which may be 0. */
TEMPLATE double divergence_of_cell(double a, double p, double floor) {
  return a > 0 ? a * log(a / (p < floor ? floor : p)) - a + p : p;
}

static void newton_look_at_held(const newton_problem *problem, int64_t count, const void *values, const int32_t *index,
                                const void *row, void *scratch, newton_sums *sums) {
  const real *a = values;
  const newton_desk s = newton_take_desk(scratch, problem->padded, 0);
  real p[CHUNK];
  memset(s.x, 0, (size_t)problem->padded * sizeof(real));
  memcpy(s.x, row, (size_t)problem->components * sizeof(real));
  for (int64_t begin = 0; begin < count; begin += CHUNK) {
    const int64_t some = count - begin < CHUNK ? count - begin : CHUNK;
    dot_rows(problem, some, index + begin, s.x, p);
    for (int64_t e = 0; e < some; e++) {
      const double value = (double)a[begin + e];
      const double rest = value - (double)p[e];
      if (value >= 0) { /* no NaN */
        sums->held_squares += rest * rest;
        sums->held_loss += divergence_of_cell(value, (double)p[e], problem->floor);
      }
    }
  }
}

static int64_t newton_pack(int64_t count, const void *from, int64_t stride, const int32_t *index, void *values,
                           int32_t *places) {
  const real *a = from;
  real *to = values;
  int64_t packed = 0;
  for (int64_t i = 0; i < count; i++) {
    to[packed] = a[i * stride];
    places[packed] = index ? index[i] : (int32_t)i;
    packed += a[i * stride] > 0;
  }
  return packed;
}

const newton_kernel VARIANT(dnmf_newton_kernel) = {.step = STEP,
                                                   .scratch_bytes = newton_scratch_bytes,
                                                   .pack = newton_pack,
                                                   .update = newton_update_row,
                                                   .sum_rows = newton_sum_rows,
                                                   .look_at_held = newton_look_at_held};
