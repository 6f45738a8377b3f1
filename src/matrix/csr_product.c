#include "matrix/csr_product.h"

#include "base/memory.h"
#include "base/team.h"
#include "comm/collective.h"
#include "matrix/kernels.h"
#include "matrix/padded.h"

#include <math.h>
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
  ROWS_AT_ONCE = 4096,          /* of A that a product with the transpose takes at a time */
  SAMPLES = 256                 /* entries a part, that tell where columns are split: within 6 %, mostly */
};

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

/* A band of a product, in parts of the rows with like numbers of entries. */
typedef struct rows_call {
  dnmf_context *context;
  const dnmf_csr *a;
  const void *panel;
  int64_t padded;
  dnmf_panel *out;
  int64_t parts;
  const dnmf_csr_band *band; /* NULL: all of the panel */
} rows_call;

static void multiply_parts(void *of_call, int64_t begin, int64_t end) {
  const rows_call *call = of_call;
  const dnmf_panel *out = call->out;
  const dnmf_csr_kernel *kernel = kernels[out->precision][call->context->isa];
  const dnmf_range rows = {0, call->a->rows};
  const size_t row_bytes = (size_t)out->components * dnmf_precision_size(out->precision);
  for (int64_t part = begin; part < end; part++) {
    const int64_t first = dnmf_csr_balanced_row(call->a, rows, part, call->parts);
    const int64_t last = dnmf_csr_balanced_row(call->a, rows, part + 1, call->parts);
    kernel->multiply(call->a, first, last, call->panel, call->padded, (char *)out->data + (size_t)first * row_bytes,
                     out->components, call->band);
    dnmf_progress(call->context);
  }
}

