/*
 * The state of a restart as numbers: for checkpoints, and for the groups of processes that do not fit it.
 */
#ifndef DNMF_API_RESTART_STATE_H
#define DNMF_API_RESTART_STATE_H

#include "fit/restarts.h"

enum { DNMF_RESTART_NUMBERS = 14, DNMF_RESTART_HISTORIES = 4 };

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

double **dnmf_restart_history_of(dnmf_fit_result *result, const dnmf_restart_history *history); /* local */
int64_t dnmf_restarts_history_total(const dnmf_restarts *restarts); /* numbers of one history of all; local */

#endif
