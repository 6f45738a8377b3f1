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
  if (fit->fixed != DNMF_FIXED_NONE)
    return "alternates between both factors; with --fix take bpp, which is exact at once, or hals";
  if (fit->sweeps_given)
    return "chooses its own number of sweeps; --sweeps is for hals";
  return NULL;
}

dnmf_solver dnmf_choose_solver(const dnmf_solver_case *fit) {
  if (fit->loss.divergence)
    return DNMF_SOLVER_MU;
  if (dnmf_refuse_ahals(fit) == NULL)
    return DNMF_SOLVER_AHALS;
  const bool exact = fit->fixed != DNMF_FIXED_NONE && !fit->observed && !fit->takes_out && !fit->in_batches &&
                     !fit->sweeps_given; /* one least-squares problem, solved at once */
  return exact ? DNMF_SOLVER_BPP : DNMF_SOLVER_HALS;
}
