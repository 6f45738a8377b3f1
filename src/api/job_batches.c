#include "api/job_batches.h"

#include "api/job_start.h"
#include "comm/clock.h"
#include "init/svd.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Set aside for the program itself and its libraries, MPI's buffers and what is not worth counting. */
static const double PROGRAM_BYTES = 64e6;

static const double FORGET = 0.7; /* under a divergence, as scikit-learn's MiniBatchNMF */

enum {
  BATCHES = 16,     /* a pass, where memory allows */
  LEAST_SHARE = 64, /* rows of a batch a process, unless the matrix has fewer: less is all overhead */
  SWEEPS = 3        /* of hals: cheap beside the products, and worth it */
};

/* What a fit of the whole matrix in memory takes at most. */
static double in_memory_bytes(const dnmf_context *context, const dnmf_fitting *f, int grid_rows, int grid_cols) {
  const dnmf_job job = dnmf_fitting_cost(f);
  dnmf_cost cost;
  if (job.stored < 0)
    return INFINITY;
  dnmf_cost_of(context, &job, NULL, grid_rows, grid_cols, &cost);
  return cost.memory.peak + PROGRAM_BYTES;
}

static dnmf_status refuse_in_batches(dnmf_error *error, const char *option, const char *why) {
  return dnmf_fail(error, DNMF_ERROR_USAGE, "%s does not go with mini-batches: %s", option, why);
}

/* What a mini-batch fit cannot do. */
static dnmf_status check_batches(dnmf_error *error, const dnmf_fitting *f, int grid_cols) {
  const dnmf_fit_settings *s = &f->asked;
  if (f->settings.fixed != DNMF_FIXED_NONE)
    return refuse_in_batches(error, "--fix", "with H fixed there is dnmf transform");
  if (s->stop && strcmp(s->stop, "gradient") == 0)
    return refuse_in_batches(error, "--stop gradient", "they stop by the objective");
  if (s->zeros.grid && strcmp(s->zeros.grid, "auto") != 0 && grid_cols > 1)
    return refuse_in_batches(error, "--grid", "all processes share the rows of a batch; leave it out");
  if (f->settings.loss.divergence && s->batches.forget == 0)
    return refuse_in_batches(error, "--forget 0",
                             "under a divergence what a batch brought once cannot be taken out again; give a number "
                             "above 0, or leave it out for 0.7");
  if (s->zeros.exact_residual)
    return refuse_in_batches(error, "--exact-residual", "they never hold the matrix");
  return DNMF_OK;
}

/* What singular vectors take beside everything else, and what a batch adds to a product. local */
static double start_bytes(const dnmf_context *context, const dnmf_fitting *f, int64_t batch_rows) {
  const int64_t cols = f->source.cols;
  const int64_t rows = dnmf_batch_w_rows(context, f->source.rows, batch_rows);
  const int64_t owned = cols / context->size + 1;
  return dnmf_svd_bytes(rows, cols, owned, context->size, f->components, f->precision) +
         dnmf_panel_bytes(cols, f->components + DNMF_SVD_OVERSAMPLING, f->precision);
}

static dnmf_status count_memory(dnmf_context *context, dnmf_fitting *f, int64_t batch_rows) {
  dnmf_batch_memory *memory = &f->batch_memory;
  f->settings.batches.rows = batch_rows;
  DNMF_TRY(dnmf_batch_count_memory(context, &f->source, f->precision, &f->settings, memory));
  /* A start from a file is dealt out from a second and a third copy of W, before there are blocks. */
  if (f->start >= DNMF_START_FILE && memory->blocks < 2 * memory->w) {
    memory->total += 2 * memory->w - memory->blocks;
    memory->blocks = 2 * memory->w;
  }
  if (f->start == DNMF_START_SVD) {
    const double bytes = start_bytes(context, f, batch_rows);
    memory->total += bytes;
    memory->blocks += bytes;
  }
  memory->total += PROGRAM_BYTES;
  return DNMF_OK;
}

