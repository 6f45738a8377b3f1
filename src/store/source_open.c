/*
 * Finding out what a file is, and handing it to its reader.
 */
#include "store/source.h"

#include "comm/collective.h"
#include "store/cells.h"
#include "store/features.h"
#include "store/foreign.h"
#include "store/names.h"
#include "store/readers.h"
#include "store/select.h"
#include "store/tenx.h"
#include "store/text/text_columns.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_COLUMNS = 12 /* of triples that pandas wrote with line numbers */ };

/* What process 0 finds in the file system about a name. */
typedef struct finding {
  int64_t path_length; /* of the name; what follows ':' is a path inside the file */
  dnmf_format format;  /* HDF5, by its signature or by its name when it cannot be read, NPY, NPZ; else AUTO */
} finding;

static bool exists(const char *path) {
  struct stat facts;
  return stat(path, &facts) == 0;
}

int64_t dnmf_source_path_length(char *name) {
  int64_t whole = (int64_t)strlen(name);
  int64_t first = whole;
  if (exists(name))
    return whole;
  for (char *at = strstr(name, ":/"); at; at = strstr(at + 1, ":/")) {
    *at = '\0';
    bool found = exists(name);
    *at = ':';
    if (found)
      return at - name;
    if (first == whole)
      first = at - name;
  }
  return first;
}

/* A file to look into, or -1. A pipe is opened once, where it is read: who writes to it would be told that nobody
 * reads when a look at it ends. */
static int open_to_look(const char *path) {
  return dnmf_text_is_pipe(path) ? -1 : open(path, O_RDONLY);
}

/* The signature stands at 0, 512, 1024, ...: a user block may come before. */
static bool has_hdf5_signature(const char *path) {
  static const char signature[] = "\x89HDF\r\n\x1a\n";
  char bytes[sizeof signature - 1];
  bool found = false;
  int file = open_to_look(path);
  for (off_t at = 0; file >= 0 && at <= 8192 && !found; at = at == 0 ? 512 : 2 * at)
    found =
        pread(file, bytes, sizeof bytes, at) == (ssize_t)sizeof bytes && memcmp(bytes, signature, sizeof bytes) == 0;
  if (file >= 0)
    close(file);
  return found;
}

static bool begins_with(const char *path, const char *signature, size_t count) {
  char bytes[8];
  int file = open_to_look(path);
  bool found = file >= 0 && pread(file, bytes, count, 0) == (ssize_t)count && memcmp(bytes, signature, count) == 0;
  if (file >= 0)
    close(file);
  return found;
}

static bool has_hdf5_name(const char *path) {
  static const char *const endings[] = {".h5", ".hdf5", ".h5ad", ".h5mu", ".hdf", NULL};
  const char *dot = strrchr(path, '.');
  for (const char *const *ending = endings; dot && *ending; ending++)
    if (strcasecmp(dot, *ending) == 0)
      return true;
  return false;
}

static void look_at_name(char *name, finding *found) {
  found->path_length = dnmf_source_path_length(name);
  char *end = name + found->path_length;
  char kept = *end;
  *end = '\0';
  if (begins_with(name, "\x93NUMPY", 6))
    found->format = DNMF_FORMAT_NPY;
  else if (begins_with(name, "PK\x03\x04", 4) || begins_with(name, "PK\x05\x06", 4))
    found->format = DNMF_FORMAT_NPZ;
  else if (kept == ':' || has_hdf5_signature(name) || has_hdf5_name(name))
    found->format = DNMF_FORMAT_HDF5;
  *end = kept;
}

static bool is_matrix_market(const dnmf_text_file *file) {
  static const char banner[] = "%%MatrixMarket";
  int64_t length = (int64_t)sizeof banner - 1;
  return file->head_size - file->start.offset >= length &&
         strncasecmp(file->head + file->start.offset, banner, (size_t)length) == 0;
}

/* Rows of numbers alone are a table where they cannot be triples. A first line with an empty corner is its header; but
 * pandas leaves the corner empty above its line numbers too, and then the names are those of triples, or of pairs. A
 * dialect that cannot be is told when it is read. */
