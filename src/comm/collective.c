#include "comm/collective.h"

#include "base/memory.h"
#include "base/team.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

dnmf_status dnmf_int_count(dnmf_context *context, const char *what, int64_t count, int *narrow) {
  *narrow = 0;
  if (count < 0 || count > context->message_limit)
    return dnmf_fail(&context->error, DNMF_ERROR_LIBRARY,
                     "%s: %" PRId64 " items are more than one message carries (%" PRId64 "); use more processes", what,
                     count, context->message_limit);
  *narrow = (int)count;
  return DNMF_OK;
}

/* In-place all-reduce in pieces that fit an int. */
static dnmf_status reduce_all(dnmf_context *context, MPI_Comm comm, void *values, int64_t count, MPI_Datatype type,
                              size_t size, MPI_Op op) {
  for (int64_t done = 0; done < count; done += context->message_limit) {
    int64_t piece = count - done < context->message_limit ? count - done : context->message_limit;
    int code = MPI_Allreduce(MPI_IN_PLACE, (char *)values + (size_t)done * size, (int)piece, type, op, comm);
    DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Allreduce"));
  }
  return DNMF_OK;
}

dnmf_status dnmf_sum_doubles(dnmf_context *context, MPI_Comm comm, double *values, int64_t count) {
  return reduce_all(context, comm, values, count, MPI_DOUBLE, sizeof(double), MPI_SUM);
}

dnmf_status dnmf_max_doubles(dnmf_context *context, MPI_Comm comm, double *values, int64_t count) {
  return reduce_all(context, comm, values, count, MPI_DOUBLE, sizeof(double), MPI_MAX);
}

dnmf_status dnmf_sum_int64(dnmf_context *context, MPI_Comm comm, int64_t *values, int64_t count) {
  return reduce_all(context, comm, values, count, MPI_INT64_T, sizeof(int64_t), MPI_SUM);
}

dnmf_status dnmf_max_int64(dnmf_context *context, MPI_Comm comm, int64_t *values, int64_t count) {
  return reduce_all(context, comm, values, count, MPI_INT64_T, sizeof(int64_t), MPI_MAX);
}

dnmf_status dnmf_or_bytes(dnmf_context *context, MPI_Comm comm, uint8_t *values, int64_t count) {
  return reduce_all(context, comm, values, count, MPI_UINT8_T, 1, MPI_BOR);
}

dnmf_status dnmf_or_words(dnmf_context *context, MPI_Comm comm, uint64_t *words, int64_t count) {
  return reduce_all(context, comm, words, count, MPI_UINT64_T, sizeof(uint64_t), MPI_BOR);
}

dnmf_status dnmf_exscan_int64(dnmf_context *context, int64_t value, int64_t *before, int64_t *total) {
  int64_t through = 0;
  int code = MPI_Scan(&value, &through, 1, MPI_INT64_T, MPI_SUM, context->comm);
  DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Scan"));
  *before = through - value;
  if (!total)
    return DNMF_OK;
  *total = through;
  return dnmf_broadcast(context, total, (int64_t)sizeof *total, context->size - 1);
}

static dnmf_status broadcast(dnmf_context *context, MPI_Comm comm, void *data, int64_t bytes, int root) {
  for (int64_t done = 0; done < bytes; done += context->message_limit) {
    int64_t piece = bytes - done < context->message_limit ? bytes - done : context->message_limit;
    int code = MPI_Bcast((char *)data + done, (int)piece, MPI_BYTE, root, comm);
    DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Bcast"));
  }
  return DNMF_OK;
}

dnmf_status dnmf_broadcast(dnmf_context *context, void *data, int64_t bytes, int root) {
  return broadcast(context, context->comm, data, bytes, root);
}

/* log2(processes), rounded up: the steps of a collective's tree or butterfly. */
static double steps(int processes) {
  int count = 0;
  while ((1 << count) < processes)
    count++;
  return count;
}

