/*
 * dnmf: distributed nonnegative matrix factorization, A = W H with W, H >= 0.
 *
 * This is a header, not a manual; src/doc/embedding.md, dnmf-embedding(7), has programs to begin with.
 *
 * A dnmf_library is the library on a communicator; it holds the text of the last error. A dnmf_data is a matrix, in the
 * memory of the calling program or in a file. dnmf_fit_settings say how to factorize it. The result is a dnmf_model,
 * which predicts, recommends, folds in new rows, describes its components, and is written to and read from HDF5 files.
 *
 * Functions return DNMF_SUCCESS or what kind of error there was. A function is
 *   collective  when all processes of the library's communicator have to call it, in the same order, with the same
 *               arguments but for those that the function says are each process's own; all return the same value;
 *   local       when any process may call it alone.
 * What a function makes belongs to the caller, who destroys it; destroying NULL does nothing, and the pointer becomes
 * NULL. What is passed in stays the caller's, is copied where it is needed longer than the call, and may be freed when
 * the function returns; only arrays of dnmf_data are not copied (see there). Rows and columns are counted from 0. Sizes
 * are 64-bit. Words are those of the command line: "hals", "unobserved".
 *
 * The library prints nothing, does not end the process, installs no signal handlers, and does not start or end MPI.
 * MPI has to be initialized with MPI_THREAD_FUNNELED or more, and the thread that initialized it is the one that calls.
 * A library and what it made are used by one thread at a time. Where files are read or written, HDF5's automatic
 * printing of errors is switched off in the process, HDF5 is not closed by exit, and it does not follow external links.
 *
 * Until version 1.0 a release with another minor number may change structs and functions, and libdnmf.so has another
 * SONAME then; a release with another patch number does not. Every struct that is passed in has an init function, which
 * sets the defaults: call it first, since fields may be added.
 */
#ifndef DNMF_H
#define DNMF_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#define DNMF_VERSION_MAJOR 0
#define DNMF_VERSION_MINOR 1
#define DNMF_VERSION_PATCH 0

#define DNMF_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that runs, "0.1.0"; it may be another than that of this header. local */
DNMF_API const char *dnmf_version(void);

/* --- Errors ------------------------------------------------------------------------------------------------ */

enum {
  DNMF_SUCCESS = 0,
  DNMF_ERR_USAGE,      /* an argument or a setting is wrong, or does not go with the others */
  DNMF_ERR_INPUT,      /* the data are wrong: a negative number, a NaN, an id that is not there */
  DNMF_ERR_FILE,       /* a file cannot be opened, read or written */
  DNMF_ERR_MEMORY,     /* there is not enough memory */
  DNMF_ERR_LIBRARY,    /* HDF5, BLAS or LAPACK failed */
  DNMF_ERR_MPI,        /* MPI failed: nothing can be agreed any more; abort the program */
  DNMF_ERR_INTERRUPTED /* a fit was stopped before it was done, and its checkpoint is written */
};

/* --- The library on a communicator ------------------------------------------------------------------------- */

typedef struct dnmf_library dnmf_library;

/* `comm` is duplicated, and stays the caller's. Errors that MPI reports on the duplicate are returned, not fatal.
 * On failure *library is NULL. collective over `comm` */
DNMF_API int dnmf_library_create(MPI_Comm comm, dnmf_library **library);

/* After everything that was made with it. collective */
DNMF_API void dnmf_library_destroy(dnmf_library **library);

/* What was wrong in the last call that failed: one message, without a newline, the same on every process after a
 * collective function; "" when there was none, or it has been cleared. Valid until the next call. local */
DNMF_API const char *dnmf_library_error(const dnmf_library *library);
DNMF_API void dnmf_library_clear_error(dnmf_library *library);

/* OpenMP threads of this process. Default: OMP_NUM_THREADS, or the cores of this process that no other process of the
 * communicator on this node may use too, in a Slurm job no more than it was granted. local */
DNMF_API int dnmf_library_set_threads(dnmf_library *library, int threads);
DNMF_API int dnmf_library_threads(const dnmf_library *library);

/* An iteration that is done, or a part of the next. What was not computed is NaN. */
typedef struct dnmf_iteration {
  int64_t iteration; /* counted from 1; 0: the start */
  int64_t max_iterations;
  int64_t batch; /* mini-batches done of the pass after `iteration`; 0: the iteration itself is done */
  int64_t batches;
  double objective;
  double relative_error;    /* |A - WH| / |A|, Frobenius norms */
  double violation;         /* projected gradient relative to the first iteration's */
  double validation_rmse;   /* root mean squared error on the entries held out */
  double seconds;           /* since the fit began to iterate */
  double iteration_seconds; /* of this iteration */
} dnmf_iteration;

