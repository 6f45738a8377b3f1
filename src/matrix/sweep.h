/*
 * Both products of this process's dense block of A in one pass over it, for a process that holds whole rows: tile by
 * tile, A X for the tile's rows, then whatever the caller makes of them, then the tile's share of transpose(A) Y while
 * the tile is in cache. Local arithmetic, threaded; the sums are those of product.h, bit for bit, however a sweep is
 * cut into tiles and on any number of threads.
 *
 *   dnmf_sweep_begin(context, a, h, &sweep)
 *   for each tile of dnmf_sweep_tile_rows rows:
 *     dnmf_sweep_multiply(context, &sweep, tile, products)      products = A_tile H
 *     ... update the tile's rows of W ...
 *     dnmf_sweep_accumulate(context, &sweep, tile, w of tile)   sums += transpose(A_tile) W_tile
 *   dnmf_sweep_finish(&sweep, &out)                             out = sums
 *
 * The threads share a tile: they split its rows for the first product and its columns for the second, so
 * there is one array of sums, and no reduction. A sparse block is read twice: two panels at a time would share the
 * cache that both products live on, and the entries are the smaller part of what they read (measured).
 */
#ifndef DNMF_SWEEP_H
#define DNMF_SWEEP_H

#include "matrix/matrix.h"
#include "matrix/panel.h"

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

/* The pieces that products are made in, between which messages under way move on: rows of A X at a time; of
 * transpose(A) X, DNMF_SWEEP_TRANSPOSED_ROWS rows of A at a time, columns of those. local */
enum { DNMF_SWEEP_TRANSPOSED_ROWS = 4096 };
int64_t dnmf_sweep_rows_at_once(const dnmf_context *context, int64_t rows);
int64_t dnmf_sweep_columns_at_once(const dnmf_context *context, dnmf_precision precision, int64_t cols, int64_t padded);

/* Whether a tile of rows of so many numbers stays in cache at all, and the sums beside it: otherwise two products
 * move less than a sweep. local */
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

/* A sweep ready for dnmf_sweep_multiply when given a panel (else NULL), for dnmf_sweep_accumulate with `sums`. local */
dnmf_status dnmf_sweep_prepare(dnmf_context *context, const dnmf_matrix *a, int components, const dnmf_panel *panel,
                               bool sums, dnmf_sweep *sweep);

/* Bytes of what every sweep through a block with so many rows works with, panel and sums apart. local */
double dnmf_sweep_scratch_bytes(const dnmf_context *context, dnmf_precision precision, int64_t rows, int components);

#endif
