/* The cost model: sizes, words, operations; then time, from the machine. See cost.h for the formulas. */
#include "cost/cost.h"

#include "base/exact_sum.h"
#include "base/memory.h"
#include "matrix/bundles_product.h"
#include "matrix/divergence.h"
#include "matrix/lines.h"
#include "matrix/padded.h"
#include "matrix/product.h"
#include "matrix/sweep.h"
#include "solve/ahead.h"
#include "solve/newton.h"
#include "solve/observed.h"

#include <math.h>

/* log2, rounded up: the messages of a collective (collective.c counts the same). */
static double steps(int processes) {
  return ceil(log2(processes));
}

static double larger(double a, double b) {
  return a > b ? a : b;
}

/* Starts side by side, and the components of all of them together: the width of what is multiplied with A and sent. */
static int starts_of(const dnmf_job *job) {
  return job->starts > 1 ? job->starts : 1;
}

static int width_of(const dnmf_job *job) {
  return job->components * starts_of(job);
}

/* The type of A's values in a block. */
static dnmf_number number_of(const dnmf_job *job) {
  return dnmf_number_of(job->precision, dnmf_narrower(job->precision, job->narrow));
}

/* --- Time of local work ---------------------------------------------------------------------------------- */

/* Seconds of `operations` of a kind: at its measured rate, else by the roofline. */
static double seconds_of(const dnmf_machine *machine, dnmf_work_kind kind, double operations, double bytes) {
  if (machine->rate[kind] > 0)
    return operations / machine->rate[kind];
  return larger(operations / machine->flops, bytes / machine->bandwidth);
}

/* Whether a divergence sums denominators beside its numerators. */
static bool sums_denominators(const dnmf_job *job) {
  return job->loss.divergence && job->loss.beta != 1;
}

/* Numbers that are summed of each factor: a Gram matrix, or what a divergence has in its place. */
static double factor_sums(const dnmf_job *job) {
  const double k = job->components;
  if (!job->loss.divergence)
    return k * k;
  if (job->loss.beta == 1)
    return k;
  return job->loss.beta == 0 ? 0 : 1;
}

/* Values that ride along with them. */
static double control_values(const dnmf_job *job) {
  return DNMF_COST_CONTROLS + (job->held_share > 0 ? DNMF_COST_HELD_SUMS : 0) +
         (job->solver == DNMF_SOLVER_AHALS ? DNMF_COST_AHEAD_SUMS : 0);
}

/* WH and the sums over its entries, of both half-steps. */
static double divergence_seconds(const dnmf_job *job, const dnmf_machine *machine, double rows, double cols,
                                 double stored) {
  const bool everywhere = !job->sparse || job->loss.beta != 1;
  const double entries = everywhere ? rows * cols : stored;
  const double operations = 2 * (sums_denominators(job) ? 3 : 2) * 2 * entries * job->components;
  return seconds_of(machine, DNMF_WORK_DIVERGENCE, operations, 2 * stored * (double)dnmf_number_size(number_of(job)));
}

bool dnmf_cost_by_rows_alone(const dnmf_context *context, const dnmf_job *job, int grid_rows, int grid_cols) {
  const int64_t rows = dnmf_range_size(dnmf_range_split((dnmf_range){0, job->rows}, grid_rows, 0));
  const int64_t cols = dnmf_range_size(dnmf_range_split((dnmf_range){0, job->cols}, grid_cols, 0));
  return job->sparse && !job->loss.divergence &&
         dnmf_product_by_rows_alone(context, job->precision, rows, cols, job->components);
}

bool dnmf_cost_in_bundles(const dnmf_context *context, const dnmf_job *job, int grid_rows, int grid_cols) {
  const int64_t rows = dnmf_range_size(dnmf_range_split((dnmf_range){0, job->rows}, grid_rows, 0));
  const int64_t cols = dnmf_range_size(dnmf_range_split((dnmf_range){0, job->cols}, grid_cols, 0));
  return job->sparse && !job->loss.divergence && job->held_share == 0 && !job->fills_out && !job->takes_entries &&
         dnmf_bundles_pay(job->precision, rows, cols, job->stored / grid_rows / grid_cols,
                          dnmf_padded_width(context, job->precision, width_of(job)));
}

