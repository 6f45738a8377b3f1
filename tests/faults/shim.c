/*
 * Loaded before the program (LD_PRELOAD): makes one call of one process fail, as inject.py asks by the environment:
 *
 *   DNMF_FAULT         KIND:N, the N-th call of a kind; N = 0: none, those of all kinds are counted
 *   DNMF_FAULT_RANK    the process, by its rank, or "all"
 *   DNMF_FAULT_FOLDER  file calls count where they are about files below it
 *   DNMF_FAULT_REPORT  a file, whose name gets ".RANK": the calls seen ("seen KIND N"), or the one that failed ("failed
 * NAME") and its callers
 *
 * Kinds: alloc, allocations of the program's own code; file, calls of anybody about the files; full, those that need
 * room on the disk, all of them from the N-th on; mpi, communication of the program's own code. What other libraries
 * allocate or send is theirs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <mpi.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

typedef enum kind { NONE, ALLOC, FILES, FULL, MPI, KINDS } kind;
static const char *const kind_names[KINDS] = {"none", "alloc", "file", "full", "mpi"};

static struct plan {
  kind kind;
  long which;
  const char *folder;
  size_t folder_length;
  int report; /* -1: another process */
  uintptr_t begin;
  uintptr_t end; /* of the program's code */
} plan = {.report = -1};
static atomic_long seen[KINDS];

static int find_program(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  (void)data;
  const char *name = strrchr(info->dlpi_name, '/');
  if (*info->dlpi_name && !(name && strncmp(name, "/libdnmf", 8) == 0))
    return 0; /* the program itself has no name; its library counts in its place */
  for (int i = 0; i < info->dlpi_phnum; i++)
    if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
      plan.begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
      plan.end = plan.begin + info->dlpi_phdr[i].p_memsz;
    }
  return *info->dlpi_name != 0;
}

static const char *rank_of(void) {
  const char *rank = getenv("OMPI_COMM_WORLD_RANK");
  rank = rank ? rank : getenv("PMIX_RANK");
  rank = rank ? rank : getenv("PMI_RANK");
  return rank ? rank : "0";
}

__attribute__((constructor)) static void begin(void) {
  const char *fault = getenv("DNMF_FAULT");
  const char *rank = getenv("DNMF_FAULT_RANK");
  const char *report = getenv("DNMF_FAULT_REPORT");
  const char *colon = fault ? strchr(fault, ':') : NULL;
  char path[PATH_MAX];
  if (!colon || !report || !rank || (strcmp(rank, "all") != 0 && strcmp(rank, rank_of()) != 0))
    return;
  snprintf(path, sizeof path, "%s.%s", report, rank_of());
  dl_iterate_phdr(find_program, NULL);
  plan.folder = getenv("DNMF_FAULT_FOLDER");
  plan.folder_length = plan.folder ? strlen(plan.folder) : 0;
  plan.which = atol(colon + 1);
  plan.report = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  for (int k = ALLOC; k < KINDS; k++)
    if (strncmp(fault, kind_names[k], (size_t)(colon - fault)) == 0)
      plan.kind = (kind)k;
}

__attribute__((destructor)) static void finish(void) {
  for (int k = ALLOC; k < KINDS && plan.report >= 0; k++)
    dprintf(plan.report, "seen %s %ld\n", kind_names[k], atomic_load(&seen[k]));
}

static int is_own(const void *caller) {
  return (uintptr_t)caller >= plan.begin && (uintptr_t)caller < plan.end;
}

/* Says that the call fails, the first time. */
static void tell(const char *name) {
  void *callers[32];
  kind was = plan.kind;
  plan.kind = NONE; /* what naming the callers calls does not count */
  dprintf(plan.report, "failed %s\n", name);
  backtrace_symbols_fd(callers, backtrace(callers, 32), plan.report);
  plan.kind = was;
}

