/* The values of sparse blocks in fewer bytes, where that is exact. */
#include "matrix/narrow.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>

/* From narrow to wide; a set of them is a word, a bit each. */
static const dnmf_number choices[] = {DNMF_NUMBER_UINT8, DNMF_NUMBER_HALVES, DNMF_NUMBER_UINT16, DNMF_NUMBER_SINGLE};
enum { CHOICES = sizeof choices / sizeof *choices };

static inline bool is_exact(dnmf_number number, double value) {
  switch (number) {
  case DNMF_NUMBER_UINT8:
    return value >= 0 && value <= UINT8_MAX && value == (double)(uint8_t)value;
  case DNMF_NUMBER_HALVES:
    return value >= 0 && value <= 0.5 * UINT8_MAX && 2 * value == (double)(uint8_t)(2 * value);
  case DNMF_NUMBER_UINT16:
    return value >= 0 && value <= UINT16_MAX && value == (double)(uint16_t)value;
  default:
    return value == (double)(float)value;
  }
}

/* True when a value is not exact in `number`. */
static bool has_inexact(dnmf_number number, dnmf_number from, const char *values, size_t stride, int64_t count) {
  if (from == DNMF_NUMBER_DOUBLE || from == DNMF_NUMBER_SINGLE)
    for (int64_t e = 0; e < count; e++) {
      const void *at = values + (size_t)e * stride;
      if (!is_exact(number, from == DNMF_NUMBER_DOUBLE ? *(const double *)at : (double)*(const float *)at))
        return true;
    }
  else
    for (int64_t e = 0; e < count; e++)
      if (!is_exact(number, dnmf_number_at(from, values + (size_t)e * stride, 0)))
        return true;
  return false;
}

void dnmf_narrow_look(dnmf_number from, const void *values, size_t stride, int64_t count, uint64_t *excluded) {
  for (int c = 0; c < CHOICES; c++)
    if (!(*excluded >> c & 1) && has_inexact(choices[c], from, values, stride, count))
      *excluded |= UINT64_C(1) << c;
}

dnmf_status dnmf_narrow_choose(dnmf_context *context, dnmf_precision precision, uint64_t excluded,
                               dnmf_number *narrow) {
  *narrow = (dnmf_number)0;
  DNMF_TRY(dnmf_or_words(context, context->comm, &excluded, 1));
  for (int c = 0; c < CHOICES && !*narrow; c++)
    if (!(excluded >> c & 1))
      *narrow = dnmf_narrower(precision, choices[c]);
  return DNMF_OK;
}

/* The values as they were are given back before another block's are converted. */
dnmf_status dnmf_csr_convert(dnmf_error *error, dnmf_precision precision, dnmf_number narrow, dnmf_csr *csr) {
  const int64_t count = csr->start[csr->rows];
  const dnmf_number from = dnmf_number_of(precision, csr->narrow);
  const dnmf_number to = dnmf_number_of(precision, narrow);
  void *values = NULL;
  if (from == to)
    return DNMF_OK;
  DNMF_TRY(dnmf_allocate(error, "values", count, dnmf_number_size(to), &values));
  for (int64_t e = 0; e < count; e++)
    dnmf_number_put(to, values, e, dnmf_number_at(from, csr->value, e));
  free(csr->value);
  csr->value = values;
  csr->narrow = narrow;
  return DNMF_OK;
}

dnmf_status dnmf_matrix_narrow(dnmf_context *context, dnmf_matrix *matrix) {
  const dnmf_number from = (dnmf_number)matrix->precision;
  uint64_t excluded = 0;
  if (!matrix->sparse || matrix->narrow)
    return DNMF_OK;
  dnmf_narrow_look(from, matrix->by_rows.value, dnmf_number_size(from), matrix->by_rows.start[matrix->by_rows.rows],
                   &excluded);
  DNMF_TRY(dnmf_narrow_choose(context, matrix->precision, excluded, &matrix->narrow));
  if (!matrix->narrow)
    return DNMF_OK;
  dnmf_status status = dnmf_csr_convert(&context->error, matrix->precision, matrix->narrow, &matrix->by_rows);
  if (status == DNMF_OK && matrix->by_cols.start)
    status = dnmf_csr_convert(&context->error, matrix->precision, matrix->narrow, &matrix->by_cols);
  return dnmf_agree(context, status);
}
