/*
 * Solvers by name, and the loop over tiles of rows that all of them share.
 */
#include "solve/solver.h"

#include "base/memory.h"
#include "base/team.h"
#include "solve/bpp.h"
#include "solve/kernels.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { ONLINE_ROWS = 256 };

static const char *const names[] = {"hals", "mu", "bpp", "newton", "ahals"};

const char *dnmf_solver_name(dnmf_solver solver) {
  return names[solver];
}

static const dnmf_row_kernel *find_kernel(dnmf_solver solver, dnmf_precision precision, dnmf_isa isa) {
  static const dnmf_row_kernel *const kernels[DNMF_SOLVERS][DNMF_PRECISIONS][DNMF_ISAS] = {
      [DNMF_SOLVER_HALS] = DNMF_VARIANTS(dnmf_hals_kernel),
      [DNMF_SOLVER_MU] = DNMF_VARIANTS(dnmf_mu_kernel),
      [DNMF_SOLVER_BPP] = DNMF_VARIANTS(dnmf_bpp_kernel),
  };
  return kernels[dnmf_solver_of_rows(solver)][precision][isa];
}

/* Overflow shows here first: a Gram entry is a sum of squares. */
static dnmf_status check_gram(const dnmf_update *update, dnmf_precision precision, dnmf_error *error) {
  const int n = update->components;
  const double largest = precision == DNMF_DOUBLE ? DBL_MAX : (double)FLT_MAX;
  for (int t = 0; t < n; t++)
    for (int s = 0; s < n; s++)
      if (!(fabs(update->gram[(int64_t)t * n + s]) <= largest))
        return dnmf_fail(error, DNMF_ERROR_INPUT,
                         "the factors have grown beyond the range of %s precision (Gram entry of components %d "
                         "and %d is %g); scale the matrix%s",
                         dnmf_precision_name(precision), t + 1, s + 1, update->gram[(int64_t)t * n + s],
                         precision == DNMF_DOUBLE ? "" : " or use --precision double");
  return DNMF_OK;
}

static int64_t count_tiles(const dnmf_row_kernel *kernel, int64_t rows) {
  return rows / kernel->tile_rows + (rows % kernel->tile_rows != 0);
}

/* G + l2 I in the run's precision. */
static dnmf_status copy_gram(const dnmf_update *update, dnmf_precision precision, dnmf_row_problem *problem,
                             void **memory, dnmf_error *error) {
  const int64_t n = update->components;
  DNMF_TRY(dnmf_allocate(error, "a copy of the Gram matrix", n * n, dnmf_precision_size(precision), memory));
  for (int64_t t = 0; t < n; t++)
    for (int64_t s = 0; s < n; s++) {
      double entry = update->gram[t * n + s] + (t == s ? update->l2 : 0);
      if (precision == DNMF_DOUBLE)
        ((double *)*memory)[t * n + s] = entry;
      else
        ((float *)*memory)[t * n + s] = (float)entry;
    }
  problem->gram = *memory;
  return DNMF_OK;
}

/* One update of all tiles. */
typedef struct tiles_call {
  const dnmf_row_kernel *kernel;
  const dnmf_row_problem *problem;
  size_t row_bytes;
  const dnmf_update *update;
  char *scratch;       /* of each thread */
  dnmf_row_sums *sums; /* of each tile; NULL: nobody asks */
  atomic_bool failed;
} tiles_call;

static void update_some_tiles(void *of_call, int64_t begin, int64_t end) {
  tiles_call *call = of_call;
  const dnmf_row_kernel *kernel = call->kernel;
  const dnmf_update *update = call->update;
  char *my_scratch = call->scratch + (size_t)dnmf_team_thread() * kernel->scratch_bytes(call->problem->components);
  for (int64_t i = begin; i < end; i++) {
    const int64_t first = i * kernel->tile_rows;
    const int64_t rows = update->rows - first < kernel->tile_rows ? update->rows - first : kernel->tile_rows;
    const size_t offset = (size_t)first * call->row_bytes;
    if (!kernel->update(call->problem, rows, (char *)update->x + offset, (const char *)update->products + offset,
                        my_scratch, call->sums ? call->sums + i : NULL))
      atomic_store(&call->failed, true);
  }
}

/* Threads take tiles as they come; a tile's result depends on nothing but the tile. False when a kernel
 * failed. */
static bool run_tiles(const dnmf_row_kernel *kernel, const dnmf_row_problem *problem, size_t row_bytes, int threads,
                      const dnmf_update *update, char *scratch, dnmf_row_sums *sums) {
  const double operations = (double)update->rows * problem->components * problem->components;
  const bool wanted = update->want_violation || update->want_decrease;
  tiles_call call = {kernel, problem, row_bytes, update, scratch, wanted ? sums : NULL, false};
  dnmf_team_run(dnmf_team(threads, operations), count_tiles(kernel, update->rows), update_some_tiles, &call);
  return !atomic_load(&call.failed);
}

