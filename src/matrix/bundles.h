/*
 * A sparse block in bundles of rows, each held by columns: for products with panels larger than a second-level cache.
 *
 * Compressed rows take for each entry a row of the panel that lies anywhere, mostly in a cache that all cores share. A
 * bundle has as many rows as a panel of theirs stays in the cache of one core: both products walk through a bundle
 * column after column, and so through the other panel from its first row to its last, while rows that lie anywhere are
 * the bundle's. Rows of entries are told in 16 bits.
 *
 * Every sum is made in the order that product.h says: its bits are those of compressed rows.
 */
#ifndef DNMF_BUNDLES_H
#define DNMF_BUNDLES_H

#include "base/range.h"
#include "matrix/csr.h"

enum { DNMF_BUNDLE_ROWS = 1024 };

typedef struct dnmf_bundles {
  int64_t rows; /* local */
  int64_t cols;
  int64_t height;  /* rows of a bundle, at most UINT16_MAX; of the last one, at most */
  int64_t count;   /* bundles */
  int64_t *first;  /* count + 1: the first entry of each bundle */
  int64_t *before; /* cols + 1: entries of the columns before each, of all bundles */
  uint32_t *end;   /* count x cols: where the entries of a column end in each bundle, from the bundle's first on */
  uint16_t *row;   /* of each entry, counted in its bundle; ascending in each column of a bundle */
  void *value;     /* numbers of the matrix's precision, or as `narrow` says */
  dnmf_number narrow;
} dnmf_bundles;

/* Whether both products with a block are faster so: panels are larger than the cache of a core, and columns have some
 * entries in a bundle, on average. `stored` is the block's, or an estimate. local */
bool dnmf_bundles_pay(dnmf_precision precision, int64_t rows, int64_t cols, double stored, int64_t padded);

/* Bytes of a block held so; values are of type `number`. local */
double dnmf_bundles_bytes(dnmf_number number, int64_t height, int64_t rows, int64_t cols, double stored);

/* The block `from`, whose columns ascend in every row, in bundles of `height` rows; height * columns are
 * fewer than 32 bits count. Released with dnmf_bundles_free. local */
dnmf_status dnmf_bundles_create(dnmf_error *error, const dnmf_csr *from, dnmf_precision precision, int threads,
                                int64_t height, dnmf_bundles *bundles);
void dnmf_bundles_free(dnmf_bundles *bundles); /* local; accepts a zeroed one, and leaves one */

static inline bool dnmf_bundles_exist(const dnmf_bundles *bundles) {
  return bundles->first != NULL;
}

/* The rows of a bundle. local */
static inline dnmf_range dnmf_bundle_rows(const dnmf_bundles *bundles, int64_t bundle) {
  const int64_t begin = bundle * bundles->height;
  const int64_t end = begin + bundles->height;
  return (dnmf_range){begin, end < bundles->rows ? end : bundles->rows};
}

#endif
