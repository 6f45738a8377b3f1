/*
 * Ids that are positions in a list of categories. Both lists are held in even shares; each process fetches the
 * categories that its own positions name, as items of the width of the longest.
 */
#include "base/memory.h"
#include "comm/collective.h"
#include "matrix/fetch.h"
#include "store/hdf5/hdf5_slab.h"
#include "store/ids/ids_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What this process looks up. */
typedef struct lookup {
  const dnmf_ids *codes;
  const dnmf_ids *categories;
  dnmf_fetch fetch;
  int64_t wanted; /* distinct categories named here */
  int64_t *place; /* of each code's category among those, -1: none */
} lookup;

static dnmf_status check_codes(dnmf_error *error, const char *path, const dnmf_ids_place *place, const lookup *l) {
  for (int64_t i = 0; i < dnmf_range_size(l->codes->range); i++)
    if (l->codes->numbers[i] >= l->categories->count || l->codes->numbers[i] < -1)
      return dnmf_fail(error, DNMF_ERROR_INPUT,
                       "%s of %s is damaged: item %" PRId64 " is %" PRId64 ", but there are %" PRId64 " categories",
                       place->name, path, l->codes->range.begin + i, l->codes->numbers[i], l->categories->count);
    else if (l->codes->numbers[i] < 0 && l->categories->kind == DNMF_IDS_INTEGER)
      return dnmf_fail(error, DNMF_ERROR_INPUT, "the ids %s of %s: item %" PRId64 " has no category", place->name, path,
                       l->codes->range.begin + i);
  return DNMF_OK;
}

static dnmf_status plan(dnmf_context *context, lookup *l) {
  void *places = NULL;
  void *bounds = NULL;
  int64_t *distinct = NULL;
  int64_t count = dnmf_range_size(l->codes->range);
  dnmf_range all = {0, l->categories->count};
  dnmf_status status = dnmf_allocate(&context->error, "positions of ids", count, sizeof(int64_t), &places);
  l->place = places;
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "ranges of ids", context->size + (int64_t)1, sizeof(int64_t), &bounds);
  for (int r = 0; r <= context->size && status == DNMF_OK; r++)
    ((int64_t *)bounds)[r] = r < context->size ? dnmf_range_split(all, context->size, r).begin : all.end;
  if (status == DNMF_OK)
    status = dnmf_fetch_list(&context->error, count, l->codes->numbers, &distinct, &l->wanted, l->place);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_fetch_plan(context, bounds, distinct, l->wanted, &l->fetch);
  free(distinct);
  free(bounds);
  return status;
}

static dnmf_status fetch_numbers(dnmf_context *context, const lookup *l, dnmf_ids *ids) {
  void *fetched = NULL;
  void *numbers = NULL;
  int64_t count = dnmf_range_size(ids->range);
  dnmf_status status = dnmf_allocate(&context->error, "ids", l->wanted, sizeof(int64_t), &fetched);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "ids", count, sizeof(int64_t), &numbers);
  ids->numbers = numbers;
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_fetch_items(context, &l->fetch, l->categories->numbers, sizeof(int64_t), fetched);
  for (int64_t i = 0; i < count && status == DNMF_OK; i++)
    ids->numbers[i] = ((const int64_t *)fetched)[l->place[i]];
  free(fetched);
  return status;
}

/* An item on its way: the length, then the text. */
static dnmf_status pack_categories(dnmf_error *error, const dnmf_ids *categories, size_t width, char **items) {
  void *memory = NULL;
  int64_t count = dnmf_range_size(categories->range);
  DNMF_TRY(dnmf_allocate_zero(error, "ids to send", count, width, &memory));
  *items = memory;
  for (int64_t i = 0; i < count; i++) {
    int64_t length = categories->starts[i + 1] - categories->starts[i];
    char *item = *items + (size_t)i * width;
    memcpy(item, &length, sizeof length);
    if (length)
      memcpy(item + sizeof length, categories->text + categories->starts[i], (size_t)length);
  }
  return DNMF_OK;
}

