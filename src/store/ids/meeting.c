#include "store/ids/meeting.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>
#include <string.h>

void dnmf_keys_free(dnmf_keys *keys) {
  free(keys->starts);
  free(keys->text);
  memset(keys, 0, sizeof *keys);
}

dnmf_status dnmf_keys_allocate(dnmf_error *error, int64_t count, int64_t bytes, dnmf_keys *keys) {
  void *memory = NULL;
  memset(keys, 0, sizeof *keys);
  DNMF_TRY(dnmf_allocate(error, "ids to exchange", count + 1, sizeof(int64_t), &memory));
  keys->starts = memory;
  keys->starts[0] = 0;
  DNMF_TRY(dnmf_allocate(error, "ids to exchange", bytes, 1, &memory));
  keys->text = memory;
  keys->count = count;
  return DNMF_OK;
}

void dnmf_meeting_free(dnmf_meeting *meeting) {
  free(meeting->place);
  free(meeting->sent);
  dnmf_keys_free(&meeting->arrived);
  memset(meeting, 0, sizeof *meeting);
}

/* The keys by home: their lengths, one behind the other, and their bytes; fills place and sent, and the bytes sent to
 * each process. */
static dnmf_status pack_keys(dnmf_context *context, const dnmf_keys *keys, const int *home, dnmf_meeting *meeting,
                             dnmf_keys *packed, int64_t *sent_bytes) {
  void *memory = NULL;
  const int size = context->size;
  int64_t *const lengths_begin = meeting->received; /* not needed yet: where the next key of each home goes */
  DNMF_TRY(dnmf_allocate(&context->error, "ids to exchange", keys->count, sizeof(int64_t), &memory));
  meeting->place = memory;
  DNMF_TRY(dnmf_keys_allocate(&context->error, keys->count, keys->starts[keys->count], packed));
  for (int64_t i = 0; i < keys->count; i++) {
    meeting->sent[home[i]]++;
    sent_bytes[home[i]] += dnmf_key_length(keys, i);
  }
  for (int p = 1; p < size; p++)
    lengths_begin[p] = lengths_begin[p - 1] + meeting->sent[p - 1];
  for (int64_t i = 0; i < keys->count; i++) {
    meeting->place[i] = lengths_begin[home[i]]++;
    packed->starts[meeting->place[i] + 1] = dnmf_key_length(keys, i);
  }
  for (int64_t i = 0; i < keys->count; i++)
    packed->starts[i + 1] += packed->starts[i];
  for (int64_t i = 0; i < keys->count; i++)
    if (dnmf_key_length(keys, i) > 0)
      memcpy(packed->text + packed->starts[meeting->place[i]], keys->text + keys->starts[i],
             (size_t)dnmf_key_length(keys, i));
  return DNMF_OK;
}

/* Lengths in place of starts, which begin at 0: item i is the length of key i, the last is not looked at. */
static void starts_to_lengths(dnmf_keys *keys) {
  for (int64_t i = 0; i < keys->count; i++)
    keys->starts[i] = keys->starts[i + 1] - keys->starts[i];
}

static dnmf_status lengths_to_starts(dnmf_error *error, const int64_t *lengths, dnmf_keys *keys) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "ids to exchange", keys->count + 1, sizeof(int64_t), &memory));
  keys->starts = memory;
  keys->starts[0] = 0;
  for (int64_t i = 0; i < keys->count; i++)
    keys->starts[i + 1] = keys->starts[i] + lengths[i];
  return DNMF_OK;
}

static dnmf_status exchange_keys(dnmf_context *context, dnmf_keys *packed, const int64_t *sent_bytes,
                                 int64_t *received_bytes, dnmf_meeting *meeting) {
  void *text = NULL;
  void *lengths = NULL;
  DNMF_TRY(dnmf_exchange(context, packed->text, sent_bytes, 1, &text, received_bytes));
  meeting->arrived.text = text;
  starts_to_lengths(packed);
  DNMF_TRY(dnmf_exchange(context, packed->starts, meeting->sent, sizeof(int64_t), &lengths, meeting->received));
  for (int p = 0; p < context->size; p++)
    meeting->arrived.count += meeting->received[p];
  dnmf_status status = lengths_to_starts(&context->error, lengths, &meeting->arrived);
  free(lengths);
  return dnmf_agree(context, status);
}

dnmf_status dnmf_meeting_send(dnmf_context *context, const dnmf_keys *keys, const int *home, dnmf_meeting *meeting) {
  const int size = context->size;
  dnmf_keys packed = {0};
  void *memory = NULL;
  memset(meeting, 0, sizeof *meeting);
  dnmf_status status =
      dnmf_allocate_zero(&context->error, "message counts", 4 * (int64_t)size, sizeof(int64_t), &memory);
  int64_t *counts = memory;
  meeting->sent = counts;
  if (status == DNMF_OK && counts) {
    meeting->received = counts + size;
    status = pack_keys(context, keys, home, meeting, &packed, counts + 2 * (int64_t)size);
  }
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = exchange_keys(context, &packed, counts + 2 * (int64_t)size, counts + 3 * (int64_t)size, meeting);
  dnmf_keys_free(&packed);
  return status;
}

dnmf_status dnmf_meeting_bring(dnmf_context *context, const dnmf_meeting *meeting, const int64_t *numbers,
                               int64_t count, int64_t **arrived) {
  void *sorted = NULL;
  void *received = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "numbers of ids", count, sizeof(int64_t), &sorted);
  for (int64_t i = 0; i < count && status == DNMF_OK; i++)
    ((int64_t *)sorted)[meeting->place[i]] = numbers[i];
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_exchange(context, sorted, meeting->sent, sizeof(int64_t), &received, meeting->received);
  free(sorted);
  *arrived = received;
  return status;
}

dnmf_status dnmf_meeting_answer(dnmf_context *context, dnmf_meeting *meeting, const int64_t *answers, int64_t count,
                                int64_t *numbers) {
  void *mine = NULL;
  DNMF_TRY(dnmf_exchange(context, answers, meeting->received, sizeof(int64_t), &mine, meeting->sent));
  for (int64_t i = 0; i < count; i++)
    numbers[i] = ((const int64_t *)mine)[meeting->place[i]];
  free(mine);
  return DNMF_OK;
}
