#include "model_input.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/file.h"
#include "store/ids/ids_find.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *const cli_precision_choices[] = {"auto", "double", "single", NULL};
/* The words of an option, on process 0. */
typedef struct words {
  char *text;
  int64_t count;
  int64_t *starts; /* count + 1, parting the text */
  bool in_file;    /* the option names a file that holds them */
} words;

static dnmf_status read_whole(dnmf_error *error, const char *option, const char *path, char **text) {
  struct stat about;
  void *memory = NULL;
  FILE *file = fopen(path, "rb");
  if (!file || fstat(fileno(file), &about) != 0) {
    int reason = errno;
    if (file)
      fclose(file);
    return dnmf_fail(error, DNMF_ERROR_FILE, "%s %s: %s", option, path, strerror(reason));
  }
  dnmf_status status = dnmf_allocate_zero(error, "a list of ids", about.st_size + 1, 1, &memory);
  *text = memory;
  if (status == DNMF_OK && fread(memory, 1, (size_t)about.st_size, file) != (size_t)about.st_size)
    status = dnmf_fail(error, DNMF_ERROR_FILE, "%s %s could not be read", option, path);
  fclose(file);
  return status;
}

/* Words parted by any of `partings`, packed to the front of the text; empty ones are passed over. */
static dnmf_status part_words(dnmf_error *error, const char *partings, words *w) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "a list of ids", (int64_t)strlen(w->text) + 2, sizeof(int64_t), &memory));
  w->starts = memory;
  char *to = w->text;
  for (const char *at = w->text; *at;) {
    size_t length = strcspn(at, partings);
    if (length > 0) {
      memmove(to, at, length);
      to += length;
      w->starts[++w->count] = to - w->text;
    }
    at += length;
    at += *at ? 1 : 0;
  }
  return DNMF_OK;
}

static dnmf_status split_words(dnmf_error *error, const char *option, const char *text, words *w) {
  struct stat about;
  w->in_file = stat(text, &about) == 0 && S_ISREG(about.st_mode);
  if (w->in_file)
    DNMF_TRY(read_whole(error, option, text, &w->text));
  else
    w->text = strdup(text);
  if (!w->text)
    return dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for %s", option);
  return part_words(error, w->in_file ? "\r\n" : ",", w);
}

static dnmf_status check_found(dnmf_error *error, const char *option, const words *w, const int64_t *indices) {
  if (w->count == 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "%s names no ids", option);
  for (int64_t i = 0; i < w->count; i++)
    if (indices[i] < 0)
      return dnmf_fail(error, DNMF_ERROR_INPUT, "%s: the id %.*s is not in the model", option,
                       (int)(w->starts[i + 1] - w->starts[i] < 200 ? w->starts[i + 1] - w->starts[i] : 200),
                       w->text + w->starts[i]);
  return DNMF_OK;
}

/* The words that were not found, as texts. */
static dnmf_status take_unknown(dnmf_error *error, const words *w, const int64_t *indices, dnmf_ids *unknown) {
  void *memory = NULL;
  int64_t count = 0;
  *unknown = (dnmf_ids){.kind = DNMF_IDS_STRING};
  DNMF_TRY(dnmf_allocate_zero(error, "unknown ids", w->count + 1, sizeof(int64_t), &memory));
  unknown->starts = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "unknown ids", w->starts[w->count] + 1, 1, &memory));
  unknown->text = memory;
  for (int64_t i = 0; i < w->count; i++) {
    if (indices[i] >= 0)
      continue;
    int64_t length = w->starts[i + 1] - w->starts[i];
    memcpy(unknown->text + unknown->starts[count], w->text + w->starts[i], (size_t)length);
    unknown->starts[count + 1] = unknown->starts[count] + length;
    count++;
  }
  unknown->count = unknown->range.end = count;
  return DNMF_OK;
}

/* Whether a person who wrote this meant a file. */
static bool is_like_a_file(const char *text) {
  static const char *const endings[] = {".txt", ".csv", ".tsv", ".ids", ".list", ".gz"};
  const char *dot = strrchr(text, '.');
  for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
    if (strcmp(dot, endings[i]) == 0)
      return true;
  return strchr(text, '/') != NULL;
}

/* Process 0: what becomes of the words that were not found. */
static dnmf_status settle_unknown(dnmf_error *error, const char *option, const words *w, const int64_t *indices,
                                  dnmf_ids *unknown) {
  if (w->count == 1 && indices[0] < 0 && !w->in_file && is_like_a_file(w->text))
    return dnmf_fail(error, DNMF_ERROR_FILE, "%s: there is no file %s, and no such id in the model", option, w->text);
  if (w->count == 0 || !unknown)
    return check_found(error, option, w, indices);
  return take_unknown(error, w, indices, unknown);
}

dnmf_status cli_find_known_ids(cli_session *session, const char *option, const char *text, const dnmf_ids *ids,
                               int64_t rows, int64_t **indices, int64_t *count, dnmf_ids *unknown) {
  dnmf_context *context = session->context;
  words w = {0};
  void *memory = NULL;
  int64_t none[1] = {0};
  dnmf_status status = context->rank == 0 ? split_words(&context->error, option, text, &w) : DNMF_OK;
  status = dnmf_agree(context, status);
  *count = w.count;
  if (status == DNMF_OK)
    status = dnmf_broadcast(context, count, (int64_t)sizeof *count, 0);
  if (status == DNMF_OK)
    status =
        dnmf_agree(context, dnmf_allocate_zero(&context->error, "a list of ids", *count, sizeof(int64_t), &memory));
  *indices = memory;
  if (status == DNMF_OK)
    status = dnmf_ids_find(context, ids, rows, w.count, w.starts ? w.starts : none, w.text, *indices);
  if (status == DNMF_OK)
    status = dnmf_agree(context,
                        context->rank == 0 ? settle_unknown(&context->error, option, &w, *indices, unknown) : DNMF_OK);
  if (status == DNMF_OK)
    status = dnmf_broadcast(context, *indices, *count * (int64_t)sizeof(int64_t), 0);
  int64_t found = 0;
  for (int64_t i = 0; i < *count && status == DNMF_OK; i++)
    if ((*indices)[i] >= 0)
      (*indices)[found++] = (*indices)[i];
  *count = found;
  free(w.text);
  free(w.starts);
  return status;
}

dnmf_status cli_find_ids(cli_session *session, const char *option, const char *text, const dnmf_ids *ids, int64_t rows,
                         int64_t **indices, int64_t *count) {
  return cli_find_known_ids(session, option, text, ids, rows, indices, count, NULL);
}
