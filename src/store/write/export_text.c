/* Triples, tables and Matrix Market coordinates, a row at a time. */
#include "store/write/export_text.h"

static void put_col_name(const dnmf_export_view *view, int64_t col, dnmf_sink *sink) {
  if (view->components)
    dnmf_sink_text(sink, "component");
  dnmf_sink_id(sink, &view->col_ids, col);
}

static void triples_head(const dnmf_export_view *view, dnmf_sink *sink) {
  (void)view;
  dnmf_sink_text(sink, "row,column,value\n");
}

static void put_triple(const dnmf_export_view *view, int64_t row, int64_t col, double value, dnmf_sink *sink) {
  dnmf_sink_id(sink, &view->row_ids, row);
  dnmf_sink_text(sink, ",");
  put_col_name(view, col, sink);
  dnmf_sink_text(sink, ",");
  dnmf_sink_number(sink, value, view->precision);
  dnmf_sink_text(sink, "\n");
}

static void triples_row(const dnmf_export_view *view, int64_t local, dnmf_sink *sink) {
  int64_t row = view->range.begin + local;
  if (view->csr) {
    for (int64_t e = view->csr->start[local]; e < view->csr->start[local + 1]; e++)
      put_triple(view, row, view->csr->index[e], dnmf_export_stored(view, e), sink);
    return;
  }
  const void *values = dnmf_export_row(view, local);
  for (int64_t j = 0; j < view->cols; j++)
    put_triple(view, row, j, dnmf_export_value(view, values, j), sink);
}

const dnmf_export_writer dnmf_export_triples = {triples_head, triples_row};

/* Names of rows below an empty corner, names of columns beside it. Where one side has names the other has its numbers:
 * a first column of numbers would be read as values, and a first line of numbers as a row. The columns of a factor have
 * names that tell, and need no numbers of rows. */
static bool has_names(const dnmf_export_view *view) {
  return view->row_ids.kind != DNMF_IDS_NONE || (!view->components && view->col_ids.kind != DNMF_IDS_NONE);
}

static void table_head(const dnmf_export_view *view, dnmf_sink *sink) {
  bool named = has_names(view);
  if (!named && !view->components)
    return;
  for (int64_t j = 0; j < view->cols; j++) {
    if (j > 0 || named)
      dnmf_sink_text(sink, ",");
    put_col_name(view, j, sink);
  }
  dnmf_sink_text(sink, "\n");
}

static void table_row(const dnmf_export_view *view, int64_t local, dnmf_sink *sink) {
  bool named = has_names(view);
  const void *values = dnmf_export_row(view, local);
  if (named)
    dnmf_sink_id(sink, &view->row_ids, view->range.begin + local);
  for (int64_t j = 0; j < view->cols; j++) {
    if (j > 0 || named)
      dnmf_sink_text(sink, ",");
    dnmf_sink_number(sink, dnmf_export_value(view, values, j), view->precision);
  }
  dnmf_sink_text(sink, "\n");
}

const dnmf_export_writer dnmf_export_table = {table_head, table_row};

static void coordinate_head(const dnmf_export_view *view, dnmf_sink *sink) {
  dnmf_sink_text(sink, "%%MatrixMarket matrix coordinate real general\n");
  dnmf_sink_integer(sink, view->rows);
  dnmf_sink_text(sink, " ");
  dnmf_sink_integer(sink, view->cols);
  dnmf_sink_text(sink, " ");
  dnmf_sink_integer(sink, view->stored);
  dnmf_sink_text(sink, "\n");
}

static void coordinate_row(const dnmf_export_view *view, int64_t local, dnmf_sink *sink) {
  for (int64_t e = view->csr->start[local]; e < view->csr->start[local + 1]; e++) {
    dnmf_sink_integer(sink, view->range.begin + local + 1);
    dnmf_sink_text(sink, " ");
    dnmf_sink_integer(sink, (int64_t)view->csr->index[e] + 1);
    dnmf_sink_text(sink, " ");
    dnmf_sink_number(sink, dnmf_export_stored(view, e), view->precision);
    dnmf_sink_text(sink, "\n");
  }
}

const dnmf_export_writer dnmf_export_coordinate = {coordinate_head, coordinate_row};
