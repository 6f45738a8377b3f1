/* Where the rows of W are during a mini-batch fit. */
#include "fit/batch_fit.h"

#include "batch_state.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>

dnmf_range dnmf_batch_place(const dnmf_context *context, int64_t rows, int64_t batch_rows, int64_t batch) {
  int64_t share = dnmf_range_size(dnmf_batch_share(rows, batch_rows, 0, context->size, context->rank));
  int64_t count = dnmf_range_size(dnmf_batch_share(rows, batch_rows, batch, context->size, context->rank));
  dnmf_range place = {batch * share, batch * share + count};
  return place;
}

int64_t dnmf_batch_w_rows(const dnmf_context *context, int64_t rows, int64_t batch_rows) {
  return dnmf_batch_place(context, rows, batch_rows, dnmf_batch_count(rows, batch_rows) - 1).end;
}

/* Rows of a batch that this process has in one order and each of the others has in the other. */
typedef struct exchange_counts {
  int64_t *of_batch; /* this process's share of the batch, cut by the even shares of all rows */
  int64_t *of_share; /* this process's even share of all rows, cut by the shares of the batch */
} exchange_counts;

static void count_rows(const dnmf_context *context, int64_t rows, int64_t batch_rows, int64_t batch,
                       const exchange_counts *counts) {
  dnmf_range all = {0, rows};
  dnmf_range my_batch = dnmf_batch_share(rows, batch_rows, batch, context->size, context->rank);
  dnmf_range my_share = dnmf_range_split(all, context->size, context->rank);
  for (int r = 0; r < context->size; r++) {
    dnmf_range share = dnmf_range_split(all, context->size, r);
    dnmf_range part = dnmf_batch_share(rows, batch_rows, batch, context->size, r);
    counts->of_batch[r] = dnmf_range_size(dnmf_range_overlap(my_batch, share));
    counts->of_share[r] = dnmf_range_size(dnmf_range_overlap(my_share, part));
  }
}

/* Batch by batch, so that what is exchanged lies in order on both sides. */
static dnmf_status exchange_batches(dnmf_context *context, int64_t rows, int64_t batch_rows, bool to_shares,
                                    const dnmf_panel *w, const dnmf_panel *shares, const exchange_counts *counts) {
  dnmf_range all = {0, rows};
  dnmf_range my_share = dnmf_range_split(all, context->size, context->rank);
  size_t row_bytes = (size_t)w->components * dnmf_precision_size(w->precision);
  for (int64_t batch = 0; batch < dnmf_batch_count(rows, batch_rows); batch++) {
    dnmf_range place = dnmf_batch_place(context, rows, batch_rows, batch);
    dnmf_range wanted = dnmf_range_overlap(dnmf_batch_rows(rows, batch_rows, batch), my_share);
    dnmf_range here = {wanted.begin - my_share.begin, wanted.end - my_share.begin};
    dnmf_panel batch_part = dnmf_panel_rows(w, place);
    dnmf_panel share_part = dnmf_panel_rows(shares, here);
    count_rows(context, rows, batch_rows, batch, counts);
    if (to_shares)
      DNMF_TRY(dnmf_exchange_known(context, batch_part.data, counts->of_batch, row_bytes, share_part.data,
                                   counts->of_share));
    else
      DNMF_TRY(dnmf_exchange_known(context, share_part.data, counts->of_share, row_bytes, batch_part.data,
                                   counts->of_batch));
  }
  return DNMF_OK;
}

static dnmf_status exchange(dnmf_context *context, int64_t rows, int64_t batch_rows, bool to_shares,
                            const dnmf_panel *w, const dnmf_panel *shares) {
  void *memory = NULL;
  dnmf_status status =
      dnmf_allocate(&context->error, "row counts", 2 * (int64_t)context->size, sizeof(int64_t), &memory);
  exchange_counts counts = {memory, (int64_t *)memory + context->size};
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = exchange_batches(context, rows, batch_rows, to_shares, w, shares, &counts);
  free(memory);
  return status;
}

dnmf_status dnmf_batch_w_to_shares(dnmf_context *context, int64_t rows, int64_t batch_rows, const dnmf_panel *w,
                                   dnmf_panel *shares) {
  return exchange(context, rows, batch_rows, true, w, shares);
}

dnmf_status dnmf_batch_w_from_shares(dnmf_context *context, int64_t rows, int64_t batch_rows, const dnmf_panel *shares,
                                     dnmf_panel *w) {
  return exchange(context, rows, batch_rows, false, w, shares);
}
