#include "store/numpy/plain_rows.h"
#include "store/hdf5/hdf5_slab.h"

#include "base/team.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum {
  PART_BYTES = 1 << 18, /* stays in an L2 cache */
  ROW_PART_BYTES = 1 << 15,
  PIECE_NUMBERS = 1 << 12, /* converted at a time: 32 KiB */
  LINE_BYTES = 64          /* a vector of numbers at most: as many rows are looked at together */
};

/* What is read at a time. */
typedef struct part_shape {
  int64_t rows;
  int64_t cols;
} part_shape;

/* As many rows as are looked at together, or a multiple; whole ones unless they are long. */
static part_shape shape_of(int64_t cols, dnmf_number number) {
  const int64_t size = (int64_t)dnmf_number_size(number);
  const int64_t together = LINE_BYTES / (size < (int64_t)sizeof(float) ? (int64_t)sizeof(float) : size);
  const int64_t times = PART_BYTES / (together * cols * size);
  const int64_t most = 2 * (int64_t)ROW_PART_BYTES / size;
  return (part_shape){times > 1 ? times * together : together, cols > most ? most : cols};
}

static dnmf_status read_bytes(dnmf_error *error, const dnmf_plain_rows *from, int64_t offset, size_t bytes, char *to) {
  while (bytes > 0) {
    ssize_t got = pread(from->file, to, bytes, (off_t)offset);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return dnmf_fail(error, DNMF_ERROR_FILE, "cannot read %s: %s", from->path, strerror(errno));
    if (got == 0)
      return dnmf_fail(error, DNMF_ERROR_INPUT,
                       "%s ends before its last item, perhaps cut off while it was written or copied", from->path);
    to += got;
    offset += got;
    bytes -= (size_t)got;
  }
  return DNMF_OK;
}

/* Rounds numbers of the file to the nearest of the block's. */
static void round_all(const double *from, int64_t count, float *to) {
  for (int64_t i = 0; i < count; i++)
    to[i] = (float)from[i];
}

/* Numbers of the file from number `place` on, counted from its first, as the block's. */
static dnmf_status read_numbers(dnmf_error *error, const dnmf_plain_rows *from, int64_t place, int64_t count,
                                const dnmf_matrix *matrix, void *to) {
  const int64_t size = (int64_t)dnmf_number_size(from->number);
  double piece[PIECE_NUMBERS];
  if (from->number == dnmf_matrix_number(matrix))
    return read_bytes(error, from, from->offset + place * size, (size_t)(count * size), to);
  for (int64_t done = 0; done < count; done += PIECE_NUMBERS) {
    const int64_t some = count - done < PIECE_NUMBERS ? count - done : PIECE_NUMBERS;
    DNMF_TRY(read_bytes(error, from, from->offset + (place + done) * size, (size_t)(some * size), (char *)piece));
    round_all(piece, some, (float *)to + done);
  }
  return DNMF_OK;
}

/* Part of the slab, which is the block: `rows` and `cols` are counted in it. */
static dnmf_status read_part(dnmf_error *error, const dnmf_plain_rows *from, const dnmf_slab *slab, dnmf_range rows,
                             dnmf_range cols, const dnmf_matrix *matrix) {
  const size_t size = dnmf_number_size(dnmf_matrix_number(matrix));
  const bool whole = slab->count[1] == from->cols && dnmf_range_size(cols) == from->cols;
  const int64_t at_once = whole ? dnmf_range_size(rows) : 1;
  for (int64_t row = rows.begin; row < rows.end; row += at_once) {
    const int64_t place = (slab->begin[0] + row) * from->cols + slab->begin[1] + cols.begin;
    DNMF_TRY(read_numbers(error, from, place, at_once * dnmf_range_size(cols), matrix,
                          (char *)matrix->dense + (size_t)(row * slab->count[1] + cols.begin) * size));
  }
  return DNMF_OK;
}

/* Some rows from the first column to the last. */
static dnmf_status load_rows(const dnmf_context *context, dnmf_error *error, const dnmf_plain_rows *from,
                             const dnmf_slab *slab, bool look, int64_t step, dnmf_range rows, dnmf_matrix *matrix) {
  for (int64_t col = 0; col < slab->count[1]; col += step) {
    const dnmf_range cols = {col, slab->count[1] - col < step ? slab->count[1] : col + step};
    DNMF_TRY(read_part(error, from, slab, rows, cols, matrix));
    if (look)
      dnmf_matrix_look(context, matrix, rows, cols);
  }
  return DNMF_OK;
}