/* Functions that the library calls; each may be NULL. */
typedef struct dnmf_callbacks {
  void *state;                                                     /* handed to each of them */
  void (*warning)(void *state, const char *text);                  /* process 0 only */
  void (*iteration)(void *state, const dnmf_iteration *iteration); /* process 0 only */
  bool (*should_stop)(void *state); /* every process, once an iteration: true on any one ends the fit after it, with the
                                       model of that iteration, or with the checkpoint where there is one */
} dnmf_callbacks;

/* Copied; NULL: none. local */
DNMF_API int dnmf_library_set_callbacks(dnmf_library *library, const dnmf_callbacks *callbacks);

/* --- Data -------------------------------------------------------------------------------------------------- */

/*
 * A matrix. Arrays are not copied: they must stay as they are until the data are destroyed. Data can be used any number
 * of times. Values are checked when they are used: all must be finite and not negative.
 *
 * What entries mean that are not there: of triples they are unobserved, of dense and sparse matrices zeros; the setting
 * `missing` overrides it. With "unobserved" entries that are NaN are the missing ones, and zeros are data: such a
 * matrix is fitted as one with zeros is, by the same settings, unless settings of ratings are given. A dense matrix
 * without any NaN is taken to have a zero where an entry is missing.
 */
typedef struct dnmf_data dnmf_data;

/* A dense block. Each process has its own, which may be empty; together they cover the matrix, each place once. */
typedef struct dnmf_dense {
  int64_t first_row; /* place of the block's first row and column in the matrix */
  int64_t first_col;
  int64_t rows; /* of the block */
  int64_t cols;
  const double *values;       /* value (i, j) of the block is values[i * leading + j] */
  const float *single_values; /* instead of values: the same in single precision */
  int64_t leading;            /* numbers from one row to the next; 0 (default): cols */
  bool by_columns;            /* values[i + j * leading], as Fortran has it; leading 0: rows. Default: false */
} dnmf_dense;

/* Compressed sparse rows. Each process has its own whole rows, maybe none; together they cover the matrix, each row
 * once. */
typedef struct dnmf_sparse {
  int64_t first_row;     /* place of the first row in the matrix */
  int64_t rows;          /* of this process */
  const int64_t *starts; /* rows + 1: row i has the entries starts[i] to starts[i + 1] - 1; starts[0] may be any */
  const int64_t *cols;   /* the column of each entry, in any order */
  const double *values;
  const char *duplicates; /* entries at one place: "sum" (default), "last", "mean", "error" */
} dnmf_sparse;

/* Triples of a row, a column and a value. Each process has its own, in any order, maybe none. Rows and columns are
 * named by one of these, the same on every process: positions  rows[i] is the row's place in the matrix, of which
 * all_rows says how many rows it has; numbers    rows[i] is an id, any integer, when numbers_are_ids; the matrix has
 * the rows that occur, in ascending order; texts      row_ids[i] is an id, UTF-8; likewise, in the order of the bytes.
 */
typedef struct dnmf_triples {
  int64_t count; /* of this process */
  const int64_t *rows;
  const int64_t *cols;
  const char *const *row_ids; /* NULL: rows */
  const char *const *col_ids; /* NULL: cols */
  bool numbers_are_ids;       /* default: false */
  int64_t all_rows;           /* of the matrix, where rows are positions */
  int64_t all_cols;
  const double *values;
  const char *duplicates; /* entries at one place: "last" (default; of a process after those of lower ranks), "sum",
                             "mean", "error" */
} dnmf_triples;

/* How a file is read: the options of `dnmf import`. */
typedef struct dnmf_read_settings {
  const char *format;        /* default "auto"; "hdf5", "triples", "table", "mm", "svmlight", "npy", "npz", "docword" */
  const char *header;        /* first line holds names: default "auto"; "yes", "no" */
  int64_t skip_lines;        /* lines to pass over before anything is read; default 0 */
  const char *delimiter;     /* between fields: "," "tab" "::" "blank" ";" "|"; NULL (default): found */
  const char *row_column;    /* name or number (from 1) of the row id's column; NULL (default): found */
  const char *col_column;    /* ... of the column id's */
  const char *value_column;  /* ... of the value's; "none": each line counts 1 */
  const char *time_column;   /* of repeated entries the latest by this column counts; NULL (default): none */
  const char *quote;         /* the character around fields that hold anything, or "none"; NULL (default): " */
  const char *escape;        /* the character before a quote in a quoted field; NULL (default): quotes are doubled */
  const char *decimal;       /* "." (default), or ","; given, the other one groups thousands */
  const char *duplicates;    /* entries at one place: default "auto" ("last" of triples, else "sum"); "last", "sum",
                                "mean", "error" */
  const char *index_base;    /* svmlight, the number of the first column: default "auto"; "0", "1" */
  bool transpose;            /* the file's columns are the rows (default: false) */
  const char *missing_value; /* what stands for a missing value, "99"; NULL (default): none */
  double add;                /* added to every value before it is checked; default 0 */

  /* A part of the matrix; rows and columns that are left keep their order. */
  const char *rows;      /* "A:B": rows A up to and without B, either may be left out; NULL (default): all */
  const char *cols;      /* ... columns */
  const char *row_ids;   /* a file with the ids of rows, one a line; NULL (default): all */
  const char *col_ids;   /* ... of columns */
  int64_t min_row_count; /* rows with fewer entries are dropped, and so on until all have enough; default: 0 */
  int64_t min_col_count; /* ... columns */
} dnmf_read_settings;

