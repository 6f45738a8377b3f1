/* Ids from strings met locally. */
#include "store/ids/dictionary.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/text/text_number.h"

#include <string.h>

static bool integer_at(const dnmf_interner *strings, int64_t index, int64_t *value) {
  return dnmf_parse_canonical_integer(strings->text + strings->starts[index],
                                      strings->text + strings->starts[index + 1], value);
}

dnmf_status dnmf_ids_agree_kind(dnmf_context *context, const dnmf_interner *strings, dnmf_id_kind *kind) {
  int64_t value = 0;
  int64_t others = 0;
  for (int64_t i = 0; i < strings->count && others == 0; i++)
    others = integer_at(strings, i, &value) ? 0 : 1;
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &others, 1));
  *kind = others == 0 ? DNMF_IDS_INTEGER : DNMF_IDS_STRING;
  return DNMF_OK;
}

static dnmf_status fill_strings(dnmf_error *error, const dnmf_interner *strings, int64_t first, int64_t count,
                                dnmf_ids *ids) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "ids", count + 1, sizeof(int64_t), &memory));
  ids->starts = memory;
  ids->starts[0] = 0;
  for (int64_t i = 0; i < count; i++)
    ids->starts[i + 1] = strings->starts[first + i + 1] - strings->starts[first];
  DNMF_TRY(dnmf_allocate(error, "the text of ids", ids->starts[count], 1, &memory));
  ids->text = memory;
  if (memory)
    memcpy(ids->text, strings->text + strings->starts[first], (size_t)ids->starts[count]);
  return DNMF_OK;
}

dnmf_status dnmf_ids_fill(dnmf_error *error, dnmf_id_kind kind, const dnmf_interner *strings, int64_t first,
                          int64_t count, dnmf_ids *ids) {
  ids->kind = kind;
  if (kind == DNMF_IDS_STRING)
    return fill_strings(error, strings, first, count, ids);
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "ids", count, sizeof(int64_t), &memory));
  ids->numbers = memory;
  for (int64_t i = 0; i < count; i++)
    integer_at(strings, first + i, &ids->numbers[i]);
  return DNMF_OK;
}
