/*
 * Lines split into fields.
 *
 * Fields may be quoted ("a,b", with "" for a quote inside); blanks around a field are no part of it. With the
 * blank delimiter any run of spaces and tabs separates.
 */
#ifndef DNMF_STORE_TEXT_FIELD_H
#define DNMF_STORE_TEXT_FIELD_H

#include "store/source.h"
#include "store/text/text_file.h"

typedef struct dnmf_delimiter {
  char text[8];
  int length; /* 0: blank */
} dnmf_delimiter;

typedef struct dnmf_field {
  char *begin;
  char *end;
  bool quoted;
  bool doubled;  /* holds "" for each quote: see dnmf_field_undouble */
  int64_t whole; /* the value of a plain integer >= 0 of up to 18 digits, as it would be printed; -1: anything else */
} dnmf_field;

/* The delimiter a person named: "comma", "tab", "blank", ... or the characters themselves. local */
dnmf_status dnmf_delimiter_parse(dnmf_error *error, const char *text, dnmf_delimiter *delimiter);

/* The delimiter that splits most of the first lines into the same number of fields, `least` or more; false when
 * none does. local */
bool dnmf_delimiter_guess(const dnmf_text_file *file, int64_t least, dnmf_delimiter *delimiter);

/* "comma", "tab", "'::'", ... written into `text`, for messages. local */
void dnmf_delimiter_name(const dnmf_delimiter *delimiter, char text[16]);

/* Splits a line: the number of its fields, the first `capacity` of which are filled in; -1 when a quote is not
 * closed. local */
int64_t dnmf_text_split(const dnmf_delimiter *delimiter, dnmf_text_line line, int64_t capacity, dnmf_field *fields);

/* Makes "" one quote again, in place. Once a field. local */
void dnmf_field_undouble(dnmf_field *field);

/* True when the field is `word`, in any case. local */
bool dnmf_field_is(const dnmf_field *field, const char *word);

#endif
