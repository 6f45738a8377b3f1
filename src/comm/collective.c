#include "dnmf/collective.h"

#include "dnmf/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

dnmf_status dnmf_mpi_check(dnmf_context *context, int mpi_code, const char *call) {
  if (mpi_code == MPI_SUCCESS)
    return DNMF_OK;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(mpi_code, text, &length);
  return dnmf_fail(&context->error, DNMF_ERROR_MPI, "%s failed on process %d: %s", call, context->rank, text);
}

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

dnmf_status dnmf_broadcast(dnmf_context *context, void *data, int64_t bytes, int root) {
  for (int64_t done = 0; done < bytes; done += context->message_limit) {
    int64_t piece = bytes - done < context->message_limit ? bytes - done : context->message_limit;
    int code = MPI_Bcast((char *)data + done, (int)piece, MPI_BYTE, root, context->comm);
    DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Bcast"));
  }
  return DNMF_OK;
}

/* log2(processes), rounded up: the steps of a collective's tree or butterfly. */
static double steps(int processes) {
  int count = 0;
  while ((1 << count) < processes)
    count++;
  return count;
}

static MPI_Datatype mpi_type(dnmf_precision precision) {
  return precision == DNMF_DOUBLE ? MPI_DOUBLE : MPI_FLOAT;
}

/* Rows of the group before, at and after each process, as MPI's ints. The caller frees *counts. */
static dnmf_status int_rows(dnmf_context *context, int processes, const int64_t *row_counts, int factor, int **counts,
                            int **offsets, int64_t *total) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(&context->error, "message counts", 2 * (int64_t)processes, sizeof(int), &memory));
  *counts = memory;
  *offsets = *counts + processes;
  *total = 0;
  dnmf_status status = DNMF_OK;
  for (int r = 0; r < processes && status == DNMF_OK; r++) {
    status = dnmf_int_count(context, "factor rows", *total * factor, &(*offsets)[r]);
    if (status == DNMF_OK)
      status = dnmf_int_count(context, "factor rows", row_counts[r] * factor, &(*counts)[r]);
    *total += row_counts[r];
  }
  return status;
}

static void group_of(MPI_Comm comm, int *rank, int *size) {
  MPI_Comm_rank(comm, rank);
  MPI_Comm_size(comm, size);
}

dnmf_status dnmf_all_gather_rows(dnmf_context *context, MPI_Comm comm, dnmf_precision precision, int row_words,
                                 const int64_t *row_counts, const void *mine, void *all) {
  int rank = 0;
  int size = 1;
  int *counts = NULL;
  int *offsets = NULL;
  int64_t total = 0;
  group_of(comm, &rank, &size);
  MPI_Datatype row = MPI_DATATYPE_NULL;
  dnmf_status status = int_rows(context, size, row_counts, 1, &counts, &offsets, &total);
  if (status == DNMF_OK)
    status = dnmf_mpi_check(context, MPI_Type_contiguous(row_words, mpi_type(precision), &row), "MPI_Type_contiguous");
  if (status == DNMF_OK)
    status = dnmf_mpi_check(context, MPI_Type_commit(&row), "MPI_Type_commit");
  if (status == DNMF_OK) {
    size_t row_bytes = (size_t)row_words * dnmf_precision_size(precision);
    bool in_place = mine == (const char *)all + (size_t)offsets[rank] * row_bytes;
    int code = MPI_Allgatherv(in_place ? MPI_IN_PLACE : mine, counts[rank], row, all, counts, offsets, row, comm);
    status = dnmf_mpi_check(context, code, "MPI_Allgatherv");
    context->traffic.gather_words += (double)(total - row_counts[rank]) * row_words;
    context->traffic.messages += steps(size);
  }
  if (row != MPI_DATATYPE_NULL)
    MPI_Type_free(&row);
  free(counts);
  return status;
}

/* For sums too long for one reduce-scatter: one reduction in pieces to each owner. */
static dnmf_status sum_to_owners(dnmf_context *context, MPI_Comm comm, dnmf_precision precision, int row_words,
                                 const int64_t *row_counts, const void *all, void *mine) {
  int rank = 0;
  int size = 1;
  group_of(comm, &rank, &size);
  size_t word = dnmf_precision_size(precision);
  const char *from = all;
  for (int owner = 0; owner < size; owner++) {
    int64_t words = row_counts[owner] * row_words;
    for (int64_t done = 0; done < words; done += context->message_limit) {
      int64_t piece = words - done < context->message_limit ? words - done : context->message_limit;
      void *to = rank == owner ? (char *)mine + (size_t)done * word : NULL;
      int code = MPI_Reduce(from + (size_t)done * word, to, (int)piece, mpi_type(precision), MPI_SUM, owner, comm);
      DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Reduce"));
    }
    from += (size_t)words * word;
  }
  return DNMF_OK;
}

dnmf_status dnmf_sum_scatter_rows(dnmf_context *context, MPI_Comm comm, dnmf_precision precision, int row_words,
                                  const int64_t *row_counts, const void *all, void *mine) {
  int rank = 0;
  int size = 1;
  group_of(comm, &rank, &size);
  int64_t rows = 0;
  for (int r = 0; r < size; r++)
    rows += row_counts[r];
  context->traffic.scatter_words += (double)(rows - row_counts[rank]) * row_words;
  context->traffic.messages += steps(size);
  if (rows * row_words > context->message_limit)
    return sum_to_owners(context, comm, precision, row_words, row_counts, all, mine);
  int *counts = NULL;
  int *offsets = NULL;
  dnmf_status status = int_rows(context, size, row_counts, row_words, &counts, &offsets, &rows);
  if (status == DNMF_OK)
    status = dnmf_mpi_check(context, MPI_Reduce_scatter(all, mine, counts, mpi_type(precision), MPI_SUM, comm),
                            "MPI_Reduce_scatter");
  free(counts);
  return status;
}

dnmf_status dnmf_sum_gram(dnmf_context *context, double *values, int64_t gram_count, int64_t control_count) {
  double share = 2.0 * (1.0 - 1.0 / context->size);
  context->traffic.gram_words += share * (double)gram_count;
  context->traffic.control_words += share * (double)control_count;
  context->traffic.messages += 2 * steps(context->size);
  return dnmf_sum_doubles(context, context->comm, values, gram_count + control_count);
}
