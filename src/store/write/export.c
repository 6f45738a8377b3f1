/* Ids to where they are needed, the file opened by all, the format's rows written in parallel. */
#include "base/memory.h"
#include "comm/collective.h"
#include "store/ids/ids_fetch.h"
#include "store/write/export_array.h"
#include "store/write/export_npz.h"
#include "store/write/export_text.h"
#include "store/write/shared_text.h"

#include <inttypes.h>
#include <stdlib.h>

/* Beyond this many cells, writing out the zeros of a sparse matrix is surely a mistake. */
static const int64_t MOST_CELLS = INT64_C(1) << 31;

typedef struct part {
  const dnmf_export_view *view;
  const dnmf_export_writer *writer;
} part;

static void put_rows(dnmf_context *context, const void *state, dnmf_sink *sink) {
  const part *p = state;
  if (context->rank == 0)
    p->writer->head(p->view, sink);
  for (int64_t i = 0; i < dnmf_range_size(p->view->range); i++)
    p->writer->row(p->view, i, sink);
}

static const dnmf_export_writer *writer_of(dnmf_export_format format, const dnmf_export_view *view) {
  switch (format) {
  case DNMF_EXPORT_TRIPLES:
    return &dnmf_export_triples;
  case DNMF_EXPORT_CSV:
    return &dnmf_export_table;
  case DNMF_EXPORT_NPY:
    return &dnmf_export_npy;
  case DNMF_EXPORT_NPZ:
    return NULL;
  case DNMF_EXPORT_MATRIX_MARKET:
    break;
  }
  return view->csr ? &dnmf_export_coordinate : NULL;
}

static dnmf_status write_file(dnmf_context *context, const dnmf_export_view *view, dnmf_export_format format,
                              dnmf_sink *sink) {
  int file = -1;
  part rows = {view, writer_of(format, view)};
  dnmf_status status = dnmf_shared_open(context, view->path, &file);
  if (status == DNMF_OK)
    status = rows.writer                 ? dnmf_shared_parts(context, view->path, file, put_rows, &rows, sink)
             : format == DNMF_EXPORT_NPZ ? dnmf_export_npz(context, view, file)
                                         : dnmf_export_array(context, view, file, sink);
  return dnmf_shared_close(context, view->path, file, status);
}

static dnmf_status check_cells(dnmf_context *context, const dnmf_export_view *view, dnmf_export_format format) {
  bool all_cells = format == DNMF_EXPORT_CSV || format == DNMF_EXPORT_NPY;
  if (view->csr && all_cells && view->rows > 0 && view->cols > MOST_CELLS / view->rows)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                     "%s would hold all %" PRId64 " x %" PRId64
                     " cells of a sparse matrix; export it as triples or Matrix Market instead",
                     view->path, view->rows, view->cols);
  return DNMF_OK;
}

/* Makes the buffers and fetches the ids that the format prints; then writes. Consumes the view. collective */
static dnmf_status export_view(dnmf_context *context, dnmf_export_view *view, dnmf_export_format format,
                               const dnmf_ids *row_ids, const dnmf_ids *col_ids) {
  void *sink = NULL;
  dnmf_range all_cols = {0, view->cols};
  dnmf_range no_cols = {0, 0};
  bool triples = format == DNMF_EXPORT_TRIPLES;
  bool named = triples || format == DNMF_EXPORT_CSV;
  dnmf_status status = check_cells(context, view, format);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "an output buffer", 1, sizeof(dnmf_sink), &sink);
  if (status == DNMF_OK && (view->csr || view->number != (dnmf_number)view->precision))
    status = dnmf_allocate(&context->error, "a row of the matrix", view->cols, dnmf_precision_size(view->precision),
                           &view->scratch);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK && named && row_ids)
    status = dnmf_agree(context, dnmf_ids_fetch(context, row_ids, view->range, &view->row_ids));
  if (status == DNMF_OK && named && col_ids)
    status = dnmf_agree(
        context, dnmf_ids_fetch(context, col_ids, triples || context->rank == 0 ? all_cols : no_cols, &view->col_ids));
  if (status == DNMF_OK)
    status = write_file(context, view, format, sink);
  dnmf_ids_free(&view->row_ids);
  dnmf_ids_free(&view->col_ids);
  free(view->scratch);
  free(sink);
  return status;
}

dnmf_status dnmf_matrix_export(dnmf_context *context, const char *path, dnmf_export_format format,
                               const dnmf_matrix *matrix, const dnmf_ids *row_ids, const dnmf_ids *col_ids) {
  dnmf_export_view view = {.path = path,
                           .rows = matrix->rows,
                           .cols = matrix->cols,
                           .stored = matrix->sparse ? matrix->by_rows.start[dnmf_range_size(matrix->row_range)] : 0,
                           .range = matrix->row_range,
                           .precision = matrix->precision,
                           .number = dnmf_matrix_number(matrix),
                           .dense = matrix->dense,
                           .csr = matrix->sparse ? &matrix->by_rows : NULL};
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &view.stored, 1));
  return export_view(context, &view, format, row_ids, col_ids);
}

dnmf_status dnmf_panel_export(dnmf_context *context, const char *path, dnmf_export_format format,
                              const dnmf_panel *panel, const dnmf_ids *ids) {
  int64_t before = 0;
  dnmf_export_view view = {
      .path = path, .cols = panel->components, .precision = panel->precision, .components = true, .dense = panel->data};
  view.number = (dnmf_number)panel->precision;
  DNMF_TRY(dnmf_exscan_int64(context, panel->rows, &before, &view.rows));
  view.range.begin = before;
  view.range.end = before + panel->rows;
  return export_view(context, &view, format, ids, NULL);
}
