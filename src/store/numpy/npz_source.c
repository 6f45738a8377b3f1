/*
 * NumPy archives as sources: one 2-D array of numpy.savez, or a sparse matrix of scipy.sparse.save_npz.
 *
 * Process 0 looks into the archive. Members that are stored as they are, as numpy.savez does, are then read by all
 * processes, each its part; where one is compressed, process 0 reads and hands on batch by batch.
 */
#include "base/memory.h"
#include "comm/collective.h"
#include "store/numpy/array_load.h"
#include "store/numpy/npz_sparse.h"
#include "store/readers.h"
#include "store/source_load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

enum { LISTED = 8, LIST_TEXT = 640, NAME = 256 };

/* What process 0 finds; plain data. */
typedef struct npz_place {
  bool sparse;
  bool sequential;
  char member[NAME]; /* of a dense matrix */
  char format[8];    /* of a sparse one: csr, csc or coo */
  dnmf_npy header;   /* of the array, or of the sparse matrix's values */
  int64_t rows;
  int64_t cols;
} npz_place;

typedef struct npz_state {
  char *path;
  npz_place place;
} npz_state;

static dnmf_status open_archive(dnmf_error *error, const char *path, zip_t **archive) {
  int code = 0;
  *archive = zip_open(path, ZIP_RDONLY, &code);
  if (*archive)
    return DNMF_OK;
  zip_error_t reason;
  zip_error_init_with_code(&reason, code);
  dnmf_status status =
      dnmf_fail(error, DNMF_ERROR_FILE, "cannot open %s as a zip archive: %s", path, zip_error_strerror(&reason));
  zip_error_fini(&reason);
  return status;
}

static bool has(zip_t *archive, const char *member) {
  return zip_name_locate(archive, member, 0) >= 0;
}

/* The single text that SciPy stores: bytes, or characters of 4 bytes in Python 2's way. */
static dnmf_status read_format(dnmf_error *error, const char *path, zip_t *archive, char format[8]) {
  char bytes[32] = "";
  dnmf_array array = {.file = -1, .type = -1};
  dnmf_status status = dnmf_array_open_member(error, path, archive, "format", &array);
  int64_t size = array.header.items * array.header.item_bytes;
  if (status == DNMF_OK && (array.header.rank != 0 || (array.header.kind != 'S' && array.header.kind != 'U') ||
                            size > (int64_t)sizeof bytes || size < 0))
    status = dnmf_array_fail(error, &array, "does not name the format of a sparse matrix");
  if (status == DNMF_OK)
    status = dnmf_array_read_bytes(error, &array, size, bytes);
  int64_t step = array.header.kind == 'U' ? 4 : 1;
  for (int64_t i = 0; status == DNMF_OK && i < 7 && i * step < size; i++)
    format[i] = bytes[i * step];
  dnmf_array_close(&array);
  return status;
}

static dnmf_status read_shape(dnmf_error *error, const char *path, zip_t *archive, npz_place *place) {
  int64_t shape[2] = {0, 0};
  dnmf_array array = {.file = -1, .type = -1};
  dnmf_status status = dnmf_array_open_member(error, path, archive, "shape", &array);
  if (status == DNMF_OK)
    status = dnmf_array_check(error, &array, 1, true);
  if (status == DNMF_OK && array.header.items != 2)
    status = dnmf_array_fail(error, &array, "must have the rows and the columns of a matrix");
  if (status == DNMF_OK)
    status = dnmf_array_read(error, &array, 0, 2, H5T_NATIVE_INT64, shape);
  if (status == DNMF_OK && (shape[0] < 0 || shape[1] < 0))
    status = dnmf_array_fail(error, &array, "is negative");
  place->rows = shape[0];
  place->cols = shape[1];
  dnmf_array_close(&array);
  return status;
}

static dnmf_npz_entries entries_of(const char *path, const npz_place *place) {
  const dnmf_array closed = {.file = -1, .type = -1};
  return (dnmf_npz_entries){
      .path = path, .rows = place->rows, .cols = place->cols, .data = closed, .index = closed, .pointer = closed};
}

