#include "store_test.h"

enum { ROWS = 11, COLS = 6, FILE_BYTES = 1 << 16 };

typedef dnmf_status (*export_function)(const char *path, dnmf_export_format format, const void *what);

/* The exported file as text on every process; ends with a zero. */
static int64_t export_and_read(const char *name, export_function export, dnmf_export_format format, const void *what,
                               char *text) {
  char path[TEST_PATH];
  scratch(name, path);
  assert_ok(export(path, format, what));
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  size_t bytes = fread(text, 1, FILE_BYTES - 1, file);
  fclose(file);
  text[bytes] = 0;
  remove_scratch(path);
  return (int64_t)bytes;
}

/* A matrix and the ids it is exported with. */
typedef struct named_matrix {
  test_matrix a;
  dnmf_ids row_ids;
  dnmf_ids col_ids;
} named_matrix;

static void make_named(bool sparse, dnmf_precision precision, double factor, bool named, named_matrix *m) {
  make_matrix(sparse, precision, ROWS, COLS, factor, &m->a);
  make_ids(named ? DNMF_IDS_STRING : DNMF_IDS_NONE, named ? ROWS : 0, &m->row_ids);
  make_ids(named ? DNMF_IDS_INTEGER : DNMF_IDS_NONE, named ? COLS : 0, &m->col_ids);
}

static void release_named(named_matrix *m) {
  dnmf_ids_free(&m->row_ids);
  dnmf_ids_free(&m->col_ids);
  release(&m->a);
}

static dnmf_status export_named(const char *path, dnmf_export_format format, const void *what) {
  const named_matrix *m = what;
  return dnmf_matrix_export(test_context(), path, format, &m->a.matrix, &m->row_ids, &m->col_ids);
}

/* Row ids as CSV has them. */
static const char *quoted_name(int64_t i, char text[32]) {
  if (i == 1)
    return "\"a \"\"b\"\", \xc3\xa9\"";
  return *test_name(i, text) ? text : "\"\"";
}

static void sparse_triples(void **state) {
  (void)state;
  char text[FILE_BYTES], expected[FILE_BYTES], name[32];
  named_matrix m;
  make_named(true, DNMF_DOUBLE, 1, true, &m);
  size_t used = (size_t)snprintf(expected, sizeof expected, "row,column,value\n");
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < COLS; j++)
      if (test_value(i, j) > 0)
        used += (size_t)snprintf(expected + used, sizeof expected - used, "%s,%d,%g\n", quoted_name(i, name), 10 + j,
                                 test_value(i, j));
  export_and_read("triples.csv", export_named, DNMF_EXPORT_TRIPLES, &m, text);
  assert_string_equal(text, expected);
  release_named(&m);
}

static void dense_triples_without_ids_count_from_0(void **state) {
  (void)state;
  char text[FILE_BYTES], expected[FILE_BYTES];
  named_matrix m;
  make_named(false, DNMF_DOUBLE, 1, false, &m);
  size_t used = (size_t)snprintf(expected, sizeof expected, "row,column,value\n");
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < COLS; j++)
      used += (size_t)snprintf(expected + used, sizeof expected - used, "%d,%d,%g\n", i, j, test_value(i, j));
  export_and_read("triples.csv", export_named, DNMF_EXPORT_TRIPLES, &m, text);
  assert_string_equal(text, expected);
  release_named(&m);
}

static void check_table(bool sparse) {
  char text[FILE_BYTES], expected[FILE_BYTES], name[32];
  named_matrix m;
  make_named(sparse, DNMF_DOUBLE, 1, true, &m);
  size_t used = (size_t)snprintf(expected, sizeof expected, ",10,11,12,13,14,15\n");
  for (int i = 0; i < ROWS; i++) {
    used += (size_t)snprintf(expected + used, sizeof expected - used, "%s", quoted_name(i, name));
    for (int j = 0; j < COLS; j++)
      used += (size_t)snprintf(expected + used, sizeof expected - used, ",%g", test_value(i, j));
    used += (size_t)snprintf(expected + used, sizeof expected - used, "\n");
  }
  export_and_read("table.csv", export_named, DNMF_EXPORT_CSV, &m, text);
  assert_string_equal(text, expected);
  release_named(&m);
}

static void tables_of_both_kinds(void **state) {
  (void)state;
  check_table(false);
  check_table(true);
}

/* Thirds need all their digits: they must read back as the same numbers. */
static void array_goes_by_columns_and_reads_back(void **state) {
  (void)state;
  char text[FILE_BYTES];
  named_matrix m;
  int used = 0;
  for (int precision = DNMF_DOUBLE; precision <= DNMF_SINGLE; precision++) {
    make_named(false, (dnmf_precision)precision, 1.0 / 3, false, &m);
    export_and_read("array.mtx", export_named, DNMF_EXPORT_MATRIX_MARKET, &m, text);
    const char *head = "%%MatrixMarket matrix array real general\n11 6\n";
    assert_memory_equal(text, head, strlen(head));
    char *at = text + strlen(head);
    for (int j = 0; j < COLS; j++)
      for (int i = 0; i < ROWS; i++) {
        double value = 0;
        double expected = 1.0 / 3 * test_value(i, j);
        assert_int_equal(sscanf(at, "%lf\n%n", &value, &used), 1);
        assert_true(precision == DNMF_SINGLE ? (float)value == (float)expected : value == expected);
        at += used;
      }
    assert_int_equal(*at, 0);
    release_named(&m);
  }
}

