#include "solve/observed_fixed.h"

#include "base/memory.h"
#include "base/team.h"

#include <string.h>

enum { LINE_BYTES = 64, PAYS_FROM = 8 /* entries a row: measured */ };

static int64_t whole_lines(dnmf_precision precision, int components) {
  const int64_t line = LINE_BYTES / (int64_t)dnmf_precision_size(precision);
  return (components + line - 1) / line * line;
}

double dnmf_observed_fixed_bytes(dnmf_precision precision, int components, int stride, double fixed_rows,
                                 double entries) {
  const double size = (double)dnmf_precision_size(precision);
  const int64_t width = whole_lines(precision, components);
  if (width == stride || entries < PAYS_FROM * fixed_rows)
    return 0;
  return dnmf_allocated_bytes(fixed_rows * (double)(width + 1), (size_t)size);
}

typedef struct fixed_copy {
  const dnmf_observed_update *update;
  size_t size; /* of a number */
  int64_t width;
  char *rows;
  char *biases;
} fixed_copy;

static void copy_fixed_rows(void *of_copy, int64_t begin, int64_t end) {
  const fixed_copy *c = of_copy;
  const size_t used = (size_t)c->update->components * c->size;
  const size_t width = (size_t)c->width * c->size;
  for (int64_t row = begin; row < end; row++) {
    const char *from = (const char *)c->update->fixed + (size_t)(row * c->update->stride) * c->size;
    char *to = c->rows + (size_t)row * width;
    memcpy(to, from, used);
    memset(to + used, 0, width - used);
    if (c->update->bias)
      memcpy(c->biases + (size_t)row * c->size, from + used, c->size);
  }
}

dnmf_status observed_fixed_place(dnmf_precision precision, int threads, dnmf_observed_update *update, void **copy,
                                 dnmf_error *error) {
  const size_t size = dnmf_precision_size(precision);
  const double entries = (double)update->start[update->rows];
  *copy = NULL;
  update->read = update->fixed;
  update->read_stride = update->read_bias_stride = update->stride;
  update->read_bias = (const char *)update->fixed + (size_t)update->components * size;
  if (update->fixed_rows == 0 || dnmf_observed_fixed_bytes(precision, update->components, update->stride,
                                                           (double)update->fixed_rows, entries) == 0)
    return DNMF_OK;
  fixed_copy c = {.update = update, .size = size, .width = whole_lines(precision, update->components)};
  DNMF_TRY(dnmf_allocate(error, "aligned factor rows", update->fixed_rows * (c.width + 1), size, copy));
  c.rows = *copy;
  c.biases = c.rows + (size_t)(update->fixed_rows * c.width) * size;
  dnmf_team_run(dnmf_team(threads, (double)update->fixed_rows * (double)c.width), update->fixed_rows, copy_fixed_rows,
                &c);
  update->read = c.rows;
  update->read_stride = c.width;
  update->read_bias = c.biases;
  update->read_bias_stride = 1;
  return DNMF_OK;
}
