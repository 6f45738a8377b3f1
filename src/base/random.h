/*
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., SC'11) from the Random123 library.
 *
 * A value is a pure function of (seed, stream, i, j), so a matrix or a start is the same on any number of
 * processes, and any process can make any part of it. Streams keep uses apart that share indices.
 */
#ifndef DNMF_RANDOM_H
#define DNMF_RANDOM_H

#include <stdint.h>

/* One stream a use; the numbers are part of what a seed means and do not change between versions. */
typedef enum dnmf_stream {
  DNMF_STREAM_START_W = 1,
  DNMF_STREAM_START_H = 2,
  DNMF_STREAM_VALUES = 3,
  DNMF_STREAM_PATTERN = 4,
  DNMF_STREAM_NOISE = 5,
  DNMF_STREAM_PLANTED_W = 6,
  DNMF_STREAM_PLANTED_H = 7,
  DNMF_STREAM_PERMUTE_ROWS = 8,
  DNMF_STREAM_PERMUTE_COLS = 9,
  DNMF_STREAM_FOLDS = 10,
  DNMF_STREAM_SKETCH = 11,
  DNMF_STREAM_SEARCH = 12,
  DNMF_STREAM_SPLIT_ENTRIES = 13,
  DNMF_STREAM_SPLIT_ROWS = 14,
  DNMF_STREAM_HELD_CELLS = 17,
  DNMF_STREAM_CHAIN_ROWS = 20,
  DNMF_STREAM_CHAIN_COLS = 21,
  DNMF_STREAM_CHAIN_HYPER = 22,
  DNMF_STREAM_CHAIN_WATCHED = 23,
  DNMF_STREAM_CHAIN_ROW_TERMS = 24,
  DNMF_STREAM_CHAIN_OF_COLS = 25,
  DNMF_STREAM_CHAIN_COL_TERMS = 26,
  DNMF_STREAM_CHAIN_OF_ROWS = 27,
  DNMF_STREAM_CHAINS = 28,
  DNMF_STREAM_PERTURB = 30,
  DNMF_STREAM_SAMPLE = 31,
  DNMF_STREAM_NEWTON = 32
} dnmf_stream;

/* Uniform in the open interval (0, 1). local */
double dnmf_random_uniform(uint64_t seed, dnmf_stream stream, uint64_t i, uint64_t j);

/* Standard normal (Box-Muller). local */
double dnmf_random_normal(uint64_t seed, dnmf_stream stream, uint64_t i, uint64_t j);

/* Two independent ones at the price of one; the first is that of dnmf_random_normal. local */
void dnmf_random_normal_pair(uint64_t seed, dnmf_stream stream, uint64_t i, uint64_t j, double normals[2]);

/* 64 random bits. local */
uint64_t dnmf_random_bits(uint64_t seed, dnmf_stream stream, uint64_t i, uint64_t j);

/* A pseudo-random bijection of {0, ..., n-1}: a Feistel network with cycle walking, so no process has to hold
 * the permutation. Requires 0 <= i < n. local */
int64_t dnmf_random_permute(uint64_t seed, dnmf_stream stream, int64_t n, int64_t i);

#endif
