#include "sample.h"

#include "messages.h"

#include "base/memory.h"
#include "comm/exchange.h"
#include "matrix/balance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

dnmf_status __wrap_dnmf_fetch_plan(dnmf_context *context, const int64_t *bounds, const int64_t *wanted, int64_t count,
                                   dnmf_fetch *fetch);
dnmf_status __wrap_dnmf_fetch_rows(dnmf_context *context, const dnmf_fetch *fetch, const dnmf_panel *mine,
                                   dnmf_panel *fetched);
void __wrap_dnmf_fetch_free(dnmf_fetch *fetch);

enum { EXCHANGE_TAG = 7 /* of comm/exchange.c */, IN_FLIGHT = 2 };

/* One side of the sample. */
typedef struct side {
  int64_t rows;
  int64_t *start;
  int32_t *index; /* into the other side */
} side;

/* The whole sample: the same for all processes, which are threads of one. */
static int64_t header[3];
static side sides[2];

/* What each process wants from each: its counts, by process, while a plan is made. */
static const int64_t *wanted_counts[MOST_PROCESSES];
static int64_t most_sent; /* rows by one process */

/* --- The file ---------------------------------------------------------------------------------------------- */

static dnmf_status read_numbers(dnmf_error *error, FILE *file, int64_t count, size_t size, void **numbers) {
  DNMF_TRY(dnmf_allocate(error, "a sample of ratings", count, size, numbers));
  if (fread(*numbers, size, (size_t)count, file) != (size_t)count)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the sample of ratings ends early");
  return DNMF_OK;
}

static dnmf_status read_side(dnmf_error *error, FILE *file, int64_t rows, side *s) {
  void *start = NULL;
  void *index = NULL;
  s->rows = rows;
  dnmf_status status = read_numbers(error, file, rows + 1, sizeof(int64_t), &start);
  s->start = start;
  if (status == DNMF_OK)
    status = read_numbers(error, file, header[2], sizeof(int32_t), &index);
  s->index = index;
  return status;
}

static dnmf_status read_sample(dnmf_error *error, const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s cannot be opened", path);
  dnmf_status status = DNMF_OK;
  if (fread(header, sizeof *header, 3, file) != 3)
    status = dnmf_fail(error, DNMF_ERROR_INPUT, "%s is no sample of ratings", path);
  for (int s = 0; s < 2 && status == DNMF_OK; s++)
    status = read_side(error, file, header[s], &sides[s]);
  fclose(file);
  return status;
}

/* --- Views ------------------------------------------------------------------------------------------------- */

static dnmf_status find_bounds(dnmf_context *context, const side *s, int64_t *bounds) {
  void *counts = NULL;
  DNMF_TRY(dnmf_allocate(&context->error, "entries of rows", s->rows, sizeof(int64_t), &counts));
  for (int64_t row = 0; row < s->rows; row++)
    ((int64_t *)counts)[row] = s->start[row + 1] - s->start[row];
  dnmf_balance_bounds(counts, s->rows, context->size, bounds);
  free(counts);
  return DNMF_OK;
}

static int compare_rows(const void *left, const void *right) {
  const int64_t a = *(const int64_t *)left;
  const int64_t b = *(const int64_t *)right;
  return (a > b) - (a < b);
}

/* The rows of the other factor that the entries need, which are all that is kept of these. */
static dnmf_status list_needed(dnmf_context *context, const side *s, dnmf_ratings_view *view) {
  const int64_t begin = s->start[view->owned.begin];
  const int64_t count = s->start[view->owned.end] - begin;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(&context->error, "needed rows", count, sizeof(int64_t), &memory));
  int64_t *needed = memory;
  for (int64_t e = 0; e < count; e++)
    needed[e] = s->index[begin + e];
  qsort(needed, (size_t)count, sizeof *needed, compare_rows);
  for (int64_t e = 0; e < count; e++)
    if (view->needed_count == 0 || needed[e] != needed[view->needed_count - 1])
      needed[view->needed_count++] = needed[e];
  view->needed = needed;
  return DNMF_OK;
}

static dnmf_status make_view(dnmf_context *context, const side *s, dnmf_ratings_view *view) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(&context->error, "range bounds", context->size + 1, sizeof(int64_t), &memory));
  view->bounds = memory;
  DNMF_TRY(find_bounds(context, s, view->bounds));
  view->owned = (dnmf_range){view->bounds[context->rank], view->bounds[context->rank + 1]};
  view->entries = (dnmf_csr){.rows = dnmf_range_size(view->owned), .start = s->start + view->owned.begin};
  return list_needed(context, s, view);
}

