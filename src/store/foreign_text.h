/*
 * Text in forms that are not read, told by its first line.
 */
#ifndef DNMF_STORE_FOREIGN_TEXT_H
#define DNMF_STORE_FOREIGN_TEXT_H

#include "base/status.h"

#include <stdint.h>

/* Fails, see dnmf_foreign_refuse, when text begins as no table and no triples do. local */
dnmf_status dnmf_foreign_refuse_text(dnmf_error *error, const char *path, const char *bytes, int64_t count,
                                     const char *packing);

#endif
