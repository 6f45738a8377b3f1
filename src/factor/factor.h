/*
 * One factor of the model, distributed: W by rows, H (transposed) by columns of A.
 *
 * Each process owns some rows and updates only those. The processes of its group (a grid row for W, a grid
 * column for H) own, in rank order, the rows of one block range of A; a product with A needs all of them
 * (gather), and yields contributions to all of them (sum_scatter).
 */
#ifndef DNMF_FACTOR_H
#define DNMF_FACTOR_H

#include "comm/grid.h"
#include "matrix/panel.h"

typedef struct dnmf_factor {
  int64_t rows; /* over all processes: m for W, n for H */
  int components;
  dnmf_range owned;                /* global rows updated here */
  dnmf_range block;                /* global rows of the group */
  dnmf_panel mine;                 /* size(owned) rows */
  dnmf_panel gathered;             /* size(block) rows; shares `mine`'s data when the group has one process */
  dnmf_panel partial;              /* size(block) rows: this block's contribution */
  dnmf_panel products;             /* size(owned) rows: the contributions summed; shares `partial`'s data likewise */
  dnmf_panel partial_denominators; /* a second contribution and its sum, likewise; empty until asked for */
  dnmf_panel denominators;
  MPI_Comm group; /* not owned */
  int group_size;
  int64_t *group_rows; /* rows owned by each process of the group */
} dnmf_factor;

/* The factors of `layout`'s matrix, zero. Released with dnmf_factor_free. local */
dnmf_status dnmf_factor_create_w(dnmf_context *context, const dnmf_layout *layout, int components,
                                 dnmf_precision precision, dnmf_factor *w);
dnmf_status dnmf_factor_create_h(dnmf_context *context, const dnmf_layout *layout, int components,
                                 dnmf_precision precision, dnmf_factor *h);

/* Adds the panels of denominators, which divergences need beside the numerators in `products`, and takes them away
 * again. local */
dnmf_status dnmf_factor_add_denominators(dnmf_context *context, dnmf_factor *factor);
void dnmf_factor_drop_denominators(dnmf_factor *factor);

/* Fewer components, whose rows lie closer together in the same memory; all panels are to be filled anew. local */
void dnmf_factor_narrow(dnmf_factor *factor, int components);

void dnmf_factor_free(dnmf_factor *factor);

/* Bytes of a factor's memory in a process that owns `owned` of its group's `block` rows. local */
double dnmf_factor_bytes(int64_t block, int64_t owned, int group_size, int components, dnmf_precision precision);

/* factor->gathered = the group's rows. collective */
dnmf_status dnmf_factor_gather(dnmf_context *context, dnmf_factor *factor);

/* factor->gathered = the group's rows of a panel like factor->mine; of a group of one process it shares the panel's
 * data until the next gather. collective */
dnmf_status dnmf_factor_gather_panel(dnmf_context *context, dnmf_factor *factor, const dnmf_panel *own);

/* factor->products = the sum over the group of factor->partial, own rows only; so with the denominators, when there
 * are any. collective */
dnmf_status dnmf_factor_sum_scatter(dnmf_context *context, dnmf_factor *factor);

#endif
