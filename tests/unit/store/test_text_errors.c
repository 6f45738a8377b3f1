/*
 * Bad text: one clear message that names the file and the line in the whole file, whatever the number of
 * processes.
 */
#include "store/source.h"

#include "store/temporary.h"

#include <sys/stat.h>

/* Opens the file and expects all processes to fail alike, with `words` in the message behind the file's name. */
static void expect(const char *text, size_t bytes, const dnmf_source_options *options, const char *words) {
  dnmf_context *context = test_context();
  char path[TEMPORARY_PATH];
  char first[DNMF_ERROR_TEXT];
  dnmf_source source;
  memset(&context->error, 0, sizeof context->error);
  write_temporary(text, bytes, path);
  dnmf_status status = dnmf_source_open(context, path, options, &source);
  dnmf_source_close(&source);
  remove_temporary(path);
  if (status == DNMF_OK)
    fail_msg("nothing was wrong; expected: %s", words);
  const char *message = context->error.text;
  if (!strstr(message, path) || !strstr(message, words) || strchr(message, '\n'))
    fail_msg("process %d: \"%s\"\nexpected: %s", context->rank, message, words);
  memcpy(first, message, sizeof first);
  MPI_Bcast(first, sizeof first, MPI_CHAR, 0, context->comm);
  assert_string_equal(first, message);
}

static void refuse(const char *text, const char *words) {
  expect(text, strlen(text), NULL, words);
}

static void refuse_as(dnmf_format format, const char *text, const char *words) {
  const dnmf_source_options options = {.format = format};
  expect(text, strlen(text), &options, words);
}

static void refuse_with(const dnmf_source_options *options, const char *text, const char *words) {
  expect(text, strlen(text), options, words);
}

static void wrong_values_name_their_line(void **state) {
  (void)state;
  refuse("u,i,r\n1,2,3\n1,3,-1.5\n1,4,2\n", "line 3: the value \"-1.5\" is negative");
  refuse("# note\n\n1,2,3\n1,3,nan\n", "line 4: the value \"nan\" is not finite");
  refuse("1,2,3\n\n# note\n1,3,4\n", "line 3: 1 field where the first line has 3");
  refuse("1,2,3\r\n1,3,inf\r\n", "line 2: the value \"inf\" is not finite");
  refuse("1,2,3\n1,3,four\n", "line 2: the value \"four\" is not a number");
  refuse("1,2,x\n1,3,4\n", "line 1: the value \"x\" is not a number");
  refuse("1,2,1e999\n1,3,4\n", "line 1: the value \"1e999\" is not finite");
  refuse("1,2,\n1,3,4\n", "line 1: the value is missing");
}

static void the_first_of_many_is_reported(void **state) {
  (void)state;
  enum { LINES = 5000 };
  char *text = calloc(LINES, 16);
  size_t used = 0;
  for (int i = 1; i <= LINES; i++)
    used += (size_t)sprintf(text + used, "%d,%d,%s\n", i % 97, i % 89, i >= 3777 && i % 2 ? "bad" : "1");
  expect(text, used, NULL, "line 3777: the value \"bad\"");
  free(text);
}

static void empty_files_are_refused(void **state) {
  (void)state;
  refuse("", "is empty");
  refuse("\n\n# nothing\n", "holds no data");
  refuse("user,item,rating\n", "has a header and no triples below it");
  refuse_as(DNMF_FORMAT_TABLE, ",a,b\n", "has a header and no rows below it");
}

static void ragged_lines_are_refused(void **state) {
  (void)state;
  refuse("1,2,3\n1,3\n2,2,2\n", "line 2: 2 fields where the first line has 3");
  refuse("1,2,3\n1,3,1\n2,2,2,7\n", "line 3: 4 fields where the first line has 3");
  refuse("1,2,3\n1,3,1,1\n", "--format table");
  refuse_as(DNMF_FORMAT_TABLE, "1 2 3\n4 5 6\n\n7 8\n", "line 4: 2 fields where the first line has 3");
  refuse("1,2.5\n1,3.5\n", "--format table");
  refuse("word\nword\n", "line 1: one column");
}

