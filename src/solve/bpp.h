/*
 * The parts of block principal pivoting that do not depend on the precision of the run: the scaled problem,
 * and the passive sets of a tile of rows with the exchange rule and the order in which they are solved.
 *
 * bpp works in double also for single-precision factors: which components are passive hangs on the signs of
 * small differences, and the factorizations are small.
 *
 * A passive set is a bit mask of `words` 64-bit words, bit t for component t.
 */
#ifndef DNMF_SOLVE_BPP_H
#define DNMF_SOLVE_BPP_H

#include "base/precision.h"
#include "base/status.h"
#include "solve/kernels.h"

#include <stdbool.h>

/* Fills the bpp part of a problem from update's gram, which was summed in `precision`, and penalties; `*memory` holds
 * what the problem points to, to be released with free(). local */
dnmf_status dnmf_bpp_prepare(const dnmf_update *update, dnmf_precision precision, dnmf_row_problem *problem,
                             void **memory, dnmf_error *error);

/* Bytes of that memory. local */
double dnmf_bpp_prepare_bytes(int components);

/* Consecutive pieces of one block of memory; with base NULL it only counts. */
typedef struct dnmf_arena {
  char *base;
  size_t used;
} dnmf_arena;

void *dnmf_arena_take(dnmf_arena *arena, size_t count, size_t size);

typedef struct dnmf_passive_sets {
  int components;
  int words;
  uint64_t *passive; /* rows x words */
  int *fewest;       /* a row's smallest number of infeasible components so far */
  int *chances;      /* full exchanges it may still make without beating that */
  int *pending;      /* rows not settled yet; once arranged, rows to look at in the next round */
  int pending_count;

  /* The rows of a round, made by dnmf_bpp_arrange. */
  int *arranged;
  int arranged_count;
  int complement_begin; /* from here on rows are solved on the complement */
  int *place;           /* of a row among the sizes of systems */
  int *bucket;
} dnmf_passive_sets;

static inline int dnmf_bpp_words(int components) {
  return (components + 63) / 64;
}

/* Room for `rows` rows, all pending. The sets themselves are the caller's to fill. local */
void dnmf_passive_sets_layout(dnmf_passive_sets *sets, int rows, int components, dnmf_arena *arena);
void dnmf_passive_sets_start(dnmf_passive_sets *sets, int rows);

/* Lists the pending rows in the order in which they are solved and empties their list: first the rows solved on their
 * passive set, then those solved on its complement among the components alive, where that is allowed and less work; in
 * both, large systems first, and equal ones in the order of the list. local */
void dnmf_bpp_arrange(dnmf_passive_sets *sets, const uint64_t *alive, bool complements);

/* Moves infeasible components of a row across (Kim & Park 2011, algorithm 2) and puts the row back on the
 * pending list: all of them while their number falls, for three more tries after that, then only the one of
 * largest index (Murty), which cannot cycle. local */
void dnmf_bpp_exchange(dnmf_passive_sets *sets, int row, const uint64_t *infeasible);

/* The components whose bits are set in mask, in order; returns how many. local */
int dnmf_bpp_members(int words, const uint64_t *mask, int *members);

#endif
