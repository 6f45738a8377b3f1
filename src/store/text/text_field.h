/*
 * Lines split into fields.
 *
 * Fields may be quoted ("a,b", with "" for a quote inside, or \" where the dialect says so); blanks around a field are
 * no part of it. With the blank delimiter any run of spaces and tabs separates.
 */
#ifndef DNMF_STORE_TEXT_FIELD_H
#define DNMF_STORE_TEXT_FIELD_H

#include "base/status.h"
#include "store/text/text_dialect.h"
#include "store/text/text_line.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct dnmf_field {
  char *begin;
  char *end;
  bool quoted;
  const dnmf_dialect *escaped; /* a quoted field with escaped characters, see dnmf_field_unescape; NULL: none; not
                                  owned, the dialect it was split by */
  int64_t whole; /* the value of a plain integer >= 0 of up to 18 digits, as it would be printed; -1: anything else */
} dnmf_field;

/* Splits a line: the number of its fields, the first `capacity` of which are filled in; DNMF_OPEN_QUOTE when a quoted
 * field does not end, DNMF_TEXT_BEHIND_QUOTE when something else than a delimiter follows one. local */
enum { DNMF_OPEN_QUOTE = -1, DNMF_TEXT_BEHIND_QUOTE = -2 };
int64_t dnmf_text_split(const dnmf_dialect *dialect, dnmf_text_line line, int64_t capacity, dnmf_field *fields);

/* Fails with the reason for such a count. local */
dnmf_status dnmf_text_refuse_quotes(dnmf_error *error, int64_t count);

/* The end of the line that begins at `begin`, where a quoted field may hold line breaks: the place of its line feed, or
 * NULL when it is not there. local */
char *dnmf_text_record_end(const dnmf_dialect *dialect, char *begin, char *end);

/* Takes what stands before quotes inside a quoted field away, in place. local */
void dnmf_field_unescape(dnmf_field *field);

/* True when the field is `word`, in any case. local */
bool dnmf_field_is(const dnmf_field *field, const char *word);

#endif
