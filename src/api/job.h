/*
 * The whole job of a fit: data and settings become a model. dnmf_model_fit and `dnmf fit` are this.
 *
 *   open      the data's shape
 *   plan      settings and data together: what kind of fit it is, what each setting comes to (job_plan.c)
 *   read      the matrix, partitioned (job.c; ratings: job_ratings.c, batches: job_batches.c)
 *   start     the first W and H (job_start.c), or those of a checkpoint (resume.c)
 *   restarts  the same for several seeds, of which the best fit is kept (job_restarts.c), side by side and shared
 *             among groups of processes (job_groups.c), each of which then goes through open ... start by itself
 *   iterate   saving now and then (checkpoint.c)
 *   describe  the provenance (job_describe.c), and write
 * Every phase ends with all processes agreeing.
 */
#ifndef DNMF_API_JOB_H
#define DNMF_API_JOB_H

#include "api/data.h"
#include "cost/cost.h"
#include "factor/model.h"
#include "fit/batch_fit.h"
#include "fit/held_cells.h"
#include "fit/observed_fit.h"
#include "fit/posterior_fit.h"
#include "fit/restarts.h"
#include "fit/weak_fit.h"
#include "fit/zeros_fit.h"
#include "init/start.h"
#include "store/file.h"
#include "store/output.h"

/* The last two: factors that are given, in a file or in memory. */
typedef enum dnmf_start { DNMF_START_RANDOM = 0, DNMF_START_SVD, DNMF_START_FILE, DNMF_START_MEMORY } dnmf_start;

/* Seconds of the phases; the slowest process's once the job is done. */
typedef struct dnmf_job_seconds {
  double read;
  double init;
  double iterate;
  double write;
  double total;
} dnmf_job_seconds;

typedef struct dnmf_fitting dnmf_fitting;

/* Who asks for the job: what is called on the way, and what becomes part of the provenance. Everything may be NULL. */
typedef struct dnmf_job_host {
  void *state;
  void (*begins)(void *state, const dnmf_fitting *f); /* everything is ready for the first iteration */
  bool (*told_to_stop)(void *state);                  /* local */
  double began;                                       /* MPI_Wtime when the job was asked for; 0: now */
  const char *command_line;
  const char *libraries;
  const char *options; /* JSON: what was given on the command line, for a later one to take up from a checkpoint, or
                          from a model to update */
} dnmf_job_host;

/* Writing checkpoints (checkpoint.c). */
typedef struct dnmf_checkpoint {
  dnmf_context *context;
  dnmf_fitting *f;
  const char *path;    /* NULL: none are written */
  dnmf_output output;  /* of the next one: begun ahead, so that its lock keeps other jobs away */
  int saved_iteration; /* of the file at `path`; negative: there is none of this fit */
  bool failing;        /* the last attempt failed, which has been told */
  dnmf_fit_host host;
} dnmf_checkpoint;

/* Going on from one (resume.c). */
typedef struct dnmf_resume {
  const char *path; /* NULL: nothing to go on from */
  dnmf_model saved; /* provenance and history */
  dnmf_fit_state state;
  dnmf_panel parts[DNMF_MODEL_PARTS]; /* owned; what the state's panels are */
} dnmf_resume;

struct dnmf_fitting {
  dnmf_fit_settings asked; /* as the caller gave them, and with --resume the checkpoint */
  const dnmf_data *data;
  const dnmf_job_host *host;

  /* What they come to. */
  dnmf_data_missing taken_as;
  dnmf_missing missing; /* weak zeros: unobserved, and ... */
  bool weak;
  bool partial; /* a dense matrix: cells without a value are unobserved, all others count, zeros too; `missing` is zero
                 */
  dnmf_precision precision;
  int components;
  dnmf_settings settings;
  const char *stop; /* the stopping rule's name */
  const char *init; /* the start's name */
  dnmf_start start;
  dnmf_svd_fill start_fill;
  const char *start_file;
  bool updates; /* of a table that has grown; `start_file` is the model */

  dnmf_source source;
  dnmf_placed a;

