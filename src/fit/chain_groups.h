/*
 * Groups of processes that run the chains of a posterior (posterior_fit.h) side by side, process r in group
 * r modulo their number, as those of `tune`. Each group has a copy of all ratings among its processes and runs some of
 * the chains, one after another within a sweep. Where there is one group, it is all processes with the ratings they
 * have.
 *
 * Chains are the same to the last bit in any number of groups: what they are drawn from does not depend on who owns
 * which rows.
 *
 * Numbers of several chains are columns of a panel, `slots` of each chain: slot s of chain c begins at number
 * (s * chains + c) * width of a row. A panel of a group has its own chains alone, and the rows that this process owns
 * in the group.
 */
#ifndef DNMF_FIT_CHAIN_GROUPS_H
#define DNMF_FIT_CHAIN_GROUPS_H

#include "matrix/ratings.h"

typedef struct dnmf_chain_groups {
  dnmf_context *all; /* all processes, and what they have */
  const dnmf_ratings *all_ratings;
  const dnmf_ratings_view *all_held_out; /* NULL: nothing is held out */
  int chains;                            /* of all groups */
  int count;
  int index;             /* of this process's group, */
  dnmf_context *context; /* its processes, */
  dnmf_range mine;       /* its chains, */
  const dnmf_ratings *ratings;
  const dnmf_ratings_view *held_out;
  dnmf_context own; /* where there are several groups: what these point to */
  dnmf_ratings own_ratings;
  dnmf_ratings_view own_held_out;
  dnmf_range places;     /* of this process's held-out entries in its group among all, by row and column, */
  dnmf_range all_places; /* and of those in all_held_out */
} dnmf_chain_groups;

/* `held_out` NULL: nothing is held out. Released with dnmf_chain_groups_free, also after a failure. collective */
dnmf_status dnmf_chain_groups_create(dnmf_context *context, int count, int chains, const dnmf_ratings *ratings,
                                     const dnmf_ratings_view *held_out, dnmf_chain_groups *groups);
void dnmf_chain_groups_free(dnmf_chain_groups *groups); /* collective in each group; accepts a zeroed one */

/* The status of this process's group, which its processes have agreed on, becomes that of all. collective */
dnmf_status dnmf_chain_groups_agree(const dnmf_chain_groups *groups, dnmf_status status);

/* What the groups have sent, into the counts of all. local */
void dnmf_chain_groups_count_traffic(dnmf_chain_groups *groups);

/* Rows of W, or of H where `cols`, from their owners of all processes to those of each group. collective */
dnmf_status dnmf_chain_groups_spread(const dnmf_chain_groups *groups, bool cols, const dnmf_panel *from,
                                     dnmf_panel *to);

/* Slots of all chains, from the panels of the groups to the owners of all processes, and back. Panels have their sizes.
 * collective */
dnmf_status dnmf_chain_groups_collect(const dnmf_chain_groups *groups, bool cols, int slots, const dnmf_panel *from,
                                      dnmf_panel *to);
dnmf_status dnmf_chain_groups_deal(const dnmf_chain_groups *groups, bool cols, int slots, const dnmf_panel *from,
                                   dnmf_panel *to);

/* A number of each held-out entry of one chain, `from` the processes of its group (else not looked at), for the
 * entries in all_held_out. collective */
dnmf_status dnmf_chain_groups_collect_scores(const dnmf_chain_groups *groups, int chain, const double *from,
                                             double *to);

#endif