DNMF_API void dnmf_dense_init(dnmf_dense *dense);                   /* local */
DNMF_API void dnmf_sparse_init(dnmf_sparse *sparse);                /* local */
DNMF_API void dnmf_triples_init(dnmf_triples *triples);             /* local */
DNMF_API void dnmf_read_settings_init(dnmf_read_settings *reading); /* local */

/* The data of a rows x cols matrix, from each process's own block or rows. With `rows` -1 the matrix is the processes'
 * rows one below the other, in the order of ranks, and first_row is not looked at. collective */
DNMF_API int dnmf_data_from_dense(dnmf_library *library, int64_t rows, int64_t cols, const dnmf_dense *dense,
                                  dnmf_data **data);
DNMF_API int dnmf_data_from_sparse(dnmf_library *library, int64_t rows, int64_t cols, const dnmf_sparse *sparse,
                                   dnmf_data **data);

/* The data of each process's own triples. collective */
DNMF_API int dnmf_data_from_triples(dnmf_library *library, const dnmf_triples *triples, dnmf_data **data);

/* The matrix in a file of any format that `dnmf import` reads: FILE, FILE.h5:/path/inside, FILE.npz:/name. `reading`
 * NULL: the defaults. The file is opened when the data are used, each time. collective */
DNMF_API int dnmf_data_from_file(dnmf_library *library, const char *name, const dnmf_read_settings *reading,
                                 dnmf_data **data);

DNMF_API void dnmf_data_destroy(dnmf_data **data); /* local */

/* The size of the matrix. collective */
DNMF_API int dnmf_data_size(dnmf_library *library, const dnmf_data *data, int64_t *rows, int64_t *cols);

/* The rows that this process gave, of dense blocks or sparse rows: the first, and how many. local */
DNMF_API int dnmf_data_share(dnmf_library *library, const dnmf_data *data, int64_t *first_row, int64_t *row_count);

/* --- Settings ---------------------------------------------------------------------------------------------- */

/*
 * The options of `dnmf fit`, by the same names; `dnmf help fit` says more. A text that is NULL and a number that is
 * negative stand for the default, which is told with each. What a fit has no use for must be left at that: it is an
 * error, not ignored. Messages name settings as the command line does, --penalty-scale for penalty_scale.
 */