bool dnmf_cost_is_one_pass(const dnmf_job *job, int grid_cols) {
  return grid_cols == 1 && !job->sparse && job->held_share == 0 && !job->loss.divergence &&
         job->solver != DNMF_SOLVER_BPP && dnmf_sweep_fits(job->precision, number_of(job), job->cols, width_of(job));
}

static double product_seconds(const dnmf_job *job, const dnmf_machine *machine, int grid_cols, double rows, double cols,
                              double stored) {
  const double size = (double)dnmf_number_size(number_of(job));
  const double operations = 2 * stored * width_of(job);
  const double panels = (rows + cols) * width_of(job) * (double)dnmf_precision_size(job->precision);
  const double bytes = stored * (job->sparse ? size + sizeof(int32_t) : size) + panels;
  const dnmf_work_kind first = job->sparse ? DNMF_WORK_SPARSE : DNMF_WORK_DENSE;
  const bool only_two = machine->rate[first] > 0 && machine->rate[DNMF_WORK_DENSE_ONE_PASS] == 0; /* were measured */
  if (dnmf_cost_is_one_pass(job, grid_cols) && !only_two)
    return seconds_of(machine, DNMF_WORK_DENSE_ONE_PASS, 2 * operations, bytes + panels);
  return seconds_of(machine, first, operations, bytes) + seconds_of(machine, first + 1, operations, bytes);
}

/* Predictions of the cells taken out, and their rows of the other factor: scattered as a sparse block's entries are. */
static double held_seconds(const dnmf_job *job, const dnmf_machine *machine, double rows, double cols) {
  const double operations = 4 * job->held_share * rows * cols * width_of(job);
  const double bytes = operations / 2 * (double)dnmf_precision_size(job->precision);
  return 2 * seconds_of(machine, DNMF_WORK_SPARSE, operations, bytes);
}

static double gram_seconds(const dnmf_job *job, const dnmf_machine *machine, double rows) {
  const double k = job->components;
  const double bytes = 3 * rows * k * (double)dnmf_precision_size(job->precision);
  return starts_of(job) * seconds_of(machine, DNMF_WORK_GRAM, 2 * rows * k * (k + 1), bytes);
}

/* Sweeps of a half-step; the most that ahals takes. */
static int sweeps_of(const dnmf_job *job) {
  if (job->solver == DNMF_SOLVER_AHALS)
    return dnmf_ahead_limits_of(job->rows, job->cols, job->sparse, job->stored, job->components).most_sweeps;
  return job->sweeps > 1 ? job->sweeps : 1;
}

static double update_seconds(const dnmf_job *job, const dnmf_machine *machine, double rows) {
  const double bytes = 3 * rows * job->components * (double)dnmf_precision_size(job->precision);
  if (job->loss.divergence)
    return bytes / machine->bandwidth;
  const double operations = rows * dnmf_solver_operations(job->solver, job->components, sweeps_of(job));
  const dnmf_work_kind kind = DNMF_WORK_HALS + (dnmf_work_kind)dnmf_solver_of_rows(job->solver);
  return starts_of(job) * seconds_of(machine, kind, operations, bytes);
}

/* Messages and words (of `word_bytes` bytes; Gram matrices and sums are doubles) that one process sends. */
static double exchange_seconds(const dnmf_traffic *traffic, const dnmf_machine *machine, int processes,
                               double word_bytes) {
  const double bytes = (traffic->gather_words + traffic->scatter_words) * word_bytes +
                       (traffic->gram_words + traffic->control_words) * sizeof(double);
  return (traffic->messages * machine->latency + bytes / machine->network) / processes;
}

/* --- Fits with zeros ------------------------------------------------------------------------------------- */

/* Cells taken out of a block: their places by rows and by columns, and their values. */
static double held_bytes(const dnmf_job *job, int64_t rows, int64_t cols) {
  const double cells = ceil(job->held_share * (double)rows * (double)cols);
  return job->held_share == 0 ? 0
                              : dnmf_allocated_bytes((double)rows + 1, sizeof(int64_t)) +
                                    dnmf_allocated_bytes((double)cols + 1, sizeof(int64_t)) +
                                    2 * dnmf_allocated_bytes(cells, sizeof(int32_t)) +
                                    dnmf_allocated_bytes(cells, dnmf_precision_size(job->precision));
}

