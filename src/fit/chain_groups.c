#include "fit/chain_groups.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "comm/fetch_range.h"

#include <stdlib.h>
#include <string.h>

static dnmf_range chains_of_group(const dnmf_chain_groups *groups, int group) {
  return dnmf_range_split((dnmf_range){0, groups->chains}, groups->count, group);
}

static int group_of_chain(const dnmf_chain_groups *groups, int chain) {
  int group = 0;
  while (chain >= chains_of_group(groups, group).end)
    group++;
  return group;
}

/* --- Ratings ----------------------------------------------------------------------------------------------- */

/* The view's entries, wherever they belong. */
static dnmf_status list_entries(dnmf_error *error, const dnmf_ratings_view *view, dnmf_precision precision,
                                dnmf_entries *entries) {
  const dnmf_csr *csr = &view->entries;
  const dnmf_number number = dnmf_number_of(precision, csr->narrow);
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "ratings of a group", csr->start[csr->rows], sizeof(dnmf_entry), &memory));
  *entries = (dnmf_entries){csr->start[csr->rows], memory};
  for (int64_t row = 0; row < csr->rows; row++)
    for (int64_t at = csr->start[row]; at < csr->start[row + 1]; at++)
      entries->items[at] =
          (dnmf_entry){view->owned.begin + row, view->needed[csr->index[at]], dnmf_number_at(number, csr->value, at)};
  return DNMF_OK;
}

/* All entries to each group: to one of its processes from each of all. */
static dnmf_status send_entries(const dnmf_chain_groups *groups, const dnmf_entries *entries, dnmf_entries *arrived) {
  dnmf_context *all = groups->all;
  void *memory = NULL;
  DNMF_TRY(
      dnmf_agree(all, dnmf_allocate(&all->error, "message counts", 2 * (int64_t)all->size, sizeof(int64_t), &memory)));
  int64_t *counts = memory;
  dnmf_status status = DNMF_OK;
  for (int group = 0; group < groups->count && status == DNMF_OK; group++) {
    const int processes = (all->size - group + groups->count - 1) / groups->count;
    void *received = NULL;
    memset(counts, 0, (size_t)all->size * sizeof *counts);
    counts[group + groups->count * (all->rank % processes)] = entries->count;
    status = dnmf_exchange(all, entries->items, counts, sizeof(dnmf_entry), &received, counts + all->size);
    if (status != DNMF_OK || group != groups->index) {
      free(received);
      continue;
    }
    arrived->items = received;
    for (int process = 0; process < all->size; process++)
      arrived->count += counts[all->size + process];
  }
  free(counts);
  return status;
}

static dnmf_status copy_entries(const dnmf_chain_groups *groups, const dnmf_ratings_view *view, dnmf_entries *arrived) {
  dnmf_context *all = groups->all;
  dnmf_entries entries = {.count = 0};
  dnmf_status status = dnmf_agree(all, list_entries(&all->error, view, groups->all_ratings->precision, &entries));
  if (status == DNMF_OK)
    status = send_entries(groups, &entries, arrived);
  dnmf_entries_free(&entries);
  return status;
}

/* Where this process's entries of a view are among all of its context's, which are ordered by row and column. */
static dnmf_status find_held_out_places(dnmf_context *context, const dnmf_ratings_view *view, dnmf_range *places) {
  const int64_t count = view->entries.start[view->entries.rows];
  int64_t before = 0;
  DNMF_TRY(dnmf_exscan_int64(context, count, &before, NULL));
  *places = (dnmf_range){before, before + count};
  return DNMF_OK;
}

/* Both views of all ratings among the processes of each group. */
static dnmf_status copy_ratings(dnmf_chain_groups *groups) {
  const dnmf_ratings *from = groups->all_ratings;
  dnmf_entries entries = {.count = 0};
  DNMF_TRY(copy_entries(groups, &from->by_rows, &entries));
  DNMF_TRY(dnmf_chain_groups_agree(groups, dnmf_ratings_create(groups->context, from->rows, from->cols, from->precision,
                                                               &entries, &groups->own_ratings)));
  groups->ratings = &groups->own_ratings;
  if (!groups->all_held_out)
    return DNMF_OK;
  entries = (dnmf_entries){.count = 0};
  DNMF_TRY(copy_entries(groups, groups->all_held_out, &entries));
  groups->held_out = &groups->own_held_out;
  dnmf_status status = dnmf_ratings_attach(groups->context, &groups->own_ratings, &entries, &groups->own_held_out);
  if (status == DNMF_OK)
    status = find_held_out_places(groups->context, &groups->own_held_out, &groups->places);
  DNMF_TRY(dnmf_chain_groups_agree(groups, status));
  return find_held_out_places(groups->all, groups->all_held_out, &groups->all_places);
}

dnmf_status dnmf_chain_groups_create(dnmf_context *context, int count, int chains, const dnmf_ratings *ratings,
                                     const dnmf_ratings_view *held_out, dnmf_chain_groups *groups) {
  *groups = (dnmf_chain_groups){.all = context,
                                .all_ratings = ratings,
                                .all_held_out = held_out,
                                .chains = chains,
                                .count = count,
                                .index = context->rank % count,
                                .context = context,
                                .ratings = ratings,
                                .held_out = held_out,
                                .own = {.comm = MPI_COMM_NULL}};
  groups->mine = chains_of_group(groups, groups->index);
  if (count == 1)
    return DNMF_OK;
  DNMF_TRY(dnmf_agree(context, dnmf_context_split(context, groups->index, &groups->own)));
  groups->context = &groups->own;
  return copy_ratings(groups);
}

