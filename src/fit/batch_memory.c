/* What a mini-batch fit takes, counted before it begins. */
#include "fit/batch_fit.h"

#include "batch_state.h"

#include "comm/collective.h"
#include "matrix/divergence.h"
#include "matrix/product.h"

/* A row's sums while the matrix is checked: a little more than the survey keeps. */
enum { SURVEY_ROW_BYTES = 48 };

static int64_t ids_bytes(const dnmf_ids *ids) {
  int64_t count = dnmf_range_size(ids->range);
  if (ids->kind == DNMF_IDS_STRING)
    return (count + 1) * (int64_t)sizeof(int64_t) + (ids->starts ? ids->starts[count] : 0);
  return ids->kind == DNMF_IDS_INTEGER ? count * (int64_t)sizeof(int64_t) : 0;
}

static double larger(double a, double b) {
  return a > b ? a : b;
}

/* H and the sums of its size, and a mark a column. */
static double h_bytes(const dnmf_context *context, int64_t cols, dnmf_precision precision,
                      const dnmf_settings *settings) {
  dnmf_range all = {0, cols};
  int k = settings->components;
  int64_t owned = dnmf_range_size(dnmf_range_split(all, context->size, 0));
  double sums = dnmf_panel_bytes(owned, k, precision);
  double factor = dnmf_factor_bytes(cols, owned, context->size, k, precision);
  if (settings->loss.divergence && settings->loss.beta != 1) /* denominators of H, partial and owned */
    factor += dnmf_panel_bytes(cols, k, precision) + sums;
  return factor + 2 * sums + (double)cols;
}

/* Under a divergence: two panels and one of denominators, a sparse block by columns, of at most half of both blocks,
 * and P in pieces. */
static double divergence_bytes(const dnmf_context *context, const dnmf_source *source, dnmf_precision precision,
                               const dnmf_settings *settings, double blocks) {
  const int k = settings->components;
  const double beta = settings->loss.beta;
  const int64_t share = dnmf_range_size(dnmf_batch_place(context, source->rows, settings->batches.rows, 0));
  const double columns = source->sparse ? blocks / 2 + (double)(source->cols + 1) * sizeof(int64_t) : 0;
  const double survey = (double)share * SURVEY_ROW_BYTES;
  return 3 * dnmf_panel_bytes(share, k, precision) + columns +
         larger(survey, dnmf_divergence_bytes(context, source->sparse, precision, beta, share, source->cols, k));
}

/* What goes with the blocks of A: two panels, and the step that takes most. */
static double work_bytes(const dnmf_context *context, const dnmf_source *source, dnmf_precision precision,
                         const dnmf_settings *settings, double blocks) {
  if (settings->loss.divergence)
    return divergence_bytes(context, source, precision, settings, blocks);
  int k = settings->components;
  int64_t share = dnmf_range_size(dnmf_batch_place(context, source->rows, settings->batches.rows, 0));
  double most = (double)share * (double)source->cols;
  double product = dnmf_product_bytes(context, source->sparse, true, precision, share, source->cols, most, k);
  double solver = larger(dnmf_solver_bytes(settings->solver, precision, context->isa, context->threads, share, k),
                         dnmf_solver_bytes(DNMF_SOLVER_BPP, precision, context->isa, context->threads, share, k));
  double gram = dnmf_panel_gram_bytes(context->threads, k, precision);
  double survey = (double)share * SURVEY_ROW_BYTES;
  return 2 * dnmf_panel_bytes(share, k, precision) + larger(larger(product, survey), larger(solver, gram));
}

dnmf_status dnmf_batch_count_memory(dnmf_context *context, const dnmf_source *source, dnmf_precision precision,
                                    const dnmf_settings *settings, dnmf_batch_memory *memory) {
  int64_t rows = dnmf_batch_w_rows(context, source->rows, settings->batches.rows);
  int64_t blocks = 0;
  DNMF_TRY(dnmf_row_blocks_bytes(context, source, precision, settings->batches.rows, &blocks));
  double w = dnmf_panel_bytes(rows, settings->components, precision);
  /* When the model is put together, W's second copy takes the place of the blocks. */
  double batch = larger((double)blocks + work_bytes(context, source, precision, settings, (double)blocks),
                        context->size > 1 ? w : 0);
  double parts[] = {batch, w, h_bytes(context, source->cols, precision, settings),
                    (double)(ids_bytes(&source->row_ids) + ids_bytes(&source->col_ids))};
  DNMF_TRY(dnmf_max_doubles(context, context->comm, parts, 4));
  *memory = (dnmf_batch_memory){parts[0], parts[1], parts[2], parts[3], parts[0] + parts[1] + parts[2] + parts[3]};
  return DNMF_OK;
}
