/*
 * Vectors as wide as the instruction set a kernel file is compiled for; included after src/base/variant.h.
 *
 * GCC's vector extensions: `vec` is VECTOR numbers of type `real`, loaded and stored at any address; the
 * operators work lane by lane, and a scalar operand stands for a vector of its copies.
 */
#ifndef DNMF_VECTOR_H
#define DNMF_VECTOR_H

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64, VECTOR_REGISTERS = 32 };
#elif defined(__AVX2__)
enum { VECTOR_BYTES = 32, VECTOR_REGISTERS = 16 };
#elif defined(__aarch64__)
enum { VECTOR_BYTES = 16, VECTOR_REGISTERS = 32 };
#else
enum { VECTOR_BYTES = 16, VECTOR_REGISTERS = 16 };
#endif

enum { VECTOR = VECTOR_BYTES / (int)sizeof(real), CACHE_LINE = 64 / (int)sizeof(real) };

typedef real vec __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));

/* For functions that are templates: their constant arguments shape the loops. */
#define TEMPLATE static inline __attribute__((always_inline))

TEMPLATE vec vec_load(const real *from) {
  return *(const vec *)from;
}

TEMPLATE void vec_store(real *to, vec value) {
  *(vec *)to = value;
}

/* The number of a lane, as wide as the lane. */
typedef __typeof__(((vec){0} == (vec){0})[0]) lane_number;

/* vec_pick: lane i is lane lanes[i] of `from`.
 * vec_sum: the sum of the lanes, in halves.
 * vec_sums: out[i] = the sum of the lanes of value[i], four of them at once where a vector has as many lanes.
 * vec_transpose: row[i] lane j <-> row[j] lane i: pairs of rows exchange every second lane, then pairs of lanes, and so
 * on. */
#if defined(__clang__) /* shuffles only by literal lane numbers */
TEMPLATE vec vec_pick(vec from, const lane_number *lanes) {
  vec picked = from;
  for (int i = 0; i < VECTOR; i++)
    picked[i] = from[lanes[i]];
  return picked;
}

TEMPLATE real vec_sum(vec value) {
  for (int half = VECTOR / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++)
      value[i] += value[i + half];
  return value[0];
}

TEMPLATE void vec_sums(const vec value[4], real out[4]) {
  for (int i = 0; i < 4; i++)
    out[i] = vec_sum(value[i]);
}

TEMPLATE void vec_transpose(vec row[VECTOR]) {
  real lane[VECTOR][VECTOR];
  for (int i = 0; i < VECTOR; i++)
    vec_store(lane[i], row[i]);
  for (int i = 0; i < VECTOR; i++)
    for (int j = 0; j < VECTOR; j++)
      row[i][j] = lane[j][i];
}
#else
typedef __typeof__((vec){0} == (vec){0}) lane_numbers;

TEMPLATE vec vec_pick(vec from, const lane_number *lanes) {
  lane_numbers wanted;
  __builtin_memcpy(&wanted, lanes, sizeof wanted);
  return __builtin_shuffle(from, wanted);
}

TEMPLATE lane_numbers vec_lanes(void) {
  lane_numbers lane;
#pragma GCC unroll 16
  for (int i = 0; i < VECTOR; i++)
    lane[i] = i;
  return lane; /* cppcheck-suppress uninitvar ; set lane by lane */
}

TEMPLATE real vec_sum(vec value) {
  const lane_numbers lane = vec_lanes();
#pragma GCC unroll 4
  for (int half = VECTOR / 2; half > 0; half /= 2)
    value += __builtin_shuffle(value, lane ^ half);
  return value[0];
}

/* Lanes of a and b by turns, each the sum of two lanes of its vector whose numbers differ in the bit `width`. */
TEMPLATE vec vec_fold(vec a, vec b, int width) {
  const lane_numbers lane = vec_lanes();
  const lane_numbers upper = (lane & width) != 0; /* all bits where true */
  const lane_numbers low = (upper & (lane - width + VECTOR)) | (~upper & lane);
  const lane_numbers high = (upper & (lane + VECTOR)) | (~upper & (lane + width));
  return __builtin_shuffle(a, b, low) + __builtin_shuffle(a, b, high);
}

TEMPLATE void vec_sums(const vec value[4], real out[4]) {
  if (VECTOR < 4) {
    for (int i = 0; i < 4; i++)
      out[i] = vec_sum(value[i]);
    return;
  }
  const lane_numbers lane = vec_lanes();
  vec sums = vec_fold(vec_fold(value[0], value[1], 1), vec_fold(value[2], value[3], 1), 2);
#pragma GCC unroll 4
  for (int half = VECTOR / 2; half > 2; half /= 2)
    sums += __builtin_shuffle(sums, lane ^ half);
  for (int i = 0; i < 4; i++)
    out[i] = sums[i % VECTOR];
}

TEMPLATE void vec_transpose(vec row[VECTOR]) {
  const lane_numbers lane = vec_lanes();
#pragma GCC unroll 4
  for (int width = 1; width < VECTOR; width *= 2) {
    const lane_numbers upper = (lane & width) != 0; /* all bits where true */
    const lane_numbers low = (upper & (lane - width + VECTOR)) | (~upper & lane);
    const lane_numbers high = (upper & (lane + VECTOR)) | (~upper & (lane + width));
#pragma GCC unroll 16
    for (int i = 0; i < VECTOR; i++)
      if ((i & width) == 0) {
        const vec a = row[i];
        const vec b = row[i + width];
        row[i] = __builtin_shuffle(a, b, low);
        row[i + width] = __builtin_shuffle(a, b, high);
      }
  }
}
#endif

#endif
