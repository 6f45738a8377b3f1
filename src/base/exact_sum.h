/*
 * Sums that do not depend on the order of their terms, so that they are the same on any number of processes and
 * threads.
 *
 * A term is split at fixed binary places into multiples of 2^-12, 2^-38 and 2^-64, what is left is dropped. Sums of
 * multiples of one power of 2 are exact as long as they have 53 digits, whatever their order, also in MPI's sum of
 * doubles (the pre-rounding of Demmel & Nguyen 2013). Terms are below 2^39, and sums below 2^41, in magnitude, of at
 * most 2^27 terms: divide by a unit of their size first. Beyond that they are sums like others.
 */
#ifndef DNMF_EXACT_SUM_H
#define DNMF_EXACT_SUM_H

enum { DNMF_EXACT_PARTS = 3 };

/* As `count` equal terms, a whole number. */
static inline void dnmf_exact_add_times(double count, double term, double parts[DNMF_EXACT_PARTS]) {
  static const double places[DNMF_EXACT_PARTS] = {0x1.8p40, 0x1.8p14, 0x1.8p-12};
  for (int i = 0; i < DNMF_EXACT_PARTS; i++) {
    const double part = (term + places[i]) - places[i];
    parts[i] += count * part;
    term -= part;
  }
}

static inline void dnmf_exact_add(double term, double parts[DNMF_EXACT_PARTS]) {
  dnmf_exact_add_times(1, term, parts);
}

static inline double dnmf_exact_value(const double parts[DNMF_EXACT_PARTS]) {
  return parts[0] + (parts[1] + parts[2]);
}

#endif