static void unclosed_quotes_are_refused(void **state) {
  (void)state;
  refuse("a,b,1\n\"a\nb,c,2\nd,c,2\n", "line 2: a quoted field that begins here is not closed");
  refuse("a,b,1\n\"a\"x,c,2\n", "line 2: text follows the closing quote");
  refuse("a,b,1\n\"a\nb\",c,2\n\"c\"d,c,2\n", "line 4: text follows the closing quote");
}

static void empty_ids_are_refused(void **state) {
  (void)state;
  refuse("a,b,1\n,c,2\n", "line 2: the row id is empty");
  refuse("a,b,1\na,,2\n", "line 2: the column id is empty");
}

static void unknown_columns_are_named(void **state) {
  (void)state;
  const char *text = "who,what,how much\n1,2,3\n";
  refuse_with(&(dnmf_source_options){.row_column = "user"}, text, "no column \"user\"; the columns are who, what, how");
  refuse_with(&(dnmf_source_options){.row_column = "7"}, text, "--row-column is 7, but there are 3 columns");
  refuse_with(&(dnmf_source_options){.header = DNMF_HEADER_NO, .value_column = "r"}, "1,2,3\n", "has no header");
  refuse_with(&(dnmf_source_options){.row_column = "what"}, text, "give --row-column");
  refuse_with(&(dnmf_source_options){.row_column = "1", .col_column = "1", .value_column = "3"}, text, "two things");
}

static void doubtful_layouts_are_not_guessed(void **state) {
  (void)state;
  refuse("user,Movie1,Movie2,Movie3,Movie4\nU1,5,3,0,1\n", "--format table");
  refuse("5 3 0 1 2\n4 0 0 1 2\n", "--format table");
  refuse("user,time,item,stars,note\n1,2,3,4,5\n1,2,3,4\n", "line 3: 4 fields");
  refuse("user,time,stars\n", "has a header");
  refuse("time,user,thing,rating\n1,2,3,4\n", "cannot tell which columns");
}

static void other_formats_are_recognised(void **state) {
  (void)state;
  expect("BZh9....", 8, NULL, "bzip2");
  expect("MATLAB 5.0 MAT-file, Platform", 29, NULL, "-v7.3");
  expect("PAR1....", 8, NULL, "Parquet");
  expect("PK\x03\x04....", 8, NULL, "zip");
  expect("\x93NUMPY\x01\0", 8, NULL, "NumPy");
  expect("\xff\xfe"
         "1\0,\0",
         6, NULL, "UTF-16");
  expect("1,2,3\n\0\0\0", 9, NULL, "is binary");
}

static void cells_of_tables_are_named(void **state) {
  (void)state;
  refuse(",a,b,c\nx,1,2,3\ny,1,,3\n", "line 3: column 3: the value is missing");
  refuse(",a,b,c\nx,1,2,3\ny,1,2,-3\n", "line 3: column 4: the value \"-3\" is negative");
  refuse_as(DNMF_FORMAT_TABLE, "1,2,3\n4,z,6\n", "line 2: column 2: the value \"z\" is not a number");
  refuse_as(DNMF_FORMAT_TABLE, "x,2,3\n4,5,6\n", "line 1: column 1: the value \"x\" is not a number");
}

static void missing_names_of_tables_are_refused(void **state) {
  (void)state;
  refuse(",a,b,\nx,1,2,3\n", "line 1: column 4 has no name");
  refuse(",a,b,c\nx,1,2,3\n,1,2,3\n", "line 3: the row id is empty");
}

#define MARKET "%%MatrixMarket matrix coordinate real general\n"

static void matrix_market_headers_are_checked(void **state) {
  (void)state;
  refuse("%%MatrixMarket tensor coordinate real general\n1 1 1\n", "line 1: not a Matrix Market header");
  refuse("%%MatrixMarket matrix coordinate real\n1 1 1\n", "line 1: not a Matrix Market header");
  refuse("%%MatrixMarket matrix coordinate quaternion general\n1 1 1\n", "line 1: \"quaternion\"");
  refuse("%%MatrixMarket matrix coordinate complex general\n1 1 1\n", "line 1: a complex matrix");
  refuse("%%MatrixMarket matrix coordinate real skew-symmetric\n1 1 1\n", "line 1: a skew-symmetric matrix");
  refuse("%%MatrixMarket matrix array pattern general\n1 1\n", "line 1: an array cannot");
  refuse(MARKET "% c\n2 x 3\n", "line 3: the size line must hold three numbers");
  refuse(MARKET "% c\n", "line 2: the file ends before the size line");
  refuse("%%MatrixMarket matrix coordinate real symmetric\n2 3 0\n", "line 2: a symmetric matrix must be square");
  refuse(MARKET "0 3 0\n", "empty matrix");
  refuse_as(DNMF_FORMAT_MATRIX_MARKET, "1 2 3\n", "line 1: not a Matrix Market header");
}

