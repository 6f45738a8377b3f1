#include "matrix/panel.h"

#include "base/memory.h"
#include "base/team.h"
#include "matrix/kernels.h"
#include "matrix/padded.h"

#include <stdlib.h>
#include <string.h>

static const dnmf_dense_kernel *const dense_kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_dense_kernel);
static const dnmf_panel_kernel *const panel_kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_panel_kernel);

/* Sums are taken over pieces that do not depend on the number of threads, and added in their order. */
enum {
  GRAM_TILE = 256,   /* rows summed in the panel's precision */
  GRAM_CHUNK = 2048, /* rows summed in double by one thread */
  GRAM_STRIP = 16,   /* rows of the Gram matrix; what lies left of a strip's diagonal is mirrored */
  GRAM_ROUND = 8,    /* chunks for each thread between two additions to the whole */
  DOT_PIECES = 64
};

dnmf_status dnmf_panel_create(dnmf_error *error, const char *what, int64_t rows, int components,
                              dnmf_precision precision, dnmf_panel *panel) {
  *panel = (dnmf_panel){.rows = rows, .components = components, .precision = precision};
  int64_t count = 0;
  if (__builtin_mul_overflow(rows, (int64_t)components, &count))
    return dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for %s", what);
  return dnmf_allocate_zero(error, what, count, dnmf_precision_size(precision), &panel->data);
}

void dnmf_panel_free(dnmf_panel *panel) {
  free(panel->data);
  *panel = (dnmf_panel){0};
}

double dnmf_panel_bytes(int64_t rows, int components, dnmf_precision precision) {
  return dnmf_allocated_bytes((double)rows * components, dnmf_precision_size(precision));
}

double dnmf_panel_get(const dnmf_panel *panel, int64_t row, int component) {
  const int64_t place = row * panel->components + component;
  return panel->precision == DNMF_DOUBLE ? ((const double *)panel->data)[place]
                                         : (double)((const float *)panel->data)[place];
}

void dnmf_panel_set(dnmf_panel *panel, int64_t row, int component, double value) {
  const int64_t place = row * panel->components + component;
  if (panel->precision == DNMF_DOUBLE)
    ((double *)panel->data)[place] = value;
  else
    ((float *)panel->data)[place] = (float)value;
}

bool dnmf_panel_row_is_zero(const dnmf_panel *panel, int64_t row) {
  for (int c = 0; c < panel->components; c++)
    if (dnmf_panel_get(panel, row, c) != 0)
      return false;
  return true;
}

dnmf_panel dnmf_panel_rows(const dnmf_panel *panel, dnmf_range rows) {
  const int64_t before = rows.begin * panel->components;
  dnmf_panel part = *panel;
  part.rows = dnmf_range_size(rows);
  part.data = panel->data ? (char *)panel->data + (size_t)before * dnmf_precision_size(panel->precision) : NULL;
  return part;
}

static const void *row_of(const dnmf_panel *x, int64_t row) {
  return (const char *)x->data + (size_t)(row * x->components) * dnmf_precision_size(x->precision);
}

/* What one thread needs to sum a chunk of rows. */
typedef struct gram_work {
  int64_t padded;
  void *rows;  /* GRAM_TILE x padded: the tile's rows */
  void *tile;  /* padded x padded: their X'X, in the panel's precision */
  double *sum; /* padded x padded */
} gram_work;

static void gram_add_tile(dnmf_precision precision, const gram_work *work) {
  const int64_t count = work->padded * work->padded;
  if (precision == DNMF_DOUBLE)
    for (int64_t i = 0; i < count; i++)
      work->sum[i] += ((const double *)work->tile)[i];
  else
    for (int64_t i = 0; i < count; i++)
      work->sum[i] += (double)((const float *)work->tile)[i];
}

/* work->sum = X'X over some rows, on and right of the diagonal strips. */
static void gram_of_chunk(const dnmf_dense_kernel *kernel, const dnmf_panel *x, int64_t begin, int64_t end,
                          const gram_work *work) {
  const size_t size = dnmf_precision_size(x->precision);
  const int64_t padded = work->padded;
  memset(work->sum, 0, (size_t)(padded * padded) * sizeof(double));
  for (int64_t row = begin; row < end; row += GRAM_TILE) {
    const int64_t rows = end - row < GRAM_TILE ? end - row : GRAM_TILE;
    dnmf_pad_rows(x->precision, row_of(x, row), x->components, rows, work->rows, padded);
    memset(work->tile, 0, (size_t)(padded * padded) * size);
    for (int64_t strip = 0; strip < padded; strip += GRAM_STRIP) {
      const char *at_strip = (const char *)work->rows + (size_t)strip * size;
      const int64_t right = padded - strip;
      const dnmf_tile tile = {at_strip, padded, rows, right < GRAM_STRIP ? right : GRAM_STRIP, 0};
      const dnmf_operands operands = {at_strip, (char *)work->tile + (size_t)(strip * padded + strip) * size, padded,
                                      right};
      kernel->multiply_transposed(&tile, &operands);
    }
    gram_add_tile(x->precision, work);
  }
}

