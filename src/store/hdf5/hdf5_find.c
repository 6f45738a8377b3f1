/* Which object of an HDF5 file is the matrix. */
#include "store/hdf5/hdf5_find.h"

#include "base/memory.h"
#include "store/foreign.h"
#include "store/hdf5/hdf5_attribute.h"
#include "store/hdf5/hdf5_ids.h"
#include "store/hdf5/hdf5_layouts.h"
#include "store/hdf5/hdf5_matlab.h"
#include "store/hdf5/hdf5_slab.h"
#include "store/text/text_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED = 8, LIST_TEXT = 640 };

/* What was seen while walking through the file. */
typedef struct inventory {
  int candidates; /* 2-D numeric datasets and sparse groups */
  int others;
  char first[DNMF_HDF5_NAME];
  char candidate_list[LIST_TEXT];
  char other_list[LIST_TEXT];
  hid_t file;
  char path[DNMF_HDF5_NAME]; /* where the walk is */
  haddr_t *entered;          /* groups, by their address */
  int64_t entered_count;
  int64_t entered_capacity;
} inventory;

static void list(char *text, int already, const char *name, const char *what) {
  size_t used = strlen(text);
  if (already < LISTED)
    snprintf(text + used, LIST_TEXT - used, "%s/%s (%s)", already ? ", " : "", name, what);
}

static void finish_list(char *text, int count) {
  size_t used = strlen(text);
  if (count > LISTED)
    snprintf(text + used, LIST_TEXT - used, " and %d more", count - LISTED);
}

static void list_other(const char *name, const char *text, inventory *seen) {
  list(seen->other_list, seen->others++, name, text);
}

static void list_candidate(const char *name, const char *text, inventory *seen) {
  if (seen->candidates == 0)
    snprintf(seen->first, sizeof seen->first, "/%s", name);
  list(seen->candidate_list, seen->candidates++, name, text);
}

/* Fills shape, order, type and count of the dataset place->name. */
static dnmf_status describe_dense(dnmf_error *error, const char *path, hid_t file, dnmf_hdf5_place *place) {
  dnmf_hdf5_shape shape;
  DNMF_TRY(dnmf_hdf5_describe(error, file, place->name, &shape));
  char *class = NULL;
  dnmf_status status = dnmf_matlab_class(error, file, place->name, &class);
  if (class)
    status = dnmf_matlab_check(error, path, file, place->name, class);
  place->transposed = class != NULL;
  free(class);
  DNMF_TRY(status);
  if (shape.rank != 2)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the dataset %s of %s has %d dimension%s (%s); a matrix has 2",
                     place->name, path, shape.rank, shape.rank == 1 ? "" : "s", shape.text);
  if (!shape.numeric)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the dataset %s of %s does not hold %snumbers (%s)", place->name, path,
                     strstr(shape.text, "complex") ? "real " : "", shape.text);
  place->rows = shape.extent[place->transposed ? 1 : 0];
  place->cols = shape.extent[place->transposed ? 0 : 1];
  if (place->rows > 0 && place->cols > INT64_MAX / place->rows)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the dataset %s of %s is too large (%s)", place->name, path, shape.text);
  place->stored = place->rows * place->cols;
  snprintf(place->type, sizeof place->type, "%s", shape.type);
  place->narrow = shape.narrow;
  DNMF_TRY(dnmf_hdf5_find_packing(error, path, file, place->name, &place->packing));
  if (place->packing.used) {
    snprintf(place->type, sizeof place->type, "float64");
    place->narrow = (dnmf_number)0;
  }
  return DNMF_OK;
}

/* A single number is hardly the matrix that is meant. */
static void visit_dataset(hid_t file, const char *name, inventory *seen) {
  dnmf_error ignored = {0};
  dnmf_hdf5_shape shape;
  dnmf_hdf5_place place = {0};
  char text[160];
  if (dnmf_hdf5_describe(&ignored, file, name, &shape) != DNMF_OK)
    return;
  snprintf(place.name, sizeof place.name, "/%s", name);
  if (describe_dense(&ignored, "", file, &place) != DNMF_OK || (place.rows == 1 && place.cols == 1)) {
    char *class = NULL;
    dnmf_matlab_class(&ignored, file, name, &class);
    list_other(name, class ? class : shape.text, seen);
    free(class);
    return;
  }
  snprintf(text, sizeof text, "%" PRId64 " x %" PRId64 " %s", place.rows, place.cols, place.type);
  list_candidate(name, text, seen);
}