static int fails(kind of, const char *name) {
  if (plan.kind == NONE || (plan.which > 0 && plan.kind != of))
    return 0;
  long now = atomic_fetch_add(&seen[of], 1) + 1;
  if (plan.which == 0 || (of == FULL ? now < plan.which : now != plan.which))
    return 0;
  if (now == plan.which)
    tell(name);
  return 1;
}

static int own_fails(kind of, const char *name, const void *caller) {
  return plan.kind != NONE && is_own(caller) && fails(of, name);
}

/* Of calls that need room on the disk, and of others. */
static int path_fails(const char *name, const char *path, int needs_room) {
  if (plan.kind == NONE || !plan.folder || strncmp(path, plan.folder, plan.folder_length) != 0)
    return 0;
  int full = needs_room && fails(FULL, name);
  return fails(FILES, name) || full;
}

static int file_fails(const char *name, int file, int needs_room) {
  char link[64];
  char path[PATH_MAX];
  if (plan.kind == NONE || file == plan.report)
    return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0)
    return 0;
  path[length] = 0;
  return path_fails(name, path, needs_room);
}

static void *next(const char *name) {
  return dlsym(RTLD_NEXT, name);
}

/* --- Allocations ----------------------------------------------------------------------------------------- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

#define CALLER __builtin_return_address(0)

static void *no_memory(void) {
  errno = ENOMEM;
  return NULL;
}

void *malloc(size_t size) {
  return own_fails(ALLOC, "malloc", CALLER) ? no_memory() : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  return own_fails(ALLOC, "calloc", CALLER) ? no_memory() : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  return own_fails(ALLOC, "realloc", CALLER) ? no_memory() : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  return own_fails(ALLOC, "aligned_alloc", CALLER) ? no_memory() : __libc_memalign(alignment, size);
}

static char *copy_of(const char *text, size_t length) {
  char *copy = __libc_malloc(length + 1);
  if (copy) {
    memcpy(copy, text, length);
    copy[length] = 0;
  }
  return copy;
}

char *strdup(const char *text) {
  return own_fails(ALLOC, "strdup", CALLER) ? no_memory() : copy_of(text, strlen(text));
}

char *strndup(const char *text, size_t most) {
  return own_fails(ALLOC, "strndup", CALLER) ? no_memory() : copy_of(text, strnlen(text, most));
}

/* --- Files ----------------------------------------------------------------------------------------------- */

static int error(int code) {
  errno = code;
  return -1;
}

