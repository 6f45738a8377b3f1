#include "factor/factor.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>
#include <string.h>

/* Panels of a factor whose group, block and owned ranges are set; a group of one needs no copies. */
static dnmf_status create_panels(dnmf_context *context, int components, dnmf_precision precision, dnmf_factor *factor) {
  dnmf_error *error = &context->error;
  int64_t block = dnmf_range_size(factor->block);
  int64_t owned = dnmf_range_size(factor->owned);
  factor->components = components;
  DNMF_TRY(dnmf_panel_create(error, "owned rows of a factor", owned, components, precision, &factor->mine));
  DNMF_TRY(dnmf_panel_create(error, "products with A", block, components, precision, &factor->partial));
  if (factor->group_size == 1) {
    factor->gathered = factor->mine;
    factor->products = factor->partial;
    return DNMF_OK;
  }
  DNMF_TRY(dnmf_panel_create(error, "gathered rows of a factor", block, components, precision, &factor->gathered));
  return dnmf_panel_create(error, "summed products with A", owned, components, precision, &factor->products);
}

double dnmf_factor_bytes(int64_t block, int64_t owned, int group_size, int components, dnmf_precision precision) {
  int copies = group_size == 1 ? 1 : 2;
  return dnmf_allocated_bytes(group_size, sizeof(int64_t)) +
         copies * (dnmf_panel_bytes(owned, components, precision) + dnmf_panel_bytes(block, components, precision));
}

static dnmf_status factor_create(dnmf_context *context, MPI_Comm group, int group_size, int64_t rows, dnmf_range block,
                                 int rank, int components, dnmf_precision precision, dnmf_factor *factor) {
  memset(factor, 0, sizeof *factor);
  factor->rows = rows;
  factor->block = block;
  factor->owned = dnmf_range_split(block, group_size, rank);
  factor->group = group;
  factor->group_size = group_size;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(&context->error, "rows of a group", group_size, sizeof(int64_t), &memory));
  factor->group_rows = memory;
  for (int r = 0; r < group_size; r++)
    factor->group_rows[r] = dnmf_range_size(dnmf_range_split(block, group_size, r));
  return create_panels(context, components, precision, factor);
}

dnmf_status dnmf_factor_create_w(dnmf_context *context, const dnmf_layout *layout, int components,
                                 dnmf_precision precision, dnmf_factor *w) {
  const dnmf_grid *grid = layout->grid;
  return factor_create(context, grid->row_comm, grid->cols, layout->rows, dnmf_layout_rows(layout, grid->row),
                       grid->col, components, precision, w);
}

dnmf_status dnmf_factor_create_h(dnmf_context *context, const dnmf_layout *layout, int components,
                                 dnmf_precision precision, dnmf_factor *h) {
  const dnmf_grid *grid = layout->grid;
  return factor_create(context, grid->col_comm, grid->rows, layout->cols, dnmf_layout_cols(layout, grid->col),
                       grid->row, components, precision, h);
}

dnmf_status dnmf_factor_add_denominators(dnmf_context *context, dnmf_factor *factor) {
  dnmf_error *error = &context->error;
  DNMF_TRY(dnmf_panel_create(error, "denominators", dnmf_range_size(factor->block), factor->components,
                             factor->mine.precision, &factor->partial_denominators));
  if (factor->group_size > 1)
    return dnmf_panel_create(error, "summed denominators", dnmf_range_size(factor->owned), factor->components,
                             factor->mine.precision, &factor->denominators);
  factor->denominators = factor->partial_denominators;
  return DNMF_OK;
}

void dnmf_factor_drop_denominators(dnmf_factor *factor) {
  if (factor->group_size > 1)
    dnmf_panel_free(&factor->denominators);
  dnmf_panel_free(&factor->partial_denominators);
  factor->denominators = (dnmf_panel){0};
}

void dnmf_factor_narrow(dnmf_factor *factor, int components) {
  dnmf_panel *panels[] = {&factor->mine, &factor->gathered, &factor->partial, &factor->products};
  factor->components = components;
  for (int i = 0; i < 4; i++)
    panels[i]->components = components;
}

void dnmf_factor_free(dnmf_factor *factor) {
  if (factor->group_size > 1) {
    dnmf_panel_free(&factor->gathered);
    dnmf_panel_free(&factor->products);
  }
  dnmf_factor_drop_denominators(factor);
  dnmf_panel_free(&factor->mine);
  dnmf_panel_free(&factor->partial);
  free(factor->group_rows);
  memset(factor, 0, sizeof *factor);
}

dnmf_status dnmf_factor_gather_panel(dnmf_context *context, dnmf_factor *factor, const dnmf_panel *own) {
  if (factor->group_size == 1) {
    factor->gathered.data = own->data;
    return DNMF_OK;
  }
  return dnmf_all_gather_rows(context, factor->group, factor->mine.precision, factor->components, factor->group_rows,
                              own->data, factor->gathered.data);
}

dnmf_status dnmf_factor_gather(dnmf_context *context, dnmf_factor *factor) {
  return dnmf_factor_gather_panel(context, factor, &factor->mine);
}

static dnmf_status sum_scatter(dnmf_context *context, const dnmf_factor *factor, const dnmf_panel *partial,
                               const dnmf_panel *sum) {
  return dnmf_sum_scatter_rows(context, factor->group, partial->precision, factor->components, factor->group_rows,
                               partial->data, sum->data);
}

dnmf_status dnmf_factor_sum_scatter(dnmf_context *context, dnmf_factor *factor) {
  if (factor->group_size == 1)
    return DNMF_OK;
  DNMF_TRY(sum_scatter(context, factor, &factor->partial, &factor->products));
  if (factor->denominators.components == 0)
    return DNMF_OK;
  return sum_scatter(context, factor, &factor->partial_denominators, &factor->denominators);
}