static dnmf_status is_table(dnmf_error *error, const dnmf_text_file *file, const dnmf_source_options *options,
                            bool *table) {
  dnmf_dialect dialect;
  *table = false;
  bool found = false;
  dnmf_field *fields = NULL;
  int64_t count = 0;
  dnmf_text_place place = file->start;
  dnmf_text_line line = dnmf_text_head_line(file, &place);
  if (options->col_column || options->value_column || options->time_column || options->header == DNMF_HEADER_NO)
    return DNMF_OK;
  if (!line.begin || dnmf_text_dialect(error, file, options, 2, &dialect, &found) != DNMF_OK || !found)
    return DNMF_OK;
  if (dnmf_text_split(&dialect, line, 0, NULL) < 2)
    return DNMF_OK;
  DNMF_TRY(dnmf_text_split_all(error, &dialect, line, &fields, &count));
  *table = fields[0].begin == fields[0].end &&
           (count > MOST_COLUMNS || !dnmf_text_names_triples(fields, count, DNMF_PAIR_ROLES));
  free(fields);
  if (!*table && !options->row_column)
    *table = dnmf_text_is_table(file, &dialect);
  return DNMF_OK;
}

/* The same on every process. */
static dnmf_status find_text_format(dnmf_context *context, const dnmf_text_file *file,
                                    const dnmf_source_options *options, dnmf_format *format) {
  bool table = false;
  dnmf_status status = DNMF_OK;
  if (!dnmf_is_docword(file))
    status = is_table(&context->error, file, options, &table);
  *format = dnmf_is_docword(file) ? DNMF_FORMAT_DOCWORD : table ? DNMF_FORMAT_TABLE : DNMF_FORMAT_TRIPLES;
  return dnmf_agree(context, status);
}

/* Only where no option says how the file is to be read. */
static dnmf_status refuse_foreign_lines(dnmf_error *error, const dnmf_text_file *file,
                                        const dnmf_source_options *options) {
  if (options->format != DNMF_FORMAT_AUTO || dnmf_text_fields_option(options))
    return DNMF_OK;
  const int64_t at = file->start.offset;
  return dnmf_text_locate(
      error, file->path, 0,
      dnmf_foreign_refuse_lines(error, file->path, file->head + at, file->head_size - at, dnmf_text_packing(file)));
}

/* Matrix Market and svmlight have comments anywhere, the others before the data alone. */
static dnmf_status open_text_as(dnmf_context *context, dnmf_text_file *file, dnmf_format format,
                                const dnmf_source_options *options, dnmf_source *source) {
  if (format == DNMF_FORMAT_AUTO && is_matrix_market(file))
    format = DNMF_FORMAT_MATRIX_MARKET;
  if (format == DNMF_FORMAT_AUTO && dnmf_is_svmlight(file))
    format = DNMF_FORMAT_SVMLIGHT;
  if (format == DNMF_FORMAT_AUTO)
    DNMF_TRY(dnmf_agree(context, refuse_foreign_lines(&context->error, file, options)));
  if (format == DNMF_FORMAT_MATRIX_MARKET)
    return dnmf_open_matrix_market(context, file, options, source);
  if (format == DNMF_FORMAT_SVMLIGHT)
    return dnmf_open_svmlight(context, file, options, source);
  DNMF_TRY(dnmf_agree(context, dnmf_text_begin(&context->error, options, file)));
  if (format == DNMF_FORMAT_AUTO)
    DNMF_TRY(find_text_format(context, file, options, &format));
  if (format == DNMF_FORMAT_DOCWORD)
    return dnmf_open_docword(context, file, options, source);
  if (format == DNMF_FORMAT_TABLE)
    return dnmf_open_table(context, file, options, source);
  source->ids_from_entries = true;
  return dnmf_open_triples(context, file, options, source);
}

