/*
 * Ids over all processes: from strings met locally to dnmf_ids.
 */
#ifndef DNMF_STORE_DICTIONARY_H
#define DNMF_STORE_DICTIONARY_H

#include "matrix/ids.h"
#include "store/ids/interner.h"

/* The union of all processes' strings, sorted (integers by value, strings by bytes), so that the order does not
 * depend on how many processes there are. `ids` holds it distributed; *numbers (the caller frees it) gives for
 * each local string its index there. A sample sort: no process holds all ids. collective */
dnmf_status dnmf_dictionary_build(dnmf_context *context, const dnmf_interner *strings, dnmf_ids *ids,
                                  int64_t **numbers);

#endif
