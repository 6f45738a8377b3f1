/*
 * The partitioned matrix A: one block a process, dense or sparse, double or single.
 *
 * Dense: row-major, contiguous. Sparse: compressed rows and, where it pays (product.h), beside them the
 * compressed rows of the transpose; local indices are 32-bit. Values are nonnegative and
 * finite; they are numbers of the matrix's precision, that of panels and arithmetic, or kept in a narrower type that
 * represents each of them exactly.
 */
#ifndef DNMF_MATRIX_H
#define DNMF_MATRIX_H

#include "base/number.h"
#include "comm/grid.h"
#include "matrix/bundles.h"
#include "matrix/csr.h"

/* What an entry that is not stored means. */
typedef enum dnmf_missing { DNMF_MISSING_ZERO = 0, DNMF_MISSING_UNOBSERVED = 1 } dnmf_missing;

/* "zero" or "unobserved", as files and options say it. */
static inline const char *dnmf_missing_name(dnmf_missing missing) {
  return missing == DNMF_MISSING_ZERO ? "zero" : "unobserved";
}

typedef struct dnmf_entry {
  int64_t row; /* global */
  int64_t col;
  double value;
} dnmf_entry;

/* Entries in an array: process by process in file order, wherever they belong. */
typedef struct dnmf_entries {
  int64_t count; /* held here */
  dnmf_entry *items;
} dnmf_entries;

/* A reader's next entries on this process, in file order: at most `limit`, which is at least 2, into `batch`. *count
 * is 0 when there are no more, and only then. Entries are file order process by process. local */
typedef dnmf_status (*dnmf_next_entries)(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit,
                                         int64_t *count);

typedef struct dnmf_matrix {
  /* The same on every process. */
  int64_t rows;
  int64_t cols;
  int64_t stored; /* entries stored: rows * cols when dense */
  bool sparse;
  dnmf_precision precision;
  dnmf_number narrow; /* the type that values are kept in; 0: numbers of the precision */
  double sum;
  double sum_squares;
  uint64_t checksum;  /* of the nonzero entries, independent of partition, storage and precision */
  int64_t empty_rows; /* without a nonzero entry */
  int64_t empty_cols;
  int64_t duplicates; /* entries merged into another while loading */
  int64_t unknown;    /* cells taken out, whose values nobody knows: not in the sums (fit/held_cells.h) */

  /* This process's block. */
  dnmf_range row_range;
  dnmf_range col_range;
  void *dense;      /* row-major, size(row_range) x size(col_range); NULL when sparse */
  dnmf_csr by_rows; /* sparse only; without arrays where the block is in bundles */
  dnmf_csr by_cols; /* the transpose of by_rows; without arrays where the block is held by rows alone, or in bundles */
  dnmf_bundles bundles; /* of rows, in place of both: what products alone need; else without arrays */
  dnmf_csr missing; /* dense: places of cells without a value, where zeros stand (missing_cells.h); else no arrays */

  struct dnmf_figures *figures; /* what has been found out about the values while they are loaded; NULL: nothing */
} dnmf_matrix;

/* The mean of the cells whose values are known. local */
static inline double dnmf_matrix_mean(const dnmf_matrix *matrix) {
  return matrix->sum / ((double)matrix->rows * (double)matrix->cols - (double)matrix->unknown);
}

/* The type of the block's values. local */
static inline dnmf_number dnmf_matrix_number(const dnmf_matrix *matrix) {
  return dnmf_number_of(matrix->precision, matrix->narrow);
}

/* The values of a block: all of a dense one row by row, the stored entries by rows of a sparse one. local */
static inline const void *dnmf_matrix_values(const dnmf_matrix *matrix) {
  return matrix->sparse ? matrix->by_rows.value : matrix->dense;
}

/* Bytes of a block of rows x cols; `stored` entries when sparse, held by rows alone or by columns too. local */
double dnmf_matrix_bytes(bool sparse, bool by_rows_alone, dnmf_number number, int64_t rows, int64_t cols,
                         double stored);