static void add_upper(const double *sum, int64_t padded, int components, double *gram) {
  for (int64_t i = 0; i < components; i++)
    for (int64_t j = i; j < components; j++)
      gram[i * components + j] += sum[i * padded + j];
}

/* Chunks whose sums are kept until they are added in their order. */
static int chunks_at_once(int threads) {
  return threads > 1 ? threads * GRAM_ROUND : 1;
}

/* One panel's Gram matrix. */
typedef struct gram_call {
  const dnmf_dense_kernel *kernel;
  const dnmf_panel *x;
  int64_t first; /* chunk of those that are summed now */
  gram_work *threads;
  double *sums; /* of each of those chunks, padded x padded */
} gram_call;

static void sum_chunks(void *of_call, int64_t begin, int64_t end) {
  const gram_call *call = of_call;
  gram_work *mine = &call->threads[dnmf_team_thread()];
  for (int64_t chunk = begin; chunk < end; chunk++) {
    const int64_t row = (call->first + chunk) * GRAM_CHUNK;
    mine->sum = call->sums + chunk * mine->padded * mine->padded;
    gram_of_chunk(call->kernel, call->x, row, row + GRAM_CHUNK < call->x->rows ? row + GRAM_CHUNK : call->x->rows,
                  mine);
  }
}

static void gram_of_chunks(const dnmf_context *context, gram_call *call, double *gram) {
  const dnmf_panel *x = call->x;
  const double operations = (double)x->rows * x->components * x->components;
  const int64_t padded = call->threads[0].padded;
  const int64_t chunks = (x->rows + GRAM_CHUNK - 1) / GRAM_CHUNK;
  const int64_t step = chunks_at_once(context->threads);
  const int team = dnmf_team(context->threads, operations);
  for (call->first = 0; call->first < chunks; call->first += step) {
    const int64_t count = chunks - call->first < step ? chunks - call->first : step;
    dnmf_team_run(team, count, sum_chunks, call);
    for (int64_t chunk = 0; chunk < count; chunk++)
      add_upper(call->sums + chunk * padded * padded, padded, x->components, gram);
  }
}

static dnmf_status allocate_gram_work(dnmf_context *context, const dnmf_panel *x, gram_work *work) {
  const size_t size = dnmf_precision_size(x->precision);
  work->padded = dnmf_round_up(x->components, GRAM_STRIP);
  dnmf_error *error = &context->error;
  DNMF_TRY(dnmf_allocate(error, "a tile of a factor", GRAM_TILE * work->padded, size, &work->rows));
  return dnmf_allocate(error, "a Gram matrix", work->padded * work->padded, size, &work->tile);
}

double dnmf_panel_gram_bytes(int threads, int components, dnmf_precision precision) {
  const size_t size = dnmf_precision_size(precision);
  const double padded = (double)dnmf_round_up(components, GRAM_STRIP);
  return dnmf_allocated_bytes(threads, sizeof(gram_work)) +
         dnmf_allocated_bytes(chunks_at_once(threads) * padded * padded, sizeof(double)) +
         threads * (dnmf_allocated_bytes(GRAM_TILE * padded, size) + dnmf_allocated_bytes(padded * padded, size));
}

dnmf_status dnmf_panel_gram(dnmf_context *context, const dnmf_panel *x, double *gram) {
  const int64_t k = x->components;
  void *memory = NULL;
  void *sums = NULL;
  DNMF_TRY(dnmf_allocate_zero(&context->error, "Gram work", context->threads, sizeof(gram_work), &memory));
  gram_work *work = memory;
  dnmf_status status = DNMF_OK;
  for (int t = 0; t < context->threads && status == DNMF_OK; t++)
    status = allocate_gram_work(context, x, &work[t]);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "Gram matrices",
                           chunks_at_once(context->threads) * work->padded * work->padded, sizeof(double), &sums);
  memset(gram, 0, (size_t)(k * k) * sizeof(double));
  gram_call call = {dense_kernels[x->precision][context->isa], x, 0, work, sums};
  if (status == DNMF_OK)
    gram_of_chunks(context, &call, gram);
  for (int64_t i = 0; i < k; i++)
    for (int64_t j = 0; j < i; j++)
      gram[i * k + j] = gram[j * k + i];
  for (int t = 0; t < context->threads; t++) {
    free(work[t].rows);
    free(work[t].tile);
  }
  free(sums);
  free(work);
  return status;
}

