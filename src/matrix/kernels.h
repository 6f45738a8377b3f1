/*
 * The arithmetic under product.h and panel.h, one table for each precision and instruction set. One thread,
 * no allocation; the callers split the work and own the memory.
 *
 * Kernels read and write *padded* panels: rows of `padded` numbers, the components rounded up to whole
 * vectors, the padding zero. A panel whose components fill whole vectors is its own padded form.
 */
#ifndef DNMF_KERNELS_H
#define DNMF_KERNELS_H

#include "base/range.h"
#include "base/variant.h"
#include "matrix/bundles.h"
#include "matrix/csr.h"

/* A row-major part of a dense block. */
typedef struct dnmf_tile {
  const void *data;
  int64_t stride; /* from a row to the next */
  int64_t rows;
  int64_t cols;
  dnmf_number narrow; /* the type of its numbers; 0: the kernel's */
} dnmf_tile;

/* What a tile is multiplied with, and where the result is added: `width` components, whole vectors, of padded
 * panels whose rows are `padded` numbers apart. */
typedef struct dnmf_operands {
  const void *panel;
  void *out;
  int64_t padded;
  int64_t width;
} dnmf_operands;

typedef struct dnmf_number_kernel {
  /* Rows of `cols` numbers of any type, `stride` from one to the next, as numbers of the kernel's, side by side. */
  void (*convert)(dnmf_number number, const void *from, int64_t stride, int64_t rows, int64_t cols, void *to);
} dnmf_number_kernel;

typedef struct dnmf_dense_kernel {
  int vector; /* numbers in a vector */
  /* out (rows x width) += tile * panel (cols x width) */
  void (*multiply)(const dnmf_tile *tile, const dnmf_operands *operands);
  /* out (cols x width) += transpose(tile) * panel (rows x width) */
  void (*multiply_transposed)(const dnmf_tile *tile, const dnmf_operands *operands);
} dnmf_dense_kernel;

/* A part of a product that takes the panel's rows band by band, from the first on. */
typedef struct dnmf_csr_band {
  int64_t end;     /* of the band: the first row of the panel that is left for the next */
  int64_t *cursor; /* the next entry of each row of the result; at its start before the first band, moved on by each */
} dnmf_csr_band;

typedef struct dnmf_csr_kernel {
  /* out (a row of components for each of `begin` to `end`) = those rows of a * panel (cols x padded). With a `band`
   * (else NULL) what the band adds to what the bands before it left in `out`; the sums are those of whole rows, bit for
   * bit. */
  void (*multiply)(const dnmf_csr *a, int64_t begin, int64_t end, const void *panel, int64_t padded, void *out,
                   int components, const dnmf_csr_band *band);
} dnmf_csr_kernel;

typedef struct dnmf_csr_transposed_kernel {
  /* out (a's cols x padded) += transpose(the entries of some rows of `a` in some columns) * x, a padded row for each of
   * `rows`. */
  void (*add)(const dnmf_csr *a, dnmf_range rows, dnmf_range cols, const void *x, void *out, int64_t padded);
} dnmf_csr_transposed_kernel;

/* Some columns of a bundle. */
typedef struct dnmf_bundle_part {
  int64_t bundle;
  dnmf_range cols;
} dnmf_bundle_part;

/* The two panels of a product with a bundle: `width` components, whole vectors, at most as many as the kernel's
 * `widest`. */
typedef struct dnmf_bundle_operands {
  void *by_col; /* a row for each column of the block, `padded` numbers apart */
  int64_t padded;
  void *by_row; /* a row for each row of the bundle, `stride` apart */
  int64_t stride;
  int64_t width;
} dnmf_bundle_operands;

typedef struct dnmf_bundles_kernel {
  int widest; /* components */
  /* by_row += part * by_col */
  void (*add)(const dnmf_bundles *a, const dnmf_bundle_part *part, const dnmf_bundle_operands *operands);
  /* by_col += transpose(part) * by_row */
  void (*add_transposed)(const dnmf_bundles *a, const dnmf_bundle_part *part, const dnmf_bundle_operands *operands);
} dnmf_bundles_kernel;

