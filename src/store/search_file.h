/*
 * The file of a search for the number of components: what is done of it, so that a later job goes on.
 *
 * The root attribute `search` tells which search it is. /candidates/K/numbers are what was found with K components, a
 * list; /candidates/K/medians (rows x K) the medians of the clusters of components.
 */
#ifndef DNMF_SEARCH_FILE_H
#define DNMF_SEARCH_FILE_H

#include "matrix/panel.h"

typedef struct dnmf_search_part {
  int components;
  int64_t number_count;
  double *numbers;  /* the same on every process */
  dnmf_range range; /* rows of the medians held here */
  dnmf_panel *medians;
} dnmf_search_part;

/* Writes to `path` directly: pass dnmf_output's partial name. `rows`: of the medians over all processes, the same for
 * all parts. collective */
dnmf_status dnmf_search_file_write(dnmf_context *context, const char *path, const char *search, int64_t rows, int count,
                                   const dnmf_search_part *parts);

/* *search = whether `path` is such a file. collective */
dnmf_status dnmf_is_search(dnmf_context *context, const char *path, bool *search);

/* The numbers of all parts on process 0, in the order of their components, without medians; on others none. The caller
 * frees `parts` with dnmf_search_parts_free, also after a failure. collective */
dnmf_status dnmf_search_file_list(dnmf_context *context, const char *path, int64_t *count, dnmf_search_part **parts);
void dnmf_search_parts_free(int64_t count, dnmf_search_part *parts); /* local; accepts NULL */

/* What the attribute `search` says, which the caller frees. collective */
dnmf_status dnmf_search_file_read(dnmf_context *context, const char *path, char **search);

/* Reads a part into the room that it has: numbers, and the rows `range` of the medians. *found is false, and nothing is
 * read, where the file has none of so many components. Fails when it has another form. collective */
dnmf_status dnmf_search_file_read_part(dnmf_context *context, const char *path, dnmf_search_part *part, bool *found);

#endif