/* A group of processes and the rows each of them holds. */
typedef struct sharing {
  MPI_Comm comm;
  int rank;
  int size;
  int row_words;
  MPI_Datatype type;
  size_t row_bytes;
  const int64_t *row_counts;
  int64_t before; /* rows of the processes before this one */
  int64_t total;
} sharing;

static sharing share_rows(MPI_Comm comm, dnmf_precision precision, int row_words, const int64_t *row_counts) {
  sharing rows = {.comm = comm, .row_words = row_words, .row_counts = row_counts};
  MPI_Comm_rank(comm, &rows.rank);
  MPI_Comm_size(comm, &rows.size);
  rows.type = precision == DNMF_DOUBLE ? MPI_DOUBLE : MPI_FLOAT;
  rows.row_bytes = (size_t)row_words * dnmf_precision_size(precision);
  for (int r = 0; r < rows.size; r++) {
    rows.before += r < rows.rank ? row_counts[r] : 0;
    rows.total += row_counts[r];
  }
  return rows;
}

/* Words of the other processes of the group. */
static double others_words(const sharing *rows) {
  return (double)(rows->total - rows->row_counts[rows->rank]) * rows->row_words;
}

/* Counts and offsets of the shares in units of 1 / `factor` row, as MPI's ints, which must hold them. A process
 * that fails here cannot tell the others, who wait for it in the collective: the job ends, as when MPI fails.
 * The caller frees *counts. */
static dnmf_status int_shares(dnmf_context *context, const sharing *rows, int factor, int **counts, int **offsets) {
  *counts = malloc(2 * (size_t)rows->size * sizeof(int));
  if (!*counts)
    return dnmf_fail(&context->error, DNMF_ERROR_MPI, "process %d has no memory for the counts of a message",
                     context->rank);
  *offsets = *counts + rows->size;
  int64_t before = 0;
  for (int r = 0; r < rows->size; r++) {
    (*offsets)[r] = (int)(before * factor);
    (*counts)[r] = (int)(rows->row_counts[r] * factor);
    before += rows->row_counts[r];
  }
  return DNMF_OK;
}

static dnmf_status gather_at_once(dnmf_context *context, const sharing *rows, void *all) {
  int *counts = NULL;
  int *offsets = NULL;
  MPI_Datatype row = MPI_DATATYPE_NULL;
  dnmf_status status = int_shares(context, rows, 1, &counts, &offsets);
  if (status == DNMF_OK)
    status = dnmf_mpi_check(context, MPI_Type_contiguous(rows->row_words, rows->type, &row), "MPI_Type_contiguous");
  if (status == DNMF_OK)
    status = dnmf_mpi_check(context, MPI_Type_commit(&row), "MPI_Type_commit");
  if (status == DNMF_OK)
    status = dnmf_mpi_check(context,
                            MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, counts, offsets, row, rows->comm),
                            "MPI_Allgatherv");
  if (row != MPI_DATATYPE_NULL)
    MPI_Type_free(&row);
  free(counts);
  return status;
}

/* For more rows than one all-gather carries: a broadcast in pieces from each owner. */
static dnmf_status gather_from_owners(dnmf_context *context, const sharing *rows, void *all) {
  char *part = all;
  for (int owner = 0; owner < rows->size; owner++) {
    int64_t bytes = rows->row_counts[owner] * (int64_t)rows->row_bytes;
    DNMF_TRY(broadcast(context, rows->comm, part, bytes, owner));
    part += bytes;
  }
  return DNMF_OK;
}

dnmf_status dnmf_all_gather_rows(dnmf_context *context, MPI_Comm comm, dnmf_precision precision, int row_words,
                                 const int64_t *row_counts, const void *mine, void *all) {
  sharing rows = share_rows(comm, precision, row_words, row_counts);
  context->traffic.gather_words += others_words(&rows);
  context->traffic.messages += steps(rows.size);
  if (rows.total == 0)
    return DNMF_OK;
  char *place = (char *)all + (size_t)rows.before * rows.row_bytes;
  if (row_counts[rows.rank] > 0 && mine != place)
    memcpy(place, mine, (size_t)row_counts[rows.rank] * rows.row_bytes);
  return rows.total <= context->message_limit ? gather_at_once(context, &rows, all)
                                              : gather_from_owners(context, &rows, all);
}

