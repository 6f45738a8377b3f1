/* Panels to and from rows of whole vectors. */
#include "matrix/padded.h"

#include "base/memory.h"
#include "base/team.h"
#include "matrix/kernels.h"

#include <string.h>

static const dnmf_dense_kernel *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_dense_kernel);

int64_t dnmf_padded_width(const dnmf_context *context, dnmf_precision precision, int components) {
  return dnmf_round_up(components, kernels[precision][context->isa]->vector);
}

void dnmf_pad_rows(dnmf_precision precision, const void *from, int components, int64_t rows, void *to, int64_t padded) {
  const size_t filled = (size_t)components * dnmf_precision_size(precision);
  const size_t whole = (size_t)padded * dnmf_precision_size(precision);
  for (int64_t row = 0; row < rows; row++) {
    char *place = (char *)to + (size_t)row * whole;
    memcpy(place, (const char *)from + (size_t)row * filled, filled);
    memset(place + filled, 0, whole - filled);
  }
}

void dnmf_unpad_rows(dnmf_precision precision, const void *from, int64_t padded, int64_t rows, void *to,
                     int components) {
  const size_t filled = (size_t)components * dnmf_precision_size(precision);
  const size_t whole = (size_t)padded * dnmf_precision_size(precision);
  for (int64_t row = 0; row < rows; row++)
    memcpy((char *)to + (size_t)row * filled, (const char *)from + (size_t)row * whole, filled);
}

/* A copy of rows. */
typedef struct pad_call {
  dnmf_precision precision;
  const char *from;
  int components;
  char *to;
  int64_t padded;
} pad_call;

static void pad_some(void *of_call, int64_t begin, int64_t end) {
  const pad_call *call = of_call;
  const size_t size = dnmf_precision_size(call->precision);
  dnmf_pad_rows(call->precision, call->from + (size_t)(begin * call->components) * size, call->components, end - begin,
                call->to + (size_t)(begin * call->padded) * size, call->padded);
}

void dnmf_pad_rows_threaded(const dnmf_context *context, dnmf_precision precision, const void *from, int components,
                            int64_t rows, void *to, int64_t padded) {
  pad_call call = {precision, from, components, to, padded};
  dnmf_team_run(dnmf_team(context->threads, (double)rows * (double)padded), rows, pad_some, &call);
}
