/* Describing components. */
#include "model/describe.h"

#include "api/library.h"
#include "api/model.h"
#include "base/memory.h"
#include "comm/collective.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* What process 0 knows, in one message. */
typedef struct described_item {
  int64_t position;
  double weight;
  double share;
} described_item;

/* Lists of `top` places; the description's own are shorter where there is not so much to list. */
static void pack_description(const dnmf_description *d, int64_t top, described_item *items, double *component_shares) {
  for (int c = 0; c < d->components; c++) {
    component_shares[c] = d->share[c];
    for (int64_t t = 0; t < top; t++)
      items[c * top + t] = (described_item){-1, NAN, NAN};
    for (int64_t t = 0; t < d->counts[c]; t++) {
      const dnmf_description_entry *entry = &d->entries[c * d->top + t];
      items[c * top + t] = (described_item){entry->index, entry->weight, entry->share};
    }
  }
}

static dnmf_status describe_side(dnmf_context *context, const dnmf_model *model, bool of_rows, dnmf_describe_by by,
                                 int64_t top, described_item *items, double *component_shares) {
  dnmf_description description = {0};
  dnmf_status status = dnmf_describe(context, model, of_rows, by, DNMF_DESCRIBE_LAMBDA, top, &description);
  if (status == DNMF_OK && context->rank == 0)
    pack_description(&description, top, items, component_shares);
  if (status == DNMF_OK)
    status = dnmf_broadcast(context, items, model->components * top * (int64_t)sizeof *items, 0);
  if (status == DNMF_OK)
    status = dnmf_broadcast(context, component_shares, model->components * (int64_t)sizeof(double), 0);
  dnmf_description_free(&description);
  return status;
}

int dnmf_model_describe(dnmf_library *library, const dnmf_model *model, bool of_rows, const char *by, int64_t top,
                        int64_t *positions, double *weights, double *shares, double *component_shares) {
  static const char *const orders[] = {"relevance", "excess", "lift", "weight", NULL};
  enum { MOST_LISTED = 1000000 };
  dnmf_context *context = dnmf_library_enter(library);
  void *items = NULL;
  void *wholes = NULL;
  int order = 0;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_model_check(context, "dnmf_model_describe", model);
  if (status != DNMF_OK)
    return dnmf_library_leave(library, status);
  status = dnmf_choose(&context->error, "by", by, orders, &order);
  if (status == DNMF_OK && (top < 1 || top > MOST_LISTED))
    status = dnmf_fail(&context->error, DNMF_ERROR_USAGE, "dnmf_model_describe: top is %" PRId64 "; give 1 to %d", top,
                       MOST_LISTED);
  const int64_t count = model->components * top;
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "a description", count, sizeof(described_item), &items);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "a description", model->components, sizeof(double), &wholes);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = describe_side(context, model, of_rows, (dnmf_describe_by)order, top, items, wholes);
  for (int64_t i = 0; i < count && status == DNMF_OK; i++) {
    const described_item *item = (const described_item *)items + i;
    if (positions)
      positions[i] = item->position;
    if (weights)
      weights[i] = item->weight;
    if (shares)
      shares[i] = item->share;
  }
  for (int c = 0; c < model->components && status == DNMF_OK && component_shares; c++)
    component_shares[c] = ((const double *)wholes)[c];
  free(items);
  free(wholes);
  return dnmf_library_leave(library, status);
}
