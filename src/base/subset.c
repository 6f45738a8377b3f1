#include "base/subset.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { WORD_BITS = 64 };

dnmf_subset dnmf_subset_of_range(int64_t of, dnmf_range range) {
  return (dnmf_subset){.of = of, .count = dnmf_range_size(range), .hull = range};
}

dnmf_status dnmf_subset_of_bits(dnmf_error *error, int64_t of, uint64_t *bits, dnmf_subset *subset) {
  void *memory = NULL;
  int64_t words = dnmf_subset_words(of);
  *subset = (dnmf_subset){.of = of, .bits = bits};
  DNMF_TRY(dnmf_allocate(error, "a subset", words + 1, sizeof(int64_t), &memory));
  subset->before = memory;
  for (int64_t w = 0; w < words; w++) {
    subset->before[w] = subset->count;
    if (bits[w] && subset->count == 0)
      subset->hull.begin = w * WORD_BITS + __builtin_ctzll(bits[w]);
    if (bits[w])
      subset->hull.end = w * WORD_BITS + WORD_BITS - __builtin_clzll(bits[w]);
    subset->count += __builtin_popcountll(bits[w]);
  }
  subset->before[words] = subset->count;
  return DNMF_OK;
}

void dnmf_subset_free(dnmf_subset *subset) {
  free(subset->bits);
  free(subset->before);
  memset(subset, 0, sizeof *subset);
}

bool dnmf_subset_is_all(const dnmf_subset *subset) {
  return subset->count == subset->of;
}

bool dnmf_subset_has(const dnmf_subset *subset, int64_t index) {
  if (index < subset->hull.begin || index >= subset->hull.end)
    return false;
  return !subset->bits || (subset->bits[index / WORD_BITS] >> (index % WORD_BITS) & 1) != 0;
}

int64_t dnmf_subset_below(const dnmf_subset *subset, int64_t index) {
  if (index <= subset->hull.begin)
    return 0;
  if (index >= subset->hull.end)
    return subset->count;
  if (!subset->bits)
    return index - subset->hull.begin;
  uint64_t lower = (UINT64_C(1) << (index % WORD_BITS)) - 1;
  return subset->before[index / WORD_BITS] + __builtin_popcountll(subset->bits[index / WORD_BITS] & lower);
}

int64_t dnmf_subset_index(const dnmf_subset *subset, int64_t place) {
  if (!subset->bits)
    return subset->hull.begin + place;
  int64_t low = 0;
  int64_t high = dnmf_subset_words(subset->of);
  while (high - low > 1) { /* the last word before which at most `place` are chosen */
    int64_t middle = low + (high - low) / 2;
    if (subset->before[middle] <= place)
      low = middle;
    else
      high = middle;
  }
  uint64_t word = subset->bits[low];
  for (int64_t skip = place - subset->before[low]; skip > 0; skip--)
    word &= word - 1;
  return low * WORD_BITS + __builtin_ctzll(word);
}
