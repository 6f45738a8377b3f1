/*
 * Panels to and from padded ones: rows of whole vectors, the padding zero (kernels.h).
 */
#ifndef DNMF_PADDED_H
#define DNMF_PADDED_H

#include "comm/context.h"

/* Numbers in a padded row. local */
int64_t dnmf_padded_width(const dnmf_context *context, dnmf_precision precision, int components);

/* Copies rows of `components` numbers into rows of `padded`, the rest zero; and back. local */
void dnmf_pad_rows(dnmf_precision precision, const void *from, int components, int64_t rows, void *to, int64_t padded);
void dnmf_unpad_rows(dnmf_precision precision, const void *from, int64_t padded, int64_t rows, void *to,
                     int components);

/* dnmf_pad_rows by all threads. local */
void dnmf_pad_rows_threaded(const dnmf_context *context, dnmf_precision precision, const void *from, int components,
                            int64_t rows, void *to, int64_t padded);

#endif