/* The item of a place; its text, unless that is empty, follows the length. */
static int64_t unpack_item(const char *items, size_t width, int64_t place, const char **text) {
  int64_t length = 0;
  *text = NULL;
  if (!items || place < 0)
    return 0;
  memcpy(&length, items + (size_t)place * width, sizeof length);
  if (length > 0)
    *text = items + (size_t)place * width + sizeof length;
  return length;
}

static dnmf_status unpack(dnmf_error *error, const lookup *l, const char *items, size_t width, dnmf_ids *ids) {
  void *memory = NULL;
  const char *text = NULL;
  int64_t count = dnmf_range_size(ids->range);
  DNMF_TRY(dnmf_allocate_zero(error, "ids", count + 1, sizeof(int64_t), &memory));
  ids->starts = memory;
  for (int64_t i = 0; i < count; i++)
    ids->starts[i + 1] = ids->starts[i] + unpack_item(items, width, l->place[i], &text);
  DNMF_TRY(dnmf_allocate(error, "ids", ids->starts[count], 1, &memory));
  ids->text = memory;
  for (int64_t i = 0; i < count; i++) {
    int64_t length = unpack_item(items, width, l->place[i], &text);
    if (text)
      memcpy(ids->text + ids->starts[i], text, (size_t)length);
  }
  return DNMF_OK;
}

static dnmf_status fetch_strings(dnmf_context *context, const lookup *l, dnmf_ids *ids) {
  char *packed = NULL;
  void *fetched = NULL;
  int64_t longest = 0;
  DNMF_TRY(dnmf_ids_width(context, l->categories, &longest));
  size_t width = sizeof(int64_t) + (size_t)longest;
  dnmf_status status = pack_categories(&context->error, l->categories, width, &packed);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "ids", l->wanted, width, &fetched);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_fetch_items(context, &l->fetch, packed, width, fetched);
  if (status == DNMF_OK)
    status = dnmf_agree(context, unpack(&context->error, l, fetched, width, ids));
  free(packed);
  free(fetched);
  return status;
}

/* The ids that `codes` stand for. */
static dnmf_status look_up(dnmf_context *context, const char *path, const dnmf_ids_place *place, const dnmf_ids *codes,
                           const dnmf_ids *categories, dnmf_ids *ids) {
  lookup l = {.codes = codes, .categories = categories};
  dnmf_status status = DNMF_OK;
  if (codes->kind != DNMF_IDS_INTEGER)
    status = dnmf_fail(&context->error, DNMF_ERROR_INPUT, "the codes %s of %s are not integers", place->name, path);
  else
    status = check_codes(&context->error, path, place, &l);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = plan(context, &l);
  *ids = (dnmf_ids){.kind = categories->kind, .count = codes->count, .range = codes->range};
  if (status == DNMF_OK)
    status = categories->kind == DNMF_IDS_INTEGER ? fetch_numbers(context, &l, ids) : fetch_strings(context, &l, ids);
  dnmf_fetch_free(&l.fetch);
  free(l.place);
  return status;
}

dnmf_status dnmf_ids_read_place(dnmf_context *context, const char *path, hid_t file, const dnmf_ids_place *place,
                                int64_t count, dnmf_ids *ids) {
  dnmf_ids codes = {0};
  dnmf_ids categories = {0};
  dnmf_hdf5_shape shape = {0};
  memset(ids, 0, sizeof *ids);
  if (!*place->categories)
    return dnmf_agree(context, dnmf_ids_read(context, path, file, place->name, place->field, count, ids));
  dnmf_status status = dnmf_ids_read(context, path, file, place->name, place->field, count, &codes);
  if (status == DNMF_OK)
    status = dnmf_hdf5_describe(&context->error, file, place->categories, &shape);
  if (status == DNMF_OK)
    status = dnmf_ids_read(context, path, file, place->categories, "", shape.extent[0], &categories);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = look_up(context, path, place, &codes, &categories, ids);
  dnmf_ids_free(&codes);
  dnmf_ids_free(&categories);
  return status;
}
