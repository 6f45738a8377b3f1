#define _GNU_SOURCE /* affinity, syscall */
#include "base/team.h"

#include <ctype.h>
#include <linux/futex.h>
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A core does 1 to 8 operations a nanosecond. A larger team takes longer to wake and to gather. */
static const double ENOUGH_FOR_TWO = 100e3;
static const double ENOUGH_FOR_EACH_MORE = 5e3;

int dnmf_team(int threads, double operations) {
  const double enough = ENOUGH_FOR_TWO + ENOUGH_FOR_EACH_MORE * (threads - 2);
  return threads < 2 || !(operations >= enough) ? 1 : threads; /* NaN: alone */
}

enum {
  SPINS = 1000, /* times a waiting thread asks before it sleeps: 10 to 50 microseconds */
  PIECES = 16,  /* of what is left of a share, in the next piece: large at first, small in the end */
  LINE = 64,    /* bytes of a cache line */
  PAGE = 4096   /* and of a page of memory */
};

/* The gate of a call: open while threads may enter, with the number of those inside. */
static const uint32_t OPEN = (uint32_t)1 << 31;
static const uint32_t AWAITED = (uint32_t)1 << 30; /* the caller sleeps until the last has left */
static const uint32_t INSIDE = ((uint32_t)1 << 30) - 1;

/* A thread's share of the items: those from `next` on are not taken yet. */
typedef struct team_share {
  _Alignas(LINE) _Atomic int64_t next;
  int64_t end;
} team_share;

typedef struct team_pool {
  _Alignas(LINE) _Atomic uint32_t turn; /* calls so far; workers sleep on it */
  _Atomic uint32_t asleep;              /* workers */
  _Alignas(LINE) _Atomic uint32_t gate;

  /* The call: written while the gate is closed and nobody inside. */
  _Alignas(LINE) int team;
  dnmf_team_part *part;
  void *work;
  team_share *shares;
  _Atomic bool ends;

  pid_t process;
  _Atomic int64_t spins;
  int workers;
  int room; /* for workers */
  pthread_t *threads;
} team_pool;

/* What a worker is told when it starts. */
typedef struct team_worker {
  team_pool *pool;
  int number;
  uint32_t turn;
  int place; /* of the caller, among OpenMP's */
} team_worker;

/* Of each thread. The one thing the library keeps between calls, as OpenMP keeps its threads. */
static _Thread_local struct {
  team_pool *pool; /* the workers of this caller */
  int thread;      /* its number within a part */
  bool worker;
  bool within; /* a part */
} here;

int dnmf_team_thread(void) {
  return here.thread;
}

bool dnmf_team_is_caller(void) {
  return !here.worker;
}

