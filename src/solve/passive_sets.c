/*
 * The passive sets of a tile of rows: exchange rule and grouping. See bpp.h.
 */
#include "solve/bpp.h"

#include <string.h>

enum { FULL_EXCHANGES = 3 };

void dnmf_passive_sets_layout(dnmf_passive_sets *sets, int rows, int components, dnmf_arena *arena) {
  size_t n = (size_t)rows;
  sets->components = components;
  sets->words = dnmf_bpp_words(components);
  sets->table_size = 2;
  while (sets->table_size < 2 * rows)
    sets->table_size *= 2;
  sets->passive = dnmf_arena_take(arena, n * (size_t)sets->words, sizeof(uint64_t));
  sets->fewest = dnmf_arena_take(arena, n, sizeof(int));
  sets->chances = dnmf_arena_take(arena, n, sizeof(int));
  sets->pending = dnmf_arena_take(arena, n, sizeof(int));
  sets->first = dnmf_arena_take(arena, n, sizeof(int));
  sets->last = dnmf_arena_take(arena, n, sizeof(int));
  sets->next = dnmf_arena_take(arena, n, sizeof(int));
  sets->table = dnmf_arena_take(arena, (size_t)sets->table_size, sizeof(int));
}

void dnmf_passive_sets_start(dnmf_passive_sets *sets, int rows) {
  sets->pending_count = rows;
  for (int row = 0; row < rows; row++) {
    sets->pending[row] = row;
    sets->fewest[row] = sets->components + 1;
    sets->chances[row] = FULL_EXCHANGES;
  }
}

static const uint64_t *set_of(const dnmf_passive_sets *sets, int row) {
  return sets->passive + (int64_t)row * sets->words;
}

static uint64_t hash(int words, const uint64_t *mask) {
  uint64_t h = 0;
  for (int w = 0; w < words; w++) {
    h = (h ^ mask[w]) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
  }
  return h;
}

/* The group with the row's set, a new one if there is none. */
static void join_group(dnmf_passive_sets *sets, int row) {
  const uint64_t *mine = set_of(sets, row);
  size_t bytes = (size_t)sets->words * sizeof *mine;
  unsigned wrap = (unsigned)sets->table_size - 1;
  unsigned slot = (unsigned)hash(sets->words, mine) & wrap;
  while (sets->table[slot] && memcmp(set_of(sets, sets->first[sets->table[slot] - 1]), mine, bytes) != 0)
    slot = (slot + 1) & wrap;
  sets->next[row] = -1;
  if (sets->table[slot]) {
    int group = sets->table[slot] - 1;
    sets->next[sets->last[group]] = row;
    sets->last[group] = row;
  } else {
    sets->first[sets->group_count] = sets->last[sets->group_count] = row;
    sets->table[slot] = ++sets->group_count;
  }
}

void dnmf_bpp_group(dnmf_passive_sets *sets) {
  memset(sets->table, 0, (size_t)sets->table_size * sizeof *sets->table);
  sets->group_count = 0;
  for (int i = 0; i < sets->pending_count; i++)
    join_group(sets, sets->pending[i]);
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
