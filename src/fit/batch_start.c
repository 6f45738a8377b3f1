/*
 * The start of a mini-batch fit from singular vectors: each of the products with A that they take is a pass over the
 * file, and W comes in batch order.
 */
#include "fit/batch_fit.h"

#include "batch_state.h"

#include "base/memory.h"
#include "init/svd.h"
#include "matrix/product.h"

#include <stdlib.h>
#include <string.h>

/* A, batch after batch. */
typedef struct batch_products {
  dnmf_row_blocks *blocks;
  int64_t rows;
  int64_t batch_rows;
  dnmf_panel share; /* what a batch adds to A'x */
} batch_products;

/* out += A_b' x, or rows of out = A_b x. */
static dnmf_status batch_multiply_one(dnmf_context *context, batch_products *p, int64_t batch, bool transposed,
                                      const dnmf_panel *x, dnmf_panel *out) {
  const dnmf_range place = dnmf_batch_place(context, p->rows, p->batch_rows, batch);
  dnmf_matrix *block = NULL;
  DNMF_TRY(dnmf_row_blocks_next(context, p->blocks, true, &block));
  if (!transposed) {
    dnmf_panel some = dnmf_panel_rows(out, place);
    return dnmf_multiply(context, block, x, &some);
  }
  const dnmf_panel some = dnmf_panel_rows(x, place);
  dnmf_panel share = p->share;
  share.components = x->components; /* of a small matrix there are fewer */
  DNMF_TRY(dnmf_multiply_transposed(context, block, &some, &share));
  dnmf_panel_combine(context, batch == 0 ? 0 : 1, out, 1, &share);
  return DNMF_OK;
}

static dnmf_status batch_multiply_all(dnmf_context *context, void *state, bool transposed, const dnmf_panel *x,
                                      dnmf_panel *out) {
  batch_products *p = state;
  for (int64_t batch = 0; batch < dnmf_batch_count(p->rows, p->batch_rows); batch++)
    DNMF_TRY(batch_multiply_one(context, p, batch, transposed, x, out));
  return DNMF_OK;
}

/* The layout whose rows are those of each process in batch order. */
static dnmf_status batch_order(dnmf_context *context, const dnmf_layout *even, int64_t batch_rows, dnmf_layout *order) {
  DNMF_TRY(dnmf_layout_even(&context->error, even->grid, even->rows, even->cols, order));
  for (int r = 0; r < context->size; r++) {
    dnmf_context other = {.rank = r, .size = context->size};
    order->row_begin[r + 1] = order->row_begin[r] + dnmf_batch_w_rows(&other, even->rows, batch_rows);
  }
  return DNMF_OK;
}

/* What takes the place of zeros depends on the rows' own numbers. */
static void fill_w(const dnmf_context *context, const dnmf_matrix *a, const dnmf_batch_start *start, dnmf_panel *w) {
  for (int64_t batch = 0; batch < dnmf_batch_count(a->rows, start->batch_rows); batch++) {
    dnmf_factor rows = {.components = w->components,
                        .owned = dnmf_batch_share(a->rows, start->batch_rows, batch, context->size, context->rank)};
    rows.mine = dnmf_panel_rows(w, dnmf_batch_place(context, a->rows, start->batch_rows, batch));
    dnmf_start_fill_zeros(a, start->fill, start->seed, false, &rows);
  }
}

dnmf_status dnmf_batch_start_svd(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                                 const dnmf_matrix *a, const dnmf_batch_start *start, dnmf_panel *w, dnmf_factor *h) {
  const int columns = w->components + DNMF_SVD_OVERSAMPLING;
  batch_products p = {.rows = a->rows, .batch_rows = start->batch_rows};
  dnmf_layout order = {.rows = 0};
  dnmf_factor rows = {.components = w->components, .mine = *w};
  dnmf_status status = dnmf_panel_create(&context->error, "a batch's share", a->cols, columns, a->precision, &p.share);
  if (status == DNMF_OK)
    status = batch_order(context, layout, start->batch_rows, &order);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_row_blocks_open(context, source, a->precision, start->batch_rows, 0, &p.blocks);
  const dnmf_svd_products products = {&p, batch_multiply_all};
  if (status == DNMF_OK)
    status = dnmf_start_svd(context, &order, a, &products, DNMF_SVD_FILL_ZERO, start->seed, &rows, h);
  if (status == DNMF_OK) {
    fill_w(context, a, start, w);
    dnmf_start_fill_zeros(a, start->fill, start->seed, true, h);
  }
  dnmf_row_blocks_close(p.blocks);
  dnmf_layout_free(&order);
  dnmf_panel_free(&p.share);
  return status;
}
