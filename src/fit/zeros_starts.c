/*
 * Starts of a fit with zeros side by side: between the rows of each start and the wide factors that are multiplied with
 * A and sent. What is copied is small beside the products.
 */
#include "base/team.h"
#include "fit/zeros_state.h"

#include <string.h>

bool dnmf_zeros_is_alone(const zeros_factor *x) {
  return x->rows[0].mine.data == x->x->mine.data;
}

typedef struct columns_call {
  const dnmf_panel *wide;
  int start;
  const dnmf_panel *narrow;
  int64_t first_row;
  bool to_wide;
} columns_call;

static void copy_columns_of_rows(void *of_call, int64_t begin, int64_t end) {
  const columns_call *call = of_call;
  const size_t size = dnmf_precision_size(call->narrow->precision);
  const size_t bytes = (size_t)call->narrow->components * size;
  const size_t wide_bytes = (size_t)call->wide->components * size;
  for (int64_t row = call->first_row + begin; row < call->first_row + end; row++) {
    char *in_wide = (char *)call->wide->data + (size_t)row * wide_bytes + (size_t)call->start * bytes;
    char *in_narrow = (char *)call->narrow->data + (size_t)row * bytes;
    memcpy(call->to_wide ? in_wide : in_narrow, call->to_wide ? in_narrow : in_wide, bytes);
  }
}

/* A start's columns of some rows of a wide panel, to it or from it. */
static void copy_columns(const dnmf_context *context, const dnmf_panel *wide, int start, const dnmf_panel *narrow,
                         dnmf_range rows, bool to_wide) {
  columns_call call = {wide, start, narrow, rows.begin, to_wide};
  const double moved = (double)dnmf_range_size(rows) * narrow->components;
  dnmf_team_run(dnmf_team(context->threads, moved), dnmf_range_size(rows), copy_columns_of_rows, &call);
}

void dnmf_zeros_join_rows(const zeros_fit *z, zeros_factor *x, dnmf_range rows) {
  for (int s = 0; s < z->starts && !dnmf_zeros_is_alone(x); s++)
    copy_columns(z->context, &x->x->mine, s, zeros_sent(&x->rows[s]), rows, true);
}

void dnmf_zeros_split_products(const zeros_fit *z, zeros_factor *x, dnmf_range rows) {
  for (int s = 0; s < z->starts && !dnmf_zeros_is_alone(x); s++)
    copy_columns(z->context, &x->x->products, s, &x->rows[s].products, rows, false);
}

void dnmf_zeros_narrow(const zeros_fit *z, zeros_factor *x, int running) {
  int to = 0;
  for (int s = 0; s < z->starts; s++)
    if (!z->loop->fits[z->numbers[s]].done) {
      const zeros_rows left = x->rows[to];
      x->rows[to] = x->rows[s];
      x->rows[s] = left; /* behind those that run, to be released with them */
      memmove(zeros_sums(z, x, to), zeros_sums(z, x, s), (size_t)(z->count + zeros_control_count(z)) * sizeof(double));
      to++;
    }
  dnmf_factor_narrow(x->x, running * z->settings->components);
  x->gathered = false;
}