dnmf_status sample_ratings(dnmf_context *context, const char *path, dnmf_ratings *ratings) {
  if (!sides[0].start)
    DNMF_TRY(read_sample(&context->error, path));
  *ratings = (dnmf_ratings){.rows = header[0],
                            .cols = header[1],
                            .stored = header[2],
                            .precision = DNMF_DOUBLE,
                            .mean = 3,
                            .deviation = 1,
                            .smallest = 1,
                            .largest = 5};
  DNMF_TRY(make_view(context, &sides[0], &ratings->by_rows));
  DNMF_TRY(make_view(context, &sides[1], &ratings->by_cols));
  DNMF_TRY(dnmf_fetch_plan(context, ratings->by_cols.bounds, ratings->by_rows.needed, ratings->by_rows.needed_count,
                           &ratings->by_rows.fetch));
  return dnmf_fetch_plan(context, ratings->by_rows.bounds, ratings->by_cols.needed, ratings->by_cols.needed_count,
                         &ratings->by_cols.fetch);
}

static void free_view(dnmf_ratings_view *view) {
  free(view->bounds);
  free(view->needed);
  dnmf_fetch_free(&view->fetch);
}

void sample_free(dnmf_ratings *ratings) {
  free_view(&ratings->by_rows);
  free_view(&ratings->by_cols);
}

int64_t sample_most_rows(void) {
  const int64_t longer = header[0] > header[1] ? header[0] : header[1];
  return longer > most_sent ? longer : most_sent;
}

/* --- Fetching ---------------------------------------------------------------------------------------------- */

/* A fetch has nothing but messages here: those that the program's would have. */
struct dnmf_fetch_buffers {
  dnmf_exchange_plan plan;
};

/* How many rows come from each process, and how many go there; each `size` numbers. */
static void count_rows(dnmf_context *context, const int64_t *bounds, const int64_t *wanted, int64_t count,
                       int64_t *received, int64_t *sent) {
  int owner = 0;
  for (int64_t i = 0; i < count; i++) {
    while (wanted[i] >= bounds[owner + 1])
      owner++;
    received[owner]++;
  }
  wanted_counts[context->rank] = received;
  MPI_Barrier(context->comm);
  int64_t all = 0;
  for (int r = 0; r < context->size; r++) {
    sent[r] = wanted_counts[r][context->rank];
    all += sent[r];
  }
  most_sent = all > most_sent ? all : most_sent;
  MPI_Barrier(context->comm);
}

dnmf_status __wrap_dnmf_fetch_plan(dnmf_context *context, const int64_t *bounds, const int64_t *wanted, int64_t count,
                                   dnmf_fetch *fetch) {
  const int64_t size = context->size;
  void *memory = NULL;
  *fetch = (dnmf_fetch){.wanted_count = count};
  DNMF_TRY(dnmf_allocate_zero(&context->error, "a fetch", 1, sizeof *fetch->buffers, &memory));
  fetch->buffers = memory;
  DNMF_TRY(dnmf_allocate_zero(&context->error, "exchange counts", 2 * size, sizeof(int64_t), &memory));
  int64_t *received = memory;
  int64_t *sent = received + size;
  count_rows(context, bounds, wanted, count, received, sent);
  fetch->own_count = sent[context->rank];
  sent[context->rank] = received[context->rank] = 0;
  for (int r = 0; r < size; r++)
    fetch->send_total += sent[r];
  dnmf_status status = dnmf_exchange_plan_create(context, sent, received, &fetch->buffers->plan);
  free(received);
  return status;
}

/* All messages are expected; IN_FLIGHT at a time are sent. A network card sends one after another anyway, and SimGrid
 * takes time by the number of messages that share links. */
static dnmf_status exchange(dnmf_context *context, dnmf_exchange_plan *plan, size_t item_bytes) {
  MPI_Request *sent = plan->requests + plan->receive_count;
  DNMF_TRY(dnmf_exchange_expect(context, plan, item_bytes, messages_received()));
  for (int64_t m = 0; m < plan->send_count; m += IN_FLIGHT) {
    const int some = plan->send_count - m < IN_FLIGHT ? (int)(plan->send_count - m) : IN_FLIGHT;
    for (int i = 0; i < some; i++) {
      const dnmf_message *message = &plan->messages[plan->receive_count + m + i];
      MPI_Isend(messages_sent(), (int)message->count, plan->item, message->peer, EXCHANGE_TAG, context->comm, &sent[i]);
    }
    MPI_Waitall(some, sent, MPI_STATUSES_IGNORE);
  }
  return dnmf_mpi_check(context, MPI_Waitall((int)plan->receive_count, plan->requests, MPI_STATUSES_IGNORE),
                        "MPI_Waitall");
}

dnmf_status __wrap_dnmf_fetch_rows(dnmf_context *context, const dnmf_fetch *fetch, const dnmf_panel *mine,
                                   dnmf_panel *fetched) {
  dnmf_exchange_plan *plan = &fetch->buffers->plan;
  const size_t row_bytes = (size_t)mine->components * dnmf_precision_size(mine->precision);
  (void)fetched;
  DNMF_TRY(exchange(context, plan, row_bytes));
  context->traffic.gather_words += (double)fetch->send_total * mine->components;
  context->traffic.messages += plan->destinations;
  return DNMF_OK;
}

void __wrap_dnmf_fetch_free(dnmf_fetch *fetch) {
  if (fetch->buffers)
    dnmf_exchange_plan_free(&fetch->buffers->plan);
  free(fetch->buffers);
  *fetch = (dnmf_fetch){0};
}
