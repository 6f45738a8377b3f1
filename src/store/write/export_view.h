/*
 * What is exported, in one form for matrices and panels: this process's rows, and the ids of them and of all columns.
 */
#ifndef DNMF_STORE_EXPORT_VIEW_H
#define DNMF_STORE_EXPORT_VIEW_H

#include "store/file.h"
#include "store/write/text_sink.h"

typedef struct dnmf_export_view {
  const char *path;
  int64_t rows; /* over all processes */
  int64_t cols;
  int64_t stored;
  dnmf_range range; /* rows held here */
  dnmf_precision precision;
  dnmf_number number;  /* of the values here; text and arrays have numbers of the precision */
  bool components;     /* columns are called component0, component1, ... */
  const void *dense;   /* row-major; NULL when sparse */
  const dnmf_csr *csr; /* NULL when dense */
  void *scratch;       /* one row written out, of a sparse or narrow matrix */
  dnmf_ids row_ids;    /* of range; owned */
  dnmf_ids col_ids;    /* of all columns; owned */
} dnmf_export_view;

/* Number `at` of a row that dnmf_export_row wrote out. */
static inline double dnmf_export_value(const dnmf_export_view *view, const void *row, int64_t at) {
  return dnmf_number_at((dnmf_number)view->precision, row, at);
}

/* Value `at` of the view's dense or sparse ones. */
static inline double dnmf_export_stored(const dnmf_export_view *view, int64_t at) {
  return dnmf_number_at(view->number, view->csr ? view->csr->value : view->dense, at);
}

/* Row `local` with its zeros, in numbers of the precision; valid until the next call. */
const void *dnmf_export_row(const dnmf_export_view *view, int64_t local);

/* A format: `head` is put by process 0, `row` for each row by its process. */
typedef struct dnmf_export_writer {
  void (*head)(const dnmf_export_view *view, dnmf_sink *sink);
  void (*row)(const dnmf_export_view *view, int64_t local, dnmf_sink *sink);
} dnmf_export_writer;

/* The error of a failed write. local */
dnmf_status dnmf_export_check(dnmf_context *context, const dnmf_export_view *view, int failed);

#endif
