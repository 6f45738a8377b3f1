/* Ids to positions and back. */
#include "api/library.h"
#include "api/model.h"
#include "api/requests.h"
#include "base/memory.h"
#include "comm/collective.h"
#include "matrix/fetch.h"
#include "store/ids/ids_find.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Ids to positions -------------------------------------------------------------------------------------- */

dnmf_status dnmf_texts_pack(dnmf_error *error, const char *function, int64_t count, const char *const *texts,
                            dnmf_ids *packed) {
  void *memory = NULL;
  *packed = (dnmf_ids){.kind = DNMF_IDS_STRING, .count = count, .range = {0, count}};
  DNMF_TRY(dnmf_allocate_zero(error, "ids", count + 1, sizeof(int64_t), &memory));
  int64_t *starts = packed->starts = memory;
  for (int64_t i = 0; i < count; i++) {
    if (!texts[i])
      return dnmf_fail(error, DNMF_ERROR_USAGE, "%s: id %" PRId64 " is NULL", function, i);
    starts[i + 1] = starts[i] + (int64_t)strlen(texts[i]);
  }
  DNMF_TRY(dnmf_allocate(error, "ids", starts[count] + 1, 1, &memory));
  packed->text = memory;
  for (int64_t i = 0; i < count; i++)
    memcpy(packed->text + starts[i], texts[i], (size_t)(starts[i + 1] - starts[i]));
  return DNMF_OK;
}

/* How much of a name messages show. */
static int shown_length(const dnmf_ids *names, int64_t at) {
  const int64_t length = names->starts[at + 1] - names->starts[at];
  return length < 100 ? (int)length : 100;
}

dnmf_status dnmf_find_names(dnmf_context *context, const dnmf_model *model, bool of_cols, const dnmf_ids *names,
                            const char *file, int64_t *index) {
  const dnmf_target target = dnmf_model_target(model);
  dnmf_found found = {.count = names->count};
  DNMF_TRY(dnmf_ids_find(context, of_cols ? target.col_ids : target.row_ids, of_cols ? target.cols : target.rows,
                         names->count, names->starts, names->text, index));
  if (!file)
    return DNMF_OK;
  for (int64_t i = 0; i < names->count; i++)
    if (index[i] < 0 && found.unknown++ == 0)
      snprintf(found.example, sizeof found.example, "%.*s", shown_length(names, i), names->text + names->starts[i]);
  DNMF_TRY(dnmf_found_total(context, &found));
  return dnmf_warn_unlike(context, &target, file, !of_cols, &found);
}

static dnmf_status check_list(dnmf_context *context, const char *function, int64_t count, const void *list,
                              const void *out) {
  if (count < 0)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "%s: a count of %" PRId64, function, count);
  if (count > 0)
    DNMF_TRY(dnmf_require(context, function, "list", list));
  return count > 0 ? dnmf_require(context, function, "place for the answers", out) : DNMF_OK;
}

static int find_ids(dnmf_library *library, const char *function, const dnmf_model *model, bool of_cols, int64_t count,
                    const char *const *ids, int64_t *positions) {
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_ids packed = {0};
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_model_check(context, function, model);
  if (status == DNMF_OK)
    status = check_list(context, function, count, ids, positions);
  if (status == DNMF_OK)
    status = dnmf_texts_pack(&context->error, function, count, ids, &packed);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_find_names(context, model, of_cols, &packed, NULL, positions);
  dnmf_ids_free(&packed);
  return dnmf_library_leave(library, status);
}

int dnmf_model_find_rows(dnmf_library *library, const dnmf_model *model, int64_t count, const char *const *ids,
                         int64_t *positions) {
  return find_ids(library, "dnmf_model_find_rows", model, false, count, ids, positions);
}

int dnmf_model_find_cols(dnmf_library *library, const dnmf_model *model, int64_t count, const char *const *ids,
                         int64_t *positions) {
  return find_ids(library, "dnmf_model_find_cols", model, true, count, ids, positions);
}

