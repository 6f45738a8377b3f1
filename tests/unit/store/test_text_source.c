/*
 * Text files of every format, opened by all processes and loaded, against the matrix written out by hand.
 */
#include "store/source.h"

#include "comm/collective.h"
#include "store/temporary.h"

#include <inttypes.h>

enum { MOST = 64, NAME = 24 };

/* What a file should hold, with names in place of indices. Integer ids are written as they print. */
typedef struct expected {
  dnmf_id_kind row_kind;
  dnmf_id_kind col_kind;
  int64_t rows;
  int64_t cols;
  const char *row_names[MOST];
  const char *col_names[MOST];
  const double *values; /* rows x cols */
} expected;

static const dnmf_source_options automatic = {0};

static void check_ids(const dnmf_ids *ids, dnmf_id_kind kind, int64_t count, const char *const *names) {
  assert_int_equal(ids->kind, kind);
  if (kind == DNMF_IDS_NONE)
    return;
  assert_int_equal(ids->count, count);
  int64_t held = dnmf_range_size(ids->range);
  assert_ok(dnmf_sum_int64(test_context(), test_context()->comm, &held, 1));
  assert_int_equal(held, count);
  for (int64_t i = 0; i < dnmf_range_size(ids->range); i++) {
    char name[NAME];
    if (kind == DNMF_IDS_INTEGER)
      snprintf(name, NAME, "%" PRId64, ids->numbers[i]);
    else
      snprintf(name, NAME, "%.*s", (int)(ids->starts[i + 1] - ids->starts[i]), ids->text + ids->starts[i]);
    assert_string_equal(name, names[ids->range.begin + i]);
  }
}

static double value_at(const dnmf_matrix *matrix, int64_t row, int64_t col) {
  int64_t i = row - matrix->row_range.begin;
  int64_t j = col - matrix->col_range.begin;
  if (!matrix->sparse)
    return ((const double *)matrix->dense)[i * dnmf_range_size(matrix->col_range) + j];
  for (int64_t at = matrix->by_rows.start[i]; at < matrix->by_rows.start[i + 1]; at++)
    if (matrix->by_rows.index[at] == j)
      return ((const double *)matrix->by_rows.value)[at];
  return 0;
}

static void check_values(dnmf_source *source, const double *values) {
  dnmf_context *context = test_context();
  dnmf_grid grid = {0};
  dnmf_layout layout = {0};
  dnmf_matrix matrix = {0};
  const int grid_cols = context->size % 2 == 0 ? 2 : 1;
  assert_ok(dnmf_grid_create(context, context->size / grid_cols, grid_cols, &grid));
  assert_ok(dnmf_layout_even(&context->error, &grid, source->rows, source->cols, &layout));
  assert_ok(dnmf_source_load(context, source, &layout, DNMF_DOUBLE, &matrix));
  for (int64_t row = matrix.row_range.begin; row < matrix.row_range.end; row++)
    for (int64_t col = matrix.col_range.begin; col < matrix.col_range.end; col++)
      assert_true(value_at(&matrix, row, col) == values[row * source->cols + col]);
  dnmf_matrix_free(&matrix);
  dnmf_layout_free(&layout);
  dnmf_grid_free(&grid);
}

static void check_options(const char *text, const dnmf_source_options *options, const expected *wanted) {
  char path[TEMPORARY_PATH];
  dnmf_source source;
  write_temporary(text, strlen(text), path);
  assert_ok(dnmf_source_open(test_context(), path, options, &source));
  assert_int_equal(source.rows, wanted->rows);
  assert_int_equal(source.cols, wanted->cols);
  assert_string_equal(source.type, "text");
  check_ids(&source.row_ids, wanted->row_kind, wanted->rows, wanted->row_names);
  check_ids(&source.col_ids, wanted->col_kind, wanted->cols, wanted->col_names);
  check_values(&source, wanted->values);
  dnmf_source_close(&source);
  remove_temporary(path);
}

static void check(const char *text, const expected *wanted) {
  check_options(text, &automatic, wanted);
}

/* Users 1, 2, 10; items a, b. */
static const double small_values[] = {4.5, 0, 0, 3, 2.5, 1};
static const expected small = {DNMF_IDS_INTEGER, DNMF_IDS_STRING, 3, 2, {"1", "2", "10"}, {"a", "b"}, small_values};