static dnmf_status sum_at_once(dnmf_context *context, const sharing *rows, const void *all, void *mine) {
  int *counts = NULL;
  int *offsets = NULL;
  dnmf_status status = int_shares(context, rows, rows->row_words, &counts, &offsets);
  if (status == DNMF_OK)
    status = dnmf_mpi_check(context, MPI_Reduce_scatter(all, mine, counts, rows->type, MPI_SUM, rows->comm),
                            "MPI_Reduce_scatter");
  free(counts);
  return status;
}

/* For sums too long for one reduce-scatter: one reduction in pieces to each owner. */
static dnmf_status sum_to_owners(dnmf_context *context, const sharing *rows, const void *all, void *mine) {
  size_t word = rows->row_bytes / (size_t)rows->row_words;
  const char *from = all;
  for (int owner = 0; owner < rows->size; owner++) {
    int64_t words = rows->row_counts[owner] * rows->row_words;
    for (int64_t done = 0; done < words; done += context->message_limit) {
      int64_t piece = words - done < context->message_limit ? words - done : context->message_limit;
      void *to = rows->rank == owner ? (char *)mine + (size_t)done * word : NULL;
      int code = MPI_Reduce(from + (size_t)done * word, to, (int)piece, rows->type, MPI_SUM, owner, rows->comm);
      DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Reduce"));
    }
    from += (size_t)words * word;
  }
  return DNMF_OK;
}

dnmf_status dnmf_sum_scatter_rows(dnmf_context *context, MPI_Comm comm, dnmf_precision precision, int row_words,
                                  const int64_t *row_counts, const void *all, void *mine) {
  sharing rows = share_rows(comm, precision, row_words, row_counts);
  context->traffic.scatter_words += others_words(&rows);
  context->traffic.messages += steps(rows.size);
  return rows.total <= context->message_limit / row_words ? sum_at_once(context, &rows, all, mine)
                                                          : sum_to_owners(context, &rows, all, mine);
}

static void count_sum(dnmf_context *context, int64_t gram_count, int64_t control_count) {
  double share = 2.0 * (1.0 - 1.0 / context->size);
  context->traffic.gram_words += share * (double)gram_count;
  context->traffic.control_words += share * (double)control_count;
  context->traffic.messages += 2 * steps(context->size);
}

dnmf_status dnmf_sum_gram(dnmf_context *context, double *values, int64_t gram_count, int64_t control_count) {
  count_sum(context, gram_count, control_count);
  return dnmf_sum_doubles(context, context->comm, values, gram_count + control_count);
}

dnmf_status dnmf_sum_gram_begin(dnmf_context *context, double *values, int64_t gram_count, int64_t control_count) {
  const int64_t count = gram_count + control_count;
  if (count > context->message_limit)
    return dnmf_sum_gram(context, values, gram_count, control_count);
  dnmf_underway *underway = &context->underway;
  count_sum(context, gram_count, control_count);
  int code = MPI_Iallreduce(MPI_IN_PLACE, values, (int)count, MPI_DOUBLE, MPI_SUM, context->comm, &underway->request);
  underway->code = code;
  underway->begun = code == MPI_SUCCESS;
  return dnmf_mpi_check(context, code, "MPI_Iallreduce");
}

dnmf_status dnmf_sum_gram_end(dnmf_context *context) {
  dnmf_underway *underway = &context->underway;
  if (underway->begun && underway->code == MPI_SUCCESS)
    underway->code = MPI_Wait(&underway->request, MPI_STATUS_IGNORE);
  underway->begun = false;
  return dnmf_mpi_check(context, underway->code, "MPI_Iallreduce");
}

void dnmf_progress(dnmf_context *context) {
  dnmf_underway *underway = &context->underway;
  int done = 0;
  if (dnmf_team_is_caller() && underway->begun && underway->code == MPI_SUCCESS)
    underway->code = MPI_Test(&underway->request, &done, MPI_STATUS_IGNORE);
}
