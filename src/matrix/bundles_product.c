#include "matrix/bundles_product.h"

#include "base/memory.h"
#include "base/team.h"
#include "comm/collective.h"
#include "matrix/csr_product.h"
#include "matrix/kernels.h"
#include "matrix/padded.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const dnmf_bundles_kernel *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_bundles_kernel);

enum { ROWS_AT_ONCE = 4096 /* that a product with the transpose takes at a time, in whole bundles */ };

/* A product in the making. */
typedef struct bundles_call {
  dnmf_context *context;
  const dnmf_bundles_kernel *kernel;
  const dnmf_bundles *a;
  size_t size; /* of a number */
  int64_t padded;
  char *by_col; /* a's cols x padded */
  char *by_row; /* A P: `height` rows of sums for each thread; the transpose: rows of some bundles, padded */
  dnmf_panel *out;
  dnmf_range bundles; /* of the transpose: these at a time, in */
  int64_t parts;      /* of the columns */
} bundles_call;

static bundles_call call_of(dnmf_context *context, const dnmf_bundles *a, dnmf_panel *out) {
  return (bundles_call){.context = context,
                        .kernel = kernels[out->precision][context->isa],
                        .a = a,
                        .size = dnmf_precision_size(out->precision),
                        .padded = dnmf_padded_width(context, out->precision, out->components),
                        .out = out};
}

/* Components taken at a time: those that are held in registers. */
static int64_t widest_walk(const dnmf_bundles_kernel *kernel, int64_t padded) {
  return dnmf_at_most(padded, kernel->widest);
}

/* --- Rows ------------------------------------------------------------------------------------------------ */

/* Some components of a bundle's sums into their place. */
static void place_sums(const bundles_call *call, dnmf_range rows, const char *sums, int64_t width, int64_t done) {
  const dnmf_panel *out = call->out;
  const size_t wanted = (size_t)dnmf_at_most(out->components - done, width) * call->size;
  const size_t row_bytes = (size_t)out->components * call->size;
  char *to = (char *)out->data + (size_t)rows.begin * row_bytes + (size_t)done * call->size;
  for (int64_t i = 0; i < dnmf_range_size(rows); i++)
    memcpy(to + (size_t)i * row_bytes, sums + (size_t)(i * width) * call->size, wanted);
}

static void multiply_bundles(void *of_call, int64_t begin, int64_t end) {
  const bundles_call *call = of_call;
  const int64_t widest = widest_walk(call->kernel, call->padded);
  char *sums = call->by_row + (size_t)(dnmf_team_thread() * call->a->height * widest) * call->size;
  for (int64_t bundle = begin; bundle < end; bundle++) {
    const dnmf_range rows = dnmf_bundle_rows(call->a, bundle);
    const dnmf_bundle_part part = {bundle, {0, call->a->cols}};
    for (int64_t done = 0; done < call->padded; done += widest) {
      const int64_t width = dnmf_at_most(call->padded - done, widest);
      const dnmf_bundle_operands operands = {call->by_col + (size_t)done * call->size, call->padded, sums, width,
                                             width};
      memset(sums, 0, (size_t)(dnmf_range_size(rows) * width) * call->size);
      call->kernel->add(call->a, &part, &operands);
      place_sums(call, rows, sums, width, done);
    }
    dnmf_progress(call->context);
  }
}

dnmf_status dnmf_bundles_multiply(dnmf_context *context, const dnmf_bundles *a, const dnmf_panel *panel,
                                  dnmf_panel *out) {
  bundles_call call = call_of(context, a, out);
  const int64_t numbers = context->threads * a->height * widest_walk(call.kernel, call.padded);
  const void *padded_panel = NULL;
  void *copy = NULL;
  void *sums = NULL;
  DNMF_TRY(dnmf_pad_panel(context, panel, &padded_panel, &copy));
  dnmf_status status = dnmf_allocate(&context->error, "rows of a product", numbers, call.size, &sums);
  if (status == DNMF_OK) {
    call.by_col = (char *)padded_panel; /* only read */
    call.by_row = sums;
    const double operations = (double)a->first[a->count] * (double)call.padded;
    dnmf_team_run(dnmf_team(context->threads, operations), a->count, multiply_bundles, &call);
  }
  free(sums);
  free(copy);
  return status;
}

/* --- The transpose --------------------------------------------------------------------------------------- */

static int64_t bundles_at_once(int64_t height) {
  return ROWS_AT_ONCE > height ? ROWS_AT_ONCE / height : 1;
}

