/*
 * Ids looked up and named, wherever they are held.
 */
#ifndef DNMF_STORE_IDS_FIND_H
#define DNMF_STORE_IDS_FIND_H

#include "matrix/ids.h"

/* index[i] = the index in `ids` of this process's wanted id i, the bytes text[starts[i]] ... text[starts[i + 1]],
 * or -1 when there is none; each process asks for its own. Strings match byte for byte, integer ids any text that
 * is that integer, and where there are no ids the text is the index, from 0 to rows - 1. Ids may be in any order;
 * of equal ones the first is found, however often it is wanted. collective */
dnmf_status dnmf_ids_find(dnmf_context *context, const dnmf_ids *ids, int64_t rows, int64_t count,
                          const int64_t *starts, const char *text, int64_t *index);

/* The same for the ids of another list, `others`, held here: names may stand for several rows in both lists, and then
 * the first of a name is the first of that name, the second the second, and so on; what one list has more of is not
 * found. Equal lists so match place by place. Where `others` has no ids, its indices are the indices.
 * *repeated = ids of both lists that are not the first of their name, over all processes. collective */
dnmf_status dnmf_ids_match(dnmf_context *context, const dnmf_ids *ids, int64_t rows, const dnmf_ids *others,
                           int64_t *index, int64_t *repeated);

/* The ids held here as texts, numbered from range.begin where there are no ids: `texts` is of kind STRING, with the
 * range of `ids`; released with dnmf_ids_free, also after a failure. local */
dnmf_status dnmf_ids_to_text(dnmf_error *error, const dnmf_ids *ids, dnmf_ids *texts);

/* names, on process 0: the ids of its `count` indices as texts, in their order (the index itself where there are no
 * ids); those of the other processes are not looked at. Released with dnmf_ids_free, also after a failure.
 * collective */
dnmf_status dnmf_ids_name(dnmf_context *context, const dnmf_ids *ids, int64_t count, const int64_t *indices,
                          dnmf_ids *names);

#endif
