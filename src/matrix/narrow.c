/* The values of sparse blocks in fewer bytes, where that is exact. */
#include "matrix/matrix.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>

/* From narrow to wide; a set of them is a word, a bit each. */
static const dnmf_number choices[] = {DNMF_NUMBER_UINT8, DNMF_NUMBER_HALVES, DNMF_NUMBER_UINT16, DNMF_NUMBER_SINGLE};
enum { CHOICES = sizeof choices / sizeof *choices };
static const uint64_t ALL_CHOICES = (UINT64_C(1) << CHOICES) - 1;

static bool is_exact(dnmf_number number, double value) {
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

/* The choices in which some value is not exact. */
static uint64_t find_excluded(const dnmf_csr *csr, dnmf_number from) {
  uint64_t excluded = 0;
  for (int64_t e = 0; e < csr->start[csr->rows] && excluded != ALL_CHOICES; e++) {
    const double value = dnmf_number_at(from, csr->value, e);
    for (int c = 0; c < CHOICES; c++)
      if (!(excluded >> c & 1) && !is_exact(choices[c], value))
        excluded |= UINT64_C(1) << c;
  }
  return excluded;
}

/* The wide values are given back before the other order's are converted. */
static dnmf_status convert(dnmf_error *error, dnmf_number from, dnmf_number narrow, dnmf_csr *csr) {
  const int64_t count = csr->start[csr->rows];
  void *values = NULL;
  DNMF_TRY(dnmf_allocate(error, "narrow values", count, dnmf_number_size(narrow), &values));
  for (int64_t e = 0; e < count; e++)
    dnmf_number_put(narrow, values, e, dnmf_number_at(from, csr->value, e));
  free(csr->value);
  csr->value = values;
  csr->narrow = narrow;
  return DNMF_OK;
}

dnmf_status dnmf_matrix_narrow(dnmf_context *context, dnmf_matrix *matrix) {
  const dnmf_number from = (dnmf_number)matrix->precision;
  if (!matrix->sparse || matrix->narrow)
    return DNMF_OK;
  uint64_t excluded = find_excluded(&matrix->by_rows, from);
  DNMF_TRY(dnmf_or_words(context, context->comm, &excluded, 1));
  for (int c = 0; c < CHOICES && !matrix->narrow; c++)
    if (!(excluded >> c & 1))
      matrix->narrow = dnmf_narrower(matrix->precision, choices[c]);
  if (!matrix->narrow)
    return DNMF_OK;
  dnmf_status status = convert(&context->error, from, matrix->narrow, &matrix->by_rows);
  if (status == DNMF_OK && matrix->by_cols.start)
    status = convert(&context->error, from, matrix->narrow, &matrix->by_cols);
  return dnmf_agree(context, status);
}