/* Two panels of like shape, in DOT_PIECES pieces. */
typedef struct dot_call {
  const dnmf_panel_kernel *kernel;
  const dnmf_panel *x;
  const dnmf_panel *y;
  double sums[DOT_PIECES];
} dot_call;

static void dot_pieces(void *of_call, int64_t begin, int64_t end) {
  dot_call *call = of_call;
  const dnmf_panel *x = call->x;
  for (int64_t piece = begin; piece < end; piece++) {
    const dnmf_range rows = dnmf_range_split((dnmf_range){0, x->rows}, DOT_PIECES, (int)piece);
    call->sums[piece] =
        call->kernel->dot(row_of(x, rows.begin), row_of(call->y, rows.begin), dnmf_range_size(rows) * x->components);
  }
}

double dnmf_panel_dot(const dnmf_context *context, const dnmf_panel *x, const dnmf_panel *y) {
  dot_call call = {.kernel = panel_kernels[x->precision][context->isa], .x = x, .y = y};
  dnmf_team_run(dnmf_team(context->threads, (double)x->rows * x->components), DOT_PIECES, dot_pieces, &call);
  double sum = 0;
  for (int piece = 0; piece < DOT_PIECES; piece++)
    sum += call.sums[piece];
  return sum;
}

void dnmf_panel_sum_columns(const dnmf_panel *x, double *sums) {
  memset(sums, 0, (size_t)x->components * sizeof(double));
  for (int64_t row = 0; row < x->rows; row++)
    for (int t = 0; t < x->components; t++)
      sums[t] += dnmf_panel_get(x, row, t);
}

double dnmf_panel_sum(const dnmf_panel *x) {
  double sum = 0;
  for (int64_t row = 0; row < x->rows; row++)
    for (int t = 0; t < x->components; t++)
      sum += dnmf_panel_get(x, row, t);
  return sum;
}

typedef struct combine_call {
  const dnmf_panel_kernel *kernel;
  double a;
  const dnmf_panel *x;
  double b;
  const dnmf_panel *y;
} combine_call;

static void combine_pieces(void *of_call, int64_t begin, int64_t end) {
  const combine_call *call = of_call;
  for (int64_t piece = begin; piece < end; piece++) {
    const dnmf_range rows = dnmf_range_split((dnmf_range){0, call->x->rows}, DOT_PIECES, (int)piece);
    const dnmf_panel part = dnmf_panel_rows(call->x, rows);
    const dnmf_panel other = dnmf_panel_rows(call->y, rows);
    call->kernel->combine(call->a, part.data, call->b, other.data, part.rows * part.components);
  }
}

void dnmf_panel_combine(const dnmf_context *context, double a, dnmf_panel *x, double b, const dnmf_panel *y) {
  combine_call call = {panel_kernels[x->precision][context->isa], a, x, b, y};
  dnmf_team_run(dnmf_team(context->threads, (double)x->rows * x->components), DOT_PIECES, combine_pieces, &call);
}

typedef struct ahead_call {
  const dnmf_panel_kernel *kernel;
  double share;
  const dnmf_panel *x;
  const dnmf_panel *ahead;
} ahead_call;

static void extrapolate_pieces(void *of_call, int64_t begin, int64_t end) {
  const ahead_call *call = of_call;
  for (int64_t piece = begin; piece < end; piece++) {
    const dnmf_range rows = dnmf_range_split((dnmf_range){0, call->x->rows}, DOT_PIECES, (int)piece);
    const dnmf_panel part = dnmf_panel_rows(call->x, rows);
    const dnmf_panel further = dnmf_panel_rows(call->ahead, rows);
    call->kernel->extrapolate(call->share, part.data, further.data, part.rows * part.components);
  }
}

void dnmf_panel_extrapolate(const dnmf_context *context, double share, dnmf_panel *x, dnmf_panel *ahead) {
  ahead_call call = {panel_kernels[x->precision][context->isa], share, x, ahead};
  dnmf_team_run(dnmf_team(context->threads, (double)x->rows * x->components), DOT_PIECES, extrapolate_pieces, &call);
}

dnmf_status dnmf_pad_panel(dnmf_context *context, const dnmf_panel *panel, const void **padded_panel, void **copy) {
  const int64_t padded = dnmf_padded_width(context, panel->precision, panel->components);
  *copy = NULL;
  *padded_panel = panel->data;
  if (padded == panel->components)
    return DNMF_OK;
  DNMF_TRY(dnmf_allocate(&context->error, "a padded factor", panel->rows * padded,
                         dnmf_precision_size(panel->precision), copy));
  *padded_panel = *copy;
  dnmf_pad_rows_threaded(context, panel->precision, panel->data, panel->components, panel->rows, *copy, padded);
  return DNMF_OK;
}
