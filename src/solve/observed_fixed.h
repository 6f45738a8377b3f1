/*
 * The fixed factor's rows as kernels read them fastest: a copy in which each begins at a cache line, and biases are
 * apart. A row of 32 numbers and a bias is read from three lines of memory where it lies among others, from two in the
 * copy.
 */
#ifndef DNMF_OBSERVED_FIXED_H
#define DNMF_OBSERVED_FIXED_H

#include "solve/observed_update.h"

#include "base/precision.h"
#include "base/status.h"

/* Bytes of the copy; 0 where none is made: where rows begin at cache lines as they are, and where `entries` are too few
 * for it. local */
double dnmf_observed_fixed_bytes(dnmf_precision precision, int components, int stride, double fixed_rows,
                                 double entries);

/* Sets what the kernels read. *copy, or NULL, is freed by the caller when they have, also after a failure. local */
dnmf_status observed_fixed_place(dnmf_precision precision, int threads, dnmf_observed_update *update, void **copy,
                                 dnmf_error *error);

#endif