static void add_tile(dnmf_update *update, const dnmf_row_sums *sums) {
  if (update->want_violation)
    update->violation += sums->violation;
  update->decrease.first += sums->decrease.first;
  update->decrease.last += sums->decrease.last;
  update->decrease.all += sums->decrease.all;
}

static dnmf_status update_tiles(const dnmf_row_kernel *kernel, const dnmf_row_problem *problem,
                                dnmf_precision precision, int threads, dnmf_update *update, dnmf_error *error) {
  const int64_t tiles = count_tiles(kernel, update->rows);
  const size_t row_bytes = (size_t)problem->components * dnmf_precision_size(precision);
  void *scratch = NULL;
  void *memory = NULL;
  threads = tiles < threads ? (int)tiles : threads;
  dnmf_status status = dnmf_allocate_zero(error, "the solver's sums", tiles, sizeof(dnmf_row_sums), &memory);
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "the solver's scratch memory", threads, kernel->scratch_bytes(problem->components),
                           &scratch);
  if (status == DNMF_OK && !run_tiles(kernel, problem, row_bytes, threads, update, scratch, memory))
    status =
        dnmf_fail(error, DNMF_ERROR_LIBRARY, "a part of the Gram matrix could not be factorized; try --solver hals");
  for (int64_t i = 0; i < tiles && status == DNMF_OK; i++) /* in the order of the tiles */
    add_tile(update, (const dnmf_row_sums *)memory + i);
  free(memory);
  free(scratch);
  return status;
}

dnmf_status dnmf_solver_update(dnmf_solver solver, dnmf_precision precision, dnmf_isa isa, int threads,
                               dnmf_update *update, dnmf_error *error) {
  const dnmf_row_kernel *kernel = find_kernel(solver, precision, isa);
  dnmf_row_problem problem = {.components = update->components,
                              .l1 = update->l1,
                              .sweeps = update->sweeps,
                              .want_decrease = update->want_decrease};
  void *memory = NULL;
  DNMF_TRY(check_gram(update, precision, error));
  if (update->rows == 0)
    return DNMF_OK;
  dnmf_status status = solver == DNMF_SOLVER_BPP ? dnmf_bpp_prepare(update, precision, &problem, &memory, error)
                                                 : copy_gram(update, precision, &problem, &memory, error);
  if (status == DNMF_OK)
    status = update_tiles(kernel, &problem, precision, threads, update, error);
  free(memory);
  return status;
}

double dnmf_solver_operations(dnmf_solver solver, int components, int sweeps) {
  const double k = components;
  return solver == DNMF_SOLVER_BPP ? 4 * k * k + k * k * k / 12 : 2 * sweeps * k * k;
}

double dnmf_solver_bytes(dnmf_solver solver, dnmf_precision precision, dnmf_isa isa, int threads, int64_t rows,
                         int components) {
  if (solver == DNMF_SOLVER_AHALS) /* by sweeps, or exactly */
    return fmax(dnmf_solver_bytes(DNMF_SOLVER_HALS, precision, isa, threads, rows, components),
                dnmf_solver_bytes(DNMF_SOLVER_BPP, precision, isa, threads, rows, components));
  const dnmf_row_kernel *kernel = find_kernel(solver, precision, isa);
  const int64_t tiles = count_tiles(kernel, rows);
  if (tiles == 0)
    return 0;
  const double gram = solver == DNMF_SOLVER_BPP
                          ? dnmf_bpp_prepare_bytes(components)
                          : dnmf_allocated_bytes((double)components * components, dnmf_precision_size(precision));
  return gram + dnmf_allocated_bytes((double)tiles, sizeof(dnmf_row_sums)) +
         dnmf_allocated_bytes(tiles < threads ? (double)tiles : threads, kernel->scratch_bytes(components));
}

/* One online update, in pieces of ONLINE_ROWS rows. */
typedef struct online_call {
  const dnmf_online_kernel *kernel;
  const dnmf_online_update *update;
} online_call;

static void update_online_pieces(void *of_call, int64_t begin, int64_t end) {
  const online_call *call = of_call;
  const int64_t rows = call->update->rows;
  for (int64_t row = begin * ONLINE_ROWS; row < rows && row < end * ONLINE_ROWS; row += ONLINE_ROWS)
    call->kernel->update(call->update, row, row + ONLINE_ROWS < rows ? row + ONLINE_ROWS : rows);
}

void dnmf_solver_update_online(dnmf_precision precision, dnmf_isa isa, int threads, const dnmf_online_update *update) {
  static const dnmf_online_kernel *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_online_mu_kernel);
  const int team = dnmf_team(threads, 4.0 * (double)update->rows * update->components);
  online_call call = {kernels[precision][isa], update};
  dnmf_team_run(team, (update->rows + ONLINE_ROWS - 1) / ONLINE_ROWS, update_online_pieces, &call);
}
