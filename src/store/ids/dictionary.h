/*
 * Ids over all processes: from strings met locally to dnmf_ids.
 */
#ifndef DNMF_STORE_DICTIONARY_H
#define DNMF_STORE_DICTIONARY_H

#include "matrix/ids.h"
#include "store/ids/interner.h"

/* DNMF_IDS_INTEGER when every string of every process is an integer as it would be printed and fits 64 bits,
 * else DNMF_IDS_STRING. collective */
dnmf_status dnmf_ids_agree_kind(dnmf_context *context, const dnmf_interner *strings, dnmf_id_kind *kind);

/* ids->numbers, or starts and text, from strings first ... first + count - 1; the rest of `ids` is the caller's.
 * All strings must fit the kind. local */
dnmf_status dnmf_ids_fill(dnmf_error *error, dnmf_id_kind kind, const dnmf_interner *strings, int64_t first,
                          int64_t count, dnmf_ids *ids);

/* The union of all processes' strings, sorted (integers by value, strings by bytes), so that the order does not
 * depend on how many processes there are. `ids` holds it distributed; *numbers (the caller frees it) gives for
 * each local string its index there. A sample sort: no process holds all ids. collective */
dnmf_status dnmf_dictionary_build(dnmf_context *context, const dnmf_interner *strings, dnmf_ids *ids,
                                  int64_t **numbers);

#endif