typedef struct dnmf_fit_settings {
  int64_t components; /* k, the inner dimension; no default */

  /* The objective. */
  const char *missing; /* what is not stored: "zero", "unobserved", "weak" (zeros that count weak.weight); default
                          "auto": as the data have it */
  const char *loss;    /* default "frobenius"; "kullback-leibler"; with zeros also "itakura-saito" or the beta of a
                          beta-divergence, "0.5"; all but "frobenius" by "mu", "kullback-leibler" with zeros also
                          by "newton" */
  double l1_w;         /* weight of the sum of W; default 0 */
  double l1_h;         /* ... of H */
  double l2;           /* weight of half the squared norms of W and H; default 0 with zeros; of ratings 1.15 of their
                          standard deviation, 0.12 by "count", 12 "raw", 1.26 times that with implicit_terms; with
                          implicit 1.1 by "sqrt-count" */
  double l2_w;         /* ... of W alone; default l2 */
  double l2_h;         /* ... of H alone; default l2 */
  const char *penalty_scale; /* "raw"; with zeros "dimension" (W's times the columns, H's times the rows); ratings
                                "count", "sqrt-count" (a row's l2 times its number of ratings, or its root), or a
                                number from 0 to 1, the exponent of that number; with weak zeros those count, too,
                                with their weight; default "auto": "raw" with zeros, "sqrt-count" of ratings */

  /* The course of the fit. */
  const char *solver; /* "hals", "ahals", "mu", "bpp", "newton"; default "auto": with zeros "ahals", of
                         "kullback-leibler" "newton", of other losses "mu"; "hals" where cells are held out, of
                         ratings, in batches and with sweeps; "bpp" where zeros.fix is given */
  int64_t sweeps;     /* coordinate sweeps of "hals" over a row's components, or steps of "newton"; default 1,
                         mini-batches 3 */
  const char *init;   /* default "random"; "nndsvd", "nndsvda", "nndsvdar", or "file:START.h5": a model, or any file
                         with /W, /H or both; ratings take "random", "nndsvd" and "file:" */
  const dnmf_data *start_w; /* instead of `init`, with zeros: factors to begin with, dense data in memory, rows x */
  const dnmf_data *start_h; /* components and components x columns, or one of them; NULL (default): as `init` says */
  int64_t seed;             /* of the start, which is the same on any number of processes; default 0 */
  int64_t max_iter;  /* most iterations, or passes of mini-batches; default 200, with implicit 100; 0 keeps the start */
  double tol;        /* of the stopping rule; default 1e-4; 0: never stop by it */
  const char *stop;  /* "gradient": projected gradient below tol times the first; "objective": progress of 10
                        iterations below tol times the start; "validation": no better RMSE on what is held out,
                        whose best model is kept; default "auto": "gradient", "objective" for "mu", "newton" and
                        ratings, "validation" where ratings are held out */
  double time_limit; /* seconds of iterating in this job; default: none */
  const char *precision; /* of arithmetic and factors: default "double"; "single" */

  /* With zeros only. */
  struct {
    const char *fix;     /* "w" or "h": this factor stays as `init` has it; default "none" */
    const char *grid;    /* process grid, "4x2"; default "auto": of the shortest predicted iteration */
    bool exact_residual; /* sum |A - WH|^2 entry by entry at the end; default false */
    int64_t restarts;    /* fits from seed, seed + 1, ..., of which the one of the least objective is kept; default 1 */
    int64_t groups;      /* of processes that share them, each with the matrix (in a file) on its own grid; default 1 */
  } zeros;

  /* Ratings ("unobserved") only, but for validation and patience. */
  struct {
    const char *bias;           /* "both", "row", "col", "none"; default "auto": "both", "none" for "mu" */
    const char *shrink_to;      /* what l2 pulls a factor's rows towards: "zero", "mean" (their mean row), "level" (a
                                   constant row, the product being of deviations from it); default "auto": "level",
                                   "mean" without biases, "zero" for "mu" */
    double l2_bias;             /* shrinks a bias as so many ratings of its mean would; default 5; with "level", so
                                   many times the root of its count for columns, 0.25 of that for rows; default 3 */
    const char *validation;     /* hold out a share, "0.1", or the ratings of a file; with zeros a share of all cells,
                                   which are filled in with their predictions; default: none */
    const dnmf_data *held_out;  /* instead of validation: these ratings, matched by ids; NULL (default): none */
    int64_t patience;           /* iterations without a better RMSE on them before stopping; default 10; with zeros
                                   only where stop is "validation" */
    double init_scale;          /* of the random start; default 0.05 */
    const char *implicit_terms; /* which columns a row has is itself evidence of what the row is like, and which rows a
                                   column: "rows", "cols", "both", "none"; needs shrink_to "level"; default "none" */
    double l2_terms; /* weight of implicit terms' squares, in multiples of l2, a fifth for columns'; default 100 */
  } ratings;

  /* Averages over the posterior distribution, for ratings fitted around a level (the default): Gibbs chains from the
     fitted model, whose draws are one model together, of components * kept components. */
  struct {
    int64_t samples;  /* sweeps of each chain that count; default: no chain */
    int64_t chains;   /* 1 to 100, of which the model is the average, side by side where that is faster; default: 1 */
    int64_t burn_in;  /* sweeps before those that count; default: 50 */
    int64_t thin;     /* every how many-th of each chain's is kept; default: as little as keeps at most 100 of all */
    const char *keep; /* "samples" (default), or "mean": one model, the mean of the draws kept, without their spread */
  } posterior;

  /* Weak zeros ("weak") only. */
  struct {
    double weight; /* what an entry that is not stored counts, 0 to 1; with implicit default 1 */
    bool implicit; /* values are strengths, as of plays and clicks: what is stored is to be predicted as 1, with
                      more confidence where it is stronger; implies "weak"; default false */
    const char *confidence; /* in a value v: "one", "linear" (1 + alpha v), "log" (1 + alpha log(1 + v / epsilon));
                               default "log" with implicit, else "one" */
    double alpha;           /* default 16 by "log", 6.5 over the values' mean when "linear" */
    double epsilon;         /* default twice the mean */
    double like;            /* with implicit: entries of less are known, but no sign of liking, and count as those that
                               are not stored; 0: all are. Default: where the values' mean is above the middle of their
                               range, as that of ratings is, the mean; else 0 */
  } weak;

  /* A matrix in HDF5 with zeros that is read in batches of rows: only where memory or batch_rows is given. */
  struct {
    int64_t memory;     /* bytes that a process may take; a matrix that does not fit is read in batches; default: any */
    int64_t batch_rows; /* rows of a batch; default a 16th of all rows, or what fits in memory */
    double forget;      /* what earlier batches weigh after a pass, 0 to 1; default 0: each as it was last, exactly */
  } batches;

  /* Files; by default there are none. No two of them, or of them and the data's, may be the same. */
  struct {
    const char *output;     /* write the model to this file, too */
    const char *checkpoint; /* save the fit here while it iterates, and when should_stop or time_limit ends it: the
                               call then fails with DNMF_ERR_INTERRUPTED */
    const char *checkpoint_every; /* a number of iterations, "50", or a time, "30s", "10min", "2h"; default "10min" */
    const char *update;           /* start from this model of an earlier state of the table: rows and columns are found
                                     by their ids, new ones start from the mean row */
    const char *resume;           /* go on from this checkpoint, on any number of processes, with the same data and
                                     settings; "auto": from that of `checkpoint`, or anew where there is none */
  } files;
} dnmf_fit_settings;