/* --- Positions to ids -------------------------------------------------------------------------------------- */

/* Texts of the wanted ids, on their way. */
typedef struct names_transfer {
  dnmf_ids texts;  /* those held here */
  int64_t *bounds; /* size + 1: who holds which */
  int64_t *place;  /* of each position in the list of distinct ones */
  int64_t *wanted; /* distinct positions */
  int64_t wanted_count;
  dnmf_requests requests;
  int64_t *sent_lengths; /* of the texts that others asked for */
  int64_t *lengths;      /* of the distinct ones */
  int64_t *byte_counts;  /* sent to, then received from each process */
  void *sent;
  void *bytes; /* of the distinct ones, one after another */
} names_transfer;

static void names_free(names_transfer *t) {
  dnmf_ids_free(&t->texts);
  free(t->bounds);
  free(t->place);
  free(t->wanted);
  dnmf_requests_free(&t->requests);
  free(t->sent_lengths);
  free(t->lengths);
  free(t->byte_counts);
  free(t->sent);
  free(t->bytes);
}

static dnmf_status prepare_names(dnmf_context *context, const dnmf_ids *ids, int64_t count, const int64_t *positions,
                                 names_transfer *t) {
  dnmf_error *error = &context->error;
  void *memory = NULL;
  DNMF_TRY(dnmf_ids_to_text(error, ids, &t->texts));
  DNMF_TRY(dnmf_allocate(error, "ranges of ids", context->size + 1, sizeof(int64_t), &memory));
  t->bounds = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "counts of ids", 2 * (int64_t)context->size, sizeof(int64_t), &memory));
  t->byte_counts = memory;
  DNMF_TRY(dnmf_allocate(error, "places of ids", count, sizeof(int64_t), &memory));
  t->place = memory;
  DNMF_TRY(dnmf_fetch_list(error, count, positions, &t->wanted, &t->wanted_count, t->place));
  DNMF_TRY(dnmf_allocate(error, "lengths of ids", t->wanted_count, sizeof(int64_t), &memory));
  t->lengths = memory;
  return DNMF_OK;
}

/* The texts that others asked for, in the order in which they asked. */
static dnmf_status pack_names(dnmf_context *context, names_transfer *t) {
  const dnmf_requests *requests = &t->requests;
  const int64_t first = t->texts.range.begin;
  void *memory = NULL;
  int64_t total = 0;
  DNMF_TRY(dnmf_allocate(&context->error, "lengths of ids", requests->asked_total, sizeof(int64_t), &memory));
  t->sent_lengths = memory;
  for (int64_t i = 0; i < requests->asked_total; i++) {
    const int64_t at = requests->asked[i] - first;
    t->sent_lengths[i] = t->texts.starts[at + 1] - t->texts.starts[at];
    total += t->sent_lengths[i];
  }
  DNMF_TRY(dnmf_allocate(&context->error, "ids to send", total, 1, &t->sent));
  char *to = t->sent;
  int64_t at = 0;
  for (int p = 0; p < context->size; p++)
    for (int64_t n = 0; n < requests->asked_counts[p]; n++, at++) {
      if (t->sent_lengths[at] > 0)
        memcpy(to, t->texts.text + t->texts.starts[requests->asked[at] - first], (size_t)t->sent_lengths[at]);
      to += t->sent_lengths[at];
      t->byte_counts[p] += t->sent_lengths[at];
    }
  return DNMF_OK;
}

static dnmf_status fetch_names(dnmf_context *context, const dnmf_ids *ids, names_transfer *t) {
  int code = MPI_Allgather(&ids->range.begin, 1, MPI_INT64_T, t->bounds, 1, MPI_INT64_T, context->comm);
  t->bounds[context->size] = ids->count;
  DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Allgather"));
  DNMF_TRY(dnmf_requests_send(context, t->bounds, t->wanted, t->wanted_count, &t->requests));
  DNMF_TRY(dnmf_agree(context, pack_names(context, t)));
  DNMF_TRY(dnmf_exchange_known(context, t->sent_lengths, t->requests.asked_counts, sizeof(int64_t), t->lengths,
                               t->requests.wanted_counts));
  return dnmf_exchange(context, t->sent, t->byte_counts, 1, &t->bytes, t->byte_counts + context->size);
}