typedef struct dnmf_panel_kernel {
  /* Sum of x_i * y_i, in double. */
  double (*dot)(const void *x, const void *y, int64_t count);
  /* x = a x + b y */
  void (*combine)(double a, void *x, double b, const void *y, int64_t count);
  void (*extrapolate)(double share, void *x, void *ahead, int64_t count);
} dnmf_panel_kernel;

/* What is known of a row that is being looked at, from its first column on. */
typedef struct dnmf_row_figures {
  uint64_t place; /* of its next entry, as base/entry_hash.h has it */
  double sum;     /* column after column */
  double squares;
  int64_t bad; /* local column of the first invalid value, or -1; the kernel leaves it */
} dnmf_row_figures;

typedef struct dnmf_figures_kernel {
  /* Looks at the next `cols` numbers of `count` rows, `stride` from one to the next: moves `rows` on, adds the entries'
   * hashes to *hash and marks columns with a nonzero in `seen` (a byte a column; NULL: not asked). False when some
   * number may be negative or not finite: all are valid when true. */
  bool (*look)(const void *values, int64_t stride, int64_t count, int64_t cols, uint8_t *seen, dnmf_row_figures *rows,
               uint64_t *hash);
} dnmf_figures_kernel;

/* The two sums a loss is made of, over some entries; see divergence.h. */
typedef struct dnmf_divergence_sums {
  double stored;
  double powers; /* with beta = 0 and 1 left alone */
} dnmf_divergence_sums;

/* A beta-divergence for the kernels: beta, and the least number that P counts as where it is divided by. */
typedef struct dnmf_divergence_form {
  double beta;
  double floor;
  double floor_ratio; /* floor^(beta-2) */
  double floor_slope; /* floor^(beta-1) */
} dnmf_divergence_form;

/* Entries as arrays, with the formulas of divergence.h; a, p and n have `count` numbers. */
typedef struct dnmf_divergence_kernel {
  /* n = a p^(beta-2), p = p^(beta-1) unless beta is 1; adds to `sums`, if not NULL. */
  void (*ratios)(const dnmf_divergence_form *form, int64_t count, const void *a, void *p, void *n,
                 dnmf_divergence_sums *sums);
  /* p = p^(beta-1); returns the sum of p^beta. */
  double (*denominators)(const dnmf_divergence_form *form, int64_t count, void *p);
  /* to[e] = row . panel row index[e], over `padded` numbers. */
  void (*dots)(const void *row, const void *panel, int64_t padded, const int32_t *index, int64_t count, void *to);
  /* to += sum of factor[e] * panel row index[e] */
  void (*add_rows)(const void *factor, const void *panel, int64_t padded, const int32_t *index, int64_t count,
                   void *to);
} dnmf_divergence_kernel;

static inline int64_t dnmf_at_most(int64_t count, int64_t limit) {
  return count < limit ? count : limit;
}

/* `count` rounded up to a multiple of `step`. */
static inline int64_t dnmf_round_up(int64_t count, int64_t step) {
  return (count + step - 1) / step * step;
}

DNMF_DECLARE_VARIANTS(dnmf_number_kernel, dnmf_number_kernel);
DNMF_DECLARE_VARIANTS(dnmf_figures_kernel, dnmf_figures_kernel);
DNMF_DECLARE_VARIANTS(dnmf_dense_kernel, dnmf_dense_kernel);
DNMF_DECLARE_VARIANTS(dnmf_csr_kernel, dnmf_csr_kernel);
DNMF_DECLARE_VARIANTS(dnmf_csr_transposed_kernel, dnmf_csr_transposed_kernel);
DNMF_DECLARE_VARIANTS(dnmf_bundles_kernel, dnmf_bundles_kernel);
DNMF_DECLARE_VARIANTS(dnmf_panel_kernel, dnmf_panel_kernel);
DNMF_DECLARE_VARIANTS(dnmf_divergence_kernel, dnmf_divergence_kernel);

#endif
