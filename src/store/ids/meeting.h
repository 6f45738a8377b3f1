/*
 * Byte strings (keys) of all processes brought together: each travels to a home, which equal keys share, and a number
 * comes back for it.
 *
 *   dnmf_meeting_send(...)     every key to its home; it arrives in the order of processes, and of each in its order
 *   dnmf_meeting_bring(...)    a number beside each key, likewise
 *   dnmf_meeting_answer(...)   the homes' numbers back to where the keys came from
 *
 * Both what gives ids their numbers (dictionary.h) and what looks ids up (ids_find.h) are made of these.
 */
#ifndef DNMF_STORE_MEETING_H
#define DNMF_STORE_MEETING_H

#include "comm/context.h"

/* Keys one after another. */
typedef struct dnmf_keys {
  int64_t count;
  int64_t *starts; /* count + 1 offsets into text */
  char *text;
} dnmf_keys;

/* Room for `count` keys of `bytes` bytes together; starts[0] = 0, the rest is the caller's. Released with
 * dnmf_keys_free, also after a failure. local */
dnmf_status dnmf_keys_allocate(dnmf_error *error, int64_t count, int64_t bytes, dnmf_keys *keys);
void dnmf_keys_free(dnmf_keys *keys); /* local; accepts zeroed keys */

static inline int64_t dnmf_key_length(const dnmf_keys *keys, int64_t at) {
  return keys->starts[at + 1] - keys->starts[at];
}

typedef struct dnmf_meeting {
  int64_t *place;    /* of each key held here among those sent */
  int64_t *sent;     /* keys for each process */
  int64_t *received; /* keys from each process */
  dnmf_keys arrived;
} dnmf_meeting;

/* Sends key i to process home[i]. Released with dnmf_meeting_free, also after a failure. collective */
dnmf_status dnmf_meeting_send(dnmf_context *context, const dnmf_keys *keys, const int *home, dnmf_meeting *meeting);

/* *arrived (the caller frees it): beside each key that arrived, the number that was beside it in `numbers`, which has
 * one for each of the `count` keys held here. collective */
dnmf_status dnmf_meeting_bring(dnmf_context *context, const dnmf_meeting *meeting, const int64_t *numbers,
                               int64_t count, int64_t **arrived);

/* numbers[i] = what its home answers for key i, of the `count` held here; `answers` has a number for each key that
 * arrived. collective */
dnmf_status dnmf_meeting_answer(dnmf_context *context, dnmf_meeting *meeting, const int64_t *answers, int64_t count,
                                int64_t *numbers);

void dnmf_meeting_free(dnmf_meeting *meeting); /* local; accepts a zeroed one */

#endif
