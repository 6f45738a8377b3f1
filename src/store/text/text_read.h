/*
 * What text_file.c and text_reader.c share.
 */
#ifndef DNMF_STORE_TEXT_READ_H
#define DNMF_STORE_TEXT_READ_H

#include "store/text/text_file.h"

/* Exactly `bytes` bytes from `offset` on. local */
dnmf_status dnmf_text_read(dnmf_error *error, const dnmf_text_file *file, int64_t offset, int64_t bytes, char *to);

/* Takes the CR of a CRLF off; false when the line is blank or a comment. local */
bool dnmf_text_line_trim(dnmf_text_line *line);

#endif
