#include "store_test.h"

static bool is_model(const char *path) {
  bool model = false;
  assert_ok(dnmf_is_model(test_context(), path, &model));
  return model;
}

static double factor_value(int64_t row, int component) {
  return 1.0 / (double)(1 + row + 3 * component);
}

static void make_panel(dnmf_range range, int components, dnmf_precision precision, dnmf_panel *panel) {
  assert_ok(
      dnmf_panel_create(&test_context()->error, "a factor", dnmf_range_size(range), components, precision, panel));
  for (int64_t i = 0; i < panel->rows; i++)
    for (int c = 0; c < components; c++)
      dnmf_panel_set(panel, i, c, factor_value(range.begin + i, c));
}

static void check_panel(dnmf_range range, const dnmf_panel *panel) {
  for (int64_t i = 0; i < panel->rows; i++)
    for (int c = 0; c < panel->components; c++) {
      double expected = factor_value(range.begin + i, c);
      double found = dnmf_panel_get(panel, i, c);
      assert_true(panel->precision == DNMF_SINGLE ? (float)found == (float)expected : found == expected);
    }
}

/* Owned ranges in reverse rank order: the file must not depend on who owns what. */
static void make_model(int64_t rows, int64_t cols, int components, dnmf_precision precision, bool biases,
                       dnmf_model *model) {
  dnmf_context *context = test_context();
  const double curve[3] = {3, 2.5, 0.1};
  dnmf_range all_rows = {0, rows};
  dnmf_range all_cols = {0, cols};
  memset(model, 0, sizeof *model);
  model->rows = rows;
  model->cols = cols;
  model->components = components;
  model->owned_rows = dnmf_range_split(all_rows, context->size, context->size - 1 - context->rank);
  model->owned_cols = dnmf_range_split(all_cols, context->size, context->size - 1 - context->rank);
  make_panel(model->owned_rows, components, precision, &model->w);
  make_panel(model->owned_cols, components, precision, &model->h);
  make_ids(DNMF_IDS_STRING, rows, &model->row_ids);
  make_ids(DNMF_IDS_INTEGER, cols, &model->col_ids);
  model->bias.fitted = biases;
  model->bias.mean = 3.5;
  if (biases)
    model->bias.row = calloc((size_t)dnmf_range_size(model->owned_rows) + 1, sizeof(double));
  for (int64_t i = 0; biases && i < dnmf_range_size(model->owned_rows); i++)
    model->bias.row[i] = (double)(model->owned_rows.begin + i) / 3;
  assert_ok(dnmf_model_set_text(&context->error, model, "command", "dnmf fit \xc3\xa9.csv -k 3"));
  assert_ok(dnmf_model_set_integer(&context->error, model, "seed", INT64_C(1) << 60));
  assert_ok(dnmf_model_set_real(&context->error, model, "objective", 0.1));
  assert_ok(dnmf_model_set_text(&context->error, model, "a_note", ""));
  assert_ok(dnmf_model_add_curve(&context->error, model, "objective", 3, curve));
  assert_ok(dnmf_model_add_curve(&context->error, model, "seconds", 0, NULL));
}

static void check_provenance(const dnmf_model *model) {
  assert_int_equal(model->attribute_count, 4);
  assert_string_equal(model->attributes[0].name, "command");
  assert_string_equal(model->attributes[0].text, "dnmf fit \xc3\xa9.csv -k 3");
  assert_true(dnmf_model_attribute(model, "seed")->integer == INT64_C(1) << 60);
  assert_true(dnmf_model_attribute(model, "objective")->real == 0.1);
  assert_string_equal(dnmf_model_attribute(model, "a_note")->text, "");
  assert_null(dnmf_model_attribute(model, "absent"));
  assert_int_equal(model->curve_count, 2);
  assert_int_equal(model->curves[0].count, 3);
  assert_true(model->curves[0].values[2] == 0.1);
  assert_int_equal(model->curves[1].count, 0);
}

static void round_trip(int64_t rows, int64_t cols, int components, dnmf_precision precision, bool biases) {
  char path[TEST_PATH];
  dnmf_model written, read;
  scratch("model.h5", path);
  make_model(rows, cols, components, precision, biases, &written);
  assert_ok(dnmf_model_write(test_context(), path, &written));
  assert_true(is_model(path));
  assert_ok(dnmf_model_read(test_context(), path, precision, &read));
  assert_int_equal(read.rows, rows);
  assert_int_equal(read.cols, cols);
  assert_int_equal(read.components, components);
  check_panel(read.owned_rows, &read.w);
  check_panel(read.owned_cols, &read.h);
  check_ids(&read.row_ids, DNMF_IDS_STRING, rows);
  check_ids(&read.col_ids, DNMF_IDS_INTEGER, cols);
  check_provenance(&read);
  assert_int_equal(read.bias.fitted, biases);
  assert_null(read.bias.col);
  for (int64_t i = 0; biases && i < dnmf_range_size(read.owned_rows); i++)
    assert_true(read.bias.row[i] == (double)(read.owned_rows.begin + i) / 3);
  dnmf_model_free(&written);
  dnmf_model_free(&read);
  remove_scratch(path);
}

static void model_comes_back(void **state) {
  (void)state;
  round_trip(11, 8, 3, DNMF_DOUBLE, false);
  round_trip(11, 8, 3, DNMF_SINGLE, true);
}

static void more_processes_than_rows_is_legal(void **state) {
  (void)state;
  round_trip(1, 2, 1, DNMF_DOUBLE, true);
}

