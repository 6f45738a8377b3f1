#include "fit/solver_choice.h"

#include <stddef.h>

const char *dnmf_refuse_ahals(const dnmf_solver_case *fit) {
  if (fit->loss.divergence)
    return "minimizes the squared error";
  if (fit->observed)
    return "is for --missing zero; observed entries are fitted by hals";
  if (fit->in_batches)
    return "needs the whole matrix in memory; batches are fitted by hals";
  if (fit->takes_out)
    return "uses all cells of the matrix; held-out cells, and cells without a value, are left out by hals and bpp";
  if (fit->fixes)
    return "alternates between both factors; with --fix take bpp, which is exact at once, or hals";
  if (fit->sweeps_given)
    return "chooses its own number of sweeps; --sweeps is for hals";
  return NULL;
}

/* Of Kullback-Leibler with zeros, all of the matrix in memory, Newton's method. Of one factor alone the least-squares
 * problems are solved at once. */
dnmf_solver dnmf_choose_solver(const dnmf_solver_case *fit) {
  const bool whole = !fit->observed && !fit->in_batches;
  if (fit->loss.divergence)
    return dnmf_loss_is(fit->loss, 1) && whole && fit->longest <= INT32_MAX ? DNMF_SOLVER_NEWTON : DNMF_SOLVER_MU;
  if (dnmf_refuse_ahals(fit) == NULL)
    return DNMF_SOLVER_AHALS;
  return whole && fit->fixes && !fit->takes_out && !fit->sweeps_given ? DNMF_SOLVER_BPP : DNMF_SOLVER_HALS;
}
