/*
 * How a file of triples is laid out: delimiter, header, and which columns hold row ids, column ids and values.
 */
#ifndef DNMF_STORE_TEXT_COLUMNS_H
#define DNMF_STORE_TEXT_COLUMNS_H

#include "store/ids/interner.h"
#include "store/text/text_field.h"

enum { DNMF_ROLE_ROW = 0, DNMF_ROLE_COL, DNMF_ROLE_VALUE, DNMF_ROLES, DNMF_PAIR_ROLES = DNMF_ROLE_VALUE };

typedef struct dnmf_text_columns {
  dnmf_delimiter delimiter;
  int64_t count;             /* of columns, on every line */
  int64_t place[DNMF_ROLES]; /* counted from 0; the value's is -1 when it is not looked for */
  dnmf_text_place data;      /* where the first triple is */
} dnmf_text_columns;

/* Decides on the head of the file, from the options and the names and values found there: for triples with `roles`
 * DNMF_ROLES, for pairs, which need no value, with DNMF_PAIR_ROLES. Messages name file and line. local, with the
 * same result on every process */
dnmf_status dnmf_text_columns_find(dnmf_error *error, const dnmf_text_file *file, const dnmf_source_options *options,
                                   int roles, dnmf_text_columns *columns);

/* The number of the id that a field holds; `what` is "row" or "column". local */
dnmf_status dnmf_text_id(dnmf_error *error, dnmf_interner *ids, const char *what, dnmf_field *field, int64_t *number);

/* Whether the fields of a first line name a row id, a column id and a value, each by a usual name. local */
bool dnmf_text_names_triples(dnmf_field *fields, int64_t count);

/* The delimiter asked for, or found, for lines of `least` fields or more; found is false when there is none. local */
dnmf_status dnmf_text_delimiter(dnmf_error *error, const dnmf_text_file *file, const dnmf_source_options *options,
                                int64_t least, dnmf_delimiter *delimiter, bool *found);

/* Splits a line of the head: the caller frees *fields. local */
dnmf_status dnmf_text_split_all(dnmf_error *error, const dnmf_delimiter *delimiter, dnmf_text_line line,
                                dnmf_field **fields, int64_t *count);

#endif