static void factors_are_read_where_they_are_wanted(void **state) {
  (void)state;
  char path[TEST_PATH];
  dnmf_context *context = test_context();
  dnmf_model model;
  dnmf_panel w = {0}, h = {0};
  scratch("factors.h5", path);
  make_model(11, 8, 3, DNMF_DOUBLE, false, &model);
  assert_ok(dnmf_model_write(context, path, &model));
  make_panel(model.owned_rows, 3, DNMF_SINGLE, &w);
  make_panel(model.owned_cols, 3, DNMF_SINGLE, &h);
  if (w.rows)
    memset(w.data, 0, (size_t)w.rows * 3 * sizeof(float));
  dnmf_start_file start = {.path = path,
                           .all_rows = 11,
                           .all_cols = 8,
                           .rows = model.owned_rows,
                           .cols = model.owned_cols,
                           .w = &w,
                           .h = &h};
  assert_ok(dnmf_start_file_read(context, &start));
  assert_true(start.has_w && start.has_h && !start.has_biases);
  assert_true(start.largest_w == 1 && start.largest_h == 1);
  check_panel(model.owned_rows, &w);
  check_panel(model.owned_cols, &h);
  start.all_cols = 10;
  assert_fails_with(dnmf_start_file_read(context, &start), "/H is 3 x 8 float64, but this fit starts from 3 x 10");
  h.components = w.components = 4;
  assert_fails_with(dnmf_start_file_read(context, &start), "/W is 11 x 3 float64, but this fit starts from 11 x 4");
  dnmf_panel_free(&w);
  dnmf_panel_free(&h);
  dnmf_model_free(&model);
  remove_scratch(path);
}

/* Written by owners in reverse rank order, read by owners in rank order. */
static void a_checkpoint_keeps_its_parts_beside_the_model(void **state) {
  (void)state;
  char path[TEST_PATH];
  dnmf_context *context = test_context();
  dnmf_model model, read;
  dnmf_panel written_w = {0}, written_h = {0}, written_gram = {0}, w = {0}, h = {0}, gram = {0}, absent = {0};
  const dnmf_range rows = dnmf_range_split((dnmf_range){0, 11}, context->size, context->rank);
  const dnmf_range cols = dnmf_range_split((dnmf_range){0, 8}, context->size, context->rank);
  scratch("checkpoint.h5", path);
  make_model(11, 8, 3, DNMF_DOUBLE, false, &model);
  make_panel(model.owned_rows, 4, DNMF_DOUBLE, &written_w); /* with a bias */
  make_panel(model.owned_cols, 4, DNMF_DOUBLE, &written_h);
  make_panel((dnmf_range){0, 3}, 3, DNMF_DOUBLE, &written_gram); /* everybody's */
  model.parts[model.part_count++] = (dnmf_model_part){"best_w", DNMF_SIDE_ROWS, &written_w};
  model.parts[model.part_count++] = (dnmf_model_part){"best_h", DNMF_SIDE_COLS, &written_h};
  model.parts[model.part_count++] = (dnmf_model_part){"gram", DNMF_SIDE_NEITHER, &written_gram};
  assert_ok(dnmf_model_write(context, path, &model));
  assert_ok(dnmf_checkpoint_read_part(context, path, &model.parts[0], rows, cols, 3, DNMF_DOUBLE, &w));
  assert_ok(dnmf_checkpoint_read_part(context, path, &model.parts[1], rows, cols, 3, DNMF_DOUBLE, &h));
  assert_ok(dnmf_checkpoint_read_part(context, path, &model.parts[2], rows, cols, 3, DNMF_DOUBLE, &gram));
  assert_true(w.components == 4 && h.components == 4 && gram.components == 3);
  check_panel(rows, &w);
  check_panel(cols, &h);
  check_panel((dnmf_range){0, 3}, &gram);
  assert_fails_with(dnmf_checkpoint_read_part(context, path, &model.parts[0], rows, cols, 2, DNMF_DOUBLE, &absent),
                    "/checkpoint/best_w is 11 x 4");
  assert_ok(dnmf_model_read_provenance(context, path, &read));
  assert_true(read.rows == 11 && read.cols == 8 && read.components == 3 && read.w.rows == 0);
  check_provenance(&read);
  dnmf_model_free(&read);
  model.part_count = 0;
  assert_ok(dnmf_model_write(context, path, &model));
  assert_ok(dnmf_checkpoint_read_part(context, path, &model.parts[0], rows, cols, 3, DNMF_DOUBLE, &absent));
  assert_int_equal(absent.components, 0);
  dnmf_panel_free(&written_w);
  dnmf_panel_free(&written_h);
  dnmf_panel_free(&written_gram);
  dnmf_panel_free(&w);
  dnmf_panel_free(&h);
  dnmf_panel_free(&gram);
  dnmf_model_free(&model);
  remove_scratch(path);
}

static void a_matrix_is_no_model(void **state) {
  (void)state;
  char path[TEST_PATH];
  test_matrix a;
  dnmf_model model;
  scratch("matrix.h5", path);
  assert_false(is_model(path));
  make_matrix(false, DNMF_DOUBLE, 4, 3, 1, &a);
  assert_ok(dnmf_matrix_write(test_context(), path, &a.matrix, DNMF_MISSING_ZERO, NULL, NULL));
  assert_false(is_model(path));
  assert_fails_with(dnmf_model_read(test_context(), path, DNMF_DOUBLE, &model), "it has no /W");
  dnmf_model_free(&model);
  release(&a);
  remove_scratch(path);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(model_comes_back),
      mpi_test(more_processes_than_rows_is_legal),
      mpi_test(factors_are_read_where_they_are_wanted),
      mpi_test(a_checkpoint_keeps_its_parts_beside_the_model),
      mpi_test(a_matrix_is_no_model),
  };
  return cmocka_run_group_tests_name("model_file", tests, NULL, NULL);
}
