#include "store/names.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/text/text_file.h"
#include "store/text/text_number.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The names of this process's lines. */
typedef struct name_list {
  int column;
  int64_t count;
  int64_t *starts; /* count + 1 offsets into text */
  char *text;
  int64_t starts_capacity;
  int64_t text_capacity;
} name_list;

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

static dnmf_status append_name(dnmf_error *error, name_list *names, const char *begin, const char *end) {
  void *memory = names->starts;
  dnmf_status status = dnmf_grow(error, "names", names->count + 2, sizeof(int64_t), &names->starts_capacity, &memory);
  names->starts = memory;
  DNMF_TRY(status);
  const int64_t at = names->count > 0 ? names->starts[names->count] : 0;
  names->starts[names->count] = at;
  memory = names->text;
  status = dnmf_grow(error, "names", at + (end - begin) + 1, 1, &names->text_capacity, &memory);
  names->text = memory;
  DNMF_TRY(status);
  memcpy(names->text + at, begin, (size_t)(end - begin));
  names->starts[++names->count] = at + (end - begin);
  return DNMF_OK;
}

static dnmf_status take_name(dnmf_error *error, void *state, dnmf_text_line line) {
  name_list *names = state;
  char *end = NULL;
  const char *begin = find_column(line, names->column, &end);
  if (!begin)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "there are fewer than %d columns, parted by tabs", names->column);
  if (end - begin >= 2 && (*begin == '"' || *begin == '\'') && end[-1] == *begin) {
    begin++;
    end--;
  }
  return append_name(error, names, begin, end);
}

/* Integers where all of all processes are. */
static dnmf_status settle_kind(dnmf_context *context, dnmf_ids *ids) {
  const int64_t count = dnmf_range_size(ids->range);
  void *memory = NULL;
  int64_t others = 0;
  int64_t value = 0;
  for (int64_t i = 0; i < count && others == 0; i++)
    others = !dnmf_parse_canonical_integer(ids->text + ids->starts[i], ids->text + ids->starts[i + 1], &value);
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &others, 1));
  if (others > 0)
    return DNMF_OK;
  DNMF_TRY(dnmf_agree(context, dnmf_allocate(&context->error, "names", count, sizeof(int64_t), &memory)));
  ids->numbers = memory;
  for (int64_t i = 0; i < count; i++)
    dnmf_parse_canonical_integer(ids->text + ids->starts[i], ids->text + ids->starts[i + 1], &ids->numbers[i]);
  ids->kind = DNMF_IDS_INTEGER;
  return DNMF_OK;
}

/* The names become ids, also those of a process without any. */
static dnmf_status names_to_ids(dnmf_context *context, name_list *names, dnmf_ids *ids) {
  void *memory = names->starts;
  dnmf_status status = DNMF_OK;
  if (!memory)
    status = dnmf_allocate_zero(&context->error, "names", 1, sizeof(int64_t), &memory);
  *ids = (dnmf_ids){.kind = DNMF_IDS_STRING, .starts = memory, .text = names->text};
  *names = (name_list){.column = names->column, .count = names->count};
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_exscan_int64(context, names->count, &ids->range.begin, &ids->count));
  ids->range.end = ids->range.begin + names->count;
  return settle_kind(context, ids);
}

dnmf_status dnmf_names_read(dnmf_context *context, const char *path, int column, bool optional, dnmf_ids *ids) {
  dnmf_text_file file;
  dnmf_text_reader reader = {0};
  name_list names = {.column = column};
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
        status = names_to_ids(context, &names, ids);
    }
  }
  free(names.starts);
  free(names.text);
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
