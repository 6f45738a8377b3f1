#include "matrix/csr.h"

#include "base/range.h"

#include "base/team.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void dnmf_csr_free(dnmf_csr *csr) {
  free(csr->start);
  free(csr->index);
  free(csr->value);
  *csr = (dnmf_csr){0};
}

enum { MOST_SHARES = 64 /* of a transpose, a thread each */, TURN_OPERATIONS = 8 /* that moving an entry is worth */ };

/* The columns of `from` that one thread turns. */
typedef struct turn {
  const dnmf_csr *from;
  dnmf_range cols; /* all of them: rows need not be sorted */
  bool all;
  dnmf_csr *to;
  size_t size; /* of a value */
} turn;

/* The entries of a sorted row that lie in the columns begin there. */
static int64_t find_column(const dnmf_csr *csr, int64_t row, int64_t col) {
  int64_t low = csr->start[row];
  int64_t end = csr->start[row + 1];
  while (low < end) {
    const int64_t half = low + (end - low) / 2;
    if (csr->index[half] < col)
      low = half + 1;
    else
      end = half;
  }
  return low;
}

static void count_columns(const turn *t) {
  const dnmf_csr *from = t->from;
  int64_t *counts = t->to->start + 1;
  for (int64_t e = 0; t->all && e < from->start[from->rows]; e++)
    counts[from->index[e]]++;
  for (int64_t row = 0; row < from->rows && !t->all; row++)
    for (int64_t e = find_column(from, row, t->cols.begin); e < from->start[row + 1] && from->index[e] < t->cols.end;
         e++)
      counts[from->index[e]]++;
}

/* `size` is a constant where this is called. */
static inline void place_columns(const turn *t, size_t size) {
  const dnmf_csr *from = t->from;
  int64_t *next = t->to->start + 1;
  int32_t *index = t->to->index;
  const char *values = from->value;
  char *to = t->to->value;
  for (int64_t row = 0; row < from->rows; row++)
    for (int64_t e = t->all ? from->start[row] : find_column(from, row, t->cols.begin);
         e < from->start[row + 1] && (t->all || from->index[e] < t->cols.end); e++) {
      const int64_t place = next[from->index[e]]++;
      index[place] = (int32_t)row;
      memcpy(to + (size_t)place * size, values + (size_t)e * size, size);
    }
}

static void place_columns_of_size(const turn *t) {
  const size_t size = t->size;
  if (size == sizeof(uint8_t))
    place_columns(t, sizeof(uint8_t));
  else if (size == sizeof(uint16_t))
    place_columns(t, sizeof(uint16_t));
  else if (size == sizeof(float))
    place_columns(t, sizeof(float));
  else
    place_columns(t, sizeof(double));
}

/* The first column before which `share` of `shares` of the entries lie; starts are as counts left them: start[c + 1] is
 * where column c begins. */
static int64_t column_of_share(const dnmf_csr *to, int64_t entries, int share, int shares) {
  const int64_t before = entries / shares * share;
  int64_t low = 0;
  for (int64_t end = to->rows; low < end && share < shares;) {
    const int64_t half = low + (end - low) / 2;
    if (to->start[half + 1] < before)
      low = half + 1;
    else
      end = half;
  }
  return share < shares ? low : to->rows;
}

void dnmf_csr_counts_to_places(int64_t *start, int64_t rows) {
  int64_t before = 0;
  for (int64_t row = 0; row < rows; row++) {
    const int64_t count = start[row + 1];
    start[row + 1] = before;
    before += count;
  }
}

static void count_shares(void *turns, int64_t begin, int64_t end) {
  for (int64_t share = begin; share < end; share++)
    count_columns((const turn *)turns + share);
}

static void place_shares(void *turns, int64_t begin, int64_t end) {
  for (int64_t share = begin; share < end; share++)
    place_columns_of_size((const turn *)turns + share);
}

void dnmf_csr_transpose(const dnmf_csr *from, dnmf_precision precision, int threads, dnmf_csr *to) {
  const size_t size = dnmf_number_size(dnmf_number_of(precision, from->narrow));
  const int64_t entries = from->start[from->rows];
  const int most = threads < MOST_SHARES ? threads : MOST_SHARES;
  const int team = dnmf_team(most, (double)entries * TURN_OPERATIONS);
  to->rows = from->cols;
  to->cols = from->rows;
  to->narrow = from->narrow;
  memset(to->start, 0, (size_t)(to->rows + 1) * sizeof *to->start);
  turn turns[MOST_SHARES];
  for (int share = 0; share < team; share++)
    turns[share] = (turn){from, dnmf_range_split((dnmf_range){0, to->rows}, team, share), team == 1, to, size};
  dnmf_team_run(team, team, count_shares, turns);
  dnmf_csr_counts_to_places(to->start, to->rows);
  for (int share = 0; share < team; share++) /* columns with about the same number of entries */
    turns[share].cols =
        (dnmf_range){column_of_share(to, entries, share, team), column_of_share(to, entries, share + 1, team)};
  dnmf_team_run(team, team, place_shares, turns);
}

bool dnmf_csr_is_sorted(const dnmf_csr *csr) {
  for (int64_t row = 0; row < csr->rows; row++)
    for (int64_t e = csr->start[row] + 1; e < csr->start[row + 1]; e++)
      if (csr->index[e] <= csr->index[e - 1])
        return false;
  return true;
}

/* The one value of the entries begin .. end. */
static double merge_values(const dnmf_csr *csr, dnmf_number number, dnmf_duplicates policy, int64_t begin,
                           int64_t end) {
  if (policy == DNMF_DUPLICATES_LAST)
    return dnmf_number_at(number, csr->value, end - 1);
  double sum = 0;
  for (int64_t e = begin; e < end; e++)
    sum += dnmf_number_at(number, csr->value, e);
  return policy == DNMF_DUPLICATES_MEAN ? sum / (double)(end - begin) : sum;
}

dnmf_status dnmf_csr_merge(dnmf_error *error, dnmf_csr *csr, dnmf_precision precision, dnmf_duplicates policy,
                           int64_t first_row, int64_t first_col, int64_t *merged) {
  const dnmf_number number = dnmf_number_of(precision, csr->narrow);
  int64_t kept = 0;
  int64_t begin = 0;
  *merged = 0;
  for (int64_t row = 0; row < csr->rows; row++) {
    int64_t end = csr->start[row + 1];
    for (int64_t e = begin; e < end;) {
      int64_t next = e + 1;
      while (next < end && csr->index[next] == csr->index[e])
        next++;
      if (next - e > 1 && policy == DNMF_DUPLICATES_ERROR)
        return dnmf_fail(error, DNMF_ERROR_INPUT,
                         "row %" PRId64 ", column %" PRId64 " (counted from 0) is given %" PRId64
                         " times; choose --duplicates last, sum or mean to accept that",
                         first_row + row, first_col + csr->index[e], next - e);
      csr->index[kept] = csr->index[e];
      dnmf_number_put(number, csr->value, kept++, merge_values(csr, number, policy, e, next));
      *merged += next - e - 1;
      e = next;
    }
    begin = end;
    csr->start[row + 1] = kept;
  }
  return DNMF_OK;
}
