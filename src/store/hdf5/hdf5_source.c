/* HDF5 as a source: dense datasets by hyperslabs, sparse groups by equal shares of their entries. */
#include "store/hdf5/hdf5_source.h"
#include "base/memory.h"
#include "comm/collective.h"
#include "store/hdf5/hdf5_file.h"
#include "store/hdf5/hdf5_find.h"
#include "store/hdf5/hdf5_sparse.h"
#include "store/readers.h"
#include "store/source_load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What dnmf_load_block reads from. */
typedef struct open_place {
  hid_t file;
  const dnmf_hdf5_place *place;
} open_place;

static dnmf_status hdf5_read_slab(dnmf_context *context, void *state, const dnmf_slab *slab, dnmf_number number,
                                  void *buffer) {
  const open_place *from = state;
  return dnmf_hdf5_read_values(context, from->file, from->place->name, &from->place->packing, slab, number, buffer);
}

/* This process's block, straight into place, from a file that has the numbers as they are wanted; else HDF5 converts
 * and unpacks them. */
static dnmf_status hdf5_load_dense(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                                   dnmf_precision precision, dnmf_matrix *matrix) {
  const dnmf_hdf5_state *state = source->state;
  open_place from = {-1, &state->place};
  DNMF_TRY(dnmf_agree(context, dnmf_matrix_allocate_unset(context, layout, precision, source->narrow, matrix)));
  DNMF_TRY(dnmf_hdf5_open(context, state->path, false, &from.file));
  dnmf_plain_rows plain = dnmf_no_plain_rows();
  if (!state->place.packing.used)
    plain = dnmf_plain_rows_of_hdf5(state->path, from.file, state->place.name, dnmf_matrix_number(matrix));
  dnmf_status status = dnmf_load_block(context, source, hdf5_read_slab, &from, &plain, true, matrix);
  dnmf_plain_rows_close(&plain);
  return dnmf_hdf5_close(context, state->path, false, from.file, status);
}

/* The lines of a sparse group, rows or columns, that hold what is selected. */
static dnmf_range selected_lines(const dnmf_source *source, const dnmf_hdf5_place *place) {
  if (!source->selection)
    return (dnmf_range){0, place->by_columns ? place->cols : place->rows};
  return place->by_columns != source->transposed ? source->selection->cols.hull : source->selection->rows.hull;
}

static dnmf_status load_sparse(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                               dnmf_precision precision, dnmf_matrix *matrix) {
  const dnmf_hdf5_state *state = source->state;
  dnmf_hdf5_entries reader = {0};
  hid_t file = -1;
  DNMF_TRY(dnmf_hdf5_open(context, state->path, false, &file));
  dnmf_status status =
      dnmf_hdf5_entries_open(context, state->path, file, &state->place, selected_lines(source, &state->place), &reader);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_load_entries(context, source, layout, precision, dnmf_hdf5_next_entries, &reader, matrix);
  dnmf_hdf5_entries_free(&reader);
  return dnmf_hdf5_close(context, state->path, false, file, status);
}

static dnmf_status hdf5_load(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout,
                             dnmf_precision precision, dnmf_matrix *matrix) {
  if (source->sparse)
    return load_sparse(context, source, layout, precision, matrix);
  return hdf5_load_dense(context, source, layout, precision, matrix);
}

static void hdf5_close_source(dnmf_source *source) {
  dnmf_hdf5_state *state = source->state;
  if (state)
    free(state->path);
  free(state);
  source->state = NULL;
}

/* Process 0 alone looks, so that a file is searched once and there is one message. */
static dnmf_status find_place(dnmf_context *context, const char *path, const char *inner, const char *feature_names,
                              dnmf_hdf5_place *place) {
  dnmf_status status = DNMF_OK;
  if (context->rank == 0) {
    hid_t file = -1;
    dnmf_reading_begin(context, path, DNMF_LOOK_SECONDS);
    status = dnmf_hdf5_open_alone(&context->error, path, &file);
    if (status == DNMF_OK)
      status = dnmf_hdf5_find(&context->error, path, file, inner, feature_names, place);
    status = dnmf_hdf5_close_alone(&context->error, path, file, status);
    dnmf_reading_end(context);
  }
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_broadcast(context, place, (int64_t)sizeof *place, 0);
}

static dnmf_status hdf5_read_ids(dnmf_context *context, const dnmf_hdf5_state *state, dnmf_source *source) {
  const dnmf_hdf5_place *place = &state->place;
  hid_t file = -1;
  dnmf_status status = DNMF_OK;
  if (!*place->row_ids.name && !*place->col_ids.name && !*place->feature_types.name)
    return DNMF_OK;
  DNMF_TRY(dnmf_hdf5_open(context, state->path, false, &file));
  if (*place->row_ids.name)
    status = dnmf_ids_read_place(context, state->path, file, &place->row_ids, place->rows, &source->row_ids);
  if (*place->col_ids.name && status == DNMF_OK)
    status = dnmf_ids_read_place(context, state->path, file, &place->col_ids, place->cols, &source->col_ids);
  if (*place->feature_types.name && status == DNMF_OK)
    status = dnmf_ids_read_place(context, state->path, file, &place->feature_types,
                                 place->features_in_cols ? place->cols : place->rows, &source->feature_types);
  return dnmf_hdf5_close(context, state->path, false, file, status);
}

dnmf_status dnmf_open_hdf5(dnmf_context *context, const char *path, const char *inner,
                           const dnmf_source_options *options, dnmf_source *source) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(&context->error, "the source", 1, sizeof(dnmf_hdf5_state), &memory);
  dnmf_hdf5_state *state = memory;
  source->state = state;
  source->load = hdf5_load;
  source->selects = true;
  source->close = hdf5_close_source;
  if (status == DNMF_OK && !(state->path = strdup(path)))
    status = dnmf_fail(&context->error, DNMF_ERROR_MEMORY, "not enough memory for a file name");
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(find_place(context, path, inner, options->feature_names, &state->place));
  const dnmf_hdf5_place *place = &state->place;
  source->format = !place->sparse      ? "HDF5 dataset"
                   : place->by_columns ? "HDF5 sparse group (csc)"
                                       : "HDF5 sparse group (csr)";
  snprintf(source->type, sizeof source->type, "%s", place->type);
  source->narrow = place->narrow;
  source->rows = place->rows;
  source->cols = place->cols;
  source->stored = place->stored;
  source->sparse = place->sparse;
  source->transposed = place->transposed;
  source->by_rows = !place->by_columns;
  source->by_cols = !place->sparse || place->by_columns;
  source->missing = place->missing;
  if (place->missing_cells >= 0) {
    source->has_missing = true;
    source->narrow = 0;
    if (options->missing_given && options->missing == DNMF_MISSING_ZERO)
      return dnmf_agree(context, dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                                           "%s is a dense matrix of which %" PRId64
                                           " cells have no value, which are no zeros; leave --missing zero out",
                                           path, place->missing_cells));
  }
  source->has_features = place->has_features;
  source->features_in_cols = place->features_in_cols;
  snprintf(source->note, sizeof source->note, "%s", place->note);
  if (place->index_base >= 0)
    source->index_base = place->index_base == 0 ? DNMF_INDEX_FROM_0 : DNMF_INDEX_FROM_1;
  return hdf5_read_ids(context, state, source);
}