/* The columns of parts, of all bundles at hand. */
static void sum_bundle_parts(void *of_call, int64_t begin, int64_t end) {
  const bundles_call *call = of_call;
  const int64_t widest = widest_walk(call->kernel, call->padded);
  const dnmf_csr columns = {.rows = call->a->cols, .start = call->a->before};
  const dnmf_range all = {0, call->a->cols};
  const int64_t first_row = call->bundles.begin * call->a->height;
  for (int64_t p = begin; p < end; p++) {
    const dnmf_range cols = {dnmf_csr_balanced_row(&columns, all, p, call->parts),
                             dnmf_csr_balanced_row(&columns, all, p + 1, call->parts)};
    for (int64_t bundle = call->bundles.begin; bundle < call->bundles.end; bundle++)
      for (int64_t done = 0; done < call->padded; done += widest) {
        const dnmf_bundle_part part = {bundle, cols};
        const int64_t row = bundle * call->a->height - first_row;
        const dnmf_bundle_operands operands = {call->by_col + (size_t)done * call->size, call->padded,
                                               call->by_row + (size_t)(row * call->padded + done) * call->size,
                                               call->padded, dnmf_at_most(call->padded - done, widest)};
        call->kernel->add_transposed(call->a, &part, &operands);
      }
    dnmf_progress(call->context);
  }
}

/* The sums += transpose(some bundles) * their rows of the panel; `rows` is room for those, padded. */
static void sum_bundles(bundles_call *call, const dnmf_panel *panel, void *rows) {
  const dnmf_bundles *a = call->a;
  const dnmf_range range = {call->bundles.begin * a->height, dnmf_bundle_rows(a, call->bundles.end - 1).end};
  const dnmf_panel some = dnmf_panel_rows(panel, range);
  call->by_row = some.data;
  if (rows) {
    dnmf_pad_rows_threaded(call->context, some.precision, some.data, some.components, some.rows, rows, call->padded);
    call->by_row = rows;
  }
  const int64_t stored = a->first[call->bundles.end] - a->first[call->bundles.begin];
  const int team = dnmf_team(call->context->threads, (double)stored * (double)call->padded);
  dnmf_team_run(team, call->parts, sum_bundle_parts, call);
}

static int64_t rows_at_once(int64_t height, int64_t rows) {
  return dnmf_at_most(rows, bundles_at_once(height) * height);
}

dnmf_status dnmf_bundles_multiply_transposed(dnmf_context *context, const dnmf_bundles *a, const dnmf_panel *panel,
                                             dnmf_panel *out) {
  bundles_call call = call_of(context, a, out);
  const bool copied = call.padded != out->components;
  void *rows = NULL;
  void *sums = NULL;
  dnmf_status status = DNMF_OK;
  if (copied)
    status = dnmf_allocate(&context->error, "rows of a product", rows_at_once(a->height, a->rows) * call.padded,
                           call.size, &rows);
  if (status == DNMF_OK && copied)
    status = dnmf_allocate(&context->error, "sums of a product", a->cols * call.padded, call.size, &sums);
  call.by_col = copied ? sums : out->data;
  call.parts = context->threads;
  if (status == DNMF_OK && a->cols > 0)
    dnmf_team_clear(context->threads, call.by_col, (size_t)(a->cols * call.padded) * call.size);
  for (int64_t bundle = 0; status == DNMF_OK && bundle < a->count; bundle += bundles_at_once(a->height)) {
    call.bundles = (dnmf_range){bundle, dnmf_at_most(a->count, bundle + bundles_at_once(a->height))};
    sum_bundles(&call, panel, rows);
  }
  if (status == DNMF_OK && copied)
    dnmf_unpad_rows(out->precision, sums, call.padded, out->rows, out->data, out->components);
  free(rows);
  free(sums);
  return status;
}

double dnmf_bundles_product_bytes(const dnmf_context *context, dnmf_precision precision, int64_t height, int64_t rows,
                                  int64_t cols, int components) {
  const size_t size = dnmf_precision_size(precision);
  const int64_t padded = dnmf_padded_width(context, precision, components);
  const int64_t widest = widest_walk(kernels[precision][context->isa], padded);
  const double panel = padded != components ? dnmf_allocated_bytes((double)cols * (double)padded, size) : 0;
  const double some =
      padded != components ? dnmf_allocated_bytes((double)(rows_at_once(height, rows) * padded), size) : 0;
  return panel + fmax(dnmf_allocated_bytes((double)(context->threads * height * widest), size), some);
}
