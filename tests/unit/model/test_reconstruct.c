/* W H tile by tile: the same file whatever the size of the tiles, on any number of processes. */
#include "model/reconstruct.h"

#include "store/store_test.h"

#include "store/source.h"

#include <math.h>

enum { ROWS = 13, COLS = 11, K = 3 };

static double w_at(int64_t i, int c) {
  return (double)((i * 3 + c) % 5) / 4;
}

static double h_at(int64_t j, int c) {
  return (double)((j * 2 + c) % 7) / 4;
}

static void fill(dnmf_range owned, double (*at)(int64_t, int), dnmf_precision precision, dnmf_panel *panel) {
  assert_ok(dnmf_panel_create(&test_context()->error, "a factor", dnmf_range_size(owned), K, precision, panel));
  for (int64_t i = 0; i < panel->rows; i++)
    for (int c = 0; c < K; c++)
      dnmf_panel_set(panel, i, c, at(owned.begin + i, c));
}

static void make_model(dnmf_precision precision, dnmf_model *model) {
  const dnmf_context *context = test_context();
  *model = (dnmf_model){.rows = ROWS, .cols = COLS, .components = K};
  model->owned_rows = dnmf_range_split((dnmf_range){0, ROWS}, context->size, context->rank);
  model->owned_cols = dnmf_range_split((dnmf_range){0, COLS}, context->size, context->rank);
  fill(model->owned_rows, w_at, precision, &model->w);
  fill(model->owned_cols, h_at, precision, &model->h);
}

static double product(int64_t i, int64_t j) {
  double sum = 0;
  for (int c = 0; c < K; c++)
    sum += w_at(i, c) * h_at(j, c);
  return sum;
}

/* The file has the product: quarters times quarters are exact in both precisions. */
static void check_file(const char *path) {
  dnmf_context *context = test_context();
  dnmf_source source;
  dnmf_source_options how = {0};
  test_matrix a;
  place_on_grid(1, ROWS, COLS, &a);
  assert_ok(dnmf_source_open(context, path, &how, &source));
  assert_int_equal(source.rows, ROWS);
  assert_int_equal(source.cols, COLS);
  assert_ok(dnmf_source_load(context, &source, &a.layout, DNMF_DOUBLE, &a.matrix));
  const dnmf_number number = dnmf_matrix_number(&a.matrix);
  int64_t at = 0;
  for (int64_t i = a.matrix.row_range.begin; i < a.matrix.row_range.end; i++)
    for (int64_t j = 0; j < COLS; j++)
      assert_true(dnmf_number_at(number, a.matrix.dense, at++) == product(i, j));
  dnmf_source_close(&source);
  release(&a);
}

static void check_tiles(dnmf_precision precision, int64_t tile_bytes) {
  dnmf_context *context = test_context();
  const dnmf_reconstruct_options options = {.tile_bytes = tile_bytes};
  dnmf_reconstruct_work work;
  dnmf_dense_file *file = NULL;
  dnmf_model model;
  char path[TEST_PATH];
  scratch("full.h5", path);
  make_model(precision, &model);
  assert_ok(dnmf_dense_file_begin(context, path, ROWS, COLS, precision, &model.row_ids, &model.col_ids, &file));
  assert_ok(dnmf_dense_file_end(context, file, dnmf_reconstruct(context, &model, &options, file, &work)));
  check_file(path);
  dnmf_model_free(&model);
  remove_scratch(path);
}

static void tiles_of_any_size_make_the_same_file(void **state) {
  (void)state;
  check_tiles(DNMF_DOUBLE, 0);
  check_tiles(DNMF_DOUBLE, 1);
  check_tiles(DNMF_DOUBLE, 100);
  check_tiles(DNMF_SINGLE, 100);
}

static void a_tile_of_a_product_is_its_part(void **state) {
  (void)state;
  dnmf_panel x = {0};
  dnmf_panel y = {0};
  double out[5 * 4];
  fill((dnmf_range){0, ROWS}, w_at, DNMF_DOUBLE, &x);
  fill((dnmf_range){0, COLS}, h_at, DNMF_DOUBLE, &y);
  dnmf_panel_outer(test_context(), &x, (dnmf_range){2, 7}, &y, (dnmf_range){6, 10}, out);
  for (int i = 0; i < 5; i++)
    for (int j = 0; j < 4; j++)
      assert_true(out[i * 4 + j] == product(2 + i, 6 + j));
  dnmf_panel_outer(test_context(), &x, (dnmf_range){3, 3}, &y, (dnmf_range){0, 4}, out);
  dnmf_panel_outer(test_context(), &x, (dnmf_range){0, 3}, &y, (dnmf_range){4, 4}, out);
  assert_true(out[0] == product(2, 6));
  dnmf_panel_free(&x);
  dnmf_panel_free(&y);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(tiles_of_any_size_make_the_same_file),
      mpi_test(a_tile_of_a_product_is_its_part),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
