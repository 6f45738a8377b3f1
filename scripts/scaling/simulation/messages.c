#include "messages.h"

#include "base/memory.h"

#include <string.h>

enum {
  TREE_TAG = 11,
  STEP_TAG,
  MOST_CHILDREN = 18, /* 2^16 processes */
  LONG_SUM = 256 << 10
};

int __wrap_MPI_Comm_split(MPI_Comm comm, int color, int key, MPI_Comm *part);
int __wrap_MPI_Allgatherv(const void *mine, int count, MPI_Datatype type, void *all, const int *counts,
                          const int *places, MPI_Datatype all_type, MPI_Comm comm);
int __wrap_MPI_Reduce_scatter(const void *all, void *mine, const int *counts, MPI_Datatype type, MPI_Op op,
                              MPI_Comm comm);
int __wrap_MPI_Iallreduce(const void *from, void *to, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                          MPI_Request *request);
int __wrap_MPI_Test(MPI_Request *request, int *done, MPI_Status *status);
int __wrap_MPI_Wait(MPI_Request *request, MPI_Status *status);
int __real_MPI_Isend(const void *from, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
                     MPI_Request *request);
int __wrap_MPI_Isend(const void *from, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
                     MPI_Request *request);

/* An all-reduce under way, as libnbc has it for short ones: a sum along a binomial tree, whose result comes back along
 * another. */
typedef struct under_way {
  MPI_Comm comm;
  int rank;
  int size;
  int bytes;
  int bit; /* of the tree, as far as the sum has come */
  enum { PART_SUM, PART_RECEIVE, PART_SEND, PART_END } part;
  int waiting;
  MPI_Request requests[MOST_CHILDREN];
} under_way;

/* All processes are threads of one here (smpirun -no-privatize). */
static under_way all_under_way[MOST_PROCESSES];
static void *room_sent;
static void *room_received;
static double sent_bytes;

dnmf_status messages_prepare(dnmf_error *error, int64_t most_bytes) {
  if (!room_sent)
    DNMF_TRY(dnmf_allocate_zero(error, "messages", most_bytes, 1, &room_sent));
  return room_received ? DNMF_OK : dnmf_allocate_zero(error, "messages", most_bytes, 1, &room_received);
}

void *messages_sent(void) {
  return room_sent;
}

void *messages_received(void) {
  return room_received;
}

double messages_bytes(void) {
  return sent_bytes;
}

int __wrap_MPI_Isend(const void *from, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
                     MPI_Request *request) {
  int size = 0;
  MPI_Type_size(type, &size);
  sent_bytes += (double)count * size;
  return __real_MPI_Isend(from, count, type, to, tag, comm, request);
}

static void send(int bytes, int to, int tag, MPI_Comm comm, MPI_Request *request) {
  __wrap_MPI_Isend(room_sent, bytes, MPI_BYTE, to, tag, comm, request);
}

static void receive(int bytes, int from, int tag, MPI_Comm comm, MPI_Request *request) {
  MPI_Irecv(room_received, bytes, MPI_BYTE, from, tag, comm, request);
}

/* --- The all-reduce under way ------------------------------------------------------------------------------ */

static int highest_bit(int rank) {
  int bit = 1;
  while (bit <= rank / 2)
    bit *= 2;
  return bit;
}

/* The next message of the sum; none: it is over. */
static void begin_summing(under_way *u) {
  for (; u->bit < u->size && u->waiting == 0; u->bit *= 2) {
    if (u->rank & u->bit) {
      send(u->bytes, u->rank - u->bit, TREE_TAG, u->comm, &u->requests[u->waiting++]);
      u->bit = u->size; /* nothing comes after this */
    } else if (u->rank + u->bit < u->size) {
      receive(u->bytes, u->rank + u->bit, TREE_TAG, u->comm, &u->requests[u->waiting++]);
    }
  }
}