/* "12.3 MB" and the like. */
enum { SIZE_TEXT = 32 };
static const char *size_text(double bytes, char text[SIZE_TEXT]) {
  static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  int unit = 0;
  for (; bytes >= 1000 && unit < 5; unit++)
    bytes /= 1000;
  snprintf(text, SIZE_TEXT, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}

static dnmf_status too_small(dnmf_error *error, const dnmf_fitting *f) {
  char given[SIZE_TEXT];
  char least[SIZE_TEXT];
  char parts[4][SIZE_TEXT];
  const dnmf_batch_memory *memory = &f->batch_memory;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "--memory %s is too small for %s, %" PRId64 " x %" PRId64 ", with k = %d: at least %s a process are "
                   "needed with batches of %" PRId64 " rows: %s for W, %s for H, %s for a batch, %s for the program; "
                   "give more, or use more processes",
                   size_text((double)f->asked.batches.memory, given), f->source.name, f->source.rows, f->source.cols,
                   f->components, size_text(memory->total, least), f->settings.batches.rows,
                   size_text(memory->w, parts[0]), size_text(memory->h, parts[1]), size_text(memory->blocks, parts[2]),
                   size_text(PROGRAM_BYTES, parts[3]));
}

/* The rows asked for, or half of a BATCHES-th as often as it takes to fit. */
static dnmf_status choose_batches(dnmf_context *context, dnmf_fitting *f) {
  const int64_t given = f->asked.batches.batch_rows;
  const int64_t allowed = f->asked.batches.memory;
  const int64_t rows = f->source.rows;
  int64_t least = (int64_t)LEAST_SHARE * context->size;
  int64_t wanted = given > 0 ? given : rows / BATCHES + (rows % BATCHES != 0);
  least = given > 0 ? wanted : least < rows ? least : rows;
  for (int64_t batch_rows = wanted > least ? wanted : least;; batch_rows /= 2) {
    batch_rows = batch_rows > least ? batch_rows : least;
    DNMF_TRY(count_memory(context, f, batch_rows < rows ? batch_rows : rows));
    if (allowed < 0 || f->batch_memory.total <= (double)allowed)
      return DNMF_OK;
    if (batch_rows == least)
      return too_small(&context->error, f);
  }
}

dnmf_status dnmf_fitting_plan_batches(dnmf_context *context, int grid_rows, int grid_cols, dnmf_fitting *f) {
  const dnmf_fit_settings *s = &f->asked;
  f->in_memory = in_memory_bytes(context, f, grid_rows, grid_cols);
  if (s->batches.batch_rows < 0 && f->in_memory <= (double)s->batches.memory)
    return DNMF_OK;
  DNMF_TRY(check_batches(&context->error, f, grid_cols));
  f->in_batches = true;
  f->stop = "objective";
  f->settings.stop = DNMF_STOP_OBJECTIVE;
  f->settings.batches.forget = s->batches.forget >= 0 ? s->batches.forget : f->settings.loss.divergence ? FORGET : 0;
  f->settings.sweeps = s->sweeps > 0 ? (int)s->sweeps : f->settings.solver == DNMF_SOLVER_HALS ? SWEEPS : 1;
  return choose_batches(context, f);
}

/* Random rows of W are made where they are needed. */
static dnmf_status start_at_random(dnmf_context *context, dnmf_fitting *f) {
  DNMF_TRY(dnmf_agree(context, dnmf_factor_create_h(context, &f->a.layout, f->components, f->precision, &f->h)));
  dnmf_start_random(&f->a.matrix, f->settings.seed, NULL, &f->h);
  int64_t at = 0;
  for (int64_t batch = 0; batch < dnmf_batch_count(f->source.rows, f->settings.batches.rows); batch++) {
    dnmf_range share = dnmf_batch_share(f->source.rows, f->settings.batches.rows, batch, context->size, context->rank);
    dnmf_factor rows = {.components = f->components, .owned = share};
    rows.mine = dnmf_panel_rows(&f->batch_w, (dnmf_range){at, at + dnmf_range_size(share)});
    dnmf_start_random(&f->a.matrix, f->settings.seed, &rows, NULL);
    at += dnmf_range_size(share);
  }
  return DNMF_OK;
}

