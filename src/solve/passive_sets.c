/*
 * The passive sets of a tile of rows: exchange rule and order of solving. See bpp.h.
 */
#include "solve/bpp.h"

#include <string.h>

enum { FULL_EXCHANGES = 3 };

void dnmf_passive_sets_layout(dnmf_passive_sets *sets, int rows, int components, dnmf_arena *arena) {
  size_t n = (size_t)rows;
  sets->components = components;
  sets->words = dnmf_bpp_words(components);
  sets->passive = dnmf_arena_take(arena, n * (size_t)sets->words, sizeof(uint64_t));
  sets->fewest = dnmf_arena_take(arena, n, sizeof(int));
  sets->chances = dnmf_arena_take(arena, n, sizeof(int));
  sets->pending = dnmf_arena_take(arena, n, sizeof(int));
  sets->arranged = dnmf_arena_take(arena, n, sizeof(int));
  sets->place = dnmf_arena_take(arena, n, sizeof(int));
  sets->bucket = dnmf_arena_take(arena, 2 * (size_t)components + 3, sizeof(int));
}

void dnmf_passive_sets_start(dnmf_passive_sets *sets, int rows) {
  sets->pending_count = rows;
  for (int row = 0; row < rows; row++) {
    sets->pending[row] = row;
    sets->fewest[row] = sets->components + 1;
    sets->chances[row] = FULL_EXCHANGES;
  }
}

/* Of a system of this size and the products with its solution, roughly, in multiply-adds. */
static double work(int size, int components) {
  return size * (size * (size + 18.0) / 6 + components);
}

/* Of the rows' places 0 to 2 components + 1: systems on passive sets, then those on complements, by falling size. */
static int place_of_row(const dnmf_passive_sets *sets, int row, const uint64_t *alive, bool complements) {
  const uint64_t *passive = sets->passive + (int64_t)row * sets->words;
  const int k = sets->components;
  int inside = 0;
  int outside = 0;
  for (int w = 0; w < sets->words; w++) {
    inside += __builtin_popcountll(passive[w]);
    outside += __builtin_popcountll(alive[w] & ~passive[w]);
  }
  bool complement = complements && work(outside, k) + (double)k * k < work(inside, k);
  return complement ? 2 * k + 1 - outside : k - inside;
}

void dnmf_bpp_arrange(dnmf_passive_sets *sets, const uint64_t *alive, bool complements) {
  const int places = 2 * sets->components + 2;
  int *begin = sets->bucket; /* of a place in the list */
  memset(begin, 0, ((size_t)places + 1) * sizeof *begin);
  for (int i = 0; i < sets->pending_count; i++) {
    int row = sets->pending[i];
    sets->place[row] = place_of_row(sets, row, alive, complements);
    begin[sets->place[row] + 1]++;
  }
  for (int p = 0; p < places; p++)
    begin[p + 1] += begin[p];
  sets->complement_begin = begin[sets->components + 1];
  for (int i = 0; i < sets->pending_count; i++)
    sets->arranged[begin[sets->place[sets->pending[i]]]++] = sets->pending[i];
  sets->arranged_count = sets->pending_count;
  sets->pending_count = 0;
}

void dnmf_bpp_exchange(dnmf_passive_sets *sets, int row, const uint64_t *infeasible) {
  uint64_t *passive = sets->passive + (int64_t)row * sets->words;
  int count = 0;
  int highest = 0;
  for (int w = 0; w < sets->words; w++) {
    count += __builtin_popcountll(infeasible[w]);
    if (infeasible[w])
      highest = w;
  }
  if (count < sets->fewest[row]) {
    sets->fewest[row] = count;
    sets->chances[row] = FULL_EXCHANGES;
  } else {
    sets->chances[row]--;
  }
  if (sets->chances[row] >= 0)
    for (int w = 0; w < sets->words; w++)
      passive[w] ^= infeasible[w];
  else
    passive[highest] ^= UINT64_C(1) << (63 - __builtin_clzll(infeasible[highest]));
  sets->pending[sets->pending_count++] = row;
}

int dnmf_bpp_members(int words, const uint64_t *mask, int *members) {
  int count = 0;
  for (int w = 0; w < words; w++)
    for (uint64_t left = mask[w]; left; left &= left - 1)
      members[count++] = 64 * w + __builtin_ctzll(left);
  return count;
}
