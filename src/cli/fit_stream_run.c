/*
 * The phases of a mini-batch fit: whether it is one, and how large its batches are; a first pass that checks the matrix
 * and finds its mean; the start; the passes.
 */
#include "fit_run.h"

#include "comm/clock.h"
#include "comm/collective.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Set aside for the program itself and its libraries, MPI's buffers and what is not worth counting. */
static const double PROGRAM_BYTES = 64e6;

enum {
  BATCHES = 16,     /* a pass, where memory allows */
  LEAST_SHARE = 64, /* rows of a batch a process, unless the matrix has fewer: less is all overhead */
  SWEEPS = 3        /* of hals: cheap beside the products, and worth it */
};

/* What a fit of the whole matrix in memory takes at most. */
static double in_memory_bytes(const cli_session *session, const cli_fit_run *fit, int grid_rows, int grid_cols) {
  const dnmf_job job = cli_fit_job(fit);
  dnmf_cost cost;
  if (job.stored < 0)
    return INFINITY;
  dnmf_cost_of(session->context, &job, NULL, grid_rows, grid_cols, &cost);
  return cost.memory.peak + PROGRAM_BYTES;
}

static dnmf_status refuse(dnmf_error *error, const char *option, const char *why) {
  return dnmf_fail(error, DNMF_ERROR_USAGE, "%s does not go with mini-batches: %s", option, why);
}

/* What a mini-batch fit cannot do. */
static dnmf_status check_options(cli_session *session, const cli_fit_options *options, int grid_cols,
                                 const cli_fit_run *fit) {
  dnmf_error *error = &session->context->error;
  if (fit->start == CLI_START_SVD)
    return refuse(error, "--init nndsvd", "singular vectors need the matrix in memory; use random or file:START.h5");
  if (fit->settings.fixed != DNMF_FIXED_NONE)
    return refuse(error, "--fix", "with H fixed there is dnmf transform");
  if (options->stop == CLI_STOP_GRADIENT)
    return refuse(error, "--stop gradient", "they stop by the objective");
  if (strcmp(options->grid, "auto") != 0 && grid_cols > 1)
    return refuse(error, "--grid", "all processes share the rows of a batch; leave it out");
  if (fit->settings.loss.divergence)
    return refuse(error, "--loss", "they minimize the squared error");
  if (options->exact_residual)
    return refuse(error, "--exact-residual", "they never hold the matrix");
  return DNMF_OK;
}

static dnmf_status count_memory(cli_session *session, cli_fit_run *fit, int64_t batch_rows) {
  fit->settings.batches.rows = batch_rows;
  dnmf_batch_memory *memory = &fit->stream_memory;
  DNMF_TRY(dnmf_batch_count_memory(session->context, &fit->source, fit->precision, &fit->settings, memory));
  /* A start from a file is dealt out from a second and a third copy of W, before there are blocks. */
  if (fit->start == CLI_START_FILE && memory->blocks < 2 * memory->w) {
    memory->total += 2 * memory->w - memory->blocks;
    memory->blocks = 2 * memory->w;
  }
  memory->total += PROGRAM_BYTES;
  return DNMF_OK;
}

static dnmf_status too_small(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit) {
  char given[CLI_SIZE_TEXT];
  char least[CLI_SIZE_TEXT];
  char parts[4][CLI_SIZE_TEXT];
  const dnmf_batch_memory *memory = &fit->stream_memory;
  return dnmf_fail(&session->context->error, DNMF_ERROR_INPUT,
                   "--memory %s is too small for %s, %" PRId64 " x %" PRId64 ", with k = %d: at least %s a process are "
                   "needed with batches of %" PRId64 " rows: %s for W, %s for H, %s for a batch, %s for the program; "
                   "give more, or use more processes",
                   cli_size_text((double)options->memory, given), fit->source.name, fit->source.rows, fit->source.cols,
                   fit->components, cli_size_text(memory->total, least), fit->settings.batches.rows,
                   cli_size_text(memory->w, parts[0]), cli_size_text(memory->h, parts[1]),
                   cli_size_text(memory->blocks, parts[2]), cli_size_text(PROGRAM_BYTES, parts[3]));
}

/* The rows asked for, or half of a BATCHES-th as often as it takes to fit. */
static dnmf_status choose_batches(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  int64_t rows = fit->source.rows;
  int64_t least = (int64_t)LEAST_SHARE * session->context->size;
  int64_t wanted = options->batch_rows > 0 ? options->batch_rows : rows / BATCHES + (rows % BATCHES != 0);
  least = options->batch_rows > 0 ? wanted : least < rows ? least : rows;
  for (int64_t batch_rows = wanted > least ? wanted : least;; batch_rows /= 2) {
    batch_rows = batch_rows > least ? batch_rows : least;
    DNMF_TRY(count_memory(session, fit, batch_rows < rows ? batch_rows : rows));
    if (options->memory == 0 || fit->stream_memory.total <= (double)options->memory)
      return DNMF_OK;
    if (batch_rows == least)
      return too_small(session, options, fit);
  }
}

