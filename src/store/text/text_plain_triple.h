/*
 * The lines that nearly all large files of ratings are made of: two whole numbers and a decimal one, one delimiter
 * between them and nothing else. They are read in one go; any other line is left to the general reader, which makes
 * the same of these.
 */
#ifndef DNMF_STORE_TEXT_PLAIN_TRIPLE_H
#define DNMF_STORE_TEXT_PLAIN_TRIPLE_H

#include "store/text/text_field.h"

/* The first two fields, ids as in dnmf_field's `whole`, and the third, a value as dnmf_parse_real has it. */
typedef struct dnmf_plain_triple {
  int64_t row;
  int64_t col;
  double value;
} dnmf_plain_triple;

/* True when lines split by `dialect` into three columns may be read so. local */
bool dnmf_plain_triple_may_be(const dnmf_dialect *dialect);

/* Reads a line; false when it is not of that kind. local */
bool dnmf_plain_triple_read(const dnmf_dialect *dialect, dnmf_text_line line, dnmf_plain_triple *triple);

/* Reads whole lines that begin before `limit`, at most `most`, up to one that is not of that kind, or has no end before
 * `end`. Returns how many; *after is where the rest begins. local */
int64_t dnmf_plain_triples_read(const dnmf_dialect *dialect, char *begin, const char *limit, const char *end,
                                int64_t most, dnmf_plain_triple *triples, char **after);

#endif
