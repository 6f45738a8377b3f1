/*
 * What a fit will cost, before it is run: memory, traffic and seconds of an iteration, from sizes alone.
 *
 * Fits with zeros, on a pr x pc grid of p processes (MPI-FAUN: Kannan, Ballard, Park 2016). Process (i, j) holds an
 * m/pr x n/pc block. To update W it gathers the n/pc rows of H under its block, of which it owns n/p, from the pr
 * processes of its grid column, and its m/pr x k contribution is summed and scattered over the pc processes of its
 * grid row; to update H, the same with rows and columns exchanged. A gather or a scatter of N words among q
 * processes sends N (q - 1)/q words each and takes log2 q messages (Chan et al. 2007), so that a process sends, with
 * the all-reduce of two Gram matrices with c control values each,
 *   words     2 [(pr - 1) n k / p + (pc - 1) m k / p] + 4 (k^2 + c) (1 - 1/p)
 *   messages  2 [log2 pr + log2 pc] + 4 log2 p, logarithms rounded up
 * The sums over all processes are exact for ranges of any length: they are what the loop counts (dnmf_traffic).
 * Operations of a process, with s stored entries in its block and r owned rows of a factor:
 *   product  2 s k, twice; gram 2 r k (k + 1) of each factor; update r times what solver.h says of a row.
 * The two products read a dense block twice, or once in one pass (sweep.h), for which pc must be 1. A divergence
 * other than the squared error (divergence.h) sums denominators beside the numerators, but for beta = 1, where they are
 * k sums of columns: the factor 2 of words and messages of factor rows is 3, and k^2 is k numbers for beta = 1, none
 * for 0, 1 otherwise. Operations of a half-step: 2 s k for WH and for each of the sums, s being all entries of the
 * block unless beta = 1.
 *
 * Starts side by side (fit/restarts.h) are one such fit of starts * k components but for Gram matrices and updates,
 * which are those of each start, as are its rows of W, H and the products. While they are saved, the factors of all
 * restarts are there twice.
 *
 * Kullback-Leibler by Newton's method (newton_fit.h) needs whole rows and columns of A, and the rows of the other
 * factor that cross them. Where blocks hold whole rows (a grid of one column) the n rows of H are gathered whole;
 * elsewhere those that a process's rows need are fetched, all when A is dense, at most as many as it has entries when
 * sparse; the same for columns and W. On a p x 1 grid: words     (p - 1) n k + min(nnz, (p - 1) m) k + 4 (p - 1) (k +
 * c), all processes together Beside its block a process holds a copy of the rows where there are several grid columns,
 * of the columns where there are several grid rows, and of cells taken out by columns. Operations: newton.h.
 *
 * Fits of observed entries: rows and columns are dealt out by stored entries, and a process fetches the factor rows
 * its entries need. It needs no more rows of H than it has entries, and fetches none of its own: all processes
 * together at most min(nnz, (p - 1) n) rows of k (and a bias) numbers, and min(nnz, (p - 1) m) of W. That is a bound,
 * reached when every process has entries in every row and column. Messages: at most p - 1 for each of the two fetches,
 * and the sums' all-reduce. Operations, with s = nnz / p: s k (k + 3) + 2 r k^2 for each side. With weak zeros two Gram
 * matrices are summed, too. Implicit terms of a factor's rows fetch both factors' rows once more, which takes s (k + 1)
 * operations each, and sum 6 (k + 1) numbers.
 *
 * Chains of a posterior (posterior_fit.h): an iteration is a sweep of each, in groups of processes that have the
 * ratings among them. A sweep is an iteration of the fit whose sums are those of priors, 6 + 6 (k + 1) exact ones; a
 * draw of implicit terms is DNMF_COST_TERM_STEPS steps that each fetch the rows of both factors, take 2 s (k + 1)
 * operations and sum 2 (k + 1) exact numbers.
 */
#ifndef DNMF_COST_H
#define DNMF_COST_H

#include "cost/machine.h"
#include "factor/factor.h"

/* Values that ride along with sums over all processes; src/fit asserts that its loops send no more. */
enum {
  DNMF_COST_CONTROLS = 8,       /* with the sums of a factor, zeros */
  DNMF_COST_HELD_SUMS = 3,      /* beside them, where cells are taken out of A */
  DNMF_COST_AHEAD_SUMS = 5,     /* ... by ahals */
  DNMF_COST_OBSERVED_SUMS = 9,  /* of an iteration over observed entries */
  DNMF_COST_CHAIN_SUMS = 13,    /* of a sweep of a chain, beside those of priors and of implicit terms */
  DNMF_COST_TERM_STEPS = 11,    /* conjugate gradients in a draw of implicit terms (measured; at most 40) */
  DNMF_COST_MEAN_ROW_EXTRA = 1, /* beside the mean row of a factor, where rows are pulled towards that */
  DNMF_COST_BIAS_LINE_SUMS = 5, /* of a factor's biases, where rows are pulled towards a level */
};

/* Seconds of iterating, by what they went to. */
typedef struct dnmf_fit_seconds {
  double product;  /* block of A times a factor panel */
  double gram;     /* local Gram products */
  double update;   /* the solver */
  double exchange; /* gather, sum-scatter, all-reduce, waiting included */
  double read;     /* waiting for rows of the file; mini-batches only */
  double total;
} dnmf_fit_seconds;

