/*
 * The values of text: numbers as a person or a program wrote them, and fields that say that there is none.
 */
#ifndef DNMF_STORE_TEXT_VALUE_H
#define DNMF_STORE_TEXT_VALUE_H

#include "store/cell_rule.h"
#include "store/text/text_dialect.h"

typedef struct dnmf_value_rule {
  dnmf_cell_rule cells;
  char decimal;    /* as in the dialect */
  bool plain;      /* nothing is marked, shifted or written with commas */
  int64_t missing; /* fields without a value, which were left out here */
} dnmf_value_rule;

/* local */
dnmf_status dnmf_value_rule_read(dnmf_error *error, const dnmf_source_options *options, const dnmf_dialect *dialect,
                                 dnmf_value_rule *rule);

/* The value of a field, shifted: a finite, nonnegative number. A field without one gives NaN and is counted, where the
 * rule leaves it out; else it is an error. Fails without naming the place. local */
dnmf_status dnmf_text_value(dnmf_error *error, dnmf_value_rule *rule, const char *begin, const char *end,
                            double *value);

/* A number, or a date with or without a time of day (ISO 8601, UTC unless it says otherwise) as seconds since 1970.
 * local */
dnmf_status dnmf_text_time(dnmf_error *error, const char *begin, const char *end, double *seconds);

/* Whether a field is a number in that dialect, or says that there is none. local */
bool dnmf_text_is_number(char decimal, const char *begin, const char *end);
bool dnmf_text_is_missing(const char *begin, const char *end);

#endif
