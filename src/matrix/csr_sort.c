/*
 * Rows are sorted by transposing twice, which is stable. Entries of a whole block would go to and fro between places
 * all over memory, so a band of rows at a time is sorted, as many as fit a cache.
 */
#include "base/memory.h"
#include "base/team.h"
#include "matrix/csr.h"

#include <stdlib.h>

enum {
  BAND_ENTRIES = 1 << 16 /* 12 bytes each, twice: in an L2 cache of 2 MiB */,
  MOST_SHARES = 64 /* a thread each */
};

/* The row after the band that begins with `first`. A band has at least as many entries as there are columns, where
 * there are as many, so that passing over columns costs no more than its entries. */
static int64_t band_end(const dnmf_csr *csr, int64_t first) {
  int64_t most = csr->cols > BAND_ENTRIES ? csr->cols : BAND_ENTRIES;
  int64_t end = first + 1;
  while (end < csr->rows && csr->start[end + 1] - csr->start[first] <= most)
    end++;
  return end;
}

/* Room for the longest band, and the most rows. */
static dnmf_status bands_prepare(dnmf_error *error, const dnmf_csr *csr, dnmf_precision precision, int64_t first,
                                 int64_t last, dnmf_csr *band, dnmf_csr *turned) {
  int64_t longest = 0;
  int64_t rows = 0;
  while (first < last) {
    int64_t end = band_end(csr, first);
    int64_t entries = csr->start[end] - csr->start[first];
    longest = entries > longest ? entries : longest;
    rows = end - first > rows ? end - first : rows;
    first = end;
  }
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "rows to sort", rows + 1, sizeof(int64_t), &memory));
  band->start = memory;
  DNMF_TRY(dnmf_allocate(error, "rows to sort", csr->cols + 1, sizeof(int64_t), &memory));
  turned->start = memory;
  DNMF_TRY(dnmf_allocate(error, "rows to sort", longest, sizeof(int32_t), &memory));
  turned->index = memory;
  return dnmf_allocate(error, "rows to sort", longest, dnmf_precision_size(precision), &turned->value);
}

/* A band of one row, or of at most as many entries as `band_end` allows. */
double dnmf_csr_sort_bytes(int64_t rows, int64_t cols, int64_t stored, dnmf_precision precision) {
  const int64_t most = cols > BAND_ENTRIES ? cols : BAND_ENTRIES;
  const double longest = (double)(stored < most ? stored : most);
  return dnmf_allocated_bytes((double)rows + 1, sizeof(int64_t)) +
         dnmf_allocated_bytes((double)cols + 1, sizeof(int64_t)) + dnmf_allocated_bytes(longest, sizeof(int32_t)) +
         dnmf_allocated_bytes(longest, dnmf_precision_size(precision));
}

static void sort_band(const dnmf_csr *csr, dnmf_precision precision, int64_t first, int64_t end, dnmf_csr *band,
                      dnmf_csr *turned) {
  int64_t begin = csr->start[first];
  for (int64_t row = first; row <= end; row++)
    band->start[row - first] = csr->start[row] - begin;
  band->rows = end - first;
  band->cols = csr->cols;
  band->index = csr->index + begin;
  band->value = (char *)csr->value + (size_t)begin * dnmf_number_size(dnmf_number_of(precision, csr->narrow));
  band->narrow = csr->narrow;
  if (dnmf_csr_is_sorted(band))
    return;
  dnmf_csr_transpose(band, precision, 1, turned);
  dnmf_csr_transpose(turned, precision, 1, band);
}

/* Sorts the bands that begin with the rows `first` to before `last`; both are first rows of bands, or the end. */
static dnmf_status sort_bands(dnmf_error *error, const dnmf_csr *csr, dnmf_precision precision, int64_t first,
                              int64_t last) {
  dnmf_csr band = {0};   /* a part of csr; start is its own */
  dnmf_csr turned = {0}; /* the same by columns */
  dnmf_status status = first < last ? bands_prepare(error, csr, precision, first, last, &band, &turned) : DNMF_OK;
  while (status == DNMF_OK && first < last) {
    int64_t end = band_end(csr, first);
    sort_band(csr, precision, first, end, &band, &turned);
    first = end;
  }
  free(band.start);
  free(turned.start);
  free(turned.index);
  free(turned.value);
  return status;
}

/* The bands of a call, shared out among threads. */
typedef struct sort_share {
  const dnmf_csr *csr;
  dnmf_precision precision;
  int64_t first;
  int64_t last;
  dnmf_status status;
  dnmf_error error;
} sort_share;

static void sort_shares(void *shares, int64_t begin, int64_t end) {
  for (sort_share *share = (sort_share *)shares + begin; share < (sort_share *)shares + end; share++)
    share->status = sort_bands(&share->error, share->csr, share->precision, share->first, share->last);
}

dnmf_status dnmf_csr_sort(dnmf_error *error, dnmf_csr *csr, dnmf_precision precision, int threads) {
  const int64_t entries = csr->rows > 0 ? csr->start[csr->rows] : 0;
  const int64_t most = entries / BAND_ENTRIES < MOST_SHARES ? entries / BAND_ENTRIES : MOST_SHARES;
  const int team = threads < most ? threads : (int)most;
  if (entries == 0)
    return DNMF_OK;
  if (team <= 1)
    return sort_bands(error, csr, precision, 0, csr->rows);
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "rows to sort", team, sizeof(sort_share), &memory));
  sort_share *shares = memory;
  int64_t first = 0;
  for (int t = 0; t < team; t++) { /* bands with about as many entries each */
    const int64_t before = entries / team * (t + 1);
    shares[t] = (sort_share){.csr = csr, .precision = precision, .first = first};
    while (first < csr->rows && (t == team - 1 || csr->start[first] < before))
      first = band_end(csr, first);
    shares[t].last = first;
  }
  dnmf_team_run(team, team, sort_shares, shares);
  dnmf_status status = DNMF_OK;
  for (int t = 0; t < team && status == DNMF_OK; t++) {
    status = shares[t].status;
    if (status != DNMF_OK)
      *error = shares[t].error;
  }
  free(shares);
  return status;
}