typedef struct dnmf_job {
  int64_t rows;
  int64_t cols;
  double stored; /* entries: rows * cols when dense */
  bool sparse;
  dnmf_missing missing;
  int components;
  int starts;     /* of fits with zeros: so many side by side; 0 and 1: one */
  int restarts;   /* of which the factors are kept, beside the model's; 0: of none (fit/restarts.h) */
  bool bias;      /* of observed entries */
  int draws;      /* of observed entries: that all chains keep; 0: there is no chain, and an iteration is of the fit */
  int chains;     /* ... 0 and 1: one */
  int groups;     /* ... of processes, that run them side by side; 0: dnmf_cost_chain_groups */
  int terms;      /* of observed entries: of how many factors the rows have implicit terms, 0 to 2; */
  bool row_terms; /* W is one of them */
  bool weak;      /* of observed entries: the others are weak zeros, */
  bool confident; /* and each observed entry has a confidence of its own */
  dnmf_solver solver;
  int sweeps;         /* hals with zeros: of a half-step; 0 and 1: one. ahals takes at most as many as its rule says */
  dnmf_loss loss;     /* of fits with zeros */
  double held_share;  /* ... that take that share of all cells out of A (fit/held_cells.h) */
  bool takes_entries; /* of fits with zeros: one by one, after A is read (perturbed copies, cells held out in turn) */
  bool fills_out; /* dense, read as a sparse one whose entries are the cells with a value (matrix/missing_cells.h) */
  dnmf_precision precision;
  dnmf_number narrow; /* the type that A's values are kept in, where narrower than the precision; 0: its numbers */
} dnmf_job;

/* Bytes of one process, as allocated. What the libraries, MPI and the program itself take comes on top, and what the
 * allocator keeps of memory freed after loading. */
typedef struct dnmf_cost_memory {
  double
      block; /* of A, with cells taken out of it; of ratings, by rows and by columns, with what fetches factor rows */
  double factors; /* owned and gathered rows of W and H and the products with A */
  double grams;   /* with the values that ride along */
  double work;    /* of the step of an iteration that takes most, while it runs */
  double chains;  /* beside a single chain's factors: those of others, copies of the ratings in groups, terms' draws */
  double draws;   /* that chains keep, when they become a model */
  double loading; /* while the matrix is read and partitioned, the block included */
  double peak;    /* the larger of loading and iterating */
} dnmf_cost_memory;

typedef struct dnmf_cost {
  int processes;
  int grid_rows;
  int grid_cols;
  int starts;               /* side by side, which an iteration is of */
  dnmf_cost_memory memory;  /* of the process with the largest block */
  dnmf_traffic traffic;     /* of an iteration, all processes together */
  dnmf_fit_seconds seconds; /* of an iteration of the process with the largest block */
} dnmf_cost;

/* The number of groups, of at most `most`, in which a sweep of all chains takes the least time: that in which the most
 * chains of a group over its fewest processes are least; of equals the most groups, which send least. local */
int dnmf_cost_chain_groups(int chains, int processes, int most);

/* The cost on a grid; `machine` NULL leaves the seconds 0. Threads and instruction set are the context's. For
 * observed entries, which know no grid, a grid of one column. local */
void dnmf_cost_of(const dnmf_context *context, const dnmf_job *job, const dnmf_machine *machine, int grid_rows,
                  int grid_cols, dnmf_cost *cost);

/* Memory of process (row, col) of a fit with zeros whose block has `stored` entries. Block, factors, grams and work
 * are exact, to the byte. local */
dnmf_cost_memory dnmf_cost_memory_at(const dnmf_context *context, const dnmf_job *job, int grid_rows, int grid_cols,
                                     int row, int col, double stored);

/* Whether the blocks of a sparse matrix are held by rows alone, for a fit with zeros (product.h): the same for all of
 * them, as the largest has it. local */
bool dnmf_cost_by_rows_alone(const dnmf_context *context, const dnmf_job *job, int grid_rows, int grid_cols);

/* Whether they are held in bundles of rows, once they are read (matrix/bundles.h): where nothing but products and the
 * exact residual takes their entries. The same for all of them, likewise. local */
bool dnmf_cost_in_bundles(const dnmf_context *context, const dnmf_job *job, int grid_rows, int grid_cols);

/* Whether an iteration of a fit with zeros, of both factors, reads A once on a grid of so many columns: tiles of whole
 * rows must stay in cache, and rows be updated on their own; bpp first inverts the Gram matrix. local */
bool dnmf_cost_is_one_pass(const dnmf_job *job, int grid_cols);

/* The grid of so many processes for a fit with zeros: the one of the shortest iteration, or, of those that are within a
 * tenth of it, the one that sends the fewest words, so that a machine measured a little differently gives the same
 * grid; by Newton's method the one of one column. local */
void dnmf_cost_choose_grid(const dnmf_context *context, const dnmf_job *job, const dnmf_machine *machine, int processes,
                           int *grid_rows, int *grid_cols);

/* What is to be measured for a job, as the process with the largest block has it. local */
dnmf_machine_work dnmf_cost_work(const dnmf_job *job, int grid_rows, int grid_cols);

#endif