/* While a sparse block is made, its entries wait with both indices beside the rows they go into (assemble.c), in
 * numbers of the precision. Ratings wait so beside rows whose values are narrow already; then those for other processes
 * wait beside both views (ratings_columns.c). Batches under way, some megabytes, are left out. */
enum { ENTRY_PLACE = 8 };

static double loading_bytes(const dnmf_job *job, bool by_rows_alone, int64_t rows, int64_t cols, double stored,
                            double block) {
  const double size = (double)dnmf_precision_size(job->precision);
  if (job->fills_out)
    return block + dnmf_matrix_bytes(true, true, (dnmf_number)job->precision, rows, cols, stored) +
           held_bytes(job, rows, cols);
  if (!job->sparse)
    return block;
  return larger(dnmf_matrix_bytes(true, by_rows_alone, (dnmf_number)job->precision, rows, cols, stored),
                stored * (ENTRY_PLACE + size + sizeof(int32_t) + size));
}

static double denominator_bytes(int64_t block, int64_t owned, int group_size, int components,
                                dnmf_precision precision) {
  return dnmf_panel_bytes(block, components, precision) +
         (group_size > 1 ? dnmf_panel_bytes(owned, components, precision) : 0);
}

/* Crossing lines whose rows of the other factor come to a process with so many entries, when it does not hold whole
 * lines by itself. */
static double newton_fetched_rows(const dnmf_job *job, double across, double stored) {
  return job->sparse ? fmin(stored, across) : across;
}

/* Whole lines by Newton's method: a copy of them and of cells taken out, where blocks of `group` processes are parts of
 * them, and the rows that they need. Of a sparse matrix the entries and longest lines are taken as evenly spread.
 * Returns the work memory. */
static double add_newton_lines(const dnmf_context *context, const dnmf_job *job, bool columns, int group, int64_t count,
                               double stored, dnmf_cost_memory *m) {
  const int64_t across = columns ? job->rows : job->cols;
  const double held = ceil(job->held_share * (double)count * (double)across);
  const double fetched = newton_fetched_rows(job, (double)across, stored);
  const int64_t needed = group == 1 ? across : (int64_t)fetched;
  const int64_t longest = job->sparse ? (int64_t)ceil(stored / larger((double)count, 1)) : across;
  if (group > 1) {
    m->block += dnmf_lines_bytes(job->sparse, number_of(job), count, across, stored);
    m->factors += dnmf_panel_bytes((int64_t)fetched, job->components, job->precision);
  }
  if (job->held_share > 0 && (group > 1 || columns))
    m->block += dnmf_lines_bytes(true, (dnmf_number)job->precision, count, across, held);
  return dnmf_newton_bytes(job->precision, context->isa, context->threads, columns && !job->sparse, count, needed,
                           longest, job->components);
}

static void add_newton_memory(const dnmf_context *context, const dnmf_job *job, int grid_rows, int grid_cols,
                              int64_t own_rows, int64_t own_cols, double stored, dnmf_cost_memory *m) {
  const double rows_work = add_newton_lines(context, job, false, grid_cols, own_rows, stored, m);
  const double cols_work = add_newton_lines(context, job, true, grid_rows, own_cols, stored, m);
  m->work = larger(rows_work, cols_work);
}

