/*
 * Splitting a matrix's stored entries into those to fit and those to test with.
 *
 * Every entry has a random number that is a function of (seed, row, column), and every row one of (seed, row), so the
 * split is the same on any number of processes. Those with the smallest numbers are chosen, or those with the latest
 * times, equal ones by their random numbers; how many is exact.
 */
#ifndef DNMF_SPLIT_H
#define DNMF_SPLIT_H

#include "matrix/matrix.h"

typedef enum dnmf_part { DNMF_PART_TRAIN = 0, DNMF_PART_TEST, DNMF_PART_FOLD_IN, DNMF_PARTS } dnmf_part;

typedef struct dnmf_split_options {
  uint64_t seed;
  double fraction;      /* of the entries, to the nearest whole number; of each row where they are chosen row by row */
  int64_t leave_out;    /* instead: entries of each row; 0: the fraction */
  bool by_row;          /* the fraction of each row */
  double held_out_rows; /* share of the rows with entries: their entries are tested or folded in, all others are fitted;
                           0: no such rows, the entries of each are tested or fitted */
} dnmf_split_options;

typedef struct dnmf_split_counts {
  int64_t entries[DNMF_PARTS];
  int64_t rows[DNMF_PARTS]; /* with an entry in the part */
} dnmf_split_counts;

/* parts[e] = the dnmf_part of entry e. The entries of a row are neighbours on one process, and rows ascend. `times` of
 * the entries: the latest are tested; NULL: at random. A row from which entries are chosen by itself keeps at least
 * one. *counts is of all processes. collective */
dnmf_status dnmf_split(dnmf_context *context, const dnmf_split_options *options, const dnmf_entries *entries,
                       const double *times, uint8_t *parts, dnmf_split_counts *counts);

#endif
