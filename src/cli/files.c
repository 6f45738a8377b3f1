#include "files.h"

#include "base/memory.h"
#include "store/output.h"
#include "store/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a path leads to. Devices, pipes and terminals are none of these: they hold nothing that could be lost. */
typedef struct place {
  bool there; /* a regular file, or a folder */
  bool is_folder;
  dev_t device;
  ino_t inode;
  bool has_parent; /* the folder it is in, or would be */
  dev_t parent_device;
  ino_t parent_inode;
  char *name; /* in that folder */
} place;

/* One file of the command line. */
typedef struct file_use {
  const cli_option *option; /* NULL: an argument, or an output that the command itself gives a name */
  const char *given;        /* as it was typed */
  bool written;
  place at;
  place partial; /* where an output is written first; nothing for one that is not */
} file_use;

typedef struct file_list {
  file_use *uses;
  int64_t count;
  int64_t capacity;
} file_list;

static bool stat_parent(const char *path, struct stat *about) {
  const char *slash = strrchr(path, '/');
  if (!slash)
    return stat(".", about) == 0;
  char *folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
  bool found = folder && stat(folder, about) == 0;
  free(folder);
  return found;
}

static dnmf_status place_of_path(dnmf_error *error, const char *path, place *at) {
  struct stat about;
  const char *slash = strrchr(path, '/');
  bool is_standard_input = strcmp(path, "-") == 0;
  bool found = is_standard_input ? fstat(STDIN_FILENO, &about) == 0 : stat(path, &about) == 0;
  at->there = found && (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode));
  at->is_folder = at->there && S_ISDIR(about.st_mode);
  if (at->there) {
    at->device = about.st_dev;
    at->inode = about.st_ino;
  }
  at->has_parent = !is_standard_input && (at->there || !found) && stat_parent(path, &about);
  if (at->has_parent) {
    at->parent_device = about.st_dev;
    at->parent_inode = about.st_ino;
  }
  at->name = strdup(slash ? slash + 1 : path);
  return at->name ? DNMF_OK : dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for file names");
}

static bool is_same(const place *a, const place *b) {
  if (a->there && b->there)
    return a->device == b->device && a->inode == b->inode;
  return a->there == b->there && a->has_parent && b->has_parent && a->parent_device == b->parent_device &&
         a->parent_inode == b->parent_inode && strcmp(a->name, b->name) == 0;
}

/* An existing file of a folder that is read whole. */
static bool is_part_of(const place *file, const place *folder) {
  return folder->is_folder && file->there && file->has_parent && file->parent_device == folder->device &&
         file->parent_inode == folder->inode;
}

static dnmf_status add_use(dnmf_error *error, file_list *list, file_use use) {
  void *memory = list->uses;
  DNMF_TRY(dnmf_grow(error, "file names", list->count + 1, sizeof *list->uses, &list->capacity, &memory));
  list->uses = memory;
  list->uses[list->count++] = use;
  return DNMF_OK;
}

/* FILE.h5:/path -> FILE.h5, file:FILE.h5 -> FILE.h5 */
static dnmf_status add_input(dnmf_error *error, file_list *list, const cli_option *option, const char *given) {
  static const char prefix[] = "file:";
  bool prefixed = option && strncmp(given, prefix, strlen(prefix)) == 0;
  char *path = strdup(prefixed ? given + strlen(prefix) : given);
  if (!path)
    return dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for file names");
  path[dnmf_source_path_length(path)] = '\0';
  dnmf_status status = add_use(error, list, (file_use){.option = option, .given = given});
  if (status == DNMF_OK)
    status = place_of_path(error, path, &list->uses[list->count - 1].at);
  free(path);
  return status;
}

/* The log alone is written straight into place. */
static bool has_partial(const cli_option *option) {
  return !option || strcmp(option->name, "log") != 0;
}

/* Where a link leads to is the file that is written. */
static dnmf_status add_output(dnmf_error *error, file_list *list, const cli_option *option, const char *given) {
  char *target = dnmf_output_target(given);
  if (!target)
    return dnmf_fail(error, DNMF_ERROR_FILE, "cannot write %s: %s", given, strerror(errno));
  char *partial = dnmf_output_partial(target);
  dnmf_status status = partial ? add_use(error, list, (file_use){.option = option, .given = given, .written = true})
                               : dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for file names");
  if (status == DNMF_OK)
    status = place_of_path(error, target, &list->uses[list->count - 1].at);
  if (status == DNMF_OK && has_partial(option))
    status = place_of_path(error, partial, &list->uses[list->count - 1].partial);
  free(target);
  free(partial);
  return status;
}

static bool is_choice_of(const cli_option *option, const char *text) {
  for (const char *const *word = option->choices; word && *word; word++)
    if (strcmp(*word, text) == 0)
      return true;
  return false;
}

static dnmf_status list_files(const cli_session *session, const void *options, file_list *list) {
  dnmf_error *error = &session->context->error;
  const cli_option *option;
  size_t base = 0;
  for (int i = 0; i < session->argument_count; i++)
    DNMF_TRY(add_input(error, list, NULL, session->arguments[i]));
  for (size_t i = 0; (option = cli_option_at(session->command, i, &base)); i++) {
    if (!cli_is_text(option->kind) || option->kind == CLI_TEXT || option->kind == CLI_WORD)
      continue;
    const char *text = *(const char *const *)((const char *)options + base + option->offset);
    if (!text || is_choice_of(option, text))
      continue;
    if (option->kind == CLI_INPUT_FILE)
      DNMF_TRY(add_input(error, list, option, text));
    else
      DNMF_TRY(add_output(error, list, option, text));
  }
  return DNMF_OK;
}

