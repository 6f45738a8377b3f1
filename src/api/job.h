/*
 * The whole job of a fit: data and settings become a model. dnmf_model_fit and `dnmf fit` are this.
 *
 *   open      the data's shape
 *   plan      settings and data together: what kind of fit it is, what each setting comes to (job_plan.c)
 *   read      the matrix, partitioned (job.c; ratings: job_ratings.c, batches: job_batches.c)
 *   start     the first W and H (job_start.c)
 *   iterate
 *   describe  the provenance (job_describe.c)
 * Every phase ends with all processes agreeing.
 */
#ifndef DNMF_API_JOB_H
#define DNMF_API_JOB_H

#include "api/data.h"
#include "cost/cost.h"
#include "factor/model.h"
#include "fit/fit.h"
#include "fit/fit_observed.h"
#include "fit/fit_stream.h"
#include "init/start.h"

typedef enum dnmf_start { DNMF_START_RANDOM = 0, DNMF_START_SVD, DNMF_START_FILE } dnmf_start;

/* Seconds of the phases on this process. */
typedef struct dnmf_job_seconds {
  double read;
  double init;
  double iterate;
} dnmf_job_seconds;

typedef struct dnmf_fitting {
  const dnmf_fit_settings *settings;
  const dnmf_data *data;

  /* What the settings come to. */
  dnmf_missing missing;
  dnmf_precision precision;
  int components;
  dnmf_solver solver;
  dnmf_loss loss;
  uint64_t seed;
  const char *stop; /* the stopping rule's name */
  dnmf_start start;
  dnmf_svd_fill start_fill;
  const char *start_file;

  dnmf_source source;
  dnmf_placed a;

  /* Unstored entries are zeros: a grid of blocks. */
  dnmf_fit_options zeros;
  double predicted; /* seconds of an iteration, by a machine that was measured first; 0: none was */
  dnmf_factor w;
  dnmf_factor h;
  bool residual_is_exact; /* summed entry by entry */

  /* ... that pass by in batches. */
  bool in_batches;
  dnmf_stream_options stream;
  dnmf_stream_memory stream_memory;
  double in_memory;    /* bytes a process that the whole matrix takes, where --memory was given */
  dnmf_panel stream_w; /* in batch order, while the fit runs */
  double last_pass_seconds;

  /* Unstored entries are unobserved: ratings by rows and by columns. */
  dnmf_observed_options observed;
  dnmf_ratings ratings;
  bool has_held_out;
  dnmf_ratings_view held_out;
  dnmf_panel observed_w;
  dnmf_panel observed_h;

  dnmf_fit_result result;
  dnmf_job_seconds seconds;
} dnmf_fitting;

/* All phases; the factors are in `f` afterwards. `begins`, if not NULL, is called before the first iteration. Released
 * with dnmf_fitting_free, also after a failure. collective */
dnmf_status dnmf_fitting_run(dnmf_context *context, const dnmf_data *data, const dnmf_fit_settings *settings,
                             void (*begins)(void *state, const dnmf_fitting *f), void *state, dnmf_fitting *f);
void dnmf_fitting_free(dnmf_fitting *f); /* collective; accepts a zeroed one */

/* The factors and everything that belongs to them, as they are; `model` is zeroed. Ids are copied. Released with
 * dnmf_model_free, also after a failure. collective */
dnmf_status dnmf_fitting_model(dnmf_context *context, const dnmf_fitting *f, dnmf_model *model);

/* Checks values, finds out what kind of fit it is, and chooses the grid. collective */
dnmf_status dnmf_fitting_plan(dnmf_context *context, dnmf_fitting *f);

/* The job as the cost model sees it; its entries may not be known yet: stored < 0. local */
dnmf_job dnmf_fitting_cost(const dnmf_fitting *f);

/* The first factors. collective */
dnmf_status dnmf_fitting_start(dnmf_context *context, dnmf_fitting *f);

/* Ratings: their options; their entries, from f->a; the factors into a model. collective */
dnmf_status dnmf_fitting_plan_ratings(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_load_ratings(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_model_of_ratings(dnmf_context *context, const dnmf_fitting *f, dnmf_model *model);

/* Batches: whether it is such a fit, or the matrix fits into the memory allowed on the grid it is given; the figures of
 * the matrix into f->a.matrix, and no block; the start; the passes, which leave the factors in f->w.mine and f->h.mine.
 * collective */
dnmf_status dnmf_fitting_plan_batches(dnmf_context *context, int grid_rows, int grid_cols, dnmf_fitting *f);
dnmf_status dnmf_fitting_start_batches(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_iterate_batches(dnmf_context *context, dnmf_fitting *f);

/* Provenance and history into `model`. local */
dnmf_status dnmf_fitting_describe(dnmf_context *context, const dnmf_fitting *f, dnmf_model *model);

/* Over the entries that count. local */
double dnmf_fitting_entries(const dnmf_fitting *f);
double dnmf_fitting_relative_error(const dnmf_fitting *f);
double dnmf_fitting_rmse(const dnmf_fitting *f);

#endif
