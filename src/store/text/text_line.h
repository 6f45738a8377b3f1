/* A line of text in memory. */
#ifndef DNMF_STORE_TEXT_LINE_H
#define DNMF_STORE_TEXT_LINE_H

/* A line without its end. */
typedef struct dnmf_text_line {
  char *begin; /* NULL: there are no more lines */
  char *end;
} dnmf_text_line;

#endif