static void every_delimiter_is_found(void **state) {
  (void)state;
  check("10,a,2.5\n1,a,4.5\n2,b,3\n10,b,1\n", &small);
  check("10\ta\t2.5\n1\ta\t4.5\n2\tb\t3\n10\tb\t1\n", &small);
  check("10::a::2.5\n1::a::4.5\n2::b::3\n10::b::1\n", &small);
  check("10;a;2.5\n1;a;4.5\n2;b;3\n10;b;1\n", &small);
  check("10|a|2.5\n1|a|4.5\n2|b|3\n10|b|1\n", &small);
  check("10 a 2.5\n 1  a\t4.5 \n2 b 3\n10 b 1\n", &small);
  check("10, a, 2.5\n1, a , 4.5\n2, b, 3\n10, b, 1\n", &small);
}

static void delimiters_can_be_given(void **state) {
  (void)state;
  dnmf_source_options options = {.delimiter = "+-"};
  check_options("10+-a+-2.5\n1+-a+-4.5\n2+-b+-3\n10+-b+-1\n", &options, &small);
  options.delimiter = "tab";
  check_options("10\ta\t2.5\n1\ta\t4.5\n2\tb\t3\n10\tb\t1\n", &options, &small);
}

static void headers_are_found_and_names_recognised(void **state) {
  (void)state;
  check("first,second,third\n10,a,2.5\n1,a,4.5\n2,b,3\n10,b,1\n", &small);
  check("rating,timestamp,movieId,userId\n2.5,7,a,10\n4.5,7,a,1\n3,7,b,2\n1,7,b,10\n", &small);
  check("USER_ID\tITEM_ID\tRATING\tTIMESTAMP\n10\ta\t2.5\t9\n1\ta\t4.5\t9\n2\tb\t3\t9\n10\tb\t1\t9\n", &small);
}

static void columns_are_chosen_by_name_or_number(void **state) {
  (void)state;
  dnmf_source_options options = {.row_column = "who", .col_column = "WHAT", .value_column = "2"};
  check_options("What,x,what,who\n-,2.5,a,10\n-,4.5,a,1\n-,3,b,2\n-,1,b,10\n",
                &(dnmf_source_options){.row_column = "who", .col_column = "what", .value_column = "x"}, &small);
  check_options("what,x,y,who\na,2.5,-,10\na,4.5,-,1\nb,3,-,2\nb,1,-,10\n", &options, &small);
  options = (dnmf_source_options){.row_column = "4", .col_column = "1", .value_column = "2"};
  check_options("a,2.5,-,10\na,4.5,-,1\nb,3,-,2\nb,1,-,10\n", &options, &small);
}

static void headers_can_be_forced(void **state) {
  (void)state;
  dnmf_source_options options = {.header = DNMF_HEADER_YES};
  check_options("7,8,9\n10,a,2.5\n1,a,4.5\n2,b,3\n10,b,1\n", &options, &small);
  static const double values[] = {4, 5};
  const expected wanted = {DNMF_IDS_STRING, DNMF_IDS_STRING, 2, 1, {"u", "user"}, {"item"}, values};
  options.header = DNMF_HEADER_NO;
  check_options("user,item,5\nu,item,4\n", &options, &wanted);
}

static void quotes_hold_delimiters_and_quotes(void **state) {
  (void)state;
  static const double values[] = {1, 0, 0, 2};
  const expected wanted = {DNMF_IDS_STRING, DNMF_IDS_STRING, 2, 2, {"Day, D.", "a"}, {"say \"hi\"", "x y"}, values};
  check("\"Day, D.\",\"say \"\"hi\"\"\",\"1\"\n\"a\" , x y ,2\n", &wanted);
}

static void line_ends_and_marks_do_not_matter(void **state) {
  (void)state;
  check("\xef\xbb\xbf"
        "user,item,rating\r\n10,a,2.5\r\n\r\n1,a,4.5\r\n2,b,3\r\n10,b,1\r\n",
        &small);
  check("# from somewhere\n\n% and a comment\n10,a,2.5\n1,a,4.5\n   \n2,b,3\n10,b,1", &small);
}

/* Comments come before the data, and are not written as data are. */
static void lines_that_begin_like_comments_are_data(void **state) {
  (void)state;
  static const double values[] = {1, 0, 2, 3};
  const expected wanted = {DNMF_IDS_STRING, DNMF_IDS_INTEGER, 2, 2, {"#a", "%b"}, {"1", "2"}, values};
  check("# a table of tags\n#tag,number,value\n#a,1,1\n%b,1,2\n%b,2,3\n", &wanted);
  check("tag,item,value\n#a,1,1\n%b,1,2\n%b,2,3\n", &wanted);
  check("#a,1,1\n%b,1,2\n%b,2,3\n", &wanted);
}