/* Fails where the blocks of `layout`, and what is found out about their rows and columns while they are read, need more
 * memory than there is (comm/node_memory.h). `stored`: entries of a sparse matrix, 0 where not known. `what` names the
 * data. collective */
dnmf_status dnmf_matrix_check_memory(dnmf_context *context, const char *what, const dnmf_layout *layout, bool sparse,
                                     bool by_rows_alone, dnmf_number number, double stored);

/* A dense block of zeros in this process's place in `layout`, in the type `narrow` if that is narrower than the
 * precision (0: in its numbers); the caller fills `dense` and then calls dnmf_matrix_finish. Released with
 * dnmf_matrix_free. local */
dnmf_status dnmf_matrix_allocate_dense(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                       dnmf_number narrow, dnmf_matrix *matrix);

/* The same with its numbers not set, for a caller who sets them all. local */
dnmf_status dnmf_matrix_allocate_unset(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                       dnmf_number narrow, dnmf_matrix *matrix);

/* Takes the entries from `next` batch by batch, sends each to the process whose block holds it, and builds the blocks
 * there: beside a sparse block in the making wait at most as many entries as it will have, 16 bytes each (12 in single
 * precision), and a batch or two. Indices must lie inside the layout. A dense matrix takes each place at most once:
 * `duplicates` is for sparse ones. Still needs dnmf_matrix_finish. collective */
dnmf_status dnmf_matrix_assemble(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                 bool sparse, dnmf_duplicates duplicates, dnmf_next_entries next, void *state,
                                 dnmf_matrix *matrix);

/* The entries of one process, in parts that threads take each by itself; all of a part come before those of the next.
 * Every part is walked twice to its end, first to look at it, then to take what there is out of it. */
typedef struct dnmf_entry_parts {
  void *state;
  int count;
  int64_t (*next)(void *state, int part, bool takes, dnmf_entry *batch, int64_t limit); /* `limit` at least 2; 0: end */
} dnmf_entry_parts;

/* What is built of entries. */
typedef enum dnmf_assembly {
  DNMF_ASSEMBLE_BOTH = 0, /* as dnmf_matrix_assemble */
  DNMF_ASSEMBLE_ROWS,     /* as dnmf_matrix_assemble_rows */
  DNMF_ASSEMBLE_RATINGS   /* as dnmf_matrix_assemble_ratings */
} dnmf_assembly;

/* The same sparse matrix on the one process of the context, straight from parts, its threads taking one each. local:
 * there are no others */
dnmf_status dnmf_matrix_assemble_parts(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                       dnmf_assembly kind, dnmf_duplicates duplicates, const dnmf_entry_parts *parts,
                                       dnmf_matrix *matrix);

/* The same without by_cols. collective */
dnmf_status dnmf_matrix_assemble_rows(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                      bool sparse, dnmf_duplicates duplicates, dnmf_next_entries next, void *state,
                                      dnmf_matrix *matrix);

/* A sparse block for a fit of observed entries: by rows alone, its values kept as dnmf_matrix_narrow keeps them, but
 * narrowed on their way into the block. `layout` has one column of processes; if `balanced`, its row bounds become
 * those of ranges with about the same number of entries each. collective */
dnmf_status dnmf_matrix_assemble_ratings(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                         bool balanced, dnmf_duplicates duplicates, dnmf_next_entries next, void *state,
                                         dnmf_matrix *matrix);

/* A dense block, in the type `narrow`, which represents every value, if that is narrower than the precision (0: in its
 * numbers). collective */
dnmf_status dnmf_matrix_assemble_dense(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                       dnmf_number narrow, dnmf_next_entries next, void *state, dnmf_matrix *matrix);

/* Holds a finished sparse block in bundles of rows, in place of by_rows and by_cols: what takes the entries of a matrix
 * one by one takes them before. collective */
