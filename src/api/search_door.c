/* The search as a caller of the library asks for it. */
#include "api/library.h"
#include "api/model.h"
#include "api/search.h"

#include <string.h>

static bool should_stop(void *state) {
  const dnmf_callbacks *callbacks = state;
  return callbacks->should_stop(callbacks->state);
}

static dnmf_status require_all(dnmf_context *context, const dnmf_data *data, const dnmf_fit_settings *settings,
                               const dnmf_search_settings *search, const dnmf_search_candidate *candidates) {
  static const char function[] = "dnmf_model_search";
  DNMF_TRY(dnmf_require(context, function, "data", data));
  DNMF_TRY(dnmf_require(context, function, "settings", settings));
  DNMF_TRY(dnmf_require(context, function, "search", search));
  return dnmf_require(context, function, "place for the candidates", candidates);
}

int dnmf_model_search(dnmf_library *library, const dnmf_data *data, const dnmf_fit_settings *settings,
                      const dnmf_search_settings *search, dnmf_search_candidate *candidates,
                      dnmf_search_suggestion *suggestion, dnmf_model **model) {
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_model *made = NULL;
  dnmf_search s;
  memset(&s, 0, sizeof s);
  if (model)
    *model = NULL;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_search_settings asked;
  const dnmf_search_host host = {.state = &library->callbacks,
                                 .told_to_stop = library->callbacks.should_stop ? should_stop : NULL};
  dnmf_status status = require_all(context, data, settings, search, candidates);
  if (status == DNMF_OK && model)
    status = dnmf_model_create(&context->error, &made);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    asked = *search;
    asked.groups = model ? 1 : search->groups;
    s.wants_model = model != NULL;
    status = dnmf_search_run(context, data, settings, &asked, &host, NULL, &s);
  }
  for (int64_t c = 0; status == DNMF_OK && c < s.count; c++)
    candidates[c] = s.records[c].figures;
  if (status == DNMF_OK && suggestion)
    *suggestion = s.suggestion;
  if (status == DNMF_OK && model)
    status = dnmf_search_share_model(context, &s, made);
  dnmf_search_free(&s);
  return model ? dnmf_model_hand_over(library, status, made, model) : dnmf_library_leave(library, status);
}