/* One load. */
typedef struct plain_call {
  const dnmf_context *context;
  const dnmf_plain_rows *from;
  const dnmf_slab *slab;
  bool look;
  part_shape part;
  dnmf_matrix *matrix;
  pthread_mutex_t failure;
  int64_t failed; /* the first row of the part that was not read; behind all: none */
  dnmf_error error;
} plain_call;

static void plain_note_failure(plain_call *call, int64_t row, const dnmf_error *error) {
  pthread_mutex_lock(&call->failure);
  if (row < call->failed) {
    call->failed = row;
    call->error = *error;
  }
  pthread_mutex_unlock(&call->failure);
}

static void load_parts(void *of_call, int64_t begin, int64_t end) {
  plain_call *call = of_call;
  const int64_t all = call->slab->count[0];
  for (int64_t row = begin * call->part.rows; row < all && row < end * call->part.rows; row += call->part.rows) {
    const dnmf_range rows = {row, all - row < call->part.rows ? all : row + call->part.rows};
    dnmf_error error = {0};
    if (load_rows(call->context, &error, call->from, call->slab, call->look, call->part.cols, rows, call->matrix) !=
        DNMF_OK)
      plain_note_failure(call, row, &error);
  }
}

dnmf_status dnmf_plain_rows_load(dnmf_context *context, const dnmf_plain_rows *from, const dnmf_slab *slab, bool look,
                                 dnmf_matrix *matrix) {
  const part_shape part = shape_of(slab->count[1], dnmf_matrix_number(matrix));
  plain_call call = {context, from, slab, look, part, matrix, PTHREAD_MUTEX_INITIALIZER, slab->count[0], {0}};
  if (look)
    DNMF_TRY(dnmf_matrix_look_begin(context, matrix));
  const double numbers = (double)slab->count[0] * (double)slab->count[1];
  const int64_t parts = (slab->count[0] + part.rows - 1) / part.rows;
  dnmf_team_run(dnmf_team(context->threads, numbers), parts, load_parts, &call);
  if (call.failed == slab->count[0])
    return DNMF_OK;
  return dnmf_fail(&context->error, call.error.status, "%s", call.error.text);
}

bool dnmf_plain_number(hid_t type, dnmf_number wanted, dnmf_number *number) {
  *number = wanted;
  if (H5Tequal(type, dnmf_hdf5_number(wanted)) > 0)
    return true;
  *number = DNMF_NUMBER_DOUBLE;
  return wanted == DNMF_NUMBER_SINGLE && H5Tequal(type, H5T_NATIVE_DOUBLE) > 0;
}

/* The place of the dataset's numbers in the file; HADDR_UNDEF when they do not lie there one after another. */
static haddr_t place_in_file(hid_t dataset, dnmf_number wanted, hsize_t extent[2], dnmf_number *number) {
  haddr_t place = HADDR_UNDEF;
  hid_t creation = H5Dget_create_plist(dataset);
  hid_t type = H5Dget_type(dataset);
  hid_t space = H5Dget_space(dataset);
  if (creation >= 0 && type >= 0 && space >= 0 && H5Pget_layout(creation) == H5D_CONTIGUOUS &&
      H5Pget_external_count(creation) == 0 && dnmf_plain_number(type, wanted, number) &&
      H5Sget_simple_extent_ndims(space) == 2 && H5Sget_simple_extent_dims(space, extent, NULL) == 2) {
    hsize_t bytes = 0;
    if (!__builtin_mul_overflow(extent[0], extent[1], &bytes) &&
        !__builtin_mul_overflow(bytes, (hsize_t)dnmf_number_size(*number), &bytes) &&
        H5Dget_storage_size(dataset) >= bytes)
      place = H5Dget_offset(dataset);
  }
  dnmf_hdf5_release(space);
  dnmf_hdf5_release(type);
  dnmf_hdf5_release(creation);
  return place;
}

dnmf_plain_rows dnmf_plain_rows_of_hdf5(const char *path, hid_t file, const char *dataset, dnmf_number wanted) {
  dnmf_plain_rows rows = dnmf_no_plain_rows();
  dnmf_number number = wanted;
  hsize_t extent[2] = {0, 0};
  hid_t id = H5Dopen2(file, dataset, H5P_DEFAULT);
  haddr_t place = id < 0 ? HADDR_UNDEF : place_in_file(id, wanted, extent, &number);
  dnmf_hdf5_release(id);
  if (place == HADDR_UNDEF || place > INT64_MAX)
    return rows;
  rows = (dnmf_plain_rows){path, open(path, O_RDONLY), (int64_t)place, (int64_t)extent[1], number};
  return rows;
}

void dnmf_plain_rows_close(dnmf_plain_rows *rows) {
  if (rows->file >= 0)
    close(rows->file);
  *rows = dnmf_no_plain_rows();
}
