/*
 * Files that appear whole or not at all: written under FILE.partial beside the final name, flushed, then
 * renamed. On failure the partial file is removed and what was under the final name stays as it was. A symbolic link
 * stays: the file it leads to is written, in that file's folder. The mode of a file that is replaced is kept.
 *
 * Process 0 holds a lock on the partial file as long as it writes. What a killed job left has none and is removed by
 * the next job of that name; a file that is locked belongs to a living job, and a second one is refused. Where a file
 * system has no locks, the last job takes the name.
 */
#ifndef DNMF_OUTPUT_H
#define DNMF_OUTPUT_H

#include "comm/context.h"

typedef struct dnmf_output {
  char *path;    /* the final name, as it was given */
  char *target;  /* the file it leads to through symbolic links */
  char *partial; /* where to write */
  int lock;      /* process 0: the partial file, open and locked; else -1 */
  int mode;      /* process 0: permissions of the file that is replaced; -1: there is none */
} dnmf_output;

/* The file that writing to `path` makes or replaces: `path`, or where its symbolic links lead, whether there is a file
 * or not. NULL with errno set when links go round in a circle or memory ran out. The caller frees it. local */
char *dnmf_output_target(const char *path);

/* The name under which the file `target` is written first; NULL when memory ran out. The caller frees it. local */
char *dnmf_output_partial(const char *target);

/* Checks early that the partial file can be created, so that a long job does not find out at its end; leaves
 * it there, empty. collective */
dnmf_status dnmf_output_begin(dnmf_context *context, const char *path, dnmf_output *output);

/* With `status` DNMF_OK on all processes: the partial file goes to disk and takes the final name. Otherwise
 * it is removed and `status` returned. Frees `output` either way; accepts a zeroed one. collective */
dnmf_status dnmf_output_end(dnmf_context *context, dnmf_output *output, dnmf_status status);

/* The same for several outputs, all of them begun: all take their names, or none does. Between the first name and the
 * last nothing but a rename can fail, and then those that were taken are given back; what they replace waits under
 * FILE.partial.old. No file system does it at once: a job that is killed in this moment leaves some of the files new.
 * collective */
dnmf_status dnmf_outputs_end(dnmf_context *context, dnmf_output *const *outputs, int count, dnmf_status status);

/* Removes the partial file, and frees; accepts a zeroed output or one that was not begun. Process 0 removes it, and
 * where the reason is DNMF_ERROR_MPI, whoever noticed. local */
void dnmf_output_discard(dnmf_output *output, dnmf_status reason);

#endif