dnmf_cost_memory dnmf_cost_memory_at(const dnmf_context *context, const dnmf_job *job, int grid_rows, int grid_cols,
                                     int row, int col, double stored) {
  const int k = job->components;
  const int starts = starts_of(job);
  const int width = width_of(job);
  const dnmf_precision precision = job->precision;
  const dnmf_range block_rows = dnmf_range_split((dnmf_range){0, job->rows}, grid_rows, row);
  const dnmf_range block_cols = dnmf_range_split((dnmf_range){0, job->cols}, grid_cols, col);
  const int64_t rows = dnmf_range_size(block_rows);
  const int64_t cols = dnmf_range_size(block_cols);
  const int64_t own_rows = dnmf_range_size(dnmf_range_split(block_rows, grid_cols, col));
  const int64_t own_cols = dnmf_range_size(dnmf_range_split(block_cols, grid_rows, row));
  const bool bundled = dnmf_cost_in_bundles(context, job, grid_rows, grid_cols);
  const bool by_rows_alone = bundled || dnmf_cost_by_rows_alone(context, job, grid_rows, grid_cols);
  dnmf_cost_memory m = {.block = dnmf_matrix_bytes(job->sparse, by_rows_alone, number_of(job), rows, cols, stored)};
  const double in_rows = m.block;
  if (bundled)
    m.block = dnmf_bundles_bytes(number_of(job), DNMF_BUNDLE_ROWS, rows, cols, stored);
  m.factors = dnmf_factor_bytes(rows, own_rows, grid_cols, width, precision) +
              dnmf_factor_bytes(cols, own_cols, grid_rows, width, precision);
  const double each = dnmf_panel_bytes(own_rows, k, precision) + dnmf_panel_bytes(own_cols, k, precision);
  const int kept = job->restarts > starts ? job->restarts : starts;
  if (job->restarts > 0)
    m.factors += dnmf_factor_bytes(rows, own_rows, grid_cols, k, precision) +
                 dnmf_factor_bytes(cols, own_cols, grid_rows, k, precision);
  if (job->restarts > 0 || starts > 1)
    m.factors += (starts + kept) * each;
  if (job->solver == DNMF_SOLVER_AHALS)
    m.factors += (job->restarts > 0 ? kept : starts) * dnmf_panel_bytes(own_cols, k, precision);
  if (sums_denominators(job))
    m.factors += denominator_bytes(rows, own_rows, grid_cols, k, precision) +
                 denominator_bytes(cols, own_cols, grid_rows, k, precision);
  m.grams = 2 * dnmf_allocated_bytes(starts * (factor_sums(job) + control_values(job)), sizeof(double));
  m.loading = loading_bytes(job, by_rows_alone, rows, cols, stored, m.block);
  if (bundled) /* made of the rows */
    m.loading = larger(m.loading, in_rows + m.block);
  if (job->solver == DNMF_SOLVER_NEWTON) {
    add_newton_memory(context, job, grid_rows, grid_cols, own_rows, own_cols, stored, &m);
    if (job->held_share > 0)
      m.block += held_bytes(job, rows, cols);
    if (job->restarts > 0)
      m.work = larger(m.work, kept * each);
    m.peak = larger(m.loading, m.block + m.factors + m.grams + m.work);
    return m;
  }
  const double solver_w = dnmf_solver_bytes(job->solver, precision, context->isa, context->threads, own_rows, k);
  const double solver_h = dnmf_solver_bytes(job->solver, precision, context->isa, context->threads, own_cols, k);
  m.work = bundled ? dnmf_bundles_product_bytes(context, precision, DNMF_BUNDLE_ROWS, rows, cols, width)
                   : dnmf_product_bytes(context, job->sparse, by_rows_alone, precision, rows, cols, stored, width);
  m.work = larger(m.work, dnmf_panel_gram_bytes(context->threads, k, precision));
  m.work = larger(m.work, larger(solver_w, solver_h));
  if (dnmf_cost_is_one_pass(job, grid_cols)) {
    const int64_t tile = dnmf_sweep_tile_rows(context, number_of(job), cols);
    m.work = larger(m.work, dnmf_sweep_bytes(context, precision, rows, cols, width) +
                                dnmf_solver_bytes(job->solver, precision, context->isa, context->threads,
                                                  tile < rows ? tile : rows, k));
  }
  if (job->loss.divergence)
    m.work = dnmf_divergence_bytes(context, job->sparse, precision, job->loss.beta, rows, cols, k);
  if (job->restarts > 0)
    m.work = larger(m.work, kept * each);
  if (job->held_share > 0) {
    m.block += held_bytes(job, rows, cols);
    m.work = larger(m.work, dnmf_panel_bytes(rows > cols ? rows : cols, k, precision)); /* a padded factor */
  }
  m.peak = larger(m.loading, m.block + m.factors + m.grams + m.work);
  return m;
}

