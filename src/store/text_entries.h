/*
 * What the text readers share: entries collected while parsing, and the load that partitions them.
 */
#ifndef DNMF_STORE_TEXT_ENTRIES_H
#define DNMF_STORE_TEXT_ENTRIES_H

#include "dnmf/source.h"
#include "store/text_field.h"

/* source->state of a text source. */
typedef struct dnmf_text_state {
  dnmf_entries entries; /* of this process's lines, in file order; gone once loaded */
  int64_t capacity;
} dnmf_text_state;

/* Makes an empty state and sets type, load and close. local */
dnmf_status dnmf_text_state_create(dnmf_error *error, dnmf_source *source, dnmf_text_state **state);

/* Appends an entry. local */
dnmf_status dnmf_text_append(dnmf_error *error, dnmf_text_state *state, int64_t row, int64_t col, double value);

/* The value of a field: a finite, nonnegative number; fails without naming the place, see dnmf_text_agree. local */
dnmf_status dnmf_text_value(dnmf_error *error, const char *begin, const char *end, double *value);

/* Fails unless a line has as many fields as it should; `count` as dnmf_text_split returned it. local */
dnmf_status dnmf_text_check_fields(dnmf_error *error, int64_t count, int64_t wanted, const char *hint);

#endif