DNMF_API void dnmf_fit_settings_init(dnmf_fit_settings *settings); /* local */

/* --- How many components ----------------------------------------------------------------------------------- */

/* The options of `dnmf tune` for a matrix with zeros, by the same names; `dnmf help tune` says more. A text that is
 * NULL and a number that is negative stand for the default. */
typedef struct dnmf_search_settings {
  int64_t count;             /* numbers of components to try; */
  const int64_t *components; /* they are different */
  int64_t restarts;          /* fits of each, from seed, seed + 1, ...; default 10 */
  const char *perturb;       /* what each is fitted to: "none" (default), the matrix itself; "0.03", each stored value
                                times a number in 1 -+ that; "poisson", each drawn from a Poisson distribution */
  const char *cluster;    /* the factor whose components are compared: "w" (default: components over the rows), "h" */
  double holdout;         /* share of all cells, zeros too, that a fit holds out; default 0.05; 0: none are */
  int64_t folds;          /* such shares, each held out once; default 5 */
  const char *criterion;  /* what suggests: "heldout", "stability", "both" (default) */
  int64_t groups;         /* of processes that fit different numbers of components at a time; default: one a process
                             where the matrix takes at most 64 MiB and no grid is given, else 1; arrays in memory are
                             for one group, and so is a search whose model is wanted */
  const char *checkpoint; /* keep what is done in this file, and */
  const char *resume;     /* take it from this one: its name, or "auto", that of `checkpoint` if it is there */
} dnmf_search_settings;

/* What was found with a number of components. What was not computed or is not defined is NaN. */
typedef struct dnmf_search_candidate {
  int64_t components;
  int64_t restarts;
  double relative_error;  /* |A - WH| / |A|: the least of the restarts, */
  double median_error;    /* and the median */
  double objective;       /* the least, with penalties */
  double heldout;         /* error on the cells held out, of all folds together: the square root of their mean squared
                             error; for another loss than "frobenius" the root of twice their mean loss */
  double heldout_spread;  /* its standard error over the folds, in the differences to the least such error */
  double silhouette_min;  /* of the clusters of components, by cosine: the smallest, */
  double silhouette_mean; /* and the mean */
  double cophenetic;      /* cophenetic correlation of the consensus matrix */
  double outliers;        /* share of components that are far from all others */
  double seconds;         /* of fitting */
} dnmf_search_candidate;

/* The number of components that is suggested: candidate number `at`; -1: none is. */
typedef struct dnmf_search_suggestion {
  int64_t at;
  int64_t by_heldout;   /* candidate that held-out cells alone suggest; -1: none */
  int64_t by_stability; /* ... that stability alone suggests */
  char reason[512];     /* why, in a sentence */
} dnmf_search_suggestion;

DNMF_API void dnmf_search_settings_init(dnmf_search_settings *search); /* local */

/* --- Models ------------------------------------------------------------------------------------------------ */

/* W (rows x components), H (components x cols), and of ratings biases, distributed: each process holds a range of rows
 * and of columns. Ids are those of the data. */
typedef struct dnmf_model dnmf_model;

/* How a fit went. What was not computed is NaN. */
typedef struct dnmf_result {
  int64_t iterations;
  bool converged;
  const char *stop_reason; /* "gradient", "objective", "validation", "max-iter", "time-limit", "signal" (should_stop); a
                              constant */
  double objective;        /* with penalties */
  double relative_error;   /* |A - WH| / |A| over the entries that count */
  double rmse;             /* over the entries that count */
  double validation_rmse;  /* on the entries held out */
  double validation_loss;  /* with zeros: their mean loss, half the square of an error or its divergence; else NaN */
  int64_t best_iteration;  /* the model kept: the last, or the best on the entries held out */
  double read_seconds;     /* the slowest process's */
  double init_seconds;
  double iterate_seconds;
} dnmf_result;

/* Factorizes. `result` may be NULL. On failure *model is NULL. collective */
DNMF_API int dnmf_model_fit(dnmf_library *library, const dnmf_data *data, const dnmf_fit_settings *settings,
                            dnmf_model **model, dnmf_result *result);

