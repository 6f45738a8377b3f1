/*
 * Ratings of simulated processes: where the entries of a sample are, without their values.
 *
 * The file (simulate.py writes it), numbers in the machine's own order: int64 rows, columns, entries; then the entries
 * by rows, int64 starts (rows + 1) and int32 columns; then by columns, int64 starts (columns + 1) and int32 rows.
 * Ranges are the program's (matrix/balance.h), and a process needs of the other factor the rows of its entries, as in
 * matrix/ratings.h. Who sends how many rows to whom is looked up in what the others need, which all of them can see.
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "matrix/ratings.h"

/* The file is read once for all processes. Released with sample_free. collective */
dnmf_status sample_ratings(dnmf_context *context, const char *path, dnmf_ratings *ratings);
void sample_free(dnmf_ratings *ratings);

/* Rows of the longest side of the sample, or that one process sends if they are more, after sample_ratings. local */
int64_t sample_most_rows(void);

#endif
