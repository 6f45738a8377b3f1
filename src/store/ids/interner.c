#include "store/ids/interner.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
  FIRST_SLOTS = 1024,
  INTEGER_TEXT = 20,                                            /* digits of the longest */
  VALUES_A_SLOT = sizeof(dnmf_interner_slot) / sizeof(uint32_t) /* by value as much memory as by slots, at most */
};

static uint64_t load32(const char *bytes) {
  uint32_t word = 0;
  memcpy(&word, bytes, sizeof word);
  return word;
}

/* Eight bytes that tell apart all strings of the same length up to eight. */
static uint64_t prefix_of(const char *bytes, int64_t length) {
  uint64_t word = 0;
  if (length >= 8) {
    memcpy(&word, bytes, sizeof word);
    return word;
  }
  if (length >= 4)
    return load32(bytes) << 32 | load32(bytes + length - 4);
  for (int64_t i = 0; i < length; i++)
    word = word << 8 | (unsigned char)bytes[i];
  return word;
}

/* The slot of a string, or the free one where it belongs. */
static dnmf_interner_slot *interner_find(const dnmf_interner *interner, const char *bytes, int64_t length) {
  uint64_t prefix = prefix_of(bytes, length);
  uint64_t mask = (uint64_t)interner->slot_count - 1;
  for (uint64_t at = XXH3_64bits(bytes, (size_t)length) & mask;; at = (at + 1) & mask) {
    dnmf_interner_slot *slot = &interner->slots[at];
    if (slot->number == 0)
      return slot;
    if (slot->prefix == prefix && slot->length == (uint32_t)length &&
        (length <= 8 || memcmp(interner->text + interner->starts[slot->number - 1], bytes, (size_t)length) == 0))
      return slot;
  }
}

static dnmf_status grow_slots(dnmf_error *error, dnmf_interner *interner) {
  int64_t slots = interner->slot_count > 0 ? 2 * interner->slot_count : FIRST_SLOTS;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "the table of ids", slots, sizeof(dnmf_interner_slot), &memory));
  dnmf_interner_slot *old = interner->slots;
  int64_t old_count = interner->slot_count;
  interner->slots = memory;
  interner->slot_count = slots;
  for (int64_t i = 0; i < old_count; i++)
    if (old[i].number > 0)
      *interner_find(interner, interner->text + interner->starts[old[i].number - 1], old[i].length) = old[i];
  free(old);
  return DNMF_OK;
}

static dnmf_status interner_append(dnmf_error *error, dnmf_interner *interner, const char *bytes, int64_t length) {
  if (length > INT32_MAX || interner->count >= UINT32_MAX - 1)
    return dnmf_fail(error, DNMF_ERROR_MEMORY, "more ids, or longer ones, than one process can hold; use more");
  void *memory = interner->starts;
  dnmf_status status =
      dnmf_grow(error, "the table of ids", interner->count + 2, sizeof(int64_t), &interner->starts_capacity, &memory);
  interner->starts = memory;
  DNMF_TRY(status);
  if (interner->count == 0)
    interner->starts[0] = 0;
  int64_t begin = interner->starts[interner->count];
  memory = interner->text;
  status = dnmf_grow(error, "the text of ids", begin + length, 1, &interner->text_capacity, &memory);
  interner->text = memory;
  DNMF_TRY(status);
  if (length > 0)
    memcpy(interner->text + begin, bytes, (size_t)length);
  interner->starts[++interner->count] = begin + length;
  return DNMF_OK;
}

dnmf_status dnmf_intern(dnmf_error *error, dnmf_interner *interner, const char *bytes, int64_t length,
                        int64_t *number) {
  if (2 * interner->count >= interner->slot_count)
    DNMF_TRY(grow_slots(error, interner));
  dnmf_interner_slot *slot = interner_find(interner, bytes, length);
  if (slot->number == 0) {
    DNMF_TRY(interner_append(error, interner, bytes, length));
    slot->prefix = prefix_of(bytes, length);
    slot->length = (uint32_t)length;
    slot->number = (uint32_t)interner->count;
  }
  *number = (int64_t)slot->number - 1;
  return DNMF_OK;
}

/* Makes `value` one that is recognised at once, unless it is too large for the ids there are. */
static dnmf_status remember(dnmf_error *error, dnmf_interner *interner, int64_t value, int64_t number) {
  if (value >= VALUES_A_SLOT * interner->slot_count)
    return DNMF_OK;
  if (value >= interner->value_count) {
    int64_t count = FIRST_SLOTS;
    while (count <= value)
      count *= 2;
    void *memory = NULL;
    DNMF_TRY(dnmf_allocate_zero(error, "the table of ids", count, sizeof(uint32_t), &memory));
    if (interner->value_count > 0)
      memcpy(memory, interner->by_value, (size_t)interner->value_count * sizeof(uint32_t));
    free(interner->by_value);
    interner->by_value = memory;
    interner->value_count = count;
  }
  interner->by_value[value] = (uint32_t)number + 1;
  return DNMF_OK;
}

dnmf_status dnmf_intern_integer(dnmf_error *error, dnmf_interner *interner, int64_t value, int64_t *number) {
  const uint32_t known = dnmf_interned_value(interner, value);
  if (known > 0) {
    *number = (int64_t)known - 1;
    return DNMF_OK;
  }
  char text[INTEGER_TEXT];
  int64_t begin = INTEGER_TEXT;
  uint64_t left = (uint64_t)value;
  do
    text[--begin] = (char)('0' + left % 10);
  while ((left /= 10) > 0);
  DNMF_TRY(dnmf_intern(error, interner, text + begin, INTEGER_TEXT - begin, number));
  return remember(error, interner, value, *number);
}

void dnmf_interner_free(dnmf_interner *interner) {
  free(interner->starts);
  free(interner->text);
  free(interner->slots);
  free(interner->by_value);
  memset(interner, 0, sizeof *interner);
}