/* Every band by all threads together, so that they share what is in cache. */
static void multiply_bands(dnmf_context *context, const dnmf_csr *a, const void *panel, int64_t padded, dnmf_panel *out,
                           int64_t *cursor) {
  const int64_t step = cursor ? band_rows_of(a->cols, padded, out->precision) : a->cols;
  const int64_t parts = (int64_t)context->threads * PARTS;
  const int team = dnmf_team(context->threads, (double)a->start[a->rows] * (double)padded);
  for (int64_t first = 0; first == 0 || first<a->cols; first += step> 0 ? step : 1) {
    const dnmf_csr_band band = {dnmf_at_most(a->cols, first + step), cursor};
    rows_call call = {context, a, panel, padded, out, parts, cursor ? &band : NULL};
    dnmf_team_run(team, parts, multiply_parts, &call);
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
  if (dnmf_csr_bands(a->rows, a->cols, a->start[a->rows], padded, panel->precision) > 1) {
    status = dnmf_allocate(&context->error, "places in a sparse block", a->rows, sizeof(int64_t), &cursor);
    if (status == DNMF_OK)
      memcpy(cursor, a->start, (size_t)a->rows * sizeof(int64_t));
  }
  if (status == DNMF_OK)
    multiply_bands(context, a, padded_panel, padded, out, cursor);
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

/* Where columns are split into parts with like numbers of entries, as a sample of these has it: part p is
 * first[p] .. first[p + 1]. */
static dnmf_status split_columns(dnmf_error *error, const dnmf_csr *a, int parts, int64_t *first) {
  const int64_t stored = a->start[a->rows];
  const int64_t count = dnmf_at_most(stored, (int64_t)parts * SAMPLES);
  void *memory = NULL;
  first[0] = 0;
  for (int part = 1; part <= parts; part++)
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

/* What a product with the transpose works with. */
typedef struct transposed_work {
  int64_t padded;
  int64_t *first; /* column of each thread's, and the end */
  void *sums;     /* a's cols x padded: the result's own rows, or `copy` */
  void *copy;
  void *rows; /* padded ones of the panel, ROWS_AT_ONCE at a time; NULL: they are as they are */
} transposed_work;

static dnmf_status transposed_work_prepare(dnmf_context *context, const dnmf_csr *a, const dnmf_panel *out,
                                           transposed_work *w) {
  dnmf_error *error = &context->error;
  const size_t size = dnmf_precision_size(out->precision);
  void *memory = NULL;
  *w = (transposed_work){.padded = dnmf_padded_width(context, out->precision, out->components), .sums = out->data};
  DNMF_TRY(dnmf_allocate(error, "parts of a product", context->threads + 1, sizeof(int64_t), &memory));
  w->first = memory;
  DNMF_TRY(split_columns(error, a, context->threads, w->first));
  if (w->padded == out->components) {
    if (a->cols > 0)
      memset(out->data, 0, (size_t)(a->cols * w->padded) * size);
    return DNMF_OK;
  }
  DNMF_TRY(dnmf_allocate(error, "rows of a product", dnmf_at_most(a->rows, ROWS_AT_ONCE) * w->padded, size, &w->rows));
  DNMF_TRY(dnmf_allocate_zero(error, "sums of a product", a->cols * w->padded, size, &w->copy));
  w->sums = w->copy;
  return DNMF_OK;
}

/* The sample is given back before the rest is taken. */
double dnmf_csr_transposed_bytes(const dnmf_context *context, int64_t rows, int64_t cols, double stored, int64_t padded,
                                 bool copied, dnmf_precision precision) {
  const size_t size = dnmf_precision_size(precision);
  const double sampled = context->threads > 1 ? fmin(stored, (double)context->threads * SAMPLES) : 0;
  const double sample = dnmf_allocated_bytes(sampled, sizeof(int32_t));
  double copies = 0;
  if (copied)
    copies = dnmf_allocated_bytes((double)(dnmf_at_most(rows, ROWS_AT_ONCE) * padded), size) +
             dnmf_allocated_bytes((double)cols * (double)padded, size);
  return dnmf_allocated_bytes(context->threads + 1, sizeof(int64_t)) + fmax(sample, copies);
}

/* Some rows of a product with the transpose, in parts of the columns. */
typedef struct transposed_call {
  dnmf_context *context;
  const dnmf_csr_transposed_kernel *kernel;
  const dnmf_csr *a;
  dnmf_range rows;
  const void *x;
  const transposed_work *work;
} transposed_call;

static void add_parts(void *of_call, int64_t begin, int64_t end) {
  const transposed_call *call = of_call;
  const transposed_work *w = call->work;
  for (int64_t part = begin; part < end; part++) {
    const dnmf_range cols = {w->first[part], w->first[part + 1]};
    if (dnmf_range_size(cols) > 0)
      call->kernel->add(call->a, call->rows, cols, call->x, w->sums, w->padded);
    dnmf_progress(call->context);
  }
}

/* The sums += transpose(some rows of a) * x. */
static void add_rows(dnmf_context *context, const dnmf_csr *a, const dnmf_panel *panel, dnmf_range rows,
                     const transposed_work *w) {
  const dnmf_csr_transposed_kernel *kernel = transposed_kernels[panel->precision][context->isa];
  const int64_t count = dnmf_range_size(rows);
  const void *x = dnmf_panel_rows(panel, rows).data;
  if (w->rows) {
    dnmf_pad_rows_threaded(context, panel->precision, x, panel->components, count, w->rows, w->padded);
    x = w->rows;
  }
  const int64_t stored = a->start[rows.end] - a->start[rows.begin];
  const int team = dnmf_team(context->threads, (double)stored * (double)w->padded);
  transposed_call call = {context, kernel, a, rows, x, w};
  dnmf_team_run(team, context->threads, add_parts, &call);
}

dnmf_status dnmf_csr_multiply_transposed(dnmf_context *context, const dnmf_csr *a, const dnmf_panel *panel,
                                         dnmf_panel *out) {
  transposed_work w;
  dnmf_status status = transposed_work_prepare(context, a, out, &w);
  for (int64_t row = 0; status == DNMF_OK && row < a->rows; row += ROWS_AT_ONCE)
    add_rows(context, a, panel, (dnmf_range){row, dnmf_at_most(a->rows, row + ROWS_AT_ONCE)}, &w);
  if (status == DNMF_OK && w.copy)
    dnmf_unpad_rows(out->precision, w.copy, w.padded, out->rows, out->data, out->components);
  free(w.first);
  free(w.rows);
  free(w.copy);
  return status;
}