/* Fits the data with each number of components, all else as `settings` say, whose `components` is not looked at, and
 * fills search->count `candidates`, in their order, and the suggestion, which may be NULL. With `model` not NULL it is
 * the consensus model of what is suggested: of each cluster of components the median of its members that are no
 * outliers as one factor, the other fitted to it. Zeros of the data count. On failure *model is NULL. collective */
DNMF_API int dnmf_model_search(dnmf_library *library, const dnmf_data *data, const dnmf_fit_settings *settings,
                               const dnmf_search_settings *search, dnmf_search_candidate *candidates,
                               dnmf_search_suggestion *suggestion, dnmf_model **model);

/* Reads a model file of this or an earlier version, or any HDF5 file with /W and /H; writes one, which appears under
 * its name when it is complete. collective */
DNMF_API int dnmf_model_load(dnmf_library *library, const char *path, dnmf_model **model);
DNMF_API int dnmf_model_save(dnmf_library *library, const dnmf_model *model, const char *path);

DNMF_API void dnmf_model_destroy(dnmf_model **model); /* local */

/* local; each pointer may be NULL */
DNMF_API int dnmf_model_size(dnmf_library *library, const dnmf_model *model, int64_t *rows, int64_t *cols,
                             int64_t *components);

/* The ranges of rows of W and columns of H that this process holds: those that cost no message. local */
DNMF_API int dnmf_model_share(dnmf_library *library, const dnmf_model *model, int64_t *first_row, int64_t *row_count,
                              int64_t *first_col, int64_t *col_count);

/* Any `count` rows of W from `first` on, each process its own range, maybe empty: w[i * leading + c] is component c of
 * row first + i; leading 0: components. collective */
DNMF_API int dnmf_model_w(dnmf_library *library, const dnmf_model *model, int64_t first, int64_t count, double *w,
                          int64_t leading);

/* Any `count` columns of H likewise: h[c * leading + j] is component c of column first + j; leading 0: count.
 * collective */
DNMF_API int dnmf_model_h(dnmf_library *library, const dnmf_model *model, int64_t first, int64_t count, double *h,
                          int64_t leading);

/* Biases of rows or columns likewise, 0 where the model has none; and the constant part of every prediction.
 * Predictions of a model of ratings are mean + row bias + column bias + w h. */
DNMF_API int dnmf_model_row_bias(dnmf_library *library, const dnmf_model *model, int64_t first, int64_t count,
                                 double *bias); /* collective */
DNMF_API int dnmf_model_col_bias(dnmf_library *library, const dnmf_model *model, int64_t first, int64_t count,
                                 double *bias);                                             /* collective */
DNMF_API int dnmf_model_mean(dnmf_library *library, const dnmf_model *model, double *mean); /* local */

/* What a model file has as attributes, e.g. "objective", "seed", "solver", "missing"; a text is the model's.
 * DNMF_ERR_USAGE when there is no such number (text). local */
DNMF_API int dnmf_model_get_number(dnmf_library *library, const dnmf_model *model, const char *name, double *number);
DNMF_API int dnmf_model_get_text(dnmf_library *library, const dnmf_model *model, const char *name, const char **text);

/* One number an iteration, the start first: "objective", "seconds", "relative_error" (of the squared error),
 * "validation_rmse". The array is the model's. local */
DNMF_API int dnmf_model_history(dnmf_library *library, const dnmf_model *model, const char *name, int64_t *count,
                                const double **values);

/* The positions of rows or columns by id, each process its own `count` ids; -1: there is none. Numbers are written as
 * texts, "196"; without ids the position is the id. collective */
DNMF_API int dnmf_model_find_rows(dnmf_library *library, const dnmf_model *model, int64_t count, const char *const *ids,
                                  int64_t *positions);
DNMF_API int dnmf_model_find_cols(dnmf_library *library, const dnmf_model *model, int64_t count, const char *const *ids,
                                  int64_t *positions);

/* The ids of positions, each process its own `count`; negative positions get "". *ids are count texts in one block of
 * memory, which the caller releases with dnmf_ids_destroy. collective */
DNMF_API int dnmf_model_row_ids(dnmf_library *library, const dnmf_model *model, int64_t count, const int64_t *positions,
                                char ***ids);
DNMF_API int dnmf_model_col_ids(dnmf_library *library, const dnmf_model *model, int64_t count, const int64_t *positions,
                                char ***ids);
DNMF_API void dnmf_ids_destroy(char ***ids); /* local */

/* --- What is done with a model ----------------------------------------------------------------------------- */

/* Options of predictions. */
typedef struct dnmf_predict_settings {
  const char *unknown; /* the score of a row or column that the model does not have, or a model of ratings has no rating
                          of: "average" (default: as one like others), "bias" (the mean plus the bias that is
                          known), "mean", "nan", "error" */
  const char *clip;    /* scores to the scale of the ratings: "auto" (default: where the model has one), "yes", "no" */
} dnmf_predict_settings;

