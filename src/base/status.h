/*
 * Status codes and error text.
 *
 * Every function that can fail returns a dnmf_status and leaves the message in a dnmf_error: what was wrong,
 * where, and what to do about it. A failure on one process becomes everybody's through dnmf_agree
 * (context.h).
 */
#ifndef DNMF_STATUS_H
#define DNMF_STATUS_H

typedef enum dnmf_status {
  DNMF_OK = 0,
  DNMF_ERROR_USAGE,   /* the command line or an option's value is wrong: exit 2 */
  DNMF_ERROR_INPUT,   /* the user's data is wrong: exit 1 */
  DNMF_ERROR_FILE,    /* a file cannot be opened, read or written: exit 1 */
  DNMF_ERROR_MEMORY,  /* an allocation failed: exit 1 */
  DNMF_ERROR_LIBRARY, /* HDF5, BLAS or LAPACK reported a failure: exit 1 */
  DNMF_ERROR_MPI,     /* MPI failed: nothing can be agreed any more, the process aborts the job: exit 1 */
  DNMF_INTERRUPTED    /* stopped early with the work saved: exit 75 */
} dnmf_status;

enum { DNMF_ERROR_TEXT = 1024 };

typedef struct dnmf_error {
  dnmf_status status;
  char text[DNMF_ERROR_TEXT]; /* one message, no newline at its end */
} dnmf_error;

/* Records a message and returns `status`; bytes that are no printable UTF-8 become question marks. An earlier message
 * in `error` is kept: the first cause is the one a person needs. local */
dnmf_status dnmf_fail(dnmf_error *error, dnmf_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Turns bytes that are no printable UTF-8 into question marks: files, which messages quote, may hold anything, and a
 * terminal is not to obey it. local */
void dnmf_make_printable(char *text);

/* Returns from the calling function with the status of `call` unless it is DNMF_OK. Only for functions that
 * hold nothing to release; the others chain `if (status == DNMF_OK) status = ...`. */
#define DNMF_TRY(call)                                                                                                 \
  do {                                                                                                                 \
    dnmf_status try_status_ = (call);                                                                                  \
    if (try_status_ != DNMF_OK)                                                                                        \
      return try_status_;                                                                                              \
  } while (0)

#endif