static dnmf_traffic traffic_of_blocks(const dnmf_job *job, double grid_rows, double grid_cols) {
  const double p = grid_rows * grid_cols;
  const double sent = ((grid_rows - 1) * (double)job->cols + (grid_cols - 1) * (double)job->rows) * width_of(job);
  const double scatters = sums_denominators(job) ? 2 : 1;
  const double trees = (1 + scatters) * (steps((int)grid_rows) + steps((int)grid_cols)) + 4 * steps((int)p);
  return (dnmf_traffic){.gather_words = sent,
                        .scatter_words = scatters * sent,
                        .gram_words = 4 * (p - 1) * starts_of(job) * factor_sums(job),
                        .control_words = 4 * (p - 1) * starts_of(job) * control_values(job),
                        .messages = p * trees};
}

/* Rows that come to all processes together for whole lines: gathered where blocks hold those, else fetched, which is a
 * bound when sparse. */
static double newton_rows_sent(const dnmf_job *job, bool columns, int group, double processes) {
  const double across = (double)(columns ? job->rows : job->cols);
  const double all = (processes - 1) * across;
  return group > 1 && job->sparse ? fmin(job->stored, all) : all;
}

static dnmf_traffic traffic_of_newton(const dnmf_job *job, int grid_rows, int grid_cols) {
  const double k = job->components;
  const double p = (double)grid_rows * grid_cols;
  const double tree = steps(grid_rows * grid_cols);
  const double sent = newton_rows_sent(job, false, grid_cols, p) + newton_rows_sent(job, true, grid_rows, p);
  const double fetches = (grid_rows > 1) + (grid_cols > 1);
  return (dnmf_traffic){.gather_words = sent * k,
                        .gram_words = 4 * (p - 1) * k,
                        .control_words = 4 * (p - 1) * control_values(job),
                        .messages = p * ((2 - fetches) * tree + fetches * (p - 1) + 4 * tree)};
}

static void cost_of_newton(const dnmf_context *context, const dnmf_job *job, const dnmf_machine *machine,
                           dnmf_cost *cost) {
  const double p = cost->processes;
  const double stored = ceil(job->stored / p);
  cost->memory = dnmf_cost_memory_at(context, job, cost->grid_rows, cost->grid_cols, 0, 0, stored);
  cost->traffic = traffic_of_newton(job, cost->grid_rows, cost->grid_cols);
  if (!machine)
    return;
  const double rows = ceil((double)job->rows / p) + ceil((double)job->cols / p);
  const double operations =
      (job->sweeps > 1 ? job->sweeps : 1) * dnmf_newton_operations(job->components, rows, 2 * stored);
  const double bytes = 2 * stored * job->components * (double)dnmf_precision_size(job->precision);
  cost->seconds.update = larger(operations / machine->flops, bytes / machine->bandwidth);
}

static void cost_of_blocks(const dnmf_context *context, const dnmf_job *job, const dnmf_machine *machine,
                           dnmf_cost *cost) {
  const double rows = ceil((double)job->rows / cost->grid_rows);
  const double cols = ceil((double)job->cols / cost->grid_cols);
  const double share = rows * cols / ((double)job->rows * (double)job->cols);
  const double stored = ceil(job->stored * share);
  const double owned = ceil(rows / cost->grid_cols) + ceil(cols / cost->grid_rows);
  cost->memory = dnmf_cost_memory_at(context, job, cost->grid_rows, cost->grid_cols, 0, 0, stored);
  cost->traffic = traffic_of_blocks(job, cost->grid_rows, cost->grid_cols);
  if (!machine)
    return;
  cost->seconds.product = job->loss.divergence ? divergence_seconds(job, machine, rows, cols, stored)
                                               : product_seconds(job, machine, cost->grid_cols, rows, cols, stored);
  cost->seconds.product += held_seconds(job, machine, rows, cols);
  cost->seconds.gram = job->loss.divergence ? 0 : gram_seconds(job, machine, owned);
  cost->seconds.update = update_seconds(job, machine, owned);
}

