/*
 * The state of a restart as numbers: for checkpoints, and for the groups of processes that do not fit it.
 */
#ifndef DNMF_API_RESTART_STATE_H
#define DNMF_API_RESTART_STATE_H

#include "fit/restarts.h"

enum { DNMF_RESTART_NUMBERS = 20, DNMF_RESTART_HISTORIES = 4, DNMF_RESTART_PANELS = 3 };

/* Stage, result and memory as so many numbers, and from them; false where a number is none that is saved. Histories
 * are NULL afterwards, for history_count numbers each. local */
void dnmf_restart_to_numbers(const dnmf_restart *r, double *to);
bool dnmf_restart_from_numbers(const double *from, dnmf_restart *r);

/* The histories of a result, by the names of their curves in a checkpoint. */
typedef struct dnmf_restart_history {
  const char *name;
  size_t offset; /* of its pointer in dnmf_fit_result */
} dnmf_restart_history;

extern const dnmf_restart_history dnmf_restart_histories[DNMF_RESTART_HISTORIES];

/* The panels of a restart, by the names of their parts in a checkpoint: W, H and, by ahals alone, the last. */
typedef struct dnmf_restart_part {
  const char *name;
  dnmf_model_side side;
  size_t offset; /* in dnmf_restart */
} dnmf_restart_part;

extern const dnmf_restart_part dnmf_restart_parts[DNMF_RESTART_PANELS];

int dnmf_restart_part_count(dnmf_solver solver);                                      /* local */
dnmf_panel *dnmf_restart_panel(dnmf_restart *restart, const dnmf_restart_part *part); /* local */

double **dnmf_restart_history_of(dnmf_fit_result *result, const dnmf_restart_history *history); /* local */
int64_t dnmf_restarts_history_total(const dnmf_restarts *restarts); /* numbers of one history of all; local */

#endif