  /* Unstored entries are zeros: a grid of blocks. */
  double predicted; /* seconds of an iteration, by a machine that was measured first; 0: none was */
  dnmf_factor w;
  dnmf_factor h;
  bool residual_is_exact; /* summed entry by entry */
  dnmf_held_choice held_choice;
  bool takes_out;     /* cells are taken out of A in other fits, by a search (dnmf_fitting_fold_solver) */
  bool takes_entries; /* other fits take entries of A one by one: a search */
  dnmf_held_cells held;

  /* The processes that fit: all of them, or the group of this one. Set by dnmf_fitting_run. */
  dnmf_context *at; /* borrowed: the job's, or `part` */
  dnmf_context part;
  int group_count; /* 0 and 1: there are no groups */
  int group;       /* the first one writes */
  int processes;   /* of all groups */

  /* ... from several seeds; W and H are then the best so far. */
  int restart_count; /* 0: one fit, of the seed */
  int side_by_side;
  dnmf_restarts restarts;
  int best_restart;

  /* ... that pass by in batches. */
  bool in_batches;
  double in_memory; /* bytes a process that the whole matrix takes, where --memory is given */
  dnmf_batch_memory batch_memory;
  dnmf_panel batch_w; /* in batch order, while the fit runs */
  double last_pass_seconds;

  /* Unstored entries are unobserved: ratings by rows and by columns. */
  dnmf_ratings ratings;
  dnmf_weak_figures weak_figures; /* with weak zeros */
  bool has_held_out;              /* also cells of a fit with zeros, in `held` */
  dnmf_ratings_view held_out;
  dnmf_posterior posterior; /* with a chain */
  dnmf_panel observed_w;
  dnmf_panel observed_h;
  dnmf_evidence evidence; /* implicit terms */

  dnmf_resume resume;
  dnmf_fit_result result;
  dnmf_job_seconds seconds;
};

/* All phases; the factors are in `f` afterwards, and the output or, of a fit that was interrupted, the checkpoint is on
 * disk. Released with dnmf_fitting_free, also after a failure. collective */
dnmf_status dnmf_fitting_run(dnmf_context *context, const dnmf_data *data, const dnmf_fit_settings *settings,
                             const dnmf_job_host *host, dnmf_fitting *f);
void dnmf_fitting_free(dnmf_fitting *f); /* collective; accepts a zeroed one */

/* The factors as they are now and everything that belongs to them, each process what it owns in the fit; with `now` a
 * checkpoint. `model` is zeroed, and afterwards borrows ids and factors: released with dnmf_fitting_release, also after
 * a failure. collective */
dnmf_status dnmf_fitting_fill(dnmf_context *context, const dnmf_fitting *f, const dnmf_fit_state *now,
                              dnmf_model *model);
void dnmf_fitting_release(const dnmf_fitting *f, dnmf_model *model); /* local */

/* Writes it to `path`, a partial name; of several groups the first does. collective */
dnmf_status dnmf_fitting_write(dnmf_context *context, const dnmf_fitting *f, const dnmf_fit_state *now,
                               const char *path);

/* A fit's model in the even shares that every model of the door is held in; provenance and history are moved.
 * collective */
dnmf_status dnmf_fitting_share(dnmf_context *context, dnmf_model *from, dnmf_model *to);

/* Checks what can be checked before the data are opened. local */
dnmf_status dnmf_fitting_check(dnmf_error *error, dnmf_fitting *f);

/* Finds out what kind of fit it is, settles defaults, and chooses the grid. collective */
dnmf_status dnmf_fitting_plan(dnmf_context *context, dnmf_fitting *f);

/* What the plan needs, and `beside` bytes in each process, against what the machines have, before any of it is
 * allocated; `way_out` says what to do where it is not enough. collective */
dnmf_status dnmf_fitting_check_memory(dnmf_context *context, const dnmf_fitting *f, double beside, const char *way_out);

/* The matrix, partitioned as the plan says. collective */
dnmf_status dnmf_fitting_read(dnmf_context *context, dnmf_fitting *f);

/* A setting, or its default where it is negative. */
static inline double dnmf_number_or(double value, double other) {
  return value >= 0 ? value : other;
}

/* The job as the cost model sees it; its entries may not be known yet: stored < 0. local */
dnmf_job dnmf_fitting_cost(const dnmf_fitting *f);