/* The messages that come next, all at once. */
static void begin_next(under_way *u) {
  u->waiting = 0;
  if (u->part == PART_SUM)
    begin_summing(u);
  if (u->part == PART_SUM && u->waiting > 0)
    return;
  u->part++;
  if (u->part == PART_RECEIVE && u->rank > 0)
    receive(u->bytes, u->rank - highest_bit(u->rank), TREE_TAG, u->comm, &u->requests[u->waiting++]);
  for (int bit = 1; u->part == PART_SEND && u->rank + bit < u->size; bit *= 2)
    if (bit > u->rank)
      send(u->bytes, u->rank + bit, TREE_TAG, u->comm, &u->requests[u->waiting++]);
}

/* Goes on with what waits for no message. */
static void go_on(under_way *u) {
  while (u->waiting == 0 && u->part < PART_END)
    begin_next(u);
}

static void drop_arrived(under_way *u) {
  int waiting = 0;
  for (int i = 0; i < u->waiting; i++)
    if (u->requests[i] != MPI_REQUEST_NULL)
      u->requests[waiting++] = u->requests[i];
  u->waiting = waiting;
}

static under_way *mine_under_way(void) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return &all_under_way[rank];
}

int __wrap_MPI_Iallreduce(const void *from, void *to, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                          MPI_Request *request) {
  under_way *u = mine_under_way();
  int size = 0;
  (void)from; /* in place: each process keeps its own numbers for the sums */
  (void)to;
  (void)op;
  MPI_Type_size(type, &size);
  *u = (under_way){.comm = comm, .bytes = count * size, .bit = 1};
  MPI_Comm_rank(comm, &u->rank);
  MPI_Comm_size(comm, &u->size);
  go_on(u);
  *request = (MPI_Request)u;
  return MPI_SUCCESS;
}

int __wrap_MPI_Test(MPI_Request *request, int *done, MPI_Status *status) {
  under_way *u = mine_under_way();
  int arrived = 1;
  (void)status;
  while (arrived && u->waiting > 0) {
    MPI_Testall(u->waiting, u->requests, &arrived, MPI_STATUSES_IGNORE);
    drop_arrived(u);
    go_on(u);
  }
  *done = u->part == PART_END;
  if (*done)
    *request = MPI_REQUEST_NULL;
  return MPI_SUCCESS;
}

int __wrap_MPI_Wait(MPI_Request *request, MPI_Status *status) {
  under_way *u = mine_under_way();
  (void)status;
  while (u->part < PART_END) {
    MPI_Waitall(u->waiting, u->requests, MPI_STATUSES_IGNORE);
    u->waiting = 0;
    go_on(u);
  }
  *request = MPI_REQUEST_NULL;
  return MPI_SUCCESS;
}

/* --- Collectives that wait --------------------------------------------------------------------------------- */

/* Waits for a message each way, while what is under way moves on. */
static void wait_for_step(MPI_Request step[2]) {
  under_way *u = mine_under_way();
  int arrived = 0;
  while (arrived < 2) {
    MPI_Request both[2 + MOST_CHILDREN] = {step[0], step[1]};
    int which = 0;
    memcpy(both + 2, u->requests, (size_t)u->waiting * sizeof *both);
    MPI_Waitany(2 + u->waiting, both, &which, MPI_STATUS_IGNORE);
    if (which < 2) {
      step[which] = MPI_REQUEST_NULL;
      arrived++;
      continue;
    }
    u->requests[which - 2] = u->requests[--u->waiting];
    go_on(u);
  }
}

/* Shares of a group, in bytes. */
typedef struct shares {
  MPI_Comm comm;
  int rank;
  int size;
  int unit;
  const int *counts;
} shares;

static shares shares_of(MPI_Comm comm, MPI_Datatype type, const int *counts) {
  shares s = {.comm = comm, .counts = counts};
  MPI_Comm_rank(comm, &s.rank);
  MPI_Comm_size(comm, &s.size);
  MPI_Type_size(type, &s.unit);
  return s;
}

/* Of `count` processes from `first` on, round the group. */
static int share_bytes(const shares *s, int first, int count) {
  int bytes = 0;
  for (int i = 0; i < count; i++)
    bytes += s->counts[(first + i + s->size) % s->size] * s->unit;
  return bytes;
}

static void do_step(const shares *s, int to, int sent, int from, int received) {
  MPI_Request step[2];
  receive(received, (from + s->size) % s->size, STEP_TAG, s->comm, &step[0]);
  send(sent, (to + s->size) % s->size, STEP_TAG, s->comm, &step[1]);
  wait_for_step(step);
}