static dnmf_status look_at_sparse(dnmf_error *error, const char *path, zip_t *archive, npz_place *place) {
  place->sparse = true;
  DNMF_TRY(read_format(error, path, archive, place->format));
  if (strcmp(place->format, "csr") != 0 && strcmp(place->format, "csc") != 0 && strcmp(place->format, "coo") != 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "%s holds a sparse matrix in the format \"%s\"; csr, csc and coo are read: save matrix.tocsr()",
                     path, place->format);
  DNMF_TRY(read_shape(error, path, archive, place));
  dnmf_npz_entries entries = entries_of(path, place);
  dnmf_status status = dnmf_npz_entries_open(error, archive, place->format, &entries);
  if (status == DNMF_OK)
    status = dnmf_npz_check_starts(error, &entries);
  place->header = entries.data.header;
  place->sequential = dnmf_npz_is_sequential(&entries);
  dnmf_npz_entries_free(&entries);
  return status;
}

/* Takes a member as the matrix. */
static dnmf_status look_at_array(dnmf_error *error, const char *path, zip_t *archive, const char *member,
                                 npz_place *place) {
  dnmf_array array = {.file = -1, .type = -1};
  dnmf_status status = dnmf_array_open_member(error, path, archive, member, &array);
  if (status == DNMF_OK)
    status = dnmf_array_check(error, &array, 2, false);
  place->header = array.header;
  place->sequential = array.sequential;
  snprintf(place->member, sizeof place->member, "%s", member);
  dnmf_array_close(&array);
  return status;
}

/* "/a (30 x 20 float64), /b (...)": the arrays that are matrices, or else all others. */
typedef struct inventory {
  int count;
  size_t used;
  char first[NAME];
  char text[LIST_TEXT];
} inventory;

static void list(inventory *seen, const char *member, const dnmf_npy *header) {
  if (seen->count == 0)
    snprintf(seen->first, sizeof seen->first, "%s", member);
  if (seen->count++ < LISTED && seen->used < sizeof seen->text)
    seen->used += (size_t)snprintf(seen->text + seen->used, sizeof seen->text - seen->used, "%s/%.60s (%s)",
                                   seen->count > 1 ? ", " : "", member, header->text);
}

static void take_inventory(const char *path, zip_t *archive, inventory *matrices, inventory *others) {
  for (zip_int64_t i = 0; i < zip_get_num_entries(archive, 0); i++) {
    char member[NAME];
    dnmf_error ignored = {0};
    dnmf_array array = {.file = -1, .type = -1};
    const char *name = zip_get_name(archive, (zip_uint64_t)i, 0);
    size_t length = name ? strlen(name) : 0;
    if (length < 5 || length >= sizeof member || strcmp(name + length - 4, ".npy") != 0)
      continue;
    snprintf(member, sizeof member, "%.*s", (int)length - 4, name);
    if (dnmf_array_open_member(&ignored, path, archive, member, &array) == DNMF_OK) {
      bool matrix = array.header.rank == 2 && dnmf_npy_is_numeric(&array.header);
      list(matrix ? matrices : others, member, &array.header);
    }
    dnmf_array_close(&array);
  }
}

static dnmf_status look_at_dense(dnmf_error *error, const char *path, zip_t *archive, const char *inner,
                                 npz_place *place) {
  inventory matrices = {0};
  inventory others = {0};
  char member[NAME] = "";
  char file[NAME + 8];
  take_inventory(path, archive, &matrices, &others);
  while (inner && *inner == '/')
    inner++;
  snprintf(member, sizeof member, "%s", inner && *inner ? inner : matrices.first);
  snprintf(file, sizeof file, "%s.npy", member);
  if (inner && *inner && !has(archive, file))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s has no array %s; the matrices in it are: %s", path, member,
                     matrices.count ? matrices.text : "none");
  if (inner && *inner)
    return look_at_array(error, path, archive, member, place);
  if (matrices.count == 0 && others.count == 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "%s is a zip archive without any NumPy array; unpack it, or save a spreadsheet as CSV", path);
  if (matrices.count == 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s holds no matrix (a 2-D array of numbers); it holds: %s", path,
                     others.text);
  if (matrices.count > 1)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s holds several matrices; choose one as %s:/NAME: %s", path, path,
                     matrices.text);
  return look_at_array(error, path, archive, member, place);
}