/* The first factors. collective */
dnmf_status dnmf_fitting_start(dnmf_context *context, dnmf_fitting *f);

/* As dnmf_start_file_read, from the model of `update`, whose rows and columns are found by their ids; new ones are its
 * mean rows. collective */
dnmf_status dnmf_fitting_update(dnmf_context *context, const dnmf_fitting *f, dnmf_start_file *start);

/* Ratings: their settings; their entries, of which f->a.matrix has the figures; the factors into a model. collective */
dnmf_status dnmf_fitting_plan_ratings(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_load_ratings(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_fill_ratings(dnmf_context *context, const dnmf_fitting *f, dnmf_model *model);

/* The solver of a fit like this one from which some cells are held out: the one asked for, or the fastest then. local
 */
dnmf_solver dnmf_fitting_fold_solver(const dnmf_fitting *f);

/* Chains: how many groups of processes run them side by side, as many as pay and there is memory for. collective */
dnmf_status dnmf_fitting_choose_groups(dnmf_context *context, dnmf_fitting *f);

/* What --penalty-scale says: a word, or a number that is the power itself; `power` is that of DNMF_PENALTY_COUNT. local
 */
enum { DNMF_SCALE_AUTO = 0, DNMF_SCALE_RAW, DNMF_SCALE_DIMENSION, DNMF_SCALE_COUNT, DNMF_SCALE_SQRT_COUNT };
dnmf_status dnmf_choose_penalty_scale(dnmf_error *error, const char *text, int *scale, double *power);

/* Whether the model kept is the best on held-out entries: of ratings always when there are any. local */
static inline bool dnmf_fitting_keeps_best(const dnmf_fitting *f) {
  return f->has_held_out && (f->missing == DNMF_MISSING_UNOBSERVED || f->settings.stop == DNMF_STOP_VALIDATION);
}

/* Cells that a fit with zeros does not use. Whether data that are taken as unobserved are a dense matrix with cells
 * without a value, and no setting that ratings alone have asks for another fit; which cells --validation holds out; the
 * block that was read made dense; these cells out of the matrix; counts of the others and the settings of a model of
 * observed entries into a model. local, local, collective, collective, collective */
bool dnmf_fitting_is_partial(const dnmf_fitting *f);
dnmf_status dnmf_fitting_plan_cells(dnmf_error *error, dnmf_fitting *f, bool stops_by_them);
dnmf_status dnmf_fitting_fill_out(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_take_cells(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_count_cells(dnmf_context *context, const dnmf_fitting *f, dnmf_model *model);

/* Whether --validation is a fraction, which a number is; else a file. The fraction, between 0 and 1. local */
bool dnmf_is_fraction(const char *text);
dnmf_status dnmf_parse_fraction(dnmf_error *error, const char *text, double *fraction);

/* Weak zeros: their settings. local */
dnmf_status dnmf_fitting_plan_weak(dnmf_error *error, dnmf_fitting *f);
void dnmf_fitting_settle_weak(dnmf_fitting *f); /* once the entries are known */

/* Restarts: whether there are several, and how many are fitted side by side; all of them, which leave the best in f->w,
 * f->h and f->result. Beside the state of a fit, a checkpoint has theirs. collective but for the description */
dnmf_status dnmf_fitting_plan_restarts(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_iterate_restarts(dnmf_context *context, const dnmf_checkpoint *checkpoint, dnmf_fitting *f);
dnmf_status dnmf_restarts_describe(dnmf_error *error, const dnmf_fitting *f, dnmf_model *model);
dnmf_status dnmf_restarts_read(dnmf_context *context, dnmf_fitting *f);

/* What restarts need to be saved: the checkpoint of all so far, of which the first group writes the factors; the best
 * into f->w, f->h and f->result, which stays the restart's. collective; local */
typedef struct dnmf_restarts_host {
  dnmf_context *context;
  const dnmf_checkpoint *checkpoint;
  dnmf_fitting *f;
} dnmf_restarts_host;
dnmf_status dnmf_restarts_save(const dnmf_restarts_host *host, bool last);
void dnmf_restarts_take_best(dnmf_fitting *f);

/* The start of a seed, as dnmf_restarts has it; `state` is a dnmf_restarts_host. collective */
dnmf_status dnmf_restarts_start(dnmf_context *context, void *state, uint64_t seed, dnmf_factor *w, dnmf_factor *h);

/* Groups of processes: how many there are, and this process's; what a group's work came to, to all processes; all
 * restarts, as dnmf_fitting_iterate_restarts. collective */
dnmf_status dnmf_fitting_form_groups(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_agree_groups(dnmf_context *context, const dnmf_fitting *f, dnmf_status status);
dnmf_status dnmf_fitting_iterate_groups(dnmf_context *context, const dnmf_checkpoint *checkpoint, dnmf_fitting *f);

/* The start of a seed into factors of f's layout, as --init has it. collective */
dnmf_status dnmf_fitting_start_seed(dnmf_context *context, const dnmf_fitting *f, uint64_t seed, dnmf_factor *w,
                                    dnmf_factor *h);

/* Batches: whether it is such a fit, or the matrix fits into the memory allowed on the grid it is given; the start; the
 * passes, which leave the factors in f->w.mine and f->h.mine; f->w.mine as it is between two batches. collective */
dnmf_status dnmf_fitting_plan_batches(dnmf_context *context, int grid_rows, int grid_cols, dnmf_fitting *f);
dnmf_status dnmf_fitting_start_batches(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_iterate_batches(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_gather_batches(dnmf_context *context, dnmf_fitting *f);

/* Checks --checkpoint-every and makes sure that the file can be written. Released with dnmf_checkpoint_end. collective
 */
dnmf_status dnmf_checkpoint_begin(dnmf_context *context, dnmf_fitting *f, dnmf_checkpoint *checkpoint);
void dnmf_checkpoint_end(dnmf_checkpoint *checkpoint, dnmf_status reason); /* local; accepts a zeroed one */

/* Adds to a model's provenance what makes it a checkpoint. local */
dnmf_status dnmf_checkpoint_describe(dnmf_error *error, const dnmf_fitting *f, const dnmf_fit_state *now,
                                     dnmf_model *model);

/* The state in the provenance of a checkpoint; its histories stay `saved`'s. local */
dnmf_status dnmf_checkpoint_state(dnmf_error *error, const char *path, const dnmf_model *saved, dnmf_fit_state *state);

/* The file that --resume and --checkpoint lead to, NULL where --resume auto finds none. Says on every process whether
 * it is there. collective */
dnmf_status dnmf_resume_choose(dnmf_context *context, const char *resume, const char *checkpoint, const char **path);

/* What a checkpoint says of its fit, without the factors. Released with dnmf_resume_free, also after a failure.
 * collective */
dnmf_status dnmf_resume_read(dnmf_context *context, const char *path, dnmf_resume *resume);
void dnmf_resume_free(dnmf_resume *resume); /* local; accepts a zeroed one */

/* Fails when the matrix, or the settings, of this job are not those of the checkpoint. local */
dnmf_status dnmf_resume_check_matrix(dnmf_error *error, const dnmf_fitting *f);
dnmf_status dnmf_resume_check_settings(dnmf_error *error, const dnmf_fitting *f);

/* Reads what the kind of fit keeps beside W and H. collective */
dnmf_status dnmf_resume_read_parts(dnmf_context *context, dnmf_fitting *f);

/* Provenance and history into `model`. local */
dnmf_status dnmf_fitting_describe(dnmf_context *context, const dnmf_fitting *f, dnmf_model *model);

/* "row and column", "row", "column" or "no"; "none", "w" or "h". local */
const char *dnmf_bias_name(const dnmf_observed_settings *observed);
const char *dnmf_fixed_name(dnmf_fixed fixed);

/* "one", "linear" or "log"; "zero", "unobserved" or "weak". local */
const char *dnmf_confidence_name(dnmf_confidence confidence);
const char *dnmf_fitting_missing_name(const dnmf_fitting *f);

/* Of the entries that count: how many there are, with weak zeros each with its confidence, and the errors on them.
 * local */
double dnmf_fitting_entries(const dnmf_fitting *f);
double dnmf_fitting_relative_error(const dnmf_fitting *f);
double dnmf_fitting_rmse(const dnmf_fitting *f);

/* The type that A's values are kept in. local */
dnmf_number dnmf_fitting_number(const dnmf_fitting *f);

#endif
