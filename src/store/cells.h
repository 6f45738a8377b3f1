/*
 * Cells without a value, and values that are marked or shifted: --missing unobserved, --missing-value, --add.
 *
 * A cell has no value where an array or a sparse group holds NaN, where text holds NaN, NA or nothing, and where it
 * holds what --missing-value names. With --missing unobserved, or a marker, exactly these cells are unobserved, and
 * every other one is observed, zeros too: the source becomes a sparse one whose entries are all other cells
 * (source->has_missing). A dense source without any such cell stays as it is; where it is taken as unobserved, its
 * zeros are the cells that are missing. Without the option a cell without a value is an error that names the option.
 *
 * --add X is added to every value that there is, before it is checked.
 *
 * Text applies the rule as it parses, and then calls dnmf_cells_settle. For all other formats dnmf_source_open calls
 * dnmf_cells_apply: a reader of arrays or of sparse groups has nothing to do but to hand NaN over where its file says
 * that a cell is missing (a fill value, for instance).
 */
#ifndef DNMF_STORE_CELLS_H
#define DNMF_STORE_CELLS_H

#include "store/cell_rule.h"
#include "store/source.h"

/* For a sparse source: a mark makes what is not stored unobserved, and zeros that are not stored cannot be shifted.
 * local */
dnmf_status dnmf_cells_check_sparse(dnmf_error *error, const dnmf_source_options *options, const dnmf_cell_rule *rule,
                                    dnmf_source *source);

/* After a reader has applied the rule: `missing` cells without a value were left out on this process. collective */
dnmf_status dnmf_cells_settle(dnmf_context *context, int64_t missing, dnmf_source *source);

/* The rule for a source that was opened by a reader that did not apply it. A dense one that the rule may change is
 * loaded here, and held until it is asked for where the rule did change it. collective */
dnmf_status dnmf_cells_apply(dnmf_context *context, const dnmf_source_options *options, dnmf_source *source);

#endif