static void quoted_ids_may_hold_anything(void **state) {
  (void)state;
  static const double values[] = {1, 0, 2, 3};
  const expected wanted = {DNMF_IDS_STRING, DNMF_IDS_STRING, 2, 2, {"", "a\n\"b\"\r\n"}, {" c", "d,"}, values};
  check("row,column,value\n\"\",\" c\",1\n\"a\n\"\"b\"\"\r\n\",\" c\",2\n\"a\n\"\"b\"\"\r\n\",\"d,\",3\n", &wanted);
}

static void ids_beyond_64_bits_or_with_zeros_are_strings(void **state) {
  (void)state;
  static const double values[] = {1, 0, 0, 2};
  const expected wanted = {DNMF_IDS_STRING, DNMF_IDS_STRING, 2, 2, {"10", "9223372036854775808"}, {"07", "7"}, values};
  check("10,07,1\n9223372036854775808,7,2\n", &wanted);
}

static void the_last_of_repeated_triples_counts(void **state) {
  (void)state;
  static const double last[] = {3, 4};
  static const double sum[] = {6, 4};
  expected wanted = {DNMF_IDS_STRING, DNMF_IDS_INTEGER, 1, 2, {"u"}, {"5", "6"}, last};
  dnmf_source_options options = {.duplicates_given = true, .duplicates = DNMF_DUPLICATES_SUM};
  check("u,5,1\nu,5,2\nu,6,4\nu,5,3\n", &wanted);
  wanted.values = sum;
  check_options("u,5,1\nu,5,2\nu,6,4\nu,5,3\n", &options, &wanted);
}

static void triples_are_unobserved_elsewhere(void **state) {
  (void)state;
  char path[TEMPORARY_PATH];
  dnmf_source source;
  write_temporary("u,i,0\nv,j,2\nv,j,3\n", 18, path);
  assert_ok(dnmf_source_open(test_context(), path, NULL, &source));
  assert_int_equal(source.missing, DNMF_MISSING_UNOBSERVED);
  assert_int_equal(source.stored, 3);
  assert_true(source.sparse);
  dnmf_source_close(&source);
  remove_temporary(path);
}

static const double table_values[] = {5, 3, 0, 1, 4, 0, 0, 1, 1, 1, 0, 5, 1, 0, 0, 4, 0, 1, 5, 4};

static void tables_have_ids_or_none(void **state) {
  (void)state;
  const dnmf_source_options options = {.format = DNMF_FORMAT_TABLE};
  expected wanted = {DNMF_IDS_NONE,        DNMF_IDS_NONE, 5, 4, {"U1", "U2", "U3", "U4", "U5"},
                     {"A", "B", "C", "D"}, table_values};
  check_options("5 3 0 1\n4 0 0 1\n1 1 0 5\n1 0 0 4\n0 1 5 4\n", &options, &wanted);
  wanted.col_kind = DNMF_IDS_STRING;
  check_options("A,B,C,D\n5,3,0,1\n4,0,0,1\n1,1,0,5\n1,0,0,4\n0,1,5,4\n", &options, &wanted);
  wanted.row_kind = DNMF_IDS_STRING;
  static const char *const heads[] = {",A,B,C,D", "user,A,B,C,D", "whoever,A,B,C,D", "A,B,C,D"};
  for (int i = 0; i < 4; i++) {
    char text[200];
    snprintf(text, sizeof text, "%s\nU1,5,3,0,1\nU2,4,0,0,1\nU3,1,1,0,5\nU4,1,0,0,4\nU5,0,1,5,4", heads[i]);
    check_options(text, &options, &wanted);
  }
  wanted.col_kind = DNMF_IDS_NONE;
  check_options("U1\t5\t3\t0\t1\nU2\t4\t0\t0\t1\nU3\t1\t1\t0\t5\nU4\t1\t0\t0\t4\nU5\t0\t1\t5\t4\n", &options, &wanted);
}

static void an_empty_corner_makes_a_table(void **state) {
  (void)state;
  const expected wanted = {DNMF_IDS_INTEGER,          DNMF_IDS_INTEGER,     5,           4,
                           {"9", "8", "7", "6", "5"}, {"4", "3", "2", "1"}, table_values};
  check(",4,3,2,1\n9,5,3,0,1\n8,4,0,0,1\n7,1,1,0,5\n6,1,0,0,4\n5,0,1,5,4\n", &wanted);
}

