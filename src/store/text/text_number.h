/*
 * Numbers in text. The whole field must be the number.
 */
#ifndef DNMF_STORE_TEXT_NUMBER_H
#define DNMF_STORE_TEXT_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* A decimal number, correctly rounded, or nan, inf, infinity in any case; false when the field is none.
 * local */
bool dnmf_parse_real(const char *begin, const char *end, double *value);

/* A decimal integer that fits; a sign and leading zeros are accepted. local */
bool dnmf_parse_integer(const char *begin, const char *end, int64_t *value);

/* The same, but only as it would be printed: two texts are equal exactly when their integers are. local */
bool dnmf_parse_canonical_integer(const char *begin, const char *end, int64_t *value);

#endif
