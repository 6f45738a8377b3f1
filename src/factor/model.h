/*
 * A model: the factors, the ids of rows and columns, the history of the fit and what is needed to repeat it.
 *
 * Distributed as it was fitted: this process holds its owned rows of W and owned columns of H; ids have
 * ranges of their own (ids.h).
 */
#ifndef DNMF_MODEL_H
#define DNMF_MODEL_H

#include "matrix/ids.h"
#include "matrix/panel.h"

typedef enum dnmf_attribute_kind {
  DNMF_ATTRIBUTE_TEXT,
  DNMF_ATTRIBUTE_INTEGER,
  DNMF_ATTRIBUTE_REAL
} dnmf_attribute_kind;

/* One named value of the provenance; stored as an HDF5 attribute of the model file's root. */
typedef struct dnmf_attribute {
  char name[48];
  dnmf_attribute_kind kind;
  char *text; /* owned */
  int64_t integer;
  double real;
} dnmf_attribute;

/* One value an iteration, e.g. "objective", "seconds"; stored as /history/NAME. */
typedef struct dnmf_curve {
  char name[48];
  int64_t count;
  double *values; /* owned; the same on every process */
} dnmf_curve;

typedef struct dnmf_bias {
  bool fitted; /* /bias exists */
  double mean;
  double *row; /* of the owned rows; NULL when not fitted */
  double *col; /* of the owned columns; NULL when not fitted */
} dnmf_bias;

typedef enum dnmf_model_side { DNMF_SIDE_ROWS = 0, DNMF_SIDE_COLS, DNMF_SIDE_NEITHER } dnmf_model_side;

/* Numbers that a checkpoint holds beside the model, stored as /checkpoint/NAME. */
typedef struct dnmf_model_part {
  const char *name;        /* a constant */
  dnmf_model_side side;    /* a row for each owned row or column of A; neither: the same rows on every process */
  const dnmf_panel *panel; /* not owned */
} dnmf_model_part;

enum { DNMF_MODEL_PARTS = 12 };

typedef struct dnmf_model {
  char *file; /* that it was read from, owned; NULL: none */
  int64_t rows;
  int64_t cols;
  int components;
  dnmf_range owned_rows;
  dnmf_range owned_cols;
  dnmf_panel w; /* size(owned_rows) x components */
  dnmf_panel h; /* size(owned_cols) x components: the transpose of H */
  dnmf_bias bias;
  int64_t *row_counts; /* observed entries of the owned rows; NULL where unstored entries were zeros */
  int64_t *col_counts; /* ... of the owned columns */
  double *mean_row;    /* owned; what an unknown row is: the row that L2 pulls W's rows towards, or, around a level, the
                          mean of all ratings' rows; the same on every process; NULL: zero */
  double *mean_col;  /* likewise H's; NULL also in older models. With both, unknown rows and columns are predicted to be
                        these, with the biases of the attributes unknown_row_bias and unknown_col_bias, else 0 */
  double *stability; /* of a consensus of several fits (api/search.h): each component's silhouette, NaN where that is
                        not defined; owned; the same on every process; NULL: it is of one fit */
  double *stable_runs; /* likewise, how many of the fits had it */
  dnmf_panel terms;    /* size(owned_cols) x (components + 1): of ratings with implicit terms of rows, what each column
                          brings to the rows that have it, then to their biases, of draws one after another; without
                          components: none */
  int samples;         /* draws that the components are of, as many one after another of each; 0: it is no such model */
  dnmf_panel row_samples; /* size(owned_rows) x samples: the stored bias of each draw, the mean of which is bias.row;
                             double */
  dnmf_panel col_samples; /* size(owned_cols) x samples likewise */
  int part_count;         /* of a checkpoint */
  dnmf_model_part parts[DNMF_MODEL_PARTS];
  dnmf_ids row_ids;
  dnmf_ids col_ids;
  int64_t attribute_count;
  dnmf_attribute *attributes;
  int64_t curve_count;
  dnmf_curve *curves;
} dnmf_model;

/* Appends a provenance value; text is copied. local */
dnmf_status dnmf_model_set_text(dnmf_error *error, dnmf_model *model, const char *name, const char *text);
dnmf_status dnmf_model_set_integer(dnmf_error *error, dnmf_model *model, const char *name, int64_t integer);
dnmf_status dnmf_model_set_real(dnmf_error *error, dnmf_model *model, const char *name, double real);

/* The attribute of that name, or NULL. local */
const dnmf_attribute *dnmf_model_attribute(const dnmf_model *model, const char *name);

/* A provenance number, whole or not; false, and `*value` as it was, when there is none of that name. local */
bool dnmf_model_number(const dnmf_model *model, const char *name, double *value);

/* True when there is such a text and it is `text`. local */
bool dnmf_model_text_is(const dnmf_model *model, const char *name, const char *text);

/* Takes the value away, where there is one. local */
void dnmf_model_unset(dnmf_model *model, const char *name);

/* The file's name, or "the model". local */
const char *dnmf_model_name(const dnmf_model *model);

/* The scale of the fitted values; false where the model has none (unstored entries were zeros). local */
bool dnmf_model_scale(const dnmf_model *model, double *smallest, double *largest);

/* What is predicted where nothing is known: the mean of the ratings, or 0 where unstored entries were zeros. local */
double dnmf_model_expectation(const dnmf_model *model);

/* Fitted to observed entries, alone or beside weak zeros: the provenance says so, or in a file without it there are
 * biases. local */
bool dnmf_model_is_observed(const dnmf_model *model);

/* Of these, what was not stored was a weak zero; and values were strengths, the target 1. local */
bool dnmf_model_is_weak(const dnmf_model *model);
bool dnmf_model_is_implicit(const dnmf_model *model);

/* Whether the fit had data of the owned row (column): in a model of observed entries, an entry, by the model's counts
 * and nothing else; in a file without counts, a bias or a factor other than zero. Where unstored entries were zeros all
 * are data. `row` and `col` count from the first owned one. local */
bool dnmf_model_row_is_known(const dnmf_model *model, int64_t row);
bool dnmf_model_col_is_known(const dnmf_model *model, int64_t col);

/* What is predicted for an unknown row (column) is that it is like others: the model says what those are pulled
 * towards, and holds that in W and H in place of rows without entries. False in older models and where they are pulled
 * towards zero. local */
bool dnmf_model_has_mean_rows(const dnmf_model *model);

/* Appends a copy of a history curve. local */
dnmf_status dnmf_model_add_curve(dnmf_error *error, dnmf_model *model, const char *name, int64_t count,
                                 const double *values);

void dnmf_model_free(dnmf_model *model); /* local; accepts a zeroed model */

#endif