dnmf_status cli_stream_plan(cli_session *session, const cli_fit_options *options, int grid_rows, int grid_cols,
                            cli_fit_run *fit) {
  char whole[CLI_SIZE_TEXT];
  char budget[CLI_SIZE_TEXT];
  double in_memory = in_memory_bytes(session, fit, grid_rows, grid_cols);
  cli_size_text(in_memory, whole);
  cli_size_text((double)options->memory, budget);
  if (options->batch_rows == 0 && in_memory <= (double)options->memory) {
    cli_say(session, "the whole matrix fits: at most %s a process, of %s allowed", whole, budget);
    return DNMF_OK;
  }
  DNMF_TRY(check_options(session, options, grid_cols, fit));
  bool given = cli_is_given(session->given, "sweeps");
  fit->in_batches = true;
  fit->stop = "objective";
  fit->settings.stop = DNMF_STOP_OBJECTIVE;
  fit->settings.batches.forget = options->forget;
  fit->settings.sweeps = given ? (int)options->sweeps : fit->settings.solver == DNMF_SOLVER_HALS ? SWEEPS : 1;
  return choose_batches(session, options, fit);
}

dnmf_status cli_stream_load(cli_session *session, cli_fit_run *fit) {
  DNMF_TRY(dnmf_row_blocks_survey(session->context, &fit->source, fit->precision, fit->settings.batches.rows,
                                  &fit->a.matrix));
  cli_warn_about_matrix(session, &fit->source, fit->missing, &fit->a.matrix);
  return cli_resume_check(session, fit);
}

/* Random rows of W are made where they are needed. */
static dnmf_status start_at_random(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  dnmf_context *context = session->context;
  DNMF_TRY(
      dnmf_agree(context, dnmf_factor_create_h(context, &fit->a.layout, fit->components, fit->precision, &fit->h)));
  dnmf_start_random(&fit->a.matrix, (uint64_t)options->seed, NULL, &fit->h);
  int64_t at = 0;
  for (int64_t batch = 0; batch < dnmf_batch_count(fit->source.rows, fit->settings.batches.rows); batch++) {
    dnmf_range share =
        dnmf_batch_share(fit->source.rows, fit->settings.batches.rows, batch, context->size, context->rank);
    dnmf_factor rows = {.components = fit->components, .owned = share};
    rows.mine = dnmf_panel_rows(&fit->stream_w, (dnmf_range){at, at + dnmf_range_size(share)});
    dnmf_start_random(&fit->a.matrix, (uint64_t)options->seed, &rows, NULL);
    at += dnmf_range_size(share);
  }
  return DNMF_OK;
}

/* The factors as every fit has them, W then in batch order. */
static dnmf_status start_from_file(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  DNMF_TRY(cli_fit_start(session, options, fit));
  DNMF_TRY(dnmf_batch_w_from_shares(session->context, fit->source.rows, fit->settings.batches.rows, &fit->w.mine,
                                    &fit->stream_w));
  dnmf_factor_free(&fit->w);
  return DNMF_OK;
}

dnmf_status cli_stream_start(cli_session *session, const cli_fit_options *options, cli_fit_run *fit) {
  dnmf_context *context = session->context;
  int64_t rows = dnmf_batch_w_rows(context, fit->source.rows, fit->settings.batches.rows);
  dnmf_status status = dnmf_panel_create(&context->error, "W", rows, fit->components, fit->precision, &fit->stream_w);
  DNMF_TRY(dnmf_agree(context, status));
  return fit->start == CLI_START_FILE || fit->resume.path ? start_from_file(session, options, fit)
                                                          : start_at_random(session, options, fit);
}

/* The rows of W that this process writes, beside W in batch order: of a checkpoint, or in the memory that the blocks
 * have left. */
dnmf_status cli_stream_gather_w(cli_session *session, cli_fit_run *fit) {
  dnmf_context *context = session->context;
  dnmf_range all = {0, fit->source.rows};
  fit->w.components = fit->components;
  fit->w.owned = dnmf_range_split(all, context->size, context->rank);
  if (context->size == 1) { /* in order already; borrowed */
    fit->w.mine = fit->stream_w;
    return DNMF_OK;
  }
  dnmf_status status = DNMF_OK;
  if (!fit->w.mine.data)
    status = dnmf_panel_create(&context->error, "W", dnmf_range_size(fit->w.owned), fit->components, fit->precision,
                               &fit->w.mine);
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_batch_w_to_shares(context, fit->source.rows, fit->settings.batches.rows, &fit->stream_w, &fit->w.mine);
}

dnmf_status cli_stream_fit(cli_session *session, cli_fit_run *fit) {
  dnmf_context *context = session->context;
  dnmf_row_blocks *blocks = NULL;
  const int64_t batches = dnmf_batch_count(fit->source.rows, fit->settings.batches.rows);
  const int64_t visited = fit->resume.path ? (int64_t)fit->resume.state.memory.batches_visited : 0;
  const int64_t first = visited % batches; /* whose turn it is */
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_row_blocks_open(context, &fit->source, fit->precision, fit->settings.batches.rows, first, &blocks));
  dnmf_status status =
      dnmf_fit_batches(context, &fit->settings, &fit->a.matrix, blocks, &fit->stream_w, &fit->h, &fit->result);
  dnmf_row_blocks_close(blocks);
  fit->last_pass_seconds = dnmf_lap(&clock) - fit->result.seconds.total;
  DNMF_TRY(status);
  if (fit->result.interrupted)
    return DNMF_OK;
  DNMF_TRY(cli_stream_gather_w(session, fit));
  if (context->size > 1)
    dnmf_panel_free(&fit->stream_w);
  fit->stream_w = (dnmf_panel){0};
  return DNMF_OK;
}
