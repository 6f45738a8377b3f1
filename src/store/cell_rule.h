/*
 * What becomes of a single cell; cells.h says why.
 */
#ifndef DNMF_STORE_CELL_RULE_H
#define DNMF_STORE_CELL_RULE_H

#include "store/source.h"

/* What to do when a cell has no value. */
#define DNMF_MISSING_ADVICE                                                                                            \
  "--missing unobserved leaves such cells out; transform does so with a model that was fitted so"

/* The rule that `options` ask for; fails when they contradict each other, or when a marker is no number and the source
 * is not text. local */
dnmf_status dnmf_cell_rule_read(dnmf_error *error, const dnmf_source_options *options, bool is_text,
                                dnmf_cell_rule *rule);

/* What becomes of `value`: true when the cell has none, else *value is shifted. local */
static inline bool dnmf_cell_is_missing(const dnmf_cell_rule *rule, double *value) {
  if (*value != *value || (rule->marked && *value == rule->marker))
    return true;
  *value += rule->add;
  return false;
}

#endif
