#include "store/names.h"

#include "comm/collective.h"
#include "store/ids/id_list.h"
#include "store/text/text_file.h"

#include <inttypes.h>
#include <string.h>

/* The names of this process's lines. */
typedef struct name_reader {
  int column;
  dnmf_id_list list;
} name_reader;

/* Column `column` of a line; NULL when it has fewer. */
static char *find_column(dnmf_text_line line, int column, char **end) {
  char *begin = line.begin;
  for (int i = 1; begin && i < column; i++) {
    begin = memchr(begin, '\t', (size_t)(line.end - begin));
    begin = begin ? begin + 1 : NULL;
  }
  char *tab = begin ? memchr(begin, '\t', (size_t)(line.end - begin)) : NULL;
  *end = tab ? tab : line.end;
  return begin;
}

static dnmf_status take_name(dnmf_error *error, void *state, dnmf_text_line line) {
  name_reader *names = state;
  char *end = NULL;
  const char *begin = find_column(line, names->column, &end);
  if (!begin)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "there are fewer than %d columns, parted by tabs", names->column);
  if (end - begin >= 2 && (*begin == '"' || *begin == '\'') && end[-1] == *begin) {
    begin++;
    end--;
  }
  return dnmf_id_list_append(error, &names->list, begin, end - begin);
}

dnmf_status dnmf_names_read(dnmf_context *context, const char *path, int column, bool optional, dnmf_ids *ids) {
  dnmf_text_file file;
  dnmf_text_reader reader = {0};
  name_reader names = {.column = column};
  dnmf_range lines = {0, 0};
  int64_t count = 0;
  memset(ids, 0, sizeof *ids);
  dnmf_status status = dnmf_text_open(context, path, 0, &file);
  file.comments = false;
  if (status == DNMF_OK) {
    dnmf_text_place first = file.start;
    dnmf_text_place after = first;
    char *end = NULL;
    const dnmf_text_line head = dnmf_text_head_line(&file, &after);
    if (!optional || (head.begin && find_column(head, column, &end))) {
      status = dnmf_text_lines(context, &file, first, DNMF_OK, take_name, &names, &reader);
      if (status == DNMF_OK)
        status = dnmf_exscan_int64(context, names.list.count, &lines.begin, &count);
      lines.end = lines.begin + names.list.count;
      if (status == DNMF_OK)
        status = dnmf_ids_of_list(context, &names.list, 0, lines, count, ids);
    }
  }
  dnmf_id_list_free(&names.list);
  dnmf_text_close(&file);
  return status;
}

static dnmf_status apply_to_side(dnmf_context *context, const dnmf_source *source, const char *option, const char *path,
                                 const char *what, int64_t count, dnmf_ids *ids) {
  dnmf_ids names = {0};
  if (!path)
    return DNMF_OK;
  if (source->ids_from_entries)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "%s %s: the %ss of %s are made from the ids of its entries, and have these as names", option, path,
                     what, source->name);
  dnmf_status status = dnmf_names_read(context, path, 1, false, &names);
  if (status == DNMF_OK && names.count != count)
    status = dnmf_fail(&context->error, DNMF_ERROR_INPUT, "%s %s holds %" PRId64 " names, and %s has %" PRId64 " %ss",
                       option, path, names.count, source->name, count, what);
  if (status != DNMF_OK) {
    dnmf_ids_free(&names);
    return status;
  }
  dnmf_ids_free(ids);
  *ids = names;
  return DNMF_OK;
}

dnmf_status dnmf_names_apply(dnmf_context *context, const dnmf_source_options *options, dnmf_source *source) {
  DNMF_TRY(apply_to_side(context, source, "--row-names", options->row_names, "row", source->rows, &source->row_ids));
  return apply_to_side(context, source, "--col-names", options->col_names, "column", source->cols, &source->col_ids);
}
