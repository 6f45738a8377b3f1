/*
 * A panel: rows x components numbers of one precision, row-major, one row of a factor after another.
 *
 * W is kept as it is, H as its transpose, so that both factors are panels and every kernel sees the
 * components of a row next to each other.
 */
#ifndef DNMF_PANEL_H
#define DNMF_PANEL_H

#include "base/range.h"
#include "comm/context.h"

typedef struct dnmf_panel {
  int64_t rows;
  int components;
  dnmf_precision precision;
  void *data;
} dnmf_panel;

/* Zeros. Released with dnmf_panel_free. local */
dnmf_status dnmf_panel_create(dnmf_error *error, const char *what, int64_t rows, int components,
                              dnmf_precision precision, dnmf_panel *panel);
void dnmf_panel_free(dnmf_panel *panel); /* accepts a zeroed panel */

/* Bytes of such a panel, and of the work memory that dnmf_panel_gram takes while it runs. local */
double dnmf_panel_bytes(int64_t rows, int components, dnmf_precision precision);
double dnmf_panel_gram_bytes(int threads, int components, dnmf_precision precision);

/* The padded form of a panel: itself, or a copy that the caller frees. local */
dnmf_status dnmf_pad_panel(dnmf_context *context, const dnmf_panel *panel, const void **padded_panel, void **copy);

/* Some rows of a panel, as a panel that shares its memory. local */
dnmf_panel dnmf_panel_rows(const dnmf_panel *panel, dnmf_range rows);

/* One number, whatever the precision. For starts, files and tests, not for loops that must be fast. local */
double dnmf_panel_get(const dnmf_panel *panel, int64_t row, int component);
void dnmf_panel_set(dnmf_panel *panel, int64_t row, int component, double value);

/* local */
bool dnmf_panel_row_is_zero(const dnmf_panel *panel, int64_t row);

/* gram (components x components, row-major, symmetric) = X'X over this panel's rows, summed in double.
 * Fails only for lack of memory. The sums of both functions do not depend on the number of threads. local */
dnmf_status dnmf_panel_gram(dnmf_context *context, const dnmf_panel *x, double *gram);

/* out (size(rows) x size(cols), row-major, in the panels' precision) = those rows of X times the transpose of those
 * rows of Y: a tile of W H. Neither range is longer than an int. Does not depend on the number of threads. local */
void dnmf_panel_outer(const dnmf_context *context, const dnmf_panel *x, dnmf_range rows, const dnmf_panel *y,
                      dnmf_range cols, void *out);

/* Sum of x_ij * y_ij, in double; the panels have the same shape. local */
double dnmf_panel_dot(const dnmf_context *context, const dnmf_panel *x, const dnmf_panel *y);

/* The sum of all numbers, and of each column (components numbers), in double and in the order of the rows. local */
double dnmf_panel_sum(const dnmf_panel *x);
void dnmf_panel_sum_columns(const dnmf_panel *x, double *sums);

/* x = a x + b y for panels of the same shape. local */
void dnmf_panel_combine(const dnmf_context *context, double a, dnmf_panel *x, double b, const dnmf_panel *y);

/* Of x as it was and as it is now, in `ahead`: x becomes what is now, ahead max(0, now + share (now - before)). The
 * panels have the same shape. local */
void dnmf_panel_extrapolate(const dnmf_context *context, double share, dnmf_panel *x, dnmf_panel *ahead);

#endif