dnmf_machine_work dnmf_cost_work(const dnmf_job *job, int grid_rows, int grid_cols) {
  return (dnmf_machine_work){.rows = (int64_t)ceil((double)job->rows / grid_rows),
                             .cols = (int64_t)ceil((double)job->cols / grid_cols),
                             .stored = ceil(job->stored / grid_rows / grid_cols),
                             .sparse = job->sparse,
                             .observed = job->missing == DNMF_MISSING_UNOBSERVED,
                             .components = job->components,
                             .solver = job->solver,
                             .loss = job->loss,
                             .precision = job->precision};
}

static double words_of(const dnmf_cost *cost) {
  return cost->traffic.gather_words + cost->traffic.scatter_words;
}

void dnmf_cost_choose_grid(const dnmf_context *context, const dnmf_job *job, const dnmf_machine *machine, int processes,
                           int *grid_rows, int *grid_cols) {
  const double alike = 1.1;
  double least = INFINITY;
  double fewest = INFINITY;
  dnmf_cost cost;
  *grid_rows = processes;
  *grid_cols = 1;
  if (job->solver == DNMF_SOLVER_NEWTON)
    return;
  for (int rows = processes; rows >= 1; rows--)
    if (processes % rows == 0) {
      dnmf_cost_of(context, job, machine, rows, processes / rows, &cost);
      least = fmin(least, cost.seconds.total);
    }
  for (int rows = processes; rows >= 1; rows--)
    if (processes % rows == 0) {
      dnmf_cost_of(context, job, machine, rows, processes / rows, &cost);
      if (cost.seconds.total > alike * least || words_of(&cost) >= fewest)
        continue;
      fewest = words_of(&cost);
      *grid_rows = rows;
      *grid_cols = processes / rows;
    }
}

/* --- Chains ---------------------------------------------------------------------------------------------- */

int dnmf_cost_chain_groups(int chains, int processes, int most) {
  int best = 1;
  double least = 0;
  most = most < processes ? most : processes;
  for (int groups = 1; groups <= chains && groups <= most; groups++) {
    const int of_one = (chains + groups - 1) / groups;
    const int fewest = processes / groups;
    const double time = (double)of_one / fewest;
    if (groups > 1 && time > least)
      continue;
    least = time;
    best = groups;
  }
  return best;
}

/* --- Fits of observed entries ---------------------------------------------------------------------------- */

static double fetched_rows(const dnmf_job *job, int processes, int64_t rows) {
  return fmin(job->stored, (processes - 1) * (double)rows);
}

/* What a group of processes of chains is made of. */
typedef struct chain_share {
  int groups;
  int chains;    /* of the group with most */
  int processes; /* of the group with fewest */
} chain_share;

static chain_share share_chains(const dnmf_job *job, int processes) {
  const int chains = job->chains > 1 ? job->chains : 1;
  const int groups = job->groups > 0 ? job->groups : dnmf_cost_chain_groups(chains, processes, processes);
  return (chain_share){groups, (chains + groups - 1) / groups, processes / groups};
}

/* In a group whose ratings are copies: both views; while they are made, their entries three times. */
enum { ENTRY_BYTES = 24 };

static double copied_bytes(const dnmf_job *job, double stored, double owned, double needed, bool making) {
  const double kept = (double)dnmf_number_size(number_of(job));
  const double places = (owned + 2 * needed) * sizeof(int64_t);
  return making ? stored * (2 * ENTRY_BYTES + ENTRY_PLACE + (double)dnmf_precision_size(job->precision) + kept)
                : 2 * stored * (sizeof(int32_t) + kept) + places;
}