static dnmf_status start_from_svd(dnmf_context *context, dnmf_fitting *f) {
  const dnmf_batch_start start = {f->settings.batches.rows, f->start_fill, f->settings.seed};
  DNMF_TRY(dnmf_agree(context, dnmf_factor_create_h(context, &f->a.layout, f->components, f->precision, &f->h)));
  return dnmf_batch_start_svd(context, &f->source, &f->a.layout, &f->a.matrix, &start, &f->batch_w, &f->h);
}

/* The factors as every fit has them, W then in batch order. */
static dnmf_status start_from_file(dnmf_context *context, dnmf_fitting *f) {
  DNMF_TRY(dnmf_fitting_start(context, f));
  DNMF_TRY(dnmf_batch_w_from_shares(context, f->source.rows, f->settings.batches.rows, &f->w.mine, &f->batch_w));
  dnmf_factor_free(&f->w);
  return DNMF_OK;
}

dnmf_status dnmf_fitting_start_batches(dnmf_context *context, dnmf_fitting *f) {
  int64_t rows = dnmf_batch_w_rows(context, f->source.rows, f->settings.batches.rows);
  dnmf_status status = dnmf_panel_create(&context->error, "W", rows, f->components, f->precision, &f->batch_w);
  DNMF_TRY(dnmf_agree(context, status));
  if (f->start >= DNMF_START_FILE || f->resume.path)
    return start_from_file(context, f);
  return f->start == DNMF_START_SVD ? start_from_svd(context, f) : start_at_random(context, f);
}

/* The rows of W that this process owns, beside W in batch order: of a checkpoint, or in the memory that the blocks have
 * left. */
dnmf_status dnmf_fitting_gather_batches(dnmf_context *context, dnmf_fitting *f) {
  f->w.components = f->components;
  f->w.owned = dnmf_range_split((dnmf_range){0, f->source.rows}, context->size, context->rank);
  if (context->size == 1) { /* in order already; borrowed */
    f->w.mine = f->batch_w;
    return DNMF_OK;
  }
  dnmf_status status = DNMF_OK;
  if (!f->w.mine.data)
    status =
        dnmf_panel_create(&context->error, "W", dnmf_range_size(f->w.owned), f->components, f->precision, &f->w.mine);
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_batch_w_to_shares(context, f->source.rows, f->settings.batches.rows, &f->batch_w, &f->w.mine);
}

dnmf_status dnmf_fitting_iterate_batches(dnmf_context *context, dnmf_fitting *f) {
  dnmf_row_blocks *blocks = NULL;
  const int64_t batches = dnmf_batch_count(f->source.rows, f->settings.batches.rows);
  const int64_t visited = f->resume.path ? (int64_t)f->resume.state.memory.batches_visited : 0;
  double clock = MPI_Wtime();
  DNMF_TRY(
      dnmf_row_blocks_open(context, &f->source, f->precision, f->settings.batches.rows, visited % batches, &blocks));
  dnmf_status status = dnmf_fit_batches(context, &f->settings, &f->a.matrix, blocks, &f->batch_w, &f->h, &f->result);
  dnmf_row_blocks_close(blocks);
  f->last_pass_seconds = dnmf_lap(&clock) - f->result.seconds.total;
  DNMF_TRY(status);
  if (f->result.interrupted)
    return DNMF_OK;
  DNMF_TRY(dnmf_fitting_gather_batches(context, f));
  if (context->size > 1)
    dnmf_panel_free(&f->batch_w);
  f->batch_w = (dnmf_panel){0};
  return DNMF_OK;
}