static dnmf_status npz_find_place(dnmf_error *error, const char *path, const char *inner, npz_place *place) {
  zip_t *archive = NULL;
  DNMF_TRY(open_archive(error, path, &archive));
  bool sparse = has(archive, "format.npy") && has(archive, "shape.npy") && has(archive, "data.npy");
  dnmf_status status = sparse && !inner ? look_at_sparse(error, path, archive, place)
                                        : look_at_dense(error, path, archive, inner, place);
  zip_discard(archive);
  return status;
}

/* Entries of this process's share; of a compressed archive process 0 has them all. */
static dnmf_status load_sparse(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                               dnmf_precision precision, zip_t *archive, dnmf_matrix *matrix) {
  const npz_state *state = source->state;
  const npz_place *place = &state->place;
  dnmf_npz_entries entries = entries_of(state->path, place);
  dnmf_range all = {0, place->header.items};
  dnmf_status status = DNMF_OK;
  if (archive)
    status = dnmf_npz_entries_open(&context->error, archive, place->format, &entries);
  if (place->sequential)
    entries.share = context->rank == 0 ? all : (dnmf_range){0, 0};
  else
    entries.share = dnmf_range_split(all, context->size, context->rank);
  status = dnmf_agree(context, status);
  dnmf_array *members[] = {&entries.data, &entries.index, &entries.pointer};
  for (size_t i = 0; i < sizeof members / sizeof *members && status == DNMF_OK; i++)
    status = dnmf_check_member(context, members[i], place->sequential);
  if (status == DNMF_OK)
    status = dnmf_load_entries(context, source, layout, precision, dnmf_npz_next, &entries, matrix);
  dnmf_npz_entries_free(&entries);
  return status;
}

static dnmf_status npz_load_dense(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                                  dnmf_precision precision, zip_t *archive, dnmf_matrix *matrix) {
  const npz_state *state = source->state;
  dnmf_array array = {.file = -1, .type = -1};
  dnmf_status status = DNMF_OK;
  if (archive)
    status = dnmf_array_open_member(&context->error, state->path, archive, state->place.member, &array);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_check_member(context, &array, state->place.sequential);
  if (status == DNMF_OK)
    status = state->place.sequential ? dnmf_load_packed_array(context, source, layout, precision, &array, matrix)
                                     : dnmf_load_array(context, source, layout, precision, &array, matrix);
  dnmf_array_close(&array);
  return status;
}

static dnmf_status npz_load(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout,
                            dnmf_precision precision, dnmf_matrix *matrix) {
  const npz_state *state = source->state;
  zip_t *archive = NULL;
  dnmf_status status = DNMF_OK;
  if (context->rank == 0 || !state->place.sequential)
    status = open_archive(&context->error, state->path, &archive);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = source->sparse ? load_sparse(context, source, layout, precision, archive, matrix)
                            : npz_load_dense(context, source, layout, precision, archive, matrix);
  if (archive)
    zip_discard(archive);
  return status;
}

static void npz_close_source(dnmf_source *source) {
  npz_state *state = source->state;
  free(state->path);
  free(state);
  source->state = NULL;
}

static void npz_describe(const npz_place *place, dnmf_source *source) {
  dnmf_describe_array(&place->header, source);
  source->format = "NumPy archive";
  if (!place->sparse)
    return;
  source->format = strcmp(place->format, "csr") == 0   ? "SciPy sparse archive (csr)"
                   : strcmp(place->format, "csc") == 0 ? "SciPy sparse archive (csc)"
                                                       : "SciPy sparse archive (coo)";
  source->rows = place->rows;
  source->cols = place->cols;
  source->sparse = true;
  source->transposed = false;
}

dnmf_status dnmf_open_npz(dnmf_context *context, const char *path, const char *inner, dnmf_source *source) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(&context->error, "the source", 1, sizeof(npz_state), &memory);
  npz_state *state = memory;
  source->state = state;
  source->load = npz_load;
  source->selects = true;
  source->close = npz_close_source;
  if (status == DNMF_OK && !(state->path = strdup(path)))
    status = dnmf_fail(&context->error, DNMF_ERROR_MEMORY, "not enough memory for a file name");
  else if (status == DNMF_OK && context->rank == 0)
    status = npz_find_place(&context->error, path, inner, &state->place);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_broadcast(context, &state->place, (int64_t)sizeof state->place, 0));
  npz_describe(&state->place, source);
  return DNMF_OK;
}
