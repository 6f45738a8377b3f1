/*
 * How the fields of text are written: what parts them, what quotes them, how numbers look.
 */
#ifndef DNMF_STORE_TEXT_DIALECT_H
#define DNMF_STORE_TEXT_DIALECT_H

#include "base/status.h"

#include <stdbool.h>

typedef struct dnmf_dialect {
  char delimiter[8];
  int length;   /* of the delimiter; 0: blank, any run of spaces and tabs */
  char quote;   /* 0: none, quotes are text */
  char escape;  /* before a character of a quoted field that is meant as it is; 0: none, a quote inside is doubled */
  char decimal; /* mark: '.' or ','; the other one groups thousands; 0: a point, and no groups */
} dnmf_dialect;

#endif
