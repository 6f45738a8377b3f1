/*
 * The search for the number of components of a matrix with zeros. dnmf_model_search and `dnmf tune` are this.
 *
 *   plan     settings and data become what they are in a fit (job_plan.c), for the largest number of components
 *   read     once a group of processes
 *   rounds   each group fits one number of components (search_fits.c): restarts, folds of held-out cells, clusters
 *   keep     what is done, after every round (search_file.c)
 *   suggest  model/choose_k.c
 *   model    the medians of the clusters as one factor, the other fitted (search_model.c)
 *
 * Candidates are taken from the largest number of components down, so that groups that work side by side take about as
 * long. Nothing of a factor is ever held whole: the medians of a candidate lie where its group's processes own rows.
 */
#ifndef DNMF_API_SEARCH_H
#define DNMF_API_SEARCH_H

#include "api/fitting.h"
#include "matrix/perturb.h"
#include "model/choose_k.h"
#include "model/consensus.h"

typedef struct dnmf_search dnmf_search;

/* Who asks for the search. Everything may be NULL. */
typedef struct dnmf_search_host {
  void *state;
  void (*begins)(void *state, const dnmf_search *s); /* everything is ready for the first fit; on every process */
  void (*done)(void *state, const dnmf_search *s, const dnmf_search_candidate *candidate); /* on every process */
  /* So many fits of a candidate are done; on the processes of its group. */
  void (*fitted)(void *state, const dnmf_search *s, int64_t components, int64_t done);
  bool (*told_to_stop)(void *state); /* local */
  const char *command_line;
  const char *libraries;
} dnmf_search_host;

/* Starts of a fit with cells held out, of which the best on the other cells counts. */
enum { DNMF_SEARCH_FOLD_STARTS = 2 };

/* What is kept of a candidate once it is done. */
typedef struct dnmf_search_record {
  dnmf_search_candidate figures;
  bool done;
  double *fold_errors; /* of each fold: mean square of the cells held out; owned */
  double *stability;   /* of each cluster: its silhouette; owned, with */
  double *inlying;     /* of each cluster: runs whose component is no outlier */
  dnmf_range range;    /* rows of the clustered factor held here: none in other groups, */
  dnmf_panel medians;  /* and their medians; owned */
} dnmf_search_record;

struct dnmf_search {
  const dnmf_search_settings *asked;
  const dnmf_search_host *host;
  bool wants_model; /* written in the end, or handed over */

  /* What they come to. */
  int restarts;
  dnmf_perturbation perturb;
  bool clusters_h; /* else W */
  double holdout;
  int folds; /* 0: no cells are held out */
  dnmf_criterion criterion;
  int group_count;

  int group; /* of this process */
  dnmf_context part;
  dnmf_fitting f;     /* in the group: the matrix, the settings of the candidate at work */
  dnmf_fit_host stop; /* of its fits */
  int64_t sample_count;
  int64_t sample[DNMF_CONSENSUS_SAMPLE]; /* rows of the factor that is not clustered */

  int64_t count;
  dnmf_search_record *records; /* in the order asked for; owned */
  int64_t fits;                /* of the whole search: restarts and folds */
  int64_t fits_kept;           /* of these, taken from a file */
  double began;
  dnmf_search_suggestion suggestion;
};

/* Runs the search, s->wants_model set in an otherwise zeroed `s`; with `output` not NULL writes the consensus model to
 * this file. Released with dnmf_search_free, also
 * after a failure. collective */
dnmf_status dnmf_search_run(dnmf_context *context, const dnmf_data *data, const dnmf_fit_settings *settings,
                            const dnmf_search_settings *search, const dnmf_search_host *host, const char *output,
                            dnmf_search *s);
void dnmf_search_free(dnmf_search *s); /* collective; accepts a zeroed one */

/* What the settings come to, and what has no use in a search is refused. local */
dnmf_status dnmf_search_settle(dnmf_error *error, const dnmf_context *context, dnmf_search *s);

/* Fits a candidate in this process's group. collective in the group */
dnmf_status dnmf_search_fit(dnmf_search *s, dnmf_search_record *record);

/* Bytes that a candidate's fits take in a process beside one fit and its block. local */
double dnmf_search_bytes(const dnmf_search *s, const dnmf_fitting *f);

/* The numbers of a record in a list: its figures, then its lists. local */
int64_t dnmf_search_number_count(const dnmf_search *s, const dnmf_search_record *record);
void dnmf_search_move_numbers(const dnmf_search *s, dnmf_search_record *record, double *numbers, bool to_record);

/* What is done, from and to the file of a search; one of another search is refused. collective */
dnmf_status dnmf_search_keep(dnmf_context *context, const dnmf_search *s);
dnmf_status dnmf_search_resume(dnmf_context *context, dnmf_search *s);

/* What a file says of a search. */
typedef struct dnmf_search_told {
  char *search; /* its settings, a line each; owned, as is ... */
  int64_t restarts;
  int64_t count; /* of what is done, on process 0; 0 on others */
  dnmf_search_candidate *candidates;
} dnmf_search_told;

/* Released with dnmf_search_told_free, also after a failure. collective; local */
dnmf_status dnmf_search_inspect(dnmf_context *context, const char *path, dnmf_search_told *told);
void dnmf_search_told_free(dnmf_search_told *told);

/* The consensus model of candidate `at` to `path`, a partial name, by the first group. collective */
dnmf_status dnmf_search_write(dnmf_context *context, dnmf_search *s, int64_t at, const char *path);

/* That of the suggested candidate, in the even shares of the door. collective */
dnmf_status dnmf_search_share_model(dnmf_context *context, dnmf_search *s, dnmf_model *made);

#endif