/* --- Waiting --------------------------------------------------------------------------------------------- */

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* Sleeps while the word has this value; may return early. */
static void sleep_while(_Atomic uint32_t *word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake_sleepers(_Atomic uint32_t *word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

/* A person's own choice, as GCC's OpenMP has it; else none where threads share cores. */
static int64_t choose_spins(int threads) {
  const char *spins = getenv("GOMP_SPINCOUNT");
  const char *policy = getenv("OMP_WAIT_POLICY");
  if (spins && isdigit((unsigned char)*spins))
    return strtoll(spins, NULL, 10);
  if (spins && strncasecmp(spins, "inf", 3) == 0)
    return INT64_MAX;
  if (policy && strcasecmp(policy, "passive") == 0)
    return 0;
  if (policy && strcasecmp(policy, "active") == 0)
    return INT64_MAX;
  return threads > omp_get_num_procs() ? 0 : SPINS;
}

/* Until a call after `seen` begins; returns its turn. */
static uint32_t await_turn(team_pool *pool, uint32_t seen) {
  uint32_t turn = atomic_load_explicit(&pool->turn, memory_order_acquire);
  const int64_t spins = atomic_load_explicit(&pool->spins, memory_order_relaxed);
  for (int64_t spin = 0; turn == seen && spin < spins; spin++) {
    relax();
    turn = atomic_load_explicit(&pool->turn, memory_order_acquire);
  }
  if (turn != seen)
    return turn;
  atomic_fetch_add(&pool->asleep, 1);
  while ((turn = atomic_load(&pool->turn)) == seen)
    sleep_while(&pool->turn, seen);
  atomic_fetch_sub(&pool->asleep, 1);
  return turn;
}

static void begin_turn(team_pool *pool) {
  atomic_fetch_add(&pool->turn, 1);
  if (atomic_load(&pool->asleep) > 0)
    wake_sleepers(&pool->turn, INT32_MAX);
}

/* Closes the gate and waits until all have left. */
static void await_leaving(team_pool *pool) {
  uint32_t gate = atomic_fetch_and_explicit(&pool->gate, ~OPEN, memory_order_acquire) & ~OPEN;
  const int64_t spins = atomic_load_explicit(&pool->spins, memory_order_relaxed);
  for (int64_t spin = 0; (gate & INSIDE) && spin < spins; spin++) {
    relax();
    gate = atomic_load_explicit(&pool->gate, memory_order_acquire);
  }
  if ((gate & INSIDE) == 0)
    return;
  gate = atomic_fetch_or(&pool->gate, AWAITED) | AWAITED;
  while (gate & INSIDE) {
    sleep_while(&pool->gate, gate);
    gate = atomic_load(&pool->gate);
  }
}

static bool enter_gate(team_pool *pool) {
  uint32_t gate = atomic_load_explicit(&pool->gate, memory_order_relaxed);
  while (gate & OPEN)
    if (atomic_compare_exchange_weak_explicit(&pool->gate, &gate, gate + 1, memory_order_acquire, memory_order_relaxed))
      return true;
  return false;
}

static void leave_gate(team_pool *pool) {
  if (atomic_fetch_sub(&pool->gate, 1) == (AWAITED | 1))
    wake_sleepers(&pool->gate, 1);
}

/* --- Working --------------------------------------------------------------------------------------------- */

/* The next piece of a share; false: all are taken. */
static bool take_piece(team_share *share, int64_t *begin, int64_t *end) {
  int64_t next = atomic_load_explicit(&share->next, memory_order_relaxed);
  while (next < share->end) {
    const int64_t left = share->end - next;
    const int64_t count = left > PIECES ? left / PIECES : 1;
    if (atomic_compare_exchange_weak_explicit(&share->next, &next, next + count, memory_order_relaxed,
                                              memory_order_relaxed)) {
      *begin = next;
      *end = next + count;
      return true;
    }
  }
  return false;
}

/* A thread's own share, then what is left of the others'. */
static void take_pieces(team_pool *pool, int number) {
  int64_t begin = 0;
  int64_t end = 0;
  for (int t = 0; t < pool->team; t++)
    while (take_piece(&pool->shares[(number + t) % pool->team], &begin, &end))
      pool->part(pool->work, begin, end);
}

/* Where OpenMP was told to bind threads, on the place that its own would have. */
static void bind_worker(const team_worker *worker) {
  const int places = omp_get_num_places();
  cpu_set_t cores;
  int ids[CPU_SETSIZE];
  if (omp_get_proc_bind() == omp_proc_bind_false || omp_get_proc_bind() == omp_proc_bind_master || places < 1)
    return;
  const int place = ((worker->place > 0 ? worker->place : 0) + worker->number) % places;
  const int count = omp_get_place_num_procs(place);
  if (count < 1 || count > CPU_SETSIZE)
    return;
  CPU_ZERO(&cores);
  omp_get_place_proc_ids(place, ids);
  for (int i = 0; i < count; i++)
    if (ids[i] >= 0 && ids[i] < CPU_SETSIZE)
      CPU_SET((size_t)ids[i], &cores);
  sched_setaffinity(0, sizeof cores, &cores);
}

static void *worker_run(void *told) {
  const team_worker worker = *(team_worker *)told;
  team_pool *pool = worker.pool;
  uint32_t turn = worker.turn;
  free(told);
  here.thread = worker.number;
  here.worker = true;
  here.within = true;
  bind_worker(&worker);
  omp_set_num_threads(1); /* of BLAS */
  for (;;) {
    turn = await_turn(pool, turn);
    if (atomic_load(&pool->ends))
      return NULL;
    if (!enter_gate(pool))
      continue;
    if (worker.number < pool->team)
      take_pieces(pool, worker.number);
    leave_gate(pool);
  }
}

/* --- Beginning and end ----------------------------------------------------------------------------------- */

/* Signals are the caller's, except those that a fault brings to the thread that made it. */
static bool start_worker(team_pool *pool) {
  const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
  sigset_t others;
  sigset_t before;
  team_worker *told = malloc(sizeof *told);
  if (!told)
    return false;
  *told = (team_worker){pool, pool->workers + 1, atomic_load(&pool->turn), omp_get_place_num()};
  sigfillset(&others);
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    sigdelset(&others, faults[i]);
  pthread_sigmask(SIG_SETMASK, &others, &before);
  const bool started = pthread_create(&pool->threads[pool->workers], NULL, worker_run, told) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (started)
    pool->workers++;
  else
    free(told);
  return started;
}

static team_pool *create_pool(void) {
  void *memory = NULL;
  if (posix_memalign(&memory, LINE, sizeof(team_pool)) != 0)
    return NULL;
  team_pool *pool = memset(memory, 0, sizeof *pool);
  pool->process = getpid();
  return pool;
}

static bool make_room(team_pool *pool, int workers) {
  void *shares = NULL;
  pthread_t *threads = realloc(pool->threads, (size_t)workers * sizeof *threads);
  if (!threads)
    return false;
  pool->threads = threads;
  if (posix_memalign(&shares, LINE, ((size_t)workers + 1) * sizeof(team_share)) != 0)
    return false;
  free(pool->shares);
  pool->shares = shares;
  pool->room = workers;
  return true;
}

/* The caller's pool with workers for a team, or as many as can be had; the number of threads with the caller. */
static int ready_pool(int team) {
  if (here.pool && here.pool->process != getpid())
    here.pool = NULL; /* the parent's; its threads are not in this process */
  if (!here.pool)
    here.pool = create_pool();
  team_pool *pool = here.pool;
  if (!pool || (pool->room < team - 1 && !make_room(pool, team - 1)))
    return 1;
  if (pool->workers < team - 1)
    atomic_store_explicit(&pool->spins, choose_spins(team), memory_order_relaxed);
  while (pool->workers < team - 1 && start_worker(pool))
    ;
  return pool->workers < team - 1 ? pool->workers + 1 : team;
}

static void run_together(team_pool *pool, int team, int64_t count, dnmf_team_part *part, void *work) {
  pool->team = team;
  pool->part = part;
  pool->work = work;
  for (int t = 0; t < team; t++) {
    atomic_store_explicit(&pool->shares[t].next, count / team * t + (t < count % team ? t : count % team),
                          memory_order_relaxed);
    pool->shares[t].end = count / team * (t + 1) + (t + 1 < count % team ? t + 1 : count % team);
  }
  atomic_store_explicit(&pool->gate, OPEN, memory_order_release);
  begin_turn(pool);
  take_pieces(pool, 0);
  await_leaving(pool);
}

void dnmf_team_run(int team, int64_t count, dnmf_team_part *part, void *work) {
  if (count <= 0)
    return;
  const int thread = here.thread;
  const bool within = here.within;
  const int blas_threads = omp_get_max_threads();
  team = team < count ? team : (int)count;
  if (team > 1)
    team = within || omp_in_parallel() ? 1 : ready_pool(team);
  omp_set_num_threads(1); /* of BLAS */
  here.thread = 0;
  here.within = true;
  if (team > 1)
    run_together(here.pool, team, count, part, work);
  else
    part(work, 0, count);
  here.thread = thread;
  here.within = within;
  omp_set_num_threads(blas_threads);
}

typedef struct clear_call {
  char *memory;
  size_t bytes;
} clear_call;

static void clear_pages(void *of_call, int64_t begin, int64_t end) {
  const clear_call *call = of_call;
  const size_t first = (size_t)begin * PAGE;
  const size_t behind = (size_t)end * PAGE < call->bytes ? (size_t)end * PAGE : call->bytes;
  memset(call->memory + first, 0, behind - first);
}

void dnmf_team_clear(int threads, void *memory, size_t bytes) {
  clear_call call = {memory, bytes};
  dnmf_team_run(dnmf_team(threads, (double)bytes / 4), (int64_t)((bytes + PAGE - 1) / PAGE), clear_pages, &call);
}

void dnmf_team_end(void) {
  team_pool *pool = here.pool;
  here.pool = NULL;
  if (!pool || pool->process != getpid())
    return;
  atomic_store(&pool->ends, true);
  begin_turn(pool);
  for (int i = 0; i < pool->workers; i++)
    pthread_join(pool->threads[i], NULL);
  free(pool->threads);
  free(pool->shares);
  free(pool);
}