/* count texts in one block: the pointers, then the bytes. */
static dnmf_status lay_out_names(dnmf_error *error, int64_t count, const names_transfer *t, char ***names) {
  void *memory = NULL;
  void *starts = NULL;
  int64_t total = 0;
  DNMF_TRY(dnmf_allocate_zero(error, "ids", t->wanted_count + 1, sizeof(int64_t), &starts));
  int64_t *start = starts;
  for (int64_t i = 0; i < t->wanted_count; i++)
    start[i + 1] = start[i] + t->lengths[i];
  for (int64_t i = 0; i < count; i++)
    total += 1 + (t->place[i] >= 0 ? t->lengths[t->place[i]] : 0);
  dnmf_status status = dnmf_allocate(error, "ids", count * (int64_t)sizeof(char *) + total + 1, 1, &memory);
  *names = memory;
  char *to = status == DNMF_OK ? (char *)memory + (size_t)count * sizeof(char *) : NULL;
  for (int64_t i = 0; i < count && to; i++) {
    int64_t length = t->place[i] >= 0 ? t->lengths[t->place[i]] : 0;
    (*names)[i] = to;
    if (length > 0)
      memcpy(to, (const char *)t->bytes + start[t->place[i]], (size_t)length);
    to[length] = '\0';
    to += length + 1;
  }
  free(starts);
  return status;
}

static dnmf_status check_positions(dnmf_error *error, const char *function, int64_t count, const int64_t *positions,
                                   int64_t all) {
  for (int64_t i = 0; i < count; i++)
    if (positions[i] >= all)
      return dnmf_fail(error, DNMF_ERROR_USAGE, "%s: position %" PRId64 " is not among 0 to %" PRId64, function,
                       positions[i], all - 1);
  return DNMF_OK;
}

static int name_positions(dnmf_library *library, const char *function, const dnmf_model *model, bool of_cols,
                          int64_t count, const int64_t *positions, char ***names) {
  dnmf_context *context = dnmf_library_enter(library);
  names_transfer t = {0};
  if (names)
    *names = NULL;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_model_check(context, function, model);
  if (status != DNMF_OK)
    return dnmf_library_leave(library, status);
  const int64_t all = of_cols ? model->cols : model->rows;
  dnmf_ids ids = of_cols ? model->col_ids : model->row_ids;
  if (ids.kind == DNMF_IDS_NONE) { /* positions are written as texts */
    ids.count = all;
    ids.range = dnmf_range_split((dnmf_range){0, all}, context->size, context->rank);
  }
  status = check_list(context, function, count, positions, names);
  if (status == DNMF_OK)
    status = dnmf_require(context, function, "place for the ids", names);
  if (status == DNMF_OK)
    status = check_positions(&context->error, function, count, positions, all);
  if (status == DNMF_OK)
    status = prepare_names(context, &ids, count, positions, &t);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = fetch_names(context, &ids, &t);
  if (status == DNMF_OK)
    status = dnmf_agree(context, lay_out_names(&context->error, count, &t, names));
  if (status != DNMF_OK)
    dnmf_ids_destroy(names);
  names_free(&t);
  return dnmf_library_leave(library, status);
}

int dnmf_model_row_ids(dnmf_library *library, const dnmf_model *model, int64_t count, const int64_t *positions,
                       char ***ids) {
  return name_positions(library, "dnmf_model_row_ids", model, false, count, positions, ids);
}

int dnmf_model_col_ids(dnmf_library *library, const dnmf_model *model, int64_t count, const int64_t *positions,
                       char ***ids) {
  return name_positions(library, "dnmf_model_col_ids", model, true, count, positions, ids);
}

void dnmf_ids_destroy(char ***ids) {
  if (!ids)
    return;
  free(*ids);
  *ids = NULL;
}
