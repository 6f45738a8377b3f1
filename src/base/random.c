#include "base/random.h"

#include <Random123/philox.h>
#include <math.h>

static philox4x32_ctr_t draw(uint64_t seed, dnmf_stream stream, uint64_t i, uint64_t j) {
  /* The stream takes the top byte of j's word: j is a column or component and stays below 2^56. */
  uint64_t tagged = j ^ ((uint64_t)stream << 56);
  philox4x32_ctr_t counter = {{(uint32_t)i, (uint32_t)(i >> 32), (uint32_t)tagged, (uint32_t)(tagged >> 32)}};
  philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
  return philox4x32(counter, key);
}

static uint64_t join(uint32_t high, uint32_t low) {
  return ((uint64_t)high << 32) | low;
}

/* 53 random bits to the midpoints of 2^53 cells: never 0, never 1. */
static double to_unit(uint64_t bits) {
  return ((double)(bits >> 12) + 0.5) * 0x1p-52;
}

uint64_t dnmf_random_bits(uint64_t seed, dnmf_stream stream, uint64_t i, uint64_t j) {
  philox4x32_ctr_t r = draw(seed, stream, i, j);
  return join(r.v[0], r.v[1]);
}

double dnmf_random_uniform(uint64_t seed, dnmf_stream stream, uint64_t i, uint64_t j) {
  return to_unit(dnmf_random_bits(seed, stream, i, j));
}

static const double TWO_PI = 6.283185307179586477;

double dnmf_random_normal(uint64_t seed, dnmf_stream stream, uint64_t i, uint64_t j) {
  philox4x32_ctr_t r = draw(seed, stream, i, j);
  double radius = sqrt(-2.0 * log(to_unit(join(r.v[0], r.v[1]))));
  return radius * cos(TWO_PI * to_unit(join(r.v[2], r.v[3])));
}

void dnmf_random_normal_pair(uint64_t seed, dnmf_stream stream, uint64_t i, uint64_t j, double normals[2]) {
  philox4x32_ctr_t r = draw(seed, stream, i, j);
  const double radius = sqrt(-2.0 * log(to_unit(join(r.v[0], r.v[1]))));
  const double angle = TWO_PI * to_unit(join(r.v[2], r.v[3]));
  normals[0] = radius * cos(angle);
  normals[1] = radius * sin(angle);
}

/* Four Feistel rounds on 2 * half_bits bits. */
static uint64_t feistel(uint64_t seed, dnmf_stream stream, int half_bits, uint64_t x) {
  uint64_t mask = (UINT64_C(1) << half_bits) - 1;
  uint64_t left = x >> half_bits;
  uint64_t right = x & mask;
  for (uint64_t round = 0; round < 4; round++) {
    uint64_t mixed = left ^ (dnmf_random_bits(seed, stream, right, round) & mask);
    left = right;
    right = mixed;
  }
  return (left << half_bits) | right;
}

int64_t dnmf_random_permute(uint64_t seed, dnmf_stream stream, int64_t n, int64_t i) {
  int half_bits = 1;
  while ((INT64_C(1) << (2 * half_bits)) < n)
    half_bits++;
  uint64_t x = (uint64_t)i;
  do
    x = feistel(seed, stream, half_bits, x);
  while (x >= (uint64_t)n);
  return (int64_t)x;
}
