#include "store/features.h"

#include "base/memory.h"
#include "base/subset.h"
#include "comm/collective.h"
#include "store/ids/dictionary.h"
#include "store/ids/ids_find.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TYPES = 16, LONGEST_TYPE = 60 };

/* How many features there are of each type, in the order of their names. */
typedef struct type_counts {
  int64_t count; /* of types */
  int64_t features[MOST_TYPES];
  char text[MOST_TYPES * (LONGEST_TYPE + 24)]; /* "4 Gene Expression, 2 Antibody Capture" */
} type_counts;

static dnmf_status write_counts(dnmf_context *context, const dnmf_ids *types, type_counts *counts) {
  int64_t all[MOST_TYPES];
  dnmf_ids names = {0};
  for (int64_t i = 0; i < MOST_TYPES; i++)
    all[i] = i;
  DNMF_TRY(dnmf_ids_name(context, types, counts->count, all, &names));
  for (int64_t i = 0; i < counts->count && context->rank == 0; i++) {
    const int64_t length = names.starts[i + 1] - names.starts[i];
    const size_t used = strlen(counts->text);
    snprintf(counts->text + used, sizeof counts->text - used, "%s%" PRId64 " %.*s", i ? ", " : "", counts->features[i],
             (int)(length < LONGEST_TYPE ? length : LONGEST_TYPE), names.text + names.starts[i]);
  }
  dnmf_ids_free(&names);
  return dnmf_broadcast(context, counts->text, sizeof counts->text, 0);
}

/* The types of this process's features, each once, and the number of each feature's. The caller frees *number. */
static dnmf_status number_types(dnmf_error *error, const dnmf_ids *features, dnmf_interner *types, int64_t **number) {
  void *memory = NULL;
  dnmf_ids texts = {0};
  const int64_t held = dnmf_range_size(features->range);
  dnmf_status status = dnmf_ids_to_text(error, features, &texts);
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "types of features", held, sizeof(int64_t), &memory);
  *number = memory;
  for (int64_t i = 0; i < held && status == DNMF_OK; i++)
    status =
        dnmf_intern(error, types, texts.text + texts.starts[i], texts.starts[i + 1] - texts.starts[i], &(*number)[i]);
  dnmf_ids_free(&texts);
  return status;
}

static dnmf_status count_types(dnmf_context *context, const dnmf_ids *features, type_counts *counts) {
  dnmf_interner types = {0};
  dnmf_ids distinct = {0};
  int64_t *number = NULL;
  int64_t *place = NULL;
  memset(counts, 0, sizeof *counts);
  dnmf_status status = dnmf_agree(context, number_types(&context->error, features, &types, &number));
  if (status == DNMF_OK)
    status = dnmf_dictionary_build(context, &types, &distinct, &place);
  counts->count = distinct.count < MOST_TYPES ? distinct.count : MOST_TYPES;
  for (int64_t i = 0; i < dnmf_range_size(features->range) && status == DNMF_OK; i++)
    if (place[number[i]] < MOST_TYPES)
      counts->features[place[number[i]]]++;
  if (status == DNMF_OK)
    status = dnmf_sum_int64(context, context->comm, counts->features, MOST_TYPES);
  if (status == DNMF_OK)
    status = write_counts(context, &distinct, counts);
  dnmf_ids_free(&distinct);
  dnmf_interner_free(&types);
  free(number);
  free(place);
  return status;
}

dnmf_status dnmf_features_note(dnmf_context *context, const char *chosen, dnmf_source *source) {
  type_counts counts;
  const size_t used = strlen(source->note);
  if (chosen)
    return DNMF_OK;
  DNMF_TRY(count_types(context, &source->feature_types, &counts));
  if (counts.count > 1)
    snprintf(source->note + used, sizeof source->note - used,
             "%sfeatures of several types: %s; --feature-type takes one of them", used ? "\n" : "", counts.text);
  return DNMF_OK;
}

dnmf_status dnmf_features_choose(dnmf_context *context, const dnmf_source *source, const char *type, uint64_t *bits) {
  type_counts counts;
  dnmf_ids texts = {0};
  const dnmf_ids *features = &source->feature_types;
  int64_t found = 0;
  if (features->kind == DNMF_IDS_NONE)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "--feature-type %s: %s (%s) has no types of features", type,
                     source->name, source->format);
  DNMF_TRY(dnmf_agree(context, dnmf_ids_to_text(&context->error, features, &texts)));
  for (int64_t i = 0; i < dnmf_range_size(features->range); i++) {
    const int64_t at = features->range.begin + i;
    const size_t length = (size_t)(texts.starts[i + 1] - texts.starts[i]);
    const bool same = length == strlen(type) && memcmp(texts.text + texts.starts[i], type, length) == 0;
    bits[at / 64] |= (uint64_t)same << (at % 64);
    found += same;
  }
  dnmf_ids_free(&texts);
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &found, 1));
  if (found > 0)
    return dnmf_or_words(context, context->comm, bits, dnmf_subset_words(features->count));
  DNMF_TRY(count_types(context, features, &counts));
  return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "--feature-type %s: %s has no such features; it has %s", type,
                   source->name, counts.text);
}
