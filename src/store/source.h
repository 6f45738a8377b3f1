/*
 * A source: any file that holds a matrix. Opening finds its format, shape and ids; loading puts its entries
 * on the processes of a layout.
 *
 * A name is a path, or FILE.h5:/path/in/file for a dataset or group inside HDF5, FILE.npz:/name for an array. Text is
 * parsed by all processes at once, each its own byte range, and unpacked by one of them first where it is compressed;
 * HDF5 and NumPy arrays are read by blocks.
 */
#ifndef DNMF_SOURCE_H
#define DNMF_SOURCE_H

#include "matrix/ids.h"
#include "matrix/matrix.h"
#include "matrix/ratings.h"
#include "store/selection.h"

typedef enum dnmf_format {
  DNMF_FORMAT_AUTO = 0,
  DNMF_FORMAT_HDF5,
  DNMF_FORMAT_TRIPLES,       /* a row, a column and a value a line */
  DNMF_FORMAT_TABLE,         /* a row of the matrix a line */
  DNMF_FORMAT_MATRIX_MARKET, /* coordinate or array */
  DNMF_FORMAT_SVMLIGHT,      /* a label and column:value pairs a line */
  DNMF_FORMAT_NPY,           /* a NumPy array */
  DNMF_FORMAT_NPZ,           /* a NumPy archive, also of a SciPy sparse matrix */
  DNMF_FORMAT_DOCWORD        /* a bag of words: three lines of header, then a document, a word and a count a line */
} dnmf_format;

typedef enum dnmf_header { DNMF_HEADER_AUTO = 0, DNMF_HEADER_YES, DNMF_HEADER_NO } dnmf_header;

/* The number of the first column where columns are numbered. */
typedef enum dnmf_index_base { DNMF_INDEX_AUTO = 0, DNMF_INDEX_FROM_0, DNMF_INDEX_FROM_1 } dnmf_index_base;

enum { DNMF_SOURCE_NOTE = 512 /* bytes */ };

/* Which rows and columns take part; zeroed: all. Rows are chosen by number, counted from 0 in the order of the matrix
 * (triples: sorted by id), and by id; both must hold. Then rows and columns with too few entries are dropped, again
 * and again until all that are left have enough. What is left keeps its order, and its ids; where there were none,
 * ids are the numbers in the file. */
typedef struct dnmf_select_options {
  const char *rows; /* "A:B": A up to and without B, either may be left out; NULL: all */
  const char *cols;
  const char *row_ids; /* a file with an id a line, each of which must be there; NULL: all */
  const char *col_ids;
  int64_t min_row_count; /* entries (stored ones; of a dense matrix those that are not 0) */
  int64_t min_col_count;
  const char *feature_type; /* of 10x Genomics, "Gene Expression": features of that type; NULL: all */
} dnmf_select_options;

/* True when any of them is given. local */
bool dnmf_selects(const dnmf_select_options *select);

/* What becomes of single cells; see cells.h. */
typedef struct dnmf_cell_rule {
  bool leave_out;   /* cells without a value are unobserved; else they are errors */
  bool marked;      /* a number is the mark of a cell without a value: */
  double marker;    /* this one */
  const char *text; /* the mark as it was given, which text may hold; NULL: none; not owned */
  double add;       /* to every value that there is */
} dnmf_cell_rule;

/* Seconds since 1970, some 3200 years before: values are not negative. */
static const double DNMF_FIRST_TIME = -1e11;

typedef struct dnmf_source_options {
  dnmf_format format;
  dnmf_header header;
  int64_t skip_lines;    /* of the file, before anything is read */
  const char *delimiter; /* ",", "tab", "::", "blank", ...; NULL: found from the first lines */
  const char *quote;     /* the character that quotes fields, or "none"; NULL: " */
  const char *escape;  /* the character before one of a quoted field that is meant as it is; NULL: quotes are doubled */
  const char *decimal; /* "." or ",", the decimal mark; the other one then groups thousands. NULL: a point, no groups */
  const char *row_column; /* header name or 1-based number; NULL: by name, else 1, 2, 3; of a table also "none" */
  const char *col_column;
  const char *value_column;   /* "none": each line counts 1 */
  const char *time_column;    /* of repeated entries the latest counts; NULL: not looked at */
  bool times_as_values;       /* of triples with a time column: an entry's value is its time after DNMF_FIRST_TIME */
  dnmf_index_base index_base; /* svmlight; auto: 0 where it occurs, else 1 */
  int64_t svmlight_cols; /* that an svmlight file has at least, as the model it is read for has; 0: as many as occur */
  bool transpose;        /* what the file holds is the transpose of the matrix */
  const char *feature_names; /* what features are called by: "id" (NULL), "name", or another list of the file */
  const char *row_names;     /* a file with a name a line, for each row; NULL: as the input has them */
  const char *col_names;
  bool missing_given;        /* else what is not stored is as the format has it, and cells without a value are errors */
  dnmf_missing missing;      /* what is not stored, and cells without a value: see cells.h */
  const char *missing_value; /* marks a cell without a value, which makes it unobserved; NULL: no mark */
  double add;                /* to every value that there is */
  bool shared;           /* the options are those of another file too: what does not concern this one is passed over */
  bool for_model;        /* it is matched to a model, which tells what rows and columns are */
  bool look_only;        /* it will not be loaded: values of arrays are not looked at */
  bool duplicates_given; /* else: last for triples, sum for the rest */
  dnmf_duplicates duplicates;
  dnmf_select_options select;
} dnmf_source_options;