/* Chains beside the first of all processes, draws of implicit terms, and what is kept. */
static void add_chains(const dnmf_job *job, int processes, int stride, dnmf_cost_memory *m) {
  const chain_share share = share_chains(job, processes);
  const double row = stride * (double)dnmf_precision_size(job->precision);
  const double stored = ceil(job->stored / share.processes);
  const double cols = ceil((double)job->cols / share.processes);
  const double owned = ceil((double)job->rows / share.processes) + cols;
  const double needed = fmin(stored, (double)job->cols) + fmin(stored, (double)job->rows);
  const double own_cols = ceil((double)job->cols / processes);
  const double own = ceil((double)job->rows / processes) + own_cols;
  const int others = share.groups > 1 ? share.chains : share.chains - 1;
  m->chains = others * ((owned + needed) * row + job->terms * owned * (2.5 * row + sizeof(double)));
  m->chains += job->terms * owned * 0.5 * row; /* of the first, beside what the fit has */
  if (share.groups > 1) {
    const double making = copied_bytes(job, stored, owned, needed, true);
    const int draws_of_one = job->draws / job->chains;
    m->chains += (double)share.chains * draws_of_one * (owned + (job->row_terms ? cols : 0)) * row;
    m->chains = larger(making, m->chains + copied_bytes(job, stored, owned, needed, false));
  }
  /* As they were kept, side by side, as W and H, and their biases; what columns bring to terms as kept and stored. */
  m->draws = own * job->draws * (3 * row + sizeof(double));
  if (job->row_terms)
    m->draws += 2 * own_cols * job->draws * row;
}

/* Both views of a process's entries, the panels of its rows and of those it fetches. */
static dnmf_cost_memory memory_of_observed(const dnmf_job *job, int processes, int stride) {
  const double size = (double)dnmf_precision_size(job->precision);
  const double kept = (double)dnmf_number_size(number_of(job));
  const double stored = ceil(job->stored / processes);
  const double owned = ceil((double)job->rows / processes) + ceil((double)job->cols / processes);
  const double needed = fmin(stored, (double)job->cols) + fmin(stored, (double)job->rows);
  const double sent = (fetched_rows(job, processes, job->rows) + fetched_rows(job, processes, job->cols)) / processes;
  const double confidence = job->confident ? size : 0;
  const double k = job->components;
  dnmf_cost_memory m = {0};
  m.grams = job->weak ? 2 * k * k * sizeof(double) : 0;
  m.block = 2 * stored * (sizeof(int32_t) + kept) + owned * sizeof(int64_t) + 2 * needed * sizeof(int64_t);
  m.factors = (owned + needed + 2 * DNMF_OBSERVED_SLACK) * stride * size;
  m.work = sent * stride * size;
  const double waiting = stored * (processes - 1) / processes * (ENTRY_PLACE + kept);
  m.loading = larger(stored * (ENTRY_PLACE + size + sizeof(int32_t) + kept),
                     m.block + (kept > sizeof(float) ? 0.5 : 1) * waiting);
  m.factors += 2 * stored * confidence + job->terms * owned * (2 * stride * size + sizeof(double));
  if (job->draws > 0)
    add_chains(job, processes, stride, &m);
  /* Chains end, and what groups have kept goes to all processes, before it becomes a model of three times its size. */
  m.peak = larger(m.loading, m.block + m.factors + m.grams + m.work + larger(m.chains + m.draws / 3, m.draws));
  return m;
}

static dnmf_traffic traffic_of_observed(const dnmf_job *job, int processes, int stride) {
  const double p = processes;
  const double rows = fetched_rows(job, processes, job->rows) + fetched_rows(job, processes, job->cols);
  double pulls = job->solver == DNMF_SOLVER_MU ? 0 : 2.0 * (job->components + DNMF_COST_MEAN_ROW_EXTRA);
  if (job->bias)
    pulls = 2.0 * DNMF_COST_BIAS_LINE_SUMS + job->components + 1;
  if (job->weak)
    pulls = 0;
  const double sums = 2.0 * DNMF_EXACT_PARTS * job->terms * stride; /* of implicit terms */
  const double grams = job->weak ? 2.0 * job->components * job->components : 0;
  return (dnmf_traffic){.gather_words = (1 + job->terms) * rows * stride,
                        .gram_words = 2 * (p - 1) * grams,
                        .control_words = 2 * (p - 1) * (DNMF_COST_OBSERVED_SUMS + pulls + sums),
                        .messages = p * (1 + job->terms) * 2 * (p - 1) +
                                    p * ((job->weak ? 6 : 2) + 2 * job->terms) * steps(processes)};
}

