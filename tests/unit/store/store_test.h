/*
 * What the tests of the store share: names of scratch files, the test matrix, and ids.
 */
#ifndef DNMF_STORE_TEST_H
#define DNMF_STORE_TEST_H

#include "comm/collective.h"
#include "mpi_test.h"
#include "store/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEST_PATH = 256 };

/* A scratch file's name, the same on all processes; nothing is there. */
static inline void scratch(const char *name, char path[TEST_PATH]) {
  const char *folder = getenv("TMPDIR");
  memset(path, 0, TEST_PATH);
  snprintf(path, TEST_PATH, "%s/dnmf_store_%ld_%s", folder ? folder : "/tmp", (long)getpid(), name);
  assert_ok(dnmf_broadcast(test_context(), path, TEST_PATH, 0));
  if (test_context()->rank == 0)
    unlink(path);
}

static inline void remove_scratch(const char *path) {
  MPI_Barrier(test_context()->comm);
  if (test_context()->rank == 0)
    unlink(path);
}

/* The test matrix: many zeros, a row and a column of them, values that float holds. */
static inline double test_value(int64_t i, int64_t j) {
  if (i == 3 || j == 2 || (i * 5 + j * 3) % 4 == 0)
    return 0;
  return (double)((i * 7 + j * 13) % 11) / 4.0;
}

typedef struct test_matrix {
  dnmf_grid grid;
  dnmf_layout layout;
  dnmf_matrix matrix;
} test_matrix;

static inline void place_on_grid(int grid_cols, int64_t rows, int64_t cols, test_matrix *a) {
  dnmf_context *context = test_context();
  memset(a, 0, sizeof *a);
  if (context->size % grid_cols != 0)
    grid_cols = 1;
  assert_ok(dnmf_grid_create(context, context->size / grid_cols, grid_cols, &a->grid));
  assert_ok(dnmf_layout_even(&context->error, &a->grid, rows, cols, &a->layout));
}

static inline void release(test_matrix *a) {
  dnmf_matrix_free(&a->matrix);
  dnmf_layout_free(&a->layout);
  dnmf_grid_free(&a->grid);
}

/* The test matrix times `factor`, by whole rows. */
static inline void make_matrix(bool sparse, dnmf_precision precision, int64_t rows, int64_t cols, double factor,
                               test_matrix *a) {
  dnmf_context *context = test_context();
  dnmf_entries entries = {0};
  place_on_grid(1, rows, cols, a);
  if (context->rank == context->size - 1) {
    entries.items = malloc((size_t)(rows * cols) * sizeof *entries.items);
    assert_non_null(entries.items);
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < cols; j++)
        if (test_value(i, j) > 0)
          entries.items[entries.count++] = (dnmf_entry){i, j, factor * test_value(i, j)};
  }
  assert_ok(
      dnmf_matrix_from_entries(context, &a->layout, precision, sparse, DNMF_DUPLICATES_ERROR, &entries, &a->matrix));
  assert_ok(dnmf_matrix_finish(context, &a->layout, &a->matrix));
}

/* The block's number at local row and column. */
static inline double block_value(const dnmf_matrix *a, int64_t row, int64_t col) {
  int64_t at = row * dnmf_range_size(a->col_range) + col;
  if (a->sparse) {
    at = a->by_rows.start[row];
    while (at < a->by_rows.start[row + 1] && a->by_rows.index[at] != col)
      at++;
    if (at == a->by_rows.start[row + 1])
      return 0;
  }
  return dnmf_number_at(dnmf_matrix_number(a), dnmf_matrix_values(a), at);
}

/* Every number of the block is `factor` times the test matrix's. */
static inline void check_block(const dnmf_matrix *a, double factor) {
  for (int64_t i = a->row_range.begin; i < a->row_range.end; i++)
    for (int64_t j = a->col_range.begin; j < a->col_range.end; j++) {
      double expected = factor * test_value(i, j);
      if (a->precision == DNMF_SINGLE)
        expected = (double)(float)expected;
      assert_true(block_value(a, i - a->row_range.begin, j - a->col_range.begin) == expected);
    }
}

/* Id i as a string: every third is empty, one has characters that CSV quotes. */
static inline const char *test_name(int64_t i, char text[32]) {
  text[0] = 0;
  if (i == 1)
    snprintf(text, 32, "a \"b\", \xc3\xa9");
  else if (i % 3 != 2)
    snprintf(text, 32, "name%lld", (long long)i);
  return text;
}

/* Strings as above, or 10, 11, ...; the shares are uneven on purpose: one each, and the rest on the last process. */
static inline void make_ids(dnmf_id_kind kind, int64_t count, dnmf_ids *ids) {
  dnmf_context *context = test_context();
  memset(ids, 0, sizeof *ids);
  ids->kind = kind;
  ids->count = count;
  ids->range.begin = context->rank < count ? context->rank : count;
  ids->range.end = context->rank + 1 < count ? context->rank + 1 : count;
  if (context->rank == context->size - 1)
    ids->range.end = count;
  int64_t held = dnmf_range_size(ids->range);
  ids->numbers = kind == DNMF_IDS_INTEGER ? calloc((size_t)held + 1, sizeof(int64_t)) : NULL;
  ids->starts = kind == DNMF_IDS_STRING ? calloc((size_t)held + 1, sizeof(int64_t)) : NULL;
  ids->text = kind == DNMF_IDS_STRING ? calloc((size_t)held + 1, 32) : NULL;
  for (int64_t i = 0; i < held; i++) {
    char text[32];
    if (kind == DNMF_IDS_INTEGER) {
      ids->numbers[i] = 10 + ids->range.begin + i;
    } else if (kind == DNMF_IDS_STRING) {
      size_t length = strlen(test_name(ids->range.begin + i, text));
      memcpy(ids->text + ids->starts[i], text, length);
      ids->starts[i + 1] = ids->starts[i] + (int64_t)length;
    }
  }
}

static inline void check_ids(const dnmf_ids *ids, dnmf_id_kind kind, int64_t count) {
  char text[32];
  assert_int_equal(ids->kind, kind);
  assert_int_equal(ids->count, count);
  for (int64_t i = 0; i < dnmf_range_size(ids->range); i++) {
    if (kind == DNMF_IDS_INTEGER) {
      assert_int_equal(ids->numbers[i], 10 + ids->range.begin + i);
      continue;
    }
    size_t length = strlen(test_name(ids->range.begin + i, text));
    assert_int_equal(ids->starts[i + 1] - ids->starts[i], length);
    if (length)
      assert_memory_equal(ids->text + ids->starts[i], text, length);
  }
}

/* The failure is everybody's, and its message has `part`. */
#define assert_fails_with(status, part)                                                                                \
  do {                                                                                                                 \
    assert_int_not_equal(status, DNMF_OK);                                                                             \
    if (!strstr(test_context()->error.text, part))                                                                     \
      fail_msg("the message is: %s", test_context()->error.text);                                                      \
    assert_int_equal(test_clear(NULL), 0);                                                                             \
  } while (0)

#endif
