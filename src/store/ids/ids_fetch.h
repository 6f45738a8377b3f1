/* Ids of any range, wherever they are held. */
#ifndef DNMF_STORE_IDS_FETCH_H
#define DNMF_STORE_IDS_FETCH_H

#include "matrix/ids.h"

/* Makes `fetched` hold the ids of `wanted`, which may differ from process to process and overlap; released with
 * dnmf_ids_free, also after a failure. collective */
dnmf_status dnmf_ids_fetch(dnmf_context *context, const dnmf_ids *ids, dnmf_range wanted, dnmf_ids *fetched);

#endif