static void matrix_market_coordinates_are_read(void **state) {
  (void)state;
  static const double general[] = {0, 2.5, 0, 7, 0, 1};
  static const double pattern[] = {0, 1, 0, 1, 0, 1};
  static const double symmetric[] = {1, 2, 0, 2, 0, 3, 0, 3, 0};
  const expected square = {.rows = 3, .cols = 3, .values = symmetric};
  expected wanted = {.rows = 2, .cols = 3, .values = general};
  check("%%MatrixMarket matrix coordinate real general\n% words\n\n2 3 3\n1 2 2.5\n2 1 7\n2 3 1\n", &wanted);
  check("%%matrixmarket MATRIX Coordinate Integer General\r\n2 3 3\r\n1 2 2.5\r\n2 1 7\r\n2 3 1", &wanted);
  check("%%MatrixMarket matrix coordinate real symmetric\n3 3 3\n1 1 1\n2 1 2\n3 2 3\n", &square);
  wanted.values = pattern;
  check("%%MatrixMarket matrix coordinate pattern general\n2 3 3\n1 2\n2 1\n2 3\n", &wanted);
}

static void matrix_market_repetitions_are_summed(void **state) {
  (void)state;
  static const double values[] = {3.5};
  const expected wanted = {.rows = 1, .cols = 1, .values = values};
  check("%%MatrixMarket matrix coordinate real general\n1 1 2\n1 1 2.5\n1 1 1\n", &wanted);
}

static void matrix_market_arrays_go_down_the_columns(void **state) {
  (void)state;
  static const double general[] = {1, 3, 5, 2, 0, 6};
  static const double symmetric[] = {1, 2, 3, 2, 4, 5, 3, 5, 6};
  const expected wanted = {.rows = 2, .cols = 3, .values = general};
  const expected square = {.rows = 3, .cols = 3, .values = symmetric};
  check("%%MatrixMarket matrix array real general\n2 3\n1\n2\n3\n0\n5\n6\n", &wanted);
  check("%%MatrixMarket matrix array real symmetric\n3 3\n1\n2\n3\n4\n5\n6\n", &square);
}

static void many_lines_are_shared_without_loss(void **state) {
  (void)state;
  enum { LINES = 20000 };
  char *text = calloc(LINES, 40);
  char path[TEMPORARY_PATH];
  dnmf_source source;
  size_t used = 0;
  for (int i = 0; i < LINES; i++)
    used += (size_t)sprintf(text + used, "%d,item %d,%d.5\n", i % 613, (i * 31) % 401, i % 5);
  write_temporary(text, used, path);
  assert_ok(dnmf_source_open(test_context(), path, &automatic, &source));
  assert_int_equal(source.stored, LINES);
  assert_int_equal(source.rows, 613);
  assert_int_equal(source.cols, 401);
  dnmf_source_close(&source);
  remove_temporary(path);
  free(text);
}

static void a_colon_parts_the_path_inside_hdf5(void **state) {
  (void)state;
  dnmf_source source;
  assert_int_not_equal(dnmf_source_open(test_context(), "/nonexistent.h5:/a/b", NULL, &source), DNMF_OK);
  assert_non_null(strstr(test_context()->error.text, "/nonexistent.h5"));
  assert_null(strstr(test_context()->error.text, "/nonexistent.h5:/a/b: No such"));
  dnmf_source_close(&source);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(every_delimiter_is_found),
      mpi_test(delimiters_can_be_given),
      mpi_test(headers_are_found_and_names_recognised),
      mpi_test(columns_are_chosen_by_name_or_number),
      mpi_test(headers_can_be_forced),
      mpi_test(quotes_hold_delimiters_and_quotes),
      mpi_test(line_ends_and_marks_do_not_matter),
      mpi_test(lines_that_begin_like_comments_are_data),
      mpi_test(quoted_ids_may_hold_anything),
      mpi_test(ids_beyond_64_bits_or_with_zeros_are_strings),
      mpi_test(the_last_of_repeated_triples_counts),
      mpi_test(triples_are_unobserved_elsewhere),
      mpi_test(tables_have_ids_or_none),
      mpi_test(an_empty_corner_makes_a_table),
      mpi_test(matrix_market_coordinates_are_read),
      mpi_test(matrix_market_repetitions_are_summed),
      mpi_test(matrix_market_arrays_go_down_the_columns),
      mpi_test(many_lines_are_shared_without_loss),
      mpi_test(a_colon_parts_the_path_inside_hdf5),
  };
  return cmocka_run_group_tests_name("text_source", tests, NULL, NULL);
}
