/*
 * Solvers: how owned rows of one factor are updated while the other is fixed. Local arithmetic only.
 *
 * With X the rows to update, B = A F the products with the fixed factor F and G = F'F, every solver works on
 *   minimize over X >= 0   1/2 <X (G + l2 I), X> - <B - l1, X>
 * row by row:
 *   hals  sweeps of coordinate descent over the components (Cichocki & Phan 2009)
 *   mu    X <- X * B / (X G + l1 + l2 X) (Lee & Seung 2001)
 *   bpp   the exact minimizer by block principal pivoting (Kim & Park 2011)
 */
#ifndef DNMF_SOLVER_H
#define DNMF_SOLVER_H

#include "base/precision.h"
#include "base/status.h"
#include "solve/update.h"

/* Updates the rows. `threads` OpenMP threads are used; the result does not depend on how many. local */
dnmf_status dnmf_solver_update(dnmf_solver solver, dnmf_precision precision, dnmf_isa isa, int threads,
                               dnmf_update *update, dnmf_error *error);

/* Operations of a row's update, as a cost model counts them: 2 k^2 a sweep; for bpp 4 k^2 + k^3 / 12, a product each
 * with the Gram matrix and its inverse and two systems of k / 2, the larger ones being solved on their complement.
 * local */
double dnmf_solver_operations(dnmf_solver solver, int components, int sweeps);

/* Work memory that dnmf_solver_update takes while it runs, in bytes. local */
double dnmf_solver_bytes(dnmf_solver solver, dnmf_precision precision, dnmf_isa isa, int threads, int64_t rows,
                         int components);

/*
 * mu under a beta-divergence (Févotte & Idier 2011): X <- X * (N / (D + l1 + l2 X))^exponent, with the numerators N and
 * denominators D of divergence.h. The exponent 1/(2 - beta) for beta < 1, 1/(beta - 1) for beta > 2 and 1 between makes
 * the divergence fall in every step.
 */
/* Updates the rows. `threads` OpenMP threads are used; the result does not depend on how many. local */
dnmf_status dnmf_solver_multiply(dnmf_precision precision, dnmf_isa isa, int threads, dnmf_ratio *ratio,
                                 dnmf_error *error);

/* "hals", "mu", "bpp", "newton" or "ahals". local */
const char *dnmf_solver_name(dnmf_solver solver);

/* The online multiplicative update (Lefevre, Bach, Fevotte 2011), as scikit-learn's MiniBatchNMF has it. local */
void dnmf_solver_update_online(dnmf_precision precision, dnmf_isa isa, int threads, const dnmf_online_update *update);

#endif
