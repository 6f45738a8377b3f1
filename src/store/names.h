/*
 * Names of rows and columns in files of their own: a name a line, in the order of the rows.
 *
 * A line of several columns, parted by tabs, names by one of them. Nothing else has a meaning, neither comments nor
 * headers; quotes around a whole name are taken off. Names may repeat.
 */
#ifndef DNMF_STORE_NAMES_H
#define DNMF_STORE_NAMES_H

#include "store/source.h"

/* Reads column `column` (from 1) of `path`: integers where all names are, as they would be printed, else strings, in
 * ranges of whole lines. Where the first line has fewer columns and the column is `optional`, ids->kind is NONE.
 * Released with dnmf_ids_free, also after a failure. collective */
dnmf_status dnmf_names_read(dnmf_context *context, const char *path, int column, bool optional, dnmf_ids *ids);

/* The names that --row-names and --col-names give an open source, in place of its own. collective */
dnmf_status dnmf_names_apply(dnmf_context *context, const dnmf_source_options *options, dnmf_source *source);

#endif