/* "-o m.h5", "--log x.jsonl", "the input a.csv" */
enum { USE_TEXT = 480 };
static const char *use_text(const file_use *use, char text[USE_TEXT]) {
  if (!use->option)
    snprintf(text, USE_TEXT, "the %s %.400s", use->written ? "output" : "input", use->given);
  else if (use->option->letter)
    snprintf(text, USE_TEXT, "-%c %.400s", use->option->letter, use->given);
  else
    snprintf(text, USE_TEXT, "--%s %.400s", use->option->name, use->given);
  return text;
}

/* A fit goes on in the checkpoint that it resumes from. */
static bool may_be_one(const file_use *output, const file_use *other) {
  return output->option && other->option && strcmp(output->option->name, "checkpoint") == 0 &&
         strcmp(other->option->name, "resume") == 0;
}

static dnmf_status check_pair(dnmf_error *error, const file_use *output, const file_use *other) {
  char a[USE_TEXT];
  char b[USE_TEXT];
  use_text(output, a);
  use_text(other, b);
  if (is_same(&output->at, &other->at) && !may_be_one(output, other))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "%s is %s too; give it a name of its own", a, b);
  if (is_part_of(&output->at, &other->at))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "%s is a file of %s; give it a name of its own", a, b);
  if (output->partial.name && is_same(&output->partial, &other->at))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "%s is written under that name with .partial behind it first, which is %s; give it another name",
                     a, b);
  return DNMF_OK;
}

/* Names that other formats have; export's and other programs'. */
static dnmf_status check_hdf5_name(dnmf_error *error, const cli_session *session, const file_use *output) {
  static const char *const endings[] = {".csv",  ".tsv",  ".txt",   ".mtx", ".mm",  ".svm", ".svmlight", ".libsvm",
                                        ".npy",  ".npz",  ".jsonl", ".gz",  ".zst", ".xz",  ".parquet",  ".html",
                                        ".json", ".h5ad", ".bz2",   ".zip", ".rds", ".loom"};
  char text[USE_TEXT];
  const char *slash = strrchr(output->given, '/');
  const char *dot = strrchr(slash ? slash : output->given, '.');
  bool hdf5 = output->option && output->option->kind == CLI_OUTPUT_HDF5;
  for (size_t i = 0; hdf5 && dot && i < sizeof endings / sizeof *endings; i++)
    if (strcasecmp(dot, endings[i]) == 0)
      return dnmf_fail(error, DNMF_ERROR_USAGE,
                       "%s: dnmf %s writes HDF5 in a layout of its own; give a name that ends in .h5 (dnmf export "
                       "makes other formats of it)",
                       use_text(output, text), session->command->name);
  return DNMF_OK;
}

/* Each output from number `first` on against every other file. */
static dnmf_status check_outputs(const cli_session *session, const file_list *list, int64_t first) {
  dnmf_error *error = &session->context->error;
  for (int64_t i = first; i < list->count; i++) {
    const file_use *output = &list->uses[i];
    for (int64_t j = 0; j < list->count && output->written; j++)
      if (j != i)
        DNMF_TRY(check_pair(error, output, &list->uses[j]));
    DNMF_TRY(check_hdf5_name(error, session, output));
  }
  return DNMF_OK;
}

static void free_files(file_list *list) {
  for (int64_t i = 0; i < list->count; i++) {
    free(list->uses[i].at.name);
    free(list->uses[i].partial.name);
  }
  free(list->uses);
}

/* Process 0 looks at the file system. */
static dnmf_status check_files(cli_session *session, const void *options, const char *more) {
  dnmf_context *context = session->context;
  file_list list = {0};
  dnmf_status status = DNMF_OK;
  if (context->rank == 0)
    status = list_files(session, options, &list);
  int64_t first = more ? list.count : 0;
  if (context->rank == 0 && status == DNMF_OK && more)
    status = add_output(&context->error, &list, NULL, more);
  if (context->rank == 0 && status == DNMF_OK)
    status = check_outputs(session, &list, first);
  free_files(&list);
  return dnmf_agree(context, status);
}

dnmf_status cli_files_check(cli_session *session, const void *options) {
  return check_files(session, options, NULL);
}

dnmf_status cli_files_check_output(cli_session *session, const void *options, const char *path) {
  return check_files(session, options, path);
}

bool cli_ends_with(const char *name, const char *ending) {
  const size_t length = strlen(name);
  const size_t tail = strlen(ending);
  return length >= tail && strcmp(name + length - tail, ending) == 0;
}

bool cli_is_hdf5_name(const char *name) {
  return cli_ends_with(name, ".h5") || cli_ends_with(name, ".hdf5");
}

dnmf_status cli_check_ending(dnmf_error *error, const char *name) {
  if (cli_is_hdf5_name(name) || cli_ends_with(name, ".csv"))
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE, "%s: the ending is neither .csv nor .h5, which say what to write", name);
}