/* A file that could not be read is read once more when its quoted fields may hold line breaks. */
static dnmf_status open_text(dnmf_context *context, const char *path, const dnmf_source_options *options,
                             dnmf_source *source) {
  dnmf_text_file file;
  bool again = false;
  dnmf_source before = *source;
  dnmf_status status = dnmf_text_open(context, path, options->skip_lines, &file);
  if (status == DNMF_OK) {
    status = open_text_as(context, &file, options->format, options, source);
    if (status == DNMF_ERROR_INPUT && !file.comments)
      status = dnmf_text_join_after(context, options, &file, &again) == DNMF_OK ? status : context->error.status;
    if (again) {
      before.name = source->name;
      source->name = NULL;
      dnmf_source_close(source);
      *source = before;
      status = open_text_as(context, &file, options->format, options, source);
    }
  }
  if (status == DNMF_OK && file.comment_lines > 0) {
    size_t used = strlen(source->note);
    snprintf(source->note + used, sizeof source->note - used, "%s%" PRId64 " line%s of comments before the data",
             used > 0 ? "; " : "", file.comment_lines, file.comment_lines == 1 ? "" : "s");
  }
  dnmf_text_close(&file);
  return status;
}

/* What only text needs to be told, and any other form says itself. */
static dnmf_status refuse_text_options(dnmf_error *error, const char *name, const dnmf_source_options *options) {
  const struct {
    const char *option;
    bool given;
  } of_text[] = {{"header", options->header != DNMF_HEADER_AUTO},
                 {"skip-lines", options->skip_lines > 0},
                 {"delimiter", options->delimiter != NULL},
                 {"quote", options->quote != NULL},
                 {"escape", options->escape != NULL},
                 {"decimal", options->decimal != NULL},
                 {"row-column", options->row_column != NULL},
                 {"col-column", options->col_column != NULL},
                 {"value-column", options->value_column != NULL},
                 {"time-column", options->time_column != NULL}};
  for (size_t o = 0; o < sizeof of_text / sizeof *of_text && !options->shared; o++)
    if (of_text[o].given)
      return dnmf_fail(error, DNMF_ERROR_USAGE, "--%s is for text, and %s is none", of_text[o].option, name);
  return DNMF_OK;
}

/* `name` is cut at its colon, if any. */
static dnmf_status open_found(dnmf_context *context, char *name, const finding *found,
                              const dnmf_source_options *options, dnmf_source *source) {
  char *inner = name[found->path_length] == ':' ? name + found->path_length + 1 : NULL;
  dnmf_format format = options->format == DNMF_FORMAT_AUTO ? found->format : options->format;
  name[found->path_length] = '\0';
  if (inner && format != DNMF_FORMAT_HDF5 && format != DNMF_FORMAT_NPZ)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "%s:%s names a place inside an HDF5 file or an archive; %s",
                     name, inner, options->format ? "leave --format out" : "this is a single array");
  if (format == DNMF_FORMAT_HDF5 || format == DNMF_FORMAT_NPY || format == DNMF_FORMAT_NPZ)
    DNMF_TRY(refuse_text_options(&context->error, name, options));
  if (format == DNMF_FORMAT_HDF5)
    return dnmf_open_hdf5(context, name, inner, options, source);
  if (format == DNMF_FORMAT_NPY)
    return dnmf_open_npy(context, name, source);
  if (format == DNMF_FORMAT_NPZ) {
    dnmf_status status = context->rank == 0 ? dnmf_foreign_refuse_zip(&context->error, name) : DNMF_OK;
    DNMF_TRY(dnmf_agree(context, dnmf_text_locate(&context->error, name, 0, status)));
    return dnmf_open_npz(context, name, inner, source);
  }
  return open_text(context, name, options, source);
}

/* What was opened becomes its transpose. */
static void transpose(dnmf_source *source) {
  int64_t rows = source->rows;
  dnmf_ids row_ids = source->row_ids;
  source->rows = source->cols;
  source->cols = rows;
  source->row_ids = source->col_ids;
  source->col_ids = row_ids;
  bool by_rows = source->by_rows;
  source->by_rows = source->by_cols;
  source->by_cols = by_rows;
  source->transposed = !source->transposed;
  source->features_in_cols = !source->features_in_cols;
}

