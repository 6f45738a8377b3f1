/*
 * A fit from the first phase to the last (job.h): what was asked for, what that comes to, what has been read and made.
 * Each phase fills in its part; what is told here changes nothing.
 */
#ifndef DNMF_API_FITTING_H
#define DNMF_API_FITTING_H

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

/* Going on from a checkpoint (resume.c). */
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

/* A setting, or its default where it is negative. */
static inline double dnmf_number_or(double value, double other) {
  return value >= 0 ? value : other;
}

/* Whether the model kept is the best on held-out entries: of ratings always when there are any. local */
static inline bool dnmf_fitting_keeps_best(const dnmf_fitting *f) {
  return f->has_held_out && (f->missing == DNMF_MISSING_UNOBSERVED || f->settings.stop == DNMF_STOP_VALIDATION);
}

/* The job as the cost model sees it; its entries may not be known yet: stored < 0. local */
dnmf_job dnmf_fitting_cost(const dnmf_fitting *f);

/* What the plan needs, and `beside` bytes in each process, against what the machines have, before any of it is
 * allocated; `way_out` says what to do where it is not enough. collective */
dnmf_status dnmf_fitting_check_memory(dnmf_context *context, const dnmf_fitting *f, double beside, const char *way_out);

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

/* A group's status to all processes: the same, with its message, on all where one has failed. collective */
dnmf_status dnmf_fitting_agree_groups(dnmf_context *context, const dnmf_fitting *f, dnmf_status status);

#endif