/* A sweep of every chain. */
static dnmf_traffic traffic_of_chains(const dnmf_job *job, int processes, int stride) {
  const chain_share share = share_chains(job, processes);
  const double chains = job->chains > 1 ? job->chains : 1;
  const double p = share.processes;
  const double rows = fetched_rows(job, share.processes, job->rows) + fetched_rows(job, share.processes, job->cols);
  const double fetches = 1 + (double)job->terms * DNMF_COST_TERM_STEPS;
  const double term_sums = 2.0 * job->terms * DNMF_COST_TERM_STEPS;
  const double exact = 2.0 * (3 + 3 * stride) + job->terms * (1 + stride) + term_sums * stride;
  return (dnmf_traffic){.gather_words = chains * fetches * rows * stride,
                        .control_words = chains * 2 * (p - 1) * (DNMF_COST_CHAIN_SUMS + DNMF_EXACT_PARTS * exact),
                        .messages =
                            chains * p * (fetches * 2 * (p - 1) + 2 * (1 + term_sums) * steps(share.processes)) +
                            (share.groups > 1 ? 2.0 * processes * steps(processes) : 0)};
}

/* A sweep of the chains of the group with most. */
static double chain_seconds(const dnmf_job *job, const dnmf_machine *machine, int processes, int stride) {
  const chain_share share = share_chains(job, processes);
  const double k = job->components;
  const double stored = ceil(job->stored / share.processes);
  const double owned = ceil((double)job->rows / share.processes) + ceil((double)job->cols / share.processes);
  const double fetches = 1 + (double)job->terms * DNMF_COST_TERM_STEPS;
  const double bytes = 2 * stored * fetches * (k + 1) * (double)dnmf_precision_size(job->precision);
  const double terms = 2.0 * job->terms * DNMF_COST_TERM_STEPS * stored * stride;
  return share.chains *
         seconds_of(machine, DNMF_WORK_OBSERVED, 2 * stored * k * (k + 3) + 2 * owned * k * k + terms, bytes);
}

static void cost_of_observed(const dnmf_job *job, const dnmf_machine *machine, dnmf_cost *cost) {
  const int stride = job->components + (job->bias ? 1 : 0);
  const double k = job->components;
  const double stored = ceil(job->stored / cost->processes);
  const double owned = ceil((double)job->rows / cost->processes) + ceil((double)job->cols / cost->processes);
  cost->memory = memory_of_observed(job, cost->processes, stride);
  cost->traffic = job->draws > 0 ? traffic_of_chains(job, cost->processes, stride)
                                 : traffic_of_observed(job, cost->processes, stride);
  if (!machine)
    return;
  if (job->draws > 0) {
    cost->seconds.update = chain_seconds(job, machine, cost->processes, stride);
    return;
  }
  if (job->weak)
    cost->seconds.gram = gram_seconds(job, machine, owned);
  const double bytes = 2 * stored * (k + 1) * (double)dnmf_precision_size(job->precision);
  const double terms = 2.0 * job->terms * stored * stride;
  cost->seconds.update =
      seconds_of(machine, DNMF_WORK_OBSERVED, 2 * stored * k * (k + 3) + 2 * owned * k * k + terms, bytes);
}

void dnmf_cost_of(const dnmf_context *context, const dnmf_job *job, const dnmf_machine *machine, int grid_rows,
                  int grid_cols, dnmf_cost *cost) {
  *cost = (dnmf_cost){
      .processes = grid_rows * grid_cols, .grid_rows = grid_rows, .grid_cols = grid_cols, .starts = starts_of(job)};
  if (job->missing == DNMF_MISSING_UNOBSERVED)
    cost_of_observed(job, machine, cost);
  else if (job->solver == DNMF_SOLVER_NEWTON)
    cost_of_newton(context, job, machine, cost);
  else
    cost_of_blocks(context, job, machine, cost);
  dnmf_fit_seconds *s = &cost->seconds;
  if (machine)
    s->exchange =
        exchange_seconds(&cost->traffic, machine, cost->processes, (double)dnmf_precision_size(job->precision));
  s->total = s->product + s->gram + s->update + s->exchange;
}
