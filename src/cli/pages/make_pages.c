/*
 * make_pages SHARE: writes the pages and the scripts of completion below SHARE, where they are looked for below share/
 * of an installed tree. The folders are there.
 */
#include "pages.h"

#include "cli/commands.h"

#include <stdlib.h>

enum { NAME_TEXT = 256, PATH_TEXT = 4096 };

static FILE *open_page(const char *share, const char *name) {
  char path[PATH_TEXT];
  const int length = snprintf(path, sizeof path, "%s/%s", share, name);
  FILE *stream = length < PATH_TEXT ? fopen(path, "w") : NULL;
  if (!stream) {
    perror(path);
    exit(1);
  }
  return stream;
}

static void close_page(FILE *stream, const char *name) {
  bool written = !ferror(stream);
  if (fclose(stream) != 0 || !written) {
    perror(name);
    exit(1);
  }
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*print)(FILE *stream);
  } pages[] = {{"man/man1/dnmf.1", pages_print_program},
               {"bash-completion/completions/dnmf", pages_print_bash},
               {"zsh/site-functions/_dnmf", pages_print_zsh},
               {"fish/vendor_completions.d/dnmf.fish", pages_print_fish}};
  if (argc != 2) {
    fprintf(stderr, "usage: make_pages SHARE\n");
    return 2;
  }
  for (const cli_command *const *command = cli_commands; *command; command++) {
    char name[NAME_TEXT];
    snprintf(name, sizeof name, "man/man1/dnmf-%s.1", (*command)->name);
    FILE *stream = open_page(argv[1], name);
    pages_print_command(stream, *command);
    close_page(stream, name);
  }
  for (size_t p = 0; p < sizeof pages / sizeof *pages; p++) {
    FILE *stream = open_page(argv[1], pages[p].name);
    pages[p].print(stream);
    close_page(stream, pages[p].name);
  }
  return 0;
}
