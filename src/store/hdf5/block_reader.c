#include "store/hdf5/block_reader.h"

#include "matrix/csr.h"
#include "store/hdf5/hdf5_driver.h"
#include "store/hdf5/hdf5_file.h"
#include "store/source_load.h"

#include <inttypes.h>
#include <string.h>

/* The chunk cache and the buffer for converting numbers that HDF5 keeps for a dataset: a megabyte each by default. */
static const int64_t HDF5_BUFFERS = 2 << 20;

static dnmf_status check_source(dnmf_error *error, const dnmf_source *source) {
  if (source->by_rows && source->sparse && source->selection)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "%s is sparse, and mini-batches take all of a sparse matrix; select when you dnmf import it",
                     source->name);
  if (source->by_rows && source->cols <= INT32_MAX)
    return DNMF_OK;
  if (source->by_rows)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s has %" PRId64 " columns; mini-batches take up to %" PRId32,
                     source->name, source->cols, INT32_MAX);
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "%s (%s) cannot be read by rows, as mini-batches are; make a file that can with: dnmf import %s -o "
                   "FILE.h5",
                   source->name, source->format, source->name);
}

dnmf_status dnmf_block_reader_open(const dnmf_context *context, const dnmf_source *source, dnmf_precision precision,
                                   dnmf_block_reader *reader) {
  *reader = (dnmf_block_reader){
      .context = *context, .source = source, .state = source->state, .precision = precision, .file = -1};
  dnmf_error *error = &reader->context.error;
  reader->context.threads = 1; /* the others compute */
  reader->plain = dnmf_no_plain_rows();
  DNMF_TRY(check_source(error, source));
  DNMF_TRY(dnmf_hdf5_open_alone(error, reader->state->path, &reader->file));
  if (!source->sparse && !reader->state->place.packing.used)
    reader->plain = dnmf_plain_rows_of_hdf5(reader->state->path, reader->file, reader->state->place.name,
                                            dnmf_block_reader_number(reader));
  return DNMF_OK;
}

void dnmf_block_reader_close(dnmf_block_reader *reader) {
  if (reader->file >= 0)
    dnmf_hdf5_file_close(reader->file);
  reader->file = -1;
  dnmf_plain_rows_close(&reader->plain);
}

static dnmf_status block_damaged(dnmf_block_reader *reader, const char *part, int64_t position, int64_t value,
                                 const char *rule) {
  return dnmf_fail(&reader->context.error, DNMF_ERROR_INPUT, "%s of %s is damaged: item %" PRId64 " is %" PRId64 "; %s",
                   part, reader->state->path, position, value, rule);
}

static dnmf_status read_part(dnmf_block_reader *reader, const char *part, hid_t type, dnmf_range range, void *to) {
  dnmf_slab slab = dnmf_slab_of(range);
  return dnmf_hdf5_read(&reader->context, reader->file, part, type, &slab, to);
}

static dnmf_status check_stored(dnmf_block_reader *reader, int64_t position, int64_t value) {
  if (value < 0 || value > reader->state->place.stored)
    return block_damaged(reader, reader->state->place.indptr, position, value,
                         "it must lie between 0 and the number of stored entries");
  if (position == 0 && value != 0)
    return block_damaged(reader, reader->state->place.indptr, position, value, "the first must be 0");
  if (position == reader->source->rows && value != reader->state->place.stored)
    return block_damaged(reader, reader->state->place.indptr, position, value,
                         "the last must be the number of stored entries");
  return DNMF_OK;
}

dnmf_status dnmf_block_reader_count(dnmf_block_reader *reader, dnmf_range rows, int64_t *stored) {
  int64_t ends[2] = {0, 0};
  dnmf_range first = {rows.begin, rows.begin + 1};
  dnmf_range last = {rows.end, rows.end + 1};
  DNMF_TRY(read_part(reader, reader->state->place.indptr, H5T_NATIVE_INT64, first, &ends[0]));
  DNMF_TRY(read_part(reader, reader->state->place.indptr, H5T_NATIVE_INT64, last, &ends[1]));
  DNMF_TRY(check_stored(reader, rows.begin, ends[0]));
  DNMF_TRY(check_stored(reader, rows.end, ends[1]));
  if (ends[1] < ends[0])
    return block_damaged(reader, reader->state->place.indptr, rows.end, ends[1],
                         "no item may be smaller than the one before");
  *stored = ends[1] - ends[0];
  return DNMF_OK;
}

