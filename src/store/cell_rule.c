#include "store/cell_rule.h"

#include "store/text/text_number.h"

#include <string.h>

dnmf_status dnmf_cell_rule_read(dnmf_error *error, const dnmf_source_options *options, bool is_text,
                                dnmf_cell_rule *rule) {
  const char *text = options->missing_value;
  bool zero = options->missing_given && options->missing == DNMF_MISSING_ZERO;
  memset(rule, 0, sizeof *rule);
  rule->leave_out = text || (options->missing_given && options->missing == DNMF_MISSING_UNOBSERVED);
  rule->add = options->add;
  rule->text = text;
  if (!text)
    return DNMF_OK;
  if (zero)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--missing-value %s says which cells are unobserved, and --missing zero that none are; give one "
                     "of them",
                     text);
  rule->marked = dnmf_parse_real(text, text + strlen(text), &rule->marker);
  if (!rule->marked && !is_text)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--missing-value %s: arrays hold numbers; give a number", text);
  return DNMF_OK;
}