static void visit_sparse(hid_t file, const char *name, inventory *seen) {
  dnmf_error ignored = {0};
  dnmf_hdf5_place place = {0};
  char text[160] = "sparse, of unknown shape";
  snprintf(place.name, sizeof place.name, "/%s", name);
  if (dnmf_hdf5_describe_sparse(&ignored, "", file, &place) == DNMF_OK)
    snprintf(text, sizeof text, "sparse %" PRId64 " x %" PRId64 " %s", place.rows, place.cols, place.type);
  list_candidate(name, text, seen);
}

/* Where MATLAB keeps what cells and objects refer to. */
static bool is_internal(const char *name) {
  return strncmp(name, "#refs#", 6) == 0 || strncmp(name, "#subsystem#", 11) == 0;
}

/* True when the group is pandas's: `values` is the dataset of its numbers, or empty where they are not one matrix, and
 * `what` says what it is. (pandas.io.pytables, versions 0.10 to 2.) */
static bool describe_pandas(hid_t file, const char *name, char values[DNMF_HDF5_NAME], char what[160]) {
  dnmf_error ignored = {0};
  char *kind = NULL;
  int64_t blocks = 0;
  hid_t group = H5Gopen2(file, name, H5P_DEFAULT);
  *values = 0;
  if (group >= 0)
    dnmf_hdf5_get_text(&ignored, group, "pandas_type", &kind);
  const bool frame = kind && strcmp(kind, "frame") == 0;
  if (frame && !dnmf_hdf5_get_integers(group, "nblocks", 1, &blocks))
    blocks = 0;
  if (frame && blocks == 1) {
    dnmf_hdf5_join(values, name, "block0_values");
    snprintf(what, 160, "a pandas frame");
  } else if (frame) {
    snprintf(what, 160, "a pandas frame with columns of %d types; save it with df.astype(float).to_hdf", (int)blocks);
  } else if (kind) {
    snprintf(what, 160, "pandas's %.40s; save a frame with df.astype(float).to_hdf(..., format='fixed')", kind);
  }
  dnmf_hdf5_release(group);
  const bool pandas = kind != NULL;
  free(kind);
  return pandas;
}

/* Lists the matrix of a pandas frame, or what else it is; false when the group is not pandas's. */
static bool visit_pandas(hid_t file, const char *name, inventory *seen) {
  char values[DNMF_HDF5_NAME];
  char what[160];
  if (!describe_pandas(file, name, values, what))
    return false;
  if (*values && dnmf_hdf5_exists(file, values))
    visit_dataset(file, values, seen);
  else
    list_other(name, what, seen);
  return true;
}

/* Lists what the link `name` of the file leads to; true when it is a group that may hold more. */
static bool visit(hid_t file, const char *name, H5L_type_t link, inventory *seen) {
  if (link == H5L_TYPE_EXTERNAL) {
    list_other(name, "a link to another file, which is not followed", seen);
    return false;
  }
  hid_t object = H5Oopen(file, name, H5P_DEFAULT);
  H5I_type_t type = object < 0 ? H5I_BADID : H5Iget_type(object);
  if (type == H5I_DATASET)
    visit_dataset(file, name, seen);
  else if (type == H5I_GROUP && dnmf_hdf5_is_sparse(object, "."))
    visit_sparse(file, name, seen);
  dnmf_hdf5_release(object);
  if (type == H5I_GROUP && visit_pandas(file, name, seen))
    return false;
  return type == H5I_GROUP && link == H5L_TYPE_HARD;
}

/* False when the group at the address was entered before, or there is no memory to remember it. */
static bool enter(inventory *seen, haddr_t address) {
  dnmf_error ignored = {0};
  void *memory = seen->entered;
  for (int64_t i = 0; i < seen->entered_count; i++)
    if (seen->entered[i] == address)
      return false;
  dnmf_status status =
      dnmf_grow(&ignored, "groups", seen->entered_count + 1, sizeof address, &seen->entered_capacity, &memory);
  seen->entered = memory;
  if (status == DNMF_OK)
    seen->entered[seen->entered_count++] = address;
  return status == DNMF_OK;
}

/* Goes on with the group that a link leads to. HDF5's own walk never ends where a damaged group holds itself; this one
 * is no deeper than a name is long: longer ones are passed over. */
