/* Texts broken into lines, and the parts of a command's help. */
#include "cli/prose.h"
#include "cli/terminal.h"
#include "mpi_test.h"

#include <stdlib.h>
#include <string.h>

/* What a text becomes; the caller frees it. */
static char *wrapped(const char *text, cli_wrapping wrapping) {
  char *lines = NULL;
  size_t size = 0;
  FILE *memory = open_memstream(&lines, &size);
  assert_non_null(memory);
  cli_print_wrapped(memory, text, strlen(text), &wrapping);
  assert_int_equal(fclose(memory), 0);
  return lines;
}

static void assert_wrapped(const char *text, cli_wrapping wrapping, const char *expected) {
  char *lines = wrapped(text, wrapping);
  assert_string_equal(lines, expected);
  free(lines);
}

static void lines_are_as_full_as_they_can_be(void **state) {
  static const char text[] = "a bb ccc dddd eeeee ffffff ggggggg";
  (void)state;
  for (int width = 7; width < 40; width++) {
    char *lines = wrapped(text, (cli_wrapping){.width = width, .joint = ""});
    const char *word = text;
    for (char *line = strtok(lines, "\n"), *next; line; line = next) {
      next = strtok(NULL, "\n");
      assert_true((int)strlen(line) <= width);
      if (next) /* its first word would not have fitted */
        assert_true((int)(strlen(line) + 1 + strcspn(next, " ")) > width);
      assert_memory_equal(word, line, strlen(line));
      word += strlen(line) + 1;
    }
    assert_int_equal(word - text, sizeof text);
    free(lines);
  }
}

static void what_cannot_be_broken_has_a_line_of_its_own(void **state) {
  (void)state;
  assert_wrapped("a verylongword b", (cli_wrapping){.width = 5, .joint = ""}, "a\nverylongword\nb");
  assert_wrapped("verylongword", (cli_wrapping){.width = 5, .joint = ""}, "verylongword");
  assert_wrapped("", (cli_wrapping){.width = 5, .joint = ""}, "");
}

static void lines_that_follow_are_indented(void **state) {
  (void)state;
  assert_wrapped("one two three", (cli_wrapping){.width = 9, .column = 4, .indent = 2, .joint = ""},
                 "one\n  two\n  three");
}

static void ends_of_line_are_blanks_and_blanks_stay(void **state) {
  (void)state;
  assert_wrapped("one\n      two  three", (cli_wrapping){.width = 80, .joint = ""}, "one two  three");
}

static void commands_are_broken_before_options(void **state) {
  (void)state;
  assert_wrapped("dnmf fit a.h5 -k 20 --tol 1",
                 (cli_wrapping){.width = 21, .indent = 2, .joint = " \\", .before_options = true},
                 "dnmf fit a.h5 -k 20 \\\n  --tol 1");
  assert_wrapped("dnmf fit a.h5 -k 20", (cli_wrapping){.width = 19, .joint = " \\", .before_options = true},
                 "dnmf fit a.h5 -k 20");
}

static void columns_are_counted_in_characters(void **state) {
  (void)state;
  assert_int_equal(cli_columns("n\xc3\xa4he", 5), 4);
  assert_wrapped("\xc3\xa4\xc3\xa4\xc3\xa4 \xc3\xb6\xc3\xb6", (cli_wrapping){.width = 6, .joint = ""},
                 "\xc3\xa4\xc3\xa4\xc3\xa4 \xc3\xb6\xc3\xb6");
}

static void assert_text(const char *found, size_t length, const char *expected) {
  assert_int_equal(length, strlen(expected));
  assert_memory_equal(found, expected, length);
}

static void details_come_in_parts(void **state) {
  const char *text =
      "One\ntwo.\n\n  first  what it\n         is\n  second\n  dnmf fit a   a remark\n  mpirun -n 2 dnmf\nEnd";
  cli_prose part;
  (void)state;
  assert_true(cli_prose_next(&text, &part));
  assert_int_equal(part.kind, CLI_PARAGRAPH);
  assert_text(part.text, part.length, "One\ntwo.");
  assert_false(part.apart);
  assert_true(cli_prose_next(&text, &part));
  assert_int_equal(part.kind, CLI_ITEM);
  assert_true(part.apart);
  assert_text(part.term, part.term_length, "first");
  assert_text(part.text, part.length, "what it\n         is");
  assert_int_equal(part.column, 9);
  assert_true(cli_prose_next(&text, &part));
  assert_text(part.term, part.term_length, "second");
  assert_int_equal(part.length, 0);
  assert_false(part.apart);
  assert_true(cli_prose_next(&text, &part));
  assert_int_equal(part.kind, CLI_EXAMPLE);
  assert_text(part.text, part.length, "dnmf fit a");
  assert_text(part.remark, part.remark_length, "a remark");
  assert_true(cli_prose_next(&text, &part));
  assert_int_equal(part.kind, CLI_EXAMPLE);
  assert_text(part.text, part.length, "mpirun -n 2 dnmf");
  assert_int_equal(part.remark_length, 0);
  assert_true(cli_prose_next(&text, &part));
  assert_int_equal(part.kind, CLI_PARAGRAPH);
  assert_false(cli_prose_next(&text, &part));
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(lines_are_as_full_as_they_can_be),
      mpi_test(what_cannot_be_broken_has_a_line_of_its_own),
      mpi_test(lines_that_follow_are_indented),
      mpi_test(ends_of_line_are_blanks_and_blanks_stay),
      mpi_test(commands_are_broken_before_options),
      mpi_test(columns_are_counted_in_characters),
      mpi_test(details_come_in_parts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