dnmf_status dnmf_matrix_bundle(dnmf_context *context, dnmf_matrix *matrix);

/* Both orders from entries in an array, which is consumed (freed, also on failure). collective */
dnmf_status dnmf_matrix_from_entries(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                     bool sparse, dnmf_duplicates duplicates, dnmf_entries *entries,
                                     dnmf_matrix *matrix);

/* For a dense block that is read part by part: lets dnmf_matrix_look find out, while a part is in cache, what
 * dnmf_matrix_finish would otherwise read the block again for. local */
dnmf_status dnmf_matrix_look_begin(dnmf_context *context, dnmf_matrix *matrix);

/* Looks at some columns of some rows of the block, counted in it, which are in place. Every row must be looked at from
 * its first column on to its last. Threads of an OpenMP team of at most context->threads may each look at rows of their
 * own. local */
void dnmf_matrix_look(const dnmf_context *context, const dnmf_matrix *matrix, dnmf_range rows, dnmf_range cols);

/* Checks that all values are finite and nonnegative (the message names row and column, counted from 0) and
 * fills the global figures. collective */
dnmf_status dnmf_matrix_finish(dnmf_context *context, const dnmf_layout *layout, dnmf_matrix *matrix);

/* Keeps the values of a finished sparse matrix in the narrowest type that represents each of them exactly, the same on
 * every process: bytes, bytes of halves, uint16, float; a dense one stays as it is. collective */
dnmf_status dnmf_matrix_narrow(dnmf_context *context, dnmf_matrix *matrix);

/* Fails on a zero of this process's block, stored or not, naming its row and column: for losses that are infinite
 * there. local */
dnmf_status dnmf_matrix_require_positive(dnmf_context *context, const dnmf_matrix *matrix);

/* The same check and figures for a matrix that is seen in blocks of whole rows, never held as a whole. Adds one
 * block's to `whole` (its shape set, the rest zero before the first block) and marks the columns with a nonzero entry
 * in `col_seen` (one byte a column). local */
dnmf_status dnmf_matrix_add_figures(dnmf_context *context, dnmf_matrix *block, dnmf_matrix *whole, uint8_t *col_seen);

/* After every process's last block: the figures become those of all. `col_seen` is overwritten. collective */
dnmf_status dnmf_matrix_total_figures(dnmf_context *context, dnmf_matrix *whole, uint8_t *col_seen);

/* A walk over this process's entries, row by row: those stored, and of a dense matrix, which has no other way to
 * leave a place out, those that are not zero. Begin with {matrix, 0, 0}. */
typedef struct dnmf_matrix_walk {
  const dnmf_matrix *matrix;
  int64_t row; /* local */
  int64_t at;  /* number of the row's next entry, counted in the block */
} dnmf_matrix_walk;

/* As dnmf_next_entries, `walk` a dnmf_matrix_walk. local */
dnmf_status dnmf_matrix_walk_next(dnmf_error *error, void *walk, dnmf_entry *batch, int64_t limit, int64_t *count);

/* A walk over entries in an array, which is freed with the last of them. Begin with {entries, 0}. */
typedef struct dnmf_entries_walk {
  dnmf_entries *entries;
  int64_t at;
} dnmf_entries_walk;

/* As dnmf_next_entries, `walk` a dnmf_entries_walk. local */
dnmf_status dnmf_entries_walk_next(dnmf_error *error, void *walk, dnmf_entry *batch, int64_t limit, int64_t *count);

/* All of them, for another layout. Released with dnmf_entries_free. local */
dnmf_status dnmf_matrix_to_entries(dnmf_context *context, const dnmf_matrix *matrix, dnmf_entries *entries);

void dnmf_matrix_free(dnmf_matrix *matrix); /* local; accepts a zeroed matrix */
void dnmf_entries_free(dnmf_entries *entries);

#endif