/* Neighbours in turn, two shares at a time: of an even number of processes. */
static void gather_from_neighbours(const shares *s) {
  const int way = s->rank % 2 == 0 ? 1 : -1;
  int pair = s->rank - s->rank % 2; /* of shares, which goes on to the next neighbour */
  int brought[2] = {pair, pair};    /* that each of the two neighbours brought last */
  do_step(s, s->rank + way, share_bytes(s, s->rank, 1), s->rank + way, share_bytes(s, s->rank + way, 1));
  for (int i = 1; i < s->size / 2; i++) {
    const int side = i % 2 == 0 ? way : -way;
    brought[i % 2] = (brought[i % 2] + 2 * side + s->size) % s->size;
    do_step(s, s->rank + side, share_bytes(s, pair, 2), s->rank + side, share_bytes(s, brought[i % 2], 2));
    pair = brought[i % 2];
  }
}

static void gather_round(const shares *s) {
  for (int i = 0; i < s->size - 1; i++)
    do_step(s, s->rank + 1, share_bytes(s, s->rank - i, 1), s->rank - 1, share_bytes(s, s->rank - 1 - i, 1));
}

int __wrap_MPI_Allgatherv(const void *mine, int count, MPI_Datatype type, void *all, const int *counts,
                          const int *places, MPI_Datatype all_type, MPI_Comm comm) {
  const shares s = shares_of(comm, all_type, counts);
  (void)mine;
  (void)count;
  (void)type;
  (void)all;
  (void)places;
  if (s.size % 2 == 0)
    gather_from_neighbours(&s);
  else
    gather_round(&s);
  return MPI_SUCCESS;
}

static void sum_round(const shares *s) {
  for (int i = 0; i < s->size - 1; i++)
    do_step(s, s->rank + 1, share_bytes(s, s->rank - 1 - i, 1), s->rank - 1, share_bytes(s, s->rank - 2 - i, 1));
}

/* Of a power of two processes. */
static void sum_by_halves(const shares *s) {
  int first = 0;
  for (int half = s->size / 2; half > 0; half /= 2) {
    const bool upper = s->rank >= first + half;
    const int other = upper ? s->rank - half : s->rank + half;
    const int kept = share_bytes(s, upper ? first + half : first, half);
    do_step(s, other, share_bytes(s, upper ? first : first + half, half), other, kept);
    first += upper ? half : 0;
  }
}

/* Open MPI's choice: by halves what is short; of a number of processes that is no power of two always round. */
int __wrap_MPI_Reduce_scatter(const void *all, void *mine, const int *counts, MPI_Datatype type, MPI_Op op,
                              MPI_Comm comm) {
  const shares s = shares_of(comm, type, counts);
  const int bytes = share_bytes(&s, 0, s.size);
  (void)all;
  (void)mine;
  (void)op;
  if ((s.size & (s.size - 1)) == 0 && (bytes <= LONG_SUM || s.size >= 0.0012 * bytes + 8))
    sum_by_halves(&s);
  else
    sum_round(&s);
  return MPI_SUCCESS;
}

/* SMPI's own split takes minutes of real time for thousands of processes, before the loop begins. All processes see
 * each other's colour here; keys must rise with the rank. */
int __wrap_MPI_Comm_split(MPI_Comm comm, int color, int key, MPI_Comm *part) {
  static int colors[MOST_PROCESSES];
  static int rank_of[MOST_PROCESSES];
  (void)key;
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  if (size > MOST_PROCESSES)
    return MPI_ERR_COMM;
  colors[rank] = color;
  MPI_Barrier(comm);
  int members = 0;
  for (int r = 0; r < size; r++)
    if (colors[r] == color)
      rank_of[members++] = r;
  MPI_Group all;
  MPI_Group mine;
  MPI_Comm_group(comm, &all);
  MPI_Group_incl(all, members, rank_of, &mine);
  MPI_Barrier(comm);
  int code = MPI_Comm_create(comm, mine, part);
  MPI_Group_free(&mine);
  MPI_Group_free(&all);
  return code;
}
