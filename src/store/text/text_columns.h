/*
 * How a file of triples is laid out: delimiter, header, and which columns hold row ids, column ids and values.
 */
#ifndef DNMF_STORE_TEXT_COLUMNS_H
#define DNMF_STORE_TEXT_COLUMNS_H

#include "store/ids/interner.h"
#include "store/source.h"
#include "store/text/text_field.h"
#include "store/text/text_file.h"

enum { DNMF_ROLE_ROW = 0, DNMF_ROLE_COL, DNMF_ROLE_VALUE, DNMF_ROLES, DNMF_PAIR_ROLES = DNMF_ROLE_VALUE };
enum { DNMF_TAKEN_TEXT = 256 };

typedef struct dnmf_text_columns {
  dnmf_dialect dialect;
  int64_t count;             /* of columns, on every line */
  int64_t place[DNMF_ROLES]; /* counted from 0; the value's is -1 when it is not looked for, */
  bool counted;              /* or when there are no values, and each line counts 1 */
  bool guessed;              /* as there are two columns, and no option and no name of rows says what they are */
  int64_t time;              /* the place of the time; -1: it is not looked at */
  dnmf_text_place data;      /* where the first triple is */
  char taken[DNMF_TAKEN_TEXT];
} dnmf_text_columns;

/* Decides on the head of the file, from the options and the names and values found there: for triples with `roles`
 * DNMF_ROLES, for pairs, which need no value, with DNMF_PAIR_ROLES. Messages name file and line. local, with the
 * same result on every process */
dnmf_status dnmf_text_columns_find(dnmf_error *error, const dnmf_text_file *file, const dnmf_source_options *options,
                                   int roles, dnmf_text_columns *columns);

/* The number of the id that a field holds; `what` is "row" or "column". local */
dnmf_status dnmf_text_id(dnmf_error *error, dnmf_interner *ids, const char *what, dnmf_field *field, int64_t *number);

/* Whether the fields of a first line name a row id and a column id, each by a usual name; of triples a value too. local
 */
bool dnmf_text_names_triples(dnmf_field *fields, int64_t count, int roles);

/* Whether the first lines can only be rows of a table: numbers alone, with fractions where triples have ids, or nine
 * and more in a line; or numbers below and behind names, as R and most programs write them. local */
bool dnmf_text_is_table(const dnmf_text_file *file, const dnmf_dialect *dialect);

/* Whether a name is one that people and tools give to ids, of rows or of columns. local */
bool dnmf_text_names_ids(const dnmf_field *name);

/* Whether it is one that the names of a table's rows have, but users and items do not: "gene", "id". local */
bool dnmf_text_names_table_ids(const dnmf_field *name);

/* Whether it is one that times have. local */
bool dnmf_text_names_time(const dnmf_field *name);

/* Whether a name is a usual one of any column of triples. local */
bool dnmf_text_names_triple(dnmf_field *name);

/* What the options say of the dialect, and the delimiter they name, or the one found for lines of `least` fields or
 * more; *found is false when there is none. local */
dnmf_status dnmf_text_dialect(dnmf_error *error, const dnmf_text_file *file, const dnmf_source_options *options,
                              int64_t least, dnmf_dialect *dialect, bool *found);

/* The first given of the options that only triples and tables have, "--delimiter"; NULL: none was. local */
const char *dnmf_text_fields_option(const dnmf_source_options *options);

/* Passes over the lines that begin with # or % before the first line of data: from now on such lines are data. A line
 * that is written as the data are is data itself. For texts without comments of their own. local */
dnmf_status dnmf_text_begin(dnmf_error *error, const dnmf_source_options *options, dnmf_text_file *file);

/* After a file could not be read: when that may be because quoted fields hold line breaks, *again is true, the error is
 * forgotten, and the file is joined, to be read again. collective */
dnmf_status dnmf_text_join_after(dnmf_context *context, const dnmf_source_options *options, dnmf_text_file *file,
                                 bool *again);

/* Splits a line of the head, which stays as it is: the caller frees *fields, in one block with their text. local */
dnmf_status dnmf_text_split_all(dnmf_error *error, const dnmf_dialect *dialect, dnmf_text_line line,
                                dnmf_field **fields, int64_t *count);

#endif