/* A chunk as it is in the file and unpacked; 0 for a dataset that is not chunked. */
static int64_t chunk_bytes(const dnmf_block_reader *reader, const char *name) {
  hsize_t extent[H5S_MAX_RANK] = {0};
  hid_t dataset = H5Dopen2(reader->file, name, H5P_DEFAULT);
  hid_t creation = dataset < 0 ? -1 : H5Dget_create_plist(dataset);
  hid_t type = dataset < 0 ? -1 : H5Dget_type(dataset);
  int64_t bytes = 0;
  if (creation >= 0 && type >= 0 && H5Pget_layout(creation) == H5D_CHUNKED) {
    int rank = H5Pget_chunk(creation, H5S_MAX_RANK, extent);
    bytes = 2 * (int64_t)H5Tget_size(type);
    for (int i = 0; i < rank; i++)
      bytes *= (int64_t)extent[i];
  }
  dnmf_hdf5_release(type);
  dnmf_hdf5_release(creation);
  dnmf_hdf5_release(dataset);
  return bytes;
}

int64_t dnmf_block_reader_overhead(dnmf_block_reader *reader) {
  const dnmf_hdf5_place *place = &reader->state->place;
  const char *const parts[] = {place->indptr, place->indices, place->data};
  int64_t bytes = HDF5_BUFFERS;
  if (!reader->source->sparse)
    return bytes + chunk_bytes(reader, reader->state->place.name) +
           (reader->source->transposed || reader->source->selection
                ? DNMF_LOAD_STRIP_ITEMS * (int64_t)dnmf_number_size(dnmf_block_reader_number(reader))
                : 0);
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    bytes += HDF5_BUFFERS + chunk_bytes(reader, parts[i]);
  return bytes;
}

/* Where the rows begin, counted from the first of them; `*first` is that one's place in the file. */
static dnmf_status read_starts(dnmf_block_reader *reader, dnmf_range rows, int64_t room, dnmf_csr *csr,
                               int64_t *first) {
  dnmf_range range = {rows.begin, rows.end + 1};
  DNMF_TRY(read_part(reader, reader->state->place.indptr, H5T_NATIVE_INT64, range, csr->start));
  DNMF_TRY(check_stored(reader, rows.begin, csr->start[0]));
  *first = csr->start[0];
  for (int64_t row = 1; row <= csr->rows; row++) {
    DNMF_TRY(check_stored(reader, rows.begin + row, csr->start[row]));
    if (csr->start[row] < csr->start[row - 1])
      return block_damaged(reader, reader->state->place.indptr, rows.begin + row, csr->start[row],
                           "no item may be smaller than the one before");
  }
  for (int64_t row = 0; row <= csr->rows; row++)
    csr->start[row] -= *first;
  if (csr->start[csr->rows] <= room)
    return DNMF_OK;
  return dnmf_fail(&reader->context.error, DNMF_ERROR_FILE, "%s has changed while it was read", reader->state->path);
}

/* HDF5 turns indices that 32 bits do not hold into the nearest that they do, which is outside as well. */
static dnmf_status check_indices(dnmf_block_reader *reader, const dnmf_csr *csr, int64_t first) {
  for (int64_t e = 0; e < csr->start[csr->rows]; e++)
    if (csr->index[e] < 0 || csr->index[e] >= csr->cols)
      return block_damaged(reader, reader->state->place.indices, first + e, csr->index[e],
                           "it must be a column of the matrix");
  return DNMF_OK;
}

static dnmf_status read_sparse(dnmf_block_reader *reader, dnmf_range rows, int64_t room, dnmf_matrix *block) {
  dnmf_csr *csr = &block->by_rows;
  int64_t first = 0;
  csr->rows = dnmf_range_size(rows);
  csr->cols = block->cols;
  csr->start[0] = 0;
  if (csr->rows > 0)
    DNMF_TRY(read_starts(reader, rows, room, csr, &first));
  dnmf_range entries = {first, first + csr->start[csr->rows]};
  DNMF_TRY(read_part(reader, reader->state->place.indices, H5T_NATIVE_INT32, entries, csr->index));
  DNMF_TRY(check_indices(reader, csr, first));
  DNMF_TRY(read_part(reader, reader->state->place.data, dnmf_hdf5_real(reader->precision), entries, csr->value));
  if (dnmf_csr_is_sorted(csr))
    return DNMF_OK;
  DNMF_TRY(dnmf_csr_sort(&reader->context.error, csr, reader->precision, 1));
  return dnmf_csr_merge(&reader->context.error, csr, reader->precision, reader->source->duplicates, rows.begin, 0,
                        &block->duplicates);
}

static dnmf_status block_read_slab(dnmf_context *context, void *state, const dnmf_slab *slab, dnmf_number number,
                                   void *buffer) {
  const dnmf_block_reader *reader = state;
  const dnmf_hdf5_place *place = &reader->state->place;
  return dnmf_hdf5_read_values(context, reader->file, place->name, &place->packing, slab, number, buffer);
}

dnmf_status dnmf_block_reader_read(dnmf_block_reader *reader, dnmf_range rows, int64_t room, dnmf_matrix *block) {
  block->row_range = rows;
  block->duplicates = 0;
  if (block->sparse)
    return read_sparse(reader, rows, room, block);
  return dnmf_load_block(&reader->context, reader->source, block_read_slab, reader, &reader->plain, false, block);
}
