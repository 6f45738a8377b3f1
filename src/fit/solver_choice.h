/*
 * The solver of a fit that names none: the fastest of those here to a given error, for what the fit is.
 */
#ifndef DNMF_SOLVER_CHOICE_H
#define DNMF_SOLVER_CHOICE_H

#include "fit/settings.h"

typedef struct dnmf_solver_case {
  dnmf_loss loss;
  bool observed;     /* entries that are not stored do not count, or weakly */
  bool takes_out;    /* cells are taken out of A: held out, or without a value */
  bool in_batches;   /* the rows of A pass by, or may */
  bool sweeps_given; /* a number of sweeps is asked for */
  bool fixes;        /* one of the factors */
  int64_t longest;   /* rows or columns, whichever are more */
} dnmf_solver_case;

/* Depends on nothing but the case: the same on all processes and in every run. local */
dnmf_solver dnmf_choose_solver(const dnmf_solver_case *fit);

/* Why a fit cannot be by ahals: what follows "--solver ahals" in a message; NULL when it can. local */
const char *dnmf_refuse_ahals(const dnmf_solver_case *fit);

#endif