DNMF_API void dnmf_predict_settings_init(dnmf_predict_settings *scoring); /* local */

/* scores[i] = the prediction for pair i of this process's pairs, whose values are not looked at; all_rows and all_cols
 * are not, either: positions are the model's. `scoring` NULL: the defaults. collective */
DNMF_API int dnmf_model_predict(dnmf_library *library, const dnmf_model *model, const dnmf_triples *pairs,
                                const dnmf_predict_settings *scoring, double *scores);

/* Likewise, with deviations[i] the standard deviation of prediction i over the draws of a model that was fitted with
 * posterior.samples: NaN where the model has no draws, and where the row or the column is unknown. What is observed
 * deviates from the prediction by the noise besides: its number "noise_precision" is one over the noise's variance.
 * `deviations` may be NULL. collective */
DNMF_API int dnmf_model_predict_spread(dnmf_library *library, const dnmf_model *model, const dnmf_triples *pairs,
                                       const dnmf_predict_settings *scoring, double *scores, double *deviations);

/* Options of recommendations. */
typedef struct dnmf_recommend_settings {
  int64_t top;           /* columns a row; default 10 */
  const dnmf_data *seen; /* leave out these entries, matched to the model by ids; NULL (default): none */
  bool include_empty;    /* list columns too that the fit had no data for; default false */
  const char *clip; /* scores to the scale of the ratings: "auto" (default), "yes", "no"; the order is that before */
  int64_t candidate_count;   /* only these columns are listed, given by position, the same on every process; */
  const int64_t *candidates; /* NULL (default): all */
  double optimism;   /* rank by the prediction plus so many of its standard deviations over the draws of the model, and
                        tell that as the score; negative: minus so many; needs posterior.samples; default 0 */
  int64_t min_count; /* list no column with fewer entries in the fit, or, of a model with zeros, in `seen`; default 0 */
} dnmf_recommend_settings;

DNMF_API void dnmf_recommend_settings_init(dnmf_recommend_settings *listing); /* local */

/* The best columns for this process's `count` rows, given by position: cols[i * top + t] is the position of the one at
 * place t for rows[i], scores[i * top + t] its prediction; -1 and NaN where there are no more. A row that the fit had
 * no data for, and one that is not in the model, -1, is listed the columns with most entries, without a score (NaN):
 * those of the fit, or of `seen` where the model does not hold them. `listing` NULL: the defaults. collective */
DNMF_API int dnmf_model_recommend(dnmf_library *library, const dnmf_model *model, int64_t count, const int64_t *rows,
                                  const dnmf_recommend_settings *listing, int64_t *cols, double *scores);

/* The columns most like each of `count` columns, the same on every process: similar[i * top + t] is the position of the
 * one at place t for cols[i], cosines[i * top + t] the cosine of their factors (of
 * a model with biases, of what they have beyond its "level"); -1 and NaN where there are no more. Of
 * `listing`, top, candidates, min_count and seen count; NULL: the defaults. The same on every process. collective */
DNMF_API int dnmf_model_similar(dnmf_library *library, const dnmf_model *model, int64_t count, const int64_t *cols,
                                const dnmf_recommend_settings *listing, int64_t *similar, double *cosines);

/* Options of evaluations. */
typedef struct dnmf_evaluate_settings {
  const char *unknown; /* as of dnmf_predict_settings; "drop" leaves such entries out; "nan" is not possible; default
                                 "average" */
  const char *clip;    /* "auto" (default), "yes", "no" */
  double relevant; /* entries of this value or more are relevant; default NaN: the mean of the fitted ratings. A model
                      of a matrix with zeros has none */
  int64_t at;      /* length of the lists that ranking figures look at; default 10 */
  const dnmf_data *seen; /* also rank, for each row, all columns but those of its entries here, matched by ids: the
                            fitted data; NULL (default): do not */
} dnmf_evaluate_settings;

/* How good lists of `at` columns are, means over the rows that have a relevant entry (`dnmf help evaluate`). */
typedef struct dnmf_list_evaluation {
  double precision;
  double recall; /* of at most `at` relevant entries */
  double hit_rate;
  double ndcg;
  double map;
  double mrr;
  double catalogue; /* share of the columns that are in at least one list */
} dnmf_list_evaluation;

/* What `dnmf evaluate` tells; `dnmf help evaluate` defines it. NaN where there is nothing to take the mean of. */
typedef struct dnmf_evaluation {
  int64_t entries; /* of the test data */
  int64_t scored;
  int64_t unknown; /* with a row or column the model does not know */
  double rmse;     /* and mae: NaN of an implicit fit, whose scores do not guess values */
  double mae;
  double covered_50; /* share of the entries with a known row and column whose value is in the 50 % interval of its
                        prediction, normal with the variance of the draws and that of the noise; NaN without draws */
  double covered_90; /* ... in the 90 % interval */
  double precision;  /* of the entries that a row has in the test data, in the order of their scores */
  double recall;
  double hit_rate;
  double ndcg;
  double map;
  double fcp;
  int64_t listed_rows;          /* with `seen`: rows with a relevant entry, */
  dnmf_list_evaluation lists;   /* lists of the model for them, */
  dnmf_list_evaluation popular; /* and the columns with most entries in `seen` instead */
} dnmf_evaluation;