static void matrix_market_entries_are_checked(void **state) {
  (void)state;
  refuse(MARKET "2 2 2\n1 1 1\n3 1 1\n", "line 4: row 3 is outside the declared 1 to 2");
  refuse(MARKET "2 2 2\n1 1 1\n1 0 1\n", "line 4: column 0 is outside the declared 1 to 2");
  refuse(MARKET "2 2 2\n1 1 1\n1 1.5 1\n", "line 4: the column \"1.5\" is not a whole number");
  refuse(MARKET "2 2 2\n1 1 1\n1 2\n", "line 4: an entry has a row, a column and a value");
  refuse(MARKET "2 2 2\n1 1 1\n1 2 -4\n", "line 4: the value \"-4\" is negative");
  refuse("%%MatrixMarket matrix array real general\n2 1\n1\n2 2\n", "line 4: an array has one value a line");
}

static void matrix_market_counts_are_checked(void **state) {
  (void)state;
  refuse(MARKET "2 2 3\n1 1 1\n2 1 1\n", "line 4: the file ends after 2 of the 3 entries");
  refuse(MARKET "2 2 2\n1 1 1\n% c\n2 1 1\n1 2 1\n2 2 1\n", "line 6: more entries than the 2");
  refuse(MARKET "2 2 0\n1 1 1\n", "line 3: more entries than the 0");
  refuse("%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n", "line 5: the file ends after 3 of the 4");
  refuse("%%MatrixMarket matrix array real general\n2 1\n1\n2\n3\n", "line 5: more entries than the 2");
}

static void refuse_name(const char *name, const char *words) {
  dnmf_source source;
  memset(&test_context()->error, 0, sizeof test_context()->error);
  assert_int_equal(dnmf_source_open(test_context(), name, NULL, &source), DNMF_ERROR_FILE);
  dnmf_source_close(&source);
  if (!strstr(test_context()->error.text, words))
    fail_msg("\"%s\"\nexpected: %s", test_context()->error.text, words);
}

static void what_is_no_file_is_refused(void **state) {
  (void)state;
  refuse_name("/nonexistent/ratings.csv", "cannot open /nonexistent/ratings.csv: No such file");
  refuse_name("/tmp", "/tmp is a directory");
  refuse_name("/dev/null", "/dev/null is not a regular file");
}

static void unreadable_files_are_refused(void **state) {
  (void)state;
  if (geteuid() == 0)
    skip(); /* root reads everything */
  char path[TEMPORARY_PATH];
  write_temporary("1,2,3\n", 6, path);
  if (test_context()->rank == 0)
    chmod(path, 0);
  MPI_Barrier(test_context()->comm);
  refuse_name(path, "Permission denied");
  remove_temporary(path);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(wrong_values_name_their_line),
      mpi_test(the_first_of_many_is_reported),
      mpi_test(empty_files_are_refused),
      mpi_test(ragged_lines_are_refused),
      mpi_test(unclosed_quotes_are_refused),
      mpi_test(empty_ids_are_refused),
      mpi_test(unknown_columns_are_named),
      mpi_test(doubtful_layouts_are_not_guessed),
      mpi_test(other_formats_are_recognised),
      mpi_test(cells_of_tables_are_named),
      mpi_test(missing_names_of_tables_are_refused),
      mpi_test(matrix_market_headers_are_checked),
      mpi_test(matrix_market_entries_are_checked),
      mpi_test(matrix_market_counts_are_checked),
      mpi_test(what_is_no_file_is_refused),
      mpi_test(unreadable_files_are_refused),
  };
  return cmocka_run_group_tests_name("text_errors", tests, NULL, NULL);
}
