/*
 * ahals: coordinate descent of a fit with zeros, accelerated in three ways; the numbers that decide, without the
 * factors.
 *
 * Sweeps (Gillis & Glineur 2012): a half-step sweeps several times over the rows while that is cheap beside the
 * products with A that both half-steps need, and while it pays. What a sweep lowers the objective by is known exactly
 * from its steps. The sweeps of the next half-step of a factor are one more when the last sweep still lowered the
 * objective by more than a share of what the first did, one fewer otherwise: the rule looks one iteration back, so that
 * it needs no sum over all processes of its own.
 *
 * Exact half-steps (bpp): where sweeps converge slowly, because components are alike, a few of them leave most of what
 * a half-step could gain. How many are needed follows from the first and the last of a half-step, which fall
 * geometrically. Once these are more than the exact solution costs, and that is cheap beside the products with A, all
 * further half-steps of the factor are exact.
 *
 * Extrapolation (Ang & Gillis 2019, of one factor): after its half-step H_t, the next one of W is made from
 *   Y = max(0, H_t + momentum (H_t - H_t-1))
 * The momentum grows while the objective f(W_t+1, Y), known before H's half-step, is not above f(W_t, H_t). When it is,
 * H is not extrapolated in that iteration, and the momentum falls and stays below what it was. While it does not rise,
 * f(W_t, H_t) does not, since f(W_t+1, H_t+1) <= f(W_t+1, Y).
 *
 * All are settled once the objective changes by less in an iteration than what rounding would soon decide: sweeps stay
 * what they are, and H is not extrapolated any more. So a fit that goes on to the last digits ends with the same
 * factors, to rounding, on any number of processes.
 *
 * Everything here is decided by counts of the whole matrix and by sums over all processes: the same on each of them,
 * with any number of threads, and in every run. All functions are local.
 */
#ifndef DNMF_AHEAD_H
#define DNMF_AHEAD_H

#include "base/precision.h"
#include "solve/update.h"

/* Instead of a number of sweeps: the exact solution. */
enum { DNMF_AHEAD_EXACT = 0 };

/* What a half-step may be, by the sizes of the matrix and the number of components. */
typedef struct dnmf_ahead_limits {
  int most_sweeps;   /* 1 where a sweep of both factors takes more than half as long as the products with A */
  double exact_from; /* half-steps that need more sweeps are exact; infinity: none is */
} dnmf_ahead_limits;

/* What a fit remembers from one iteration to the next. */
typedef struct dnmf_ahead {
  double momentum;      /* 0: settled */
  double most_momentum; /* it does not grow beyond */
  double most_sweeps;
  double sweeps_w; /* of the next half-steps, or DNMF_AHEAD_EXACT */
  double sweeps_h;
  double objective; /* of the model; infinity before it is known */
} dnmf_ahead;

/* The matrix has `stored` entries when sparse. */
dnmf_ahead_limits dnmf_ahead_limits_of(int64_t rows, int64_t cols, bool sparse, double stored, int components);

/* At a start. */
dnmf_ahead dnmf_ahead_start(int most_sweeps);

/* The objective of the model is known: `ahead` is settled where it has changed by little beside |A|^2 since the last
 * iteration. */
void dnmf_ahead_reach(dnmf_ahead *ahead, double objective, double squares, dnmf_precision precision);

/* Whether nothing is decided any more. */
bool dnmf_ahead_is_settled(const dnmf_ahead *ahead);

/* Sweeps of the next half-step, or DNMF_AHEAD_EXACT, after one of `sweeps` that lowered the objective by `decrease`. */
int dnmf_ahead_next_sweeps(int sweeps, const dnmf_ahead_limits *limits, const dnmf_decrease *decrease);

/* The momentum of this iteration, of which the objective of (W_t+1, Y) is `looked`; 0: H is not extrapolated. */
double dnmf_ahead_take_momentum(dnmf_ahead *ahead, double looked);

#endif
