#include "matrix/csr_product.h"

#include "dnmf/collective.h"
#include "dnmf/memory.h"
#include "matrix/kernels.h"
#include "matrix/padded.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

static const dnmf_csr_kernel *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_csr_kernel);
static const dnmf_csr_transposed_kernel *const transposed_kernels[DNMF_PRECISIONS][DNMF_ISAS] =
    DNMF_VARIANTS(dnmf_csr_transposed_kernel);

enum {
  LARGE_PANEL_BYTES = 16 << 20, /* a panel of which a product takes a band at a time */
  BAND_BYTES = 4 << 20,         /* of it */
  BAND_ENTRIES = 16,            /* a row needs in a band, on average */
  PARTS = 8,                    /* a thread: small enough to even out what the counts do not show */
  ROWS_AT_ONCE = 4096,          /* that are added to columns between two looks at what travels */
  SAMPLES = 1024                /* entries a part, that tell where columns are split: within 3 %, mostly */
};

static int64_t at_most(int64_t count, int64_t limit) {
  return count < limit ? count : limit;
}

/* The thread that calls MPI lets it work. */
static void let_progress(dnmf_context *context) {
  if (omp_get_thread_num() == 0)
    dnmf_progress(context);
}

int64_t dnmf_csr_balanced_row(const dnmf_csr *a, dnmf_range rows, int64_t part, int64_t parts) {
  const int64_t stored = a->start[rows.end] - a->start[rows.begin];
  const int64_t wanted = a->start[rows.begin] + stored / parts * part + stored % parts * part / parts;
  int64_t low = rows.begin;
  int64_t high = rows.end;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (a->start[middle] < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return part == parts ? rows.end : part == 0 ? rows.begin : low;
}

/* --- Rows ------------------------------------------------------------------------------------------------ */

/* Rows of the panel that are taken at a time: all, or what fits a share of the outermost cache. */
static int64_t band_rows_of(int64_t panel_rows, int64_t padded, dnmf_precision precision) {
  const int64_t row_bytes = padded * (int64_t)dnmf_precision_size(precision);
  return panel_rows * row_bytes < LARGE_PANEL_BYTES ? panel_rows : BAND_BYTES / row_bytes + 1;
}

int64_t dnmf_csr_bands(int64_t to, int64_t from, int64_t stored, int64_t padded, dnmf_precision precision) {
  const int64_t rows = band_rows_of(from, padded, precision);
  const int64_t bands = rows > 0 ? (from + rows - 1) / rows : 1;
  return stored / bands >= to * BAND_ENTRIES ? bands : 1;
}

/* Every band by all threads together, so that they share what is in cache. */
static void multiply_bands(dnmf_context *context, const dnmf_csr *a, const void *panel, int64_t padded, dnmf_panel *out,
                           int64_t *cursor) {
  const dnmf_csr_kernel *kernel = kernels[out->precision][context->isa];
  const int64_t step = band_rows_of(a->cols, padded, out->precision);
  const int64_t parts = (int64_t)context->threads * PARTS;
  const dnmf_range rows = {0, a->rows};
  const size_t row_bytes = (size_t)out->components * dnmf_precision_size(out->precision);
  for (int64_t first = 0; first < a->cols; first += step) {
    const dnmf_csr_band band = {at_most(a->cols, first + step), cursor};
#pragma omp parallel for schedule(dynamic) num_threads(context->threads)
    for (int64_t part = 0; part < parts; part++) {
      const int64_t begin = dnmf_csr_balanced_row(a, rows, part, parts);
      const int64_t end = dnmf_csr_balanced_row(a, rows, part + 1, parts);
      kernel->multiply(a, begin, end, panel, padded, (char *)out->data + (size_t)begin * row_bytes, out->components,
                       &band);
      let_progress(context);
    }
  }
}

void dnmf_csr_multiply_rows(dnmf_context *context, dnmf_precision precision, const dnmf_csr *a, dnmf_range rows,
                            const void *panel, int64_t padded, void *out, int components) {
  const dnmf_csr_kernel *kernel = kernels[precision][context->isa];
  const int64_t parts = (int64_t)context->threads * PARTS;
  const size_t row_bytes = (size_t)components * dnmf_precision_size(precision);
#pragma omp parallel for schedule(dynamic) num_threads(context->threads)
  for (int64_t part = 0; part < parts; part++) {
    const int64_t begin = dnmf_csr_balanced_row(a, rows, part, parts);
    const int64_t end = dnmf_csr_balanced_row(a, rows, part + 1, parts);
    kernel->multiply(a, begin, end, panel, padded, (char *)out + (size_t)(begin - rows.begin) * row_bytes, components,
                     NULL);
    let_progress(context);
  }
}

dnmf_status dnmf_csr_multiply(dnmf_context *context, const dnmf_csr *a, const dnmf_panel *panel, dnmf_panel *out) {
  if (a->rows == 0)
    return DNMF_OK;
  const int64_t padded = dnmf_padded_width(context, panel->precision, panel->components);
  const void *padded_panel = NULL;
  void *copy = NULL;
  void *cursor = NULL;
  DNMF_TRY(dnmf_pad_panel(context, panel, &padded_panel, &copy));
  dnmf_status status = DNMF_OK;
  const bool whole = dnmf_csr_bands(a->rows, a->cols, a->start[a->rows], padded, panel->precision) == 1;
  if (whole)
    dnmf_csr_multiply_rows(context, panel->precision, a, (dnmf_range){0, a->rows}, padded_panel, padded, out->data,
                           out->components);
  else
    status = dnmf_allocate(&context->error, "places in a sparse block", a->rows, sizeof(int64_t), &cursor);
  if (!whole && status == DNMF_OK) {
    memcpy(cursor, a->start, (size_t)a->rows * sizeof(int64_t));
    multiply_bands(context, a, padded_panel, padded, out, cursor);
  }
  free(cursor);
  free(copy);
  return status;
}

/* --- The transpose --------------------------------------------------------------------------------------- */

static int by_column(const void *a, const void *b) {
  const int32_t x = *(const int32_t *)a;
  const int32_t y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

dnmf_status dnmf_csr_split_columns(dnmf_error *error, const dnmf_csr *a, int parts, int64_t *first) {
  const int64_t stored = a->start[a->rows];
  const int64_t count = at_most(stored, (int64_t)parts * SAMPLES);
  void *memory = NULL;
  first[0] = 0;
  first[parts] = a->cols;
  for (int part = 1; part < parts; part++)
    first[part] = a->cols;
  if (parts == 1 || count == 0)
    return DNMF_OK;
  DNMF_TRY(dnmf_allocate(error, "a sample of columns", count, sizeof(int32_t), &memory));
  int32_t *sample = memory;
  for (int64_t i = 0; i < count; i++)
    sample[i] = a->index[stored / count * i + stored % count * i / count];
  qsort(sample, (size_t)count, sizeof *sample, by_column);
  for (int part = 1; part < parts; part++)
    first[part] = sample[count * part / parts];
  free(sample);
  return DNMF_OK;
}

void dnmf_csr_add_transposed(dnmf_context *context, dnmf_precision precision, const dnmf_csr *a, dnmf_range rows,
                             const int64_t *first, const void *x, void *sums, int64_t padded) {
  const dnmf_csr_transposed_kernel *kernel = transposed_kernels[precision][context->isa];
  const size_t row_bytes = (size_t)padded * dnmf_precision_size(precision);
#pragma omp parallel for schedule(static) num_threads(context->threads)
  for (int part = 0; part < context->threads; part++) {
    const dnmf_range cols = {first[part], first[part + 1]};
    for (int64_t row = rows.begin; row < rows.end && dnmf_range_size(cols) > 0; row += ROWS_AT_ONCE) {
      const dnmf_range some = {row, at_most(rows.end, row + ROWS_AT_ONCE)};
      kernel->add(a, some, cols, (const char *)x + (size_t)(row - rows.begin) * row_bytes, sums, padded);
      let_progress(context);
    }
  }
}
