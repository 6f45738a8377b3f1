/*
 * What text_file.c, text_join.c and text_reader.c share.
 */
#ifndef DNMF_STORE_TEXT_READ_H
#define DNMF_STORE_TEXT_READ_H

#include "store/text/text_file.h"

/* Exactly `bytes` bytes from `offset` on of a file that every process has open. local */
dnmf_status dnmf_text_read(dnmf_error *error, const dnmf_text_file *file, int64_t offset, int64_t bytes, char *to);

/* Takes the CR of a CRLF off; false when the line is blank or a comment that is passed over. local */
bool dnmf_text_line_trim(const dnmf_text_file *file, dnmf_text_line *line);

/* The place of the line feed that ends the line at `begin`, or NULL. local */
char *dnmf_text_line_end(const dnmf_text_file *file, char *begin, char *end);

/* How many line feeds there are. local */
int64_t dnmf_text_count_feeds(const char *begin, const char *end);

#endif
