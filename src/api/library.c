#include "api/library.h"

#include "base/team.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)DNMF_SUCCESS == (int)DNMF_OK && (int)DNMF_ERR_USAGE == (int)DNMF_ERROR_USAGE &&
                   (int)DNMF_ERR_INPUT == (int)DNMF_ERROR_INPUT && (int)DNMF_ERR_FILE == (int)DNMF_ERROR_FILE &&
                   (int)DNMF_ERR_MEMORY == (int)DNMF_ERROR_MEMORY && (int)DNMF_ERR_LIBRARY == (int)DNMF_ERROR_LIBRARY &&
                   (int)DNMF_ERR_MPI == (int)DNMF_ERROR_MPI && (int)DNMF_ERR_INTERRUPTED == (int)DNMF_INTERRUPTED,
               "the codes of the door are those of the library");

#define TEXT_OF(number)      TEXT_OF_VALUE(number)
#define TEXT_OF_VALUE(value) #value

const char *dnmf_version(void) {
  return TEXT_OF(DNMF_VERSION_MAJOR) "." TEXT_OF(DNMF_VERSION_MINOR) "." TEXT_OF(DNMF_VERSION_PATCH);
}

int dnmf_library_create(MPI_Comm comm, dnmf_library **library) {
  MPI_Comm own = MPI_COMM_NULL;
  int initialized = 0;
  if (!library)
    return DNMF_ERR_USAGE;
  *library = NULL;
  if (MPI_Initialized(&initialized) != MPI_SUCCESS || !initialized || comm == MPI_COMM_NULL)
    return DNMF_ERR_USAGE;
  if (MPI_Comm_dup(comm, &own) != MPI_SUCCESS)
    return DNMF_ERR_MPI;
  dnmf_library *made = calloc(1, sizeof *made);
  int everywhere = made != NULL;
  if (MPI_Allreduce(MPI_IN_PLACE, &everywhere, 1, MPI_INT, MPI_MIN, own) != MPI_SUCCESS || !everywhere || !made) {
    free(made);
    MPI_Comm_free(&own);
    return DNMF_ERR_MEMORY;
  }
  if (dnmf_context_init(&made->context, own) != DNMF_OK) {
    free(made);
    MPI_Comm_free(&own);
    return DNMF_ERR_MPI;
  }
  *library = made;
  return DNMF_SUCCESS;
}

void dnmf_library_destroy(dnmf_library **library) {
  if (!library || !*library)
    return;
  MPI_Comm_free(&(*library)->context.comm);
  dnmf_team_end();
  free(*library);
  *library = NULL;
}

const char *dnmf_library_error(const dnmf_library *library) {
  return library ? library->context.error.text : "no library was given";
}

void dnmf_library_clear_error(dnmf_library *library) {
  if (library)
    library->context.error = (dnmf_error){0};
}

int dnmf_library_set_threads(dnmf_library *library, int threads) {
  enum { MOST_THREADS = 4096 };
  dnmf_context *context = dnmf_library_enter(library);
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = DNMF_OK;
  if (threads < 1 || threads > MOST_THREADS)
    status = dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                       "dnmf_library_set_threads: %d is no number of threads; give 1 to %d", threads, MOST_THREADS);
  else
    context->threads = threads;
  return dnmf_library_leave(library, status);
}

int dnmf_library_threads(const dnmf_library *library) {
  return library ? library->context.threads : 0;
}

static void pass_warning(void *state, const char *text) {
  const dnmf_callbacks *callbacks = state;
  callbacks->warning(callbacks->state, text);
}

static void pass_step(void *state, const dnmf_step *step) {
  const dnmf_callbacks *callbacks = state;
  const dnmf_iteration iteration = {.iteration = step->iteration,
                                    .max_iterations = step->max_iterations,
                                    .batch = step->batch,
                                    .batches = step->batches,
                                    .objective = step->objective,
                                    .relative_error = step->relative_error,
                                    .violation = step->violation,
                                    .validation_rmse = step->validation_rmse,
                                    .seconds = step->seconds,
                                    .iteration_seconds = step->iteration_seconds};
  callbacks->iteration(callbacks->state, &iteration);
}

int dnmf_library_set_callbacks(dnmf_library *library, const dnmf_callbacks *callbacks) {
  const dnmf_callbacks none = {0};
  if (!dnmf_library_enter(library))
    return dnmf_library_refusal(library);
  library->callbacks = callbacks ? *callbacks : none;
  library->context.reporter = (dnmf_reporter){.state = &library->callbacks,
                                              .warn = library->callbacks.warning ? pass_warning : NULL,
                                              .step = library->callbacks.iteration ? pass_step : NULL};
  return dnmf_library_leave(library, DNMF_OK);
}

dnmf_context *dnmf_library_enter(dnmf_library *library) {
  if (!library || library->broken)
    return NULL;
  library->context.error = (dnmf_error){0};
  library->context.traffic = (dnmf_traffic){0};
  library->callers_threads = omp_get_max_threads();
  omp_set_num_threads(library->context.threads);
  return &library->context;
}

int dnmf_library_refusal(const dnmf_library *library) {
  return library ? DNMF_ERR_MPI : DNMF_ERR_USAGE;
}

int dnmf_library_leave(dnmf_library *library, dnmf_status status) {
  omp_set_num_threads(library->callers_threads);
  library->broken = status == DNMF_ERROR_MPI;
  return (int)status;
}

dnmf_status dnmf_require(dnmf_context *context, const char *function, const char *what, const void *pointer) {
  return pointer ? DNMF_OK : dnmf_fail(&context->error, DNMF_ERROR_USAGE, "%s: no %s was given", function, what);
}

dnmf_status dnmf_choose(dnmf_error *error, const char *field, const char *word, const char *const *choices,
                        int *choice) {
  char list[256] = "";
  *choice = 0;
  for (int i = 0; choices[i]; i++) {
    if (!word || strcmp(word, choices[i]) == 0) {
      *choice = i;
      return DNMF_OK;
    }
    size_t length = strlen(list);
    snprintf(list + length, sizeof list - length, "%s%s", i == 0 ? "" : choices[i + 1] ? ", " : " or ", choices[i]);
  }
  return dnmf_fail(error, DNMF_ERROR_USAGE, "%s \"%s\": give %s", field, word, list);
}