DNMF_API void dnmf_evaluate_settings_init(dnmf_evaluate_settings *evaluating); /* local */

/* How well the model predicts the entries of `test`, matched by ids. `evaluating` NULL: the defaults. collective */
DNMF_API int dnmf_model_evaluate(dnmf_library *library, const dnmf_model *model, const dnmf_data *test,
                                 const dnmf_evaluate_settings *evaluating, dnmf_evaluation *evaluation);

/* A new model of the rows of `data`, whose columns are matched by ids, with H fixed: the exact minimizer of the
 * objective of the fit. collective */
DNMF_API int dnmf_model_transform(dnmf_library *library, const dnmf_model *model, const dnmf_data *data,
                                  dnmf_model **transformed);

/* What each component stands for: its `top` first columns, or rows (`of_rows`), ordered by "relevance", "excess",
 * "lift" or "weight" (`dnmf help describe`; NULL: "relevance"). positions, weights (the number in H or W) and shares
 * (how much of the column is this component's, 0 to 1) are components x top, -1 and NaN where there are no more;
 * component_shares, of the whole, are `components` numbers. Each of the arrays may be NULL. The same on every process.
 * collective */
DNMF_API int dnmf_model_describe(dnmf_library *library, const dnmf_model *model, bool of_rows, const char *by,
                                 int64_t top, int64_t *positions, double *weights, double *shares,
                                 double *component_shares);

/* --- Rows that come in batches ----------------------------------------------------------------------------- */

/*
 * A fit with zeros whose rows come and go: each batch updates its own rows W_b, then H, by multiplicative updates
 * whose numerators and denominators are kept from batch to batch (Lefevre, Bach, Fevotte 2011; scikit-learn's
 * MiniBatchNMF). A matrix in HDF5 that is read again and again is for dnmf_model_fit and its `batches`.
 */
typedef struct dnmf_online dnmf_online;

typedef struct dnmf_online_settings {
  const char *loss; /* as of dnmf_fit_settings: default "frobenius" */
  double l1_w;      /* penalties: W's are multiplied by the columns, H's by the rows of a batch; default 0 */
  double l1_h;
  double l2_w;
  double l2_h;
  double keep;           /* what the batches before weigh beside a new one, 0 to 1; default 1 */
  int64_t updates;       /* most updates of the rows of a batch that are not given; default 30 */
  double tol;            /* which end when the rows change less, relative to their norm; 0: never; default 1e-4 */
  const char *precision; /* of arithmetic and factors: default "double"; "single" */
} dnmf_online_settings;

/* What a batch came to. */
typedef struct dnmf_batch_result {
  double objective; /* of the batch with its rows and the H before, penalties included */
  double change;    /* by how much that H changed then, relative to its norm */
} dnmf_batch_result;

DNMF_API void dnmf_online_settings_init(dnmf_online_settings *settings); /* local */

/* From H, dense data of components x columns, and, to go on from an earlier one, its numerators and denominators
 * likewise; NULL: H and ones. `settings` NULL: the defaults. collective */
DNMF_API int dnmf_online_create(dnmf_library *library, const dnmf_online_settings *settings, const dnmf_data *h,
                                const dnmf_data *numerators, const dnmf_data *denominators, dnmf_online **online);
DNMF_API void dnmf_online_destroy(dnmf_online **online); /* collective */

/* Takes a batch, dense blocks or sparse rows, into H. Its rows W_b are updated once from `w`, dense data of rows x
 * components, or, where that is NULL, from a flat start until they settle. `w_out` (unless NULL) = the rows of W_b that
 * stand for those that this process gave, components numbers each. `result` may be NULL. collective */
DNMF_API int dnmf_online_feed(dnmf_library *library, dnmf_online *online, const dnmf_data *batch, const dnmf_data *w,
                              double *w_out, dnmf_batch_result *result);

/* The rows W_b of a batch from a flat start, as `w_out` of dnmf_online_feed; H stays as it is. collective */
DNMF_API int dnmf_online_rows(dnmf_library *library, dnmf_online *online, const dnmf_data *batch, double *w_out);

/* Any `count` columns of "h", "numerators" or "denominators" from `first` on, each process its own range, as of
 * dnmf_model_h. collective */
DNMF_API int dnmf_online_get(dnmf_library *library, const dnmf_online *online, const char *what, int64_t first,
                             int64_t count, double *out, int64_t leading);

#ifdef __cplusplus
}
#endif

#endif