void dnmf_chain_groups_free(dnmf_chain_groups *groups) {
  dnmf_ratings_view_free(&groups->own_held_out);
  dnmf_ratings_free(&groups->own_ratings);
  dnmf_context_leave(&groups->own);
  *groups = (dnmf_chain_groups){.own = {.comm = MPI_COMM_NULL}};
}

dnmf_status dnmf_chain_groups_agree(const dnmf_chain_groups *groups, dnmf_status status) {
  if (groups->count == 1)
    return status;
  if (status != DNMF_OK)
    groups->all->error = groups->context->error;
  return dnmf_agree(groups->all, status);
}

void dnmf_chain_groups_count_traffic(dnmf_chain_groups *groups) {
  if (groups->count == 1)
    return;
  dnmf_traffic *to = &groups->all->traffic;
  const dnmf_traffic *from = &groups->own.traffic;
  to->gather_words += from->gather_words;
  to->scatter_words += from->scatter_words;
  to->gram_words += from->gram_words;
  to->control_words += from->control_words;
  to->messages += from->messages;
  groups->own.traffic = (dnmf_traffic){0};
}

/* --- Factor rows ------------------------------------------------------------------------------------------- */

static dnmf_range owned_of_all(const dnmf_chain_groups *groups, bool cols) {
  return cols ? groups->all_ratings->by_cols.owned : groups->all_ratings->by_rows.owned;
}

static dnmf_range owned_in_group(const dnmf_chain_groups *groups, bool cols) {
  return cols ? groups->ratings->by_cols.owned : groups->ratings->by_rows.owned;
}

static size_t row_bytes(const dnmf_panel *panel) {
  return (size_t)panel->components * dnmf_precision_size(panel->precision);
}

dnmf_status dnmf_chain_groups_spread(const dnmf_chain_groups *groups, bool cols, const dnmf_panel *from,
                                     dnmf_panel *to) {
  return dnmf_fetch_range(groups->all, owned_of_all(groups, cols), from->data, row_bytes(from),
                          owned_in_group(groups, cols), to->data);
}

/* Between a panel of all chains and one of those of `group` alone. */
static void copy_slots(const dnmf_chain_groups *groups, int group, int slots, bool to_all, dnmf_panel *of_all,
                       dnmf_panel *of_group) {
  const dnmf_range chains = chains_of_group(groups, group);
  const size_t slot_bytes = row_bytes(of_all) / (size_t)slots; /* of all chains */
  const size_t width = slot_bytes / (size_t)groups->chains;
  const size_t bytes = width * (size_t)dnmf_range_size(chains);
  for (int64_t row = 0; row < of_all->rows; row++)
    for (int slot = 0; slot < slots; slot++) {
      char *wide = (char *)of_all->data + (size_t)row * row_bytes(of_all) + (size_t)slot * slot_bytes +
                   (size_t)chains.begin * width;
      char *narrow = (char *)of_group->data + (size_t)row * row_bytes(of_group) + (size_t)slot * bytes;
      memcpy(to_all ? wide : narrow, to_all ? narrow : wide, bytes);
    }
}

/* One group's slots, collected or dealt; `of_all` and `of_group` are the panels of this process. */
static dnmf_status move_slots(const dnmf_chain_groups *groups, bool cols, int group, int slots, bool to_all,
                              dnmf_panel *of_all, dnmf_panel *of_group) {
  const dnmf_range nothing = {0, 0};
  const dnmf_range held = owned_of_all(groups, cols);
  const bool here = group == groups->index;
  const dnmf_range own = here ? owned_in_group(groups, cols) : nothing;
  const int components = of_all->components / groups->chains * (int)dnmf_range_size(chains_of_group(groups, group));
  dnmf_context *all = groups->all;
  dnmf_panel packed = {0};
  dnmf_status status = dnmf_agree(
      all, dnmf_panel_create(&all->error, "numbers of chains", of_all->rows, components, of_all->precision, &packed));
  if (status == DNMF_OK && !to_all)
    copy_slots(groups, group, slots, false, of_all, &packed);
  if (status == DNMF_OK && to_all)
    status = dnmf_fetch_range(all, own, here ? of_group->data : NULL, row_bytes(&packed), held, packed.data);
  else if (status == DNMF_OK)
    status = dnmf_fetch_range(all, held, packed.data, row_bytes(&packed), own, here ? of_group->data : NULL);
  if (status == DNMF_OK && to_all)
    copy_slots(groups, group, slots, true, of_all, &packed);
  dnmf_panel_free(&packed);
  return status;
}

dnmf_status dnmf_chain_groups_collect(const dnmf_chain_groups *groups, bool cols, int slots, const dnmf_panel *from,
                                      dnmf_panel *to) {
  dnmf_panel mine = *from; /* read only */
  for (int group = 0; group < groups->count; group++)
    DNMF_TRY(move_slots(groups, cols, group, slots, true, to, &mine));
  return DNMF_OK;
}

dnmf_status dnmf_chain_groups_deal(const dnmf_chain_groups *groups, bool cols, int slots, const dnmf_panel *from,
                                   dnmf_panel *to) {
  dnmf_panel whole = *from; /* read only */
  for (int group = 0; group < groups->count; group++)
    DNMF_TRY(move_slots(groups, cols, group, slots, false, &whole, to));
  return DNMF_OK;
}

/* --- Held-out entries -------------------------------------------------------------------------------------- */

dnmf_status dnmf_chain_groups_collect_scores(const dnmf_chain_groups *groups, int chain, const double *from,
                                             double *to) {
  const bool here = group_of_chain(groups, chain) == groups->index;
  return dnmf_fetch_range(groups->all, here ? groups->places : (dnmf_range){0, 0}, from, sizeof(double),
                          groups->all_places, to);
}
