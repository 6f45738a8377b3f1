#include "matrix/csr.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void dnmf_csr_free(dnmf_csr *csr) {
  free(csr->start);
  free(csr->index);
  free(csr->value);
  *csr = (dnmf_csr){0};
}

static void move_value(dnmf_precision precision, const void *from, int64_t at, void *to, int64_t place) {
  if (precision == DNMF_DOUBLE)
    ((double *)to)[place] = ((const double *)from)[at];
  else
    ((float *)to)[place] = ((const float *)from)[at];
}

/* Counts in start[c + 1] become the place of the first entry of row c, which placing moves on: in the end start[c] ..
 * start[c + 1] is row c. */
void dnmf_csr_transpose(const dnmf_csr *from, dnmf_precision precision, dnmf_csr *to) {
  to->rows = from->cols;
  to->cols = from->rows;
  memset(to->start, 0, (size_t)(to->rows + 1) * sizeof *to->start);
  for (int64_t e = 0; e < from->start[from->rows]; e++)
    to->start[from->index[e] + 1]++;
  int64_t before = 0;
  for (int64_t c = 0; c < to->rows; c++) {
    int64_t count = to->start[c + 1];
    to->start[c + 1] = before;
    before += count;
  }
  for (int64_t row = 0; row < from->rows; row++)
    for (int64_t e = from->start[row]; e < from->start[row + 1]; e++) {
      int64_t place = to->start[from->index[e] + 1]++;
      to->index[place] = (int32_t)row;
      move_value(precision, from->value, e, to->value, place);
    }
}

bool dnmf_csr_is_sorted(const dnmf_csr *csr) {
  for (int64_t row = 0; row < csr->rows; row++)
    for (int64_t e = csr->start[row] + 1; e < csr->start[row + 1]; e++)
      if (csr->index[e] <= csr->index[e - 1])
        return false;
  return true;
}

/* The one value of the entries begin .. end. */
static double merge_values(const dnmf_csr *csr, dnmf_precision precision, dnmf_duplicates policy, int64_t begin,
                           int64_t end) {
  if (policy == DNMF_DUPLICATES_LAST)
    return dnmf_number_at((dnmf_number)precision, csr->value, end - 1);
  double sum = 0;
  for (int64_t e = begin; e < end; e++)
    sum += dnmf_number_at((dnmf_number)precision, csr->value, e);
  return policy == DNMF_DUPLICATES_MEAN ? sum / (double)(end - begin) : sum;
}

static void set_value(dnmf_precision precision, void *values, int64_t at, double value) {
  if (precision == DNMF_DOUBLE)
    ((double *)values)[at] = value;
  else
    ((float *)values)[at] = (float)value;
}

dnmf_status dnmf_csr_merge(dnmf_error *error, dnmf_csr *csr, dnmf_precision precision, dnmf_duplicates policy,
                           int64_t first_row, int64_t first_col, int64_t *merged) {
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
      set_value(precision, csr->value, kept++, merge_values(csr, precision, policy, e, next));
      *merged += next - e - 1;
      e = next;
    }
    begin = end;
    csr->start[row + 1] = kept;
  }
  return DNMF_OK;
}
