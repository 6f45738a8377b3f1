/*
 * What parts the fields of a file, as options say it or its first lines show it.
 */
#ifndef DNMF_STORE_TEXT_DELIMITER_H
#define DNMF_STORE_TEXT_DELIMITER_H

#include "store/source.h"
#include "store/text/text_file.h"

/* The delimiter a person named: "comma", "tab", "blank", ... or the characters themselves; the rest
 * of the dialect is given. local */
dnmf_status dnmf_delimiter_parse(dnmf_error *error, const char *text, dnmf_dialect *dialect);

/* What options say of a dialect but for the delimiter; without options quotes are double. local */
dnmf_status dnmf_dialect_parse(dnmf_error *error, const dnmf_source_options *options, dnmf_dialect *dialect);

/* The delimiter that splits most of the first lines into the same number of fields, `least` to `most`; returns how many
 * lines: 0 when none does, and then the delimiter stays as it was. The rest of the dialect is given. local */
int dnmf_delimiter_guess(const dnmf_text_file *file, int64_t least, int64_t most, dnmf_dialect *dialect);

/* "comma", "tab", "'::'", ... written into `text`, for messages. local */
void dnmf_delimiter_name(const dnmf_dialect *dialect, char text[16]);

#endif
