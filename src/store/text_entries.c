#include "store/text_entries.h"

#include "dnmf/memory.h"
#include "store/text_number.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { QUOTED = 60 /* characters of a field in a message */ };

static dnmf_status load(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout, dnmf_precision precision,
                        dnmf_matrix *matrix) {
  dnmf_text_state *state = source->state;
  return dnmf_matrix_from_entries(context, layout, precision, source->sparse, source->duplicates, &state->entries,
                                  matrix);
}

static void close_state(dnmf_source *source) {
  dnmf_text_state *state = source->state;
  dnmf_entries_free(&state->entries);
  free(state);
}

dnmf_status dnmf_text_state_create(dnmf_error *error, dnmf_source *source, dnmf_text_state **state) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "a text source", 1, sizeof **state, &memory));
  source->state = *state = memory;
  source->load = load;
  source->close = close_state;
  strcpy(source->type, "text");
  return DNMF_OK;
}

dnmf_status dnmf_text_append(dnmf_error *error, dnmf_text_state *state, int64_t row, int64_t col, double value) {
  dnmf_entries *entries = &state->entries;
  if (entries->count == state->capacity) {
    void *memory = entries->items;
    dnmf_status status =
        dnmf_grow(error, "matrix entries", entries->count + 1, sizeof(dnmf_entry), &state->capacity, &memory);
    entries->items = memory;
    DNMF_TRY(status);
  }
  entries->items[entries->count++] = (dnmf_entry){row, col, value};
  return DNMF_OK;
}

static dnmf_status refuse(dnmf_error *error, const char *begin, const char *end, const char *why) {
  int shown = end - begin < QUOTED ? (int)(end - begin) : QUOTED;
  return dnmf_fail(error, DNMF_ERROR_INPUT, "the value \"%.*s\" %s", shown, begin, why);
}

dnmf_status dnmf_text_value(dnmf_error *error, const char *begin, const char *end, double *value) {
  if (begin == end)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the value is missing");
  if (!dnmf_parse_real(begin, end, value))
    return refuse(error, begin, end, "is not a number");
  if (!isfinite(*value))
    return refuse(error, begin, end, "is not finite; every value must be a number from 0 up");
  if (*value < 0)
    return refuse(error, begin, end, "is negative; every value must be 0 or more");
  return DNMF_OK;
}

dnmf_status dnmf_text_check_fields(dnmf_error *error, int64_t count, int64_t wanted, const char *hint) {
  if (count == wanted)
    return DNMF_OK;
  if (count < 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "a quoted field is not closed where it should be (a field cannot hold a line break)");
  return dnmf_fail(error, DNMF_ERROR_INPUT, "%" PRId64 " field%s where the first line has %" PRId64 "%s", count,
                   count == 1 ? "" : "s", wanted, hint);
}