static mode_t mode_of(int flags, va_list rest) {
  return flags & O_CREAT ? va_arg(rest, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = mode_of(flags, rest);
  va_end(rest);
  if (path_fails("open", path, flags & O_CREAT))
    return error(flags & O_CREAT ? ENOSPC : EACCES);
  return ((int (*)(const char *, int, ...))next("open"))(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = mode_of(flags, rest);
  va_end(rest);
  if (path_fails("open", path, flags & O_CREAT))
    return error(flags & O_CREAT ? ENOSPC : EACCES);
  return ((int (*)(const char *, int, ...))next("open64"))(path, flags, mode);
}

FILE *fopen(const char *path, const char *mode) {
  if (path_fails("fopen", path, *mode == 'w')) {
    errno = EACCES;
    return NULL;
  }
  return ((FILE * (*)(const char *, const char *)) next("fopen"))(path, mode);
}

ssize_t write(int file, const void *bytes, size_t count) {
  if (file_fails("write", file, 1))
    return error(ENOSPC);
  return ((ssize_t(*)(int, const void *, size_t))next("write"))(file, bytes, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
  if (file_fails("pwrite", file, 1))
    return error(ENOSPC);
  return ((ssize_t(*)(int, const void *, size_t, off_t))next("pwrite"))(file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
  if (file_fails("pwrite", file, 1))
    return error(ENOSPC);
  return ((ssize_t(*)(int, const void *, size_t, off64_t))next("pwrite64"))(file, bytes, count, at);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t at) {
  if (file_fails("pwritev", file, 1))
    return error(ENOSPC);
  return ((ssize_t(*)(int, const struct iovec *, int, off_t))next("pwritev"))(file, parts, count, at);
}

ssize_t read(int file, void *bytes, size_t count) {
  if (file_fails("read", file, 0))
    return error(EIO);
  return ((ssize_t(*)(int, void *, size_t))next("read"))(file, bytes, count);
}

ssize_t pread(int file, void *bytes, size_t count, off_t at) {
  if (file_fails("pread", file, 0))
    return error(EIO);
  return ((ssize_t(*)(int, void *, size_t, off_t))next("pread"))(file, bytes, count, at);
}

ssize_t pread64(int file, void *bytes, size_t count, off64_t at) {
  if (file_fails("pread", file, 0))
    return error(EIO);
  return ((ssize_t(*)(int, void *, size_t, off64_t))next("pread64"))(file, bytes, count, at);
}

ssize_t preadv(int file, const struct iovec *parts, int count, off_t at) {
  if (file_fails("preadv", file, 0))
    return error(EIO);
  return ((ssize_t(*)(int, const struct iovec *, int, off_t))next("preadv"))(file, parts, count, at);
}

int ftruncate(int file, off_t length) {
  if (file_fails("ftruncate", file, 0))
    return error(EIO);
  return ((int (*)(int, off_t))next("ftruncate"))(file, length);
}

int ftruncate64(int file, off64_t length) {
  if (file_fails("ftruncate", file, 0))
    return error(EIO);
  return ((int (*)(int, off64_t))next("ftruncate64"))(file, length);
}

int posix_fallocate(int file, off_t at, off_t length) {
  if (file_fails("posix_fallocate", file, 1))
    return ENOSPC;
  return ((int (*)(int, off_t, off_t))next("posix_fallocate"))(file, at, length);
}

int fallocate(int file, int mode, off_t at, off_t length) {
  if (file_fails("fallocate", file, 1))
    return error(ENOSPC);
  return ((int (*)(int, int, off_t, off_t))next("fallocate"))(file, mode, at, length);
}

int fallocate64(int file, int mode, off64_t at, off64_t length) {
  if (file_fails("fallocate", file, 1))
    return error(ENOSPC);
  return ((int (*)(int, int, off64_t, off64_t))next("fallocate64"))(file, mode, at, length);
}

int truncate(const char *path, off_t length) {
  if (path_fails("truncate", path, 0))
    return error(EIO);
  return ((int (*)(const char *, off_t))next("truncate"))(path, length);
}

int fsync(int file) {
  if (file_fails("fsync", file, 0))
    return error(EIO);
  return ((int (*)(int))next("fsync"))(file);
}

int rename(const char *from, const char *to) {
  if (path_fails("rename", from, 0))
    return error(EACCES);
  return ((int (*)(const char *, const char *))next("rename"))(from, to);
}

/* --- Communication: what the program calls, which goes on under its profiling name ------------------------ */

#define FAILS_AS(name) own_fails(MPI, name, CALLER)

int MPI_Allreduce(const void *send, void *receive, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  return FAILS_AS("MPI_Allreduce") ? MPI_ERR_OTHER : PMPI_Allreduce(send, receive, count, type, op, comm);
}

int MPI_Iallreduce(const void *send, void *receive, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                   MPI_Request *request) {
  return FAILS_AS("MPI_Iallreduce") ? MPI_ERR_OTHER : PMPI_Iallreduce(send, receive, count, type, op, comm, request);
}

int MPI_Bcast(void *buffer, int count, MPI_Datatype type, int root, MPI_Comm comm) {
  return FAILS_AS("MPI_Bcast") ? MPI_ERR_OTHER : PMPI_Bcast(buffer, count, type, root, comm);
}

int MPI_Exscan(const void *send, void *receive, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  return FAILS_AS("MPI_Exscan") ? MPI_ERR_OTHER : PMPI_Exscan(send, receive, count, type, op, comm);
}

int MPI_Allgather(const void *send, int send_count, MPI_Datatype send_type, void *receive, int receive_count,
                  MPI_Datatype receive_type, MPI_Comm comm) {
  return FAILS_AS("MPI_Allgather")
             ? MPI_ERR_OTHER
             : PMPI_Allgather(send, send_count, send_type, receive, receive_count, receive_type, comm);
}

int MPI_Allgatherv(const void *send, int send_count, MPI_Datatype send_type, void *receive, const int *counts,
                   const int *places, MPI_Datatype receive_type, MPI_Comm comm) {
  return FAILS_AS("MPI_Allgatherv")
             ? MPI_ERR_OTHER
             : PMPI_Allgatherv(send, send_count, send_type, receive, counts, places, receive_type, comm);
}

int MPI_Reduce_scatter(const void *send, void *receive, const int *counts, MPI_Datatype type, MPI_Op op,
                       MPI_Comm comm) {
  return FAILS_AS("MPI_Reduce_scatter") ? MPI_ERR_OTHER : PMPI_Reduce_scatter(send, receive, counts, type, op, comm);
}

int MPI_Alltoall(const void *send, int send_count, MPI_Datatype send_type, void *receive, int receive_count,
                 MPI_Datatype receive_type, MPI_Comm comm) {
  return FAILS_AS("MPI_Alltoall")
             ? MPI_ERR_OTHER
             : PMPI_Alltoall(send, send_count, send_type, receive, receive_count, receive_type, comm);
}

int MPI_Reduce(const void *send, void *receive, int count, MPI_Datatype type, MPI_Op op, int root, MPI_Comm comm) {
  return FAILS_AS("MPI_Reduce") ? MPI_ERR_OTHER : PMPI_Reduce(send, receive, count, type, op, root, comm);
}

int MPI_Scan(const void *send, void *receive, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  return FAILS_AS("MPI_Scan") ? MPI_ERR_OTHER : PMPI_Scan(send, receive, count, type, op, comm);
}

int MPI_Isend(const void *buffer, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request *request) {
  return FAILS_AS("MPI_Isend") ? MPI_ERR_OTHER : PMPI_Isend(buffer, count, type, to, tag, comm, request);
}

int MPI_Irecv(void *buffer, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Request *request) {
  return FAILS_AS("MPI_Irecv") ? MPI_ERR_OTHER : PMPI_Irecv(buffer, count, type, from, tag, comm, request);
}

int MPI_Sendrecv(const void *send, int send_count, MPI_Datatype send_type, int to, int send_tag, void *receive,
                 int receive_count, MPI_Datatype receive_type, int from, int receive_tag, MPI_Comm comm,
                 MPI_Status *status) {
  return FAILS_AS("MPI_Sendrecv") ? MPI_ERR_OTHER
                                  : PMPI_Sendrecv(send, send_count, send_type, to, send_tag, receive, receive_count,
                                                  receive_type, from, receive_tag, comm, status);
}

int MPI_Wait(MPI_Request *request, MPI_Status *status) {
  return FAILS_AS("MPI_Wait") ? MPI_ERR_OTHER : PMPI_Wait(request, status);
}

int MPI_Waitall(int count, MPI_Request *requests, MPI_Status *statuses) {
  return FAILS_AS("MPI_Waitall") ? MPI_ERR_OTHER : PMPI_Waitall(count, requests, statuses);
}

int MPI_Comm_split(MPI_Comm comm, int color, int key, MPI_Comm *made) {
  return FAILS_AS("MPI_Comm_split") ? MPI_ERR_OTHER : PMPI_Comm_split(comm, color, key, made);
}

int MPI_Test(MPI_Request *request, int *done, MPI_Status *status) {
  return FAILS_AS("MPI_Test") ? MPI_ERR_OTHER : PMPI_Test(request, done, status);
}

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm *made) {
  return FAILS_AS("MPI_Comm_dup") ? MPI_ERR_OTHER : PMPI_Comm_dup(comm, made);
}

int MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *made) {
  return FAILS_AS("MPI_Comm_split_type") ? MPI_ERR_OTHER : PMPI_Comm_split_type(comm, type, key, info, made);
}
