#include "store/ids/id_list.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/text/text_number.h"

#include <stdlib.h>
#include <string.h>

dnmf_status dnmf_id_list_append(dnmf_error *error, dnmf_id_list *list, const char *bytes, int64_t length) {
  void *memory = list->starts;
  dnmf_status status = dnmf_grow(error, "names", list->count + 2, sizeof(int64_t), &list->starts_capacity, &memory);
  list->starts = memory;
  DNMF_TRY(status);
  if (list->count == 0)
    list->starts[0] = 0;
  const int64_t at = list->starts[list->count];
  memory = list->text;
  status = dnmf_grow(error, "names", at + length + 1, 1, &list->text_capacity, &memory);
  list->text = memory;
  DNMF_TRY(status);
  if (length > 0)
    memcpy(list->text + at, bytes, (size_t)length);
  list->starts[++list->count] = at + length;
  return DNMF_OK;
}

void dnmf_id_list_free(dnmf_id_list *list) {
  free(list->starts);
  free(list->text);
  memset(list, 0, sizeof *list);
}

dnmf_status dnmf_ids_agree_kind(dnmf_context *context, int64_t count, const int64_t *starts, const char *text,
                                dnmf_id_kind *kind) {
  int64_t value = 0;
  int64_t others = 0;
  for (int64_t i = 0; i < count && others == 0; i++)
    others = !dnmf_parse_canonical_integer(text + starts[i], text + starts[i + 1], &value);
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &others, 1));
  *kind = others == 0 ? DNMF_IDS_INTEGER : DNMF_IDS_STRING;
  return DNMF_OK;
}

static dnmf_status fill_numbers(dnmf_error *error, const dnmf_id_list *list, int64_t first, dnmf_ids *ids) {
  void *memory = NULL;
  const int64_t count = dnmf_range_size(ids->range);
  DNMF_TRY(dnmf_allocate(error, "ids", count, sizeof(int64_t), &memory));
  ids->numbers = memory;
  for (int64_t i = 0; i < count; i++)
    dnmf_parse_canonical_integer(list->text + list->starts[first + i], list->text + list->starts[first + i + 1],
                                 &ids->numbers[i]);
  return DNMF_OK;
}

static dnmf_status fill_strings(dnmf_error *error, const dnmf_id_list *list, int64_t first, dnmf_ids *ids) {
  void *memory = NULL;
  const int64_t count = dnmf_range_size(ids->range);
  DNMF_TRY(dnmf_allocate_zero(error, "ids", count + 1, sizeof(int64_t), &memory));
  ids->starts = memory;
  for (int64_t i = 0; i < count; i++)
    ids->starts[i + 1] = list->starts[first + i + 1] - list->starts[first];
  DNMF_TRY(dnmf_allocate(error, "the text of ids", ids->starts[count], 1, &memory));
  ids->text = memory;
  if (ids->starts[count] > 0)
    memcpy(ids->text, list->text + list->starts[first], (size_t)ids->starts[count]);
  return DNMF_OK;
}

dnmf_status dnmf_ids_of_list(dnmf_context *context, const dnmf_id_list *list, int64_t first, dnmf_range range,
                             int64_t count, dnmf_ids *ids) {
  *ids = (dnmf_ids){.count = count, .range = range};
  DNMF_TRY(dnmf_ids_agree_kind(context, list->count, list->starts, list->text, &ids->kind));
  dnmf_status status = ids->kind == DNMF_IDS_STRING ? fill_strings(&context->error, list, first, ids)
                                                    : fill_numbers(&context->error, list, first, ids);
  return dnmf_agree(context, status);
}
