/*
 * Products of this process's block of A with a factor panel. Local arithmetic, threaded; no communication.
 * The panels' precision is the matrix's.
 *
 * Every entry of a product is summed in an order fixed by the block alone, so results do not depend on the
 * number of threads, nor on how a sweep is cut into tiles. A sum that is on its way between processes (collective.h)
 * moves on meanwhile.
 */
#ifndef DNMF_PRODUCT_H
#define DNMF_PRODUCT_H

#include "dnmf/matrix.h"
#include "dnmf/panel.h"

/* Work memory that the larger of the two products takes while it runs, in bytes, for a block of `rows` x `cols` with
 * `stored` entries. local */
double dnmf_product_bytes(const dnmf_context *context, bool sparse, dnmf_precision precision, int64_t rows,
                          int64_t cols, double stored, int components);

/* In how many bands a product with this block, or its transpose, takes the panel: more than one where the block is
 * sparse and the panel larger than a cache. The sums are the same, bit for bit. local */
int64_t dnmf_product_bands(const dnmf_context *context, const dnmf_matrix *a, bool transposed, int components);

/* out (block rows x k) = A_ij * panel (block columns x k). local */
dnmf_status dnmf_multiply(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel, dnmf_panel *out);

/* out (block columns x k) = transpose(A_ij) * panel (block rows x k). local */
dnmf_status dnmf_multiply_transposed(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel,
                                     dnmf_panel *out);

/*
 * Both products in one pass over a dense block, for a process that holds whole rows of A: tile by tile, A X
 * for the tile's rows, then whatever the caller makes of them, then the tile's share of transpose(A) Y while
 * the tile is in cache.
 *
 *   dnmf_sweep_begin(context, a, h, &sweep)
 *   for each tile of dnmf_sweep_tile_rows rows:
 *     dnmf_sweep_multiply(context, &sweep, tile, products)      products = A_tile H
 *     ... update the tile's rows of W ...
 *     dnmf_sweep_accumulate(context, &sweep, tile, w of tile)   sums += transpose(A_tile) W_tile
 *   dnmf_sweep_finish(&sweep, &out)                             out = sums
 *
 * The threads share a tile: they split its rows for the first product and its columns for the second, so
 * there is one array of sums, and no reduction.
 */
typedef struct dnmf_sweep {
  const dnmf_matrix *a;
  int components;
  int64_t padded;    /* components rounded up to whole vectors */
  const void *panel; /* block columns x padded */
  void *panel_copy;  /* owned storage of `panel`, if it is not the caller's */
  void *sums;        /* block columns x padded */
  void *scratch;     /* padded rows on their way in or out */
} dnmf_sweep;

/* A good number of rows for a tile: what stays in cache between the two products, and a multiple of
 * DNMF_SWEEP_TILE_STEP. Tiles must begin at multiples of that step (counted in the block). local */
enum { DNMF_SWEEP_TILE_STEP = 128 };
int64_t dnmf_sweep_tile_rows(const dnmf_context *context, dnmf_number number, int64_t cols);

/* Whether a tile of rows of so many numbers stays in cache at all, and the sums beside it: otherwise two products move
 * less than a sweep. local */
bool dnmf_sweep_fits(dnmf_precision precision, dnmf_number number, int64_t cols, int components);

/* Work memory of a sweep until it is finished, in bytes. local */
double dnmf_sweep_bytes(const dnmf_context *context, dnmf_precision precision, int64_t rows, int64_t cols,
                        int components);

/* `panel` (block columns x k) must not change until the sweep is finished. After success the sweep is
 * released by dnmf_sweep_finish. local */
dnmf_status dnmf_sweep_begin(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel, dnmf_sweep *sweep);

/* out (size(rows) x k) = those rows of A * panel. `rows` counts from the block's first row. local */
void dnmf_sweep_multiply(dnmf_context *context, const dnmf_sweep *sweep, dnmf_range rows, void *out);

/* Adds transpose(those rows of A) * x, x being size(rows) x k. local */
void dnmf_sweep_accumulate(dnmf_context *context, dnmf_sweep *sweep, dnmf_range rows, const void *x);

/* out (block columns x k) = everything accumulated; releases the sweep. `out` may be NULL. local */
void dnmf_sweep_finish(dnmf_sweep *sweep, dnmf_panel *out);

#endif