/* What people should know of the features. */
static dnmf_status note_features(dnmf_context *context, const dnmf_source_options *options, dnmf_source *source) {
  const size_t used = strlen(source->note);
  if (source->has_features && !source->features_in_cols)
    snprintf(source->note + used, sizeof source->note - used,
             "%srows are features (genes), columns are cells; --transpose makes the cells the rows", used ? "\n" : "");
  if (source->feature_types.kind == DNMF_IDS_NONE)
    return DNMF_OK;
  return dnmf_features_note(context, options->select.feature_type, source);
}

bool dnmf_selects(const dnmf_select_options *select) {
  return select->rows || select->cols || select->row_ids || select->col_ids || select->min_row_count > 0 ||
         select->min_col_count > 0 || select->feature_type;
}

static dnmf_status check_source_shape(dnmf_context *context, const dnmf_source *source) {
  if (source->rows > 0 && source->cols > 0)
    return DNMF_OK;
  return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "%s holds an empty matrix: %" PRId64 " rows, %" PRId64 " columns",
                   source->name, source->rows, source->cols);
}

/* Finds out what `*path` is, a folder or a file with names beside it too, and opens it; a folder's name is replaced by
 * its matrix's. */
static dnmf_status open_path(dnmf_context *context, char **path, const dnmf_source_options *options,
                             dnmf_source *source) {
  finding found = {0, DNMF_FORMAT_AUTO};
  dnmf_tenx beside;
  dnmf_status status = DNMF_OK;
  if (context->rank == 0 && strstr(*path, "://") && !exists(*path))
    status = dnmf_fail(&context->error, DNMF_ERROR_FILE,
                       "%s is an address on the network; download it and name the file: curl -LO '%s'", *path, *path);
  else if (context->rank == 0)
    status = dnmf_tenx_find(&context->error, *path, &beside);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_broadcast(context, &beside, sizeof beside, 0));
  if (*beside.matrix) {
    char *matrix = strdup(beside.matrix);
    if (!matrix)
      status = dnmf_fail(&context->error, DNMF_ERROR_MEMORY, "not enough memory for a file name");
    DNMF_TRY(dnmf_agree(context, status));
    free(*path);
    *path = matrix;
  }
  if (context->rank == 0)
    look_at_name(*path, &found);
  DNMF_TRY(dnmf_broadcast(context, &found, sizeof found, 0));
  DNMF_TRY(open_found(context, *path, &found, options, source));
  return dnmf_tenx_apply(context, &beside, options->feature_names, source);
}

dnmf_status dnmf_source_open(dnmf_context *context, const char *name, const dnmf_source_options *options,
                             dnmf_source *source) {
  const dnmf_source_options defaults = {0};
  char *path = strdup(name);
  options = options ? options : &defaults;
  memset(source, 0, sizeof *source);
  source->name = strdup(strcmp(name, "-") == 0 ? "standard input" : name);
  source->duplicates = DNMF_DUPLICATES_SUM;
  dnmf_status status = DNMF_OK;
  if (!path || !source->name)
    status = dnmf_fail(&context->error, DNMF_ERROR_MEMORY, "not enough memory for a file name");
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = open_path(context, &path, options, source);
  if (status == DNMF_OK && options->transpose)
    transpose(source);
  if (status == DNMF_OK)
    status = check_source_shape(context, source);
  if (status == DNMF_OK && (options->row_names || options->col_names))
    status = dnmf_names_apply(context, options, source);
  if (status == DNMF_OK)
    status = note_features(context, options, source);
  if (status == DNMF_OK && (options->missing_given || options->missing_value || options->add != 0))
    status = dnmf_cells_apply(context, options, source);
  if (options->duplicates_given)
    source->duplicates = options->duplicates;
  if (status == DNMF_OK && dnmf_selects(&options->select))
    status = dnmf_source_select(context, &options->select, source);
  free(path);
  return status;
}
