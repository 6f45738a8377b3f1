/*
 * Entries at one place of files of triples, where more is asked for than their order in the file: the latest by a
 * column of times, or none at all.
 *
 * What tells them apart is noted beside each entry as it is read. All entries of a place then meet on the process that
 * a hash of it names.
 */
#ifndef DNMF_STORE_TEXT_REPEATS_H
#define DNMF_STORE_TEXT_REPEATS_H

#include "store/text/text_entries.h"
#include "store/text/text_file.h"

typedef enum dnmf_repeats_kind {
  DNMF_REPEATS_ALLOWED = 0, /* they are merged when the matrix is assembled */
  DNMF_REPEATS_LATEST,
  DNMF_REPEATS_REFUSED
} dnmf_repeats_kind;

typedef struct dnmf_repeats {
  dnmf_repeats_kind kind;
  const char *time_column; /* as it was given; not owned */
  dnmf_queue notes;        /* one an entry, in the order of the entries */
} dnmf_repeats;

/* The kind that the options ask for. local */
dnmf_status dnmf_repeats_begin(dnmf_error *error, const dnmf_source_options *options, bool counted,
                               dnmf_context *context, dnmf_repeats *repeats);

/* Notes the time and the line, counted in this process's share, of the entry that is appended next. local */
dnmf_status dnmf_repeats_note(dnmf_error *error, dnmf_repeats *repeats, double time, int64_t line);

/* After the ids have their numbers: the source keeps the latest entry of each place, or the first repeated one is
 * refused, by its ids and lines. `reader` has read all lines. collective */
dnmf_status dnmf_repeats_settle(dnmf_context *context, const char *path, dnmf_repeats *repeats,
                                const dnmf_text_reader *reader, dnmf_source *source);

void dnmf_repeats_free(dnmf_repeats *repeats); /* local */

#endif
