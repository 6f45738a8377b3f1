#include "store/tenx.h"

#include "store/foreign.h"
#include "store/names.h"
#include "store/text/text_file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { COLUMN_ID = 1, COLUMN_NAME = 2, COLUMN_TYPE = 3 };

static const char *const PACKINGS[] = {"", ".gz", ".zst", ".xz", NULL};

/* Bytes of `name` before "matrix.mtx", packed or not; -1 when it does not end so. */
static int64_t prefix_length(const char *name) {
  static const char ending[] = "matrix.mtx";
  size_t length = strlen(name);
  for (const char *const *packing = PACKINGS; *packing; packing++) {
    size_t tail = sizeof ending - 1 + strlen(*packing);
    if (length >= tail && strncmp(name + length - tail, ending, sizeof ending - 1) == 0 &&
        strcmp(name + length - strlen(*packing), *packing) == 0)
      return (int64_t)(length - tail);
  }
  return -1;
}

/* The first file that there is of PREFIX with one of the names, packed or not. */
static void find_beside(const char *path, int64_t prefix, const char *const *names, char found[DNMF_TENX_PATH]) {
  struct stat about;
  for (; *names; names++)
    for (const char *const *packing = PACKINGS; *packing; packing++) {
      int length = snprintf(found, DNMF_TENX_PATH, "%.*s%s%s", (int)prefix, path, *names, *packing);
      if (length < DNMF_TENX_PATH && stat(found, &about) == 0 && S_ISREG(about.st_mode))
        return;
    }
  *found = 0;
}

static void find_names(const char *path, int64_t prefix, dnmf_tenx *found) {
  static const char *const barcodes[] = {"barcodes.tsv", NULL};
  static const char *const features[] = {"features.tsv", "genes.tsv", NULL};
  snprintf(found->matrix, sizeof found->matrix, "%s", path);
  find_beside(path, prefix, barcodes, found->barcodes);
  find_beside(path, prefix, features, found->features);
}

static dnmf_status refuse_folder(dnmf_error *error, const char *path) {
  DNMF_TRY(dnmf_text_locate(error, path, 0, dnmf_foreign_refuse_folder(error, path)));
  return dnmf_fail(error, DNMF_ERROR_FILE,
                   "%s is a directory without a matrix: name a file, or a directory with matrix.mtx, barcodes.tsv and "
                   "features.tsv (or genes.tsv), packed or not, as 10x Genomics has them",
                   path);
}

/* The one matrix of a folder. */
static dnmf_status look_into(dnmf_error *error, const char *path, DIR *folder, dnmf_tenx *found) {
  int matrices = 0;
  int64_t prefix = 0;
  char matrix[DNMF_TENX_PATH] = "";
  for (const struct dirent *entry; (entry = readdir(folder));) {
    const int64_t length = prefix_length(entry->d_name);
    if (length < 0)
      continue;
    const char *const slash = path[strlen(path) - 1] == '/' ? "" : "/";
    const int whole = snprintf(matrix, sizeof matrix, "%s%s%s", path, slash, entry->d_name);
    if (whole >= DNMF_TENX_PATH)
      return dnmf_fail(error, DNMF_ERROR_FILE, "%s: the name is too long", path);
    prefix = whole - (int64_t)strlen(entry->d_name) + length;
    matrices++;
  }
  if (matrices == 0)
    return refuse_folder(error, path);
  if (matrices > 1)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s holds %d matrices; name one of them, e.g. %s", path, matrices,
                     matrix);
  find_names(matrix, prefix, found);
  if (*found->barcodes && *found->features)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "%s holds %s, but not %s beside it; name the matrix itself to read it without names", path, matrix,
                   *found->features ? "barcodes.tsv" : "features.tsv or genes.tsv");
}

dnmf_status dnmf_tenx_find(dnmf_error *error, const char *path, dnmf_tenx *found) {
  struct stat about;
  memset(found, 0, sizeof *found);
  if (stat(path, &about) != 0)
    return DNMF_OK; /* whoever opens it says why */
  if (!S_ISDIR(about.st_mode)) {
    const int64_t prefix = prefix_length(path);
    if (prefix >= 0 && strlen(path) < DNMF_TENX_PATH)
      find_names(path, prefix, found);
    return DNMF_OK;
  }
  DIR *folder = opendir(path);
  if (!folder)
    return dnmf_fail(error, DNMF_ERROR_FILE, "cannot open %s: %s", path, strerror(errno));
  dnmf_status status = look_into(error, path, folder, found);
  closedir(folder);
  return status;
}

/* Lists of features and barcodes belong to rows and columns, or, of cells x genes, the other way round. */
static dnmf_status place_lists(dnmf_context *context, const dnmf_tenx *found, dnmf_ids *features, dnmf_ids *barcodes,
                               dnmf_ids *types, dnmf_source *source) {
  const bool straight =
      (!*found->features || features->count == source->rows) && (!*found->barcodes || barcodes->count == source->cols);
  const bool turned =
      (!*found->features || features->count == source->cols) && (!*found->barcodes || barcodes->count == source->rows);
  if (!straight && !turned)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                     "%s is %" PRId64 " x %" PRId64 ", but %s has %" PRId64 " lines and %s %" PRId64, found->matrix,
                     source->rows, source->cols, *found->features ? found->features : "(no list of features)",
                     features->count, *found->barcodes ? found->barcodes : "(no list of barcodes)", barcodes->count);
  source->has_features = true;
  source->features_in_cols = !straight;
  source->row_ids = straight ? *features : *barcodes;
  source->col_ids = straight ? *barcodes : *features;
  source->feature_types = *types;
  *features = *barcodes = *types = (dnmf_ids){.count = 0};
  return DNMF_OK;
}

static dnmf_status read_features(dnmf_context *context, const dnmf_tenx *found, const char *feature_names,
                                 dnmf_ids *features, dnmf_ids *types) {
  const bool name = feature_names && strcmp(feature_names, "name") == 0;
  if (feature_names && !name && strcmp(feature_names, "id") != 0)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "--feature-names %s: %s has id and name", feature_names,
                     found->features);
  DNMF_TRY(dnmf_names_read(context, found->features, name ? COLUMN_NAME : COLUMN_ID, false, features));
  return dnmf_names_read(context, found->features, COLUMN_TYPE, true, types);
}

dnmf_status dnmf_tenx_apply(dnmf_context *context, const dnmf_tenx *found, const char *feature_names,
                            dnmf_source *source) {
  dnmf_ids features = {0};
  dnmf_ids barcodes = {0};
  dnmf_ids types = {0};
  dnmf_status status = DNMF_OK;
  if (!*found->features && !*found->barcodes)
    return DNMF_OK;
  if (*found->features)
    status = read_features(context, found, feature_names, &features, &types);
  if (status == DNMF_OK && *found->barcodes)
    status = dnmf_names_read(context, found->barcodes, COLUMN_ID, false, &barcodes);
  if (status == DNMF_OK)
    status = place_lists(context, found, &features, &barcodes, &types, source);
  dnmf_ids_free(&features);
  dnmf_ids_free(&barcodes);
  dnmf_ids_free(&types);
  return status;
}