/* Values are strengths, as of plays and clicks: repeated entries add up, unless said otherwise. */
static inline void dnmf_source_add_repeats(dnmf_source_options *options) {
  if (options->duplicates_given || options->time_column)
    return;
  options->duplicates_given = true;
  options->duplicates = DNMF_DUPLICATES_SUM;
}

typedef struct dnmf_source dnmf_source;
struct dnmf_source {
  /* The same on every process. */
  char *name;
  const char *format;          /* for people: "rating triples", "HDF5 sparse group (csr)", ... */
  char note[DNMF_SOURCE_NOTE]; /* for people, in lines: what was taken for ids and values, what else is to be known of
                                  the file; empty: nothing */
  char type[32];               /* of the stored values: "float64", "int8", "text" */
  dnmf_number narrow; /* the narrowest type that represents whatever the file may hold, where it tells; a dense matrix
                         is loaded in it. 0: known when it is loaded, if then */
  int64_t rows;
  int64_t cols;
  int64_t stored; /* as declared or counted, before duplicates are merged; -1: not known before it is loaded */
  bool sparse;
  bool by_rows; /* a range of rows can be read by itself (row_blocks.h), */
  bool by_cols; /* or of columns */
  dnmf_missing missing;
  bool has_missing; /* cells without a value were found: they are unobserved, and all other cells stored entries, zeros
                       too (cells.h) */
  dnmf_duplicates duplicates;
  dnmf_ids row_ids; /* owned by the source; a caller may move them out and set kind NONE */
  dnmf_ids col_ids;
  bool ids_from_entries; /* rows and columns are those that entries name, in the order of their ids */
  bool has_features;     /* rows, or columns, are features of cells (genes) */
  bool features_in_cols;
  dnmf_ids feature_types;     /* of the features; kind NONE: they have none */
  dnmf_index_base index_base; /* of the columns of an svmlight file, as it or what was imported from it says */

  bool rows_alone; /* set by who loads: a sparse matrix is wanted by rows only, without by_cols, */
  bool as_ratings; /* or as dnmf_matrix_assemble_ratings makes it, balanced */
  bool transposed; /* the file holds the columns of this matrix as rows; shape and ids above are the matrix's */

  /* Set by the reader of the format. */
  dnmf_status (*load)(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout, dnmf_precision precision,
                      dnmf_matrix *matrix);
  void (*close)(dnmf_source *source);
  void *state;
  bool selects; /* load looks at the selection */
  bool is_text; /* the reader has applied the rule for cells without a value */

  dnmf_cell_rule rule; /* for the entries of a sparse source while it is loaded */

  dnmf_selection *selection; /* of rows and columns of the file; NULL: all */
};

/* Fails with the reason, and for HDF5 with what the file does hold. Released with dnmf_source_close, also
 * when opening failed. collective */
dnmf_status dnmf_source_open(dnmf_context *context, const char *name, const dnmf_source_options *options,
                             dnmf_source *source);

/* The matrix, checked and complete (dnmf_matrix_finish included). A source is loaded once. collective */
dnmf_status dnmf_source_load(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout,
                             dnmf_precision precision, dnmf_matrix *matrix);

/* After a failure that all processes share: a message that begins with the numbers of a value's row and column (matrix/
 * figures.h) calls them by their ids, where there are any. Returns the failure's status. collective */
dnmf_status dnmf_source_name_place(dnmf_context *context, const dnmf_source *source);

/* Puts the file's name before what the matrix layer, which does not know it, says of bad data. local */
void dnmf_source_name_error(dnmf_error *error, const dnmf_source *source);
/* The stored entries as ratings, each read once and sent to the owners of its row and its column; of a dense matrix
 * those that are not 0. With a split a share of them is `held_out` instead (else it is left alone). *figures is what
 * dnmf_source_load would find out about the whole matrix, entries held out included, without a block. All three are
 * released also after a failure. collective */
dnmf_status dnmf_source_load_ratings(dnmf_context *context, dnmf_source *source, dnmf_precision precision,
                                     const dnmf_ratings_split *split, dnmf_matrix *figures, dnmf_ratings *ratings,
                                     dnmf_ratings_view *held_out);

void dnmf_source_close(dnmf_source *source); /* collective; accepts a zeroed source */

/* Bytes of `name` that name the file; what follows, if anything, is ':' and a path inside it. FILE:/INNER is parted at
 * the first ":/" behind an existing file, else at the first. `name` is changed meanwhile. local */
int64_t dnmf_source_path_length(char *name);

#endif
