/*
 * The phases of a fit: open, plan, read, start, iterate, write. Each ends with all processes agreeing.
 */
#ifndef DNMF_CLI_FIT_RUN_H
#define DNMF_CLI_FIT_RUN_H

#include "fit_checkpoint.h"
#include "load.h"

#include "cost/cost.h"
#include "factor/model.h"
#include "fit/batch_fit.h"
#include "fit/observed_fit.h"
#include "fit/zeros_fit.h"
#include "init/start.h"

/* The command line of `fit`. */
struct cli_fit_options {
  cli_common common;
  cli_input input;
  const char *output;
  int64_t components;
  int missing; /* 0: as the input has it, else dnmf_missing + 1 */
  int solver;
  const char *init;
  int fixed; /* dnmf_fixed */
  int64_t seed;
  int64_t max_iterations;
  double tolerance;
  int stop; /* 0: by solver, else dnmf_stop + 1 */
  double time_limit;
  double l1_w;
  double l1_h;
  double l2;   /* both; negative: not given */
  double l2_w; /* negative: not given */
  double l2_h;
  double l2_bias;
  int penalty_scale; /* 0: by what missing means, else cli_penalty_scale */
  int shrink_to;     /* 0: by solver, else cli_shrink */
  int bias;          /* 0: by what missing means, else cli_bias */
  const char *loss_text;
  dnmf_loss loss;         /* read from the text */
  const char *validation; /* NULL: none */
  int64_t patience;
  int64_t sweeps;
  double init_scale;
  bool exact_residual;
  const char *grid;
  int precision;
  const char *checkpoint; /* NULL: none */
  const char *checkpoint_every;
  const char *resume; /* a checkpoint or "auto"; NULL: a new fit */
  int64_t memory;     /* bytes a process; 0: not given */
  int64_t batch_rows; /* 0: not given */
  double forget;
};

enum { CLI_SCALE_AUTO = 0, CLI_SCALE_RAW, CLI_SCALE_DIMENSION, CLI_SCALE_COUNT, CLI_SCALE_SQRT_COUNT };
enum { CLI_SHRINK_AUTO = 0, CLI_SHRINK_ZERO, CLI_SHRINK_MEAN };
enum { CLI_BIAS_AUTO = 0, CLI_BIAS_NONE, CLI_BIAS_BOTH, CLI_BIAS_ROW, CLI_BIAS_COL };
enum { CLI_STOP_AUTO = 0, CLI_STOP_GRADIENT, CLI_STOP_OBJECTIVE, CLI_STOP_VALIDATION };
typedef enum cli_start { CLI_START_RANDOM = 0, CLI_START_SVD, CLI_START_FILE } cli_start;

/* Seconds of the phases; the slowest process's. */
typedef struct cli_fit_seconds {
  double read;
  double init;
  double iterate;
  double write;
  double total;
} cli_fit_seconds;

struct cli_fit_run {
  const char *input;
  dnmf_source source;
  cli_matrix a;
  dnmf_missing missing;
  dnmf_precision precision;
  int components;
  dnmf_settings settings;
  const char *stop; /* the stopping rule's name */
  cli_start start;
  dnmf_svd_fill start_fill;
  const char *start_file;

  /* Unstored entries are zeros: a grid of blocks. */
  double predicted; /* seconds of an iteration, by a machine that was measured first; 0: none was */
  dnmf_factor w;
  dnmf_factor h;

  /* ... that pass by in batches. */
  bool in_batches;
  dnmf_batch_memory stream_memory;
  dnmf_panel stream_w; /* in batch order, while the fit runs */
  double last_pass_seconds;

  /* Unstored entries are unobserved: ratings by rows and by columns. */
  dnmf_ratings ratings;
  bool has_held_out;
  dnmf_ratings_view held_out;
  dnmf_panel observed_w;
  dnmf_panel observed_h;

  cli_resume resume;
  dnmf_fit_result result;
  bool residual_is_exact; /* summed entry by entry */
  cli_fit_seconds seconds;
};

/* Runs all phases; when it returns DNMF_OK the model is on disk, or, for a fit that was interrupted, its checkpoint.
 * collective */
dnmf_status cli_fit_execute(cli_session *session, const cli_fit_options *options, cli_fit_run *fit);

void cli_fit_free(cli_fit_run *fit); /* collective */

/* The type that A's values are kept in. local */
dnmf_number cli_fit_number(const cli_fit_run *fit);

/* Writes the factors as they are, their ids and provenance to `path`, a partial name: the model, or with `now` a
 * checkpoint. collective */
dnmf_status cli_fit_write(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit,
                          const char *path, const dnmf_fit_state *now);

/* Fails on an option of the command line that this fit, zeros or ratings, would ignore; fit_unused.c. local */
dnmf_status cli_fit_refuse_unused(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit);

/* The job as the cost model sees it; its entries may not be known yet: stored < 0. local */
dnmf_job cli_fit_job(const cli_fit_run *fit);

/* The process grid of a fit with zeros; fit_grid.c. collective */
dnmf_status cli_fit_choose_grid(cli_session *session, const cli_fit_options *options, cli_fit_run *fit, int *grid_rows,
                                int *grid_cols);

/* What --init and --fix ask for, and whether this fit can start so; then the start itself; fit_start.c. */
dnmf_status cli_fit_plan_start(dnmf_error *error, const cli_fit_options *options, cli_fit_run *fit); /* local */
dnmf_status cli_fit_start(cli_session *session, const cli_fit_options *options, cli_fit_run *fit);   /* collective */

/* The observed-only path's own phases, fit_observed_run.c. Entries of `fit->a` become ratings, the held-out share
 * apart. collective */
dnmf_status cli_observed_plan(cli_session *session, const cli_fit_options *options, cli_fit_run *fit);
dnmf_status cli_observed_load(cli_session *session, const cli_fit_options *options, cli_fit_run *fit);
dnmf_status cli_observed_fit(cli_session *session, cli_fit_run *fit);

/* The phases of a mini-batch fit, fit_stream_run.c. The plan decides whether it is one or, on the
 * grid it is given, the matrix fits into the memory allowed; the load fills the figures of
 * fit->a.matrix and no block; the start and the fit leave the factors in fit->w.mine and fit->h.mine. collective */
dnmf_status cli_stream_plan(cli_session *session, const cli_fit_options *options, int grid_rows, int grid_cols,
                            cli_fit_run *fit);
dnmf_status cli_stream_load(cli_session *session, cli_fit_run *fit);
dnmf_status cli_stream_start(cli_session *session, const cli_fit_options *options, cli_fit_run *fit);
dnmf_status cli_stream_fit(cli_session *session, cli_fit_run *fit);

/* fit->w.mine = the rows of W in even shares, while they are in batch order. collective */
dnmf_status cli_stream_gather_w(cli_session *session, cli_fit_run *fit);

/* Factors, biases and mean row into `model`. collective */
dnmf_status cli_observed_fill_model(cli_session *session, const cli_fit_run *fit, dnmf_model *model);

#endif