static herr_t walk(hid_t group, const char *name, const H5L_info_t *link, void *state) {
  inventory *seen = state;
  size_t length = strlen(seen->path);
  char *own = seen->path + length;
  int added = snprintf(own, sizeof seen->path - length, "%s%s", length ? "/" : "", name);
  bool fits = length + (size_t)added + sizeof "//indices" <= sizeof seen->path;
  if (fits && !is_internal(seen->path) && visit(seen->file, seen->path, link->type, seen) &&
      enter(seen, link->u.address))
    H5Literate_by_name(group, name, H5_INDEX_NAME, H5_ITER_INC, NULL, walk, seen, H5P_DEFAULT);
  *own = 0;
  return 0;
}

static void take_inventory(hid_t file, inventory *seen) {
  memset(seen, 0, sizeof *seen);
  seen->file = file;
  H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, NULL, walk, seen);
  finish_list(seen->candidate_list, seen->candidates);
  finish_list(seen->other_list, seen->others);
  free(seen->entered);
  seen->entered = NULL;
}

static dnmf_status find_named(dnmf_error *error, const char *path, hid_t file, const char *inner,
                              dnmf_hdf5_place *place) {
  snprintf(place->name, sizeof place->name, "%s%s", *inner == '/' ? "" : "/", inner);
  size_t length = strlen(place->name);
  while (length > 1 && place->name[length - 1] == '/')
    place->name[--length] = 0;
  if (dnmf_hdf5_exists(file, place->name))
    return DNMF_OK;
  inventory seen;
  take_inventory(file, &seen);
  if (seen.candidates)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s has no %s; the matrices in it are: %s", path, place->name,
                     seen.candidate_list);
  return dnmf_fail(error, DNMF_ERROR_INPUT, "%s has no %s, and no matrix at all; it holds: %s", path, place->name,
                   seen.others ? seen.other_list : "nothing");
}

static dnmf_status refuse_model(dnmf_error *error, const char *path) {
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "%s is a model, not a matrix; it is used by dnmf predict, recommend, evaluate, transform, describe, "
                   "reconstruct and export; to fit, name what it was fitted to, or one of its factors as %s:/W",
                   path, path);
}

/* The file of a search for the number of components has the root attribute `search`. */
static dnmf_status refuse_search(dnmf_error *error, const char *path, hid_t file) {
  hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  char *text = NULL;
  dnmf_status status = root < 0 ? DNMF_OK : dnmf_hdf5_get_text(error, root, "search", &text);
  dnmf_hdf5_release(root);
  if (text && dnmf_hdf5_exists(file, "/candidates"))
    status =
        dnmf_fail(error, DNMF_ERROR_INPUT,
                  "%s is what dnmf tune --checkpoint kept of a search, not a matrix; dnmf info tells what is done, "
                  "and dnmf tune --resume goes on with it",
                  path);
  free(text);
  return status;
}

static bool has_object(const void *state, const char *name) {
  return dnmf_hdf5_exists(*(const hid_t *)state, name);
}

static dnmf_status find_unnamed(dnmf_error *error, const char *path, hid_t file, dnmf_hdf5_place *place) {
  if (dnmf_hdf5_exists(file, "/matrix")) {
    snprintf(place->name, sizeof place->name, "/matrix");
    return DNMF_OK;
  }
  if (dnmf_hdf5_exists(file, "/X") && dnmf_hdf5_exists(file, "/obs") && dnmf_hdf5_exists(file, "/var")) {
    snprintf(place->name, sizeof place->name, "/X");
    return DNMF_OK;
  }
  if (dnmf_hdf5_exists(file, "/W") && dnmf_hdf5_exists(file, "/H"))
    return refuse_model(error, path);
  DNMF_TRY(refuse_search(error, path, file));
  DNMF_TRY(dnmf_text_locate(error, path, 0, dnmf_foreign_refuse_hdf5(error, path, has_object, &file)));
  inventory seen;
  take_inventory(file, &seen);
  if (seen.candidates == 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s holds no matrix (a 2-D dataset of numbers or a sparse group); %s%s",
                     path, seen.others ? "it holds: " : "it is empty", seen.other_list);
  if (seen.candidates > 1)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s holds several matrices; choose one as %s:/NAME: %s", path, path,
                     seen.candidate_list);
  snprintf(place->name, sizeof place->name, "%s", seen.first);
  return DNMF_OK;
}

