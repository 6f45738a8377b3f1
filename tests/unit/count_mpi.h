/*
 * Counts what the library asks of MPI: each function below stands before MPI's own of that name, which it calls through
 * the profiling interface. For one test program each.
 */
#ifndef DNMF_COUNT_MPI_H
#define DNMF_COUNT_MPI_H

#include <mpi.h>

typedef struct mpi_counts {
  int reductions;  /* MPI_Allreduce, MPI_Iallreduce */
  int others;      /* collectives of other kinds */
  int sends;       /* MPI_Isend */
  int allocations; /* types made */
} mpi_counts;

static mpi_counts mpi_counted;

int MPI_Allreduce(const void *from, void *to, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  mpi_counted.reductions++;
  return PMPI_Allreduce(from, to, count, type, op, comm);
}

int MPI_Iallreduce(const void *from, void *to, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                   MPI_Request *request) {
  mpi_counted.reductions++;
  return PMPI_Iallreduce(from, to, count, type, op, comm, request);
}

int MPI_Bcast(void *data, int count, MPI_Datatype type, int root, MPI_Comm comm) {
  mpi_counted.others++;
  return PMPI_Bcast(data, count, type, root, comm);
}

int MPI_Alltoall(const void *from, int from_count, MPI_Datatype from_type, void *to, int to_count, MPI_Datatype to_type,
                 MPI_Comm comm) {
  mpi_counted.others++;
  return PMPI_Alltoall(from, from_count, from_type, to, to_count, to_type, comm);
}

int MPI_Allgather(const void *from, int from_count, MPI_Datatype from_type, void *to, int to_count,
                  MPI_Datatype to_type, MPI_Comm comm) {
  mpi_counted.others++;
  return PMPI_Allgather(from, from_count, from_type, to, to_count, to_type, comm);
}

int MPI_Barrier(MPI_Comm comm) {
  mpi_counted.others++;
  return PMPI_Barrier(comm);
}

int MPI_Isend(const void *data, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request *request) {
  mpi_counted.sends++;
  return PMPI_Isend(data, count, type, to, tag, comm, request);
}

int MPI_Type_contiguous(int count, MPI_Datatype from, MPI_Datatype *type) {
  mpi_counted.allocations++;
  return PMPI_Type_contiguous(count, from, type);
}

#endif