static void coordinates_count_from_1(void **state) {
  (void)state;
  char text[FILE_BYTES], expected[FILE_BYTES];
  named_matrix m;
  make_named(true, DNMF_SINGLE, 1, true, &m);
  size_t used =
      (size_t)snprintf(expected, sizeof expected, "%%%%MatrixMarket matrix coordinate real general\n%d %d %lld\n", ROWS,
                       COLS, (long long)m.a.matrix.stored);
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < COLS; j++)
      if (test_value(i, j) > 0)
        used += (size_t)snprintf(expected + used, sizeof expected - used, "%d %d %g\n", i + 1, j + 1, test_value(i, j));
  export_and_read("coordinate.mtx", export_named, DNMF_EXPORT_MATRIX_MARKET, &m, text);
  assert_string_equal(text, expected);
  release_named(&m);
}

static void check_npy(bool sparse, dnmf_precision precision) {
  char text[FILE_BYTES];
  named_matrix m;
  size_t size = dnmf_precision_size(precision);
  make_named(sparse, precision, 1, true, &m);
  int64_t bytes = export_and_read("array.npy", export_named, DNMF_EXPORT_NPY, &m, text);
  assert_memory_equal(text, "\x93NUMPY\x01\x00", 8);
  assert_true(bytes == 128 + ROWS * COLS * (int64_t)size);
  assert_non_null(strstr(text + 10, precision == DNMF_DOUBLE ? "'descr': '<f8'" : "'descr': '<f4'"));
  assert_non_null(strstr(text + 10, "'fortran_order': False, 'shape': (11, 6)"));
  for (int i = 0; i < ROWS * COLS; i++) {
    double wide = 0;
    float narrow = 0;
    memcpy(precision == DNMF_DOUBLE ? (void *)&wide : (void *)&narrow, text + 128 + (size_t)i * size, size);
    assert_true((precision == DNMF_DOUBLE ? wide : (double)narrow) == test_value(i / COLS, i % COLS));
  }
  release_named(&m);
}

static void npy_of_both_kinds_and_precisions(void **state) {
  (void)state;
  check_npy(false, DNMF_DOUBLE);
  check_npy(true, DNMF_SINGLE);
}

typedef struct named_panel {
  dnmf_panel panel;
  dnmf_ids ids;
} named_panel;

static dnmf_status export_panel(const char *path, dnmf_export_format format, const void *what) {
  const named_panel *p = what;
  return dnmf_panel_export(test_context(), path, format, &p->panel, &p->ids);
}

static void panels_name_their_components(void **state) {
  (void)state;
  char text[FILE_BYTES], expected[FILE_BYTES];
  dnmf_context *context = test_context();
  named_panel p = {0};
  dnmf_range all = {0, 4};
  dnmf_range mine = dnmf_range_split(all, context->size, context->rank);
  assert_ok(dnmf_panel_create(&context->error, "a panel", dnmf_range_size(mine), 2, DNMF_DOUBLE, &p.panel));
  for (int64_t i = 0; i < p.panel.rows; i++)
    for (int c = 0; c < 2; c++)
      dnmf_panel_set(&p.panel, i, c, (double)(mine.begin + i) + 0.5 * c);
  make_ids(DNMF_IDS_INTEGER, 4, &p.ids);
  size_t used = (size_t)snprintf(expected, sizeof expected, ",component0,component1\n");
  for (int i = 0; i < 4; i++)
    used += (size_t)snprintf(expected + used, sizeof expected - used, "%d,%d,%g\n", 10 + i, i, i + 0.5);
  export_and_read("panel.csv", export_panel, DNMF_EXPORT_CSV, &p, text);
  assert_string_equal(text, expected);
  export_and_read("panel.mtx", export_panel, DNMF_EXPORT_MATRIX_MARKET, &p, text);
  assert_string_equal(text, "%%MatrixMarket matrix array real general\n4 2\n0\n1\n2\n3\n0.5\n1.5\n2.5\n3.5\n");
  dnmf_panel_free(&p.panel);
  dnmf_ids_free(&p.ids);
}

/* A sparse matrix of 2^20 x 4096 has too many cells to write out. */
static void too_many_cells_are_refused(void **state) {
  (void)state;
  char path[TEST_PATH];
  dnmf_context *context = test_context();
  dnmf_entries none = {0};
  test_matrix a;
  scratch("large.npy", path);
  place_on_grid(1, (1 << 20), 4096, &a);
  assert_ok(dnmf_matrix_from_entries(context, &a.layout, DNMF_SINGLE, true, DNMF_DUPLICATES_SUM, &none, &a.matrix));
  assert_fails_with(dnmf_matrix_export(context, path, DNMF_EXPORT_NPY, &a.matrix, NULL, NULL),
                    "export it as triples or Matrix Market instead");
  assert_fails_with(dnmf_matrix_export(context, "/nowhere/x.mtx", DNMF_EXPORT_MATRIX_MARKET, &a.matrix, NULL, NULL),
                    "cannot write /nowhere/x.mtx: No such file or directory");
  release(&a);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(sparse_triples),
      mpi_test(dense_triples_without_ids_count_from_0),
      mpi_test(tables_of_both_kinds),
      mpi_test(array_goes_by_columns_and_reads_back),
      mpi_test(coordinates_count_from_1),
      mpi_test(npy_of_both_kinds_and_precisions),
      mpi_test(panels_name_their_components),
      mpi_test(too_many_cells_are_refused),
  };
  return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