static dnmf_status describe_place(dnmf_error *error, const char *path, hid_t file, dnmf_hdf5_place *place) {
  hid_t object = H5Oopen(file, place->name, H5P_DEFAULT);
  H5I_type_t type = object < 0 ? H5I_BADID : H5Iget_type(object);
  dnmf_hdf5_release(object);
  if (type == H5I_DATASET)
    return describe_dense(error, path, file, place);
  place->sparse = true;
  if (dnmf_hdf5_is_sparse(file, place->name))
    return dnmf_hdf5_describe_sparse(error, path, file, place);
  char *class = NULL;
  char values[DNMF_HDF5_NAME];
  char what[160];
  dnmf_status status = dnmf_matlab_class(error, file, place->name, &class);
  if (class)
    status = dnmf_matlab_check(error, path, file, place->name, class);
  free(class);
  DNMF_TRY(status);
  if (describe_pandas(file, place->name, values, what) && *values && dnmf_hdf5_exists(file, values)) {
    place->sparse = false;
    snprintf(place->name, sizeof place->name, "%s", values);
    return describe_dense(error, path, file, place);
  }
  if (describe_pandas(file, place->name, values, what))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s of %s is %s", place->name, path, what);
  inventory seen;
  take_inventory(file, &seen);
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "%s of %s is a group without the datasets data, indices and indptr of a sparse matrix; "
                   "the matrices in the file are: %s",
                   place->name, path, seen.candidates ? seen.candidate_list : "none");
}

static void find_index_base(hid_t file, dnmf_hdf5_place *place) {
  hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  if (root < 0 || !dnmf_hdf5_get_integers(root, "index_base", 1, &place->index_base) || place->index_base > 1)
    place->index_base = -1;
  dnmf_hdf5_release(root);
}

/* The attribute `missing` of the matrix, else of the file. */
static dnmf_status find_missing(dnmf_error *error, const char *path, hid_t file, dnmf_hdf5_place *place) {
  hid_t object = H5Oopen(file, place->name, H5P_DEFAULT);
  char *text = NULL;
  dnmf_status status = object < 0 ? DNMF_OK : dnmf_hdf5_get_text(error, object, "missing", &text);
  dnmf_hdf5_release(object);
  hid_t root = text || status != DNMF_OK ? -1 : H5Gopen2(file, "/", H5P_DEFAULT);
  if (root >= 0)
    status = dnmf_hdf5_get_text(error, root, "missing", &text);
  dnmf_hdf5_release(root);
  place->missing = DNMF_MISSING_ZERO;
  if (text && strcmp(text, "unobserved") == 0)
    place->missing = DNMF_MISSING_UNOBSERVED;
  else if (text && strcmp(text, "zero") != 0)
    status = dnmf_fail(error, DNMF_ERROR_INPUT,
                       "the attribute missing of %s is \"%.40s\"; it must be zero or unobserved", path, text);
  free(text);
  return status;
}

/* The root attribute `missing_cells`, of the matrix of our own files. */
static dnmf_status find_missing_cells(dnmf_error *error, const char *path, hid_t file, dnmf_hdf5_place *place) {
  hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  const bool there = root >= 0 && strcmp(place->name, "/matrix") == 0 && place->sparse &&
                     dnmf_hdf5_get_integers(root, "missing_cells", 1, &place->missing_cells);
  dnmf_hdf5_release(root);
  if (!there) {
    place->missing_cells = -1;
    return DNMF_OK;
  }
  const double missing = (double)place->rows * (double)place->cols - (double)place->stored;
  if (place->missing == DNMF_MISSING_UNOBSERVED && (double)place->missing_cells == missing)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "the attribute missing_cells of %s says that %" PRId64 " of %" PRId64 " x %" PRId64
                   " cells have no value, but %" PRId64 " are stored, and the attribute missing is %s",
                   path, place->missing_cells, place->rows, place->cols, place->stored,
                   dnmf_missing_name(place->missing));
}

dnmf_status dnmf_hdf5_find(dnmf_error *error, const char *path, hid_t file, const char *inner,
                           const char *feature_names, dnmf_hdf5_place *place) {
  memset(place, 0, sizeof *place);
  DNMF_TRY(inner && *inner ? find_named(error, path, file, inner, place) : find_unnamed(error, path, file, place));
  DNMF_TRY(describe_place(error, path, file, place));
  if (place->rows == 0 || place->cols == 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the matrix %s of %s is empty (%" PRId64 " x %" PRId64 ")", place->name,
                     path, place->rows, place->cols);
  DNMF_TRY(dnmf_hdf5_find_ids(error, path, file, feature_names, place));
  find_index_base(file, place);
  DNMF_TRY(find_missing(error, path, file, place));
  return find_missing_cells(error, path, file, place);
}
