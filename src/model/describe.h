/*
 * Describing: what each component stands for, by the columns and the rows that belong to it most.
 *
 * Component c's part of column j is s_c h_jc, where s_c is the mean of W's column c over the entries (over the rows,
 * where unstored entries are zeros); its share of the column is that part over the sum of all components' parts. A
 * column's evidence is the number of its observed entries, or, where unstored entries are zeros, the sum of its parts
 * times the number of rows. The share of a component in the whole is the mean of its shares of the columns, weighted
 * by evidence (columns without any part left out): with zeros, its share of the sum of W H. Rows likewise, the factors
 * changing places.
 */
#ifndef DNMF_DESCRIBE_H
#define DNMF_DESCRIBE_H

#include "factor/model.h"

typedef enum dnmf_describe_by {
  DNMF_BY_RELEVANCE = 0, /* LDAvis's (Sievert & Shirley 2014): lambda log p(column | component) + (1 - lambda) log lift,
                            where p(column | component) is the column's evidence times its share, over all columns' */
  DNMF_BY_EXCESS,        /* evidence * (share - the component's share in the whole): entries' worth beyond expectation.
                            Columns with few entries cannot lead, nor can those that everybody shares */
  DNMF_BY_LIFT,          /* share over the component's share in the whole, whatever the evidence */
  DNMF_BY_WEIGHT         /* the factor itself */
} dnmf_describe_by;

/* Relevance's lambda unless another is given: LDAvis's. */
static const double DNMF_DESCRIBE_LAMBDA = 0.6;

typedef struct dnmf_description_entry {
  int64_t index; /* of the column or row */
  double score;  /* what it is ranked by */
  double weight; /* the factor */
  double share;  /* of it that is this component's, 0 to 1 */
  double lift;   /* the share over the component's share in the whole; 0 when that is 0 */
  double count;  /* observed entries; NaN where not known */
} dnmf_description_entry;

/* The columns, or the rows, of every component; on process 0. */
typedef struct dnmf_description {
  int components;
  int64_t top;
  double *share;                   /* of each component in the whole */
  int *order;                      /* the components, the largest share first, equal ones by number */
  int64_t *counts;                 /* entries of each component, at most top */
  dnmf_description_entry *entries; /* components x top, the first first */
} dnmf_description;

/* Describes by columns, or by rows; `lambda`, 0 to 1, is relevance's. Released with dnmf_description_free, also after a
 * failure. collective */
dnmf_status dnmf_describe(dnmf_context *context, const dnmf_model *model, bool by_rows, dnmf_describe_by by,
                          double lambda, int64_t top, dnmf_description *description);
void dnmf_description_free(dnmf_description *description); /* local; accepts a zeroed one */

#endif
