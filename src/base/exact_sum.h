/*
 * Sums that do not depend on the order of their terms, so that they are the same on any number of processes and
 * threads.
 *
 * A term is split at fixed binary places: a multiple of 2^-12 and a multiple of 2^-38, what is left is dropped. Sums of
 * multiples of one power of 2 are exact as long as they have 53 digits, whatever their order, also in MPI's sum of
 * doubles (the pre-rounding of Demmel & Nguyen 2013). Terms are below 2^39, and sums below 2^41, in magnitude, of at
 * most 2^27 terms: divide by a unit of their size first.
 */
#ifndef DNMF_EXACT_SUM_H
#define DNMF_EXACT_SUM_H

enum { DNMF_EXACT_PARTS = 2 };

static inline void dnmf_exact_add(double term, double parts[DNMF_EXACT_PARTS]) {
  static const double high_places = 0x1.8p40;
  static const double low_places = 0x1.8p14;
  const double high = (term + high_places) - high_places;
  const double low = ((term - high) + low_places) - low_places;
  parts[0] += high;
  parts[1] += low;
}

static inline double dnmf_exact_value(const double parts[DNMF_EXACT_PARTS]) {
  return parts[0] + parts[1];
}

#endif
