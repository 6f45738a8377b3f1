#include "orthonormal.h"

#include "base/memory.h"
#include "base/range.h"
#include "comm/collective.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const int first = 1;

enum { REFLECTORS_AT_ONCE = 32 };

/* ScaLAPACK counts in int: rows over all processes, and numbers held by one. */
static dnmf_status check_sizes(dnmf_context *context, int64_t own_rows, int columns, dnmf_tall *tall) {
  int64_t rows = 0;
  int64_t before = 0;
  DNMF_TRY(dnmf_exscan_int64(context, own_rows, &before, &rows));
  if (rows > INT_MAX)
    return dnmf_fail(&context->error, DNMF_ERROR_LIBRARY,
                     "a start from singular vectors of a matrix with a dimension of %" PRId64
                     ", more than ScaLAPACK counts (%d); use --init random",
                     rows, INT_MAX);
  tall->rows = (int)rows;
  tall->own_rows = own_rows;
  tall->columns = columns;
  tall->block = (int)((rows + context->size - 1) / context->size);
  int numbers = 0;
  return dnmf_int_count(context, "a block of an SVD start", (int64_t)tall->block * columns, &numbers);
}

static dnmf_status tall_allocate(dnmf_context *context, dnmf_tall *tall) {
  dnmf_error *error = &context->error;
  const char *what = "the SVD of a start";
  int64_t numbers = (int64_t)tall->block * tall->columns;
  DNMF_TRY(dnmf_allocate_zero(error, what, context->size, sizeof(int64_t), (void **)&tall->sent));
  DNMF_TRY(dnmf_allocate_zero(error, what, context->size, sizeof(int64_t), (void **)&tall->received));
  DNMF_TRY(dnmf_allocate_zero(error, what, numbers, sizeof(double), (void **)&tall->data));
  return dnmf_allocate_zero(error, what, tall->columns, sizeof(double), (void **)&tall->tau);
}

/* Which rows go where: both sides of the exchange, from everybody's place in the rank order. */
static dnmf_status deal(dnmf_context *context, dnmf_tall *tall, int64_t *bounds) {
  int64_t before = 0;
  DNMF_TRY(dnmf_exscan_int64(context, tall->own_rows, &before, NULL));
  bounds[context->rank] = before;
  DNMF_TRY(dnmf_sum_int64(context, context->comm, bounds, context->size));
  bounds[context->size] = tall->rows;
  int64_t block = tall->block;
  dnmf_range own = {bounds[context->rank], bounds[context->rank + 1]};
  dnmf_range dealt = {context->rank * block, (context->rank + 1) * block};
  for (int r = 0; r < context->size; r++) {
    tall->sent[r] = dnmf_range_size(dnmf_range_overlap(own, (dnmf_range){r * block, (r + 1) * block}));
    tall->received[r] = dnmf_range_size(dnmf_range_overlap((dnmf_range){bounds[r], bounds[r + 1]}, dealt));
    tall->dealt += tall->received[r];
  }
  return DNMF_OK;
}

/* The 1 x p grid, each process in its rank's place. */
static void create_grid(dnmf_context *context, int *ranks, dnmf_tall *tall) {
  for (int r = 0; r < context->size; r++)
    ranks[r] = r;
  int handle = Csys2blacs_handle(context->comm);
  tall->grid = handle;
  Cblacs_gridmap(&tall->grid, ranks, 1, 1, context->size);
  Cfree_blacs_system_handle(handle);
  tall->has_grid = true;
}

static dnmf_status check(dnmf_context *context, const char *routine, int info) {
  if (info == 0)
    return DNMF_OK;
  return dnmf_fail(&context->error, DNMF_ERROR_LIBRARY, "%s failed with code %d", routine, info);
}

/* The descriptor, and work space for both routines. */
static dnmf_status tall_describe(dnmf_context *context, dnmf_tall *tall) {
  const int *k = &tall->columns;
  const int zero = 0;
  const int ask = -1;
  const int together = REFLECTORS_AT_ONCE;
  double wanted[2] = {0};
  int info = 0;
  descinit_(tall->descriptor, k, &tall->rows, &together, &tall->block, &zero, &zero, &tall->grid, k, &info);
  DNMF_TRY(check(context, "descinit", info));
  pdgelqf_(k, &tall->rows, tall->data, &first, &first, tall->descriptor, tall->tau, &wanted[0], &ask, &info);
  DNMF_TRY(check(context, "pdgelqf", info));
  pdorglq_(k, &tall->rows, k, tall->data, &first, &first, tall->descriptor, tall->tau, &wanted[1], &ask, &info);
  DNMF_TRY(check(context, "pdorglq", info));
  tall->work_length = (int)(wanted[0] > wanted[1] ? wanted[0] : wanted[1]);
  return dnmf_allocate(&context->error, "the SVD of a start", tall->work_length, sizeof(double), (void **)&tall->work);
}

dnmf_status dnmf_tall_create(dnmf_context *context, int64_t own_rows, int columns, dnmf_tall *tall) {
  memset(tall, 0, sizeof *tall);
  DNMF_TRY(check_sizes(context, own_rows, columns, tall));
  void *bounds = NULL;
  void *ranks = NULL;
  dnmf_error *error = &context->error;
  dnmf_status status = tall_allocate(context, tall);
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(error, "bounds of processes", context->size + 1, sizeof(int64_t), &bounds);
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "ranks of processes", context->size, sizeof(int), &ranks);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = deal(context, tall, bounds);
  if (status == DNMF_OK) {
    create_grid(context, ranks, tall);
    status = dnmf_agree(context, tall_describe(context, tall));
  }
  free(bounds);
  free(ranks);
  return status;
}

void dnmf_tall_free(dnmf_tall *tall) {
  if (tall->has_grid)
    Cblacs_gridexit(tall->grid);
  free(tall->sent);
  free(tall->received);
  free(tall->data);
  free(tall->tau);
  free(tall->work);
  memset(tall, 0, sizeof *tall);
}

/* L, from the processes that were dealt the first rows. */
static dnmf_status gather_lower(dnmf_context *context, const dnmf_tall *tall, double *lower) {
  int64_t k = tall->columns;
  int64_t begin = (int64_t)context->rank * tall->block;
  memset(lower, 0, (size_t)(k * k) * sizeof(double));
  for (int64_t j = begin; j < k && j < begin + tall->dealt; j++)
    for (int64_t i = j; i < k; i++)
      lower[j * k + i] = tall->data[(j - begin) * k + i];
  return dnmf_sum_doubles(context, context->comm, lower, k * k);
}

dnmf_status dnmf_orthonormalize(dnmf_context *context, dnmf_tall *tall, double *x, double *lower) {
  const int *k = &tall->columns;
  const size_t row = (size_t)tall->columns * sizeof(double);
  int info = 0;
  DNMF_TRY(dnmf_exchange_known(context, x, tall->sent, row, tall->data, tall->received));
  pdgelqf_(k, &tall->rows, tall->data, &first, &first, tall->descriptor, tall->tau, tall->work, &tall->work_length,
           &info);
  DNMF_TRY(dnmf_agree(context, check(context, "pdgelqf", info)));
  if (lower)
    DNMF_TRY(gather_lower(context, tall, lower));
  pdorglq_(k, &tall->rows, k, tall->data, &first, &first, tall->descriptor, tall->tau, tall->work, &tall->work_length,
           &info);
  DNMF_TRY(dnmf_agree(context, check(context, "pdorglq", info)));
  return dnmf_exchange_known(context, tall->data, tall->received, row, x, tall->sent);
}
