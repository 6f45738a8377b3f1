/*
 * Labels: what people call the rows or columns that ids name, from a delimited text file (an id, a label, perhaps
 * more; quoted fields, a header or none; UTF-8, or else taken for Latin-1 and converted).
 */
#ifndef DNMF_LABELS_H
#define DNMF_LABELS_H

#include "matrix/ids.h"

typedef struct dnmf_labels {
  int64_t known;  /* of the ids asked about, found in the file */
  dnmf_ids names; /* one a wanted id, in their order: its label, or the id itself where the file has none */
} dnmf_labels;

/* Looks up the texts `wanted` (of kind STRING, range from 0) in `path`. `columns` is "ID,LABEL", the numbers (from 1)
 * of the columns that hold them or their names in the first line; NULL: "1,2". Released with dnmf_labels_free, also
 * after a failure. local: one process reads */
dnmf_status dnmf_labels_read(dnmf_error *error, const char *path, const char *columns, const dnmf_ids *wanted,
                             dnmf_labels *labels);
void dnmf_labels_free(dnmf_labels *labels); /* accepts zeroed labels */

#endif
