/* The ids of a few indices, brought to process 0 from whoever holds them. */
#include "store/ids/ids_find.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 24 };

/* A name on its way: which of the wanted ones, and how long. */
typedef struct label {
  int64_t which;
  int64_t length;
} label;

/* The names held here, of the wanted indices. */
typedef struct bundle {
  int64_t count;
  int64_t bytes;
  label *labels;
  char *text;
} bundle;

static int64_t put_name(const dnmf_ids *ids, int64_t index, char *to) {
  char digits[DIGITS];
  const char *from = digits;
  int64_t length = 0;
  int64_t at = index - ids->range.begin;
  if (ids->kind == DNMF_IDS_STRING) {
    from = ids->text + ids->starts[at];
    length = ids->starts[at + 1] - ids->starts[at];
  } else {
    int64_t number = ids->kind == DNMF_IDS_INTEGER ? ids->numbers[at] : index;
    length = snprintf(digits, sizeof digits, "%" PRId64, number);
  }
  if (to && length > 0)
    memcpy(to, from, (size_t)length);
  return length;
}

static dnmf_status fill_bundle(dnmf_context *context, const dnmf_ids *ids, int64_t count, const int64_t *indices,
                               bundle *b) {
  void *memory = NULL;
  dnmf_range here = ids->range;
  if (ids->kind == DNMF_IDS_NONE)
    here = context->rank == 0 ? (dnmf_range){0, INT64_MAX} : (dnmf_range){0, 0};
  DNMF_TRY(dnmf_allocate(&context->error, "names", count, sizeof(label), &memory));
  b->labels = memory;
  for (int64_t i = 0; i < count; i++)
    if (indices[i] >= here.begin && indices[i] < here.end) {
      b->labels[b->count] = (label){i, put_name(ids, indices[i], NULL)};
      b->bytes += b->labels[b->count++].length;
    }
  DNMF_TRY(dnmf_allocate(&context->error, "names", b->bytes, 1, &memory));
  b->text = memory;
  char *to = b->text;
  for (int64_t n = 0; n < b->count; n++)
    to += put_name(ids, indices[b->labels[n].which], to);
  return DNMF_OK;
}

/* names = the bundles of all processes, in the order wanted. local */
static dnmf_status sort_names(dnmf_error *error, int64_t count, const label *labels, const char *text,
                              dnmf_ids *names) {
  void *memory = NULL;
  *names = (dnmf_ids){.kind = DNMF_IDS_STRING, .count = count, .range = {0, count}};
  DNMF_TRY(dnmf_allocate_zero(error, "names", count + 1, sizeof(int64_t), &memory));
  names->starts = memory;
  for (int64_t n = 0; n < count; n++)
    names->starts[labels[n].which + 1] = labels[n].length;
  for (int64_t i = 0; i < count; i++)
    names->starts[i + 1] += names->starts[i];
  DNMF_TRY(dnmf_allocate(error, "names", names->starts[count] + 1, 1, &memory));
  names->text = memory;
  for (int64_t n = 0; n < count; n++) {
    if (labels[n].length > 0)
      memcpy(names->text + names->starts[labels[n].which], text, (size_t)labels[n].length);
    text += labels[n].length;
  }
  return DNMF_OK;
}

/* Everybody's bundle to process 0. */
static dnmf_status collect_bundles(dnmf_context *context, const bundle *b, int64_t *counts, void **labels,
                                   void **text) {
  counts[0] = b->count;
  DNMF_TRY(dnmf_exchange(context, b->labels, counts, sizeof(label), labels, counts + context->size));
  counts[0] = b->bytes;
  return dnmf_exchange(context, b->text, counts, 1, text, counts + context->size);
}

dnmf_status dnmf_ids_name(dnmf_context *context, const dnmf_ids *ids, int64_t count, const int64_t *indices,
                          dnmf_ids *names) {
  bundle b = {0};
  void *wanted = NULL;
  void *counts = NULL;
  void *labels = NULL;
  void *text = NULL;
  memset(names, 0, sizeof *names);
  DNMF_TRY(dnmf_broadcast(context, &count, (int64_t)sizeof count, 0));
  dnmf_status status = dnmf_allocate(&context->error, "wanted names", count, sizeof(int64_t), &wanted);
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(&context->error, "name counts", 2 * (int64_t)context->size, sizeof(int64_t), &counts);
  if (status == DNMF_OK && context->rank == 0 && count > 0)
    memcpy(wanted, indices, (size_t)count * sizeof(int64_t));
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_broadcast(context, wanted, count * (int64_t)sizeof(int64_t), 0);
  if (status == DNMF_OK)
    status = dnmf_agree(context, fill_bundle(context, ids, count, wanted, &b));
  if (status == DNMF_OK)
    status = collect_bundles(context, &b, counts, &labels, &text);
  if (status == DNMF_OK && context->rank == 0)
    status = sort_names(&context->error, count, labels, text, names);
  status = dnmf_agree(context, status);
  free(b.labels);
  free(b.text);
  free(wanted);
  free(counts);
  free(labels);
  free(text);
  return status;
}
