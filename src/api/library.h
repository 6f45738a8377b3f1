/*
 * The library on a communicator: the context of every call, its error, and what the calling program is told.
 *
 * Every function of the door is bracketed by dnmf_library_enter and dnmf_library_leave.
 */
#ifndef DNMF_API_LIBRARY_H
#define DNMF_API_LIBRARY_H

#include "comm/context.h"
#include "dnmf.h"

struct dnmf_library {
  dnmf_context context; /* on a communicator of its own */
  dnmf_callbacks callbacks;
  int callers_threads; /* OpenMP's number of threads outside the library, while a call is inside */
  bool broken;         /* MPI has failed: nothing can be agreed any more */
};

/* The context, with no error in it. NULL when there is no library or MPI has failed before: the caller then returns
 * dnmf_library_refusal. local */
dnmf_context *dnmf_library_enter(dnmf_library *library);
int dnmf_library_refusal(const dnmf_library *library);

/* Ends a call. local */
int dnmf_library_leave(dnmf_library *library, dnmf_status status);

/* Fails with "`function`: no `what` was given" where `pointer` is NULL. local */
dnmf_status dnmf_require(dnmf_context *context, const char *function, const char *what, const void *pointer);

/* `word` is one of `choices` (NULL-terminated): its number, in *choice. NULL is the first. Fails naming `field`. local
 */
dnmf_status dnmf_choose(dnmf_error *error, const char *field, const char *word, const char *const *choices,
                        int *choice);

#endif
