#include "store/foreign_command.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { PATH_TEXT = 300 /* characters of a path in a command */ };

/* The name of the file when it is unpacked: without the ending that tells how it is packed. */
static void unpacked_name(const char *path, char name[PATH_TEXT]) {
  static const char *const endings[] = {".gz", ".zst", ".xz", NULL};
  const int64_t length = (int64_t)strlen(path);
  for (const char *const *ending = endings; *ending; ending++) {
    const int64_t rest = length - (int64_t)strlen(*ending);
    if (rest > 0 && strcmp(path + rest, *ending) == 0) {
      snprintf(name, PATH_TEXT, "%.*s", (int)(rest < PATH_TEXT ? rest : PATH_TEXT - 1), path);
      return;
    }
  }
  snprintf(name, PATH_TEXT, "%.*s.unpacked", PATH_TEXT - 16, path);
}

/* The command with the name in the place of {}. */
static void fill_in(const char *command, const char *name, char text[DNMF_ERROR_TEXT]) {
  int64_t used = 0;
  while (*command && used + PATH_TEXT + 1 < DNMF_ERROR_TEXT) {
    if (command[0] == '{' && command[1] == '}') {
      used += snprintf(text + used, PATH_TEXT, "%.*s", PATH_TEXT - 1, name);
      command += 2;
    } else {
      text[used++] = *command++;
    }
  }
  text[used] = '\0';
}

static const char *unpacker_of(const char *packing) {
  return strcmp(packing, "gzip") == 0 ? "gzip -dc" : strcmp(packing, "zstd") == 0 ? "zstd -dc" : "xz -dc";
}

/* A name that a command cannot have between its quotes, or that is no file's, is FILE there. R unpacks by itself. */
dnmf_status dnmf_foreign_name(dnmf_error *error, const char *path, const char *packing, const char *what,
                              const char *command) {
  char text[DNMF_ERROR_TEXT];
  char name[PATH_TEXT];
  if (strpbrk(path, "'\"\\$`") || strcmp(path, "standard input") == 0)
    path = "FILE";
  if (!packing || strncmp(command, "Rscript", strlen("Rscript")) == 0) {
    fill_in(command, path, text);
    return dnmf_fail(error, DNMF_ERROR_INPUT, "is %s; convert it: %s", what, text);
  }
  unpacked_name(path, name);
  fill_in(command, name, text);
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "is compressed with %s, and what is in it is %s; convert it: %s '%.300s' > '%s' && %s", packing,
                   what, unpacker_of(packing), path, name, text);
}
